//! Plays random scripts for every backend of this system in lock step, and shows that what is wrong is found.
//!
//! The settings, for a long run or to play something again:
//!
//! | variable | what |
//! |---|---|
//! | `RINGMQ_LOCK_STEP_STEPS` | how many steps the fresh seed is played for, in scripts of 20,000 |
//! | `RINGMQ_LOCK_STEP_SEED` | that seed, in place of a fresh one |
//! | `RINGMQ_LOCK_STEP_SCRIPT` | a script to be played alone, as a failure prints it |
//!
//! `RINGMQ_LOCK_STEP_STEPS=10000000 cargo test --release -p ringmq-platform --test lock_step fresh -- --nocapture`

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::env;
use std::io::{self, Write};
use std::os::unix::io::BorrowedFd;
use std::time::{Duration, Instant};

use ringmq_platform::conformance::lock_step::{play, shrink, Counts, Script};
use ringmq_platform::{Backend, Event, Events, Interest, Poll, Poller, Ready, Token, Trigger};

/// Steps of one script: enough for rare company, few enough to be played some hundred times while it is made short.
const SCRIPT_LEN: usize = 20_000;

/// How long a failing script is made shorter.
const SHRINKING: Duration = Duration::from_secs(30);

type Named = (&'static str, Box<dyn Poller>);

fn open() -> Vec<Named> {
    Backend::AVAILABLE
        .iter()
        .map(|backend| (backend.name(), backend.open().expect("open a poller")))
        .collect()
}

/// Plays scripts of one seed after the other; a failure prints what replays it.
fn play_seeds(mut seed: u64, step_count: usize) -> Counts {
    let mut counts = Counts::default();
    let mut left = step_count;
    while left > 0 {
        let script = Script::random(seed, left.min(SCRIPT_LEN));
        match play(&mut open(), &script) {
            Ok(more) => counts += more,
            Err(failure) => panic!("seed {seed}, {failure}\n{}", shortest(&script)),
        }
        left -= script.steps.len();
        seed = seed.wrapping_add(1);
    }
    counts
}

/// What is left of a failing script, and how to play that again.
fn shortest(script: &Script) -> String {
    match shrink(open, script, SHRINKING) {
        Some((short, failure)) => {
            format!("the shortest that fails, {failure}:\nRINGMQ_LOCK_STEP_SCRIPT='{short}'")
        }
        None => String::from("played again, it did not fail"),
    }
}

fn assert_a_third_changes(counts: &Counts) {
    assert!(counts.change_count() * 3 >= counts.operation_count(), "too few change readiness: {counts}");
}

/// For everybody to see, also where the harness keeps what a test that passes has to say.
fn tell(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: expected a number, found `{text}`")))
}

#[test]
fn all_backends_keep_step_with_the_model_for_fixed_seeds() {
    let mut sum = Counts::default();
    for seed in [1, 1000, 2000, 3000] {
        let counts = play_seeds(seed, SCRIPT_LEN);
        assert_a_third_changes(&counts);
        sum += counts;
    }
    tell(&format!("lock step, fixed seeds, {}: {sum}", names()));
    // Also by what happens at descriptors alone.
    assert!(sum.descriptor_change_count() * 3 >= sum.operation_count(), "too few change readiness: {sum}");
}

#[test]
fn all_backends_keep_step_with_the_model_for_a_fresh_seed() {
    let seed = setting("RINGMQ_LOCK_STEP_SEED").unwrap_or_else(|| fastrand::u64(..));
    let step_count = setting("RINGMQ_LOCK_STEP_STEPS").unwrap_or(SCRIPT_LEN as u64) as usize;
    tell(&format!("RINGMQ_LOCK_STEP_SEED={seed} RINGMQ_LOCK_STEP_STEPS={step_count}"));
    let start = Instant::now();
    let counts = play_seeds(seed, step_count);
    let seconds = start.elapsed().as_secs_f64();
    tell(&format!("lock step, seed {seed}, {seconds:.1} s, {}: {counts}", names()));
    // A few steps may happen to change little.
    if step_count >= SCRIPT_LEN {
        assert_a_third_changes(&counts);
    }
}

fn names() -> String {
    let names: Vec<_> = Backend::AVAILABLE.iter().map(|backend| backend.name()).collect();
    names.join(", ")
}

/// What once failed, and what the environment asks for.
#[test]
fn these_scripts_are_played_without_a_failure() {
    let mut scripts = vec![
        // select: a closed number hid the others from one wait.
        String::from("open 0 1 socket; add 0 r level; open 2 3 socket; add 2 w level; close 0"),
        // epoll: what was stale took the only place, and then a one-shot that had fired.
        String::from(
            "open 0 1 pipe; open 2 3 socket; add 1 w one-shot; dup 2 4; dup 2 5; add 4 r level; close 0; add 5 r level; \
             close 3; close 4; delete 4; look 1",
        ),
        // epoll: what was left behind under a number comes back to it, which the contract allows.
        String::from(
            "open 4 18 socket; open 38 17 socket; dup 18 46; dup 46 22; add 22 - level; shut 46 read; dup 17 19; \
             modify 22 r one-shot; close 22; delete 22; open 22 23 socket; add 22 r edge; close 22; dup 46 22; add 17 rw level; \
             close 17; delete 17",
        ),
        // kqueue: a pipe without a reader had no turn.
        String::from(
            "open 11 21 pipe; add 21 r one-shot; open 5 28 socket; add 28 w level; close 11; modify 21 w level; look 1",
        ),
        // kqueue: when the kernel had dropped a pipe, and when the last of them had been reported, whoever waited lost its turn.
        String::from(
            "open 5 41 pipe; dup 41 17; add 17 rw level; open 40 46 socket; add 46 rw level; fill 41; together 4; close 5; \
             close 40; look 1",
        ),
        String::from(
            "open 49 38 socket; add 49 r level; fill 49; write 38 33; dup 38 4; open 21 15 pipe; close 21; add 4 r level; \
             together 8; add 15 rw edge; modify 49 r edge; look 1",
        ),
        // kqueue of NetBSD: a pipe that was closed, and another under its number within a tick of the clock, are one to it.
        String::from("open 0 1 pipe; close 0; together 2; add 1 w edge; close 1; open 3 1 pipe"),
    ];
    scripts.extend(env::var("RINGMQ_LOCK_STEP_SCRIPT").ok());
    for text in scripts {
        let script: Script = text.parse().expect("a script");
        if let Err(failure) = play(&mut open(), &script) {
            panic!("{failure}\nRINGMQ_LOCK_STEP_SCRIPT='{text}'");
        }
    }
}

#[test]
fn a_script_is_the_same_for_the_same_seed_and_survives_being_printed() {
    let script = Script::random(7, 5000);
    assert_eq!(script, Script::random(7, 5000));
    assert_ne!(script, Script::random(8, 5000));
    let printed: Script = script.to_string().parse().expect("what was printed is a script");
    assert_eq!(printed, script);
}

#[test]
fn arbitrary_bytes_are_scripts_that_change_readiness() {
    let mut random = fastrand::Rng::with_seed(1);
    let bytes: Vec<u8> = (0..400_000).map(|_| random.u8(..)).collect();
    let script = Script::from_bytes(&bytes);
    assert_eq!(script.steps.len(), 100_000);
    let counts =
        play(&mut open(), &script).unwrap_or_else(|failure| panic!("{failure}\n{}", shortest(&script)));
    assert!(counts.operation_count() > 30_000 && counts.change_count() > 5_000, "{counts}");
}

/// What a fuzzer plays first, before it has learnt what goes with what.
#[test]
fn a_few_arbitrary_bytes_are_enough_to_change_readiness() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut counts = Counts::default();
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..200).map(|_| random.u8(..)).collect();
        let script = Script::from_bytes(&bytes);
        counts +=
            play(&mut open(), &script).unwrap_or_else(|failure| panic!("{failure}\n{}", shortest(&script)));
    }
    assert!(counts.change_count() > 150 && counts.descriptor_change_count() > 25, "{counts}");
}

