//! What the timers of an input do when they run, and the loop and the model held against each other at every call.

use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use ringmq::{Context, Reactor, TimerId};

use super::clock::Clock;
use super::model::{next_tick, Model};

/// What a timer or a deferred task does when it runs. `back` counts timers back from the last that was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Nothing,
    Set {
        after: Duration,
    },
    Clear {
        back: usize,
    },
    Reset {
        back: usize,
        after: Duration,
    },
    ClearItself,
    ResetItself {
        after: Duration,
    },
    /// Takes its time.
    Pass {
        time: Duration,
    },
    Fail,
}

/// The state of the loop.
pub struct World {
    pub model: Model,
    clock: Clock,
    /// By number, of the live and of the others.
    ids: Vec<TimerId>,
    /// Held by each task as well, which so is seen to be dropped.
    held: Rc<()>,
    /// How many tasks are deferred to the next turn, or left in this one.
    deferred: usize,
    is_in_turn: bool,
    /// The time of the turn, once it was asked for.
    now: Option<Instant>,
    budget: usize,
    /// How many have run, in this turn and in all.
    ran: usize,
    ran_ever: u64,
    failed_ever: u64,
    /// Whether the loop may find one that is due no more and so not sleep, though nothing is due.
    may_be_hasty: bool,
}

type Outside<'a> = Context<'a, World>;

impl World {
    pub fn new(clock: Clock, budget: usize) -> World {
        World {
            model: Model::default(),
            clock,
            ids: Vec::new(),
            held: Rc::new(()),
            deferred: 0,
            is_in_turn: false,
            now: None,
            budget,
            ran: 0,
            ran_ever: 0,
            failed_ever: 0,
            may_be_hasty: false,
        }
    }

    /// How many timers were ever set.
    pub fn set_count(&self) -> usize {
        self.ids.len()
    }

    /// How many tasks wait for the next turn.
    pub fn deferred_count(&self) -> usize {
        self.deferred
    }

    pub fn note_failure(&mut self) {
        self.failed_ever += 1;
    }

