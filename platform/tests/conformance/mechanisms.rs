//! What one mechanism does in a way of its own, and the contract lets it: told from the others by its name.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::io::{AsRawFd, BorrowedFd};

use ringmq_platform::conformance::fixtures::*;
use ringmq_platform::conformance::support::{errno_of, kind_of, Subject, BOTH};
use ringmq_platform::conformance::{run_counted, system, Need, Open};
use ringmq_platform::{Backend, Interest, Ready, Token, Trigger};

const READABLE: Interest = Interest::READABLE;

/// Each mechanism meets them in its own way: as an event of the predecessor (epoll), or as a number that is not open (poll, select).
/// kqueue forgets a number at its close and meets none.
pub fn descriptors_closed_without_delete_are_counted(backend: Backend) {
    let mut subject = Subject::of(backend.open());
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

pub fn only_mechanisms_with_a_descriptor_show_one(backend: Backend) {
    let poller = backend.open().expect("open a poller");
    assert_eq!(poller.backend(), backend);
    assert_eq!(poller.as_fd().is_some(), matches!(backend, Backend::Epoll | Backend::Kqueue));
}

pub fn hints_are_told_by_those_that_know_them(backend: Backend) {
    let near = reset_connection();
    let mut subject = Subject::of(backend.open());
    subject.add(&near, 1, BOTH, Trigger::Level);
    let hints = subject.only(1).without(Ready::READABLE | Ready::WRITABLE);
    match backend {
        Backend::Select => assert_eq!(hints, Ready::NONE),
        _ => assert!(hints.is_error() || hints.is_hangup(), "{hints:?}"),
    }
}

/// Both ask the kernel, which has no such descriptor; poll and select would only learn of it at the wait.
pub fn a_modify_of_a_closed_number_changes_nothing(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::of(backend.open());
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let (closed, spare) = close_keeping_a_duplicate(pipe.reader.into());
    let result = subject.poller.modify(number(closed), Token(3), Interest::WRITABLE, Trigger::Level);
    assert_eq!(errno_of(result), Some(libc::EBADF));
    let back = duplicate_to(&spare, closed);
    // kqueue has forgotten the number at the close; there the table alone can show that nothing changed.
    if backend == Backend::Epoll {
        assert_eq!(subject.promised(1), Ready::READABLE);
    }
    subject.delete(&back);
}

/// poll and select keep what they are told, and fall silent at the wait.
pub fn a_modify_of_a_closed_number_is_told_by_those_that_ask_the_kernel(backend: Backend) {
    let pipe = Pipe::ready();
    let closed = pipe.reader.as_raw_fd();
    let mut subject = Subject::of(backend.open());
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    drop(pipe.reader);
    let result = subject.poller.modify(number(closed), Token(2), BOTH, Trigger::Level);
    let errno = result.err().and_then(|error| error.raw_os_error());
    let asks_the_kernel = matches!(backend, Backend::Epoll | Backend::Kqueue);
    assert_eq!(errno, asks_the_kernel.then_some(libc::EBADF));
    subject.assert_silent();
    subject.poller.delete(number(closed)).expect("it is registered");
}

pub fn a_modify_of_a_number_that_names_a_regular_file_by_now_is_unsupported(backend: Backend) {
    let own_file = std::env::current_exe().expect("the test's own file");
    // The second is regular by its kind, and of a driver that could be polled.
    for path in [own_file, "/proc/self/mounts".into()] {
        let file = File::open(&path).expect("open it");
        let pipe = Pipe::ready();
        let mut subject = Subject::of(backend.open());
        subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
        let (closed, spare) = close_keeping_a_duplicate(pipe.reader.into());
        let reused = duplicate_to(&file, closed);
        for interest in [READABLE, BOTH] {
            let result = subject.try_modify(&reused, 2, interest, Trigger::Level);
            assert_eq!(kind_of(result), ErrorKind::Unsupported, "{path:?}");
        }
        drop(reused);
        let back = duplicate_to(&spare, closed);
        assert_eq!(subject.promised(1), Ready::READABLE, "nothing has changed");
        subject.delete(&back);
    }
}

/// What the note at `as_fd` says: the set that is built anew after a stale event is another file under the number of the old one.
pub fn an_outer_epoll_loses_a_set_that_was_built_anew(backend: Backend) {
    let (stale, mut pipe) = (Pipe::ready(), Pipe::new());
    let (mut inner, mut outer) = (Subject::of(backend.open()), Subject::of(backend.open()));
    inner.add(&stale.reader, 1, READABLE, Trigger::Level);
    inner.add(&pipe.reader, 2, READABLE, Trigger::Level);
    outer.add(&own_of(&inner), 3, READABLE, Trigger::Level);
    assert!(outer.promised(3).is_readable());
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    inner.poller.delete(number(closed)).expect("it is registered");
    inner.assert_silent();
    assert_eq!(inner.poller.stale_count(), 1);
    put(&mut pipe.writer);
    assert!(outer.look().is_empty(), "the outer one has the old file, which is gone");
    outer.delete(&own_of(&inner));
    outer.add(&own_of(&inner), 4, READABLE, Trigger::Level);
    assert_eq!(outer.promised(4), Ready::READABLE);
    assert_eq!(inner.promised(2), Ready::READABLE);
}

/// A poller's own descriptor.
fn own_of(subject: &Subject) -> BorrowedFd<'_> {
    subject.poller.as_fd().expect("it has a descriptor")
}

pub fn a_loop_of_pollers_is_refused(backend: Backend) {
    let (mut first, mut second) = (Subject::of(backend.open()), Subject::of(backend.open()));
    let own =
        |subject: &Subject| subject.poller.as_fd().expect("it has one").try_clone_to_owned().expect("dup");
    let (first_own, second_own) = (own(&first), own(&second));
    first.add(&second_own, 1, READABLE, Trigger::Level);
    let result = second.try_add(&first_own, 1, READABLE, Trigger::Level);
    assert_eq!(errno_of(result), Some(libc::ELOOP));
}

/// Why a child is to leave what it inherited alone, and why dropping it deletes nothing.
pub fn a_forked_child_shares_the_set_of_epoll(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::of(backend.open());
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let mut inherited = Some(subject);
    assert!(system::in_a_forked_child(|| {
        let mut subject = inherited.take().expect("it is there once");
        subject.delete(&pipe.reader);
        true
    }));
    let mut subject = inherited.expect("the child took a copy of its own");
    subject.assert_silent();
    // The table is a copy, so the parent still knows it, and can put it right.
    subject.modify(&pipe.reader, 2, READABLE, Trigger::Level);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

/// Those that run beside others, one after the other and counted. The rest are counted each time they run.
pub fn no_case_leaves_a_descriptor_open(backend: Backend) {
    let open: Open = match backend {
        Backend::Epoll => || Backend::Epoll.open(),
        Backend::Kqueue => || Backend::Kqueue.open(),
        Backend::Poll => || Backend::Poll.open(),
        Backend::Select => || Backend::Select.open(),
    };
    run_counted(open, lacks(backend));
}

/// What a backend's line in `main.rs` says that it lacks, which the kit has a test for.
pub fn lacks(backend: Backend) -> &'static [Need] {
    match backend {
        Backend::Epoll => &[],
        Backend::Kqueue => &[Need::Priority, Need::Linux],
        Backend::Poll | Backend::Select => &[Need::Edge, Need::Descriptor],
    }
}
