//! `ringmq::mq` by threads that block.

use std::io;
use std::time::Duration;

use ringmq::mq::{BlockingSocket, IoThread, SocketType};

use super::case::Role;
use super::threads::{Library, Socket};

/// How long what waits is sent at the end.
pub const LINGER: Duration = Duration::from_secs(200);

pub struct Blocking(IoThread);

impl Blocking {
    pub fn new() -> io::Result<Blocking> {
        IoThread::new().map(Blocking)
    }
}

impl Library for Blocking {
    type Socket = BlockingSocket;

    fn open(&self, role: Role) -> io::Result<BlockingSocket> {
        self.0.socket(socket_type(role))
    }

    fn close(self, sockets: Vec<BlockingSocket>) -> io::Result<()> {
        drop(sockets);
        match self.0.shutdown(LINGER)? {
            0 => Ok(()),
            lost => Err(io::Error::other(format!("{lost} messages were lost"))),
        }
    }
}

pub fn socket_type(role: Role) -> SocketType {
    match role {
        Role::Push => SocketType::Push,
        Role::Pull => SocketType::Pull,
        Role::Req => SocketType::Req,
        Role::Rep => SocketType::Rep,
    }
}

impl Socket for BlockingSocket {
    fn bind(&self) -> io::Result<String> {
        BlockingSocket::bind(self, "tcp://127.0.0.1:*").map(|address| address.to_string())
    }

    fn connect(&self, address: &str) -> io::Result<()> {
        BlockingSocket::connect(self, address)
    }

    fn send(&self, body: &[u8]) -> io::Result<()> {
        BlockingSocket::send(self, body)?;
        Ok(())
    }

    fn recv(&self) -> io::Result<usize> {
        Ok(BlockingSocket::recv(self)?.len())
    }

    fn echo(&self) -> io::Result<usize> {
        let message = BlockingSocket::recv(self)?;
        let len = message.len();
        BlockingSocket::send(self, message)?;
        Ok(len)
    }
}
