//! Input and output on descriptors of any kind: pipes, FIFOs, terminals, devices, files.

mod nonblocking;

use std::io::{self, IoSlice};
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd};

pub use self::nonblocking::NonBlocking;
use crate::sys;

/// Reads as `read(2)` does.
///
/// ```
/// use ringmq_platform::{descriptor, pty};
/// use std::os::unix::io::AsFd;
///
/// # fn main() -> std::io::Result<()> {
/// let pty = pty::open()?;
/// drop(pty.slave);
/// let mut bytes = [0; 16];
/// assert_eq!(descriptor::read(pty.master.as_fd(), &mut bytes)?, 0); // its end, on Linux too
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `read(2)` says, with one exception: the end of a pseudo-terminal.
///
/// # Platform notes
/// Once nobody has the other side of a pseudo-terminal open, its master answers `EIO` on Linux and Android (`pty_read` and `n_tty_read` of the
/// kernel) and 0 elsewhere. Here it is 0 everywhere: an end, and no error.
pub fn read(fd: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of `bytes`, and the descriptor is open for as long as it is borrowed.
    let len = unsafe { libc::read(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    match usize::try_from(len) {
        Ok(len) => Ok(len),
        Err(_) => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EIO) && is_pty_master(fd) => Ok(0),
            error => Err(error),
        },
    }
}

/// Writes as `write(2)` does. On a pipe that nobody reads that raises SIGPIPE too, which Rust's programs ignore from their start.
///
/// ```
/// use ringmq_platform::descriptor;
/// use std::{fs::File, os::unix::io::AsFd};
///
/// # fn main() -> std::io::Result<()> {
/// let null = File::create("/dev/null")?;
/// assert_eq!(descriptor::write(null.as_fd(), b"hello")?, 5);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `write(2)` says.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of `bytes`, and the descriptor is open for as long as it is borrowed.
    let len = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// As [`write()`], of several pieces in one call (`writev(2)`): in order, and as many of their bytes as there is room for.
///
/// ```
/// use ringmq_platform::descriptor;
/// use std::{fs::File, io::IoSlice, os::unix::io::AsFd};
///
/// # fn main() -> std::io::Result<()> {
/// let null = File::create("/dev/null")?;
/// assert_eq!(descriptor::write_vectored(null.as_fd(), &[IoSlice::new(b"hello"), IoSlice::new(b", you")])?, 10);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `writev(2)` says. More than 1024 pieces are `InvalidInput`, and nothing is written: Linux, the BSDs and macOS take no more
/// (`IOV_MAX`).
pub fn write_vectored(fd: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = check_count(pieces)?;
    // SAFETY: `IoSlice` has the layout of `iovec` on UNIX systems, which its documentation promises; the call only reads the pieces, which
    // live through it, and the descriptor is open for as long as it is borrowed.
    let len = unsafe { libc::writev(fd.as_raw_fd(), pieces.as_ptr().cast(), count) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// How many pieces there are, if every system takes as many.
pub(crate) fn check_count(pieces: &[IoSlice<'_>]) -> io::Result<c_int> {
    const MAX: usize = 1024;
    if pieces.len() > MAX {
        let message = format!("expected at most {MAX} pieces to be written at once, found {}", pieces.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(pieces.len() as c_int)
}

/// Whether it is for want of room in the kernel that a write was refused, or a datagram: `EAGAIN`, and `ENOBUFS`, which the BSDs and macOS
/// answer where the queue of a network interface or of a UNIX socket is full (`send(2)`).
///
/// ```
/// use ringmq_platform::descriptor;
/// use std::io::{Error, ErrorKind};
///
/// assert!(descriptor::is_out_of_room(&Error::from(ErrorKind::WouldBlock)));
/// assert!(!descriptor::is_out_of_room(&Error::from(ErrorKind::BrokenPipe)));
/// ```
pub fn is_out_of_room(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Whether it was opened for writing only. Where a pipe goes both ways (FreeBSD, illumos: `pipe(2)`) neither of its ends was.
///
/// ```
/// use ringmq_platform::descriptor;
/// use std::{fs::File, os::unix::io::AsFd};
///
/// # fn main() -> std::io::Result<()> {
/// assert!(descriptor::is_write_only(File::create("/dev/null")?.as_fd())?);
/// assert!(!descriptor::is_write_only(File::open("/dev/null")?.as_fd())?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `fcntl(2)` says.
pub fn is_write_only(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: F_GETFL takes no pointer and only looks.
    let flags = sys::check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_ACCMODE == libc::O_WRONLY)
}

/// Whether it is the end of a pipe or FIFO.
///
/// ```
/// use ringmq_platform::descriptor;
/// use std::{fs::File, os::unix::io::AsFd, process::{Command, Stdio}};
///
/// # fn main() -> std::io::Result<()> {
/// let mut child = Command::new("true").stdout(Stdio::piped()).spawn()?;
/// assert!(descriptor::is_pipe(child.stdout.as_ref().expect("it was asked for").as_fd()));
/// assert!(!descriptor::is_pipe(File::open("/dev/null")?.as_fd()));
/// # child.wait()?;
/// # Ok(())
/// # }
/// ```
pub fn is_pipe(fd: BorrowedFd<'_>) -> bool {
    sys::is_pipe(fd.as_raw_fd())
}

/// Whether nobody has the other end of this pipe open any more: whatever were written to it would be refused (`EPIPE`).
///
/// ```
/// use ringmq_platform::descriptor;
/// use std::{os::unix::io::AsFd, process::{Command, Stdio}};
///
/// # fn main() -> std::io::Result<()> {
/// let mut reader = Command::new("cat").stdin(Stdio::piped()).spawn()?;
/// let pipe = reader.stdin.take().expect("it was asked for");
/// assert!(!descriptor::is_abandoned(pipe.as_fd()));
/// reader.kill()?;
/// reader.wait()?;
/// assert!(descriptor::is_abandoned(pipe.as_fd()));
/// # Ok(())
/// # }
/// ```
///
/// # Platform notes
/// `poll(2)` says so without being asked: `POLLERR` on Linux, `POLLHUP` on the others.
pub fn is_abandoned(fd: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the pointer is to one `pollfd`, and a timeout of zero returns at once.
    let found = unsafe { libc::poll(&mut poll, 1, 0) };
    found == 1 && poll.revents & (libc::POLLERR | libc::POLLHUP) != 0
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_pty_master(fd: BorrowedFd<'_>) -> bool {
    let mut number: std::os::raw::c_uint = 0;
    // SAFETY: TIOCGPTN fills an unsigned integer, to which the pointer is (ioctl_tty(2)); what is no master refuses it.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGPTN as _, &mut number) == 0 }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_pty_master(_: BorrowedFd<'_>) -> bool {
    false
}
