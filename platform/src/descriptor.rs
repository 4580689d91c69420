//! Input and output on descriptors of any kind: pipes, FIFOs, terminals, devices, files.

use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{signal, sys};

/// Reads as `read(2)` does.
///
/// # Errors
/// What `read(2)` says, with one exception: the end of a pseudo-terminal.
///
/// # Platform notes
/// Once nobody has the other side of a pseudo-terminal open, its master answers `EIO` on Linux (`pty_read` and `n_tty_read` of the
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
/// # Errors
/// What `write(2)` says.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of `bytes`, and the descriptor is open for as long as it is borrowed.
    let len = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

/// Whether it is for want of room in the kernel that a write was refused, or a datagram: `EAGAIN`, and `ENOBUFS`, which the BSDs and macOS
/// answer where the queue of a network interface or of a UNIX socket is full (`send(2)`).
pub fn is_out_of_room(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Whether it was opened for writing only. Where a pipe goes both ways (FreeBSD, illumos: `pipe(2)`) neither of its ends was.
///
/// # Errors
/// What `fcntl(2)` says.
pub fn is_write_only(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: F_GETFL takes no pointer and only looks.
    let flags = sys::check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_ACCMODE == libc::O_WRONLY)
}

/// Whether it is the end of a pipe or FIFO.
pub fn is_pipe(fd: BorrowedFd<'_>) -> bool {
    sys::is_pipe(fd.as_raw_fd())
}

/// Whether nobody has the other end of this pipe open any more: whatever were written to it would be refused (`EPIPE`).
///
/// # Platform notes
/// `poll(2)` says so without being asked: `POLLERR` on Linux, `POLLHUP` on the others.
pub fn is_abandoned(fd: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the pointer is to one `pollfd`, and a timeout of zero returns at once.
    let found = unsafe { libc::poll(&mut poll, 1, 0) };
    found == 1 && poll.revents & (libc::POLLERR | libc::POLLHUP) != 0
}

#[cfg(target_os = "linux")]
fn is_pty_master(fd: BorrowedFd<'_>) -> bool {
    let mut number: std::os::raw::c_uint = 0;
    // SAFETY: TIOCGPTN fills an unsigned integer, to which the pointer is (ioctl_tty(2)); what is no master refuses it.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGPTN as _, &mut number) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_pty_master(_: BorrowedFd<'_>) -> bool {
    false
}

/// `O_NONBLOCK`, kept on an open file until it is dropped, and then as it was before.
///
/// The flag is one of the *open file*, which `dup(2)` and `fork(2)` share: that of a terminal is the shell's too, and the same for the
/// standard input and output of a program. So it is taken back as soon as nobody in this process wants it any more, and only if it was
/// not there before.
///
/// It has to be dropped before the descriptor is closed.
///
/// SIGPIPE is ignored from then on, if nobody has said what is to be done with it: else a write to a pipe that nobody reads would end the
/// process. Rust's runtime does so at the start of a program; one whose `main` is not Rust's has the system's default.
#[derive(Debug)]
pub struct NonBlocking {
    fd: i32,
    pid: u32,
}

/// A descriptor that is to be non-blocking.
struct Member {
    fd: i32,
    pid: u32,
    /// Two descriptors of one open file are of one file; that two of one file share the open file too is found out when it matters.
    file: [u64; 4],
    /// Whether the flag goes when this member does.
    restores: bool,
}

static MEMBERS: Mutex<Vec<Member>> = Mutex::new(Vec::new());

impl NonBlocking {
    /// Sets the flag; `None` for a regular file, whose reads and writes it does not change.
    ///
    /// # Errors
    /// `EISDIR` for a directory, which is not read as a stream of bytes; else what `fcntl(2)` and `fstat(2)` say.
    pub fn set(fd: BorrowedFd<'_>) -> io::Result<Option<NonBlocking>> {
        let fd = fd.as_raw_fd();
        match sys::kind(fd)? {
            libc::S_IFDIR => return Err(io::Error::from_raw_os_error(libc::EISDIR)),
            libc::S_IFREG => return Ok(None),
            _ => {}
        }
        signal::ignore_sigpipe()?;
        let (file, pid) = (sys::file_of(fd)?, std::process::id());
        let mut members = lock();
        let restores = sys::change_flag(fd, libc::O_NONBLOCK, true)?;
        members.push(Member { fd, pid, file, restores });
        Ok(Some(NonBlocking { fd, pid }))
    }
}

impl Drop for NonBlocking {
    fn drop(&mut self) {
        // In a child of fork(2) the file is its parent's, which still wants the flag; and another thread may have held the lock.
        if self.pid != std::process::id() {
            return;
        }
        let mut members = lock();
        let place = members.iter().position(|member| member.fd == self.fd && member.pid == self.pid);
        let gone = match place.map(|place| members.swap_remove(place)) {
            Some(gone) if gone.restores => gone,
            _ => return,
        };
        // What cannot be taken back stays: there is nobody to be told.
        let _ = sys::change_flag(self.fd, libc::O_NONBLOCK, false);
        for other in members.iter_mut().filter(|other| other.pid == gone.pid && other.file == gone.file) {
            // Who has lost it by that shares the open file, and takes over.
            if matches!(sys::change_flag(other.fd, libc::O_NONBLOCK, true), Ok(true)) {
                other.restores = true;
                return;
            }
        }
    }
}

fn lock() -> MutexGuard<'static, Vec<Member>> {
    // No code of others runs while it is locked, so it is whole in any case.
    MEMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}
#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::io::AsFd;
    use std::os::unix::net::UnixStream;

    fn is_nonblocking(fd: BorrowedFd<'_>) -> bool {
        // SAFETY: F_GETFL takes no pointer and only looks.
        let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
        flags & libc::O_NONBLOCK != 0
    }

    #[test]
    fn the_flag_is_there_for_as_long_as_anybody_of_one_open_file_wants_it() {
        let (first, _peer) = UnixStream::pair().unwrap();
        let second = first.try_clone().unwrap();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let wants = || NonBlocking::set(first.as_fd()).unwrap();
            let mut wanted = [wants(), NonBlocking::set(second.as_fd()).unwrap(), None];
            for place in order {
                let is_wanted = wanted.iter().any(Option::is_some);
                assert_eq!(is_nonblocking(second.as_fd()), is_wanted);
                wanted[place] = None;
            }
            assert!(!is_nonblocking(first.as_fd()));
        }
    }

    #[test]
    fn a_flag_that_was_there_before_stays() {
        let (socket, _peer) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        drop(NonBlocking::set(socket.as_fd()).unwrap());
        assert!(is_nonblocking(socket.as_fd()));
    }

    /// The same device, opened twice: the flag of one is no matter of the other.
    #[test]
    fn two_open_files_of_one_device_do_not_disturb_each_other() {
        let (first, second) = (File::open("/dev/null").unwrap(), File::open("/dev/null").unwrap());
        let (one, two) =
            (NonBlocking::set(first.as_fd()).unwrap(), NonBlocking::set(second.as_fd()).unwrap());
        drop(one);
        assert!(!is_nonblocking(first.as_fd()) && is_nonblocking(second.as_fd()));
        drop(two);
        assert!(!is_nonblocking(second.as_fd()));
    }

    #[test]
    fn a_file_is_left_alone_and_a_directory_refused() {
        let file = File::open(file!().trim_start_matches("platform/")).unwrap();
        assert!(NonBlocking::set(file.as_fd()).unwrap().is_none() && !is_nonblocking(file.as_fd()));
        let directory = File::open(".").unwrap();
        let error = NonBlocking::set(directory.as_fd()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EISDIR));
    }
}
