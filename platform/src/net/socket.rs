//! Opening sockets that are non-blocking, closed on exec and without SIGPIPE: from their first moment, or, on macOS and its kin, before
//! anybody of this process is given them.

use std::io;
use std::mem;
use std::os::raw::c_int;
#[cfg(target_vendor = "apple")]
use std::os::unix::io::AsFd;
use std::os::unix::io::{FromRawFd, OwnedFd};

use crate::sys;

#[cfg(not(target_vendor = "apple"))]
pub(super) fn open_stream_socket(family: c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointer.
    let fd = sys::check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(target_vendor = "apple")]
pub(super) fn open_stream_socket(family: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = sys::check(unsafe { libc::socket(family, libc::SOCK_STREAM, 0) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(&socket)?;
    Ok(socket)
}

/// The next connection, its peer's address in `storage`, and how long the kernel says that it is. `A` is a socket address, which is plain
/// integers.
pub(super) fn accept_socket<A>(listener: c_int, storage: &mut A) -> io::Result<(OwnedFd, libc::socklen_t)> {
    let mut len = mem::size_of::<A>() as libc::socklen_t;
    let address = (storage as *mut A).cast();
    #[cfg(not(target_vendor = "apple"))]
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    #[cfg(not(target_vendor = "apple"))]
    // SAFETY: `address` has room for `len` bytes, and both live through the call.
    let fd = sys::check(unsafe { libc::accept4(listener, address, &mut len, flags) })?;
    #[cfg(target_vendor = "apple")]
    // SAFETY: as above.
    let fd = sys::check(unsafe { libc::accept(listener, address, &mut len) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    #[cfg(target_vendor = "apple")]
    prepare(&socket)?;
    Ok((socket, len))
}

/// What the others set while they open a socket: non-blocking, closed on exec; and no SIGPIPE.
#[cfg(target_vendor = "apple")]
fn prepare(socket: &OwnedFd) -> io::Result<()> {
    sys::add_flag(socket.as_fd(), libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
    sys::add_flag(socket.as_fd(), libc::F_GETFL, libc::F_SETFL, libc::O_NONBLOCK)?;
    super::prevent_sigpipe(socket.as_fd())
}
