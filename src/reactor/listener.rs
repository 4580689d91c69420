//! Accepting connections: the source, and the callback that goes with it.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::io::BorrowedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::accept::Accept;
use super::context::Context;
use super::slab::Id;
use super::source::{Fire, Io, Source};
use super::work::{BoxError, Callback, Outcome};
use crate::platform::net::{self, AcceptFailure};
use crate::platform::{Interest, Ready};

/// How many connections are accepted in one turn, and wait for the callback at the most: an accept storm leaves the others their
/// turn, and the rest of it waits in the kernel.
const ACCEPTS_PER_TURN: usize = 64;

/// After how many failures in a row, each of which might be of one connection alone, accepting rests: a sandbox that forbids to accept
/// says what a firewall does that forbids one connection (`EPERM`).
const FAILURES_IN_A_ROW: usize = 64;

/// A listening socket as a source: TCP's, UNIX's, or any that one can [`Accept`] from.
///
/// [`Context::listen`] is the easy way to use it. A callback of one's own, put on by [`Context::add`], takes what was accepted by
/// [`accept`](Self::accept), and owes the listener a [`resume`](Self::resume) for each time that it was without a descriptor.
///
/// ```
/// use ringmq::{Listener, Reactor};
/// use std::os::unix::net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("ringmq-listener-{}", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
/// let mut reactor = Reactor::new()?;
/// let listener = Listener::bind_unix(&path)?;
/// reactor.context().listen(listener, |count: &mut u32, context, accepted| {
///     if accepted.is_ok() {
///         *count += 1;
///         context.stop();
///     }
/// })?;
///
/// let _client = UnixStream::connect(&path)?;
/// let mut count = 0;
/// reactor.run(&mut count)?;
/// assert_eq!(count, 1);
/// # std::fs::remove_file(&path)
/// # }
/// ```
pub struct Listener<L: Accept = TcpListener> {
    socket: L,
    accepted: VecDeque<io::Result<(L::Stream, L::Address)>>,
    budget: usize,
    rest: Rest,
    /// How many connections have failed on their own since one was accepted or none was left.
    failed_count: usize,
    is_finished: bool,
}

/// Whether accepting rests, and who ends the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rest {
    No,
    /// A timer, or `resume`.
    ForAWhile,
    /// `resume` alone.
    UntilResumed,
}

impl Listener {
    /// Binds and listens, with `SO_REUSEADDR`, as [`TcpListener::bind`] does.
    ///
    /// # Errors
    /// `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`, and what resolving a name says.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Listener> {
        Listener::new(TcpListener::bind(address)?)
    }
}

impl Listener<UnixListener> {
    /// Makes a socket at `path` and listens, as [`UnixListener::bind`] does.
    ///
    /// The file stays when the listener is gone, and so it does with std: whoever made it removes it, as a rule when the program ends. One
    /// that an earlier run has left answers [`connect_unix`](crate::platform::net::connect_unix) with `ConnectionRefused`, and may be
    /// removed before binding. A file that somebody listens at may be removed too; then nobody finds the listener any more.
    ///
    /// # Errors
    /// `AddrInUse` when there is a file of that name, of whatever kind; `NotFound` and `PermissionDenied` of its directory; `InvalidInput`
    /// for a path with a zero byte or of more than about 100 bytes.
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Listener<UnixListener>> {
        Listener::new(UnixListener::bind(path)?)
    }
}

impl<L: Accept> Listener<L> {
    /// Takes a socket that listens already, and makes it non-blocking.
    ///
    /// # Errors
    /// What [`Accept::set_nonblocking`] says.
    pub fn new(mut socket: L) -> io::Result<Listener<L>> {
        socket.set_nonblocking()?;
        let accepted = VecDeque::new();
        let (budget, rest) = (ACCEPTS_PER_TURN, Rest::No);
        Ok(Listener { socket, accepted, budget, rest, failed_count: 0, is_finished: false })
    }

