//! Timers: never early, in order, and never in the way of anything else. On a stopped clock but where it says otherwise.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringmq::{Context, Fire, Gone, Reactor, Remote, TimerId};

use crate::support::{assert_io_has_its_turn_beside, pair, Case, Probe, Random, Spy, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const SECOND: Duration = Duration::from_secs(1);

type Log = Vec<&'static str>;

pub fn a_timer_set_with_zero_in_a_timer_runs_in_the_next_turn(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    reactor.context().set_timeout(Duration::ZERO, |log: &mut Log, context: &mut Context<'_, Log>| {
        log.push("outer");
        context.set_timeout(Duration::ZERO, |log, _| log.push("inner"));
    });
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["outer"]);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["outer", "inner"]);
}

pub fn a_timer_that_sets_itself_with_zero_leaves_io_its_turn_every_time(case: Case) {
    fn again(count: &mut usize, context: &mut Context<'_, usize>) {
        *count += 1;
        context.set_timeout(Duration::ZERO, again);
    }
    assert_io_has_its_turn_beside(case, |context| {
        context.set_timeout(Duration::ZERO, again);
    });
}

pub fn a_due_timer_cleared_by_another_due_timer_does_not_run(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    let clear = |timers: &mut Vec<TimerId>, context: &mut Context<'_, Vec<TimerId>>| {
        let other = timers.pop().expect("it is known");
        assert!(context.clear_timeout(other));
    };
    context.set_timeout(SECOND, clear);
    let second = context.set_timeout(SECOND, |_, _| panic!("it was cleared"));
    let mut timers = vec![second];
    spy.advance(SECOND);
    reactor.turn(&mut timers, ZERO).unwrap();
    assert!(timers.is_empty());
    reactor.turn(&mut timers, ZERO).unwrap();
}

pub fn equal_deadlines_run_in_the_order_of_setting(case: Case) {
    let (mut reactor, spy) = case.clocked();
    for at in 0..100 {
        reactor
            .context()
            .set_timeout(SECOND, move |log: &mut Vec<usize>, _: &mut Context<'_, _>| log.push(at));
    }
    spy.advance(SECOND);
    let mut log = Vec::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, (0..100).collect::<Vec<_>>());
}

pub fn an_earlier_deadline_runs_first_though_set_later(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    context.set_timeout(2 * SECOND, |log: &mut Log, _: &mut Context<'_, Log>| log.push("late"));
    context.set_timeout(SECOND, |log, _| log.push("early"));
    spy.advance(2 * SECOND);
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["early", "late"]);
}

/// The one timer runs when a second has passed on the clock from now, and not a nanosecond sooner.
fn assert_runs_after_a_second(reactor: &mut Reactor<Log>, spy: &Spy, log: &mut Log) {
    spy.advance(SECOND - Duration::from_nanos(1));
    reactor.turn(log, ZERO).unwrap();
    assert_eq!(*log, [""; 0]);
    spy.advance(Duration::from_nanos(1));
    reactor.turn(log, ZERO).unwrap();
    assert_eq!(*log, ["ran"]);
}

pub fn a_timer_is_not_early_by_a_nanosecond(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_timeout(SECOND, |log: &mut Log, _: &mut Context<'_, Log>| log.push("ran"));
    let mut log = Log::new();
    assert_runs_after_a_second(&mut reactor, &spy, &mut log);
}

pub fn a_timer_set_at_a_deadline_is_not_early_by_a_nanosecond(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    let deadline = context.now() + SECOND;
    context.set_timeout_at(deadline, |log: &mut Log, _: &mut Context<'_, Log>| log.push("ran"));
    let mut log = Log::new();
    assert_runs_after_a_second(&mut reactor, &spy, &mut log);
}

/// Before what is due by now, and behind what was due before it; in phase 2 it waits for the next turn all the same.
pub fn a_timer_set_at_a_deadline_that_has_passed_is_due_at_once_in_its_place(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    let mut context = reactor.context();
    let now = context.now();
    context.set_timeout_at(now, move |log: &mut Log, context: &mut Context<'_, Log>| {
        log.push("now");
        context.set_timeout_at(now - 3 * SECOND, |log, _| log.push("set in phase 2"));
    });
    context.set_timeout_at(now - SECOND, |log, _| log.push("a second ago"));
    context.set_timeout_at(now - 2 * SECOND, |log, _| log.push("two seconds ago"));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["two seconds ago", "a second ago", "now"]);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log[3..], ["set in phase 2"]);
}

