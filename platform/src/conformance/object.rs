//! The poller as an object: its own descriptor, pollers inside pollers, dropping it, and processes.

use std::os::unix::io::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::{Backend, Interest, Ready, Trigger};

use super::fixtures::{drain, polled, put, unix_pair, Pipe};
use super::support::{current_name, triggers, Subject, BOTH};
use super::{system, Open};

const READABLE: Interest = Interest::READABLE;

pub fn the_pollers_own_descriptor_is_pollable(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert!(!is_readable(&subject));
    put(&mut pipe.writer);
    assert!(is_readable(&subject));
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert!(is_readable(&subject), "it is on level as well");
    drain(&mut pipe.reader).expect("drain");
    subject.assert_silent();
    assert!(!is_readable(&subject));
}

/// What was told of a one-shot or an edge is nothing that is there to report, though its condition goes on.
pub fn the_pollers_own_descriptor_is_silent_once_all_is_told(open: Open) {
    for trigger in triggers(open).into_iter().filter(|trigger| *trigger != Trigger::Level) {
        for interest in [READABLE, BOTH] {
            let (near, mut far) = unix_pair();
            put(&mut far);
            let mut subject = Subject::new(open);
            subject.add(&near, 1, interest, trigger);
            for token in [1, 2, 3] {
                assert!(is_readable(&subject), "{trigger:?} {interest:?}");
                assert!(subject.promised(token).is_readable());
                // An edge may be told more than once, and kqueue may have to be waited for once more.
                while !subject.look().is_empty() {}
                assert!(!is_readable(&subject), "{trigger:?} {interest:?}, told");
                subject.modify(&near, token + 1, interest, trigger);
            }
        }
    }
}

fn is_readable(subject: &Subject) -> bool {
    let own = subject.poller.as_fd().expect("it has a descriptor");
    polled(&own, libc::POLLIN) & libc::POLLIN != 0
}

pub fn a_poller_may_wait_inside_any_other(open: Open) {
    for outer in Backend::AVAILABLE {
        let mut pipe = Pipe::new();
        let mut inner = Subject::new(open);
        inner.add(&pipe.reader, 1, READABLE, Trigger::Level);
        let own: OwnedFd = inner.poller.as_fd().expect("it has one").try_clone_to_owned().expect("dup");
        let mut outer = Subject::of(outer.open());
        outer.add(&own, 2, READABLE, Trigger::Level);
        outer.assert_silent();
        put(&mut pipe.writer);
        assert_eq!(outer.promised(2), Ready::READABLE);
        assert_eq!(inner.promised(1), Ready::READABLE);
        drain(&mut pipe.reader).expect("drain");
        inner.assert_silent();
        outer.assert_silent();
    }
}

pub fn dropping_a_poller_leaves_the_descriptors_open(open: Open) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    drop(subject);
    assert_eq!(drain(&mut pipe.reader).expect("it is still open"), 1);
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 2, READABLE, Trigger::Level);
    put(&mut pipe.writer);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

pub fn a_descriptor_may_be_dropped_after_its_poller(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    drop(subject);
    drop(pipe);
    Subject::new(open).assert_silent();
}

pub fn a_thread_takes_the_poller_with_it(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let mut subject = std::thread::spawn(move || {
        assert_eq!(subject.promised(1), Ready::READABLE);
        subject
    })
    .join()
    .expect("the thread does not panic");
    subject.poller.delete(pipe.reader.as_fd()).expect("delete");
}

/// A job's being stopped and continued looks like a signal to some waits, though no handler ran.
pub fn stopping_and_continuing_the_process_is_no_error(open: Open) {
    const CHILD: &str = "RINGMQ_CONFORMANCE_CHILD";
    if std::env::var_os(CHILD).is_some() {
        // The child: two waits, one of which is stopped, on a pipe that the parent closes.
        let mut subject = Subject::new(open);
        let stdin = std::io::stdin();
        subject.add(&stdin, 1, READABLE, Trigger::Level);
        println!("waiting");
        while subject.wait(None).is_empty() {}
        assert!(subject.look()[0].1.is_readable());
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("the test's own file"))
        .args(["--exact", current_name(), "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the test once more");
    let stdin = child.stdin.take().expect("it is piped");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("it is piped")));
    assert!(lines.any(|line| line.expect("the child's output").ends_with("waiting")), "it begins to wait");
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(2));
        system::kill(child.id(), libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(2));
        system::kill(child.id(), libc::SIGCONT);
    }
    drop(stdin);
    let rest: Vec<String> = lines.map(|line| line.expect("the child's output")).collect();
    assert!(child.wait().expect("wait for the child").success(), "{rest:#?}");
}

/// After a fork the set of epoll is shared and that of kqueue is not inherited; poll and select have none in the kernel.
pub fn a_forked_childs_drop_does_not_disturb_the_parent(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let mut inherited = Some(subject);
    assert!(system::in_a_forked_child(|| {
        drop(inherited.take());
        true
    }));
    let mut subject = inherited.expect("the child dropped a copy of its own");
    subject.assert_silent();
    put(&mut pipe.writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.poller.delete(pipe.reader.as_fd()).expect("delete");
}

/// The child cannot use what it inherited on every mechanism, and needs not: it opens its own. Dropping what it inherited does nothing to
/// that, although its number may be that of a descriptor which the child has not inherited.
pub fn a_forked_child_may_open_a_poller_of_its_own(open: Open) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let mut inherited = Some(subject);
    let is_well = system::in_a_forked_child(|| {
        let mut own = Subject::new(open);
        own.add(&pipe.reader, 2, READABLE, Trigger::OneShot);
        own.goes_on_as(2, Ready::READABLE, Trigger::OneShot);
        drop(inherited.take());
        own.modify(&pipe.reader, 3, READABLE, Trigger::Level);
        own.goes_on_as(3, Ready::READABLE, Trigger::Level);
        own.delete(&pipe.reader);
        own.assert_silent();
        true
    });
    assert!(is_well, "the child's own poller works");
    let mut subject = inherited.expect("the child dropped a copy of its own");
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut pipe.reader).expect("drain");
    subject.assert_silent();
}

