//! How a connection begins and ends: made within a time or given up, brought to its end in good order or not.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::platform::net;
use ringmq::{Context, Id, Reactor, State, Stream, Transport};

use crate::support::{
    assert_no_timer, closed_port, full_listener, in_child, pair, pattern, read_all, tcp_pair, turn_until,
    turn_until_gone, turn_until_idle, Case, Seen,
};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
const TIME: Duration = Duration::from_secs(10);

/// Takes all input, and notes the state each time that it runs, and the error if there is one.
fn note<T: Transport>(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Stream<T>>) {
    let stream = context.get_mut(id).unwrap();
    seen.bytes.extend_from_slice(stream.input());
    stream.consume(stream.input().len());
    seen.states.push(stream.state());
    seen.errors.extend(stream.take_error().map(|error| error.kind()));
}

fn connect(reactor: &mut Reactor<Seen>, to: &SocketAddr, within: Duration) -> Id<Stream<TcpStream>> {
    let mut context = reactor.context();
    let stream = Stream::connecting(net::connect(to).unwrap(), &context.memory()).unwrap();
    context.connect(stream, within, note).unwrap()
}

fn add<T: Transport>(reactor: &mut Reactor<Seen>, transport: T) -> Id<Stream<T>> {
    let mut context = reactor.context();
    let stream = Stream::new(transport, &context.memory()).unwrap();
    context.add(stream, note).unwrap()
}

pub fn a_connection_that_is_not_made_in_time_is_given_up_and_told_once(case: Case) {
    let (listener, _fillers) = full_listener();
    let (mut reactor, spy) = case.clocked();
    let id = connect(&mut reactor, &listener.local_addr().unwrap(), TIME);
    let mut seen = Seen::default();
    reactor.turn(&mut seen, HOUR).unwrap();
    assert_eq!(spy.take_waits(), [Some(TIME)]);
    assert_eq!(reactor.context().get(id).unwrap().state(), State::Connecting);
    reactor.turn(&mut seen, HOUR).unwrap();
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::TimedOut]));
    assert!(reactor.context().remove(id).is_some());
}

pub fn a_connection_made_in_time_leaves_no_timer(case: Case) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut reactor, spy) = case.clocked();
    connect(&mut reactor, &listener.local_addr().unwrap(), TIME * 1000);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.states.is_empty());
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.states, [State::Open]);
}

pub fn a_connection_made_before_its_deadline_stays_though_it_is_told_after(case: Case) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut reactor, spy) = case.clocked();
    let id = connect(&mut reactor, &listener.local_addr().unwrap(), TIME * 1000);
    let mut seen = Seen::default();
    while reactor.context().get(id).unwrap().state() == State::Connecting {
        reactor.turn(&mut seen, Some(Duration::from_millis(1))).unwrap();
    }
    spy.advance(TIME * 1000);
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Open], vec![]));
}

pub fn a_connection_refused_in_time_is_told_so_and_leaves_no_timer(case: Case) {
    let (_socket, closed) = closed_port();
    let (mut reactor, spy) = case.clocked();
    connect(&mut reactor, &closed, TIME * 1000);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.states.is_empty());
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::ConnectionRefused]));
}

pub fn a_connection_removed_while_it_is_made_leaves_no_timer_and_is_told_of_nothing(case: Case) {
    let (listener, _fillers) = full_listener();
    let (mut reactor, spy) = case.clocked();
    let id = connect(&mut reactor, &listener.local_addr().unwrap(), TIME);
    let mut seen = Seen::default();
    reactor.turn(&mut seen, ZERO).unwrap();
    drop(reactor.context().remove(id).unwrap());
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.states, []);
}

/// Somebody else fires it while it waits: that is no sign that it is made.
pub fn a_connection_fired_while_it_is_made_keeps_its_deadline(case: Case) {
    let (listener, _fillers) = full_listener();
    let (mut reactor, spy) = case.clocked();
    let id = connect(&mut reactor, &listener.local_addr().unwrap(), TIME);
    reactor.context().fire(id);
    let mut seen = Seen::default();
    for _ in 0..3 {
        reactor.turn(&mut seen, HOUR).unwrap();
    }
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.states, [State::Connecting, State::Closed]);
}

