//! Small wrappers for system calls that more than one module makes, and the few declarations that `libc` has not.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Turns the -1 of a system call into its `errno`.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Whether the system has refused something for want of descriptors, memory or room (`EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS`, `ENOSPC`),
/// so that the same may go well later.
///
/// ```
/// use std::io::{Error, ErrorKind};
/// assert!(ringmq_platform::is_shortage(&ErrorKind::OutOfMemory.into()));
/// assert!(!ringmq_platform::is_shortage(&ErrorKind::PermissionDenied.into()));
/// ```
pub fn is_shortage(error: &io::Error) -> bool {
    let errnos = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS, libc::ENOSPC];
    match error.raw_os_error() {
        Some(errno) => errnos.contains(&errno),
        None => error.kind() == io::ErrorKind::OutOfMemory,
    }
}

/// Sets a descriptor flag or a status flag (`F_GETFD`/`F_SETFD` or `F_GETFL`/`F_SETFL`), where that cannot be done while the descriptor
/// is opened.
pub(crate) fn add_flag(fd: BorrowedFd<'_>, get: c_int, set: c_int, flag: c_int) -> io::Result<()> {
    // SAFETY: these commands of fcntl take no pointer, and the descriptor is open for as long as it is borrowed.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), get) })?;
    if flags & flag == 0 {
        // SAFETY: as above.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), set, flags | flag) })?;
    }
    Ok(())
}

/// Sets or clears a status flag of an open file, where it is not so already; answers whether it was changed.
pub(crate) fn change_flag(fd: RawFd, flag: c_int, is_on: bool) -> io::Result<bool> {
    // SAFETY: these commands of fcntl take no pointer; a number that is not open is answered with EBADF.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    let wanted = if is_on { flags | flag } else { flags & !flag };
    if wanted != flags {
        // SAFETY: as above.
        check(unsafe { libc::fcntl(fd, libc::F_SETFL, wanted) })?;
    }
    Ok(wanted != flags)
}

/// Whether the number is open at all.
pub(crate) fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD takes no pointer and only looks; a number that is not open is answered with EBADF.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Refuses what a mechanism that does not refuse it by itself cannot wait for: files and directories, and mere paths. A closed descriptor
/// is `EBADF`.
pub(crate) fn check_pollable(fd: RawFd) -> io::Result<()> {
    check_no_file(fd)?;
    check_more_than_a_path(fd)
}

/// Refuses regular files and directories, by their kind: poll and select call them always ready, kqueue watches them for something else,
/// and epoll refuses those whose driver cannot be polled, which of files in `/proc`, `/sys` and FUSE differs from one to the next. A
/// closed descriptor is `EBADF`.
pub(crate) fn check_no_file(fd: RawFd) -> io::Result<()> {
    match kind(fd)? {
        libc::S_IFREG => Err(not_pollable(fd, " is a regular file, which cannot be waited for")),
        libc::S_IFDIR => Err(not_pollable(fd, " is a directory, which cannot be waited for")),
        _ => Ok(()),
    }
}

/// What kind of file the number names, of those that `S_IFMT` tells apart.
pub(crate) fn kind(fd: RawFd) -> io::Result<libc::mode_t> {
    Ok(stat(fd)?.st_mode & libc::S_IFMT)
}

/// Whether the number names a pipe or a FIFO.
pub(crate) fn is_pipe(fd: RawFd) -> bool {
    kind(fd).map_or(false, |kind| kind == libc::S_IFIFO)
}

/// Which file the number names: the same for the same file, and another for another. NetBSD and OpenBSD give no pipe a number (their
/// `pipe_stat`); two that were made within one tick of the clock are the same to us there.
#[allow(clippy::unnecessary_cast)] // the widths differ by system
pub(crate) fn file_of(fd: RawFd) -> io::Result<[u64; 4]> {
    let stat = stat(fd)?;
    let kind = (stat.st_mode & libc::S_IFMT) as u64;
    if stat.st_ino != 0 {
        return Ok([kind, stat.st_dev as u64, stat.st_ino as u64, 0]);
    }
    #[cfg(not(target_os = "netbsd"))]
    let nanoseconds = stat.st_ctime_nsec;
    #[cfg(target_os = "netbsd")]
    let nanoseconds = stat.st_ctimensec;
    // A pipe's, which nothing changes there after it was made.
    Ok([kind, 0, stat.st_ctime as u64, nanoseconds as u64])
}

