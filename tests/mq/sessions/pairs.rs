//! Two sessions that talk to each other: every pair of types, versions and dialects.

use std::time::Instant;

use super::end::End;
use super::{local, talk};
use ringmq::mq::{Dialect, Local, SessionError, Side, SocketType};

const VERSIONS: [(u8, u8); 3] = [(3, 0), (3, 1), (4, 7)];

fn ends(connected: SocketType, accepted: SocketType) -> (End, End) {
    let now = Instant::now();
    let named = |socket_type: SocketType, side| Local {
        identity: format!("my {socket_type}").into(),
        ..local(socket_type, side)
    };
    (End::new(named(connected, Side::Connected), now), End::new(named(accepted, Side::Accepted), now))
}

fn tells_its_name(socket_type: SocketType) -> bool {
    matches!(socket_type, SocketType::Req | SocketType::Dealer | SocketType::Router)
}

#[test]
fn every_pair_of_types_and_versions_joins_or_is_refused_on_both_sides() {
    let now = Instant::now();
    for a in SocketType::ALL {
        for b in SocketType::ALL {
            for (version_a, version_b) in VERSIONS.iter().flat_map(|a| VERSIONS.map(|b| (*a, b))) {
                let (mut one, mut other) = ends(a, b);
                talk((&mut one, version_a), (&mut other, version_b), now);
                let sides = [(&one, a, b, version_b), (&other, b, a, version_a)];
                for (end, own, found, version) in sides {
                    if !own.peers().contains(&found.name()) {
                        let found = found.to_string();
                        assert_eq!(end.error, Some(SessionError::SocketType { own, found }));
                        assert_eq!((end.session.peer(), &end.heard), (None, &vec![]));
                        continue;
                    }
                    assert_eq!(end.story(), "joined", "{a} {version_a:?} and {b} {version_b:?}");
                    let peer = end.session.peer().expect("it has joined");
                    assert_eq!((peer.dialect, peer.version), (Dialect::Zmtp, Some(version)));
                    assert_eq!(peer.socket_type, found.name());
                    let identity = if tells_its_name(found) { format!("my {found}") } else { String::new() };
                    assert_eq!(peer.identity, identity.as_bytes());
                }
            }
        }
    }
}