pub fn a_timer_set_at_the_deadline_of_a_timeout_runs_in_the_order_of_setting(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    let deadline = context.now() + SECOND;
    context.set_timeout_at(deadline, |log: &mut Log, _: &mut Context<'_, Log>| log.push("first"));
    context.set_timeout(SECOND, |log, _| log.push("second"));
    context.set_timeout_at(deadline, |log, _| log.push("third"));
    spy.advance(SECOND);
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first", "second", "third"]);
}

pub fn a_timer_set_or_reset_at_a_deadline_reads_no_clock(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let start = reactor.context().now();
    spy.forget();
    let mut context = reactor.context();
    let timer = context.set_timeout_at(start + SECOND, |_: &mut (), _: &mut Context<'_, ()>| ());
    assert!(context.reset_timeout_at(timer, start + 2 * SECOND));
    assert_eq!(spy.take_clock_reads(), 0);
}

pub fn clearing_a_timer_again_or_after_it_ran_or_in_itself_is_false(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    let mut context = reactor.context();
    let own = context.set_timeout(Duration::ZERO, |own: &mut Vec<TimerId>, context: &mut Context<'_, _>| {
        let own = own.pop().expect("it is known");
        assert!(!context.clear_timeout(own), "it runs");
    });
    let cleared = context.set_timeout(SECOND, |_, _| panic!("it was cleared"));
    assert!(context.clear_timeout(cleared));
    assert!(!context.clear_timeout(cleared));

    let mut state = vec![own];
    reactor.turn(&mut state, ZERO).unwrap();
    assert!(state.is_empty(), "it ran");
    let successor = reactor.context().set_timeout(SECOND, |_, _| ());
    assert!(!reactor.context().clear_timeout(own), "nor does the old id reach its successor");
    assert!(reactor.context().clear_timeout(successor));
}

/// A callback that takes its time: what it sets afterwards counts from then, not from the time of the turn.
pub fn a_timer_set_after_a_slow_callback_is_not_early(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let clock = spy.clone();
    reactor.context().defer(move |_, context: &mut Context<'_, Log>| {
        context.now();
        clock.advance(5 * SECOND);
        context.set_timeout(SECOND, |log, _| log.push("ran"));
    });
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_runs_after_a_second(&mut reactor, &spy, &mut log);
}

