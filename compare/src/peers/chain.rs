//! The classic benchmark of event loops: a chain of pipes, most of them idle, through which a few bytes travel.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

const BUFFER_LEN: usize = 128;

/// Pipes in a ring: whoever reads from one writes as much to the next.
pub struct Chain {
    readers: Vec<PipeReader>,
    writers: Vec<PipeWriter>,
    active: usize,
    /// How many bytes are still to be passed on.
    left: u64,
    start: Option<Instant>,
    /// More than travels at once, so that a short read has taken all. It is here so as not to be made anew for each hop.
    buffer: [u8; BUFFER_LEN],
}

impl Chain {
    /// `active` bytes travel at the same time, and `hops` in all are passed on.
    pub fn new(pipe_count: usize, active: usize, hops: u64) -> io::Result<Chain> {
        let pipes = (0..pipe_count).map(|_| io::pipe()).collect::<io::Result<Vec<_>>>()?;
        let (readers, writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
        for fd in readers.iter().map(AsRawFd::as_raw_fd).chain(writers.iter().map(AsRawFd::as_raw_fd)) {
            set_nonblocking(fd)?;
        }
        Ok(Chain { readers, writers, active, left: hops, start: None, buffer: [0; BUFFER_LEN] })
    }

    /// How many pipes there are.
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// What a loop waits for input on.
    pub fn fd(&self, pipe: usize) -> BorrowedFd<'_> {
        self.readers[pipe].as_fd()
    }

    /// Sends the first bytes, evenly spread over the pipes. Time counts from here.
    pub fn start(&mut self) -> io::Result<()> {
        let len = self.len();
        self.start = Some(Instant::now());
        (0..self.active).try_for_each(|at| self.writers[at * len / self.active].write_all(&[1]))
    }

    /// Passes on what is in a pipe that is readable, by one read and one write: answers whether it goes on.
    #[inline]
    pub fn hop(&mut self, pipe: usize) -> io::Result<bool> {
        let len = match self.readers[pipe].read(&mut self.buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(self.left > 0),
            Err(error) => return Err(error),
        };
        self.left = self.left.saturating_sub(len as u64);
        if self.left == 0 {
            return Ok(false);
        }
        let next = if pipe + 1 == self.len() { 0 } else { pipe + 1 };
        match self.writers[next].write(&self.buffer[..len])? {
            written if written == len => Ok(true),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// How long it has taken since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.map_or(Duration::ZERO, |start| start.elapsed())
    }
}

fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: the descriptor is open, and neither call takes a pointer.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFL, libc::fcntl(fd, libc::F_GETFL) | libc::O_NONBLOCK) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
