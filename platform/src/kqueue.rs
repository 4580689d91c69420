//! kqueue: the kernel keeps a filter per descriptor and direction and answers with what is ready (`kqueue(2)`).
//!
//! Three traits of it shape this module. Reading and writing are two filters with two events, which are merged into one. Adding a
//! filter again never changes its mode, so another trigger means deleting and adding. And receipts need as much room as there are
//! changes: without it a kernel drops the rest of the changes in silence.
//!
//! The module sees the system through [`sys`] alone. What is said of FreeBSD and NetBSD here was observed on their kernels' code,
//! what is said of macOS and OpenBSD was read in theirs.

// NetBSD's filter and flags are 32 bits wide where the others have 16, so a conversion that one system needs is idle on another.
#![allow(clippy::unnecessary_cast, clippy::useless_conversion)]

use std::io;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::poller::wait_until;
use crate::table::{Entry, Table};
use crate::{Backend, Events, Interest, Poller, Ready, Token, Trigger};

/// A poller on `kqueue(2)`.
///
/// # Platform notes
/// A fork's child does not inherit it: calls answer `EBADF` there. [`Interest::PRIORITY`] is never reported.
///
/// ```
/// use ringmq_platform::{Kqueue, Poller, Trigger};
/// # fn main() -> std::io::Result<()> {
/// let kqueue = Kqueue::new()?;
/// assert!(kqueue.supports(Trigger::Edge) && kqueue.as_fd().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Kqueue {
    fd: OwnedFd,
    table: Table,
    /// Where the kernel puts what is ready; as long as the largest `Events` seen.
    buffer: Vec<Slot>,
    /// Write registrations that the kernel refuses since nobody reads any more: ready at every wait, until modified or deleted.
    broken: Vec<RawFd>,
}

/// `kevent` without its raw pointer's ill repute: that field carries a generation and is never followed, so a slot may be sent.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Slot(sys::kevent);

// SAFETY: the pointer in a kevent is a number to us, and to the kernel.
unsafe impl Send for Slot {}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Copies: the struct is packed on macOS.
        let (ident, filter, flags, data) = (self.0.ident, self.0.filter, self.0.flags, self.0.data);
        write!(f, "{ident}: filter {filter} flags {flags:#x} data {data}")
    }
}

