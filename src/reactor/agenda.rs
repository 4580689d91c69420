//! The sources of a loop and what is to be done in the phases to come: what application code may change.

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use super::failure::Failure;
use super::member::Member;
use super::slab::{Key, Slab};
use super::timers::{TimerId, Timers};
use super::work::Task;
use crate::platform::Interest;

/// What is to be done in the phases to come, and the sources that it is about.
pub(crate) struct Agenda<S: 'static> {
    pub slots: Slab<Slot<S>>,
    pub queues: Queues<S>,
    /// For phase 2.
    pub timers: TaskTimers<S>,
    /// The timers of sources that have one which is cleared when they are removed, by their index: apart from the slots, and no longer than
    /// is needed, since few have one. An array, as the slots are, and no map, which would be a twentieth of a small program.
    deadlines: Vec<Option<TimerId>>,
    /// Clears one of these. It comes with the first of them, for the reason that [`Core::timers_to_set`](super::core::Core::timers_to_set)
    /// has.
    clear_deadline: fn(&mut TaskTimers<S>, TimerId) -> bool,
}

/// Timers that run tasks.
pub(crate) type TaskTimers<S> = Timers<Box<dyn Task<S>>>;

/// One source, and what the loop knows of it.
pub(crate) struct Slot<S: 'static> {
    /// The source and its callback, but while that runs: then they are lifted out.
    pub member: Option<Box<dyn Member<S>>>,
    pub registration: Registration,
}

/// What lies in a place that no source has, and is never reached.
impl<S: 'static> Default for Slot<S> {
    fn default() -> Slot<S> {
        let registration = Registration::new(Interest::NONE, false);
        Slot { member: None, registration }
    }
}

/// What is to be done in phases 1 and 3, apart from the sources themselves, so that both can be borrowed at once.
pub(crate) struct Queues<S: 'static> {
    /// For phase 1, in the order in which it was fired or deferred.
    pub work: VecDeque<Work<S>>,
    /// How many of these, at the front, are still of the phase 1 that runs: those behind them wait for the next turn.
    pub batch: usize,
    /// For the start of phase 3: sources to settle, each once.
    pub touched: Vec<Key>,
    /// What is to be done at all, so that a turn with little to do need not look for more.
    pub mood: Mood,
}

/// How much there is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    /// Nothing by itself: the last phase 3, or 4 behind one that was passed over, has found nobody but the kernel, the clock and other
    /// threads to ask for something to do, and nothing has been added since. A turn only runs timers, waits, and responds to events.
    ///
    /// So it is while the only callback runs, too. Its source is touched then, and in no list, which is for whoever has called it to see to.
    Quiet,
    /// As that, but for this source: it was fired in phase 4, and is touched. It is in none of the lists until something else is.
    Fired(Key),
    /// Anything. What there is to do is in the lists.
    Busy,
}

/// What the loop knows of one source, beside the source and its callback.
#[derive(Debug)]
pub(crate) struct Registration {
    /// What the kernel was told last.
    pub interest: Interest,
    pub marks: Marks,
    /// The turn, by its last bits, in which its callback has run last, beside other work.
    #[allow(dead_code)] // the message queue alone asks
    pub last_turn: u32,
}

/// What else is true of a source: bits, so that a source of which nothing is, as of nearly all, is known by one look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub const NONE: Marks = Marks(0);
    pub const FIRED: Marks = Marks(1);
    pub const TOUCHED: Marks = Marks(2);
    /// In line to respond without readiness.
    pub const PREPARED: Marks = Marks(4);
    /// Has settled in phase 4 with work prepared, which the next phase 3 is to take note of.
    pub const HAS_PREPARED: Marks = Marks(8);
    /// In line for memory to send from.
    pub const MUTE: Marks = Marks(16);
    /// In line for memory to read into, or to accept: until there is some, the kernel is not asked for input.
    pub const DEAF: Marks = Marks(32);
    pub const ALWAYS_READY: Marks = Marks(64);
    /// By which other threads are heard: never in order to be the only thing to do, since its callback stands for all that they posted.
    pub const DOORBELL: Marks = Marks(128);

    /// These and those.
    #[inline]
    pub const fn with(self, marks: Marks) -> Marks {
        Marks(self.0 | marks.0)
    }

    /// Whether any of these is there.
    #[inline]
    pub fn has(self, marks: Marks) -> bool {
        self.0 & marks.0 != 0
    }

    #[inline]
    pub fn put(&mut self, marks: Marks) {
        self.0 |= marks.0;
    }

    /// Takes these away; answers whether any was there.
    #[inline]
    pub fn take(&mut self, marks: Marks) -> bool {
        let had = self.has(marks);
        self.0 &= !marks.0;
        had
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            ["fired", "touched", "prepared", "has prepared", "mute", "deaf", "always ready", "doorbell"];
        names_of(self.0, names).fmt(f)
    }
}

