//! A callback that runs at every period: a task that, once it has run, has its timer set for the next tick and puts itself back.

use std::any::type_name;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::context::Context;
use super::timers::TimerId;
use super::work::{BoxError, Outcome, Task};
use crate::platform::Poller;

pub(crate) struct Interval<F> {
    timer: TimerId,
    period: Duration,
    callback: F,
}

impl<F> Interval<F> {
    pub fn new(timer: TimerId, period: Duration, callback: F) -> Interval<F> {
        Interval { timer, period, callback }
    }
}

impl<S: 'static, R, F> Task<S> for Interval<F>
where
    R: Outcome,
    F: FnMut(&mut S, &mut Context<'_, S>) -> R + 'static,
{
    fn run(mut self: Box<Self>, state: &mut S, context: &mut Context<'_, S>) -> Option<BoxError> {
        let timer = self.timer;
        let tick = context.core.agenda.timers.deadline(timer);
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.callback)(state, context).error()));
        if !matches!(outcome, Ok(None)) {
            context.core.agenda.timers.clear(timer);
            return outcome.unwrap_or_else(|panic| resume_unwind(panic));
        }
        if context.core.agenda.timers.is_left_alone(timer) {
            // The callback may have taken its time: a fresh reading.
            let now = context.core.poller.now();
            let next = tick.and_then(|tick| next_tick(tick, self.period, now));
            context.core.agenda.timers.reset(timer, next);
        }
        context.core.agenda.timers.put_back(timer, self);
        None
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}

/// The first tick after this one that has not passed; `None` when it lies beyond the end of the clock.
fn next_tick(tick: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let next = tick.checked_add(period)?;
    let late = now.saturating_duration_since(next).as_nanos();
    if late == 0 {
        return Some(next);
    }
    let beyond = match period.as_nanos() {
        0 => 0,
        period => late % period,
    };
    let left = match beyond {
        0 => Duration::ZERO,
        beyond => period - duration_of(beyond),
    };
    now.checked_add(left)
}

/// # Panics
/// When it is longer than the longest `Duration`.
fn duration_of(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / 1_000_000_000).expect("less than some duration");
    Duration::new(seconds, (nanos % 1_000_000_000) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next tick, in nanoseconds from the one that has just run.
    fn next(period: u64, late: u64) -> u64 {
        let tick = Instant::now();
        let (period, late) = (Duration::from_nanos(period), Duration::from_nanos(late));
        let next = next_tick(tick, period, tick + late).expect("it is on the clock");
        (next - tick).as_nanos() as u64
    }

    #[test]
    fn ticks_lie_at_whole_periods_and_those_that_have_passed_are_left_out() {
        let table =
            [(0, 10), (9, 10), (10, 10), (11, 20), (19, 20), (20, 20), (21, 30), (1_000_005, 1_000_010)];
        for (late, expected) in table {
            assert_eq!(next(10, late), expected, "{late} ns late");
        }
    }

    #[test]
    fn a_period_of_zero_ticks_at_once_and_one_beyond_the_clock_never() {
        assert_eq!([next(0, 0), next(0, 7)], [0, 7]);
        let tick = Instant::now();
        assert_eq!(next_tick(tick, Duration::MAX, tick), None);
    }
}
