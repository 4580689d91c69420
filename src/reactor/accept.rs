//! What a listener accepts from.

use std::io;
use std::net::{self as inet, TcpListener, TcpStream};
use std::os::unix::io::AsFd;
use std::os::unix::net::{self as unix, UnixListener, UnixStream};

use crate::platform::net;

/// What a [`Listener`](crate::Listener) accepts from: a socket that listens. The standard library's do, and with them the streams that
/// come out of it.
pub trait Accept: AsFd + 'static {
    /// What is accepted: non-blocking, and closed on exec.
    type Stream: 'static;
    /// The address of either end.
    type Address: 'static;

    /// Makes [`accept`](Self::accept) answer `WouldBlock` instead of blocking. Called once, when the listener is made.
    ///
    /// # Errors
    /// What the system says.
    fn set_nonblocking(&mut self) -> io::Result<()>;

    /// Takes the next connection off the queue, with the address of its peer.
    ///
    /// # Errors
    /// Are taken as [`AcceptFailure`](crate::platform::net::AcceptFailure) classes them.
    fn accept(&mut self) -> io::Result<(Self::Stream, Self::Address)>;

    /// The address that it is bound to.
    ///
    /// # Errors
    /// What the system says.
    fn local_addr(&self) -> io::Result<Self::Address>;
}

impl Accept for TcpListener {
    type Stream = TcpStream;
    type Address = inet::SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        TcpListener::set_nonblocking(self, true)
    }

    fn accept(&mut self) -> io::Result<(TcpStream, inet::SocketAddr)> {
        net::accept(self)
    }

    fn local_addr(&self) -> io::Result<inet::SocketAddr> {
        TcpListener::local_addr(self)
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;
    type Address = unix::SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        UnixListener::set_nonblocking(self, true)
    }

    fn accept(&mut self) -> io::Result<(UnixStream, unix::SocketAddr)> {
        net::accept_unix(self)
    }

    fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        UnixListener::local_addr(self)
    }
}
