//! The loop: four phases, always in this order, as often as there is something to do.

mod accept;
mod agenda;
mod body;
mod buf;
mod builder;
mod channel;
mod condition;
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
mod ledger;
mod lifecycle;
mod line;
mod listener;
mod member;
mod memory;
mod output;
mod poll;
#[cfg(feature = "process")]
mod process;
#[cfg_attr(not(feature = "recorder"), path = "no_recorder.rs")]
mod recorder;
mod remote;
mod respond;
mod rest;
mod run;
mod send_queue;
#[cfg(feature = "signal")]
mod signals;
mod slab;
mod source;
mod stats;
mod straight;
mod stream;
mod timers;
mod transport;
mod work;

use std::fmt;
use std::io;
use std::time::Duration;

pub use self::accept::Accept;
use self::agenda::Mood;
pub use self::body::{Body, Unsent};
pub use self::buf::Buf;
pub use self::builder::Builder;
pub use self::channel::{Channel, Sender};
pub use self::connection::Connection;
pub use self::context::{Context, Others};
use self::core::{Core, SourceList};
#[cfg(feature = "net-extra")]
pub use self::datagrams::{Datagram, DatagramError, DatagramSocket, Datagrams, Incoming, Outgoing};
pub use self::descriptor::Descriptor;
pub use self::failure::{Cause, Failure};
#[cfg(feature = "mq")]
pub(crate) use self::framed::Begun;
#[cfg(feature = "codec")]
pub use self::framed::{Frame, Framed, Frames, Outlet};
pub use self::listener::Listener;
pub use self::memory::{Charge, Full, Memory};
pub use self::output::SendError;
#[cfg(feature = "recorder")]
pub use self::recorder::{Haste, Slow, TurnRecord};
pub use self::remote::{Gone, Remote};
pub use self::slab::{Id, SourceId};
pub use self::source::{Fire, Io, Source};
pub use self::stats::Stats;
use self::straight::Ran;
pub use self::stream::{State, Stream};
pub use self::timers::TimerId;
pub use self::transport::Transport;
pub use self::work::Outcome;
use crate::platform::{Backend, Poller};

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
    #[inline] // as `Builder::build` is
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
        Context::of(&mut self.core)
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<S> {
        self.core.handle()
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
    #[inline]
    fn turn_for(
        &mut self,
        state: &mut S,
        limit: impl FnOnce(&mut Core<S>) -> Option<Duration>,
    ) -> io::Result<()> {
        self.core.begin_turn();
        match self.core.agenda.queues.mood {
            Mood::Quiet if self.core.agenda.timers.is_idle() => {
                let limit = limit(&mut self.core);
                return self.core.wait_and_respond(limit);
            }
            Mood::Quiet => {}
            Mood::Fired(key) => match self.core.run_only(state, key)? {
                Ran::All => return Ok(()),
                Ran::Callback => self.core.run_followers(state)?,
            },
            Mood::Busy => self.core.run_callbacks(state)?,
        }
        self.turn_from_timeouts(state, limit)
    }

    /// One turn without a limit, in which something is to be done: when there is nothing, [`turn_straight`](Self::turn_straight) goes on
    /// behind it.
    #[inline(never)]
    fn turn_freely(&mut self, state: &mut S) -> io::Result<()> {
        self.core.begin_turn();
        match self.core.agenda.queues.mood {
            Mood::Fired(key) => match self.core.run_only(state, key)? {
                Ran::All => return Ok(()),
                Ran::Callback => self.core.run_followers(state)?,
            },
            Mood::Quiet | Mood::Busy => self.core.run_callbacks(state)?,
        }
        self.turn_from_timeouts(state, |_| None)
    }

    /// The rest of a turn, once the callbacks have run.
    #[inline(never)]
    fn turn_from_timeouts(
        &mut self,
        state: &mut S,
        limit: impl FnOnce(&mut Core<S>) -> Option<Duration>,
    ) -> io::Result<()> {
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
            self.turn_freely(state)?;
            self.turn_straight(state)?;
            // Who asks for a stop rouses the loop, and from elsewhere he rings: it need not be looked for after every turn.
            if self.core.agenda.queues.mood == Mood::Busy && self.take_stop() {
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
        let close = self.core.posting.get_mut().close;
        close(&mut self.core);
    }
}

impl<S: 'static> fmt::Debug for Reactor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("backend", &self.backend())
            .field("sources", &SourceList(&self.core))
            .field("queued", &self.core.agenda.queues.len())
            .field("timers", &(self.core.agenda.timers.len() + self.core.rests.len()))
            .field("memory", self.core.io.memory())
            .finish()
    }
}
