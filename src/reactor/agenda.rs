//! The sources of a loop and what is to be done in the phases to come: what application code may change.

use std::collections::VecDeque;
use std::time::Instant;

use super::failure::Failure;
use super::memory::Memory;
use super::slab::{Key, Slab};
use super::source::AnySource;
use super::timers::{TimerId, Timers};
use super::work::{Callback, Task};
use crate::platform::Interest;

/// What is to be done in the phases to come, and the sources that it is about.
pub(crate) struct Agenda<S: 'static> {
    pub slots: Slab<Slot<S>>,
    pub queues: Queues<S>,
    /// For phase 2.
    pub timers: Timers<Box<dyn Task<S>>>,
    pub memory: Memory,
    pub is_stopping: bool,
}

/// One source: what acts in phase 4, what acts in phase 1, and what the loop knows of it.
///
/// While a callback runs, the callback alone is lifted out; its source stays where it is, so that a callback reaches itself and every
/// other source in the same way.
pub(crate) struct Slot<S: 'static> {
    pub source: Box<dyn AnySource>,
    pub callback: Option<Box<dyn Callback<S>>>,
    pub registration: Registration,
}

/// What is to be done in phases 1 and 3, apart from the sources themselves, so that both can be borrowed at once.
pub(crate) struct Queues<S: 'static> {
    /// For phase 1, in the order in which it was fired or deferred.
    pub work: VecDeque<Work<S>>,
    /// For the start of phase 3: sources to settle, each once.
    pub touched: Vec<Key>,
    /// Whether the last phase 3 has found nobody but the kernel and other threads to ask for something to do, and nothing has been
    /// added since. A turn then only waits and responds to events.
    pub is_quiet: bool,
}

/// What the loop knows of one source, beside the source and its callback.
#[derive(Debug)]
pub(crate) struct Registration {
    /// What the kernel was told last.
    pub interest: Interest,
    pub is_fired: bool,
    pub is_touched: bool,
    pub is_prepared: bool,
    /// Has settled in phase 4 with work prepared, which the next phase 3 is to take note of.
    pub has_prepared: bool,
    /// In line for memory.
    pub is_starved: bool,
    /// In line for memory to read into: until there is some, the kernel is not asked for input.
    pub is_deaf: bool,
    pub is_always_ready: bool,
    /// A timer that is cleared when the source is removed.
    pub deadline: Option<TimerId>,
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
        Registration {
            interest,
            is_fired: false,
            is_touched: false,
            is_prepared: false,
            has_prepared: false,
            is_starved: false,
            is_deaf: false,
            is_always_ready,
            deadline: None,
        }
    }
}

impl<S: 'static> Agenda<S> {
    pub fn new(memory: Memory) -> Agenda<S> {
        let queues = Queues { work: VecDeque::new(), touched: Vec::new(), is_quiet: false };
        Agenda { slots: Slab::new(), queues, timers: Timers::new(), memory, is_stopping: false }
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
        let unneeded = match self.slots.get_mut(key) {
            Some(slot) => std::mem::replace(&mut slot.registration.deadline, deadline),
            None => deadline,
        };
        if let Some(timer) = unneeded {
            self.timers.clear(timer);
        }
    }

    /// Has a task run at its deadline; without one it never does.
    pub fn set_timer(&mut self, deadline: Option<Instant>, task: Box<dyn Task<S>>) -> TimerId {
        self.queues.is_quiet = false;
        self.timers.set(deadline, task)
    }

    /// Has a task run at its deadline that puts itself back for the next one.
    pub fn set_repeating_timer(
        &mut self,
        deadline: Option<Instant>,
        task: impl FnOnce(TimerId) -> Box<dyn Task<S>>,
    ) -> TimerId {
        self.queues.is_quiet = false;
        self.timers.set_repeating(deadline, task)
    }

    /// Has the loop end after this turn.
    pub fn stop(&mut self) {
        self.queues.is_quiet = false;
        self.is_stopping = true;
    }
}

impl<S: 'static> Queues<S> {
    /// Has a source settle before the next wait.
    #[inline]
    pub fn touch(&mut self, key: Key, registration: &mut Registration) {
        if !registration.is_touched {
            registration.is_touched = true;
            self.is_quiet = false;
            self.touched.push(key);
        }
    }

    /// Has a callback run in the next phase 1, once.
    #[inline]
    pub fn fire(&mut self, key: Key, registration: &mut Registration) {
        if !registration.is_fired {
            registration.is_fired = true;
            self.push(Work::Callback(key));
        }
    }

    /// Has a piece of work done in the next phase 1.
    #[inline]
    pub fn push(&mut self, work: Work<S>) {
        self.is_quiet = false;
        self.work.push_back(work);
    }
}
