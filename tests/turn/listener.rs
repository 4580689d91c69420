//! Accepting: several at once, no storm, and no spinning when there is no descriptor to be had.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use ringmq::platform::Interest;
use ringmq::{Accept, Context, Id, Listener, Reactor, Source};

use crate::support::{
    assert_no_timer, descriptor_count, in_child, limit_descriptors, reset, turn_until, turn_until_idle, Case,
    Change,
};

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
    let stats = reactor.stats();
    assert_eq!((stats.accepted, stats.accepts_deferred), (100, 1));
}

pub fn a_storm_is_taken_as_its_budget_says(case: Case) {
    let mut reactor = case.reactor();
    let (address, id, _) = listen(&mut reactor);
    reactor.context().get_mut(id).unwrap().set_accept_budget(3);
    let _clients = connect(address, 8);
    let mut seen = Seen::default();
    for expected in [0, 3, 6, 8, 8] {
        reactor.turn(&mut seen, ZERO).unwrap();
        assert_eq!(seen.streams.len(), expected);
    }
    let stats = reactor.stats();
    assert_eq!((stats.accepted, stats.accepts_deferred), (8, 2));
}

pub fn an_accept_budget_of_zero_counts_as_one(case: Case) {
    let mut reactor = case.reactor();
    let (address, id, _) = listen(&mut reactor);
    reactor.context().get_mut(id).unwrap().set_accept_budget(0);
    let _clients = connect(address, 3);
    let mut seen = Seen::default();
    for expected in [0, 1, 2, 3] {
        reactor.turn(&mut seen, ZERO).unwrap();
        assert_eq!(seen.streams.len(), expected);
    }
}

pub fn a_listener_that_was_told_to_rest_accepts_nobody_and_lets_the_loop_sleep(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (address, id, _) = listen(&mut reactor);
    reactor.context().get_mut(id).unwrap().rest();
    let _clients = connect(address, 3);
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.streams.len(), 0);
    assert!(reactor.context().get(id).unwrap().is_resting());

    reactor.context().get_mut(id).unwrap().resume();
    turn_until(&mut reactor, &mut seen, |seen| seen.streams.len() == 3);
}

/// Who is accepted in the turn in which the listener was told to rest comes all the same.
pub fn a_callback_may_have_its_listener_rest_and_hears_of_whom_it_has_accepted(case: Case) {
    let mut reactor: Reactor<usize> = case.reactor();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut context = reactor.context();
    let id = std::rc::Rc::new(std::cell::Cell::new(None));
    let own = std::rc::Rc::clone(&id);
    let rest = move |count: &mut usize, context: &mut Context<'_, usize>, accepted: io::Result<_>| {
        accepted.unwrap();
        *count += 1;
        context.get_mut(own.get().unwrap()).map(Listener::<TcpListener>::rest);
    };
    id.set(Some(context.listen(listener, rest).unwrap()));
    let _clients = connect(address, 2);
    let mut count = 0;
    turn_until(&mut reactor, &mut count, |count| *count == 2);
    let _late = connect(address, 1);
    for _ in 0..3 {
        reactor.turn(&mut count, ZERO).unwrap();
    }
    assert_eq!(count, 2);
}

pub fn a_listener_that_has_finished_accepts_nobody_and_lets_the_loop_sleep(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (address, id, _) = listen(&mut reactor);
    let _early = connect(address, 1);
    let mut seen = Seen::default();
    reactor.turn(&mut seen, ZERO).unwrap();
    let mut context = reactor.context();
    let listener = context.get_mut(id).unwrap();
    listener.finish();
    assert!(!listener.is_finished(), "one was accepted and is not taken yet");
    let _late = connect(address, 1);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.streams.len(), 1);
    assert!(reactor.context().get(id).unwrap().is_finished());
}

pub fn an_error_of_the_callback_closes_the_listener_and_is_told(case: Case) {
    let mut reactor: Reactor<Vec<String>> = case.reactor();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut context = reactor.context();
    context.on_failure(|told: &mut Vec<String>, _, failure| told.push(failure.name().to_owned()));
    let refuse = |_: &mut Vec<String>, _: &mut Context<'_, Vec<String>>, _| Err("not today");
    let id = context.listen(listener, refuse).unwrap();
    let _clients = connect(address, 2);
    let mut told = Vec::new();
    turn_until(&mut reactor, &mut told, |told| !told.is_empty());
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("an_error_of_the_callback"), "{told:?}");
    assert!(reactor.context().get(id).is_none());
}

