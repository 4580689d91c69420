//! epoll: the kernel keeps the set of registrations and answers with what is ready (`epoll(7)`).
//!
//! The kernel's set is keyed by number *and* open file, so a descriptor that is closed while a duplicate lives on keeps firing and
//! can no longer be removed by number. Each event therefore carries the generation of its registration; one that no longer matches
//! is dropped, and the set is built anew without it.

use std::fmt;
use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use crate::poller::{interrupted_or, wait_until, LONGEST};
use crate::sys;
use crate::table::{Entry, Table};
use crate::{Backend, Event, Events, Interest, Poller, Ready, Token, Trigger};

mod control;

use control::{control, split};

/// A poller on `epoll(7)`.
///
/// ```
/// use ringmq_platform::{Backend, Epoll, Poller, Trigger};
/// # fn main() -> std::io::Result<()> {
/// let epoll = Epoll::new()?;
/// assert!(epoll.supports(Trigger::Edge) && epoll.as_fd().is_some());
/// # Ok(())
/// # }
/// ```
pub struct Epoll {
    fd: OwnedFd,
    table: Table,
    /// Where the kernel puts what is ready; as long as the largest `Events` seen, and no longer than a `c_int` can say.
    buffer: Vec<libc::epoll_event>,
    /// Whether the kernel knows `epoll_pwait2` (Linux 5.11) and lets us call it.
    has_nanoseconds: bool,
}

impl Epoll {
    /// Opens an epoll instance, closed on exec.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> io::Result<Epoll> {
        Ok(Epoll { fd: open()?, table: Table::default(), buffer: Vec::new(), has_nanoseconds: true })
    }
}

/// Without the buffer, which says nothing between two waits.
impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll").field("fd", &self.fd).field("table", &self.table).finish_non_exhaustive()
    }
}

