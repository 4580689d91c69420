//! Values from other threads: all of them arrive, in order, at a bounded cost, and both ends learn of it when the other one goes.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SendError, TryRecvError, TrySendError};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ringmq::{Channel, Context, Id, Sender};

use crate::support::{pair, turn_until, turn_until_idle, Case, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);
/// More than arrive in one turn.
const MANY: usize = 5_000;
const PER_TURN: usize = 1024;

pub type Log = Vec<Option<usize>>;

pub fn note(log: &mut Log, context: &mut Context<'_, Log>, value: Option<usize>) {
    log.push(value);
    if value.is_none() {
        context.stop();
    }
}

/// Takes what has arrived.
pub fn take<S>(context: &mut Context<'_, S>, id: Id<Channel<usize>>, limit: usize) -> Vec<usize> {
    let channel = context.get_mut(id).expect("it is on the loop");
    std::iter::from_fn(|| channel.try_recv().ok()).take(limit).collect()
}

/// A value that was taken from a channel, and the channel.
pub type Found = Vec<(usize, Channel<usize>)>;

/// Takes one value, and the channel off its loop.
pub fn take_away(found: &mut Found, context: &mut Context<'_, Found>, id: Id<Channel<usize>>) {
    let value = take(context, id, 1)[0];
    found.push((value, context.remove(id).expect("it is on the loop")));
}

/// Counts how many there are of it.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The other thread sends only once the loop is about to wait, and the loop would wait for ever.
pub fn a_value_from_another_thread_wakes_a_loop_that_waits(case: Case) {
    let (mut reactor, spy) = case.spied::<Log>();
    let (sender, channel) = Channel::unbounded().unwrap();
    reactor.context().receive(channel, note).unwrap();
    let (waits, is_waiting) = mpsc::channel();
    spy.before_wait(move || waits.send(()).unwrap_or(()));
    let thread = thread::spawn(move || {
        is_waiting.recv().unwrap();
        sender.send(7).unwrap();
    });
    let mut log = Log::new();
    reactor.run(&mut log).unwrap();
    thread.join().unwrap();
    assert_eq!(log, [Some(7), None]);
}

pub fn values_of_one_thread_arrive_in_order_and_then_the_end_and_the_channel_is_gone(case: Case) {
    for capacity in [usize::MAX, 3] {
        let mut reactor = case.reactor::<Log>();
        let (sender, channel) = Channel::bounded(capacity).unwrap();
        let id = reactor.context().receive(channel, note).unwrap();
        let thread = thread::spawn(move || (0..MANY).for_each(|value| sender.send(value).unwrap()));
        let mut log = Log::new();
        reactor.run(&mut log).unwrap();
        thread.join().unwrap();
        assert_eq!(log, (0..MANY).map(Some).chain([None]).collect::<Log>());
        assert!(reactor.context().get(id).is_none());
    }
}

/// Four threads, each with a sender of its own: nothing is lost or doubled, and the values of each are in order.
pub fn values_of_several_threads_all_arrive(case: Case) {
    const THREADS: usize = 4;
    for capacity in [usize::MAX, 1, 100] {
        let mut reactor = case.reactor::<Vec<usize>>();
        let (sender, channel) = Channel::bounded(capacity).unwrap();
        let received = |next: &mut Vec<usize>, context: &mut Context<'_, Vec<usize>>, value| match value {
            Some((thread, value)) => {
                let next: &mut usize = &mut next[thread];
                assert_eq!(value, *next, "thread {thread}");
                *next += 1;
            }
            None => context.stop(),
        };
        reactor.context().receive(channel, received).unwrap();
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let sender = sender.clone();
                thread::spawn(move || (0..MANY).for_each(|value| sender.send((thread, value)).unwrap()))
            })
            .collect();
        drop(sender);
        let mut next = vec![0; THREADS];
        reactor.run(&mut next).unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(next, [MANY; THREADS]);
    }
}

/// A source that is always ready has its turn in every one in which values arrive, and no turn brings more than a thousand-odd.
pub fn a_flood_of_values_leaves_io_its_turn_every_time(case: Case) {
    let (mut reactor, spy) = case.spied::<Vec<usize>>();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe::new(far);
    let notes = probe.notes();
    let (sender, channel) = Channel::unbounded().unwrap();
    (0..MANY).for_each(|value| sender.send(value).unwrap());
    let mut context = reactor.context();
    context.add(probe, |_, _, _| ()).unwrap();
    context.receive(channel, |log: &mut Vec<usize>, _, value| log.extend(value)).unwrap();
    let mut log = Vec::new();
    let mut turns = 0;
    while log.len() < MANY {
        let before = log.len();
        reactor.turn(&mut log, SOON).unwrap();
        turns += 1;
        assert!(log.len() - before <= PER_TURN);
        assert_eq!(notes.response_count(), turns);
    }
    assert_eq!(log, (0..MANY).collect::<Vec<_>>());
    assert_eq!(spy.take_waits().len(), turns);
}

