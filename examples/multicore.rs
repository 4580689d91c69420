//! Try: `cargo run --example multicore 127.0.0.1:7777 4`, and beside it `printf '\0\0\0\5hello' | nc -N 127.0.0.1 7777 | xxd`.
//!
//! One reactor for each core, each on a thread of its own. The first accepts, and hands connections over to all by turns, which works on
//! every system. Sends messages back as `echo` does; `-- --help` says what it takes.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::error::Error;
use std::{io, net::TcpStream, sync::mpsc, thread};

use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Framed, Listener, Reactor, Remote, State};

const HELP: &str = "\
usage: multicore [HOST:PORT [THREADS]]

Listens there (default: 127.0.0.1:7777) and sends every message back as the example echo does, on so many threads (default:
one for each core), each with a reactor of its own. Port 0 is one that is free, which is printed. Ends when it is interrupted.

  -h, --help        this text

RINGMQ_BACKEND      epoll, kqueue, poll or select; without it the best of this system
";

fn main() {
    if let Err(error) = run() {
        eprintln!("multicore: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let Some((address, count)) = parse(lexopt::Parser::from_env())? else {
        print!("{HELP}");
        return Ok(());
    };
    let backend = Backend::from_env("RINGMQ_BACKEND")?;
    let listener = Listener::bind(&address).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => format!("expected HOST:PORT to listen on, found `{address}`: {error}"),
        _ => format!("cannot listen on {address}: {error}"),
    })?;
    let address = listener.local_addr()?;
    let mut reactor: Reactor<()> = Builder::new().backend(backend).build()?;
    let mut remotes = vec![reactor.remote()];
    for _ in 1..count {
        remotes.push(start(backend)?);
    }
    let mut next = remotes.into_iter().cycle();
    reactor.context().listen(listener, move |_, _, accepted| match (accepted, next.next()) {
        (Ok((stream, _)), Some(remote)) => remote.post(move |_, context| serve(context, stream)),
        (Err(error), _) => {
            eprintln!("multicore: cannot accept: {error}");
            Ok(())
        }
        (Ok(_), None) => Ok(()),
    })?;
    println!("listening on {address} with {count} threads of {}", reactor.backend());
    Ok(reactor.run(&mut ())?)
}

/// The address and the number of threads; none when only the help text is wanted.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<(String, usize)>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let (mut address, mut count) = (None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(word) if address.is_none() => address = Some(word.string()?),
            Value(word) if count.is_none() => count = Some(thread_count(&word.to_string_lossy())?),
            other => return Err(other.unexpected().into()),
        }
    }
    let count = count.map_or_else(|| thread::available_parallelism().map(|count| count.get()), Ok)?;
    Ok(Some((address.unwrap_or_else(|| "127.0.0.1:7777".to_owned()), count)))
}

fn thread_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=1024).contains(count));
    count.ok_or_else(|| format!("expected a number of threads from 1 to 1024, found `{text}`"))
}

/// A reactor is made on the thread that it runs on; what leaves that is its `Remote`.
fn start(backend: Backend) -> Result<Remote<()>, Box<dyn Error>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || match Builder::new().backend(backend).build::<()>() {
        Ok(mut reactor) => {
            let _ = sender.send(Ok(reactor.remote()));
            reactor.run(&mut ()).unwrap_or_else(|error| eprintln!("multicore: {error}"));
        }
        Err(error) => drop(sender.send(Err(error))),
    });
    Ok(receiver.recv()??)
}

fn serve(context: &mut Context<'_, ()>, stream: TcpStream) -> io::Result<()> {
    let connection = Framed::new(LengthPrefix::new(1 << 20), stream, &context.memory())?;
    context.add(connection, |_, context, id| {
        let Some(connection) = context.get_mut(id) else { return };
        let (mut frames, mut outlet) = connection.split();
        let mut is_good = true;
        while let Some(frame) = frames.next() {
            is_good = frame.is_ok();
            if !is_good || frame.map_or(false, |frame| outlet.send((), frame.body).is_err()) {
                frames.put_back(); // the peer is slow to read: again when there is room
                break;
            }
        }
        if connection.state() == State::Ended {
            connection.finish();
        }
        if !is_good || connection.state() == State::Closed {
            context.remove(id);
        }
    })?;
    Ok(())
}
