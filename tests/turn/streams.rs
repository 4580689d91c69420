//! Streams: every byte in order, each half closed on its own, and each failure told once.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use ringmq::platform::{net, Interest};
use ringmq::{Context, Id, Reactor, SendError, State, Stream, Transport};

use crate::support::{
    add_taking, closed_port, pair, pattern, read_all, reset, take_all, tcp_pair, turn_until, turn_until_idle,
    write_all, Case, Change, Random, Seen, SOON,
};

const ZERO: Option<Duration> = Some(Duration::ZERO);

fn add_connecting(reactor: &mut Reactor<Seen>, address: &SocketAddr) -> Id<Stream<TcpStream>> {
    let mut context = reactor.context();
    let stream = Stream::connecting(net::connect(address).unwrap(), &context.memory()).unwrap();
    context.add(stream, take_all).unwrap()
}

/// A transport that moves at most a few bytes at a time, and sometimes none: reads and writes are cut anywhere.
struct Choppy {
    socket: UnixStream,
    random: Random,
}

impl Choppy {
    fn chop(&mut self, len: usize) -> io::Result<usize> {
        match self.random.below(4) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            1 => Err(io::ErrorKind::Interrupted.into()),
            _ => Ok(len.min(1 + self.random.below(5000))),
        }
    }
}

impl Read for Choppy {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.chop(bytes.len())?;
        self.socket.read(&mut bytes[..len])
    }
}

impl Write for Choppy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.chop(bytes.len())?;
        self.socket.write(&bytes[..len])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Choppy {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Choppy {
    fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

pub fn every_byte_arrives_in_order_however_reads_and_writes_are_cut(case: Case) {
    const LEN: usize = 400_000;
    let mut reactor = case.reactor();
    let (near, far) = pair();
    let echo = |seen: &mut Seen, context: &mut Context<'_, Seen>, id| {
        let stream: &mut Stream<Choppy> = context.get_mut(id).unwrap();
        let bytes = stream.input().to_vec();
        if stream.send(&bytes).is_ok() {
            stream.consume(bytes.len());
        }
        if stream.state() == State::Ended {
            stream.finish();
        }
        seen.states.push(stream.state());
    };
    let mut context = reactor.context();
    let choppy = Choppy { socket: far, random: Random(case.backend as u64) };
    context.add(Stream::new(choppy, &context.memory()).unwrap(), echo).unwrap();
    let reader = read_all(near.try_clone().unwrap());
    let writer = write_all(near, pattern(LEN));
    let finisher = std::thread::spawn(move || writer.join().unwrap().shutdown(Shutdown::Write).unwrap());
    let is_over = |seen: &Seen| seen.last_state() == Some(State::Closed);
    turn_until(&mut reactor, &mut Seen::default(), is_over);
    finisher.join().unwrap();
    assert!(reader.join().unwrap() == pattern(LEN));
}

pub fn a_peer_that_finishes_first_can_still_be_answered(case: Case) {
    let mut reactor = case.reactor();
    let (near, far) = tcp_pair();
    let id = add_taking(&mut reactor, far);
    (&near).write_all(b"question").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Ended));
    assert_eq!(seen.bytes, b"question");

    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.send(b"answer").unwrap();
    stream.finish();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Closed));
    assert_eq!(read_all(near).join().unwrap(), b"answer");
    assert_eq!(seen.errors, []);
}

pub fn who_finishes_first_still_hears_the_peer(case: Case) {
    let mut reactor = case.reactor();
    let (near, far) = tcp_pair();
    let id = add_taking(&mut reactor, far);
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.send(b"question").unwrap();
    stream.finish();
    assert_eq!(stream.send(b"more"), Err(SendError::Closed));
    let mut seen = Seen::default();
    reactor.turn(&mut seen, ZERO).unwrap();
    assert_eq!(read_all(near.try_clone().unwrap()).join().unwrap(), b"question");
    assert_eq!(reactor.context().get(id).unwrap().state(), State::Open);

    (&near).write_all(b"answer").unwrap();
    drop(near);
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Closed));
    assert_eq!((seen.bytes, seen.errors), (b"answer".to_vec(), vec![]));
}

