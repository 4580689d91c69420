//! The state of a loop, and how sources come and go. Its four phases are in `run.rs`, `poll.rs` and `respond.rs`.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Instant;

use super::agenda::{Agenda, Marks, Registration, Slot};
use super::builder::Budgets;
use super::context::Context;
use super::failure::Failure;
use super::memory::Memory;
#[cfg(feature = "recorder")]
use super::recorder::Recorder;
use super::remote::Remote;
use super::slab::{Key, SourceId};
use super::source::{AnySource, Io};
use super::stats::Stats;
use super::work::Callback;
use crate::platform::{AnyPoller, Events, Ready, Trigger};

/// What is told of failures.
pub(crate) type FailureHook<S> = Box<dyn FnMut(&mut S, &mut Context<'_, S>, Failure)>;

/// Everything a loop is.
pub(crate) struct Core<S: 'static> {
    pub poller: AnyPoller,
    pub agenda: Agenda<S>,
    pub remote: Remote<S>,
    /// The source that other threads are heard by: what it fires for is the tasks that they posted.
    pub doorbell: Option<Key>,
    pub failure_hook: Option<FailureHook<S>>,
    pub budgets: Budgets,
    /// What sources have in phase 4, and the counters.
    pub io: Io,
    #[cfg(feature = "recorder")]
    pub recorder: Recorder<S>,
    pub events: Events,
    /// How far the phase that is under way has come among the sources it goes through, and at which it is: what a panic in a source
    /// leaves off at.
    pub position: usize,
    pub current: Key,
    /// Sources that said when they settled that they need no readiness to respond.
    pub prepared: VecDeque<Key>,
    /// Sources that were refused memory, first come first served.
    pub starved: VecDeque<Starved>,
    /// Those of them for whom there is enough now: they respond before anybody else.
    pub fed: VecDeque<Starved>,
    /// Sources that no mechanism of the kernel can wait for, regular files and some devices: those of them that wait for something.
    pub always_ready: Vec<Key>,
    /// The time of this turn, once it has been asked for.
    pub now: Option<Instant>,
    /// Whether the last turn did not ask the kernel since phase 4 had work already.
    pub has_skipped_wait: bool,
}

/// A source that was refused memory.
#[derive(Clone, Copy)]
pub(crate) struct Starved {
    pub key: Key,
    pub wanted: usize,
    /// What it is to respond to once it is fed: input is there still if that is what it could not read.
    pub ready: Ready,
}

impl<S: 'static> Core<S> {
    pub fn new(
        poller: AnyPoller,
        memory: Memory,
        events: usize,
        budgets: Budgets,
        remote: Remote<S>,
    ) -> Core<S> {
        Core {
            poller,
            agenda: Agenda::new(),
            remote,
            doorbell: None,
            failure_hook: None,
            budgets,
            io: Io::new(memory, budgets.source_bytes),
            #[cfg(feature = "recorder")]
            recorder: Recorder::new(0),
            events: Events::with_capacity(events),
            position: 0,
            current: Key { index: 0, generation: 0 },
            prepared: VecDeque::new(),
            starved: VecDeque::new(),
            fed: VecDeque::new(),
            always_ready: Vec::new(),
            now: None,
            has_skipped_wait: false,
        }
    }

    /// Whether a stop was asked for, here or from another thread. Asking takes it back.
    #[inline]
    pub fn take_stop(&mut self) -> bool {
        // Looked at first: this is asked in every turn, and taking it back is an exchange between cores.
        self.remote.is_stopping() && self.remote.take_stop()
    }

    pub fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.poller.now())
    }

    pub fn stats(&self) -> Stats {
        let stats = self.io.stats;
        Stats { stale_events: stats.stale_events + self.poller.stale_count(), ..stats }
    }

    /// Has every source finish, and answers with those that have not yet.
    pub fn finish_all(&mut self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.agenda.slots.iter().map(|(key, _)| key).collect();
        keys.retain(|&key| {
            let is_live = self.guard(key, |source| source.finish()).is_some();
            self.agenda.touch(key);
            is_live
        });
        keys
    }

    /// How many turns run all that is queued, here and by other threads, as the budgets go.
    pub fn turns_for_queued(&self) -> usize {
        let turns = |count: usize, budget: usize| count / budget + usize::from(count % budget > 0);
        let (here, posted) = (self.agenda.queues.len(), self.remote.task_count());
        turns(here, self.budgets.callbacks) + turns(posted, self.budgets.posted_tasks)
    }

    /// Leaves those of these sources that have not finished yet.
    pub fn retain_unfinished(&mut self, keys: &mut Vec<Key>) {
        keys.retain(|&key| self.guard(key, |source| source.is_finished()) == Some(false));
    }

    pub fn add(&mut self, source: Box<dyn AnySource>, callback: Box<dyn Callback<S>>) -> io::Result<Key> {
        let key = self.agenda.slots.next_key();
        let interest = source.interest();
        let is_always_ready = match self.poller.add(source.fd(), key.to_token(), interest, Trigger::Level) {
            Ok(()) => false,
            // The kernel cannot wait for it since there is nothing to wait for.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => true,
            Err(error) => return Err(error),
        };
        let registration = Registration::new(interest, is_always_ready);
        let key = self.agenda.slots.insert(Slot { source, callback: Some(callback), registration });
        if is_always_ready && !interest.is_none() {
            self.always_ready.push(key);
        }
        // It may have work already: bytes queued before it was added.
        self.agenda.touch(key);
        Ok(key)
    }

    pub fn remove(&mut self, key: Key) -> Option<Box<dyn AnySource>> {
        let Slot { source, callback, registration } = self.agenda.slots.remove(key)?;
        if let Some(timer) = registration.deadline {
            self.agenda.timers.clear(timer);
        }
        if registration.marks.has(Marks::ALWAYS_READY) {
            self.always_ready.retain(|other| *other != key);
        } else if let Err(error) = self.poller.delete(source.fd()) {
            // Only who was never registered is refused, and this one was: somebody else's descriptor answers to its number.
            debug_assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        // Last, since what it owns is dropped with it, and that may be anything.
        drop(callback);
        Some(source)
    }

    /// Gives a source another callback. The old one is dropped, or will be when it has run.
    pub fn replace_callback(&mut self, key: Key, callback: Box<dyn Callback<S>>) {
        if let Some(slot) = self.agenda.slots.get_mut(key) {
            slot.callback = Some(callback);
        }
    }
}

/// The live sources, one entry each: what it is, its descriptor, and what the loop knows of it.
pub(super) struct SourceList<'a, S: 'static>(pub &'a Core<S>);

impl<S: 'static> fmt::Debug for SourceList<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.0.agenda.slots.iter();
        let entries = live.map(|(key, slot)| {
            let Slot { source, registration, .. } = slot;
            (SourceId(key), source.type_name(), source.fd(), registration)
        });
        f.debug_list().entries(entries).finish()
    }
}
