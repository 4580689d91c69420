//! A session of any kind behind its wire, with any bytes in any pieces: it hears the same however they come, says what its peer can read, no
//! more than it was given reason to, and after an error nothing.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the type of socket in the low three bits, bit 3: who has connected, bits 4 and 5: the dialect, bits 6 and 7: the security |
//! | byte 1 | bit 0: heartbeats, bit 1: a deadline for the handshake, the rest the maximum of a part: in units of 16 bytes less one |
//! | bytes 2 and 3 | the stream arrives in pieces of as many bytes, in turn |
//! | the rest | the stream |
//!
//! What there is no session of speaks ZMTP without security.

#[path = "../../tests/mq/sessions/end.rs"]
mod end;

use std::time::{Duration, Instant};

use ringmq::codec::zmtp::{Command, FrameKind, Greeting};
use ringmq::codec::{Codec, RingHead};
use ringmq::mq::{Dialect, Heartbeat, Local, Security, Side, SocketType, Wire, WireHead};

use self::end::{End, Heard};
use super::laws;
use super::pieces::cut;

/// More than the session's own say: a READY with the longest identity, or a HELLO.
const SAID_MAX: usize = 600;

/// So often it may ask for a sign of life before it gives up a peer that is silent: the timeout is that much longer than the interval.
const PING_MAX: u32 = 3;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [kind, settings, first, second, stream @ ..] = data else { return };
    let local = local(*kind, *settings);
    let max = usize::from(settings >> 2) * 16 + 15;
    let begun = Instant::now();
    let play = |pieces: Vec<&[u8]>| {
        let mut end = End::bounded(local.clone(), max, begun);
        says_nothing_unasked(&mut end, &local);
        for piece in pieces {
            end.hear(piece, begun);
            end.say();
        }
        end
    };
    let whole = play(vec![stream]);
    for pieces in [cut(stream, &[*first, *second]), stream.chunks(1).collect()] {
        let other = play(pieces);
        assert_eq!((&other.heard, &other.error), (&whole.heard, &whole.error), "{local:?}");
        assert_eq!(other.said, whole.said, "{local:?}");
        assert_eq!(other.session.peer(), whole.session.peer(), "{local:?}");
    }
    let frames = laws::read(Wire::new(local.dialect, max).halves().0, [stream]).frames;
    hears_what_was_sent(&whole, &local, &frames);
    says_what_can_be_read(&whole, max, frames.len());
    ends(whole, begun);
}

fn local(kind: u8, settings: u8) -> Local {
    let side = if kind & 8 == 0 { Side::Accepted } else { Side::Connected };
    let dialect = [Dialect::Zmtp, Dialect::Zmtp, Dialect::Ring, Dialect::Any][usize::from(kind >> 4 & 3)];
    let security = match kind >> 6 {
        2 => Security::plain("admin", "secret"),
        3 => Security::PlainServer([("admin", "secret")].into_iter().collect()),
        _ => Security::Null,
    };
    let interval = Duration::from_secs(1);
    let timeout = interval * (PING_MAX - 1);
    let heartbeat = Heartbeat { interval, timeout, ttl: interval };
    let local = Local {
        socket_type: SocketType::ALL[usize::from(kind & 7)],
        identity: b"me".to_vec(),
        security,
        dialect,
        side,
        handshake_within: Some(interval).filter(|_| settings & 2 != 0),
        heartbeat: Some(heartbeat).filter(|_| settings & 1 != 0),
    };
    match local.check() {
        Ok(()) => local,
        Err(_) => Local { dialect: Dialect::Zmtp, security: Security::Null, ..local },
    }
}

fn says_nothing_unasked(end: &mut End, local: &Local) {
    let said = end.say().len();
    let expected = match (local.dialect, local.side) {
        (Dialect::Zmtp, _) | (Dialect::Any, Side::Connected) => Greeting::LEN,
        (Dialect::Ring, _) | (Dialect::Any, Side::Accepted) => 0,
    };
    assert_eq!(said, expected, "{local:?}");
}

/// What is heard are the parts of messages that the stream has, from the first one on: before a peer has joined one is an error. A
/// publisher hears subscriptions in some of them, and in commands.
fn hears_what_was_sent(end: &End, local: &Local, frames: &[(WireHead, Vec<u8>)]) {
    let (joined, heard) = match end.heard.split_first() {
        Some((Heard::Joined, heard)) => (true, heard),
        Some((heard, _)) => panic!("{heard:?} of who has not joined: {local:?}"),
        None => (false, &[][..]),
    };
    assert_eq!(joined, end.session.peer().is_some(), "{local:?}");
    if local.socket_type == SocketType::Pub {
        assert!(heard.len() <= frames.len() && !heard.contains(&Heard::Joined), "{local:?}");
        return;
    }
    let parts = frames.iter().filter_map(|(head, body)| {
        let is_last = match head {
            WireHead::Greeting | WireHead::Zmtp(FrameKind::Command) => return None,
            WireHead::Zmtp(kind) => *kind == FrameKind::Last,
            WireHead::Ring(head) => *head == RingHead::Last,
        };
        Some(Heard::Part { bytes: body.clone(), is_last })
    });
    let sent: Vec<_> = parts.collect();
    assert!(sent.starts_with(heard), "{heard:?} of {sent:?}: {local:?}");
    assert!(end.error.is_some() || !joined || sent.len() == heard.len(), "all that was sent: {local:?}");
}

/// Each frame has a reason, is short, and is read by the peer as it was meant.
fn says_what_can_be_read(end: &End, max: usize, frame_count: usize) {
    assert!(end.said.len() <= frame_count + 1, "{} frames for {frame_count}, and a greeting", end.said.len());
    let wire = Wire::new(Dialect::Zmtp, max); // of the other dialect there is nothing to be said
    let encoded = laws::encode(wire.halves().1, &end.said).expect("it was said");
    let transcript = laws::read(wire.halves().0, [&encoded[..]]);
    assert_eq!((&transcript.frames, transcript.end), (&end.said, Ok(())));
    for (head, body) in &end.said {
        assert!(body.len() <= SAID_MAX, "{} bytes", body.len());
        if *head == WireHead::Zmtp(FrameKind::Command) {
            Command::parse(body).expect("a command in order");
        }
    }
}

/// A silent peer is given up where there is a reason to, after no more questions than there is time for. And after an error of the session
/// it says nothing, hears nothing and waits for nothing.
fn ends(mut end: End, begun: Instant) {
    let (mut now, said) = (begun, end.said.len());
    while let (None, Some(deadline)) = (&end.error, end.session.deadline()) {
        assert!(deadline > now, "time passes");
        now = deadline;
        end.error = end.session.on_deadline(now).err();
        end.say();
        assert!(end.said.len() - said <= PING_MAX as usize, "it is enough");
    }
    end.hear_end();
    let error = match end.session.on_deadline(now) {
        Ok(()) => return, // if there was one, the wire found it
        Err(error) => error,
    };
    assert_eq!(end.error, Some(error.clone()));
    for head in [WireHead::Greeting, WireHead::Zmtp(FrameKind::Command), WireHead::Ring(RingHead::Last)] {
        assert_eq!(end.session.received(head, b"\x04PING\0\0", now), Err(error.clone()));
    }
    assert_eq!((end.session.deadline(), end.say()), (None, Vec::new()));
}