/// More than the kernel takes at once: the end is told behind the last byte of it.
pub fn finish_sends_everything_that_is_queued_first(case: Case) {
    const LEN: usize = 8 << 20;
    let mut reactor = case.reactor();
    let (near, far) = tcp_pair();
    let id = add_taking(&mut reactor, far);
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.send(&pattern(LEN)).unwrap();
    stream.finish();
    let reader = read_all(near.try_clone().unwrap());
    while !reader.is_finished() {
        reactor.turn(&mut Seen::default(), Some(Duration::from_millis(1))).unwrap();
    }
    assert!(reader.join().unwrap() == pattern(LEN));
    assert_eq!(reactor.context().get(id).unwrap().unsent_len(), 0);
}

pub fn the_end_comes_once_and_the_loop_sleeps_after_it(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    add_taking(&mut reactor, far);
    near.shutdown(Shutdown::Write).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    drop(near);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.states, [State::Ended]);
}

pub fn a_refused_connect_closes_the_stream_and_tells_why_once(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_socket, closed) = closed_port();
    let id = add_connecting(&mut reactor, &closed);
    assert_eq!(reactor.context().get(id).unwrap().state(), State::Connecting);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.states.is_empty());
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::ConnectionRefused]));
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    assert!(stream.take_error().is_none());
    assert_eq!(stream.send(b"x"), Err(SendError::Closed));
}

pub fn what_is_queued_while_connecting_is_sent_once_connected(case: Case) {
    let mut reactor = case.reactor();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = add_connecting(&mut reactor, &listener.local_addr().unwrap());
    let mut context = reactor.context();
    let stream = context.get_mut(id).unwrap();
    stream.send(b"early").unwrap();
    stream.finish();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.states.is_empty());
    assert_eq!(seen.states, [State::Open]);
    let (peer, _) = listener.accept().unwrap();
    assert_eq!(read_all(peer).join().unwrap(), b"early");
}

pub fn a_stream_removed_while_connecting_is_told_of_nothing(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_socket, closed) = closed_port();
    let id = add_connecting(&mut reactor, &closed);
    drop(reactor.context().remove(id));
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.states, []);
}

/// The peer sends, and then resets the connection: its bytes come first.
pub fn what_a_peer_sent_before_its_reset_is_delivered_before_the_error(case: Case) {
    let mut reactor = case.reactor();
    let (near, far) = tcp_pair();
    add_taking(&mut reactor, far);
    (&near).write_all(b"last words").unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.bytes.is_empty());
    reset(near);
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Closed));
    assert_eq!(seen.bytes, b"last words");
    assert_eq!(
        (seen.states, seen.errors),
        (vec![State::Open, State::Closed], vec![io::ErrorKind::ConnectionReset])
    );
}

pub fn writing_to_a_peer_that_is_gone_closes_the_stream_without_a_signal(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let id = add_taking(&mut reactor, far);
    drop(near);
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.states, [State::Ended]);
    reactor.context().get_mut(id).unwrap().send(b"anybody there?").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(
        (seen.states, seen.errors),
        (vec![State::Ended, State::Closed], vec![io::ErrorKind::BrokenPipe])
    );
    let stream = reactor.context().remove(id).unwrap();
    assert_eq!((stream.unsent_len(), reactor.context().memory().used()), (0, 0));
}

pub fn a_stream_that_comes_back_can_be_used_without_the_loop(case: Case) {
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    let id = add_taking(&mut reactor, far);
    let mut transport = reactor.context().remove(id).unwrap().into_transport();
    transport.write_all(b"x").unwrap();
    near.read_exact(&mut [0]).unwrap();
}

