//! A process's exit where the kernel has no descriptor for it.

use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};

/// There is none.
#[derive(Debug)]
pub(super) enum Watch {}

impl Watch {
    /// Always `None`.
    pub fn open(_process: u32) -> io::Result<Option<Watch>> {
        Ok(None)
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}
