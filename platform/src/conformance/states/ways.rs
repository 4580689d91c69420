//! How a descriptor gets into its state, where that takes more than a few lines.

use std::fs::File;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::io::{AsFd, OwnedFd};
#[cfg(target_os = "linux")]
use std::{any::Any, io::Read};

use super::super::fixtures::*;
use super::super::system;
#[cfg(target_os = "linux")]
use super::{keep, Specimen};
#[cfg(target_os = "linux")]
use crate::net;

/// Data from the peer, and its half-close.
pub fn half_closed() -> (TcpStream, TcpStream) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    far.shutdown(Shutdown::Write).expect("shutdown");
    wait_for(&near, libc::POLLIN);
    (near, far)
}

/// A connection whose peer has sent data and closed it.
pub fn closed_after_data() -> TcpStream {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    drop(far);
    wait_for(&near, libc::POLLIN);
    near
}

/// Fills what a connection holds at both ends.
pub fn fill_both_ends(near: &mut TcpStream) {
    // What was sent goes on to the other end until that is full too; 50 ms tell a moment from the end.
    loop {
        fill(near);
        if system::poll(near.as_fd(), libc::POLLOUT, 50) == 0 {
            return;
        }
    }
}

/// A listener with a connection in its queue.
pub fn queued() -> (TcpListener, TcpStream) {
    let listener = listener();
    let client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    wait_for(&listener, libc::POLLIN);
    (listener, client)
}

/// A terminal, and its master at which something was typed.
pub fn typed(text: &[u8]) -> (OwnedFd, File) {
    let (master, slave) = system::terminal();
    let mut master = File::from(master);
    master.write_all(text).expect("type");
    (slave, master)
}

/// A connect that nobody answers for a while, since the listener's queue is full.
#[cfg(target_os = "linux")]
pub fn unanswered_connect() -> (TcpStream, impl Any) {
    let listener = listener();
    system::set_backlog(&listener, 0);
    let address = listener.local_addr().expect("local_addr");
    let mut streams = Vec::new();
    loop {
        let stream = net::connect(&address).expect("connect");
        // One that is answered is answered at once, here; 100 ms tells it from one that is not.
        if system::poll(stream.as_fd(), libc::POLLOUT, 100) == 0 {
            return (stream, (listener, streams));
        }
        streams.push(stream);
        assert!(streams.len() < 20, "the queue takes no end of connections");
    }
}

/// A UNIX connect for which the listener's queue has no room, the errno that it was refused with, and what keeps the queue full.
#[cfg(target_os = "linux")]
pub fn refused_for_a_full_queue() -> (OwnedFd, i32, impl Any) {
    let directory = Directory::new();
    let path = directory.path("listener");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
    system::set_backlog(&listener, 0);
    let mut queued = Vec::new();
    loop {
        let socket = system::fresh_unix_socket();
        set_nonblocking(&socket);
        match system::connect_unix(&socket, &path) {
            Ok(()) => queued.push(socket),
            Err(error) => {
                let errno = error.raw_os_error().expect("the kernel refuses");
                return (socket, errno, (directory, listener, queued));
            }
        }
        assert!(queued.len() < 20, "the queue takes no end of connections");
    }
}

/// Takes the signal that is pending when it goes, so that it is not there for who looks next.
#[cfg(target_os = "linux")]
pub struct TakenAtLast(pub File);

#[cfg(target_os = "linux")]
impl Drop for TakenAtLast {
    fn drop(&mut self) {
        // Somebody may have taken it before.
        let _ = self.0.read(&mut [0; 128]);
    }
}

#[cfg(target_os = "linux")]
pub fn counter(value: u64) -> Specimen {
    let mut counter = system::event_counter();
    counter.write_all(&value.to_ne_bytes()).expect("set the counter");
    keep(counter, ())
}

/// A process that ends when its input does.
#[cfg(target_os = "linux")]
pub struct Child(pub std::process::Child);

#[cfg(target_os = "linux")]
impl Child {
    pub fn start() -> Child {
        use std::process::{Command, Stdio};
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Child(child.expect("start cat"))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Child {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("reap it");
    }
}
