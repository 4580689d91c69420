//! The descriptors that the cases are about: pipes and sockets in each of the states that can be told apart.

#![allow(clippy::new_without_default)] // to make a fixture is to open something

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::raw::c_short;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::system;
pub use super::system::{duplicate_from, duplicate_to, number, set_nonblocking};

/// What [`wait_for`] waits for when it is asked for nothing: a hang-up or an error, which `poll(2)` tells unasked.
pub const END: c_short = 0;

/// A pipe, non-blocking at both ends.
#[derive(Debug)]
pub struct Pipe {
    pub reader: File,
    pub writer: File,
}

impl Pipe {
    pub fn new() -> Pipe {
        let (reader, writer) = system::pipe();
        set_nonblocking(&reader);
        set_nonblocking(&writer);
        Pipe { reader: File::from(reader), writer: File::from(writer) }
    }

    /// With one byte to read.
    pub fn ready() -> Pipe {
        let mut pipe = Pipe::new();
        put(&mut pipe.writer);
        pipe
    }
}

/// Two connected UNIX stream sockets, non-blocking.
pub fn unix_pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().expect("socketpair");
    near.set_nonblocking(true).expect("set non-blocking");
    far.set_nonblocking(true).expect("set non-blocking");
    (near, far)
}

/// Two connected TCP sockets, non-blocking.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let near = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    let (far, _) = listener.accept().expect("accept");
    near.set_nonblocking(true).expect("set non-blocking");
    far.set_nonblocking(true).expect("set non-blocking");
    (near, far)
}

/// A non-blocking listener.
pub fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.set_nonblocking(true).expect("set non-blocking");
    listener
}

/// A UDP socket, connected to the other.
pub fn udp_pair() -> (UdpSocket, UdpSocket) {
    let near = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let far = UdpSocket::bind("127.0.0.1:0").expect("bind");
    near.connect(far.local_addr().expect("local_addr")).expect("connect");
    far.connect(near.local_addr().expect("local_addr")).expect("connect");
    near.set_nonblocking(true).expect("set non-blocking");
    far.set_nonblocking(true).expect("set non-blocking");
    (near, far)
}

/// A connection that the peer has reset.
pub fn reset_connection() -> TcpStream {
    let (near, far) = tcp_pair();
    reset(far);
    wait_for(&near, END);
    near
}

/// A connect that has been refused: by the port of a connection whose listener is gone. Nobody listens on it, and for as long as the
/// connection has it no other case is given it, nor this connect for its own end.
pub fn refused_connection() -> TcpStream {
    let (_near, far) = tcp_pair();
    let address = far.local_addr().expect("local_addr");
    let stream = crate::net::connect(&address).expect("refusal is told later, not at once");
    wait_for(&stream, END);
    stream
}

/// Closes a connection with a reset in place of an orderly end.
pub fn reset(stream: TcpStream) {
    system::reset_on_close(&stream);
}

/// Writes one byte.
pub fn put(writer: &mut impl Write) {
    writer.write_all(b"x").expect("write a byte");
}

/// Reads until there is no more; answers with how much there was, or the error that ended it.
pub fn drain(reader: &mut impl Read) -> io::Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let mut len = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(len),
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(len),
            Err(error) => return Err(error),
        }
    }
}

/// Writes until there is no more room; answers with how much there was.
pub fn fill(writer: &mut impl Write) -> usize {
    let mut len = 0;
    loop {
        // Byte by byte in the end: a pipe takes a short write only when all of it fits.
        let more: usize = [64 * 1024, 4096, 1].into_iter().map(|size| fill_by(writer, size)).sum();
        if more == 0 {
            return len;
        }
        len += more;
    }
}

fn fill_by(writer: &mut impl Write, size: usize) -> usize {
    let chunk = vec![0; size];
    let mut len = 0;
    loop {
        match writer.write(&chunk) {
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return len,
            Err(error) => panic!("filling: {error}"),
        }
    }
}

/// Waits with `poll(2)`, as an independent witness, until one of `events` or a hang-up or an error holds.
pub fn wait_for(fd: &impl AsFd, events: c_short) -> c_short {
    loop {
        let found = system::poll(fd.as_fd(), events, -1);
        if found != 0 {
            return found;
        }
    }
}

/// What `poll(2)` says now.
pub fn polled(fd: &impl AsFd, events: c_short) -> c_short {
    system::poll(fd.as_fd(), events, 0)
}

/// A number that is not open. For cases that run alone.
pub fn a_closed_number() -> RawFd {
    let file = File::open("/dev/null").expect("open /dev/null");
    file.as_raw_fd()
}

/// Closes a descriptor behind the poller's back while its file lives on; answers with its number and a duplicate.
pub fn close_keeping_a_duplicate(fd: OwnedFd) -> (RawFd, OwnedFd) {
    let spare = fd.try_clone().expect("dup");
    (fd.as_raw_fd(), spare)
}

/// A directory for FIFOs and socket files, removed with everything in it.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Directory {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let index = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("conformance-{}-{index}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Directory(path),
                // Left there by a run that was ended, whose process had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("make a directory for temporary files: {error}"),
            }
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes a FIFO, and opens it for reading without waiting for a writer.
    pub fn fifo_reader(&self, name: &str) -> File {
        system::make_fifo(&self.path(name));
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_NONBLOCK).open(self.path(name)).expect("open for reading")
    }

    pub fn fifo_writer(&self, name: &str) -> File {
        File::options().write(true).open(self.path(name)).expect("open for writing")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed stays in the directory for temporary files, which is no reason to fail a case.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
