//! The straight way through a turn: one event and nothing else, or one callback and nothing else, as in a request and its reply.
//!
//! What a turn does is in `run.rs`, `poll.rs` and `respond.rs`. Here is the same for a single source, without lists. As soon as there is
//! anything else to do, the lists are written and the others go on from there.

use std::any::Any;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use super::agenda::{Marks, Mood};
use super::context::Context;
use super::core::Core;
use super::failure::Cause;
use super::slab::Key;
use super::source::Settled;
use super::work::Callback;
use crate::platform::Event;

impl<S: 'static> Core<S> {
    /// Phases 3 and 4 where nothing is to be done but what the kernel tells of.
    ///
    /// It tells of a stop, too: who asks for one from elsewhere rings, and who asks for one in here has roused the loop.
    #[inline]
    pub fn wait_and_respond(&mut self, limit: Option<Duration>) -> io::Result<()> {
        if self.agenda.queues.mood != Mood::Quiet {
            // Since it was asked for the limit.
            self.poll(limit)?;
            self.respond();
            return Ok(());
        }
        self.has_skipped_wait = false;
        self.wait(limit, limit)?;
        match self.only_event() {
            Some(event) => self.respond_to_only(event),
            None => self.respond(),
        }
        Ok(())
    }

    #[inline]
    fn only_event(&self) -> Option<Event> {
        match self.events.len() {
            1 => self.events.get(0),
            _ => None,
        }
    }

    /// Phase 4 after a wait that was begun with nothing else to do; answers whether that was all of it.
    pub fn respond_if_only(&mut self) -> bool {
        match self.only_event() {
            Some(event) if self.agenda.queues.mood == Mood::Quiet => self.respond_to_only(event),
            _ => return false,
        }
        true
    }

    /// Phase 4 for the only event.
    #[inline]
    fn respond_to_only(&mut self, event: Event) {
        let key = Key::from_token(event.token);
        let slot = match self.agenda.slots.get_mut(key) {
            Some(slot) => slot,
            None => {
                self.io.stats.stale_events += 1;
                return;
            }
        };
        self.io.begin();
        let (source, io) = (&mut slot.source, &mut self.io);
        let settled = match catch_unwind(AssertUnwindSafe(|| source.respond_and_settle(event.ready, io))) {
            Ok(settled) => settled,
            Err(panic) => return self.close_only(key, panic),
        };
        self.io.stats.events += 1;
        let registration = &mut slot.registration;
        if self.io.refusal().is_some() {
            self.conclude_response(key, settled);
        } else if settled.fires() && registration.marks == Marks::NONE {
            registration.marks = Marks::FIRED.with(Marks::TOUCHED);
            self.agenda.queues.mood = Mood::Fired(key);
        } else if !settled.is_waiting(registration.interest) {
            self.conclude_response(key, settled);
        }
    }

    /// Phase 1 for the only callback, and what follows for its source. `None` when that was the whole turn.
    #[inline]
    pub fn run_only(&mut self, state: &mut S, key: Key) -> Option<io::Result<()>> {
        // The source is touched and in no list, which is seen to when its callback has run.
        self.agenda.queues.mood = Mood::Quiet;
        let mut callback = match self.take_callback(key) {
            Some(callback) => callback,
            None => return self.settle_only_later(key),
        };
        let call = || callback.call(state, &mut Context { core: self }, key);
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(None) => self.settle_only(key, callback),
            Ok(Some(error)) => Some(self.fail_only(state, key, callback, Cause::Error(error))),
            Err(panic) => Some(self.fail_only(state, key, callback, Cause::Panic(panic))),
        }
    }

    /// Removes the source whose callback has failed, and tells of it.
    #[cold]
    fn fail_only(
        &mut self,
        state: &mut S,
        key: Key,
        callback: Box<dyn Callback<S>>,
        cause: Cause,
    ) -> io::Result<()> {
        let source = self.remove(key);
        self.report_callback(state, key, source, callback, cause)
    }

    /// Phases 3 and 4 for the one source that is touched, whose callback has just run: it settles, and when it has prepared work it
    /// responds, without asking the kernel. `None` when that ends the turn. The callback is put back into its place first.
    #[inline]
    fn settle_only(&mut self, key: Key, callback: Box<dyn Callback<S>>) -> Option<io::Result<()>> {
        let is_timer_due = !self.agenda.timers.is_idle() && self.is_timer_due();
        let slot = match self.agenda.slots.get_mut(key) {
            // Unless it was given another one.
            Some(slot) if slot.callback.is_none() => slot,
            _ => {
                let result = self.settle_only_later(key);
                // Last, since what it owns may do anything as it is dropped.
                drop(callback);
                return result;
            }
        };
        slot.callback = Some(callback);
        if is_timer_due || self.agenda.queues.mood != Mood::Quiet || slot.registration.marks != Marks::TOUCHED
        {
            return self.settle_only_later(key);
        }
        self.io.begin();
        let (source, io) = (&mut slot.source, &mut self.io);
        let settled = match catch_unwind(AssertUnwindSafe(|| source.settle_and_respond(io))) {
            Ok(settled) => settled,
            Err(panic) => {
                // There is nobody else to respond, and the next turn tells of it.
                self.close_only(key, panic);
                self.has_skipped_wait = true;
                return None;
            }
        };
        if settled.has_sent(slot.registration.interest) && self.io.refusal().is_none() {
            // It has responded, and waits for what it has waited for: so it is nearly always.
            self.has_skipped_wait = true;
            slot.registration.marks = Marks::NONE;
            return None;
        }
        self.settle_only_on(key, settled)
    }

    /// The turn goes on by the lists: there is more to do, or the source is gone, or has another callback.
    #[cold]
    fn settle_only_later(&mut self, key: Key) -> Option<io::Result<()>> {
        self.write_touched(key);
        Some(Ok(()))
    }

    /// Writes the one source that is touched, and is in no list, into that of those who are. First, since it was.
    fn write_touched(&mut self, key: Key) {
        self.agenda.queues.rouse();
        self.agenda.queues.touched.insert(0, key);
    }

    /// As [`settle_only`](Self::settle_only), of a source that has not responded, or has more to do than to wait for what it has waited
    /// for.
    #[inline(never)]
    fn settle_only_on(&mut self, key: Key, settled: Settled) -> Option<io::Result<()>> {
        self.has_skipped_wait = settled.has_responded();
        if settled.has_responded() {
            self.write_touched(key);
            self.conclude_response(key, settled);
            return None;
        }
        // It has settled; only the kernel is to be told, of what it waits for if that is something else than before.
        self.current = key;
        let result = self.conclude_settling(key, settled);
        if result.is_err() {
            self.write_touched(key);
        }
        Some(result)
    }

    /// Closes the source that has panicked.
    #[cold]
    fn close_only(&mut self, key: Key, panic: Box<dyn Any + Send>) {
        self.current = key;
        self.close_failed(Cause::Panic(panic));
    }
}
