//! Phase 3: sources that were touched settle, the kernel is told what changed, and asked who is ready.

use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Queues};
use super::core::Core;
use super::failure::Cause;
use super::recorder::Part;
use super::slab::Key;
use crate::platform::{is_shortage, Interest, Trigger};

impl<S: 'static> Core<S> {
    /// Phase 3: asks the kernel who is ready, and waits only when nothing else is to be done.
    ///
    /// When sources have prepared work for phase 4 anyway the kernel is not asked, so that a request and its reply cost one wait; but
    /// not twice in a row, so that nobody's input starves.
    #[inline]
    pub fn poll(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.record_part(Some(Part::Settling));
        if self.agenda.queues.is_quiet && !self.remote.is_stopping() {
            self.record_wait(limit);
            return self.wait(limit, limit);
        }
        self.events.clear();
        self.settle()?;
        // Only now: settling gives memory back, and nothing else may ever end the wait.
        if !self.starved.is_empty() {
            self.feed_starved();
        }
        let has_work = self.prepared.len() | self.fed.len() > 0;
        self.has_skipped_wait = has_work && !self.has_skipped_wait;
        if self.has_skipped_wait {
            self.record_wait(Some(Duration::ZERO));
            return Ok(());
        }
        let timeout = self.timeout(limit);
        self.record_wait(timeout);
        self.agenda.queues.is_quiet = self.is_quiet();
        self.wait(timeout, limit)
    }

    /// Whether there is nobody but the kernel and other threads to ask for something to do, now or later: nothing is queued, no source
    /// has been touched, no timer is pending, and nobody waits for memory.
    #[inline]
    fn is_quiet(&self) -> bool {
        let Agenda { queues: Queues { work, touched, .. }, timers, is_stopping, .. } = &self.agenda;
        let sources = touched.len() | self.prepared.len() | self.starved.len() | self.fed.len();
        let others = work.len() | timers.len() | self.always_ready.len();
        (sources | others | usize::from(*is_stopping) | usize::from(timers.has_due())) == 0
    }

    #[inline(always)] // of its two callers one knows the timeout
    fn wait(&mut self, timeout: Option<Duration>, limit: Option<Duration>) -> io::Result<()> {
        self.record_part(Some(Part::Waiting));
        self.now = None;
        self.stats.waits += 1;
        let result = self.poller.wait(&mut self.events, timeout);
        if timeout != Some(Duration::ZERO) {
            self.stats.wake_ups += 1;
            if self.events.is_empty() {
                self.count_empty_wake_up(limit.is_some() && timeout == limit);
            }
        }
        self.record_events();
        result
    }

    /// Settles every source that was touched since the last time, and tells the kernel what it waits for now.
    #[inline]
    pub fn settle(&mut self) -> io::Result<()> {
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
        let (source, registration) = match self.agenda.slots.get_mut(key) {
            Some(slot) => (&mut slot.source, &mut slot.registration),
            None => return Ok(()),
        };
        self.current = key;
        let settled = source.settle_all();
        let has_prepared = std::mem::take(&mut registration.has_prepared);
        if (settled.is_prepared || has_prepared) && !registration.is_prepared {
            registration.is_prepared = true;
            self.prepared.push_back(key);
        }
        let mut interest = settled.interest;
        if registration.is_deaf {
            interest = interest.without(Interest::READABLE);
        }
        if interest != registration.interest {
            let is_told = match registration.is_always_ready {
                true => Ok(()),
                false => self.poller.modify(source.fd(), key.to_token(), interest, Trigger::Level),
            };
            match is_told {
                Ok(()) => {
                    let before = std::mem::replace(&mut registration.interest, interest);
                    if registration.is_always_ready && interest.is_none() {
                        self.always_ready.retain(|other| *other != key);
                    } else if registration.is_always_ready && before.is_none() {
                        self.always_ready.push(key);
                    }
                }
                // The same may go well in the next turn.
                Err(error) if is_shortage(&error) => return Err(error),
                // Its descriptor is closed, say. It would come to nothing at every turn, and keep the others from theirs.
                Err(error) => {
                    self.close_failed(Cause::Error(error.into()));
                    return Ok(());
                }
            }
        }
        registration.is_touched = false;
        Ok(())
    }

    /// Whether a turn would find something to do without being told of it by the kernel or by the clock.
    #[inline]
    fn has_work(&self) -> bool {
        !self.agenda.queues.work.is_empty()
            || !self.prepared.is_empty()
            || !self.fed.is_empty()
            || self.agenda.timers.has_due()
            || self.agenda.is_stopping
            || self.remote.is_stopping()
            || !self.always_ready.is_empty()
    }

    /// How long the kernel may let us sleep. Only a wait that may sleep with a timer pending reads the clock.
    #[inline]
    fn timeout(&self, limit: Option<Duration>) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        match self.agenda.timers.next_deadline() {
            None => limit,
            Some(deadline) => Some(self.time_left(deadline, limit)),
        }
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
        self.feed_starved();
        if !is_settled || self.has_work() {
            return Some(self.poller.now());
        }
        self.agenda.timers.next_deadline()
    }

    /// Counts a wait that might sleep and found nothing; `is_limited` says whether it may have ended because the caller wanted no more.
    #[cold]
    fn count_empty_wake_up(&mut self, is_limited: bool) {
        let is_due = match self.agenda.timers.next_deadline() {
            Some(deadline) => self.now() >= deadline,
            None => false,
        };
        self.stats.spurious_wake_ups += u64::from(!is_limited && !is_due);
    }
}
