//! Intervals: at whole periods from the start, without drift, without bursts, and gone when cleared or failed. On a stopped clock.

use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ringmq::{Context, Reactor, TimerId};

use crate::support::{assert_io_has_its_turn_beside, Case, Spy};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const SECOND: Duration = Duration::from_secs(1);
const NANOSECOND: Duration = Duration::from_nanos(1);

/// When each tick ran, in the time of the turn.
type Ticks = Vec<Instant>;

fn note(ticks: &mut Ticks, context: &mut Context<'_, Ticks>) {
    ticks.push(context.now());
}

/// The seconds from the start at which there were ticks, in so many turns that each wait as long as they may.
fn seconds(reactor: &mut Reactor<Ticks>, turns: usize) -> Vec<u64> {
    let start = reactor.context().now();
    let mut ticks = Ticks::new();
    for _ in 0..turns {
        reactor.turn(&mut ticks, None).unwrap();
    }
    ticks.iter().map(|tick| (*tick - start).as_secs()).collect()
}

pub fn an_interval_runs_at_every_period_and_not_a_nanosecond_sooner(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_interval(SECOND, |count: &mut usize, _| *count += 1);
    let mut count = 0;
    for expected in 0..5 {
        spy.advance(SECOND - NANOSECOND);
        reactor.turn(&mut count, ZERO).unwrap();
        assert_eq!(count, expected);
        spy.advance(NANOSECOND);
        reactor.turn(&mut count, ZERO).unwrap();
        assert_eq!(count, expected + 1);
    }
}

/// Each tick runs late, by up to a second; the ones after it lie where they lay.
pub fn an_interval_that_runs_late_does_not_drift(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_interval(4 * SECOND, note);
    let start = reactor.context().now();
    let mut ticks = Ticks::new();
    for seconds in [0, 4, 5, 3, 7, 1, 7] {
        spy.advance(seconds * SECOND);
        reactor.turn(&mut ticks, ZERO).unwrap();
    }
    let seconds: Vec<u64> = ticks.iter().map(|tick| (*tick - start).as_secs()).collect();
    assert_eq!(seconds, [4, 9, 12, 19, 20, 27]);
    spy.take_waits();
    reactor.turn(&mut ticks, None).unwrap();
    assert_eq!(spy.take_waits(), [Some(SECOND)], "the next one is at 28");
}

/// The callback takes two and a half periods: it runs at 1, comes back at 3.5, runs at 4, comes back at 6.5, and so on. It neither
/// catches up on what it missed nor runs without a pause.
pub fn an_interval_slower_than_its_period_leaves_ticks_out(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let clock = spy.clone();
    reactor.context().set_interval(SECOND, move |ticks: &mut Ticks, context| {
        note(ticks, context);
        clock.advance(SECOND * 5 / 2);
    });
    assert_eq!(seconds(&mut reactor, 5), [1, 4, 7, 10]);
    assert_eq!(spy.take_waits(), [vec![Some(SECOND)], vec![Some(SECOND / 2); 4]].concat());
}

pub fn ticks_that_passed_while_the_loop_did_not_run_are_one(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_interval(SECOND, |count: &mut usize, _| *count += 1);
    spy.advance(1000 * SECOND + SECOND / 2);
    let mut count = 0;
    for _ in 0..3 {
        reactor.turn(&mut count, ZERO).unwrap();
    }
    assert_eq!(count, 1);
    spy.advance(SECOND / 2);
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!(count, 2);
}

pub fn an_interval_of_zero_runs_once_in_every_turn_and_leaves_io_its_turn(case: Case) {
    assert_io_has_its_turn_beside(case, |context| {
        context.set_interval(Duration::ZERO, |count, _| *count += 1);
    });
}

/// Time passes in every turn, so that a tick is always due.
pub fn an_interval_far_shorter_than_a_turn_runs_once_in_each(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_interval(NANOSECOND, |count: &mut usize, _| *count += 1);
    let mut count = 0;
    for turn in 1..=100 {
        spy.advance(SECOND);
        reactor.turn(&mut count, ZERO).unwrap();
        assert_eq!(count, turn);
    }
}

pub fn an_interval_beyond_the_end_of_the_clock_never_runs(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = reactor.context().set_interval(Duration::MAX, |_: &mut (), _| panic!("it is never due"));
    reactor.turn(&mut (), Some(1000 * SECOND)).unwrap();
    assert_eq!(spy.take_waits(), [Some(1000 * SECOND)]);
    assert!(reactor.context().clear_timeout(timer));
}

