//! One budget for all: who finds it used up waits for his turn without spinning, and gets it, first come first served.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use ringmq::platform::{Interest, Ready};
use ringmq::{Builder, Charge, Context, Fire, Id, Io, Memory, Reactor, SendError, Source, State, Stream};

use crate::support::{pair, pattern, turn_until, turn_until_idle, write_all, Case};

/// What a receive buffer is charged.
const BUFFER_LEN: usize = 64 * 1024;

const ZERO: Option<Duration> = Some(Duration::ZERO);

type UnixId = Id<Stream<UnixStream>>;

/// Who read how much, in order of reading.
type Log = Vec<(usize, usize)>;

fn open(case: Case, buffer_count: usize) -> (Reactor<Log>, crate::support::Spy) {
    case.spied_by(Builder::new().memory(buffer_count * BUFFER_LEN))
}

/// A connection that takes what comes and notes it under a number.
fn add_reader(reactor: &mut Reactor<Log>, number: usize) -> (UnixStream, UnixId) {
    let (near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let callback = move |log: &mut Log, context: &mut Context<'_, Log>, id: UnixId| {
        let stream = context.get_mut(id).unwrap();
        let len = stream.input().len();
        stream.consume(len);
        log.push((number, len));
    };
    (near, context.add(stream, callback).unwrap())
}

pub fn with_one_buffer_every_one_of_many_connections_has_its_turn(case: Case) {
    const COUNT: usize = 20;
    let (mut reactor, spy) = open(case, 1);
    let peers: Vec<_> = (0..COUNT).map(|number| add_reader(&mut reactor, number)).collect();
    peers.iter().for_each(|(near, _)| (&*near).write_all(b"some bytes").unwrap());
    let mut log = Log::new();
    let turns = turn_until_idle(&mut reactor, &spy, &mut log);
    log.sort_unstable();
    assert_eq!(log, (0..COUNT).map(|number| (number, 10)).collect::<Vec<_>>());
    // One turn in which the first is served and the others are refused, and then one for each of them.
    assert!(turns <= COUNT + 2, "{turns} turns for {COUNT} connections");
}

pub fn memory_is_all_given_back_when_every_connection_is_idle(case: Case) {
    let (mut reactor, spy) = open(case, 2);
    let peers: Vec<_> = (0..5).map(|number| add_reader(&mut reactor, number)).collect();
    for _ in 0..3 {
        peers.iter().for_each(|(near, _)| (&*near).write_all(b"x").unwrap());
        turn_until_idle(&mut reactor, &spy, &mut Log::new());
        assert_eq!(reactor.context().memory().used(), 0);
    }
}

/// The buffer comes back at the end of phase 2, after which nothing else would end the wait.
pub fn memory_given_back_in_a_callback_ends_the_wait_of_who_waits_for_it(case: Case) {
    let (mut reactor, spy) = open(case, 1);
    let (mut near, _) = add_reader(&mut reactor, 0);
    let charge: Charge = reactor.context().memory().charge(BUFFER_LEN).unwrap();
    near.write_all(b"x").unwrap();
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, []);

    reactor.context().defer(move |_, _| drop(charge));
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [(0, 1)]);
}

pub fn a_connection_without_memory_does_not_keep_the_loop_awake(case: Case) {
    let (mut reactor, spy) = open(case, 1);
    let (mut near, _) = add_reader(&mut reactor, 0);
    let _charge = reactor.context().memory().charge(1).unwrap();
    near.write_all(b"x").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut Log::new());
    let moment = Some(Duration::from_micros(1));
    for _ in 0..10 {
        reactor.turn(&mut Log::new(), moment).unwrap();
    }
    assert_eq!(spy.take_waits(), [moment; 10]);
    assert_eq!(spy.take_changes(), []);
}

/// One peer always has more to be read; the other's one byte is read all the same.
pub fn a_connection_that_always_has_more_does_not_keep_the_only_buffer_from_the_others(case: Case) {
    let (mut reactor, _spy) = open(case, 1);
    let (near, _) = add_reader(&mut reactor, 0);
    near.set_nonblocking(true).unwrap();
    let (mut quiet, _) = add_reader(&mut reactor, 1);
    let bytes = pattern(1 << 20);
    while (&near).write(&bytes).is_ok() {}
    quiet.write_all(b"x").unwrap();
    let mut log = Log::new();
    for _ in 0..20 {
        reactor.turn(&mut log, ZERO).unwrap();
        while (&near).write(&bytes).is_ok() {}
    }
    assert!(log.contains(&(1, 1)), "{log:?}");
}

