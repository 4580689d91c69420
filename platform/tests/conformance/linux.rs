//! What only Linux has, or what only Linux does in this way: its own kinds of descriptors, and states that others have differently.

use std::fs::File;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::poll::PollFlags;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use ringmq_platform::{net, Backend, Interest, Ready, Trigger};

use crate::fixtures::*;
use crate::numbers::close_keeping_a_duplicate;
use crate::support::{assert_state, errno_of, kind_of, Subject, BOTH};

const NOTHING: Ready = Ready::NONE;
const R: Ready = Ready::READABLE;
const W: Ready = Ready::WRITABLE;
const RW: Ready = Ready::READABLE.with(Ready::WRITABLE);

pub fn an_eventfd_is_readable_above_zero_and_writable_below_its_end(backend: Backend) {
    let counter = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC).expect("eventfd");
    assert_state(backend, &counter, W, NOTHING);
    counter.write(1).expect("add one");
    assert_state(backend, &counter, RW, NOTHING);
    counter.write(u64::MAX - 2).expect("add all that fits");
    assert_state(backend, &counter, R, NOTHING);
}

pub fn a_timerfd_is_readable_once_it_has_expired(backend: Backend) {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC).expect("timerfd");
    assert_state(backend, &timer, NOTHING, NOTHING);
    let soon = Expiration::OneShot(TimeSpec::milliseconds(1));
    timer.set(soon, TimerSetTimeFlags::empty()).expect("set the timer");
    let mut subject = Subject::new(backend);
    subject.add(&timer, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), R);
    assert_state(backend, &timer, R, NOTHING);
}

pub fn a_signalfd_is_readable_while_a_signal_is_pending(backend: Backend) {
    let signals = SigSet::from(Signal::SIGALRM);
    signals.thread_block().expect("block it in this thread");
    let fd =
        SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).expect("signalfd");
    assert_state(backend, &fd, NOTHING, NOTHING);
    nix::sys::pthread::pthread_kill(nix::sys::pthread::pthread_self(), Signal::SIGALRM).expect("raise");
    assert_state(backend, &fd, R, NOTHING);
    assert!(fd.read_signal().expect("read").is_some());
    assert_state(backend, &fd, NOTHING, NOTHING);
}

pub fn a_pidfd_is_readable_once_its_process_has_ended(backend: Backend) {
    let mut child = std::process::Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("start cat");
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let process = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    assert_state(backend, &process, NOTHING, NOTHING);
    drop(child.stdin.take());
    let mut subject = Subject::new(backend);
    subject.add(&process, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), R);
    child.wait().expect("reap it");
    assert_eq!(subject.promised(1), R);
}

pub fn a_memfd_is_unsupported(backend: Backend) {
    // SAFETY: the name is a string with its zero.
    let fd = unsafe { libc::memfd_create(b"m\0".as_ptr().cast(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut subject = Subject::new(backend);
    let result = subject.try_add(&file, 1, BOTH, Trigger::Level);
    assert_eq!(kind_of(result), ErrorKind::Unsupported);
}

/// An `O_PATH` descriptor names a place and opens nothing: reading from it is `EBADF`, and so is waiting for it.
pub fn a_descriptor_of_a_path_only_cannot_be_added(backend: Backend) {
    let directory = Directory::new();
    let _reader = directory.fifo_reader("fifo");
    let mut options = File::options();
    let path_only = options.read(true).custom_flags(libc::O_PATH).open(directory.path("fifo")).expect("open");
    let mut subject = Subject::new(backend);
    for interest in [BOTH, Interest::NONE] {
        assert!(subject.try_add(&path_only, 1, interest, Trigger::Level).is_err(), "{interest:?}");
    }
    subject.assert_silent();
}

/// A listener whose queue is full leaves further connects unanswered for a while.
pub fn a_connect_in_progress_is_silent_until_it_is_given_up(backend: Backend) {
    let listener = listener();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).expect("zero")).expect("listen");
    let address = listener.local_addr().expect("local_addr");
    let mut streams = Vec::new();
    let stuck = loop {
        let stream = net::connect(&address).expect("connect");
        let mut fds = [nix::poll::PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
        // One that is answered is answered at once, here; 100 ms tells it from one that is not.
        if nix::poll::poll(&mut fds, 100u8).expect("poll") == 0 {
            break stream;
        }
        streams.push(stream);
        assert!(streams.len() < 20, "the queue takes no end of connections");
    };
    assert_state(backend, &stuck, NOTHING, NOTHING);
    // Answered with ENOTCONN, and done all the same.
    let _ = stuck.shutdown(Shutdown::Both);
    assert_state(backend, &stuck, W, R);
}

pub fn a_listener_shut_for_reading_is_writable(backend: Backend) {
    let listener = listener();
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::shutdown(listener.as_raw_fd(), libc::SHUT_RD) }, 0);
    assert_state(backend, &listener, W, R);
}

