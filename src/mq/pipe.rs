//! What a connection of a socket goes over: TCP or a UNIX socket.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use crate::Transport;

/// Either kind of stream, as one transport.
#[derive(Debug)]
pub(crate) enum Pipe {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Pipe {
    /// Whether it is connected to itself: TCP does that when a port of the range that connections take theirs from is tried, nobody listens
    /// there, and the system happens to give the connection that very port.
    pub fn is_connected_to_itself(&self) -> bool {
        match self {
            Pipe::Tcp(stream) => match (stream.local_addr(), stream.peer_addr()) {
                (Ok(local), Ok(peer)) => local == peer,
                _ => false,
            },
            Pipe::Unix(_) => false,
        }
    }

    /// The same connection by another descriptor.
    pub fn try_clone(&self) -> io::Result<Pipe> {
        match self {
            Pipe::Tcp(stream) => stream.try_clone().map(Pipe::Tcp),
            Pipe::Unix(stream) => stream.try_clone().map(Pipe::Unix),
        }
    }
}

/// The same call on whichever it is.
macro_rules! either {
    ($pipe:expr, $stream:ident => $call:expr) => {
        match $pipe {
            Pipe::Tcp($stream) => $call,
            Pipe::Unix($stream) => $call,
        }
    };
}

impl Read for Pipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.read(bytes))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        either!(self, stream => stream.flush())
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, stream => stream.as_fd())
    }
}

impl Transport for Pipe {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        if let Pipe::Tcp(stream) = self {
            // Small messages go at once. A peer that has left already is told of by reading: the BSDs refuse options then.
            let _ = stream.set_nodelay(true);
        }
        either!(self, stream => Transport::set_nonblocking(stream))
    }

    #[inline]
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.receive(bytes))
    }

    fn receive_behind(&mut self, bytes: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        either!(self, stream => stream.receive_behind(bytes, len))
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => Transport::send(stream, bytes))
    }

    fn send_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, stream => Transport::send_vectored(stream, pieces))
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        either!(self, stream => stream.shutdown_write())
    }

    fn abort(&mut self) -> io::Result<()> {
        either!(self, stream => Transport::abort(stream))
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        either!(self, stream => Transport::take_error(stream))
    }
}