impl Poller for Epoll {
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
        if let Some(event) = self.wait_for_one(events, timeout)? {
            events.clear();
            events.push(event);
        }
        Ok(())
    }

    fn backend(&self) -> Backend {
        Backend::Epoll
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

impl Epoll {
    /// As [`wait`](Poller::wait), but an event that is the only one may come back, and `events` be left as it is.
    #[inline(always)] // it is short, and all the rest is elsewhere
    pub(crate) fn wait_for_one(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<Option<Event>> {
        let buffer = match self.buffer.get_mut(..events.capacity()) {
            Some(buffer) if timeout.is_none() => buffer,
            _ => return self.wait_in_any_case(events, timeout).map(|()| None),
        };
        // One event, and nothing to it but to be told: what most waits of a loop with little to do come to.
        let count = wait_milliseconds(self.fd.as_fd(), buffer, -1);
        if count == 1 {
            if let Some(event) = news_of(&self.table, buffer[0]) {
                return Ok(Some(event));
            }
        }
        self.conclude_wait(count, events).map(|()| None)
    }

    /// As [`wait_for_one`](Self::wait_for_one), for so long from `start` on, which the caller has just read from the clock.
    #[inline(never)]
    pub(crate) fn wait_for_one_from(
        &mut self,
        events: &mut Events,
        start: Instant,
        timeout: Duration,
    ) -> io::Result<Option<Event>> {
        let capacity = capacity_of(events);
        self.make_room(capacity);
        let count = self.wait_nanoseconds(capacity, timeout.min(LONGEST));
        if count == 1 {
            if let Some(event) = news_of(&self.table, self.buffer[0]) {
                return Ok(Some(event));
            }
        }
        events.clear();
        let result = match self.report_all(count, events) {
            Ok(false) => match timeout.checked_sub(start.elapsed()) {
                Some(left) if !left.is_zero() => self.wait_in_any_case(events, Some(left)),
                _ => Ok(()),
            },
            result => interrupted_or(result),
        };
        result.map(|()| None)
    }

    /// Makes the kernel watch for what `new` wants in place of what `old` wanted.
    fn arm(&mut self, fd: RawFd, old: Option<&Entry>, new: &Entry) -> io::Result<()> {
        if old.is_none() {
            // epoll refuses most of these by itself, and takes those whose driver can be polled (/proc/self/mounts, FUSE).
            sys::check_no_file(fd)?;
        }
        if new.interest.is_none() {
            // With no events at all epoll still reports hang-ups and errors, again and again: so silence is to be out of the set.
            // A new registration goes in and out once, which tells a closed descriptor and one that cannot be polled.
            return match old {
                Some(old) => self.disarm(fd, old),
                None => {
                    self.enter(fd, false, new)?;
                    self.control(libc::EPOLL_CTL_DEL, fd, new)
                }
            };
        }
        self.enter(fd, old.map_or(false, is_watched), new)
    }

    /// Makes the kernel forget a registration. That it has forgotten already is what was wanted.
    fn disarm(&mut self, fd: RawFd, old: &Entry) -> io::Result<()> {
        if !is_watched(old) {
            return Ok(());
        }
        match self.control(libc::EPOLL_CTL_DEL, fd, old) {
            // EBADF: closed. ENOENT: closed, and the number names another file now.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::ENOENT)) => Ok(()),
            result => result,
        }
    }

    /// As [`wait`](Poller::wait), whatever is asked and whatever comes.
    #[inline(never)] // or what it keeps on the stack would be made room for at every wait
    fn wait_in_any_case(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.make_room(capacity_of(events));
        wait_until(timeout, |timeout| self.ask(events, timeout))
    }

    /// What comes after the kernel's answer to a wait without a timeout.
    #[inline(never)]
    fn conclude_wait(&mut self, count: c_int, events: &mut Events) -> io::Result<()> {
        events.clear();
        match self.report_all(count, events) {
            Ok(false) => self.wait_in_any_case(events, None),
            result => interrupted_or(result),
        }
    }

    /// One wait in the kernel; answers whether there is anything to report.
    fn ask(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let count = self.wait_in_kernel(capacity_of(events), timeout);
        self.report_all(count, events)
    }

    /// Reports what one wait in the kernel has left in `buffer`, if it has not failed; answers whether there is anything to report.
    fn report_all(&mut self, count: c_int, events: &mut Events) -> io::Result<bool> {
        let mut count = sys::check(count)? as usize;
        loop {
            let mut is_well = true;
            let mut index = 0;
            loop {
                index = self.report_news(index, count, events);
                if index == count {
                    break;
                }
                is_well &= self.report(index, events);
                index += 1;
            }
            if !is_well {
                self.set_right(count, events)?;
            }
            if count == 0 || !events.is_empty() {
                return Ok(count > 0);
            }
            // What was told to nobody has left the set, and may have taken the place of something that is told.
            count = sys::check(self.wait_milliseconds(capacity_of(events), 0))? as usize;
        }
    }

    /// Reports what was found, from an index on, for as long as it is to be told as it is; answers which is the first that is not.
    #[inline]
    fn report_news(&self, from: usize, count: usize, events: &mut Events) -> usize {
        let found = self.buffer[from..count].iter();
        from + events.extend(found.map_while(|&found| news_of(&self.table, found)))
    }

    /// Reports what was found under a key if it is of the registration that the number has now; answers whether the set is well.
    #[inline(never)] // it is seldom asked for
    fn report(&mut self, index: usize, events: &mut Events) -> bool {
        let found = self.buffer[index];
        let (fd, generation) = split(found.u64);
        match self.table.get_mut(fd) {
            Some(entry) if entry.generation == generation => {
                entry.report(ready_of(found.events as c_int), events)
            }
            _ => false,
        }
    }

    /// Takes out of the set what would end every wait at once and is told to nobody.
    #[cold]
    fn set_right(&mut self, count: usize, events: &Events) -> io::Result<()> {
        let stale_before = self.table.stale_count;
        for index in 0..count {
            let (fd, generation) = split(self.buffer[index].u64);
            let is_out = match self.table.find(fd, generation) {
                // A hang-up. The kernel disarms only one-shots by itself, and of a number that was closed it takes none out: such a
                // one is stale.
                Some(entry) => !entry.is_silenced() || self.control(libc::EPOLL_CTL_DEL, fd, entry).is_ok(),
                None => false,
            };
            self.table.stale_count += u64::from(!is_out);
        }
        if self.table.stale_count == stale_before {
            return Ok(());
        }
        match self.repair() {
            // For want of a descriptor, say. One-shots among the events in hand would not come again; what is stale does, and the
            // next attempt with it.
            Err(_) if !events.is_empty() => Ok(()),
            result => result,
        }
    }

    /// Makes the buffer as long as the largest `Events` seen, as far as the kernel can be told of it.
    fn make_room(&mut self, capacity: c_int) {
        let len = capacity as usize;
        if self.buffer.len() < len {
            self.buffer.resize(len, libc::epoll_event { events: 0, u64: 0 });
        }
    }

    /// One call of the kernel, which leaves in `buffer` what it has found and answers how many, or -1.
    #[inline]
    fn wait_in_kernel(&mut self, capacity: c_int, timeout: Option<Duration>) -> c_int {
        match timeout {
            None => self.wait_milliseconds(capacity, -1),
            Some(timeout) if timeout.is_zero() => self.wait_milliseconds(capacity, 0),
            Some(timeout) => self.wait_nanoseconds(capacity, timeout),
        }
    }

    /// `epoll_pwait2`, which counts nanoseconds, where the kernel has it.
    #[inline(never)] // or what it keeps on the stack would be made room for at every wait
    fn wait_nanoseconds(&mut self, capacity: c_int, timeout: Duration) -> c_int {
        if self.has_nanoseconds {
            // The kernel's own timespec: 64 bits twice on every architecture, unlike libc's.
            let spec = [timeout.as_secs() as i64, i64::from(timeout.subsec_nanos())];
            // SAFETY: the buffer has at least `capacity` slots of the layout of epoll_event, owned by `self`; `spec` lives through
            // the call; a null signal mask changes none.
            let count = unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    self.fd.as_raw_fd(),
                    self.buffer.as_mut_ptr(),
                    capacity,
                    spec.as_ptr(),
                    std::ptr::null::<libc::sigset_t>(),
                    0usize,
                )
            };
            let refusal = if count == -1 { io::Error::last_os_error().raw_os_error() } else { None };
            match refusal {
                // ENOSYS: Linux before 5.11. EPERM: a seccomp filter older than the call. Milliseconds from now on.
                Some(libc::ENOSYS | libc::EPERM) => self.has_nanoseconds = false,
                _ => return count as c_int,
            }
        }
        self.wait_milliseconds(capacity, sys::milliseconds(Some(timeout)))
    }

    fn wait_milliseconds(&mut self, capacity: c_int, timeout: c_int) -> c_int {
        wait_milliseconds(self.fd.as_fd(), &mut self.buffer[..capacity as usize], timeout)
    }

    /// Builds the kernel's set anew from the table, without the registrations that outlived their descriptors: they cannot be
    /// removed by number, and on level they would end every wait at once.
    ///
    /// The new set takes the number of the old one. Edge registrations that are ready fire once more, which they may.
    #[cold]
    fn repair(&mut self) -> io::Result<()> {
        let fresh = open()?;
        // One-shots that have fired stay outside until they are modified: entering the set they would report a hang-up once more,
        // which is told to nobody and may take the place of an event that is.
        for (fd, entry) in self.table.iter().filter(|(_, entry)| !entry.armed_interest().is_none()) {
            match self.control(libc::EPOLL_CTL_MOD, fd, entry) {
                Ok(()) => control(fresh.as_fd(), libc::EPOLL_CTL_ADD, fd, entry)?,
                // Closed without delete: silent in the old set, and whatever has the number now was never registered.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::ENOENT)) => {}
                Err(error) => return Err(error),
            }
        }
        // SAFETY: both descriptors are open and owned here; dup3 closes the old set and gives its number to the new one.
        sys::check(unsafe { libc::dup3(fresh.as_raw_fd(), self.fd.as_raw_fd(), libc::O_CLOEXEC) })?;
        Ok(())
    }

    /// Puts a registration into the kernel's set, which has it already or has not, as far as we know.
    fn enter(&mut self, fd: RawFd, was_watched: bool, new: &Entry) -> io::Result<()> {
        let first_try = if was_watched { libc::EPOLL_CTL_MOD } else { libc::EPOLL_CTL_ADD };
        let result = match self.control(first_try, fd, new) {
            // The number was closed and names another file now; or the set was built anew after a one-shot had fired; or a hang-up
            // that was told to nobody has put it outside.
            Err(error) if was_watched && error.raw_os_error() == Some(libc::ENOENT) => {
                sys::check_no_file(fd)?;
                self.control(libc::EPOLL_CTL_ADD, fd, new)
            }
            // Closed without delete and duplicated back to its number: the set still has the very same file under it.
            Err(error) if !was_watched && error.raw_os_error() == Some(libc::EEXIST) => {
                self.control(libc::EPOLL_CTL_MOD, fd, new)
            }
            result => result,
        };
        match result {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Err(sys::not_pollable(
                fd,
                " is of a kind that epoll refuses (EPERM), which cannot be waited for",
            )),
            result => result,
        }
    }

    fn control(&self, operation: c_int, fd: RawFd, entry: &Entry) -> io::Result<()> {
        control(self.fd.as_fd(), operation, fd, entry)
    }
}

