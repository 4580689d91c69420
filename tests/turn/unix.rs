//! UNIX sockets: who accepts them, who connects to them, each half closed on its own, and who the peer is.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use std::thread;

use nix::sys::socket::{bind, socket, AddressFamily, SockFlag, SockType, UnixAddr};
use ringmq::platform::net;
use ringmq::{Context, Listener, Reactor, State, Stream};

use crate::support::{read_all, take_all, turn_until, Case, Seen, SocketPath};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// What the callback of a listener was given.
type Accepted = Vec<(UnixStream, SocketAddr)>;

fn listen(reactor: &mut Reactor<Accepted>, path: &SocketPath) {
    let listener = Listener::bind_unix(path).unwrap();
    let take = |seen: &mut Accepted, _: &mut Context<'_, Accepted>, accepted: io::Result<_>| {
        seen.push(accepted.unwrap());
    };
    reactor.context().listen(listener, take).unwrap();
}

pub fn a_unix_listener_accepts_and_tells_the_names_of_its_peers(case: Case) {
    let (path, name) = (SocketPath::new(), SocketPath::new());
    let mut reactor = case.reactor();
    listen(&mut reactor, &path);
    let _nameless = UnixStream::connect(&path).unwrap();
    // A name is had by binding before connecting, which std has no way for.
    let named = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(named.as_raw_fd(), &UnixAddr::new(name.as_ref()).unwrap()).unwrap();
    nix::sys::socket::connect(named.as_raw_fd(), &UnixAddr::new(path.as_ref()).unwrap()).unwrap();

    let mut seen = Accepted::new();
    turn_until(&mut reactor, &mut seen, |seen| seen.len() == 2);
    assert!(seen[0].1.is_unnamed());
    assert_eq!(seen[1].1.as_pathname(), Some(name.as_ref()));
}

