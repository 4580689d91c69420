//! How a case is run: alone or beside others, watched, and with a poller that says what it reported when it reported wrongly.

use std::cell::Cell;
use std::io::{self, Write};
use std::os::unix::io::{AsFd, RawFd};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::sync::{Once, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

pub use super::system::is_open;
use super::system::{descriptor_limit, keep_malloc_from_opening_files, set_descriptor_limit, sleep_count};
use super::{raw_report, system, Case, Open};
use crate::{Events, Interest, Poller, Ready, Token, Trigger};

/// Reading and writing.
pub const BOTH: Interest = Interest::READABLE.with(Interest::WRITABLE);

/// Every trigger there is.
pub const TRIGGERS: [Trigger; 3] = [Trigger::Level, Trigger::OneShot, Trigger::Edge];

/// What `wait` promises; the rest of a `Ready` are hints, which a backend may leave out.
pub const PROMISES: Ready = Ready::READABLE.with(Ready::WRITABLE);

/// How long a case may take. None takes a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait before believing that nothing comes.
pub const QUIET: Duration = Duration::from_millis(5);

/// Descriptor numbers belong to the whole process, and the cases run on several threads of it. Those that close numbers and open
/// them again, count them, or change the process's limits take this for writing, all others for reading.
static NUMBERS: RwLock<()> = RwLock::new(());

/// How a case is to be run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(non_camel_case_types)] // as they are written in the list of cases
pub enum Company {
    /// Beside other cases.
    shared,
    /// Without any other case running; then it must also leave as many descriptors open as it found.
    alone,
}

thread_local! {
    /// The name of the case that this thread runs.
    #[allow(clippy::missing_const_for_thread_local)] // OpenBSD's expansion of a const one sets it off as well
    static NAME: Cell<&'static str> = const { Cell::new("") };
}

/// Runs one case.
pub fn run(name: &'static str, company: Company, body: impl FnOnce()) {
    raise_descriptor_limit();
    NAME.with(|current| current.set(name));
    if company == Company::shared {
        let _shared = NUMBERS.read().unwrap_or_else(PoisonError::into_inner);
        return watched(name, body);
    }
    let _alone = alone();
    let before = open_numbers();
    watched(name, body);
    assert_eq!(open_numbers(), before, "the descriptors that are open after the case and before it");
}

/// Runs cases that may have company without any, one after the other, and counts what each leaves open.
pub fn run_each_alone<'a>(cases: impl Iterator<Item = &'a Case>, open: Open) {
    raise_descriptor_limit();
    let _alone = NUMBERS.write().unwrap_or_else(PoisonError::into_inner);
    for case in cases {
        let before = open_numbers();
        watched(case.name(), || case.run_unwatched(open));
        assert_eq!(open_numbers(), before, "what is open after {} and before it", case.name());
    }
}

/// Keeps cases of every kind from running beside the caller, for as long as it holds the answer.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    NUMBERS.write().unwrap_or_else(PoisonError::into_inner)
}

/// The name of the case that this thread runs.
pub fn current_name() -> &'static str {
    NAME.with(Cell::get)
}

/// The name that the harness knows a test by: its path without the crate.
pub fn test_name(path: &'static str) -> &'static str {
    path.split_once("::").map_or(path, |(_, name)| name)
}

/// Ends the process when the body does not end: a lost event would otherwise be a test run that never ends and names nobody.
fn watched(name: &'static str, body: impl FnOnce()) {
    let (finished, watch) = channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Not eprintln!, whose output the harness keeps for a report that an abort does not get to.
            let _ = writeln!(io::stderr(), "{name} did not end within {PATIENCE:?}");
            std::process::abort();
        }
    });
    // Dropped by a panic as well.
    let _finished = finished;
    body();
    drop(_finished);
    watchdog.join().expect("the watchdog does not panic");
}

/// Lets the cases open as many descriptors as the system allows without privileges; done once, before any of them begins.
fn raise_descriptor_limit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (_, hard) = descriptor_limit();
        // macOS says "unlimited" and then takes no more than OPEN_MAX, 10240.
        let wanted = hard.min(10_240);
        set_descriptor_limit(wanted, hard);
        keep_malloc_from_opening_files();
    });
}

/// The descriptor numbers that are open. Only meaningful to a case that runs alone.
pub fn open_numbers() -> Vec<RawFd> {
    (0..10_240).filter(|number| is_open(*number)).collect()
}

/// A poller under test, its events, and the assertions that all cases share.
#[derive(Debug)]
pub struct Subject {
    pub poller: Box<dyn Poller>,
    pub events: Events,
}