    /// A timeout, counted from a fresh reading of the clock.
    pub fn set(&mut self, context: &mut Outside<'_>, after: Duration, act: Act) {
        let (number, held) = (self.ids.len(), Rc::clone(&self.held));
        self.model.set(number, self.clock.now().checked_add(after), None);
        self.ids.push(context.set_timeout(after, move |world: &mut World, context: &mut Outside<'_>| {
            let _held = held;
            world.run(number, act, context)
        }));
    }

    /// An interval, counted likewise.
    pub fn set_interval(&mut self, context: &mut Outside<'_>, period: Duration, act: Act) {
        let (number, held) = (self.ids.len(), Rc::clone(&self.held));
        self.model.set(number, self.clock.now().checked_add(period), Some(period));
        self.ids.push(context.set_interval(period, move |world: &mut World, context: &mut Outside<'_>| {
            let _held = &held;
            world.run(number, act, context)
        }));
    }

    pub fn reset(&mut self, context: &mut Outside<'_>, number: usize, after: Duration) {
        let Some(id) = self.ids.get(number).copied() else { return };
        let deadline = self.now(context).checked_add(after);
        let before = self.model.get(number);
        let mut was_live = false;
        let allocated = measure(|| was_live = context.reset_timeout(id, after));
        assert_eq!(was_live, before.is_some(), "reset of timer {number}");
        if let Some(before) = before {
            self.may_be_hasty |= self.model.reset(number, deadline);
            if before.noted.is_some() && deadline.is_some() {
                assert_eq!(
                    allocated.count_total, 0,
                    "a reset of timer {number}, which is pending, allocates"
                );
            }
        }
    }

    pub fn clear(&mut self, context: &mut Outside<'_>, number: usize) {
        let Some(id) = self.ids.get(number).copied() else { return };
        let was_live = self.model.get(number).is_some();
        assert_eq!(context.clear_timeout(id), was_live, "clear of timer {number}");
        if was_live {
            self.may_be_hasty |= self.model.clear(number);
        }
        assert!(!context.clear_timeout(id), "timer {number} was cleared a moment ago");
    }

    /// The number of the timer that is so far back.
    pub fn number(&self, back: usize) -> usize {
        self.ids.len().saturating_sub(1 + back % self.ids.len().max(1))
    }

    /// A task of the next turn, before its timers.
    pub fn defer(&mut self, context: &mut Outside<'_>, act: Act) {
        self.deferred += 1;
        context.defer(move |world: &mut World, context: &mut Outside<'_>| {
            world.perform(None, act, context);
            world.deferred -= 1;
            if world.deferred == 0 {
                world.begin_timers();
            }
            outcome_of(act)
        });
    }

    /// The time of the turn, which is the same from when it is first asked for until the loop waits.
    pub fn now(&mut self, context: &mut Outside<'_>) -> Instant {
        let mut now = self.clock.now();
        if self.is_in_turn {
            now = *self.now.get_or_insert(now);
        }
        assert_eq!(context.now(), now, "the time of the turn");
        now
    }

    /// A turn in which at most `limit` is slept.
    pub fn turn(&mut self, reactor: &mut Reactor<World>, limit: Option<Duration>) {
        self.is_in_turn = true;
        self.ran = 0;
        if self.deferred == 0 {
            self.begin_timers();
        }
        reactor.turn(self, limit).expect("whatever fails, the hook is told");
        if self.ran < self.budget {
            assert!(!self.model.has_due(), "the turn left out {:?}", self.model.pop_due());
            self.may_be_hasty = false;
        }
        assert_eq!(self.deferred, 0, "how many deferred tasks the turn left out");
        self.check_wait(limit);
        self.is_in_turn = false;
        self.now = None;
    }

    /// The second phase of a turn.
    fn begin_timers(&mut self) {
        let now = *self.now.get_or_insert(self.clock.now());
        self.model.collect_due(now);
    }

    /// The loop sleeps for as long as nothing is to be done, and no longer.
    fn check_wait(&self, limit: Option<Duration>) {
        let wait = self.clock.take_wait();
        let until = |at: Instant| at.saturating_duration_since(wait.at);
        let missed = self.model.earliest().filter(|at| wait.timeout.unwrap_or(Duration::MAX) > until(*at));
        assert_eq!(missed, None, "{wait:?} sleeps beyond a deadline");
        if self.may_be_hasty && wait.timeout == Some(Duration::ZERO) {
            return;
        }
        if self.model.has_due() {
            assert_eq!(wait.timeout, Some(Duration::ZERO), "how long a turn slept");
            return;
        }
        let bounded = |look: Option<Instant>| match look.map(until) {
            None => limit,
            Some(left) => Some(limit.map_or(left, |limit| limit.min(left))),
        };
        let (first, last) = self.model.looks();
        let looks = bounded(first)..=bounded(last);
        assert!(looks.contains(&wait.timeout), "a turn slept for {:?}, not {looks:?}", wait.timeout);
    }

    /// What is to hold between any two operations.
    pub fn check(&self, reactor: &mut Reactor<World>) {
        let (next, now) = (reactor.next_deadline(), self.clock.now());
        if self.model.has_due() || self.deferred > 0 {
            assert_eq!(next, Some(now), "what is due is to run at once");
        } else if !(self.may_be_hasty && next == Some(now)) {
            let (first, last) = self.model.looks();
            assert!(
                (first..=last).contains(&next),
                "the next look is at {next:?}, not {first:?} to {last:?}"
            );
        }
        let stats = reactor.stats();
        assert_eq!(
            (stats.timers, stats.failures),
            (self.ran_ever, self.failed_ever),
            "how many ran and failed"
        );
        assert_eq!(Rc::strong_count(&self.held) - 1, self.model.len(), "a task is dropped with its timer");
    }

    /// Clears whatever is left, after which there is nothing.
    pub fn end(&mut self, reactor: &mut Reactor<World>) {
        if self.deferred > 0 {
            self.turn(reactor, Some(Duration::ZERO)); // they may set timers
        }
        while let Some(number) = self.model.first() {
            self.clear(&mut reactor.context(), number);
        }
        self.check(reactor);
        self.turn(reactor, Some(Duration::ZERO));
        self.check(reactor);
        assert_eq!(reactor.next_deadline(), None);
        let distinct: HashSet<&TimerId> = self.ids.iter().collect();
        assert_eq!(distinct.len(), self.ids.len(), "no two timers have the same id");
    }

    /// The timer of this number runs.
    fn run(&mut self, number: usize, act: Act, context: &mut Outside<'_>) -> Result<(), &'static str> {
        let Some((first, timer)) = self.model.pop_due() else {
            panic!("timer {number} runs, and none is due")
        };
        assert_eq!(number, first, "which timer runs next");
        self.ran += 1;
        self.ran_ever += 1;
        assert!(self.ran <= self.budget, "{} timers run in a turn", self.ran);
        let now = self.now(context);
        let tick = timer.deadline.expect("what is due has a deadline");
        assert!(tick <= now, "timer {number} is early");
        self.perform(Some(number), act, context);
        let is_left_alone = self.model.get(number).map(|after| after.sequence) == Some(timer.sequence);
        match timer.period {
            Some(_) if act == Act::Fail => drop(self.model.clear(number)),
            Some(period) if is_left_alone => {
                self.model.reset(number, next_tick(tick, period, self.clock.now()));
            }
            _ => {}
        }
        outcome_of(act)
    }

    fn perform(&mut self, itself: Option<usize>, act: Act, context: &mut Outside<'_>) {
        match act {
            Act::Nothing | Act::Fail => {}
            Act::Set { after } => self.set(context, after, Act::Nothing),
            Act::Clear { back } => self.clear(context, self.number(back)),
            Act::Reset { back, after } => self.reset(context, self.number(back), after),
            Act::ClearItself => itself.into_iter().for_each(|number| self.clear(context, number)),
            Act::ResetItself { after } => {
                itself.into_iter().for_each(|number| self.reset(context, number, after))
            }
            Act::Pass { time } => self.clock.pass(time),
        }
    }
}

fn outcome_of(act: Act) -> Result<(), &'static str> {
    if act == Act::Fail {
        Err("as it was told to")
    } else {
        Ok(())
    }
}