/// Poll with a defect.
#[derive(Debug)]
struct Defective {
    poll: Poll,
    defect: Defect,
    event_count: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Defect {
    /// Keeps every hundredth event to itself.
    DropsEvents,
    /// Calls what is readable writable as well.
    ReportsTooMuch,
    /// Succeeds in deleting what it has not.
    DeletesStrangers,
    /// Forgets that a registration was to be silent.
    ReportsUnasked,
    /// Leaves out that what is readable is writable as well, where few events fit.
    TellsHalf,
    /// Panics where five are ready at once.
    Panics,
    /// Leaves in the buffer what was there.
    LeavesEvents,
    /// Takes a registration's interest away before it refuses a trigger.
    ChangesBeforeItRefuses,
    /// Says of what is readable that the peer sends no more.
    HintsFalsely,
    /// Loses what is ready while it may sleep.
    IsBlindAsleep,
}

impl Poller for Defective {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let is_silent = interest.is_none() && self.defect == Defect::ReportsUnasked;
        let interest = if is_silent { Interest::READABLE } else { interest };
        self.poll.add(fd, token, interest, trigger)
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        if self.defect == Defect::ChangesBeforeItRefuses && !self.supports(trigger) {
            let _ = self.poll.modify(fd, token, Interest::NONE, Trigger::Level);
        }
        self.poll.modify(fd, token, interest, trigger)
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let result = self.poll.delete(fd);
        result.or_else(|error| if self.defect == Defect::DeletesStrangers { Ok(()) } else { Err(error) })
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let left: Vec<Event> = events.iter().copied().collect();
        self.poll.wait(events, timeout)?;
        let mut found: Vec<Event> = events.iter().copied().collect();
        events.clear();
        match self.defect {
            Defect::LeavesEvents => found.extend(left),
            Defect::IsBlindAsleep if timeout != Some(Duration::ZERO) => found.clear(),
            _ => {}
        }
        for mut event in found {
            self.event_count += 1;
            if self.defect == Defect::ReportsTooMuch && event.ready.is_readable() {
                event.ready |= Ready::WRITABLE;
            }
            if self.defect == Defect::HintsFalsely && event.ready.is_readable() {
                event.ready |= Ready::READ_CLOSED;
            }
            assert!(self.defect != Defect::Panics || events.len() < 4, "at the fifth event of a wait");
            if self.defect == Defect::TellsHalf && events.capacity() < 5 && event.ready.is_readable() {
                event.ready = event.ready.without(Ready::WRITABLE);
            }
            if self.defect != Defect::DropsEvents || self.event_count % 100 > 0 {
                events.push(event);
            }
        }
        Ok(())
    }

