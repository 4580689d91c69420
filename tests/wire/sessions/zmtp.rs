//! The recorded traffic of libzmq, played to sessions: either end of each connection that is in order, and of those that are not what
//! [`SPECIAL`] says.

use std::collections::BTreeSet;

use super::{play, After, Heard};
use crate::{laws, wire};
use ringmq::codec::zmtp::{Command, FrameKind, Greeting, ZmtpFrames};
use ringmq::codec::{Codec, FrameError, Step};
use ringmq::mq::{Dialect, Local, Security, SessionError, Side, SocketType, WireHead};

/// Above any frame in the recordings but the absurd ones.
pub const MAX: usize = 1 << 21;

/// What comes of those that are not for us, and of what breaks the rules.
const SPECIAL: &[(&str, &str, &str)] = &[
    ("zmtp-mismatch-push-push", "S>C", "error: expected a peer of type PULL, found PUSH"),
    ("zmtp-mismatch-req-to-pull", "S>C", "error: expected a peer of type REP or ROUTER, found PULL"),
    ("zmtp-mismatch-sub-to-rep", "S>C", "error: expected a peer of type PUB or XPUB, found REP"),
    ("zmtp-null-vs-plain", "C>S", "error: expected the security mechanism NULL, found PLAIN"),
    ("zmtp-null-zap-denied", "S>C", "error: expected the peer to go on, found its ERROR \"400\""),
    ("zmtp-pair", "C>S", "error: expected a peer of type REP or DEALER or ROUTER, found PAIR"),
    ("zmtp-pair", "S>C", "error: expected a peer of type REP or DEALER or ROUTER, found PAIR"),
    ("zmtp-plain-fail", "C>S", "error: expected a username and its password, found others, of \"admin\""),
    ("zmtp-plain-fail", "S>C", "error: expected the peer to go on, found its ERROR \"400\""),
    ("zmtp-plain-vs-null", "C>S", "error: expected the security mechanism PLAIN, found NULL"),
];

/// One direction of a recording, and what our end is to be so that it takes the place of the other.
pub struct Played {
    pub stream: Vec<u8>,
    pub other: Vec<u8>,
    pub local: Local,
}

pub fn played(name: &str, from: &str) -> Played {
    let recording = wire::recording(name);
    let (stream, other, side) = match from {
        "C>S" => (recording.connector, recording.binder, Side::Accepted),
        _ => (recording.binder, recording.connector, Side::Connected),
    };
    let announced = announced(&other);
    let value =
        |name: &[u8]| announced.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    let socket_type = match value(b"Socket-Type").unwrap_or_default().as_slice() {
        b"XPUB" => SocketType::Pub,
        b"XSUB" => SocketType::Sub,
        b"PAIR" => SocketType::Dealer, // there are none of ours
        announced => String::from_utf8_lossy(announced).parse().unwrap_or(match (name, side) {
            ("zmtp-mismatch-req-to-pull", Side::Connected) => SocketType::Req,
            ("zmtp-mismatch-sub-to-rep", Side::Connected) => SocketType::Sub,
            (_, Side::Connected) => SocketType::Push,
            (_, Side::Accepted) => SocketType::Pull,
        }),
    };
    let local = Local {
        socket_type,
        // What we would not say of ourselves is tried on what is said to us.
        identity: value(b"Identity").filter(|id| id.len() < 256 && !id.starts_with(&[0])).unwrap_or_default(),
        security: security(name, side),
        dialect: Dialect::Zmtp,
        side,
        handshake_within: Some(super::HANDSHAKE),
        heartbeat: None,
    };
    Played { stream, other, local }
}

fn security(name: &str, side: Side) -> Security {
    let is_plain = matches!(
        (name, side),
        ("zmtp-plain-ok" | "zmtp-plain-fail" | "zmtp-plain-nozap", _)
            | ("zmtp-plain-vs-null", Side::Accepted)
            | ("zmtp-null-vs-plain", Side::Connected)
    );
    match (is_plain, side) {
        (false, _) => Security::Null,
        (true, Side::Accepted) => Security::PlainServer([("admin", "secret")].into_iter().collect()),
        (true, Side::Connected) if name == "zmtp-plain-fail" => Security::plain("admin", "wrong"),
        (true, Side::Connected) => Security::plain("admin", "secret"),
    }
}

