//! What a mechanism itself says of a descriptor when it is asked about everything: the raw material that pollers make events of.

use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd};

use crate::sys::check;
use crate::Backend;

/// Asks a mechanism about a descriptor, past every poller, and writes down its answer in the mechanism's own words: `IN OUT RDHUP`
/// (`epoll(7)`, `poll(2)`), `read write except` (`select(2)`), `READ WRITE+EOF` (`kqueue(2)`), or `-` for silence. A mechanism that
/// refuses the descriptor is quoted with its error.
///
/// ```
/// use ringmq_platform::{conformance::raw_report, Backend};
/// use std::os::unix::{io::AsFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let (near, _far) = UnixStream::pair()?;
/// assert_eq!(raw_report(Backend::Poll, near.as_fd())?, "OUT");
/// assert_eq!(raw_report(Backend::Select, near.as_fd())?, "write");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `Unsupported` when this system lacks the mechanism; `InvalidInput` for select and a number beyond its sets (`FD_SETSIZE`); else
/// what the kernel says when the mechanism itself cannot be used (`EMFILE`).
pub fn raw_report(backend: Backend, fd: BorrowedFd<'_>) -> io::Result<String> {
    let words = match backend {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Backend::Epoll => epoll(fd)?,
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Backend::Epoll => return Err(crate::BackendError::Absent(backend).into()),
        Backend::Kqueue => kqueue(fd)?,
        Backend::Poll => poll(fd)?,
        Backend::Select => select(fd)?,
    };
    Ok(if words.is_empty() { "-".to_owned() } else { words.join(" ") })
}

/// The names of the bits that are set.
fn named<T: Copy + Into<i64>>(found: T, names: &[(T, &str)]) -> Vec<String> {
    let is_set = |bit: T| found.into() & bit.into() != 0;
    names.iter().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| (*name).to_owned()).collect()
}

/// The short name of an error that a mechanism refuses a descriptor with.
pub(crate) fn refusal(error: &io::Error) -> String {
    let names = [
        (libc::EBADF, "EBADF"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENODEV, "ENODEV"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::EPERM, "EPERM"),
        (libc::EPIPE, "EPIPE"),
    ];
    let known = names.iter().find(|(errno, _)| error.raw_os_error() == Some(*errno));
    known.map_or_else(|| format!("({error})"), |(_, name)| (*name).to_owned())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn epoll(fd: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    use std::os::unix::io::{FromRawFd, OwnedFd};
    let names = [
        (libc::EPOLLIN, "IN"),
        (libc::EPOLLPRI, "PRI"),
        (libc::EPOLLOUT, "OUT"),
        (libc::EPOLLERR, "ERR"),
        (libc::EPOLLHUP, "HUP"),
        (libc::EPOLLRDHUP, "RDHUP"),
    ];
    // SAFETY: takes no pointer.
    let set = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    let set = unsafe { OwnedFd::from_raw_fd(set) };
    let everything = libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLOUT | libc::EPOLLRDHUP;
    let mut event = libc::epoll_event { events: everything as u32, u64: 0 };
    // SAFETY: `event` lives through the call, and the kernel copies it.
    let added =
        check(unsafe { libc::epoll_ctl(set.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event) });
    if let Err(error) = added {
        return Ok(vec![refusal(&error)]);
    }
    // SAFETY: the pointer is to one event, which is the room that the call is told of.
    let count = check(unsafe { libc::epoll_wait(set.as_raw_fd(), &mut event, 1, 0) })?;
    Ok(if count == 0 { Vec::new() } else { named(event.events as i32, &names) })
}

fn poll(fd: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let names = [
        (libc::POLLIN, "IN"),
        (libc::POLLPRI, "PRI"),
        (libc::POLLOUT, "OUT"),
        (libc::POLLERR, "ERR"),
        (libc::POLLHUP, "HUP"),
        (libc::POLLNVAL, "NVAL"),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        (libc::POLLRDHUP, "RDHUP"),
    ];
    let everything = libc::POLLIN | libc::POLLPRI | libc::POLLOUT;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let everything = everything | libc::POLLRDHUP;
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: everything, revents: 0 };
    // SAFETY: the pointer is to one entry, which is the number that the call is told of.
    check(unsafe { libc::poll(&mut entry, 1, 0) })?;
    Ok(named(entry.revents, &names))
}

fn select(fd: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let number = fd.as_raw_fd();
    if number as usize >= libc::FD_SETSIZE {
        let message = format!("descriptor {number} is beyond select's sets of {}", libc::FD_SETSIZE);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // SAFETY: an fd_set is a bitmap, for which zero is a value.
    let mut sets: [libc::fd_set; 3] = unsafe { std::mem::zeroed() };
    for set in &mut sets {
        // SAFETY: the number fits the set, and the pointer is to a set.
        unsafe { libc::FD_SET(number, set) };
    }
    let mut at_once = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let [read, write, except] = &mut sets;
    // SAFETY: all four pointers live through the call, and the sets have room for the number.
    let result = check(unsafe { libc::select(number + 1, read, write, except, &mut at_once) });
    if let Err(error) = result {
        return Ok(vec![refusal(&error)]);
    }
    let mut words = Vec::new();
    for (set, name) in sets.iter().zip(["read", "write", "except"]) {
        // SAFETY: as above.
        if unsafe { libc::FD_ISSET(number, set) } {
            words.push(name.to_owned());
        }
    }
    Ok(words)
}

macro_rules! define_kqueue {
    ($is_here:meta) => {
        #[cfg($is_here)]
        use crate::kqueue::raw_report as kqueue;

        #[cfg(not($is_here))]
        fn kqueue(_: BorrowedFd<'_>) -> io::Result<Vec<String>> {
            Err(crate::BackendError::Absent(Backend::Kqueue).into())
        }
    };
}

crate::where_kqueue_is!(define_kqueue! {});
