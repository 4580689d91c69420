//! What is to be sent on a stream: how much may wait, who is refused, and when a refused sender should try again.

use std::error::Error;
use std::fmt;
use std::mem;

use super::body::{Body, Unsent};
use super::condition::Condition;
use super::memory::{Full, Memory};
use super::send_queue::{Inset, SendQueue, Short};
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

/// Whether nothing may be queued any more.
fn is_closed(condition: &Condition) -> bool {
    condition.has(Condition::FINISHING | Condition::FINISHED)
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Output {
    pub queue: SendQueue,
    pub high_water: usize,
    /// What most streams have nothing of, so that an idle one pays eight bytes for it.
    rare: Option<Box<Rare>>,
}

/// What is known of a stream that was refused, or whose low-water mark was set.
#[derive(Debug, Default)]
struct Rare {
    /// What is to be left of the queue before a refused sender is told.
    low_water: Option<usize>,
    /// How much a `send` was refused for, while one is; else nothing.
    refused: usize,
    /// Whether the reactor was asked to tell when there is memory.
    awaits_memory: bool,
    /// Whether a refused sender was told of room, and nobody has asked whether that is why.
    has_drained: bool,
    /// How many bytes were in the queue of a connection that is dead.
    lost_len: usize,
}

impl Output {
    pub fn new(memory: &Memory) -> Output {
        Output { queue: SendQueue::new(memory), high_water: HIGH_WATER, rare: None }
    }

    /// How many bytes wait to be sent.
    #[inline]
    pub fn unsent_len(&self) -> usize {
        self.queue.len()
    }

    /// How many bytes waited when the connection died.
    pub fn lost_len(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.lost_len)
    }

    /// Queues what belongs together.
    #[inline(always)] // what is known of the pieces leaves little of it
    pub fn send(
        &mut self,
        condition: &Condition,
        before: Option<Short>,
        body: &[u8],
        after: Option<Short>,
    ) -> Result<(), SendError> {
        if condition.is_ordinary() && self.queue.push_simply(self.high_water, before, body, after) {
            return Ok(());
        }
        // By value all of it, and without the condition: what a call is told by reference has to lie in memory, also when there is no
        // call.
        let result = self.send_on(is_closed(condition), before, body, after);
        if self.is_refused() {
            condition.put(Condition::REFUSED);
        }
        result
    }

    /// As [`send`](Self::send), for who mostly sends where much waits already.
    #[cfg(feature = "mq")]
    #[inline(always)] // as `send`
    pub fn send_behind(
        &mut self,
        condition: &Condition,
        before: Option<Short>,
        body: &[u8],
        after: Option<Short>,
    ) -> Result<(), SendError> {
        if condition.is_ordinary() && self.queue.push_behind(self.high_water, before, body, after) {
            return Ok(());
        }
        self.send(condition, before, body, after)
    }

    /// Sets what is to be left of the queue before a refused sender is told.
    pub fn set_low_water(&mut self, len: usize) {
        self.rare().low_water = Some(len);
    }

    /// Whether a refused sender was told of room since this was asked last.
    pub fn take_drained(&mut self) -> bool {
        self.rare.as_mut().map_or(false, |rare| mem::take(&mut rare.has_drained))
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(Box::default)
    }

    fn is_refused(&self) -> bool {
        self.rare.as_ref().map_or(false, |rare| rare.refused > 0)
    }

    /// As [`send`](Self::send), of pieces of any length.
    #[cfg(feature = "net-extra")]
    pub fn send_pieces(&mut self, condition: &Condition, pieces: [&[u8]; 3]) -> Result<(), SendError> {
        let result = self.queue_pieces(is_closed(condition), pieces);
        if self.is_refused() {
            condition.put(Condition::REFUSED);
        }
        result
    }

    #[inline(never)]
    fn send_on(
        &mut self,
        is_closed: bool,
        before: Option<Short>,
        body: &[u8],
        after: Option<Short>,
    ) -> Result<(), SendError> {
        if !is_closed && self.queue.push_behind(self.high_water, before, body, after) {
            return Ok(());
        }
        let (before, after) = (Short::laid_out(before), Short::laid_out(after));
        self.queue_pieces(is_closed, [before.bytes(), body, after.bytes()])
    }

    /// As [`send`](Self::send), of a body that is queued where it lies, with what goes out within it.
    pub fn send_owned(
        &mut self,
        condition: &Condition,
        before: Option<Short>,
        body: Body,
        after: Option<Short>,
        insets: Vec<Inset>,
    ) -> Result<(), Unsent> {
        if is_closed(condition) {
            return Err(Unsent { error: SendError::Closed, body });
        }
        let insets_len: usize = insets.iter().map(Inset::len).sum();
        let len = Short::len(before) + body.as_ref().len() + Short::len(after) + insets_len;
        let pushed = match self.check_high_water(len) {
            Ok(()) => self.queue.push_owned(before, body, after, insets),
            Err(full) => Err((full, body)),
        };
        pushed.map_err(|(full, body)| {
            let error = self.refuse(full);
            if self.is_refused() {
                condition.put(Condition::REFUSED);
            }
            Unsent { error, body }
        })
    }

    /// Queues pieces, or remembers how much was refused.
    fn queue_pieces(&mut self, is_closed: bool, pieces: [&[u8]; 3]) -> Result<(), SendError> {
        if is_closed {
            return Err(SendError::Closed);
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let pushed = self.check_high_water(len).and_then(|()| self.queue.push(pieces));
        pushed.map_err(|full| self.refuse(full))
    }

    /// Whether so much more may wait. Where nothing does, anything may.
    fn check_high_water(&self, len: usize) -> Result<(), Full> {
        let free = self.high_water.saturating_sub(self.queue.len());
        match len <= free || self.queue.is_empty() {
            true => Ok(()),
            false => Err(Full { wanted: len, free }),
        }
    }

    /// Remembers what was refused: what is longer than the whole budget never fits, so nobody waits for it.
    fn refuse(&mut self, full: Full) -> SendError {
        if full.wanted <= self.queue.memory().ledger().sending_limit() {
            let rare = self.rare();
            rare.refused = full.wanted;
            rare.awaits_memory = false;
        }
        SendError::Full(full)
    }

    /// Who has promised to tell when there is memory does not any more: the next one is to be asked.
    pub fn forget_promise(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.awaits_memory = false;
        }
    }

    /// The connection is dead: nothing that waits will be sent, and nobody is told of room.
    pub fn abandon(&mut self, condition: &Condition) {
        // What it was refused, or was to be told, is of no interest any more.
        let lost_len = self.lost_len() + self.queue.len();
        self.queue.clear();
        self.rare = None;
        if lost_len > 0 {
            self.rare().lost_len = lost_len;
        }
        condition.take(Condition::REFUSED | Condition::FINISHING);
        condition.put(Condition::FINISHED);
    }

    /// Whether nothing is queued, nobody is to be told of room, and the end is not to be told: nothing to do, whatever the readiness.
    pub fn is_idle(&self, condition: &Condition) -> bool {
        self.queue.is_empty() && !condition.has(Condition::REFUSED | Condition::FINISHING)
    }

    /// Whether there is something to do that needs no readiness.
    pub fn is_prepared(&self, condition: &Condition) -> bool {
        if condition.has(Condition::BLOCKED) {
            return false;
        }
        // With nothing queued no readiness will ever come by which a refused sender could be told of memory.
        let has_memory = |rare: &Rare| !rare.awaits_memory || self.queue.memory().free() >= rare.refused;
        let has_room = || self.rare.as_deref().map_or(true, has_memory);
        !self.queue.is_empty()
            || condition.has(Condition::FINISHING)
            || condition.has(Condition::REFUSED) && has_room()
    }

    /// Whether a sender that was refused should try again: as much has gone out that no more than the low-water mark is left, what was
    /// refused fits, and there is memory for it. Where memory alone is missing, the reactor calls again when there is some.
    pub fn has_room_again(&mut self, condition: &Condition, io: &mut Io) -> bool {
        let rare = match &mut self.rare {
            Some(rare) if condition.has(Condition::REFUSED) => rare,
            _ => return false,
        };
        let (len, low_water) = (self.queue.len(), rare.low_water.unwrap_or(self.high_water / 2));
        let fits = len == 0 || (len <= low_water && len.saturating_add(rare.refused) <= self.high_water);
        if !fits {
            return false;
        }
        let has_memory = io.await_memory(rare.refused);
        rare.awaits_memory = !has_memory;
        rare.has_drained |= has_memory;
        if has_memory {
            rare.refused = 0;
            condition.take(Condition::REFUSED);
        }
        has_memory
    }
}