/// Sent from a callback of the loop itself, over and over.
pub fn a_callback_that_sends_itself_a_value_leaves_io_its_turn_every_time(case: Case) {
    let mut reactor = case.reactor::<usize>();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe::new(far);
    let notes = probe.notes();
    let (sender, channel) = Channel::unbounded().unwrap();
    sender.send(7).unwrap();
    let mut context = reactor.context();
    context.add(probe, |_, _, _| ()).unwrap();
    context
        .receive(channel, move |count: &mut usize, _, value| {
            *count += 1;
            sender.send(value.expect("a sender is left")).unwrap();
        })
        .unwrap();
    let mut count = 0;
    for _ in 0..1001 {
        reactor.turn(&mut count, SOON).unwrap();
    }
    assert_eq!((count, notes.response_count()), (1000, 1001));
}

pub fn many_values_cost_one_turn_and_then_the_loop_sleeps(case: Case) {
    let (mut reactor, spy) = case.spied::<Log>();
    let (sender, channel) = Channel::unbounded().unwrap();
    reactor.context().receive(channel, note).unwrap();
    (0..100).for_each(|value| sender.send(value).unwrap());
    let mut log = Log::new();
    let moment = Some(Duration::from_nanos(1));
    for limit in [SOON, moment, moment] {
        reactor.turn(&mut log, limit).unwrap();
    }
    assert_eq!((log.len(), spy.take_waits()), (100, vec![SOON, moment, moment]));
}

pub fn what_a_callback_leaves_it_is_called_for_again_when_it_has_taken_some(case: Case) {
    let (mut reactor, spy) = case.spied::<Vec<usize>>();
    let (sender, channel) = Channel::unbounded().unwrap();
    (0..5).for_each(|value| sender.send(value).unwrap());
    let callback = |log: &mut Vec<usize>, context: &mut Context<'_, Vec<usize>>, id| {
        assert!(log.len() <= 5);
        log.extend(take(context, id, 2));
    };
    reactor.context().add(channel, callback).unwrap();
    let mut log = Vec::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [0, 1, 2, 3, 4]);
}

/// A reader that is busy elsewhere: its values stay, more of them neither keep the loop awake nor get lost, and it goes on when fired.
pub fn a_callback_that_takes_nothing_lets_the_loop_sleep(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (sender, channel) = Channel::unbounded().unwrap();
    let is_busy = Rc::new(Cell::new(true));
    let is_elsewhere = Rc::clone(&is_busy);
    let callback = move |log: &mut Vec<usize>, context: &mut Context<'_, _>, id| {
        if !is_elsewhere.get() {
            log.extend(take(context, id, usize::MAX));
        }
    };
    let id = reactor.context().add(channel, callback).unwrap();
    let mut log = Vec::new();
    for part in 0..5 {
        (part * 1000..(part + 1) * 1000).for_each(|value| sender.send(value).unwrap());
        turn_until_idle(&mut reactor, &spy, &mut log);
    }
    is_busy.set(false);
    reactor.context().fire(id);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, (0..5000).collect::<Vec<_>>());
}

/// With a callback that asks by itself: after the last value, once, however little it takes at a time.
pub fn a_reader_learns_once_that_every_sender_is_gone(case: Case) {
    for (count, limit) in [(0, 9), (1, 9), (3, 1), (3, 3), (3, 9)] {
        let (mut reactor, spy) = case.spied();
        let (sender, channel) = Channel::unbounded().unwrap();
        let other = sender.clone();
        let callback = move |log: &mut Log, context: &mut Context<'_, Log>, id: Id<Channel<usize>>| {
            for _ in 0..limit {
                match context.get_mut(id).unwrap().try_recv() {
                    Ok(value) => log.push(Some(value)),
                    Err(TryRecvError::Empty) => panic!("it was called for nothing"),
                    Err(TryRecvError::Disconnected) => {
                        log.push(None);
                        break;
                    }
                }
            }
        };
        let id = reactor.context().add(channel, callback).unwrap();
        let mut log = Log::new();
        drop(other);
        turn_until_idle(&mut reactor, &spy, &mut log);
        assert_eq!(log, [], "a sender is left");
        (0..count).for_each(|value| sender.send(value).unwrap());
        drop(sender);
        turn_until_idle(&mut reactor, &spy, &mut log);
        assert_eq!(log, (0..count).map(Some).chain([None]).collect::<Log>());
        assert_eq!(reactor.context().get_mut(id).unwrap().try_recv(), Err(TryRecvError::Disconnected));
    }
}

