//! Adding, reaching and removing sources, from callbacks that have every right to do any of it to any source.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use ringmq::platform::{Interest, Ready};
use ringmq::{Builder, Context, Fire, Id, Reactor, SourceId};

use crate::support::{in_child, limit_descriptors, pair, turn_until, Case, Change, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// A probe that is ready, and its peer.
fn ready_probe() -> (UnixStream, Probe) {
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    (near, Probe::new(far))
}

pub fn a_callback_may_remove_its_own_source(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_near, probe) = ready_probe();
    let fd = probe.raw_fd();
    let remove = |count: &mut usize, context: &mut Context<'_, usize>, id: Id<Probe>| {
        *count += 1;
        assert!(context.remove(id).is_some());
        assert!(context.get(id).is_none());
    };
    reactor.context().add(probe, remove).unwrap();
    let mut count = 0;
    for _ in 0..3 {
        reactor.turn(&mut count, ZERO).unwrap();
    }
    assert_eq!(count, 1);
    assert_eq!(spy.take_changes(), [Change::Add(fd, Interest::READABLE), Change::Delete(fd)]);
}

/// Both were ready in the same wait, both callbacks are queued; whichever comes first removes the other.
pub fn a_source_removed_by_another_of_the_same_batch_is_not_delivered(case: Case) {
    let mut reactor = case.reactor();
    let (_first_near, first) = ready_probe();
    let (_second_near, second) = ready_probe();
    let notes = [first.notes(), second.notes()];
    let ids: Rc<RefCell<Vec<Id<Probe>>>> = Rc::default();
    for probe in [first, second] {
        let both = Rc::clone(&ids);
        let remove_other = move |count: &mut usize, context: &mut Context<'_, usize>, own| {
            *count += 1;
            let other = both.borrow().iter().copied().find(|id| *id != own);
            assert!(context.remove(other.unwrap()).is_some());
        };
        ids.borrow_mut().push(reactor.context().add(probe, remove_other).unwrap());
    }
    let mut count = 0;
    reactor.turn(&mut count, SOON).unwrap();
    assert_eq!(notes.map(|notes| notes.response_count()), [1, 1], "both were of one batch");
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!(count, 1);
}

pub fn a_source_removed_while_its_callback_is_queued_is_not_delivered(case: Case) {
    let mut reactor = case.reactor();
    let (_near, probe) = ready_probe();
    let mut context = reactor.context();
    let id = context.add(probe, |count: &mut usize, _, _| *count += 1).unwrap();
    context.defer(move |_, context| assert!(context.remove(id).is_some()));
    context.fire(id);
    let mut count = 0;
    reactor.turn(&mut count, ZERO).unwrap();
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!(count, 0);
}

/// In a process of its own, where no other test takes the number first.
pub fn a_descriptor_number_that_comes_back_in_the_same_batch_brings_no_event_of_the_old_file(case: Case) {
    in_child(case, || {
        let mut reactor = case.reactor();
        let (_old_near, old) = ready_probe();
        let (_first_near, first) = ready_probe();
        let number = old.raw_fd();
        let (new_near, new) = pair();
        let new = Cell::new(Some(new));
        let old = reactor.context().add(old, |_: &mut usize, _, _| panic!("it was removed")).unwrap();
        let reuse = move |_: &mut usize, context: &mut Context<'_, usize>, id| {
            context.remove::<Probe>(id);
            drop(context.remove(old));
            let copy = new.take().unwrap().try_clone().unwrap();
            assert_eq!(copy.as_raw_fd(), number, "the number has come back");
            context.add(Probe::draining(copy), |count, _, _| *count += 1).unwrap();
        };
        let first = reactor.context().add(first, reuse).unwrap();
        // The old one's callback is behind the first one's in the queue, as if its event had come second.
        reactor.context().fire(first);
        reactor.context().fire(old);
        let mut count = 0;
        for _ in 0..3 {
            reactor.turn(&mut count, ZERO).unwrap();
        }
        assert_eq!((count, reactor.stats().stale_events), (0, 0));

        (&new_near).write_all(b"x").unwrap();
        turn_until(&mut reactor, &mut count, |count| *count == 1);
    });
}

