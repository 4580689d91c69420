//! What hand-written peers have sent to libzmq to try it, played to sessions: [`TABLE`].

use std::time::Duration;

use super::zmtp::{played, Played, MAX};
use super::{play, After};
use crate::wire;
use ringmq::codec::zmtp::FrameKind;
use ringmq::mq::{Heartbeat, WireHead};

/// What becomes of a peer. `Ours` is stricter than libzmq, which did something else there.
#[derive(PartialEq, Debug)]
enum As {
    Libzmq,
    Ours,
}

use After::{End, Silence};
use As::{Libzmq, Ours};

/// Each recording, what is done when its last byte has come, what has been heard by then, and whose way that is.
const TABLE: &[(&str, After, &str, As)] = &[
    // Our READY is prepared as soon as the greeting is there, so that nothing after the peer's own is too early.
    ("all-at-once", End, r#"joined, "hi""#, Ours),
    (
        "cmd-empty",
        End,
        "joined, error: expected 1 bytes of the length of a command's name, found 0",
        Ours,
    ),
    ("cmd-inside-message", End, r#"joined, "p1"+, "p2""#, Libzmq),
    ("cmd-malformed", End, "joined, error: expected 9 bytes of a command's name, found 2", Ours),
    (
        "cmd-more",
        End,
        "joined, error: expected the flags of a ZMTP 3 frame, 0x00 to 0x04 or 0x06, found 0x05",
        Ours,
    ),
    ("error-cmd", End, r#"error: expected the peer to go on, found its ERROR "Denied""#, Libzmq),
    // Who says that it is over is believed.
    ("error-late", End, r#"joined, error: expected the peer to go on, found its ERROR "Denied""#, Ours),
    (
        "even-tenth",
        End,
        "error: expected version 3 of ZMTP or above, found a peer of version 1.0 (tenth byte 0x00, which is even)",
        Ours,
    ),
    (
        "garbage-ff",
        End,
        "error: expected the security mechanism NULL, found ********************",
        Libzmq,
    ),
    ("greeting-and-ready", End, r#"joined, "hi""#, Libzmq),
    ("greeting-bytewise", End, r#"joined, "hi""#, Libzmq),
    (
        "heartbeat-silent",
        Silence,
        "joined, error: expected a sign of life within 150ms, found none",
        Libzmq,
    ),
    ("http", End, "error: expected a ZMTP greeting, which begins with 0xff, found 0x47", Ours),
    (
        "huge-length",
        End,
        "joined, error: expected a frame of at most 2097152 bytes, found one of 4611686018427387904",
        Libzmq,
    ),
    ("long-small", End, r#"joined, "hello""#, Libzmq),
    ("mech-lower", End, "error: expected the security mechanism NULL, found null", Libzmq),
    ("mech-tail", End, r"error: expected the security mechanism NULL, found NULL\x00junk", Libzmq),
    ("message-before-ready", End, "error: expected READY, found a message", Libzmq),
    ("padding", End, r#"joined, "hi""#, Libzmq),
    // A message that was cut off is none: its last part is for whoever joins them to wait for.
    ("partial-then-eof", End, r#"joined, "p1"+"#, Libzmq),
    ("ping-ctx", End, "joined", Libzmq),
    ("ping-ctx-long", End, "joined", Libzmq),
    ("ping-ttl", Silence, "joined, error: expected a sign of life within 300ms, found none", Libzmq),
    ("plain-hello-null", End, "error: expected READY, found HELLO", Libzmq),
    ("pub-sub-message-form", End, r#"joined, on "A", off "A""#, Libzmq),
    ("pub-sub-twice", End, r#"joined, on "A", on "A", off "A""#, Libzmq),
    ("pub-sub30", End, r#"joined, on "A""#, Libzmq),
    ("ready-as-message", End, "error: expected READY, found a message", Ours),
    ("ready-bad-type", End, "error: expected a peer of type PUSH, found FOO", Libzmq),
    ("ready-extra", End, r#"joined, "hi""#, Libzmq),
    ("ready-long", End, r#"joined, "hi""#, Libzmq),
    // It says that it is a PULL, to a PULL, in a spelling that libzmq does not see.
    ("ready-lowercase", End, "error: expected a peer of type PUSH, found PULL", Ours),
    ("ready-no-type", End, r#"joined, "hi""#, Libzmq),
    ("ready-truncated", End, "error: expected 80 bytes of a property's value, found 4", Libzmq),
    ("ready-twice", End, r#"joined, "hi""#, Libzmq),
    ("rep-deep", End, r#"joined, "a"+, "b"+, "c"+, ""+, "body""#, Libzmq),
    ("rep-delimiter-only", End, r#"joined, "", ""+, "good""#, Libzmq),
    ("rep-no-delimiter", End, r#"joined, "bare", ""+, "good""#, Libzmq),
    (
        "reserved-flags",
        End,
        "joined, error: expected the flags of a ZMTP 3 frame, 0x00 to 0x04 or 0x06, found 0x08",
        Ours,
    ),
    (
        "router-id-256",
        End,
        "error: expected an identity of at most 255 bytes that does not begin with 0x00, found one of 256 bytes",
        Ours,
    ),
    (
        "router-id-zero",
        End,
        r#"error: expected an identity of at most 255 bytes that does not begin with 0x00, found "\x00abc""#,
        Ours,
    ),
    (
        "slow-greeting",
        Silence,
        "error: expected the handshake to be done within 300ms, found it unfinished",
        Libzmq,
    ),
    (
        "slow-ready",
        Silence,
        "error: expected the handshake to be done within 300ms, found it unfinished",
        Libzmq,
    ),
    (
        "top-bit-length",
        End,
        "joined, error: expected a frame of at most 2097152 bytes, found one of 9223372036854775808",
        Libzmq,
    ),
    ("unknown-cmd", End, r#"joined, "hi""#, Libzmq),
    ("zmtp10", End, "error: expected a ZMTP greeting, which begins with 0xff, found 0x01", Ours),
    (
        "zmtp20",
        End,
        "error: expected version 3 of ZMTP or above, found a peer of version 2.0 (revision 0x01)",
        Ours,
    ),
    (
        "zmtp2x",
        End,
        "error: expected version 3 of ZMTP or above, found a peer of version 2.0 (revision 0x02)",
        Ours,
    ),
    ("zmtp30", End, r#"joined, "hello""#, Libzmq),
    ("zmtp4", End, r#"joined, "hello""#, Libzmq),
];

fn odd(name: &str) -> Played {
    let mut played = played(&format!("zmtp-odd-{name}"), "C>S");
    if name == "heartbeat-silent" {
        let interval = Duration::from_millis(150);
        played.local.heartbeat =
            Some(Heartbeat { ttl: Duration::from_millis(300), ..Heartbeat::every(interval) });
    }
    played
}

#[test]
fn every_odd_peer_is_taken_or_refused_as_the_table_says() {
    let names: Vec<_> = TABLE.iter().map(|(name, ..)| format!("zmtp-odd-{name}")).collect();
    assert_eq!(names, wire::names("zmtp-odd-"), "the table has each recording once, in order");
    for (name, after, story, _) in TABLE {
        let Played { stream, local, .. } = odd(name);
        assert_eq!(&play(&local, MAX, &stream, *after).story(), story, "{name}");
    }
}

/// Whether libzmq left the connection open is what its recordings begin with.
#[test]
fn where_libzmq_closes_so_do_we_and_where_we_close_and_it_does_not_the_table_says_that_it_is_our_way() {
    for (name, _, story, whose) in TABLE {
        let comments = wire::recording(&format!("zmtp-odd-{name}")).comments;
        let is_open =
            comments.iter().any(|comment| comment.starts_with("libzmq afterwards: connection open"));
        let is_open_here = !story.contains("error: ");
        assert_eq!(is_open == is_open_here, *whose == Libzmq, "{name}: {story}");
        assert!(is_open || !is_open_here || *name == "all-at-once", "libzmq is stricter: {name}");
    }
}

#[test]
fn a_ping_is_answered_with_its_context_as_far_as_there_may_be_one() {
    let pongs = |name| {
        let Played { stream, local, .. } = odd(name);
        let said = play(&local, MAX, &stream, End).said.into_iter().skip(2); // greeting and READY
        said.map(|(head, body)| {
            assert_eq!(head, WireHead::Zmtp(FrameKind::Command), "{name}");
            body
        })
        .collect::<Vec<_>>()
    };
    // As libzmq answered there.
    for name in ["ping-ctx", "ping-ctx-long", "cmd-inside-message"] {
        let of_libzmq = super::zmtp::frames(&odd(name).other).into_iter().skip(1).map(|(_, body)| body);
        let of_libzmq: Vec<_> = of_libzmq.filter(|body| body.starts_with(b"\x04PONG")).collect();
        assert_eq!(pongs(name), of_libzmq, "{name}");
        assert!(!of_libzmq.is_empty(), "{name}");
    }
    assert_eq!(pongs("ping-ctx-long")[0].len(), 5 + 16);
}

#[test]
fn a_silent_peer_was_asked_as_libzmq_asked_it() {
    let Played { stream, other, local } = odd("heartbeat-silent");
    let end = play(&local, MAX, &stream, Silence);
    let ping = super::zmtp::frames(&other).pop().expect("a PING").1;
    assert_eq!(end.said.last(), Some(&(WireHead::Zmtp(FrameKind::Command), ping)));
    assert!(!end.error.expect("it was silent").is_final());
}
