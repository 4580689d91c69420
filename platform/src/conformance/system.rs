//! The system calls that the cases make by themselves, to bring descriptors into their states and the process into trouble: all
//! unsafe code of the kit.
//!
//! A call that fails here is no failure of the poller under test, so it panics with its own name.

use std::ffi::CString;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::raw::{c_int, c_short, c_void};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::time::Duration;

use crate::Ready;

/// A limit of descriptors, as this system counts it.
pub type Limit = libc::rlim_t;

/// A pipe: the reading end and the writing end, closed on exec.
pub fn pipe() -> (OwnedFd, OwnedFd) {
    let mut fds = [-1; 2];
    // SAFETY: the pointer is to two integers, which the kernel fills when it answers with 0.
    check("pipe", unsafe { libc::pipe(fds.as_mut_ptr()) });
    let [reader, writer] = fds.map(owned);
    for end in [&reader, &writer] {
        add_flag(end, libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC);
    }
    (reader, writer)
}

/// A pair of terminals: the master and the slave.
pub fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: both pointers are to integers, which are filled on success; the other three may be null, and openpty(3) then leaves
    // the name out and the terminal as it is.
    let result =
        unsafe { libc::openpty(&mut master, &mut slave, ptr::null_mut(), ptr::null_mut(), ptr::null_mut()) };
    check("openpty", result);
    (owned(master), owned(slave))
}

/// A TCP socket that is neither connected nor listening.
pub fn fresh_socket() -> OwnedFd {
    // SAFETY: takes no pointer.
    owned(check("socket", unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) }))
}

/// A UNIX stream socket that is neither connected nor listening.
pub fn fresh_unix_socket() -> OwnedFd {
    // SAFETY: takes no pointer.
    owned(check("socket", unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) }))
}

/// Two connected sockets of sequenced packets, which not every system has (macOS, illumos).
pub fn packet_pair() -> Option<(OwnedFd, OwnedFd)> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "netbsd"))]
    {
        let mut fds = [-1; 2];
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: the pointer is to two integers, which the kernel fills when it answers with 0.
        check("socketpair", unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) });
        let [near, far] = fds.map(owned);
        Some((near, far))
    }
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd"
    )))]
    None
}

/// Makes a FIFO.
pub fn make_fifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).expect("a path has no zero byte");
    // SAFETY: the pointer is to a string with its zero.
    check("mkfifo", unsafe { libc::mkfifo(path.as_ptr(), libc::S_IRWXU) });
}

/// What `poll(2)` finds at a descriptor within so many milliseconds (-1: as long as it takes); nothing when a signal ends it.
pub fn poll(fd: BorrowedFd<'_>, events: c_short, milliseconds: c_int) -> c_short {
    let mut slot = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: the pointer is to one slot, as the count says.
    let result = unsafe { libc::poll(&mut slot, 1, milliseconds) };
    if result == -1 {
        let error = io::Error::last_os_error();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted, "poll: {error}");
        return 0;
    }
    slot.revents
}

/// Makes a descriptor non-blocking.
pub fn set_nonblocking(fd: &impl AsFd) {
    add_flag(fd, libc::F_GETFL, libc::F_SETFL, libc::O_NONBLOCK);
}

/// Whether a descriptor is closed on exec.
pub fn is_closed_on_exec(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: F_GETFD takes no pointer and only looks.
    let flags = check("F_GETFD", unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) });
    flags & libc::FD_CLOEXEC != 0
}

/// Whether a number is open.
pub fn is_open(number: RawFd) -> bool {
    // SAFETY: F_GETFD takes no pointer and only looks; a number that is not open is answered with EBADF.
    unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
}

/// What a number names. Two that are equal name the same file, but for event counters and their like, which are all one, and sockets of
/// NetBSD, which have no number either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity([u64; 4]);

impl Identity {
    /// Whether it is none of those that every poller takes, or none takes: sockets and pipes, files and directories.
    pub fn is_device(&self) -> bool {
        !matches!(self.kind(), libc::S_IFREG | libc::S_IFDIR | libc::S_IFSOCK | libc::S_IFIFO)
    }

    fn kind(&self) -> libc::mode_t {
        self.0[0] as libc::mode_t
    }
}

/// What a number names; `None` when it is closed.
pub fn identity(number: RawFd) -> Option<Identity> {
    crate::sys::file_of(number).ok().map(Identity)
}

