//! Backpressure: what waits in memory is bounded in both directions, and whoever was held up is told when he may go on.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::platform::Interest;
use ringmq::{Context, Id, Reactor, SendError, Stream, Transport};

use crate::support::{pair, pattern, read_all, turn_until, turn_until_idle, write_all, Case, Change, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const BUFFER_LEN: usize = 64 * 1024;

type UnixId = Id<Stream<UnixStream>>;

fn add<S: 'static>(
    reactor: &mut Reactor<S>,
    socket: UnixStream,
    callback: impl FnMut(&mut S, &mut Context<'_, S>, UnixId) + 'static,
) -> UnixId {
    let mut context = reactor.context();
    let stream = Stream::new(socket, &context.memory()).unwrap();
    context.add(stream, callback).unwrap()
}

/// Sends until it is refused, and answers how much was taken.
fn send_until_refused(stream: &mut Stream<UnixStream>, piece: &[u8]) -> usize {
    let mut taken = 0;
    loop {
        match stream.send(piece) {
            Ok(()) => taken += piece.len(),
            Err(SendError::Full(_)) => return taken,
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn a_peer_that_does_not_read_fills_the_queue_to_the_high_water_and_no_further(case: Case) {
    const HIGH_WATER: usize = 100_000;
    let (mut reactor, spy) = case.spied();
    let (_near, far) = pair();
    let id = add(&mut reactor, far, |count: &mut usize, _, _| *count += 1);
    reactor.context().get_mut(id).unwrap().set_high_water(HIGH_WATER);
    let mut count = 0;
    for _ in 0..50 {
        let mut context = reactor.context();
        let stream = context.get_mut(id).unwrap();
        send_until_refused(stream, &[7; 999]);
        assert!(stream.unsent_len() <= HIGH_WATER);
        turn_until_idle(&mut reactor, &spy, &mut count);
    }
    let unsent = reactor.context().get(id).unwrap().unsent_len();
    assert!(unsent > HIGH_WATER - 999, "{unsent}");
}

/// A sender that goes on whenever its callback runs: all arrives, in order, and the queue was never longer than allowed.
pub fn a_sender_that_was_refused_is_told_when_there_is_room(case: Case) {
    const COUNT: usize = 3000;
    let mut reactor: Reactor<usize> = case.reactor();
    let (near, far) = pair();
    let send_on = |sent: &mut usize, context: &mut Context<'_, usize>, id: UnixId| {
        let stream = context.get_mut(id).unwrap();
        while *sent < COUNT && stream.send(&pattern(1000 + *sent)).is_ok() {
            *sent += 1;
            assert!(stream.unsent_len() <= 50_000);
        }
        if *sent == COUNT {
            stream.finish();
        }
    };
    let id = add(&mut reactor, far, send_on);
    reactor.context().get_mut(id).unwrap().set_high_water(50_000);
    reactor.context().fire(id);
    let reader = read_all(near);
    let mut sent = 0;
    while !reader.is_finished() {
        reactor.turn(&mut sent, Some(Duration::from_millis(1))).unwrap();
    }
    let expected: Vec<u8> = (0..COUNT).flat_map(|at| pattern(1000 + at)).collect();
    assert!(reader.join().unwrap() == expected);
}

/// Not at half of what may wait, but when so little is left; and it can tell that from other reasons why its callback runs.
pub fn a_refused_sender_is_told_at_the_low_water_mark(case: Case) {
    const HIGH_WATER: usize = 1 << 20;
    const LOW_WATER: usize = 10_000;
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    // What was left when it was told that there is room, if it was.
    let note = |seen: &mut Vec<Option<usize>>, context: &mut Context<'_, Vec<_>>, id: UnixId| {
        let stream = context.get_mut(id).unwrap();
        stream.consume(stream.input().len());
        seen.push(stream.take_drained().then(|| stream.unsent_len()));
    };
    let id = add(&mut reactor, far, note);
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.set_high_water(HIGH_WATER);
    stream.set_low_water(LOW_WATER);
    let taken = send_until_refused(stream, &[7; 1000]);
    let mut seen = Vec::new();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    near.write_all(b"x").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen, [None], "there was input");
    let mut left = taken;
    while left > 0 {
        left -= near.read(&mut [0; 4096]).unwrap();
        turn_until_idle(&mut reactor, &spy, &mut seen);
    }
    assert_eq!(seen.len(), 2, "told once: {seen:?}");
    assert!(seen[1].expect("it has drained") <= LOW_WATER, "{seen:?}");
    assert!(!reactor.context().get_mut(id).unwrap().take_drained());
}

pub fn a_sender_that_was_not_refused_is_told_nothing(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let id = add(&mut reactor, far, |_: &mut (), _, _| panic!("there is nothing to tell"));
    reactor.context().get_mut(id).unwrap().send(&[7; 1 << 20]).unwrap();
    let reader = std::thread::spawn(move || (&near).read_exact(&mut vec![0; 1 << 20]).map(|()| near));
    while reactor.context().get(id).unwrap().unsent_len() > 0 {
        reactor.turn(&mut (), SOON).unwrap();
    }
    let _near = reader.join().unwrap().unwrap();
    turn_until_idle(&mut reactor, &spy, &mut ());
}

pub fn what_waited_when_a_connection_failed_is_known(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let id = add(&mut reactor, far, |_: &mut (), _, _| ());
    reactor.context().get_mut(id).unwrap().send(&[7; 1 << 20]).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut ());
    let stream_len = |context: ringmq::Context<'_, ()>| {
        let stream = context.get(id).unwrap();
        (stream.unsent_len(), stream.lost_len())
    };
    let (waits, lost) = stream_len(reactor.context());
    assert!(waits > 0 && lost == 0, "{waits}, {lost}");
    drop(near);
    turn_until_idle(&mut reactor, &spy, &mut ());
    assert_eq!(stream_len(reactor.context()), (0, waits));
}

