//! Victims whose waits are interrupted, refused, delayed, or end without a reason.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ringmq::platform::{Interest, Poller, Token, Trigger};

use super::{count_signals, ready_pair, signal_count, wait, Setting, LONG};

/// A poller with one registration that is ready. The sockets are to be kept.
fn with_one_ready(setting: &Setting<'_>) -> (Box<dyn Poller>, [UnixStream; 2]) {
    let (near, far) = ready_pair();
    let mut poller = setting.open();
    poller.add(near.as_fd(), Token(1), Interest::READABLE, Trigger::Level).expect("add");
    (poller, [near, far])
}

fn assert_sleeps(poller: &mut dyn Poller, timeout: Duration) {
    let start = Instant::now();
    assert_eq!(wait(poller, Some(timeout)).expect("wait"), []);
    let slept = start.elapsed();
    assert!(slept >= timeout, "{slept:?} is less than {timeout:?}");
}

pub fn short_timeouts_are_never_early(setting: &Setting<'_>) {
    let mut poller = setting.open();
    for micros in [1, 1_500, 2_999] {
        assert_sleeps(&mut *poller, Duration::from_micros(micros));
    }
}

pub fn every_wait_is_interrupted(setting: &Setting<'_>) {
    let (mut poller, _pair) = with_one_ready(setting);
    for timeout in [Some(LONG), None].repeat(5) {
        assert_eq!(wait(&mut *poller, timeout).expect("a signal is no error"), []);
    }
}

pub fn every_wait_fails(setting: &Setting<'_>) {
    let (mut poller, _pair) = with_one_ready(setting);
    for timeout in [Some(LONG), None] {
        setting.assert_told(wait(&mut *poller, timeout));
    }
    assert_eq!(poller.stale_count(), 0);
}

pub fn one_wait_fails(setting: &Setting<'_>) {
    let (mut poller, _pair) = with_one_ready(setting);
    setting.assert_told(wait(&mut *poller, None));
    assert_eq!(wait(&mut *poller, None).expect("wait"), [Token(1)]);
}

pub fn an_event_arrives(setting: &Setting<'_>) {
    let (mut poller, _pair) = with_one_ready(setting);
    assert_eq!(wait(&mut *poller, None).expect("wait"), [Token(1)]);
    assert_eq!(poller.stale_count(), 0);
}

pub fn a_timeout_is_never_early(setting: &Setting<'_>) {
    assert_sleeps(&mut *setting.open(), Duration::from_millis(30));
}

pub fn a_signal_is_handled(setting: &Setting<'_>) {
    count_signals();
    let mut poller = setting.open();
    assert_eq!(wait(&mut *poller, Some(LONG)).expect("a signal is no error"), []);
    assert_eq!(signal_count(), 1);
}

/// Under strace the kernel may end a wait for a signal that nobody handles, so its end proves nothing.
pub fn a_signal_is_ignored(setting: &Setting<'_>) {
    let mut poller = setting.open();
    let deadline = Instant::now() + Duration::from_millis(30);
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        assert_eq!(wait(&mut *poller, Some(left)).expect("wait"), []);
    }
}