    /// The address that it is bound to, with the port that the system chose if none was asked for.
    ///
    /// # Errors
    /// What `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<L::Address> {
        self.socket.local_addr()
    }

    /// Sets how many connections are accepted in one turn; 64 unless set. It is also how many may have been accepted and not yet be
    /// taken by the callback. More of them serve a storm sooner, fewer leave the loop's other sources more of each turn. 0 counts as 1:
    /// see [`rest`](Self::rest) to accept nobody.
    pub fn set_accept_budget(&mut self, count: usize) {
        self.budget = count.max(1);
    }

    /// Sets how many connections may wait in the kernel until they are accepted, as [`net::set_backlog`] does; std asks for 128 or
    /// more.
    ///
    /// # Errors
    /// As for [`net::set_backlog`].
    pub fn set_backlog(&mut self, count: u32) -> io::Result<()> {
        net::set_backlog(self.socket.as_fd(), count)
    }

    /// The next connection that was accepted, non-blocking and closed on exec, or the error that accepting rests after.
    ///
    /// Who takes them in a callback of one's own ends the rest as well; [`Context::listen`] does both.
    ///
    /// ```
    /// # use ringmq::platform::net::AcceptFailure;
    /// # use ringmq::{Context, Id, Listener, Reactor};
    /// # use std::net::TcpStream;
    /// # use std::time::Duration;
    /// # fn main() -> std::io::Result<()> {
    /// # let mut reactor = Reactor::new()?;
    /// # let listener = Listener::bind("127.0.0.1:0")?;
    /// # let _client = TcpStream::connect(listener.local_addr()?)?;
    /// reactor.context().add(listener, |peers: &mut Vec<TcpStream>, context, id| {
    ///     while let Some(accepted) = context.get_mut(id).and_then(Listener::accept) {
    ///         match accepted {
    ///             Ok((peer, _)) => peers.push(peer),
    ///             Err(error) if AcceptFailure::of(&error) == AcceptFailure::Exhausted => {
    ///                 // No descriptor or no memory: others have to give some back first.
    ///                 context.set_timeout(Duration::from_millis(100), move |_, context| {
    ///                     if let Some(listener) = context.get_mut(id) {
    ///                         listener.resume();
    ///                     }
    ///                 });
    ///             }
    ///             Err(error) => return Err(error), // it is broken, and is closed so
    ///         }
    ///     }
    /// #   context.stop();
    ///     Ok(())
    /// })?;
    /// # let mut peers = Vec::new();
    /// # reactor.run(&mut peers)?;
    /// # assert_eq!(peers.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept(&mut self) -> Option<io::Result<(L::Stream, L::Address)>> {
        self.accepted.pop_front()
    }

    /// Stops accepting until [`resume`](Self::resume), such as for a program that serves as many as it can. Who connects waits in the
    /// kernel; who was accepted already comes all the same.
    pub fn rest(&mut self) {
        self.rest = Rest::UntilResumed;
    }

    /// Whether it has stopped accepting, after an error or since it was asked to.
    pub fn is_resting(&self) -> bool {
        self.rest != Rest::No
    }

    /// Goes on accepting.
    pub fn resume(&mut self) {
        self.rest = Rest::No;
    }

    /// The time is over for which others were to give something back. A rest that was asked for goes on.
    fn end_rest(&mut self) {
        if self.rest == Rest::ForAWhile {
            self.rest = Rest::No;
        }
    }
}

