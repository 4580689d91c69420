//! poll: the whole set of registrations is handed to the kernel at every wait (`poll(2)`).
//!
//! The set is one array without holes, in which an entry that is to be silent has its number negated: the kernel skips it.

use std::fmt;
use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::poller::wait_until;
use crate::sys;
use crate::table::{Entry, Table};
use crate::{Backend, Event, Events, Interest, Poller, Ready, Token, Trigger};

/// A poller on `poll(2)`.
///
/// ```
/// use ringmq_platform::{Poll, Poller, Trigger};
/// # fn main() -> std::io::Result<()> {
/// let poll = Poll::new()?;
/// assert!(poll.supports(Trigger::OneShot) && !poll.supports(Trigger::Edge));
/// assert!(poll.as_fd().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Poll {
    table: Table,
    /// What the kernel is handed, one per registration.
    slots: Vec<Slot>,
    /// Where the next look through the answers begins, so that a small buffer for events starves nobody.
    cursor: usize,
    /// Whether the system lets us call `ppoll`, which counts nanoseconds.
    has_nanoseconds: bool,
}

/// `libc::pollfd` with a `Debug`.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Slot(libc::pollfd);

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:#x} -> {:#x}", self.0.fd, self.0.events, self.0.revents)
    }
}

impl Poll {
    /// Makes an empty set. poll has no descriptor of its own.
    ///
    /// # Errors
    /// None; the signature is that of the other backends.
    pub fn new() -> io::Result<Poll> {
        Ok(Poll { table: Table::default(), slots: Vec::new(), cursor: 0, has_nanoseconds: true })
    }
}

impl Poller for Poll {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        self.table.check_vacant(fd)?;
        let mut entry = self.table.new_entry(token, interest, trigger);
        self.arm(fd, None, &mut entry)?;
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
        let mut entry = self.table.new_entry(token, interest, trigger);
        self.arm(fd, Some(&old), &mut entry)?;
        self.table.set(fd, entry);
        Ok(())
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        let old = self.table.check_registered(fd)?;
        self.disarm(&old);
        self.table.remove(fd);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        wait_until(timeout, |timeout| self.ask(events, timeout))
    }

    fn backend(&self) -> Backend {
        Backend::Poll
    }

    fn supports(&self, trigger: Trigger) -> bool {
        trigger != Trigger::Edge
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stale_count(&self) -> u64 {
        self.table.stale_count
    }
}

impl Poll {
    /// Makes the array ask for what `new` wants in place of what `old` wanted, and notes where.
    fn arm(&mut self, fd: RawFd, old: Option<&Entry>, new: &mut Entry) -> io::Result<()> {
        if !self.supports(new.trigger) {
            return Err(sys::no_edge(Backend::Poll));
        }
        if old.is_none() {
            sys::check_pollable(fd)?;
            self.slots.push(Slot(libc::pollfd { fd, events: 0, revents: 0 }));
        }
        let position = old.map_or(self.slots.len() - 1, |old| old.position as usize);
        new.position = position as u32;
        self.slots[position] = slot_of(fd, new);
        Ok(())
    }

    /// Takes a registration out of the array; the last one moves into its place.
    fn disarm(&mut self, old: &Entry) {
        let position = old.position as usize;
        self.slots.swap_remove(position);
        if let Some(moved) = self.slots.get(position) {
            let moved_fd = number_of(moved);
            let moved_entry = self.table.get_mut(moved_fd).expect("every slot has its entry in the table");
            moved_entry.position = old.position;
        }
    }

    /// One wait in the kernel; answers whether there is anything to report.
    fn ask(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let mut left = self.wait_in_kernel(timeout)?;
        let len = self.slots.len();
        let start = if self.cursor < len { self.cursor } else { 0 };
        for range in [start..len, 0..start] {
            let mut from = range.start;
            while left > 0 {
                let position = match self.next_found(from, range.end) {
                    Some(position) => position,
                    None => break,
                };
                if events.is_full() {
                    self.cursor = position;
                    return Ok(true);
                }
                left -= 1;
                self.report(position, events);
                from = position + 1;
            }
        }
        Ok(!events.is_empty())
    }

    /// The first slot from `from` on and before `end` in which the kernel has left an answer.
    #[inline]
    fn next_found(&self, from: usize, end: usize) -> Option<usize> {
        let mut from = from;
        let mut runs = self.slots[from..end].chunks_exact(RUN);
        for run in &mut runs {
            if run.iter().fold(0, |bits, slot| bits | slot.0.revents) != 0 {
                break;
            }
            from += RUN;
        }
        let rest = &self.slots[from..end];
        rest.iter().position(|slot| slot.0.revents != 0).map(|index| from + index)
    }

