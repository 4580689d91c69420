//! Pipes that nobody reads any more: a kqueue refuses to watch their writing ends, and the contract has them ready for writing.
//!
//! Nobody can begin to read such a pipe, since it has no name. A FIFO has one, and is no case of this: the kernels whose sources were read
//! (FreeBSD, NetBSD, OpenBSD) watch it without a reader too.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::io::RawFd;
use std::time::Duration;

use super::{Found, Kqueue};
use crate::{Events, Ready, Trigger};

/// A write registration that the kernel refuses since nobody reads its pipe: ready at every wait, until it is modified or deleted, or
/// its number is closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    pub fd: RawFd,
    /// What the number named, since the kernel does not tell when it is closed.
    pub file: [u64; 4],
}

/// What a pipe without a reader is to its writer.
const BROKEN: Ready = Ready::WRITABLE.with(Ready::ERROR);

impl Kqueue {
    /// Remembers what the kernel has answered for a registration: whether it is a pipe that nobody reads.
    pub(super) fn note_broken(&mut self, fd: RawFd, is_broken: bool) {
        self.broken.retain(|broken| broken.fd != fd);
        if is_broken {
            // One that cannot be looked at was closed meanwhile.
            self.broken.extend(crate::sys::file_of(fd).map(|file| Broken { fd, file }));
        }
    }

    /// Forgets those whose numbers were closed, which a kernel that does not watch them cannot do.
    pub(super) fn forget_closed(&mut self) {
        self.broken.retain(|broken| crate::sys::file_of(broken.fd).map_or(false, |file| file == broken.file));
    }

    /// One wait in the kernel while there are registrations that it refuses, and until what did not fit beside them has been reported.
    /// They stand in no queue of its, so all that is ready is asked for at once, and who was reported longest ago has the next turn.
    pub(super) fn ask_beside_broken(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<bool> {
        let timeout = if self.broken.is_empty() { timeout } else { Some(Duration::ZERO) };
        let count = self.wait_in_kernel(2 * self.table.len().max(1), timeout)?;
        let places = self.places(count);
        self.sort(count);
        let (mut found, mut index) = (Vec::new(), 0);
        while index < count {
            found.push(self.found_at(&mut index, count));
        }
        self.add_broken(&mut found);
        found.sort_by_key(|found| places.get(&found.fd).copied().unwrap_or(usize::MAX));
        self.turns = found.iter().map(|found| found.fd).collect();
        let mut left = found.into_iter();
        while !events.is_full() {
            match left.next() {
                Some(found) => self.report(found, events),
                None => break,
            }
        }
        if left.len() == 0 && self.broken.is_empty() {
            self.turns.clear();
        }
        let reported_count = self.turns.len().saturating_sub(left.len());
        self.turns.rotate_left(reported_count);
        for found in left {
            self.put_back(found);
        }
        Ok(!events.is_empty())
    }

    /// Whose turn comes before whose: those that have been waiting, and behind them those that have not, as the kernel found them, which
    /// puts who was reported longest ago first. One that has just been refused comes last: it has been reported.
    fn places(&self, count: usize) -> BTreeMap<RawFd, usize> {
        let mut places = BTreeMap::new();
        let found = self.buffer[..count].iter().map(|slot| slot.0.ident as RawFd);
        for (place, fd) in self.turns.iter().copied().chain(found).enumerate() {
            places.entry(fd).or_insert(place);
        }
        places
    }

    /// Adds the registrations that the kernel refuses to what it has found.
    fn add_broken(&self, found: &mut Vec<Found>) {
        for &Broken { fd, .. } in &self.broken {
            match found.iter_mut().find(|found| found.fd == fd) {
                Some(found) => found.ready |= BROKEN,
                None => {
                    let generation = self.table.get(fd).map_or(0, |entry| entry.generation);
                    found.push(Found { fd, generation, ready: BROKEN, is_dropped: false });
                }
            }
        }
    }

    /// Makes the kernel report once more what there was no room for. On level it does so by itself, unless it has dropped the filter.
    fn put_back(&mut self, found: Found) {
        let entry = self.table.get(found.fd).filter(|entry| entry.generation == found.generation).copied();
        if let Some(entry) = entry.filter(|entry| entry.trigger != Trigger::Level || found.is_dropped) {
            // It agreed before; what it refuses now was closed meanwhile.
            let _ = self.arm(found.fd, Some(&entry), &entry);
        }
    }
}

/// What kernels say of the writing end of a pipe that nobody reads any more: EPIPE (FreeBSD, and OpenBSD's `pipe_kqfilter` of today; read
/// in their sources), EBADF (NetBSD, observed on 7.99), and perhaps EPERM (told of an older OpenBSD, neither read nor observed). epoll,
/// poll and select call it writable, since a write fails at once.
pub(super) fn means_broken_pipe(errno: i32, fd: RawFd) -> bool {
    match errno {
        libc::EPIPE => true,
        libc::EBADF | libc::EPERM => crate::sys::is_pipe(fd),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes::means_no_filter;
    use super::*;
    use std::os::unix::io::{AsFd, AsRawFd, FromRawFd, OwnedFd};

    #[test]
    fn a_refusal_is_a_broken_pipe_a_missing_filter_or_an_error() {
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().expect("socketpair");
        let (_waker, receiver) = crate::Waker::new().expect("open a waker");
        let mut pipe = [-1; 2];
        // SAFETY: the pointer is to two integers.
        crate::sys::check(unsafe { libc::pipe(pipe.as_mut_ptr()) }).expect("pipe");
        // SAFETY: the kernel has just opened both, and nobody else knows of them.
        let [_reader, writer] = pipe.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        let table = [
            (libc::EPIPE, writer.as_raw_fd(), true, false),
            (libc::EBADF, writer.as_raw_fd(), true, false),
            (libc::EPERM, writer.as_raw_fd(), true, true), // for who only reads there is no filter
            (libc::EBADF, RawFd::MAX, false, false),
            (libc::EBADF, socket.as_raw_fd(), false, false),
            (libc::EPERM, socket.as_raw_fd(), false, true),
            (libc::ENODEV, receiver.as_fd().as_raw_fd(), false, true),
            (libc::EOPNOTSUPP, socket.as_raw_fd(), false, true),
            (libc::EINVAL, socket.as_raw_fd(), false, true),
            (libc::ENOMEM, writer.as_raw_fd(), false, false),
        ];
        for (errno, fd, is_broken, has_no_filter) in table {
            let found = (means_broken_pipe(errno, fd), means_no_filter(errno));
            assert_eq!(found, (is_broken, has_no_filter), "{}", io::Error::from_raw_os_error(errno));
        }
    }
}
