//! Shows that the kit of `conformance` finds what it is there to find: pollers that are broken on purpose, each held to it, and for
//! each a case that has to fail.
//!
//! Their own tests are ignored in an ordinary run. A driver at the end starts this binary again, with the name of a defect in the
//! environment, for the case that catches it, and sees that case fail; without a defect the same poller passes every case, as
//! `sound::…`.
//!
//! `--include-ignored` is for the driver alone. By hand it runs what is to fail: `broken::…`, for want of a defect's name, and in the other
//! modules each case that needs what their lines say is lacking.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::fs::File;
use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::process::Command;
use std::time::{Duration, Instant};

use ringmq_platform::conformance;
use ringmq_platform::conformance::support::{run, Company};
use ringmq_platform::conformance::DECLARATION;
use ringmq_platform::{Backend, Event, Events, Interest, Poller, Ready, Token, Trigger};

/// Names the defect of `broken::…`.
const DEFECT: &str = "RINGMQ_CONFORMANCE_DEFECT";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Defect {
    None,
    /// Every hundredth event is lost.
    DropsOneInAHundred,
    /// What was pending when a registration was deleted is reported afterwards.
    ReportsTheDeleted,
    /// A timeout is cut by a tenth.
    ReturnsEarly,
    /// A wait that is not to block takes a moment.
    SleepsAtZero,
    /// What ended a wait without events, and before its time, is told as an error.
    TellsOfSignals,
    /// What cannot be waited for is taken, and nothing is ever said of it.
    TakesAnything,
    /// That something is writable too goes untold.
    ForgetsWriting,
    /// What is registered is closed with the poller. (Its number is given to `/dev/null`, since std ends the process when it finds
    /// one of its own closed.)
    ClosesWhatItHas,
}

impl Defect {
    const ALL: [Defect; 9] = [
        Defect::None,
        Defect::DropsOneInAHundred,
        Defect::ReportsTheDeleted,
        Defect::ReturnsEarly,
        Defect::SleepsAtZero,
        Defect::TellsOfSignals,
        Defect::TakesAnything,
        Defect::ForgetsWriting,
        Defect::ClosesWhatItHas,
    ];

    /// The one that the driver has named.
    fn named() -> Defect {
        let name = std::env::var(DEFECT).expect("the driver names the defect");
        let found = Defect::ALL.into_iter().find(|defect| format!("{defect:?}") == name);
        found.unwrap_or_else(|| panic!("expected a defect in {DEFECT}, found `{name}`"))
    }
}

/// poll(2), with a defect.
#[derive(Debug)]
struct Broken {
    sound: Box<dyn Poller>,
    defect: Defect,
    /// How many events there were to report.
    count: u64,
    tokens: Vec<(RawFd, Token)>,
    deleted: Vec<Token>,
}

/// Under a name that the modules below must not take for one of their own.
fn open(defect: Defect) -> io::Result<Broken> {
    let sound = Backend::Poll.open()?;
    Ok(Broken { sound, defect, count: 0, tokens: Vec::new(), deleted: Vec::new() })
}

impl Broken {
    fn lose_some(&mut self, events: &mut Events) {
        let found: Vec<Event> = events.iter().copied().collect();
        events.clear();
        for event in found {
            self.count += 1;
            if self.count % 100 != 0 {
                events.push(event);
            }
        }
    }

    fn forget_writing(events: &mut Events) {
        let found: Vec<Event> = events.iter().copied().collect();
        events.clear();
        for Event { token, ready } in found {
            let is_both = ready.contains(Ready::READABLE | Ready::WRITABLE);
            events.push(Event { token, ready: if is_both { ready.without(Ready::WRITABLE) } else { ready } });
        }
    }

    fn forget(&mut self, fd: RawFd) -> Option<Token> {
        let index = self.tokens.iter().position(|(number, _)| *number == fd)?;
        Some(self.tokens.swap_remove(index).1)
    }
}

