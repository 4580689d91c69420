//! `O_NONBLOCK` on an open file that others share.

use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd};

use crate::lock::Lock;
use crate::{signal, sys};

/// `O_NONBLOCK`, kept on an open file until it is dropped, and then as it was before.
///
/// The flag is one of the *open file*, which `dup(2)` and `fork(2)` share: that of a terminal is the shell's too, and the same for the
/// standard input and output of a program. So it is taken back as soon as nobody in this process wants it any more, and only if it was
/// not there before.
///
/// It has to be dropped before the descriptor is closed; else the flag stays.
///
/// Another process that shares the open file may take the flag away at any time, as one of these in it does, and any program may that
/// sets the flags as it likes. A read or write here may block then; there is no way to keep the flag, nor to be told.
///
/// SIGPIPE is ignored from then on, if nobody has said what is to be done with it: else a write to a pipe that nobody reads would end the
/// process. Rust's runtime does so at the start of a program; one whose `main` is not Rust's has the system's default.
///
/// ```
/// use ringmq_platform::descriptor::{self, NonBlocking};
/// use std::{io::ErrorKind, os::unix::{io::AsFd, net::UnixStream}};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, _far) = UnixStream::pair()?;
/// let flag = NonBlocking::set(near.as_fd())?;
/// let error = descriptor::read(near.as_fd(), &mut [0; 8]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::WouldBlock);
/// drop(flag); // a read would block again
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NonBlocking {
    fd: i32,
    pid: u32,
    file: [u64; 4],
}

/// A descriptor that is to be non-blocking.
struct Member {
    fd: i32,
    pid: u32,
    /// Two descriptors of one open file are of one file; that two of one file share the open file too is found out when it matters.
    file: [u64; 4],
    /// Whether the flag goes when this member does, if no other shares its open file.
    restores: bool,
}

/// In a fork's child they are of another process, and none is looked at: that they may be lost there does no harm.
static MEMBERS: Lock<Vec<Member>> = Lock::new(Vec::new());

impl NonBlocking {
    /// Sets the flag; `None` for a regular file and a disk, whose reads and writes it does not change.
    ///
    /// # Errors
    /// `EISDIR` for a directory, which is not read as a stream of bytes; else what `fcntl(2)` and `fstat(2)` say.
    pub fn set(fd: BorrowedFd<'_>) -> io::Result<Option<NonBlocking>> {
        let fd = fd.as_raw_fd();
        match sys::kind(fd)? {
            libc::S_IFDIR => return Err(io::Error::from_raw_os_error(libc::EISDIR)),
            libc::S_IFREG | libc::S_IFBLK => return Ok(None),
            _ => {}
        }
        signal::ignore_sigpipe()?;
        let (file, pid) = (sys::file_of(fd)?, std::process::id());
        let mut members = MEMBERS.lock();
        // Of who was closed under this number, or is a fork's parent's, nobody asks any more.
        members.retain(|member| member.pid == pid && (member.fd != fd || member.file == file));
        let restores = sys::change_flag(fd, libc::O_NONBLOCK, true)?;
        members.push(Member { fd, pid, file, restores });
        Ok(Some(NonBlocking { fd, pid, file }))
    }
}

impl Drop for NonBlocking {
    fn drop(&mut self) {
        // In a child of fork(2) the file is its parent's, which still wants the flag.
        if self.pid != std::process::id() {
            return;
        }
        let mut members = MEMBERS.lock();
        let is_own = |member: &Member| (member.fd, member.pid, member.file) == (self.fd, self.pid, self.file);
        let restores = match members.iter().position(is_own) {
            Some(place) => members.swap_remove(place).restores,
            None => false,
        };
        // A number that was closed too early may be another file's by now.
        if !restores || !is_still(self.fd, self.file) {
            return;
        }
        members.retain(|member| member.file != self.file || is_still(member.fd, member.file));
        for other in members.iter_mut().filter(|other| other.pid == self.pid && other.file == self.file) {
            match share_open_file(self.fd, other.fd) {
                Ok(false) => {}
                // Never without the flag, not for a moment, in which another thread's read might begin to block.
                Ok(true) => {
                    other.restores = true;
                    return;
                }
                // What cannot be known is left as it is: a flag too many does less harm than one too few.
                Err(_) => return,
            }
        }
        // What cannot be taken back stays: there is nobody to be told.
        let _ = sys::change_flag(self.fd, libc::O_NONBLOCK, false);
    }
}

