//! What fails is closed and told, and all other work of the turn is done.

use std::cell::Cell;
use std::io::{self, Write};
use std::os::unix::io::BorrowedFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::time::Duration;

use ringmq::platform::{Interest, Ready};
use ringmq::{Cause, Context, Failure, Fire, Io, Reactor, Source, SourceId};

use crate::support::{pair, Case, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

type Log = Vec<String>;

fn note(log: &mut Log, _: &mut Context<'_, Log>, failure: Failure) {
    let cause = match failure.cause() {
        Cause::Error(error) => format!("error {error}"),
        Cause::Panic(panic) => format!("panic {}", panic.downcast_ref::<&str>().expect("a literal")),
        _ => unreachable!("there are no others"),
    };
    log.push(format!("{} {cause}", if failure.source().is_some() { "source" } else { "task" }));
}

fn noting(case: Case) -> Reactor<Log> {
    let mut reactor = case.reactor();
    reactor.context().on_failure(note);
    reactor
}

/// A source that panics where it is told to.
struct Fragile {
    probe: Probe,
    at: &'static str,
}

impl Source for Fragile {
    fn fd(&self) -> BorrowedFd<'_> {
        self.probe.fd()
    }

    fn interest(&self) -> Interest {
        assert!(self.at != "interest", "on purpose");
        self.probe.interest()
    }

    fn settle(&mut self) -> bool {
        assert!(self.at != "settle", "on purpose");
        self.probe.settle()
    }

    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        assert!(self.at != "respond", "on purpose");
        self.probe.respond(ready, io)
    }
}

/// Three sources are fired, and the second one fails: the third has its callback in the very same turn.
fn assert_only_the_second_is_closed(case: Case, fail: fn() -> Result<(), io::Error>, told: &str) {
    let mut reactor = noting(case);
    let mut context = reactor.context();
    let ids = [0, 1, 2].map(|at| {
        let callback = move |log: &mut Log, _: &mut Context<'_, Log>, _| {
            log.push(format!("callback {at}"));
            match at {
                1 => fail(),
                _ => Ok(()),
            }
        };
        context.add(Probe::new(pair().1), callback).unwrap()
    });
    ids.iter().for_each(|id| assert!(context.fire(*id)));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["callback 0", "callback 1", told, "callback 2"]);
    let context = reactor.context();
    assert_eq!(ids.map(|id| context.get(id).is_some()), [true, false, true]);
    assert_eq!(context.stats().failures, 1);
}

pub fn a_callback_that_returns_an_error_loses_its_source_and_no_other(case: Case) {
    let fail = || Err(io::Error::new(io::ErrorKind::Other, "on purpose"));
    assert_only_the_second_is_closed(case, fail, "source error on purpose");
}

pub fn a_callback_that_panics_loses_its_source_and_no_other(case: Case) {
    assert_only_the_second_is_closed(case, || panic!("on purpose"), "source panic on purpose");
}

pub fn a_failure_names_the_source_that_was_closed_and_the_function_of_its_callback(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    context.on_failure(|log: &mut Log, context, failure| {
        log.push(failure.source().expect("a callback's").to_string());
        log.push(failure.to_string());
        context.stop();
    });
    let id = context.add(Probe::new(pair().1), |_, _, _| Err("on purpose")).unwrap();
    context.fire(id);
    let mut log = Log::new();
    reactor.run(&mut log).unwrap();
    assert_eq!(log[..1], [SourceId::from(id).to_string()]);
    let text = &log[1];
    assert!(text.contains("a_failure_names_the_source") && text.ends_with("failed: on purpose"), "{text}");
}

