//! Waiting for several blocking sockets at once.

use std::fmt;
use std::io;
use std::os::unix::io::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::BlockingSocket;
use crate::platform::{Backend, Events, Interest, Token, Trigger, WakeReceiver, Waker};

/// Several sockets, of which one wants to know which can be read from or written to without waiting.
///
/// Its [descriptor](Self::as_fd) is readable exactly as long as one of them can: so another loop can wait for it, level-triggered.
///
/// ```
/// use ringmq::mq::{IoThread, PollSet, SocketType};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let io = IoThread::new()?;
/// let pulls = [io.socket(SocketType::Pull)?, io.socket(SocketType::Pull)?];
/// let push = io.socket(SocketType::Push)?;
/// let addresses = [pulls[0].bind("tcp://127.0.0.1:*")?, pulls[1].bind("tcp://127.0.0.1:*")?];
///
/// let mut set = PollSet::new()?;
/// for pull in &pulls {
///     set.add_to_recv(pull);
/// }
/// assert!(set.wait(Some(Duration::ZERO))?.is_empty());
///
/// push.connect(&addresses[1].to_string())?;
/// push.send("news").map_err(std::io::Error::from)?;
/// assert_eq!(set.wait(None)?, [1], "the second that was added");
/// # Ok(())
/// # }
/// ```
pub struct PollSet {
    watch: Arc<Watch>,
    sockets: Vec<Arc<Shared>>,
    /// What becomes readable, under a number of its own.
    fd: OwnedFd,
}

/// What a set knows of its sockets: told by them whenever it changes.
#[derive(Debug)]
pub(super) struct Watch {
    ready: Mutex<Ready>,
}

#[derive(Debug)]
struct Ready {
    members: Vec<Member>,
    count: usize,
    waker: Waker,
    receiver: WakeReceiver,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    wants_recv: bool,
    is_ready: bool,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A member can be read from, or written to, or not.
    pub fn note(&self, at: usize, is_readable: bool, is_writable: bool) {
        let mut ready = self.lock();
        let member = &mut ready.members[at];
        let is_ready = if member.wants_recv { is_readable } else { is_writable };
        if is_ready == member.is_ready {
            return;
        }
        member.is_ready = is_ready;
        if is_ready {
            ready.count += 1;
            if ready.count == 1 {
                ready.waker.wake();
            }
        } else {
            ready.count -= 1;
            if ready.count == 0 {
                ready.receiver.drain();
            }
        }
    }
}

impl PollSet {
    /// A set of no sockets.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub fn new() -> io::Result<PollSet> {
        let (waker, receiver) = Waker::new()?;
        let fd = receiver.as_fd().try_clone_to_owned()?;
        let ready = Ready { members: Vec::new(), count: 0, waker, receiver };
        Ok(PollSet { watch: Arc::new(Watch { ready: Mutex::new(ready) }), sockets: Vec::new(), fd })
    }

    /// Adds a socket to be received from, and answers with its number: the first has 0. A socket that is closed counts as ready, so that
    /// it is noticed.
    pub fn add_to_recv(&mut self, socket: &BlockingSocket) -> usize {
        self.add(socket, true)
    }

    /// Adds a socket to be sent with.
    pub fn add_to_send(&mut self, socket: &BlockingSocket) -> usize {
        self.add(socket, false)
    }

    fn add(&mut self, socket: &BlockingSocket, wants_recv: bool) -> usize {
        let at = self.sockets.len();
        self.watch.lock().members.push(Member { wants_recv, is_ready: false });
        socket.shared().watch(&self.watch, at);
        self.sockets.push(Arc::clone(socket.shared()));
        at
    }

    /// The numbers of those that are ready now.
    pub fn ready(&self) -> Vec<usize> {
        let ready = self.watch.lock();
        (0..ready.members.len()).filter(|&at| ready.members[at].is_ready).collect()
    }

    /// Waits until one is ready, `within` this time at the longest, and answers with the numbers of all that are.
    ///
    /// # Errors
    /// What opening the system's default poller says: `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn wait(&self, within: Option<Duration>) -> io::Result<Vec<usize>> {
        let deadline = within.and_then(|within| Instant::now().checked_add(within));
        let mut ready = self.ready();
        if !ready.is_empty() || within == Some(Duration::ZERO) {
            return Ok(ready);
        }
        let mut poller = Backend::default().open()?;
        poller.add(self.as_fd(), Token(0), Interest::READABLE, Trigger::Level)?;
        let mut events = Events::with_capacity(1);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            poller.wait(&mut events, left)?;
            ready = self.ready();
            if !ready.is_empty() || left == Some(Duration::ZERO) {
                return Ok(ready);
            }
        }
    }
}

impl AsFd for PollSet {
    /// Readable as long as one of the sockets is ready. Nobody is to read from it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for PollSet {
    fn drop(&mut self) {
        for socket in &self.sockets {
            socket.unwatch(&self.watch);
        }
    }
}

impl fmt::Debug for PollSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollSet").field("sockets", &self.sockets.len()).field("ready", &self.ready()).finish()
    }
}
