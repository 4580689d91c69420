//! What the flight recorder says of turns whose course is known: the clock stands still but where a test moves it.

use std::time::Duration;

use ringmq::{Builder, Context, Haste, Reactor, Slow, SourceId, TurnRecord};

use crate::support::{pair, Case, Probe, Spy};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const MS: Duration = Duration::from_millis(1);

fn recording<S: 'static>(case: Case, turns: usize) -> (Reactor<S>, Spy) {
    let (reactor, spy) = case.spied_by(Builder::new().record_turns(turns));
    spy.stop_the_clock();
    (reactor, spy)
}

fn last<S: 'static>(reactor: &Reactor<S>) -> TurnRecord {
    reactor.records().last().expect("a turn was recorded").clone()
}

/// A task that takes time.
fn busy(spy: &Spy, time: Duration) -> impl FnOnce(&mut (), &mut Context<'_, ()>) {
    let spy = spy.clone();
    move |_, _| spy.advance(time)
}

pub fn each_phase_is_charged_with_its_time(case: Case) {
    let (mut reactor, spy) = recording(case, 10);
    let mut context = reactor.context();
    context.defer(busy(&spy, 3 * MS));
    context.set_timeout(Duration::ZERO, busy(&spy, 5 * MS));
    reactor.turn(&mut (), Some(7 * MS)).unwrap();
    let record = last(&reactor);
    assert_eq!((record.callbacks, record.timeouts, record.waiting), (3 * MS, 5 * MS, 7 * MS));
    assert_eq!((record.settling, record.responding), (Duration::ZERO, Duration::ZERO));
    assert_eq!(record.total(), 15 * MS);
    assert_eq!((record.queued, record.timers, record.events), (1, 1, 0));
    assert_eq!((record.lateness, record.haste), (3 * MS, None));
}

pub fn the_last_turns_are_kept_and_no_more(case: Case) {
    let (mut reactor, spy) = recording(case, 3);
    assert_eq!(reactor.records().count(), 0);
    let mut begins = Vec::new();
    for _ in 0..5 {
        begins.push(reactor.context().now());
        reactor.turn(&mut (), ZERO).unwrap();
        spy.advance(MS);
        reactor.turn(&mut (), ZERO).unwrap();
    }
    let kept: Vec<_> = reactor.records().map(|record| record.began).collect();
    assert_eq!(kept.len(), 3);
    assert_eq!(kept[2] - kept[0], MS);
}

pub fn nothing_is_recorded_unless_asked_for_and_no_clock_is_read(case: Case) {
    let (mut reactor, spy) = case.spied::<()>();
    reactor.context().defer(|_, _| ());
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!((reactor.records().count(), spy.take_clock_reads()), (0, 0));
    assert!(reactor.explain().contains("no turn is recorded"));
}

pub fn the_slowest_callback_and_timer_are_named(case: Case) {
    let (mut reactor, spy) = recording(case, 1);
    let mut context = reactor.context();
    let slow = spy.clone();
    let id = context.add(Probe::new(pair().1), move |_: &mut (), _, _| slow.advance(2 * MS)).unwrap();
    context.fire(id);
    context.defer(busy(&spy, MS));
    context.set_timeout(Duration::ZERO, busy(&spy, 9 * MS));
    reactor.turn(&mut (), ZERO).unwrap();
    let record = last(&reactor);
    let callback = record.slowest_callback.unwrap();
    assert_eq!((callback.source, callback.took), (Some(SourceId::from(id)), 2 * MS));
    assert!(callback.name.contains("the_slowest_callback_and_timer_are_named"), "{}", callback.name);
    let timer = record.slowest_timer.unwrap();
    assert_eq!((timer.source, timer.took), (None, 9 * MS));
    assert!(timer.name.contains("busy"), "{}", timer.name);
    assert_eq!(record.slowest(), Some(timer));
}

