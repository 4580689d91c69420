//! An echo server as a source of one's own: it reads when there is input, and writes at once what it has read. What the loop itself
//! costs, with nothing of the application's in it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};

use ringmq::platform::{Interest, Ready};
use ringmq::{Builder, Fire, Io, Source};

use super::{Setting, LEN_MAX};

struct Echo {
    socket: TcpStream,
    buffer: Box<[u8; LEN_MAX]>,
}

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        let len = match self.socket.read(&mut self.buffer[..]) {
            Ok(0) => return Fire::Yes,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fire::No,
            Err(_) => return Fire::Yes,
        };
        io.count_read(len);
        // So short a message fits the socket's buffer whole, or the connection is broken.
        match self.socket.write(&self.buffer[..len]) {
            Ok(sent) if sent == len => io.count_written(len),
            _ => return Fire::Yes,
        }
        Fire::AtRest
    }
}

pub fn serve(setting: Setting, socket: TcpStream) -> io::Result<()> {
    let mut reactor = Builder::new().backend(setting.backend).build()?;
    let echo = Echo { socket, buffer: Box::new([0; LEN_MAX]) };
    // It fires once: when the connection has come to its end.
    reactor.context().add(echo, |_: &mut (), context, _| context.stop())?;
    reactor.run(&mut ())
}
