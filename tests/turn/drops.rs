//! Dropping a loop with everything pending: every closure is dropped and every descriptor closed.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmq::{Listener, Reactor, Stream};

use crate::support::{descriptor_count, in_child, pair, Case, Probe, SOON};

/// A loop on which something of every kind waits, each holding a count.
fn full_reactor(case: Case, local: &Rc<()>, shared: &Arc<()>) -> Reactor<()> {
    let mut reactor: Reactor<()> = case.reactor();
    let held = || Rc::clone(local);
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let mut context = reactor.context();
    let callback = held();
    let probe = context.add(Probe::new(far), move |_, _, _| drop(Rc::clone(&callback))).unwrap();
    let (idle_near, idle_far) = pair();
    let mut stream = Stream::new(idle_far, &context.memory()).unwrap();
    stream.send(&[0; 1 << 20]).unwrap();
    let callback = held();
    context.add(stream, move |_, _, _| drop((&idle_near, Rc::clone(&callback)))).unwrap();
    let callback = held();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    context.listen(listener, move |_, _, _| drop(Rc::clone(&callback))).unwrap();
    reactor.turn(&mut (), SOON).unwrap();

    let mut context = reactor.context();
    context.fire(probe);
    let task = held();
    context.defer(move |_, _| drop(task));
    for after in [Duration::ZERO, Duration::from_secs(3600), Duration::MAX] {
        let task = held();
        context.set_timeout(after, move |_, _| drop(task));
    }
    let cleared = held();
    let cleared = context.set_timeout(Duration::ZERO, move |_, _| drop(cleared));
    context.clear_timeout(cleared);
    let posted = Arc::clone(shared);
    context.remote().post(move |_, _| drop(posted)).unwrap();
    reactor
}

pub fn a_loop_dropped_with_everything_pending_drops_every_closure(case: Case) {
    let (local, shared) = (Rc::new(()), Arc::new(()));
    let reactor = full_reactor(case, &local, &shared);
    assert_eq!((Rc::strong_count(&local), Arc::strong_count(&shared)), (8, 2));
    drop(reactor);
    assert_eq!((Rc::strong_count(&local), Arc::strong_count(&shared)), (1, 1));
}

/// In a process of its own, where no other test opens any.
pub fn a_loop_dropped_with_everything_pending_leaks_no_descriptor(case: Case) {
    in_child(case, || {
        let before = descriptor_count();
        let reactor = full_reactor(case, &Rc::new(()), &Arc::new(()));
        assert!(descriptor_count() >= before + 5);
        drop(reactor);
        assert_eq!(descriptor_count(), before);
    });
}

pub fn memory_that_outlives_its_loop_is_given_back_harmlessly(case: Case) {
    let mut reactor = case.reactor::<()>();
    let memory = reactor.context().memory();
    let charge = memory.charge(1000).unwrap();
    drop(reactor);
    assert_eq!(memory.used(), 1000);
    drop(charge);
    assert_eq!(memory.used(), 0);
}

pub fn removing_a_source_drops_its_callback(case: Case) {
    let held = Rc::new(());
    let mut reactor = case.reactor::<()>();
    let (_near, far) = pair();
    let callback = Rc::clone(&held);
    let mut context = reactor.context();
    let id = context.add(Probe::new(far), move |_, _, _| drop(Rc::clone(&callback))).unwrap();
    context.remove(id);
    assert_eq!(Rc::strong_count(&held), 1);
}
