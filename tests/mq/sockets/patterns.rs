//! What the patterns come to over connections.

use std::io::{Read, Write};

use ringmq::mq::{Message, NotReceived, NotSent, Options, Sent, Socket, SocketType};
use ringmq::{Context, Id};

use super::{joined, on_every_backend, Net, World, PATIENCE};

/// A request that REQ sends, and the reply to it: an empty part, and one of two bytes.
const REQUEST: &[u8; 6] = b"\x01\0\0\x02hi";

#[test]
fn a_request_is_answered_and_the_turns_are_kept() {
    on_every_backend(|net| {
        let (rep, req) = net.pair(SocketType::Rep, SocketType::Req);
        assert_eq!(net.try_recv(req), Err(NotReceived::OutOfTurn));
        for round in 0..3 {
            net.send(req, format!("request {round}"));
            let second = req.send(&mut net.context(), "another").unwrap_err();
            assert_eq!((second.reason, second.message), (NotSent::OutOfTurn, Message::from("another")));
            assert_eq!(net.heard(rep), format!("request {round}"));
            net.send(rep, format!("reply {round}"));
            assert_eq!(net.heard(req), format!("reply {round}"));
        }
    });
}

/// As `streams::a_request_and_its_reply_cost_one_wait_and_no_change` of the turn's tests: the callback of a socket runs in the same phase 1
/// as that of its connection.
#[test]
fn a_request_and_its_reply_cost_one_wait() {
    const COUNT: u64 = 100;
    on_every_backend(|net| {
        let echo = |_: &mut World, context: &mut Context<'_, World>, rep: Id<Socket>| {
            while let Ok(request) = rep.recv(context) {
                rep.send(context, request).unwrap();
            }
        };
        let rep = Socket::open(&mut net.context(), SocketType::Rep, echo).unwrap();
        let address = net.bind(rep);
        let mut requester = joined(net, &address, "REQ");
        requester.set_read_timeout(Some(PATIENCE)).unwrap();
        net.turn_often();
        let before = net.reactor.stats().waits;
        for _ in 0..COUNT {
            requester.write_all(REQUEST).unwrap();
            // One turn reads; the next one runs both callbacks and writes.
            net.reactor.turn(&mut net.called, Some(PATIENCE)).unwrap();
            net.reactor.turn(&mut net.called, Some(PATIENCE)).unwrap();
            let mut reply = [0; REQUEST.len()];
            requester.read_exact(&mut reply).unwrap();
            assert_eq!(&reply, REQUEST);
        }
        assert_eq!(net.reactor.stats().waits - before, COUNT);
    });
}

#[test]
fn a_message_of_many_parts_arrives_as_it_was() {
    on_every_backend(|net| {
        let (pull, push) = net.pair(SocketType::Pull, SocketType::Push);
        for parts in [&["a", "b", "c"][..], &["", "", ""], &["only"], &[""]] {
            let message = Message::from_parts(parts.iter().copied()).unwrap();
            net.send(push, message.clone());
            assert_eq!(net.recv(pull), message);
        }
    });
}

#[test]
fn messages_of_every_length_arrive_as_they_were() {
    on_every_backend(|net| {
        let (rep, req) = net.pair(SocketType::Rep, SocketType::Req);
        for len in [0, 1, 29, 30, 31, 255, 256, 4095, 4096, 65_535, 65_536, 1 << 20, 5_000_001] {
            let body: Vec<u8> = (0..len).map(|at| (at * 7 + at / 256) as u8).collect();
            net.send(req, body.clone());
            let request = net.recv(rep);
            assert!(request == Message::from(body.clone()), "{len} bytes there");
            net.send(rep, request);
            assert!(net.recv(req).into_vec() == body, "{len} bytes back");
        }
    });
}

#[test]
fn a_push_goes_round_over_its_peers() {
    on_every_backend(|net| {
        let push = net.open(SocketType::Push);
        let pulls: Vec<_> = (0..3).map(|_| net.open(SocketType::Pull)).collect();
        let addresses: Vec<String> = pulls.iter().map(|&pull| net.bind(pull)).collect();
        for address in &addresses {
            net.connect(push, address);
        }
        net.await_peers(push, 3);
        for round in 0..3 {
            for _ in 0..3 {
                net.send(push, format!("{round}"));
            }
            for &pull in &pulls {
                assert_eq!(net.heard(pull), format!("{round}"), "each gets one of three");
            }
        }
    });
}

#[test]
fn a_flood_of_one_leaves_the_others_their_turn() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let pushes: Vec<_> = (0..10).map(|_| net.open(SocketType::Push)).collect();
        for &push in &pushes {
            net.connect(push, &address);
            net.await_peers(push, 1);
        }
        net.await_peers(pull, 10);
        for _ in 0..500 {
            net.send(pushes[0], "flood");
        }
        for (number, &push) in pushes.iter().enumerate().skip(1) {
            net.send(push, format!("quiet {number}"));
        }
        // All of it is there before anything is taken.
        net.turn_often();
        let first: Vec<String> = (0..20).map(|_| net.heard(pull)).collect();
        let quiet = first.iter().filter(|word| word.starts_with("quiet")).count();
        assert_eq!(quiet, 9, "each quiet one within two rounds: {first:?}");
    });
}

