//! Timers that are reset: as if cleared and set again, but from the time of the turn and for next to nothing. On a stopped clock.

use std::io::Write;
use std::time::Duration;

use ringmq::{Reactor, TimerId};

use crate::support::{pair, Case, Probe, Spy, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const SECOND: Duration = Duration::from_secs(1);
const NANOSECOND: Duration = Duration::from_nanos(1);

type Log = Vec<&'static str>;

fn set(reactor: &mut Reactor<Log>, after: Duration, name: &'static str) -> TimerId {
    reactor.context().set_timeout(after, move |log: &mut Log, _| log.push(name))
}

/// What has run once this much more time has passed. The turn before that is for the loop to forget what time it was.
fn after(reactor: &mut Reactor<Log>, spy: &Spy, time: Duration) -> Log {
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, [""; 0]);
    spy.advance(time);
    reactor.turn(&mut log, ZERO).unwrap();
    log
}

pub fn a_timer_put_off_again_and_again_runs_after_the_last_time_and_not_a_nanosecond_sooner(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let idle = set(&mut reactor, 10 * SECOND, "idle");
    for _ in 0..100 {
        assert_eq!(after(&mut reactor, &spy, 9 * SECOND), [""; 0]);
        assert!(reactor.context().reset_timeout(idle, 10 * SECOND));
    }
    assert_eq!(after(&mut reactor, &spy, 10 * SECOND - NANOSECOND), [""; 0]);
    assert_eq!(after(&mut reactor, &spy, NANOSECOND), ["idle"]);
}

pub fn a_timer_reset_to_a_deadline_runs_then_and_not_a_nanosecond_sooner_or_at_once_where_it_has_passed(
    case: Case,
) {
    let (mut reactor, spy) = case.clocked();
    let start = reactor.context().now();
    let put_off = set(&mut reactor, SECOND, "put off");
    let forward = set(&mut reactor, 9 * SECOND, "drawn forward");
    assert!(reactor.context().reset_timeout_at(put_off, start + 2 * SECOND));
    assert_eq!(after(&mut reactor, &spy, 2 * SECOND - NANOSECOND), [""; 0]);
    assert_eq!(after(&mut reactor, &spy, NANOSECOND), ["put off"]);
    assert!(!reactor.context().reset_timeout_at(put_off, start), "it has run");
    assert!(reactor.context().reset_timeout_at(forward, start));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["drawn forward"]);
}

pub fn a_timer_reset_to_an_earlier_time_ends_the_wait_then(case: Case) {
    let (mut reactor, spy) = case.clocked();
    set(&mut reactor, 5 * SECOND, "other");
    let timer = set(&mut reactor, 9 * SECOND, "reset");
    assert!(reactor.context().reset_timeout(timer, 2 * SECOND));
    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!((log, spy.take_waits()), (vec!["reset"], vec![Some(2 * SECOND), ZERO]));
}

/// The one needless wake-up that putting off may cost: the wait ends at the old deadline, and the next one lasts to the new one.
pub fn a_loop_wakes_once_at_the_most_for_a_timer_that_was_put_off(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = reactor.context().set_timeout(SECOND, |_: &mut (), context| context.stop());
    for seconds in 2..=9 {
        assert!(reactor.context().reset_timeout(timer, SECOND * seconds));
    }
    reactor.run(&mut ()).unwrap();
    let waits = spy.take_waits();
    let sum: Duration = waits.iter().flatten().sum();
    assert!(waits.len() <= 3 && sum == 9 * SECOND, "the last one in the turn in which it ran: {waits:?}");
}

pub fn a_timer_that_is_due_and_reset_before_its_turn_does_not_run(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    context.set_timeout(SECOND, |timers: &mut Vec<TimerId>, context| {
        let other = timers.pop().expect("it is known");
        assert!(context.reset_timeout(other, Duration::ZERO));
    });
    let other = context.set_timeout(SECOND, |timers: &mut Vec<TimerId>, _| assert!(timers.is_empty()));
    let mut timers = vec![other];
    spy.advance(SECOND);
    reactor.turn(&mut timers, ZERO).unwrap();
    assert_eq!(reactor.stats().timers, 1);
    reactor.turn(&mut timers, ZERO).unwrap();
    assert_eq!(reactor.stats().timers, 2, "though due at once it waited for the next turn");
}

