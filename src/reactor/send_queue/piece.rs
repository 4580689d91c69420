//! What waits in a send queue as one: a segment that small messages share, or a large message by itself, with what is short around it.

use std::fmt;
use std::mem;
use std::num::NonZeroU8;

use crate::reactor::body::Body;
use crate::reactor::memory::{Memory, Segment, SEGMENT_LEN};

/// A few bytes that go before or after a body. They are handed over by value, in registers, and copied with all that there is room for:
/// to count so few is more work.
#[derive(Clone, Copy)]
pub(crate) struct Short {
    bytes: u128,
    len: NonZeroU8,
}

impl Short {
    pub(super) const CAPACITY: usize = 16;

    /// The first `len` of these bytes; `None` if there are none.
    #[cfg(feature = "codec")]
    #[inline]
    pub fn new(bytes: [u8; Short::CAPACITY], len: u8) -> Option<Short> {
        debug_assert!(usize::from(len) <= Short::CAPACITY, "there are no more");
        NonZeroU8::new(len).map(|len| Short { bytes: u128::from_ne_bytes(bytes), len })
    }

    /// Its bytes laid out in memory.
    pub fn laid_out(short: Option<Short>) -> LaidOut {
        short.map_or(LaidOut { bytes: [0; Short::CAPACITY], len: 0 }, |short| LaidOut {
            bytes: short.bytes.to_ne_bytes(),
            len: short.len.get(),
        })
    }

    #[inline]
    pub fn len(short: Option<Short>) -> usize {
        short.map_or(0, |short| usize::from(short.len.get()))
    }

    /// Writes all that there is room for: what is too much is overwritten by what follows, or lies behind the end.
    #[inline]
    pub(super) fn write(short: Option<Short>, room: &mut [u8]) {
        if let Some(short) = short {
            room[..Short::CAPACITY].copy_from_slice(&short.bytes.to_ne_bytes());
        }
    }
}

/// What is [`Short`], where it can be borrowed.
#[derive(Debug)]
pub(crate) struct LaidOut {
    bytes: [u8; Short::CAPACITY],
    len: u8,
}

impl LaidOut {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// What was queued together, charged for the memory that it holds.
#[derive(Debug)]
pub(super) enum Piece {
    Small(Box<Segment>),
    Large(Box<Large>),
}

/// A message by itself: what is short around it is kept beside it.
#[derive(Debug)]
pub(super) struct Large {
    pub before: LaidOut,
    pub body: Body,
    pub after: LaidOut,
}

impl Piece {
    pub fn len(&self) -> usize {
        match self {
            Piece::Small(segment) => segment.end,
            Piece::Large(large) => large.parts().iter().map(|part| part.len()).sum(),
        }
    }

    /// What it consists of, in order.
    pub fn parts(&self) -> [&[u8]; 3] {
        match self {
            Piece::Small(segment) => [segment.filled(), &[], &[]],
            Piece::Large(large) => large.parts(),
        }
    }

    pub fn give_back(self, memory: &Memory) {
        match self {
            Piece::Small(segment) => memory.give_segment_back(segment),
            Piece::Large(large) => memory.ledger().discharge(Large::cost(large.body.cost())),
        }
    }
}

impl Large {
    pub fn parts(&self) -> [&[u8]; 3] {
        [self.before.bytes(), self.body.as_ref(), self.after.bytes()]
    }

    /// What one is charged whose body costs so much: what is around that, and where both are remembered, costs as much for any.
    pub fn cost(body_cost: usize) -> usize {
        body_cost.saturating_add(mem::size_of::<Large>())
    }
}

impl Segment {
    #[inline]
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Copies what there is room for behind what is filled in.
    pub(super) fn append(&mut self, pieces: [&[u8]; 3]) {
        for piece in pieces {
            let end = self.end + piece.len();
            self.bytes[self.end..end].copy_from_slice(piece);
            self.end = end;
        }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({} of {SEGMENT_LEN} bytes filled)", self.end)
    }
}