#[test]
fn what_is_published_reaches_who_has_subscribed() {
    on_every_backend(|net| {
        let publisher = net.open(SocketType::Pub);
        let address = net.bind(publisher);
        let [weather, all] = [net.open(SocketType::Sub), net.open(SocketType::Sub)];
        weather.subscribe(&mut net.context(), b"weather").unwrap();
        all.subscribe(&mut net.context(), b"").unwrap();
        for subscriber in [weather, all] {
            net.connect(subscriber, &address);
        }
        net.await_peers(publisher, 2);
        // A subscription is there when its first message comes through.
        net.until("subscriptions", |net| match publisher.send(&mut net.context(), "weather: try") {
            Ok(Sent::To(2)) => Some(()),
            _ => None,
        });
        assert_eq!(publisher.send(&mut net.context(), "sports").unwrap(), Sent::To(1));
        net.send(publisher, "weather: rain");
        net.until("rain", |net| (net.heard(weather) == "weather: rain").then_some(()));
        net.until("sports", |net| (net.heard(all) == "sports").then_some(()));
        assert_eq!(net.heard(all), "weather: rain");

        weather.unsubscribe(&mut net.context(), b"weather").unwrap();
        net.until("nobody but all", |net| {
            (publisher.send(&mut net.context(), "weather: snow").unwrap() == Sent::To(1)).then_some(())
        });
    });
}

#[test]
fn a_router_knows_its_peers_by_name() {
    on_every_backend(|net| {
        let router = net.open(SocketType::Router);
        let address = net.bind(router);
        let dealers = ["anna", "bert"].map(|name| {
            let dealer = net.open_with(SocketType::Dealer, Options::new().identity(name));
            net.connect(dealer, &address);
            dealer
        });
        net.await_peers(router, 2);
        for dealer in dealers {
            net.await_peers(dealer, 1);
        }
        net.send_parts(router, &["bert", "", "for bert"]);
        net.send_parts(router, &["anna", "", "for anna"]);
        for (dealer, name) in dealers.into_iter().zip(["anna", "bert"]) {
            assert_eq!(net.heard(dealer), format!("for {name}"));
            net.send_parts(dealer, &["", "thanks"]);
            assert_eq!(net.recv(router), Message::from_parts([name, "", "thanks"]).unwrap());
        }
        let sent = router.send(&mut net.context(), Message::from_parts(["carl", "x"]).unwrap()).unwrap();
        assert_eq!(sent, Sent::Dropped(ringmq::mq::Dropped::NoRoute));
    });
}

#[test]
fn a_dealer_asks_a_rep_and_a_req_a_router() {
    on_every_backend(|net| {
        let (rep, dealer) = net.pair(SocketType::Rep, SocketType::Dealer);
        for round in 0..3 {
            net.send_parts(dealer, &["", &format!("{round}")]);
        }
        for round in 0..3 {
            assert_eq!(net.heard(rep), format!("{round}"));
            net.send(rep, format!("re {round}"));
            assert_eq!(net.recv(dealer), Message::from_parts(["", &format!("re {round}")[..]]).unwrap());
        }
        let (router, req) = net.pair(SocketType::Router, SocketType::Req);
        net.send(req, "who");
        let mut request = net.recv(router);
        assert_eq!(request.part_count(), 3);
        let name = request.pop_front().unwrap();
        net.send(router, Message::from_parts([&name[..], b"", b"me"]).unwrap());
        assert_eq!(net.heard(req), "me");
    });
}

#[test]
fn a_type_says_what_it_does_not_do() {
    on_every_backend(|net: &mut Net| {
        let [push, pull] = [SocketType::Push, SocketType::Pull].map(|kind| net.open(kind));
        assert_eq!(net.try_recv(push), Err(NotReceived::Unsupported(SocketType::Push)));
        let refused = pull.send(&mut net.context(), "x").unwrap_err();
        assert_eq!(refused.reason, NotSent::Unsupported(SocketType::Pull));
        let error = push.subscribe(&mut net.context(), b"").unwrap_err();
        assert_eq!(error.to_string(), "expected a SUB socket to subscribe with, found PUSH");
        let sub = net.open_with(SocketType::Sub, Options::new().max_part_len(10));
        sub.subscribe(&mut net.context(), &[b'x'; 9]).unwrap();
        let error = sub.subscribe(&mut net.context(), &[b'x'; 10]).unwrap_err();
        assert_eq!(error.to_string(), "expected a prefix of at most 9 bytes, found 10");
    });
}
