//! The loop: four phases, always in this order, as often as there is something to do.

mod agenda;
mod builder;
mod context;
mod core;
mod failure;
#[cfg(feature = "codec")]
mod framed;
mod input;
mod listener;
mod memory;
mod output;
mod remote;
mod send_queue;
mod slab;
mod source;
mod stats;
mod stream;
mod timers;
mod transport;
mod work;

use std::fmt;
use std::io;
use std::time::Duration;

pub use self::builder::Builder;
pub use self::context::{Context, Others};
use self::core::Core;
pub use self::failure::{Cause, Failure};
#[cfg(feature = "codec")]
pub use self::framed::{Frame, Framed, Frames, Outlet};
pub use self::listener::Listener;
pub use self::memory::{Buf, Charge, Full, Memory};
pub use self::output::SendError;
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
/// `S` is the application's state: `turn` and `run` borrow it, and every callback is handed it.
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
        Context { core: &mut self.core }
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<S> {
        self.core.remote.clone()
    }

    /// One turn. It waits for `limit` at the longest (`None`: as long as it takes), and not at all while there is something to do.
    ///
    /// A turn may end early without having done anything: a signal ends its wait.
    ///
    /// # Errors
    /// What the kernel says of the wait, or of a change of interest. Nothing is lost: the next turn goes on where this one stopped.
    ///
    /// # Panics
    /// With the panic of a callback, a timer or a task. The source of a callback that panicked is removed; everything else is queued
    /// as it was, and the next turn goes on with it.
    pub fn turn(&mut self, state: &mut S, limit: Option<Duration>) -> io::Result<()> {
        self.core.run_callbacks(state)?;
        self.core.run_timeouts(state)?;
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
            self.turn(state, None)?;
            if self.take_stop() {
                return Ok(());
            }
        }
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
            .field("sources", &self.core.source_count())
            .field("timers", &self.core.agenda.timers.len())
            .field("memory", &self.core.agenda.memory)
            .finish()
    }
}
