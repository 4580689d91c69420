//! What a row works with: sockets of ours on a backend, peers, and addresses.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringmq::mq::{BlockingSocket, Event, IoThread, Message, Options, SocketType};
use ringmq::platform::Backend;
use ringmq::Builder;

use crate::example::example;
use crate::peer::Peer;
use crate::program::{Program, GUARD};

pub const LOOPBACK: &str = "tcp://127.0.0.1:*";

/// Room for the longest message that is sent, 32 MiB, a few times over.
const MEMORY: usize = 256 << 20;

pub struct Bench {
    backend: Backend,
    python: OsString,
}

impl Bench {
    pub fn new(backend: Backend, python: OsString) -> Bench {
        Bench { backend, python }
    }

    pub fn io(&self) -> IoThread {
        IoThread::with(Builder::new().backend(self.backend).memory(MEMORY)).expect("start an I/O thread")
    }

    pub fn peer(&self) -> Peer {
        Peer::start(&self.python)
    }

    /// The example, with such words behind its name.
    pub fn ringcat(&self, arguments: &[&str]) -> Program {
        Program::start(example("ringcat").args(arguments).args(["--backend", self.backend.name()]))
    }

    /// A UNIX socket's address that nobody else has; the file is removed.
    pub fn ipc(&self) -> Ipc {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Not under target/: the whole path has to be shorter than 108 bytes.
        let path = std::env::temp_dir().join(format!("ringmq-interop-{}-{count}", std::process::id()));
        let _ = std::fs::remove_file(&path); // left by an earlier process of the same number
        Ipc { path }
    }
}

/// See [`Bench::ipc`].
pub struct Ipc {
    path: PathBuf,
}

impl Ipc {
    pub fn address(&self) -> String {
        format!("ipc://{}", self.path.display())
    }
}

impl Drop for Ipc {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path); // who is bound to it removes it first
    }
}

/// With events, soon back when a connection is lost, and with room for the longest messages.
pub fn options() -> Options {
    let (shortest, longest) = (Duration::from_millis(5), Duration::from_millis(50));
    let options = Options::new().events(true).reconnect(shortest, longest);
    options.max_part_len(33 << 20).max_message_len(40 << 20)
}

pub fn open(io: &IoThread, kind: SocketType) -> BlockingSocket {
    open_with(io, kind, options())
}

pub fn open_with(io: &IoThread, kind: SocketType, options: Options) -> BlockingSocket {
    io.socket_with(kind, options).expect("open a socket")
}

#[track_caller]
pub fn bind(socket: &BlockingSocket, address: &str) -> String {
    socket.bind(address).unwrap_or_else(|error| panic!("bind to {address}: {error}")).to_string()
}

#[track_caller]
pub fn connect(socket: &BlockingSocket, address: &str) {
    socket.connect(address).unwrap_or_else(|error| panic!("connect to {address}: {error}"));
}

#[track_caller]
pub fn send(socket: &BlockingSocket, message: impl Into<Message>) {
    socket.send_timeout(message, GUARD).unwrap_or_else(|refused| panic!("send: {refused}"));
}

#[track_caller]
pub fn recv(socket: &BlockingSocket) -> Message {
    socket.recv_timeout(GUARD).unwrap_or_else(|error| panic!("receive: {error}"))
}

/// That somebody is there who shook hands.
#[track_caller]
pub fn await_peers(socket: &BlockingSocket, count: usize) {
    until("peers", || (socket.peer_count() == count).then_some(()));
}

/// The first event that is one, of those that nobody has taken; others before it are gone.
#[track_caller]
pub fn await_event<T>(socket: &BlockingSocket, mut is_it: impl FnMut(&Event) -> Option<T>) -> T {
    let found = std::iter::from_fn(|| socket.wait_event(GUARD)).find_map(|event| is_it(&event));
    found.expect("an event")
}

/// Looks until something is there. Only for what cannot be waited for.
#[track_caller]
pub fn until<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(there) = is_there() {
            return there;
        }
        assert!(began.elapsed() < GUARD, "awaited in vain: {what}");
        std::thread::yield_now();
    }
}
