//! The contract of [`Poller`] as tests, for anybody's poller: one line holds it to all of them.
//!
//! With the feature `conformance` as a dev-dependency, [`conformance!`](crate::conformance!) makes a module with a test for each of
//! [`CASES`], which names the numbers of the contract that it holds the poller to:
//!
//! ```
//! use ringmq_platform::{Backend, Event, Events, Interest, Poller, Token, Trigger};
//! use std::{io, os::unix::io::BorrowedFd, time::Duration};
//!
//! /// A poller of one's own; this one counts its waits and leaves the rest to poll(2).
//! #[derive(Debug)]
//! struct Counted(ringmq_platform::Poll, u64);
//!
//! impl Poller for Counted {
//!     fn add(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest, trigger: Trigger) -> io::Result<()> {
//!         self.0.add(fd, token, interest, trigger)
//!     }
//!     fn modify(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Interest, trigger: Trigger) -> io::Result<()> {
//!         self.0.modify(fd, token, interest, trigger)
//!     }
//!     fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
//!         self.0.delete(fd)
//!     }
//!     fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
//!         self.1 += 1;
//!         self.0.wait(events, timeout)
//!     }
//!     fn backend(&self) -> Backend {
//!         self.0.backend()
//!     }
//!     fn supports(&self, trigger: Trigger) -> bool {
//!         self.0.supports(trigger)
//!     }
//!     fn as_fd(&self) -> Option<BorrowedFd<'_>> {
//!         self.0.as_fd()
//!     }
//!     fn stale_count(&self) -> u64 {
//!         self.0.stale_count()
//!     }
//! }
//!
//! fn open() -> io::Result<Counted> {
//!     Ok(Counted(ringmq_platform::Poll::new()?, 0))
//! }
//!
//! ringmq_platform::conformance!(counted, || open(), lacks edge descriptor);
//!
//! # fn main() {
//! #     use ringmq_platform::conformance::{run, CASES};
//! #     let opened = || -> io::Result<Box<dyn Poller>> { Ok(Box::new(open()?)) };
//! #     for case in CASES.iter().filter(|case| case.holds().contains(&1)) {
//! #         run(case, case.name(), opened);
//! #     }
//! # }
//! ```
//!
//! Give the line a test binary of its own (a file under `tests/`): many cases close numbers, count what is open, or lower the
//! process's limits. They wait for each other, and know nothing of tests beside them. The kit is for pollers of the kernel that it
//! runs on: it waits in real time and uses real descriptors.
//!
//! A case that runs alone also has to leave as many descriptors open as it found. Of those that run beside others nobody can tell which
//! of them left one; a test that calls [`run_counted`] runs those one by one.
//!
//! # What a poller lacks
//!
//! Nothing is skipped in silence. What a poller does not have is declared after `lacks`, and the cases that need it are then shown
//! as ignored; one more test of the module fails unless exactly what is declared is missing:
//!
//! | word | what | found missing by |
//! |---|---|---|
//! | `edge` | [`Trigger::Edge`](crate::Trigger::Edge) | [`supports`](crate::Poller::supports) |
//! | `descriptor` | a descriptor of its own | [`as_fd`](crate::Poller::as_fd) |
//! | `priority` | news of out-of-band data | sending some |
//! | `linux` | descriptors of Linux's own kinds, and states that only Linux has | taken at its word |
//!
//! `ignored(PREDICATE, "reason")` at the end of the line ignores the whole module where the predicate of `cfg` holds: for a poller
//! that the system at hand does not have.
//!
//! # What needs no case
//!
//! The compiler refuses to let two threads wait on one poller, one change it while another waits, and anybody wait on a poller that
//! is gone:
//!
//! ```compile_fail,E0499
//! use ringmq_platform::{Backend, Events};
//! let mut poller = Backend::default().open().unwrap();
//! std::thread::scope(|scope| {
//!     scope.spawn(|| poller.wait(&mut Events::with_capacity(1), None));
//!     scope.spawn(|| poller.wait(&mut Events::with_capacity(1), None));
//! });
//! ```
//!
//! ```compile_fail,E0499
//! use ringmq_platform::{Backend, Events};
//! use std::os::unix::io::AsFd;
//! let mut poller = Backend::default().open().unwrap();
//! std::thread::scope(|scope| {
//!     scope.spawn(|| poller.wait(&mut Events::with_capacity(1), None));
//!     scope.spawn(|| poller.delete(std::io::stdin().as_fd()));
//! });
//! ```
//!
//! ```compile_fail,E0382
//! use ringmq_platform::{Backend, Events, Poller};
//! let mut poller = Backend::default().open().unwrap();
//! drop(poller);
//! poller.wait(&mut Events::with_capacity(1), None);
//! ```
//!
//! # States
//!
//! [`STATES`] is the table of the states that descriptors get into, from which the cases about readiness are made. A program may
//! walk it to see what its own system says of each.
//!
//! # Beside the cases
//!
//! [`lock_step`] plays random operations for any number of pollers and holds each answer against a model; a script that fails is made
//! short and can be played again. [`shadow::Shadow`] is a poller made of two that watch each other, for a program that goes wrong.

mod capacity;
#[doc(hidden)]
pub mod fixtures;
mod hangup;
mod kinds;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod list;
pub mod lock_step;
mod numbers;
mod object;
mod random;
pub(crate) mod raw;
mod registration;
pub mod shadow;
mod states;
#[doc(hidden)]
pub mod support;
#[doc(hidden)]
pub mod system;
mod triggers;
mod waiting;
mod wakers;