/// The directions of which a descriptor may be called ready at a hang-up although it has not got them, and of which it need not be:
/// a pipe has one at each end, and descriptors that belong to no file system may have fewer than they say.
pub fn missing_directions(number: RawFd) -> Ready {
    // SAFETY: F_GETFL takes no pointer and only looks.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
    let has_no_kind = identity(number).map_or(true, |identity| identity.kind() == 0);
    match flags & libc::O_ACCMODE {
        _ if has_no_kind => Ready::READABLE | Ready::WRITABLE,
        libc::O_RDONLY => Ready::WRITABLE,
        libc::O_WRONLY => Ready::READABLE,
        _ => Ready::NONE,
    }
}

/// A duplicate with a number not below `lowest`.
pub fn duplicate_from(fd: &impl AsFd, lowest: RawFd) -> OwnedFd {
    // SAFETY: F_DUPFD_CLOEXEC takes no pointer, and the descriptor is open for as long as it is borrowed.
    let number = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
    owned(check("F_DUPFD_CLOEXEC", number))
}

/// Opens `number` as a duplicate of `fd`. For cases that run alone: the number must not be open.
pub fn duplicate_to(fd: &impl AsFd, number: RawFd) -> OwnedFd {
    assert!(!is_open(number), "number {number} is taken");
    // SAFETY: dup2 takes no pointer; the number is not open, so nobody loses a file.
    let result = unsafe { libc::dup2(fd.as_fd().as_raw_fd(), number) };
    assert_eq!(check("dup2", result), number);
    owned(number)
}

/// A number that need not be open, for calls about descriptors that were closed behind the poller's back.
pub fn number(number: RawFd) -> BorrowedFd<'static> {
    assert!(number >= 0, "{number} is no number of a descriptor");
    // SAFETY: it is passed to nothing but system calls, which answer a closed number with EBADF; it is not -1.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Makes the close of a socket a reset (`SO_LINGER` with no time to linger).
pub fn reset_on_close(socket: &impl AsFd) {
    set_option(socket, libc::SO_LINGER, libc::linger { l_onoff: 1, l_linger: 0 });
}

/// Sets how many bytes make a socket readable (`SO_RCVLOWAT`).
pub fn set_receive_low_water_mark(socket: &impl AsFd, bytes: c_int) {
    set_option(socket, libc::SO_RCVLOWAT, bytes);
}

/// Sets how much a socket may have sent that was not read (`SO_SNDBUF`); the system may round it up, or double it.
pub fn set_send_buffer_len(socket: &impl AsFd, bytes: c_int) {
    set_option(socket, libc::SO_SNDBUF, bytes);
}

/// Shuts a socket. std has a call for it for each of its types, and none for what may be any of them.
pub fn shut(socket: &impl AsFd, how: Shutdown) {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: takes no pointer.
    check("shutdown", unsafe { libc::shutdown(socket.as_fd().as_raw_fd(), how) });
}

/// Sends one byte out of band.
pub fn send_out_of_band(socket: &impl AsFd) {
    let byte = b"!";
    // SAFETY: the pointer is to one byte, as the length says.
    let sent = unsafe { libc::send(socket.as_fd().as_raw_fd(), byte.as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1, "send out of band: {}", io::Error::last_os_error());
}

/// Sets anew how many connections may wait to be accepted.
pub fn set_backlog(listener: &impl AsFd, backlog: c_int) {
    // SAFETY: takes no pointer.
    check("listen", unsafe { libc::listen(listener.as_fd().as_raw_fd(), backlog) });
}

/// Shuts a listener for reading, which std has no call for.
pub fn shut_for_reading(listener: &TcpListener) {
    // SAFETY: takes no pointer.
    check("shutdown", unsafe { libc::shutdown(listener.as_raw_fd(), libc::SHUT_RD) });
}

/// The limit of descriptor numbers: what holds now, and how far it may be raised.
pub fn descriptor_limit() -> (Limit, Limit) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a limit, which the kernel fills when it answers with 0.
    check("getrlimit", unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) });
    (limit.rlim_cur, limit.rlim_max)
}

/// Sets the limit of descriptor numbers.
pub fn set_descriptor_limit(soft: Limit, hard: Limit) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the pointer is to a limit, which the kernel copies.
    check("setrlimit", unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) });
}

