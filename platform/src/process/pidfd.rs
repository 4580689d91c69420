//! A process's exit as a pidfd: `pidfd_open(2)`, of Linux 5.3.

use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::sys;

/// Readable once the process has exited. The kernel sets close-on-exec by itself.
#[derive(Debug)]
pub(super) struct Watch {
    pidfd: OwnedFd,
}

impl Watch {
    /// `None` where the kernel has no such call, or a sandbox does not let it through.
    pub fn open(process: u32) -> io::Result<Option<Watch>> {
        let no_flags: c_int = 0;
        // SAFETY: takes no pointer. Not every C library has a function for it.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, process as libc::pid_t, no_flags) };
        match sys::check(result as c_int) {
            // SAFETY: the kernel has just opened it, and nobody else knows of it.
            Ok(fd) => Ok(Some(Watch { pidfd: unsafe { OwnedFd::from_raw_fd(fd as RawFd) } })),
            // ENOSYS: Linux before 5.3, valgrind, and sandboxes that follow its example; EPERM: those that do not.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
