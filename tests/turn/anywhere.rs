//! Every method of a context, called from every place that is handed one, on ids of every kind: what comes of it is defined.

use std::time::Duration;

use ringmq::platform::{net, Interest};
use ringmq::{Channel, Context, Id, Listener, Reactor, Stream};

use crate::support::{pair, Case, Probe};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// What the callbacks of the sources leave behind, and the ids to be used.
struct State {
    log: Vec<&'static str>,
    /// The source whose callback it is, where it is one.
    own: Id<Probe>,
    other: Id<Probe>,
    /// Its place is empty.
    dead: Id<Probe>,
    /// Another one has its place.
    replaced: Id<Probe>,
    successor: Id<Probe>,
    has_run: bool,
}

/// Never ready.
fn idle() -> Probe {
    Probe { interest: Interest::NONE, ..Probe::new(pair().1) }
}

fn reactor(case: Case) -> (Reactor<State>, State) {
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let mut add = |name: &'static str| {
        let callback = move |state: &mut State, context: &mut Context<'_, State>, _| {
            state.log.push(name);
            if name == "own" && !state.has_run {
                use_everything(state, context);
            }
        };
        context.add(idle(), callback).unwrap()
    };
    let (own, other, replaced, dead) = (add("own"), add("other"), add("replaced"), add("dead"));
    let mut context = reactor.context();
    context.remove(replaced).unwrap();
    let callback = |state: &mut State, _: &mut Context<'_, State>, _| state.log.push("successor");
    let successor = context.add(idle(), callback).unwrap();
    context.remove(dead).unwrap();
    let state = State { log: Vec::new(), own, other, dead, replaced, successor, has_run: false };
    (reactor, state)
}

/// All there is, on live ids first, then on dead ones, and at last on what it has just removed.
fn use_everything(state: &mut State, context: &mut Context<'_, State>) {
    state.has_run = true;
    for id in [state.own, state.other, state.successor] {
        assert!(context.get(id).is_some());
        assert!(context.get_mut(id).is_some());
        assert!(context.fire(id));
        assert!(context.fire(id));
        let (_, mut others) = context.split(id).unwrap();
        assert!(others.get_mut(id).is_none(), "it is split off");
        assert!(others.get_mut(state.dead).is_none());
        assert!(others.get_mut(state.replaced).is_none());
        assert!(others.fire(id));
        assert!(!others.fire(state.dead));
        others.defer(|state, _| state.log.push("others"));
    }
    for id in [state.dead, state.replaced] {
        assert!(context.get(id).is_none());
        assert!(context.get_mut(id).is_none());
        assert!(!context.fire(id));
        assert!(context.split(id).is_none());
        assert!(context.remove(id).is_none());
    }
    let timer = context.set_timeout(Duration::ZERO, |_, _| unreachable!("it is cleared"));
    assert!(context.clear_timeout(timer));
    assert!(!context.clear_timeout(timer));
    assert!(!context.reset_timeout(timer, Duration::ZERO));
    let never = context.set_timeout(Duration::MAX, |_, _| unreachable!("it never comes due"));
    assert!(context.reset_timeout(never, Duration::from_secs(3600)));
    let interval = context.set_interval(Duration::ZERO, |_, _| unreachable!("it is cleared"));
    assert!(context.clear_timeout(interval));
    use_connections(context);
    context.defer(|state: &mut State, _| state.log.push("deferred"));
    context.remote().post(|state, _| state.log.push("posted")).unwrap();
    context.on_failure(|state, _, _| state.log.push("failure"));
    assert_eq!(context.now(), context.now());
    assert!(context.memory().limit() > 0);
    assert!(context.stats().turns > 0);
    context.stop();

    for id in [state.own, state.other] {
        assert!(context.remove(id).is_some());
        assert!(context.remove(id).is_none());
        assert!(context.get(id).is_none());
        assert!(!context.fire(id));
    }
    let newcomer = |state: &mut State, _: &mut Context<'_, State>, _| state.log.push("newcomer");
    let id = context.add(idle(), newcomer).unwrap();
    assert!(context.fire(id));
}

