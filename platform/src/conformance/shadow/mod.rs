//! Two pollers over the same descriptors, each of which holds the other to what the contract promises.

mod disagreement;
mod entry;
mod looking;
mod registering;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use self::entry::{inner_token, Entry, Wish};
use crate::{Backend, Events, Interest, Poller, Token, Trigger};

pub use self::disagreement::{Answer, Disagreement, Operation};

/// A poller that drives two, answers what the first one answers, and fails at the first thing on which they disagree.
///
/// It keeps the contract itself, so it may stand wherever a poller is wanted: behind a program that goes wrong on one backend and not
/// on another, say. What counts is what is promised: the kinds of the errors of `add`, `modify` and `delete`, which registrations
/// are reported, and whether as readable or writable. The other bits are hints, and the first one's are told.
///
/// A disagreement is an [`io::Error`] of kind `Other` with a [`Disagreement`] inside. Descriptors may become ready, or cease to be,
/// between the looks of the two, so a difference counts once it has lasted through many looks of both, which may take a quarter of a
/// second, also in a wait that is not to sleep; [`passing_count`](Self::passing_count) counts the others. Where nobody but the caller's
/// thread acts on the descriptors, none passes.
///
/// What one of them took and the other refused is undone as far as can be. Still the two are in no common state after a disagreement:
/// it is the end of what the Shadow can tell.
///
/// ```
/// use ringmq_platform::conformance::shadow::Shadow;
/// use ringmq_platform::{Events, Interest, Poll, Poller, Select, Token, Trigger};
/// use std::{io::Write, os::unix::{io::AsFd, net::UnixStream}};
///
/// # fn main() -> std::io::Result<()> {
/// let mut shadow = Shadow::new(Poll::new()?, Select::new()?);
/// let (mut near, far) = UnixStream::pair()?;
/// shadow.add(far.as_fd(), Token(1), Interest::READABLE, Trigger::Level)?;
/// near.write_all(b"x")?;
///
/// let mut events = Events::with_capacity(8);
/// shadow.wait(&mut events, None)?;
/// assert!(events.get(0).expect("both have seen it").ready.is_readable());
/// assert_eq!(shadow.passing_count(), 0);
/// # Ok(())
/// # }
/// ```
///
/// # What they may differ in
///
/// - A descriptor that one of them cannot poll, unless it is a file, a directory, a socket or a pipe, is refused as by that one; so
///   is what the kernel has no room for (`ENOSPC` of epoll, say). A trigger has to be supported by both.
/// - Of a descriptor that was closed without `delete` the contract lets them say different things; then the first one is followed.
///   It cannot be known of every number that it was closed: not when the same file came back to it between two waits, and not when
///   it is an event counter, or the like, that another of its kind has taken the place of. There they still have to agree.
/// - A direction that a descriptor has not, the writing of a pipe's reading end, is called ready at a hang-up by those that know of
///   hang-ups.
///
/// # What it does not see
///
/// - A wait of one of them that ends too early, without an event: that is how a signal ends one as well.
/// - An edge that one of them misses although the other tells of it, when the condition had held before and was told then: whether it
///   ended in between, or went on and was told once more than it had to be, cannot be known from outside.
/// - An event that is lost once on level, and told when it is asked for again: that is counted as passing.
///
/// The cases of the kit see the first, and [`lock_step`](super::lock_step) the other two.
///
/// # Platform notes
/// The two have to be of one kernel: a model of kqueue on Linux has it that a socket that was never connected is ready for nothing,
/// where Linux calls it hung up. The contract allows that, and this finds it.
///
/// [`as_fd`](Poller::as_fd) is `None`: an event that did not fit is kept here, while neither poller is ready any more. The two sleep in
/// turns, for a quarter of a second at a time, so that one that misses something is found out by the other; a signal that arrives
/// between two sleeps ends no wait.
#[derive(Debug)]
pub struct Shadow<A, B> {
    first: A,
    second: B,
    entries: BTreeMap<RawFd, Entry>,
    last_serial: u32,
    /// What a look of one of them found.
    found: Events,
    /// Counts the looks, so that a registration that is reported twice by one is noticed.
    look: u64,
    /// The number at which the next round of reports begins, so that a small buffer for events starves nobody.
    cursor: RawFd,
    /// Who sleeps next, if both can.
    sleeper: usize,
    /// Whether the second one found nothing when it was asked last.
    is_second_silent: bool,
    passing_count: u64,
}