impl Poller for Broken {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        match self.sound.add(fd, token, interest, trigger) {
            Err(error)
                if error.kind() == io::ErrorKind::Unsupported && self.defect == Defect::TakesAnything => {}
            result => result?,
        }
        self.tokens.push((fd.as_raw_fd(), token));
        Ok(())
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.sound.modify(fd, token, interest, trigger)?;
        self.forget(fd.as_raw_fd());
        self.tokens.push((fd.as_raw_fd(), token));
        Ok(())
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.sound.delete(fd)?;
        let token = self.forget(fd.as_raw_fd());
        if self.defect == Defect::ReportsTheDeleted {
            self.deleted.extend(token);
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        if let Some(token) = self.deleted.pop() {
            events.clear();
            events.push(Event { token, ready: Ready::READABLE });
            return Ok(());
        }
        match self.defect {
            Defect::ReturnsEarly => self.sound.wait(events, timeout.map(|timeout| timeout / 10 * 9)),
            Defect::DropsOneInAHundred => {
                self.sound.wait(events, timeout)?;
                self.lose_some(events);
                Ok(())
            }
            Defect::ForgetsWriting => {
                self.sound.wait(events, timeout)?;
                Broken::forget_writing(events);
                Ok(())
            }
            Defect::SleepsAtZero => {
                // So long that it is not over before the thread got to sleep, be the machine as busy as it may.
                let least = Duration::from_millis(20);
                self.sound.wait(events, timeout.map(|timeout| timeout.max(least)))
            }
            Defect::TellsOfSignals => {
                let start = Instant::now();
                self.sound.wait(events, timeout)?;
                let is_over = timeout.map_or(false, |timeout| start.elapsed() >= timeout);
                if events.is_empty() && !is_over {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                Ok(())
            }
            _ => self.sound.wait(events, timeout),
        }
    }

    fn backend(&self) -> Backend {
        self.sound.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.sound.supports(trigger)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.sound.as_fd()
    }

    fn stale_count(&self) -> u64 {
        self.sound.stale_count()
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        if self.defect == Defect::ClosesWhatItHas {
            let nothing = File::open("/dev/null").expect("open /dev/null");
            for (fd, _) in &self.tokens {
                // SAFETY: takes no pointer. Somebody else's descriptor is closed, which is the defect.
                unsafe { libc::dup2(nothing.as_raw_fd(), *fd) };
            }
        }
    }
}

conformance!(sound, || open(Defect::None), lacks edge descriptor);
conformance!(
    broken,
    || open(Defect::named()),
    lacks edge descriptor,
    ignored(all(), "broken on purpose")
);
// Sound, but its line says of out-of-band data that it knows nothing of it.
conformance!(
    declares_too_much,
    || open(Defect::None),
    lacks edge descriptor priority,
    ignored(all(), "broken on purpose")
);

#[test]
fn a_poller_that_drops_one_event_in_a_hundred_is_caught() {
    is_caught(Defect::DropsOneInAHundred, "five_hundred_registrations_are_told_apart");
}

#[test]
fn a_poller_that_reports_a_deleted_descriptor_is_caught() {
    is_caught(Defect::ReportsTheDeleted, "delete_drops_a_pending_event");
}

#[test]
fn a_poller_that_returns_early_is_caught() {
    is_caught(Defect::ReturnsEarly, "a_timeout_is_never_early");
}

#[test]
fn a_poller_that_sleeps_when_it_is_not_to_block_is_caught() {
    is_caught(Defect::SleepsAtZero, "a_zero_timeout_with_nothing_registered_does_not_block");
    is_caught(Defect::SleepsAtZero, "a_zero_timeout_does_not_block_and_still_reports");
}

#[test]
fn a_poller_that_tells_of_signals_is_caught() {
    is_caught(Defect::TellsOfSignals, "a_signal_ends_the_wait_without_an_error");
    is_caught(Defect::TellsOfSignals, "a_signal_that_restarts_system_calls_ends_the_wait_too");
}

#[test]
fn a_poller_that_takes_what_cannot_be_waited_for_is_caught() {
    is_caught(Defect::TakesAnything, "regular_files_and_directories_are_unsupported");
    if cfg!(target_os = "linux") {
        is_caught(Defect::TakesAnything, "a_memfd_is_unsupported");
    }
}

#[test]
fn a_poller_that_forgets_a_direction_is_caught() {
    is_caught(Defect::ForgetsWriting, "both_directions_arrive_as_one_event");
    // poll(2) of macOS knows no devices, and a poller over it refuses them.
    if cfg!(target_os = "linux") {
        is_caught(Defect::ForgetsWriting, "a_device_is_unsupported_or_always_ready");
    }
}

#[test]
fn a_poller_that_closes_what_it_has_is_caught() {
    is_caught(Defect::ClosesWhatItHas, "a_poller_may_be_dropped_with_events_pending");
    is_caught(Defect::ClosesWhatItHas, "a_wake_after_the_poller_is_gone_does_nothing");
}

#[test]
fn a_line_that_declares_more_than_is_missing_is_caught() {
    fails_where_it_should("declares_too_much", Defect::None, DECLARATION);
}

fn is_caught(defect: Defect, case: &str) {
    fails_where_it_should("broken", defect, case);
}

/// The case fails for the broken poller, and for no other reason than the defect: it passes without.
fn fails_where_it_should(module: &str, defect: Defect, case: &str) {
    // As a case of the kit, since starting a process opens descriptors, which cases of the kit count.
    run("the driver of the broken pollers", Company::shared, || {
        let (succeeds, told) = start(&format!("{module}::{case}"), defect);
        let line = format!("test {module}::{case} ... FAILED");
        assert!(!succeeds && told.contains(&line), "{defect:?}: expected `{line}`, got: {told}");
        let (succeeds, told) = start(&format!("sound::{case}"), defect);
        let line = format!("test sound::{case} ... ok");
        assert!(succeeds && told.contains(&line), "expected `{line}`, got: {told}");
    });
}

/// Runs one test of this binary, ignored or not; whether it succeeds, and what is told of it.
fn start(test: &str, defect: Defect) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().expect("the test's own file"));
    command.args(["--exact", "--include-ignored", test]).env(DEFECT, format!("{defect:?}"));
    let output = command.output().expect("start this binary again");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}
