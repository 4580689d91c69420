//! Who is at the other end of a UNIX socket.

use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd};

use crate::sys;

/// Who made the other end of a connection, as the kernel noted it when the connection was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// The process, where the system tells. It may be gone, and its number another's: good for a log, not for a decision.
    pub pid: Option<i32>,
}

/// Who made the other end of a connected UNIX stream socket: who connected, or for the one who did, who made the listener listen.
///
/// ```
/// use ringmq_platform::net;
/// use std::os::unix::{io::AsFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, _far) = UnixStream::pair()?;
/// let peer = net::peer_credentials(near.as_fd())?;
/// if let Some(pid) = peer.pid {
///     assert_eq!(pid as u32, std::process::id());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What the system says of a socket that is not connected, or not of this kind; `Unsupported` on a system without such a call.
///
/// # Platform notes
/// Linux, Android, OpenBSD (`SO_PEERCRED`), NetBSD (`LOCAL_PEEREID`), macOS and its kin (`getpeereid(3)`, `LOCAL_PEERPID`) and illumos
/// (`getpeerucred(3C)`) tell the process; FreeBSD and DragonFly (`getpeereid(3)`) do not here. Linux answers for a socket that is no
/// UNIX socket, too: with user and group -1 and process 0 (`unix(7)` promises nothing of them), which is `InvalidInput` here.
pub fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    of_peer(socket)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let peer: libc::ucred = option(socket, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
    if peer.pid == 0 && peer.uid == u32::MAX {
        let message = "the socket has no peer whose credentials the kernel noted";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // A process of a namespace that cannot be seen from here has the number 0.
    Ok(Credentials { uid: peer.uid, gid: peer.gid, pid: Some(peer.pid).filter(|pid| *pid != 0) })
}

#[cfg(target_os = "openbsd")]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let peer: libc::sockpeercred = option(socket, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
    Ok(Credentials { uid: peer.uid, gid: peer.gid, pid: Some(peer.pid) })
}

#[cfg(target_os = "netbsd")]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    // The level of UNIX sockets is 0 (unix(4)).
    let peer: libc::unpcbid = option(socket, 0, libc::LOCAL_PEEREID)?;
    Ok(Credentials { uid: peer.unp_euid, gid: peer.unp_egid, pid: Some(peer.unp_pid) })
}

#[cfg(any(target_os = "freebsd", target_os = "dragonfly", target_vendor = "apple"))]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: both pointers are to integers of their types, and live through the call.
    sys::check(unsafe { libc::getpeereid(socket.as_raw_fd(), &mut uid, &mut gid) })?;
    #[cfg(target_vendor = "apple")]
    let pid = option::<libc::pid_t>(socket, libc::SOL_LOCAL, libc::LOCAL_PEERPID).ok();
    #[cfg(not(target_vendor = "apple"))]
    let pid = None;
    Ok(Credentials { uid, gid, pid })
}

#[cfg(any(target_os = "illumos", target_os = "solaris"))]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut peer = std::ptr::null_mut();
    // SAFETY: given a null pointer to fill in, the call allocates what it fills it in with.
    sys::check(unsafe { libc::getpeerucred(socket.as_raw_fd(), &mut peer) })?;
    // SAFETY: the call succeeded, so `peer` is what it allocated; it is freed once, behind the last use.
    let (uid, gid, pid) = unsafe {
        let found = (libc::ucred_geteuid(peer), libc::ucred_getegid(peer), libc::ucred_getpid(peer));
        libc::ucred_free(peer);
        found
    };
    Ok(Credentials { uid, gid, pid: Some(pid).filter(|pid| *pid != -1) })
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    target_os = "illumos",
    target_os = "solaris",
    target_vendor = "apple"
)))]
fn of_peer(_: BorrowedFd<'_>) -> io::Result<Credentials> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The value of an option. `T` is the integer or the plain structure of integers that the option has.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "netbsd",
    target_os = "openbsd",
    target_vendor = "apple"
))]
fn option<T: Copy>(socket: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<T> {
    use std::mem;
    // SAFETY: plain integers, for which zero is a value.
    let mut value: T = unsafe { mem::zeroed() };
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    let place = (&mut value as *mut T).cast();
    // SAFETY: `place` has room for `len` bytes, and both live through the call.
    sys::check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, place, &mut len) })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::io::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn both_ends_of_a_pair_are_of_this_process() {
        let (near, far) = UnixStream::pair().expect("open a pair");
        // SAFETY: these take no pointer and cannot fail.
        let own = unsafe { (libc::geteuid(), libc::getegid()) };
        for end in [&near, &far] {
            let peer = peer_credentials(end.as_fd()).expect("this system tells");
            assert_eq!((peer.uid, peer.gid), own);
            assert!(peer.pid.map_or(true, |pid| pid as u32 == std::process::id()));
        }
    }

    #[test]
    fn a_connection_over_tcp_has_no_credentials() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let client =
            std::net::TcpStream::connect(listener.local_addr().expect("its address")).expect("connect");
        assert!(peer_credentials(client.as_fd()).is_err());
    }
}
