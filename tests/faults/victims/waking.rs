//! Victims whose wakers are interrupted, find no room, or are pipes for want of an eventfd.

use std::os::fd::AsFd;
use std::time::Duration;

use ringmq::platform::{Interest, Poller, Token, Trigger, WakeReceiver, Waker};
use ringmq::Reactor;

use super::{wait, Setting};

const ZERO: Option<Duration> = Some(Duration::ZERO);
/// A wake that does not come is said before the watchdog has to end the victim.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

fn with_a_receiver(setting: &Setting<'_>) -> (Box<dyn Poller>, Waker, WakeReceiver) {
    let (waker, receiver) = Waker::new().expect("open a waker");
    let mut poller = setting.open();
    poller.add(receiver.as_fd(), Token(1), Interest::READABLE, Trigger::Level).expect("add");
    (poller, waker, receiver)
}

pub fn a_waker_wakes(setting: &Setting<'_>) {
    let (mut poller, waker, mut receiver) = with_a_receiver(setting);
    assert_eq!(wait(&mut *poller, ZERO).expect("wait"), []);
    waker.wake();
    waker.wake();
    assert_eq!(wait(&mut *poller, PATIENCE).expect("wait"), [Token(1)]);
    assert!(receiver.drain());
    assert_eq!(wait(&mut *poller, ZERO).expect("wait"), []);
    assert!(!receiver.drain());
}

/// Woken before it waits: whatever became of that wake, the wait has no other end.
pub fn a_reactor_is_woken(setting: &Setting<'_>) {
    let mut reactor = Reactor::with_backend(setting.backend).expect("make a reactor");
    reactor
        .remote()
        .post(|count: &mut usize, context| {
            *count += 1;
            context.stop();
        })
        .expect("post");
    let mut count = 0;
    reactor.run(&mut count).expect("run");
    assert_eq!(count, 1);
}

/// A receiver without room is readable already, says the kernel that speaks the truth. This one is not, and a drain sets it right.
pub fn a_wake_finds_no_room(setting: &Setting<'_>) {
    let (mut poller, waker, mut receiver) = with_a_receiver(setting);
    waker.wake();
    assert!(!receiver.drain());
    waker.wake();
    assert_eq!(wait(&mut *poller, PATIENCE).expect("wait"), [Token(1)]);
    assert!(receiver.drain());
}

pub fn a_drain_finds_nothing(setting: &Setting<'_>) {
    let (mut poller, waker, mut receiver) = with_a_receiver(setting);
    waker.wake();
    assert!(!receiver.drain());
    assert_eq!(wait(&mut *poller, PATIENCE).expect("wait"), [Token(1)]);
    assert!(receiver.drain());
}
