//! What a descriptor does when the kernel says that it is ready: the half of a source that acts in phase 4.

use std::mem;
use std::os::unix::io::BorrowedFd;

use super::buf::Buf;
use super::line::Purpose;
use super::memory::{Full, Memory, BUFFER_LEN};
use super::stats::Stats;
use crate::platform::{Interest, Ready};

/// Owns a descriptor and does its input and output.
///
/// A source is handed a [`Ready`] and an [`Io`] and nothing else: it cannot see the application's state, the loop or another
/// source, so phase 4 cannot run application code. What is to be done with what it has read is its callback's business, in phase 1
/// of the next turn. [`guide::sources`](crate::guide::sources) goes through writing one, step by step.
///
/// ```
/// use ringmq::platform::{Interest, Ready};
/// use ringmq::{Fire, Io, Reactor, Source};
/// use std::io::{Read, Write};
/// use std::os::unix::{io::{AsFd, BorrowedFd}, net::UnixStream};
///
/// /// Counts the bytes that arrive.
/// struct Counter { socket: UnixStream, count: usize }
///
/// impl Source for Counter {
///     fn fd(&self) -> BorrowedFd<'_> {
///         self.socket.as_fd()
///     }
///     fn interest(&self) -> Interest {
///         Interest::READABLE
///     }
///     fn respond(&mut self, _ready: Ready, io: &mut Io) -> Fire {
///         match io.lend() {
///             Some(mut buf) => self.count += self.socket.read(buf.spare()).unwrap_or(0),
///             None => return Fire::No, // out of memory: the reactor calls again when there is some
///         }
///         Fire::Yes
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let (mut near, far) = UnixStream::pair()?;
/// far.set_nonblocking(true)?;
/// let mut reactor = Reactor::new()?;
/// reactor.context().add(Counter { socket: far, count: 0 }, |seen: &mut usize, context, id| {
///     *seen = context.get(id).map_or(0, |counter: &Counter| counter.count);
///     context.stop();
/// })?;
/// near.write_all(b"seven b")?;
/// let mut seen = 0;
/// reactor.run(&mut seen)?;
/// assert_eq!(seen, 7);
/// # Ok(())
/// # }
/// ```
pub trait Source: 'static {
    /// The descriptor to wait for. It must be the same, and open, for as long as the source is on a reactor, and non-blocking. To go on
    /// with another one, [remove](crate::Context::remove) the source and add it again.
    fn fd(&self) -> BorrowedFd<'_>;

    /// What to wait for from now on. The reactor asks after the source was touched, and tells the kernel only what changed, once a
    /// turn.
    ///
    /// It is level-triggered: what a source leaves is told again at the next wait, so one that asks for what it does not take keeps the
    /// loop from sleeping. With `Interest::NONE` nothing is told, a hang-up neither.
    fn interest(&self) -> Interest;

    /// Start of phase 3, for a source that was touched since the last one (added, reached by `get_mut` or `split`, or responded), or whose
    /// callback has run; and right after it has responded with [`Fire::No`], since nobody is about to touch it then.
    ///
    /// No input or output here: it gives back empty buffers, and answers whether work is prepared that needs no readiness, such as
    /// bytes to write on a socket not known to be blocked. Then `respond` is called with [`Ready::NONE`]: in this very turn from
    /// phase 3, and in the next one from phase 4. Between turns, [`Reactor::fd`](crate::Reactor::fd) and
    /// [`next_deadline`](crate::Reactor::next_deadline) have touched sources settle too.
    fn settle(&mut self) -> bool {
        false
    }

    /// Minimal input and output, and never more than [`Io::budget`]. Answers whether the callback should run in the next turn.
    ///
    /// It is called when the kernel says that the descriptor is ready, when work is prepared, and when there is the memory that was
    /// refused; once if it is ready as well as prepared. Between the sources of a turn there is no order to rely on.
    ///
    /// A descriptor may turn out not to be ready after all: `WouldBlock` is no error here.
    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire;

    /// Takes on nothing new, and brings to its end what was begun: a listener stops accepting, a stream sends what is queued and then
    /// tells its peer. For a source that has nothing to bring to an end, nothing.
    fn finish(&mut self) {}

    /// Whether nothing is left of what [`finish`](Self::finish) brings to its end.
    fn is_finished(&self) -> bool {
        true
    }

    /// It is off the loop, [removed](crate::Context::remove), and about to be handed back. Nothing that it was to be told is told any more:
    /// `respond` is not called when there is the memory that it [waits for](Io::await_memory). A source that remembers that it has asked
    /// forgets it here, so that it asks again should it be put on a loop once more. No input or output here either.
    fn removed(&mut self) {}
}

/// Whether a source's callback is to run in the next turn: in phase 1, before that turn's timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fire {
    /// It is.
    Yes,
    /// There is nothing for it to do yet.
    No,
    /// As `No`, of a source that need not [settle](Source::settle): it holds no empty buffer and has nothing prepared, wants no memory
    /// that it was refused, and what it is [interested in](Source::interest) is what it was before it responded. So it is after most
    /// writes, and the loop has less to ask.
    AtRest,
}

impl From<bool> for Fire {
    fn from(should_fire: bool) -> Fire {
        if should_fire {
            Fire::Yes
        } else {
            Fire::No
        }
    }
}