    fn backend(&self) -> Backend {
        self.poll.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.poll.supports(trigger)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.poll.as_fd()
    }

    fn stale_count(&self) -> u64 {
        self.poll.stale_count()
    }
}

fn open_defective(defect: Defect) -> Vec<Named> {
    let poll = Poll::new().expect("open a poller");
    vec![
        ("poll", Backend::Poll.open().expect("open a poller")),
        ("defective", Box::new(Defective { poll, defect, event_count: 0 })),
    ]
}

/// Each defect is found, by name, and comes down to a handful of steps, which fail again after being printed and read.
#[test]
fn a_defect_is_found_and_comes_down_to_a_short_script_that_replays_it() {
    let table = [
        (Defect::DropsEvents, 60, "found nothing"),
        (Defect::Panics, 16, "panicked: at the fifth event of a wait"),
        (Defect::LeavesEvents, 4, "under a token that no registration has"),
        (Defect::ChangesBeforeItRefuses, 6, "found nothing"),
        (Defect::HintsFalsely, 6, "expected no hints but NONE, found READABLE"),
        (Defect::IsBlindAsleep, 12, "found nothing"),
        (Defect::ReportsTooMuch, 5, "found READABLE | WRITABLE"),
        (Defect::DeletesStrangers, 1, "delete: expected NotFound, found success"),
        (Defect::ReportsUnasked, 3, "expected NONE, found READABLE"),
        (Defect::TellsHalf, 5, "expected READABLE | WRITABLE, found READABLE"),
    ];
    for (defect, longest, message) in table {
        let script = Script::random(5, SCRIPT_LEN);
        let (short, failure) =
            shrink(|| open_defective(defect), &script, SHRINKING).expect("the defect is found");
        println!("{defect:?}: {failure}\n{short}");
        assert_eq!(failure.poller.as_deref(), Some("defective"), "{failure}");
        assert!(failure.message.contains(message), "{failure}");
        assert!(short.steps.len() <= longest, "{defect:?}: {} steps are left: {short}", short.steps.len());
        let printed: Script = short.to_string().parse().expect("what was printed is a script");
        assert_eq!(play(&mut open_defective(defect), &printed), Err(failure));
    }
}
