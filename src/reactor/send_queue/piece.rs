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

/// A message by itself: what is short around it, and within, is kept beside it.
#[derive(Debug)]
pub(super) struct Large {
    pub before: LaidOut,
    pub body: Body,
    pub after: LaidOut,
    /// In the order of their places.
    pub insets: Vec<Inset>,
}

/// What is short and goes out within a body: of one that is sent in several frames, what is between them.
#[derive(Debug)]
pub(crate) struct Inset {
    short: LaidOut,
    /// How much of the body goes out before it.
    at: usize,
}

impl Inset {
    /// `None` if it is nothing.
    #[cfg(feature = "mq")]
    pub fn new(short: Option<Short>, at: usize) -> Option<Inset> {
        short.map(|_| Inset { short: Short::laid_out(short), at })
    }

    pub fn len(&self) -> usize {
        self.short.bytes().len()
    }
}

impl Piece {
    pub fn len(&self) -> usize {
        match self {
            Piece::Small(segment) => segment.end,
            Piece::Large(large) => large.len(),
        }
    }

    /// What it consists of, in order.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let (segment, large) = match self {
            Piece::Small(segment) => (Some(segment.filled()), None),
            Piece::Large(large) => (None, Some(large.parts())),
        };
        segment.into_iter().chain(large.into_iter().flatten())
    }

    /// What was gathered, or the message without what is short around it.
    #[cfg(feature = "net-extra")]
    pub fn body(&self) -> &[u8] {
        match self {
            Piece::Small(segment) => segment.filled(),
            Piece::Large(large) => large.body.as_ref(),
        }
    }

    pub fn give_back(self, memory: &Memory) {
        match self {
            Piece::Small(segment) => memory.give_segment_back(segment),
            Piece::Large(large) => memory.ledger().discharge(large.cost()),
        }
    }
}

impl Large {
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let body = self.body.as_ref();
        let starts = std::iter::once(0).chain(self.insets.iter().map(|inset| inset.at));
        let ends = self.insets.iter().map(|inset| (inset.at, &inset.short));
        let ends = ends.chain(std::iter::once((body.len(), &self.after)));
        let behind =
            starts.zip(ends).flat_map(move |(start, (end, short))| [&body[start..end], short.bytes()]);
        std::iter::once(self.before.bytes()).chain(behind)
    }

    pub fn len(&self) -> usize {
        let insets_len: usize = self.insets.iter().map(Inset::len).sum();
        self.before.bytes().len() + self.body.as_ref().len() + self.after.bytes().len() + insets_len
    }

    /// What it is charged.
    pub fn cost(&self) -> usize {
        Large::cost_of(self.body.cost(), self.insets.capacity())
    }

    /// What one is charged whose body costs so much, and has room for so many insets: what is around that, and where all are remembered,
    /// costs as much for any.
    pub fn cost_of(body_cost: usize, inset_count: usize) -> usize {
        body_cost.saturating_add(mem::size_of::<Large>() + inset_count * mem::size_of::<Inset>())
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
