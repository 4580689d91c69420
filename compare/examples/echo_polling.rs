//! An echo server on polling: what `compare size` builds.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use polling::{Event, Events, PollMode, Poller};

/// Whether the connection goes on.
fn echo(socket: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    match socket.read(&mut buffer) {
        Ok(0) => false,
        Ok(len) => socket.write_all(&buffer[..len]).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// Keeps a socket under its number, of which the system gives out the lowest that is free.
fn keep(sockets: &mut Vec<Option<TcpStream>>, socket: TcpStream) {
    let at = socket.as_raw_fd() as usize;
    if sockets.len() <= at {
        sockets.resize_with(at + 1, || None);
    }
    sockets[at] = Some(socket);
}

fn main() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut events = Events::new();
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let listening = listener.as_raw_fd() as usize;
    // SAFETY: neither ever goes.
    unsafe { poller.add_with_mode(&listener, Event::readable(listening), PollMode::Level)? };
    let mut sockets = Vec::new();
    loop {
        events.clear();
        poller.wait(&mut events, None)?;
        for event in events.iter() {
            if event.key == listening {
                while let Ok((socket, _)) = listener.accept() {
                    socket.set_nonblocking(true)?;
                    let key = socket.as_raw_fd() as usize;
                    // SAFETY: it is deleted before it goes.
                    unsafe { poller.add_with_mode(&socket, Event::readable(key), PollMode::Level)? };
                    keep(&mut sockets, socket);
                }
            } else if !sockets[event.key].as_mut().is_some_and(echo) {
                if let Some(socket) = sockets[event.key].take() {
                    poller.delete(&socket)?;
                }
            }
        }
    }
}
