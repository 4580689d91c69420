//! What a stream reads from and writes to.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::AsFd;
use std::os::unix::net::UnixStream;

/// What a [`Stream`](crate::Stream) reads from and writes to: a non-blocking byte stream with a descriptor.
pub trait Transport: Read + Write + AsFd + 'static {
    /// Makes reads and writes answer `WouldBlock` instead of blocking. Called once, when the stream is made.
    fn set_nonblocking(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Tells the peer that nothing more will be sent. Reading goes on.
    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes the error that is pending, such as that of a connect (`SO_ERROR`).
    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl Transport for TcpStream {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        TcpStream::set_nonblocking(self, true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        TcpStream::take_error(self)
    }
}

impl Transport for UnixStream {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        UnixStream::set_nonblocking(self, true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        UnixStream::take_error(self)
    }
}
