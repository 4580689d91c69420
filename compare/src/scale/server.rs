//! The server, `scale-server KIND BACKEND`: accepts, puts all on a loop, tells what memory that took, and echoes until the first
//! connection ends.

use std::cell::Cell;
use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use ringmq::codec::LengthPrefix;
use ringmq::platform::net;
use ringmq::platform::{Backend, Interest, Ready};
use ringmq::{Builder, Context, Fire, Framed, Io, Reactor, Source};

use super::{stop, Kind};
use crate::allocations;
use crate::report::limit;
use crate::servers::LEN_MAX;

/// The connection whose end is the server's: the first, which the first client has opened.
const FIRST: usize = 0;

thread_local! {
    static MESSAGES: Cell<u64> = const { Cell::new(0) };
}

pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    stop::end_with_parent()?;
    let kind: Kind = arguments.value()?.parse()?;
    let backend: Backend = arguments.value()?.parse()?;
    limit::raise()?;
    let listener = TcpListener::bind("0.0.0.0:0")?;
    say(&listener.local_addr()?.port().to_string())?;
    let (mut reactor, mut stopped): (Reactor<()>, _) = (Builder::new().backend(backend).build()?, None);
    let sockets = accept(listener, &mut stopped)?;
    let before = (allocations::in_use(), resident()?);
    let mut held = 0;
    for (at, socket) in sockets.into_iter().enumerate() {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        if let Err(error) = add(&mut reactor.context(), kind, at, socket) {
            stopped = Some(stop::explain(&format!("{backend}"), &error));
            break;
        }
        held += 1;
    }
    for _ in 0..2 {
        reactor.turn(&mut (), Some(Duration::ZERO))?;
    }
    let user = allocations::in_use().saturating_sub(before.0);
    let rss = resident()?.saturating_sub(before.1);
    say(&format!("{held} {user} {rss} {}", stopped.as_deref().unwrap_or("")))?;
    reactor.run(&mut ())?;
    say(&MESSAGES.get().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Accepts until as many have come as standard input says in a line, which is written once all clients have connected.
fn accept(listener: TcpListener, stopped: &mut Option<String>) -> Result<Vec<TcpStream>, Box<dyn Error>> {
    listener.set_nonblocking(true)?;
    // A client that finds no place tries again after a second, which would be most of the time then.
    net::set_backlog(listener.as_fd(), 4096)?;
    let mut sockets = Vec::new();
    let mut listener = Some(listener);
    let mut wanted = usize::MAX;
    while sockets.len() < wanted {
        let fd = listener.as_ref().map_or(-1, |listener| listener.as_raw_fd());
        let input = if wanted == usize::MAX { 0 } else { -1 };
        let mut polled = [fd, input].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
        // SAFETY: `polled` is valid for two pollfd, for as long as the call lasts.
        if unsafe { libc::poll(polled.as_mut_ptr(), 2, -1) } < 0 {
            return Err(io::Error::last_os_error().into());
        }
        match listener.as_ref().filter(|_| polled[0].revents != 0).map(TcpListener::accept) {
            Some(Ok((socket, _))) => sockets.push(socket),
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Some(Err(error)) => {
                *stopped = Some(stop::explain("server", &error));
                // Whoever connects now, or waits, is refused and need not wait for ever.
                listener = None;
            }
            None => {}
        }
        if polled[1].revents != 0 {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            wanted = line.trim().parse().map_err(|_| "the program that started this one is gone")?;
        }
        if listener.is_none() && wanted != usize::MAX {
            break;
        }
    }
    Ok(sockets)
}

fn add(context: &mut Context<'_, ()>, kind: Kind, at: usize, socket: TcpStream) -> io::Result<()> {
    match kind {
        Kind::Raw => {
            context.add(Echo { socket }, move |_, context, id| {
                drop(context.remove(id));
                stop_at_first(context, at);
            })?;
        }
        Kind::Framed => {
            let framed = Framed::new(LengthPrefix::new(LEN_MAX), socket, &context.memory())?;
            context.add(framed, move |_, context, id| {
                if !context.get_mut(id).is_some_and(echo) {
                    drop(context.remove(id));
                    stop_at_first(context, at);
                }
            })?;
        }
    }
    Ok(())
}

fn stop_at_first(context: &mut Context<'_, ()>, at: usize) {
    if at == FIRST {
        context.stop();
    }
}

fn echo(framed: &mut Framed<LengthPrefix>) -> bool {
    let (mut frames, mut outlet) = framed.split();
    while let Some(Ok(frame)) = frames.next() {
        if outlet.send((), frame.body).is_err() {
            frames.put_back();
            break;
        }
        MESSAGES.set(MESSAGES.get() + 1);
    }
    framed.state() == ringmq::State::Open
}

/// A source of one's own, which is nothing but its socket: what is read lies on the stack.
struct Echo {
    socket: TcpStream,
}

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        let mut buffer = [0; 1024];
        let len = match self.socket.read(&mut buffer) {
            Ok(0) => return Fire::Yes,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fire::No,
            Err(_) => return Fire::Yes,
        };
        io.count_read(len);
        match self.socket.write(&buffer[..len]) {
            Ok(sent) if sent == len => io.count_written(len),
            _ => return Fire::Yes,
        }
        MESSAGES.set(MESSAGES.get() + 1);
        Fire::AtRest
    }
}

pub fn say(line: &str) -> io::Result<()> {
    println!("{line}");
    io::stdout().flush()
}

fn resident() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("no resident set in /proc/self/statm")?.parse()?;
    // SAFETY: takes no memory.
    Ok(pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64)
}

/// What this process has used of the processors.
pub fn processor() -> io::Result<Duration> {
    time(libc::CLOCK_PROCESS_CPUTIME_ID)
}

pub fn time(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes of a timespec.
    match unsafe { libc::clock_gettime(clock, &mut time) } {
        0 => Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32)),
        _ => Err(io::Error::last_os_error()),
    }
}