pub fn tasks_timers_and_posted_tasks_that_fail_are_told_and_keep_nobody_from_running(case: Case) {
    let (mut reactor, _spy) = case.clocked();
    let mut context = reactor.context();
    context.on_failure(note);
    context.defer(|_, _| Err("deferred"));
    context.defer(|_, _| panic!("deferred"));
    context.defer(|log: &mut Log, _| log.push("deferred".to_string()));
    context.set_timeout(Duration::ZERO, |_, _| Err("timer"));
    context.set_timeout(Duration::ZERO, |_, _| panic!("timer"));
    context.set_timeout(Duration::ZERO, |log: &mut Log, _| log.push("timer".to_string()));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    let expected = [
        "task error deferred",
        "task panic deferred",
        "deferred",
        "task error timer",
        "task panic timer",
        "timer",
    ];
    assert_eq!(log, expected);

    log.clear();
    let remote = reactor.remote();
    remote.post(|_, _| Err("posted")).unwrap();
    remote.post(|_, _| panic!("posted")).unwrap();
    remote.post(|log: &mut Log, _| log.push("posted".to_string())).unwrap();
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["task error posted", "task panic posted", "posted"]);
    assert_eq!(reactor.stats().failures, 6);
}

pub fn without_a_hook_an_error_comes_out_of_the_turn_and_the_rest_runs_in_the_next(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    context.defer(|log: &mut Log, _| log.push("first".to_string()));
    context.defer(|_, _| Err(io::Error::new(io::ErrorKind::InvalidData, "on purpose")));
    context.defer(|log, _| log.push("third".to_string()));
    let mut log = Log::new();
    let error = reactor.turn(&mut log, SOON).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let text = error.to_string();
    assert!(text.contains("without_a_hook") && text.ends_with("failed: on purpose"), "{text}");
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first", "third"]);
}

pub fn without_a_hook_an_error_of_a_posted_task_leaves_the_others_posted(case: Case) {
    let mut reactor = case.reactor();
    let remote = reactor.remote();
    remote.post(|_: &mut Log, _| Err("on purpose")).unwrap();
    remote.post(|log, _| log.push("second".to_string())).unwrap();
    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(reactor.turn(&mut log, SOON).unwrap_err().kind(), io::ErrorKind::Other);
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["second"]);
}

/// Three sources are ready at once and the second one panics: the others have responded in that turn.
pub fn a_source_that_panics_as_it_responds_is_closed_and_told_in_the_next_phase_1(case: Case) {
    let mut reactor = noting(case);
    let sockets = [pair(), pair(), pair()];
    let mut context = reactor.context();
    let mut notes = Vec::new();
    let mut ids = Vec::new();
    let mut nears = Vec::new();
    for (at, (mut near, far)) in sockets.into_iter().enumerate() {
        near.write_all(b"x").unwrap();
        nears.push(near);
        let probe = Probe::new(far);
        notes.push(probe.notes());
        let fragile = Fragile { probe, at: if at == 1 { "respond" } else { "" } };
        ids.push(context.add(fragile, |_, _, _| ()).unwrap());
    }
    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!((notes[0].response_count(), notes[2].response_count()), (1, 1));
    assert!(log.is_empty(), "phase 4 runs no application code");
    assert!(reactor.context().get(ids[1]).is_none());
    reactor.turn(&mut log, SOON).unwrap();
    assert_eq!(log, ["source panic on purpose"]);
    assert_eq!((notes[0].response_count(), notes[2].response_count()), (2, 2));
}

pub fn a_source_that_panics_as_it_settles_is_closed_and_the_others_settle(case: Case) {
    for at in ["settle", "interest"] {
        let mut reactor = noting(case);
        let mut context = reactor.context();
        let mut add = |at| {
            let probe = Probe::new(pair().1);
            let notes = probe.notes();
            let id = context.add(Fragile { probe, at: "" }, |_: &mut Log, _, _| ()).unwrap();
            context.get_mut(id).unwrap().at = at;
            (id, notes)
        };
        let (first, fragile, last) = (add(""), add(at), add(""));
        let mut log = Log::new();
        reactor.turn(&mut log, ZERO).unwrap();
        assert_eq!((first.1.settle_count.get(), last.1.settle_count.get()), (1, 1));
        assert!(reactor.context().get(fragile.0).is_none());
        reactor.turn(&mut log, ZERO).unwrap();
        assert_eq!(log, ["source panic on purpose"]);
    }
}

pub fn without_a_hook_a_panic_of_a_source_comes_out_of_the_next_turn(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let fragile = Fragile { probe: Probe::new(far), at: "respond" };
    reactor.context().add(fragile, |_, _, _| ()).unwrap();
    reactor.turn(&mut (), SOON).unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| reactor.turn(&mut (), SOON)));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"on purpose"));
    reactor.turn(&mut (), ZERO).unwrap();
}

