//! What is to be sent on a stream: how much may wait, who is refused, and when a refused sender should try again.

use std::error::Error;
use std::fmt;

use super::memory::{Full, Memory};
use super::send_queue::SendQueue;
use super::source::Io;

/// How many bytes may wait to be sent before `send` answers [`SendError::Full`].
const HIGH_WATER: usize = 1 << 20;

/// Why bytes were not queued to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// Too much waits already, or the reactor's memory is used up. The callback runs when there is room: never for a message that is
    /// longer than all of that memory.
    Full(Full),
    /// The stream was told to finish, or has failed.
    Closed,
    /// The codec refused the message: it is too long.
    #[cfg(feature = "codec")]
    Frame(crate::codec::FrameError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full(full) => full.fmt(f),
            SendError::Closed => f.write_str("the stream is closed for sending"),
            #[cfg(feature = "codec")]
            SendError::Frame(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Output {
    pub queue: SendQueue,
    pub high_water: usize,
    /// How much a `send` was refused for, until the callback is told that there is room; zero when none was.
    refused: usize,
    /// Whether the reactor was asked to tell when there is memory.
    awaits_memory: bool,
    /// Whether the last write found no more room in the kernel.
    pub is_blocked: bool,
    pub closing: Closing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closing {
    No,
    /// As soon as the queue is empty the peer is told that nothing more will come.
    Finishing,
    /// It has been told, or the connection is dead.
    Finished,
}

impl Output {
    pub fn new(memory: &Memory) -> Output {
        Output {
            queue: SendQueue::new(memory),
            high_water: HIGH_WATER,
            refused: 0,
            awaits_memory: false,
            is_blocked: false,
            closing: Closing::No,
        }
    }

    /// How many bytes wait to be sent.
    #[inline]
    pub fn unsent_len(&self) -> usize {
        self.queue.len()
    }

    /// Queues pieces that belong together.
    #[inline]
    pub fn send(&mut self, pieces: [&[u8]; 3]) -> Result<(), SendError> {
        if self.closing != Closing::No {
            return Err(SendError::Closed);
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let free = self.high_water.saturating_sub(self.queue.len());
        let result = if len > free && !self.queue.is_empty() {
            Err(Full { wanted: len, free })
        } else {
            self.queue.push(pieces)
        };
        result.map_err(|full| {
            // What is longer than the whole budget never fits, so nobody waits for it.
            if full.wanted <= self.queue.memory().limit() {
                self.refused = full.wanted;
                self.awaits_memory = false;
            }
            SendError::Full(full)
        })
    }

    /// The connection is dead: nothing that waits will be sent, and nobody is told of room.
    pub fn abandon(&mut self) {
        self.queue.clear();
        self.refused = 0;
        self.closing = Closing::Finished;
    }

    /// Whether nothing is queued, nobody is to be told of room, and the end is not to be told: nothing to do, whatever the readiness.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.refused == 0 && self.closing != Closing::Finishing
    }

    /// Whether there is something to do that needs no readiness.
    #[inline]
    pub fn is_prepared(&self) -> bool {
        if self.is_blocked || self.is_idle() {
            return false;
        }
        // With nothing queued no readiness will ever come by which a refused sender could be told of memory.
        let awaits = self.refused > 0 && (!self.awaits_memory || self.queue.memory().free() >= self.refused);
        !self.queue.is_empty() || self.closing == Closing::Finishing || awaits
    }

    /// Whether a sender that was refused should try again: half of what may wait has gone out, what was refused fits, and there is
    /// memory for it. Where memory alone is missing, the reactor calls again when there is some.
    #[inline]
    pub fn has_room_again(&mut self, io: &mut Io<'_>) -> bool {
        let len = self.queue.len();
        let fits = len == 0 || (len <= self.high_water / 2 && len + self.refused <= self.high_water);
        if self.refused == 0 || !fits {
            return false;
        }
        let has_memory = io.await_memory(self.refused);
        self.awaits_memory = !has_memory;
        if has_memory {
            self.refused = 0;
        }
        has_memory
    }
}