use std::fmt;
use std::io;

use crate::Poller;
pub use raw::raw_report;
pub use states::{Specimen, State, STATES};
use support::Company;

/// Opens the poller under test.
///
/// ```
/// use ringmq_platform::{conformance::Open, Backend};
/// let open: Open = || Backend::Poll.open();
/// assert_eq!(open().unwrap().backend(), Backend::Poll);
/// ```
pub type Open = fn() -> io::Result<Box<dyn Poller>>;

/// What a case needs that not every poller, or not every system, has.
///
/// ```
/// use ringmq_platform::conformance::{Need, CASES};
/// assert!(CASES.iter().any(|case| case.needs() == Need::Edge));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Need {
    /// Nothing: it is for every poller.
    Nothing,
    /// An edge trigger.
    Edge,
    /// A descriptor of the poller's own.
    Descriptor,
    /// News of out-of-band data.
    Priority,
    /// Linux: it is about what only Linux has.
    Linux,
}

/// One case: a test that any poller has to pass.
///
/// ```
/// use ringmq_platform::conformance::{run, CASES};
/// use ringmq_platform::Backend;
/// let case = CASES.iter().find(|case| case.name() == "adding_twice_is_already_exists_and_leaves_the_first_untouched");
/// run(case.expect("it is listed"), "poll: adding twice", || Backend::Poll.open());
/// ```
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    holds: &'static [usize],
    needs: Need,
    company: Company,
    body: fn(Open),
}

impl Case {
    /// Its name, a sentence.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The numbers of the contract that it holds a poller to.
    pub fn holds(&self) -> &'static [usize] {
        self.holds
    }

    /// What it needs.
    pub fn needs(&self) -> Need {
        self.needs
    }

    /// Whether no other case may run beside it. [`run`] sees to that within a process.
    pub fn runs_alone(&self) -> bool {
        self.company == Company::alone
    }

    /// Runs its body and nothing around it.
    fn run_unwatched(&self, open: Open) {
        (self.body)(open);
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} needs {:?}", self.name, self.holds, self.needs)
    }
}

/// Every case, by subject.
pub const CASES: &[Case] = list::TABLE;

/// Runs one case on a poller, and ends the process with a word to standard error when it does not end within a minute.
///
/// `name` is what the case is called in that word. Where it is a test of a test binary, a path such as `mine::a_case`, a case that
/// needs a second process can start it.
///
/// # Panics
/// When the poller breaks its contract, and when the system refuses what the case needs (descriptors, most of all).
pub fn run(case: &Case, name: &'static str, open: Open) {
    support::run(name, case.company, || case.run_unwatched(open));
}

/// Runs the cases that may run beside others without any, one after the other, save those that need what the poller lacks; each has to
/// leave as many descriptors open as it found.
///
/// It takes some seconds. Like [`run`], it ends the process when a case does not end within a minute.
///
/// ```no_run
/// use ringmq_platform::conformance::{run_counted, Need};
/// use ringmq_platform::Backend;
/// run_counted(|| Backend::Poll.open(), &[Need::Edge, Need::Descriptor]);
/// ```
///
/// # Panics
/// When a case leaves a descriptor open, and as [`run`] does.
pub fn run_counted(open: Open, lacks: &[Need]) {
    let is_had = |need| !lacks.contains(&need) && (need != Need::Linux || cfg!(target_os = "linux"));
    support::run_each_alone(CASES.iter().filter(|case| !case.runs_alone() && is_had(case.needs())), open);
}

/// What a stamped test does. `path` is its own, which ends in the name of the case.
#[doc(hidden)]
pub fn run_named(path: &'static str, open: Open) {
    let name = path.rsplit("::").next();
    let case = CASES.iter().find(|case| Some(case.name) == name);
    run(case.expect("tests are stamped from the list of cases"), support::test_name(path), open);
}

/// Checks that a poller lacks what its line declares, and nothing else.
#[doc(hidden)]
pub fn run_declaration(path: &'static str, open: Open, declared: &[Need]) {
    support::run(support::test_name(path), Company::shared, || {
        for trigger in [crate::Trigger::Level, crate::Trigger::OneShot] {
            assert!(
                support::supports(open, trigger),
                "expected `supports({trigger:?})`, which no poller may lack"
            );
        }
        for (need, is_missing) in [
            (Need::Edge, !support::supports(open, crate::Trigger::Edge)),
            (Need::Descriptor, open().expect("open a poller").as_fd().is_none()),
            (Need::Priority, !hangup::knows_out_of_band_data(open)),
        ] {
            assert_eq!(declared.contains(&need), is_missing, "whether {need:?} is declared, and is, missing");
        }
    });
}

/// The name of the test that [`run_declaration`] is.
#[doc(hidden)]
pub const DECLARATION: &str = "it_lacks_what_it_declares_and_nothing_else";

/// The numbers of the contract that it holds a poller to.
#[doc(hidden)]
pub const DECLARATION_HOLDS: &[usize] = &[6, 25];

/// In place of a case that is about what only Linux has. Its test is ignored elsewhere.
#[cfg(not(target_os = "linux"))]
fn not_of_this_system(_: Open) {
    panic!("this case is about what only Linux has");
}
