//! A panic leaves the loop, and every source but the one whose callback panicked, in a defined state.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use ringmq::{Context, Id, Reactor, Stream};

use crate::support::{pair, Case, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

type Log = Vec<&'static str>;

/// Runs one turn that is to panic, and answers with what.
fn panic_of_turn(reactor: &mut Reactor<Log>, log: &mut Log) -> &'static str {
    let outcome = catch_unwind(AssertUnwindSafe(|| reactor.turn(log, SOON)));
    outcome.expect_err("the panic goes on to whoever called").downcast_ref::<&str>().expect("a literal")
}

pub fn a_panic_in_a_callback_removes_its_source_and_delivers_the_others_in_the_next_turn(case: Case) {
    let mut reactor = case.reactor();
    let mut ids = Vec::new();
    let mut context = reactor.context();
    for at in 0..3 {
        let callback = move |log: &mut Log, _: &mut Context<'_, Log>, _| {
            assert!(at != 1, "on purpose");
            log.push(["first", "", "third"][at]);
        };
        ids.push(context.add(Probe::new(pair().1), callback).unwrap());
    }
    ids.iter().for_each(|id| assert!(context.fire(*id)));
    let mut log = Log::new();
    assert_eq!(panic_of_turn(&mut reactor, &mut log), "on purpose");
    assert_eq!(log, ["first"]);
    assert!(reactor.context().get(ids[1]).is_none());
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first", "third"]);
    assert!(reactor.context().get(ids[0]).is_some() && reactor.context().get(ids[2]).is_some());
}

pub fn a_panic_after_a_callback_removed_its_own_source_is_just_that_panic(case: Case) {
    let mut reactor = case.reactor();
    let callback = |_: &mut Log, context: &mut Context<'_, Log>, id| {
        drop(context.remove::<Probe>(id));
        // Its place is taken again, and the newcomer is not to suffer for it.
        context.add(Probe::draining(pair().1), |log, _, _| log.push("successor")).unwrap();
        panic!("on purpose");
    };
    let (_near, far) = pair();
    let id = reactor.context().add(Probe::draining(far), callback).unwrap();
    reactor.context().fire(id);
    let mut log = Log::new();
    assert_eq!(panic_of_turn(&mut reactor, &mut log), "on purpose");
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["successor"]);
}

pub fn a_panic_in_a_task_loses_none_of_the_others(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    context.defer(|log: &mut Log, _| log.push("first"));
    context.defer(|_, _| panic!("on purpose"));
    context.defer(|log, _| log.push("third"));
    let mut log = Log::new();
    assert_eq!(panic_of_turn(&mut reactor, &mut log), "on purpose");
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first", "third"]);
}

pub fn a_panic_in_a_timer_loses_none_of_the_others_that_are_due(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    context.set_timeout(Duration::ZERO, |log: &mut Log, _: &mut Context<'_, Log>| log.push("first"));
    context.set_timeout(Duration::ZERO, |_, _| panic!("on purpose"));
    context.set_timeout(Duration::ZERO, |log, _| log.push("third"));
    let mut log = Log::new();
    assert_eq!(panic_of_turn(&mut reactor, &mut log), "on purpose");
    reactor.turn(&mut log, Some(Duration::from_secs(1))).unwrap();
    assert_eq!(log, ["first", "third"]);
    assert_eq!(spy.take_waits(), [Some(Duration::from_secs(1))], "nothing is left to be done");
}

pub fn a_panic_in_a_posted_task_loses_none_of_the_others_nor_the_way_to_post(case: Case) {
    let mut reactor = case.reactor();
    let remote = reactor.remote();
    remote.post(|log: &mut Log, _| log.push("first")).unwrap();
    remote.post(|_, _| panic!("on purpose")).unwrap();
    remote.post(|log, _| log.push("third")).unwrap();
    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(panic_of_turn(&mut reactor, &mut log), "on purpose");
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first", "third"]);

    remote.post(|log, _| log.push("fourth")).unwrap();
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first", "third", "fourth"]);
}

pub fn io_goes_on_after_a_panic(case: Case) {
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    context.add(Probe::draining(far), |log: &mut Log, _, _| log.push("input")).unwrap();
    context.defer(|_, _| panic!("on purpose"));
    near.write_all(b"x").unwrap();
    let mut log = Log::new();
    panic_of_turn(&mut reactor, &mut log);
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["input"]);
}

/// What the callback owns panics as it is dropped, once it has run: it has ended its connection in good order, which gives that another
/// callback. What it has asked for is done all the same.
pub fn a_callback_that_panics_as_it_is_replaced_loses_nothing_of_its_source(case: Case) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    near.set_read_timeout(SOON).unwrap();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let bomb = Bomb;
    let callback = move |_: &mut Log, context: &mut Context<'_, Log>, id: Id<Stream<UnixStream>>| {
        let _ = &bomb;
        context.get_mut(id).unwrap().send(b"bye").unwrap();
        context.finish(id, Duration::from_secs(60));
    };
    context.add(stream, callback).unwrap();
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    near.write_all(b"x").unwrap();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(panic_of_turn(&mut reactor, &mut log), "on purpose");
    reactor.turn(&mut log, ZERO).unwrap();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"bye");
}