/// The whole of a request and its reply, seen from the poller: one wait, and not a single change of interest.
pub fn a_request_and_its_reply_cost_one_wait_and_no_change(case: Case) {
    const COUNT: usize = 100;
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let echo = |_: &mut (), context: &mut Context<'_, ()>, id| {
        let stream: &mut Stream<UnixStream> = context.get_mut(id).unwrap();
        let bytes = stream.input().to_vec();
        stream.consume(bytes.len());
        stream.send(&bytes).unwrap();
    };
    let mut context = reactor.context();
    context.add(Stream::new(far, &context.memory()).unwrap(), echo).unwrap();
    spy.forget();
    for _ in 0..COUNT {
        near.write_all(b"request").unwrap();
        // One turn reads; the next one runs the callback and writes.
        reactor.turn(&mut (), SOON).unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        near.read_exact(&mut [0; 7]).unwrap();
    }
    assert_eq!((spy.take_waits().len(), spy.take_changes()), (COUNT, vec![]));
}

pub fn write_interest_is_armed_only_after_a_write_would_block_and_dropped_when_drained(case: Case) {
    // A budget above all that is sent: each write offers all that is left, so what is not taken blocks.
    let (mut reactor, spy) = case.spied_by(case.builder().source_budget(4 << 20));
    let (mut near, far) = pair();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&far);
    let id = add_taking(&mut reactor, far);
    spy.forget();
    let mut seen = Seen::default();
    reactor.context().get_mut(id).unwrap().send(b"little").unwrap();
    reactor.turn(&mut seen, ZERO).unwrap();
    near.read_exact(&mut [0; 6]).unwrap();
    reactor.turn(&mut seen, ZERO).unwrap();
    assert_eq!(spy.take_changes(), []);

    reactor.context().get_mut(id).unwrap().send(&[7; 1 << 20]).unwrap();
    for _ in 0..10 {
        reactor.turn(&mut seen, ZERO).unwrap();
    }
    assert_eq!(spy.take_changes(), [Change::Modify(fd, Interest::READABLE | Interest::WRITABLE)]);
    let reader = std::thread::spawn(move || near.read_exact(&mut vec![0; 1 << 20]).map(|()| near));
    while reactor.context().get(id).unwrap().unsent_len() > 0 {
        reactor.turn(&mut seen, SOON).unwrap();
    }
    let _near = reader.join().unwrap().unwrap();
    reactor.turn(&mut seen, ZERO).unwrap();
    assert_eq!(spy.take_changes(), [Change::Modify(fd, Interest::READABLE)]);
}

/// Bytes wait for a peer that does not read, and then it goes: nothing is waited for any more.
pub fn a_stream_that_fails_with_bytes_unsent_lets_the_loop_sleep(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let id = add_taking(&mut reactor, far);
    let mut seen = Seen::default();
    reactor.context().get_mut(id).unwrap().send(&[7; 4 << 20]).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert!(reactor.context().get(id).unwrap().unsent_len() > 0);
    drop(near);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.last_state(), Some(State::Closed));
    assert_eq!((seen.errors.len(), reactor.context().memory().used()), (1, 0));
}

/// A transport that takes nothing, and counts how often it was offered something.
struct Mute {
    socket: UnixStream,
    offers: Rc<Cell<usize>>,
}

impl Read for Mute {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.read(bytes)
    }
}

impl Write for Mute {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.offers.set(self.offers.get() + 1);
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Mute {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Mute {}

pub fn a_write_of_nothing_closes_the_stream_and_is_not_repeated(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (_near, far) = pair();
    let offers = Rc::new(Cell::new(0));
    let id = add_taking(&mut reactor, Mute { socket: far, offers: Rc::clone(&offers) });
    let mut seen = Seen::default();
    reactor.context().get_mut(id).unwrap().send(b"anything").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(offers.get(), 1);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::WriteZero]));
}
