//! What is odd in the recorded traffic: older peers and strangers, and what libzmq lets pass or closes a connection for.

use super::{commands, side, Side, MAX};
use crate::laws;
use ringmq::codec::zmtp::{Command, CommandError, FrameKind, Greeting, GreetingError, Mechanism, ZmtpFrames};
use ringmq::codec::{Codec, FrameError, Step};

/// What the hand-written peer has sent to libzmq there.
fn odd(name: &str) -> Side {
    side(&format!("zmtp-odd-{name}"), "C>S")
}

#[test]
fn older_peers_and_strangers_are_told_apart() {
    let found = ["http", "zmtp10", "even-tenth", "zmtp20", "zmtp2x"]
        .map(|name| Greeting::decode(&odd(name).bytes).expect_err("not of version 3"));
    let expected = [
        GreetingError::NotZmtp { first: b'G' },
        GreetingError::NotZmtp { first: 1 },
        GreetingError::LongIdentity { mark: 0 },
        GreetingError::OldVersion { major: 1 },
        GreetingError::OldVersion { major: 2 },
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_greeting_that_stopped_early_is_waited_for() {
    let slow = odd("slow-greeting");
    assert_eq!(Greeting::decode(&slow.bytes), Ok(Step::More(1)));
    // libzmq does not go on before it knows the peer's version.
    let libzmq = side("zmtp-odd-slow-greeting", "S>C");
    assert_eq!(Greeting::decode(&libzmq.bytes), Ok(Step::More(53)));
}

#[test]
fn another_version_and_padding_are_no_obstacle() {
    let greeting = |name| odd(name).greeting().expect("a greeting");
    assert_eq!(greeting("zmtp30").version(), (3, 0));
    assert_eq!(greeting("zmtp4").version(), (4, 7));
    assert_eq!(greeting("padding").mechanism(), Mechanism::NULL);
    assert!(greeting("padding").is_server());
}

#[test]
fn another_mechanism_is_seen() {
    let mechanism = |name| side(name, "C>S").greeting().expect("a greeting").mechanism();
    let names = ["zmtp-odd-mech-lower", "zmtp-odd-mech-tail", "zmtp-null-vs-plain", "zmtp-pushpull"];
    assert_eq!(names.map(|name| mechanism(name).to_string()), ["null", r"NULL\x00junk", "PLAIN", "NULL"]);
    assert_eq!(names.map(|name| mechanism(name) == Mechanism::NULL), [false, false, false, true]);
    assert_ne!(mechanism("zmtp-odd-garbage-ff"), Mechanism::NULL);
}

#[test]
fn a_plain_server_of_libzmq_does_not_say_that_it_is_one() {
    let greeting = side("zmtp-plain-ok", "S>C").greeting().expect("a greeting");
    assert_eq!((greeting.mechanism(), greeting.is_server()), (Mechanism::PLAIN, false));
}

#[test]
fn flags_that_libzmq_ignores_are_refused() {
    for (name, found) in [("reserved-flags", 0x08), ("cmd-more", 0x05)] {
        let end = odd(name).transcript().end;
        assert!(matches!(end, Err(FrameError::Invalid { found: flags, .. }) if flags == found), "{end:?}");
    }
}

#[test]
fn absurd_lengths_are_refused() {
    for (name, len) in [("huge-length", 1 << 62), ("top-bit-length", 1 << 63)] {
        assert_eq!(odd(name).transcript().end, Err(FrameError::TooLong { len, max: MAX }));
    }
}

#[test]
fn the_maximum_is_for_a_frame_and_not_for_a_message() {
    let read = |name| {
        let side = side(name, "C>S");
        laws::read(ZmtpFrames::new(1000).halves().0, [side.frames().expect("a greeting")])
    };
    let one = read("zmtp-maxmsgsize");
    assert_eq!((one.frames.len(), one.end), (2, Err(FrameError::TooLong { len: 1001, max: 1000 })));
    let parts = read("zmtp-maxmsgsize-multipart");
    assert_eq!((parts.frames.len(), parts.end), (3, Ok(())));
}

#[test]
fn a_message_that_was_cut_off_ends_with_a_frame_of_more() {
    let transcript = odd("partial-then-eof").transcript();
    assert_eq!(transcript.frames.last(), Some(&(FrameKind::More, b"p1".to_vec())));
    assert_eq!(transcript.end, Ok(()));
}

#[test]
fn a_command_may_stand_inside_a_message() {
    let kinds: Vec<_> = odd("cmd-inside-message").transcript().frames.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [FrameKind::Command, FrameKind::More, FrameKind::Command, FrameKind::Last]);
}

#[test]
fn what_is_no_command_is_refused_and_the_frames_go_on() {
    let cases = [
        ("cmd-empty", CommandError::Truncated { part: "the length of a command's name", need: 1, have: 0 }),
        ("cmd-malformed", CommandError::Truncated { part: "a command's name", need: 9, have: 2 }),
        ("ping-ctx-long", CommandError::TooLong { part: "bytes of context", len: 20, max: 16 }),
    ];
    for (name, error) in cases {
        let side = odd(name);
        assert_eq!(Command::parse(&commands(&side)[1]), Err(error), "{name}");
        assert_eq!(side.transcript().end, Ok(()), "{name}");
    }
    let truncated = Command::parse(&commands(&odd("ready-truncated"))[0]).expect_err("a value too short");
    assert!(matches!(truncated, CommandError::Truncated { part: "a property's value", .. }), "{truncated}");
}

#[test]
fn both_spellings_of_an_error_are_read() {
    let reason = |name, from| match Command::parse(commands(&side(name, from)).last().expect("a command")) {
        Ok(Command::Error { reason }) => reason.to_vec(),
        other => panic!("{other:?} where an ERROR is"),
    };
    assert_eq!(reason("zmtp-plain-fail", "S>C"), b"400");
    assert_eq!(reason("zmtp-null-zap-denied", "S>C"), b"400");
    assert_eq!(reason("zmtp-odd-error-cmd", "C>S"), b"Denied");
}
