//! The differences between peers that an implementation has to know, in the order in which the notes on ZMTP list them. Of two this is no
//! place: that a connection that comes to nothing does not reset the wait for the next is for who connects, that a REP whose requester has
//! left serves the next one for the pattern.

use std::time::{Duration, Instant};

use super::end::{End, Heard};
use super::{command, frame, greeting, handshake, joined, local, pull, ready, talk};
use ringmq::codec::zmtp::{Command, FrameKind, Mechanism};
use ringmq::codec::FrameError;
use ringmq::mq::{Heartbeat, Local, Security, Session, SessionError, Side, SocketType};

const V31: (u8, u8) = (3, 1);
const V30: (u8, u8) = (3, 0);

/// A frame in the form for long ones, however short it is.
fn long(flags: u8, body: &[u8]) -> Vec<u8> {
    [&[flags][..], &(body.len() as u64).to_be_bytes(), body].concat()
}

#[test]
fn short_and_long_forms_around_255_bytes_are_the_same_cut_anywhere() {
    let bodies = [0, 1, 254, 255, 256, 257].map(|len| vec![b'x'; len]);
    let mut stream = handshake(V31, "PUSH");
    stream.extend(command(Command::Ping { ttl: Duration::ZERO, context: &[9; 16] }));
    for body in &bodies {
        stream.extend(frame(FrameKind::Last, body));
        stream.extend(long(0x02, body));
    }
    stream.extend(long(0x06, b"\x04PONG"));
    let expected: Vec<_> = bodies.iter().flat_map(|bytes| [(); 2].map(|()| bytes.clone())).collect();
    let now = Instant::now();
    for cut in 0..=stream.len() {
        let mut end = End::new(pull(), now);
        end.hear(&stream[..cut], now);
        end.hear(&stream[cut..], now);
        assert_eq!((end.error, end.heard.len()), (None, 1 + expected.len()), "cut at {cut}");
        for (heard, expected) in end.heard[1..].iter().zip(&expected) {
            assert!(
                matches!(heard, Heard::Part { bytes, is_last: true } if bytes == expected),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn traffic_only_after_both_readys() {
    let now = Instant::now();
    let mut end = End::new(pull(), now);
    assert_eq!(end.say(), greeting(Mechanism::NULL, V31), "and no READY before the peer's greeting");
    end.hear(&greeting(Mechanism::NULL, V31), now);
    assert_eq!(end.say(), ready(&[("Socket-Type", "PULL")]));
    assert_eq!(end.session.peer(), None, "nothing may be sent to it yet");
    end.hear(&frame(FrameKind::Last, b"hasty"), now);
    assert_eq!(end.story(), "error: expected READY, found a message");

    // Nor anything else.
    for hasty in [
        command(Command::Ping { ttl: Duration::ZERO, context: b"" }),
        command(Command::Subscribe { prefix: b"" }),
        command(Command::Other { name: b"FOO", data: b"" }),
    ] {
        let mut end = End::new(pull(), now);
        end.hear(&[greeting(Mechanism::NULL, V31), hasty].concat(), now);
        assert!(
            matches!(end.error, Some(SessionError::Unexpected { expected: "READY", .. })),
            "{}",
            end.story()
        );
    }
}

#[test]
fn a_ping_between_parts_is_answered_and_does_not_end_the_message() {
    let now = Instant::now();
    let mut end = joined(local(SocketType::Pub, Side::Accepted), V31, "SUB", now);
    let ping = command(Command::Ping { ttl: Duration::ZERO, context: b"ctx" });
    // Of a PUB, where a single part of this kind would be a subscription.
    let stream = [frame(FrameKind::More, b"a"), ping, frame(FrameKind::Last, b"\x01b")].concat();
    end.hear(&stream, now);
    assert_eq!(end.story(), r#"joined, "a"+, "\x01b""#);
    assert_eq!(end.say(), command(Command::Pong { context: b"ctx" }));
}

#[test]
fn a_plain_server_need_not_say_that_it_is_one() {
    for as_server in [0, 1] {
        let now = Instant::now();
        let security = Security::plain("admin", "secret");
        let mut end = End::new(Local { security, ..local(SocketType::Push, Side::Connected) }, now);
        let mut stream = greeting(Mechanism::PLAIN, V31);
        stream[32] = as_server;
        end.hear(&stream, now);
        end.hear(&command(Command::Other { name: b"WELCOME", data: b"" }), now);
        end.hear(&ready(&[("Socket-Type", "PULL")]), now);
        assert_eq!(end.story(), "joined", "as-server {as_server}");
    }
    // Ours says so.
    let security = Security::PlainServer([("a", "b")].into_iter().collect());
    let mut server = End::new(Local { security, ..pull() }, Instant::now());
    assert_eq!(server.say()[32], 1);
}

#[test]
fn both_spellings_of_a_plain_error_are_read_and_the_right_one_is_sent() {
    let now = Instant::now();
    let security = Security::plain("admin", "wrong");
    for spelling in [&b"\x05ERROR\x03400"[..], b"\x5eRROR\x03400"] {
        let mut end =
            End::new(Local { security: security.clone(), ..local(SocketType::Push, Side::Connected) }, now);
        end.hear(&[greeting(Mechanism::PLAIN, V31), frame(FrameKind::Command, spelling)].concat(), now);
        let error = end.error.expect("it was told");
        assert_eq!(error, SessionError::PeerError { reason: b"400".to_vec() });
        assert!(error.is_final());
    }
    let known = Security::PlainServer([("admin", "secret")].into_iter().collect());
    let mut client = End::new(Local { security, ..local(SocketType::Push, Side::Connected) }, now);
    let mut server = End::new(Local { security: known, ..pull() }, now);
    talk((&mut client, V31), (&mut server, V31), now);
    assert_eq!(server.error, Some(SessionError::Refused { username: b"admin".to_vec() }));
    let reason = b"Invalid username or password".to_vec();
    assert_eq!(client.error, Some(SessionError::PeerError { reason }));
}

#[test]
fn a_publisher_takes_both_forms_of_subscriptions_of_any_version() {
    let now = Instant::now();
    for version in [V30, V31] {
        let mut end = joined(local(SocketType::Pub, Side::Accepted), version, "SUB", now);
        let stream = [
            frame(FrameKind::Last, b"\x01A"),
            command(Command::Subscribe { prefix: b"A" }),
            frame(FrameKind::Last, b"\x00A"),
            command(Command::Cancel { prefix: b"" }),
            // No subscriptions: of several parts, of another first byte, of none.
            frame(FrameKind::More, b"\x01A"),
            frame(FrameKind::Last, b"\x01A"),
            frame(FrameKind::Last, b"\x02A"),
            frame(FrameKind::Last, b""),
        ];
        end.hear(&stream.concat(), now);
        let subscriptions = r#"on "A", on "A", off "A", off """#;
        let others = r#""\x01A"+, "\x01A", "\x02A", """#;
        assert_eq!(end.story(), format!("joined, {subscriptions}, {others}"), "{version:?}");
    }
}

#[test]
fn who_is_no_publisher_has_no_subscriptions() {
    let now = Instant::now();
    let mut end = joined(pull(), V31, "PUSH", now);
    end.hear(&[command(Command::Subscribe { prefix: b"A" }), frame(FrameKind::Last, b"\x01A")].concat(), now);
    assert_eq!(end.story(), r#"joined, "\x01A""#);
}

#[test]
fn the_minor_version_decides_how_a_subscriber_says_it() {
    let now = Instant::now();
    for (version, on, off) in [
        (V30, frame(FrameKind::Last, b"\x01A"), frame(FrameKind::Last, b"\x00A")),
        (V31, command(Command::Subscribe { prefix: b"A" }), command(Command::Cancel { prefix: b"A" })),
        ((3, 2), command(Command::Subscribe { prefix: b"A" }), command(Command::Cancel { prefix: b"A" })),
        ((4, 0), command(Command::Subscribe { prefix: b"A" }), command(Command::Cancel { prefix: b"A" })),
    ] {
        let mut end = joined(local(SocketType::Sub, Side::Connected), version, "PUB", now);
        assert!(end.session.subscribe(b"A", true) && end.session.subscribe(b"A", false));
        assert_eq!(end.say(), [on, off].concat(), "{version:?}");
    }
}

#[test]
fn a_prefix_that_fits_no_command_is_not_sent() {
    let now = Instant::now();
    let longest = vec![b'x'; Session::PREFIX_MAX];
    let mut end = joined(local(SocketType::Sub, Side::Connected), V31, "PUB", now);
    assert!(end.session.subscribe(&longest, true));
    assert_eq!(end.say(), command(Command::Subscribe { prefix: &longest }));
    assert!(!end.session.subscribe(&[&longest[..], b"x"].concat(), true));
    assert_eq!(end.say(), b"");
}

#[test]
fn an_identity_that_is_there_and_empty_is_said_and_taken() {
    let now = Instant::now();
    for (socket_type, peer) in
        [(SocketType::Req, "REP"), (SocketType::Dealer, "ROUTER"), (SocketType::Router, "REQ")]
    {
        let mut end = End::new(local(socket_type, Side::Connected), now);
        let properties = [("Socket-Type", peer), ("Identity", "")];
        end.hear(&[greeting(Mechanism::NULL, V31), ready(&properties)].concat(), now);
        assert_eq!(end.story(), "joined");
        assert_eq!(end.session.peer().map(|peer| &peer.identity[..]), Some(&b""[..]));
        let own = ready(&[("Socket-Type", socket_type.name()), ("Identity", "")]);
        assert_eq!(end.say()[64..], own, "{socket_type}");
    }
    // Others say nothing, even if they have one.
    let mut end = End::new(Local { identity: b"me".to_vec(), ..pull() }, now);
    end.hear(&handshake(V31, "PUSH"), now);
    assert_eq!(end.say()[64..], ready(&[("Socket-Type", "PULL")]));
}

#[test]
fn names_of_properties_are_read_in_any_case() {
    let now = Instant::now();
    for names in [["socket-type", "identity"], ["SOCKET-TYPE", "IDENTITY"], ["sOCKET-tYPE", "iDENTITY"]] {
        let mut end = End::new(local(SocketType::Router, Side::Accepted), now);
        let ready = ready(&[(names[0], "DEALER"), ("X-other", "PUSH"), (names[1], "client-7")]);
        end.hear(&[greeting(Mechanism::NULL, V31), ready].concat(), now);
        let peer = end.session.peer().expect("it has joined");
        assert_eq!((&*peer.socket_type, &peer.identity[..]), ("DEALER", &b"client-7"[..]));
    }
    // Not so the values.
    let mut end = End::new(pull(), now);
    end.hear(&[greeting(Mechanism::NULL, V31), ready(&[("Socket-Type", "push")])].concat(), now);
    assert_eq!(end.story(), "error: expected a peer of type PUSH, found push");
}

#[test]
fn a_size_over_the_maximum_ends_it_before_the_body_has_come() {
    let now = Instant::now();
    for header in [&[0x00, 101][..], &long(0x02, &[0; 101])[..9], &[0x03, 0x7f, 0, 0, 0, 0, 0, 0, 0]] {
        let mut end = End::bounded(pull(), 100, now);
        end.hear(&[&handshake(V31, "PUSH")[..], header].concat(), now);
        let error = end.error.clone().expect("refused");
        assert!(matches!(error, SessionError::Frame(FrameError::TooLong { max: 100, .. })), "{error}");
        assert!(error.is_final());
        end.say();
        assert!(
            end.said.iter().all(|(_, body)| !body.starts_with(b"\x05ERROR")),
            "it is closed without a word"
        );
    }
}

#[test]
fn a_slow_greeting_ends_by_the_deadline_however_it_dribbles() {
    let begun = Instant::now();
    let within = Duration::from_secs(30);
    let mut end = End::new(Local { handshake_within: Some(within), ..pull() }, begun);
    let mut now = begun;
    for byte in greeting(Mechanism::NULL, V31).iter().take(29) {
        now += Duration::from_secs(1);
        end.hear(&[*byte], now);
        assert_eq!(end.session.deadline(), Some(begun + within));
        assert_eq!(end.session.on_deadline(now), Ok(()));
    }
    let error = end.session.on_deadline(begun + within).expect_err("it is over");
    assert_eq!(error, SessionError::HandshakeTimedOut { within });
}

#[test]
fn to_a_peer_of_3_0_goes_no_command_but_ready() {
    let begun = Instant::now();
    let heartbeat = Some(Heartbeat::every(Duration::from_secs(1)));
    let mut end = End::new(Local { heartbeat, ..local(SocketType::Sub, Side::Connected) }, begun);
    end.hear(&handshake(V30, "PUB"), begun);
    assert!(end.session.subscribe(b"", true) && end.session.subscribe(b"", false));
    assert_eq!(end.session.deadline(), None, "it is not asked for signs of life");
    assert_eq!(end.session.on_deadline(begun + Duration::from_secs(100)), Ok(()));
    let said = [greeting(Mechanism::NULL, V31), ready(&[("Socket-Type", "SUB")])].concat();
    let said = [said, frame(FrameKind::Last, b"\x01"), frame(FrameKind::Last, b"\0")].concat();
    assert_eq!(end.say(), said);
}

#[test]
fn a_peer_of_3_0_that_asks_nevertheless_is_answered() {
    let now = Instant::now();
    let mut end = joined(pull(), V30, "PUSH", now);
    end.hear(&command(Command::Ping { ttl: Duration::ZERO, context: b"x" }), now);
    assert_eq!(end.say(), command(Command::Pong { context: b"x" }));
}
