//! Makes a loop: on which poller, and with which bounds.

use std::io;

use super::core::Core;
use super::memory::{Memory, BUFFER_LEN};
use super::{remote, Reactor};
use crate::platform::{AnyPoller, Backend, Poller};

/// How much of each kind of work a turn may do, so that none keeps the others from theirs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    pub source_bytes: usize,
    pub callbacks: usize,
    pub timers: usize,
    pub posted_tasks: usize,
}

/// Makes a [`Reactor`] other than the default one.
///
/// The budgets bound how much runs in a turn, not how long it takes: that is the callbacks' own affair. What is beyond one of them waits for
/// the next turn, which does not sleep.
///
/// ```
/// use ringmq::{platform::Backend, Builder};
///
/// # fn main() -> std::io::Result<()> {
/// let reactor = Builder::new().backend(Backend::Poll).memory(1 << 20).build::<()>()?;
/// assert_eq!(reactor.backend(), Backend::Poll);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Builder {
    backend: Backend,
    /// Opens it. It is set where a backend is named, so that a program which names none has none but the best linked into it.
    open: fn(Backend) -> io::Result<AnyPoller>,
    poller: Option<Box<dyn Poller>>,
    memory: usize,
    events: usize,
    budgets: Budgets,
    #[cfg(feature = "recorder")]
    recorded_turns: usize,
}

impl Builder {
    /// The system's best backend, 64 MiB of memory, 256 events a wait; in a turn, 1 MiB for each source, and 1024 each of callbacks,
    /// timers and posted tasks.
    pub fn new() -> Builder {
        // As many bytes for a source as a processor copies in some hundred microseconds: a turn still pays when nobody else has anything,
        // and who always has more leaves the others their turn. Of the rest so many that a turn of small pieces takes about a
        // millisecond.
        let budgets =
            Budgets { source_bytes: 16 * BUFFER_LEN, callbacks: 1024, timers: 1024, posted_tasks: 1024 };
        Builder {
            backend: Backend::default(),
            open: |_| AnyPoller::best(),
            poller: None,
            memory: 64 << 20,
            events: 256,
            budgets,
            #[cfg(feature = "recorder")]
            recorded_turns: 0,
        }
    }

    /// Waits on this mechanism of the kernel.
    pub fn backend(mut self, backend: Backend) -> Builder {
        self.backend = backend;
        self.open = AnyPoller::open;
        self
    }

    /// Waits on this poller, whatever the backend: one of one's own, or a wrapped one.
    pub fn poller(mut self, poller: Box<dyn Poller>) -> Builder {
        self.poller = Some(poller);
        self
    }

    /// The budget for receive buffers, messages that are not whole yet, and send queues together, in bytes; 64 MiB unless set. A reactor
    /// that reads at all needs 64 KiB.
    ///
    /// The budget is never exceeded. Who finds it used up waits, first come first served: reading pauses and leaves to the kernel what comes,
    /// accepting does as well, a `send` is [`Full`](crate::SendError::Full); each goes on by itself when there is memory. A
    /// message that is not whole takes as much as has arrived of it, at most doubled, whatever its header announces; of less than
    /// a KiB of it no more than that. Who is idle takes nothing.
    ///
    /// So that messages which are not whole yet cannot wait for one another for ever, [`Framed`](crate::Framed) sets two parts aside once it
    /// is made: one as long as the longest frame, by which one stream at a time, the first in line, can have its message whole, and one of
    /// the same length, if there is as much, that nothing which is read can take, for the answers. They are as long as the longest frame
    /// of all codecs on the loop asks for. What cannot be bounded so is how long a peer takes: one that holds half a message and sends no
    /// more, or does not read, keeps what it holds until its connection is closed, for which a
    /// [timer](crate::Context::set_timeout) is the means.
    pub fn memory(mut self, limit: usize) -> Builder {
        self.memory = limit;
        self
    }

    /// How many events one wait takes from the kernel at the most. More are taken by the waits that follow.
    pub fn events(mut self, capacity: usize) -> Builder {
        self.events = capacity;
        self
    }

    /// How many bytes one source may read and write in a turn, by [`Io::budget`](crate::Io::budget). What it does not get to waits for
    /// the next turn, after everybody else's. 0 counts as 1.
    pub fn source_budget(mut self, len: usize) -> Builder {
        self.budgets.source_bytes = len.max(1);
        self
    }

    /// How many callbacks and deferred tasks phase 1 runs in a turn. The rest is the first to run in the next, which does not wait;
    /// in between, the kernel is asked once. 0 counts as 1.
    pub fn callback_budget(mut self, count: usize) -> Builder {
        self.budgets.callbacks = count.max(1);
        self
    }

    /// How many timers phase 2 runs in a turn. The rest of those that are due is the first to run in the next. 0 counts as 1.
    pub fn timer_budget(mut self, count: usize) -> Builder {
        self.budgets.timers = count.max(1);
        self
    }

    /// How many of the tasks that other threads have posted run in a turn, together as one callback of phase 1. 0 counts as 1.
    pub fn post_budget(mut self, count: usize) -> Builder {
        self.budgets.posted_tasks = count.max(1);
        self
    }

    /// Records the last `turns` turns, for [`Reactor::records`] and [`Reactor::explain`]. 0, which is the default: none.
    #[cfg(feature = "recorder")]
    pub fn record_turns(mut self, turns: usize) -> Builder {
        self.recorded_turns = turns;
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// As for [`Reactor::with_backend`].
    #[inline] // compiled where the loop is dropped, too: what a loop consists of is dropped by the same code when it cannot be made
    pub fn build<S: 'static>(self) -> io::Result<Reactor<S>> {
        let poller = match self.poller {
            Some(poller) => AnyPoller::from(poller),
            None => (self.open)(self.backend)?,
        };
        let (remote, doorbell) = remote::open()?;
        let core = Core::new(poller, Memory::new(self.memory), self.events, self.budgets, remote);
        let mut reactor = Reactor { core };
        #[cfg(feature = "recorder")]
        {
            reactor.core.recorder = super::recorder::Recorder::new(self.recorded_turns);
        }
        doorbell.hang(&mut reactor.context())?;
        Ok(reactor)
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}
