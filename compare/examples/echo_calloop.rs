//! An echo server on calloop: what `compare size` builds.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction};

/// Whether the connection goes on.
fn echo(mut socket: &TcpStream) -> bool {
    let mut buffer = [0; 4096];
    match socket.read(&mut buffer) {
        Ok(0) => false,
        Ok(len) => socket.write_all(&buffer[..len]).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

fn serve(handle: &LoopHandle<'static, ()>, socket: TcpStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let source = Generic::new(socket, Interest::READ, Mode::Level);
    let token = handle.insert_source(source, |_, socket, ()| match echo(socket) {
        true => Ok(PostAction::Continue),
        false => Ok(PostAction::Remove),
    });
    token.map(drop).map_err(|error| io::Error::other(error.error))
}

fn main() -> io::Result<()> {
    let mut event_loop = EventLoop::try_new().map_err(io::Error::other)?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("{}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let handle = event_loop.handle();
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let token = event_loop.handle().insert_source(source, move |_, listener, ()| {
        while let Ok((socket, _)) = listener.accept() {
            serve(&handle, socket)?;
        }
        Ok(PostAction::Continue)
    });
    token.map_err(|error| io::Error::other(error.error))?;
    event_loop.run(None, &mut (), |()| {}).map_err(io::Error::other)
}
