//! What std's sockets cannot do: connect without blocking, and accept a socket that is non-blocking from its first moment.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream};
use std::os::raw::c_int;
#[cfg(target_vendor = "apple")]
use std::os::unix::io::AsFd;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};

use crate::sys;

/// Begins to connect to `address` and returns at once; the socket is non-blocking and closed on exec.
///
/// The connection is made, or has failed, when the socket becomes writable; `TcpStream::take_error` then tells which (it gives the
/// error away only once). Register it only after this call: what a socket that was never connected is ready for differs by system.
///
/// ```
/// use ringmq_platform::{net, Backend, Events, Interest, Token, Trigger};
/// use std::{net::TcpListener, os::unix::io::AsFd};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = net::connect(&listener.local_addr()?)?;
///
/// let mut poller = Backend::default().open()?;
/// poller.add(stream.as_fd(), Token(0), Interest::WRITABLE, Trigger::OneShot)?;
/// let mut events = Events::with_capacity(1);
/// poller.wait(&mut events, None)?;
/// assert!(stream.take_error()?.is_none()); // connected
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `socket(2)` and `connect(2)` say at once: `EMFILE`, `ENETUNREACH`, `EADDRNOTAVAIL`, `EACCES`. A connection that is refused is
/// mostly told later.
pub fn connect(address: &SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let socket = open_stream_socket(family)?;
    let (storage, len) = encode(address);
    // SAFETY: `storage` holds `len` initialised bytes of a socket address of its family.
    let result = unsafe { libc::connect(socket.as_raw_fd(), (&storage as *const Storage).cast(), len) };
    match sys::check(result) {
        Ok(_) => {}
        // EINTR: a signal came first, and the connection goes on being made all the same (POSIX, connect); asking again would fail
        // with EALREADY.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from(socket))
}

/// Takes a connection off the listener's queue, non-blocking and closed on exec, with the address of its peer.
///
/// # Errors
/// `WouldBlock` when the queue is empty and the listener is non-blocking; the connection's own failure (`ECONNABORTED` and its kin);
/// `EMFILE`, `ENFILE`, `ENOBUFS` and `ENOMEM`, with which the connection stays in the queue.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let mut storage = Storage::empty();
    let socket = accept_socket(listener.as_raw_fd(), &mut storage)?;
    Ok((TcpStream::from(socket), decode(&storage)?))
}

/// What an error of [`accept`] calls for.
///
/// ```
/// use ringmq_platform::net::AcceptFailure;
/// let error = std::io::Error::from(std::io::ErrorKind::WouldBlock);
/// assert_eq!(AcceptFailure::of(&error), AcceptFailure::Empty);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AcceptFailure {
    /// No connection is in the queue: wait until the listener is readable.
    Empty,
    /// This connection failed before it was accepted, or a signal came first: try the next one at once. Linux hands on errors of the
    /// new connection's network as well (`accept(2)`, "Error handling").
    Connection,
    /// No descriptor or no memory is left. The connection stays in the queue and the listener stays readable, so trying again at once
    /// would spin: rest, and try later.
    Exhausted,
    /// The listener cannot accept: closed, or not listening.
    Listener,
}

impl AcceptFailure {
    /// Classes an error that [`accept`] returned.
    pub fn of(error: &io::Error) -> AcceptFailure {
        if error.kind() == io::ErrorKind::WouldBlock {
            return AcceptFailure::Empty;
        }
        match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => AcceptFailure::Exhausted,
            Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP | libc::EFAULT) => {
                AcceptFailure::Listener
            }
            // ECONNABORTED, EPROTO, EINTR, EPERM (a firewall), ENETDOWN, EHOSTUNREACH and their kin, and an address of no known family.
            _ => AcceptFailure::Connection,
        }
    }
}

