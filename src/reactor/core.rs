//! The state of a loop and the four phases of a turn.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Registration, Work};
use super::builder::Budgets;
use super::context::Context;
use super::failure::{Cause, Failure};
use super::memory::Memory;
use super::remote::Remote;
use super::slab::{Key, SourceId};
use super::source::{AnySource, Fire, Io};
use super::stats::Stats;
use super::work::{BoxError, Callback, Task};
use crate::platform::{Events, Interest, Poller, Ready, Trigger};

/// What is told of failures.
pub(crate) type FailureHook<S> = Box<dyn FnMut(&mut S, &mut Context<'_, S>, Failure)>;
/// The first slab: what acts in phase 4.
pub(crate) type Sources = [Option<Box<dyn AnySource>>];

/// Everything a loop is.
///
/// Sources and callbacks lie in two slabs under one key. While a callback runs, the callback alone is lifted out; its source stays
/// where it is, so that a callback reaches itself and every other source in the same way.
pub(crate) struct Core<S: 'static> {
    pub poller: Box<dyn Poller>,
    pub sources: Vec<Option<Box<dyn AnySource>>>,
    /// The second slab: what acts in phase 1.
    callbacks: Vec<Option<Box<dyn Callback<S>>>>,
    pub agenda: Agenda<S>,
    pub remote: Remote<S>,
    /// The source that other threads are heard by: what it fires for is the tasks that they posted.
    pub doorbell: Option<Key>,
    pub failure_hook: Option<FailureHook<S>>,
    budgets: Budgets,
    stats: Stats,
    events: Events,
    /// How far the phase that is under way has come among the sources it goes through, and at which it is: what a panic in a source
    /// leaves off at.
    position: usize,
    current: Option<Key>,
    /// Sources that said when they settled that they need no readiness to respond.
    prepared: VecDeque<Key>,
    /// Sources that were refused memory, first come first served.
    starved: VecDeque<Starved>,
    /// Those of them for whom there is enough now: they respond before anybody else.
    fed: VecDeque<Starved>,
    /// Sources that no mechanism of the kernel can wait for: regular files, some devices.
    always_ready: Vec<Key>,
    /// The time of this turn, once it has been asked for.
    now: Option<Instant>,
    /// Whether the last turn did not ask the kernel since phase 4 had work already.
    has_skipped_wait: bool,
}

/// A source that was refused memory.
#[derive(Clone, Copy)]
struct Starved {
    key: Key,
    wanted: usize,
    /// What it is to respond to once it is fed: input is there still if that is what it could not read.
    ready: Ready,
}

