//! When a wait ends: timeouts, which are never early, signals, and events from other threads.

use std::time::{Duration, Instant};

use crate::{Events, Interest, Ready, Token, Trigger};

use super::fixtures::{drain, fill, put, reset_connection, unix_pair, Pipe};
use super::support::{triggers, Subject, QUIET};
use super::system::{handle_without_effect, raise, under_signals};
use super::Open;

/// How often signals come where they come.
const OFTEN: Duration = Duration::from_millis(1);

pub fn a_timeout_is_never_early(open: Open) {
    let pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    // Odd lengths from a nanosecond to 3 ms, most of them short.
    let lengths = (0..300u64).map(|index| 1 + (index * index * index * 7919 / 60) % 3_000_000);
    for timeout in lengths.map(Duration::from_nanos) {
        let start = subject.poller.now();
        assert!(subject.wait(Some(timeout)).is_empty());
        let slept = subject.poller.now() - start;
        assert!(slept >= timeout, "a timeout of {timeout:?} was over after {slept:?}");
    }
}

/// A wrong unit would make it a thousandth, or a thousand times as long, which the watchdog does not wait for.
pub fn a_timeout_of_100_milliseconds_is_just_that(open: Open) {
    let timeout = Duration::from_millis(100);
    let mut subject = Subject::new(open);
    let start = Instant::now();
    assert!(subject.wait(Some(timeout)).is_empty());
    assert!(start.elapsed() >= timeout);
}

pub fn a_zero_timeout_does_not_block_and_still_reports(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    assert!(subject.look_awake().is_empty());
    put(&mut pipe.writer);
    let found = subject.look_awake();
    assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{found:?}");
}

pub fn no_timeout_waits_until_an_event(open: Open) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    let writer = later(move || put(&mut far));
    assert_eq!(subject.promised(1), Ready::READABLE);
    writer.join().expect("the writer does not panic");
}

pub fn an_event_ends_a_timed_wait(open: Open) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::OneShot);
    let writer = later(move || {
        put(&mut far);
        far
    });
    let found = subject.wait(Some(Duration::from_secs(3600)));
    assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{found:?}");
    drop(writer.join().expect("the writer does not panic"));
}

