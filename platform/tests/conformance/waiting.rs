//! When a wait ends: timeouts, which are never early, signals, and events from other threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
use ringmq_platform::{Backend, Events, Interest, Ready, Token, Trigger};

use crate::fixtures::{drain, put, reset_connection, unix_pair, Pipe};
use crate::support::{Subject, QUIET};

pub fn a_timeout_is_never_early(backend: Backend) {
    let pipe = Pipe::new();
    let mut subject = Subject::new(backend);
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
pub fn a_timeout_of_100_milliseconds_is_just_that(backend: Backend) {
    let timeout = Duration::from_millis(100);
    let mut subject = Subject::new(backend);
    let start = Instant::now();
    assert!(subject.wait(Some(timeout)).is_empty());
    assert!(start.elapsed() >= timeout);
}

pub fn a_zero_timeout_does_not_block_and_still_reports(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    assert!(subject.look().is_empty());
    put(&mut pipe.writer);
    let found = subject.look();
    assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{found:?}");
}

pub fn no_timeout_waits_until_an_event(backend: Backend) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    let writer = later(move || put(&mut far));
    assert_eq!(subject.promised(1), Ready::READABLE);
    writer.join().expect("the writer does not panic");
}

pub fn an_event_ends_a_timed_wait(backend: Backend) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::OneShot);
    let writer = later(move || {
        put(&mut far);
        far
    });
    let found = subject.wait(Some(Duration::from_secs(3600)));
    assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{found:?}");
    drop(writer.join().expect("the writer does not panic"));
}

pub fn a_hang_up_ends_a_wait(backend: Backend) {
    let (near, far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    let closer = later(move || drop(far));
    assert_eq!(subject.promised(1), Ready::READABLE);
    closer.join().expect("the closer does not panic");
}

pub fn a_huge_timeout_neither_overflows_nor_ends_early(backend: Backend) {
    let (mut near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    for timeout in [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(i64::MAX as u64),
        Duration::from_millis(i32::MAX as u64 + 1),
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

pub fn a_timeout_holds_with_nothing_registered(backend: Backend) {
    let mut subject = Subject::new(backend);
    subject.assert_silent();
    let pipe = Pipe::ready();
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    subject.delete(&pipe.reader);
    subject.assert_silent();
}

pub fn a_timeout_holds_with_only_silent_registrations(backend: Backend) {
    let (ready, broken) = (Pipe::ready(), reset_connection());
    let mut subject = Subject::new(backend);
    subject.add(&ready.reader, 1, Interest::READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.add(&broken, 2, Interest::NONE, Trigger::Level);
    subject.assert_silent();
}

pub fn a_signal_ends_the_wait_without_an_error(backend: Backend) {
    let mut subject = Subject::new(backend);
    let pipe = Pipe::new();
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    under_signals(Signal::SIGUSR1, SaFlags::empty(), || {
        // Nothing is ever written: the wait can end by the signal alone.
        assert!(subject.wait(None).is_empty());
        assert!(subject.wait(Some(Duration::from_secs(3600))).is_empty());
    });
}

pub fn a_signal_that_restarts_system_calls_ends_the_wait_too(backend: Backend) {
    let mut subject = Subject::new(backend);
    under_signals(Signal::SIGUSR2, SaFlags::SA_RESTART, || {
        assert!(subject.wait(None).is_empty());
        assert!(subject.wait(Some(Duration::from_secs(3600))).is_empty());
    });
}

pub fn signals_lose_no_event(backend: Backend) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::OneShot);
    let writer = later(move || {
        put(&mut far);
        far
    });
    under_signals(Signal::SIGUSR1, SaFlags::empty(), || loop {
        match subject.wait(None)[..] {
            [] => {}
            [(1, ready)] => break assert!(ready.is_readable()),
            ref found => panic!("{found:?}"),
        }
    });
    drop(writer.join().expect("the writer does not panic"));
}

pub fn a_deadline_kept_by_the_caller_survives_signals(backend: Backend) {
    let mut subject = Subject::new(backend);
    let length = Duration::from_millis(100);
    under_signals(Signal::SIGUSR1, SaFlags::empty(), || {
        let start = Instant::now();
        while let Some(left) = length.checked_sub(start.elapsed()) {
            assert!(subject.wait(Some(left)).is_empty());
        }
    });
}

pub fn events_hold_only_what_the_last_wait_found(backend: Backend) {
    let (mut first, second) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(backend);
    subject.add(&first.reader, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut first.reader).expect("drain");
    subject.add(&second.reader, 2, Interest::READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(2), Ready::READABLE);
    subject.poller.wait(&mut subject.events, Some(QUIET)).expect("wait");
    assert_eq!((subject.events.len(), subject.events.is_empty()), (0, true));
    assert_eq!(subject.events.get(0), None);
}

pub fn events_of_another_poller_are_cleared(backend: Backend) {
    let pipe = Pipe::ready();
    let mut events = Events::with_capacity(4);
    let mut first = backend.open().expect("open a poller");
    let mut second = backend.open().expect("open a poller");
    first
        .add(std::os::fd::AsFd::as_fd(&pipe.reader), Token(1), Interest::READABLE, Trigger::Level)
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

/// Sends a signal to this thread every millisecond for as long as the body runs.
fn under_signals(signal: Signal, flags: SaFlags, body: impl FnOnce()) {
    extern "C" fn ignore(_: libc::c_int) {}
    let action = SigAction::new(SigHandler::Handler(ignore), flags, SigSet::empty());
    // SAFETY: the handler does nothing, which is safe at any point of any thread.
    unsafe { sigaction(signal, &action) }.expect("sigaction");
    let target = pthread_self();
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            while !has_ended.load(Ordering::SeqCst) {
                // The target is alive: it waits for this thread before it leaves the scope.
                pthread_kill(target, signal).expect("pthread_kill");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        // Also when the body panics: the scope waits for the sender.
        let end = End(&has_ended);
        body();
        drop(end);
        sender.join().expect("the sender does not panic");
    });
}