impl Subject {
    pub fn new(open: Open) -> Subject {
        Subject::with_capacity(open, 64)
    }

    pub fn with_capacity(open: Open, capacity: usize) -> Subject {
        Subject::with_room(open(), capacity)
    }

    /// A poller that is no subject itself, beside one that is.
    pub fn of(opened: io::Result<Box<dyn Poller>>) -> Subject {
        Subject::with_room(opened, 64)
    }

    /// The same, for so many events at once.
    pub fn with_room(opened: io::Result<Box<dyn Poller>>, capacity: usize) -> Subject {
        Subject { poller: opened.expect("open a poller"), events: Events::with_capacity(capacity) }
    }

    pub fn add(&mut self, fd: &impl AsFd, token: u64, interest: Interest, trigger: Trigger) {
        self.try_add(fd, token, interest, trigger).expect("add");
    }

    pub fn try_add(
        &mut self,
        fd: &impl AsFd,
        token: u64,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.poller.add(fd.as_fd(), Token(token), interest, trigger)
    }

    pub fn modify(&mut self, fd: &impl AsFd, token: u64, interest: Interest, trigger: Trigger) {
        self.try_modify(fd, token, interest, trigger).expect("modify");
    }

    pub fn try_modify(
        &mut self,
        fd: &impl AsFd,
        token: u64,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.poller.modify(fd.as_fd(), Token(token), interest, trigger)
    }

    /// What a caller does before it waits for more without having drained: nothing on level, else `modify`.
    pub fn rearm(&mut self, fd: &impl AsFd, token: u64, interest: Interest, trigger: Trigger) {
        if trigger != Trigger::Level {
            self.modify(fd, token, interest, trigger);
        }
    }

    pub fn delete(&mut self, fd: &impl AsFd) {
        self.poller.delete(fd.as_fd()).expect("delete");
    }

    /// One wait; what it found, by token.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Vec<(u64, Ready)> {
        self.poller.wait(&mut self.events, timeout).expect("wait");
        let mut found: Vec<_> = self.events.iter().map(|event| (event.token.0, event.ready)).collect();
        found.sort_unstable_by_key(|(token, _)| *token);
        found
    }

    /// One wait that is not to sleep.
    pub fn look(&mut self) -> Vec<(u64, Ready)> {
        self.wait(Some(Duration::ZERO))
    }

    /// The same, seen not to sleep.
    pub fn look_awake(&mut self) -> Vec<(u64, Ready)> {
        // A page that has to be fetched puts a thread to sleep as well; not every time.
        for _ in 0..5 {
            let sleeps = sleep_count();
            let found = self.look();
            if sleeps.is_none() || sleep_count() == sleeps {
                return found;
            }
        }
        panic!("a wait that is not to block sleeps; {:?}", self.poller);
    }

    /// Waits until something is reported, and answers with what; exactly one event under this token is expected.
    pub fn only(&mut self, token: u64) -> Ready {
        match self.wait(None)[..] {
            [(found, ready)] if found == token => ready,
            ref found => panic!("expected one event under token {token}, got {found:?}; {:?}", self.poller),
        }
    }

    /// The promises of the one event that is reported.
    pub fn promised(&mut self, token: u64) -> Ready {
        self.only(token) & PROMISES
    }

    /// The next wait reports these promises, and what comes after is what the trigger says: the same again and again, or an end, or
    /// silence.
    pub fn goes_on_as(&mut self, token: u64, expected: Ready, trigger: Trigger) {
        assert_eq!(self.promised(token), expected, "{trigger:?}");
        match trigger {
            Trigger::Level => (0..3).for_each(|_| assert_eq!(self.promised(token), expected, "{trigger:?}")),
            Trigger::OneShot => self.assert_silent(),
            Trigger::Edge => {
                // Whatever else is told, it ends: a level would go on.
                let has_ended = (0..10).any(|_| self.look().is_empty());
                assert!(has_ended, "an edge is not a level; {:?}", self.poller);
            }
        }
    }

    /// Nothing is reported, at once or while waiting, and meanwhile the thread sleeps.
    pub fn assert_silent(&mut self) {
        self.assert_sleeps(QUIET);
    }

    /// A wait reports nothing, is not early, and spends its time asleep: one that the kernel ends at once, over and over, for
    /// something that is then not reported, would look the same from outside and keep a processor busy.
    pub fn assert_sleeps(&mut self, timeout: Duration) {
        // On a busy machine a short time may be over before the thread got to sleep; not every time.
        let has_slept = (0..5).any(|_| {
            let (sleeps, start) = (sleep_count(), Instant::now());
            let found = self.wait(Some(timeout));
            assert!(found.is_empty(), "expected silence, got {found:?}; {:?}", self.poller);
            assert!(start.elapsed() >= timeout, "a wait for {timeout:?} ended early; {:?}", self.poller);
            // A few microseconds may be over before the kernel has put anybody to sleep, every time.
            timeout < Duration::from_micros(500) || sleeps.is_none() || sleep_count() != sleeps
        });
        assert!(has_slept, "a wait for {timeout:?} spins; {:?}", self.poller);
    }
}

