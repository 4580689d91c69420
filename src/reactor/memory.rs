//! One byte budget per reactor, for receive buffers and send queues together, and the pool that receive buffers are lent from.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::{Rc, Weak};

use super::buf::{Buf, Lent};
use super::ledger::Ledger;

/// How long a receive buffer is when it is lent: one read's worth of a busy TCP connection.
pub(crate) const BUFFER_LEN: usize = 64 * 1024;

/// How many unused receive buffers are kept for the next loan. They are outside the budget, being nobody's.
const SPARE_BUFFERS: usize = 8;

/// How many bytes may be kept by themselves, without a buffer: little enough to be moved each time that more comes.
pub(super) const FEW: usize = 1024;

/// How many unused buffers for few bytes are kept: as many as come to be needed in one turn by a crowd of connections with half a message.
const SPARE_FEW: usize = 128;

/// How long a buffer may have grown that is kept for the next that grows: to make a long one anew takes longer than to read what comes into
/// it, since the system gives its pages one by one.
const LONG_MAX: usize = 4 * 1024 * 1024;

/// How long a segment of a send queue is made for small pieces, which share one: as much as a write is likely to take at once.
pub(super) const SEGMENT_LEN: usize = 16 * 1024;

/// How many unused segments are kept, as unused receive buffers are: as many as connections are answered in one turn, when a crowd of them
/// is served, up to the 4 MiB that a receive buffer may have grown to. A new one has to be filled with zeros, which takes longer than to serve
/// a short request.
const SPARE_SEGMENTS: usize = LONG_MAX / SEGMENT_LEN;

/// The budget of a reactor, in bytes. A clone is another handle on the same budget.
///
/// A source that queues bytes outside phase 4 charges them here; receive buffers are charged while they are lent.
///
/// ```
/// use ringmq::Memory;
///
/// let memory = Memory::new(1000);
/// let charge = memory.charge(900).unwrap();
/// assert_eq!(memory.free(), 100);
/// assert!(memory.charge(101).is_err());
/// drop(charge);
/// assert_eq!(memory.free(), 1000);
/// ```
#[derive(Clone)]
pub struct Memory {
    pub(super) pool: Rc<Pool>,
}

/// What all handles on a budget, and all that it lends, have in common.
pub(crate) struct Pool {
    pub(super) ledger: Ledger,
    /// Itself, as what it lends knows it.
    pub(super) own: Weak<Pool>,
    /// The buffer that came back last, and the others that are kept.
    last: Cell<Option<Box<Lent>>>,
    #[allow(clippy::vec_box)] // lent as they are: a box is what a `Buf` is made of
    spare: RefCell<Vec<Box<Lent>>>,
    /// Buffers that few bytes were kept in, for others.
    #[allow(clippy::vec_box)] // as above
    spare_few: RefCell<Vec<Box<Lent>>>,
    /// The bytes of the longest that came back grown, of at most [`LONG_MAX`].
    long: Cell<Option<Vec<u8>>>,
    /// The segment that came back last, and the others that are kept.
    last_segment: Cell<Option<Box<Segment>>>,
    #[allow(clippy::vec_box)] // as above
    spare_segments: RefCell<Vec<Box<Segment>>>,
}

/// Where the small pieces of a send queue are gathered: handed over in a box, as one word.
pub(crate) struct Segment {
    /// How many of the bytes are filled in.
    pub end: usize,
    /// All of them are there from the beginning, so that to add a piece is to copy into a slice.
    pub bytes: [u8; SEGMENT_LEN],
}

impl Memory {
    /// A budget of its own, as every reactor makes one. For tests of sources without a reactor.
    pub fn new(limit: usize) -> Memory {
        let pool = Rc::new_cyclic(|own| {
            let (last, spare, spare_few, long, last_segment, spare_segments) = Default::default();
            let (ledger, own) = (Ledger::new(limit), Weak::clone(own));
            Pool { ledger, own, last, spare, spare_few, long, last_segment, spare_segments }
        });
        Memory { pool }
    }

    #[inline]
    pub(super) fn ledger(&self) -> &Ledger {
        &self.pool.ledger
    }

    /// Has enough set aside for frames of at most so many bytes, so that one can always be read, and one be sent if there is as much.
    #[cfg(feature = "codec")]
    pub(super) fn set_aside_for_frames(&self, max_len: usize) -> Result<(), Full> {
        let reading = max_len.max(BUFFER_LEN);
        if reading > self.limit() {
            return Err(Full { wanted: reading, free: self.limit() });
        }
        self.ledger().set_aside(reading, super::send_queue::cost_of_one(max_len));
        Ok(())
    }

    /// The budget, in bytes.
    #[inline]
    pub fn limit(&self) -> usize {
        self.ledger().limit()
    }

