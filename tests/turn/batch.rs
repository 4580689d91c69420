//! Several sources of one batch, of which some change or remove others, or take their time: everybody left has what is due to him.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use ringmq::platform::Interest;
use ringmq::{Context, Fire, Id, Stream};

use crate::support::{pair, Case, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

type Log = Vec<usize>;

/// Both are ready in the same batch. Whichever callback runs first silences the other source.
pub fn a_source_silenced_by_another_of_the_same_batch_does_not_respond_again(case: Case) {
    let mut reactor = case.reactor();
    let ids: Rc<RefCell<Vec<Id<Probe>>>> = Rc::default();
    let mut notes = Vec::new();
    let mut nears = Vec::new();
    for at in 0..2 {
        let (mut near, far) = pair();
        near.write_all(b"x").unwrap();
        nears.push(near);
        let probe = Probe::new(far);
        notes.push(probe.notes());
        let all = Rc::clone(&ids);
        let callback = move |log: &mut Log, context: &mut Context<'_, Log>, _| {
            log.push(at);
            if log.len() == 1 {
                let other = all.borrow()[1 - at];
                context.get_mut(other).unwrap().interest = Interest::NONE;
            }
        };
        ids.borrow_mut().push(reactor.context().add(probe, callback).unwrap());
    }
    let mut log = Log::new();
    for _ in 0..4 {
        reactor.turn(&mut log, SOON).unwrap();
    }
    let (first, other) = (log[0], 1 - log[0]);
    assert_eq!(log[1], other, "it had responded before it was silenced");
    assert_eq!((notes[first].response_count(), notes[other].response_count()), (4, 1));
}

/// It has read, and has an answer to write: neither of which anybody wants any more.
pub fn a_stream_removed_in_its_read_callback_writes_nothing(case: Case) {
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    near.write_all(b"request").unwrap();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let callback = |count: &mut usize, context: &mut Context<'_, usize>, id: Id<Stream<UnixStream>>| {
        *count += 1;
        context.get_mut(id).unwrap().send(b"answer").unwrap();
        drop(context.remove(id));
    };
    context.add(stream, callback).unwrap();
    let mut count = 0;
    for _ in 0..3 {
        reactor.turn(&mut count, ZERO).unwrap();
    }
    let mut heard = Vec::new();
    // Closed with the request unread by nobody: it was read, so the end is a clean one.
    near.read_to_end(&mut heard).unwrap();
    assert_eq!((count, heard), (1, Vec::new()));
}

/// A hundred sources are fired; each that runs removes the two behind it. No survivor is passed over, and none runs twice.
pub fn removing_neighbours_passes_over_nobody(case: Case) {
    const COUNT: usize = 100;
    let mut reactor = case.reactor();
    let ids: Rc<RefCell<Vec<Id<Probe>>>> = Rc::default();
    for at in 0..COUNT {
        let all = Rc::clone(&ids);
        let callback = move |log: &mut Log, context: &mut Context<'_, Log>, _| {
            log.push(at);
            let ids = all.borrow();
            ids.iter().skip(at + 1).take(2).for_each(|id| drop(context.remove(*id)));
        };
        let probe = Probe { interest: Interest::NONE, ..Probe::new(pair().1) };
        ids.borrow_mut().push(reactor.context().add(probe, callback).unwrap());
    }
    ids.borrow().iter().for_each(|id| assert!(reactor.context().fire(*id)));
    let mut log = Log::new();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, (0..COUNT).step_by(3).collect::<Vec<_>>());
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log.len(), COUNT.div_euclid(3) + 1);
}

