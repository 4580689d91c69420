//! What is said of an error, that it is the last, and what cannot be a session at all.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::end::End;
use super::{command, frame, handshake, joined, local, pull};
use ringmq::codec::zmtp::{Command, CommandError, FrameKind, GreetingError, Mechanism};
use ringmq::codec::FrameError;
use ringmq::mq::{
    Dialect, Heartbeat, Local, LocalError, Security, Session, SessionError, Side, SocketType, WireHead,
};

/// Each error, what is said of it, whether it is final, and its kind.
fn table() -> Vec<(SessionError, &'static str, bool, io::ErrorKind)> {
    use io::ErrorKind::{InvalidData, PermissionDenied, TimedOut, UnexpectedEof};
    let within = Duration::from_millis(1500);
    vec![
        (
            GreetingError::OldVersion { major: 1 }.into(),
            "expected version 3 of ZMTP or above, found a peer of version 2.0 (revision 0x01)",
            true,
            InvalidData,
        ),
        (
            SessionError::Dialect { expected: Dialect::Zmtp, found: Dialect::Ring },
            "expected a peer that speaks zmtp, found one that speaks ring",
            true,
            InvalidData,
        ),
        (
            SessionError::Mechanism { expected: Mechanism::NULL, found: Mechanism::CURVE },
            "expected the security mechanism NULL, found CURVE",
            true,
            InvalidData,
        ),
        (
            SessionError::SocketType { own: SocketType::Req, found: "PULL".to_string() },
            "expected a peer of type REP or ROUTER, found PULL",
            true,
            InvalidData,
        ),
        (
            SessionError::Identity { identity: b"\0a".to_vec() },
            r#"expected an identity of at most 255 bytes that does not begin with 0x00, found "\x00a""#,
            true,
            InvalidData,
        ),
        (
            SessionError::IdentityInUse { identity: b"a\n".to_vec() },
            r#"expected an identity that no other peer has, found "a\n""#,
            false,
            InvalidData,
        ),
        (
            SessionError::HandshakeTimedOut { within },
            "expected the handshake to be done within 1.5s, found it unfinished",
            false,
            TimedOut,
        ),
        (
            SessionError::Refused { username: b"me".to_vec() },
            r#"expected a username and its password, found others, of "me""#,
            true,
            PermissionDenied,
        ),
        (
            SessionError::PeerError { reason: b"400".to_vec() },
            r#"expected the peer to go on, found its ERROR "400""#,
            true,
            PermissionDenied,
        ),
        (
            SessionError::Unexpected { expected: "READY", found: "HELLO".to_string() },
            "expected READY, found HELLO",
            true,
            InvalidData,
        ),
        (
            CommandError::Nameless { part: "a command's name" }.into(),
            "expected at least 1 byte of a command's name, found 0",
            true,
            InvalidData,
        ),
        (
            SessionError::HeartbeatLost { within },
            "expected a sign of life within 1.5s, found none",
            false,
            TimedOut,
        ),
        (
            FrameError::TooLong { len: 17, max: 16 }.into(),
            "expected a frame of at most 16 bytes, found one of 17",
            true,
            InvalidData,
        ),
        (
            FrameError::Truncated { have: 1, need: 2 }.into(),
            "expected at least 2 bytes of a frame, found the end of the stream after 1",
            false,
            UnexpectedEof,
        ),
        (
            SessionError::MessageTooLong { len: 17, max: 16 },
            "expected a message of at most 16 bytes, found one of at least 17",
            true,
            InvalidData,
        ),
    ]
}

#[test]
fn every_error_says_what_was_expected_and_what_was_found_and_whether_to_try_again() {
    for (error, said, is_final, kind) in table() {
        assert_eq!((&*error.to_string(), error.is_final()), (said, is_final));
        let error = io::Error::from(error);
        assert_eq!((&*error.to_string(), error.kind()), (said, kind));
    }
}