/// How long one of them sleeps before the other is asked too.
const SLEEP: Duration = Duration::from_millis(250);

impl<A: Poller, B: Poller> Shadow<A, B> {
    /// Two pollers that have nothing registered yet.
    pub fn new(first: A, second: B) -> Shadow<A, B> {
        Shadow {
            first,
            second,
            entries: BTreeMap::new(),
            last_serial: 0,
            found: Events::with_capacity(1),
            look: 0,
            cursor: 0,
            sleeper: 0,
            is_second_silent: true,
            passing_count: 0,
        }
    }

    /// How many times the two said different things and then the same. Without other threads or processes at the descriptors this is
    /// zero, unless one of the pollers is late, or drops an event now and then.
    pub fn passing_count(&self) -> u64 {
        self.passing_count
    }
}

impl<A: Poller, B: Poller> Poller for Shadow<A, B> {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let wish = Wish { token, interest, trigger };
        let entry = self.new_entry(fd.as_raw_fd(), wish);
        if !self.supports(trigger) {
            let token = inner_token(fd.as_raw_fd(), entry.serial);
            return self.refused(Operation::Add, fd, wish, |poller| poller.add(fd, token, interest, trigger));
        }
        let results = self.both(|poller, inner| poller.add(fd, inner, interest, trigger), fd, entry.serial);
        let undo = |poller: &mut dyn Poller| poller.delete(fd);
        self.verdict(Operation::Add, fd, wish, results, undo)?;
        self.entries.insert(fd.as_raw_fd(), entry);
        Ok(())
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let wish = Wish { token, interest, trigger };
        let number = fd.as_raw_fd();
        let entry = self.new_entry(number, wish);
        if !self.supports(trigger) {
            let token = inner_token(number, entry.serial);
            return self
                .refused(Operation::Modify, fd, wish, |poller| poller.modify(fd, token, interest, trigger));
        }
        let results =
            self.both(|poller, inner| poller.modify(fd, inner, interest, trigger), fd, entry.serial);
        let old = self.entries.get(&number).copied();
        let undo = |poller: &mut dyn Poller| match old {
            None => poller.delete(fd),
            Some(old) => {
                let has_fired = old.sides.iter().any(|side| side.has_fired);
                let interest = if has_fired { Interest::NONE } else { old.wish.interest };
                poller.modify(fd, inner_token(number, old.serial), interest, old.wish.trigger)
            }
        };
        self.verdict(Operation::Modify, fd, wish, results, undo)?;
        self.entries.insert(number, entry);
        Ok(())
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let old = self.entries.get(&fd.as_raw_fd()).copied();
        let nothing = Wish { token: Token(0), interest: Interest::NONE, trigger: Trigger::Level };
        let wish = old.map_or(nothing, |old| old.wish);
        let results = self.both(|poller, _| poller.delete(fd), fd, 0);
        if results.iter().any(|result| result.is_ok()) {
            self.entries.remove(&fd.as_raw_fd());
        }
        self.verdict(Operation::Delete, fd, wish, results, |_| Ok(()))
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.note_astray();
        self.ask_for_the_rest()?;
        self.forget_what_ended();
        let start = self.first.now();
        loop {
            self.look_until_agreed()?;
            self.deliver(events);
            if !events.is_empty() {
                return Ok(());
            }
            let left = match timeout {
                None => SLEEP,
                Some(timeout) => timeout.saturating_sub(elapsed(start, self.first.now())),
            };
            if left.is_zero() || self.is_interrupted_in_sleep(left.min(SLEEP))? {
                return Ok(());
            }
        }
    }

    fn backend(&self) -> Backend {
        self.first.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.first.supports(trigger) && self.second.supports(trigger)
    }

    fn now(&self) -> Instant {
        self.first.now()
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stale_count(&self) -> u64 {
        self.first.stale_count()
    }
}

fn elapsed(start: Instant, now: Instant) -> Duration {
    now.checked_duration_since(start).unwrap_or(Duration::ZERO)
}
