//! How a connection ends: in good order or not, and never with a signal.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::Duration;

use ringmq::platform::net;
use ringmq::{Context, Id, Reactor, State, Stream, Transport};

use crate::support::{in_child, pair, pattern, read_all, tcp_pair, Case};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// What a callback saw of its stream, each time that it ran.
#[derive(Default, Debug)]
struct Seen {
    bytes: Vec<u8>,
    states: Vec<State>,
    errors: Vec<io::ErrorKind>,
}

fn note<T: Transport>(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Stream<T>>) {
    let stream = context.get_mut(id).unwrap();
    seen.bytes.extend_from_slice(stream.input());
    stream.consume(stream.input().len());
    seen.states.push(stream.state());
    seen.errors.extend(stream.take_error().map(|error| error.kind()));
}

fn add<T: Transport>(reactor: &mut Reactor<Seen>, transport: T) -> Id<Stream<T>> {
    let mut context = reactor.context();
    let stream = Stream::new(transport, &context.memory()).unwrap();
    context.add(stream, note).unwrap()
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
