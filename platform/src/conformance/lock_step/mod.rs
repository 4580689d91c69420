//! A seeded model test: random operations on one set of descriptors, watched by many pollers in lock step against a plain model.
//!
//! The model says, without asking the system, what each of some twenty sockets and pipes is ready for, duplicates, half-closes,
//! full buffers and reused numbers included. After every step each poller is asked, and has to report what the contract of [`Poller`]
//! makes of that: level exactly, one-shot exactly once, edge at least once after a condition began and never while it does not hold,
//! no hint that is not true, and errors of the kinds that are promised, after which nothing is changed. Sometimes several steps come
//! before a look, and sometimes a look has room for few events and is repeated, so that each that is ready has its turn. Most looks
//! are not to sleep; every fourth may, for a moment or until there is something to report.
//!
//! It does not see that an edge goes on as a level does, out-of-band data, a poller's own descriptor, and timeouts that are kept: the
//! cases of the kit do.
//!
//! ```
//! use ringmq_platform::conformance::lock_step::{play, Script};
//! use ringmq_platform::Backend;
//!
//! # fn main() -> std::io::Result<()> {
//! let mut pollers = Vec::new();
//! for backend in Backend::AVAILABLE {
//!     pollers.push((backend.name(), backend.open()?));
//! }
//! let counts = play(&mut pollers, &Script::random(1, 1000)).unwrap();
//! assert!(counts.operation_count() > 500);
//! assert!(counts.change_count() * 3 >= counts.operation_count());
//! println!("{counts}");
//! # Ok(())
//! # }
//! ```

mod author;
mod entry;
mod guard;
mod model;
mod reasons;
mod script;
mod shrink;
mod stage;
mod watch;

use std::error::Error;
use std::fmt;
use std::ops::AddAssign;
use std::sync::atomic::Ordering;

use self::entry::Wish;
use self::guard::{watched, without_panic};
use self::model::{Model, SLOT_COUNT};
use self::stage::Stage;
use self::watch::{Watch, ROOMY};
use crate::conformance::support::alone;
use crate::{Events, Poller, Ready};

pub use self::script::{Kind, Script, ScriptError, Step};
pub use self::shrink::shrink;

/// Plays a script for all pollers, which have nothing registered yet, and nothing again afterwards.
///
/// Descriptor numbers belong to the whole process, so plays wait for each other, and for the cases of the kit. Any other part of the
/// process that opens hundreds of descriptors meanwhile may be given a number that the script is about to use, which is then told as
/// the failure.
///
/// # Errors
/// The first answer of a poller that the contract does not allow, a panic among them, or a call of the script itself that the system
/// answers differently from the model. The pollers are then in no state to be used again.
///
/// A step that does not end within a minute ends the process, with a word to standard error: nothing else gets a thread out of a wait.
pub fn play(pollers: &mut [(&str, Box<dyn Poller>)], script: &Script) -> Result<Counts, Failure> {
    let _alone = alone();
    play_beside_nobody(pollers, script)
}

/// Plays a script while nobody else of the process opens or closes descriptors.
fn play_beside_nobody(pollers: &mut [(&str, Box<dyn Poller>)], script: &Script) -> Result<Counts, Failure> {
    let failure = |step, (poller, message)| Failure { step, poller, message };
    watched(script, |progress| {
        let mut play = Play::new(pollers).map_err(|error| failure(0, (None, error.to_string())))?;
        for (index, step) in script.steps.iter().enumerate() {
            progress.store(index, Ordering::Relaxed);
            play.step(step).map_err(|wrong| failure(index, wrong))?;
        }
        let end = script.steps.len();
        progress.store(end, Ordering::Relaxed);
        play.end().map_err(|wrong| failure(end, wrong))?;
        Ok(play.counts)
    })
}

/// What the steps of a script come to.
///
/// ```
/// use ringmq_platform::conformance::lock_step::{play, Script};
///
/// let script: Script = "open 0 1 pipe; add 0 r level; write 1 5; drain 0; drain 5".parse().unwrap();
/// let counts = play(&mut [], &script).unwrap();
/// assert_eq!((counts.operation_count(), counts.passed_over()), (4, 1));
/// assert_eq!(counts.of("write"), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    operations: [u64; OPERATIONS.len()],
    changes: u64,
    changes_of_descriptors: u64,
    passed_over: u64,
    looks: u64,
    events: u64,
}

