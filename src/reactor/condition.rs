//! What is out of the ordinary about a connection, or a socket for datagrams, as one byte: of one that is open, with room in the kernel,
//! nothing is.

use std::cell::Cell;
use std::fmt;

use super::agenda::names_of;

/// What is true of a connection that is not true of most: bits, so that one look tells that nothing is.
///
/// In a cell, since who looks at frames and who sends others at the same time both have it in hand.
#[derive(Default)]
pub(super) struct Condition(Cell<u8>);

impl Condition {
    /// The connection is being made.
    pub const CONNECTING: u8 = 1;
    /// It is dead.
    pub const FAILED: u8 = 2;
    /// The peer has finished, or nothing more is read for another reason.
    pub const ENDED: u8 = 4;
    /// The last write found no more room in the kernel.
    pub const BLOCKED: u8 = 8;
    /// As soon as nothing waits to be sent the peer is told that nothing more will come.
    pub const FINISHING: u8 = 16;
    /// It has been told, or the connection is dead.
    pub const FINISHED: u8 = 32;
    /// A `send` was refused, and the callback is to be told of room.
    pub const REFUSED: u8 = 64;
    /// There are no more frames for now, since one was put back or somebody else reads them, or ever, since there was an error: more
    /// input is of no use. Of a [`Framed`](crate::Framed) alone, which takes it along when it lets its stream go.
    pub const PAUSED: u8 = 128;

    /// Whether nothing is out of the ordinary.
    #[inline]
    pub fn is_ordinary(&self) -> bool {
        self.0.get() == 0
    }

    /// Whether any of these is true.
    #[inline]
    pub fn has(&self, bits: u8) -> bool {
        self.0.get() & bits != 0
    }

    #[inline]
    pub fn put(&self, bits: u8) {
        self.0.set(self.0.get() | bits);
    }

    #[inline]
    pub fn take(&self, bits: u8) {
        self.0.set(self.0.get() & !bits);
    }

    pub fn set(&self, bits: u8, are_true: bool) {
        match are_true {
            true => self.put(bits),
            false => self.take(bits),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            ["connecting", "failed", "ended", "blocked", "finishing", "finished", "refused", "paused"];
        names_of(self.0.get(), names).fmt(f)
    }
}