pub fn a_piece_longer_than_the_high_water_is_taken_when_nothing_else_waits(case: Case) {
    let mut reactor = case.reactor();
    let (near, far) = pair();
    let id = add(&mut reactor, far, |_: &mut (), _, _| ());
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.set_high_water(10_000);
    stream.send(b"x").unwrap();
    assert!(matches!(stream.send(&pattern(2 << 20)), Err(SendError::Full(_))));
    reactor.turn(&mut (), ZERO).unwrap();
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.send(&pattern(2 << 20)).unwrap();
    stream.finish();
    let reader = read_all(near);
    while !reader.is_finished() {
        reactor.turn(&mut (), Some(Duration::from_millis(1))).unwrap();
    }
    assert!(reader.join().unwrap()[1..] == pattern(2 << 20));
}

/// The callback leaves all its input: reading stops at a buffer full of it, and the loop sleeps. Taken, reading goes on.
pub fn reading_pauses_while_input_is_left_and_goes_on_when_it_is_taken(case: Case) {
    const LEN: usize = 1 << 20;
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let fd = far.as_raw_fd();
    let id = add(&mut reactor, far, |_: &mut (), _, _| ());
    let writer = write_all(near, pattern(LEN));
    while reactor.context().get(id).unwrap().input().len() < BUFFER_LEN {
        reactor.turn(&mut (), Some(Duration::from_millis(1))).unwrap();
    }
    turn_until_idle(&mut reactor, &spy, &mut ());
    assert_eq!(reactor.context().memory().used(), BUFFER_LEN);
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    let input = stream.input().to_vec();
    stream.consume(input.len());
    assert!(input == pattern(LEN)[..BUFFER_LEN]);
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(spy.take_changes(), [Change::Modify(fd, Interest::READABLE)]);

    let mut read = input;
    while read.len() < LEN {
        let mut context = reactor.context();
        let stream = context.get_mut(id).unwrap();
        read.extend_from_slice(stream.input());
        stream.consume(stream.input().len());
        reactor.turn(&mut (), Some(Duration::from_millis(1))).unwrap();
    }
    writer.join().unwrap();
    assert!(read == pattern(LEN));
}