/// The tokens of what a wait found.
pub fn tokens(found: &[(u64, Ready)]) -> Vec<u64> {
    found.iter().map(|(token, _)| *token).collect()
}

/// The kind of an error, with the error's own words when it is missing.
pub fn kind_of(result: io::Result<()>) -> io::ErrorKind {
    result.expect_err("expected an error, found success").kind()
}

/// The errno of an error.
pub fn errno_of(result: io::Result<()>) -> Option<i32> {
    result.expect_err("expected an error, found success").raw_os_error()
}

/// Holds one state of a descriptor against the contract: on level, one-shot and, where there is one, edge; asked for reading and
/// writing together, alone, and not at all.
///
/// `must` is reported to who asks for it. `may` is what some system says beyond that: a hang-up of a pipe also sets "writable" at its
/// reading end on epoll and poll, while select knows better. Nothing else is.
pub fn assert_state(open: Open, fd: &impl AsFd, must: Ready, may: Ready) {
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        for interest in [BOTH, Interest::READABLE, Interest::WRITABLE, Interest::NONE] {
            subject.add(fd, 1, interest, trigger);
            if interest.is_none() {
                subject.assert_silent();
                subject.delete(fd);
                continue;
            }
            let found = subject.wait(Some(QUIET));
            let ready = found.first().map_or(Ready::NONE, |(_, ready)| *ready & PROMISES);
            let mechanism = subject.poller.backend();
            let raw = raw_report(mechanism, fd.as_fd()).unwrap_or_else(|error| format!("({error})"));
            let told = format!(
                "{trigger:?} {interest:?}: {found:?}, and {mechanism} itself says {raw}; {:?}",
                subject.poller
            );
            assert!(found.len() <= 1, "one event at most; {told}");
            assert!(ready.contains(asked(must, interest)), "{must:?} is missing; {told}");
            assert!(asked(must | may, interest).contains(ready), "more than {:?}; {told}", must | may);
            match trigger {
                Trigger::Level => {
                    let again = subject.look().first().map_or(Ready::NONE, |(_, ready)| *ready & PROMISES);
                    assert!(
                        again.contains(asked(must, interest)),
                        "level goes on, but then {again:?}; {told}"
                    );
                }
                Trigger::OneShot => {
                    let again = if found.is_empty() { Vec::new() } else { subject.look() };
                    assert!(again.is_empty(), "a one-shot fires once, but then {again:?}; {told}");
                }
                Trigger::Edge => {
                    let has_ended = (0..10).any(|_| subject.look().is_empty());
                    assert!(has_ended, "an edge is not a level; {told}");
                }
            }
            subject.delete(fd);
        }
    }
}

/// The promises that somebody with this interest asked for.
pub fn asked(ready: Ready, interest: Interest) -> Ready {
    let mut asked = Ready::NONE;
    if interest.is_readable() {
        asked |= ready & Ready::READABLE;
    }
    if interest.is_writable() {
        asked |= ready & Ready::WRITABLE;
    }
    asked
}

/// What `poll(2)` says of a descriptor, in the contract's terms. Nothing when it is closed.
pub fn witness(fd: &impl AsFd) -> Ready {
    let bits = system::poll(fd.as_fd(), libc::POLLIN | libc::POLLOUT, 0);
    let is_over = bits & (libc::POLLHUP | libc::POLLERR) != 0;
    let mut ready = Ready::NONE;
    if is_over || bits & libc::POLLIN != 0 {
        ready |= Ready::READABLE;
    }
    if is_over || bits & libc::POLLOUT != 0 {
        ready |= Ready::WRITABLE;
    }
    ready
}

/// Whether a poller has this trigger.
pub fn supports(open: Open, trigger: Trigger) -> bool {
    open().expect("open a poller").supports(trigger)
}

/// The triggers that a poller has.
pub fn triggers(open: Open) -> Vec<Trigger> {
    let poller = open().expect("open a poller");
    TRIGGERS.into_iter().filter(|trigger| poller.supports(*trigger)).collect()
}
