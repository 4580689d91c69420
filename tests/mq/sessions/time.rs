//! Handshakes that take too long, and peers that give no sign of life, on a clock of the test's own.

use std::time::{Duration, Instant};

use super::end::End;
use super::{command, frame, greeting, handshake, joined, local, pull};
use ringmq::codec::zmtp::{Command, FrameKind, Mechanism};
use ringmq::mq::{Dialect, Heartbeat, Local, SessionError, Side, SocketType};

const V31: (u8, u8) = (3, 1);

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn with_handshake(dialect: Dialect, side: Side) -> Local {
    let socket_type = if side == Side::Accepted { SocketType::Rep } else { SocketType::Req };
    Local { dialect, handshake_within: Some(ms(300)), ..local(socket_type, side) }
}

#[test]
fn a_handshake_begins_with_the_session_and_has_its_time() {
    let begun = Instant::now();
    for (dialect, side) in
        [(Dialect::Zmtp, Side::Accepted), (Dialect::Zmtp, Side::Connected), (Dialect::Any, Side::Connected)]
    {
        let mut end = End::new(with_handshake(dialect, side), begun);
        assert_eq!(end.session.deadline(), Some(begun + ms(300)), "{dialect} {side:?}");
        assert_eq!(end.session.on_deadline(begun + ms(299)), Ok(()), "too early");
        let error = end.session.on_deadline(begun + ms(300));
        assert_eq!(error, Err(SessionError::HandshakeTimedOut { within: ms(300) }));
        assert_eq!(end.session.deadline(), None);
        assert_eq!(end.session.on_deadline(begun), error, "for good");
    }
}

#[test]
fn a_handshake_on_a_connection_that_is_being_made_begins_when_it_is() {
    let begun = Instant::now();
    let mut end = End::new(with_handshake(Dialect::Zmtp, Side::Connected), begun);
    end.session.connected(begun + ms(200));
    assert_eq!(end.session.deadline(), Some(begun + ms(500)));
    // Where there is none to do, none begins.
    let mut ring = End::new(with_handshake(Dialect::Ring, Side::Connected), begun);
    ring.session.connected(begun + ms(200));
    assert_eq!(ring.session.deadline(), None);
}

#[test]
fn a_handshake_at_a_port_for_any_begins_with_an_ff() {
    let begun = Instant::now();
    let mut end = End::new(with_handshake(Dialect::Any, Side::Accepted), begun);
    assert_eq!(end.session.deadline(), None, "a requester of RingMQ may be silent");
    let first_byte = begun + ms(10_000);
    end.hear(&[0xff], first_byte);
    assert_eq!(end.session.deadline(), Some(first_byte + ms(300)));
    // And only once.
    end.hear(&[0], first_byte + ms(100));
    assert_eq!(end.session.deadline(), Some(first_byte + ms(300)));

    for dialect in [Dialect::Ring, Dialect::Any] {
        let mut ring = End::new(with_handshake(dialect, Side::Accepted), begun);
        ring.hear(&[0], begun);
        assert_eq!((ring.session.deadline(), ring.say()), (None, vec![]), "{dialect}");
    }
}

#[test]
fn a_handshake_that_is_done_has_no_deadline_any_more() {
    let begun = Instant::now();
    let mut end = End::new(with_handshake(Dialect::Zmtp, Side::Accepted), begun);
    end.hear(&handshake(V31, "REQ"), begun + ms(299));
    assert_eq!((&*end.story(), end.session.deadline()), ("joined", None));
    assert_eq!(end.session.on_deadline(begun + ms(300)), Ok(()));
    end.session.connected(begun + ms(300));
    assert_eq!(end.session.deadline(), None);
}

#[test]
fn times_beyond_all_clocks_are_never() {
    let begun = Instant::now();
    let forever = Heartbeat { interval: Duration::MAX, timeout: Duration::MAX, ttl: ms(6_553_500) };
    let local = Local { handshake_within: Some(Duration::MAX), heartbeat: Some(forever), ..pull() };
    let mut end = End::new(local, begun);
    assert_eq!(end.session.deadline(), None);
    end.hear(&handshake(V31, "PUSH"), begun);
    assert_eq!((&*end.story(), end.session.deadline()), ("joined", None));
}

fn asking(heartbeat: Heartbeat, now: Instant) -> End {
    joined(Local { heartbeat: Some(heartbeat), ..pull() }, V31, "PUSH", now)
}

fn ping(ttl: Duration) -> Vec<u8> {
    command(Command::Ping { ttl, context: b"" })
}

fn pong() -> Vec<u8> {
    command(Command::Pong { context: b"" })
}

#[test]
fn a_peer_is_asked_each_interval_whether_or_not_there_is_traffic() {
    let begun = Instant::now();
    let heartbeat = Heartbeat { ttl: ms(1450), ..Heartbeat::every(ms(100)) };
    let mut end = asking(heartbeat, begun);
    for round in 1..=5 {
        let due = begun + ms(100) * round;
        end.hear(&frame(FrameKind::Last, b"traffic"), due - ms(1));
        assert_eq!(end.session.deadline(), Some(due));
        assert_eq!(end.session.on_deadline(due - ms(1)), Ok(()));
        assert_eq!(end.say(), b"", "not yet");
        assert_eq!(end.session.on_deadline(due), Ok(()));
        // In tenths of a second, rounded up.
        assert_eq!(end.say(), ping(ms(1500)));
        end.hear(&pong(), due + ms(1));
    }
}

