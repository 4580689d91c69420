//! Phase 3: sources that were touched settle, the kernel is told what changed, and asked who is ready.

use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Marks, Mood, Queues, Registration, Slot};
use super::core::{retain, Core};
use super::failure::Cause;
use super::member::Settled;
use super::recorder::Part;
use super::slab::Key;
use super::source::Source;
use crate::platform::{is_shortage, AnyPoller, Event, Interest, Poller, Trigger};

impl<S: 'static> Core<S> {
    /// Phase 3: asks the kernel who is ready, and waits only when nothing else is to be done.
    ///
    /// When sources have prepared work for phase 4 anyway the kernel is not asked, so that a request and its reply cost one wait; but
    /// not twice in a row, so that nobody's input starves.
    #[inline(never)]
    pub fn poll(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.record_part(Some(Part::Settling));
        self.events.clear();
        if self.agenda.queues.mood != Mood::Quiet {
            self.settle()?;
            // Only now: settling gives memory back, and nothing else may ever end the wait.
            if self.line.has_waiting() {
                self.feed_line();
            }
        }
        let has_work = !self.prepared.is_empty() || self.line.has_fed();
        self.has_skipped_wait = has_work && !self.has_skipped_wait;
        if self.has_skipped_wait {
            self.record_wait(Some(Duration::ZERO));
            return Ok(());
        }
        let timeout = self.timeout(limit);
        self.record_wait(timeout);
        if self.has_nothing() {
            self.agenda.queues.mood = Mood::Quiet;
        }
        self.wait(timeout, limit)
    }

    /// Whether there is nobody but the kernel, the clock and other threads to ask for something to do, now or later: nothing is queued, no
    /// source has been touched, and nobody waits for memory.
    #[inline]
    pub fn has_nothing(&self) -> bool {
        let Agenda { queues: Queues { work, touched, .. }, timers, .. } = &self.agenda;
        let sources = touched.len() | self.prepared.len() | self.line.len();
        let others = work.len() | self.always_ready.len() | self.rests.len();
        (sources | others | usize::from(timers.has_due() | self.remote.is_stopping())) == 0
    }

    fn wait(&mut self, timeout: Option<Duration>, limit: Option<Duration>) -> io::Result<()> {
        self.begin_wait();
        self.poller.wait(&mut self.events, timeout)?;
        self.end_wait(self.events.len(), timeout, limit);
        Ok(())
    }

    /// Asks the kernel who is ready, with nothing else to do before `limit`. An event that is the only one may come back, and the list be
    /// left as it is.
    #[inline(always)] // the straight way mostly knows the limit
    pub fn wait_for_one(&mut self, limit: Option<Duration>) -> io::Result<Option<Event>> {
        self.begin_wait();
        let event = self.poller.wait_for_one(&mut self.events, limit)?;
        self.end_wait(if event.is_some() { 1 } else { self.events.len() }, limit, limit);
        Ok(event)
    }

    /// As [`wait_for_one`](Self::wait_for_one), until a timer is due: in so long from this reading of the clock, which is fresh.
    #[inline]
    pub fn wait_for_one_from(&mut self, now: Instant, timeout: Duration) -> io::Result<Option<Event>> {
        self.begin_wait();
        let event = self.poller.wait_for_one_from(&mut self.events, now, timeout)?;
        self.end_wait(if event.is_some() { 1 } else { self.events.len() }, Some(timeout), None);
        Ok(event)
    }

    #[inline(always)]
    fn begin_wait(&mut self) {
        self.record_part(Some(Part::Waiting));
        self.now = None;
        self.io.stats.waits += 1;
    }

    /// Counts what a wait has come to that has not failed.
    #[inline(always)]
    fn end_wait(&mut self, count: usize, timeout: Option<Duration>, limit: Option<Duration>) {
        if timeout != Some(Duration::ZERO) {
            self.io.stats.wake_ups += 1;
            if count == 0 {
                self.count_empty_wake_up(limit.is_some() && timeout == limit);
            }
        }
        self.record_events(count);
    }

    /// Settles every source that was touched since the last time, and tells the kernel what it waits for now.
    #[inline]
    pub fn settle(&mut self) -> io::Result<()> {
        self.agenda.queues.rouse();
        if self.agenda.queues.touched.is_empty() {
            return Ok(());
        }
        self.settle_touched()
    }

    fn settle_touched(&mut self) -> io::Result<()> {
        self.position = 0;
        let result = loop {
            match catch_unwind(AssertUnwindSafe(|| self.settle_rest())) {
                Ok(result) => break result,
                Err(panic) => self.close_failed(Cause::Panic(panic)),
            }
        };
        match result {
            Ok(()) => self.agenda.queues.touched.clear(),
            // The others, and this one again, next time.
            Err(_) => drop(self.agenda.queues.touched.drain(..self.position)),
        }
        result
    }

    fn settle_rest(&mut self) -> io::Result<()> {
        while let Some(&key) = self.agenda.queues.touched.get(self.position) {
            self.settle_one(key)?;
            self.position += 1;
        }
        Ok(())
    }

    fn settle_one(&mut self, key: Key) -> io::Result<()> {
        let member = match self.agenda.slots.get_mut(key).and_then(|slot| slot.member.as_mut()) {
            Some(member) => member,
            None => return Ok(()),
        };
        self.current = key;
        let settled = member.settle();
        self.conclude_settling(key, settled)
    }

    /// Takes note of what a source has prepared, and tells the kernel what it waits for.
    #[inline(always)]
    pub fn conclude_settling(&mut self, key: Key, settled: Settled) -> io::Result<()> {
        let (member, registration) = match self.agenda.slots.get_mut(key) {
            Some(Slot { member: Some(member), registration }) => (member, registration),
            _ => return Ok(()),
        };
        let has_prepared = registration.marks.take(Marks::HAS_PREPARED);
        if (settled.is_prepared() || has_prepared) && !registration.marks.has(Marks::PREPARED) {
            registration.marks.put(Marks::PREPARED);
            self.prepared.push_back(key);
        }
        let mut interest = settled.interest;
        if registration.marks.has(Marks::DEAF) {
            interest = interest.without(Interest::READABLE);
        }
        if interest != registration.interest {
            let before = registration.interest;
            match tell(&mut self.poller, key, member.source(), registration, interest) {
                Ok(()) if !registration.marks.has(Marks::ALWAYS_READY) => {}
                Ok(()) if interest.is_none() => retain(&mut self.always_ready, &mut |other| other != key),
                Ok(()) if before.is_none() => self.always_ready.push(key),
                Ok(()) => {}
                // The same may go well in the next turn.
                Err(error) if is_shortage(&error) => return Err(error),
                // Its descriptor is closed, say. It would come to nothing at every turn, and keep the others from theirs.
                Err(error) => {
                    self.close_failed(Cause::Error(error.into()));
                    return Ok(());
                }
            }
        }
        registration.marks.take(Marks::TOUCHED);
        Ok(())
    }

    /// Whether a turn would find something to do without being told of it by the kernel or by the clock.
    #[inline]
    fn has_work(&self) -> bool {
        !self.agenda.queues.work.is_empty()
            || !self.prepared.is_empty()
            || self.line.has_fed()
            || self.agenda.timers.has_due()
            || self.remote.is_stopping()
            || !self.always_ready.is_empty()
    }

    /// When phase 2 has something to do next: a timer, or a rest that is over.
    #[inline]
    pub fn first_deadline(&self) -> Option<Instant> {
        match (self.agenda.timers.next_deadline(), self.rests.first()) {
            (Some(deadline), Some(rest)) => Some(deadline.min(rest.end)),
            (None, Some(rest)) => Some(rest.end),
            (deadline, None) => deadline,
        }
    }

    /// How long the kernel may let us sleep. Only a wait that may sleep with a timer pending reads the clock.
    #[inline]
    pub fn timeout(&self, limit: Option<Duration>) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        match self.first_deadline() {
            None => limit,
            Some(deadline) => Some(self.time_left(deadline, limit)),
        }
    }

    /// What the clock says, and how long it is from then to the first deadline; `None` when a timer is due, or none is pending.
    #[inline]
    pub fn time_to_timer(&self) -> Option<(Instant, Duration)> {
        if self.agenda.timers.has_due() {
            return None;
        }
        let deadline = self.agenda.timers.next_deadline()?;
        let now = self.poller.now();
        // Without a difference of nothing, which would be a wait that does not sleep.
        deadline.checked_duration_since(now).filter(|left| !left.is_zero()).map(|left| (now, left))
    }

    #[inline(never)]
    fn time_left(&self, deadline: Instant, limit: Option<Duration>) -> Duration {
        let left = deadline.saturating_duration_since(self.poller.now());
        limit.map_or(left, |limit| limit.min(left))
    }

    /// When the next turn has something to do even if no descriptor becomes ready: now, if it has already.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        // What cannot be told to the kernel is the next turn's to tell.
        let is_settled = self.settle().is_ok();
        self.feed_line();
        if !is_settled || self.has_work() {
            return Some(self.poller.now());
        }
        self.first_deadline()
    }

    /// Counts a wait that might sleep and found nothing; `is_limited` says whether it may have ended because the caller wanted no more.
    #[cold]
    fn count_empty_wake_up(&mut self, is_limited: bool) {
        let is_due = match self.first_deadline() {
            Some(deadline) => self.now() >= deadline,
            None => false,
        };
        self.io.stats.spurious_wake_ups += u64::from(!is_limited && !is_due);
    }
}

/// Tells the kernel what a source waits for now, unless it is one of those that the kernel cannot wait for.
fn tell(
    poller: &mut AnyPoller,
    key: Key,
    source: Option<&dyn Source>,
    registration: &mut Registration,
    interest: Interest,
) -> io::Result<()> {
    match source {
        Some(source) if !registration.marks.has(Marks::ALWAYS_READY) => {
            poller.modify(source.fd(), key.to_token(), interest, Trigger::Level)?;
        }
        _ => {}
    }
    registration.interest = interest;
    Ok(())
}