pub fn a_reset_counts_as_a_new_setting_among_equal_deadlines(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let ids = ["first", "second", "third"].map(|name| set(&mut reactor, SECOND, name));
    assert!(reactor.context().reset_timeout(ids[0], SECOND));
    assert_eq!(after(&mut reactor, &spy, SECOND), ["second", "third", "first"]);
}

pub fn a_timer_that_has_run_or_was_cleared_or_runs_cannot_be_reset(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    let mut context = reactor.context();
    let own = context.set_timeout(Duration::ZERO, |own: &mut Vec<TimerId>, context| {
        assert!(!context.reset_timeout(own.pop().expect("it is known"), SECOND), "it runs");
    });
    let cleared = context.set_timeout(SECOND, |_, _| panic!("it was cleared"));
    assert!(context.clear_timeout(cleared));
    assert!(!context.reset_timeout(cleared, Duration::ZERO));

    let mut state = vec![own];
    reactor.turn(&mut state, ZERO).unwrap();
    assert!(state.is_empty(), "it ran");
    let mut context = reactor.context();
    let successor = context.set_timeout(SECOND, |_, _| panic!("it is not due"));
    assert!(!context.reset_timeout(own, Duration::ZERO), "nor does the old id reach its successor");
    reactor.turn(&mut state, ZERO).unwrap();
    assert!(reactor.context().clear_timeout(successor));
}

pub fn a_timer_beyond_the_end_of_the_clock_may_be_reset_to_a_time_on_it_and_back(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = set(&mut reactor, Duration::MAX, "ran");
    assert!(reactor.context().reset_timeout(timer, SECOND));
    assert!(reactor.context().reset_timeout(timer, Duration::MAX));
    assert_eq!(after(&mut reactor, &spy, 2 * SECOND), [""; 0]);
    spy.take_waits();
    reactor.turn(&mut Log::new(), Some(1000 * SECOND)).unwrap();
    assert_eq!(spy.take_waits(), [Some(1000 * SECOND)], "it limits no wait");
    assert!(reactor.context().reset_timeout(timer, SECOND));
    assert_eq!(after(&mut reactor, &spy, SECOND), ["ran"]);
}

/// What an idle timeout costs that every message resets: not one reading of the clock beyond those of a loop with a timer pending.
pub fn resets_read_no_clock_that_the_turn_does_not_read_anyway(case: Case) {
    let clock_reads = [0, 100].map(|resets| {
        let (mut reactor, spy) = case.clocked();
        let (mut near, far) = pair();
        near.write_all(b"x").unwrap();
        let mut context = reactor.context();
        let idle = context.set_timeout(1000 * SECOND, |_: &mut (), _| panic!("it is never idle"));
        context
            .add(Probe::new(far), move |_, context, _| {
                (0..resets).for_each(|_| assert!(context.reset_timeout(idle, 1000 * SECOND)));
            })
            .unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        spy.forget();
        for _ in 0..50 {
            reactor.turn(&mut (), SOON).unwrap();
        }
        (spy.take_clock_reads(), reactor.stats().callbacks)
    });
    assert_eq!(clock_reads[0], clock_reads[1]);
    assert_eq!(clock_reads[0].1, 50);
}

/// From the time of the turn, which a callback that takes its time has left behind.
pub fn a_reset_counts_from_the_time_of_the_turn(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = set(&mut reactor, 9 * SECOND, "ran");
    let clock = spy.clone();
    reactor.context().defer(move |_, context| {
        let start = context.now();
        clock.advance(SECOND);
        assert!(context.reset_timeout(timer, 2 * SECOND));
        assert_eq!(context.now(), start);
    });
    let mut log = Log::new();
    reactor.turn(&mut log, None).unwrap();
    assert_eq!(spy.take_waits(), [Some(SECOND)]);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["ran"]);
}
