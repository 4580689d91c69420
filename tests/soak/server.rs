//! The server, and what it holds itself to.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Framed, Id, Listener, Reactor, SendError, State, TimerId, Transport};

use crate::request::Request;
use crate::MAX_LEN;

/// How long a connection may be silent before the server removes it: a peer that leaves nothing behind has no other end.
const IDLE: Duration = Duration::from_millis(200);

/// After the peers have been told to leave it may take this long until the last connection is gone.
const REST: Duration = Duration::from_secs(60);

type Connection<T> = Framed<LengthPrefix, T>;

/// The server's state.
#[derive(Default)]
struct Server {
    open: usize,
    accepted: u64,
    frames: u64,
    failed: u64,
    idle: u64,
    ticks: u64,
    signals: u64,
}

pub fn main(arguments: Vec<OsString>) {
    let seconds = std::env::var("RINGMQ_SOAK_SECONDS").ok().map_or(2.0, |text| {
        text.parse().unwrap_or_else(|_| panic!("expected RINGMQ_SOAK_SECONDS to be a number, found {text:?}"))
    });
    let request = Request::parse(arguments).unwrap_or_else(|error| panic!("soak: {error}"));
    let wanted = |backend: &&Backend| request.wants(&format!("soak::{backend}"));
    for backend in Backend::AVAILABLE.iter().filter(wanted) {
        match request.lists_only {
            true => println!("soak::{backend}: test"),
            false => soak(*backend, Duration::from_secs_f64(seconds)),
        }
    }
}

fn soak(backend: Backend, time: Duration) {
    // Once round first, so that what is made once and kept does not count.
    run(backend, Duration::from_millis(200));
    let (descriptors, resident) = (descriptor_count(), resident_kib());
    let mut summary = String::new();
    let heap = allocation_counter::measure(|| summary = run(backend, time));
    let after = descriptor_count();
    let left = heap.bytes_current - summary.capacity() as i64;
    println!("{backend}: {summary}");
    println!(
        "{backend}: descriptors {descriptors} -> {after}, heap {left:+} bytes, resident {resident} -> {} KiB",
        resident_kib()
    );
    assert_eq!(after, descriptors, "descriptors were left open");
    assert!(left <= 0, "{left} bytes were left");
}

/// Serves for some time, and until every connection has come to its end.
fn run(backend: Backend, time: Duration) -> String {
    let mut reactor = Builder::new().backend(backend).memory(1 << 20).build().expect("open a reactor");
    let listener = Listener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("it is bound");
    let path = std::env::temp_dir().join(format!("ringmq-soak-{}-{backend}", std::process::id()));
    // Left by an earlier process of the same number that was killed.
    let _ = std::fs::remove_file(&path);
    let local = Listener::bind_unix(&path).expect("bind");
    let mut context = reactor.context();
    context.listen(listener, accept).expect("listen");
    context.listen(local, accept).expect("listen");
    context.set_interval(Duration::from_millis(50), |server: &mut Server, _| server.ticks += 1);
    catch_signals(&mut context);
    let mut peers = Command::new(std::env::current_exe().expect("this binary"))
        .arg("--peers")
        .args([address.to_string(), std::process::id().to_string()])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the peers");

    let mut server = Server::default();
    let (start, soon) = (Instant::now(), time / 10);
    reactor.run_until(&mut server, start + soon).expect("run");
    let early = resident_kib();
    reactor.run_until(&mut server, start + time).expect("run");
    let late = resident_kib();
    let deeds = see_off(&mut peers, &mut reactor, &mut server);
    std::fs::remove_file(&path).expect("nobody else removes it");
    assert_eq!(reactor.context().memory().used(), 0, "memory is still charged");
    let resident = format!("resident {early} KiB after {soon:?}, {late} KiB after {time:?}");
    assert_all_has_happened(&server);
    format!("{}; peers: {}; {resident}", summary(&reactor, &server), deeds.trim())
}

