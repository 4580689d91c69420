//! Phase 4: sources do their input and output, and no application code runs.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::agenda::Work;
use super::core::{Core, Starved};
use super::failure::{Cause, Failure};
use super::recorder::Part;
use super::slab::{Key, SourceId};
use super::source::{AnySource, Fire, Io};
use crate::platform::{Interest, Ready};

impl<S: 'static> Core<S> {
    /// Phase 4: minimal input and output for who is ready, and for who needs no readiness.
    pub fn respond(&mut self) {
        self.record_part(Some(Part::Responding));
        self.position = 0;
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.respond_to_rest())) {
            self.close_failed(Cause::Panic(panic));
        }
        self.record_part(None);
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
            self.respond_one(key, self.always_ready_for(key));
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

    /// Lets sources that wait for memory try again, in the order in which they were refused, for as long as there is enough. They do so
    /// before the events of the turn, so that who is ready at every turn cannot take the memory from under them.
    pub fn feed_starved(&mut self) {
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

    /// What a source that the kernel cannot wait for is ready for: whatever it wants.
    pub fn always_ready_for(&self, key: Key) -> Ready {
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

    /// Closes the source that has failed in phase 3 or 4. Application code is not run there, so it is told of it in phase 1.
    pub fn close_failed(&mut self, cause: Cause) {
        let key = self.current.expect("nobody but sources runs there");
        let name = self.sources[key.index()].as_ref().map_or("", |source| source.type_name());
        let failure = Failure { source: Some(SourceId(key)), name, cause };
        self.remove(key);
        self.agenda.queue.push_back(Work::Failure(failure));
    }

    /// Asks one source for something. `None` when it is gone, or panics, and then it is closed.
    pub fn guard<R>(&mut self, key: Key, ask: impl FnOnce(&mut dyn AnySource) -> R) -> Option<R> {
        self.agenda.registrations.get(key)?;
        self.current = Some(key);
        let source = self.sources[key.index()].as_mut()?;
        let answer = catch_unwind(AssertUnwindSafe(|| ask(source.as_mut())));
        answer.map_err(|panic| self.close_failed(Cause::Panic(panic))).ok()
    }
}
