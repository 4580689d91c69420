//! The waker, an ordinary source, in each backend: no wake is lost, and many are one.

use std::os::unix::io::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ringmq_platform::{Backend, Interest, Ready, Trigger, WakeReceiver, Waker};

use crate::support::{backend_supports, Subject};

fn woken(backend: Backend, trigger: Trigger) -> (Subject, Waker, WakeReceiver) {
    let (waker, receiver) = Waker::new().expect("open a waker");
    let mut subject = Subject::new(backend);
    subject.add(&receiver, 1, Interest::READABLE, trigger);
    (subject, waker, receiver)
}

pub fn a_hundred_thousand_wakes_are_one(backend: Backend) {
    let (mut subject, waker, mut receiver) = woken(backend, Trigger::Level);
    subject.assert_silent();
    (0..100_000).for_each(|_| waker.wake());
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert!(receiver.drain());
    subject.assert_silent();
    assert!(!receiver.drain());
}

pub fn a_wake_before_the_wait_is_kept(backend: Backend) {
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            let (mut subject, waker, mut receiver) = woken(backend, trigger);
            waker.wake();
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            assert!(receiver.drain());
        }
    }
}

pub fn a_wake_before_the_registration_is_kept(backend: Backend) {
    let (waker, receiver) = Waker::new().expect("open a waker");
    waker.wake();
    let mut subject = Subject::new(backend);
    subject.add(&receiver, 1, Interest::READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn a_wake_from_another_thread_ends_the_wait(backend: Backend) {
    let (mut subject, waker, mut receiver) = woken(backend, Trigger::Level);
    for timeout in [None, Some(Duration::from_secs(3600))] {
        let waker = waker.clone();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(2));
            waker.wake();
        });
        let found = subject.wait(timeout);
        assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{found:?}");
        assert!(receiver.drain());
        other.join().expect("the other thread does not panic");
        subject.assert_silent();
    }
}

pub fn a_wake_after_the_poller_is_gone_does_nothing(backend: Backend) {
    let (subject, waker, mut receiver) = woken(backend, Trigger::Level);
    drop(subject);
    waker.wake();
    assert!(receiver.drain());
    drop(receiver);
    waker.wake();
}

pub fn a_receiver_can_be_deleted_and_dropped(backend: Backend) {
    let (mut subject, waker, receiver) = woken(backend, Trigger::Level);
    waker.wake();
    subject.poller.delete(receiver.as_fd()).expect("delete");
    drop(receiver);
    waker.wake();
    subject.assert_silent();
}

/// Publish, then wake; drain, then look: whatever the two threads do meanwhile, the count is seen to its end.
pub fn no_wake_is_lost(backend: Backend) {
    const COUNT: u64 = 50_000;
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if !backend_supports(backend, trigger) {
            continue;
        }
        let (mut subject, waker, mut receiver) = woken(backend, trigger);
        let published = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&published);
        let producer = std::thread::spawn(move || {
            for _ in 0..COUNT {
                counter.fetch_add(1, Ordering::SeqCst);
                waker.wake();
            }
        });
        while published.load(Ordering::SeqCst) < COUNT {
            subject.wait(None);
            if trigger == Trigger::OneShot {
                subject.modify(&receiver, 1, Interest::READABLE, trigger);
            }
            receiver.drain();
        }
        producer.join().expect("the producer does not panic");
    }
}
