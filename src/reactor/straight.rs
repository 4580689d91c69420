//! The straight way through a turn: one event and nothing else, or one callback and nothing else, as in a request and its reply.
//!
//! What a turn does is in `run.rs`, `poll.rs` and `respond.rs`. Here is the same for a single source, without lists. As soon as there is
//! anything else to do, the lists are written and the others go on from there.

use std::any::Any;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::agenda::{Marks, Mood, Slot};
use super::core::Core;
use super::failure::Cause;
use super::member::{Member, Settled};
use super::slab::Key;
use super::Reactor;
use crate::platform::Event;

/// How much of a turn has been done.
pub(crate) enum Ran {
    /// All of it.
    All,
    /// The callback; phase 1 goes on with who follows it.
    Callback,
}

/// A member whose callback is to run, lifted out of its slot for that. It is touched, and in no list.
pub(crate) struct Lifted<S: 'static> {
    key: Key,
    member: Box<dyn Member<S>>,
}

/// The member whose callback is to run, if that is all there is to do.
pub(crate) type MayFire<S> = Option<Lifted<S>>;

impl<S: 'static> Reactor<S> {
    /// Turns for as long as there is but one thing to do in each: to wait, and when that has brought a single event which fires, to run the
    /// callback. A turn that has more to do ends by the lists, and if nothing is left then it goes on.
    #[inline]
    pub(super) fn turn_straight(&mut self, state: &mut S) -> io::Result<()> {
        while self.core.agenda.queues.mood == Mood::Quiet {
            let fired = if self.core.agenda.timers.is_idle() {
                self.core.begin_turn();
                self.core.wait_quietly(None)?
            } else {
                let (now, timeout) = match self.core.time_to_timer() {
                    Some(time) => time,
                    None => return Ok(()),
                };
                self.core.begin_turn();
                if self.core.agenda.queues.mood != Mood::Quiet {
                    // It is recorded.
                    return self.turn_from_timeouts(state, |_| None);
                }
                (self.core.timing.wait)(&mut self.core, now, timeout)?
            };
            // Who is fired is in hand here, and need not be written down for the next turn.
            if let Some(fired) = fired {
                self.core.begin_turn();
                match self.core.run_lifted(state, fired)? {
                    Ran::All if self.core.agenda.queues.mood == Mood::Quiet => {}
                    Ran::All => self.core.has_skipped_wait = true,
                    Ran::Callback => {
                        self.core.run_followers(state)?;
                        self.turn_from_timeouts(state, |_| None)?;
                    }
                }
            }
        }
        Ok(())
    }
}

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
        } else if let Some(fired) = self.wait_quietly(limit)? {
            self.put_off(fired);
        }
        Ok(())
    }

    /// As [`wait_and_respond`](Self::wait_and_respond), where that is so indeed. Answers with the member whose callback is to run, if that
    /// is all there is to do.
    #[inline(always)] // it is most of what is done between two callbacks
    fn wait_quietly(&mut self, limit: Option<Duration>) -> io::Result<MayFire<S>> {
        debug_assert!(self.agenda.queues.mood == Mood::Quiet, "there is something else to do");
        self.has_skipped_wait = false;
        match self.wait_for_one(limit)? {
            Some(event) => Ok(self.respond_to_only(event)),
            None => {
                self.respond();
                Ok(None)
            }
        }
    }

    /// As [`wait_quietly`](Self::wait_quietly), with timers pending of which the first is due in so long from this reading of the clock.
    pub fn wait_for_timer(&mut self, now: Instant, timeout: Duration) -> io::Result<MayFire<S>> {
        self.has_skipped_wait = false;
        match self.wait_for_one_from(now, timeout)? {
            Some(event) => Ok(self.respond_to_only(event)),
            None => {
                self.respond();
                Ok(None)
            }
        }
    }

    /// Phase 4 after a wait that was begun with nothing else to do; answers whether that was all of it.
    #[inline(never)]
    pub fn respond_if_only(&mut self) -> bool {
        match self.events.get(0) {
            Some(event) if self.events.len() == 1 && self.agenda.queues.mood == Mood::Quiet => {
                if let Some(fired) = self.respond_to_only(event) {
                    self.put_off(fired);
                }
                true
            }
            _ => false,
        }
    }

    /// Phase 4 for the only event. Answers as [`wait_quietly`](Self::wait_quietly).
    #[inline(always)] // as `wait_quietly`
    fn respond_to_only(&mut self, event: Event) -> MayFire<S> {
        let key = Key::from_token(event.token);
        let (place, registration) = match self.agenda.slots.get_mut(key) {
            Some(Slot { member, registration }) => (member, registration),
            None => {
                self.io.stats.stale_events += 1;
                return None;
            }
        };
        self.io.begin();
        let io = &mut self.io;
        let member = place.as_mut()?;
        let settled = match catch_unwind(AssertUnwindSafe(|| member.respond_and_settle(event.ready, io))) {
            Ok(settled) => settled,
            Err(panic) => {
                self.close_only(key, panic);
                return None;
            }
        };
        self.io.stats.events += 1;
        if self.io.refusal().is_some() {
            self.conclude_response(key, settled);
        } else if settled.fires() && registration.marks == Marks::NONE {
            registration.marks = Marks::TOUCHED;
            return place.take().map(|member| Lifted { key, member });
        } else if !settled.is_waiting(registration.interest) {
            self.conclude_response(key, settled);
        }
        None
    }

    /// The next turn is to begin with it.
    #[inline]
    fn put_off(&mut self, fired: Lifted<S>) {
        let Lifted { key, member } = fired;
        if let Some(slot) = self.agenda.slots.get_mut(key) {
            slot.member = Some(member);
            slot.registration.marks = Marks::FIRED.with(Marks::TOUCHED);
            self.agenda.queues.mood = Mood::Fired(key);
        }
    }

    /// Phase 1 for the only callback, and what [`run_lifted`](Self::run_lifted) does behind it.
    #[inline]
    pub fn run_only(&mut self, state: &mut S, key: Key) -> io::Result<Ran> {
        self.agenda.queues.mood = Mood::Quiet;
        match self.take_member(key) {
            Some(member) => {
                let ran = self.run_lifted(state, Lifted { key, member })?;
                if let Ran::All = ran {
                    self.has_skipped_wait = true;
                }
                Ok(ran)
            }
            None => Ok(self.settle_only_later(key)),
        }
    }

    /// Phase 1 for the only callback, and phases 3 and 4 for its source when there is nothing else to do: it settles, and when it has
    /// prepared work it responds, without asking the kernel. That a wait was skipped then is for the caller to note, if there is a turn that
    /// would look for it.
    #[inline(always)] // as `wait_quietly`
    fn run_lifted(&mut self, state: &mut S, fired: Lifted<S>) -> io::Result<Ran> {
        // The source is touched and in no list, which is seen to when its callback has run.
        debug_assert!(self.agenda.queues.mood == Mood::Quiet, "it is not the only one");
        let Lifted { key, mut member } = fired;
        self.io.stats.callbacks += 1;
        let settled = match catch_unwind(AssertUnwindSafe(|| member.run(state, self, key))) {
            Ok(settled) => settled,
            Err(panic) => return Ok(self.close_settling(key, member, panic)),
        };
        match self.agenda.slots.get_mut(key) {
            Some(Slot { member: place @ None, registration }) if settled.has_sent(registration.interest) => {
                // It waits for what it has waited for: so it is nearly always.
                *place = Some(member);
                registration.marks = Marks::NONE;
                Ok(Ran::All)
            }
            _ => self.conclude_only(state, key, member, settled),
        }
    }

    /// Whether the source whose callback has just run is all that this turn is about.
    #[inline]
    pub fn has_only_this(&mut self) -> bool {
        self.agenda.queues.mood == Mood::Quiet && (self.agenda.timers.is_idle() || !self.is_timer_due())
    }

    /// As [`run_only`](Self::run_only), of a source that has panicked behind its callback.
    #[cold]
    fn close_settling(&mut self, key: Key, member: Box<dyn Member<S>>, panic: Box<dyn Any + Send>) -> Ran {
        let replaced = self.put_back(key, member);
        self.close_only(key, panic);
        // There is nobody else to respond, and the next turn tells of it.
        self.has_skipped_wait = true;
        drop(replaced);
        Ran::All
    }

    /// As [`run_only`](Self::run_only), of a source that has not responded, or has more to do than to wait for what it has waited for.
    #[inline(never)]
    fn conclude_only(
        &mut self,
        state: &mut S,
        key: Key,
        member: Box<dyn Member<S>>,
        settled: Settled,
    ) -> io::Result<Ran> {
        if settled.has_failed() {
            self.forget(key, member.as_ref());
            return self.report_callback(state, key, member).map(|()| Ran::Callback);
        }
        let replaced = self.put_back(key, member);
        if settled.has_not_settled() {
            let ran = self.settle_only_later(key);
            drop(replaced);
            return Ok(ran);
        }
        self.has_skipped_wait = settled.has_responded();
        if settled.has_responded() {
            self.write_touched(key);
            self.conclude_response(key, settled);
            return Ok(Ran::All);
        }
        // It has settled; only the kernel is to be told, of what it waits for if that is something else than before.
        self.current = key;
        let result = self.conclude_settling(key, settled);
        if result.is_err() {
            self.write_touched(key);
        }
        result.map(|()| Ran::Callback)
    }

    /// The turn goes on by the lists: there is more to do, or the source is gone, or has another callback.
    #[cold]
    fn settle_only_later(&mut self, key: Key) -> Ran {
        let turn = self.turn_number();
        if let Some(slot) = self.agenda.slots.get_mut(key) {
            slot.registration.last_turn = turn;
        }
        self.write_touched(key);
        Ran::Callback
    }

    /// Writes the one source that is touched, and is in no list, into that of those who are. First, since it was.
    fn write_touched(&mut self, key: Key) {
        self.agenda.queues.rouse();
        self.agenda.queues.touched.insert(0, key);
    }

    /// Closes the source that has panicked.
    #[cold]
    fn close_only(&mut self, key: Key, panic: Box<dyn Any + Send>) {
        self.current = key;
        self.close_failed(Cause::Panic(panic));
    }
}
