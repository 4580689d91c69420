//! What `add`, `modify` and `delete` answer, and what they leave behind.

use std::fs::File;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::os::unix::io::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};

use ringmq_platform::{Backend, Interest, Ready, Token, Trigger};

use crate::fixtures::{drain, duplicate_to, listener, number, put, tcp_pair, unix_pair, Directory, Pipe};
use crate::support::{backend_supports, errno_of, kind_of, Subject, BOTH};

const READABLE: Interest = Interest::READABLE;
const WRITABLE: Interest = Interest::WRITABLE;
const TRIGGERS: [Trigger; 3] = [Trigger::Level, Trigger::OneShot, Trigger::Edge];

pub fn adding_twice_is_already_exists_and_leaves_the_first_untouched(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let again = subject.try_add(&pipe.reader, 2, Interest::NONE, Trigger::OneShot);
    assert_eq!(kind_of(again), ErrorKind::AlreadyExists);
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(subject.promised(1), Ready::READABLE, "still on level");
}

pub fn modifying_a_stranger_is_not_found_and_creates_nothing(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    let result = subject.try_modify(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(kind_of(result), ErrorKind::NotFound);
    subject.assert_silent();
    assert_eq!(kind_of(subject.poller.delete(pipe.reader.as_fd())), ErrorKind::NotFound);
}

pub fn deleting_a_stranger_is_not_found(backend: Backend) {
    let pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    assert_eq!(kind_of(subject.poller.delete(pipe.reader.as_fd())), ErrorKind::NotFound);
}

pub fn deleting_twice_is_not_found(backend: Backend) {
    let pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    subject.delete(&pipe.reader);
    assert_eq!(kind_of(subject.poller.delete(pipe.reader.as_fd())), ErrorKind::NotFound);
}

pub fn a_deleted_descriptor_can_be_added_again(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    for token in 0..100 {
        subject.add(&pipe.reader, token, READABLE, Trigger::Level);
        assert_eq!(subject.promised(token), Ready::READABLE);
        subject.delete(&pipe.reader);
    }
    subject.assert_silent();
}

pub fn a_failed_add_changes_nothing(backend: Backend) {
    let file = File::open("/").expect("open a directory");
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert!(subject.try_add(&file, 2, READABLE, Trigger::Level).is_err());
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(kind_of(subject.poller.delete(file.as_fd())), ErrorKind::NotFound);
}

/// What can make `modify` fail differs: a backend without an edge trigger refuses that; the others ask the kernel, which refuses a
/// number that was closed. (`faults` has a kernel that refuses for no reason.)
pub fn a_failed_modify_changes_nothing(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    if backend_supports(backend, Trigger::Edge) {
        let reader = OwnedFd::from(pipe.reader);
        let (closed, spare) = crate::numbers::close_keeping_a_duplicate(reader);
        let result = subject.poller.modify(number(closed), Token(3), WRITABLE, Trigger::Level);
        assert_eq!(errno_of(result), Some(libc::EBADF));
        let back = duplicate_to(&spare, closed);
        // kqueue has forgotten the number at the close; there the table alone can show that nothing changed.
        if backend == Backend::Epoll {
            assert_eq!(subject.promised(1), Ready::READABLE);
        }
        subject.delete(&back);
    } else {
        let result = subject.try_modify(&pipe.reader, 2, READABLE, Trigger::Edge);
        assert_eq!(kind_of(result), ErrorKind::Unsupported);
        assert_eq!(subject.promised(1), Ready::READABLE);
        subject.delete(&pipe.reader);
    }
}

pub fn adding_a_closed_descriptor_fails(backend: Backend) {
    let mut subject = Subject::new(backend);
    let closed = crate::numbers::a_closed_number();
    for trigger in TRIGGERS.into_iter().filter(|trigger| backend_supports(backend, *trigger)) {
        for interest in [READABLE, WRITABLE, BOTH, Interest::NONE] {
            let result = subject.poller.add(number(closed), Token(1), interest, trigger);
            assert_eq!(errno_of(result), Some(libc::EBADF), "{interest:?} {trigger:?}");
        }
    }
    assert_eq!(kind_of(subject.poller.delete(number(closed))), ErrorKind::NotFound);
    subject.assert_silent();
}

pub fn regular_files_and_directories_are_unsupported(backend: Backend) {
    let regular = File::open(std::env::current_exe().expect("the test's own file")).expect("open it");
    let directory = File::open("/").expect("open a directory");
    let mut subject = Subject::new(backend);
    for file in [regular, directory] {
        for interest in [READABLE, WRITABLE, BOTH, Interest::NONE] {
            let result = subject.try_add(&file, 1, interest, Trigger::Level);
            assert_eq!(kind_of(result), ErrorKind::Unsupported, "{interest:?}");
        }
    }
    subject.assert_silent();
}

/// `/dev/null` and its kin are always ready where they can be waited for at all, and never a registration that says nothing.
pub fn a_device_is_unsupported_or_always_ready(backend: Backend) {
    let device = File::options().read(true).write(true).open("/dev/null").expect("open /dev/null");
    let mut subject = Subject::new(backend);
    match subject.try_add(&device, 1, BOTH, Trigger::Level) {
        Ok(()) => assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}"),
    }
}