impl<L: Accept> Source for Listener<L> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        if self.is_resting() || self.is_finished || self.accepted.len() >= self.budget {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
        if self.is_finished {
            return Fire::No;
        }
        // Whoever is accepted now could not be read from. He waits in the kernel, where nobody pays for him.
        if !io.await_memory_to_accept() {
            return self.has_accepted();
        }
        let mut left = self.budget.saturating_sub(self.accepted.len());
        while left > 0 {
            left -= 1;
            let error = match self.socket.accept() {
                Ok(connection) => {
                    self.failed_count = 0;
                    self.accepted.push_back(Ok(connection));
                    io.count_accepted();
                    continue;
                }
                Err(error) => error,
            };
            match AcceptFailure::of(&error) {
                AcceptFailure::Empty => {
                    self.failed_count = 0;
                    return self.has_accepted();
                }
                // The next one may be well.
                AcceptFailure::Connection if self.may_go_on_after(&error) => continue,
                AcceptFailure::Connection | AcceptFailure::Exhausted => self.rest = Rest::ForAWhile,
                AcceptFailure::Listener => self.rest = Rest::UntilResumed,
            }
            self.accepted.push_back(Err(error));
            break;
        }
        // The queue was not seen to be empty, and who is left in it has to wait.
        io.count_deferred_accept();
        self.has_accepted()
    }

    /// Accepts no more. Who has connected and was not accepted yet waits in the kernel, until the listener is closed.
    fn finish(&mut self) {
        self.is_finished = true;
    }

    fn is_finished(&self) -> bool {
        self.accepted.is_empty()
    }
}

impl<L: Accept> Listener<L> {
    /// Whether a connection's own failure is to be passed over.
    fn may_go_on_after(&mut self, error: &io::Error) -> bool {
        // It has left the queue, so that this cannot go on for ever, however many there are.
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return true;
        }
        self.failed_count += 1;
        let may_go_on = self.failed_count < FAILURES_IN_A_ROW;
        if !may_go_on {
            self.failed_count = 0;
        }
        may_go_on
    }

    fn has_accepted(&self) -> Fire {
        (!self.accepted.is_empty()).into()
    }
}

impl<L: Accept> fmt::Debug for Listener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("fd", &self.socket.as_fd())
            .field("accepted", &self.accepted.len())
            .field("budget", &self.budget)
            .field("rest", &self.rest)
            .field("is_finished", &self.is_finished)
            .finish()
    }
}

impl<S: 'static> Context<'_, S> {
    /// Puts a listener on the loop and calls `accepted` for each connection.
    ///
    /// It is called with an error too: when the system has no descriptor or memory left (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`),
    /// after which accepting rests for 100 ms and then goes on by itself; and when the listener itself is broken, or the process may not
    /// accept (`EACCES`, `ENOSYS`), after which it rests for good. A connection that failed on its own, before it was accepted, is passed
    /// over; but after 64 such failures in a row, of which none has taken a connection off the queue, the last one is told, and accepting
    /// rests as when nothing is left. An error that `accepted` returns closes the listener, as that of any callback does its source.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn listen<L: Accept, R: Outcome + 'static>(
        &mut self,
        listener: Listener<L>,
        accepted: impl FnMut(&mut S, &mut Context<'_, S>, io::Result<(L::Stream, L::Address)>) -> R + 'static,
    ) -> io::Result<Id<Listener<L>>> {
        self.core.add(listener, Accepting(accepted))
    }
}

/// The callback of a listener, which hands each connection on.
struct Accepting<F>(F);

impl<S, L, R, F> Callback<S, Listener<L>> for Accepting<F>
where
    S: 'static,
    L: Accept,
    R: Outcome,
    F: FnMut(&mut S, &mut Context<'_, S>, io::Result<(L::Stream, L::Address)>) -> R,
{
    fn call(&mut self, state: &mut S, context: &mut Context<'_, S>, id: Id<Listener<L>>) -> Option<BoxError> {
        // Looked up anew each time: the callback may remove the listener.
        while let Some(connection) = context.get_mut(id).and_then(Listener::accept) {
            let rests = context.get(id).map_or(false, |listener| listener.rest == Rest::ForAWhile);
            if connection.is_err() && rests {
                context.core.begin_rest(Box::new(move |_: &mut S, context: &mut Context<'_, S>| {
                    if let Some(listener) = context.get_mut(id) {
                        listener.end_rest();
                    }
                }));
            }
            let error = (self.0)(state, context, connection).error();
            if error.is_some() {
                return error;
            }
        }
        None
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}