pub fn a_fifo_that_never_had_a_writer_is_silent(backend: Backend) {
    let directory = Directory::new();
    assert_state(backend, &directory.fifo_reader("fifo"), NOTHING, NOTHING);
}

pub fn a_terminals_master_is_readable_while_nobody_has_the_other_end_open(backend: Backend) {
    let pty = nix::pty::openpty(None, None).expect("openpty");
    let path = nix::unistd::ttyname(&pty.slave).expect("ttyname");
    assert_state(backend, &pty.master, W, NOTHING);
    drop(pty.slave);
    assert_state(backend, &pty.master, RW, NOTHING);
    let again = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path).expect("open");
    assert_state(backend, &pty.master, W, NOTHING);
    drop(again);
}

pub fn modify_of_a_number_that_names_a_regular_file_by_now_is_unsupported(backend: Backend) {
    let pipe = Pipe::ready();
    let file = File::open(std::env::current_exe().expect("the test's own file")).expect("open it");
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    let (closed, spare) = close_keeping_a_duplicate(pipe.reader.into());
    let reused = duplicate_to(&file, closed);
    for interest in [Interest::READABLE, BOTH] {
        let result = subject.try_modify(&reused, 2, interest, Trigger::Level);
        assert_eq!(kind_of(result), ErrorKind::Unsupported);
    }
    drop(reused);
    let back = duplicate_to(&spare, closed);
    assert_eq!(subject.promised(1), R, "nothing has changed");
    subject.delete(&back);
}

pub fn a_loop_of_pollers_is_refused(backend: Backend) {
    let (mut first, mut second) = (Subject::new(backend), Subject::new(backend));
    let own =
        |subject: &Subject| subject.poller.as_fd().expect("it has one").try_clone_to_owned().expect("dup");
    let (first_own, second_own) = (own(&first), own(&second));
    first.add(&second_own, 1, Interest::READABLE, Trigger::Level);
    let result = second.try_add(&first_own, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(errno_of(result), Some(libc::ELOOP));
}

/// A thread with a table of open files of its own, cut to what is open: Linux then does not look at the closed number at all, and
/// select hands its bit back as if it were ready.
pub fn a_closed_number_beyond_the_kernels_table_is_not_ready(backend: Backend) {
    let thread = std::thread::spawn(move || {
        // From here on numbers are this thread's own, so it need not run alone.
        // SAFETY: takes no pointer, and no memory is unshared.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_FILES) }, 0, "unshare");
        let (first, second) = (Pipe::ready(), Pipe::ready());
        let high = duplicate_from(&first.reader, 5000);
        let mut subject = Subject::new(backend);
        subject.add(&high, 1, Interest::READABLE, Trigger::Level);
        subject.add(&second.reader, 2, Interest::READABLE, Trigger::Level);
        drop(first);
        drop(high);
        // The copy of the table is only as long as it needs to be.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: as above.
                assert_eq!(unsafe { libc::unshare(libc::CLONE_FILES) }, 0, "unshare");
                for _ in 0..3 {
                    assert_eq!(subject.promised(2), R);
                }
            });
        });
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
