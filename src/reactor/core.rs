//! The state of a loop and the four phases of a turn.

use std::collections::VecDeque;
use std::io;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Registration, Work};
use super::context::Context;
use super::memory::{Memory, BUFFER_LEN};
use super::remote::Remote;
use super::slab::Key;
use super::source::{AnySource, Fire, Io};
use crate::platform::{Events, Interest, Poller, Ready, Trigger};

/// How many bytes one source may read and write in a turn: four buffers' worth, so that a system call still pays, and a source that
/// always has more leaves the others their turn.
const SOURCE_BUDGET: usize = 4 * BUFFER_LEN;

/// The key is passed and not captured, so that a closure that captures nothing allocates nothing.
pub(crate) type Callback<S> = Box<dyn FnMut(&mut S, &mut Context<'_, S>, Key)>;
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
    callbacks: Vec<Option<Callback<S>>>,
    pub agenda: Agenda<S>,
    pub remote: Remote<S>,
    /// The source that other threads are heard by: the one whose callback runs tasks of several owners.
    pub doorbell: Option<Key>,
    events: Events,
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
    stale_count: u64,
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
    pub fn new(poller: Box<dyn Poller>, memory: Memory, events: usize, remote: Remote<S>) -> Core<S> {
        Core {
            poller,
            sources: Vec::new(),
            callbacks: Vec::new(),
            agenda: Agenda::new(memory),
            remote,
            doorbell: None,
            events: Events::with_capacity(events),
            prepared: VecDeque::new(),
            starved: VecDeque::new(),
            fed: VecDeque::new(),
            always_ready: Vec::new(),
            now: None,
            has_skipped_wait: false,
            stale_count: 0,
        }
    }

    /// Phase 1: what was fired or deferred before this turn, in that order. What is fired from here on waits for the next turn.
    ///
    /// Each piece of work leaves the queue before it runs, so that a panic loses none of the others.
    pub fn run_callbacks(&mut self, state: &mut S) {
        for _ in 0..self.agenda.queue.len() {
            match self.agenda.queue.pop_front() {
                Some(Work::Callback(key)) => self.run_callback(state, key),
                Some(Work::Task(task)) => task(state, &mut Context { core: self }),
                None => break,
            }
        }
    }

    /// Phase 2: the timers that are due at the beginning of it, by deadline and then by order of setting.
    pub fn run_timeouts(&mut self, state: &mut S) {
        if self.agenda.timers.next_deadline().is_some() {
            let now = self.now();
            self.agenda.timers.collect_due(now);
        }
        while let Some(task) = self.agenda.timers.pop_due() {
            task(state, &mut Context { core: self });
        }
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
        self.poller.wait(&mut self.events, timeout)
    }

    /// Phase 4: minimal input and output for who is ready, and for who needs no readiness.
    pub fn respond(&mut self) {
        while let Some(fed) = self.fed.pop_front() {
            if let Some(registration) = self.agenda.registrations.get_mut(fed.key) {
                registration.is_starved = false;
                registration.is_deaf = false;
                self.respond_one(fed.key, fed.ready);
            }
        }
        for index in 0..self.events.len() {
            let event = self.events.get(index).expect("the index is below the length");
            let key = Key::from_token(event.token);
            if self.agenda.registrations.get(key).is_some() {
                self.respond_one(key, event.ready);
            } else {
                self.stale_count += 1;
            }
        }
        for index in 0..self.always_ready.len() {
            let key = self.always_ready[index];
            let ready = self.always_ready_for(key);
            if !ready.is_none() {
                self.respond_one(key, ready);
            }
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

    pub fn stale_count(&self) -> u64 {
        self.stale_count + self.poller.stale_count()
    }

    pub fn source_count(&self) -> usize {
        self.agenda.registrations.len()
    }

    pub fn add(&mut self, source: Box<dyn AnySource>, callback: Callback<S>) -> io::Result<Key> {
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

    /// Runs one callback, lifted out of its place, and puts it back unless its source was removed meanwhile.
    ///
    /// A panic goes on to whoever called `turn`, and the source, which may be half-way through something, goes. The doorbell stays: it
    /// was a posted task that panicked, and the tasks behind it are others'.
    fn run_callback(&mut self, state: &mut S, key: Key) {
        match self.agenda.registrations.get_mut(key) {
            Some(registration) => registration.is_fired = false,
            None => return,
        }
        let mut callback = match self.callbacks[key.index()].take() {
            Some(callback) => callback,
            None => return,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| callback(state, &mut Context { core: self }, key)));
        let panic = outcome.err();
        if panic.is_some() && self.doorbell == Some(key) {
            self.agenda.fire(key);
        } else if panic.is_some() {
            self.remove(key);
        }
        if self.agenda.registrations.get(key).is_some() {
            self.callbacks[key.index()] = Some(callback);
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
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
    fn settle(&mut self) -> io::Result<()> {
        for index in 0..self.agenda.touched.len() {
            if let Err(error) = self.settle_one(self.agenda.touched[index]) {
                // The others, and this one again, next time.
                self.agenda.touched.drain(..index);
                return Err(error);
            }
        }
        self.agenda.touched.clear();
        Ok(())
    }

    fn settle_one(&mut self, key: Key) -> io::Result<()> {
        let registration = match self.agenda.registrations.get_mut(key) {
            Some(registration) => registration,
            None => return Ok(()),
        };
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
        let mut io = Io::new(&self.agenda.memory, SOURCE_BUDGET);
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
}
