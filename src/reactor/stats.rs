//! What a loop has done so far, in numbers.

/// Counters of a loop, from when it was made: [`Reactor::stats`](crate::Reactor::stats). None of them ever goes back.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let mut reactor = ringmq::Reactor::new()?;
/// reactor.context().defer(|_: &mut (), context| context.stop());
/// reactor.run(&mut ())?;
/// let stats = reactor.stats();
/// assert_eq!((stats.turns, stats.tasks), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Turns that were begun.
    pub turns: u64,
    /// How often a wait that was allowed to sleep came to its end. One that failed did not: its error came out of the turn.
    pub wake_ups: u64,
    /// How often the kernel was asked who is ready, also where that failed. A turn that has prepared work does without, at most once in a
    /// row.
    pub waits: u64,
    /// Wake-ups before their time that brought nothing: by a signal, say, or by a stale event.
    pub spurious_wake_ups: u64,
    /// Events that the kernel reported and a source was handed.
    pub events: u64,
    /// Events that were dropped since their source was gone, in the poller or here.
    pub stale_events: u64,
    /// Callbacks of sources that ran.
    pub callbacks: u64,
    /// Tasks that ran, deferred ones and posted ones.
    pub tasks: u64,
    /// Timers that ran.
    pub timers: u64,
    /// Callbacks, tasks, timers and sources that failed, with an error or a panic.
    pub failures: u64,
    /// Connections that listeners accepted.
    pub accepted: u64,
    /// How often a listener may have left connections waiting in the kernel: it had accepted as many as it may in a turn and did not look
    /// whether there are more, or it had begun to rest.
    pub accepts_deferred: u64,
    /// How often a source was refused memory and had to wait for it.
    pub memory_refusals: u64,
    /// Bytes that sources read.
    pub bytes_read: u64,
    /// Bytes that sources wrote.
    pub bytes_written: u64,
}
