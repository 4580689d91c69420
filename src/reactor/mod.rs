//! The loop: four phases, always in this order, as often as there is something to do.

mod accept;
mod agenda;
mod builder;
mod channel;
mod connection;
mod context;
mod core;
#[cfg(feature = "net-extra")]
mod datagrams;
mod descriptor;
#[cfg(feature = "recorder")]
mod explain;
mod failure;
#[cfg(feature = "codec")]
mod framed;
mod input;
mod interval;
mod listener;
mod memory;
mod output;
mod poll;
#[cfg(feature = "process")]
mod process;
#[cfg_attr(not(feature = "recorder"), path = "no_recorder.rs")]
mod recorder;
mod remote;
mod respond;
mod run;
mod send_queue;
#[cfg(feature = "signal")]
mod signals;
mod slab;
mod source;
mod stats;
mod stream;
mod timers;
mod transport;
mod work;

use std::fmt;
use std::io;
use std::os::unix::io::BorrowedFd;
use std::time::{Duration, Instant};

pub use self::accept::Accept;
pub use self::builder::Builder;
pub use self::channel::{Channel, Sender};
pub use self::connection::Connection;
pub use self::context::{Context, Others};
use self::core::{Core, SourceList};
#[cfg(feature = "net-extra")]
pub use self::datagrams::{Datagram, DatagramError, DatagramSocket, Datagrams, Incoming, Outgoing};
pub use self::descriptor::Descriptor;
pub use self::failure::{Cause, Failure};
#[cfg(feature = "codec")]
pub use self::framed::{Frame, Framed, Frames, Outlet};
pub use self::listener::Listener;
pub use self::memory::{Buf, Charge, Full, Memory};
pub use self::output::SendError;
#[cfg(feature = "recorder")]
pub use self::recorder::{Haste, Slow, TurnRecord};
pub use self::remote::{Gone, Remote};
pub use self::slab::{Id, SourceId};
pub use self::source::{Fire, Io, Source};
pub use self::stats::Stats;
pub use self::stream::{State, Stream};
pub use self::timers::TimerId;
pub use self::transport::Transport;
pub use self::work::Outcome;
use crate::platform::Backend;

/// An event loop with four phases.
///
/// One iteration is a *turn*:
///
/// | phase | does | never does |
/// |---|---|---|
/// | 1 callbacks | runs what was fired or deferred before this turn began | runs what is fired during this phase: that waits for the next turn |
/// | 2 timeouts | runs the timers that are due, by deadline and then in the order of setting | runs a timer set during this phase, even one already due |
/// | 3 poll | asks the kernel which descriptors are ready | blocks while callbacks are queued or prepared bytes can be written |
/// | 4 respond | reads, writes and takes errors for ready descriptors; fires callbacks for the next turn | runs application code |
///
/// `S` is the application's state: `turn` and `run` borrow it, and every callback is handed it. [`guide::turn`](crate::guide::turn) draws a
/// turn, and has every rule of it.
///
/// A reactor stays on the thread that made it; other threads reach it through a [`Remote`].
///
/// ```
/// use ringmq::{Listener, Reactor};
/// use std::net::TcpStream;
///
/// # fn main() -> std::io::Result<()> {
/// let mut reactor = Reactor::new()?;
/// let listener = Listener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// reactor.context().listen(listener, |count: &mut u32, context, accepted| {
///     if accepted.is_ok() {
///         *count += 1;
///         context.stop();
///     }
/// })?;
///
/// let _client = TcpStream::connect(address)?;
/// let mut count = 0;
/// reactor.run(&mut count)?;
/// assert_eq!(count, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Nesting
///
/// A loop cannot be run from inside one of its own callbacks: they are handed a [`Context`], which has no such method, while `run`
/// holds the reactor. So this does not compile:
///
/// ```compile_fail,E0502
/// let mut reactor = ringmq::Reactor::<()>::new().unwrap();
/// let mut context = reactor.context();
/// reactor.turn(&mut (), None).unwrap();
/// context.stop();
/// ```
///
/// and this, which differs in nothing but the order of two lines, does:
///
/// ```
/// let mut reactor = ringmq::Reactor::<()>::new().unwrap();
/// let mut context = reactor.context();
/// context.stop();
/// reactor.turn(&mut (), None).unwrap();
/// ```
pub struct Reactor<S: 'static> {
    core: Core<S>,
}

