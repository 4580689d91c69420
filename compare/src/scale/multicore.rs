//! The command `multicore`: what an echo server gains by more reactors than one, each on a thread of its own, as in `examples/multicore.rs`.

use std::error::Error;
use std::io::{self, Read};
use std::net::TcpStream;
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use lexopt::prelude::*;
use ringmq::codec::LengthPrefix;
use ringmq::{Context, Framed, Listener, Reactor, Remote};

use super::play::Node;
use super::server::{processor, say};
use super::{positive, stop};
use crate::report::data::Value;
use crate::servers::framed::echo;
use crate::servers::LEN_MAX;

const HELP: &str = "\
What an echo server of framed messages gains by more reactors than one, each on a thread of its own. Linux with glibc only.

usage: ringmq-compare multicore [OPTION]...

  --threads N      up to so many reactors; as many as there are cores unless given
  --clients N      so many processes of clients, 2 unless given
  --connections N  of each client, 25 unless given
  --rounds N       how often each number of reactors is measured, by turns; 5 unless given

Clients are on the same machine: what they use of it the server has not.
";

/// How many messages each connection sends, each after the reply to the last.
const MESSAGES: u64 = 2000;

struct Options {
    threads: usize,
    clients: usize,
    connections: usize,
    rounds: usize,
}

/// Of one run: requests in a second, and seconds of processors that the server took for a million.
#[derive(Clone, Copy)]
struct Seen {
    per_second: f64,
    cpu: f64,
}

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let Some(options) = parse(arguments)? else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let mut seen = vec![Vec::new(); options.threads];
    for _ in 0..options.rounds {
        for (at, seen) in seen.iter_mut().enumerate() {
            seen.push(play(at + 1, &options)?);
        }
    }
    println!("reactors  requests/s  CPU s/M  times one's");
    for (at, rounds) in seen.iter().enumerate() {
        let median = |of: &dyn Fn(usize) -> f64| {
            Value::of((0..rounds.len()).map(of).collect()).spread().map_or([0.0; 3], |spread| spread)
        };
        let [_, per_second, _] = median(&|round| rounds[round].per_second);
        let [_, cpu, _] = median(&|round| rounds[round].cpu);
        let [least, ratio, most] = median(&|round| rounds[round].per_second / seen[0][round].per_second);
        println!("{:>8} {per_second:>11.0} {cpu:>8.2}  {ratio:.2} ({least:.2}-{most:.2})", at + 1);
    }
    Ok(ExitCode::SUCCESS)
}

fn play(threads: usize, options: &Options) -> Result<Seen, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut server =
        Node::start(Command::new(&program).args(["multicore-server", &threads.to_string()]), "the server")?;
    let port = server.line()?;
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let count = options.connections.to_string();
        let mut command = Command::new(&program);
        let mut client = Node::start(command.args(["scale-client", "127.0.0.1", &port, &count]), "a client")?;
        let line = client.line()?;
        if line.trim() != count {
            return Err(format!("expected a client to connect {count} times, found {line:?}").into());
        }
        clients.push(client);
    }
    let start = Instant::now();
    clients.iter_mut().try_for_each(|client| client.tell(&format!("{} {MESSAGES}", options.connections)))?;
    clients.iter_mut().try_for_each(|client| client.line().map(drop))?;
    let elapsed = start.elapsed();
    drop(clients);
    // The end of its input ends the server.
    let nanoseconds: f64 = server.end()?.trim().parse()?;
    let requests = (options.clients * options.connections) as f64 * MESSAGES as f64;
    Ok(Seen { per_second: requests / elapsed.as_secs_f64(), cpu: nanoseconds / 1e3 / requests })
}

/// The server, `multicore-server THREADS`: tells its port, and at the end of its input what it took of the processors.
pub fn run_server(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    stop::end_with_parent()?;
    let threads: usize = arguments.value()?.parse()?;
    let listener = Listener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let remotes = (0..threads).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    let first = remotes[0].clone();
    let mut next = remotes.into_iter().cycle();
    first.post(move |_, context| {
        let listening = context.listen(listener, move |_, _, accepted| {
            let (stream, _) = accepted?;
            let remote = next.next().expect("there is one at least");
            remote.post(move |_, context| serve(context, stream)).map_err(io::Error::other)
        });
        listening.map(drop)
    })?;
    say(&port.to_string())?;
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    say(&processor()?.as_nanos().to_string())?;
    // The process ends with it, and the threads too.
    Ok(ExitCode::SUCCESS)
}

/// A reactor is made on the thread that it runs on; what leaves that is its `Remote`.
fn start() -> Result<Remote<()>, Box<dyn Error>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || match Reactor::<()>::new() {
        Ok(mut reactor) => {
            let _ = sender.send(Ok(reactor.remote()));
            reactor.run(&mut ()).unwrap_or_else(|error| eprintln!("multicore: {error}"));
        }
        Err(error) => drop(sender.send(Err(error))),
    });
    Ok(receiver.recv()??)
}

fn serve(context: &mut Context<'_, ()>, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let framed = Framed::new(LengthPrefix::new(LEN_MAX), stream, &context.memory())?;
    context.add(framed, |_, context, id| {
        if !context.get_mut(id).is_some_and(echo) {
            drop(context.remove(id));
        }
    })?;
    Ok(())
}

/// The options; `None` when help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    let threads = thread::available_parallelism()?.get();
    let mut options = Options { threads, clients: 2, connections: 25, rounds: 5 };
    while let Some(argument) = arguments.next()? {
        let (name, place) = match argument {
            Long("threads") => ("--threads", &mut options.threads),
            Long("clients") => ("--clients", &mut options.clients),
            Long("connections") => ("--connections", &mut options.connections),
            Long("rounds") => ("--rounds", &mut options.rounds),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        };
        *place = positive(name, &arguments.value()?.string()?)?;
    }
    Ok(Some(options))
}
