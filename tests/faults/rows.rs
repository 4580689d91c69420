//! The table of faults: what strace does to which calls, on which backends, who meets it, and how many calls it may take.
//!
//! Left out: errors of `mmap` and `brk`, which end a program in Rust whatever ours does.

mod children;
mod closing;
mod opening;
mod registering;
mod running;
mod signals;
mod sockets;
mod streams;
mod waiting;
mod waking;

use std::ops::RangeInclusive;

use ringmq::platform::Backend::{self, Epoll, Poll, Select};

use crate::strace::When;
use crate::victims::Setting;

/// One fault and what must come of it. It is run once per backend and per fault of its first injection.
pub struct Row {
    /// A sentence that says what must come of it.
    pub name: &'static str,
    /// Named one by one, and not all that there are: strace sees the system's own calls, which a model of kqueue has not.
    pub backends: &'static [Backend],
    pub injections: &'static [Injection],
    /// How often the victim may make which calls, those counted that were tampered with.
    pub calls: &'static [(&'static str, RangeInclusive<usize>)],
    pub victim: fn(&Setting<'_>),
}

/// What strace does to some calls; for the names of calls see [`crate::strace::names`].
pub struct Injection {
    pub calls: &'static str,
    /// One for each run, or one for all.
    faults: &'static [&'static str],
    pub when: When,
}

impl Row {
    pub fn run_count(&self) -> usize {
        self.injections[0].faults.len()
    }

    /// The calls it is about, by the names of [`crate::strace::names`].
    pub fn call_names(&self) -> impl Iterator<Item = &'static str> {
        let injected = self.injections.iter().map(|injection| injection.calls);
        injected.chain(self.calls.iter().map(|(calls, _)| *calls))
    }

    /// What tells this run of the row from the others.
    pub fn fault(&self, index: usize) -> &'static str {
        self.injections[0].fault(index)
    }
}

impl Injection {
    pub fn fault(&self, index: usize) -> &'static str {
        self.faults[index.min(self.faults.len() - 1)]
    }
}

const fn inject(calls: &'static str, faults: &'static [&'static str], when: When) -> Injection {
    Injection { calls, faults, when }
}

const EACH: &[Backend] = &[Epoll, Poll, Select];
const EPOLL: &[Backend] = &[Epoll];
const POLL_AND_SELECT: &[Backend] = &[Poll, Select];
const SELECT: &[Backend] = &[Select];

const NO_DESCRIPTOR: &[&str] = &["error=EMFILE", "error=ENFILE", "error=ENOMEM"];
const NO_SUCH_CALL: &[&str] = &["error=ENOSYS", "error=EPERM"];
const NO_ROOM: &[&str] = &["error=ENOSPC", "error=ENOMEM", "error=EPERM"];
const INTERRUPTED: &[&str] = &["error=EINTR"];
const NOTHING_FOUND: &[&str] = &["retval=0"];
const DELAYED: &[&str] = &["delay_exit=50000", "delay_enter=50000"];

/// All of the table, in the order in which it is run.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        opening::ROWS,
        registering::ROWS,
        waiting::ROWS,
        running::ROWS,
        waking::ROWS,
        sockets::ROWS,
        streams::ROWS,
        signals::ROWS,
        children::ROWS,
        closing::ROWS,
    ];
    tables.into_iter().flatten()
}
