//! Waiting for a single socket, by a thread that has nothing else to do.

use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Waits until there is something to be read from a socket, or to be told of its end, `within` this time at the longest; answers whether
/// there is. For a thread that waits for one socket now and then, which a [`Poller`](crate::Poller) would have to be told of each time.
///
/// ```
/// use ringmq_platform::net;
/// use std::os::unix::{io::AsFd, net::UnixStream};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let (near, far) = UnixStream::pair()?;
/// assert!(!net::wait_readable(far.as_fd(), Duration::from_millis(1)));
/// net::send(near.as_fd(), b"hello")?;
/// assert!(net::wait_readable(far.as_fd(), Duration::MAX));
/// # Ok(())
/// # }
/// ```
///
/// A wait that a signal interrupts, or that the system refuses for want of memory, ends early, with `false`.
///
/// # Platform notes
/// It is `poll(2)`, which counts in milliseconds: the time is rounded up to the next, and is 24 days at the longest.
pub fn wait_readable(socket: BorrowedFd<'_>, within: Duration) -> bool {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the pointer is to one `pollfd`, which lives through the call.
    unsafe { libc::poll(&mut poll, 1, milliseconds(within)) == 1 }
}

/// Rounded up: who waits is not to look again before its time is over.
fn milliseconds(time: Duration) -> c_int {
    let up = time.as_nanos().saturating_add(999_999) / 1_000_000;
    c_int::try_from(up).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::io::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    #[test]
    fn times_are_rounded_up_and_the_longest_is_what_poll_can_count() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_micros(1000)), 1);
        assert_eq!(milliseconds(Duration::from_micros(1001)), 2);
        assert_eq!(milliseconds(Duration::MAX), c_int::MAX);
    }

    #[test]
    fn a_wait_for_nothing_ends_not_before_its_time_and_the_end_of_the_peer_ends_it() {
        let (near, far) = UnixStream::pair().unwrap();
        let (began, within) = (Instant::now(), Duration::from_micros(2500));
        assert!(!wait_readable(far.as_fd(), within));
        assert!(began.elapsed() >= within);
        drop(near);
        assert!(wait_readable(far.as_fd(), Duration::MAX));
    }
}
