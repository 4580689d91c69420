//! Descriptor numbers: high ones, closed ones, and ones that were given to another file meanwhile. All of these run alone.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::io::{AsRawFd, OwnedFd, RawFd};

use nix::sys::resource::{getrlimit, setrlimit, Resource};
use ringmq_platform::{Backend, Interest, Ready, Token, Trigger};

use crate::fixtures::{drain, duplicate_from, duplicate_to, number, put, unix_pair, Pipe};
use crate::support::{backend_supports, kind_of, open_numbers, Subject, BOTH, QUIET};

const READABLE: Interest = Interest::READABLE;

/// A number that is not open.
pub fn a_closed_number() -> RawFd {
    let file = File::open("/dev/null").expect("open /dev/null");
    file.as_raw_fd()
}

/// Closes a descriptor behind the poller's back while its file lives on; answers with its number and a duplicate.
pub fn close_keeping_a_duplicate(fd: OwnedFd) -> (RawFd, OwnedFd) {
    let spare = fd.try_clone().expect("dup");
    (fd.as_raw_fd(), spare)
}

pub fn descriptor_numbers_above_1024_work(backend: Backend) {
    for lowest in [1022, 1023, 1024, 1025, 1100] {
        a_number_works(backend, lowest);
    }
}

pub fn descriptor_numbers_above_4096_work(backend: Backend) {
    for lowest in [4096, 4097, 5000] {
        a_number_works(backend, lowest);
    }
}

/// In each direction and trigger, and beside a low one.
fn a_number_works(backend: Backend, lowest: RawFd) {
    let (low, mut far) = unix_pair();
    put(&mut far);
    let high = duplicate_from(&low, lowest);
    assert!(high.as_raw_fd() >= lowest);
    let mut subject = Subject::new(backend);
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            for (interest, expected) in [
                (READABLE, Ready::READABLE),
                (Interest::WRITABLE, Ready::WRITABLE),
                (BOTH, Ready::READABLE | Ready::WRITABLE),
            ] {
                subject.add(&high, 1, interest, trigger);
                assert_eq!(subject.promised(1), expected, "{high:?} {trigger:?}");
                subject.delete(&high);
            }
        }
    }
    subject.add(&high, 1, READABLE, Trigger::Level);
    subject.add(&low, 2, READABLE, Trigger::Level);
    let tokens: Vec<u64> = subject.look().into_iter().map(|(token, _)| token).collect();
    assert_eq!(tokens, [1, 2]);
}

pub fn without_the_highest_number_the_rest_works_on(backend: Backend) {
    let (mut low, mut far) = unix_pair();
    let high = duplicate_from(&low, 3000);
    let mut subject = Subject::new(backend);
    subject.add(&high, 1, READABLE, Trigger::Level);
    subject.add(&low, 2, READABLE, Trigger::Level);
    subject.delete(&high);
    subject.assert_silent();
    put(&mut far);
    assert_eq!(subject.promised(2), Ready::READABLE);
    drain(&mut low).expect("drain");
    subject.delete(&low);
    subject.assert_silent();
}

pub fn a_descriptor_closed_without_delete_is_silent_and_does_not_spin(backend: Backend) {
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            let Pipe { reader, writer } = Pipe::ready();
            let closed = reader.as_raw_fd();
            let mut subject = Subject::new(backend);
            subject.add(&reader, 1, READABLE, trigger);
            drop(reader);
            for _ in 0..3 {
                subject.assert_silent();
            }
            drop(writer);
            subject.assert_silent();
            subject.poller.delete(number(closed)).expect("it is still registered");
            assert_eq!(kind_of(subject.poller.delete(number(closed))), ErrorKind::NotFound);
        }
    }
}

