//! What the scenarios do with descriptors: pairs of sockets, bytes sent and taken, and waits for what is on its way.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::raw::{c_int, c_short};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;

/// A stream socket of either kind.
pub trait Socket: Read + Write + AsRawFd + Sized {
    const NAME: &'static str;
    fn pair() -> (Self, Self);
    fn shut(&self, how: Shutdown);
}

impl Socket for UnixStream {
    const NAME: &'static str = "unix";

    fn pair() -> (UnixStream, UnixStream) {
        let (near, far) = UnixStream::pair().expect("socketpair");
        near.set_nonblocking(true).expect("set non-blocking");
        far.set_nonblocking(true).expect("set non-blocking");
        (near, far)
    }

    fn shut(&self, how: Shutdown) {
        self.shutdown(how).expect("shutdown");
    }
}

impl Socket for TcpStream {
    const NAME: &'static str = "tcp";

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let near = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
        let (far, _) = listener.accept().expect("accept");
        for stream in [&near, &far] {
            stream.set_nonblocking(true).expect("set non-blocking");
            stream.set_nodelay(true).expect("TCP_NODELAY");
        }
        (near, far)
    }

    fn shut(&self, how: Shutdown) {
        self.shutdown(how).expect("shutdown");
    }
}

/// Writes so many bytes and waits until they have arrived.
pub fn send(writer: &mut impl Write, reader: &impl AsRawFd, len: usize) {
    let before = unread(reader);
    writer.write_all(&vec![0; len]).expect("write");
    while unread(reader) < before + len {
        std::thread::yield_now();
    }
}

fn unread(fd: &impl AsRawFd) -> usize {
    let mut len: libc::c_int = 0;
    // SAFETY: FIONREAD writes one integer.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut len) };
    assert_eq!(result, 0, "FIONREAD: {}", io::Error::last_os_error());
    usize::try_from(len).expect("a number of bytes")
}

/// Reads exactly so many bytes.
pub fn take(reader: &mut impl Read, len: usize) {
    reader.read_exact(&mut vec![0; len]).expect("read");
}

/// Writes until nothing more goes in, also after what was on its way has arrived.
pub fn fill<S: Socket>(near: &mut S) {
    loop {
        match near.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // A moment in which the kernel could still make room.
                if polled(near, libc::POLLOUT, 20) == 0 {
                    return;
                }
            }
            Err(error) => panic!("filling: {error}"),
        }
    }
}

/// Reads what is there; answers how much it was.
pub fn drain(reader: &mut impl Read) -> usize {
    let mut buffer = vec![0; 1 << 16];
    let mut len = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(more) => len += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return len,
            Err(error) => panic!("draining: {error}"),
        }
    }
}

/// Waits with poll(2) until this holds.
pub fn until(fd: &impl AsRawFd, wanted: c_short) {
    while polled(fd, wanted, 0) & wanted != wanted {
        std::thread::yield_now();
    }
}

/// What poll(2) says within so many milliseconds.
pub fn polled(fd: &impl AsRawFd, wanted: c_short, milliseconds: c_int) -> c_short {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: wanted, revents: 0 };
    // SAFETY: the pointer is to one pollfd.
    let result = unsafe { libc::poll(&mut poll, 1, milliseconds) };
    assert!(result >= 0, "poll: {}", io::Error::last_os_error());
    poll.revents
}