pub fn an_unsupported_trigger_is_refused(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    for trigger in TRIGGERS {
        let result = subject.try_add(&pipe.reader, 1, READABLE, trigger);
        if subject.poller.supports(trigger) {
            result.expect("a supported trigger");
            assert_eq!(subject.promised(1), Ready::READABLE);
            subject.delete(&pipe.reader);
        } else {
            assert_eq!((trigger, kind_of(result)), (Trigger::Edge, ErrorKind::Unsupported));
            subject.assert_silent();
        }
    }
}

pub fn only_the_last_of_several_changes_counts(backend: Backend) {
    let (mut near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::Level);
    for (interest, expected) in [
        (BOTH, Ready::READABLE | Ready::WRITABLE),
        (READABLE, Ready::READABLE),
        (WRITABLE, Ready::WRITABLE),
        (Interest::NONE, Ready::NONE),
    ] {
        for passing in [BOTH, WRITABLE, READABLE, Interest::NONE, BOTH] {
            subject.modify(&near, 2, passing, Trigger::OneShot);
        }
        subject.modify(&near, 3, interest, Trigger::Level);
        let found = subject.look();
        let told = found.iter().fold(Ready::NONE, |all, (token, ready)| {
            assert_eq!(*token, 3);
            all | *ready
        });
        assert_eq!(told, expected, "asked for {interest:?}");
    }
    drain(&mut near).expect("drain");
}

pub fn modify_changes_the_token(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, u64::MAX, READABLE, Trigger::Level);
    assert_eq!(subject.promised(u64::MAX), Ready::READABLE);
}

pub fn modify_takes_a_direction_away_and_gives_it_back(backend: Backend) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE);
    subject.modify(&near, 1, WRITABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    subject.modify(&near, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&near, 1, BOTH, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE);
}

pub fn both_directions_arrive_as_one_event(backend: Backend) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(backend);
    for trigger in TRIGGERS.into_iter().filter(|trigger| backend_supports(backend, *trigger)) {
        subject.add(&near, 1, BOTH, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE, "{trigger:?}");
        subject.delete(&near);
    }
}

pub fn delete_drops_a_pending_event(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    for trigger in TRIGGERS.into_iter().filter(|trigger| backend_supports(backend, *trigger)) {
        subject.add(&pipe.reader, 1, READABLE, trigger);
        subject.delete(&pipe.reader);
        subject.assert_silent();
    }
}

