//! Bytes to send over a stream, and threads that send and take them.

use std::io::Write;
use std::thread;

/// Bytes that differ from their neighbours, so that one lost or doubled is seen.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}

/// A frame of the codec that the tests use, a length of four bytes and the body.
pub fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// Writes on a thread of its own, and gives the socket back.
pub fn write_all<T: Write + Send + 'static>(mut to: T, bytes: Vec<u8>) -> thread::JoinHandle<T> {
    thread::spawn(move || {
        to.write_all(&bytes).expect("write");
        to
    })
}
