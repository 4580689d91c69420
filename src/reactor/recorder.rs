//! The flight recorder: what the last turns did and how long each part of them took, and who was slow.
//!
//! It costs some readings of the clock in each turn, and two for each callback, while it is on; when it is off, a look at a flag.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::agenda::Work;
use super::context::Context;
use super::core::Core;
use super::failure::{Cause, Failure};
use super::slab::{Key, SourceId};
use crate::platform::Poller;

/// What one turn did. [`Reactor::records`](crate::Reactor::records) has the last ones.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TurnRecord {
    /// When it began.
    pub began: Instant,
    /// Time in phase 1.
    pub callbacks: Duration,
    /// Time in phase 2.
    pub timeouts: Duration,
    /// Time in phase 3 but for the wait: sources settle, and the kernel is told of changes.
    pub settling: Duration,
    /// Time in the kernel's wait, asleep or not.
    pub waiting: Duration,
    /// Time in phase 4.
    pub responding: Duration,
    /// How many callbacks and tasks were queued when it began.
    pub queued: usize,
    /// How many timers ran.
    pub timers: usize,
    /// How late the latest of them was.
    pub lateness: Duration,
    /// How many events the kernel reported.
    pub events: usize,
    /// Why it was not allowed to sleep; `None` if it was.
    pub haste: Option<Haste>,
    /// The callback or task that took longest.
    pub slowest_callback: Option<Slow>,
    /// The timer that took longest.
    pub slowest_timer: Option<Slow>,
}

/// Why a turn was not allowed to sleep: the first of these that applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Haste {
    /// Sources had prepared work that needs no readiness.
    Prepared,
    /// Callbacks or tasks were queued for the next turn; the name of the first.
    Queued(&'static str),
    /// More timers were due than a turn runs.
    Due,
    /// A stop was asked for.
    Stopping,
    /// A source that no mechanism of the kernel can wait for, such as a regular file, wanted input or output.
    AlwaysReady,
    /// The deadline of a timer had come.
    Deadline,
    /// Whoever called `turn` allowed no wait.
    Limit,
}

/// A callback, a task or a timer, and how long it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Slow {
    /// The source whose callback it is; `None` for a task or a timer.
    pub source: Option<SourceId>,
    /// Its name, as [`Failure::name`](crate::Failure::name) has it.
    pub name: &'static str,
    /// How long it ran.
    pub took: Duration,
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "{} of {source} took {:?}", self.name, self.took),
            None => write!(f, "{} took {:?}", self.name, self.took),
        }
    }
}

impl TurnRecord {
    fn new(began: Instant) -> TurnRecord {
        TurnRecord {
            began,
            callbacks: Duration::ZERO,
            timeouts: Duration::ZERO,
            settling: Duration::ZERO,
            waiting: Duration::ZERO,
            responding: Duration::ZERO,
            queued: 0,
            timers: 0,
            lateness: Duration::ZERO,
            events: 0,
            haste: None,
            slowest_callback: None,
            slowest_timer: None,
        }
    }

    /// How long it took, the wait included.
    pub fn total(&self) -> Duration {
        self.callbacks + self.timeouts + self.settling + self.waiting + self.responding
    }

    /// The callback, task or timer that took longest.
    pub fn slowest(&self) -> Option<Slow> {
        let both = [self.slowest_callback, self.slowest_timer];
        both.into_iter().flatten().max_by_key(|slow| slow.took)
    }
}

/// The parts that a turn's time is divided among.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Callbacks,
    Timeouts,
    Settling,
    Waiting,
    Responding,
}

type SlowHook<S> = Box<dyn FnMut(&mut S, &mut Context<'_, S>, Slow)>;

/// What is recorded, if anything, and who wants to know of slow callbacks.
pub(crate) struct Recorder<S: 'static> {
    /// The last turns, the oldest first; empty when nothing is recorded.
    records: VecDeque<TurnRecord>,
    capacity: usize,
    /// The part that is under way, and since when.
    part: Option<(Part, Instant)>,
    threshold: Duration,
    slow_hook: Option<SlowHook<S>>,
}

/// One callback or task while it runs.
pub(super) struct Watch {
    began: Instant,
    name: &'static str,
}

impl<S: 'static> Recorder<S> {
    pub fn new(capacity: usize) -> Recorder<S> {
        let records = VecDeque::with_capacity(capacity);
        Recorder { records, capacity, part: None, threshold: Duration::MAX, slow_hook: None }
    }

    pub fn records(&self) -> &VecDeque<TurnRecord> {
        &self.records
    }

    pub fn watch_for(&mut self, threshold: Duration, hook: SlowHook<S>) {
        self.threshold = threshold;
        self.slow_hook = Some(hook);
    }

    fn is_recording(&self) -> bool {
        self.capacity > 0
    }

    fn current(&mut self) -> Option<&mut TurnRecord> {
        self.records.back_mut()
    }

    /// The part that was under way ends now.
    fn end_part(&mut self, now: Instant) {
        if let Some((part, since)) = self.part.take() {
            let took = now.saturating_duration_since(since);
            if let Some(record) = self.current() {
                *match part {
                    Part::Callbacks => &mut record.callbacks,
                    Part::Timeouts => &mut record.timeouts,
                    Part::Settling => &mut record.settling,
                    Part::Waiting => &mut record.waiting,
                    Part::Responding => &mut record.responding,
                } += took;
            }
        }
    }
}

