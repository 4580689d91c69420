//! Accepting: several at once, no storm, and no spinning when there is no descriptor to be had.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use ringmq::platform::Interest;
use ringmq::{Context, Id, Listener, Reactor, Source};

use crate::support::{descriptor_count, in_child, limit_descriptors, turn_until, Case, Change};

const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
const ZERO: Option<Duration> = Some(Duration::ZERO);

/// What the callback was given.
#[derive(Default)]
struct Seen {
    streams: Vec<TcpStream>,
    peers: Vec<SocketAddr>,
    errors: Vec<io::Error>,
}

fn take(seen: &mut Seen, _: &mut Context<'_, Seen>, accepted: io::Result<(TcpStream, SocketAddr)>) {
    match accepted {
        Ok((stream, peer)) => {
            seen.peers.push(peer);
            seen.streams.push(stream);
        }
        Err(error) => seen.errors.push(error),
    }
}

fn listen(reactor: &mut Reactor<Seen>) -> (SocketAddr, Id<Listener>, RawFd) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let (address, fd) = (listener.local_addr().unwrap(), listener.fd().as_raw_fd());
    (address, reactor.context().listen(listener, take).unwrap(), fd)
}

fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
}

pub fn several_connections_are_accepted_in_one_turn(case: Case) {
    let mut reactor = case.reactor();
    let (address, ..) = listen(&mut reactor);
    let clients = connect(address, 5);
    let mut seen = Seen::default();
    reactor.turn(&mut seen, ZERO).unwrap();
    reactor.turn(&mut seen, ZERO).unwrap();
    let expected: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
    assert_eq!(seen.peers, expected);
}

pub fn an_accepted_connection_does_not_block_and_is_closed_on_exec(case: Case) {
    use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
    let mut reactor = case.reactor();
    let (address, ..) = listen(&mut reactor);
    let _clients = connect(address, 1);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.streams.len() == 1);
    let status = OFlag::from_bits_truncate(fcntl(seen.streams[0].as_fd(), FcntlArg::F_GETFL).unwrap());
    let flags = FdFlag::from_bits_truncate(fcntl(seen.streams[0].as_fd(), FcntlArg::F_GETFD).unwrap());
    assert!(status.contains(OFlag::O_NONBLOCK) && flags.contains(FdFlag::FD_CLOEXEC));
}

pub fn a_storm_is_taken_64_in_a_turn(case: Case) {
    let mut reactor = case.reactor();
    let (address, ..) = listen(&mut reactor);
    let _clients = connect(address, 100);
    let mut seen = Seen::default();
    for expected in [0, 64, 100] {
        reactor.turn(&mut seen, ZERO).unwrap();
        assert_eq!(seen.streams.len(), expected);
    }
}

pub fn a_listener_removed_in_its_own_callback_accepts_no_more(case: Case) {
    let mut reactor: Reactor<(usize, Option<Id<Listener>>)> = case.reactor();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let remove = |state: &mut (usize, Option<Id<Listener>>), context: &mut Context<'_, _>, _| {
        state.0 += 1;
        assert!(context.remove(state.1.unwrap()).is_some());
    };
    let id = reactor.context().listen(listener, remove).unwrap();
    let _clients = connect(address, 3);
    let mut state = (0, Some(id));
    for _ in 0..3 {
        reactor.turn(&mut state, ZERO).unwrap();
    }
    assert_eq!(state.0, 1);
    assert!(TcpStream::connect(address).is_err(), "the removed listener is closed");
}

pub fn a_listener_goes_on_after_a_connection_that_was_reset_in_the_queue(case: Case) {
    let mut reactor = case.reactor();
    let (address, ..) = listen(&mut reactor);
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    let reset = connect(address, 1).remove(0);
    nix::sys::socket::setsockopt(&reset, nix::sys::socket::sockopt::Linger, &linger).unwrap();
    drop(reset);
    let client = connect(address, 1).remove(0);
    let wanted = client.local_addr().unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.peers.contains(&wanted));
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
}

/// In a process of its own: it leaves itself no descriptor. The clock is the test's, so nothing sleeps.
pub fn without_a_descriptor_to_be_had_the_listener_rests_and_accepts_all_in_the_end(case: Case) {
    const COUNT: usize = 5;
    in_child(case, || {
        let (mut reactor, spy) = case.clocked();
        let (address, id, fd) = listen(&mut reactor);
        let clients = connect(address, COUNT);
        limit_descriptors(descriptor_count() + 20);
        let mut ballast = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            ballast.push(file);
        }
        spy.forget();
        let mut seen = Seen::default();
        for _ in 0..20 {
            reactor.turn(&mut seen, HOUR).unwrap();
        }
        // Every other wait ends at once, since the listener is ready; the ones between are its rests, and ended by their timers.
        assert_eq!(spy.take_waits(), [HOUR, Some(Duration::from_millis(100))].repeat(10));
        let (rests, accepts) = (Change::Modify(fd, Interest::NONE), Change::Modify(fd, Interest::READABLE));
        assert_eq!(spy.take_changes(), [rests, accepts].repeat(10)[..19]);
        assert_eq!(seen.errors.len(), 10);
        assert!(seen.errors.iter().all(|error| error.raw_os_error() == Some(nix::libc::EMFILE)));

        drop(ballast);
        while seen.streams.len() < COUNT {
            reactor.turn(&mut seen, HOUR).unwrap();
        }
        assert!(!reactor.context().get(id).unwrap().is_resting());
        drop(clients);
    });
}
