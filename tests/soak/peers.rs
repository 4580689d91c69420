//! The peers, a process of many threads: it ends when its standard input does and each thing was done once, and says how often it was.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

use crate::MAX_LEN;

/// How many threads play peers.
const PEERS: u64 = 16;

/// What the peers have done.
#[derive(Default, Debug)]
struct Deeds {
    echoes: AtomicU64,
    half_closes: AtomicU64,
    whole_echoes: AtomicU64,
    resets: AtomicU64,
    cut_frames: AtomicU64,
    slow_reads: AtomicU64,
    silences: AtomicU64,
}

impl Deeds {
    fn are_all_done(&self) -> bool {
        let Deeds { echoes, half_closes, whole_echoes, resets, cut_frames, slow_reads, silences } = self;
        let counts = [echoes, half_closes, whole_echoes, resets, cut_frames, slow_reads, silences];
        counts.iter().all(|count| count.load(SeqCst) > 0)
    }
}

/// The arguments: the TCP address, the server's process, and the path of its other socket.
pub fn main(arguments: &[OsString]) {
    let word = |index: usize| arguments[index].to_str().expect("text");
    let address: SocketAddr = word(0).parse().expect("an address");
    let server = Pid::from_raw(word(1).parse().expect("a process"));
    let path = &arguments[2];
    let (deeds, is_over) = (Deeds::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for seed in 1..=PEERS {
            let (deeds, is_over) = (&deeds, &is_over);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                while !is_over.load(SeqCst) || !deeds.are_all_done() {
                    // No port or no descriptor may be left for the moment.
                    let outcome = match seed % 4 {
                        0 => UnixStream::connect(path).map(|socket| visit(socket, &mut random, deeds)),
                        _ => TcpStream::connect(address).map(|socket| visit(socket, &mut random, deeds)),
                    };
                    outcome.unwrap_or_else(|_| thread::yield_now());
                    raise_signal(server);
                }
            });
        }
        io::stdin().read_to_end(&mut Vec::new()).expect("it is a pipe");
        is_over.store(true, SeqCst);
    });
    println!("{deeds:?}");
}

/// Sends a signal to the server, which interrupts whatever it is at.
#[cfg(feature = "signal")]
fn raise_signal(server: Pid) {
    nix::sys::signal::kill(server, nix::sys::signal::Signal::SIGUSR1).expect("it is our parent");
}

#[cfg(not(feature = "signal"))]
fn raise_signal(_: Pid) {}

/// What peers do, over either kind of socket.
trait Socket: Read + Write {
    fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()>;
    fn shut_down_writing(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(read).and(self.set_write_timeout(write))
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Socket for UnixStream {
    fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(read).and(self.set_write_timeout(write))
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// One connection of a peer, which ends in one of the ways that there are.
fn visit(mut socket: impl Socket, random: &mut fastrand::Rng, deeds: &Deeds) {
    let deadline = Some(Duration::from_secs(30));
    socket.set_timeouts(deadline, deadline).expect("a socket has timeouts");
    for _ in 0..random.u32(0..4) {
        echo(&mut socket, random);
        deeds.echoes.fetch_add(1, SeqCst);
    }
    match random.u32(0..7) {
        0 => {}
        5 | 6 => stay_silent(socket, deeds),
        1 => half_close(socket, random, deeds),
        2 => reset(socket, deeds),
        3 => {
            let announced = 1000u32.to_be_bytes();
            socket.write_all(&announced[..random.usize(1..=4)]).unwrap_or(());
            deeds.cut_frames.fetch_add(1, SeqCst);
        }
        _ => read_slowly(socket, random, deeds),
    }
}

fn message(random: &mut fastrand::Rng) -> Vec<u8> {
    let len = if random.u32(0..10) == 0 { random.usize(0..MAX_LEN) } else { random.usize(0..2000) };
    let first = random.u8(..);
    (0..len).map(|at| first.wrapping_add(at as u8)).collect()
}

fn send(socket: &mut impl Socket, body: &[u8]) -> io::Result<()> {
    socket.write_all(&(body.len() as u32).to_be_bytes())?;
    socket.write_all(body)
}

/// Sends a message and takes it back. A peer that does so is never cut off for being silent, however busy the machine is: it is then
/// that the server is late as well.
fn echo(socket: &mut impl Socket, random: &mut fastrand::Rng) {
    let body = message(random);
    // The server removes who is silent for long, which this thread may have been kept to be.
    if send(socket, &body).is_err() {
        return;
    }
    let mut len = [0; 4];
    if socket.read_exact(&mut len).is_err() {
        return;
    }
    assert_eq!(u32::from_be_bytes(len) as usize, body.len(), "another message has come back");
    let mut back = vec![0; body.len()];
    if socket.read_exact(&mut back).is_ok() {
        assert!(back == body, "another message has come back");
    }
}

/// Everything that was sent comes back after this side has ended, and then the end; or less, if the server was out of memory for so
/// long that it took this one for silent, but nothing else.
fn half_close(mut socket: impl Socket, random: &mut fastrand::Rng, deeds: &Deeds) {
    let mut expected = Vec::new();
    for body in [message(random), message(random)] {
        expected.extend_from_slice(&(body.len() as u32).to_be_bytes());
        expected.extend_from_slice(&body);
    }
    socket.write_all(&expected).unwrap_or(());
    socket.shut_down_writing().unwrap_or(());
    let mut back = Vec::new();
    socket.read_to_end(&mut back).unwrap_or(0);
    assert!(expected.starts_with(&back), "of {} bytes others have come back", expected.len());
    deeds.half_closes.fetch_add(1, SeqCst);
    deeds.whole_echoes.fetch_add(u64::from(back.len() == expected.len()), SeqCst);
}

/// What has come back is not read, so that the kernel answers with a reset.
fn reset(mut socket: impl Socket, deeds: &Deeds) {
    send(&mut socket, &[7; 5000]).unwrap_or(());
    socket.read_exact(&mut [0]).unwrap_or(());
    drop(socket);
    deeds.resets.fetch_add(1, SeqCst);
}

/// Asks for far more than it reads, until the server has no room for it, and leaves.
fn read_slowly(mut socket: impl Socket, random: &mut fastrand::Rng, deeds: &Deeds) {
    let body = vec![3; MAX_LEN - 1];
    let (long, short) = (Some(Duration::from_secs(30)), Some(Duration::from_millis(50)));
    socket.set_timeouts(long, short).expect("a socket has timeouts");
    for _ in 0..random.u32(2..20) {
        if send(&mut socket, &body).is_err() {
            break;
        }
        socket.read_exact(&mut [0; 1000]).unwrap_or(());
    }
    deeds.slow_reads.fetch_add(1, SeqCst);
}

/// Says nothing more, until the server has had enough of it.
fn stay_silent(mut socket: impl Socket, deeds: &Deeds) {
    let ended = socket.read(&mut [0]);
    assert!(!matches!(ended, Ok(1)), "a byte came that nobody asked for");
    deeds.silences.fetch_add(1, SeqCst);
}
