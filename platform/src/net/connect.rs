//! Connecting without blocking.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::address::{encode, encode_path};
use super::socket::open_stream_socket;
use crate::sys;

/// Begins to connect to `address` and returns at once; the socket is non-blocking and closed on exec.
///
/// The connection is made, or has failed, when the socket becomes writable; `TcpStream::take_error` then tells which (it gives the
/// error away only once). Register it only after this call: what a socket that was never connected is ready for differs by system.
///
/// A port of one's own machine that nobody listens on, in the range that the system takes ports for outgoing connections from, can be
/// given to this very socket, which then is connected to itself: its two addresses are equal.
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
///
/// # Platform notes
/// macOS and its kin cannot open a socket so (`socket(2)` takes no flags): it is made non-blocking and closed on exec by further calls, and
/// a thread that forks between them and starts a program hands the descriptor on.
pub fn connect(address: &SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let socket = open_stream_socket(family)?;
    let (storage, len) = encode(address);
    // SAFETY: `storage` holds `len` initialised bytes of a socket address of its family, and lives through the call.
    begin(unsafe { libc::connect(socket.as_raw_fd(), std::ptr::addr_of!(storage).cast(), len) })?;
    Ok(TcpStream::from(socket))
}

/// Connects to the UNIX socket at `path` and returns at once; the socket is non-blocking and closed on exec.
///
/// Such a connection is made by the call itself, or not at all. Waiting until the socket is writable, as for [`connect`], is right all
/// the same, so that one piece of code serves both.
///
/// ```
/// use ringmq_platform::net;
/// use std::os::unix::net::UnixListener;
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("ringmq-connect-{}", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
/// let listener = UnixListener::bind(&path)?;
/// let stream = net::connect_unix(&path)?;
/// assert_eq!(stream.peer_addr()?.as_pathname(), Some(&*path));
/// # std::fs::remove_file(&path)
/// # }
/// ```
///
/// # Errors
/// `NotFound` when there is no such file; `ConnectionRefused` when nobody listens there any more; `PermissionDenied` when the file may
/// not be written to; `InvalidInput` for a path that is empty, has a zero byte in it or does not fit (a little over 100 bytes); and what
/// `socket(2)` says.
///
/// `WouldBlock` when the listener's queue is full: nothing is in progress then, and no readiness will tell when there is room, so try
/// again after a while.
///
/// # Platform notes
/// `WouldBlock` is of Linux (`connect(2)`, "EAGAIN"). The BSDs and macOS say `ConnectionRefused` in the same case.
///
/// On macOS the socket is opened as for [`connect`].
pub fn connect_unix(path: impl AsRef<Path>) -> io::Result<UnixStream> {
    let (address, len) = encode_path(path.as_ref())?;
    let socket: OwnedFd = open_stream_socket(libc::AF_UNIX)?;
    // SAFETY: `address` is a socket address of which the first `len` bytes count, and lives through the call.
    begin(unsafe { libc::connect(socket.as_raw_fd(), std::ptr::addr_of!(address).cast(), len) })?;
    Ok(UnixStream::from(socket))
}

/// What `connect(2)` answered: whether the connection is made or on its way.
fn begin(result: c_int) -> io::Result<()> {
    match sys::check(result) {
        Ok(_) => Ok(()),
        // EINTR: a signal came first, and the connection goes on being made all the same (POSIX, connect); asking again would fail
        // with EALREADY.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => Ok(()),
        Err(error) => Err(error),
    }
}