pub fn a_connection_with_no_end_to_its_time_waits_on(case: Case) {
    let (listener, _fillers) = full_listener();
    let (mut reactor, spy) = case.clocked();
    connect(&mut reactor, &listener.local_addr().unwrap(), Duration::MAX);
    assert_no_timer(&mut reactor, &spy, &mut Seen::default());
}

pub fn what_comes_right_behind_the_connection_is_read_to_its_end(case: Case) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut reactor = case.reactor();
    connect(&mut reactor, &listener.local_addr().unwrap(), TIME * 1000);
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"hello and goodbye").unwrap();
    drop(peer);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.states.last() == Some(&State::Ended));
    assert_eq!((&seen.bytes[..], seen.errors), (&b"hello and goodbye"[..], vec![]));
}

/// More than the kernel takes, to a peer that talks all the while and ends last.
pub fn a_finished_connection_sends_all_and_drops_what_comes_until_the_peer_has_ended(case: Case) {
    const LEN: usize = 8 << 20;
    let mut reactor = case.reactor();
    let (mut near, far) = tcp_pair();
    let id = add(&mut reactor, far);
    let mut context = reactor.context();
    context.get_mut(id).unwrap().send(&pattern(LEN)).unwrap();
    assert!(context.finish(id, TIME * 1000));
    let peer = std::thread::spawn(move || {
        near.write_all(&pattern(1 << 20)).unwrap();
        let mut heard = Vec::new();
        near.read_to_end(&mut heard).unwrap();
        // The other side reads on, so this is no write to a closed connection.
        near.write_all(&pattern(1 << 20)).unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        heard
    });
    let mut seen = Seen::default();
    turn_until_gone(&mut reactor, &mut seen, id);
    assert!(peer.join().unwrap() == pattern(LEN));
    assert_eq!((seen.states, reactor.context().memory().used()), (vec![], 0));
}

pub fn a_finished_connection_whose_peer_does_not_end_is_closed_at_its_deadline(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    let id = add(&mut reactor, far);
    let mut context = reactor.context();
    context.get_mut(id).unwrap().send(&[7; 4 << 20]).unwrap();
    assert!(context.finish(id, TIME));
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert!(reactor.context().get(id).unwrap().unsent_len() > 0);
    spy.advance(TIME);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert!(reactor.context().get(id).is_none());
    assert!(near.read_to_end(&mut Vec::new()).unwrap() < 4 << 20);
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, reactor.context().memory().used()), (vec![], 0));
}

pub fn a_connection_may_be_finished_in_its_own_callback(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let answer_once = |count: &mut usize, context: &mut Context<'_, usize>, id: Id<Stream<UnixStream>>| {
        *count += 1;
        context.get_mut(id).unwrap().send(b"answer").unwrap();
        assert!(context.finish(id, TIME));
        assert!(context.finish(id, TIME), "asked twice, and still there");
    };
    let id = context.add(stream, answer_once).unwrap();
    near.write_all(b"question").unwrap();
    let mut count = 0;
    turn_until(&mut reactor, &mut count, |count| *count == 1);
    near.write_all(b"what nobody reads any more").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut count);
    near.shutdown(Shutdown::Write).unwrap();
    turn_until_gone(&mut reactor, &mut count, id);
    assert_eq!((count, read_all(near).join().unwrap()), (1, b"answer".to_vec()));
    assert_no_timer(&mut reactor, &spy, &mut count);
}

/// All is over but for its removal, so nothing more of it will ever be ready.
pub fn a_connection_with_nothing_left_to_do_goes_as_soon_as_it_is_finished(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (near, far) = pair();
    let id = add(&mut reactor, far);
    reactor.context().get_mut(id).unwrap().finish();
    drop(near);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.states.last() == Some(&State::Closed));
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert!(reactor.context().finish(id, TIME));
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert!(reactor.context().get(id).is_none());
    assert!(!reactor.context().finish(id, TIME));
    assert_no_timer(&mut reactor, &spy, &mut seen);
}

