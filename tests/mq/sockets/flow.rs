//! Room, and what happens when there is none.

use std::time::Duration;

use ringmq::mq::{Event, HighWater, Message, NotSent, Options, Sent, Socket, SocketType};

use super::{on_every_backend, World};

fn narrow(messages: usize) -> Options {
    let high_water = HighWater { messages, bytes: 1 << 20 };
    Options::new().send_high_water(high_water).recv_high_water(high_water)
}

#[test]
fn without_a_peer_nothing_is_taken() {
    on_every_backend(|net| {
        for kind in [SocketType::Push, SocketType::Req, SocketType::Dealer] {
            let socket = net.open(kind);
            let refused = socket.send(&mut net.context(), "x").unwrap_err();
            assert_eq!((refused.reason, refused.message), (NotSent::NoPeer, Message::from("x")), "{kind}");
        }
        let publisher = net.open(SocketType::Pub);
        let sent = publisher.send(&mut net.context(), "x").unwrap();
        assert_eq!(sent, Sent::Dropped(ringmq::mq::Dropped::NoSubscriber));
    });
}

#[test]
fn options_with_which_nothing_could_go_are_refused() {
    on_every_backend(|net| {
        let nothing = |messages, bytes| HighWater { messages, bytes };
        let refused = [
            (
                Options::new().send_high_water(nothing(0, 1)),
                "expected a send high-water mark of at least 1 message and 1 byte, found 0 and 1",
            ),
            (
                Options::new().recv_high_water(nothing(1, 0)),
                "expected a recv high-water mark of at least 1 message and 1 byte, found 1 and 0",
            ),
            (Options::new().max_part_len(usize::MAX), "expected parts to fit the memory of 67108864 bytes"),
            (Options::new().max_part_len(64 << 20), "expected parts to fit the memory of 67108864 bytes"),
        ];
        for (options, expected) in refused {
            let opened =
                Socket::open_with(&mut net.context(), SocketType::Push, options, |_: &mut World, _, _| ());
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    });
}

#[test]
fn a_slow_reader_is_waited_for_and_loses_nothing() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, narrow(10));
        let push = net.open_with(SocketType::Push, narrow(10));
        let address = net.bind(pull);
        net.connect(push, &address);
        net.await_peers(push, 1);
        // Until neither end nor the kernel takes any more.
        let body = vec![7; 100_000];
        let mut sent = 0_u32;
        loop {
            let message = Message::from_parts([sent.to_be_bytes().to_vec(), body.clone()]).unwrap();
            match push.send(&mut net.context(), message) {
                Ok(_) => sent += 1,
                Err(refused) => {
                    assert_eq!(refused.reason, NotSent::NoRoom);
                    let before = sent;
                    net.turn_often();
                    if push.send(&mut net.context(), refused.message).is_err() && before == sent {
                        break;
                    }
                    sent += 1;
                }
            }
            assert!(sent < 10_000, "it is never full");
        }
        net.called.clear();
        for expected in 0..sent {
            let parts = net.recv(pull).into_parts();
            assert_eq!((&parts[0][..], parts[1].len()), (&expected.to_be_bytes()[..], body.len()));
        }
        assert!(net.called.contains(&push), "the sender is told of room");
        net.send(push, "more");
        assert_eq!(net.heard(pull), "more");
    });
}

/// Parts on both sides of the length from which on they are read by themselves, before a reader with room for two messages.
#[test]
fn long_parts_arrive_as_they_were_sent_wherever_they_stand_and_wait() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, narrow(2));
        let push = net.open(SocketType::Push);
        let address = net.bind(pull);
        net.connect(push, &address);
        net.await_peers(push, 1);
        let part = |len: usize| (0..len).map(|at| (at / 7 + len) as u8).collect::<Vec<u8>>();
        let lens: [&[usize]; 7] = [
            &[1 << 20],
            &[65_536],
            &[65_535, 65_537],
            &[5],
            &[300_000, 0, 70_000, 9],
            &[1, 1 << 20],
            &[65_527],
        ];
        for _ in 0..3 {
            for lens in lens {
                net.until("room", |net| {
                    let message = Message::from_parts(lens.iter().map(|&len| part(len)))?;
                    match push.send(&mut net.context(), message) {
                        Ok(_) => Some(()),
                        Err(_) => {
                            // Nothing is received meanwhile, as far as that is possible.
                            net.turn_often();
                            None
                        }
                    }
                });
            }
            net.turn_often();
            for lens in lens {
                let parts = net.recv(pull).into_parts();
                assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), lens);
                assert!(parts.into_iter().all(|received| received.to_vec() == part(received.len())));
            }
        }
    });
}

