//! ringmq, on one of its backends: sources of one's own that do their input and output at once, or framed streams.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ringmq::codec::LengthPrefix;
use ringmq::platform::{Backend, Interest, Ready};
use ringmq::{Builder, Context, Fire, Framed, Id, Io, Reactor, Source};

use super::pace::{post_all, Pace};
use super::{cannot, Chain, Contestant, Played, TimerCosts, CHURN_TURN, READ_LEN, RESET_AFTER};
use crate::servers::framed::echo;

const NOW: Option<Duration> = Some(Duration::ZERO);

pub struct Raw {
    pub name: &'static str,
    pub backend: Backend,
}

/// A connection that is answered in the same turn.
struct Echo {
    socket: TcpStream,
    buffer: Rc<RefCell<Vec<u8>>>,
}

impl Source for Echo {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        let mut buffer = self.buffer.borrow_mut();
        let len = match self.socket.read(&mut buffer[..]) {
            Ok(0) => return Fire::Yes,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fire::No,
            Err(_) => return Fire::Yes,
        };
        io.count_read(len);
        // So short a message fits the socket's buffer whole, or the connection is broken.
        match self.socket.write(&buffer[..len]) {
            Ok(sent) if sent == len => io.count_written(len),
            _ => return Fire::Yes,
        }
        Fire::AtRest
    }
}

/// A pipe of a chain, which outlives it.
struct Link {
    chain: Rc<RefCell<Chain>>,
    pipe: usize,
    fd: RawFd,
}

impl Source for Link {
    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the chain has it open for as long as the link has the chain.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        match self.chain.borrow_mut().hop(self.pipe) {
            Ok(true) => Fire::AtRest,
            Ok(false) | Err(_) => Fire::Yes,
        }
    }
}

impl Raw {
    fn reactor<S>(&self) -> io::Result<Reactor<S>> {
        Builder::new().backend(self.backend).build()
    }

    fn echo_sources(&self, sockets: Vec<TcpStream>) -> io::Result<Reactor<usize>> {
        let mut reactor = self.reactor()?;
        let buffer = Rc::new(RefCell::new(vec![0; READ_LEN]));
        for socket in sockets {
            let echo = Echo { socket, buffer: Rc::clone(&buffer) };
            // It fires once: when the connection has come to its end.
            reactor.context().add(echo, leave)?;
        }
        Ok(reactor)
    }
}