pub fn an_accepted_unix_connection_does_not_block_and_is_closed_on_exec(case: Case) {
    use nix::fcntl::{fcntl, FcntlArg, FdFlag};
    let path = SocketPath::new();
    let mut reactor = case.reactor();
    listen(&mut reactor, &path);
    let _client = UnixStream::connect(&path).unwrap();
    let mut seen = Accepted::new();
    turn_until(&mut reactor, &mut seen, |seen| seen.len() == 1);
    let stream = &mut seen[0].0;
    let flags = FdFlag::from_bits_truncate(fcntl(stream.as_fd(), FcntlArg::F_GETFD).unwrap());
    assert!(flags.contains(FdFlag::FD_CLOEXEC));
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

pub fn a_socket_file_outlives_its_listener_and_may_be_removed_for_the_next(case: Case) {
    let path = SocketPath::new();
    let mut reactor = case.reactor();
    listen(&mut reactor, &path);
    assert_eq!(Listener::bind_unix(&path).map(|_| ()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(reactor);
    // A program that another test is just about to start has the listener too, until it is executed.
    let refusal = loop {
        match net::connect_unix(&path) {
            Ok(_) => thread::yield_now(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(Listener::bind_unix(&path).map(|_| ()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(net::connect_unix(&path).unwrap_err().kind(), io::ErrorKind::NotFound);

    let mut reactor = case.reactor();
    listen(&mut reactor, &path);
    let _client = net::connect_unix(&path).unwrap();
    let mut seen = Accepted::new();
    turn_until(&mut reactor, &mut seen, |seen| seen.len() == 1);
}

/// The one who connects may take the connection for one that is being made, as over TCP.
pub fn a_request_and_its_reply_pass_and_each_half_ends_on_its_own(case: Case) {
    let path = SocketPath::new();
    let listener = UnixListener::bind(&path).unwrap();
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let mut stream = Stream::connecting(net::connect_unix(&path).unwrap(), &context.memory()).unwrap();
    stream.send(b"question").unwrap();
    stream.finish();
    context.add(stream, take_all).unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.states.is_empty());
    let (peer, _) = listener.accept().unwrap();
    assert_eq!(read_all(peer.try_clone().unwrap()).join().unwrap(), b"question");
    assert_eq!((&seen.states[..], &seen.bytes[..]), (&[State::Open][..], &b""[..]));

    (&peer).write_all(b"answer").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Closed));
    assert_eq!(seen.bytes, b"answer");
}

pub fn a_unix_peer_that_finishes_first_can_still_be_answered(case: Case) {
    let (near, far) = UnixStream::pair().unwrap();
    let mut reactor = case.reactor();
    let mut context = reactor.context();
    let answer = |seen: &mut Seen, context: &mut Context<'_, Seen>, id| {
        let stream: &mut Stream<UnixStream> = context.get_mut(id).unwrap();
        stream.consume(stream.input().len());
        if stream.state() == State::Ended {
            stream.send(b"answer").unwrap();
            stream.finish();
        }
        seen.states.push(stream.state());
    };
    context.add(Stream::new(far, &context.memory()).unwrap(), answer).unwrap();
    (&near).write_all(b"question").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let is_over = |seen: &Seen| seen.last_state() == Some(State::Closed);
    turn_until(&mut reactor, &mut Seen::default(), is_over);
    assert_eq!(read_all(near).join().unwrap(), b"answer");
}

/// Linux has no way to wait for room in the queue; the others refuse.
pub fn a_full_queue_is_told_at_once(case: Case) {
    let path = SocketPath::new();
    let mut listener = Listener::bind_unix(&path).unwrap();
    listener.set_backlog(1).unwrap();
    let mut clients = Vec::new();
    let error = loop {
        match net::connect_unix(&path) {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
        assert!(clients.len() < 100, "the queue is never full");
    };
    let expected = if cfg!(any(target_os = "linux", target_os = "android")) {
        io::ErrorKind::WouldBlock
    } else {
        io::ErrorKind::ConnectionRefused
    };
    assert_eq!(error.kind(), expected);

    let mut reactor: Reactor<usize> = case.reactor();
    let count = |count: &mut usize, _: &mut Context<'_, usize>, accepted: io::Result<_>| {
        accepted.unwrap();
        *count += 1;
    };
    reactor.context().listen(listener, count).unwrap();
    let mut count = 0;
    turn_until(&mut reactor, &mut count, |count| *count == clients.len());
    net::connect_unix(&path).unwrap();
    turn_until(&mut reactor, &mut count, |count| *count == clients.len() + 1);
}

pub fn the_peer_of_an_accepted_connection_is_known(case: Case) {
    let path = SocketPath::new();
    let mut reactor = case.reactor();
    listen(&mut reactor, &path);
    let client = UnixStream::connect(&path).unwrap();
    let mut seen = Accepted::new();
    turn_until(&mut reactor, &mut seen, |seen| seen.len() == 1);
    let [near, far] = [&client, &seen[0].0].map(|end| net::peer_credentials(end.as_fd()).unwrap());
    assert_eq!(near, far, "both ends are of this process");
    // A file belongs to the user by whom it was made.
    assert_eq!(near.uid, std::fs::metadata(&path).unwrap().uid());
    assert!(near.pid.map_or(true, |pid| pid as u32 == std::process::id()));
}

/// It said something and went before it was accepted.
pub fn the_last_words_of_a_peer_that_has_gone_are_read(case: Case) {
    let path = SocketPath::new();
    let mut reactor = case.reactor();
    listen(&mut reactor, &path);
    UnixStream::connect(&path).unwrap().write_all(b"last words").unwrap();
    let mut seen = Accepted::new();
    reactor.turn(&mut seen, ZERO).unwrap();
    turn_until(&mut reactor, &mut seen, |seen| seen.len() == 1);
    assert!(seen[0].1.is_unnamed());
    assert_eq!(read_all(seen.remove(0).0).join().unwrap(), b"last words");
}