#[test]
fn a_subscriber_without_room_misses_what_others_get() {
    on_every_backend(|net| {
        let publisher = net.open_with(SocketType::Pub, narrow(5));
        let address = net.bind(publisher);
        let [quick, slow] = [(); 2].map(|()| net.open_with(SocketType::Sub, narrow(5)));
        for subscriber in [quick, slow] {
            subscriber.subscribe(&mut net.context(), b"").unwrap();
            net.connect(subscriber, &address);
        }
        net.await_peers(publisher, 2);
        net.until("both", |net| {
            (publisher.send(&mut net.context(), "try").unwrap() == Sent::To(2)).then_some(())
        });
        let body = vec![1; 200_000];
        net.until("one without room", |net| {
            while net.try_recv(quick).is_ok() {}
            (publisher.send(&mut net.context(), body.clone()).unwrap() == Sent::To(1)).then_some(())
        });
        let missed = net.await_event(publisher, |event| match event {
            ringmq::mq::Event::Dropped { count, .. } => Some(*count),
            _ => None,
        });
        assert!(missed >= 1);
        // And who had none goes on once it has some.
        net.until("both again", |net| {
            while net.try_recv(quick).is_ok() {}
            while net.try_recv(slow).is_ok() {}
            (publisher.send(&mut net.context(), "both").unwrap() == Sent::To(2)).then_some(())
        });
    });
}

#[test]
fn a_part_that_is_too_long_is_refused_here_and_there() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, Options::new().max_part_len(1000).max_message_len(1500));
        let push = net.open_with(SocketType::Push, Options::new().reconnect(Duration::ZERO, Duration::ZERO));
        let address = net.bind(pull);
        net.connect(push, &address);
        net.await_peers(push, 1);
        for parts in [&[1001][..], &[1000, 501]] {
            let bodies = parts.iter().map(|&len| vec![1_u8; len]);
            net.await_peers(pull, 1);
            net.await_peers(push, 1);
            net.send(push, Message::from_parts(bodies).unwrap());
            net.await_event(pull, |event| {
                let text = event.to_string();
                text.starts_with("a peer was refused: expected")
                    .then(|| assert!(text.contains("at most"), "{text}"))
            });
            net.await_event(push, |event| matches!(event, Event::Left(_)).then_some(()));
        }
        net.await_peers(push, 1);
        net.send(push, Message::from_parts([vec![2; 1000], vec![3; 500]]).unwrap());
        assert_eq!(net.recv(pull).len(), 1500);
        let small = net.open_with(SocketType::Push, Options::new().max_part_len(10));
        net.connect(small, &address);
        let refused = small.send(&mut net.context(), "eleven byte").unwrap_err();
        assert_eq!(refused.reason, NotSent::TooLong { len: 11, max: 10 });
    });
}

#[test]
fn two_hundred_peers_are_all_served() {
    on_every_backend(|net| {
        let rep = net.open(SocketType::Rep);
        let address = net.bind(rep);
        let reqs: Vec<_> = (0..200).map(|_| net.open(SocketType::Req)).collect();
        for &req in &reqs {
            net.connect(req, &address);
        }
        net.await_peers(rep, 200);
        for (number, &req) in reqs.iter().enumerate() {
            net.await_peers(req, 1);
            net.send(req, format!("{number}"));
        }
        for _ in 0..200 {
            let request = net.recv(rep);
            net.send(rep, request);
        }
        for (number, &req) in reqs.iter().enumerate() {
            assert_eq!(net.heard(req), format!("{number}"));
        }
    });
}