pub fn input_that_nobody_took_does_not_hold_up_the_end(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let mut stream = Stream::new(far, &context.memory()).unwrap();
    stream.need(1000);
    let id = context.add(stream, |_: &mut (), _, _| ()).unwrap();
    near.write_all(b"less than was needed").unwrap();
    drop(near);
    turn_until_idle(&mut reactor, &spy, &mut ());
    assert!(reactor.context().finish(id, TIME));
    turn_until_idle(&mut reactor, &spy, &mut ());
    assert!(reactor.context().get(id).is_none());
}

pub fn a_connection_finished_while_it_is_made_sends_what_is_queued_once_it_is(case: Case) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut reactor, spy) = case.clocked();
    let id = connect(&mut reactor, &listener.local_addr().unwrap(), TIME);
    let mut context = reactor.context();
    context.get_mut(id).unwrap().send(b"early").unwrap();
    assert!(context.finish(id, TIME * 1000));
    spy.advance(TIME); // the time for making it, which counts no more
    let mut seen = Seen::default();
    let (peer, _) = listener.accept().unwrap();
    let reader = read_all(peer);
    turn_until_gone(&mut reactor, &mut seen, id);
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((reader.join().unwrap(), seen.states), (b"early".to_vec(), vec![]));
}

pub fn an_aborted_connection_is_reset_for_its_peer(case: Case) {
    let mut reactor = case.reactor();
    let (mut near, far) = tcp_pair();
    let id = add(&mut reactor, far);
    reactor.context().get_mut(id).unwrap().send(&pattern(4 << 20)).unwrap();
    reactor.turn(&mut Seen::default(), ZERO).unwrap();
    reactor.context().remove(id).unwrap().abort();
    let error = near.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

pub fn a_removed_connection_drops_what_it_has_not_sent_and_ends_in_order(case: Case) {
    let mut reactor = case.reactor();
    let (near, far) = tcp_pair();
    let id = add(&mut reactor, far);
    reactor.context().get_mut(id).unwrap().send(b"sent").unwrap();
    reactor.turn(&mut Seen::default(), ZERO).unwrap();
    reactor.context().get_mut(id).unwrap().send(b"not sent").unwrap();
    drop(reactor.context().remove(id));
    assert_eq!(read_all(near).join().unwrap(), b"sent");
    assert_eq!(reactor.context().memory().used(), 0);
}

/// In a process of its own, which does about SIGPIPE what a program in C does: it dies of it.
pub fn sending_to_a_peer_that_is_gone_raises_no_signal(case: Case) {
    use nix::sys::signal::{signal, SigHandler, Signal};
    in_child(case, || {
        // SAFETY: no handler is installed, and this process runs nothing else.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
        let (near, far) = pair();
        assert_eq!(send_until_it_fails(case, near, far), io::ErrorKind::BrokenPipe);
        let (near, far) = tcp_pair();
        near.shutdown(Shutdown::Both).unwrap();
        let kind = send_until_it_fails(case, near, far);
        assert!(matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset), "{kind:?}");
    });
}

/// The peer goes, and only then bytes are sent, again and again.
fn send_until_it_fails<T: Transport>(case: Case, near: T, far: T) -> io::ErrorKind {
    let mut reactor = case.reactor();
    let id = add(&mut reactor, far);
    drop(near);
    let mut seen = Seen::default();
    while seen.errors.is_empty() {
        // Refused once it has failed, of which the callback is about to hear.
        let _ = reactor.context().get_mut(id).unwrap().send(b"anybody there?");
        reactor.turn(&mut seen, Some(Duration::from_millis(1))).unwrap();
    }
    // Past the loop too, where std's own writer may raise it.
    let transport = reactor.context().remove(id).unwrap().into_transport();
    assert!(net::send(transport.as_fd(), b"x").is_err());
    seen.errors[0]
}
