//! The kernel queue's own descriptor, which only the process that opened it may close.

use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::io::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use super::sys;

/// A descriptor that a fork's child does not inherit: there the number is not open, or names what the child has opened since.
#[derive(Debug)]
pub(crate) struct Descriptor {
    fd: ManuallyDrop<OwnedFd>,
    process: u32,
}

impl Descriptor {
    pub fn open() -> io::Result<Descriptor> {
        // SAFETY: takes no pointer.
        let fd = crate::sys::check(unsafe { sys::kqueue() })?;
        // SAFETY: the kernel has just opened it, and nobody else knows of it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // Not every BSD has a kqueue call that closes on exec by itself (NetBSD's kqueue1, FreeBSD 14's kqueuex).
        crate::sys::add_flag(fd.as_fd(), libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
        Ok(Descriptor { fd: ManuallyDrop::new(fd), process: std::process::id() })
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if std::process::id() == self.process {
            // SAFETY: it is dropped here alone, and not used after.
            unsafe { ManuallyDrop::drop(&mut self.fd) };
        }
    }
}
