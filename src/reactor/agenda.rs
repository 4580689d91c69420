//! What is to be done in the phases to come, and what the loop knows of each source: the part of a loop that application code may
//! change while a source is borrowed.

use std::collections::VecDeque;

use super::failure::Failure;
use super::memory::Memory;
use super::slab::{Key, Slab};
use super::timers::{TimerId, Timers};
use super::work::Task;
use crate::platform::Interest;

/// What is to be done in the phases to come, apart from the sources themselves, so that both can be borrowed at once.
pub(crate) struct Agenda<S: 'static> {
    pub registrations: Slab<Registration>,
    /// For phase 1, in the order in which it was fired or deferred.
    pub queue: VecDeque<Work<S>>,
    /// For phase 2.
    pub timers: Timers<Box<dyn Task<S>>>,
    /// For the start of phase 3: sources to settle, each once.
    pub touched: Vec<Key>,
    pub memory: Memory,
    pub is_stopping: bool,
}

/// What the loop knows of one source, beside the source and its callback.
#[derive(Debug)]
pub(crate) struct Registration {
    /// What the kernel was told last.
    pub interest: Interest,
    pub is_fired: bool,
    pub is_touched: bool,
    pub is_prepared: bool,
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
    Failure(Failure),
}

impl Registration {
    pub fn new(interest: Interest, is_always_ready: bool) -> Registration {
        Registration {
            interest,
            is_fired: false,
            is_touched: false,
            is_prepared: false,
            is_starved: false,
            is_deaf: false,
            is_always_ready,
            deadline: None,
        }
    }
}

impl<S: 'static> Agenda<S> {
    pub fn new(memory: Memory) -> Agenda<S> {
        Agenda {
            registrations: Slab::new(),
            queue: VecDeque::new(),
            timers: Timers::new(),
            touched: Vec::new(),
            memory,
            is_stopping: false,
        }
    }

    /// Has a source settle before the next wait; `None` when it is gone.
    pub fn touch(&mut self, key: Key) -> Option<()> {
        let registration = self.registrations.get_mut(key)?;
        if !registration.is_touched {
            registration.is_touched = true;
            self.touched.push(key);
        }
        Some(())
    }

    /// Has a callback run in the next phase 1, once; `false` when its source is gone.
    pub fn fire(&mut self, key: Key) -> bool {
        let registration = match self.registrations.get_mut(key) {
            Some(registration) => registration,
            None => return false,
        };
        if !registration.is_fired {
            registration.is_fired = true;
            self.queue.push_back(Work::Callback(key));
        }
        true
    }

    /// Gives a source a deadline in place of the one that it has, or none any more. A source that is gone has none: its is cleared.
    pub fn set_deadline(&mut self, key: Key, deadline: Option<TimerId>) {
        let unneeded = match self.registrations.get_mut(key) {
            Some(registration) => std::mem::replace(&mut registration.deadline, deadline),
            None => deadline,
        };
        if let Some(timer) = unneeded {
            self.timers.clear(timer);
        }
    }

    /// Has a task run in the next phase 1.
    pub fn defer(&mut self, task: Box<dyn Task<S>>) {
        self.queue.push_back(Work::Task(task));
    }
}