impl<S: 'static> Core<S> {
    pub fn new(
        poller: Box<dyn Poller>,
        memory: Memory,
        events: usize,
        budgets: Budgets,
        remote: Remote<S>,
    ) -> Core<S> {
        Core {
            poller,
            sources: Vec::new(),
            callbacks: Vec::new(),
            agenda: Agenda::new(memory),
            remote,
            doorbell: None,
            failure_hook: None,
            budgets,
            stats: Stats::default(),
            events: Events::with_capacity(events),
            position: 0,
            current: None,
            prepared: VecDeque::new(),
            starved: VecDeque::new(),
            fed: VecDeque::new(),
            always_ready: Vec::new(),
            now: None,
            has_skipped_wait: false,
        }
    }

    /// Phase 1: what was fired or deferred before this turn, in that order. What is fired from here on waits for the next turn, and so
    /// does what is beyond the budget.
    ///
    /// Each piece of work leaves the queue before it runs, so that a failure loses none of the others.
    pub fn run_callbacks(&mut self, state: &mut S) -> io::Result<()> {
        self.stats.turns += 1;
        for _ in 0..self.agenda.queue.len().min(self.budgets.callbacks) {
            match self.agenda.queue.pop_front() {
                Some(Work::Callback(key)) if self.doorbell == Some(key) => self.run_posted(state, key)?,
                Some(Work::Callback(key)) => self.run_callback(state, key)?,
                Some(Work::Task(task)) => {
                    self.stats.tasks += 1;
                    self.run_task(state, task).or_else(|failure| self.report(state, failure))?;
                }
                Some(Work::Failure(failure)) => self.report(state, failure)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Phase 2: the timers that are due at the beginning of it, by deadline and then by order of setting. Those beyond the budget are
    /// the first ones in the next turn.
    pub fn run_timeouts(&mut self, state: &mut S) -> io::Result<()> {
        if self.agenda.timers.next_deadline().is_some() {
            let now = self.now();
            self.agenda.timers.collect_due(now);
        }
        for _ in 0..self.budgets.timers {
            match self.agenda.timers.pop_due() {
                Some(task) => {
                    self.stats.timers += 1;
                    self.run_task(state, task).or_else(|failure| self.report(state, failure))?;
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Phase 3: asks the kernel who is ready, and waits only when nothing else is to be done.
    ///
    /// When sources have prepared work for phase 4 anyway the kernel is not asked, so that a request and its reply cost one wait; but
    /// not twice in a row, so that nobody's input starves.
    pub fn poll(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.events.clear();
        self.settle()?;
        // Only now: settling gives memory back, and nothing else may ever end the wait.
        self.feed_starved();
        let has_work = !self.prepared.is_empty() || !self.fed.is_empty();
        self.has_skipped_wait = has_work && !self.has_skipped_wait;
        if self.has_skipped_wait {
            return Ok(());
        }
        let timeout = self.timeout(limit);
        self.now = None;
        self.stats.waits += 1;
        let result = self.poller.wait(&mut self.events, timeout);
        if timeout != Some(Duration::ZERO) {
            let is_limited = limit.is_some() && timeout == limit;
            self.count_wake_up(is_limited);
        }
        result
    }

    /// Phase 4: minimal input and output for who is ready, and for who needs no readiness.
    pub fn respond(&mut self) {
        self.position = 0;
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.respond_to_rest())) {
            self.close_failed(panic);
        }
    }

    /// Phase 4 from where it is. What is done is taken out or counted before it is done, so that after a panic the rest is left.
    fn respond_to_rest(&mut self) {
        while let Some(fed) = self.fed.pop_front() {
            if let Some(registration) = self.agenda.registrations.get_mut(fed.key) {
                registration.is_starved = false;
                registration.is_deaf = false;
                self.respond_one(fed.key, fed.ready);
            }
        }
        while let Some(event) = self.events.get(self.position) {
            self.position += 1;
            let key = Key::from_token(event.token);
            if self.agenda.registrations.get(key).is_some() {
                self.stats.events += 1;
                self.respond_one(key, event.ready);
            } else {
                self.stats.stale_events += 1;
            }
        }
        while let Some(&key) = self.always_ready.get(self.position - self.events.len()) {
            let ready = self.always_ready_for(key);
            if !ready.is_none() {
                self.respond_one(key, ready);
            }
            // Only now: were it to panic it would leave the list, and another one move up to its place.
            self.position += 1;
        }
        while let Some(key) = self.prepared.pop_front() {
            // Whoever was ready as well has responded already.
            if self.agenda.registrations.get(key).map_or(false, |registration| registration.is_prepared) {
                self.respond_one(key, Ready::NONE);
            }
        }
    }

    /// Whether a stop was asked for, here or from another thread. Asking takes it back.
    pub fn take_stop(&mut self) -> bool {
        let from_here = std::mem::take(&mut self.agenda.is_stopping);
        self.remote.take_stop() || from_here
    }

    pub fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.poller.now())
    }

    pub fn stats(&self) -> Stats {
        Stats { stale_events: self.stats.stale_events + self.poller.stale_count(), ..self.stats }
    }

    pub fn source_count(&self) -> usize {
        self.agenda.registrations.len()
    }

    pub fn add(&mut self, source: Box<dyn AnySource>, callback: Box<dyn Callback<S>>) -> io::Result<Key> {
        let key = self.agenda.registrations.next_key();
        let interest = source.interest();
        let is_always_ready = match self.poller.add(source.fd(), key.to_token(), interest, Trigger::Level) {
            Ok(()) => false,
            // The kernel cannot wait for it since there is nothing to wait for.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => true,
            Err(error) => return Err(error),
        };
        let key = self.agenda.registrations.insert(Registration::new(interest, is_always_ready));
        if is_always_ready {
            self.always_ready.push(key);
        }
        if key.index() == self.sources.len() {
            self.sources.push(None);
            self.callbacks.push(None);
        }
        self.sources[key.index()] = Some(source);
        self.callbacks[key.index()] = Some(callback);
        // It may have work already: bytes queued before it was added.
        self.agenda.touch(key);
        Ok(key)
    }

    pub fn remove(&mut self, key: Key) -> Option<Box<dyn AnySource>> {
        let registration = self.agenda.registrations.remove(key)?;
        let source = self.sources[key.index()].take()?;
        if registration.is_always_ready {
            self.always_ready.retain(|other| *other != key);
        } else if let Err(error) = self.poller.delete(source.fd()) {
            // Only who was never registered is refused, and this one was: somebody else's descriptor answers to its number.
            debug_assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        // Last, since what it owns is dropped with it, and that may be anything.
        self.callbacks[key.index()] = None;
        Some(source)
    }

    /// Runs one callback, lifted out of its place, and puts it back unless its source was removed meanwhile. When it fails its source,
    /// which may be half-way through something, goes.
    fn run_callback(&mut self, state: &mut S, key: Key) -> io::Result<()> {
        match self.agenda.registrations.get_mut(key) {
            Some(registration) => registration.is_fired = false,
            None => return Ok(()),
        }
        let mut callback = match self.callbacks[key.index()].take() {
            Some(callback) => callback,
            None => return Ok(()),
        };
        self.stats.callbacks += 1;
        let call = || callback.call(state, &mut Context { core: self }, key);
        let cause = match cause_of(catch_unwind(AssertUnwindSafe(call))) {
            None => {
                if self.agenda.registrations.get(key).is_some() {
                    self.callbacks[key.index()] = Some(callback);
                }
                return Ok(());
            }
            Some(cause) => cause,
        };
        self.remove(key);
        let failure = Failure { source: Some(SourceId(key)), name: callback.name(), cause };
        drop(callback);
        self.report(state, failure)
    }

    /// Runs a task; answers with its failure.
    fn run_task(&mut self, state: &mut S, task: Box<dyn Task<S>>) -> Result<(), Failure> {
        let name = task.name();
        let run = || task.run(state, &mut Context { core: self });
        match cause_of(catch_unwind(AssertUnwindSafe(run))) {
            None => Ok(()),
            Some(cause) => Err(Failure { source: None, name, cause }),
        }
    }

    /// Runs what other threads have posted. What they post from here on rings again.
    fn run_posted(&mut self, state: &mut S, doorbell: Key) -> io::Result<()> {
        if let Some(registration) = self.agenda.registrations.get_mut(doorbell) {
            registration.is_fired = false;
        }
        let count = self.remote.task_count();
        if count > self.budgets.posted_tasks {
            self.agenda.fire(doorbell);
        }
        for _ in 0..count.min(self.budgets.posted_tasks) {
            // One at a time, so that a failure loses none of the others.
            let task = match self.remote.pop_task() {
                Some(task) => task,
                None => break,
            };
            self.stats.tasks += 1;
            if let Err(failure) = self.run_task(state, task) {
                // For the rest of them: this one may come out of the turn.
                self.agenda.fire(doorbell);
                self.report(state, failure)?;
            }
        }
        Ok(())
    }

    /// Tells the hook of a failure; without one it comes out of the turn.
    fn report(&mut self, state: &mut S, failure: Failure) -> io::Result<()> {
        self.stats.failures += 1;
        let mut hook = match self.failure_hook.take() {
            Some(hook) => hook,
            None => return Err(failure.escape()),
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| hook(state, &mut Context { core: self }, failure)));
        // Unless it has set another one.
        self.failure_hook.get_or_insert(hook);
        outcome.or_else(|panic| resume_unwind(panic))
    }

    /// Closes the source that has panicked in phase 3 or 4. Application code is not run there, so it is told of it in phase 1.
    fn close_failed(&mut self, panic: Box<dyn Any + Send>) {
        let key = self.current.expect("only sources run there");
        let name = self.sources[key.index()].as_ref().map_or("", |source| source.type_name());
        let failure = Failure { source: Some(SourceId(key)), name, cause: Cause::Panic(panic) };
        self.remove(key);
        self.agenda.queue.push_back(Work::Failure(failure));
    }

    /// Lets sources that wait for memory try again, in the order in which they were refused, for as long as there is enough. They do so
    /// before the events of the turn, so that who is ready at every turn cannot take the memory from under them.
    fn feed_starved(&mut self) {
        let mut free = self.agenda.memory.free();
        while let Some(first) = self.starved.front().copied() {
            // Who is gone makes way, whatever he wanted.
            if self.agenda.registrations.get(first.key).is_some() {
                if first.wanted > free {
                    break;
                }
                free -= first.wanted;
                self.fed.push_back(first);
            }
            self.starved.pop_front();
        }
    }

    /// Settles every source that was touched since the last time, and tells the kernel what it waits for now.
    pub fn settle(&mut self) -> io::Result<()> {
        self.position = 0;
        let result = loop {
            match catch_unwind(AssertUnwindSafe(|| self.settle_rest())) {
                Ok(result) => break result,
                Err(panic) => self.close_failed(panic),
            }
        };
        match result {
            Ok(()) => self.agenda.touched.clear(),
            // The others, and this one again, next time.
            Err(_) => drop(self.agenda.touched.drain(..self.position)),
        }
        result
    }

    fn settle_rest(&mut self) -> io::Result<()> {
        while let Some(&key) = self.agenda.touched.get(self.position) {
            self.settle_one(key)?;
            self.position += 1;
        }
        Ok(())
    }

    fn settle_one(&mut self, key: Key) -> io::Result<()> {
        let registration = match self.agenda.registrations.get_mut(key) {
            Some(registration) => registration,
            None => return Ok(()),
        };
        self.current = Some(key);
        let source = self.sources[key.index()].as_mut().expect("a live key has its source");
        if source.settle() && !registration.is_prepared {
            registration.is_prepared = true;
            self.prepared.push_back(key);
        }
        let mut interest = source.interest();
        if registration.is_deaf {
            interest = interest.without(Interest::READABLE);
        }
        if interest != registration.interest {
            if !registration.is_always_ready {
                self.poller.modify(source.fd(), key.to_token(), interest, Trigger::Level)?;
            }
            registration.interest = interest;
        }
        registration.is_touched = false;
        Ok(())
    }

    /// How long the kernel may let us sleep. Only a wait that may sleep with a timer pending reads the clock.
    fn timeout(&self, limit: Option<Duration>) -> Option<Duration> {
        let is_idle = self.agenda.queue.is_empty()
            && self.prepared.is_empty()
            && self.fed.is_empty()
            && !self.agenda.is_stopping
            && !self.remote.is_stopping()
            && self.always_ready.iter().all(|key| self.always_ready_for(*key).is_none());
        if !is_idle || self.agenda.timers.has_due() {
            return Some(Duration::ZERO);
        }
        match self.agenda.timers.next_deadline() {
            None => limit,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(self.poller.now());
                Some(limit.map_or(left, |limit| limit.min(left)))
            }
        }
    }

    fn respond_one(&mut self, key: Key, ready: Ready) {
        self.current = Some(key);
        let mut io = Io::new(&self.agenda.memory, &mut self.stats, self.budgets.source_bytes);
        let source = self.sources[key.index()].as_mut().expect("a live key has its source");
        let fire = source.respond(ready, &mut io);
        let refusal = io.refusal();
        self.agenda.registrations.get_mut(key).expect("the key is live").is_prepared = false;
        if let Some((wanted, ready)) = refusal {
            self.starve(Starved { key, wanted, ready });
        }
        if fire == Fire::Yes {
            self.agenda.fire(key);
        }
        self.agenda.touch(key);
    }

    /// Has a source that was refused memory wait in line for it.
    fn starve(&mut self, newcomer: Starved) {
        self.stats.memory_refusals += 1;
        let registration = self.agenda.registrations.get_mut(newcomer.key).expect("the key is live");
        registration.is_deaf |= newcomer.ready.is_readable();
        if registration.is_starved {
            // It keeps its place, and may want more than before.
            if let Some(place) = self.starved.iter_mut().find(|place| place.key == newcomer.key) {
                place.wanted = place.wanted.max(newcomer.wanted);
                place.ready |= newcomer.ready;
            }
            return;
        }
        // What is more than the whole budget never comes free, and who wants it must not hold up those behind him.
        if newcomer.wanted <= self.agenda.memory.limit() {
            registration.is_starved = true;
            self.starved.push_back(newcomer);
        }
    }

    /// What a source that the kernel cannot wait for is ready for: whatever it wants.
    fn always_ready_for(&self, key: Key) -> Ready {
        let interest = self.agenda.registrations.get(key).map_or(Interest::NONE, |found| found.interest);
        let mut ready = Ready::NONE;
        if interest.is_readable() {
            ready |= Ready::READABLE;
        }
        if interest.is_writable() {
            ready |= Ready::WRITABLE;
        }
        ready
    }

    /// Counts the end of a wait that might sleep; `is_limited` says whether it may have ended because the caller wanted no more.
    fn count_wake_up(&mut self, is_limited: bool) {
        self.stats.wake_ups += 1;
        if self.events.is_empty() && !is_limited {
            let is_due = match self.agenda.timers.next_deadline() {
                Some(deadline) => self.now() >= deadline,
                None => false,
            };
            self.stats.spurious_wake_ups += u64::from(!is_due);
        }
    }
}

/// Why something that was run has failed, if it has.
fn cause_of(outcome: std::thread::Result<Option<BoxError>>) -> Option<Cause> {
    match outcome {
        Ok(error) => error.map(Cause::Error),
        Err(panic) => Some(Cause::Panic(panic)),
    }
}