impl Contestant for Raw {
    fn name(&self) -> &'static str {
        self.name
    }

    fn scans(&self) -> bool {
        matches!(self.backend, Backend::Poll | Backend::Select)
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        let mut left = sockets.len();
        Ok(self.echo_sources(sockets)?.run(&mut left)?)
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let mut left = sockets.len();
        let mut reactor = self.echo_sources(sockets)?;
        reactor.turn(&mut left, NOW)?;
        reactor.turn(&mut left, NOW)?;
        settled();
        Ok(())
    }

    fn chain(&self, chain: Chain) -> Played<Duration> {
        let mut reactor = self.reactor()?;
        let fds: Vec<RawFd> = (0..chain.len()).map(|pipe| chain.fd(pipe).as_raw_fd()).collect();
        let chain = Rc::new(RefCell::new(chain));
        for (pipe, fd) in fds.into_iter().enumerate() {
            let link = Link { chain: Rc::clone(&chain), pipe, fd };
            reactor.context().add(link, |_: &mut (), context, _| context.stop())?;
        }
        chain.borrow_mut().start()?;
        reactor.run(&mut ())?;
        let elapsed = chain.borrow().elapsed();
        Ok(elapsed)
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let mut reactor = self.reactor()?;
        let buffer = Rc::new(RefCell::new(vec![0; READ_LEN]));
        let mut ids = Vec::new();
        for socket in sockets {
            let echo = Echo { socket, buffer: Rc::clone(&buffer) };
            ids.push(reactor.context().add(echo, |_: &mut (), _, _| ())?);
        }
        reactor.turn(&mut (), NOW)?;
        let start = Instant::now();
        for number in 0..count {
            let at = number as usize % ids.len();
            let mut context = reactor.context();
            let echo = context.remove(ids[at]).expect("it was added");
            ids[at] = context.add(echo, |_: &mut (), _, _| ())?;
            if number % CHURN_TURN == 0 {
                reactor.turn(&mut (), NOW)?;
            }
        }
        Ok(start.elapsed())
    }

    fn timers(&self, delays: &[Duration], cancelled: &[usize]) -> Played<TimerCosts> {
        let mut reactor = self.reactor::<usize>()?;
        let mut left = delays.len();
        let start = Instant::now();
        let mut context = reactor.context();
        let now = context.now();
        let ids: Vec<_> = delays
            .iter()
            .map(|&delay| context.set_timeout_at(now + delay, |left: &mut usize, _| *left -= 1))
            .collect();
        let insert = start.elapsed();

        let start = Instant::now();
        let are_cancelled = cancelled.iter().all(|&number| context.clear_timeout(ids[number]));
        let cancel = start.elapsed();
        assert!(are_cancelled, "none was due");

        let now = Instant::now();
        for &delay in delays {
            context.set_timeout_at(now + super::soon(delay), |left: &mut usize, context| {
                *left -= 1;
                if *left == 0 {
                    context.stop();
                }
            });
        }
        let start = Instant::now();
        reactor.run(&mut left)?;
        Ok(TimerCosts { insert, cancel, fire: start.elapsed() })
    }

    fn reset(&self, timer_count: usize, count: u64) -> Played<Duration> {
        let mut reactor = self.reactor::<()>()?;
        let mut context = reactor.context();
        let ids: Vec<_> = (0..timer_count).map(|_| context.set_timeout(RESET_AFTER, |_, _| ())).collect();
        let start = Instant::now();
        for turn in 0..count.div_ceil(CHURN_TURN) {
            let numbers = turn * CHURN_TURN..count.min((turn + 1) * CHURN_TURN);
            let mut context = reactor.context();
            for number in numbers {
                context.reset_timeout(ids[number as usize % timer_count], RESET_AFTER);
            }
            reactor.turn(&mut (), NOW)?;
        }
        Ok(start.elapsed())
    }

    fn post(&self, count: u64) -> Played<Duration> {
        // How many are left. A task owns nothing, as with the others.
        let mut reactor = self.reactor::<u64>()?;
        let remote = reactor.remote();
        let thread = post_all(count, move |_| {
            let posted = remote.post(|left: &mut u64, context| {
                *left -= 1;
                if *left == 0 {
                    context.stop();
                }
            });
            posted.expect("the loop runs");
        });
        let mut left = count;
        reactor.run(&mut left)?;
        let end = Instant::now();
        Ok(end - thread.join().expect("it does not panic"))
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let mut reactor = self.reactor::<Vec<Duration>>()?;
        let (pace, remote) = (Pace::new(), reactor.remote());
        let waker = pace.clone();
        let thread = pace.start(count, move || {
            let pace = waker.clone();
            let posted = remote.post(move |latencies: &mut Vec<Duration>, context| {
                latencies.push(pace.note());
                if latencies.len() == count as usize {
                    context.stop();
                }
            });
            posted.expect("the loop runs");
        });
        let mut latencies = Vec::with_capacity(count as usize);
        reactor.run(&mut latencies)?;
        thread.join().expect("it does not panic");
        Ok(latencies)
    }
}

/// Streams of frames with a length prefix of four bytes, on the default backend.
pub struct InFrames;

fn framed_reactor(sockets: Vec<TcpStream>) -> io::Result<Reactor<usize>> {
    let mut reactor = Reactor::new()?;
    for socket in sockets {
        let mut context = reactor.context();
        let framed = Framed::new(LengthPrefix::new(READ_LEN), socket, &context.memory())?;
        context.add(framed, |left: &mut usize, context, id| {
            if !context.get_mut(id).is_some_and(echo) {
                leave(left, context, id);
            }
        })?;
    }
    Ok(reactor)
}

/// What is done once for each connection, which has come to its end.
#[cold]
fn leave<T: Source>(left: &mut usize, context: &mut Context<'_, usize>, id: Id<T>) {
    context.remove(id);
    *left -= 1;
    if *left == 0 {
        context.stop();
    }
}

impl Contestant for InFrames {
    fn name(&self) -> &'static str {
        "ringmq framed"
    }

    fn is_framed(&self) -> bool {
        true
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        let mut left = sockets.len();
        Ok(framed_reactor(sockets)?.run(&mut left)?)
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let mut left = sockets.len();
        let mut reactor = framed_reactor(sockets)?;
        reactor.turn(&mut left, NOW)?;
        reactor.turn(&mut left, NOW)?;
        settled();
        Ok(())
    }

    fn chain(&self, _: Chain) -> Played<Duration> {
        cannot("a byte is no frame")
    }
}