    /// How many bytes are charged.
    #[inline]
    pub fn used(&self) -> usize {
        self.ledger().used()
    }

    /// How many bytes can still be charged. With streams of frames on the loop part of the budget is set aside, and not among these: see
    /// [`Builder::memory`](crate::Builder::memory).
    #[inline]
    pub fn free(&self) -> usize {
        self.ledger().free()
    }

    /// Charges `len` bytes, until the charge is dropped.
    ///
    /// # Errors
    /// Fewer are free. Nothing is charged then.
    #[inline]
    pub fn charge(&self, len: usize) -> Result<Charge, Full> {
        let mut charge = Charge { memory: self.clone(), len: 0 };
        charge.grow(len)?;
        Ok(charge)
    }

    /// Lends a receive buffer, if the budget allows.
    #[inline]
    pub(crate) fn lend(&self) -> Result<Buf, Full> {
        self.ledger().charge(BUFFER_LEN)?;
        let lent = match self.pool.last.take() {
            Some(lent) => lent,
            None => self.next_buffer(),
        };
        Ok(Buf { lent })
    }

    /// Lends the buffer that came back last; `None` when there is none, or no room.
    #[inline]
    pub(super) fn lend_last(&self) -> Option<Buf> {
        self.ledger().charge(BUFFER_LEN).ok()?;
        match self.pool.last.take() {
            Some(lent) => Some(Buf { lent }),
            None => {
                self.ledger().discharge(BUFFER_LEN);
                None
            }
        }
    }

    /// Whether so much is lent, or waits to be sent, that few bytes are not worth a buffer.
    pub(super) fn is_crowded(&self) -> bool {
        self.used() >= SPARE_BUFFERS * BUFFER_LEN
    }

    /// Lends one though the budget does not allow it, of what is set aside for whoever is first in line.
    pub(super) fn lend_drawn(&self) -> Result<Buf, Full> {
        let drawn = self.ledger().charge_reading(BUFFER_LEN, false)?;
        let mut lent = self.next_buffer();
        lent.drawn = drawn;
        lent.is_plain = false;
        Ok(Buf { lent })
    }

    /// A buffer that holds these few bytes, and has no room for others.
    pub(super) fn lend_filled(&self, bytes: &[u8]) -> Result<Buf, Full> {
        self.ledger().charge(bytes.len())?;
        let len = bytes.len();
        let kept = if len <= FEW { self.pool.spare_few.borrow_mut().pop() } else { None };
        if let Some(mut lent) = kept {
            lent.bytes.clear();
            lent.bytes.reserve_exact(len);
            lent.bytes.extend_from_slice(bytes);
            (lent.room, lent.start, lent.end) = (len, 0, len);
            return Ok(Buf { lent });
        }
        let pool = Weak::clone(&self.pool.own);
        let lent = Lent {
            bytes: bytes.to_vec(),
            room: len,
            start: 0,
            end: len,
            drawn: 0,
            body_len: 0,
            behind: 0,
            is_plain: false,
            pool,
        };
        Ok(Buf { lent: Box::new(lent) })
    }

    /// A buffer where the one that came back last is lent already.
    #[inline(never)]
    fn next_buffer(&self) -> Box<Lent> {
        let spare = self.pool.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| self.pool.unused(vec![0; BUFFER_LEN]))
    }

    /// A segment for a send queue, with whatever is in it, charged until it is [given back](Self::give_segment_back).
    pub(super) fn take_segment(&self) -> Result<Box<Segment>, Full> {
        self.ledger().charge_sending(SEGMENT_LEN)?;
        let spare = || self.pool.spare_segments.borrow_mut().pop();
        let kept = self.pool.last_segment.take().or_else(spare);
        Ok(kept.unwrap_or_else(|| Box::new(Segment { end: 0, bytes: [0; SEGMENT_LEN] })))
    }

    /// As [`take_segment`](Self::take_segment), the one that some send queue gave back last; `None` when there is none, or no room.
    #[inline]
    pub(super) fn take_last_segment(&self) -> Option<Box<Segment>> {
        self.ledger().charge(SEGMENT_LEN).ok()?;
        let segment = self.pool.last_segment.take();
        if segment.is_none() {
            self.ledger().discharge(SEGMENT_LEN);
        }
        segment
    }

    /// Takes a segment back, which is charged no more.
    #[inline]
    pub(super) fn give_segment_back(&self, segment: Box<Segment>) {
        self.ledger().discharge(SEGMENT_LEN);
        if let Some(displaced) = self.pool.last_segment.replace(Some(segment)) {
            self.pool.keep_displaced_segment(displaced);
        }
    }
}