pub fn a_dead_id_reaches_nothing_also_when_its_place_is_taken_again(case: Case) {
    let mut reactor = case.reactor::<()>();
    let mut context = reactor.context();
    let (_near, probe) = ready_probe();
    let dead = context.add(probe, |_, _, _| ()).unwrap();
    context.remove(dead);
    for _ in 0..2 {
        assert!(context.get(dead).is_none());
        assert!(context.get_mut(dead).is_none());
        assert!(context.split(dead).is_none());
        assert!(context.remove(dead).is_none());
        assert!(!context.fire(dead));
        let (_near, probe) = ready_probe();
        let successor = context.add(probe, |_, _, _| ()).unwrap();
        assert_ne!(dead, successor);
        let (_, mut others) = context.split(successor).unwrap();
        assert!(others.get_mut(dead).is_none() && !others.fire(dead));
    }
}

pub fn split_gives_every_other_source_and_not_the_one_split_off(case: Case) {
    let mut reactor = case.reactor::<()>();
    let mut context = reactor.context();
    let ids: Vec<Id<Probe>> =
        (0..3).map(|_| context.add(Probe::new(pair().1), |_, _, _| ()).unwrap()).collect();
    for own in &ids {
        let (source, mut others) = context.split(*own).unwrap();
        source.interest = Interest::NONE;
        for other in &ids {
            assert_eq!(others.get_mut(*other).is_some(), other != own);
        }
    }
}

pub fn what_is_reached_beside_a_split_is_touched_and_can_be_fired(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let (_own_near, own) = pair();
    let (_other_near, other) = pair();
    let own = context.add(Probe::new(own), |log: &mut Vec<&str>, _, _| log.push("own")).unwrap();
    let other = Probe { fire: Fire::No, ..Probe::new(other) };
    let notes = other.notes();
    let other = context.add(other, |_, _, _| ()).unwrap();
    let mut log = Vec::new();
    reactor.turn(&mut log, ZERO).unwrap();

    let mut context = reactor.context();
    let (_, mut others) = context.split(own).unwrap();
    others.get_mut(other).unwrap().is_prepared = true;
    assert!(others.fire(own));
    others.defer(|log, _| log.push("task"));
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, ["own", "task"]);
    assert_eq!(notes.take_responses(), [Ready::NONE]);
}

/// Its own source is not in its place while a callback runs; nobody is to notice.
pub fn a_callback_reaches_its_own_source_beside_any_split(case: Case) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let (mut near, own) = pair();
    let (_other_near, other) = pair();
    let (own, other) = (Probe::draining(own), Probe { fire: Fire::No, ..Probe::new(other) });
    let (notes, other_notes) = (own.notes(), other.notes());
    let other = context.add(other, |_: &mut Vec<&str>, _, _| ()).unwrap();
    let callback = move |log: &mut Vec<&str>, context: &mut Context<'_, Vec<&str>>, id: Id<Probe>| {
        log.push("own");
        let (_, mut others) = context.split(other).unwrap();
        others.get_mut(id).unwrap().is_prepared = true;
        assert!(others.get_mut(other).is_none());
        if log.len() == 1 {
            assert!(others.fire(id));
        }
        let (own, mut others) = context.split(id).unwrap();
        own.fire = Fire::No;
        others.get_mut(other).unwrap().is_prepared = true;
        assert!(others.get_mut(id).is_none());
    };
    let id = context.add(own, callback).unwrap();
    let mut log = Vec::new();
    reactor.turn(&mut log, ZERO).unwrap();
    near.write_all(b"x").unwrap();
    reactor.turn(&mut log, SOON).unwrap();
    notes.take_responses();
    for expected in [&["own"][..], &["own", "own"], &["own", "own"]] {
        reactor.turn(&mut log, ZERO).unwrap();
        assert_eq!(log, expected);
    }
    assert_eq!(
        (notes.take_responses(), other_notes.take_responses()),
        (vec![Ready::NONE; 2], vec![Ready::NONE; 2])
    );
    assert!(reactor.context().remove(id).is_some());
}

/// The slabs move while a callback of theirs runs. In a process of its own, for the sake of the descriptors.
pub fn thousands_of_sources_may_be_added_inside_a_callback(case: Case) {
    in_child(case, || {
        let count = limit_descriptors(10_100).saturating_sub(100).min(10_000);
        let mut reactor = case.reactor();
        let (mut near, far) = pair();
        let spare = far.try_clone().unwrap();
        let add_all = move |sum: &mut usize, context: &mut Context<'_, usize>, id: Id<Probe>| {
            context.get_mut(id).unwrap().interest = Interest::NONE;
            for _ in 0..count {
                let probe = Probe { interest: Interest::NONE, ..Probe::new(spare.try_clone().unwrap()) };
                let added = context.add(probe, |sum, _, _| *sum += 1).unwrap();
                assert!(context.fire(added));
            }
            assert!(context.get(id).is_some());
            *sum += 1;
        };
        reactor.context().add(Probe::new(far), add_all).unwrap();
        near.write_all(b"x").unwrap();
        let mut sum = 0;
        turn_until(&mut reactor, &mut sum, |sum| *sum > 0);
        assert_eq!(sum, 1);
        turn_until(&mut reactor, &mut sum, |sum| *sum == 1 + count);
    });
}

