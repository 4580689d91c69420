//! Victims that read, write, finish and close streams while the kernel refuses.
//!
//! The peers move their bytes by `readv` and `writev`, which no row tampers with.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{listen, socket, AddressFamily, Backlog, SockFlag, SockType};
use ringmq::platform::net;
use ringmq::{Context, Id, Listener, Reactor, State, Stream};

use super::{Setting, LONG};

const LEN: usize = 200_000;

/// What the callback of a stream saw.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    states: Vec<State>,
    errors: Vec<io::Error>,
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let near = TcpStream::connect(listener.local_addr().expect("the address")).expect("connect");
    let (far, _) = listener.accept().expect("accept");
    (near, far)
}

fn reactor<S: 'static>(setting: &Setting<'_>) -> Reactor<S> {
    Reactor::with_backend(setting.backend).expect("make a reactor")
}

fn note(heard: &mut Heard, context: &mut Context<'_, Heard>, id: Id<Stream<TcpStream>>) {
    let stream = context.get_mut(id).expect("it is its own callback");
    heard.bytes.extend_from_slice(stream.input());
    stream.consume(stream.input().len());
    heard.states.push(stream.state());
    heard.errors.extend(stream.take_error());
}

fn add(reactor: &mut Reactor<Heard>, socket: TcpStream) -> Id<Stream<TcpStream>> {
    let mut context = reactor.context();
    let stream = Stream::new(socket, &context.memory()).expect("make a stream");
    context.add(stream, note).expect("add the stream")
}

/// Runs for long enough to see whether something is told twice.
fn run_for_a_while(reactor: &mut Reactor<Heard>) -> Heard {
    reactor.context().set_timeout(Duration::from_millis(50), |_, context| context.stop());
    let mut heard = Heard::default();
    reactor.run(&mut heard).expect("run");
    heard
}

/// The one error that is injected, told with the end of the stream, and nothing after it.
fn assert_failed_once(setting: &Setting<'_>, mut heard: Heard) {
    assert_eq!((heard.states, heard.errors.len()), (vec![State::Closed], 1));
    setting.assert_told::<()>(Err(heard.errors.remove(0)));
}

fn pattern() -> Vec<u8> {
    (0..LEN).map(|at| (at ^ at >> 8) as u8).collect()
}

fn write_all(mut to: &TcpStream, bytes: &[u8]) {
    let mut sent = 0;
    while sent < bytes.len() {
        sent += to.write_vectored(&[IoSlice::new(&bytes[sent..])]).expect("write");
    }
}

fn read_all(mut from: &TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match from.read_vectored(&mut [IoSliceMut::new(&mut buffer)]).expect("read") {
            0 => return bytes,
            len => bytes.extend_from_slice(&buffer[..len]),
        }
    }
}

pub fn everything_comes_back(setting: &Setting<'_>) {
    let (near, far) = pair();
    let mut reactor = reactor(setting);
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).expect("make a stream");
    let echo = |_: &mut (), context: &mut Context<'_, ()>, id: Id<Stream<TcpStream>>| {
        let stream = context.get_mut(id).expect("it is its own callback");
        let bytes = stream.input().to_vec();
        if stream.send(&bytes).is_ok() {
            stream.consume(bytes.len());
        }
        if stream.state() == State::Ended {
            stream.finish();
        }
        assert!(stream.take_error().is_none());
        if stream.state() == State::Closed {
            context.stop();
        }
    };
    context.add(stream, echo).expect("add the stream");
    thread::scope(|scope| {
        scope.spawn(|| {
            write_all(&near, &pattern());
            near.shutdown(Shutdown::Write).expect("shut down");
        });
        let reader = scope.spawn(|| read_all(&near));
        reactor.run(&mut ()).expect("run");
        drop(reactor);
        assert!(reader.join().expect("read") == pattern());
    });
}

pub fn a_few_bytes_are_sent(setting: &Setting<'_>) {
    let (near, far) = pair();
    let mut reactor = reactor(setting);
    let id = add(&mut reactor, far);
    reactor.context().get_mut(id).expect("it is there").send(b"a few").expect("send");
    let mut heard = Heard::default();
    // Tried, waited for, sent, and not waited for any more.
    while reactor.context().get(id).expect("it is there").unsent_len() > 0 {
        reactor.turn(&mut heard, Some(LONG)).expect("turn");
    }
    reactor.turn(&mut heard, Some(Duration::ZERO)).expect("turn");
    near.shutdown(Shutdown::Write).expect("shut down");
    reactor.turn(&mut heard, Some(LONG)).expect("turn");
    drop(reactor);
    assert_eq!(read_all(&near), b"a few");
    assert!(heard.errors.is_empty());
}

