//! The traps: what a backend on kqueue gets wrong that takes its answers for those of other mechanisms.
//!
//! Only those are here that no case of the conformance suite springs, or none but by waiting for ever. The suite has the rest: a mode
//! that a second `EV_ADD` does not change (`modify_turns_level_into_one_shot_and_back`), changes dropped for want of room for their
//! receipts, and two events of one descriptor (`both_directions_arrive_as_one_event`), deleting what was closed
//! (`a_number_deleted_after_its_close_is_silent`), and a pipe without a reader (`a_pipe_without_a_reader_can_be_added_and_is_writable`).
//! `ci/planted-faults` has the naive code for each.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq_platform::conformance::system;
use ringmq_platform::{Backend, Events, Interest, Poller, Ready, Token, Trigger};

pub const READABLE: Interest = Interest::READABLE;
pub const WRITABLE: Interest = Interest::WRITABLE;

/// How long to wait before believing that nothing comes.
pub const QUIET: Duration = Duration::from_millis(5);

/// How long to wait for what is sure to come.
pub const SOON: Duration = Duration::from_secs(20);

/// NetBSD, OpenBSD and DragonFly would take it (read in their sources), and NetBSD then waits for itself in the kernel.
pub fn a_kqueue_added_to_itself_is_refused_before_the_kernel_is_asked() {
    let mut poller = open();
    let own = poller.as_fd().expect("it has one").as_raw_fd();
    for interest in [Interest::NONE, READABLE, WRITABLE, READABLE | WRITABLE] {
        let result = poller.add(number(own), Token(1), interest, Trigger::Level);
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EINVAL), "{interest:?}");
        let result = poller.delete(number(own));
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::NotFound, "{interest:?}");
    }
    assert_eq!(wait(&mut *poller, QUIET), []);
}

/// `EV_ONESHOT` is reported without another look at what it found when it was set.
pub fn a_one_shot_drained_before_the_wait_is_silent() {
    let (mut near, mut far) = unix_pair();
    let mut poller = open();
    far.write_all(b"x").expect("write");
    add(&mut *poller, &near, READABLE, Trigger::OneShot);
    near.read_exact(&mut [0]).expect("read");
    assert_eq!(wait(&mut *poller, QUIET), []);
    far.write_all(b"x").expect("write");
    assert_eq!(wait(&mut *poller, SOON), [Ready::READABLE]);
    assert_eq!(wait(&mut *poller, QUIET), [], "it is a one-shot");
}

pub fn a_one_shot_filled_before_the_wait_is_silent() {
    let (mut near, _far) = unix_pair();
    let mut poller = open();
    add(&mut *poller, &near, WRITABLE, Trigger::OneShot);
    while near.write(&[0; 4096]).is_ok() {}
    assert_eq!(wait(&mut *poller, QUIET), []);
}

/// After it has fired the kernel still has its filter, disabled, which must not outlive the registration or change what comes after.
pub fn a_fired_one_shot_can_become_anything() {
    for trigger in [Trigger::Level, Trigger::Edge, Trigger::OneShot] {
        for interest in [READABLE, WRITABLE, READABLE | WRITABLE] {
            let (near, mut far) = unix_pair();
            far.write_all(b"x").expect("write");
            let mut poller = open();
            add(&mut *poller, &near, interest, Trigger::OneShot);
            assert_eq!(wait(&mut *poller, SOON).len(), 1);
            poller.modify(near.as_fd(), Token(1), READABLE, trigger).expect("modify");
            assert_eq!(wait(&mut *poller, SOON), [Ready::READABLE], "{interest:?}, then {trigger:?}");
            let again = if trigger == Trigger::Level { &[Ready::READABLE][..] } else { &[] };
            assert_eq!(wait(&mut *poller, QUIET), again, "{interest:?}, then {trigger:?}");
            poller.delete(near.as_fd()).expect("delete");
            add(&mut *poller, &near, READABLE, Trigger::Level);
            for _ in 0..2 {
                assert_eq!(wait(&mut *poller, SOON), [Ready::READABLE], "{interest:?}, then {trigger:?}");
            }
        }
    }
}

/// `EV_ENABLE` alone does not find on NetBSD what came before it.
pub fn a_one_shot_armed_again_finds_what_is_there_already() {
    let (near, mut far) = unix_pair();
    far.write_all(b"x").expect("write");
    let mut poller = open();
    add(&mut *poller, &near, READABLE, Trigger::OneShot);
    for _ in 0..3 {
        assert_eq!(wait(&mut *poller, SOON), [Ready::READABLE]);
        poller.modify(near.as_fd(), Token(1), READABLE, Trigger::OneShot).expect("modify");
    }
}