impl Kqueue {
    /// Opens a kernel queue, closed on exec.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> io::Result<Kqueue> {
        Ok(Kqueue { fd: open()?, table: Table::default(), buffer: Vec::new(), broken: Vec::new() })
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
        }
        match self.apply(fd, old, new) {
            Ok(is_broken) => {
                self.broken.retain(|broken| *broken != fd);
                if is_broken {
                    self.broken.push(fd);
                }
                Ok(())
            }
            Err(error) => {
                // What the kernel took before it refused is undone. It had all of `old` a moment ago, so that cannot fail for a
                // reason that lasts; were it to fail, the error of the call itself is the one to tell.
                let _ = match old {
                    Some(old) => self.apply(fd, Some(new), old).map(|_| ()),
                    None => self.disarm(fd, new),
                };
                Err(error)
            }
        }
    }

    /// Makes the kernel forget a registration. That it has forgotten already is what was wanted.
    fn disarm(&mut self, fd: RawFd, old: &Entry) -> io::Result<()> {
        self.broken.retain(|broken| *broken != fd);
        let silent = Entry { is_armed: false, ..*old };
        self.apply(fd, Some(old), &silent).map(|_| ())
    }

    /// One wait in the kernel; answers whether there is anything to report.
    fn ask(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let timeout = if self.broken.is_empty() { timeout } else { Some(Duration::ZERO) };
        let count = self.wait_in_kernel(events.capacity(), timeout)?;
        // The two events of one descriptor come in any order; by number they are neighbours.
        self.buffer[..count].sort_unstable_by_key(|slot| slot.0.ident);
        let mut index = 0;
        while index < count {
            let first = self.buffer[index].0;
            let mut ready = ready_of(&first);
            index += 1;
            if index < count && self.buffer[index].0.ident == first.ident {
                ready = merged(&first, &self.buffer[index].0);
                index += 1;
            }
            if self.broken.contains(&(first.ident as RawFd)) {
                ready |= BROKEN;
            }
            self.report(first.ident as RawFd, first.udata as usize as u32, ready, events);
        }
        self.report_broken(count, events);
        Ok(!events.is_empty())
    }

    /// Reports what was found at a number if it is of the registration that the number has now.
    fn report(&mut self, fd: RawFd, generation: u32, ready: Ready, events: &mut Events) {
        let entry = match self.table.get(fd) {
            Some(entry) if entry.generation == generation => *entry,
            _ => return self.table.stale_count += 1,
        };
        self.table.report(fd, ready, events);
        if entry.trigger == Trigger::OneShot
            && entry.interest.contains(Interest::READABLE | Interest::WRITABLE)
        {
            // The filter that fired is gone; its sibling goes too, since a one-shot is for the whole registration. Were the kernel to
            // keep it, its event would be dropped: the entry is not armed any more.
            let _ = self.disarm(fd, &entry);
        }
    }

    /// `kevent` without changes: with any, it answers with receipts and neither waits nor reports.
    fn wait_in_kernel(&mut self, capacity: usize, timeout: Option<Duration>) -> io::Result<usize> {
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.len() < capacity {
            buffer.resize(capacity, Slot(blank()));
        }
        // No more than fit: two events of one descriptor become one, so what the kernel hands out always fits.
        let count = self.kevent(&[], &mut buffer[..capacity], timeout);
        self.buffer = buffer;
        count
    }

    /// Submits the changes from `old` to `new`; answers whether writing is wanted of a pipe that nobody reads any more.
    fn apply(&mut self, fd: RawFd, old: Option<&Entry>, new: &Entry) -> io::Result<bool> {
        let had = old.map_or(Interest::NONE, Entry::armed_interest);
        let wanted = new.armed_interest();
        let changes_mode = old.map_or(false, |old| old.trigger != new.trigger);
        let mut changes: Vec<Slot> = Vec::with_capacity(4);
        for (filter, had, wanted) in [
            (sys::EVFILT_READ, had.is_readable(), wanted.is_readable()),
            (sys::EVFILT_WRITE, had.is_writable(), wanted.is_writable()),
        ] {
            if had && (!wanted || changes_mode) {
                changes.push(change(fd, filter as i64, sys::EV_DELETE as u32, new));
            }
            if wanted {
                changes.push(change(fd, filter as i64, sys::EV_ADD as u32 | mode_of(new.trigger), new));
            }
        }
        let receipts = self.submit(&changes)?;
        let mut is_broken = false;
        for (change, errno) in changes.iter().zip(receipts) {
            let deletes = change.0.flags as u32 & sys::EV_DELETE as u32 != 0;
            let writes = change.0.filter as i64 == sys::EVFILT_WRITE as i64;
            match errno {
                0 => {}
                // ENOENT: a one-shot that has fired. EBADF: closed already (FreeBSD, NetBSD; macOS says ENOENT of that too).
                libc::ENOENT | libc::EBADF if deletes => {}
                // A pipe without a reader: EPIPE (FreeBSD), EBADF (NetBSD), EPERM (OpenBSD). epoll, poll and select call it
                // writable, since a write fails at once.
                libc::EPIPE | libc::EPERM if writes => is_broken = true,
                libc::EBADF if writes && crate::sys::is_open(fd) => is_broken = true,
                // Devices and files that the kernel has no filter for: ENODEV (FreeBSD), EOPNOTSUPP (NetBSD), EINVAL (macOS).
                libc::ENODEV | libc::EOPNOTSUPP | libc::EINVAL => {
                    return Err(crate::sys::not_pollable(fd, "is of a kind that kqueue refuses"))
                }
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
        Ok(is_broken)
    }

    /// Hands changes to the kernel and answers with an `errno` for each, zero where it agreed.
    fn submit(&mut self, changes: &[Slot]) -> io::Result<Vec<i32>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let mut receipts = changes.to_vec();
        // OpenBSD may wait in spite of the receipts, so the timeout is zero.
        let count = self.kevent(changes, &mut receipts, Some(Duration::ZERO))?;
        if count != changes.len() {
            let message = format!("kevent gave {count} receipts for {} changes", changes.len());
            return Err(io::Error::new(io::ErrorKind::Other, message));
        }
        Ok(receipts.iter().map(|receipt| receipt.0.data as i32).collect())
    }

    /// Reports, in turn, the registrations that the kernel would not take since nobody reads their pipe any more, but for those of
    /// which it reported something itself this time.
    fn report_broken(&mut self, count: usize, events: &mut Events) {
        for _ in 0..self.broken.len() {
            if events.is_full() {
                return;
            }
            let fd = self.broken.remove(0);
            let is_reported = self.buffer[..count].iter().any(|slot| slot.0.ident as RawFd == fd);
            match self.table.get(fd).map(|entry| entry.generation) {
                Some(generation) if !is_reported => self.report(fd, generation, BROKEN, events),
                _ => {}
            }
            if self.table.get(fd).map_or(false, |entry| entry.trigger == Trigger::Level) {
                self.broken.push(fd);
            }
        }
    }

    fn kevent(&self, changes: &[Slot], events: &mut [Slot], timeout: Option<Duration>) -> io::Result<usize> {
        let spec = timeout.map(crate::sys::timespec);
        // SAFETY: both pointers are to as many slots of the layout of kevent as their counts say; `spec` lives through the call.
        let count = unsafe {
            sys::kevent(
                self.fd.as_raw_fd(),
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

fn open() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = crate::sys::check(unsafe { sys::kqueue() })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // Not every BSD has a kqueue call that closes on exec by itself (NetBSD's kqueue1, FreeBSD 14's kqueuex).
    crate::sys::add_flag(fd.as_fd(), libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
    Ok(fd)
}

fn blank() -> sys::kevent {
    // SAFETY: a kevent is integers and a pointer that nobody follows, for all of which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// One change, which asks for a receipt. The generation goes with every change: FreeBSD and macOS replace `udata` each time.
fn change(fd: RawFd, filter: i64, flags: u32, entry: &Entry) -> Slot {
    let mut change = blank();
    change.ident = fd as usize as _;
    change.filter = filter as _;
    change.flags = (flags | sys::EV_RECEIPT as u32) as _;
    change.udata = entry.generation as usize as _;
    Slot(change)
}

fn mode_of(trigger: Trigger) -> u32 {
    match trigger {
        Trigger::Level => 0,
        Trigger::Edge => sys::EV_CLEAR as u32,
        Trigger::OneShot => sys::EV_ONESHOT as u32,
    }
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

/// What a pipe without a reader is to its writer.
const BROKEN: Ready = Ready::WRITABLE.with(Ready::ERROR);

/// The system as this module sees it.
mod sys {
    pub use libc::{
        kevent, kqueue, EVFILT_READ, EVFILT_WRITE, EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_ONESHOT,
        EV_RECEIPT,
    };
}
