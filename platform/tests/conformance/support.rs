//! How a case is run: alone or beside others, watched, and with a poller that says what it reported when it reported wrongly.

use std::io::{self, Write};
use std::os::unix::io::{AsFd, RawFd};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::sync::{Once, PoisonError, RwLock};
use std::time::{Duration, Instant};

use nix::sys::resource::{getrlimit, setrlimit, Resource};
#[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd"))]
use nix::sys::resource::{getrusage, UsageWho};
use ringmq_platform::{Backend, Events, Interest, Poller, Ready, Token, Trigger};

pub const BOTH: Interest = Interest::READABLE.with(Interest::WRITABLE);

/// What `wait` promises; the rest of a `Ready` are hints, which a backend may leave out.
pub const PROMISES: Ready = Ready::READABLE.with(Ready::WRITABLE);

/// How long a case may take. None takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Runs one case.
pub fn run(name: &'static str, company: Company, backend: Backend, case: fn(Backend)) {
    raise_descriptor_limit();
    if company == Company::shared {
        let _shared = NUMBERS.read().unwrap_or_else(PoisonError::into_inner);
        return watched(name, || case(backend));
    }
    let _alone = NUMBERS.write().unwrap_or_else(PoisonError::into_inner);
    let before = open_numbers();
    watched(name, || case(backend));
    assert_eq!(open_numbers(), before, "the descriptors that are open after the case and before it");
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
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
        // macOS says "unlimited" and then takes no more than OPEN_MAX, 10240.
        let wanted = hard.min(10_240);
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).expect("setrlimit");
    });
}

/// The descriptor numbers that are open. Only meaningful to a case that runs alone.
pub fn open_numbers() -> Vec<RawFd> {
    (0..10_240).filter(|number| is_open(*number)).collect()
}

pub fn is_open(number: RawFd) -> bool {
    // SAFETY: F_GETFD takes no pointer and only looks; a number that is not open is answered with EBADF.
    unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
}

/// A poller under test, its events, and the assertions that all cases share.
#[derive(Debug)]
pub struct Subject {
    pub poller: Box<dyn Poller>,
    pub events: Events,
}

impl Subject {
    pub fn new(backend: Backend) -> Subject {
        Subject::with_capacity(backend, 64)
    }

    pub fn with_capacity(backend: Backend, capacity: usize) -> Subject {
        let poller = backend.open().expect("open a poller");
        Subject { poller, events: Events::with_capacity(capacity) }
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

    /// One wait that does not sleep.
    pub fn look(&mut self) -> Vec<(u64, Ready)> {
        self.wait(Some(Duration::ZERO))
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

/// How often this thread has gone to sleep, where the system counts it by thread.
fn sleep_count() -> Option<libc::c_long> {
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd"))]
    return Some(getrusage(UsageWho::RUSAGE_THREAD).expect("getrusage").voluntary_context_switches());
    #[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd")))]
    None
}

/// The kind of an error, with the error's own words when it is missing.
pub fn kind_of(result: io::Result<()>) -> io::ErrorKind {
    result.expect_err("this should fail").kind()
}

/// The errno of an error.
pub fn errno_of(result: io::Result<()>) -> Option<i32> {
    result.expect_err("this should fail").raw_os_error()
}

/// Holds one state of a descriptor against the contract: on level, one-shot and, where there is one, edge; asked for reading and
/// writing together, alone, and not at all.
///
/// `must` is reported to who asks for it. `may` is what some system says beyond that: a hang-up of a pipe also sets "writable" at its
/// reading end on epoll and poll, while select knows better. Nothing else is.
pub fn assert_state(backend: Backend, fd: &impl AsFd, must: Ready, may: Ready) {
    let triggers = [Trigger::Level, Trigger::OneShot, Trigger::Edge];
    let mut subject = Subject::new(backend);
    for trigger in triggers.into_iter().filter(|trigger| backend_supports(backend, *trigger)) {
        for interest in [BOTH, Interest::READABLE, Interest::WRITABLE, Interest::NONE] {
            subject.add(fd, 1, interest, trigger);
            let found = subject.wait(Some(QUIET));
            let ready = found.first().map_or(Ready::NONE, |(_, ready)| *ready & PROMISES);
            let told = format!("{backend} {trigger:?} {interest:?}: {found:?}");
            assert!(found.len() <= 1, "one event at most; {told}");
            assert!(ready.contains(asked(must, interest)), "{must:?} is missing; {told}");
            assert!(asked(must | may, interest).contains(ready), "more than {:?}; {told}", must | may);
            assert!(!interest.is_none() || found.is_empty(), "no interest is silence; {told}");
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

pub fn backend_supports(backend: Backend, trigger: Trigger) -> bool {
    backend.open().expect("open a poller").supports(trigger)
}