#[test]
fn who_has_joined_is_sent_messages_of_any_number_of_parts() {
    let now = Instant::now();
    for a in SocketType::ALL {
        for b in a.peers().iter().filter_map(|name| name.parse().ok()) {
            let (mut one, mut other) = ends(a, b);
            talk((&mut one, (3, 1)), (&mut other, (3, 1)), now);
            let bytes = one.send(&[b"x", b"", &[7; 300]]);
            other.hear(&bytes, now);
            let long = "\\x07".repeat(300);
            assert_eq!(other.story(), format!(r#"joined, "x"+, ""+, "{long}""#), "{a} to {b}");
        }
    }
}

#[test]
fn subscriptions_reach_a_publisher_in_the_form_of_the_older_version() {
    let now = Instant::now();
    for (subscriber, publisher) in VERSIONS.iter().flat_map(|a| VERSIONS.map(|b| (*a, b))) {
        let (mut sub, mut publish) = ends(SocketType::Sub, SocketType::Pub);
        talk((&mut sub, subscriber), (&mut publish, publisher), now);
        for (prefix, is_on) in [(&b"news"[..], true), (b"", true), (b"news", false)] {
            assert!(sub.session.subscribe(prefix, is_on));
        }
        let said = sub.say();
        publish.hear(&said, now);
        assert_eq!(publish.story(), r#"joined, on "news", on "", off "news""#);
        // The one that says it goes by what the other one is; that one takes either form.
        let first = said[0];
        assert_eq!(first, if publisher == (3, 0) { 0x00 } else { 0x04 }, "to {publisher:?}");
    }
}

fn of(socket_type: SocketType, side: Side, dialect: Dialect) -> Local {
    Local { dialect, ..local(socket_type, side) }
}

#[test]
fn ring_has_rep_and_pull_bind_and_req_and_push_connect_and_nothing_else() {
    let (connected, accepted) = (Side::Connected, Side::Accepted);
    let ring =
        |socket_type| [connected, accepted].map(|side| of(socket_type, side, Dialect::Ring).check().is_ok());
    for socket_type in SocketType::ALL {
        let expected = match socket_type {
            SocketType::Req | SocketType::Push => [true, false],
            SocketType::Rep | SocketType::Pull => [false, true],
            _ => [false, false],
        };
        assert_eq!(ring(socket_type), expected, "{socket_type}");
        // Any binds as Ring does, and connects as ZMTP does.
        let any = [connected, accepted].map(|side| of(socket_type, side, Dialect::Any).check().is_ok());
        assert_eq!(any, [true, expected[1]], "{socket_type}");
        let zmtp = [connected, accepted].map(|side| of(socket_type, side, Dialect::Zmtp).check());
        assert_eq!(zmtp, [Ok(()), Ok(())], "{socket_type}");
    }
}

#[test]
fn a_port_for_any_serves_both_dialects_and_who_connects_in_any_speaks_zmtp() {
    let now = Instant::now();
    for (client, server) in [(SocketType::Req, SocketType::Rep), (SocketType::Push, SocketType::Pull)] {
        for dialect in [Dialect::Zmtp, Dialect::Ring, Dialect::Any] {
            let mut one = End::new(of(client, Side::Connected, dialect), now);
            let mut other = End::new(of(server, Side::Accepted, Dialect::Any), now);
            assert_eq!(other.say(), b"", "nothing before the peer's first byte");
            talk((&mut one, (3, 1)), (&mut other, (3, 1)), now);
            let bytes = one.send(&[b"hello"]);
            other.hear(&bytes, now);
            assert_eq!(other.story(), r#"joined, "hello""#, "{dialect}");

            let spoken = if dialect == Dialect::Ring { dialect } else { Dialect::Zmtp };
            for (end, name) in [(&one, server), (&other, client)] {
                let peer = end.session.peer().expect("it has joined");
                assert_eq!((peer.dialect, &*peer.socket_type), (spoken, name.name()));
                assert_eq!(peer.version, Some((3, 1)).filter(|_| spoken == Dialect::Zmtp));
            }
            // And back, which a PULL does not; a session does not mind.
            let bytes = other.send(&[b"world"]);
            one.hear(&bytes, now);
            assert_eq!(one.story(), r#"joined, "world""#, "{dialect}");
        }
    }
}

#[test]
fn a_greeting_that_waits_for_ours_in_the_midst_gets_it_at_a_port_for_any() {
    let now = Instant::now();
    let greeting = super::greeting(ringmq::codec::zmtp::Mechanism::NULL, (3, 1));
    let mut end = End::new(of(SocketType::Pull, Side::Accepted, Dialect::Any), now);
    // As libzmq: its first ten bytes, and no more before it has seen ours.
    end.hear(&greeting[..1], now);
    assert_eq!(end.say().len(), 64);
    end.hear(&greeting[1..10], now);
    assert_eq!(end.say(), b"");
    end.hear(&greeting[10..], now);
    assert_eq!(end.say(), super::ready(&[("Socket-Type", "PULL")]));
}

#[test]
fn the_other_dialect_is_refused() {
    let now = Instant::now();
    // What connects with Any has begun with ZMTP, and an answer in Ring is none.
    let mut end = End::new(of(SocketType::Req, Side::Connected, Dialect::Any), now);
    end.hear(b"\0\0\0\0\x06a", now);
    let expected = SessionError::Dialect { expected: Dialect::Zmtp, found: Dialect::Ring };
    assert_eq!(end.error, Some(expected));
    // Where only Ring is spoken the wire itself refuses ZMTP, so this takes an owner with the wrong wire.
    let mut end = End::new(of(SocketType::Rep, Side::Accepted, Dialect::Ring), now);
    let found = end.session.received(ringmq::mq::WireHead::Greeting, &[0xff; 64], now);
    assert_eq!(found, Err(SessionError::Dialect { expected: Dialect::Ring, found: Dialect::Zmtp }));
}

#[test]
fn ring_has_no_subscriptions_and_zmtp_none_before_the_handshake() {
    let now = Instant::now();
    let mut ring = End::new(of(SocketType::Req, Side::Connected, Dialect::Ring), now);
    assert!(!ring.session.subscribe(b"a", true));
    let mut early = End::new(local(SocketType::Sub, Side::Connected), now);
    assert!(!early.session.subscribe(b"a", true));
    assert_eq!((ring.say().len(), early.say().len()), (0, 64), "the greeting");
}
