//! Sockets for threads that block: a loop on a thread of its own does the work.

mod answer;
mod borrowed;
mod busy_poll;
mod calls;
mod error;
mod framing;
mod line;
#[cfg(test)]
mod loans;
mod poll_set;
mod pump;
mod shared;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::answer::answer;
use self::calls::{Caller, Calls};
use self::pump::{Inlet, Pump};
use self::shared::{Shared, Wait};
use super::event::Event;
use super::{Endpoint, Message, Options, Socket, SocketType, WhenFull};
use crate::{Builder, Context, Gone, Id, Remote};

pub use self::error::{Handed, Refused, WaitError};
pub use self::poll_set::PollSet;

/// How many requests a REP is handed beside the one that it owes a reply to, so that it need not wait for the I/O thread between them. Few
/// enough that a peer which asks many things at once is not far ahead of the others.
const FURTHER: usize = 63;

/// A loop on a thread of its own, for sockets that block their callers.
///
/// ```
/// use ringmq::mq::{IoThread, SocketType};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let io = IoThread::new()?;
/// let rep = io.socket(SocketType::Rep)?;
/// let address = rep.bind("tcp://127.0.0.1:*")?.to_string();
/// let server = std::thread::spawn(move || -> std::io::Result<()> {
///     let request = rep.recv()?;
///     rep.send(request.into_vec().to_ascii_uppercase())?;
///     Ok(())
/// });
///
/// let req = io.socket(SocketType::Req)?;
/// req.connect(&address)?;
/// req.send("hello")?;
/// let reply = req.recv_timeout(Duration::from_secs(5))?;
/// assert_eq!(reply.into_vec(), b"HELLO");
/// server.join().unwrap()?;
/// assert_eq!(io.shutdown(Duration::from_secs(5))?, 0, "messages were lost");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IoThread {
    remote: Remote<Io>,
    thread: Option<JoinHandle<io::Result<u64>>>,
}

/// The state of the loop.
pub(crate) struct Io {
    calls: Arc<Calls>,
    sockets: HashMap<Id<Socket>, Open>,
    is_ending: bool,
    /// How many messages were lost by sockets that nobody waited for.
    lost: u64,
    /// How many batches of messages have been handed to sockets.
    handed: Rc<Cell<u64>>,
}

/// A socket that is open, and what the blocking side has of it.
struct Open {
    shared: Arc<Shared>,
    pump: Rc<RefCell<Pump>>,
}

/// However the loop has ended: nobody waits for it any more.
impl Drop for Open {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl IoThread {
    /// Starts a thread with a loop on the system's default backend, or the one that `RINGMQ_BACKEND` names.
    ///
    /// # Errors
    /// What making a loop and a thread says: `EMFILE`, `ENFILE`, `EAGAIN`; `InvalidInput` for a backend that is not there.
    pub fn new() -> io::Result<IoThread> {
        IoThread::with(Builder::new().memory(256 << 20))
    }

    /// The same with a loop of one's own making.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with(builder: Builder) -> io::Result<IoThread> {
        let (answerer, answer) = answer();
        let thread = thread::Builder::new().name("ringmq-io".to_string()).spawn(move || {
            let built = builder.build::<Io>().and_then(|mut reactor| {
                let calls = calls::attend(&mut reactor.context())?;
                Ok((reactor, calls))
            });
            let (mut reactor, calls) = match built {
                Ok(both) => both,
                Err(error) => {
                    answerer.give(Err(error));
                    return Ok(0);
                }
            };
            answerer.give(Ok(reactor.remote()));
            let mut io =
                Io { calls, sockets: HashMap::new(), is_ending: false, lost: 0, handed: Rc::default() };
            reactor.run(&mut io)?;
            // What was told to its peers should not be undone by the end of the process.
            reactor.drain(&mut io, Duration::from_millis(100))?;
            Ok(io.lost)
        })?;
        let remote = answer.wait().ok_or_else(|| gone(Gone))??;
        Ok(IoThread { remote, thread: Some(thread) })
    }

    /// Opens a socket.
    ///
    /// # Errors
    /// `EMFILE` and `ENFILE`; `NotConnected` when the thread has ended.
    pub fn socket(&self, socket_type: SocketType) -> io::Result<BlockingSocket> {
        self.socket_with(socket_type, Options::new())
    }

    /// The same with other options.
    ///
    /// # Errors
    /// As for [`socket`](Self::socket).
    pub fn socket_with(&self, socket_type: SocketType, options: Options) -> io::Result<BlockingSocket> {
        let (linger, when_full) = (options.linger, options.when_full);
        let (id, shared) = ask(&self.remote, move |io, context| {
            let slot: Rc<RefCell<Option<Rc<RefCell<Pump>>>>> = Rc::default();
            let pump_of = Rc::clone(&slot);
            // What was handed over is not dropped any more.
            let within = options.clone().when_full(WhenFull::Wait);
            let id = Socket::open_with(context, socket_type, within, move |_: &mut Io, context, id| {
                if let Some(pump) = pump_of.borrow().as_ref() {
                    pump.borrow_mut().run(context, id);
                }
            })?;
            let socket = context.get_mut(id).expect("it was just added");
            socket.receive_ahead(FURTHER);
            let caller = Caller::new(&io.calls, id);
            let shared = Arc::new(Shared::new(socket_type, &options, caller));
            socket.set_inbox(Inlet::new(Arc::clone(&shared), Rc::clone(&io.handed)));
            let pump = Rc::new(RefCell::new(Pump::new(Arc::clone(&shared))));
            *slot.borrow_mut() = Some(Rc::clone(&pump));
            io.sockets.insert(id, Open { shared: Arc::clone(&shared), pump });
            Ok((id, shared))
        })?;
        Ok(BlockingSocket { remote: self.remote.clone(), id, shared, linger, when_full })
    }

