//! Try: `cargo run --example multicore 127.0.0.1:7777 4`, and beside it `printf '\0\0\0\5hello' | nc -N 127.0.0.1 7777 | xxd`.
//!
//! One reactor for each core, each on a thread of its own. The first accepts, and hands connections over to all by turns, which works on
//! every system. Sends messages back as `echo` does. Arguments: the address, and how many threads; as many as there are cores without it.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::error::Error;
use std::{env, io, net::TcpStream, sync::mpsc, thread};

use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Framed, Listener, Reactor, Remote, State};

fn main() {
    if let Err(error) = run() {
        eprintln!("multicore: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let count = match env::args().nth(2) {
        None => thread::available_parallelism()?.get(),
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| (1..=1024).contains(count))
            .ok_or_else(|| format!("expected a number of threads from 1 to 1024, found `{text}`"))?,
    };
    let backend = Backend::from_env("RINGMQ_BACKEND")?;
    let listener =
        Listener::bind(&address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
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