/// How often this thread has gone to sleep, where the system counts it by thread.
pub fn sleep_count() -> Option<i64> {
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd"))]
    {
        // SAFETY: a rusage is plain integers, for which zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a rusage, which the kernel fills when it answers with 0.
        check("getrusage", unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) });
        #[allow(clippy::useless_conversion)] // 32 bits wide on some systems
        Some(i64::from(usage.ru_nvcsw))
    }
    #[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd")))]
    None
}

/// Runs something in a forked child, and answers whether it ended there with `true`, and not in a panic.
///
/// The body must not wait for other threads: the child has none. It may allocate, since glibc, musl and the BSDs keep their
/// allocators usable in the child of a fork.
pub fn in_a_forked_child(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs nothing of the parent's after the body: it leaves by _exit, in a panic too.
    match check("fork", unsafe { libc::fork() }) {
        0 => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: takes no pointer and does not return.
            unsafe { libc::_exit(if matches!(result, Ok(true)) { 0 } else { 1 }) }
        }
        child => loop {
            let mut status = -1;
            // SAFETY: the pointer is to an integer, which the kernel fills when it answers with the child's number.
            let result = unsafe { libc::waitpid(child, &mut status, 0) };
            if result == child {
                return status == 0;
            }
            let error = io::Error::last_os_error();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted, "waitpid: {error}");
        },
    }
}

/// Sends a signal to a process.
pub fn kill(process: u32, signal: c_int) {
    // SAFETY: takes no pointer.
    check("kill", unsafe { libc::kill(process as libc::pid_t, signal) });
}

/// Gives a signal a handler that does nothing.
pub fn handle_without_effect(signal: c_int, flags: c_int) {
    extern "C" fn ignore(_: c_int) {}
    // SAFETY: a sigaction is integers and pointers, for all of which zero is a value: an empty mask, and no restorer.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ignore as extern "C" fn(c_int) as usize;
    action.sa_flags = flags;
    // SAFETY: the pointer is to an action, which the kernel copies; the handler does nothing, which is safe at any point of any
    // thread.
    check("sigaction", unsafe { libc::sigaction(signal, &action, ptr::null_mut()) });
}

/// A thread, to send signals to.
#[derive(Clone, Copy, Debug)]
pub struct Thread(libc::pthread_t);

// SAFETY: the name of a thread is the same in every thread; on some systems it is a pointer, which nobody here follows.
unsafe impl Send for Thread {}
// SAFETY: as above.
unsafe impl Sync for Thread {}

impl Thread {
    /// The thread that asks.
    pub fn current() -> Thread {
        // SAFETY: takes nothing and cannot fail.
        Thread(unsafe { libc::pthread_self() })
    }

    /// Sends it a signal.
    ///
    /// # Safety
    /// The thread must not have ended.
    pub unsafe fn signal(self, signal: c_int) {
        // SAFETY: the caller knows that the thread lives.
        let errno = unsafe { libc::pthread_kill(self.0, signal) };
        assert_eq!(errno, 0, "pthread_kill: {}", io::Error::from_raw_os_error(errno));
    }
}

/// Sends a signal to this thread, which has handled it when this returns unless it blocks it.
pub fn raise(signal: c_int) {
    // SAFETY: this thread has not ended.
    unsafe { Thread::current().signal(signal) };
}

/// Sends a signal to this thread at every interval for as long as the body runs.
pub fn under_signals(signal: c_int, flags: c_int, interval: Duration, body: impl FnOnce()) {
    use std::sync::atomic::{AtomicBool, Ordering};

    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    handle_without_effect(signal, flags);
    let target = Thread::current();
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            while !has_ended.load(Ordering::SeqCst) {
                // SAFETY: the target waits for this thread before it leaves the scope.
                unsafe { target.signal(signal) };
                std::thread::sleep(interval);
            }
        });
        // Also when the body panics: the scope waits for the sender.
        let end = End(&has_ended);
        body();
        drop(end);
        sender.join().expect("the sender does not panic");
    });
}

#[cfg(target_os = "linux")]
pub use linux::*;