pub fn frames(stream: &[u8]) -> Vec<(FrameKind, Vec<u8>)> {
    match Greeting::decode(stream) {
        Ok(Step::Frame { used, .. }) => laws::read(ZmtpFrames::new(MAX).halves().0, [&stream[used..]]).frames,
        _ => Vec::new(),
    }
}

/// What a side says of itself, in its READY or INITIATE.
fn announced(stream: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let frames = frames(stream);
    let mut commands = frames.iter().filter_map(|(_, body)| Command::parse(body).ok());
    let list = commands.find_map(|command| match command {
        Command::Ready(properties) => Some(properties),
        Command::Other { name: b"INITIATE", data } => ringmq::codec::zmtp::Properties::parse(data).ok(),
        _ => None,
    });
    list.into_iter().flatten().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// What is to be heard of a side that keeps the rules, by its frames alone.
fn expected(stream: &[u8], own: SocketType) -> Vec<Heard> {
    let mut heard = Vec::new();
    let mut is_alone = true;
    for (kind, body) in frames(stream) {
        let is_last = kind == FrameKind::Last;
        if kind == FrameKind::Command {
            match Command::parse(&body).expect("in order") {
                Command::Ready(_) | Command::Other { name: b"INITIATE", .. } => heard.push(Heard::Joined),
                Command::Subscribe { prefix } => {
                    heard.push(Heard::Subscription { prefix: prefix.to_vec(), is_on: true });
                }
                Command::Cancel { prefix } => {
                    heard.push(Heard::Subscription { prefix: prefix.to_vec(), is_on: false });
                }
                _ => {}
            }
            continue;
        }
        match body.split_first() {
            Some((first @ (0 | 1), prefix)) if own == SocketType::Pub && is_alone && is_last => {
                heard.push(Heard::Subscription { prefix: prefix.to_vec(), is_on: *first == 1 });
            }
            _ => heard.push(Heard::Part { bytes: body, is_last }),
        }
        is_alone = is_last;
    }
    heard
}

/// All sides but those of [`odd`](super::odd), which has them by name.
fn sides() -> Vec<(String, &'static str)> {
    let is_odd_there = |name: &str, from: &str| name.starts_with("zmtp-odd-") && from == "C>S";
    let names = wire::names("zmtp-").into_iter();
    names
        .flat_map(|name| ["C>S", "S>C"].map(|from| (name.clone(), from)))
        .filter(|(name, from)| !is_odd_there(name, from))
        .collect()
}

#[test]
fn every_side_is_heard_as_it_was_meant() {
    let mut specials = BTreeSet::new();
    for (name, from) in sides() {
        let Played { stream, local, .. } = played(&name, from);
        let end = play(&local, MAX, &stream, After::End);
        if let Some((.., story)) = SPECIAL.iter().find(|special| (special.0, special.1) == (&*name, from)) {
            assert_eq!(&end.story(), story, "{name} {from}");
            specials.insert((name, from));
            continue;
        }
        assert!(end.heard == expected(&stream, local.socket_type), "{name} {from}: {}", end.story());
        if let Ok(Step::More(_)) = Greeting::decode(&stream) {
            let error = end.error.expect("it was cut off");
            assert!(
                matches!(error, SessionError::Frame(FrameError::Truncated { .. })),
                "{name} {from}: {error}"
            );
            assert!(!error.is_final(), "{name} {from}");
        } else {
            assert_eq!(end.error, None, "{name} {from}");
        }
    }
    assert_eq!(specials.len(), SPECIAL.len(), "each special one is there: {specials:?}");
}

#[test]
fn what_we_are_refused_for_is_told_to_the_peer_and_final() {
    let error = |name, from| {
        let Played { stream, local, .. } = played(name, from);
        let end = play(&local, MAX, &stream, After::End);
        assert!(end.error.expect("refused").is_final(), "{name} {from}");
        match end.said.last() {
            Some((WireHead::Zmtp(FrameKind::Command), body)) => match Command::parse(body) {
                Ok(Command::Error { reason }) => String::from_utf8_lossy(reason).into_owned(),
                command => format!("{command:?}"),
            },
            said => format!("{said:?}"),
        }
    };
    for name in
        ["zmtp-mismatch-push-push", "zmtp-mismatch-req-to-pull", "zmtp-mismatch-sub-to-rep", "zmtp-pair"]
    {
        assert_eq!(error(name, "S>C"), "Invalid socket type", "{name}");
    }
    assert_eq!(error("zmtp-plain-fail", "C>S"), "Invalid username or password");
    // Of another mechanism nothing is known but that: it gets no further than the greeting.
    let greeting = error("zmtp-null-vs-plain", "C>S");
    assert!(greeting.starts_with("Some((Greeting, "), "{greeting}");
}

/// Both ends were libzmq there: so what ours says in its place is known to be understood.
#[test]
fn what_we_say_is_what_libzmq_said_in_our_place() {
    let mut count = 0;
    for (name, from) in sides().into_iter().filter(|(name, _)| !name.contains("-odd-")) {
        let Played { stream, other, local } = played(&name, from);
        let is_ours = announced(&other)
            .iter()
            .any(|(name, value)| name == b"Socket-Type" && value == local.socket_type.name().as_bytes());
        if !is_ours || name == "zmtp-pubsub-v30-publisher" {
            continue; // of a type that is none of ours, refused before it said so, or no libzmq
        }
        let end = play(&local, MAX, &stream, After::End);
        let (greeting, said) = end.said.split_first().expect("a greeting");
        // Padding, and that a server says that it is one, are different; the former holds the length of libzmq's identity.
        assert_eq!((greeting.0, &greeting.1[9..32]), (WireHead::Greeting, &other[9..32]), "{name} {from}");

        let pings = frames(&stream).iter().filter(|(_, body)| body.starts_with(b"\x04PING")).count();
        let (handshake, pongs) = said.split_at(said.len() - pings);
        let of_libzmq = frames(&other).into_iter().take(handshake.len());
        let of_libzmq: Vec<_> = of_libzmq.map(|(kind, body)| (WireHead::Zmtp(kind), body)).collect();
        assert_eq!(handshake, of_libzmq, "{name} {from}");
        let pong = (WireHead::Zmtp(FrameKind::Command), b"\x04PONG".to_vec());
        assert!(pongs.iter().all(|said| *said == pong), "{name} {from}: {pongs:?}");
        count += 1;
    }
    assert!(count > 50, "only {count} sides");
}

#[test]
fn a_listener_for_any_hears_the_same_and_says_nothing_before() {
    let mut count = 0;
    for (name, from) in sides().into_iter().filter(|(_, from)| *from == "C>S") {
        let Played { stream, mut local, .. } = played(&name, from);
        let may_be_any = matches!(local.socket_type, SocketType::Rep | SocketType::Pull);
        if !may_be_any || local.security != Security::Null {
            continue;
        }
        let zmtp = play(&local, MAX, &stream, After::End);
        local.dialect = Dialect::Any;
        let any = play(&local, MAX, &stream, After::End);
        assert_eq!(any.error, zmtp.error, "{name}");
        assert!(any.heard == zmtp.heard && any.said == zmtp.said, "{name}");
        let silent = play(&local, MAX, b"", After::Silence);
        assert_eq!((silent.said, silent.error), (Vec::new(), None), "{name}");
        count += 1;
    }
    assert!(count > 15, "only {count} sides");
}

#[test]
fn the_maximum_is_for_a_part_and_closes_before_the_rest_has_come() {
    let Played { stream, local, .. } = played("zmtp-maxmsgsize", "C>S");
    let error = FrameError::TooLong { len: 1001, max: 1000 };
    let end = play(&local, 1000, &stream[..stream.len() - 1001], After::Silence);
    assert_eq!(end.heard.len(), 2, "the first message was of the maximum");
    assert_eq!(end.error, Some(SessionError::Frame(error)));

    let Played { stream, local, .. } = played("zmtp-maxmsgsize-multipart", "C>S");
    let end = play(&local, 1000, &stream, After::End);
    assert_eq!((end.heard.len(), end.error), (3, None));
}
