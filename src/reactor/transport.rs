//! What a stream reads from and writes to.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::platform::net;

/// What a [`Stream`](crate::Stream) reads from and writes to: a non-blocking byte stream with a descriptor.
pub trait Transport: Read + Write + AsFd + 'static {
    /// Makes reads and writes answer `WouldBlock` instead of blocking. Called once, when the stream is made.
    ///
    /// # Errors
    /// Any: the stream is not made, and whoever makes it is told.
    fn set_nonblocking(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Reads, as [`Read::read`] does, unless the transport has a shorter way. 0 says that nothing will come any more.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has arrived: the stream waits until something has. `Interrupted`: it tries again. Any other closes the
    /// stream, and is told.
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.read(bytes)
    }

    /// As [`receive`](Self::receive), of at most `len` bytes, which are appended to `bytes`: so that what is read for somebody is read where
    /// he is to have it. Unless the transport has a shorter way, `bytes` are filled up with zeros first, which are read over.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive). `bytes` are then what they were.
    fn receive_behind(&mut self, bytes: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        let start = bytes.len();
        bytes.resize(start + len, 0);
        let result = self.receive(&mut bytes[start..]);
        bytes.truncate(start + *result.as_ref().unwrap_or(&0));
        result
    }

    /// Writes, as [`Write::write`] does unless the transport has a way that raises no SIGPIPE when the peer is gone: sockets have.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room: the stream waits until there is. `Interrupted`: it tries again. Any other closes the stream,
    /// and is told; so is having written 0 bytes, as `WriteZero`.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    /// As [`send`](Self::send), of several pieces in one call: they count as one, and it answers how many bytes of all of them it has
    /// taken. Unless the transport has such a way it is that of [`Write::write_vectored`], which by default writes the first alone.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    fn send_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_vectored(pieces)
    }

    /// Tells the peer that nothing more will be sent. Reading goes on.
    ///
    /// # Errors
    /// `NotConnected` when the peer is gone already: the stream reads on, and learns of it so. Any other closes the stream, and is told.
    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Has closing the transport tell the peer that the connection was given up, and drop what the kernel has not sent. Where there is no
    /// such way, as for UNIX sockets, it does nothing.
    ///
    /// # Errors
    /// Any: passed over, since the connection is dead then and is closed all the same.
    fn abort(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether bytes only leave by it: the writing end of a pipe, a file that was opened for writing. Such a stream is
    /// [`Closed`](crate::State::Closed) as soon as it has finished. Reading from it brings nothing, but may tell that whoever reads the
    /// other end has left; 0 says that it will not.
    fn is_write_only(&self) -> bool {
        false
    }

    /// Takes the error that is pending, such as that of a connect (`SO_ERROR`).
    ///
    /// # Errors
    /// Any: it counts as the error that was pending.
    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl Transport for TcpStream {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        TcpStream::set_nonblocking(self, true)?;
        net::prevent_sigpipe(self.as_fd())
    }

    #[inline]
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        net::receive(net::borrow(self), bytes)
    }

    fn receive_behind(&mut self, bytes: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        net::receive_behind(net::borrow(self), bytes, len)
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        net::send(net::borrow(self), bytes)
    }

    fn send_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        net::send_vectored(net::borrow(self), pieces)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn abort(&mut self) -> io::Result<()> {
        net::set_linger(self.as_fd(), Some(Duration::ZERO))
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        TcpStream::take_error(self)
    }
}

impl Transport for UnixStream {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        UnixStream::set_nonblocking(self, true)?;
        net::prevent_sigpipe(self.as_fd())
    }

    #[inline]
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        net::receive(net::borrow(self), bytes)
    }

    fn receive_behind(&mut self, bytes: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        net::receive_behind(net::borrow(self), bytes, len)
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        net::send(net::borrow(self), bytes)
    }

    fn send_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        net::send_vectored(net::borrow(self), pieces)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        UnixStream::take_error(self)
    }
}