pub fn a_number_closed_without_delete_stays_taken_until_delete(backend: Backend) {
    let (first, second) = (Pipe::ready(), Pipe::ready());
    let closed = first.reader.as_raw_fd();
    let mut subject = Subject::new(backend);
    subject.add(&first.reader, 1, READABLE, Trigger::Level);
    drop(first.reader);
    let reused = duplicate_to(&second.reader, closed);
    let result = subject.try_add(&reused, 2, READABLE, Trigger::Level);
    assert_eq!(kind_of(result), ErrorKind::AlreadyExists);
    subject.delete(&reused);
    subject.add(&reused, 2, READABLE, Trigger::Level);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

pub fn a_closed_descriptor_does_not_hide_the_others(backend: Backend) {
    let (first, mut second) = (Pipe::ready(), Pipe::new());
    let high = duplicate_from(&first.reader, 2000);
    let mut subject = Subject::new(backend);
    subject.add(&first.reader, 1, READABLE, Trigger::Level);
    subject.add(&high, 2, READABLE, Trigger::Level);
    subject.add(&second.reader, 3, READABLE, Trigger::Level);
    drop(first);
    drop(high);
    subject.assert_silent();
    put(&mut second.writer);
    for _ in 0..3 {
        assert_eq!(subject.promised(3), Ready::READABLE);
    }
}

pub fn a_number_reused_after_delete_and_close_starts_afresh(backend: Backend) {
    let (first, mut second) = (Pipe::ready(), Pipe::new());
    let reused = first.reader.as_raw_fd();
    let mut subject = Subject::new(backend);
    subject.add(&first.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.delete(&first.reader);
    drop(first.reader);
    let again = duplicate_to(&second.reader, reused);
    subject.add(&again, 2, READABLE, Trigger::Level);
    subject.assert_silent();
    put(&mut second.writer);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

/// The predecessor's file lives on under another number and is ready all the time.
pub fn a_reused_number_gets_no_events_of_its_predecessor(backend: Backend) {
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            let (mut first, mut second) = (Pipe::ready(), Pipe::new());
            let mut subject = Subject::new(backend);
            subject.add(&first.reader, 1, READABLE, trigger);
            let (closed, _spare) = close_keeping_a_duplicate(first.reader.into());
            let reused = duplicate_to(&second.reader, closed);
            subject.delete(&reused);
            subject.add(&reused, 2, READABLE, trigger);
            for _ in 0..3 {
                put(&mut first.writer);
                subject.assert_silent();
            }
            put(&mut second.writer);
            assert_eq!(subject.promised(2), Ready::READABLE, "{trigger:?}");
        }
    }
}

/// Deleted after the close, and never replaced: what lives on is nobody's.
pub fn a_number_deleted_after_its_close_is_silent(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let (closed, _spare) = close_keeping_a_duplicate(pipe.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    for _ in 0..3 {
        subject.assert_silent();
    }
}

pub fn a_number_closed_deleted_and_duplicated_back_can_be_added(backend: Backend) {
    for interest in [READABLE, Interest::NONE] {
        let pipe = Pipe::ready();
        let mut subject = Subject::new(backend);
        subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
        let (closed, spare) = close_keeping_a_duplicate(pipe.reader.into());
        subject.poller.delete(number(closed)).expect("it is registered");
        let back = duplicate_to(&spare, closed);
        subject.add(&back, 2, interest, Trigger::Level);
        if interest.is_none() {
            subject.assert_silent();
            subject.modify(&back, 2, READABLE, Trigger::Level);
        }
        assert_eq!(subject.promised(2), Ready::READABLE);
        subject.delete(&back);
        subject.assert_silent();
    }
}

pub fn modify_of_a_reused_number_registers_its_new_file(backend: Backend) {
    let (first, second) = (Pipe::new(), Pipe::ready());
    let mut subject = Subject::new(backend);
    subject.add(&first.reader, 1, READABLE, Trigger::Level);
    let closed = first.reader.as_raw_fd();
    drop(first.reader);
    let reused = duplicate_to(&second.reader, closed);
    subject.modify(&reused, 2, READABLE, Trigger::Level);
    assert_eq!(subject.promised(2), Ready::READABLE);
    subject.delete(&reused);
    subject.assert_silent();
}

/// What poll hands to the kernel is compared with the limit of open descriptors (poll(2), EINVAL), holes in it included.
pub fn deleted_registrations_do_not_count_against_the_limit(backend: Backend) {
    let many: Vec<Pipe> = (0..100).map(|_| Pipe::ready()).collect();
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    many.iter().for_each(|pipe| subject.add(&pipe.reader, 9, READABLE, Trigger::Level));
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    many.iter().for_each(|pipe| subject.delete(&pipe.reader));
    drop(many);
    without_numbers_to_spare(|| assert_eq!(subject.promised(1), Ready::READABLE));
}

/// What the wait then sees differs; that it keeps its time, reports nothing and is no error does not.
pub fn a_descriptor_closed_during_a_wait_is_no_error(backend: Backend) {
    let pipe = Pipe::new();
    let closed = pipe.reader.as_raw_fd();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let closer = std::thread::spawn(move || {
        std::thread::sleep(QUIET / 5);
        drop(pipe);
    });
    for _ in 0..5 {
        // select and poll keep the file for as long as they wait, and may see its writer leave before its number is closed.
        let found = subject.wait(Some(QUIET));
        assert!(found.is_empty() || found[0].0 == 1, "{found:?}");
    }
    closer.join().expect("the closer does not panic");
    subject.assert_silent();
    subject.poller.delete(number(closed)).expect("it is registered");
}

/// Events of a registration that is gone are thrown away, by whatever means, and all others are as they were.
pub fn what_a_stale_event_sets_off_leaves_the_others_alone(backend: Backend) {
    let mut pipes: Vec<Pipe> = (0..5).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::new(backend);
    let stale = pipes.remove(4);
    subject.add(&stale.reader, 99, READABLE, Trigger::Level);
    subject.add(&pipes[0].reader, 0, READABLE, Trigger::OneShot);
    drain(&mut pipes[1].reader).expect("drain");
    subject.add(&pipes[1].reader, 1, READABLE, Trigger::OneShot);
    subject.add(&pipes[2].reader, 2, Interest::NONE, Trigger::Level);
    drain(&mut pipes[3].reader).expect("drain");
    subject.add(&pipes[3].reader, 3, READABLE, Trigger::Level);
    assert!(subject.wait(None).iter().any(|(token, _)| *token == 0), "the one-shot fires");
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    subject.assert_silent();
    put(&mut pipes[0].writer);
    subject.assert_silent();
    put(&mut pipes[1].writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipes[2].reader, 2, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(2), Ready::READABLE);
    put(&mut pipes[3].writer);
    assert_eq!(subject.promised(3), Ready::READABLE);
    pipes.iter().for_each(|pipe| subject.delete(&pipe.reader));
    subject.assert_silent();
}

/// Each mechanism meets them in its own way: as an event of the predecessor (epoll), or as a number that is not open (poll, select).
/// kqueue forgets a number at its close and meets none.
pub fn descriptors_closed_without_delete_are_counted(backend: Backend) {
    let mut subject = Subject::new(backend);
    for count in 1..=3 {
        let pipe = Pipe::ready();
        subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
        let (closed, spare) = close_keeping_a_duplicate(pipe.reader.into());
        if backend == Backend::Epoll {
            subject.poller.delete(number(closed)).expect("it is registered");
            subject.assert_silent();
        } else {
            subject.assert_silent();
            subject.poller.delete(number(closed)).expect("it is registered");
        }
        drop(spare);
        let expected = if backend == Backend::Kqueue { 0 } else { count };
        assert_eq!(subject.poller.stale_count(), expected);
    }
}

/// A stale event and a ready registration in one wait, while the process may open nothing: the event is reported all the same.
pub fn with_no_number_to_spare_a_stale_event_costs_nobody_an_event(backend: Backend) {
    let (stale, pipe) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(backend);
    subject.add(&stale.reader, 99, READABLE, Trigger::Level);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    without_numbers_to_spare(|| {
        let result = subject.poller.wait(&mut subject.events, None);
        let tokens: Vec<Token> = subject.events.iter().map(|event| event.token).collect();
        assert_eq!((result.map_err(|error| error.to_string()), tokens), (Ok(()), vec![Token(1)]));
    });
    subject.assert_silent();
}

pub fn dropping_a_poller_leaks_no_descriptor(backend: Backend) {
    let pipe = Pipe::ready();
    let before = open_numbers();
    for _ in 0..10 {
        let mut subject = Subject::new(backend);
        subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
        assert_eq!(subject.promised(1), Ready::READABLE);
        drop(subject);
        assert_eq!(open_numbers(), before);
    }
}

pub fn own_descriptors_are_closed_on_exec(backend: Backend) {
    let before = open_numbers();
    let subject = Subject::new(backend);
    let (_waker, _receiver) = ringmq_platform::Waker::new().expect("open a waker");
    let own: Vec<RawFd> = open_numbers().into_iter().filter(|own| !before.contains(own)).collect();
    assert_eq!(own.len(), usize::from(subject.poller.as_fd().is_some()) + waker_descriptor_count());
    for fd in own {
        let flags = nix::fcntl::fcntl(number(fd), nix::fcntl::FcntlArg::F_GETFD).expect("F_GETFD");
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "number {fd}");
    }
}

fn waker_descriptor_count() -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        1
    } else {
        2
    }
}

pub fn a_poller_that_needs_a_number_fails_without_one(backend: Backend) {
    let needs_number = backend.open().expect("open a poller").as_fd().is_some();
    without_numbers_to_spare(|| match backend.open() {
        Ok(_) => assert!(!needs_number),
        Err(error) => assert_eq!((needs_number, error.raw_os_error()), (true, Some(libc::EMFILE))),
    });
}

/// Runs something while the process may open no descriptor.
fn without_numbers_to_spare(body: impl FnOnce()) {
    struct Restore(libc::rlim_t, libc::rlim_t);
    impl Drop for Restore {
        fn drop(&mut self) {
            setrlimit(Resource::RLIMIT_NOFILE, self.0, self.1).expect("setrlimit");
        }
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
    let restore = Restore(soft, hard);
    // The limit is on new numbers only; those that are open beyond it stay so. The lowest free number is the first to be refused.
    let lowest_free = a_closed_number();
    setrlimit(Resource::RLIMIT_NOFILE, lowest_free as libc::rlim_t, hard).expect("setrlimit");
    body();
    drop(restore);
}
