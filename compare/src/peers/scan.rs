//! Loops on poll and on select that are written by hand, for what their cost depends on: how many descriptors they look at.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::{cannot, Chain, Contestant, Played};

pub struct HandPoll;

impl Contestant for HandPoll {
    fn name(&self) -> &'static str {
        "hand-poll"
    }

    fn scans(&self) -> bool {
        true
    }

    fn chain(&self, mut chain: Chain) -> Played<Duration> {
        let entry = |pipe| libc::pollfd { fd: chain.fd(pipe).as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut entries: Vec<libc::pollfd> = (0..chain.len()).map(entry).collect();
        chain.start()?;
        loop {
            // SAFETY: as many entries as are announced.
            let ready = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, -1) };
            let mut left = ready_count(ready)?;
            for (pipe, entry) in entries.iter().enumerate() {
                if entry.revents == 0 {
                    continue;
                }
                if !chain.hop(pipe)? {
                    return Ok(chain.elapsed());
                }
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
    }
}

pub struct HandSelect;

/// Bits of a set, in the words that select takes.
const BITS: usize = usize::BITS as usize;

impl Contestant for HandSelect {
    fn name(&self) -> &'static str {
        "hand-select"
    }

    fn scans(&self) -> bool {
        true
    }

    fn chain(&self, mut chain: Chain) -> Played<Duration> {
        let fds: Vec<usize> = (0..chain.len()).map(|pipe| chain.fd(pipe).as_raw_fd() as usize).collect();
        let highest = match fds.iter().max() {
            Some(&highest) => highest,
            None => return cannot("no pipe"),
        };
        // Longer than the library's type, which the kernel does not mind.
        let words = (highest / BITS + 1).max(libc::FD_SETSIZE / BITS);
        let (mut wanted, mut pipes) = (vec![0_usize; words], vec![0; highest + 1]);
        for (pipe, &fd) in fds.iter().enumerate() {
            wanted[fd / BITS] |= 1 << (fd % BITS);
            pipes[fd] = pipe;
        }
        let mut ready = wanted.clone();
        chain.start()?;
        loop {
            ready.copy_from_slice(&wanted);
            let set = ready.as_mut_ptr().cast();
            let none = std::ptr::null_mut();
            // SAFETY: the set has a bit for each descriptor up to the highest, and the others are not there.
            let count = unsafe { libc::select(highest as i32 + 1, set, none, none, std::ptr::null_mut()) };
            ready_count(count)?;
            for (at, word) in ready.iter().enumerate() {
                let mut word = *word;
                while word != 0 {
                    let fd = at * BITS + word.trailing_zeros() as usize;
                    word &= word - 1;
                    if !chain.hop(pipes[fd])? {
                        return Ok(chain.elapsed());
                    }
                }
            }
        }
    }
}

fn ready_count(result: i32) -> io::Result<i32> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        count => Ok(count),
    }
}