pub fn two_descriptors_of_one_file_are_independent(backend: Backend) {
    let pipe = Pipe::ready();
    let duplicate = pipe.reader.try_clone().expect("dup");
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    subject.add(&duplicate, 2, READABLE, Trigger::OneShot);
    let tokens: Vec<u64> = subject.look().iter().map(|(token, _)| *token).collect();
    assert_eq!(tokens, [1, 2]);
    assert_eq!(subject.promised(1), Ready::READABLE, "only the one-shot is disarmed");
    subject.delete(&pipe.reader);
    subject.modify(&duplicate, 2, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

pub fn registrations_may_share_a_token(backend: Backend) {
    let (first, second) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(backend);
    subject.add(&first.reader, 7, READABLE, Trigger::Level);
    subject.add(&second.reader, 7, READABLE, Trigger::Level);
    let tokens: Vec<u64> = subject.look().iter().map(|(token, _)| *token).collect();
    assert_eq!(tokens, [7, 7]);
}

pub fn two_pollers_on_one_descriptor_both_report(backend: Backend) {
    let pipe = Pipe::ready();
    let mut first = Subject::new(backend);
    let mut second = Subject::new(backend);
    first.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    second.add(&pipe.reader, 2, READABLE, Trigger::Level);
    assert_eq!(first.promised(1), Ready::READABLE);
    assert_eq!(second.promised(2), Ready::READABLE);
    first.assert_silent();
    second.delete(&pipe.reader);
    first.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    assert_eq!(first.promised(1), Ready::READABLE);
}

pub fn deleting_one_of_many_leaves_the_others(backend: Backend) {
    const COUNT: usize = 8;
    for victim in 0..COUNT {
        let pipes: Vec<Pipe> = (0..COUNT).map(|_| Pipe::ready()).collect();
        let mut subject = Subject::new(backend);
        for (token, pipe) in pipes.iter().enumerate() {
            // Some silent, some fired: a backend that keeps an array has those in it too.
            let interest = if token % 3 == 2 { Interest::NONE } else { READABLE };
            subject.add(&pipe.reader, token as u64, interest, Trigger::OneShot);
        }
        subject.look();
        subject.delete(&pipes[victim].reader);
        let others: Vec<usize> = (0..COUNT).filter(|token| *token != victim).collect();
        for token in &others {
            subject.modify(&pipes[*token].reader, 100 + *token as u64, READABLE, Trigger::Level);
        }
        let tokens: Vec<usize> = subject.look().iter().map(|(token, _)| *token as usize - 100).collect();
        assert_eq!(tokens, others, "after deleting {victim}");
    }
}

pub fn every_kind_of_pollable_descriptor_can_be_added(backend: Backend) {
    let directory = Directory::new();
    let pipe = Pipe::new();
    let pty = nix::pty::openpty(None, None).expect("openpty");
    let descriptors: Vec<OwnedFd> = vec![
        pipe.reader.into(),
        pipe.writer.into(),
        directory.fifo_reader("fifo").into(),
        unix_pair().0.into(),
        UnixDatagram::unbound().expect("datagram socket").into(),
        UnixListener::bind(directory.path("listener")).expect("bind").into(),
        tcp_pair().0.into(),
        listener().into(),
        UdpSocket::bind("127.0.0.1:0").expect("bind").into(),
        pty.master,
        pty.slave,
    ];
    let mut subject = Subject::new(backend);
    for (index, fd) in descriptors.iter().enumerate() {
        let result = subject.try_add(fd, index as u64, READABLE, Trigger::Level);
        assert!(result.is_ok(), "number {index} in the list: {result:?}");
    }
    for fd in &descriptors {
        subject.delete(fd);
    }
}

pub fn a_poller_cannot_be_added_to_itself(backend: Backend) {
    let mut subject = Subject::new(backend);
    let own = subject.poller.as_fd().expect("it has a descriptor").as_raw_fd();
    assert!(subject.poller.add(number(own), Token(1), READABLE, Trigger::Level).is_err());
    subject.assert_silent();
}