/// By `udata` an event is told from one of an earlier registration, and every change replaces it: one that says nothing of it leaves
/// nothing there.
pub fn every_change_says_whose_it_is() {
    let (near, mut far) = unix_pair();
    far.write_all(b"x").expect("write");
    let both = Ready::READABLE | Ready::WRITABLE;
    let mut poller = open();
    add(&mut *poller, &near, READABLE, Trigger::Level);
    for trigger in [Trigger::Level, Trigger::Level, Trigger::Edge, Trigger::Edge] {
        poller.modify(near.as_fd(), Token(1), READABLE | WRITABLE, trigger).expect("modify");
        assert_eq!(wait(&mut *poller, SOON), [both], "{trigger:?}");
    }
    assert_eq!(poller.stale_count(), 0);
}

/// FreeBSD drops the filter of a pipe's writer when the reader leaves, after one event with `EV_ONESHOT` in it, on level too (as its
/// source has it: `pipeclose` calls `knlist_clear`).
pub fn a_pipe_left_by_its_reader_is_told_of_until_it_is_closed() {
    for interest in [WRITABLE, READABLE | WRITABLE] {
        let (reader, writer) = system::pipe();
        let closed = writer.as_raw_fd();
        let mut poller = open();
        add(&mut *poller, &writer, interest, Trigger::Level);
        assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
        drop(reader);
        for _ in 0..5 {
            let found = wait(&mut *poller, SOON);
            assert!(
                matches!(found[..], [ready] if ready.contains(Ready::WRITABLE)),
                "{interest:?}: {found:?}"
            );
        }
        drop(writer);
        assert_eq!(wait(&mut *poller, QUIET), [], "{interest:?}");
        poller.delete(number(closed)).expect("its number is still taken");
    }
}

/// The one event is lost unless it is remembered when there is no room for it.
pub fn pipes_left_by_their_readers_all_get_a_turn() {
    let broken = writer_without_reader();
    let pipes: Vec<_> = (0..3).map(|_| system::pipe()).collect();
    let mut poller = open();
    poller.add(broken.as_fd(), Token(0), WRITABLE, Trigger::Level).expect("add");
    for (token, (_, writer)) in (1..).zip(&pipes) {
        poller.add(writer.as_fd(), Token(token), WRITABLE, Trigger::Level).expect("add");
    }
    let _writers: Vec<_> = pipes.into_iter().map(|(_reader, writer)| writer).collect();
    let mut events = Events::with_capacity(1);
    for _ in 0..3 {
        let mut turns: Vec<u64> = Vec::new();
        for _ in 0..4 {
            poller.wait(&mut events, Some(SOON)).expect("wait");
            turns.extend(events.iter().map(|event| event.token.0));
        }
        turns.sort_unstable();
        assert_eq!(turns, [0, 1, 2, 3]);
    }
}

/// The kernel refuses a pipe without a reader, so nothing but the backend can know that it was closed.
pub fn a_pipe_without_a_reader_falls_silent_once_closed() {
    let writer = writer_without_reader();
    let closed = writer.as_raw_fd();
    let mut poller = open();
    add(&mut *poller, &writer, WRITABLE, Trigger::Level);
    assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
    drop(writer);
    for _ in 0..3 {
        assert_eq!(wait(&mut *poller, QUIET), []);
    }
    poller.delete(number(closed)).expect("its number is still taken");
}

/// What comes under its number is nobody's who was registered.
pub fn a_pipe_without_a_reader_gives_its_number_to_another_file() {
    let writer = writer_without_reader();
    let mut poller = open();
    add(&mut *poller, &writer, WRITABLE, Trigger::Level);
    assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
    let (near, _far) = unix_pair();
    // SAFETY: takes no pointer; `writer` owns the number before and after, and closes it once.
    let result = unsafe { libc::dup2(near.as_raw_fd(), writer.as_raw_fd()) };
    assert_eq!(result, writer.as_raw_fd(), "dup2: {}", std::io::Error::last_os_error());
    for _ in 0..3 {
        assert_eq!(wait(&mut *poller, QUIET), []);
    }
}

/// To NetBSD and OpenBSD all pipes are the same file (their `pipe_stat` leaves device and number zero); the time that they were made at
/// tells them apart.
pub fn a_pipe_without_a_reader_gives_its_number_to_another_pipe() {
    for is_broken in [false, true] {
        let writer = writer_without_reader();
        let mut poller = open();
        add(&mut *poller, &writer, WRITABLE, Trigger::Level);
        assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
        let made_at =
            |file: &File| file.metadata().map(|data| (data.ctime(), data.ctime_nsec())).expect("fstat");
        let (reader, later) = std::iter::repeat_with(system::pipe)
            .map(|(reader, writer)| (Some(reader), File::from(writer)))
            .find(|(_, later)| made_at(later) != made_at(&writer))
            .expect("the clock goes on");
        let reader = reader.filter(|_| !is_broken);
        // SAFETY: takes no pointer; `writer` owns the number before and after, and closes it once.
        let result = unsafe { libc::dup2(later.as_raw_fd(), writer.as_raw_fd()) };
        assert_eq!(result, writer.as_raw_fd(), "dup2: {}", std::io::Error::last_os_error());
        for _ in 0..3 {
            assert_eq!(wait(&mut *poller, QUIET), [], "broken as well: {is_broken}");
        }
        drop(reader);
    }
}

