//! Who is at the other end of a UNIX socket.

use std::io;
use std::mem;
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::ptr;

use crate::sys;

/// Who made the other end of a connection, as the kernel noted it when the connection was made.
///
/// ```
/// use ringmq_platform::net;
/// use std::{fs, io::{Error, ErrorKind}, os::unix::{fs::MetadataExt, io::AsFd, net::UnixStream}};
///
/// /// Serves nobody but the user whose files these are.
/// fn check(client: &UnixStream, files: &str) -> std::io::Result<()> {
///     let peer = net::peer_credentials(client.as_fd())?;
///     let owner = fs::metadata(files)?.uid();
///     (peer.uid == owner).then(|| ()).ok_or(Error::from(ErrorKind::PermissionDenied))
/// }
///
/// # let own = std::env::temp_dir().join(format!("ringmq-credentials-{}", std::process::id()));
/// # fs::write(&own, "")?;
/// let (client, _server) = UnixStream::pair()?;
/// check(&client, own.to_str().expect("a name of this program's"))?;
/// # fs::remove_file(own)?;
/// # Ok::<(), std::io::Error>(())
/// ```
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
/// `InvalidInput` for a socket that is no UNIX socket; what the system says of one that is not connected, mostly `NotConnected`, and of
/// what is no socket; `Unsupported` on a system without such a call.
///
/// # Platform notes
/// Linux, Android, OpenBSD (`SO_PEERCRED`), NetBSD (`LOCAL_PEEREID`), macOS and its kin (`getpeereid(3)`, `LOCAL_PEERPID`) and illumos
/// (`getpeerucred(3C)`) tell the process; FreeBSD and DragonFly (`getpeereid(3)`) do not here. The family is asked for first, since no
/// system can be relied on to refuse another: the level of these options is 0 where they are not of `SOL_SOCKET`, and that is IP's too.
pub fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    if !is_unix(socket)? {
        let message = "no UNIX socket, and nobody else's peer is known";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    of_peer(socket)
}

fn is_unix(socket: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: a socket address is integers, for which zero is a value.
    let mut address: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let mut len = mem::size_of_val(&address) as libc::socklen_t;
    let place = ptr::addr_of_mut!(address).cast();
    // SAFETY: `place` has room for `len` bytes, and both live through the call.
    sys::check(unsafe { libc::getsockname(socket.as_raw_fd(), place, &mut len) })?;
    // Some systems have no address at all for a UNIX socket without a name; those of other families always have one.
    Ok(len == 0 || libc::c_int::from(address.ss_family) == libc::AF_UNIX)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let peer: libc::ucred = option(socket, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
    // So it answers for one that is not connected (`cred_to_ucred` of the kernel, given none).
    if peer.pid == 0 && peer.uid == u32::MAX {
        return Err(io::Error::from_raw_os_error(libc::ENOTCONN));
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
    match unsafe { libc::getpeereid(socket.as_raw_fd(), &mut uid, &mut gid) } {
        0 => {}
        -1 => return Err(io::Error::last_os_error()),
        // DragonFly's and old FreeBSD's own check of what the kernel told returns EINVAL itself.
        errno => return Err(io::Error::from_raw_os_error(errno)),
    }
    #[cfg(target_vendor = "apple")]
    let pid = option::<libc::pid_t>(socket, libc::SOL_LOCAL, libc::LOCAL_PEERPID).ok();
    #[cfg(not(target_vendor = "apple"))]
    let pid = None;
    Ok(Credentials { uid, gid, pid })
}

#[cfg(any(target_os = "illumos", target_os = "solaris"))]
fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut peer = ptr::null_mut();
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
    // SAFETY: plain integers, for which zero is a value.
    let mut value: T = unsafe { mem::zeroed() };
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    let place = (&mut value as *mut T).cast();
    // SAFETY: `place` has room for `len` bytes, and both live through the call.
    sys::check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, place, &mut len) })?;
    if len as usize != mem::size_of::<T>() {
        let message = format!("expected {} bytes of credentials, found {len}", mem::size_of::<T>());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
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
        let error = peer_credentials(client.as_fd()).expect_err("no UNIX socket");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_socket_that_is_not_connected_has_no_peer() {
        let socket = std::os::unix::net::UnixDatagram::unbound().expect("open a socket");
        let error = peer_credentials(socket.as_fd()).expect_err("nobody is at the other end");
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        drop(error);
    }

    #[test]
    fn what_is_no_socket_is_an_error() {
        let file = std::fs::File::open("/dev/null").expect("open /dev/null");
        let error = peer_credentials(file.as_fd()).expect_err("no socket");
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
    }
}
