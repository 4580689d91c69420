//! What the loop's timers are documented to do, by a list that is looked through from end to end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A live timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    /// None when it never comes due.
    pub deadline: Option<Instant>,
    /// Counts the settings and resettings, to keep equal deadlines in that order.
    pub sequence: u64,
    /// When the loop will look for it: at its deadline, or earlier when it was put off since. None when it is due, runs or never comes
    /// due.
    pub noted: Option<Instant>,
    /// Of one that runs again and again.
    pub period: Option<Duration>,
}

/// After no more settings than this, each timer that is to be due is in the heap.
const FEW: u64 = 64;

#[derive(Debug, Default)]
pub struct Model {
    /// By number, in the order in which they were set.
    timers: BTreeMap<usize, Timer>,
    /// What was found due and has not run, in the order to run it: deadline, order of setting, number.
    due: BTreeSet<(Option<Instant>, u64, usize)>,
    last_sequence: u64,
}

impl Model {
    pub fn set(&mut self, number: usize, deadline: Option<Instant>, period: Option<Duration>) {
        self.last_sequence += 1;
        let timer = Timer { deadline, sequence: self.last_sequence, noted: deadline, period };
        self.timers.insert(number, timer);
    }

    /// Gives a live timer another deadline, as if it had been set just now. Answers whether it was due and now is not any more.
    pub fn reset(&mut self, number: usize, deadline: Option<Instant>) -> bool {
        self.last_sequence += 1;
        let timer = self.timers.get_mut(&number).expect("it is live");
        let before = *timer;
        let is_put_off = deadline.is_some() && before.noted.is_some() && deadline >= before.deadline;
        let noted = if is_put_off { before.noted } else { deadline };
        *timer = Timer { deadline, sequence: self.last_sequence, noted, ..before };
        self.due.remove(&(before.deadline, before.sequence, number))
    }

    /// Ends a live timer. Answers whether it was due.
    pub fn clear(&mut self, number: usize) -> bool {
        let timer = self.timers.remove(&number).expect("it is live");
        self.due.remove(&(timer.deadline, timer.sequence, number))
    }

    pub fn get(&self, number: usize) -> Option<Timer> {
        self.timers.get(&number).copied()
    }

    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// The live one that was set first.
    pub fn first(&self) -> Option<usize> {
        self.timers.keys().next().copied()
    }

    /// Fixes what is due at `now`, and looks at the deadlines of those that were put off.
    pub fn collect_due(&mut self, now: Instant) {
        for (number, timer) in &mut self.timers {
            if timer.noted.filter(|noted| *noted <= now).is_none() {
                continue;
            }
            if timer.deadline <= Some(now) {
                timer.noted = None;
                self.due.insert((timer.deadline, timer.sequence, *number));
            } else {
                timer.noted = timer.deadline;
            }
        }
    }

    /// What runs next of what is due. It lives on if it has a period.
    pub fn pop_due(&mut self) -> Option<(usize, Timer)> {
        let first = *self.due.iter().next()?;
        self.due.remove(&first);
        let (_, _, number) = first;
        let timer = self.get(number).expect("what is due is live");
        if timer.period.is_none() {
            self.timers.remove(&number);
        }
        Some((number, timer))
    }

    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// When the loop is to look for due timers next, at the earliest and at the latest, where none is due.
    ///
    /// Where few were set it may not sleep beyond the deadline that a timer had before it was put off; of a crowd's it need not know that.
    pub fn looks(&self) -> (Option<Instant>, Option<Instant>) {
        let noted = self.timers.values().filter_map(|timer| timer.noted).min();
        (noted, if self.last_sequence > FEW { self.earliest() } else { noted })
    }

    /// The earliest deadline of those that are not due.
    pub fn earliest(&self) -> Option<Instant> {
        self.timers.values().filter(|timer| timer.noted.is_some()).filter_map(|timer| timer.deadline).min()
    }
}

/// The first whole period after a tick that has not passed; None when the clock does not go so far.
pub fn next_tick(tick: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let next = tick.checked_add(period)?;
    if next >= now {
        return Some(next);
    }
    let (late, period) = ((now - tick).as_nanos(), period.as_nanos().max(1));
    let periods = late / period + u128::from(late % period > 0);
    let nanos = u64::try_from(periods * period).expect("time passes by less than centuries");
    Some(tick + Duration::from_nanos(nanos))
}
