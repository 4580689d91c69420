//! mio: edge-triggered, so each descriptor is read until a read is short; it has neither timers nor a queue.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use super::pace::{post_all, Pace, Queue};
use super::{Chain, Contestant, Played, CHURN_TURN, READ_LEN};

pub struct Mio;

const EVENTS: usize = 256;
const NOW: Option<Duration> = Some(Duration::ZERO);

/// Its own streams, registered by their index.
fn register(poll: &Poll, sockets: Vec<TcpStream>) -> io::Result<Vec<mio::net::TcpStream>> {
    let register = |(token, socket)| {
        let mut socket = mio::net::TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(token), Interest::READABLE)?;
        Ok(socket)
    };
    sockets.into_iter().enumerate().map(register).collect()
}

impl Contestant for Mio {
    fn name(&self) -> &'static str {
        "mio"
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(EVENTS);
        let mut left = sockets.len();
        let mut sockets = register(&poll, sockets)?;
        let mut buffer = vec![0; READ_LEN];
        while left > 0 {
            poll.poll(&mut events, None)?;
            for event in &events {
                let socket = &mut sockets[event.token().0];
                loop {
                    let len = match socket.read(&mut buffer) {
                        Ok(len) => len,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    };
                    if len == 0 {
                        poll.registry().deregister(socket)?;
                        left -= 1;
                        break;
                    }
                    socket.write_all(&buffer[..len])?;
                    if len < buffer.len() && !event.is_read_closed() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(EVENTS);
        let _sockets = register(&poll, sockets)?;
        poll.poll(&mut events, NOW)?;
        settled();
        Ok(())
    }

    fn chain(&self, mut chain: Chain) -> Played<Duration> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(EVENTS);
        for pipe in 0..chain.len() {
            let fd = chain.fd(pipe).as_raw_fd();
            poll.registry().register(&mut SourceFd(&fd), Token(pipe), Interest::READABLE)?;
        }
        chain.start()?;
        loop {
            poll.poll(&mut events, None)?;
            for event in &events {
                if !chain.hop(event.token().0)? {
                    return Ok(chain.elapsed());
                }
            }
        }
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(EVENTS);
        let mut sockets = register(&poll, sockets)?;
        let start = Instant::now();
        for number in 0..count {
            let token = number as usize % sockets.len();
            poll.registry().deregister(&mut sockets[token])?;
            poll.registry().register(&mut sockets[token], Token(token), Interest::READABLE)?;
            if number % CHURN_TURN == 0 {
                poll.poll(&mut events, NOW)?;
            }
        }
        Ok(start.elapsed())
    }

    fn post(&self, count: u64) -> Played<Duration> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(EVENTS);
        // Here too: what it has woken for is forgotten when it is dropped.
        let waker = Arc::new(Waker::new(poll.registry(), Token(0))?);
        let queue = Queue::default();
        let (tasks, ringer) = (queue.clone(), Arc::clone(&waker));
        let thread = post_all(count, move |task| {
            if tasks.push(task) {
                ringer.wake().expect("a waker wakes");
            }
        });
        let mut sum = 0;
        while sum < count {
            poll.poll(&mut events, None)?;
            queue.run(&mut sum);
        }
        let end = Instant::now();
        Ok(end - thread.join().expect("it does not panic"))
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(EVENTS);
        let waker = Arc::new(Waker::new(poll.registry(), Token(0))?);
        let (pace, ringer) = (Pace::new(), Arc::clone(&waker));
        let thread = pace.start(count, move || ringer.wake().expect("a waker wakes"));
        let mut latencies = Vec::with_capacity(count as usize);
        while latencies.len() < count as usize {
            poll.poll(&mut events, None)?;
            if !events.is_empty() {
                latencies.push(pace.note());
            }
        }
        thread.join().expect("it does not panic");
        Ok(latencies)
    }
}