pub fn a_turn_that_did_not_sleep_says_why(case: Case) {
    type Start = fn(&mut Reactor<()>);
    let haste_after = |start: Start, limit: Duration| {
        let (mut reactor, spy) = case.spied_by(Builder::new().record_turns(1).timer_budget(1));
        spy.stop_the_clock();
        start(&mut reactor);
        reactor.turn(&mut (), Some(limit)).unwrap();
        last(&reactor).haste
    };
    assert_eq!(haste_after(|_| (), MS), None);
    assert_eq!(haste_after(|_| (), Duration::ZERO), Some(Haste::Limit));
    let queued: Start = |reactor| reactor.context().defer(|_, context| context.defer(|_, _| ()));
    assert!(matches!(haste_after(queued, MS), Some(Haste::Queued(name)) if name.contains("did_not_sleep")));
    let prepared: Start = |reactor| {
        let probe = Probe { is_prepared: true, ..Probe::new(pair().1) };
        reactor.context().add(probe, |_, _, _| ()).unwrap();
    };
    assert_eq!(haste_after(prepared, MS), Some(Haste::Prepared));
    let due: Start = |reactor| {
        for _ in 0..2 {
            reactor.context().set_timeout(Duration::ZERO, |_, _| ());
        }
    };
    assert_eq!(haste_after(due, MS), Some(Haste::Due));
    let deadline: Start = |reactor| {
        reactor.context().set_timeout(Duration::ZERO, |_: &mut (), context: &mut Context<'_, ()>| {
            context.set_timeout(Duration::ZERO, |_, _| ());
        });
    };
    assert_eq!(haste_after(deadline, MS), Some(Haste::Deadline));
    let file: Start = |reactor| {
        let file = std::fs::File::open("Cargo.toml").unwrap();
        reactor.context().add(Forever(file), |_, _, _| ()).unwrap();
    };
    assert_eq!(haste_after(file, MS), Some(Haste::AlwaysReady));
    assert_eq!(haste_after(|reactor| reactor.context().stop(), MS), Some(Haste::Stopping));
}

struct Forever(std::fs::File);

impl ringmq::Source for Forever {
    fn fd(&self) -> std::os::unix::io::BorrowedFd<'_> {
        std::os::unix::io::AsFd::as_fd(&self.0)
    }

    fn interest(&self) -> ringmq::platform::Interest {
        ringmq::platform::Interest::READABLE
    }

    fn respond(&mut self, _: ringmq::platform::Ready, _: &mut ringmq::Io) -> ringmq::Fire {
        ringmq::Fire::No
    }
}

pub fn who_is_slow_is_told_as_it_happens(case: Case) {
    let (mut reactor, spy) = case.clocked::<Vec<Slow>>();
    let mut context = reactor.context();
    context.on_slow(2 * MS, |log: &mut Vec<Slow>, _, slow| log.push(slow));
    let (quick, slow) = (spy.clone(), spy.clone());
    context.defer(move |log: &mut Vec<Slow>, _| {
        quick.advance(2 * MS - Duration::from_nanos(1));
        assert!(log.is_empty());
    });
    let id = context.add(Probe::new(pair().1), move |_, _, _| slow.advance(2 * MS)).unwrap();
    context.fire(id);
    context.defer(|log, _| assert_eq!(log.len(), 1, "it is told before the next one runs"));
    let mut log = Vec::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!((log[0].source, log[0].took), (Some(id.into()), 2 * MS));
    assert!(log[0].name.contains("who_is_slow_is_told_as_it_happens"), "{}", log[0].name);
}

/// It is told as a failure, and what the hook was told of is not lost by it: neither tasks behind it nor a failure of its own.
pub fn a_hook_that_panics_over_a_slow_task_loses_nobody(case: Case) {
    let mut reactor = case.reactor::<Vec<String>>();
    let mut context = reactor.context();
    context.on_slow(Duration::ZERO, |_, _, _| panic!("on purpose"));
    context.on_failure(|log: &mut Vec<String>, _, failure| log.push(failure.to_string()));
    let remote = context.remote();
    for _ in 0..3 {
        remote.post(|log, _| log.push("posted".to_string())).unwrap();
    }
    context.defer(|_, _| Err("failed too"));
    let mut log = Vec::new();
    for _ in 0..4 {
        reactor.turn(&mut log, ZERO).unwrap();
    }
    let count = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    assert_eq!((count("posted"), count("failed too"), count("on_slow panicked")), (3, 1, 4), "{log:?}");
}