/// All always have more to be read. Who has just read joins the line again behind the others, so nobody is passed over more than once.
pub fn with_one_buffer_connections_that_always_have_more_take_turns(case: Case) {
    const COUNT: usize = 5;
    let (mut reactor, _spy) = open(case, 1);
    let peers: Vec<_> = (0..COUNT).map(|number| add_reader(&mut reactor, number)).collect();
    let bytes = pattern(1 << 20);
    let fill = || {
        for (near, _) in &peers {
            near.set_nonblocking(true).unwrap();
            while (&*near).write(&bytes).is_ok() {}
        }
    };
    let mut log = Log::new();
    while log.len() < 10 * COUNT {
        fill();
        reactor.turn(&mut log, ZERO).unwrap();
    }
    for rounds in log.chunks_exact(2 * COUNT) {
        let has_read = |number| rounds.iter().any(|(reader, _)| *reader == number);
        assert!((0..COUNT).all(has_read), "{log:?}");
    }
}

/// Three wait in a row; the one in the middle leaves.
pub fn who_leaves_the_line_does_not_hold_up_those_behind(case: Case) {
    let (mut reactor, spy) = open(case, 1);
    let peers: Vec<_> = (0..4).map(|number| add_reader(&mut reactor, number)).collect();
    let charge = reactor.context().memory().charge(BUFFER_LEN).unwrap();
    peers.iter().for_each(|(near, _)| (&*near).write_all(b"x").unwrap());
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    for (_, id) in &peers[..3] {
        assert!(reactor.context().remove(*id).is_some());
    }
    drop(charge);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [(3, 1)]);
}

/// A connection whose callback sends 1000 bytes over and over until all were taken.
fn add_sender(reactor: &mut Reactor<Log>, len: usize, count: usize) -> (UnixStream, UnixId) {
    let (near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let mut left = count;
    let callback = move |log: &mut Log, context: &mut Context<'_, Log>, id: UnixId| {
        let stream = context.get_mut(id).unwrap();
        while left > 0 {
            match stream.send(&vec![7; len]) {
                Ok(()) => left -= 1,
                Err(SendError::Full(_)) => return,
                Err(error) => panic!("{error}"),
            }
        }
        log.push((0, len));
    };
    let id = context.add(stream, callback).unwrap();
    context.fire(id);
    (near, id)
}

pub fn a_send_refused_for_memory_is_told_when_there_is_some(case: Case) {
    let (mut reactor, spy) = open(case, 1);
    let charge = reactor.context().memory().charge(BUFFER_LEN - 100).unwrap();
    let (mut near, _) = add_sender(&mut reactor, 1000, 3);
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, []);
    let moment = Some(Duration::from_micros(1));
    reactor.turn(&mut log, moment).unwrap();
    assert_eq!(spy.take_waits(), [moment], "it does not spin");

    reactor.context().defer(move |_, _| drop(charge));
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log.len(), 1);
    near.read_exact(&mut [0; 3000]).unwrap();
}

/// Has a source wait in line for memory to send, takes it off the loop, of which nothing stays in the line, and adds it again: it is told when
/// there is some.
pub fn add_again_in_line<T: Source>(case: Case, make: impl FnOnce(&Memory) -> T, send: fn(&mut T) -> bool) {
    let (mut reactor, spy) = open(case, 1);
    let memory = reactor.context().memory();
    let charge = memory.charge(BUFFER_LEN - 100).unwrap();
    let note = |log: &mut Log, _: &mut Context<'_, Log>, _: Id<T>| log.push((0, 0));
    let id = reactor.context().add(make(&memory), note).unwrap();
    assert!(!send(reactor.context().get_mut(id).unwrap()));
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    let source = reactor.context().remove(id).unwrap();
    reactor.context().add(source, note).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, []);

    reactor.context().defer(move |_, _| drop(charge));
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [(0, 0)]);
}

pub fn a_sender_that_waits_for_memory_and_is_added_again_is_told_when_there_is_some(case: Case) {
    let (_near, far) = pair();
    add_again_in_line(
        case,
        |memory| Stream::new(far, memory).unwrap(),
        |stream| stream.send(&[7; 1000]).is_ok(),
    );
}

pub fn a_send_refused_for_memory_leaves_reading_alone(case: Case) {
    let (mut reactor, spy) = open(case, 2);
    let (mut near, id) = add_reader(&mut reactor, 7);
    let charge = reactor.context().memory().charge(BUFFER_LEN).unwrap();
    assert!(reactor.context().get_mut(id).unwrap().send(&[0; BUFFER_LEN + 1]).is_err());
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    near.write_all(b"abc").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [(7, 3)]);
    drop(charge);
}

/// Asking when the next turn is due gives out what is free, and the turn gives out no more than is left then.
pub fn memory_is_promised_once_though_the_next_deadline_is_asked_for_between(case: Case) {
    const COUNT: usize = 4;
    let (mut reactor, _spy) = open(case, 1);
    let charge = reactor.context().memory().charge(1).unwrap();
    let mut log = Log::new();
    let mut nears = Vec::new();
    for number in 0..COUNT {
        let (mut near, _) = add_reader(&mut reactor, number);
        near.write_all(b"x").unwrap();
        nears.push(near);
        reactor.turn(&mut log, ZERO).unwrap();
    }
    drop(charge);
    while log.len() < COUNT {
        assert!(reactor.next_deadline().is_some());
        reactor.turn(&mut log, ZERO).unwrap();
    }
    assert_eq!(log, (0..COUNT).map(|number| (number, 1)).collect::<Log>());
    assert_eq!(reactor.stats().memory_refusals, COUNT as u64);
}

