//! Loops that are written by hand through libc: what no library can go below.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::pace::{post_all, Pace, Queue};
use super::{Chain, Contestant, Played, TimerCosts, CHURN_TURN, READ_LEN, RESET_AFTER};

/// On epoll. For timers it has a binary heap, in which those that were cancelled or put off stay until they come up; for other threads a
/// vector under a lock, and an eventfd that is written when that was empty.
pub struct Hand;

const EVENTS: usize = 256;

pub struct Epoll {
    fd: OwnedFd,
    events: [libc::epoll_event; EVENTS],
}

impl Epoll {
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: takes no pointer.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: it was just made, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Epoll { fd, events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS] })
    }

    pub fn add(&self, fd: RawFd, token: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token as u64 };
        // SAFETY: `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) }).map(drop)
    }

    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, &mut event) }).map(drop)
    }

    /// How many events there are; forever with -1.
    pub fn wait(&mut self, milliseconds: i32) -> io::Result<usize> {
        let events = self.events.as_mut_ptr();
        // SAFETY: `events` has as many slots as are announced.
        let count = unsafe { libc::epoll_wait(self.fd.as_raw_fd(), events, EVENTS as i32, milliseconds) };
        Ok(check(count)? as usize)
    }

    pub fn token(&self, at: usize) -> usize {
        self.events[at].u64 as usize
    }
}

/// An eventfd, as both ends of it.
struct Bell(OwnedFd);