#[test]
fn nobody_is_asked_before_the_handshake_is_done() {
    let begun = Instant::now();
    let local = Local { heartbeat: Some(Heartbeat::every(ms(100))), ..pull() };
    let mut end = End::new(local, begun);
    end.hear(&greeting(Mechanism::NULL, V31), begun);
    assert_eq!(end.session.deadline(), None);
    let mut ring = with_handshake(Dialect::Ring, Side::Connected);
    ring.heartbeat = Some(Heartbeat::every(ms(100)));
    assert_eq!(End::new(ring, begun).session.deadline(), None, "nor is who cannot be");
}

#[test]
fn silence_after_a_ping_is_the_end_at_its_time() {
    let begun = Instant::now();
    let heartbeat = Heartbeat { timeout: ms(250), ..Heartbeat::every(ms(100)) };
    let mut end = asking(heartbeat, begun);
    // Asked at 100, 200 and 300: what counts is the first of them, at 350.
    for at in [100, 200, 300] {
        assert_eq!(end.session.deadline(), Some(begun + ms(at)));
        assert_eq!(end.session.on_deadline(begun + ms(at)), Ok(()));
        assert_eq!(end.say(), ping(ms(0)));
    }
    assert_eq!(end.session.deadline(), Some(begun + ms(350)));
    let error = SessionError::HeartbeatLost { within: ms(250) };
    assert_eq!(end.session.on_deadline(begun + ms(350)), Err(error.clone()));
    assert!(!error.is_final(), "it may be back");
    assert_eq!(end.say(), b"", "and is not asked once more");
    end.hear(&pong(), begun + ms(351));
    assert_eq!(end.error, Some(error), "it is too late");
}

#[test]
fn whatever_comes_is_a_sign_of_life() {
    for sign in [
        pong(),
        ping(ms(0)),
        frame(FrameKind::Last, b"a"),
        frame(FrameKind::More, b"a"),
        command(Command::Other { name: b"FOO", data: b"" }),
    ] {
        let begun = Instant::now();
        let mut end = asking(Heartbeat::every(ms(100)), begun);
        end.session.on_deadline(begun + ms(100)).expect("asked");
        end.hear(&sign, begun + ms(199));
        assert_eq!(end.session.on_deadline(begun + ms(200)), Ok(()), "asked again");
        assert_eq!(end.session.deadline(), Some(begun + ms(300)));
    }
}

#[test]
fn a_frame_that_is_not_whole_is_no_sign_of_life() {
    let begun = Instant::now();
    let mut end = asking(Heartbeat::every(ms(100)), begun);
    end.session.on_deadline(begun + ms(100)).expect("asked");
    let part = frame(FrameKind::Last, b"abc");
    end.hear(&part[..part.len() - 1], begun + ms(199));
    assert!(end.session.on_deadline(begun + ms(200)).is_err());
}

#[test]
fn an_owner_that_is_late_asks_once() {
    let begun = Instant::now();
    let mut end = asking(Heartbeat::every(ms(100)), begun);
    assert_eq!(end.session.on_deadline(begun + ms(1000)), Ok(()));
    assert_eq!(end.say(), ping(ms(0)));
    assert_eq!(end.session.on_deadline(begun + ms(1000)), Ok(()));
    assert_eq!((end.say(), end.session.deadline()), (vec![], Some(begun + ms(1100))));
}

#[test]
fn an_owner_that_does_not_look_excuses_the_silence() {
    let begun = Instant::now();
    let mut end = asking(Heartbeat { timeout: ms(50), ..Heartbeat::every(ms(100)) }, begun);
    for at in [100, 150, 200, 250, 300] {
        end.session.excuse_silence(begun + ms(at));
        assert_eq!(end.session.on_deadline(begun + ms(at)), Ok(()), "{at}");
    }
    assert!(end.session.on_deadline(begun + ms(350)).is_err(), "now it looks");
}

#[test]
fn who_says_how_long_to_believe_it_is_believed_for_so_long() {
    let begun = Instant::now();
    let mut end = joined(pull(), V31, "PUSH", begun);
    assert_eq!(end.session.deadline(), None);
    end.hear(&ping(ms(300)), begun);
    assert_eq!(end.session.deadline(), Some(begun + ms(300)));
    // As long again from each sign of life on, and from now on for as long as it says now.
    end.hear(&frame(FrameKind::Last, b"a"), begun + ms(299));
    assert_eq!(end.session.on_deadline(begun + ms(300)), Ok(()));
    assert_eq!(end.session.deadline(), Some(begun + ms(599)));
    end.hear(&ping(ms(100)), begun + ms(400));
    assert_eq!(end.session.on_deadline(begun + ms(499)), Ok(()));
    let error = SessionError::HeartbeatLost { within: ms(100) };
    assert_eq!(end.session.on_deadline(begun + ms(500)), Err(error));
}

#[test]
fn who_says_nothing_of_it_is_believed_for_ever() {
    let begun = Instant::now();
    let mut end = joined(pull(), V31, "PUSH", begun);
    end.hear(&ping(ms(300)), begun);
    end.hear(&ping(ms(0)), begun + ms(100));
    assert_eq!(end.session.deadline(), None);
    end.hear(&frame(FrameKind::Last, b"a"), begun + ms(200));
    assert_eq!(end.session.deadline(), None);
}
