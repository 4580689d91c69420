//! kqueue: the kernel keeps a filter per descriptor and direction and answers with what is ready (`kqueue(2)`).
//!
//! Four traits of it shape this module. Reading and writing are two filters with two events, which are merged into one. Adding a filter
//! again neither changes its mode nor enables it, so another trigger, and arming a one-shot again, mean deleting and adding. A one-shot is
//! `EV_DISPATCH`, since `EV_ONESHOT` reports what it found once though it may be gone by the time of the wait. And receipts need as much
//! room as there are changes: without it a kernel drops the rest of the changes in silence.
//!
//! Pipes that nobody reads, which kernels refuse to watch, are in [`broken`]. The module sees the system through [`sys`] alone.
//!
//! Of these traits the first two, and what becomes of changes without room, were observed on the code of FreeBSD 13.0 and NetBSD 7.99
//! (`tests/kqueue` in the repository). That `EV_ONESHOT` does not look again was read in their sources, as was all that is said here of
//! other systems, and what a comment calls so. Nothing of it has been seen on a machine that runs one of them.

// NetBSD's filter and flags are 32 bits wide where the others have 16, so a conversion that one system needs is idle on another.
#![allow(clippy::unnecessary_cast, clippy::useless_conversion)]

use std::fmt;
use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::poller::wait_until;
use crate::table::{Entry, Table};
use crate::{Backend, Events, Interest, Poller, Ready, Token, Trigger};

mod broken;
mod changes;
mod descriptor;
#[cfg(feature = "conformance")]
mod raw;
mod sys;

use broken::Broken;
pub(crate) use descriptor::Descriptor;

#[cfg(feature = "conformance")]
pub(crate) use raw::raw_report;

/// A poller on `kqueue(2)`.
///
/// # Platform notes
/// A fork's child does not inherit it (kqueue(2)), so there the copy is good for nothing but dropping, which closes nothing: its calls
/// answer `EBADF`, as long as no kqueue that the child has opened has been given the number.
///
/// On NetBSD and OpenBSD a writer that waits for room in a full pipe is not told when the reader leaves, since they look for waiters
/// before they mark the end (`sys_pipe.c`, read and not observed). A `modify`, or a write, finds it out.
///
/// A pipe that nobody reads is ready for writing, though the kernel does not watch it. On NetBSD and OpenBSD, whose pipes have no number
/// (`pipe_stat`, read and not observed), another pipe that took its number within a tick of the clock is taken for it.
///
/// [`Interest::PRIORITY`] is never reported.
///
/// ```
/// use ringmq_platform::{Kqueue, Poller, Trigger};
/// # fn main() -> std::io::Result<()> {
/// let kqueue = Kqueue::new()?;
/// assert!(kqueue.supports(Trigger::Edge) && kqueue.as_fd().is_some());
/// # Ok(())
/// # }
/// ```
pub struct Kqueue {
    fd: Descriptor,
    table: Table,
    /// Where the kernel puts what is ready; as long as the longest list that was asked for.
    buffer: Vec<Slot>,
    broken: Vec<Broken>,
    /// In what order those that are ready have their turn, while there are broken ones, and until what did not fit beside them has been
    /// reported. Empty else: the kernel sees to it.
    turns: Vec<RawFd>,
}

/// What is ready at a number.
struct Found {
    fd: RawFd,
    generation: u32,
    ready: Ready,
    /// Whether the kernel has dropped a filter with its event.
    is_dropped: bool,
}

/// `kevent` without its raw pointer's ill repute: that field carries a generation and is never followed, so a slot may be sent.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Slot(sys::kevent);

// SAFETY: the pointer in a kevent is a number to us, and to the kernel.
unsafe impl Send for Slot {}

impl Kqueue {
    /// Opens a kernel queue, closed on exec.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> io::Result<Kqueue> {
        Ok(Kqueue {
            fd: Descriptor::open()?,
            table: Table::default(),
            buffer: Vec::new(),
            broken: Vec::new(),
            turns: Vec::new(),
        })
    }
}

