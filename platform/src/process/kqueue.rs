//! A process's exit as a kernel queue that watches nothing else: `EVFILT_PROC` with `NOTE_EXIT` (kqueue(2)).
//!
//! A queue is itself a descriptor that any backend can wait for, readable while an event is in it. The event is never taken out, so it
//! stays readable.

use std::io;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;

use crate::kqueue::Descriptor;
use crate::sys;

/// Readable once the process has exited.
#[derive(Debug)]
pub(super) struct Watch {
    queue: Descriptor,
}

impl Watch {
    /// Always something, or an error: `ESRCH` when the process has exited, where a zombie is not taken.
    pub fn open(process: u32) -> io::Result<Option<Watch>> {
        let queue = Descriptor::open()?;
        // SAFETY: a kevent is integers and a pointer that nobody follows, for all of which zero is a value.
        let mut change: libc::kevent = unsafe { std::mem::zeroed() };
        change.ident = process as _;
        change.filter = libc::EVFILT_PROC as _;
        change.flags = libc::EV_ADD as _;
        change.fflags = libc::NOTE_EXIT as _;
        let number = queue.as_fd().as_raw_fd();
        // SAFETY: the first pointer is to one kevent; no room for events is offered, so that an error is the call's own, and it does not
        // wait.
        sys::check(unsafe { libc::kevent(number, &change, 1, ptr::null_mut(), 0, ptr::null()) })?;
        Ok(Some(Watch { queue }))
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
