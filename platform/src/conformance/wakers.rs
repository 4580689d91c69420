//! The waker, an ordinary source, in each backend: no wake is lost, and many are one.

use std::os::unix::io::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crate::{Interest, Ready, Trigger, WakeReceiver, Waker};

use super::fixtures::{drain, Pipe};
use super::support::{open_numbers, supports, triggers, Subject};
use super::Open;

fn woken(open: Open, trigger: Trigger) -> (Subject, Waker, WakeReceiver) {
    let (waker, receiver) = Waker::new().expect("open a waker");
    let mut subject = Subject::new(open);
    subject.add(&receiver, 1, Interest::READABLE, trigger);
    (subject, waker, receiver)
}

pub fn a_hundred_thousand_wakes_are_one(open: Open) {
    for trigger in triggers(open) {
        let (mut subject, waker, mut receiver) = woken(open, trigger);
        subject.assert_silent();
        (0..100_000).for_each(|_| waker.wake());
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
        assert!(receiver.drain());
        subject.assert_silent();
        assert!(!receiver.drain());
    }
}

pub fn a_wake_before_the_wait_is_kept(open: Open) {
    for trigger in triggers(open) {
        let (mut subject, waker, mut receiver) = woken(open, trigger);
        waker.wake();
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
        assert!(receiver.drain());
    }
}

pub fn a_wake_before_the_registration_is_kept(open: Open) {
    for trigger in triggers(open) {
        let (waker, receiver) = Waker::new().expect("open a waker");
        waker.wake();
        let mut subject = Subject::new(open);
        subject.add(&receiver, 1, Interest::READABLE, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
    }
}

pub fn a_wake_from_another_thread_ends_the_wait(open: Open) {
    for trigger in triggers(open) {
        let (mut subject, waker, mut receiver) = woken(open, trigger);
        for timeout in [None, Some(Duration::from_secs(3600))] {
            let waker = waker.clone();
            let other = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(2));
                waker.wake();
            });
            let found = subject.wait(timeout);
            assert!(matches!(found[..], [(1, ready)] if ready.is_readable()), "{trigger:?}: {found:?}");
            assert!(receiver.drain());
            other.join().expect("the other thread does not panic");
            subject.assert_silent();
            subject.rearm(&receiver, 1, Interest::READABLE, trigger);
        }
    }
}

pub fn a_wake_after_the_poller_is_gone_does_nothing(open: Open) {
    let (subject, waker, mut receiver) = woken(open, Trigger::Level);
    drop(subject);
    waker.wake();
    assert!(receiver.drain());
    drop(receiver);
    waker.wake();
}

/// What the receiver had for its own is free then, and whoever is given it next has nothing of a wake.
pub fn a_receiver_can_be_deleted_and_dropped(open: Open) {
    for is_drained in [false, true] {
        let (mut subject, waker, mut receiver) = woken(open, Trigger::Level);
        waker.wake();
        // With a wake pending there is nothing to write for another.
        assert!(!is_drained || receiver.drain());
        subject.poller.delete(receiver.as_fd()).expect("delete");
        let open_before = open_numbers();
        let highest = open_before[open_before.len() - 1];
        let Pipe { mut reader, writer } = Pipe::new();
        drop(receiver);
        let mut writers = vec![writer];
        // Every number that is free, up to the highest that the receiver may have had.
        while writers.len() < 2 || writers[writers.len() - 1].as_raw_fd() <= highest {
            writers.push(writers[0].try_clone().expect("dup"));
        }
        waker.wake();
        assert_eq!(
            drain(&mut reader).expect("drain"),
            0,
            "a wake was written to a number of somebody else's"
        );
        subject.assert_silent();
        drop(waker);
        assert_eq!(drain(&mut reader).expect("drain"), 0);
    }
}

/// Publish, then wake; drain, then look: whatever the two threads do meanwhile, the count is seen to its end.
pub fn no_wake_is_lost(open: Open) {
    const COUNT: u64 = 50_000;
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if !supports(open, trigger) {
            continue;
        }
        let (mut subject, waker, mut receiver) = woken(open, trigger);
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

pub fn a_receiver_that_is_not_drained_goes_on_as_its_trigger_says(open: Open) {
    for trigger in triggers(open) {
        let (mut subject, waker, mut receiver) = woken(open, trigger);
        waker.wake();
        subject.goes_on_as(1, Ready::READABLE, trigger);
        assert!(receiver.drain());
        subject.assert_silent();
    }
}

pub fn a_wake_between_drain_and_wait_ends_the_wait(open: Open) {
    for trigger in triggers(open) {
        let (mut subject, waker, mut receiver) = woken(open, trigger);
        for _ in 0..100 {
            waker.wake();
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            assert!(receiver.drain());
            subject.rearm(&receiver, 1, Interest::READABLE, trigger);
        }
        subject.assert_silent();
    }
}

pub fn wakers_are_told_apart(open: Open) {
    let (first, mut of_first) = Waker::new().expect("open a waker");
    let (second, mut of_second) = Waker::new().expect("open a waker");
    let mut subject = Subject::new(open);
    subject.add(&of_first, 1, Interest::READABLE, Trigger::Level);
    subject.add(&of_second, 2, Interest::READABLE, Trigger::Level);
    second.wake();
    assert_eq!(subject.promised(2), Ready::READABLE);
    first.wake();
    assert!(of_second.drain());
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert!(of_first.drain());
    subject.assert_silent();
}

pub fn a_clone_wakes_after_its_original_is_gone(open: Open) {
    let (mut subject, waker, mut receiver) = woken(open, Trigger::Level);
    let clone = waker.clone();
    drop(waker);
    subject.assert_silent();
    clone.wake();
    assert_eq!(subject.promised(1), Ready::READABLE);
    drop(clone);
    assert!(receiver.drain(), "the wake outlives the waker");
    subject.assert_silent();
}

pub fn one_receiver_may_be_in_two_pollers(open: Open) {
    let (mut first, waker, mut receiver) = woken(open, Trigger::Level);
    let mut second = Subject::new(open);
    second.add(&receiver, 2, Interest::READABLE, Trigger::OneShot);
    waker.wake();
    assert_eq!(first.promised(1), Ready::READABLE);
    assert_eq!(second.promised(2), Ready::READABLE);
    assert!(receiver.drain());
    first.assert_silent();
    second.assert_silent();
}

/// As one thread's wakes, those of four.
pub fn no_wake_of_many_threads_is_lost(open: Open) {
    const THREADS: u64 = 4;
    const COUNT: u64 = 5_000;
    let (mut subject, waker, mut receiver) = woken(open, Trigger::Level);
    let published = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..COUNT {
                    published.fetch_add(1, Ordering::SeqCst);
                    waker.wake();
                }
            });
        }
        while published.load(Ordering::SeqCst) < THREADS * COUNT {
            subject.wait(None);
            receiver.drain();
        }
    });
}