/// Every operation, as a script writes it.
const OPERATIONS: [&str; 11] =
    ["open", "close", "dup", "add", "modify", "delete", "read", "drain", "write", "fill", "shut"];

impl Counts {
    /// How many steps were operations on descriptors or registrations.
    pub fn operation_count(&self) -> u64 {
        self.operations.iter().sum()
    }

    /// How many of them were of this name, as a script writes it; zero for a name that it does not know.
    pub fn of(&self, name: &str) -> u64 {
        OPERATIONS.iter().position(|known| *known == name).map_or(0, |index| self.operations[index])
    }

    /// How many operations changed readiness: whether a registration that is to be reported is ready, or for what.
    pub fn change_count(&self) -> u64 {
        self.changes
    }

    /// How many of those did it by what they did to a descriptor. The others registered one that was ready already, armed it again, or
    /// deleted it.
    pub fn descriptor_change_count(&self) -> u64 {
        self.changes_of_descriptors
    }

    /// How many steps made no sense where they stood.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// How often a poller was asked what is ready.
    pub fn look_count(&self) -> u64 {
        self.looks
    }

    /// How many events the pollers reported.
    pub fn event_count(&self) -> u64 {
        self.events
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        for (sum, more) in self.operations.iter_mut().zip(other.operations) {
            *sum += more;
        }
        self.changes += other.changes;
        self.changes_of_descriptors += other.changes_of_descriptors;
        self.passed_over += other.passed_over;
        self.looks += other.looks;
        self.events += other.events;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operation_count();
        let share = |count: u64| 100.0 * count as f64 / operations.max(1) as f64;
        write!(
            f,
            "{operations} operations, of which {} ({:.0} %) changed readiness, {} ({:.0} %) by what they did to a descriptor:",
            self.changes,
            share(self.changes),
            self.changes_of_descriptors,
            share(self.changes_of_descriptors)
        )?;
        for (name, count) in OPERATIONS.iter().zip(self.operations) {
            write!(f, " {name} {count}")?;
        }
        write!(f, "; {} passed over, {} looks, {} events", self.passed_over, self.looks, self.events)
    }
}

/// The first answer that was wrong.
///
/// ```
/// use ringmq_platform::conformance::lock_step::Failure;
///
/// let failure = Failure { step: 3, poller: Some("poll".into()), message: "expected READABLE, found nothing".into() };
/// assert_eq!(failure.to_string(), "poll, after step 3: expected READABLE, found nothing");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The index of the step that it came after; the number of steps when it came at the end, where everything is deleted.
    pub step: usize,
    /// Whose answer it was; nobody's when the system itself did something else than the model.
    pub poller: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.poller.as_deref().unwrap_or("the system");
        write!(f, "{who}, after step {}: {}", self.step, self.message)
    }
}

impl Error for Failure {}

/// Who answered wrongly, and what.
type Wrong = (Option<String>, String);

/// A script being played.
struct Play<'a> {
    model: Model,
    stage: Stage,
    watches: Vec<Watch<'a>>,
    /// What the file in each slot is ready for.
    ready: [Ready; SLOT_COUNT],
    /// How many more steps are made before the next look.
    together: u8,
    events: Events,
    serial: u64,
    counts: Counts,
}