/// Tells the peers to leave, by the end of what they are told, and serves on until they have, and every connection is gone. Answers
/// what they say that they did.
fn see_off(peers: &mut Child, reactor: &mut Reactor<Server>, server: &mut Server) -> String {
    drop(peers.stdin.take());
    let deadline = Instant::now() + REST;
    let status = loop {
        assert!(Instant::now() < deadline, "{} connections are still open: {reactor:?}", server.open);
        reactor.turn(server, Some(Duration::from_millis(10))).expect("turn");
        match peers.try_wait().expect("they are our child") {
            Some(status) if server.open == 0 => break status,
            _ => {}
        }
    };
    let mut deeds = String::new();
    peers.stdout.take().expect("it is a pipe").read_to_string(&mut deeds).expect("they write text");
    assert!(status.success(), "a peer found a fault: {status}");
    deeds
}

/// The peers do not leave before each has been done to the server; this is what it has come to.
fn assert_all_has_happened(server: &Server) {
    let Server { frames, failed, idle, ticks, signals, .. } = *server;
    assert!(frames > 0, "no frame was sent back");
    assert!(failed > 0, "no connection failed");
    assert!(idle > 0, "no connection was removed for being silent");
    assert!(ticks > 0, "no timer ran");
    assert!(signals > 0 || cfg!(not(feature = "signal")), "no signal was caught");
}

fn summary(reactor: &Reactor<Server>, server: &Server) -> String {
    let stats = reactor.stats();
    format!(
        "{} connections, {} frames, {} failed, {} idle, {} ticks, {} signals, {} turns, {} bytes in, {} out, {} memory refusals",
        server.accepted,
        server.frames,
        server.failed,
        server.idle,
        server.ticks,
        server.signals,
        stats.turns,
        stats.bytes_read,
        stats.bytes_written,
        stats.memory_refusals,
    )
}

#[cfg(feature = "signal")]
fn catch_signals(context: &mut Context<'_, Server>) {
    let signals = ringmq::Signals::new([ringmq::Signal::USR1]).expect("it may be caught");
    context.catch_signals(signals, |server, _, _| server.signals += 1).expect("catch a signal");
}

#[cfg(not(feature = "signal"))]
fn catch_signals(_: &mut Context<'_, Server>) {}

fn accept<T: Transport, A>(
    server: &mut Server,
    context: &mut Context<'_, Server>,
    accepted: io::Result<(T, A)>,
) {
    let (socket, _) = accepted.expect("the system has descriptors");
    let codec = LengthPrefix::new(MAX_LEN);
    let framed = Framed::new(codec, socket, &context.memory()).expect("it is a socket");
    let mut timer = None;
    let id = context.add(framed, move |server, context, id| serve(server, context, id, &mut timer));
    context.fire(id.expect("the kernel has room")); // sets the timer
    server.accepted += 1;
    server.open += 1;
}

/// Sends every frame back. What cannot be sent is put back, and reading pauses.
fn serve<T: Transport>(
    server: &mut Server,
    context: &mut Context<'_, Server>,
    id: Id<Connection<T>>,
    timer: &mut Option<TimerId>,
) {
    let framed = context.get_mut(id).expect("its callback runs");
    let (mut frames, mut outlet) = framed.split();
    let mut is_broken = false;
    while let Some(frame) = frames.next() {
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) => {
                is_broken = true;
                break;
            }
        };
        match outlet.send((), frame.body) {
            Ok(()) => server.frames += 1,
            Err(SendError::Full(_)) => {
                frames.put_back();
                break;
            }
            Err(_) => break,
        }
    }
    if framed.state() == State::Ended {
        framed.finish();
    }
    if is_broken || framed.state() == State::Closed {
        server.failed += u64::from(is_broken || framed.take_error().is_some());
        server.open -= 1;
        context.remove(id);
        return;
    }
    *timer =
        Some(context.set_timeout(IDLE, move |server: &mut Server, context: &mut Context<'_, Server>| {
            if context.remove(id).is_some() {
                server.open -= 1;
                server.idle += 1;
            }
        }));
}

fn descriptor_count() -> usize {
    std::fs::read_dir("/dev/fd").expect("list the open descriptors").count()
}

/// How much of this process is in memory, by Linux's `/proc`; 0 elsewhere.
fn resident_kib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4)
}