fn is_still(fd: i32, file: [u64; 4]) -> bool {
    sys::file_of(fd).map_or(false, |found| found == file)
}

/// Whether two descriptors of one file are of one open file, so that a flag set by way of the one is seen by way of the other. It is tried
/// with one that means nothing for what has no place to write at: pipes, sockets, terminals and other devices.
fn share_open_file(one: i32, other: i32) -> io::Result<bool> {
    if one == other {
        return Ok(true);
    }
    let before = appends(other)?;
    let was_set = appends(one)?;
    sys::change_flag(one, libc::O_APPEND, !was_set)?;
    let after = appends(other);
    sys::change_flag(one, libc::O_APPEND, was_set)?;
    Ok(after? != before)
}

fn appends(fd: i32) -> io::Result<bool> {
    // SAFETY: F_GETFL takes no pointer and only looks.
    let flags = sys::check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    Ok(flags & libc::O_APPEND != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::io::{AsFd, FromRawFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};

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

    /// One thread's loop comes and goes while another's reads: were the flag gone for a moment, a read might block for ever.
    #[test]
    fn the_flag_is_never_gone_while_somebody_wants_it() {
        let (first, _peer) = UnixStream::pair().unwrap();
        let second = first.try_clone().unwrap();
        // Held for longer than anybody looks.
        let mut held = NonBlocking::set(first.as_fd()).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1000 {
                    for descriptor in [&second, &first] {
                        let next = NonBlocking::set(descriptor.as_fd()).unwrap();
                        drop(std::mem::replace(&mut held, next));
                    }
                }
                is_over.store(true, Ordering::SeqCst);
            });
            while !is_over.load(Ordering::SeqCst) {
                assert!(is_nonblocking(second.as_fd()));
            }
        });
    }

    #[test]
    fn whether_two_descriptors_share_the_open_file_is_found_without_a_trace() {
        let (socket, _peer) = UnixStream::pair().unwrap();
        let pty = crate::pty::open().unwrap();
        let null = || File::open("/dev/null").unwrap();
        let shared: [OwnedFd; 3] = [socket.into(), pty.slave, null().into()];
        for fd in &shared {
            let other = fd.try_clone().unwrap();
            let numbers = (fd.as_raw_fd(), other.as_raw_fd());
            assert!(share_open_file(numbers.0, numbers.1).unwrap());
            assert!(!appends(numbers.0).unwrap());
            sys::change_flag(numbers.0, libc::O_APPEND, true).unwrap();
            assert!(share_open_file(numbers.0, numbers.1).unwrap());
            assert!(appends(numbers.0).unwrap());
        }
        assert!(!share_open_file(null().as_raw_fd(), shared[2].as_raw_fd()).unwrap());
    }

    /// It should have been dropped before; but what has its number since is not to suffer.
    #[test]
    fn what_has_the_number_of_one_that_was_closed_too_early_is_left_alone() {
        // A number that no other test is given meanwhile.
        let place = 900;
        let put = |fd: BorrowedFd<'_>| {
            // SAFETY: takes no pointer; the number is this test's own.
            assert_eq!(unsafe { libc::dup2(fd.as_raw_fd(), place) }, place);
        };
        let (early, late) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        put(early.0.as_fd());
        // SAFETY: it was just opened, and what is put there later is open as well, until this is dropped.
        let number = unsafe { OwnedFd::from_raw_fd(place) };
        let stale = NonBlocking::set(number.as_fd()).unwrap();
        let wanted = NonBlocking::set(early.0.as_fd()).unwrap();
        late.0.set_nonblocking(true).unwrap();
        put(late.0.as_fd());
        drop(stale);
        assert!(is_nonblocking(number.as_fd()));
        let other = NonBlocking::set(number.as_fd()).unwrap();
        drop(wanted);
        drop(other);
        assert!(is_nonblocking(number.as_fd()));
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
