//! An echo server on mio: what `compare size` builds.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// Whether the connection goes on. Edge-triggered, so it is read until nothing is there.
fn echo(socket: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return false,
            Ok(len) if socket.write_all(&buffer[..len]).is_ok() => {}
            Ok(_) => return false,
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
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
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    let listening = Token(listener.as_raw_fd() as usize);
    poll.registry().register(&mut listener, listening, Interest::READABLE)?;
    let mut sockets = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let token = event.token();
            if token == listening {
                while let Ok((mut socket, _)) = listener.accept() {
                    let token = Token(socket.as_raw_fd() as usize);
                    poll.registry().register(&mut socket, token, Interest::READABLE)?;
                    keep(&mut sockets, socket);
                }
            } else if !sockets[token.0].as_mut().is_some_and(echo) {
                sockets[token.0] = None;
            }
        }
    }
}