pub fn reading_fails(setting: &Setting<'_>) {
    let (near, far) = pair();
    let mut reactor = reactor(setting);
    add(&mut reactor, far);
    write_all(&near, b"never heard");
    assert_failed_once(setting, run_for_a_while(&mut reactor));
}

pub fn writing_fails(setting: &Setting<'_>) {
    let (_near, far) = pair();
    let mut reactor = reactor(setting);
    let id = add(&mut reactor, far);
    reactor.context().get_mut(id).expect("it is there").send(b"never sent").expect("send");
    assert_failed_once(setting, run_for_a_while(&mut reactor));
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn connecting_fails(setting: &Setting<'_>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut reactor = reactor(setting);
    let mut context = reactor.context();
    let socket = net::connect(&listener.local_addr().expect("the address")).expect("begin to connect");
    let stream = Stream::connecting(socket, &context.memory()).expect("make a stream");
    context.connect(stream, LONG, note).expect("add the stream");
    assert_failed_once(setting, run_for_a_while(&mut reactor));
}

pub fn options_are_refused(setting: &Setting<'_>) {
    // By hand, since std sets an option before it binds; who listens without binding is given a port.
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("open");
    listen(&socket, Backlog::new(1).expect("a number")).expect("listen");
    let listener = Listener::new(TcpListener::from(socket)).expect("make a listener");
    let port = listener.local_addr().expect("the address").port();
    let client = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    write_all(&client, b"all the same");

    let mut reactor = reactor(setting);
    let served =
        |heard: &mut Heard, context: &mut Context<'_, Heard>, accepted: io::Result<(TcpStream, _)>| {
            let stream =
                Stream::new(accepted.expect("a connection").0, &context.memory()).expect("make a stream");
            heard.errors.extend(stream.transport().set_nodelay(true).err());
            let take = |heard: &mut Heard, context: &mut Context<'_, Heard>, id: Id<Stream<TcpStream>>| {
                let stream = context.remove(id).expect("it is its own callback");
                heard.bytes.extend_from_slice(stream.input());
                stream.abort();
                context.stop();
            };
            context.add(stream, take).expect("add the stream");
        };
    reactor.context().listen(listener, served).expect("listen");
    let mut heard = Heard::default();
    reactor.run(&mut heard).expect("run");
    assert_eq!((&heard.bytes[..], heard.errors.len()), (&b"all the same"[..], 1));
    setting.assert_told::<()>(Err(heard.errors.remove(0)));
    // All was read, so closing it is no reset though none could be asked for.
    assert_eq!(read_all(&client), b"");
}

pub fn finishing_finds_nobody(setting: &Setting<'_>) {
    let (near, far) = pair();
    let mut reactor = reactor(setting);
    let id = add(&mut reactor, far);
    drop(near);
    reactor.context().get_mut(id).expect("it is there").finish();
    let heard = run_for_a_while(&mut reactor);
    assert_eq!((heard.states.last(), heard.errors.len()), (Some(&State::Closed), 0));
}

pub fn a_finished_connection_goes(setting: &Setting<'_>) {
    let (near, far) = pair();
    let mut reactor = reactor(setting);
    let id = add(&mut reactor, far);
    assert!(reactor.context().finish(id, LONG));
    write_all(&near, b"never heard");
    let mut heard = Heard::default();
    while reactor.context().get(id).is_some() {
        reactor.turn(&mut heard, Some(Duration::from_millis(1))).expect("turn");
    }
    assert_eq!((heard.states.len(), reactor.context().memory().used()), (0, 0));
}

pub fn streams_are_dropped(setting: &Setting<'_>) {
    let mut reactor = Reactor::<()>::with_backend(setting.backend).expect("make a reactor");
    let (one, other) = UnixStream::pair().expect("make a pair");
    let mut context = reactor.context();
    let memory = context.memory();
    let ids = [one, other].map(|end| {
        let stream = Stream::new(end, &memory).expect("make a stream");
        context.add(stream, |_, _, _| ()).expect("add the stream")
    });
    drop(context.remove(ids[0]).expect("it is there"));
}