/// Room for the address of either family, aligned for both.
#[repr(C)]
union Storage {
    any: libc::sockaddr,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Storage {
    fn empty() -> Storage {
        // SAFETY: socket addresses are plain integers, for all of which zero is a value.
        unsafe { mem::zeroed() }
    }
}

fn encode(address: &SocketAddr) -> (Storage, libc::socklen_t) {
    let mut storage = Storage::empty();
    let len = match address {
        SocketAddr::V4(address) => {
            // SAFETY: a zeroed sockaddr_in, in which every field is plain integers.
            let v4 = unsafe { &mut storage.v4 };
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = address.port().to_be();
            v4.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
            mem::size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            // SAFETY: as above, of sockaddr_in6.
            let v6 = unsafe { &mut storage.v6 };
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = address.port().to_be();
            v6.sin6_addr.s6_addr = address.ip().octets();
            v6.sin6_flowinfo = address.flowinfo();
            v6.sin6_scope_id = address.scope_id();
            mem::size_of::<libc::sockaddr_in6>()
        }
    };
    // The BSDs' sin_len need not be set: the kernel takes the length that is passed beside the address.
    (storage, len as libc::socklen_t)
}

fn decode(storage: &Storage) -> io::Result<SocketAddr> {
    // SAFETY: every member begins with the family (and, on the BSDs, the length), and all of it was initialised.
    let family = c_int::from(unsafe { storage.any.sa_family });
    match family {
        libc::AF_INET => {
            // SAFETY: the family says which member it is.
            let v4 = unsafe { storage.v4 };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Ok(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says which member it is.
            let v6 = unsafe { storage.v6 };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Ok(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)))
        }
        // FreeBSD and macOS hand out a connection that was reset in the queue without an address.
        family => {
            let message =
                format!("accepted a connection with an address of family {family}, not of IPv4 or IPv6");
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, message))
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
fn open_stream_socket(family: c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointer.
    let fd = sys::check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(target_vendor = "apple")]
fn open_stream_socket(family: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = sys::check(unsafe { libc::socket(family, libc::SOCK_STREAM, 0) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(&socket)?;
    Ok(socket)
}

#[cfg(not(target_vendor = "apple"))]
fn accept_socket(listener: c_int, storage: &mut Storage) -> io::Result<OwnedFd> {
    let mut len = mem::size_of::<Storage>() as libc::socklen_t;
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: `storage` has room for `len` bytes, and both live through the call.
    let fd = unsafe { libc::accept4(listener, (storage as *mut Storage).cast(), &mut len, flags) };
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(sys::check(fd)?) })
}

#[cfg(target_vendor = "apple")]
fn accept_socket(listener: c_int, storage: &mut Storage) -> io::Result<OwnedFd> {
    let mut len = mem::size_of::<Storage>() as libc::socklen_t;
    // SAFETY: `storage` has room for `len` bytes, and both live through the call.
    let fd = unsafe { libc::accept(listener, (storage as *mut Storage).cast(), &mut len) };
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let socket = unsafe { OwnedFd::from_raw_fd(sys::check(fd)?) };
    prepare(&socket)?;
    Ok(socket)
}

/// What the others set while they open a socket: non-blocking, closed on exec, and no SIGPIPE.
#[cfg(target_vendor = "apple")]
fn prepare(socket: &OwnedFd) -> io::Result<()> {
    sys::add_flag(socket.as_fd(), libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
    sys::add_flag(socket.as_fd(), libc::F_GETFL, libc::F_SETFL, libc::O_NONBLOCK)?;
    let on: c_int = 1;
    let len = mem::size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to an integer of `len` bytes.
    let result = unsafe {
        let value = (&on as *const c_int).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NOSIGPIPE, value, len)
    };
    match sys::check(result) {
        // A peer that has left already; reading will tell.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        result => result.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_way_through_the_kernels_form() {
        for text in ["127.0.0.1:80", "255.254.253.252:65535", "[::1]:1", "[fe80::1%3]:443"] {
            let address: SocketAddr = text.parse().expect("the address is well formed");
            let (storage, _) = encode(&address);
            assert_eq!(decode(&storage).expect("the family is known"), address);
        }
    }

    #[test]
    fn errors_of_accept_fall_into_classes() {
        let classes = [
            (AcceptFailure::Empty, &[libc::EAGAIN, libc::EWOULDBLOCK][..]),
            (
                AcceptFailure::Connection,
                &[
                    libc::ECONNABORTED,
                    libc::EPROTO,
                    libc::EINTR,
                    libc::EPERM,
                    libc::ENETDOWN,
                    libc::EHOSTUNREACH,
                ],
            ),
            (AcceptFailure::Exhausted, &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM]),
            (AcceptFailure::Listener, &[libc::EBADF, libc::EINVAL, libc::ENOTSOCK]),
        ];
        for (class, errnos) in classes {
            for errno in errnos {
                assert_eq!(AcceptFailure::of(&io::Error::from_raw_os_error(*errno)), class, "errno {errno}");
            }
        }
    }

    #[test]
    fn a_family_that_is_no_internet_is_an_aborted_connection() {
        let error = decode(&Storage::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
