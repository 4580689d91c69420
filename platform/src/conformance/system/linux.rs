//! What only Linux has.

use std::fs::File;
use std::io;
use std::os::raw::c_int;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::path::Path;
use std::ptr;
use std::time::Duration;

use super::{check, owned};

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
