//! A million timers on a loop: what they cost in memory, and that it all comes back.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use ringmq::{Context, Reactor, TimerId};

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

const COUNT: usize = 1_000_000;
const HOUR: Duration = Duration::from_secs(3600);

fn reactor() -> Reactor<u64> {
    Reactor::new().expect("open a reactor")
}

/// All of them due at once, but for the half that is cleared first, and a budget of a thousand in a turn.
#[test]
fn of_a_million_timers_those_that_were_not_cleared_run_and_the_memory_of_all_comes_back() {
    let mut reactor = reactor();
    let mut timers: Vec<TimerId> = Vec::with_capacity(COUNT);
    let mut sum = 0;
    let kept = measure(|| {
        for at in 0..COUNT as u64 {
            let task = move |sum: &mut u64, _: &mut Context<'_, u64>| *sum += at;
            timers.push(reactor.context().set_timeout(Duration::from_nanos(at), task));
        }
        for timer in timers.iter().step_by(2) {
            assert!(reactor.context().clear_timeout(*timer));
        }
        while reactor.stats().timers < COUNT as u64 / 2 {
            reactor.turn(&mut sum, Some(Duration::ZERO)).unwrap();
        }
    });
    assert_eq!(sum, (1..COUNT as u64).step_by(2).sum());
    assert!(!timers.iter().any(|timer| reactor.context().clear_timeout(*timer)));
    assert!(kept.count_total >= COUNT as u64, "each task is a box: {kept:?}");
    // All are there at once before any is cleared, and the box of each has a number in it.
    assert!(kept.bytes_max >= std::mem::size_of::<u64>() as u64 * COUNT as u64, "they are counted: {kept:?}");
    assert!(kept.bytes_max <= 300 * COUNT as u64, "{kept:?}");
    assert!(kept.bytes_current <= 64 * 1024, "{kept:?}");
}

/// In any order: the first ones first, the last ones first, or the odd ones and then the even ones.
#[test]
fn timers_that_are_set_and_cleared_leave_no_memory_behind() {
    const COUNT: usize = 100_000;
    let orders: [fn(usize) -> usize; 3] =
        [|at| at, |at| COUNT - 1 - at, |at| at * 2 % COUNT + at * 2 / COUNT];
    for order in orders {
        let mut reactor = reactor();
        let mut timers: Vec<TimerId> = Vec::with_capacity(COUNT);
        let kept = measure(|| {
            let set = || reactor.context().set_timeout(HOUR, |_, _| ());
            timers.extend(std::iter::repeat_with(set).take(COUNT));
            for at in 0..COUNT {
                assert!(reactor.context().clear_timeout(timers[order(at)]));
            }
        });
        assert!(kept.bytes_current <= 64 * 1024, "{kept:?}");
    }
}

/// The id of a timer that has gone reaches no other, though its memory was given back and taken again.
#[test]
fn an_old_id_reaches_no_timer_that_came_after_the_memory_was_given_back() {
    let mut reactor = reactor();
    let mut context = reactor.context();
    let old: Vec<TimerId> = (0..10_000).map(|_| context.set_timeout(HOUR, |_, _| ())).collect();
    old.iter().for_each(|timer| assert!(context.clear_timeout(*timer)));
    let new: Vec<TimerId> = (0..10_000).map(|_| context.set_timeout(HOUR, |_, _| ())).collect();
    assert!(!old.iter().any(|timer| context.reset_timeout(*timer, HOUR) || context.clear_timeout(*timer)));
    assert!(new.iter().all(|timer| context.clear_timeout(*timer)));
}

#[test]
fn a_reset_and_the_tick_of_an_interval_allocate_nothing() {
    let mut reactor = reactor();
    let held = black_box([1_u64; 4]);
    let interval = move |count: &mut u64, _: &mut Context<'_, u64>| *count += held[0];
    let ticking = reactor.context().set_interval(Duration::ZERO, interval);
    let idle = reactor.context().set_timeout(HOUR, move |_, _| assert!(black_box(held)[0] == 1));
    let mut count = 0;
    reactor.turn(&mut count, None).unwrap();
    let allocated = measure(|| {
        for _ in 0..1000 {
            assert!(reactor.context().reset_timeout(idle, HOUR));
            reactor.turn(&mut count, None).unwrap();
        }
    });
    assert!(count > 1000 && reactor.context().clear_timeout(ticking), "{count}");
    assert_eq!(allocated.count_total, 0);
}
