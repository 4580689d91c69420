//! How much waits, who is told of room, and who is passed over that has none.

use std::io::Write;
use std::time::Duration;

use ringmq::mq::{Dropped, Event, HighWater, NotSent, Options, Sent, Socket, SocketType, WhenFull};
use ringmq::Id;

use super::{joined, on_every_backend, Net};

fn narrow(messages: usize) -> Options {
    let high_water = HighWater { messages, bytes: 4 << 20 };
    Options::new().send_high_water(high_water).recv_high_water(high_water)
}

/// Sends until there is no room, and none comes of turning the loop; answers how many that were.
fn fill(net: &mut Net, push: Id<Socket>, body: &[u8]) -> usize {
    let mut sent = 0;
    let mut refused_before = false;
    loop {
        match push.send(&mut net.context(), body) {
            Ok(_) => (sent, refused_before) = (sent + 1, false),
            Err(refused) => {
                assert_eq!(refused.reason, NotSent::NoRoom);
                if refused_before {
                    return sent;
                }
                refused_before = true;
                net.turn_often();
            }
        }
    }
}

#[test]
fn as_many_messages_wait_as_the_mark_says_and_no_more() {
    on_every_backend(|net| {
        // With these marks there is room again only below them, so that it is known how many wait.
        for mark in [1, 2] {
            let push = net.open_with(SocketType::Push, narrow(mark));
            let address = net.bind(push);
            let stopped = joined(net, &address, "PULL");
            net.await_peers(push, 1);
            let body = vec![1; 200_000];
            fill(net, push, &body);
            // What waits has not been seen by the connection, and goes to the next.
            drop(stopped);
            net.await_peers(push, 0);
            let pull = net.open(SocketType::Pull);
            net.connect(pull, &address);
            for _ in 0..mark {
                assert!(net.recv(pull).into_vec() == body);
            }
            net.await_peers(push, 1);
            net.send(push, "no more");
            assert_eq!(net.heard(pull), "no more");
        }
    });
}

#[test]
fn who_was_refused_is_told_of_room_once_and_who_was_not_is_not() {
    on_every_backend(|net| {
        // With a mark of one each message leaves no room for another, until it is on its way.
        for mark in [1, 10] {
            let pull = net.open_with(SocketType::Pull, narrow(mark));
            let push = net.open_with(SocketType::Push, narrow(mark));
            let address = net.bind(pull);
            net.connect(push, &address);
            net.await_peers(push, 1);
            for _ in 0..3 {
                let sent = fill(net, push, &[1; 100_000]);
                net.called.clear();
                for _ in 0..sent {
                    net.recv(pull);
                }
                net.turn_often();
                let calls = net.called.iter().filter(|&&id| id == push).count();
                assert_eq!(calls, 1, "of {sent} messages");
            }
            net.called.clear();
            for _ in 0..20 {
                net.send(push, "there is room");
                assert_eq!(net.heard(pull), "there is room");
            }
            net.turn_often();
            assert!(!net.called.contains(&push), "nothing was refused");
        }
    });
}

#[test]
fn the_newest_are_dropped_and_counted_where_the_socket_was_made_so() {
    on_every_backend(|net| {
        let options = narrow(2).when_full(WhenFull::DropNewest);
        let push = net.open_with(SocketType::Push, options);
        let send = |net: &mut Net, body: &[u8]| push.send(&mut net.context(), body).unwrap();
        assert_eq!(send(net, b"to nobody"), Sent::Dropped(Dropped::NoPeer));
        let address = net.bind(push);
        let stopped = joined(net, &address, "PULL");
        net.await_peers(push, 1);
        let mut dropped = 0;
        let mut body = vec![0; 100_000];
        for number in 0..1000_u32 {
            body[..4].copy_from_slice(&number.to_be_bytes());
            dropped += u64::from(send(net, &body) == Sent::Dropped(Dropped::NoRoom));
            net.turn_often();
        }
        assert!(dropped > 0, "nobody reads");
        net.called.clear();
        net.turn_often();
        assert!(!net.called.contains(&push), "nothing was handed back that could be sent again");
        // What is there already stays: the two that wait are older than any that was dropped, and go to the next peer.
        drop(stopped);
        net.await_peers(push, 0);
        let pull = net.open(SocketType::Pull);
        net.connect(pull, &address);
        for _ in 0..2 {
            let body = net.recv(pull).into_vec();
            let number = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
            assert!(u64::from(number) + dropped < 1000, "{number} came, and {dropped} were dropped");
        }
        net.await_peers(push, 1);
        assert_eq!(send(net, b"the end"), Sent::To(1));
        assert_eq!(net.heard(pull), "the end");
        let mut told = [0, 0];
        while let Some(event) = push.take_event(&mut net.context()) {
            match event {
                Event::Dropped { reason: Dropped::NoPeer, count } => told[0] += count,
                Event::Dropped { reason: Dropped::NoRoom, count } => told[1] += count,
                _ => {}
            }
        }
        assert_eq!(told, [1, dropped]);
    });
}

#[test]
fn a_push_passes_over_who_has_no_room_and_who_has_left() {
    on_every_backend(|net| {
        let push = net.open_with(SocketType::Push, narrow(4));
        let address = net.bind(push);
        let stopped = joined(net, &address, "PULL");
        let mut leaver = joined(net, &address, "PULL");
        net.await_peers(push, 2);
        leaver.write_all(b"\x04\x06\x04PING\0").unwrap(); // too short: it breaks the rules, and is let go
        drop(leaver);
        net.await_peers(push, 1);
        fill(net, push, &[2; 100_000]);
        let pull = net.open(SocketType::Pull);
        net.connect(pull, &address);
        net.await_peers(push, 2);
        for number in 0..100 {
            net.send(push, format!("{number}"));
            assert_eq!(net.heard(pull), format!("{number}"), "all go to who takes them");
        }
        drop(stopped);
    });
}

#[test]
fn what_is_published_before_anybody_has_subscribed_is_not_kept() {
    on_every_backend(|net| {
        let (publisher, subscriber) = (net.open(SocketType::Pub), net.open(SocketType::Sub));
        let address = net.bind(publisher);
        subscriber.subscribe(&mut net.context(), b"").unwrap();
        net.send(publisher, "early");
        net.connect(subscriber, &address);
        let heard = net.until("the first message", |net| {
            net.send(publisher, "late");
            net.try_recv(subscriber).ok()
        });
        assert_eq!(heard.into_vec(), b"late");
    });
}

#[test]
fn a_socket_that_never_met_a_peer_closes_at_once() {
    on_every_backend(|net| {
        let push = net.open(SocketType::Push);
        net.bind(push);
        let refused = push.send(&mut net.context(), "x").unwrap_err();
        assert_eq!(refused.reason, NotSent::NoPeer);
        assert!(push.close(&mut net.context(), Duration::MAX, |_, _, lost| assert_eq!(lost, 0)));
        net.until("its end", |net| net.context().get(push).is_none().then_some(()));
    });
}
