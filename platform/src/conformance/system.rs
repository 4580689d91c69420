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

use crate::Ready;

#[cfg(target_os = "linux")]
mod linux;
mod process;

#[cfg(target_os = "linux")]
pub use linux::*;
pub use process::*;

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

/// Whether a poller can tell any pipe from any other: not on NetBSD and OpenBSD, if both were made within a tick of the clock.
pub fn has_numbered_pipes() -> bool {
    let (reader, _writer) = pipe();
    crate::sys::has_file_number(reader.as_raw_fd()).expect("fstat")
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
