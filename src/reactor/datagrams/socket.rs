//! What a datagram source receives from and sends to.

use std::fmt;
use std::io;
use std::net::{self, UdpSocket};
use std::os::unix::io::AsFd;
use std::os::unix::net::{self as unix, UnixDatagram};

/// What a [`Datagrams`](crate::Datagrams) receives from and sends to: a non-blocking datagram socket.
pub trait DatagramSocket: AsFd + 'static {
    /// Names who sent a datagram, and where one is to go.
    type Address: fmt::Debug + 'static;

    /// Makes the other methods answer `WouldBlock` instead of blocking. Called once, when the source is made.
    ///
    /// # Errors
    /// Any: the source is not made, and whoever makes it is told.
    fn set_nonblocking(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Receives one datagram, as much of it as fits, and answers how long that is and who sent it.
    ///
    /// # Errors
    /// `WouldBlock` when there is none: the source waits until there is. `Interrupted`: it tries again. Any other is told, as
    /// [`DatagramError::Socket`](crate::DatagramError::Socket), and it goes on.
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<(usize, Self::Address)>;

    /// Sends one datagram to `to`, all of it or nothing.
    ///
    /// # Errors
    /// `WouldBlock`, and `ENOBUFS`, when there is no room: the datagram waits until the socket is writable. `Interrupted`: it tries again.
    /// After any other it tries once more, since that may have been an error pending on the socket. What is refused the second time is
    /// told, as [`DatagramError::Unsent`](crate::DatagramError::Unsent).
    fn send_to(&mut self, bytes: &[u8], to: &Self::Address) -> io::Result<usize>;

    /// Sends one datagram to the peer that the socket is connected to, all of it or nothing.
    ///
    /// # Errors
    /// As for [`send_to`](Self::send_to).
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;
}

impl DatagramSocket for UdpSocket {
    type Address = net::SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        UdpSocket::set_nonblocking(self, true)
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<(usize, net::SocketAddr)> {
        self.recv_from(bytes)
    }

    fn send_to(&mut self, bytes: &[u8], to: &net::SocketAddr) -> io::Result<usize> {
        UdpSocket::send_to(self, bytes, to)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        UdpSocket::send(self, bytes)
    }
}

/// # Platform notes
/// Only to a path can be sent by address: not to a socket without a name, and not to a name of Linux's abstract namespace (`unix(7)`), which
/// is no path. Connect to the latter.
impl DatagramSocket for UnixDatagram {
    type Address = unix::SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        UnixDatagram::set_nonblocking(self, true)
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<(usize, unix::SocketAddr)> {
        self.recv_from(bytes)
    }

    fn send_to(&mut self, bytes: &[u8], to: &unix::SocketAddr) -> io::Result<usize> {
        match to.as_pathname() {
            Some(path) => UnixDatagram::send_to(self, bytes, path),
            None => {
                let message = format!("expected an address that is a path, found {to:?}");
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        UnixDatagram::send(self, bytes)
    }
}