/// The names of the bits that are set, the lowest first, for a `Debug` to show.
pub(crate) fn names_of(bits: u8, names: [&'static str; 8]) -> impl fmt::Debug {
    let is_set = |bit: &usize| bits >> bit & 1 != 0;
    (0..names.len()).filter(is_set).map(|bit| names[bit]).collect::<Vec<_>>()
}

/// A piece of work for phase 1.
pub(crate) enum Work<S: 'static> {
    Callback(Key),
    Task(Box<dyn Task<S>>),
    /// Of a source in phase 3 or 4, to be told in phase 1.
    Failure(Box<Failure>),
}

impl Registration {
    pub fn new(interest: Interest, is_always_ready: bool) -> Registration {
        let marks = if is_always_ready { Marks::ALWAYS_READY } else { Marks::NONE };
        Registration { interest, marks, last_turn: 0 }
    }
}

impl<S: 'static> Agenda<S> {
    pub fn new() -> Agenda<S> {
        // First: it asks for the time, which may panic, and then there is nothing else to drop.
        let timers = Timers::new();
        let queues = Queues { work: VecDeque::new(), batch: 0, touched: Vec::new(), mood: Mood::Busy };
        Agenda { slots: Slab::new(), queues, timers, deadlines: Vec::new(), clear_deadline: |_, _| false }
    }

    /// Has a source settle before the next wait; `None` when it is gone.
    #[inline]
    pub fn touch(&mut self, key: Key) -> Option<&mut Slot<S>> {
        let slot = self.slots.get_mut(key)?;
        self.queues.touch(key, &mut slot.registration);
        Some(slot)
    }

    /// Has a callback run in the next phase 1, once; `false` when its source is gone.
    pub fn fire(&mut self, key: Key) -> bool {
        let slot = self.slots.get_mut(key);
        slot.map(|slot| self.queues.fire(key, &mut slot.registration)).is_some()
    }

    /// Gives a source a deadline in place of the one that it has, or none any more. A source that is gone has none: its is cleared.
    pub fn set_deadline(&mut self, key: Key, deadline: Option<TimerId>) {
        self.clear_deadline = Timers::clear;
        let is_there = self.slots.get(key).is_some();
        let unneeded = if is_there { self.replace_deadline(key, deadline) } else { deadline };
        if let Some(timer) = unneeded {
            self.timers.clear(timer);
        }
    }

    /// Answers with the deadline that was there before.
    fn replace_deadline(&mut self, key: Key, deadline: Option<TimerId>) -> Option<TimerId> {
        if deadline.is_some() && self.deadlines.len() <= key.index() {
            self.deadlines.resize(key.index() + 1, None);
        }
        let place = self.deadlines.get_mut(key.index())?;
        mem::replace(place, deadline)
    }

    /// Takes a source out, and clears its deadline.
    pub fn remove(&mut self, key: Key) -> Option<Slot<S>> {
        let slot = self.slots.remove(key)?;
        if let Some(timer) = self.replace_deadline(key, None) {
            (self.clear_deadline)(&mut self.timers, timer);
        }
        Some(slot)
    }
}

impl<S: 'static> Queues<S> {
    /// Has a source settle before the next wait.
    #[inline]
    pub fn touch(&mut self, key: Key, registration: &mut Registration) {
        if !registration.marks.has(Marks::TOUCHED) {
            self.touch_first(key, registration);
        }
    }

    /// By itself, so that who finds it touched, as a callback finds its own source, has only looked.
    #[inline(never)]
    fn touch_first(&mut self, key: Key, registration: &mut Registration) {
        registration.marks.put(Marks::TOUCHED);
        self.rouse();
        self.touched.push(key);
    }

    /// Has a callback run in the next phase 1, once.
    #[inline]
    pub fn fire(&mut self, key: Key, registration: &mut Registration) {
        if !registration.marks.has(Marks::FIRED) {
            registration.marks.put(Marks::FIRED);
            self.push(Work::Callback(key));
        }
    }

    /// Has a callback run in the phase 1 that runs now, behind all else of it, if it has not run in this turn; else as [`fire`](Self::fire).
    #[cfg(feature = "mq")]
    pub fn follow(&mut self, key: Key, registration: &mut Registration, turn: u32) {
        if registration.last_turn == turn {
            self.fire(key, registration);
        } else if !registration.marks.has(Marks::FIRED) {
            registration.marks.put(Marks::FIRED);
            self.rouse();
            self.work.insert(self.batch, Work::Callback(key));
            self.batch += 1;
        }
    }

    /// Has a piece of work done in the next phase 1.
    #[inline]
    pub fn push(&mut self, work: Work<S>) {
        self.rouse();
        self.work.push_back(work);
    }

    /// How many pieces of work are queued for phase 1.
    pub fn len(&self) -> usize {
        self.work.len() + usize::from(matches!(self.mood, Mood::Fired(_)))
    }

    /// Something is about to be added: from now on what there is to do is in the lists.
    #[inline]
    pub fn rouse(&mut self) {
        if self.mood != Mood::Busy {
            self.write_down();
        }
    }

    /// Puts the one that is in no list into those that it belongs in.
    #[inline(never)]
    fn write_down(&mut self) {
        match mem::replace(&mut self.mood, Mood::Busy) {
            Mood::Fired(key) => {
                self.work.push_back(Work::Callback(key));
                self.touched.push(key);
            }
            Mood::Quiet | Mood::Busy => {}
        }
    }
}
