//! Stopping: from within, from another thread, before the loop runs; and what is still queued then.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ringmq::Context;

use crate::support::{pair, Case, Probe};

const ZERO: Option<Duration> = Some(Duration::ZERO);

type Log = Vec<&'static str>;

pub fn a_callback_that_stops_ends_the_run_without_a_wait(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_near, far) = pair();
    let mut context = reactor.context();
    let id = context.add(Probe::new(far), |_: &mut (), context, _| context.stop()).unwrap();
    context.fire(id);
    reactor.run(&mut ()).unwrap();
    assert_eq!(spy.take_waits(), [ZERO]);
}

pub fn a_timer_that_stops_ends_the_run_without_a_wait(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    context.set_timeout(Duration::ZERO, |_: &mut (), context: &mut Context<'_, ()>| context.stop());
    reactor.run(&mut ()).unwrap();
    assert_eq!(spy.take_waits(), [ZERO]);
}

/// The other thread stops the loop only once that is about to wait, and it would wait for ever.
pub fn another_thread_stops_a_loop_that_waits(case: Case) {
    let (mut reactor, spy) = case.spied::<()>();
    let remote = reactor.remote();
    let (waits, is_waiting) = mpsc::channel();
    spy.before_wait(move || waits.send(()).unwrap_or(()));
    let stopper = thread::spawn(move || {
        is_waiting.recv().unwrap();
        remote.stop();
    });
    reactor.run(&mut ()).unwrap();
    stopper.join().unwrap();
}

pub fn a_stop_before_the_run_ends_it_after_one_turn_without_a_wait(case: Case) {
    for is_remote in [false, true] {
        let (mut reactor, spy) = case.spied();
        reactor.context().defer(|count: &mut usize, context: &mut Context<'_, usize>| {
            *count += 1;
            context.defer(|count, _| *count += 1);
        });
        match is_remote {
            false => reactor.context().stop(),
            true => reactor.remote().stop(),
        }
        let mut count = 0;
        reactor.run(&mut count).unwrap();
        assert_eq!((count, spy.take_waits()), (1, vec![ZERO]));
    }
}

pub fn what_is_queued_at_the_stop_runs_when_the_loop_is_run_again(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    reactor.context().defer(|log: &mut Log, context: &mut Context<'_, Log>| {
        log.push("stops");
        context.stop();
        context.defer(|log, context| {
            log.push("task");
            context.set_timeout(Duration::ZERO, |log, context| {
                log.push("timeout");
                context.stop();
            });
        });
    });
    let mut log = Log::new();
    reactor.run(&mut log).unwrap();
    assert_eq!(log, ["stops"]);
    reactor.run(&mut log).unwrap();
    assert_eq!(log, ["stops", "task", "timeout"]);
}

pub fn the_turn_of_the_stop_is_finished(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    let mut context = reactor.context();
    context.defer(|_: &mut Log, context| context.stop());
    context.defer(|log, _| log.push("task"));
    context.set_timeout(Duration::ZERO, |log, _| log.push("timeout"));
    let mut log = Log::new();
    reactor.run(&mut log).unwrap();
    assert_eq!(log, ["task", "timeout"]);
}

pub fn a_stop_ends_one_run_and_not_the_next(case: Case) {
    let mut reactor = case.reactor();
    reactor.remote().stop();
    reactor.context().stop();
    let mut count = 0;
    reactor.run(&mut count).unwrap();
    reactor.context().defer(|_, context| {
        context.defer(|count: &mut usize, context| {
            *count += 1;
            context.stop();
        })
    });
    reactor.run(&mut count).unwrap();
    assert_eq!(count, 1);
}

pub fn who_drives_turns_by_hand_takes_the_stop_and_the_loop_waits_again(case: Case) {
    let (mut reactor, spy) = case.spied::<()>();
    reactor.context().stop();
    assert!(reactor.take_stop());
    assert!(!reactor.take_stop());
    let moment = Some(Duration::from_micros(1));
    reactor.turn(&mut (), moment).unwrap();
    assert_eq!(spy.take_waits(), [moment]);
}