#[test]
fn after_an_error_the_same_one_comes_for_good_and_nothing_is_prepared() {
    let now = Instant::now();
    let mut end = joined(pull(), (3, 1), "PUSH", now);
    let bad = SessionError::Command(CommandError::Truncated {
        part: "the length of a command's name",
        need: 1,
        have: 0,
    });
    let (message, question) =
        (frame(FrameKind::Last, b"a"), Command::Ping { ttl: Duration::ZERO, context: b"" });
    end.hear(&[message, frame(FrameKind::Command, b"")].concat(), now);
    assert_eq!((&end.error, end.heard.len()), (&Some(bad.clone()), 2));

    let mut body = Vec::new();
    question.write(&mut body).expect("a PING");
    for (kind, body) in [(FrameKind::Command, &body[..]), (FrameKind::Last, b"b")] {
        assert_eq!(end.session.received(WireHead::Zmtp(kind), body, now), Err(bad.clone()));
    }
    end.session.has_begun(Dialect::Zmtp, now);
    end.session.connected(now);
    assert!(!end.session.subscribe(b"", true));
    assert_eq!((end.session.deadline(), end.session.on_deadline(now)), (None, Err(bad)));
    assert_eq!(end.say(), b"");
}

#[test]
fn what_was_prepared_before_an_error_is_still_sent() {
    let now = Instant::now();
    let mut end = End::new(pull(), now);
    end.hear(&handshake((3, 1), "PULL"), now);
    assert!(end.error.is_some());
    let error = command(Command::Error { reason: b"Invalid socket type" });
    assert!(end.say().ends_with(&error), "behind the greeting and READY");
}