/// What only Linux has.
#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;

    use super::*;

    /// A counter at zero (eventfd(2)), to be read and written eight bytes at a time.
    pub fn event_counter() -> File {
        // SAFETY: takes no pointer.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        File::from(owned(check("eventfd", fd)))
    }

    /// A timer (timerfd_create(2)), not set.
    pub fn timer() -> OwnedFd {
        // SAFETY: takes no pointer.
        owned(check("timerfd_create", unsafe {
            libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK)
        }))
    }

    /// Sets a timer to expire once.
    pub fn set_timer(timer: &OwnedFd, length: Duration) {
        // SAFETY: an itimerspec is plain integers, for which zero is a value.
        let mut spec: libc::itimerspec = unsafe { std::mem::zeroed() };
        spec.it_value = crate::sys::timespec(length);
        // SAFETY: the pointer is to a spec, which the kernel copies; nobody asks for the old one.
        let result = unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &spec, ptr::null_mut()) };
        check("timerfd_settime", result);
    }

    /// A descriptor of a signal that waits to be read (signalfd(2)); the signal is blocked in this thread from now on.
    pub fn signals(signal: c_int) -> File {
        // SAFETY: a sigset is plain integers, for which zero is a value, and sigemptyset makes it what it is to be.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a set, and the signal is one that there is.
        unsafe {
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, signal);
        }
        // SAFETY: the pointer is to a set; nobody asks for the old one.
        let errno = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut()) };
        assert_eq!(errno, 0, "pthread_sigmask: {}", io::Error::from_raw_os_error(errno));
        // SAFETY: the pointer is to a set, which the kernel copies.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
        File::from(owned(check("signalfd", fd)))
    }

    /// A descriptor of a process (pidfd_open(2)).
    pub fn process(id: u32) -> OwnedFd {
        // SAFETY: takes no pointer.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
        owned(check("pidfd_open", fd as c_int))
    }

    /// Connects a UNIX socket to the listener of a path, which std does only with a socket of its own that waits for it.
    pub fn connect_unix(socket: &OwnedFd, path: &Path) -> io::Result<()> {
        // SAFETY: a sockaddr_un is plain integers, for which zero is a value.
        let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        let path = path.as_os_str().as_bytes();
        assert!(path.len() < address.sun_path.len(), "the path is too long");
        for (to, from) in address.sun_path.iter_mut().zip(path) {
            *to = *from as libc::c_char;
        }
        let len = std::mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: the pointer is to an address of the length that is passed, which the kernel copies.
        let result =
            unsafe { libc::connect(socket.as_raw_fd(), (&address as *const libc::sockaddr_un).cast(), len) };
        crate::sys::check(result).map(|_| ())
    }

    /// A file of memory only.
    pub fn memory_file() -> OwnedFd {
        // SAFETY: the name is a string with its zero.
        owned(check("memfd_create", unsafe { libc::memfd_create(b"m\0".as_ptr().cast(), libc::MFD_CLOEXEC) }))
    }

    /// Gives this thread a table of open files of its own, as long as what is open needs and no longer.
    pub fn unshare_files() {
        // SAFETY: takes no pointer, and no memory is unshared.
        check("unshare", unsafe { libc::unshare(libc::CLONE_FILES) });
    }
}

fn check(what: &str, result: c_int) -> c_int {
    assert_ne!(result, -1, "{what}: {}", io::Error::last_os_error());
    result
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller's kernel has just opened it, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn add_flag(fd: &impl AsFd, get: c_int, set: c_int, flag: c_int) {
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: these commands of fcntl take no pointer, and the descriptor is open for as long as it is borrowed.
    let flags = check("fcntl", unsafe { libc::fcntl(fd, get) });
    // SAFETY: as above.
    check("fcntl", unsafe { libc::fcntl(fd, set, flags | flag) });
}

fn set_option<T>(socket: &impl AsFd, option: c_int, value: T) {
    let (value, len) = (&value as *const T, std::mem::size_of::<T>() as libc::socklen_t);
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to a value of the length that is passed, which the kernel copies.
    let result = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, value.cast::<c_void>(), len) };
    check("setsockopt", result);
}

/// glibc counts the processors when threads want a ninth arena, for which it opens a file, at a time when a case may look at the numbers
/// that are open. With a limit of our own it does not ask. Another malloc in its place (a sanitizer's) refuses, and has no arenas.
pub fn keep_malloc_from_opening_files() {
    // SAFETY: takes no pointer.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 8) };
}
