//! [`Session`](ringmq::mq::Session)s: what they make of a peer, and that two of them come to each other.
//!
//! What they make of recorded peers is in `tests/wire`, which the published package has not.

mod differences;
mod end;
mod errors;
mod pairs;
mod plain;
mod time;

use std::time::Instant;

use self::end::End;
use ringmq::codec::zmtp::{Command, FrameKind, Greeting, Mechanism, Properties};
use ringmq::codec::{Affixes, Codec, Encoder};
use ringmq::mq::{Dialect, Local, Security, Side, SocketType, Wire, WireHead};

/// A socket of ZMTP without anything else.
fn local(socket_type: SocketType, side: Side) -> Local {
    Local {
        socket_type,
        identity: Vec::new(),
        security: Security::Null,
        dialect: Dialect::Zmtp,
        side,
        handshake_within: None,
        heartbeat: None,
    }
}

fn pull() -> Local {
    local(SocketType::Pull, Side::Accepted)
}

/// The greeting of a peer by hand, with this version.
fn greeting(mechanism: Mechanism, version: (u8, u8)) -> Vec<u8> {
    let mut bytes = Greeting::new(mechanism, false).encode();
    bytes[10..12].copy_from_slice(&[version.0, version.1]);
    bytes.to_vec()
}

/// A frame of a peer by hand.
fn frame(kind: FrameKind, body: &[u8]) -> Vec<u8> {
    let mut affixes = Affixes::new();
    let mut encoder = Wire::new(Dialect::Zmtp, end::PART_MAX).halves().1;
    encoder.encode(WireHead::Zmtp(kind), body.len(), &mut affixes).expect("within the maximum");
    [affixes.before(), body].concat()
}

fn command(command: Command<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    command.write(&mut body).expect("a command in order");
    frame(FrameKind::Command, &body)
}

/// READY with these properties.
fn ready(properties: &[(&str, &str)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in properties {
        Properties::write(&mut list, name.as_bytes(), value.as_bytes()).expect("a property in order");
    }
    command(Command::Ready(Properties::parse(&list).expect("just written")))
}

/// All that a peer of this version and type says before its messages.
fn handshake(version: (u8, u8), socket_type: &str) -> Vec<u8> {
    [greeting(Mechanism::NULL, version), ready(&[("Socket-Type", socket_type)])].concat()
}

/// An end that has a peer of this version and type; what it has said by then is taken.
fn joined(local: Local, version: (u8, u8), socket_type: &str, now: Instant) -> End {
    let mut end = End::new(local, now);
    end.hear(&handshake(version, socket_type), now);
    assert_eq!(end.story(), "joined");
    end.say();
    end.said.clear();
    end
}

/// Carries what the two say to each other until neither has anything to say, each greeting with the version of who says it.
fn talk(one: (&mut End, (u8, u8)), other: (&mut End, (u8, u8)), now: Instant) {
    let mut said = [one.0.say(), other.0.say()];
    for (bytes, version) in said.iter_mut().zip([one.1, other.1]) {
        if bytes.first() == Some(&0xff) {
            bytes[10..12].copy_from_slice(&[version.0, version.1]);
        }
    }
    if said == [vec![], vec![]] {
        return;
    }
    other.0.hear(&said[0], now);
    one.0.hear(&said[1], now);
    talk(one, other, now);
}