/// The slow one, who never has enough, takes 20 ms of every turn. The byte that is there before a turn is read in it, and its echo is
/// written in the next.
pub fn a_slow_callback_on_a_firehose_leaves_a_ping_pong_its_turn(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut hose, hose_far) = pair();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    hose.write_all(b"x").unwrap();
    context
        .add(Probe::new(hose_far), move |_: &mut (), _, _| spy.advance(Duration::from_millis(20)))
        .unwrap();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let echo = |_: &mut (), context: &mut Context<'_, ()>, id: Id<Stream<UnixStream>>| {
        let stream = context.get_mut(id).unwrap();
        let input = stream.input().to_vec();
        stream.consume(input.len());
        stream.send(&input).unwrap();
    };
    context.add(stream, echo).unwrap();
    near.set_nonblocking(true).unwrap();
    for round in 0..100 {
        near.write_all(&[round]).unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        let mut byte = [0];
        assert_eq!(near.read(&mut byte).unwrap(), 1, "round {round}");
        assert_eq!(byte, [round]);
    }
}

/// A wait takes one event, and three sources are ready at every one: the bell of the other threads still has its turn, and so have they.
pub fn the_bell_of_other_threads_is_neither_starved_nor_starves(case: Case) {
    const SOURCES: usize = 3;
    let mut reactor = case.builder().events(1).build().unwrap();
    let mut notes = Vec::new();
    let mut nears = Vec::new();
    for _ in 0..SOURCES {
        let (mut near, far) = pair();
        near.write_all(b"x").unwrap();
        nears.push(near);
        let probe = Probe { fire: Fire::No, ..Probe::new(far) };
        notes.push(probe.notes());
        reactor.context().add(probe, |_, _, _| ()).unwrap();
    }
    let remote = reactor.remote();
    for round in 1..=50 {
        remote.post(|count: &mut usize, _| *count += 1).unwrap();
        let mut count = 0;
        // One event each for the sources and the bell, and a turn for what the bell fires.
        for _ in 0..=SOURCES + 1 {
            reactor.turn(&mut count, SOON).unwrap();
        }
        assert_eq!(count, 1, "round {round}");
    }
    for notes in notes {
        let responses = notes.response_count();
        assert!(responses >= 50, "{responses} turns of a source in 250");
    }
}

/// In the turn in which a timer comes due its source becomes ready as well: both are delivered, whichever is first.
pub fn a_timer_and_an_event_of_the_same_turn_are_both_delivered(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    context.add(Probe::draining(far), |log: &mut Log, _, _| log.push(1)).unwrap();
    context.set_timeout(Duration::from_millis(5), |log: &mut Log, _| log.push(2));
    near.write_all(b"x").unwrap();
    spy.advance(Duration::from_millis(5));
    let mut log = Log::new();
    reactor.turn(&mut log, SOON).unwrap();
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, [2, 1]);

    // The other way round: the event is there, and the timer comes due while its callback is queued.
    log.clear();
    near.write_all(b"x").unwrap();
    reactor.context().set_timeout(Duration::from_millis(5), |log: &mut Log, _| log.push(2));
    reactor.turn(&mut log, SOON).unwrap();
    spy.advance(Duration::from_millis(5));
    reactor.turn(&mut log, ZERO).unwrap();
    assert_eq!(log, [1, 2]);
}

/// A header's first byte comes and then nothing: the deadline that the application has set removes the connection, and the others live.
pub fn a_peer_that_never_gets_further_is_removed_at_a_deadline(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut slow, slow_far) = pair();
    let (_other, other_far) = pair();
    let mut context = reactor.context();
    let other = Stream::new(other_far, &context.memory()).unwrap();
    let other = context.add(other, |_: &mut usize, _, _| ()).unwrap();
    let mut stream = Stream::new(slow_far, &context.memory()).unwrap();
    stream.need(4);
    let id = context.add(stream, |count: &mut usize, _, _| *count += 1).unwrap();
    let deadline = Duration::from_secs(10);
    context.set_timeout(deadline, move |_, context: &mut Context<'_, usize>| drop(context.remove(id)));
    slow.write_all(b"x").unwrap();
    let mut count = 0;
    reactor.turn(&mut count, SOON).unwrap();
    spy.advance(deadline);
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!(count, 0, "it was never told of a part");
    let context = reactor.context();
    assert!(context.get(id).is_none() && context.get(other).is_some());
    assert_eq!(context.memory().used(), 0);
    assert_eq!(slow.read(&mut [0]).unwrap(), 0);
}
