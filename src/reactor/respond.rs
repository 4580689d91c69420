//! Phase 4: sources do their input and output, and no application code runs.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::agenda::{Marks, Mood, Slot, Work};
use super::core::Core;
use super::failure::{Cause, Failure};
use super::line::Purpose;
use super::member::Settled;
use super::recorder::Part;
use super::slab::{Key, SourceId};
use super::source::Source;
use crate::platform::{Interest, Ready};

impl<S: 'static> Core<S> {
    /// Phase 4: minimal input and output for who is ready, and for who needs no readiness.
    #[inline(never)]
    pub fn respond(&mut self) {
        self.record_part(Some(Part::Responding));
        if !self.respond_if_only() {
            self.position = 0;
            while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.respond_to_rest())) {
                self.io.may_draw = false; // that was for the one that has failed
                self.close_failed(Cause::Panic(panic));
            }
        }
        self.record_part(None);
    }

    /// Phase 4 from where it is. What is done is taken out or counted before it is done, so that after a panic the rest is left.
    fn respond_to_rest(&mut self) {
        if self.line.has_fed() {
            self.respond_to_memory();
        }
        while let Some(event) = self.events.get(self.position) {
            self.position += 1;
            if self.respond_one(Key::from_token(event.token), event.ready, false) {
                self.io.stats.events += 1;
            } else {
                self.io.stats.stale_events += 1;
            }
        }
        if self.always_ready.len() | self.prepared.len() > 0 {
            self.respond_unasked();
        }
    }

    /// Those who waited for memory, and have some now.
    #[inline(never)]
    fn respond_to_memory(&mut self) {
        while let Some(fed) = self.line.next_fed() {
            if let Some(slot) = self.agenda.slots.get_mut(fed.key) {
                let (mark, ready) = mark_of(fed.purpose);
                slot.registration.marks.take(mark);
                self.io.may_draw = fed.may_draw;
                self.respond_one(fed.key, ready, false);
                self.io.may_draw = false;
            }
        }
    }

    /// Those that the kernel was not asked for: whom it cannot wait for, and who is prepared.
    #[inline(never)]
    fn respond_unasked(&mut self) {
        while let Some(&key) = self.always_ready.get(self.position - self.events.len()) {
            self.respond_one(key, self.always_ready_for(key), false);
            // Only now: were it to panic it would leave the list, and another one move up to its place.
            self.position += 1;
        }
        while let Some(key) = self.prepared.pop_front() {
            // Whoever was ready as well has responded already.
            self.respond_one(key, Ready::NONE, true);
        }
        // Mostly that was a reply, and the next turn waits for a request.
        if self.has_nothing() {
            self.agenda.queues.mood = Mood::Quiet;
        }
    }

    /// Has a source respond; `false` when it is gone, or is to be prepared and is not.
    #[inline]
    fn respond_one(&mut self, key: Key, ready: Ready, if_prepared: bool) -> bool {
        let (member, registration) = match self.agenda.slots.get_mut(key) {
            Some(Slot { member: Some(member), registration })
                if !if_prepared || registration.marks.has(Marks::PREPARED) =>
            {
                (member, registration)
            }
            _ => return false,
        };
        self.current = key;
        registration.marks.take(Marks::PREPARED);
        self.io.begin();
        let settled = member.respond_and_settle(ready, &mut self.io);
        if !settled.is_waiting(registration.interest) || self.io.refusal().is_some() {
            self.conclude_response(key, settled);
        }
        // Else nobody has anything to do for it, as after most writes.
        true
    }

    /// A source that has responded is to be looked at again: its callback is to run, it has prepared more, it waits for something else
    /// than before, or it was refused memory.
    #[inline(never)]
    pub fn conclude_response(&mut self, key: Key, settled: Settled) {
        if let Some(Slot { registration, .. }) = self.agenda.slots.get_mut(key) {
            if settled.is_prepared() {
                registration.marks.put(Marks::HAS_PREPARED);
            }
            if settled.fires() {
                self.agenda.queues.touch(key, registration);
                self.agenda.queues.fire(key, registration);
            } else if !settled.is_waiting(registration.interest) {
                self.agenda.queues.touch(key, registration);
            }
        }
        if let Some(refused) = self.io.refusal() {
            self.io.stats.memory_refusals += 1;
            let ledger = self.io.memory().ledger();
            // What is more than one can ever have never comes free, and who wants it must not hold up those behind him.
            let (reading, sending) = (ledger.reading_limit(), ledger.sending_limit());
            self.join_line(key, Purpose::Reading, refused.reading, reading);
            self.join_line(key, Purpose::Sending, refused.sending, sending);
            self.join_line(key, Purpose::Accepting, refused.accepting, reading);
        }
    }

    /// Has a source that was refused memory for a purpose wait in line for it.
    #[cold]
    fn join_line(&mut self, key: Key, purpose: Purpose, wanted: usize, limit: usize) {
        if wanted == 0 {
            return;
        }
        self.agenda.queues.rouse();
        let (mark, _) = mark_of(purpose);
        if let Some(Slot { registration, .. }) = self.agenda.touch(key) {
            if wanted > limit {
                // But the kernel would tell of its input again and again.
                if purpose == Purpose::Reading {
                    registration.marks.put(mark);
                }
            } else if registration.marks.has(mark) {
                self.line.want_more(key, purpose, wanted);
            } else {
                registration.marks.put(mark);
                self.line.join(key, purpose, wanted);
            }
        }
    }

    /// Lets sources that wait for memory try again, if there is enough.
    pub fn feed_line(&mut self) {
        let slots = &self.agenda.slots;
        self.line.feed(self.io.memory().ledger(), &|key| slots.get(key).is_some());
    }

    /// What a source that the kernel cannot wait for is ready for: whatever it wants.
    pub fn always_ready_for(&self, key: Key) -> Ready {
        let interest = self.agenda.slots.get(key).map_or(Interest::NONE, |slot| slot.registration.interest);
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
    #[cold]
    pub fn close_failed(&mut self, cause: Cause) {
        let key = self.current;
        let member = self.agenda.slots.get(key).and_then(|slot| slot.member.as_ref());
        let name = member.map_or("", |member| member.names().source);
        let failure = Failure { source: Some(SourceId(key)), name, cause };
        self.agenda.queues.push(Work::Failure(Box::new(failure)));
        // Only now: it may panic as it is dropped, too.
        drop(self.remove(key));
    }

    /// Asks one source for something. `None` when it is gone, or panics, and then it is closed.
    pub fn guard<R>(&mut self, key: Key, ask: impl FnOnce(&mut dyn Source) -> R) -> Option<R> {
        let source = self.agenda.slots.get_mut(key)?.member.as_mut()?.source_mut()?;
        self.current = key;
        let answer = catch_unwind(AssertUnwindSafe(|| ask(source)));
        answer.map_err(|panic| self.close_failed(Cause::Panic(panic))).ok()
    }
}

/// The mark of who waits for memory for this purpose, and what to respond to once there is some: input is there still if that is what could
/// not be read.
fn mark_of(purpose: Purpose) -> (Marks, Ready) {
    match purpose {
        Purpose::Reading | Purpose::Accepting => (Marks::DEAF, Ready::READABLE),
        Purpose::Sending => (Marks::MUTE, Ready::NONE),
    }
}