/// Some have arrived, some are queued, some come too late; a value's own drop may send.
pub fn values_that_nobody_takes_are_dropped_with_the_channel(case: Case) {
    struct SendsWhenDropped(Counted, Option<Sender<SendsWhenDropped>>);
    impl Drop for SendsWhenDropped {
        fn drop(&mut self) {
            if let Some(sender) = self.1.take() {
                let again = SendsWhenDropped(Counted::new(&self.0 .0), None);
                assert!(matches!(sender.try_send(again), Err(TrySendError::Disconnected(_))));
            }
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let mut reactor = case.reactor::<()>();
    let (sender, channel) = Channel::unbounded().unwrap();
    reactor.context().add(channel, |_, _, _| ()).unwrap();
    let send = |how_many| {
        for _ in 0..how_many {
            let value = SendsWhenDropped(Counted::new(&count), Some(sender.clone()));
            drop(sender.send(value));
        }
    };
    send(3000);
    reactor.turn(&mut (), SOON).unwrap();
    send(10);
    assert_eq!(count.load(Ordering::SeqCst), 3010);
    drop(reactor);
    assert_eq!(count.load(Ordering::SeqCst), 0);
    send(10);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// What was sent before still arrives, then the end; what is sent from then on is refused.
pub fn a_loop_that_drains_takes_what_was_sent_and_no_more(case: Case) {
    let mut reactor = case.reactor::<Log>();
    let (sender, channel) = Channel::unbounded().unwrap();
    let late = sender.clone();
    let received = move |log: &mut Log, _: &mut Context<'_, Log>, value| {
        if value == Some(MANY - 1) {
            assert_eq!(late.try_send(9), Err(TrySendError::Disconnected(9)));
        }
        log.push(value);
    };
    reactor.context().receive(channel, received).unwrap();
    (0..MANY).for_each(|value| sender.send(value).unwrap());
    let mut log = Log::new();
    assert!(reactor.drain(&mut log, SOON.unwrap()).unwrap());
    assert_eq!(log, (0..MANY).map(Some).chain([None]).collect::<Log>());
}

/// Nothing waits in it, so that only the end is left to be told.
pub fn a_loop_that_drains_tells_an_idle_channel_of_its_end(case: Case) {
    let mut reactor = case.reactor::<Log>();
    let (_sender, channel) = Channel::unbounded().unwrap();
    let id = reactor.context().receive(channel, |log: &mut Log, _, value| log.push(value)).unwrap();
    let mut log = Log::new();
    assert!(reactor.drain(&mut log, SOON.unwrap()).unwrap());
    assert_eq!(log, [None]);
    assert!(reactor.context().get(id).is_none());
}

pub fn a_channel_removed_by_its_own_callback_brings_nothing_more_and_goes_on_elsewhere(case: Case) {
    let mut reactor = case.reactor::<Found>();
    let (sender, channel) = Channel::unbounded().unwrap();
    (0..3).for_each(|value| sender.send(value).unwrap());
    reactor.context().add(channel, take_away).unwrap();
    let mut found = Vec::new();
    turn_until(&mut reactor, &mut found, |found| !found.is_empty());
    reactor.turn(&mut found, ZERO).unwrap();
    let (value, channel) = found.pop().unwrap();
    assert_eq!((value, found.len()), (0, 0));

    sender.send(3).unwrap();
    drop(sender);
    let mut next = case.reactor::<Log>();
    let id = next.context().receive(channel, note).unwrap();
    next.context().fire(id);
    let mut log = Log::new();
    next.run(&mut log).unwrap();
    assert_eq!(log, [Some(1), Some(2), Some(3), None]);
}

pub fn an_error_of_the_callback_closes_the_channel(case: Case) {
    let mut reactor = case.reactor::<usize>();
    let (sender, channel) = Channel::unbounded().unwrap();
    (0..3).for_each(|value| sender.send(value).unwrap());
    let received = |count: &mut usize, _: &mut Context<'_, usize>, value: Option<usize>| {
        *count += 1;
        if value == Some(1) {
            Err("not this one")
        } else {
            Ok(())
        }
    };
    let id = reactor.context().receive(channel, received).unwrap();
    let mut count = 0;
    reactor.turn(&mut count, SOON).unwrap();
    let error = reactor.turn(&mut count, ZERO).unwrap_err().to_string();
    assert!(error.contains("an_error_of_the_callback_closes_the_channel"), "{error}");
    assert_eq!((count, sender.send(3)), (2, Err(SendError(3))));
    assert!(reactor.context().get(id).is_none());
}
