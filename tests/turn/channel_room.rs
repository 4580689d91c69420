//! Channels in which only so many values may wait: senders are refused, or wait for room, and learn when there is some or never will be.

use std::io::ErrorKind;
use std::sync::mpsc::{self, SendError, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::{Channel, Id, Reactor};

use crate::channel::{note, take, take_away, Found, Log};
use crate::support::{turn_until, turn_until_idle, Case, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

pub fn a_full_channel_refuses_and_takes_again_when_a_value_was_taken(case: Case) {
    let (mut reactor, spy) = case.spied::<()>();
    let (sender, channel) = Channel::bounded(2).unwrap();
    let id = reactor.context().add(channel, |_, _, _| ()).unwrap();
    let full = |value| Err(TrySendError::Full(value));
    assert_eq!([0, 1, 2].map(|value| sender.try_send(value)), [Ok(()), Ok(()), full(2)]);
    turn_until_idle(&mut reactor, &spy, &mut ());
    assert_eq!(sender.try_send(2), full(2), "they have arrived, and were not taken");

    assert_eq!(take(&mut reactor.context(), id, 1), [0]);
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!([2, 3].map(|value| sender.try_send(value)), [Ok(()), full(3)]);
    turn_until_idle(&mut reactor, &spy, &mut ());
    assert_eq!(take(&mut reactor.context(), id, 9), [1, 2]);
}

/// The callback takes one of two values and the channel off its loop, so that it settles no more.
pub fn a_value_taken_from_a_channel_that_leaves_its_loop_makes_room(case: Case) {
    let mut reactor = case.reactor();
    let (sender, channel) = Channel::bounded(2).unwrap();
    reactor.context().add(channel, take_away).unwrap();
    (0..2).for_each(|value| sender.send(value).unwrap());
    let other = sender.clone();
    let (starts, has_started) = mpsc::channel();
    let thread = thread::spawn(move || {
        starts.send(()).unwrap();
        other.send_timeout(2, SOON.unwrap())
    });
    has_started.recv().unwrap();
    let mut found = Found::new();
    turn_until(&mut reactor, &mut found, |found| !found.is_empty());
    assert_eq!(thread.join().unwrap(), Ok(()), "it has room as long as the channel lives");
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    let (value, mut channel) = found.pop().unwrap();
    assert_eq!((value, channel.try_recv()), (0, Ok(1)));
    drop(channel);
    assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
}

pub fn a_sender_waits_for_room_as_long_as_it_said_and_not_less(case: Case) {
    let mut reactor = case.reactor::<Log>();
    let (sender, channel) = Channel::bounded(1).unwrap();
    reactor.context().receive(channel, note).unwrap();
    sender.try_send(0).unwrap();
    let (start, wait) = (Instant::now(), Duration::from_millis(20));
    assert_eq!(sender.send_timeout(1, wait), Err(TrySendError::Full(1)));
    assert!(start.elapsed() >= wait);
    assert_eq!(sender.send_timeout(1, Duration::ZERO), Err(TrySendError::Full(1)));

    let thread = thread::spawn(move || {
        let outcomes = [sender.send_timeout(2, Duration::MAX), sender.send_timeout(3, SOON.unwrap())];
        sender.send(4).map(|()| outcomes)
    });
    let mut log = Log::new();
    reactor.run(&mut log).unwrap();
    assert_eq!(log, [Some(0), Some(2), Some(3), Some(4), None]);
    assert_eq!(thread.join().unwrap(), Ok([Ok(()), Ok(())]));
}

/// Whichever way the channel goes, those who wait for room in it learn of it and have their values back.
pub fn senders_that_wait_for_room_are_released_when_the_channel_goes(case: Case) {
    let ways = [
        |mut reactor: Reactor<()>, id: Id<Channel<usize>>| {
            drop(reactor.context().remove(id).expect("it is there"))
        },
        |mut reactor: Reactor<()>, _| {
            assert!(!reactor.drain(&mut (), Duration::ZERO).unwrap(), "nobody takes the values")
        },
        |reactor: Reactor<()>, _| drop(reactor),
    ];
    for go in ways {
        let mut reactor = case.reactor::<()>();
        let (sender, channel) = Channel::bounded(1).unwrap();
        let id = reactor.context().add(channel, |_, _, _| ()).unwrap();
        sender.send(0).unwrap();
        let (starts, has_started) = mpsc::channel();
        let threads = [1, 2].map(|value| {
            let (sender, starts) = (sender.clone(), starts.clone());
            thread::spawn(move || {
                starts.send(()).unwrap();
                sender.send(value)
            })
        });
        has_started.iter().take(2).for_each(drop);
        go(reactor, id);
        assert_eq!(threads.map(|thread| thread.join().unwrap()), [Err(SendError(1)), Err(SendError(2))]);
        assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
        assert_eq!(sender.send_timeout(3, Duration::MAX), Err(TrySendError::Disconnected(3)));
    }
}

pub fn a_channel_without_capacity_is_refused(_case: Case) {
    assert_eq!(Channel::<()>::bounded(0).unwrap_err().kind(), ErrorKind::InvalidInput);
}