pub fn an_interval_cleared_in_itself_does_not_run_again(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = reactor.context().set_interval(SECOND, |own: &mut Vec<TimerId>, context| {
        let own = own.pop().expect("it runs once");
        assert!(context.clear_timeout(own));
        assert!(!context.clear_timeout(own));
        assert!(!context.reset_timeout(own, SECOND));
        // Its place is taken again, and the newcomer is not to suffer for it.
        context.set_timeout(SECOND, |_, context| context.stop());
    });
    let mut own = vec![timer];
    reactor.run(&mut own).unwrap();
    assert_eq!((own.len(), reactor.stats().timers), (0, 2));
    assert!(!reactor.context().clear_timeout(timer));
    spy.take_waits();
    reactor.turn(&mut own, Some(9 * SECOND)).unwrap();
    assert_eq!(spy.take_waits(), [Some(9 * SECOND)], "nothing is left of it");
}

pub fn an_interval_cleared_from_elsewhere_drops_its_callback_at_once(case: Case) {
    let held = Rc::new(());
    let (mut reactor, spy) = case.clocked();
    let own = Rc::clone(&held);
    let timer = reactor.context().set_interval(SECOND, move |_: &mut (), _| drop(Rc::clone(&own)));
    spy.advance(SECOND);
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(Rc::strong_count(&held), 2);
    assert!(reactor.context().clear_timeout(timer));
    assert_eq!(Rc::strong_count(&held), 1);
}

pub fn an_interval_that_is_reset_has_its_ticks_from_there(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = reactor.context().set_interval(4 * SECOND, note);
    spy.advance(SECOND);
    reactor.turn(&mut Ticks::new(), ZERO).unwrap();
    assert!(reactor.context().reset_timeout(timer, 2 * SECOND));
    assert_eq!(seconds(&mut reactor, 4), [2, 6, 10]);
}

pub fn an_interval_may_reset_itself(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    let id = Rc::new(Cell::new(None));
    let own = Rc::clone(&id);
    let timer = reactor.context().set_interval(SECOND, move |ticks: &mut Ticks, context| {
        note(ticks, context);
        if ticks.len() == 2 {
            assert!(context.reset_timeout(own.get().expect("it is known"), 5 * SECOND));
        }
    });
    id.set(Some(timer));
    assert_eq!(seconds(&mut reactor, 5), [1, 2, 7, 8]);
}

pub fn an_interval_that_fails_is_gone(case: Case) {
    let (mut reactor, spy) = case.clocked::<usize>();
    let mut context = reactor.context();
    let error = context.set_interval(SECOND, |_, _| Err("no"));
    let panic = context.set_interval(SECOND, |_, _| panic!("on purpose"));
    context.set_interval(SECOND, |count, _| *count += 1);
    spy.advance(SECOND);
    let mut count = 0;
    let name = reactor.turn(&mut count, ZERO).unwrap_err().to_string();
    assert!(name.contains("an_interval_that_fails_is_gone") && name.ends_with("failed: no"), "{name}");
    assert!(catch_unwind(AssertUnwindSafe(|| reactor.turn(&mut count, ZERO))).is_err());
    for expected in [1, 2] {
        reactor.turn(&mut count, ZERO).unwrap();
        assert_eq!(count, expected);
        spy.advance(SECOND);
    }
    assert!([error, panic].iter().all(|timer| !reactor.context().clear_timeout(*timer)));
}

/// On the real clock.
pub fn no_tick_of_an_interval_is_early(case: Case) {
    const PERIOD: Duration = Duration::from_micros(700);
    let mut reactor = case.reactor();
    let start = Instant::now();
    reactor.context().set_interval(PERIOD, |ticks: &mut Ticks, context| {
        ticks.push(Instant::now());
        if ticks.len() == 50 {
            context.stop();
        }
    });
    let mut ticks = Ticks::new();
    reactor.run(&mut ticks).unwrap();
    for (before, tick) in ticks.iter().enumerate() {
        assert!(*tick >= start + PERIOD * (before as u32 + 1), "tick {before}");
    }
}

/// Keeps the callback from being moved away from what drives it: a turn that is stopped and run again goes on with the interval.
pub fn an_interval_goes_on_when_the_loop_is_run_again(case: Case) {
    fn run(reactor: &mut Reactor<usize>, spy: &Spy, count: &mut usize) -> usize {
        reactor.run(count).unwrap();
        spy.take_waits().len()
    }
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_interval(SECOND, |count: &mut usize, context| {
        *count += 1;
        context.stop();
    });
    let mut count = 0;
    for expected in 1..=3 {
        assert!(run(&mut reactor, &spy, &mut count) <= 2);
        assert_eq!(count, expected);
    }
}