pub fn a_hook_may_use_the_whole_context_and_set_another_hook(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let other = context.add(Probe::new(pair().1), |_: &mut Log, _, _| ()).unwrap();
    context.on_failure(move |log: &mut Log, context, _| {
        log.push("first hook".to_string());
        assert!(context.remove(other).is_some());
        context.defer(|log, _| log.push("deferred".to_string()));
        context.on_failure(|log, _, _| log.push("second hook".to_string()));
    });
    context.defer(|_, _| Err("once"));
    context.defer(|_, _| Err("twice"));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["first hook", "second hook", "deferred"]);
    assert!(reactor.context().get(other).is_none());
}

pub fn a_hook_that_panics_stays_and_loses_nobody(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let told = Rc::new(Cell::new(0));
    let counter = Rc::clone(&told);
    context.on_failure(move |_, _, _| {
        counter.set(counter.get() + 1);
        assert!(counter.get() > 1, "on purpose");
    });
    context.defer(|_, _| Err("once"));
    context.defer(|_, _| Err("twice"));
    context.defer(|log: &mut Log, _| log.push("third".to_string()));
    let mut log = Log::new();
    assert!(catch_unwind(AssertUnwindSafe(|| reactor.turn(&mut log, ZERO))).is_err());
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!((told.get(), log), (2, vec!["third".to_string()]));
}

/// The kernel refuses to hear of it any more, and the turn goes on. A shortage is another matter: see `phases`.
pub fn a_source_that_the_kernel_refuses_a_change_for_is_closed_and_told(case: Case) {
    let (mut reactor, spy) = case.spied::<Log>();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    context.on_failure(note);
    let refused = context.add(Probe::new(pair().1), |_, _, _| ()).unwrap();
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    let mut context = reactor.context();
    let other =
        context.add(Probe::draining(far), |log: &mut Log, _, _| log.push("input".to_string())).unwrap();
    near.write_all(b"x").unwrap();
    context.get_mut(refused).unwrap().interest = Interest::NONE;
    spy.fail_next_modify(io::ErrorKind::PermissionDenied);
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["source error permission denied", "input"]);
    let context = reactor.context();
    assert!(context.get(refused).is_none() && context.get(other).is_some());
}

/// Panics as it responds, and once more as it is dropped.
struct Spiteful(Fragile);

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic!("once more");
    }
}

impl Source for Spiteful {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.fd()
    }

    fn interest(&self) -> Interest {
        self.0.interest()
    }

    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        self.0.respond(ready, io)
    }
}

pub fn a_source_that_panics_again_as_it_is_dropped_is_told_of_all_the_same(case: Case) {
    let mut reactor = noting(case);
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let spiteful = Spiteful(Fragile { probe: Probe::new(far), at: "respond" });
    reactor.context().add(spiteful, |_, _, _| ()).unwrap();
    let mut log = Log::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| reactor.turn(&mut log, SOON)));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"once more"));
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["source panic on purpose"]);
}

/// The one source that a turn is about: it has nobody beside it to take the turn through its phases.
pub fn a_source_that_panics_right_after_its_own_callback_is_closed_and_told_of(case: Case) {
    for at in ["settle", "interest", "respond"] {
        let mut reactor = noting(case);
        let (mut near, far) = pair();
        let fragile = Fragile { probe: Probe::draining(far), at: "" };
        let id = reactor.context().add(fragile, move |_: &mut Log, context, id| {
            let fragile: &mut Fragile = context.get_mut(id).unwrap();
            (fragile.probe.is_prepared, fragile.probe.fire) = (true, Fire::No);
            fragile.at = at;
        });
        let (id, mut log) = (id.unwrap(), Log::new());
        reactor.turn(&mut log, ZERO).unwrap();
        near.write_all(b"x").unwrap();
        reactor.turn(&mut log, SOON).unwrap();
        assert!(reactor.context().get(id).is_some() && log.is_empty());
        reactor.turn(&mut log, ZERO).unwrap();
        assert!(reactor.context().get(id).is_none(), "{at}");
        reactor.turn(&mut log, ZERO).unwrap();
        assert_eq!(log, ["source panic on purpose"], "{at}");
    }
}
