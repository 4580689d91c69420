//! Waking a poller from another thread: a descriptor that becomes readable, registered like any other source.
//!
//! No backend has code for it. On Linux it is an eventfd; elsewhere, and where Linux refuses that call, a pipe.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::io::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::sys;

/// Makes a [`WakeReceiver`] readable, from any thread.
///
/// Any number of wakes before the receiver drains are one wake. A clone wakes the same receiver.
///
/// ```
/// use ringmq_platform::{Backend, Events, Interest, Token, Trigger, Waker};
/// use std::os::unix::io::AsFd;
///
/// # fn main() -> std::io::Result<()> {
/// let (waker, mut receiver) = Waker::new()?;
/// let mut poller = Backend::default().open()?;
/// poller.add(receiver.as_fd(), Token(0), Interest::READABLE, Trigger::Level)?;
///
/// let other = std::thread::spawn(move || waker.wake());
/// let mut events = Events::with_capacity(8);
/// poller.wait(&mut events, None)?; // until the other thread wakes it
/// receiver.drain();
/// # other.join().unwrap();
/// # assert_eq!(events.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Waker {
    bell: Arc<Bell>,
}

/// The end that becomes readable. Register it, and [`drain`](Self::drain) it when it is.
#[derive(Debug)]
pub struct WakeReceiver {
    bell: Arc<Bell>,
}

/// What both ends share. The descriptors live as long as either, so a wake never writes to a number that has passed to another file,
/// nor to a pipe without a reader (which would raise SIGPIPE).
#[derive(Debug)]
struct Bell {
    write_end: File,
    /// The reading end of a pipe; an eventfd is read where it is written.
    read_end: Option<File>,
    /// Whether the receiver is readable already, or about to be: then a further wake has nothing to do.
    has_rung: AtomicBool,
}

impl Waker {
    /// Opens a pair.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    #[allow(clippy::new_ret_no_self)] // the pair is the thing made
    pub fn new() -> io::Result<(Waker, WakeReceiver)> {
        let (write_end, read_end) = open()?;
        let bell = Arc::new(Bell { write_end, read_end, has_rung: AtomicBool::new(false) });
        Ok((Waker { bell: Arc::clone(&bell) }, WakeReceiver { bell }))
    }

    /// Makes the receiver readable. Never blocks and never fails; after the receiver is gone it does nothing.
    ///
    /// Publish the work first, then wake.
    pub fn wake(&self) {
        // Signal handlers wake too, so nothing here may lock or allocate.
        if self.bell.has_rung.swap(true, Ordering::SeqCst) {
            return;
        }
        // Eight bytes, as an eventfd wants them. A full pipe (EAGAIN) is readable, which is all that was wanted. A signal may come
        // first (EINTR), and the bell has to ring all the same.
        let is_interrupted = |error: io::Error| error.kind() == io::ErrorKind::Interrupted;
        while (&self.bell.write_end).write(&1u64.to_ne_bytes()).map_or_else(is_interrupted, |_| false) {}
    }
}

impl WakeReceiver {
    /// Makes the receiver unreadable until the next wake, and answers whether there was one. Never blocks.
    ///
    /// Drain first, then look for work: whoever wakes after the drain makes the receiver readable again.
    pub fn drain(&mut self) -> bool {
        let mut was_woken = false;
        let mut buffer = [0; 64];
        let mut read_end = self.bell.read_end();
        loop {
            match read_end.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => {
                    was_woken = true;
                    // An eventfd is empty after one read; a pipe is when less came than there was room for.
                    if len < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.bell.has_rung.store(false, Ordering::SeqCst);
        was_woken
    }
}

impl AsFd for WakeReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.read_end().as_fd()
    }
}

impl Bell {
    fn read_end(&self) -> &File {
        self.read_end.as_ref().unwrap_or(&self.write_end)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open() -> io::Result<(File, Option<File>)> {
    // SAFETY: takes no pointer.
    let fd = match sys::check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }) {
        // A sandbox that does not know the call, or a kernel made without it (CONFIG_EVENTFD).
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => return open_pipe(),
        result => result?,
    };
    // SAFETY: the kernel has just opened it, and nobody else knows of it.
    Ok((File::from(unsafe { OwnedFd::from_raw_fd(fd) }), None))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open() -> io::Result<(File, Option<File>)> {
    open_pipe()
}

fn open_pipe() -> io::Result<(File, Option<File>)> {
    let mut fds = [-1; 2];
    // SAFETY: the pointer is to two integers, which the kernel fills when it answers with 0.
    sys::check(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
    // SAFETY: the kernel has just opened both, and nobody else knows of them.
    let [read_end, write_end] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    // Not pipe2: macOS has none.
    for end in [&read_end, &write_end] {
        sys::add_flag(end.as_fd(), libc::F_GETFD, libc::F_SETFD, libc::FD_CLOEXEC)?;
        sys::add_flag(end.as_fd(), libc::F_GETFL, libc::F_SETFL, libc::O_NONBLOCK)?;
    }
    Ok((File::from(write_end), Some(File::from(read_end))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send_and_sync<T: Send + Sync>() {}

    #[test]
    fn a_waker_may_be_used_from_any_thread() {
        is_send_and_sync::<Waker>();
        is_send_and_sync::<WakeReceiver>();
    }

    #[test]
    fn many_wakes_are_one() {
        let (waker, mut receiver) = Waker::new().expect("open a waker");
        for _ in 0..100_000 {
            waker.wake();
        }
        assert!(receiver.drain());
        assert!(!receiver.drain());
    }

    #[test]
    fn a_wake_after_the_receiver_is_gone_does_nothing() {
        let (waker, receiver) = Waker::new().expect("open a waker");
        drop(receiver);
        waker.wake();
        waker.clone().wake();
    }

    #[test]
    fn no_wake_is_lost_between_a_drain_and_the_next() {
        use std::sync::atomic::AtomicU64;
        const ROUNDS: u64 = 100_000;
        let (waker, mut receiver) = Waker::new().expect("open a waker");
        let published = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&published);
        let producer = std::thread::spawn(move || {
            for _ in 0..ROUNDS {
                counter.fetch_add(1, Ordering::SeqCst);
                waker.wake();
            }
        });
        let mut poller = crate::Backend::Poll.open().expect("open a poller");
        poller
            .add(receiver.as_fd(), crate::Token(0), crate::Interest::READABLE, crate::Trigger::Level)
            .expect("register the receiver");
        let mut events = crate::Events::with_capacity(1);
        // Were a wake lost, this would wait for ever, which the test runner reports.
        while published.load(Ordering::SeqCst) < ROUNDS {
            poller.wait(&mut events, None).expect("wait");
            receiver.drain();
        }
        producer.join().expect("the producer does not panic");
    }
}
