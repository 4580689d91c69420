//! Bytes to send over a stream, and threads that send and take them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringmq::platform::net;

/// Two ends of a TCP connection.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let near = TcpStream::connect(listener.local_addr().unwrap()).expect("connect");
    let (far, _) = listener.accept().expect("accept");
    (near, far)
}

/// Bytes that differ from their neighbours, so that one lost or doubled is seen.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}

/// Reads to the end on a thread of its own.
pub fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("read to the end");
        bytes
    })
}

/// Writes on a thread of its own, and gives the socket back.
pub fn write_all<T: Write + Send + 'static>(mut to: T, bytes: Vec<u8>) -> thread::JoinHandle<T> {
    thread::spawn(move || {
        to.write_all(&bytes).expect("write");
        to
    })
}

/// A small generator of numbers that are the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// A path for a socket, where nothing is yet and nothing is left.
pub struct SocketPath(PathBuf);

impl SocketPath {
    pub fn new() -> SocketPath {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringmq-{}-{number}", std::process::id()));
        // Left by an earlier process of the same number that was killed.
        let _ = std::fs::remove_file(&path);
        SocketPath(path)
    }
}

impl AsRef<Path> for SocketPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A listener whose queue is full, so that connections to it are not made and not refused, and who fills it.
pub fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    net::set_backlog(listener.as_fd(), 0).expect("set the backlog");
    let address = listener.local_addr().expect("the address");
    // The first is taken whatever the backlog, and the others are more than any system adds to it.
    let mut fillers = vec![TcpStream::connect(address).expect("connect")];
    fillers.extend((0..4).map(|_| net::connect(&address).expect("begin to connect")));
    (listener, fillers)
}

/// A port that nobody listens at, and that nobody else can bind for as long as the connection is held: that of its own end.
pub fn closed_port() -> ((TcpStream, TcpStream), SocketAddr) {
    let (near, far) = tcp_pair();
    let address = near.local_addr().expect("it is connected");
    ((near, far), address)
}

/// What is to become of a socket when it is dropped: the peer sees a reset.
pub fn reset(socket: TcpStream) {
    net::set_linger(socket.as_fd(), Some(Duration::ZERO)).expect("set SO_LINGER");
}