pub fn a_hang_up_ends_a_wait(open: Open) {
    let (near, far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    let closer = later(move || drop(far));
    assert_eq!(subject.promised(1), Ready::READABLE);
    closer.join().expect("the closer does not panic");
}

pub fn a_huge_timeout_neither_overflows_nor_ends_early(open: Open) {
    let (mut near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    for timeout in [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(i64::MAX as u64),
        Duration::from_millis(i32::MAX as u64 + 1),
        // A millisecond, as 32 bits of them: a wait that cuts it ends before the event.
        Duration::from_millis((1 << 32) + 1),
        // 25 days, which is negative as 32 bits of milliseconds.
        Duration::from_secs(25 * 24 * 3600),
        Duration::from_secs(24 * 3600) + Duration::from_nanos(1),
    ] {
        let mut other = far.try_clone().expect("dup");
        let writer = later(move || put(&mut other));
        let found = subject.wait(Some(timeout));
        assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{timeout:?}: {found:?}");
        writer.join().expect("the writer does not panic");
        drain(&mut near).expect("drain");
    }
    put(&mut far);
}

pub fn a_timeout_holds_with_nothing_registered(open: Open) {
    let mut subject = Subject::new(open);
    subject.assert_silent();
    let pipe = Pipe::ready();
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    subject.delete(&pipe.reader);
    subject.assert_silent();
}

pub fn a_timeout_holds_with_only_silent_registrations(open: Open) {
    let (ready, broken) = (Pipe::ready(), reset_connection());
    let mut subject = Subject::new(open);
    subject.add(&ready.reader, 1, Interest::READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.add(&broken, 2, Interest::NONE, Trigger::Level);
    subject.assert_silent();
}

pub fn a_signal_ends_the_wait_without_an_error(open: Open) {
    let mut subject = Subject::new(open);
    let pipe = Pipe::new();
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    under_signals(libc::SIGUSR1, 0, OFTEN, || {
        // Nothing is ever written: the wait can end by the signal alone.
        assert!(subject.wait(None).is_empty());
        assert!(subject.wait(Some(Duration::from_secs(3600))).is_empty());
    });
}

pub fn a_signal_that_restarts_system_calls_ends_the_wait_too(open: Open) {
    let mut subject = Subject::new(open);
    under_signals(libc::SIGUSR2, libc::SA_RESTART, OFTEN, || {
        assert!(subject.wait(None).is_empty());
        assert!(subject.wait(Some(Duration::from_secs(3600))).is_empty());
    });
}

pub fn signals_lose_no_event(open: Open) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::OneShot);
    let writer = later(move || {
        put(&mut far);
        far
    });
    under_signals(libc::SIGUSR1, 0, OFTEN, || loop {
        match subject.wait(None)[..] {
            [] => {}
            [(1, ready)] => break assert!(ready.is_readable()),
            ref found => panic!("{found:?}"),
        }
    });
    drop(writer.join().expect("the writer does not panic"));
}

pub fn a_deadline_kept_by_the_caller_survives_signals(open: Open) {
    let mut subject = Subject::new(open);
    let length = Duration::from_millis(100);
    under_signals(libc::SIGUSR1, 0, OFTEN, || {
        let start = Instant::now();
        while let Some(left) = length.checked_sub(start.elapsed()) {
            assert!(subject.wait(Some(left)).is_empty());
        }
    });
}

pub fn events_hold_only_what_the_last_wait_found(open: Open) {
    let (mut first, second) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(open);
    subject.add(&first.reader, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut first.reader).expect("drain");
    subject.add(&second.reader, 2, Interest::READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(2), Ready::READABLE);
    subject.poller.wait(&mut subject.events, Some(QUIET)).expect("wait");
    assert_eq!((subject.events.len(), subject.events.is_empty()), (0, true));
    assert_eq!(subject.events.get(0), None);
}

pub fn events_of_another_poller_are_cleared(open: Open) {
    let pipe = Pipe::ready();
    let mut events = Events::with_capacity(4);
    let mut first = open().expect("open a poller");
    let mut second = open().expect("open a poller");
    first
        .add(std::os::unix::io::AsFd::as_fd(&pipe.reader), Token(1), Interest::READABLE, Trigger::Level)
        .expect("add");
    first.wait(&mut events, None).expect("wait");
    assert_eq!(events.len(), 1);
    second.wait(&mut events, Some(Duration::ZERO)).expect("wait");
    assert_eq!(events.len(), 0);
}

/// Runs something on another thread, a little later: mostly when the caller waits already, and rightly in either case.
fn later<T: Send + 'static>(action: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::spawn(move || {
        std::thread::sleep(QUIET);
        action()
    })
}

pub fn a_zero_timeout_with_nothing_registered_does_not_block(open: Open) {
    let mut subject = Subject::new(open);
    for _ in 0..100 {
        assert!(subject.look_awake().is_empty());
    }
}

pub fn a_timeout_after_an_event_is_whole_again(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&pipe.reader, 1, Interest::READABLE, trigger);
        put(&mut pipe.writer);
        let found = subject.wait(Some(Duration::from_secs(3600)));
        assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{found:?}");
        drain(&mut pipe.reader).expect("drain");
        subject.assert_silent();
        subject.delete(&pipe.reader);
    }
}

/// The handler has run by then, so there is nothing left for a wait to end for.
pub fn a_signal_handled_before_the_wait_does_not_end_it(open: Open) {
    let mut subject = Subject::new(open);
    handle_without_effect(libc::SIGUSR1, 0);
    raise(libc::SIGUSR1);
    subject.assert_silent();
}

pub fn an_event_ends_a_wait_with_every_trigger(open: Open) {
    for trigger in triggers(open) {
        let (near, mut far) = unix_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::READABLE, trigger);
        let writer = later(move || {
            put(&mut far);
            far
        });
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
        drop(writer.join().expect("the writer does not panic"));
    }
}

pub fn room_ends_a_wait_with_every_trigger(open: Open) {
    for trigger in triggers(open) {
        let (mut near, mut far) = unix_pair();
        fill(&mut near);
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::WRITABLE, trigger);
        let reader = later(move || {
            drain(&mut far).expect("drain");
            far
        });
        assert_eq!(subject.promised(1), Ready::WRITABLE, "{trigger:?}");
        drop(reader.join().expect("the reader does not panic"));
    }
}

pub fn events_outlive_their_poller(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    let Subject { poller, events } = subject;
    drop(poller);
    assert_eq!(events.get(0).map(|event| event.token), Some(Token(1)));
}
