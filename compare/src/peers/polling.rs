//! polling: level-triggered where the backend can, so nothing has to be armed again; it has neither timers nor a queue.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Event, Events, PollMode, Poller};

use super::pace::{post_all, Pace, Queue};
use super::{Chain, Contestant, Played, CHURN_TURN, READ_LEN};

pub struct Polling;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn register(poller: &Poller, sockets: &[TcpStream]) -> io::Result<()> {
    for (key, socket) in sockets.iter().enumerate() {
        // SAFETY: the poller goes before the sockets do.
        unsafe { poller.add_with_mode(socket, Event::readable(key), PollMode::Level)? };
    }
    Ok(())
}

impl Contestant for Polling {
    fn name(&self) -> &'static str {
        "polling"
    }

    fn echo(&self, mut sockets: Vec<TcpStream>) -> Played<()> {
        let poller = Poller::new()?;
        let mut events = Events::new();
        register(&poller, &sockets)?;
        let mut left = sockets.len();
        let mut buffer = vec![0; READ_LEN];
        while left > 0 {
            events.clear();
            poller.wait(&mut events, None)?;
            for event in events.iter() {
                let socket = &mut sockets[event.key];
                match socket.read(&mut buffer)? {
                    0 => {
                        poller.delete(&*socket)?;
                        left -= 1;
                    }
                    len => socket.write_all(&buffer[..len])?,
                }
            }
        }
        Ok(())
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let poller = Poller::new()?;
        let mut events = Events::new();
        register(&poller, &sockets)?;
        poller.wait(&mut events, NOW)?;
        settled();
        drop(poller);
        Ok(())
    }

    fn chain(&self, mut chain: Chain) -> Played<Duration> {
        let poller = Poller::new()?;
        let mut events = Events::new();
        for pipe in 0..chain.len() {
            let fd = chain.fd(pipe).as_raw_fd();
            // SAFETY: the poller goes before the chain does.
            unsafe { poller.add_with_mode(fd, Event::readable(pipe), PollMode::Level)? };
        }
        chain.start()?;
        loop {
            events.clear();
            poller.wait(&mut events, None)?;
            for event in events.iter() {
                if !chain.hop(event.key)? {
                    drop(poller);
                    return Ok(chain.elapsed());
                }
            }
        }
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let poller = Poller::new()?;
        let mut events = Events::new();
        register(&poller, &sockets)?;
        let start = Instant::now();
        for number in 0..count {
            let key = number as usize % sockets.len();
            poller.delete(&sockets[key])?;
            // SAFETY: the poller goes before the sockets do.
            unsafe { poller.add_with_mode(&sockets[key], Event::readable(key), PollMode::Level)? };
            if number % CHURN_TURN == 0 {
                events.clear();
                poller.wait(&mut events, NOW)?;
            }
        }
        let elapsed = start.elapsed();
        drop(poller);
        Ok(elapsed)
    }

    fn post(&self, count: u64) -> Played<Duration> {
        let poller = Arc::new(Poller::new()?);
        let mut events = Events::new();
        let queue = Queue::default();
        let (tasks, notifier) = (queue.clone(), Arc::clone(&poller));
        let thread = post_all(count, move |task| {
            if tasks.push(task) {
                notifier.notify().expect("a poller is notified");
            }
        });
        let mut sum = 0;
        while sum < count {
            events.clear();
            poller.wait(&mut events, None)?;
            queue.run(&mut sum);
        }
        let end = Instant::now();
        Ok(end - thread.join().expect("it does not panic"))
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let poller = Arc::new(Poller::new()?);
        let mut events = Events::new();
        let (pace, notifier) = (Pace::new(), Arc::clone(&poller));
        let thread = pace.start(count, move || notifier.notify().expect("a poller is notified"));
        let mut latencies = Vec::with_capacity(count as usize);
        // Nothing else ends a wait here.
        while latencies.len() < count as usize {
            events.clear();
            poller.wait(&mut events, None)?;
            latencies.push(pace.note());
        }
        thread.join().expect("it does not panic");
        Ok(latencies)
    }
}