    /// Reports one answer, and silences what is not to be asked for again.
    fn report(&mut self, position: usize, events: &mut Events) {
        let bits = self.slots[position].0.revents;
        let fd = number_of(&self.slots[position]);
        if let Some(event) = news_of(&self.table, fd, bits) {
            events.push(event);
            return;
        }
        if bits & libc::POLLNVAL != 0 {
            // Closed without delete. Left alone, it would end every wait at once.
            self.table.stale_count += 1;
            if let Some(entry) = self.table.get_mut(fd) {
                entry.disarm();
            }
        } else {
            self.table.report(fd, ready_of(bits), events);
        }
        if let Some(entry) = self.table.get(fd) {
            self.slots[position] = slot_of(fd, entry);
        }
    }

    /// `ppoll`, which counts nanoseconds, where there is one and a timeout to count; else `poll`.
    fn wait_in_kernel(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let slots = self.slots.as_mut_ptr().cast::<libc::pollfd>();
        let slot_count = self.slots.len() as libc::nfds_t;
        if let (true, Some(timeout)) = (self.has_nanoseconds, timeout.filter(|timeout| !timeout.is_zero())) {
            let result = ppoll(slots, slot_count, timeout);
            match result.as_ref().map_err(io::Error::raw_os_error) {
                // ENOSYS, EPERM: a sandbox that knows poll and not ppoll. Milliseconds from now on.
                Err(Some(libc::ENOSYS | libc::EPERM)) => self.has_nanoseconds = false,
                _ => return result,
            }
        }
        // SAFETY: `slots` points to `slot_count` slots of the layout of pollfd, owned by `self`.
        let count = unsafe { libc::poll(slots, slot_count, sys::milliseconds(timeout)) };
        sys::check(count).map(|count| count as usize)
    }
}

/// The number of a slot, silent or not.
fn number_of(slot: &Slot) -> RawFd {
    let fd = slot.0.fd;
    if fd < 0 {
        !fd
    } else {
        fd
    }
}

/// The slot for an entry. Without interest the number is negated: with no events asked for poll still reports hang-ups and errors.
fn slot_of(fd: RawFd, entry: &Entry) -> Slot {
    let interest = entry.armed_interest();
    let mut events = 0;
    if interest.is_readable() {
        events |= libc::POLLIN | POLLRDHUP;
    }
    if interest.is_writable() {
        events |= libc::POLLOUT;
    }
    if interest.is_priority() {
        events |= libc::POLLPRI;
    }
    Slot(libc::pollfd { fd: if interest.is_none() { !fd } else { fd }, events, revents: 0 })
}

/// The event that was found, if it is told as it is: the slot stays as it was then, since the kernel writes every answer anew.
#[inline]
fn news_of(table: &Table, fd: RawFd, bits: libc::c_short) -> Option<Event> {
    if !IS_TOLD_AS_FOUND {
        return None;
    }
    let entry = table.get(fd)?;
    Some(Event { token: entry.token, ready: entry.news_of(bits as u32)? })
}

/// Whether the system's bits are those of an interest, so that what is nothing but news needs no translation (`Entry::news_of`).
const IS_TOLD_AS_FOUND: bool = libc::POLLIN as u32 == Interest::READABLE.bits()
    && libc::POLLOUT as u32 == Interest::WRITABLE.bits()
    && libc::POLLPRI as u32 == Interest::PRIORITY.bits();

/// How many slots are looked at in one go: most are those of idle descriptors, and eight are asked for a bit as fast as two.
const RUN: usize = 8;

fn ready_of(bits: libc::c_short) -> Ready {
    let pairs = [
        (libc::POLLIN, Ready::READABLE),
        (libc::POLLOUT, Ready::WRITABLE),
        (libc::POLLPRI, Ready::PRIORITY),
        (POLLRDHUP, Ready::READ_CLOSED),
        (libc::POLLHUP, Ready::HANGUP),
        (libc::POLLERR, Ready::ERROR),
    ];
    let found = pairs.iter().filter(|(bit, _)| bits & bit != 0);
    found.fold(Ready::NONE, |ready, (_, is)| ready | *is)
}

/// The peer's half-close. Linux has had it since 2.6.17; elsewhere it is too new to ask for, or absent: a hint left out.
#[cfg(any(target_os = "linux", target_os = "android"))]
const POLLRDHUP: libc::c_short = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const POLLRDHUP: libc::c_short = 0;

/// `ppoll` with nanoseconds; NetBSD has the same call under the name of `pollts`. macOS and illumos have none in `libc`.
fn ppoll(slots: *mut libc::pollfd, slot_count: libc::nfds_t, timeout: Duration) -> io::Result<usize> {
    #[cfg(any(target_vendor = "apple", target_os = "illumos", target_os = "solaris"))]
    return {
        let _ = (slots, slot_count, timeout);
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    };
    #[cfg(not(any(target_vendor = "apple", target_os = "illumos", target_os = "solaris")))]
    {
        #[cfg(target_os = "netbsd")]
        use libc::pollts as ppoll;
        #[cfg(not(target_os = "netbsd"))]
        use libc::ppoll;
        let spec = sys::timespec(timeout);
        // SAFETY: the caller owns `slot_count` slots at `slots`; `spec` lives through the call; a null mask changes no signal.
        let count = unsafe { ppoll(slots, slot_count, &spec, std::ptr::null()) };
        sys::check(count).map(|count| count as usize)
    }
}