    /// Closes all sockets, waits until what they have is sent, `within` this time, and ends the thread. Answers how many messages were
    /// lost.
    ///
    /// # Errors
    /// What ended the loop, if that was an error.
    ///
    /// # Panics
    /// If the loop has panicked.
    pub fn shutdown(mut self, within: Duration) -> io::Result<u64> {
        self.end(within)
    }

    fn end(&mut self, within: Duration) -> io::Result<u64> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => return Ok(0),
        };
        let _ = self.remote.post(move |io: &mut Io, context| {
            io.is_ending = true;
            let ids: Vec<Id<Socket>> = io.sockets.keys().copied().collect();
            for id in ids {
                close(io, context, id, within, |_, _| ());
            }
            if io.sockets.is_empty() {
                context.stop();
            }
        });
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Without waiting for anything: what has not been sent is lost. See [`shutdown`](IoThread::shutdown).
impl Drop for IoThread {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = self.end(Duration::ZERO);
        }
    }
}

fn gone(_: Gone) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the I/O thread has ended")
}

/// Has the loop do something, and waits for what comes of it.
fn ask<T: Send + 'static>(
    remote: &Remote<Io>,
    task: impl FnOnce(&mut Io, &mut Context<'_, Io>) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (answerer, answer) = answer();
    remote
        .post(move |io: &mut Io, context| {
            answerer.give(task(io, context));
        })
        .map_err(gone)?;
    answer.wait().ok_or_else(|| gone(Gone))?
}

/// Closes a socket on its loop, and tells how many messages were lost.
fn close(
    io: &mut Io,
    context: &mut Context<'_, Io>,
    id: Id<Socket>,
    linger: Duration,
    done: impl FnOnce(&mut Io, u64) + 'static,
) {
    let open = match io.sockets.get(&id) {
        Some(open) => open,
        None => return done(io, 0),
    };
    open.shared.close();
    let pump = Rc::clone(&open.pump);
    pump.borrow_mut().hand_all_over(context, id);
    let is_closing = id.close(context, linger, move |io: &mut Io, context, lost| {
        io.sockets.remove(&id);
        io.lost += lost;
        done(io, lost);
        if io.is_ending && io.sockets.is_empty() {
            context.stop();
        }
    });
    // It was closing already, or has failed.
    if !is_closing && context.get(id).is_none() {
        io.sockets.remove(&id);
    }
}

/// A message-queue socket for threads that block. Messages are handed to the [`IoThread`] in batches, with one wake for a burst of them.
///
/// A REQ or a REP that has taken turns with its only peer for a while is lent the connection, and the calling thread itself sends and
/// receives, which takes a third of the time; it [looks for a while](Options::busy_poll) before it sleeps. Nothing else changes by it, but
/// that another peer that comes, a [`PollSet`] or a close may wait for a millisecond until a thread that receives lets go of it; and what
/// comes by it is not in the loop's [`Stats`](crate::Stats). It takes a descriptor. None is lent with
/// [heartbeats](Options::heartbeat), of which RingMQ's protocol has none, nor where an I/O thread has more than a few sockets that messages
/// come for.
///
/// It is `Send` and `Sync`: threads may share it, though a REQ or a REP is of use to one at a time. When it is dropped it is closed, and
/// [lingers](Options::linger) on the I/O thread.
pub struct BlockingSocket {
    remote: Remote<Io>,
    id: Id<Socket>,
    shared: Arc<Shared>,
    linger: Duration,
    when_full: WhenFull,
}

impl BlockingSocket {
    /// As [`Id::bind`].
    ///
    /// # Errors
    /// As for [`Id::bind`].
    pub fn bind(&self, endpoint: &str) -> io::Result<Endpoint> {
        let (id, endpoint) = (self.id, endpoint.to_string());
        ask(&self.remote, move |_, context| id.bind(context, &endpoint))
    }

    /// As [`Id::connect`]: that nobody is there yet is no error.
    ///
    /// # Errors
    /// As for [`Id::connect`].
    pub fn connect(&self, endpoint: &str) -> io::Result<()> {
        let (id, endpoint) = (self.id, endpoint.to_string());
        ask(&self.remote, move |_, context| id.connect(context, &endpoint))
    }

    /// As [`Id::subscribe`].
    ///
    /// # Errors
    /// As for [`Id::subscribe`].
    pub fn subscribe(&self, prefix: &[u8]) -> io::Result<()> {
        let (id, prefix) = (self.id, prefix.to_vec());
        ask(&self.remote, move |_, context| id.subscribe(context, &prefix))
    }

