//! A socket that makes trouble when it is told to, and looks at the budget whenever the loop comes by.

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use ringmq::platform::net;
use ringmq::{Memory, Transport};

/// What goes wrong with the calls to come, and what the others have brought.
#[derive(Default)]
pub struct Trouble {
    /// No call moves more bytes, if there is a limit.
    pub limit: Cell<Option<usize>>,
    /// So many calls are interrupted first.
    pub interrupted: Cell<u8>,
    /// So many calls find the kernel not ready after all.
    pub not_ready: Cell<u8>,
    /// The connection breaks.
    pub is_broken: Cell<bool>,
    /// Of several slices only the first goes out at a time.
    pub one_slice: Cell<bool>,
    /// How many bytes were read.
    pub received: Cell<usize>,
}

impl Trouble {
    /// How many of so many bytes a call may move, unless it fails.
    fn check(&self, len: usize) -> io::Result<usize> {
        if self.is_broken.get() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        for (count, kind) in
            [(&self.interrupted, io::ErrorKind::Interrupted), (&self.not_ready, io::ErrorKind::WouldBlock)]
        {
            if count.get() > 0 {
                count.set(count.get() - 1);
                return Err(kind.into());
            }
        }
        Ok(self.limit.get().map_or(len, |limit| len.min(limit)))
    }

    pub fn end(&self) {
        self.limit.set(None);
        self.interrupted.set(0);
        self.not_ready.set(0);
    }
}

/// The budget is never exceeded, in the middle of a turn neither.
pub fn check_budget(memory: &Memory) {
    assert!(memory.used() <= memory.limit(), "{memory:?}");
}

pub struct Troubled {
    pub socket: UnixStream,
    pub trouble: Rc<Trouble>,
    pub memory: Memory,
}

impl Read for Troubled {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        check_budget(&self.memory);
        let len = self.trouble.check(bytes.len())?;
        let len = self.socket.read(&mut bytes[..len])?;
        self.trouble.received.set(self.trouble.received.get() + len);
        Ok(len)
    }
}

impl Write for Troubled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        check_budget(&self.memory);
        let len = self.trouble.check(bytes.len())?;
        net::send(self.socket.as_fd(), &bytes[..len])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        check_budget(&self.memory);
        let all: usize = slices.iter().map(|slice| slice.len()).sum();
        let len = self.trouble.check(all)?;
        if len < all || self.trouble.one_slice.get() {
            return net::send(self.socket.as_fd(), &slices[0][..len.min(slices[0].len())]);
        }
        net::send_vectored(self.socket.as_fd(), slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Troubled {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Troubled {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}
