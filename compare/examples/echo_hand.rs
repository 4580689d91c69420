//! An echo server on poll(2) by hand, through libc: what `compare size` builds. On epoll it would be as large.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

fn wait_for(socket: &impl AsRawFd) -> libc::pollfd {
    libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 }
}

/// Whether the connection goes on.
fn echo(socket: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    match socket.read(&mut buffer) {
        Ok(0) => false,
        Ok(len) => socket.write_all(&buffer[..len]).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let mut sockets = Vec::new();
    // The listener's is the first, and then come those of the sockets in their order.
    let mut slots = vec![wait_for(&listener)];
    loop {
        // SAFETY: there are as many slots as are announced.
        if unsafe { libc::poll(slots.as_mut_ptr(), slots.len() as libc::nfds_t, -1) } == -1 {
            return Err(io::Error::last_os_error());
        }
        // From behind, so that who is taken out has nobody skipped.
        for at in (0..sockets.len()).rev() {
            if slots[at + 1].revents != 0 && !echo(&mut sockets[at]) {
                sockets.swap_remove(at);
                slots.swap_remove(at + 1);
            }
        }
        while let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(true)?;
            slots.push(wait_for(&socket));
            sockets.push(socket);
        }
    }
}