pub fn a_timer_beyond_the_end_of_the_clock_never_runs_and_limits_no_wait(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let timer = reactor
        .context()
        .set_timeout(Duration::MAX, |_: &mut (), _: &mut Context<'_, ()>| panic!("it is never due"));
    reactor.turn(&mut (), Some(1000 * SECOND)).unwrap();
    assert_eq!(spy.take_waits(), [Some(1000 * SECOND)]);
    assert!(reactor.context().clear_timeout(timer));
}

pub fn a_wait_lasts_until_the_next_deadline_that_was_not_cleared(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    let first = context.set_timeout(SECOND, |_: &mut (), _: &mut Context<'_, ()>| panic!("it was cleared"));
    context.set_timeout(3 * SECOND, |_, context| context.stop());
    context.clear_timeout(first);
    spy.advance(SECOND);
    reactor.run(&mut ()).unwrap();
    assert_eq!(spy.take_waits(), [Some(2 * SECOND), ZERO]);
}

pub fn a_wait_is_no_longer_than_the_limit_though_the_deadline_is_further(case: Case) {
    let (mut reactor, spy) = case.clocked();
    reactor.context().set_timeout(3 * SECOND, |_: &mut (), _: &mut Context<'_, ()>| ());
    reactor.turn(&mut (), Some(SECOND)).unwrap();
    reactor.turn(&mut (), Some(5 * SECOND)).unwrap();
    assert_eq!(spy.take_waits(), [Some(SECOND), Some(2 * SECOND)]);
}

/// The time that passes while phases 1 and 2 run is taken off the wait.
pub fn a_wait_counts_from_a_fresh_reading(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let clock = spy.clone();
    let mut context = reactor.context();
    context.set_timeout(3 * SECOND, |_: &mut (), _: &mut Context<'_, ()>| ());
    context.set_timeout(Duration::ZERO, move |_, _| clock.advance(2 * SECOND));
    reactor.turn(&mut (), None).unwrap();
    assert_eq!(spy.take_waits(), [Some(SECOND)]);
}

pub fn a_deadline_that_has_passed_before_the_wait_gives_zero(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let clock = spy.clone();
    let mut context = reactor.context();
    context.set_timeout(SECOND, |log: &mut Log, _: &mut Context<'_, Log>| log.push("ran"));
    context.defer(move |_, context| {
        context.now();
        clock.advance(2 * SECOND);
    });
    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!((log, spy.take_waits()), (vec!["ran"], vec![ZERO, ZERO]));
}

/// On the real clock: the loop sleeps, and does not wake over and over until the time has come.
pub fn a_timer_of_100_ms_takes_three_waits_at_the_most(case: Case) {
    let (mut reactor, spy) = case.spied();
    let start = Instant::now();
    reactor
        .context()
        .set_timeout(Duration::from_millis(100), |_: &mut (), context: &mut Context<'_, ()>| context.stop());
    reactor.run(&mut ()).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
    let waits = spy.take_waits();
    assert!(waits.len() <= 3, "{waits:?}");
}

/// A timer slower than its period: the next one counts from when it was set, so it neither bursts nor spins.
pub fn a_periodic_timer_that_is_slow_runs_once_a_turn(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let clock = spy.clone();
    fn every_second(clock: crate::support::Spy) -> impl FnOnce(&mut usize, &mut Context<'_, usize>) {
        move |count, context| {
            *count += 1;
            clock.advance(5 * SECOND);
            context.set_timeout(SECOND, every_second(clock));
        }
    }
    reactor.context().set_timeout(SECOND, every_second(clock));
    let mut count = 0;
    for _ in 0..10 {
        reactor.turn(&mut count, None).unwrap();
    }
    assert_eq!((count, spy.take_waits()), (9, vec![Some(SECOND); 10]));
}

/// On the real clock: a thousand at random times of up to 20 ms, some put off or drawn forward, and cleared ones among them.
pub fn no_one_of_a_thousand_random_timers_is_early(case: Case) {
    let mut reactor = case.reactor::<usize>();
    let mut random = Random(case.backend as u64 + 1);
    let mut pending = 0;
    for _ in 0..1000 {
        let mut context = reactor.context();
        let mut after = || Duration::from_nanos(random.below(20_000_000) as u64);
        let deadline = Rc::new(Cell::new(None));
        let expected = Rc::clone(&deadline);
        let (first, last) = (after(), after());
        let mut earliest = Instant::now() + first;
        let timer = context.set_timeout(first, move |pending: &mut usize, context| {
            let now = Instant::now();
            let deadline: Instant = expected.get().expect("it is known");
            assert!(now >= deadline, "early by {:?}", deadline - now);
            *pending -= 1;
            if *pending == 0 {
                context.stop();
            }
        });
        match random.below(3) {
            0 => assert!(context.clear_timeout(timer)),
            1 => {
                earliest = context.now() + last;
                assert!(context.reset_timeout(timer, last));
                pending += 1;
            }
            _ => pending += 1,
        }
        deadline.set(Some(earliest));
    }
    reactor.run(&mut pending).unwrap();
    assert_eq!((pending, reactor.stats().timers >= 500), (0, true));
}

/// What a timer holds may do anything when it is dropped: cleared here, and when the loop goes.
pub fn what_a_cleared_timer_holds_may_post_when_it_is_dropped(case: Case) {
    struct PostsWhenDropped(Remote<Log>, Rc<RefCell<Vec<Result<(), Gone>>>>);
    impl Drop for PostsWhenDropped {
        fn drop(&mut self) {
            let outcome = self.0.post(|log, context| {
                context.set_timeout(Duration::ZERO, |log, _| log.push("set by what it posted"));
                log.push("posted");
            });
            self.1.borrow_mut().push(outcome);
        }
    }
    let (mut reactor, _spy) = case.clocked::<Log>();
    let outcomes = Rc::default();
    for _ in 0..2 {
        let held = PostsWhenDropped(reactor.remote(), Rc::clone(&outcomes));
        let cleared = reactor.context().set_timeout(Duration::ZERO, move |_, _| drop(held));
        assert!(reactor.context().clear_timeout(cleared));
    }
    let held = PostsWhenDropped(reactor.remote(), Rc::clone(&outcomes));
    reactor.context().set_interval(SECOND, move |_, _| assert!(held.1.borrow().len() < 9));
    let mut log = Log::new();
    for _ in 0..3 {
        reactor.turn(&mut log, ZERO).unwrap();
    }
    assert_eq!(log, ["posted", "posted", "set by what it posted", "set by what it posted"]);
    drop(reactor);
    assert_eq!(*outcomes.borrow(), [Ok(()), Ok(()), Err(Gone)]);
}

/// A descriptor is ready and a timer is due at the end of the same wait: both are served, neither twice.
pub fn a_timer_and_an_event_of_the_same_turn_are_both_delivered(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (near, far) = pair();
    let mut context = reactor.context();
    context.add(Probe::draining(far), |log: &mut Log, _, _| log.push("input")).unwrap();
    context.set_timeout(SECOND, |log, _| log.push("timer"));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    let (clock, mut writer) = (spy.clone(), near.try_clone().unwrap());
    spy.before_wait(move || {
        writer.write_all(b"x").unwrap();
        clock.advance(SECOND);
    });
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(log, [""; 0]);
    spy.before_wait(|| ());
    for _ in 0..3 {
        reactor.turn(&mut log, ZERO).unwrap();
    }
    assert_eq!(log, ["input", "timer"]);
}

/// The clock may show the same time over and over: what is not due does not run, what is runs once, and the loop does not spin.
pub fn a_clock_that_stands_still_makes_nothing_due(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    context.set_timeout(Duration::from_nanos(1), |log: &mut Log, _| log.push("later"));
    context.set_timeout(Duration::ZERO, |log, _| log.push("now"));
    context.set_interval(Duration::from_nanos(1), |log, _| log.push("later"));
    let mut log = Log::new();
    for _ in 0..10 {
        reactor.turn(&mut log, ZERO).unwrap();
    }
    assert_eq!((log, spy.take_waits()), (vec!["now"], vec![ZERO; 10]));
}

/// On the real clock: other threads post without end, and the timers run all the same.
pub fn threads_that_post_all_the_time_leave_timers_their_turn(case: Case) {
    let mut reactor = case.reactor::<usize>();
    let is_over = Arc::new(AtomicBool::new(false));
    let posters = [reactor.remote(), reactor.remote()].map(|remote| {
        let is_over = Arc::clone(&is_over);
        thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                remote.post(|_, _| ()).unwrap();
            }
        })
    });
    reactor.context().set_interval(Duration::from_micros(100), |count, context| {
        *count += 1;
        if *count == 50 {
            context.stop();
        }
    });
    let mut count = 0;
    reactor.run(&mut count).unwrap();
    is_over.store(true, Ordering::SeqCst);
    posters.into_iter().for_each(|poster| poster.join().unwrap());
    assert_eq!(count, 50);
}

/// By the clock of the system. An event is over before, and from then on turns go the straight way.
pub fn a_run_with_a_timer_pending_sleeps_until_it_is_due(case: Case) {
    let mut reactor: Reactor<()> = case.reactor();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let mut context = reactor.context();
    let quiet = Probe { fire: Fire::No, ..Probe::draining(far) };
    context.add(quiet, |_, _, _| ()).unwrap();
    let after = Duration::from_millis(20);
    context.set_timeout(after, |_, context: &mut Context<'_, ()>| context.stop());
    let start = Instant::now();
    reactor.run(&mut ()).unwrap();
    assert!(start.elapsed() >= after);
    let stats = reactor.stats();
    // One for the event, one that waits and one that runs the timer; a signal may interrupt a wait now and then.
    assert!(stats.turns < 20 && stats.waits < 20, "{stats:?}");
}
