//! Phases 1 and 2: application code runs here, and nowhere else.

use std::io;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::Instant;

use super::agenda::{Marks, TaskTimers, Work};
use super::context::Context;
use super::core::{Core, Timing};
use super::failure::{Cause, Failure};
use super::member::{Member, Settled};
use super::recorder::Part;
use super::slab::{Key, SourceId};
use super::work::{BoxError, Task};

#[cfg(all(test, feature = "mq"))]
mod tests;

impl<S: 'static> Core<S> {
    #[inline]
    pub fn begin_turn(&mut self) {
        self.io.stats.turns += 1;
        self.record_turn();
    }

    /// Phase 1: what was fired or deferred before this turn, in that order, and then who [follows](Context::follow). What is fired from
    /// here on waits for the next turn, and so does what is beyond the budget.
    #[inline(never)]
    pub fn run_callbacks(&mut self, state: &mut S) -> io::Result<()> {
        self.agenda.queues.rouse();
        self.agenda.queues.batch = self.agenda.queues.work.len();
        self.run_batch(state, self.budgets.callbacks)
    }

    /// The rest of a phase 1 that began with the only callback: who follows that.
    pub fn run_followers(&mut self, state: &mut S) -> io::Result<()> {
        self.run_batch(state, self.budgets.callbacks - 1)
    }

    /// Each piece of work leaves the queue before it runs, so that a failure loses none of the others.
    fn run_batch(&mut self, state: &mut S, budget: usize) -> io::Result<()> {
        for _ in 0..budget {
            self.agenda.queues.batch = match self.agenda.queues.batch.checked_sub(1) {
                Some(rest) => rest,
                None => break,
            };
            match self.agenda.queues.work.pop_front() {
                Some(Work::Callback(key)) if self.doorbell == Some(key) => {
                    let run = self.posting.get_mut().run;
                    run(self, state, key)?;
                }
                Some(Work::Callback(key)) => self.run_callback(state, key)?,
                Some(Work::Task(task)) => {
                    self.io.stats.tasks += 1;
                    self.run_task(state, task).or_else(|failure| self.report(state, failure))?;
                }
                Some(Work::Failure(failure)) => self.report(state, *failure)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Phase 2: the timers that are due at the beginning of it, by deadline and then by order of setting. Those beyond the budget are
    /// the first ones in the next turn.
    #[inline]
    pub fn run_timeouts(&mut self, state: &mut S) -> io::Result<()> {
        self.record_part(Some(Part::Timeouts));
        if !self.rests.is_empty() {
            self.end_rests(state)?;
        }
        if self.agenda.timers.is_idle() || !self.is_timer_due() {
            return Ok(());
        }
        (self.timing.run_due)(self, state)
    }

    /// Whether phase 2 has something to do, where timers are pending.
    #[inline(never)]
    pub fn is_timer_due(&mut self) -> bool {
        match self.agenda.timers.next_deadline() {
            Some(deadline) if deadline <= self.now() => true,
            _ => self.agenda.timers.has_due(),
        }
    }

    /// The timers, to set one. What runs those that are due is known from then on, and not from the beginning: so a program that sets none
    /// has the code of timers not linked into it, which would be a twenty-fifth of a small one.
    #[inline]
    pub fn timers_to_set(&mut self) -> &mut TaskTimers<S> {
        self.timing = Timing { run_due: Core::run_due, wait: Core::wait_for_timer };
        &mut self.agenda.timers
    }

    fn run_due(&mut self, state: &mut S) -> io::Result<()> {
        let now = self.now();
        self.agenda.timers.collect_due(now);
        for _ in 0..self.budgets.timers {
            match self.agenda.timers.pop_due() {
                Some((task, deadline)) => self.run_timer(state, task, deadline)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Runs what was due at `deadline`.
    pub fn run_timer(&mut self, state: &mut S, task: Box<dyn Task<S>>, deadline: Instant) -> io::Result<()> {
        self.io.stats.timers += 1;
        self.record_timer(deadline);
        self.run_task(state, task).or_else(|failure| self.report(state, failure))
    }

    /// Lifts a source and its callback out of their slot, to run that.
    #[inline]
    pub fn take_member(&mut self, key: Key) -> Option<Box<dyn Member<S>>> {
        let slot = self.agenda.slots.get_mut(key)?;
        slot.registration.marks.take(Marks::FIRED);
        slot.member.take()
    }

    /// Runs one callback. It settles before the next wait, whatever it does, as what its callback reaches is touched.
    fn run_callback(&mut self, state: &mut S, key: Key) -> io::Result<()> {
        let turn = self.turn_number();
        if let Some(slot) = self.agenda.touch(key) {
            slot.registration.last_turn = turn;
        }
        let mut member = match self.take_member(key) {
            Some(member) => member,
            None => return Ok(()),
        };
        self.io.stats.callbacks += 1;
        let watch = self.watch(|| member.names().callback);
        if member.run(state, self, key).has_failed() {
            self.forget(key, member.as_ref());
            self.unwatch(state, watch, Some(key));
            return self.report_callback(state, key, member);
        }
        let replaced = self.put_back(key, member);
        self.unwatch(state, watch, Some(key));
        drop(replaced);
        Ok(())
    }

    /// Takes note of why a callback has failed.
    #[cold]
    pub fn note_failure(&mut self, outcome: std::thread::Result<Option<BoxError>>) -> Settled {
        self.callback_failure = cause_of(outcome);
        Settled::FAILURE
    }

    /// Tells of the callback that has failed. Its source, which may be half-way through something, is off the loop already.
    #[cold]
    pub fn report_callback(&mut self, state: &mut S, key: Key, member: Box<dyn Member<S>>) -> io::Result<()> {
        let result = match self.callback_failure.take() {
            Some(cause) => {
                let name = member.names().callback;
                self.report(state, Failure { source: Some(SourceId(key)), name, cause })
            }
            None => Ok(()),
        };
        // Last, since what it owns may do anything as it is dropped.
        drop(member);
        result
    }

    /// Runs a task; answers with its failure.
    fn run_task(&mut self, state: &mut S, task: Box<dyn Task<S>>) -> Result<(), Failure> {
        let name = task.name();
        let watch = self.watch(|| name);
        let run = || task.run(state, &mut Context::of(self));
        let cause = cause_of(catch_unwind(AssertUnwindSafe(run)));
        self.unwatch(state, watch, None);
        match cause {
            None => Ok(()),
            Some(cause) => Err(Failure { source: None, name, cause }),
        }
    }

    /// Runs what other threads have posted. What they post from here on rings again.
    pub fn run_posted(&mut self, state: &mut S, doorbell: Key) -> io::Result<()> {
        if let Some(slot) = self.agenda.slots.get_mut(doorbell) {
            slot.registration.marks.take(Marks::FIRED);
        }
        self.remote.take_tasks(&mut self.posted);
        let count = self.posted.len();
        if count > self.budgets.posted_tasks {
            self.agenda.fire(doorbell);
        }
        for _ in 0..count.min(self.budgets.posted_tasks) {
            // One at a time, so that a failure loses none of the others.
            let task = match self.posted.pop_front() {
                Some(task) => task,
                None => break,
            };
            self.io.stats.tasks += 1;
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
        self.io.stats.failures += 1;
        let mut hook = match self.failure_hook.take() {
            Some(hook) => hook,
            None => return Err(failure.escape()),
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| hook(state, &mut Context::of(self), failure)));
        // Unless it has set another one.
        self.failure_hook.get_or_insert(hook);
        outcome.or_else(|panic| resume_unwind(panic))
    }
}

/// Why something that was run has failed, if it has.
fn cause_of(outcome: std::thread::Result<Option<BoxError>>) -> Option<Cause> {
    match outcome {
        Ok(error) => error.map(Cause::Error),
        Err(panic) => Some(Cause::Panic(panic)),
    }
}
