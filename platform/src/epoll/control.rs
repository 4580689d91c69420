//! What the kernel is told of a registration: what to watch for, and the key by which its events are told apart.

use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};

use crate::sys;
use crate::table::Entry;
use crate::{Interest, Trigger};

// So that what is nothing but news needs no translation (`Entry::news_of`).
const _: () = assert!(
    Interest::READABLE.bits() == libc::EPOLLIN as u32
        && Interest::WRITABLE.bits() == libc::EPOLLOUT as u32
        && Interest::PRIORITY.bits() == libc::EPOLLPRI as u32
);

/// Adds, modifies or deletes, by `epoll_ctl`.
pub(super) fn control(epoll: BorrowedFd<'_>, operation: c_int, fd: RawFd, entry: &Entry) -> io::Result<()> {
    let key = u64::from(entry.generation) << 32 | u64::from(fd as u32);
    let mut event = libc::epoll_event { events: bits_of(entry), u64: key };
    // SAFETY: `event` lives through the call, and the kernel copies it.
    sys::check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &mut event) })?;
    Ok(())
}

/// The number and the generation that [`control`] made a key of.
#[inline]
pub(super) fn split(key: u64) -> (RawFd, u32) {
    (key as u32 as RawFd, (key >> 32) as u32)
}

fn bits_of(entry: &Entry) -> u32 {
    let mut bits = match entry.trigger {
        Trigger::Level => 0,
        Trigger::Edge => libc::EPOLLET,
        Trigger::OneShot => libc::EPOLLONESHOT,
    };
    // Without any of the three below, a one-shot is disarmed: it stays in the set and reports nothing.
    let interest = entry.armed_interest();
    if interest.is_readable() {
        bits |= libc::EPOLLIN | libc::EPOLLRDHUP;
    }
    if interest.is_writable() {
        bits |= libc::EPOLLOUT;
    }
    if interest.is_priority() {
        bits |= libc::EPOLLPRI;
    }
    bits as u32
}