/// Whether the file has a number, by which it is told from every other.
#[cfg(feature = "conformance")]
pub(crate) fn has_file_number(fd: RawFd) -> io::Result<bool> {
    Ok(stat(fd)?.st_ino != 0)
}

fn stat(fd: RawFd) -> io::Result<libc::stat> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the pointer is to memory of the size and alignment of a `stat`, which the kernel fills when it answers with 0.
    check(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
    // SAFETY: fstat succeeded, so all of it is initialised.
    Ok(unsafe { stat.assume_init() })
}

/// A descriptor of a path only (`O_PATH`, open(2)) opens nothing, so any use of it is `EBADF`. poll answers it with "not open" at each
/// wait and select with "ready"; epoll refuses it by itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn check_more_than_a_path(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFL takes no pointer and only looks.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    if flags & libc::O_PATH == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn check_more_than_a_path(_: RawFd) -> io::Result<()> {
    Ok(())
}

/// The error for a descriptor that is always ready, or whose kernel part cannot be polled.
pub(crate) fn not_pollable(fd: RawFd, why: &'static str) -> io::Error {
    refused(io::ErrorKind::Unsupported, fd, why)
}

/// The error for a descriptor that something cannot be done with.
pub(crate) fn refused(kind: io::ErrorKind, fd: RawFd, why: &'static str) -> io::Error {
    io::Error::new(kind, Numbered { before: "descriptor ", number: fd, after: why })
}

/// A text with a number in it, as an error. It is put together by who prints it: to do so beforehand would be half a KiB of every program.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub before: &'static str,
    pub number: c_int,
    pub after: &'static str,
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.before, self.number, self.after)
    }
}

impl Error for Numbered {}

/// The error for a trigger that a backend lacks.
pub(crate) fn no_edge(backend: crate::Backend) -> io::Error {
    let message = format!("{backend} has no edge trigger: use level or one-shot");
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// A duration as the kernel takes it. At most a day long here, so that it fits every width of `time_t`.
pub(crate) fn timespec(duration: Duration) -> libc::timespec {
    // SAFETY: a timespec is plain integers (some systems pad it), for which zero is a value.
    let mut spec: libc::timespec = unsafe { std::mem::zeroed() };
    spec.tv_sec = duration.as_secs() as _;
    spec.tv_nsec = duration.subsec_nanos() as _;
    spec
}

/// A pointer to the timespec, or null, which every wait takes for "as long as it takes".
pub(crate) fn timespec_ptr(spec: &Option<libc::timespec>) -> *const libc::timespec {
    spec.as_ref().map_or(std::ptr::null(), |spec| spec as *const _)
}

/// Milliseconds for the calls that know nothing finer, rounded up so that they are never early; -1 is "as long as it takes".
pub(crate) fn milliseconds(timeout: Option<Duration>) -> c_int {
    match timeout {
        None => -1,
        Some(timeout) => {
            let rounded_up = (timeout.as_nanos() + 999_999) / 1_000_000;
            c_int::try_from(rounded_up).unwrap_or(c_int::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_up_and_clamped() {
        let table = [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_micros(999), 1),
            (Duration::from_millis(1), 1),
            (Duration::from_nanos(1_000_001), 2),
            (Duration::from_secs(25 * 24 * 3600), c_int::MAX),
            (Duration::MAX, c_int::MAX),
        ];
        for (timeout, expected) in table {
            assert_eq!(milliseconds(Some(timeout)), expected, "{timeout:?}");
        }
        assert_eq!(milliseconds(None), -1);
    }
}