    /// As [`Id::unsubscribe`].
    ///
    /// # Errors
    /// As for [`Id::unsubscribe`].
    pub fn unsubscribe(&self, prefix: &[u8]) -> io::Result<()> {
        let (id, prefix) = (self.id, prefix.to_vec());
        ask(&self.remote, move |_, context| id.unsubscribe(context, &prefix))
    }

    /// Hands over a message, and waits for room if [as much as may](Options::send_high_water) waits to be sent already, unless the socket
    /// was [made otherwise](Options::when_full). Whether a peer is there does not matter yet: [`close`](Self::close) tells what was never
    /// sent.
    ///
    /// # Errors
    /// [`Refused`], with the message.
    pub fn send(&self, message: impl Into<Message>) -> Result<Handed, Refused> {
        let wait = match self.when_full {
            WhenFull::Wait => Wait::ForEver,
            WhenFull::Refuse | WhenFull::DropNewest => Wait::No,
        };
        self.send_by(message.into(), wait)
    }

    /// As [`send`](Self::send), and waits `within` this time at the longest, whatever the socket was made with; what is late is then
    /// dropped or refused.
    ///
    /// # Errors
    /// [`Refused`], with the message: [`WaitError::Unreachable`] if there was no peer, [`WaitError::TimedOut`] if it was slow.
    pub fn send_timeout(&self, message: impl Into<Message>, within: Duration) -> Result<Handed, Refused> {
        self.send_by(message.into(), until(within))
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    /// [`Refused`], with the message: [`WaitError::WouldBlock`] if there is no room.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<Handed, Refused> {
        self.send_by(message.into(), Wait::No)
    }

    fn send_by(&self, message: Message, wait: Wait) -> Result<Handed, Refused> {
        match self.shared.send(message, wait) {
            Ok(()) => Ok(Handed::Over),
            Err((error, message))
                if self.when_full == WhenFull::DropNewest && error.is_for_want_of_room() =>
            {
                drop(message);
                self.shared.note_dropped();
                Ok(Handed::Dropped)
            }
            Err((error, message)) => Err(Refused { error, message }),
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`WaitError::PeerLeft`] of a REQ whose peer has gone, [`WaitError::OutOfTurn`], [`WaitError::Unsupported`],
    /// [`WaitError::Closed`].
    pub fn recv(&self) -> Result<Message, WaitError> {
        self.shared.recv(Wait::ForEver)
    }

    /// As [`recv`](Self::recv), and waits `within` this time at the longest.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv); [`WaitError::Unreachable`] if there was no peer at the end, [`WaitError::TimedOut`] if there was.
    pub fn recv_timeout(&self, within: Duration) -> Result<Message, WaitError> {
        self.shared.recv(until(within))
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv); [`WaitError::WouldBlock`] if nothing has arrived.
    pub fn try_recv(&self) -> Result<Message, WaitError> {
        self.shared.recv(Wait::No)
    }

    /// The next of the [events](Options::events) that have been kept.
    pub fn take_event(&self) -> Option<Event> {
        self.shared.event(Wait::No)
    }

    /// As [`take_event`](Self::take_event), and waits `within` this time at the longest: but not for a socket that is closed, or that
    /// keeps none.
    pub fn wait_event(&self, within: Duration) -> Option<Event> {
        self.shared.event(until(within))
    }

    /// How many peers have joined and not left.
    pub fn peer_count(&self) -> usize {
        self.shared.peers(0, Wait::No)
    }

    /// Waits until so many peers have joined, `within` this time at the longest, and answers how many there are: so that what is published
    /// first, or dealt out in turn, does not all go to the one that was first. A PUB counts a subscriber before it knows what that one
    /// has subscribed to.
    pub fn wait_peers(&self, count: usize, within: Duration) -> usize {
        self.shared.peers(count, until(within))
    }

    /// Closes the socket, and waits until what it has is sent, `linger` at the longest. Answers how many messages were lost.
    ///
    /// # Errors
    /// `NotConnected` when the I/O thread has ended before.
    pub fn close(self, linger: Duration) -> io::Result<u64> {
        let (answerer, answer) = answer();
        let id = self.id;
        self.shared.close();
        let task = move |io: &mut Io, context: &mut Context<'_, Io>| {
            close(io, context, id, linger, move |_, lost| {
                answerer.give(lost);
            });
        };
        self.remote.post(task).map_err(gone)?;
        answer.wait().ok_or_else(|| gone(Gone))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

fn until(within: Duration) -> Wait {
    Instant::now().checked_add(within).map_or(Wait::ForEver, Wait::Until)
}

impl Drop for BlockingSocket {
    fn drop(&mut self) {
        self.shared.close();
        let (id, linger) = (self.id, self.linger);
        // A loop that is gone has closed it.
        let _ = self.remote.post(move |io: &mut Io, context| close(io, context, id, linger, |_, _| ()));
    }
}

impl fmt::Debug for BlockingSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingSocket").field("id", &self.id).field("peers", &self.peer_count()).finish()
    }
}