#[test]
fn an_event_of_a_send_has_the_callback_run() {
    on_every_backend(|net| {
        let publisher = net.open(SocketType::Pub);
        net.turn_often();
        net.called.clear();
        net.send(publisher, "to nobody");
        net.until("the callback", |net| net.called.contains(&publisher).then_some(()));
        assert!(matches!(publisher.take_event(&mut net.context()), Some(Event::Dropped { .. })));
    });
}

/// Of lengths that lie in the message, that are copied and that are handed over, and with several parts.
fn numbered(number: u32) -> Message {
    const LENS: [usize; 8] = [0, 64, 64, 20, 2000, 64, 5000, 70_000];
    let mut message = Message::from(&number.to_be_bytes());
    if number % 3 > 0 {
        message = Message::from([&number.to_be_bytes()[..], &vec![7; LENS[number as usize % 8]]].concat());
    }
    if number % 5 == 4 {
        message.push_back("and more");
    }
    message
}

#[test]
fn messages_that_are_sent_all_at_once_arrive_in_order_and_what_is_refused_comes_back() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, narrow(10));
        let push = net.open_with(SocketType::Push, narrow(10));
        let mut left = 0_u32..;
        let nobody = push.send_all(&mut net.context(), left.by_ref().map(numbered));
        assert_eq!(nobody.0, 0);
        let mut refused = nobody.1.expect("there is nobody");
        assert_eq!((refused.reason, &refused.message), (NotSent::NoPeer, &numbered(0)));
        let address = net.bind(pull);
        net.connect(push, &address);
        net.await_peers(push, 1);
        // Until neither end nor the kernel takes any more.
        let mut sent = 0;
        let mut was_full = 0;
        while was_full < 3 {
            let messages = std::iter::once(refused.message).chain(left.by_ref().map(numbered));
            let (count, then) = push.send_all(&mut net.context(), messages);
            sent += count as u32;
            refused = then.expect("it is full");
            assert_eq!((refused.reason, &refused.message), (NotSent::NoRoom, &numbered(sent)));
            was_full = if count == 0 { was_full + 1 } else { 0 };
            assert!(sent < 100_000, "it is never full");
            net.turn_often();
        }
        assert!(sent > 20, "more than may wait: {sent}");
        for number in 0..sent {
            assert_eq!(net.recv(pull), numbered(number));
        }
        let (count, then) = push.send_all(&mut net.context(), [numbered(sent), numbered(sent + 1)]);
        assert!((count, then.is_none()) == (2, true));
        assert_eq!([net.recv(pull), net.recv(pull)], [numbered(sent), numbered(sent + 1)]);
    });
}

#[test]
fn messages_that_are_sent_all_at_once_go_where_each_by_itself_would() {
    on_every_backend(|net| {
        let push = net.open(SocketType::Push);
        let pulls = [net.open(SocketType::Pull), net.open(SocketType::Pull)];
        for pull in pulls {
            let address = net.bind(pull);
            net.connect(push, &address);
        }
        net.await_peers(push, 2);
        assert_eq!(push.send_all(&mut net.context(), (0..6).map(numbered)).0, 6);
        for number in 0..6 {
            assert_eq!(net.recv(pulls[number as usize % 2]), numbered(number));
        }
        // A publisher drops what nobody wants, and a replier has its turn once.
        let publisher = net.open(SocketType::Pub);
        assert_eq!(publisher.send_all(&mut net.context(), ["x", "y"]).0, 2);
        let (rep, req) = net.pair(SocketType::Rep, SocketType::Req);
        let (count, refused) = req.send_all(&mut net.context(), ["first", "second"]);
        let refused = refused.map(|refused| (refused.reason, refused.message));
        assert_eq!((count, refused), (1, Some((NotSent::OutOfTurn, Message::from("second")))));
        assert_eq!(net.heard(rep), "first");
        // Who is gone takes none.
        req.close(&mut net.context(), Duration::ZERO, |_, _, _| ());
        let (count, refused) = req.send_all(&mut net.context(), ["third"]);
        assert_eq!((count, refused.unwrap().reason), (0, NotSent::Closed));
    });
}