pub fn the_callback_waits_for_as_much_as_it_said_it_needs(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let id = add(&mut reactor, far, |lens: &mut Vec<usize>, context, id| {
        lens.push(context.get(id).unwrap().input().len());
    });
    reactor.context().get_mut(id).unwrap().need(10);
    let mut lens = Vec::new();
    for _ in 0..4 {
        near.write_all(b"abc").unwrap();
        turn_until_idle(&mut reactor, &spy, &mut lens);
    }
    assert_eq!(lens, [12]);
    near.shutdown(std::net::Shutdown::Write).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut lens);
    assert_eq!(lens, [12, 12], "and for the end");
}

/// A transport that always has more to read, and room for all that is written.
struct Endless(UnixStream);

impl Read for Endless {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Endless {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Transport for Endless {}

pub fn one_source_reads_and_writes_no_more_than_its_budget_in_a_turn(case: Case) {
    const BUDGET: usize = 4 * BUFFER_LEN;
    let (mut reactor, _spy) = case.spied_by(case.builder().source_budget(BUDGET));
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let mut stream = Stream::new(Endless(far), &context.memory()).unwrap();
    stream.need(64 << 20);
    for _ in 0..64 {
        stream.send(&[7; 16_384]).unwrap();
    }
    let id = context.add(stream, |_: &mut (), _, _| ()).unwrap();
    for turn in 1..=4 {
        reactor.turn(&mut (), ZERO).unwrap();
        assert_eq!(reactor.context().get(id).unwrap().unsent_len(), (4 - turn) * BUDGET);
    }
    near.write_all(b"x").unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    assert_eq!(reactor.context().get(id).unwrap().input().len(), BUDGET);
    reactor.turn(&mut (), ZERO).unwrap();
    assert!(reactor.context().get(id).unwrap().input().len() > BUDGET, "it goes on in the next turn");
}

pub fn a_message_as_long_as_the_budget_goes_with_its_head_in_one_turn(case: Case) {
    const BUDGET: usize = 4 * BUFFER_LEN;
    let (mut reactor, _spy) = case.spied_by(case.builder().source_budget(BUDGET));
    let (_near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(Endless(far), &context.memory()).unwrap();
    let id = context.add(stream, |_: &mut (), _, _| ()).unwrap();
    for (beyond, left) in [(0, 0), (9, 0), (BUDGET / 1024, 0), (BUDGET / 1024 + 1, BUDGET / 1024 + 1)] {
        let mut context = reactor.context();
        context.get_mut(id).unwrap().send_owned(vec![7; BUDGET + beyond]).unwrap();
        reactor.turn(&mut (), ZERO).unwrap();
        assert_eq!(reactor.context().get(id).unwrap().unsent_len(), left, "{beyond}");
    }
}

pub fn frames_of_bytes_go_from_one_stream_to_another_with_split(case: Case) {
    let mut reactor: Reactor<usize> = case.reactor();
    let (from_near, from_far) = pair();
    let (to_near, to_far) = pair();
    let to = add(&mut reactor, to_far, |_, _, _| ());
    add(&mut reactor, from_far, move |count: &mut usize, context, from| {
        let (from, mut others) = context.split(from).unwrap();
        let to = others.get_mut(to).unwrap();
        if to.send(from.input()).is_ok() {
            *count += from.input().len();
            from.consume(from.input().len());
        }
    });
    let writer = write_all(from_near, pattern(500_000));
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; 500_000];
        (&to_near).read_exact(&mut bytes).map(|()| bytes)
    });
    turn_until(&mut reactor, &mut 0, |count| *count == 500_000);
    while reactor.context().get(to).unwrap().unsent_len() > 0 {
        reactor.turn(&mut 0, Some(Duration::from_millis(1))).unwrap();
    }
    writer.join().unwrap();
    assert!(reader.join().unwrap().unwrap() == pattern(500_000));
}
