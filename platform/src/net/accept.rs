//! Accepting sockets that are non-blocking from the first, and what an error of it calls for.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::{self as unix, UnixListener, UnixStream};

use super::address::{decode, decode_path, empty_path, unnamed, Storage};
use super::socket::accept_socket;

/// Takes a connection off the listener's queue, non-blocking and closed on exec, with the address of its peer.
///
/// # Errors
/// `WouldBlock` when the queue is empty and the listener is non-blocking; the connection's own failure (`ECONNABORTED` and its kin);
/// `EMFILE`, `ENFILE`, `ENOBUFS` and `ENOMEM`, with which the connection stays in the queue.
///
/// # Platform notes
/// macOS and its kin have no `accept4`: there the socket is made so by further calls, and a thread that forks between them and starts a
/// program hands the descriptor on.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let mut storage = Storage::empty();
    let (socket, _) = accept_socket(listener.as_raw_fd(), &mut storage)?;
    Ok((TcpStream::from(socket), decode(&storage)?))
}

/// As [`accept`], from a UNIX listener. A peer that has not bound its socket, which is the rule, has an address without a name.
///
/// # Errors
/// As for [`accept`].
///
/// # Platform notes
/// As for [`accept`].
pub fn accept_unix(listener: &UnixListener) -> io::Result<(UnixStream, unix::SocketAddr)> {
    let mut storage = empty_path();
    let (socket, len) = accept_socket(listener.as_raw_fd(), &mut storage)?;
    let stream = UnixStream::from(socket);
    let address = match decode_path(&storage, len) {
        Some(address) => address,
        // One that std alone can put in words. A peer that has gone meanwhile has none, and its last words are to be read all the same.
        None => stream.peer_addr().or_else(|_| unnamed())?,
    };
    Ok((stream, address))
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
    ///
    /// `EPERM` is one connection's when it is a firewall that forbids it, and every one's when it is a sandbox: when nothing but such
    /// failures comes, time after time, treat them as [`Exhausted`](Self::Exhausted).
    Connection,
    /// No descriptor or no memory is left. The connection stays in the queue and the listener stays readable, so trying again at once
    /// would spin: rest, and try later.
    Exhausted,
    /// The listener cannot accept: closed, or not listening, or the process may not (`EACCES` and `ENOSYS`, of a sandbox).
    Listener,
}

impl AcceptFailure {
    /// Classes an error that [`accept`] returned.
    pub fn of(error: &io::Error) -> AcceptFailure {
        if error.kind() == io::ErrorKind::WouldBlock {
            return AcceptFailure::Empty;
        }
        match error.raw_os_error() {
            _ if crate::is_shortage(error) => AcceptFailure::Exhausted,
            // Streams without buffers: illumos' accept(3SOCKET).
            #[cfg(any(target_os = "illumos", target_os = "solaris"))]
            Some(libc::ENOSR) => AcceptFailure::Exhausted,
            Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP | libc::EFAULT) => {
                AcceptFailure::Listener
            }
            Some(libc::EACCES | libc::ENOSYS) => AcceptFailure::Listener,
            // ECONNABORTED, EPROTO, EINTR, EPERM (a firewall), ENETDOWN, EHOSTUNREACH and their kin, and an address of no known family.
            _ => AcceptFailure::Connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (
                AcceptFailure::Listener,
                &[libc::EBADF, libc::EINVAL, libc::ENOTSOCK, libc::EACCES, libc::ENOSYS],
            ),
        ];
        for (class, errnos) in classes {
            for errno in errnos {
                assert_eq!(AcceptFailure::of(&io::Error::from_raw_os_error(*errno)), class, "errno {errno}");
            }
        }
    }
}
