//! Nobody waits for ever for memory that others hold: of the budget a part is kept for reading, and one for sending.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::codec::LengthPrefix;
use ringmq::platform::{Interest, Ready};
use ringmq::{Buf, Context, Fire, Framed, Id, Io, Listener, Reactor, SendError, Source, State, Stream};

use crate::support::{pair, pattern, take_all, turn_until_idle, Case, Probe, Seen, Spy};

const BUFFER_LEN: usize = 64 * 1024;

/// How long a turn may wait for what another thread or the kernel does meanwhile.
const MOMENT: Option<Duration> = Some(Duration::from_millis(1));

type Link = Framed<LengthPrefix, UnixStream>;

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// A peer that writes what the kernel takes, and reads what there is.
struct Peer {
    socket: UnixStream,
    unsent: Vec<u8>,
    answer: Vec<u8>,
}

impl Peer {
    fn new(socket: UnixStream, unsent: Vec<u8>) -> Peer {
        socket.set_nonblocking(true).unwrap();
        Peer { socket, unsent, answer: Vec::new() }
    }

    fn write(&mut self) {
        match self.socket.write(&self.unsent) {
            Ok(len) => drop(self.unsent.drain(..len)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }

    fn read(&mut self) {
        let mut bytes = [0; 16 * 1024];
        match self.socket.read(&mut bytes) {
            Ok(len) => self.answer.extend_from_slice(&bytes[..len]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

/// Adds a link whose callback is this one, and its peer.
fn add<S: 'static>(
    reactor: &mut Reactor<S>,
    max: usize,
    unsent: Vec<u8>,
    callback: impl FnMut(&mut S, &mut Context<'_, S>, Id<Link>) + 'static,
) -> (Peer, Id<Link>) {
    let (near, far) = pair();
    let mut context = reactor.context();
    let link = Framed::new(LengthPrefix::new(max), far, &context.memory()).unwrap();
    (Peer::new(near, unsent), context.add(link, callback).unwrap())
}

/// Answers every frame with the same, and puts one back for whose answer there is no room.
fn echo<S>(_: &mut S, context: &mut Context<'_, S>, id: Id<Link>) {
    let (mut frames, mut outlet) = context.get_mut(id).unwrap().split();
    while let Some(frame) = frames.next() {
        match outlet.send((), frame.unwrap().body) {
            Ok(()) => {}
            Err(SendError::Full(_)) => {
                frames.put_back();
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn turn<S>(reactor: &mut Reactor<S>, state: &mut S) {
    reactor.turn(state, MOMENT).unwrap();
    let memory = reactor.context().memory();
    assert!(memory.used() <= memory.limit(), "{memory:?}");
}

/// All hold half a message before any sends the other half.
pub fn a_hundred_that_hold_half_a_message_each_finish_with_memory_for_ten(case: Case) {
    const COUNT: usize = 100;
    const MAX: usize = 4 * BUFFER_LEN;
    let mut reactor: Reactor<usize> = case.builder().memory(10 * MAX).build().unwrap();
    let body = pattern(MAX - 4);
    let mut peers: Vec<(Peer, Id<Link>)> = (0..COUNT)
        .map(|_| {
            let expected = body.clone();
            add(&mut reactor, MAX - 4, frame(&body), move |count: &mut usize, context, id| {
                for frame in context.get_mut(id).unwrap().split().0 {
                    assert!(frame.unwrap().body == expected);
                    *count += 1;
                }
            })
        })
        .collect();
    let mut count = 0;
    loop {
        let unsent_len =
            |peers: &[(Peer, Id<Link>)]| peers.iter().map(|(peer, _)| peer.unsent.len()).sum::<usize>();
        let before = (unsent_len(&peers), reactor.stats().bytes_read);
        for (peer, _) in &mut peers {
            let rest = peer.unsent.split_off(peer.unsent.len() - MAX / 2);
            peer.write();
            peer.unsent.extend(rest);
        }
        turn(&mut reactor, &mut count);
        // As much as there is room for, in the kernel and here.
        if (unsent_len(&peers), reactor.stats().bytes_read) == before {
            break;
        }
    }
    assert_eq!(count, 0, "nobody has sent more than half");
    assert!(reactor.stats().memory_refusals > 0);
    while count < COUNT {
        peers.iter_mut().for_each(|(peer, _)| peer.write());
        turn(&mut reactor, &mut count);
    }
    assert_eq!(reactor.context().memory().used(), 0);
}

/// With memory for one message to be read, and for one to be sent.
pub fn answers_find_room_though_what_was_read_fills_the_memory(case: Case) {
    const COUNT: usize = 20;
    const LEN: usize = 100_000;
    let mut reactor: Reactor<()> = case.builder().memory(3 * LEN).build().unwrap();
    let expected = frame(&pattern(LEN)).repeat(3);
    let mut peers: Vec<(Peer, Id<Link>)> =
        (0..COUNT).map(|_| add(&mut reactor, LEN, expected.clone(), echo)).collect();
    while peers.iter().any(|(peer, _)| peer.answer.len() < expected.len()) {
        for (peer, _) in &mut peers {
            peer.write();
            peer.read();
        }
        turn(&mut reactor, &mut ());
    }
    assert!(peers.iter().all(|(peer, _)| peer.answer == expected));
    assert_eq!(reactor.context().memory().used(), 0);
}

/// They wait first, for room that comes only when their peers read.
pub fn senders_to_peers_that_do_not_read_do_not_keep_others_from_reading(case: Case) {
    const LEN: usize = 100_000;
    let (mut reactor, spy) = case.spied_by(case.builder().memory(3 * LEN));
    let silent: Vec<(Peer, Id<Link>)> =
        (0..3).map(|_| add(&mut reactor, LEN, Vec::new(), |_, _, _| ())).collect();
    let mut context = reactor.context();
    for (_, id) in &silent {
        // More than the kernel holds, until there is no room.
        while context.get_mut(*id).unwrap().send((), &pattern(LEN)).is_ok() {}
    }
    turn_until_idle(&mut reactor, &spy, &mut 0);
    for (_, id) in &silent {
        while reactor.context().get_mut(*id).unwrap().send((), &pattern(LEN)).is_ok() {
            turn_until_idle(&mut reactor, &spy, &mut 0);
        }
    }
    let free = reactor.context().memory().free();
    assert!(free < LEN, "{free}");
    let taking = |count: &mut usize, context: &mut Context<'_, usize>, id: Id<Link>| {
        *count += context.get_mut(id).unwrap().split().0.count();
    };
    let mut others: Vec<(Peer, Id<Link>)> =
        (0..3).map(|_| add(&mut reactor, LEN, frame(&pattern(LEN)).repeat(2), taking)).collect();
    let mut count = 0;
    while count < 6 {
        others.iter_mut().for_each(|(peer, _)| peer.write());
        turn(&mut reactor, &mut count);
    }
}

/// Neither are those accepted who could not be read from, nor does the loop spin meanwhile.
pub fn accepting_pauses_while_there_is_no_memory(case: Case) {
    let (mut reactor, spy): (Reactor<usize>, Spy) = case.spied_by(case.builder().memory(BUFFER_LEN));
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    reactor
        .context()
        .listen(listener, |count: &mut usize, _, accepted| *count += accepted.map(|_| 1).unwrap())
        .unwrap();
    let charge = reactor.context().memory().charge(1).unwrap();
    let _client = TcpStream::connect(address).unwrap();
    let mut count = 0;
    turn_until_idle(&mut reactor, &spy, &mut count);
    assert_eq!(count, 0);
    reactor.turn(&mut count, MOMENT).unwrap();
    assert_eq!(spy.take_waits(), [MOMENT], "it sleeps");
    drop(charge);
    turn_until_idle(&mut reactor, &spy, &mut count);
    assert_eq!(count, 1);
}

/// With no buffer's worth that is nobody's, there is nothing for a listener to wait for.
pub fn accepting_goes_on_where_all_of_the_memory_is_set_aside(case: Case) {
    for limit in [1000, 4 * BUFFER_LEN] {
        let (mut reactor, spy): (Reactor<usize>, Spy) = case.spied_by(case.builder().memory(limit));
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count_up = |count: &mut usize, _: &mut Context<'_, usize>, accepted: std::io::Result<_>| {
            *count += accepted.map(|_| 1).unwrap()
        };
        reactor.context().listen(listener, count_up).unwrap();
        let _link = Framed::new(LengthPrefix::new(limit - 4), pair().1, &reactor.context().memory());
        let _charge = reactor.context().memory().charge(1);
        let _client = TcpStream::connect(address).unwrap();
        let mut count = 0;
        turn_until_idle(&mut reactor, &spy, &mut count);
        assert_eq!(count, 1, "with {limit} bytes");
    }
}

/// There is never a buffer for it, and the kernel is not asked for what cannot be read.
pub fn a_loop_with_less_memory_than_a_buffer_does_not_spin(case: Case) {
    let (mut reactor, spy): (Reactor<usize>, Spy) = case.spied_by(case.builder().memory(1000));
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    context.add(stream, |count: &mut usize, _, _: Id<Stream<UnixStream>>| *count += 1).unwrap();
    near.write_all(b"never read").unwrap();
    let mut count = 0;
    turn_until_idle(&mut reactor, &spy, &mut count);
    assert_eq!(count, 0);
}

/// The first in line may draw on what is kept for reading; a listener is none of them, and holds nobody up.
pub fn a_listener_that_waits_for_memory_does_not_hold_up_a_message(case: Case) {
    const LEN: usize = 2 * BUFFER_LEN;
    let (mut reactor, spy): (Reactor<usize>, Spy) = case.spied_by(case.builder().memory(4 * LEN));
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    reactor.context().listen(listener, |_: &mut usize, _, _| panic!("there is no memory")).unwrap();
    let (mut peer, _) =
        add(&mut reactor, LEN - 4, frame(&pattern(LEN - 4)), |count: &mut usize, context, id| {
            *count += context.get_mut(id).unwrap().split().0.count();
        });
    let memory = reactor.context().memory();
    let _charge = memory.charge(memory.free()).unwrap();
    let _client = TcpStream::connect(address).unwrap();
    let mut count = 0;
    turn_until_idle(&mut reactor, &spy, &mut count);
    while count == 0 {
        peer.write();
        turn(&mut reactor, &mut count);
    }
}

pub fn a_stream_that_needs_more_than_the_memory_fails(case: Case) {
    let mut reactor = case.builder().memory(2 * BUFFER_LEN).build().unwrap();
    let (near, far) = pair();
    let mut context = reactor.context();
    let mut stream = Stream::new(far, &context.memory()).unwrap();
    stream.need(2 * BUFFER_LEN + 1);
    context.add(stream, take_all).unwrap();
    let mut peer = Peer::new(near, pattern(3 * BUFFER_LEN));
    let mut seen = Seen::default();
    while seen.errors.is_empty() {
        peer.write();
        turn(&mut reactor, &mut seen);
    }
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![ErrorKind::OutOfMemory]));
}

/// Asks for a buffer when there is input, and keeps what it gets; or panics when it is to have it.
struct Asking {
    socket: UnixStream,
    buf: Option<Buf>,
    was_refused: bool,
    panics: bool,
}

impl Source for Asking {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        assert!(!(self.panics && self.was_refused), "on purpose");
        self.buf = io.lend();
        self.was_refused = self.buf.is_none();
        if let Some(buf) = &mut self.buf {
            let len = self.socket.read(buf.spare()).unwrap();
            buf.advance(len);
        }
        Fire::No
    }
}

/// One holds what is set aside for reading, and two wait for it, one after the other. The first of these panics when its turn has come,
/// while there is input for a third that has not waited at all.
pub fn what_is_kept_for_one_that_fails_goes_to_the_next_in_line(case: Case) {
    type Log = Vec<&'static str>;
    let (mut reactor, spy): (Reactor<Log>, Spy) = case.spied_by(case.builder().memory(4 * BUFFER_LEN));
    let mut context = reactor.context();
    context.on_failure(|log: &mut Log, _, _| log.push("failed"));
    let memory = context.memory();
    drop(Framed::new(LengthPrefix::new(100), pair().1, &memory).unwrap());
    let _charge = memory.charge(memory.free()).unwrap();
    let mut add_asking = |panics| {
        let (near, socket) = pair();
        let asking = Asking { socket, buf: None, was_refused: false, panics };
        (near, context.add(asking, |_, _, _| ()).unwrap())
    };
    let ((mut holder_near, holder), (mut fragile_near, _)) = (add_asking(false), add_asking(true));
    let mut add_reader = |name| {
        let (near, far) = pair();
        let stream = Stream::new(far, &memory).unwrap();
        let callback = move |log: &mut Log, context: &mut Context<'_, Log>, id: Id<Stream<UnixStream>>| {
            context.get_mut(id).unwrap().consume(1);
            log.push(name);
        };
        context.add(stream, callback).unwrap();
        near
    };
    let (mut waiting_near, mut late_near) = (add_reader("waiting"), add_reader("late"));
    let (_quiet_near, socket) = pair();
    let quiet = context.add(Probe { fire: Fire::No, ..Probe::new(socket) }, |_, _, _| ()).unwrap();

    let mut log = Log::new();
    for near in [&mut holder_near, &mut fragile_near, &mut waiting_near] {
        near.write_all(b"x").unwrap();
        turn_until_idle(&mut reactor, &spy, &mut log);
    }
    assert!(reactor.context().get(holder).unwrap().buf.is_some());
    assert_eq!(log, Log::new());
    // A turn that passes the wait over, so that the next one does not: the one that fails is fed, and the late one ready, in the same.
    reactor.context().get_mut(quiet).unwrap().is_prepared = true;
    spy.forget();
    reactor.turn(&mut log, MOMENT).unwrap();
    assert_eq!(spy.take_waits(), []);
    late_near.write_all(b"x").unwrap();
    reactor.context().remove(holder);
    turn_until_idle(&mut reactor, &spy, &mut log);
    assert_eq!(log, ["failed", "waiting", "late"]);
}
