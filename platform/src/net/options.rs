//! Options of sockets that std does not set.

use std::io;
use std::mem;
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::sys;

/// macOS counts those of `SO_LINGER` in ticks of its clock (its `sys/socket.h`), and has another by seconds.
#[cfg(target_vendor = "apple")]
const LINGER: c_int = libc::SO_LINGER_SEC;
#[cfg(not(target_vendor = "apple"))]
const LINGER: c_int = libc::SO_LINGER;

/// The most seconds that all kernels take: macOS keeps them in 16 bits with a sign, FreeBSD refuses more than 16 bits hold.
const LONGEST_LINGER: u64 = i16::MAX as u64;

/// Sets what closing a TCP socket does with bytes that were written and not delivered (`SO_LINGER`, `socket(7)`).
///
/// | `linger` | closing |
/// |---|---|
/// | `None`, as every socket begins | returns at once; the kernel goes on delivering |
/// | zero | returns at once; the bytes are dropped, and the peer's connection is reset |
/// | longer, in whole seconds, rounded up, at most 32767 | waits until they are delivered, but no longer; on Linux also when the socket is non-blocking, so it is nothing for a loop |
///
/// ```
/// use ringmq_platform::net;
/// use std::{net::{TcpListener, TcpStream}, os::unix::io::AsFd, time::Duration};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// net::set_linger(client.as_fd(), Some(Duration::ZERO))?;
/// drop(client); // the listener's side sees a reset
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `setsockopt(2)` says. `InvalidInput` on macOS and some BSDs also when the peer has left already: no reason to give up a
/// connection that still has something to be read.
pub fn set_linger(socket: BorrowedFd<'_>, linger: Option<Duration>) -> io::Result<()> {
    // SAFETY: a linger is two integers, for which zero is a value.
    let mut value: libc::linger = unsafe { mem::zeroed() };
    if let Some(linger) = linger {
        let seconds = linger.as_secs().saturating_add(u64::from(linger.subsec_nanos() > 0));
        value.l_onoff = 1;
        value.l_linger = seconds.min(LONGEST_LINGER) as _;
    }
    set(socket, LINGER, &value)
}

/// Sets how many connections may wait in a listener's queue, whichever there are already (`listen(2)`). Who connects to a full queue
/// waits, or is refused: see [`connect_unix`](super::connect_unix).
///
/// ```
/// use ringmq_platform::net;
/// use std::{net::TcpListener, os::unix::io::AsFd};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// net::set_backlog(listener.as_fd(), 1024)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `InvalidInput` for a socket that does not listen, which `listen(2)` would make listen, at a port of the system's choice; what
/// `getsockopt(2)` and `listen(2)` say.
///
/// # Platform notes
/// The system has a limit of its own (`net.core.somaxconn`, `kern.ipc.soacceptqueue`), and Linux takes one more than was asked for.
pub fn set_backlog(listener: BorrowedFd<'_>, count: u32) -> io::Result<()> {
    if !listens(listener)? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"));
    }
    let count = c_int::try_from(count).unwrap_or(c_int::MAX);
    // SAFETY: takes no pointer, and the descriptor is open for as long as it is borrowed.
    sys::check(unsafe { libc::listen(listener.as_raw_fd(), count) }).map(|_| ())
}

fn listens(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut listens: c_int = 0;
    let mut len = mem::size_of::<c_int>() as libc::socklen_t;
    let place = (&mut listens as *mut c_int).cast();
    let (level, name) = (libc::SOL_SOCKET, libc::SO_ACCEPTCONN);
    // SAFETY: `place` has room for `len` bytes, and both live through the call.
    sys::check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, place, &mut len) })?;
    Ok(listens != 0)
}

/// Sets an option of the level `SOL_SOCKET`. `T` is the integer or the plain structure that the option takes.
pub(super) fn set<T>(socket: BorrowedFd<'_>, option: c_int, value: &T) -> io::Result<()> {
    let len = mem::size_of::<T>() as libc::socklen_t;
    let value = (value as *const T).cast();
    // SAFETY: the pointer is to `len` bytes, which live through the call, and the descriptor is open for as long as it is borrowed.
    sys::check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, len) })
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
    use std::os::unix::io::AsFd;

    #[test]
    fn a_socket_that_does_not_listen_is_not_made_to() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        set_backlog(listener.as_fd(), 7).expect("it listens");
        let client = TcpStream::connect(listener.local_addr().expect("its address")).expect("connect");
        let socket = super::super::socket::open_stream_socket(libc::AF_INET).expect("open a socket");
        for other in [client.as_fd(), socket.as_fd()] {
            let error = set_backlog(other, 7).expect_err("it does not listen");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        let address = TcpStream::from(socket).local_addr().expect("its address");
        assert_eq!(address, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let file = std::fs::File::open("/dev/null").expect("open /dev/null");
        assert_eq!(set_backlog(file.as_fd(), 7).expect_err("no socket").raw_os_error(), Some(libc::ENOTSOCK));
    }
}