pub fn a_removed_source_comes_back_open_and_may_be_added_again(case: Case) {
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let id = context.add(Probe::draining(far), |_: &mut usize, _, _| panic!("it was removed")).unwrap();
    let mut probe = context.remove(id).unwrap();
    near.write_all(b"x").unwrap();
    assert_eq!(probe.socket.read(&mut [0; 8]).unwrap(), 1);

    context.add(probe, |count, _, _| *count += 1).unwrap();
    near.write_all(b"y").unwrap();
    let mut count = 0;
    turn_until(&mut reactor, &mut count, |count| *count == 1);
}

pub fn a_source_that_cannot_be_added_leaves_the_loop_as_it_was(case: Case) {
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    // The same number twice: another owner that borrows it for as long as this test lives.
    struct Twin(Rc<UnixStream>);
    impl ringmq::Source for Twin {
        fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
            std::os::fd::AsFd::as_fd(&*self.0)
        }
        fn interest(&self) -> Interest {
            Interest::READABLE
        }
        fn respond(&mut self, _: Ready, _: &mut ringmq::Io) -> Fire {
            Fire::from((&*self.0).read(&mut [0; 8]).is_ok())
        }
    }
    let far = Rc::new(far);
    let mut context = reactor.context();
    context.add(Twin(Rc::clone(&far)), |count: &mut usize, _, _| *count += 1).unwrap();
    let error = context.add(Twin(Rc::clone(&far)), |_, _, _| panic!("it was refused")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(Rc::strong_count(&far), 2, "the refused one is dropped");

    near.write_all(b"x").unwrap();
    let mut count = 0;
    turn_until(&mut reactor, &mut count, |count| *count == 1);
}

pub fn more_ready_sources_than_a_wait_holds_are_all_served_in_turn(case: Case) {
    const COUNT: usize = 10;
    let (mut reactor, _spy) = case.spied_by::<()>(Builder::new().events(1));
    let probes: Vec<_> = (0..COUNT).map(|_| ready_probe()).collect();
    let mut all_notes = Vec::new();
    let mut nears = Vec::new();
    for (near, probe) in probes {
        all_notes.push(probe.notes());
        nears.push(near);
        reactor.context().add(probe, |_, _, _| ()).unwrap();
    }
    for _ in 0..3 * COUNT {
        reactor.turn(&mut (), SOON).unwrap();
    }
    let counts: Vec<usize> = all_notes.iter().map(|notes| notes.response_count()).collect();
    assert!(counts.iter().all(|count| *count >= 2), "{counts:?}");
}

/// The same loop cannot be run from its own callback: `Context` has no such method, and `run` holds the reactor for as long as it
/// lasts; `Reactor`'s documentation shows the error of the compiler. Another one can.
pub fn another_loop_may_be_run_from_a_callback(case: Case) {
    let mut outer = case.reactor();
    outer.context().defer(move |log: &mut Vec<&str>, context| {
        let mut inner: Reactor<Vec<&str>> = case.reactor();
        inner.context().defer(|log, context| {
            log.push("inner");
            context.stop();
        });
        inner.run(log).unwrap();
        log.push("outer");
        context.stop();
    });
    let mut log = Vec::new();
    outer.run(&mut log).unwrap();
    assert_eq!(log, ["inner", "outer"]);
}

pub fn a_loop_shows_the_sources_that_are_live(case: Case) {
    let mut reactor = case.reactor::<()>();
    let (_near, far) = pair();
    let number = far.as_raw_fd();
    let id = reactor.context().add(Probe::new(far), |_, _, _| ()).unwrap();
    let entry =
        format!("({:?}, \"turn::support::probe::Probe\", BorrowedFd {{ fd: {number} }}", SourceId::from(id));
    let shown = format!("{reactor:?}");
    assert!(shown.contains(&entry), "{shown} has no {entry}");
    reactor.context().remove(id);
    assert!(!format!("{reactor:?}").contains("Probe"));
}
