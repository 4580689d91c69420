//! Try: `cargo run --example echo`, and beside it `printf '\0\0\0\5hello' | nc -N 127.0.0.1 7777 | xxd`.
//!
//! Sends every message back: a length of four bytes, big-endian, and a body of 1 MiB at the most. The argument is the address to
//! listen on; RINGMQ_BACKEND names a backend: epoll, kqueue, poll or select.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::error::Error;
use std::net::{SocketAddr, TcpStream};

use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Framed, Id, Listener, State};

fn main() {
    if let Err(error) = run() {
        eprintln!("echo: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let listener =
        Listener::bind(&address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener.local_addr()?;
    let mut reactor = Builder::new().backend(Backend::from_env("RINGMQ_BACKEND")?).build()?;
    reactor.context().listen(listener, |_: &mut (), context, accepted| {
        if let Err(error) = accepted.and_then(|(stream, peer)| serve(context, stream, peer)) {
            eprintln!("echo: cannot accept: {error}");
        }
    })?;
    println!("listening on {address} with {}", reactor.backend());
    Ok(reactor.run(&mut ())?)
}

fn serve(context: &mut Context<'_, ()>, stream: TcpStream, peer: SocketAddr) -> std::io::Result<()> {
    let connection = Framed::new(LengthPrefix::new(1 << 20), stream, &context.memory())?;
    context.add(connection, move |_, context, id| match echo(context, id) {
        Ok(State::Closed) => drop(context.remove(id)),
        Ok(_) => {}
        Err(error) => {
            eprintln!("echo: {peer}: {error}");
            context.remove(id);
        }
    })?;
    Ok(())
}

fn echo(context: &mut Context<'_, ()>, id: Id<Framed<LengthPrefix>>) -> Result<State, Box<dyn Error>> {
    let connection = context.get_mut(id).ok_or("the connection is gone")?;
    let (mut frames, mut outlet) = connection.split();
    while let Some(frame) = frames.next() {
        if outlet.send((), frame?.body).is_err() {
            frames.put_back(); // the peer is slow to read: again when there is room
            break;
        }
    }
    if connection.state() == State::Ended {
        connection.finish();
    }
    connection.take_error().map_or(Ok(connection.state()), |error| Err(error.into()))
}