pub fn a_forked_child_wakes_its_parent(open: Open) {
    let (waker, mut receiver) = crate::Waker::new().expect("open a waker");
    let mut subject = Subject::new(open);
    subject.add(&receiver, 1, READABLE, Trigger::Level);
    assert!(system::in_a_forked_child(|| {
        waker.wake();
        true
    }));
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert!(receiver.drain());
    subject.assert_silent();
}

pub fn a_poller_may_be_dropped_with_events_pending(open: Open) {
    let mut pipes: Vec<Pipe> = (0..10).map(|_| Pipe::ready()).collect();
    for trigger in triggers(open) {
        let mut subject = Subject::with_capacity(open, 1);
        for (token, pipe) in pipes.iter().enumerate() {
            subject.add(&pipe.reader, token as u64, READABLE, trigger);
        }
        assert_eq!(subject.wait(None).len(), 1);
        drop(subject);
    }
    for pipe in &mut pipes {
        assert_eq!(drain(&mut pipe.reader).expect("they are still open"), 1);
    }
}

/// That they may is known when this compiles; here they do.
pub fn events_are_read_in_another_thread(open: Open) {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    is_send_and_sync(&subject.events);
    std::thread::scope(|scope| {
        let events = &subject.events;
        let reader = scope.spawn(move || events.get(0).map(|event| event.token));
        assert_eq!(reader.join().expect("the reader does not panic"), Some(crate::Token(1)));
    });
}

/// Changes take the poller as a wait does, so who would make one from another thread wakes the one that waits, and takes its turn.
pub fn another_thread_changes_the_poller_between_two_waits(open: Open) {
    for trigger in triggers(open) {
        let (waker, mut receiver) = crate::Waker::new().expect("open a waker");
        let mut subject = Subject::new(open);
        subject.add(&receiver, 0, READABLE, Trigger::Level);
        let shared = Mutex::new((subject, false));
        let pipe = Pipe::ready();
        std::thread::scope(|scope| {
            let changer = scope.spawn(|| {
                waker.wake();
                let (subject, has_changed) = &mut *shared.lock().expect("nobody panics with it");
                subject.add(&pipe.reader, 1, READABLE, trigger);
                subject.delete(&pipe.reader);
                subject.add(&pipe.reader, 2, READABLE, trigger);
                *has_changed = true;
            });
            let mut is_over = false;
            while !is_over {
                is_over = {
                    let (subject, has_changed) = &mut *shared.lock().expect("nobody panics with it");
                    if *has_changed {
                        receiver.drain();
                        subject.goes_on_as(2, Ready::READABLE, trigger);
                    } else {
                        let found = subject.wait(None);
                        assert!(matches!(found[..], [(0, _)]), "{found:?}");
                        receiver.drain();
                        // Until the other has had its turn there is nothing to wait for.
                        waker.wake();
                    }
                    *has_changed
                };
                std::thread::yield_now();
            }
            changer.join().expect("the changer does not panic");
        });
    }
}

pub fn pollers_wait_inside_each_other_three_deep(open: Open) {
    let mut pipe = Pipe::new();
    let own = |subject: &Subject| -> OwnedFd {
        subject.poller.as_fd().expect("it has a descriptor").try_clone_to_owned().expect("dup")
    };
    let mut inner = Subject::new(open);
    inner.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let inner_own = own(&inner);
    let mut middle = Subject::new(open);
    middle.add(&inner_own, 2, READABLE, Trigger::Level);
    let middle_own = own(&middle);
    let mut outer = Subject::new(open);
    outer.add(&middle_own, 3, READABLE, Trigger::Level);
    for _ in 0..3 {
        outer.assert_silent();
        put(&mut pipe.writer);
        assert_eq!(outer.promised(3), Ready::READABLE);
        assert_eq!(middle.promised(2), Ready::READABLE);
        assert_eq!(inner.promised(1), Ready::READABLE);
        drain(&mut pipe.reader).expect("drain");
        inner.assert_silent();
        middle.assert_silent();
    }
}

pub fn a_poller_inside_another_is_heard_with_every_trigger(open: Open) {
    for trigger in triggers(open) {
        let pipe = Pipe::ready();
        let mut inner = Subject::new(open);
        let own: OwnedFd = inner.poller.as_fd().expect("it has one").try_clone_to_owned().expect("dup");
        let mut outer = Subject::new(open);
        outer.add(&own, 2, READABLE, trigger);
        outer.assert_silent();
        inner.add(&pipe.reader, 1, READABLE, Trigger::Level);
        assert_eq!(outer.promised(2), Ready::READABLE, "{trigger:?}");
        assert_eq!(inner.promised(1), Ready::READABLE);
        inner.delete(&pipe.reader);
        inner.assert_silent();
        outer.modify(&own, 3, READABLE, trigger);
        outer.assert_silent();
    }
}