/// How many events the kernel may answer with.
fn capacity_of(events: &Events) -> c_int {
    c_int::try_from(events.capacity()).unwrap_or(c_int::MAX)
}

/// The event that was found, if it is one of the registration that the number has now, and told as it is.
#[inline]
fn news_of(table: &Table, found: libc::epoll_event) -> Option<Event> {
    let (fd, generation) = split(found.u64);
    let entry = table.find(fd, generation)?;
    // Some bit is set: the kernel passes over what it finds ready for nothing.
    Some(Event { token: entry.token, ready: entry.news_of(found.events)? })
}

/// One call of the kernel for as many events as there are slots, of which a `c_int` can count at least that many; answers how many it
/// has left there, or -1.
#[inline]
fn wait_milliseconds(epoll: BorrowedFd<'_>, slots: &mut [libc::epoll_event], timeout: c_int) -> c_int {
    // SAFETY: the pointer and the length are those of a slice of the kernel's own layout, which lives through the call.
    unsafe { libc::epoll_wait(epoll.as_raw_fd(), slots.as_mut_ptr(), slots.len() as c_int, timeout) }
}

fn open() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = sys::check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the kernel's set has it, as far as we know. A one-shot that has fired is still there, disarmed by the kernel, unless the
/// set was built anew since; what was silenced after a hang-up is not.
fn is_watched(entry: &Entry) -> bool {
    !entry.interest.is_none()
}

fn ready_of(bits: c_int) -> Ready {
    let pairs = [
        (libc::EPOLLIN, Ready::READABLE),
        (libc::EPOLLOUT, Ready::WRITABLE),
        (libc::EPOLLPRI, Ready::PRIORITY),
        (libc::EPOLLRDHUP, Ready::READ_CLOSED),
        (libc::EPOLLHUP, Ready::HANGUP),
        (libc::EPOLLERR, Ready::ERROR),
    ];
    let found = pairs.iter().filter(|(bit, _)| bits & bit != 0);
    found.fold(Ready::NONE, |ready, (_, is)| ready | *is)
}