/// Asks for more than there will ever be, and from then on for a buffer.
struct Greedy {
    socket: UnixStream,
    has_asked: bool,
}

impl Source for Greedy {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        if !std::mem::replace(&mut self.has_asked, true) {
            io.await_memory(usize::MAX);
            return Fire::No;
        }
        match io.lend() {
            Some(mut buf) => (self.socket.read(buf.spare()).unwrap() > 0).into(),
            None => Fire::No,
        }
    }
}

pub fn who_once_asked_for_more_than_there_is_still_gets_what_there_is(case: Case) {
    let (mut reactor, spy) = open(case, 1);
    let charge = reactor.context().memory().charge(1).unwrap();
    let (mut near, socket) = pair();
    near.write_all(b"x").unwrap();
    let greedy = Greedy { socket, has_asked: false };
    reactor.context().add(greedy, |log: &mut Log, _, _| log.push((0, 1))).unwrap();
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, []);
    drop(charge);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [(0, 1)]);
}

/// Refused once for a little and then for more; the little comes free first.
pub fn a_sender_refused_again_for_more_is_told_once_there_is_as_much(case: Case) {
    let (mut reactor, spy) = open(case, 4);
    let memory = reactor.context().memory();
    let small = memory.charge(BUFFER_LEN).unwrap();
    let large = memory.charge(memory.free()).unwrap();
    let (near, far) = pair();
    let told = Rc::new(RefCell::new(0));
    let count = Rc::clone(&told);
    let stream = Stream::new(far, &memory).unwrap();
    let id = reactor.context().add(stream, move |_, _, _| *count.borrow_mut() += 1).unwrap();
    let mut log = Log::new();
    assert!(reactor.context().get_mut(id).unwrap().send(b"x").is_err());
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert!(reactor.context().get_mut(id).unwrap().send(&[0; 2 * BUFFER_LEN]).is_err());
    turn_until_idle(&mut reactor, &spy, &mut log);
    drop(small);
    turn_until_idle(&mut reactor, &spy, &mut log);
    drop(large);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert!(*told.borrow() >= 1);
    drop(near);
}

/// No amount of waiting makes room for it, so it must not stand in the line.
pub fn a_send_longer_than_the_whole_budget_holds_up_nobody(case: Case) {
    let (mut reactor, spy) = open(case, 1);
    let (_sender_near, sender_far) = pair();
    let memory = reactor.context().memory();
    let sender = Stream::new(sender_far, &memory).unwrap();
    let sender = reactor.context().add(sender, |_, _, _| ()).unwrap();
    let (mut near, _) = add_reader(&mut reactor, 0);
    let charge = memory.charge(1).unwrap();
    let error = reactor.context().get_mut(sender).unwrap().send(&[0; 2 * BUFFER_LEN]).unwrap_err();
    assert!(matches!(error, SendError::Full(_)), "{error:?}");
    let mut log = Log::new();
    turn_until_idle(&mut reactor, &spy, &mut log);
    near.write_all(b"x").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut log);
    drop(charge);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, [(0, 1)]);
}

/// Connections with more to say than there is memory, all at once: nobody is forgotten, nothing is lost.
pub fn many_busy_connections_on_a_small_budget_all_come_to_their_end(case: Case) {
    const COUNT: usize = 10;
    const LEN: usize = 1_000_000;
    let mut reactor = case.builder().memory(3 * BUFFER_LEN).build().unwrap();
    let mut writers = Vec::new();
    for _ in 0..COUNT {
        let (near, far) = pair();
        let mut context = reactor.context();
        let stream = Stream::new(far, &context.memory()).unwrap();
        let mut read = Vec::new();
        let take = move |count: &mut usize, context: &mut Context<'_, usize>, id: UnixId| {
            let memory = context.memory();
            assert!(memory.used() <= memory.limit());
            let stream = context.get_mut(id).unwrap();
            read.extend_from_slice(stream.input());
            stream.consume(stream.input().len());
            if stream.state() == State::Ended {
                assert!(read == pattern(LEN));
                *count += 1;
                context.remove(id);
            }
        };
        context.add(stream, take).unwrap();
        writers.push(write_all(near, pattern(LEN)));
    }
    // Who has written everything drops his end.
    let closer =
        std::thread::spawn(move || writers.into_iter().for_each(|writer| drop(writer.join().unwrap())));
    turn_until(&mut reactor, &mut 0, |count| *count == COUNT);
    closer.join().unwrap();
    assert_eq!(reactor.context().memory().used(), 0);
}