pub fn a_listener_removed_in_its_own_callback_accepts_no_more(case: Case) {
    let mut reactor: Reactor<usize> = case.reactor();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let id = std::rc::Rc::new(std::cell::Cell::new(None));
    let own = std::rc::Rc::clone(&id);
    let remove = move |count: &mut usize, context: &mut Context<'_, usize>, _| {
        *count += 1;
        assert!(context.remove::<Listener>(own.get().unwrap()).is_some());
    };
    id.set(Some(reactor.context().listen(listener, remove).unwrap()));
    let clients = connect(address, 3);
    let mut count = 0;
    for _ in 0..3 {
        reactor.turn(&mut count, ZERO).unwrap();
    }
    assert_eq!(count, 1);
    // Those that it had accepted too, and those that were still in its queue: all closed, one way or the other.
    for mut client in clients {
        assert!(!matches!(client.read(&mut [0]), Ok(1)));
    }
}

pub fn a_listener_goes_on_after_a_connection_that_was_reset_in_the_queue(case: Case) {
    let mut reactor = case.reactor();
    let (address, ..) = listen(&mut reactor);
    reset(connect(address, 1).remove(0));
    let client = connect(address, 1).remove(0);
    let wanted = client.local_addr().unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.peers.contains(&wanted));
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
}

/// A socket for whose first connection there is no descriptor.
struct Short {
    socket: TcpListener,
    has_failed: bool,
}

impl AsFd for Short {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Accept for Short {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
    }

    fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        match std::mem::replace(&mut self.has_failed, true) {
            false => Err(io::Error::from_raw_os_error(nix::libc::EMFILE)),
            true => self.socket.accept(),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// No timer of the listener's own ends its rest then.
pub fn with_a_callback_of_ones_own_the_listener_rests_until_it_is_resumed(case: Case) {
    let (mut reactor, spy) = case.clocked::<Seen>();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let _clients = connect(socket.local_addr().unwrap(), 2);
    let listener = Listener::new(Short { socket, has_failed: false }).unwrap();
    let accept_all = |seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Listener<Short>>| {
        while let Some(accepted) = context.get_mut(id).and_then(Listener::accept) {
            take(seen, context, accepted);
        }
    };
    let id = reactor.context().add(listener, accept_all).unwrap();
    let mut seen = Seen::default();
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.errors.len(), seen.streams.len()), (1, 0));
    let mut context = reactor.context();
    let listener = context.get_mut(id).unwrap();
    assert!(listener.is_resting());
    listener.resume();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.errors.len(), seen.streams.len()), (1, 2));
}

/// The first connection finds no descriptor, and so the listener rests from the second turn on.
pub fn with_a_listener_at_rest_the_loop_sleeps_until_the_rest_or_a_timer_is_over_whichever_is_first(
    case: Case,
) {
    let (mut reactor, spy) = case.clocked::<Seen>();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let _clients = connect(socket.local_addr().unwrap(), 1);
    let mut context = reactor.context();
    context.listen(Listener::new(Short { socket, has_failed: false }).unwrap(), take).unwrap();
    for after in [30, 170] {
        context.set_timeout(Duration::from_millis(after), |_, _| ());
    }
    let mut seen = Seen::default();
    let mut accepted_after = Vec::new();
    for _ in 0..6 {
        reactor.turn(&mut seen, HOUR).unwrap();
        accepted_after.push(seen.streams.len());
    }
    let waits = [30, 30, 70, 70, 70].map(|millis| Some(Duration::from_millis(millis)));
    assert_eq!(spy.take_waits(), [&waits[..], &[HOUR]].concat());
    assert_eq!(accepted_after, [0, 0, 0, 0, 1, 1]);
    assert_eq!((reactor.stats().timers, reactor.next_deadline()), (3, None), "a rest counts as a timer");
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
        let stats = reactor.stats();
        assert_eq!((stats.accepted, stats.accepts_deferred), (0, 10));

        // A rest that was asked for is not ended by the end of the other.
        reactor.context().get_mut(id).unwrap().rest();
        reactor.turn(&mut seen, HOUR).unwrap();
        reactor.turn(&mut seen, HOUR).unwrap();
        assert!(reactor.context().get(id).unwrap().is_resting());
        assert_eq!(seen.errors.len(), 10, "nothing was tried");
        reactor.context().get_mut(id).unwrap().resume();

        drop(ballast);
        while seen.streams.len() < COUNT {
            reactor.turn(&mut seen, HOUR).unwrap();
        }
        assert!(!reactor.context().get(id).unwrap().is_resting());
        drop(clients);
    });
}
