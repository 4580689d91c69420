//! An echo server on ringmq, as a source of one's own that reads and writes at once: what `compare size` builds.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use ringmq::platform::{Interest, Ready};
use ringmq::{Fire, Io, Listener, Reactor, Source};

struct Echo(TcpStream);

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        let mut buffer = [0; 4096];
        match self.0.read(&mut buffer) {
            Ok(0) => Fire::Yes,
            Ok(len) => self.0.write_all(&buffer[..len]).is_err().into(),
            Err(error) => (error.kind() != io::ErrorKind::WouldBlock).into(),
        }
    }
}

fn main() -> io::Result<()> {
    let mut reactor = Reactor::new()?;
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    reactor.context().listen(listener, |_: &mut (), context, accepted| {
        // It fires once: when the connection has come to its end.
        context.add(Echo(accepted?.0), |_, context, id| drop(context.remove(id)))?;
        Ok::<_, io::Error>(())
    })?;
    reactor.run(&mut ())
}
