//! `ringmq::mq` by threads that block.

use std::io;
use std::time::Duration;

use ringmq::mq::{BlockingSocket, Dialect, IoThread, Options, SocketType};

use super::case::Role;
use super::threads::{Library, Socket};

/// How long what waits is sent at the end.
pub const LINGER: Duration = Duration::from_secs(200);

pub struct Blocking {
    thread: IoThread,
    dialect: Dialect,
}

impl Blocking {
    pub fn new(dialect: Dialect) -> io::Result<Blocking> {
        Ok(Blocking { thread: IoThread::new()?, dialect })
    }
}

impl Library for Blocking {
    type Socket = BlockingSocket;

    fn open(&self, role: Role) -> io::Result<BlockingSocket> {
        self.thread.socket_with(socket_type(role), Options::new().dialect(self.dialect))
    }

    fn close(self, sockets: Vec<BlockingSocket>) -> io::Result<()> {
        drop(sockets);
        match self.thread.shutdown(LINGER)? {
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