/// A FIFO can get a reader again; then it is full when it is full. No kernel refuses one that nobody reads (read in the sources of
/// FreeBSD, NetBSD and OpenBSD), so it must not be taken for a broken pipe.
pub fn a_fifo_with_a_reader_again_is_full_when_it_is() {
    let path = std::env::temp_dir().join(format!("ringmq-fifo-{}", std::process::id()));
    system::make_fifo(&path);
    let open_end = |read: bool| {
        let mut options = File::options();
        let options = options.read(read).write(!read);
        let options = std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
        options.open(&path).expect("open the FIFO")
    };
    let mut reader = open_end(true);
    let mut writer = open_end(false);
    for is_added_before in [false, true] {
        let mut poller = open();
        if is_added_before {
            add(&mut *poller, &writer, WRITABLE, Trigger::Level);
        }
        drop(reader);
        if !is_added_before {
            add(&mut *poller, &writer, WRITABLE, Trigger::Level);
        }
        for _ in 0..3 {
            assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
        }
        reader = open_end(true);
        assert_eq!(wait(&mut *poller, Duration::ZERO), [Ready::WRITABLE]);
        while writer.write(&[0; 512]).is_ok() {}
        assert_eq!(wait(&mut *poller, QUIET), []);
        while reader.read(&mut [0; 4096]).is_ok() {}
        assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
    }
    std::fs::remove_file(&path).expect("remove it");
}

/// A kqueue is not handed on to a fork's child, so the number that the copy remembers may be that of somebody else's file there.
pub fn a_forked_childs_drop_leaves_open_what_took_the_number() {
    let (near, mut far) = unix_pair();
    let mut poller = open();
    add(&mut *poller, &near, READABLE, Trigger::Level);
    let own = poller.as_fd().expect("it has one").as_raw_fd();
    let mut inherited = Some(poller);
    let is_well = system::in_a_forked_child(|| {
        // SAFETY: F_GETFD takes no pointer and only looks.
        let is_open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1;
        let was_open = is_open(own);
        // SAFETY: takes no pointer; the number is not open, so this takes it from nobody.
        let result = unsafe { libc::dup2(near.as_raw_fd(), own) };
        drop(inherited.take());
        !was_open && result == own && is_open(own)
    });
    assert!(is_well, "the child's drop of its copy is silent and closes nothing");
    far.write_all(b"x").expect("write");
    let mut poller = inherited.expect("the child dropped a copy of its own");
    assert_eq!(wait(&mut *poller, SOON), [Ready::READABLE]);
}

pub fn open() -> Box<dyn Poller> {
    Backend::Kqueue.open().expect("open a kqueue")
}

pub fn unix_pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().expect("socketpair");
    near.set_nonblocking(true).expect("set non-blocking");
    far.set_nonblocking(true).expect("set non-blocking");
    (near, far)
}

pub fn writer_without_reader() -> File {
    let (_reader, writer) = system::pipe();
    File::from(writer)
}

pub fn add(poller: &mut dyn Poller, fd: &impl AsFd, interest: Interest, trigger: Trigger) {
    poller.add(fd.as_fd(), Token(1), interest, trigger).expect("add");
}

/// One wait, and what it promised.
pub fn wait(poller: &mut dyn Poller, timeout: Duration) -> Vec<Ready> {
    let mut events = Events::with_capacity(8);
    poller.wait(&mut events, Some(timeout)).expect("wait");
    events.iter().map(|event| event.ready & (Ready::READABLE | Ready::WRITABLE)).collect()
}

/// A number that need not be open.
fn number(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: it is passed to nothing but system calls, which answer a closed number with EBADF; it is not -1.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// A kernel does this under its own locks. The model has two epoll sets, which another thread may find one after the other.
pub fn the_end_of_a_connection_is_told_while_another_thread_waits() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let mut poller = open();
    let mut events = Events::with_capacity(4);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut other = open();
            let mut events = Events::with_capacity(4);
            while !is_over.load(Ordering::Relaxed) {
                other.wait(&mut events, Some(Duration::ZERO)).expect("wait");
            }
        });
        let mut lost = None;
        for round in 0..5000 {
            let (near, far) = UnixStream::pair().expect("socketpair");
            poller.add(near.as_fd(), Token(1), READABLE | WRITABLE, Trigger::Level).expect("add");
            drop(far);
            poller.wait(&mut events, Some(SOON)).expect("wait");
            let ready = events.get(0).map_or(Ready::NONE, |event| event.ready);
            if !ready.contains(Ready::READABLE | Ready::WRITABLE) {
                lost = Some((round, ready));
                break;
            }
            poller.delete(near.as_fd()).expect("delete");
        }
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(lost, None, "readable and writable is expected of a connection that its peer has closed");
    });
}