/// The first of two due timers takes its time, and the second is late by that much though both were found due in time.
pub fn a_timer_behind_a_slow_one_of_the_same_turn_is_late(case: Case) {
    let (mut reactor, spy) = recording(case, 20);
    let mut context = reactor.context();
    context.set_timeout(Duration::ZERO, busy(&spy, 40 * MS));
    context.set_timeout(Duration::ZERO, |_, _| ());
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(last(&reactor).lateness, 40 * MS);
    let why = reactor.explain();
    assert!(
        why.contains("latest timer: 40ms late") && why.contains("since timers of that turn took 40ms"),
        "{why}"
    );
}

pub fn it_explains_that_a_task_keeps_the_loop_busy(case: Case) {
    fn restless(count: &mut u32, context: &mut Context<'_, u32>) {
        *count += 1;
        context.defer(restless);
    }
    let (mut reactor, _spy) = recording(case, 20);
    reactor.context().defer(restless);
    for _ in 0..20 {
        reactor.turn(&mut 0, Some(MS)).unwrap();
    }
    let why = reactor.explain();
    assert!(why.contains("busy: 20 of them did not sleep, 0 were allowed to"), "{why}");
    assert!(
        why.contains("20 turns since work was queued for the next turn") && why.contains("restless"),
        "{why}"
    );
}

pub fn it_explains_that_an_idle_loop_sleeps(case: Case) {
    let (mut reactor, _spy) = recording::<()>(case, 20);
    for _ in 0..4 {
        reactor.turn(&mut (), Some(MS)).unwrap();
    }
    let why = reactor.explain();
    assert!(why.starts_with("the last 4 turns took 4ms: 100 % asleep, 0 % in callbacks"), "{why}");
    assert!(why.contains("every turn was allowed to sleep; 0 events came"), "{why}");
    assert!(!why.contains("late"), "{why}");
}

/// A callback runs for 20 ms while a timer of 5 ms is pending.
pub fn it_explains_that_a_slow_callback_made_a_timer_late(case: Case) {
    let (mut reactor, spy) = recording(case, 20);
    let mut context = reactor.context();
    context.set_timeout(5 * MS, |_, _| ());
    context.defer(busy(&spy, 20 * MS));
    reactor.turn(&mut (), ZERO).unwrap();
    let why = reactor.explain();
    assert!(why.contains("latest timer: 15ms late"), "{why}");
    assert!(why.contains("since callbacks of that turn took 20ms, 20ms of it in"), "{why}");
    assert!(why.contains("busy"), "{why}");
}

pub fn it_explains_that_a_slow_timer_made_the_next_one_late(case: Case) {
    let (mut reactor, spy) = recording(case, 20);
    let mut context = reactor.context();
    context.set_timeout(5 * MS, busy(&spy, 40 * MS));
    context.set_timeout(10 * MS, |_, _| ());
    for _ in 0..3 {
        reactor.turn(&mut (), Some(100 * MS)).unwrap();
    }
    let why = reactor.explain();
    assert!(why.contains("latest timer: 35ms late"), "{why}");
    assert!(why.contains("since timers of the turn before took 40ms"), "{why}");
}

pub fn it_explains_that_the_machine_woke_an_idle_loop_late(case: Case) {
    let (mut reactor, spy) = recording(case, 20);
    reactor.context().set_timeout(5 * MS, |_: &mut (), _: &mut Context<'_, ()>| ());
    reactor.turn(&mut (), ZERO).unwrap();
    spy.advance(30 * MS);
    reactor.turn(&mut (), ZERO).unwrap();
    let why = reactor.explain();
    assert!(why.contains("latest timer: 25ms late, 0 turns ago; the loop was idle"), "{why}");
}

pub fn the_source_of_a_slow_callback_that_failed_is_gone_when_it_is_told(case: Case) {
    let (mut reactor, spy) = case.spied();
    let mut context = reactor.context();
    context.on_failure(|_: &mut Option<bool>, _, _| ());
    let fail = |_: &mut Option<bool>, _: &mut Context<'_, Option<bool>>, _| Err("on purpose");
    let id = context.add(Probe::new(pair().1), fail).unwrap();
    context.on_slow(Duration::ZERO, move |is_there, context, _| *is_there = Some(context.get(id).is_some()));
    context.fire(id);
    let mut is_there = None;
    spy.stop_the_clock();
    reactor.turn(&mut is_there, ZERO).unwrap();
    assert_eq!(is_there, Some(false));
}
