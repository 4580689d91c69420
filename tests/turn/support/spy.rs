//! A poller that notes what it is asked, and asks the kernel.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ringmq::platform::{Backend, Events, Interest, Poller, Token, Trigger};

/// One change of what the kernel is to watch for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    Add(RawFd, Interest),
    Modify(RawFd, Interest),
    Delete(RawFd),
}

/// The test's handle on the notes of its poller.
#[derive(Clone)]
pub struct Spy {
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    waits: Vec<Option<Duration>>,
    event_counts: Vec<usize>,
    changes: Vec<Change>,
    clock_reads: usize,
    clock: Option<Instant>,
    before_wait: Option<Box<dyn FnMut() + Send>>,
    /// What becomes of the waits to come; `None` for one that the kernel is asked for.
    wait_errors: VecDeque<Option<io::ErrorKind>>,
    modify_errors: VecDeque<io::ErrorKind>,
}

struct SpiedPoller {
    kernel: Box<dyn Poller>,
    spy: Spy,
}

impl Spy {
    pub fn on(backend: Backend) -> (Box<dyn Poller>, Spy) {
        let spy = Spy { notes: Arc::default() };
        let kernel = backend.open().expect("open a poller");
        (Box::new(SpiedPoller { kernel, spy: spy.clone() }), spy)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("no test panics while it notes")
    }

    /// The timeouts of the waits since the last time.
    pub fn take_waits(&self) -> Vec<Option<Duration>> {
        std::mem::take(&mut self.notes().waits)
    }

    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.notes().changes)
    }

    pub fn take_clock_reads(&self) -> usize {
        std::mem::take(&mut self.notes().clock_reads)
    }

    /// Drops all notes.
    pub fn forget(&self) {
        let mut notes = self.notes();
        notes.waits.clear();
        notes.event_counts.clear();
        notes.changes.clear();
        notes.clock_reads = 0;
    }

    /// Whether there was one wait, with this timeout, and nobody was ready.
    pub fn found_nothing_in(&self, timeout: Duration) -> bool {
        let notes = self.notes();
        notes.waits == [Some(timeout)] && notes.event_counts == [0]
    }

    /// From now on time passes only by `advance`, and by waits for which nothing happens: they take no real time.
    pub fn stop_the_clock(&self) {
        self.notes().clock = Some(Instant::now());
    }

    pub fn advance(&self, by: Duration) {
        let mut notes = self.notes();
        let clock = notes.clock.as_mut().expect("the clock was stopped");
        *clock += by;
    }

    /// Called at each wait, before the kernel is asked.
    pub fn before_wait(&self, hook: impl FnMut() + Send + 'static) {
        self.notes().before_wait = Some(Box::new(hook));
    }

    pub fn fail_next_wait(&self, kind: io::ErrorKind) {
        self.notes().wait_errors.push_back(Some(kind));
    }

    /// The wait after the next one fails.
    pub fn fail_second_wait(&self, kind: io::ErrorKind) {
        self.notes().wait_errors.extend([None, Some(kind)]);
    }

    pub fn fail_next_modify(&self, kind: io::ErrorKind) {
        self.notes().modify_errors.push_back(kind);
    }
}

impl Poller for SpiedPoller {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.spy.notes().changes.push(Change::Add(fd.as_raw_fd(), interest));
        self.kernel.add(fd, token, interest, trigger)
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let mut notes = self.spy.notes();
        notes.changes.push(Change::Modify(fd.as_raw_fd(), interest));
        if let Some(kind) = notes.modify_errors.pop_front() {
            return Err(kind.into());
        }
        self.kernel.modify(fd, token, interest, trigger)
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.spy.notes().changes.push(Change::Delete(fd.as_raw_fd()));
        self.kernel.delete(fd)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let (hook, is_stopped) = {
            let mut notes = self.spy.notes();
            notes.waits.push(timeout);
            if let Some(kind) = notes.wait_errors.pop_front().flatten() {
                events.clear();
                return Err(kind.into());
            }
            (notes.before_wait.take(), notes.clock.is_some())
        };
        if let Some(mut hook) = hook {
            hook();
            self.spy.notes().before_wait.get_or_insert(hook);
        }
        match timeout.filter(|_| is_stopped) {
            None => self.kernel.wait(events, timeout)?,
            Some(timeout) => {
                self.kernel.wait(events, Some(Duration::ZERO))?;
                if events.is_empty() {
                    self.spy.advance(timeout);
                }
            }
        }
        self.spy.notes().event_counts.push(events.len());
        Ok(())
    }

    fn backend(&self) -> Backend {
        self.kernel.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.kernel.supports(trigger)
    }

    fn now(&self) -> Instant {
        let mut notes = self.spy.notes();
        notes.clock_reads += 1;
        notes.clock.unwrap_or_else(Instant::now)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.kernel.as_fd()
    }

    fn stale_count(&self) -> u64 {
        self.kernel.stale_count()
    }
}

impl fmt::Debug for SpiedPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spied({:?})", self.kernel)
    }
}