/// What a source may use in phase 4: buffers on loan, and a budget of bytes to move.
///
/// It is the loop's, and lives as long as that; with each source it begins anew.
#[derive(Debug)]
pub struct Io {
    memory: Memory,
    pub(super) stats: Stats,
    /// How many bytes each source may move in a turn.
    source_budget: usize,
    /// How many the one that responds has moved.
    moved: usize,
    /// The memory that it asked for and that was not to be had.
    refused: Option<Refused>,
    /// Whether it may draw on what is set aside for reading, being the first in line.
    pub(super) may_draw: bool,
}

/// The most memory that was not to be had for each purpose, 0 if none was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refused {
    pub reading: usize,
    pub sending: usize,
    pub accepting: usize,
}

impl Io {
    pub(super) fn new(memory: Memory, source_budget: usize) -> Io {
        let (stats, moved, refused, may_draw) = Default::default();
        Io { memory, stats, source_budget, moved, refused, may_draw }
    }

    /// For the next source.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.moved = 0;
        self.refused = None;
    }

    /// What is to be had in all.
    #[inline]
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// How many bytes may still be read and written in this turn, of [`Builder::source_budget`](crate::Builder::source_budget). It guards
    /// the other sources' turn, so going over it by part of one read, or by a little that is left to write, is no harm.
    #[inline]
    pub fn budget(&self) -> usize {
        self.source_budget.saturating_sub(self.moved)
    }

    /// Counts bytes that were read, which spends as much of the budget.
    #[inline]
    pub fn count_read(&mut self, len: usize) {
        self.stats.bytes_read += len as u64;
        self.moved += len;
    }

    /// Counts bytes that were written, which spends as much of the budget.
    #[inline]
    pub fn count_written(&mut self, len: usize) {
        self.stats.bytes_written += len as u64;
        self.moved += len;
    }

    /// Lends a receive buffer of 64 KiB; `None` when the reactor's memory is used up. The reactor then stops waiting for input on
    /// this source, and calls `respond` again when there is memory, first come first served.
    #[inline]
    pub fn lend(&mut self) -> Option<Buf> {
        match self.memory.lend() {
            Ok(buf) => Some(buf),
            Err(full) => self.lend_drawn(full),
        }
    }

    /// As [`lend`](Self::lend), if that is the buffer that came back last.
    #[inline]
    pub(super) fn lend_last(&mut self) -> Option<Buf> {
        self.memory.lend_last()
    }

    #[cold]
    fn lend_drawn(&mut self, full: Full) -> Option<Buf> {
        let drawn = if mem::take(&mut self.may_draw) { self.memory.lend_drawn() } else { Err(full) };
        drawn.map_err(|full| self.refuse(full, Purpose::Reading)).ok()
    }

    /// Lengthens a buffer to `capacity` bytes, for a message that does not fit; `false` when there is no memory, as for
    /// [`lend`](Self::lend).
    pub fn grow(&mut self, buf: &mut Buf, capacity: usize) -> bool {
        let may_draw = mem::take(&mut self.may_draw);
        buf.grow(capacity, may_draw).map_err(|full| self.refuse(full, Purpose::Reading)).is_ok()
    }

    /// Answers whether `len` bytes are [free](Memory::free), and if not, has `respond` called again when they are; unless the source is
    /// [removed](Source::removed) before.
    #[inline]
    pub fn await_memory(&mut self, len: usize) -> bool {
        let free = self.memory.free();
        if free < len {
            self.refuse(Full { wanted: len, free }, Purpose::Sending);
        }
        free >= len
    }

    /// Answers whether there is memory to read from one connection more, and if not, has `respond` called again when there is, and
    /// nobody who has a connection waits for it.
    pub(crate) fn await_memory_to_accept(&mut self) -> bool {
        let ledger = self.memory.ledger();
        // Where no buffer's worth is nobody's, who is accepted draws on what is set aside, and there is nothing to wait for.
        let has_memory =
            ledger.common_limit() < BUFFER_LEN || ledger.account().take_for_accepting(BUFFER_LEN);
        if !has_memory {
            self.refuse(Full { wanted: BUFFER_LEN, free: self.memory.free() }, Purpose::Accepting);
        }
        has_memory
    }

    /// Counts a connection that was accepted.
    pub(crate) fn count_accepted(&mut self) {
        self.stats.accepted += 1;
    }

    /// Counts that connections were left waiting in the kernel.
    pub(crate) fn count_deferred_accept(&mut self) {
        self.stats.accepts_deferred += 1;
    }

    /// How much memory comes free for reading by itself in time, for one source after another.
    pub(crate) fn sure_for_reading(&self) -> usize {
        self.memory.ledger().sure_for_reading()
    }

    /// How much memory one source can have to read into.
    pub(crate) fn reading_limit(&self) -> usize {
        self.memory.ledger().reading_limit()
    }

    /// How much memory has to be free before it makes sense to respond again; `None` when none was refused.
    #[inline]
    pub(super) fn refusal(&self) -> Option<Refused> {
        self.refused
    }

    #[cold]
    fn refuse(&mut self, full: Full, purpose: Purpose) {
        let refused = self.refused.get_or_insert_with(Refused::default);
        let most = match purpose {
            Purpose::Reading => &mut refused.reading,
            Purpose::Sending => &mut refused.sending,
            Purpose::Accepting => &mut refused.accepting,
        };
        *most = full.wanted.max(*most);
    }
}