/// What the phases tell the recorder.
impl<S: 'static> Core<S> {
    /// A turn begins.
    pub(super) fn record_turn(&mut self) {
        // A turn that is recorded or watched goes by the lists, whatever there is to do.
        if self.recorder.is_recording() || self.recorder.slow_hook.is_some() {
            self.agenda.queues.rouse();
        }
        if !self.recorder.is_recording() {
            return;
        }
        let now = self.poller.now();
        // Of a turn that an error cut short.
        self.recorder.end_part(now);
        if self.recorder.records.len() == self.recorder.capacity {
            self.recorder.records.pop_front();
        }
        let queued = self.agenda.queues.work.len();
        self.recorder.records.push_back(TurnRecord { queued, ..TurnRecord::new(now) });
        self.recorder.part = Some((Part::Callbacks, now));
    }

    /// The next part of the turn begins; `None`: it is over.
    pub(super) fn record_part(&mut self, part: Option<Part>) {
        if self.recorder.is_recording() {
            let now = self.poller.now();
            self.recorder.end_part(now);
            self.recorder.part = part.map(|part| (part, now));
        }
    }

    /// A timer is about to run that should have run at `deadline`.
    pub(super) fn record_timer(&mut self, deadline: Instant) {
        if !self.recorder.is_recording() {
            return;
        }
        let lateness = self.poller.now().saturating_duration_since(deadline);
        if let Some(record) = self.recorder.current() {
            record.timers += 1;
            record.lateness = record.lateness.max(lateness);
        }
    }

    /// A wait is about to begin with this timeout, or was passed over.
    pub(super) fn record_wait(&mut self, timeout: Option<Duration>) {
        if !self.recorder.is_recording() {
            return;
        }
        let haste = if timeout != Some(Duration::ZERO) {
            None
        } else if !self.prepared.is_empty() || self.line.has_fed() {
            Some(Haste::Prepared)
        } else if let Some(work) = self.agenda.queues.work.front() {
            Some(Haste::Queued(self.name_of(work)))
        } else if self.agenda.timers.has_due() {
            Some(Haste::Due)
        } else if self.remote.is_stopping() {
            Some(Haste::Stopping)
        } else if !self.always_ready.is_empty() {
            Some(Haste::AlwaysReady)
        } else if self.first_deadline().map_or(false, |deadline| deadline <= self.poller.now()) {
            Some(Haste::Deadline)
        } else {
            Some(Haste::Limit)
        };
        if let Some(record) = self.recorder.current() {
            record.haste = haste;
        }
    }

    /// A wait has brought so many events.
    pub(super) fn record_events(&mut self, count: usize) {
        if let Some(record) = self.recorder.current() {
            record.events += count;
        }
    }

    /// Begins to watch how long something runs, if anybody wants to know.
    pub(super) fn watch(&self, name: impl FnOnce() -> &'static str) -> Option<Watch> {
        let is_on = self.recorder.is_recording() || self.recorder.slow_hook.is_some();
        is_on.then(|| Watch { began: self.poller.now(), name: name() })
    }

    /// It has run.
    pub(super) fn unwatch(&mut self, state: &mut S, watch: Option<Watch>, source: Option<Key>) {
        let watch = match watch {
            Some(watch) => watch,
            None => return,
        };
        let took = self.poller.now().saturating_duration_since(watch.began);
        let slow = Slow { source: source.map(SourceId), name: watch.name, took };
        let is_timer = matches!(self.recorder.part, Some((Part::Timeouts, _)));
        if let Some(record) = self.recorder.current() {
            let slowest = if is_timer { &mut record.slowest_timer } else { &mut record.slowest_callback };
            if slowest.map_or(true, |slowest| slowest.took < took) {
                *slowest = Some(slow);
            }
        }
        if took < self.recorder.threshold {
            return;
        }
        if let Some(mut hook) = self.recorder.slow_hook.take() {
            let outcome = catch_unwind(AssertUnwindSafe(|| hook(state, &mut Context::of(self), slow)));
            // Unless it has set another one.
            self.recorder.slow_hook.get_or_insert(hook);
            if let Err(panic) = outcome {
                // Not out of here: what it was told of may have failed as well, and others wait behind it.
                let cause = Cause::Panic(panic);
                let failure = Failure { source: None, name: "the hook of on_slow", cause };
                self.agenda.queues.push(Work::Failure(Box::new(failure)));
            }
        }
    }

    /// What a piece of work is called.
    fn name_of(&self, work: &Work<S>) -> &'static str {
        match work {
            Work::Callback(key) if self.doorbell == Some(*key) => "a task of another thread",
            Work::Callback(key) => {
                let slot = self.agenda.slots.get(*key);
                slot.and_then(|slot| slot.member.as_ref())
                    .map_or("a removed source", |member| member.names().callback)
            }
            Work::Task(task) => task.name(),
            Work::Failure(failure) => failure.name(),
        }
    }
}
