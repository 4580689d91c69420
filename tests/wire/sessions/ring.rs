//! The recorded traffic of the original RingMQ, played to sessions.

use super::{play, After, End, Heard};
use crate::{laws, wire};
use ringmq::codec::{Codec, RingFrames, RingHead};
use ringmq::mq::{Dialect, Local, Security, Side, SocketType};

/// Who the original talks to: of a connection's two ends, ours is the one that is not played.
fn local(name: &str, dialect: Dialect, side: Side) -> Local {
    let socket_type = match (name.starts_with("ring-reqrep"), side) {
        (true, Side::Accepted) => SocketType::Rep,
        (true, Side::Connected) => SocketType::Req,
        (false, Side::Accepted) => SocketType::Pull,
        (false, Side::Connected) => SocketType::Push,
    };
    let (identity, security) = (Vec::new(), Security::Null);
    let handshake_within = Some(super::HANDSHAKE);
    Local { socket_type, identity, security, dialect, side, handshake_within, heartbeat: None }
}

fn expected(stream: &[u8]) -> Vec<Heard> {
    let frames = laws::read(RingFrames::new(RingFrames::BODY_MAX).halves().0, [stream]).frames.into_iter();
    let parts = frames.map(|(head, bytes)| Heard::Part { bytes, is_last: head == RingHead::Last });
    [Heard::Joined].into_iter().chain(parts).collect()
}

#[test]
fn who_connects_is_served_as_ring_and_as_any() {
    for name in wire::names("ring-") {
        let stream = wire::recording(&name).connector;
        for dialect in [Dialect::Ring, Dialect::Any] {
            let end = play(&local(&name, dialect, Side::Accepted), 1, &stream, After::End);
            assert!(end.heard == expected(&stream) && end.heard.len() > 1, "{name} as {dialect}");
            assert_eq!((end.error, end.said), (None, Vec::new()), "{name} as {dialect}");
        }
    }
}

#[test]
fn who_binds_is_talked_to() {
    for name in wire::names("ring-") {
        let stream = wire::recording(&name).binder;
        let end = play(&local(&name, Dialect::Ring, Side::Connected), 1, &stream, After::End);
        assert!(end.heard == expected(&stream), "{name}");
        assert_eq!((end.error, end.said), (None, Vec::new()), "{name}");
    }
}

#[test]
fn what_was_recorded_of_the_connecting_side_is_what_is_sent() {
    for name in wire::names("ring-") {
        let stream = wire::recording(&name).connector;
        let mut end = End::new(local(&name, Dialect::Ring, Side::Connected), std::time::Instant::now());
        let mut sent = Vec::new();
        let mut pieces = Vec::new();
        for heard in expected(&stream) {
            if let Heard::Part { bytes, is_last } = heard {
                pieces.push(bytes);
                if is_last {
                    let parts: Vec<_> = pieces.iter().map(|piece| &piece[..]).collect();
                    sent.extend(end.send(&parts));
                    pieces.clear();
                }
            }
        }
        assert!(sent == stream, "{name}");
    }
}

#[test]
fn a_silent_requester_is_no_failure() {
    for dialect in [Dialect::Ring, Dialect::Any] {
        let end = play(&local("ring-reqrep", dialect, Side::Accepted), 1, b"", After::Silence);
        assert_eq!((end.heard, end.error, end.said), (Vec::new(), None, Vec::new()), "{dialect}");
    }
    // Nor is one that has begun, and rests.
    for dialect in [Dialect::Ring, Dialect::Any] {
        let local = local("ring-reqrep", dialect, Side::Accepted);
        let end = play(&local, 1, b"\0\0\0\0\x07a", After::Silence);
        assert_eq!((end.heard, end.error, end.said), (Vec::new(), None, Vec::new()), "{dialect}");
    }
}
