//! Sending without SIGPIPE, in one piece or several, and receiving.

use std::io::{self, IoSlice};
use std::mem;
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd};

use crate::descriptor::check_count;

/// A flag of the call where there is one; Apple's systems have an option of the socket, see [`prevent_sigpipe`].
#[cfg(not(target_vendor = "apple"))]
const FLAGS: c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const FLAGS: c_int = 0;

/// Writes to a connected socket; when the peer is gone that is an error, and never SIGPIPE, whatever the process does about that
/// signal. std's `UnixStream` as a writer raises it on older versions of Rust.
///
/// ```
/// use ringmq_platform::net;
/// use std::{io::ErrorKind, os::unix::{io::AsFd, net::UnixStream}};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, far) = UnixStream::pair()?;
/// net::prevent_sigpipe(near.as_fd())?;
/// assert_eq!(net::send(near.as_fd(), b"hello")?, 5);
/// drop(far);
/// assert_eq!(net::send(near.as_fd(), b"anybody there?").unwrap_err().kind(), ErrorKind::BrokenPipe);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `send(2)` says: `BrokenPipe` and `ConnectionReset` when the peer is gone, `WouldBlock` when the kernel has no room.
///
/// # Platform notes
/// On Apple's systems it takes [`prevent_sigpipe`], once before; elsewhere that does nothing.
#[inline]
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer is to `len` bytes, which are only read, and the descriptor is open for as long as it is borrowed.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), FLAGS) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// As [`send`], of several pieces in one call (`sendmsg(2)`): in order, and as many of their bytes as there is room for.
///
/// ```
/// use ringmq_platform::net;
/// use std::{io::{IoSlice, Read}, os::unix::{io::AsFd, net::UnixStream}};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, mut far) = UnixStream::pair()?;
/// net::prevent_sigpipe(near.as_fd())?;
/// let pieces = [IoSlice::new(b"\0\x05"), IoSlice::new(b"hello")];
/// assert_eq!(net::send_vectored(near.as_fd(), &pieces)?, 7);
/// let mut bytes = [0; 7];
/// far.read_exact(&mut bytes)?;
/// assert_eq!(&bytes, b"\0\x05hello");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As for [`send`]. More than 1024 pieces are `InvalidInput`, and nothing is sent: Linux, the BSDs and macOS take no more (`IOV_MAX`).
pub fn send_vectored(socket: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = check_count(pieces)?;
    // SAFETY: a message header of zeros is one without address, pieces and control data.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    // `IoSlice` has the layout of `iovec` on UNIX systems, which its documentation promises.
    header.msg_iov = pieces.as_ptr() as *mut libc::iovec;
    header.msg_iovlen = count as _;
    // SAFETY: the header and the pieces it points to live through the call, which only reads them; the descriptor is open.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, FLAGS) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Reads from a connected socket; 0 when the peer has finished.
///
/// ```
/// use ringmq_platform::net;
/// use std::os::unix::{io::AsFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, far) = UnixStream::pair()?;
/// net::send(near.as_fd(), b"hello")?;
/// let mut bytes = [0; 10];
/// assert_eq!(net::receive(far.as_fd(), &mut bytes)?, 5);
/// assert_eq!(&bytes[..5], b"hello");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `recv(2)` says: `WouldBlock` when nothing has arrived, `ConnectionReset` when the peer has broken off.
#[inline]
pub fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer is to `len` bytes that nobody else looks at, and the descriptor is open for as long as it is borrowed.
    let received = unsafe { libc::recv(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

/// As [`receive`], of at most `len` bytes, which are appended to `bytes`: no room for them is filled with anything else before.
///
/// ```
/// use ringmq_platform::net;
/// use std::os::unix::{io::AsFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, far) = UnixStream::pair()?;
/// net::send(near.as_fd(), b"hello, world")?;
/// let mut bytes = b"> ".to_vec();
/// assert_eq!(net::receive_behind(far.as_fd(), &mut bytes, 5)?, 5);
/// assert_eq!(bytes, b"> hello");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As for [`receive`]. `bytes` are then what they were.
pub fn receive_behind(socket: BorrowedFd<'_>, bytes: &mut Vec<u8>, len: usize) -> io::Result<usize> {
    bytes.reserve(len);
    let spare = &mut bytes.spare_capacity_mut()[..len];
    // SAFETY: the pointer is to `len` bytes that are the vector's and that nobody looks at, and the descriptor is open for as long as it is
    // borrowed. The call only writes there, so that they need not be filled before.
    let received = unsafe { libc::recv(socket.as_raw_fd(), spare.as_mut_ptr().cast(), len, 0) };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has filled that many of the bytes behind the vector's, and no more than `len`, for which it has capacity.
    unsafe { bytes.set_len(bytes.len() + received) };
    Ok(received)
}

/// What [`send`] needs done once for a socket that neither [`connect`](super::connect()) nor [`accept`](super::accept()) has made.
///
/// # Errors
/// What `setsockopt(2)` says, but for `EINVAL`: so Apple's systems answer when the peer has left already, and reading will tell.
pub fn prevent_sigpipe(socket: BorrowedFd<'_>) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    return match super::options::set(socket, libc::SO_NOSIGPIPE, &1) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        result => result,
    };
    #[cfg(not(target_vendor = "apple"))]
    {
        let _ = socket;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::io::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_is_received_is_appended_and_what_was_there_stays() {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let mut bytes = vec![7; 3];
        let nothing = receive_behind(far.as_fd(), &mut bytes, 100).unwrap_err();
        assert_eq!((nothing.kind(), &bytes[..]), (ErrorKind::WouldBlock, &[7; 3][..]));
        send(near.as_fd(), &[1; 50]).unwrap();
        assert_eq!(receive_behind(far.as_fd(), &mut bytes, 20).unwrap(), 20);
        assert_eq!(receive_behind(far.as_fd(), &mut bytes, 0).unwrap(), 0);
        assert_eq!(receive_behind(far.as_fd(), &mut bytes, 100).unwrap(), 30);
        assert_eq!(bytes, [&[7; 3][..], &[1; 50]].concat());
        drop(near);
        assert_eq!(receive_behind(far.as_fd(), &mut bytes, 100).unwrap(), 0);
        assert_eq!(bytes.len(), 53);
    }

    #[test]
    fn a_vector_with_room_is_not_moved() {
        let (near, far) = UnixStream::pair().unwrap();
        send(near.as_fd(), &[1; 100]).unwrap();
        let mut bytes = Vec::with_capacity(100);
        let place = bytes.as_ptr();
        assert_eq!(receive_behind(far.as_fd(), &mut bytes, 100).unwrap(), 100);
        assert_eq!((bytes.as_ptr(), bytes.capacity(), &bytes[..]), (place, 100, &[1; 100][..]));
    }
}