impl<'a> Play<'a> {
    fn new(pollers: &'a mut [(&str, Box<dyn Poller>)]) -> std::io::Result<Play<'a>> {
        let watches = pollers.iter_mut().map(|(name, poller)| Watch::new(name, poller.as_mut())).collect();
        Ok(Play {
            model: Model::new(),
            stage: Stage::new()?,
            watches,
            ready: [Ready::NONE; SLOT_COUNT],
            together: 0,
            events: Events::with_capacity(ROOMY),
            serial: 0,
            counts: Counts::default(),
        })
    }

    /// One step, and the look after it.
    fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        let before = self.level();
        match *step {
            Step::Together { count } => {
                self.together = count;
                return Ok(());
            }
            Step::Look { capacity } => {
                self.together = 0;
                return self.look(&mut Events::with_capacity(usize::from(capacity)));
            }
            Step::Add { slot, interest, trigger } => {
                let wish = Wish { slot, interest, trigger };
                self.register(wish, Watch::add)?;
            }
            Step::Modify { slot, interest, trigger } => {
                let wish = Wish { slot, interest, trigger };
                self.register(wish, Watch::modify)?;
            }
            Step::Delete { slot } => self.delete(slot)?,
            _ if self.model.allows(step) => self.operate(step)?,
            _ => {
                self.counts.passed_over += 1;
                return Ok(());
            }
        }
        self.count(step, before);
        if self.together > 0 {
            self.together -= 1;
            return Ok(());
        }
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(1));
        let result = self.look(&mut events);
        self.events = events;
        result
    }

    fn register(
        &mut self,
        wish: Wish,
        call: fn(&mut Watch<'a>, std::os::unix::io::BorrowedFd<'_>, Wish, u64, &Model) -> Result<(), String>,
    ) -> Result<(), Wrong> {
        self.serial += 1;
        let (fd, serial, model) = (self.stage.borrow(wish.slot), self.serial, &self.model);
        self.watches.iter_mut().try_for_each(|watch| ask(watch, |watch| call(watch, fd, wish, serial, model)))
    }

    fn delete(&mut self, slot: u8) -> Result<(), Wrong> {
        let fd = self.stage.borrow(slot);
        self.watches.iter_mut().try_for_each(|watch| ask(watch, |watch| watch.delete(fd, slot)))
    }

    /// A step on descriptors, in the system and in the model.
    fn operate(&mut self, step: &Step) -> Result<(), Wrong> {
        let result =
            without_panic(|| self.stage.perform(step, &self.model).map_err(|error| error.to_string()));
        result.map_err(|message| (None, format!("{step}: {message}")))?;
        self.model.apply(step);
        match *step {
            Step::Close { slot } => self.watches.iter_mut().for_each(|watch| watch.note_closed(slot)),
            Step::Open { first, second, .. } => {
                self.note_opened(first);
                self.note_opened(second);
            }
            Step::Duplicate { to, .. } => self.note_opened(to),
            _ => {}
        }
        let mut now = [Ready::NONE; SLOT_COUNT];
        for (slot, ready) in now.iter_mut().enumerate() {
            *ready = self.model.file(slot as u8).map_or(Ready::NONE, |file| self.model.ready(file));
        }
        for watch in &mut self.watches {
            watch.note_ready(&self.ready, &now);
        }
        self.ready = now;
        Ok(())
    }

    fn note_opened(&mut self, slot: u8) {
        let file = self.model.file(slot);
        self.watches.iter_mut().for_each(|watch| watch.note_opened(slot, file));
    }

    /// Counts an operation, and whether it changed what the first poller has to say.
    fn count(&mut self, step: &Step, before: [Ready; SLOT_COUNT]) {
        if let Some(index) = OPERATIONS.iter().position(|name| *name == step.name()) {
            self.counts.operations[index] += 1;
        }
        if self.level() != before {
            let registers = matches!(step, Step::Add { .. } | Step::Modify { .. } | Step::Delete { .. });
            self.counts.changes += 1;
            self.counts.changes_of_descriptors += u64::from(!registers);
        }
    }

    /// What each registration of the first poller is ready for, of those that are to be reported.
    fn level(&self) -> [Ready; SLOT_COUNT] {
        let mut level = [Ready::NONE; SLOT_COUNT];
        if let Some(watch) = self.watches.first() {
            for (slot, told) in level.iter_mut().enumerate() {
                *told = watch.level(slot, &self.ready);
            }
        }
        level
    }

    fn look(&mut self, events: &mut Events) -> Result<(), Wrong> {
        for watch in &mut self.watches {
            let (model, ready) = (&self.model, &self.ready);
            self.counts.events += ask(watch, |watch| watch.look(model, ready, events))?;
            self.counts.looks += 1;
        }
        Ok(())
    }

    /// Deletes every registration, after which the pollers have to be silent.
    fn end(&mut self) -> Result<(), Wrong> {
        for slot in 0..SLOT_COUNT as u8 {
            let fd = self.stage.borrow(slot);
            for watch in self.watches.iter_mut().filter(|watch| watch.is_registered(slot)) {
                ask(watch, |watch| watch.delete(fd, slot))?;
            }
        }
        self.look(&mut Events::with_capacity(ROOMY))
    }
}

/// Puts a question to one poller. An answer that is wrong is told with its name.
fn ask<'a, T>(
    watch: &mut Watch<'a>,
    question: impl FnOnce(&mut Watch<'a>) -> Result<T, String>,
) -> Result<T, Wrong> {
    let name = watch.name;
    without_panic(|| question(watch)).map_err(|message| (Some(name.to_owned()), message))
}