#[test]
fn what_is_out_of_place_after_the_handshake_is_ignored_and_what_is_malformed_is_not() {
    let now = Instant::now();
    let mut end = joined(pull(), (3, 1), "PUSH", now);
    let other = |name| command(Command::Other { name, data: b"data" });
    let stream = [
        other(b"FOO"),
        other(b"HELLO"),
        command(Command::Pong { context: b"unasked" }),
        super::ready(&[("Socket-Type", "SUB")]),
        frame(FrameKind::Last, b"hi"),
    ];
    end.hear(&stream.concat(), now);
    assert_eq!((&*end.story(), end.say()), (r#"joined, "hi""#, vec![]));

    for malformed in [&b""[..], b"\0", b"\x09ab", b"\x04PING", b"\x04PING\0", b"\x05READY\x01"] {
        let mut end = joined(pull(), (3, 1), "PUSH", now);
        end.hear(&frame(FrameKind::Command, malformed), now);
        assert!(matches!(end.error, Some(SessionError::Command(_))), "{}", malformed.escape_ascii());
    }
}

#[test]
fn a_greeting_comes_once_and_whole() {
    let now = Instant::now();
    let mut session = Session::new(Arc::new(pull()), now);
    let greeting = super::greeting(Mechanism::NULL, (3, 1));
    session.received(WireHead::Greeting, &greeting, now).expect("in order");
    let error = session.received(WireHead::Greeting, &greeting, now).expect_err("a second one");
    assert_eq!(error.to_string(), "expected READY, found a second greeting");
    let mut session = Session::new(Arc::new(pull()), now);
    let error = session.received(WireHead::Greeting, &greeting[..63], now).expect_err("a part");
    assert_eq!(error.to_string(), "expected a greeting, found a part of one");
}

#[test]
fn what_cannot_be_a_session_is_said_before() {
    let plain =
        |username: usize, password: usize| Security::plain(vec![b'u'; username], vec![b'p'; password]);
    let users = Security::PlainServer([("a", "b")].into_iter().collect());
    let heartbeat = Heartbeat::every(Duration::from_secs(1));
    let ttl = Duration::from_millis(6_553_501);
    let ring = Local { dialect: Dialect::Ring, ..pull() };
    let any = Local { dialect: Dialect::Any, ..pull() };
    let cases = [
        (
            Local { dialect: Dialect::Any, ..local(SocketType::Pub, Side::Accepted) },
            "expected REP or PULL to bind in RingMQ's protocol, and REQ or PUSH to connect, found PUB to bind",
        ),
        (
            Local { dialect: Dialect::Ring, ..local(SocketType::Dealer, Side::Connected) },
            "expected REP or PULL to bind in RingMQ's protocol, and REQ or PUSH to connect, found DEALER to connect",
        ),
        (
            Local { security: users, ..any },
            "expected no security with the dialect any, found some: RingMQ's protocol has none",
        ),
        (
            Local { security: plain(1, 1), ..ring },
            "expected no security with the dialect ring, found some: RingMQ's protocol has none",
        ),
        (
            Local { identity: b"\0me".to_vec(), ..pull() },
            r#"expected an identity of at most 255 bytes that does not begin with 0x00, found "\x00me""#,
        ),
        (
            Local { identity: vec![b'x'; 256], ..pull() },
            "expected an identity of at most 255 bytes that does not begin with 0x00, found one of 256 bytes",
        ),
        (Local { security: plain(256, 1), ..pull() }, "expected a username of at most 255 bytes, found one of 256"),
        (Local { security: plain(1, 256), ..pull() }, "expected a password of at most 255 bytes, found one of 256"),
        (
            Local { heartbeat: Some(Heartbeat::every(Duration::ZERO)), ..pull() },
            "expected some time between heartbeats and for an answer, found none",
        ),
        (
            Local { heartbeat: Some(Heartbeat { timeout: Duration::ZERO, ..heartbeat }), ..pull() },
            "expected some time between heartbeats and for an answer, found none",
        ),
        (
            Local { heartbeat: Some(Heartbeat { ttl, ..heartbeat }), ..pull() },
            "expected a time to live of at most 6553.5s, found 6553.501s",
        ),
    ];
    for (local, said) in cases {
        let error: LocalError = local.check().expect_err(said);
        assert_eq!(error.to_string(), said);
        assert!(error.source().is_none());
    }
    let longest =
        Local { identity: vec![b'x'; 255], security: plain(255, 255), heartbeat: Some(heartbeat), ..pull() };
    assert_eq!(longest.check(), Ok(()));
}

#[test]
#[should_panic(expected = "a session has to be checked before it is made: expected REP or PULL to bind")]
fn a_session_of_what_cannot_be_panics() {
    let local = Local { dialect: Dialect::Ring, ..local(SocketType::Sub, Side::Connected) };
    let _ = Session::new(Arc::new(local), Instant::now());
}

#[test]
fn passwords_are_in_no_log() {
    let now = Instant::now();
    let security = Security::plain("me", "secret");
    let mut end = End::new(Local { security, ..local(SocketType::Push, Side::Connected) }, now);
    // It has a HELLO to say.
    end.hear(&super::greeting(Mechanism::PLAIN, (3, 1)), now);
    let printed = format!("{:?}", end.session);
    let number = format!("{:?}", b"secret").replace(['[', ']'], "");
    assert!(printed.contains("Plain(\"me\")"), "{printed}");
    assert!(!printed.contains("secret") && !printed.contains(&number), "{printed}");
}

#[test]
fn a_connection_that_ends_inside_a_frame_may_be_tried_again_and_between_two_is_no_error() {
    let now = Instant::now();
    let stream = [handshake((3, 1), "PUSH"), frame(FrameKind::Last, b"hi")].concat();
    let between = [0, 64, 92, stream.len()];
    for cut in 0..=stream.len() {
        let mut end = End::new(pull(), now);
        end.hear(&stream[..cut], now);
        end.hear_end();
        match end.error {
            None => assert!(between.contains(&cut), "{cut}"),
            Some(error) => {
                assert!(matches!(error, SessionError::Frame(FrameError::Truncated { .. })), "{cut}: {error}");
                assert!(!error.is_final() && !between.contains(&cut), "{cut}");
            }
        }
    }
}