impl Bell {
    fn new() -> io::Result<Bell> {
        // SAFETY: takes no pointer.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: it was just made, and nobody else has it.
        Ok(Bell(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn try_clone(&self) -> io::Result<Bell> {
        Ok(Bell(self.0.try_clone()?))
    }

    fn ring(&self) {
        let one = 1_u64;
        // SAFETY: as many bytes as are announced. It fails only when it has rung so often that it need not again.
        unsafe { libc::write(self.0.as_raw_fd(), (&one as *const u64).cast(), 8) };
    }

    fn hush(&self) {
        let mut count = 0_u64;
        // SAFETY: as many bytes as are announced. It fails only when nobody has rung.
        unsafe { libc::read(self.0.as_raw_fd(), (&mut count as *mut u64).cast(), 8) };
    }
}

impl Contestant for Hand {
    fn name(&self) -> &'static str {
        "hand"
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        let mut epoll = Epoll::new()?;
        for (token, socket) in sockets.iter().enumerate() {
            epoll.add(socket.as_raw_fd(), token)?;
        }
        let mut buffer = vec![0; READ_LEN];
        let mut left = sockets.len();
        while left > 0 {
            for at in 0..epoll.wait(-1)? {
                let fd = sockets[epoll.token(at)].as_raw_fd();
                // SAFETY: the buffer is as long as is announced.
                let len = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), READ_LEN) };
                if len <= 0 {
                    check(len as i32)?;
                    epoll.remove(fd)?;
                    left -= 1;
                    continue;
                }
                // So short a message fits the socket's buffer whole.
                // SAFETY: so much of the buffer was just filled.
                check(unsafe { libc::write(fd, buffer.as_ptr().cast(), len as usize) } as i32)?;
            }
        }
        Ok(())
    }

    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let mut epoll = Epoll::new()?;
        for (token, socket) in sockets.iter().enumerate() {
            epoll.add(socket.as_raw_fd(), token)?;
        }
        epoll.wait(0)?;
        settled();
        Ok(())
    }

    fn chain(&self, mut chain: Chain) -> Played<Duration> {
        let mut epoll = Epoll::new()?;
        for pipe in 0..chain.len() {
            epoll.add(chain.fd(pipe).as_raw_fd(), pipe)?;
        }
        chain.start()?;
        loop {
            for at in 0..epoll.wait(-1)? {
                if !chain.hop(epoll.token(at))? {
                    return Ok(chain.elapsed());
                }
            }
        }
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let mut epoll = Epoll::new()?;
        for (token, socket) in sockets.iter().enumerate() {
            epoll.add(socket.as_raw_fd(), token)?;
        }
        let start = Instant::now();
        for number in 0..count {
            let token = number as usize % sockets.len();
            epoll.remove(sockets[token].as_raw_fd())?;
            epoll.add(sockets[token].as_raw_fd(), token)?;
            if number % CHURN_TURN == 0 {
                epoll.wait(0)?;
            }
        }
        Ok(start.elapsed())
    }

    fn timers(&self, delays: &[Duration], cancelled: &[usize]) -> Played<TimerCosts> {
        let mut epoll = Epoll::new()?;
        let mut heap = BinaryHeap::new();
        let start = Instant::now();
        let mut is_live = Vec::new();
        for (number, delay) in delays.iter().enumerate() {
            heap.push(Reverse((Instant::now() + *delay, number)));
            is_live.push(true);
        }
        let insert = start.elapsed();

        let start = Instant::now();
        let mut live = delays.len();
        for &number in cancelled {
            is_live[number] = false;
            live -= 1;
        }
        if live == 0 {
            heap.clear();
        }
        let cancel = start.elapsed();

        for (number, delay) in delays.iter().enumerate() {
            heap.push(Reverse((Instant::now() + super::soon(*delay), number)));
            is_live[number] = true;
        }
        let start = Instant::now();
        let mut fired = 0;
        while let Some(Reverse((first, _))) = heap.peek() {
            let left = first.saturating_duration_since(Instant::now());
            epoll.wait(left.as_nanos().div_ceil(1_000_000) as i32)?;
            let now = Instant::now();
            while let Some(Reverse((_, number))) = heap.pop_if_due(now) {
                fired += usize::from(is_live[number]);
            }
        }
        let fire = start.elapsed();
        assert_eq!(fired, delays.len(), "all fire");
        Ok(TimerCosts { insert, cancel, fire })
    }

    fn reset(&self, timer_count: usize, count: u64) -> Played<Duration> {
        let mut epoll = Epoll::new()?;
        let mut now = Instant::now();
        // When each is due; the heap has when each was due first, and would look here when that comes up.
        let mut deadlines = vec![now + RESET_AFTER; timer_count];
        let heap: BinaryHeap<_> =
            (0..timer_count).map(|number| Reverse((now + RESET_AFTER, number))).collect();
        let start = Instant::now();
        for number in 0..count {
            deadlines[number as usize % timer_count] = now + RESET_AFTER;
            if number % CHURN_TURN == 0 {
                epoll.wait(0)?;
                now = Instant::now();
                let Reverse((first, _)) = heap.peek().expect("none has come up");
                assert!(*first > now, "nothing is due in the time that this takes");
            }
        }
        let elapsed = start.elapsed();
        std::hint::black_box(&deadlines);
        Ok(elapsed)
    }

    fn post(&self, count: u64) -> Played<Duration> {
        let mut epoll = Epoll::new()?;
        let (bell, queue) = (Bell::new()?, Queue::default());
        epoll.add(bell.0.as_raw_fd(), 0)?;
        let (ringer, tasks) = (bell.try_clone()?, queue.clone());
        let thread = post_all(count, move |task| {
            if tasks.push(task) {
                ringer.ring();
            }
        });
        let mut sum = 0;
        while sum < count {
            epoll.wait(-1)?;
            bell.hush();
            queue.run(&mut sum);
        }
        let end = Instant::now();
        Ok(end - thread.join().expect("it does not panic"))
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let mut epoll = Epoll::new()?;
        let bell = Bell::new()?;
        epoll.add(bell.0.as_raw_fd(), 0)?;
        let (pace, ringer) = (Pace::new(), bell.try_clone()?);
        let thread = pace.start(count, move || ringer.ring());
        let mut latencies = Vec::with_capacity(count as usize);
        while latencies.len() < count as usize {
            epoll.wait(-1)?;
            bell.hush();
            latencies.push(pace.note());
        }
        thread.join().expect("it does not panic");
        Ok(latencies)
    }
}

trait PopIfDue<T> {
    fn pop_if_due(&mut self, now: Instant) -> Option<Reverse<(Instant, T)>>;
}

impl<T: Ord> PopIfDue<T> for BinaryHeap<Reverse<(Instant, T)>> {
    fn pop_if_due(&mut self, now: Instant) -> Option<Reverse<(Instant, T)>> {
        match self.peek() {
            Some(Reverse((deadline, _))) if *deadline <= now => self.pop(),
            _ => None,
        }
    }
}

fn check(result: i32) -> io::Result<i32> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}
