//! The descriptor of a stream of std's, without a call into std.

use std::net::TcpStream;
use std::os::unix::io::BorrowedFd;
use std::os::unix::net::UnixStream;

mod sealed {
    pub trait Owner: std::os::unix::io::AsRawFd {}
}

/// A stream of std's: it owns the descriptor that it names. Nobody else can say so of a type.
pub trait StdStream: sealed::Owner {}

impl sealed::Owner for TcpStream {}
impl sealed::Owner for UnixStream {}
impl StdStream for TcpStream {}
impl StdStream for UnixStream {}

/// As [`AsFd::as_fd`](std::os::unix::io::AsFd::as_fd), which std keeps in a function of its own, to be called for each read and write.
/// This one is compiled into its user.
///
/// ```
/// use ringmq_platform::net;
/// use std::os::unix::{io::AsRawFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, _far) = UnixStream::pair()?;
/// assert_eq!(net::borrow(&near).as_raw_fd(), near.as_raw_fd());
/// # Ok(())
/// # }
/// ```
#[inline]
pub fn borrow(stream: &impl StdStream) -> BorrowedFd<'_> {
    // SAFETY: the stream owns the descriptor, which so is open for as long as the stream is borrowed.
    unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) }
}