impl<S: 'static> Reactor<S> {
    /// A loop on the system's best backend, with the defaults of [`Builder`].
    ///
    /// # Errors
    /// What the kernel says: `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> io::Result<Reactor<S>> {
        Builder::new().build()
    }

    /// A loop on this backend, with the defaults of [`Builder`].
    ///
    /// # Errors
    /// `Unsupported` when the system lacks it, or has it and refuses to use it (a sandbox); else as for [`new`](Self::new).
    pub fn with_backend(backend: Backend) -> io::Result<Reactor<S>> {
        Builder::new().backend(backend).build()
    }

    /// The loop between turns, to add sources, timers and tasks before it runs.
    pub fn context(&mut self) -> Context<'_, S> {
        self.core.now = None; // any time may have passed since the last turn
        Context { core: &mut self.core }
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<S> {
        self.core.remote.clone()
    }

    /// One turn. It waits for `limit` at the longest (`None`: as long as it takes), and not at all while there is something to do: work is
    /// queued for the next turn, say, or a stop was asked for. When sources have prepared work it does not even ask who is ready, but
    /// never twice in a row.
    ///
    /// What has arrived is read in this turn, and the callbacks for it run in the next one. A turn may end early without having done
    /// anything: a signal ends its wait.
    ///
    /// # Errors
    /// What the kernel says of the wait, or for want of memory or room of a change of interest; without [a hook](Context::on_failure),
    /// the error of a callback, a timer or a task. The phases that were to come are left out. Nothing is lost: the next turn goes on
    /// with what was queued.
    ///
    /// # Panics
    /// Without [a hook](Context::on_failure), with the panic of a callback, a timer, a task or a source. The source is removed;
    /// everything else is queued as it was, and the next turn goes on with it.
    pub fn turn(&mut self, state: &mut S, limit: Option<Duration>) -> io::Result<()> {
        self.core.now = None; // any time may have passed since the last one
        self.turn_for(state, |_| limit)
    }

    /// One turn, which is asked for its limit once the callbacks have run.
    fn turn_for(
        &mut self,
        state: &mut S,
        limit: impl FnOnce(&mut Core<S>) -> Option<Duration>,
    ) -> io::Result<()> {
        self.core.run_callbacks(state)?;
        self.core.run_timeouts(state)?;
        let limit = limit(&mut self.core);
        self.core.poll(limit)?;
        self.core.respond();
        Ok(())
    }

    /// Turns until it is stopped, by [`Context::stop`] or [`Remote::stop`].
    ///
    /// The turn in which the stop arrives is finished, without waiting. A stop that arrived before `run` ends it after one turn. A
    /// loop without sources, timers and tasks waits: another thread may still post something.
    ///
    /// # Errors
    /// As for [`turn`](Self::turn).
    ///
    /// # Panics
    /// As for [`turn`](Self::turn).
    pub fn run(&mut self, state: &mut S) -> io::Result<()> {
        loop {
            self.turn_for(state, |_| None)?;
            if self.take_stop() {
                return Ok(());
            }
        }
    }

    /// Turns until `deadline` has passed, or until it is stopped as [`run`](Self::run) is; answers whether it was stopped. It is one
    /// turn at the least, which does not wait if the deadline has passed already.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::{Duration, Instant};
    ///
    /// let mut reactor = ringmq::Reactor::new()?;
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert!(!reactor.run_until(&mut (), deadline)?);
    /// assert!(Instant::now() >= deadline);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`turn`](Self::turn).
    ///
    /// # Panics
    /// As for [`turn`](Self::turn).
    pub fn run_until(&mut self, state: &mut S, deadline: Instant) -> io::Result<bool> {
        loop {
            self.turn_for(state, |core| Some(deadline.saturating_duration_since(core.poller.now())))?;
            if self.take_stop() {
                return Ok(true);
            }
            if self.core.poller.now() >= deadline {
                return Ok(false);
            }
        }
    }

    /// Comes to an end in good order: runs what is queued and what is there already, tasks of other threads and input among it; has
    /// every source [`finish`](Source::finish); and turns until all of them have, `within` has passed, or it is stopped. Answers
    /// whether all have finished.
    ///
    /// So a listener accepts no more, and a stream sends what is queued, within this time, before its peer is told of the end; what is
    /// sent from here on is refused. Callbacks and timers run on, and what the sources have fired as they finished is run at the end.
    /// Sources that are added meanwhile are not waited for. The sources stay on the loop: who has connected to a listener and was not
    /// accepted waits until that is dropped, so a server that hands over to another [removes](Context::remove) its listeners first.
    ///
    /// That a stream has finished says that the kernel has all of it. A connection that is closed with input unread, or whose peer
    /// still talks, is reset by the kernel, and what the peer has not read yet is lost with it (RFC 2525, section 2.17): for
    /// connections of which that is to be feared there is [`Context::finish`], before.
    ///
    /// ```
    /// use ringmq::{Reactor, Stream};
    /// use std::{io::Read, os::unix::net::UnixStream, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// let mut stream = Stream::new(far, &context.memory())?;
    /// stream.send(b"a last word").unwrap();
    /// context.add(stream, |_: &mut (), _, _| ())?;
    /// assert!(reactor.drain(&mut (), Duration::from_secs(5))?);
    /// drop(reactor);
    /// let mut heard = String::new();
    /// near.read_to_string(&mut heard)?;
    /// assert_eq!(heard, "a last word");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`turn`](Self::turn).
    ///
    /// # Panics
    /// As for [`turn`](Self::turn).
    pub fn drain(&mut self, state: &mut S, within: Duration) -> io::Result<bool> {
        let deadline = self.core.poller.now().checked_add(within);
        let has_finished = self.drain_until(state, deadline);
        // A stop that came meanwhile has ended this, and not the next run.
        self.take_stop();
        has_finished
    }

    fn drain_until(&mut self, state: &mut S, deadline: Option<Instant>) -> io::Result<bool> {
        // The first turn hears other threads, and reads what is there.
        self.turn(state, Some(Duration::ZERO))?;
        self.run_queued(state)?;
        let mut unfinished = self.core.finish_all();
        loop {
            self.core.retain_unfinished(&mut unfinished);
            if unfinished.is_empty() {
                self.run_queued(state)?;
                return Ok(true);
            }
            let left = |core: &Core<S>| deadline.map(|end| end.saturating_duration_since(core.poller.now()));
            if self.take_stop() || left(&self.core) == Some(Duration::ZERO) {
                return Ok(false);
            }
            self.turn_for(state, |core| {
                // A callback may have removed the last of them, and then there is nothing to wait for.
                core.retain_unfinished(&mut unfinished);
                match unfinished.is_empty() {
                    true => Some(Duration::ZERO),
                    false => left(core),
                }
            })?;
        }
    }

    /// Turns, without waiting, until what is queued now has run.
    fn run_queued(&mut self, state: &mut S) -> io::Result<()> {
        for _ in 0..self.core.turns_for_queued() {
            self.turn(state, Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// The descriptor by which another loop can wait for this one: readable when an event is there for a [`turn`](Self::turn) to
    /// handle. `None` on poll and select, which have none.
    ///
    /// Everything that changed since the last turn has been told to the kernel when it is handed out. It is the same one for as long
    /// as the reactor lives. Timers and queued work do not make it readable: [`next_deadline`](Self::next_deadline) tells of those.
    /// A kqueue may be readable once more after its events were handled, until it is asked again: it keeps what it has reported on
    /// its list (FreeBSD's `kqueue_scan`).
    ///
    /// ```
    /// use ringmq::{Listener, Reactor};
    /// use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
    /// use std::{net::TcpStream, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let listener = Listener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// reactor.context().listen(listener, |count: &mut u32, _, _| *count += 1)?;
    ///
    /// let mut count = 0;
    /// let _client = TcpStream::connect(address)?;
    /// while count == 0 {
    ///     // The other loop: here a plain poll(2) of the one descriptor.
    ///     let now = std::time::Instant::now();
    ///     let timeout = reactor.next_deadline().map(|deadline| deadline.saturating_duration_since(now));
    ///     if let Some(fd) = reactor.fd()? {
    ///         let timeout = timeout.map_or(PollTimeout::NONE, |t| PollTimeout::try_from(t).unwrap_or(PollTimeout::MAX));
    ///         poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout)?;
    ///     }
    ///     reactor.turn(&mut count, Some(Duration::ZERO))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the kernel says of a change of interest; the next turn tries again.
    pub fn fd(&mut self) -> io::Result<Option<BorrowedFd<'_>>> {
        self.core.settle()?;
        Ok(self.core.poller.as_fd())
    }

    /// Until when another loop may wait on [`fd`](Self::fd) before the next [`turn`](Self::turn) is due; `None`: for as long as nothing
    /// happens. A time that has come: at once, since callbacks are queued, say, or bytes are prepared.
    ///
    /// To be asked before every wait. It tells the kernel what has changed, as `fd` does. With timers that were reset it may be
    /// earlier than the first timer, and a turn then finds nothing to do.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        self.core.next_deadline()
    }

    /// Whether a stop was asked for since this was asked last: for who drives the loop by [`turn`](Self::turn), as
    /// [`run`](Self::run) does. Until then no turn waits.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = ringmq::Reactor::new()?;
    /// reactor.context().defer(|_: &mut (), context| context.stop());
    /// while !reactor.take_stop() {
    ///     reactor.turn(&mut (), None)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_stop(&mut self) -> bool {
        self.core.take_stop()
    }

    /// Which mechanism of the kernel it waits on.
    pub fn backend(&self) -> Backend {
        self.core.poller.backend()
    }

    /// What it has done so far, counted.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// The last turns, the oldest first: as many as [`Builder::record_turns`] says, of which the last may be under way.
    #[cfg(feature = "recorder")]
    pub fn records(&self) -> impl Iterator<Item = &TurnRecord> {
        self.core.recorder.records().iter()
    }

    /// What the recorded turns spent their time on, why they did not sleep, and why a timer was late: in plain words, for a person to
    /// read. What is recorded is what [`records`](Self::records) gives.
    ///
    /// ```
    /// use ringmq::{Builder, Context};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// fn restless(count: &mut u32, context: &mut Context<'_, u32>) {
    ///     *count += 1;
    ///     match *count {
    ///         100 => context.stop(),
    ///         _ => context.defer(restless),
    ///     }
    /// }
    /// let mut reactor = Builder::new().record_turns(50).build()?;
    /// reactor.context().defer(restless);
    /// reactor.run(&mut 0)?;
    /// let why = reactor.explain();
    /// assert!(why.contains("49 turns since work was queued for the next turn"), "{why}");
    /// assert!(why.contains("restless first"), "{why}");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "recorder")]
    pub fn explain(&self) -> String {
        explain::explain(self.core.recorder.records())
    }
}

impl<S: 'static> Drop for Reactor<S> {
    fn drop(&mut self) {
        self.core.remote.close();
    }
}

impl<S: 'static> fmt::Debug for Reactor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("backend", &self.backend())
            .field("sources", &SourceList(&self.core))
            .field("queued", &self.core.agenda.queues.work.len())
            .field("timers", &self.core.agenda.timers.len())
            .field("memory", &self.core.agenda.memory)
            .finish()
    }
}
