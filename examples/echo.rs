//! Try: `cargo run --example echo`, and beside it `printf '\0\0\0\5hello' | nc -N 127.0.0.1 7777 | xxd`.
//!
//! Sends every message back; `-- --help` says what a message is.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpStream};

use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Framed, Id, Listener, State};

const HELP: &str = "\
usage: echo [HOST:PORT]

Listens there (default: 127.0.0.1:7777) and sends every message back: a length of four bytes, big-endian, and a body of
1 MiB at the most. Port 0 is one that is free, which is printed. Ends when it is interrupted.

  -h, --help        this text

RINGMQ_BACKEND      epoll, kqueue, poll or select; without it the best of this system
";

fn main() {
    if let Err(error) = run() {
        eprintln!("echo: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let Some(address) = parse(lexopt::Parser::from_env())? else {
        print!("{HELP}");
        return Ok(());
    };
    let listener = Listener::bind(&address).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => format!("expected HOST:PORT to listen on, found `{address}`: {error}"),
        _ => format!("cannot listen on {address}: {error}"),
    })?;
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

/// The address; none when only the help text is wanted.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<String>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut address = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(word) if address.is_none() => address = Some(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(address.unwrap_or_else(|| "127.0.0.1:7777".to_owned())))
}

fn serve(context: &mut Context<'_, ()>, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
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