impl Pool {
    /// Takes back a buffer, which is charged no more, and keeps it if it is as long as it was made.
    #[inline(always)] // or the last of a read buffer would be a call
    pub(super) fn take_back(&self, mut lent: Box<Lent>) {
        if !lent.is_plain {
            return self.drop_back(lent);
        }
        self.ledger.discharge(BUFFER_LEN);
        lent.start = 0;
        lent.end = 0;
        if let Some(displaced) = self.last.replace(Some(lent)) {
            self.keep_displaced(displaced);
        }
    }

    /// As [`take_back`](Self::take_back), of one that is not kept: it is too long, or too short, or drawn, or for a body that will not become
    /// whole, which is seldom.
    #[allow(clippy::boxed_local)] // handed on as it is
    #[inline(never)]
    fn drop_back(&self, mut lent: Box<Lent>) {
        self.ledger.discharge_reading(lent.room, lent.drawn);
        if lent.bytes.capacity() <= FEW && lent.body_len == 0 {
            let mut spare = self.spare_few.borrow_mut();
            if spare.len() < SPARE_FEW {
                lent.drawn = 0;
                spare.push(lent);
                return;
            }
        }
        lent.forget_pool();
        if lent.body_len == 0 {
            self.keep_bytes(std::mem::take(&mut lent.bytes));
        }
    }

    /// A buffer that is not lent.
    fn unused(&self, bytes: Vec<u8>) -> Box<Lent> {
        let (room, pool) = (bytes.len(), Weak::clone(&self.own));
        Box::new(Lent {
            bytes,
            room,
            start: 0,
            end: 0,
            drawn: 0,
            body_len: 0,
            behind: 0,
            is_plain: true,
            pool,
        })
    }

    /// The bytes of a buffer that had grown, if they are as many.
    pub(super) fn take_long(&self, len: usize) -> Option<Vec<u8>> {
        let long = self.long.take()?;
        if long.len() >= len {
            return Some(long);
        }
        self.long.set(Some(long));
        None
    }

    /// Keeps bytes that nobody reads into any more, for a buffer as it is made or for one that grows; drops them if there are others.
    pub(super) fn keep_bytes(&self, bytes: Vec<u8>) {
        if bytes.len() == BUFFER_LEN {
            self.keep_displaced(self.unused(bytes));
        } else if bytes.len() > BUFFER_LEN && bytes.len() <= LONG_MAX {
            let kept = self.long.take().filter(|kept| kept.len() >= bytes.len());
            self.long.set(Some(kept.unwrap_or(bytes)));
        }
    }

    /// As [`take_back`](Self::take_back), but so that it is not the [last](Memory::lend_last): whoever needs one next is to look around.
    pub(super) fn take_aside(&self, mut lent: Box<Lent>) {
        if !lent.is_plain {
            return self.drop_back(lent);
        }
        self.ledger.discharge(BUFFER_LEN);
        (lent.start, lent.end) = (0, 0);
        self.keep_displaced(lent);
    }

    /// With the one that came back last there are then as many as are kept.
    #[inline(never)]
    fn keep_displaced(&self, mut lent: Box<Lent>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_BUFFERS - 1 {
            spare.push(lent);
        } else {
            lent.forget_pool();
        }
    }

    /// As [`keep_displaced`](Self::keep_displaced).
    #[inline(never)]
    fn keep_displaced_segment(&self, segment: Box<Segment>) {
        let mut spare = self.spare_segments.borrow_mut();
        if spare.len() < SPARE_SEGMENTS - 1 {
            spare.push(segment);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} of {} bytes used)", self.used(), self.limit())
    }
}

/// Bytes charged to a [`Memory`]; dropping it gives them back.
#[derive(Debug)]
pub struct Charge {
    memory: Memory,
    len: usize,
}

impl Charge {
    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Charges `more` bytes.
    ///
    /// # Errors
    /// Fewer are free. The charge is then what it was.
    #[inline]
    pub fn grow(&mut self, more: usize) -> Result<(), Full> {
        self.memory.ledger().charge_sending(more)?;
        self.len += more;
        Ok(())
    }

    /// Gives `less` bytes back.
    ///
    /// # Panics
    /// When it does not hold that many.
    #[inline]
    pub fn shrink(&mut self, less: usize) {
        assert!(less <= self.len, "a charge of {} bytes cannot give back {less}", self.len);
        self.len -= less;
        self.memory.ledger().discharge(less);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory.ledger().discharge(self.len);
    }
}

/// There is no room for so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full {
    /// How many bytes were to be stored.
    pub wanted: usize,
    /// How many there was room for.
    pub free: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no room for {} bytes: {} are free", self.wanted, self.free)
    }
}

impl Error for Full {}