/// A listener, a channel and connections come and go: they are removed before anything can come of them.
fn use_connections(context: &mut Context<'_, State>) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = context.listen(listener, |_, _, _| unreachable!("it is removed")).unwrap();
    let socket = net::connect(&address).unwrap();
    let stream = Stream::connecting(socket, &context.memory()).unwrap();
    let within = Duration::from_secs(3600);
    let connection = context.connect(stream, within, |_, _, _| unreachable!("it is removed")).unwrap();
    assert!(context.finish(connection, within));
    assert!(context.remove(connection).is_some());
    assert!(!context.finish(connection, within));
    assert!(context.remove(listener).is_some());
    let (sender, channel) = Channel::bounded(1).unwrap();
    let channel = context.receive(channel, |_, _, _: Option<u32>| unreachable!("it is removed")).unwrap();
    sender.send(1).unwrap();
    assert!(context.remove(channel).is_some());
    assert!(sender.send(2).is_err());
}

/// The turn goes on; of what it removed nothing is heard, and everything else is.
fn assert_all_is_well(case: Case, start: impl FnOnce(&mut Reactor<State>, &State)) {
    let (mut reactor, mut state) = reactor(case);
    start(&mut reactor, &state);
    while !state.has_run {
        reactor.turn(&mut state, ZERO).unwrap();
    }
    assert!(reactor.take_stop());
    state.log.clear();
    for _ in 0..3 {
        reactor.turn(&mut state, ZERO).unwrap();
    }
    state.log.sort_unstable();
    assert_eq!(state.log, ["deferred", "newcomer", "others", "others", "others", "posted", "successor"]);
    assert!(reactor.context().get(state.successor).is_some());
}

/// The id of a source of another loop names, on this one, a place that a source of another type has.
pub fn an_id_of_another_loop_reaches_no_source_of_another_type(case: Case) {
    let (mut reactor, mut state) = reactor(case);
    let mut other: Reactor<()> = case.reactor();
    let foreign: Vec<Id<Listener>> = (0..8)
        .map(|_| {
            let listener = Listener::bind("127.0.0.1:0").unwrap();
            other.context().listen(listener, |_, _, _| ()).unwrap()
        })
        .collect();
    let mut context = reactor.context();
    for id in foreign {
        assert!(context.get(id).is_none());
        assert!(context.get_mut(id).is_none());
        assert!(context.split(id).is_none());
        assert!(!context.fire(id));
        let (_, mut others) = context.split(state.own).unwrap();
        assert!(others.get_mut(id).is_none());
        assert!(!others.fire(id));
        assert!(context.remove(id).is_none());
    }
    for id in [state.own, state.other, state.successor] {
        assert!(context.get(id).is_some());
    }
    reactor.turn(&mut state, ZERO).unwrap();
    assert_eq!(state.log, [""; 0]);
}

pub fn every_method_may_be_called_on_every_id_from_a_callback(case: Case) {
    assert_all_is_well(case, |reactor, state| assert!(reactor.context().fire(state.own)));
}

pub fn every_method_may_be_called_on_every_id_from_a_task(case: Case) {
    assert_all_is_well(case, |reactor, _| reactor.context().defer(use_everything));
}

pub fn every_method_may_be_called_on_every_id_from_a_timer(case: Case) {
    assert_all_is_well(case, |reactor, _| {
        reactor.context().set_timeout(Duration::ZERO, use_everything);
    });
}

pub fn every_method_may_be_called_on_every_id_from_a_posted_task(case: Case) {
    assert_all_is_well(case, |reactor, _| reactor.remote().post(use_everything).unwrap());
}

pub fn every_method_may_be_called_on_every_id_from_a_failure_hook(case: Case) {
    assert_all_is_well(case, |reactor, _| {
        let mut context = reactor.context();
        context.on_failure(|state, context, _| use_everything(state, context));
        context.defer(|_, _| Err("on purpose"));
    });
}

pub fn every_method_may_be_called_on_every_id_between_turns(case: Case) {
    let (mut reactor, mut state) = reactor(case);
    reactor.turn(&mut state, ZERO).unwrap();
    use_everything(&mut state, &mut reactor.context());
    assert!(reactor.take_stop());
    for _ in 0..3 {
        reactor.turn(&mut state, ZERO).unwrap();
    }
    state.log.sort_unstable();
    assert_eq!(state.log, ["deferred", "newcomer", "others", "others", "others", "posted", "successor"]);
}
