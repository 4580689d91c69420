//! RingMQ's own protocol, and both on one port.

use std::io::Write;

use ringmq::codec::RingFrames;
use ringmq::mq::{Dialect, Dropped, Message, NotSent, Options, Sent, SocketType};

use super::{joined, on_every_backend};

fn ring() -> Options {
    Options::new().dialect(Dialect::Ring)
}

fn any() -> Options {
    Options::new().dialect(Dialect::Any)
}

#[test]
fn ring_peers_ask_and_push() {
    on_every_backend(|net| {
        for served in [ring(), any()] {
            let rep = net.open_with(SocketType::Rep, served.clone());
            let req = net.open_with(SocketType::Req, ring());
            let address = net.bind(rep);
            net.connect(req, &address);
            net.await_peers(req, 1);
            for len in [1, 100, RingFrames::BODY_MAX, RingFrames::BODY_MAX + 1, 1_000_000] {
                let body: Vec<u8> = (0..len).map(|at| at as u8).collect();
                net.send(req, body.clone());
                let request = net.recv(rep);
                assert!(request.part_count() == 1 && request.first()[..] == body[..], "{len} bytes");
                net.send(rep, request);
                assert!(net.recv(req).into_vec() == body, "{len} bytes back");
            }
            let pull = net.open_with(SocketType::Pull, served);
            let push = net.open_with(SocketType::Push, ring());
            let address = net.bind(pull);
            net.connect(push, &address);
            net.await_peers(push, 1);
            for word in ["one", "two", "three"] {
                net.send(push, word);
                assert_eq!(net.heard(pull), word);
            }
        }
    });
}

#[test]
fn both_are_served_on_one_port_and_told_apart_by_their_first_byte() {
    on_every_backend(|net| {
        let rep = net.open_with(SocketType::Rep, any());
        let address = net.bind(rep);
        let mut silent = net.stranger(&address);
        let (zmtp, old) = (net.open(SocketType::Req), net.open_with(SocketType::Req, ring()));
        for req in [zmtp, old] {
            net.connect(req, &address);
            net.await_peers(req, 1);
        }
        for round in 0..3 {
            net.send(zmtp, format!("zmtp {round}"));
            net.send(old, format!("ring {round}"));
            for _ in 0..2 {
                let request = net.recv(rep);
                net.send(rep, request);
            }
            assert_eq!(net.heard(zmtp), format!("zmtp {round}"));
            assert_eq!(net.heard(old), format!("ring {round}"));
        }
        // Nothing was sent before its first byte, and then nothing but the answer.
        silent.write_all(b"\0\0\0\0\x08ask").unwrap();
        assert_eq!(net.heard(rep), "ask");
        net.send(rep, "say");
        assert_eq!(net.read(&mut silent, 8), b"\0\0\0\0\x08say");
    });
}

#[test]
fn what_ring_has_no_form_for_is_refused() {
    on_every_backend(|net| {
        let rep = net.open_with(SocketType::Rep, any());
        let address = net.bind(rep);
        let old = net.open_with(SocketType::Req, ring());
        net.connect(old, &address);
        net.await_peers(old, 1);
        let refused = old.send(&mut net.context(), "").unwrap_err();
        assert_eq!(refused.reason, NotSent::NotForRing { parts: 1, len: 0 });
        net.send(old, "x");
        net.recv(rep);
        let refused = rep.send(&mut net.context(), "").unwrap_err();
        assert_eq!(refused.reason, NotSent::NotForRing { parts: 1, len: 0 });
        net.send(rep, "y");
        assert_eq!(net.heard(old), "y");
        // Of ZMTP both are in order.
        let mut req = joined(net, &address, "REQ");
        req.write_all(b"\x01\0\0\0").unwrap();
        assert_eq!(net.heard(rep), "");
        net.send(rep, "");
        assert_eq!(net.read(&mut req, 4), b"\x01\0\0\0");
    });
}

#[test]
fn a_reply_is_judged_by_who_asked_and_not_by_who_came_after() {
    on_every_backend(|net| {
        let rep = net.open_with(SocketType::Rep, any());
        let address = net.bind(rep);
        let mut leaver = joined(net, &address, "REQ");
        leaver.write_all(b"\x01\0\0\x03ask").unwrap();
        drop(leaver);
        net.await_peers(rep, 0);
        let old = net.open_with(SocketType::Req, ring());
        net.connect(old, &address);
        net.await_peers(old, 1);
        net.send(old, "me too");
        net.await_peers(rep, 1);
        assert_eq!(net.heard(rep), "ask");
        // Of two parts, which the one that came after could not be sent.
        let reply = Message::from_parts(["to", "nobody"]).unwrap();
        let sent = rep.send(&mut net.context(), reply).unwrap();
        assert_eq!(sent, Sent::Dropped(Dropped::RequesterLeft));
        assert_eq!(net.heard(rep), "me too");
    });
}

#[test]
fn an_empty_frame_of_ring_is_an_empty_message() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, ring());
        let address = net.bind(pull);
        let mut push = net.stranger(&address);
        push.write_all(b"\0\0\0\0\x05\0\0\0\0\x06a").unwrap();
        assert_eq!(net.heard(pull), "");
        assert_eq!(net.heard(pull), "a");
        // A length below that of the header is none, and costs that one its connection.
        push.write_all(b"\0\0\0\0\x03abcdefgh").unwrap();
        net.await_end(&mut push);
        let mut other = net.stranger(&address);
        other.write_all(b"\x01\0\0\0\x07in\0\0\0\0\x09 one").unwrap();
        assert_eq!(net.heard(pull), "in one");
    });
}

#[test]
fn pairs_that_ring_does_not_have_are_errors() {
    on_every_backend(|net| {
        for (kind, binds) in [
            (SocketType::Rep, false),
            (SocketType::Pull, false),
            (SocketType::Req, true),
            (SocketType::Push, true),
            (SocketType::Pub, true),
            (SocketType::Sub, false),
            (SocketType::Dealer, false),
            (SocketType::Router, true),
        ] {
            let socket = net.open_with(kind, ring());
            let mut context = net.context();
            let error = match binds {
                true => socket.bind(&mut context, "tcp://127.0.0.1:*").map(drop),
                false => socket.connect(&mut context, "tcp://127.0.0.1:1"),
            };
            assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::InvalidInput, "{kind}");
        }
    });
}
