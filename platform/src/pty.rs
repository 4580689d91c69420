//! Pseudo-terminals: a pair of descriptors, one of which is a terminal to whoever has it.

use std::io;
use std::os::unix::io::{AsFd, FromRawFd, OwnedFd};
use std::ptr;

use crate::sys;

/// The two sides of a pseudo-terminal.
///
/// ```
/// use ringmq_platform::pty;
/// use std::process::Command;
///
/// # fn main() -> std::io::Result<()> {
/// let pty = pty::open()?;
/// // `tty` says whether its standard input is a terminal. The slave goes with the command.
/// let status = Command::new("tty").arg("-s").stdin(pty.slave).status()?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pty {
    /// The side of who plays the terminal: what is written here was typed, and what is read here is to be shown.
    pub master: OwnedFd,
    /// The side that is a terminal, for a program to have as its standard input and output.
    pub slave: OwnedFd,
}

/// Opens a pseudo-terminal. Both descriptors are closed on exec and block; neither becomes the process's controlling terminal.
///
/// ```
/// use ringmq_platform::pty;
/// use std::{fs::File, io::{Read, Write}};
///
/// # fn main() -> std::io::Result<()> {
/// let pty = pty::open()?;
/// let (mut screen, mut program) = (File::from(pty.master), File::from(pty.slave));
/// program.write_all(b"hello\n")?;
/// let mut shown = [0; 7];
/// screen.read_exact(&mut shown)?;
/// assert_eq!(&shown, b"hello\r\n"); // a terminal has its own ideas of a line's end
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `openpty(3)` says: `ENOENT` when no pseudo-terminal is left or there is no `/dev/pts`, `EMFILE`, `ENFILE`.
///
/// # Platform notes
/// `openpty` cannot be told to close on exec. A thread that forks between that call and the next hands the descriptors on.
///
/// macOS polls terminals with `select` and, in part, `poll`, and has refused `/dev/tty` to `kqueue` (`EINVAL`); which of it holds for
/// both sides of a pseudo-terminal has not been seen.
pub fn open() -> io::Result<Pty> {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: the first two pointers are to integers; the others may be null, for no name and the defaults.
    let result =
        unsafe { libc::openpty(&mut master, &mut slave, ptr::null_mut(), ptr::null_mut(), ptr::null_mut()) };
    sys::check(result)?;
    // SAFETY: openpty has just opened both, and nobody else knows of them.
    let pty = unsafe { Pty { master: OwnedFd::from_raw_fd(master), slave: OwnedFd::from_raw_fd(slave) } };
    for side in [&pty.master, &pty.slave] {
        sys::add_flag(side.as_fd(), libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
    }
    Ok(pty)
}