/// Without the buffer, which says nothing between two waits.
impl fmt::Debug for Kqueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Kqueue");
        fields.field("fd", &self.fd).field("table", &self.table).field("broken", &self.broken);
        fields.finish_non_exhaustive()
    }
}

impl Poller for Kqueue {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        self.table.check_vacant(fd)?;
        let entry = self.table.new_entry(token, interest, trigger);
        self.arm(fd, None, &entry)?;
        self.table.set(fd, entry);
        Ok(())
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        let old = self.table.check_registered(fd)?;
        let entry = self.table.new_entry(token, interest, trigger);
        self.arm(fd, Some(&old), &entry)?;
        self.table.set(fd, entry);
        Ok(())
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        let old = self.table.check_registered(fd)?;
        self.disarm(fd, &old)?;
        self.table.remove(fd);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        wait_until(timeout, |timeout| self.ask(events, timeout))
    }

    fn backend(&self) -> Backend {
        Backend::Kqueue
    }

    fn supports(&self, _trigger: Trigger) -> bool {
        true
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }

    fn stale_count(&self) -> u64 {
        self.table.stale_count
    }
}

impl Kqueue {
    /// Makes the kernel watch for what `new` wants in place of what `old` wanted; on failure puts back what `old` wanted.
    fn arm(&mut self, fd: RawFd, old: Option<&Entry>, new: &Entry) -> io::Result<()> {
        if old.is_none() {
            crate::sys::check_pollable(fd)?;
            // NetBSD, OpenBSD and DragonFly would take it, and NetBSD then waits for itself inside the kernel (read in their sources, not
            // observed).
            if fd == self.fd.as_fd().as_raw_fd() {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
        }
        match self.apply(fd, old, new) {
            Ok(is_broken) => {
                self.note_broken(fd, is_broken);
                Ok(())
            }
            Err(error) => {
                // What the kernel took before it refused is undone. It had all of `old` a moment ago, so that cannot fail for a
                // reason that lasts; were it to fail, the error of the call itself is the one to tell.
                let _ = match old {
                    Some(old) => {
                        self.apply(fd, Some(new), old).map(|is_broken| self.note_broken(fd, is_broken))
                    }
                    None => self.disarm(fd, new),
                };
                Err(error)
            }
        }
    }

    /// Makes the kernel forget a registration. That it has forgotten already is what was wanted.
    fn disarm(&mut self, fd: RawFd, old: &Entry) -> io::Result<()> {
        let mut silent = *old;
        silent.disarm();
        self.apply(fd, Some(old), &silent).map(|is_broken| self.note_broken(fd, is_broken))
    }

    /// One wait in the kernel; answers whether there is anything to report.
    fn ask(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        self.forget_closed();
        if !self.broken.is_empty() || !self.turns.is_empty() {
            return self.ask_beside_broken(events, timeout);
        }
        let count = self.wait_in_kernel(events.capacity(), timeout)?;
        self.sort(count);
        let mut index = 0;
        while index < count {
            let found = self.found_at(&mut index, count);
            self.report(found, events);
        }
        Ok(!events.is_empty())
    }

    /// What the event at `index` says, together with that of the other filter, which is its neighbour: they are sorted by number.
    fn found_at(&self, index: &mut usize, count: usize) -> Found {
        let first = self.buffer[*index].0;
        let (mut ready, mut flags) = (ready_of(&first), first.flags);
        *index += 1;
        if *index < count && self.buffer[*index].0.ident == first.ident {
            ready = merged(&first, &self.buffer[*index].0);
            flags |= self.buffer[*index].0.flags;
            *index += 1;
        }
        // FreeBSD puts it into the last event of a filter that it drops by itself: that of a pipe's writer when the reader leaves (read
        // in its source, not observed). No change of ours has it.
        let is_dropped = flags as u32 & sys::EV_ONESHOT as u32 != 0;
        Found { fd: first.ident as RawFd, generation: first.udata as usize as u32, ready, is_dropped }
    }

    /// Reports what was found at a number if it is of the registration that the number has now.
    fn report(&mut self, found: Found, events: &mut Events) {
        let fd = found.fd;
        let entry = match self.table.get(fd) {
            Some(entry) if entry.generation == found.generation => *entry,
            _ => return self.table.stale_count += 1,
        };
        self.table.report(fd, found.ready, events);
        if entry.trigger == Trigger::Level && found.is_dropped {
            // It is told of again at the next wait: the kernel refuses it now, and it goes on as a broken pipe. It fails only if the
            // number was closed meanwhile.
            let _ = self.arm(fd, Some(&entry), &entry);
        }
        if entry.trigger != Trigger::Level {
            self.broken.retain(|broken| broken.fd != fd);
        }
        if entry.trigger == Trigger::OneShot
            && entry.interest.contains(Interest::READABLE | Interest::WRITABLE)
        {
            // The filter that fired is disabled; its sibling goes, and it too, since a one-shot is for the whole registration. Were the
            // kernel to keep them, their events would be dropped: the entry is not armed any more.
            let _ = self.disarm(fd, &entry);
        }
    }

    /// `kevent` without changes: with any, it answers with receipts and neither waits nor reports.
    fn wait_in_kernel(&mut self, capacity: usize, timeout: Option<Duration>) -> io::Result<usize> {
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.len() < capacity {
            buffer.resize(capacity, Slot(blank()));
        }
        // Two events of one descriptor become one, so whoever asks for no more than fit has room for all that the kernel hands out.
        let count = self.kevent(&[], &mut buffer[..capacity], timeout);
        self.buffer = buffer;
        count
    }

    /// The two events of one descriptor come in any order; by number they are neighbours.
    fn sort(&mut self, count: usize) {
        self.buffer[..count].sort_unstable_by_key(|slot| slot.0.ident);
    }

    fn kevent(&self, changes: &[Slot], events: &mut [Slot], timeout: Option<Duration>) -> io::Result<usize> {
        let spec = timeout.map(crate::sys::timespec);
        // SAFETY: both pointers are to as many slots of the layout of kevent as their counts say; `spec` lives through the call.
        let count = unsafe {
            sys::kevent(
                self.fd.as_fd().as_raw_fd(),
                changes.as_ptr().cast(),
                changes.len() as _,
                events.as_mut_ptr().cast(),
                events.len() as _,
                crate::sys::timespec_ptr(&spec),
            )
        };
        crate::sys::check(count).map(|count| count as usize)
    }
}

fn blank() -> sys::kevent {
    // SAFETY: a kevent is integers and a pointer that nobody follows, for all of which zero is a value.
    unsafe { std::mem::zeroed() }
}

fn ready_of(event: &sys::kevent) -> Ready {
    let is_read = event.filter as i64 == sys::EVFILT_READ as i64;
    let mut ready = if is_read { Ready::READABLE } else { Ready::WRITABLE };
    let flags = event.flags as u32;
    if flags & sys::EV_EOF as u32 != 0 {
        // Of the write filter alone it also means one's own half-close, which is no hang-up.
        if is_read {
            ready |= Ready::READ_CLOSED;
        }
        if event.fflags != 0 {
            ready |= Ready::ERROR;
        }
    }
    ready
}

/// What the two events of one descriptor say together: the end of both directions is a hang-up.
fn merged(first: &sys::kevent, second: &sys::kevent) -> Ready {
    let mut ready = ready_of(first) | ready_of(second);
    if (first.flags & second.flags) as u32 & sys::EV_EOF as u32 != 0 {
        ready |= Ready::HANGUP;
    }
    ready
}
