//! An echo server as a source of one's own whose callback decides: it reads when there is input, its callback says in the next turn that
//! this is to be sent back, and it writes in that same turn.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};

use ringmq::platform::{Interest, Ready};
use ringmq::{Builder, Fire, Io, Source};

use super::{Setting, LEN_MAX};

struct Echo {
    socket: TcpStream,
    buffer: Box<[u8; LEN_MAX]>,
    /// How much of the buffer is filled.
    len: usize,
    /// Whether that is to be sent.
    is_answered: bool,
    has_ended: bool,
}

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn settle(&mut self) -> bool {
        self.is_answered
    }

    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        if self.is_answered {
            // So short a message fits the socket's buffer whole, or the connection is broken.
            self.is_answered = false;
            match self.socket.write(&self.buffer[..self.len]) {
                Ok(len) if len == self.len => io.count_written(len),
                _ => {
                    self.has_ended = true;
                    return Fire::Yes;
                }
            }
            return Fire::AtRest;
        }
        if !ready.is_readable() {
            return Fire::No;
        }
        match self.socket.read(&mut self.buffer[..]) {
            Ok(0) => self.has_ended = true,
            Ok(len) => {
                io.count_read(len);
                self.len = len;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fire::No,
            Err(_) => self.has_ended = true,
        }
        Fire::Yes
    }
}

pub fn serve(setting: Setting, socket: TcpStream) -> io::Result<()> {
    let mut reactor = Builder::new().backend(setting.backend).build()?;
    let echo = Echo { socket, buffer: Box::new([0; LEN_MAX]), len: 0, is_answered: false, has_ended: false };
    reactor.context().add(echo, |_: &mut (), context, id| {
        let is_over = context.get_mut(id).is_none_or(|echo| {
            echo.is_answered = !echo.has_ended;
            echo.has_ended
        });
        if is_over {
            context.stop();
        }
    })?;
    reactor.run(&mut ())
}
