//! One byte budget per reactor, for receive buffers and send queues together, and the pool that receive buffers are lent from.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// How long a receive buffer is when it is lent: one read's worth of a busy TCP connection.
pub(crate) const BUFFER_LEN: usize = 64 * 1024;

/// How many unused receive buffers are kept for the next loan. They are outside the budget, being nobody's.
const SPARE_BUFFERS: usize = 8;

/// How long a segment of a send queue is made for small pieces, which share one: as much as a write is likely to take at once.
pub(super) const SEGMENT_LEN: usize = 16 * 1024;

/// How many unused segments are kept, as unused receive buffers are.
const SPARE_SEGMENTS: usize = 8;

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
    ledger: Rc<Ledger>,
}

struct Ledger {
    limit: usize,
    used: Cell<usize>,
    #[allow(clippy::vec_box)] // lent as they are: a box is what a `Buf` is made of
    spare: RefCell<Vec<Box<Lent>>>,
    spare_segments: RefCell<Vec<Vec<u8>>>,
}

impl Memory {
    /// A budget of its own, as every reactor makes one. For tests of sources without a reactor.
    pub fn new(limit: usize) -> Memory {
        let (spare, spare_segments) = Default::default();
        Memory { ledger: Rc::new(Ledger { limit, used: Cell::new(0), spare, spare_segments }) }
    }

    /// The budget, in bytes.
    #[inline]
    pub fn limit(&self) -> usize {
        self.ledger.limit
    }

    /// How many bytes are charged.
    #[inline]
    pub fn used(&self) -> usize {
        self.ledger.used.get()
    }

    /// How many bytes can still be charged.
    #[inline]
    pub fn free(&self) -> usize {
        self.limit() - self.used()
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
        let charge = self.charge(BUFFER_LEN)?;
        let spare = self.ledger.spare.borrow_mut().pop();
        let mut lent = spare.unwrap_or_else(Lent::new);
        lent.charge = Some(charge);
        Ok(Buf { lent })
    }

    /// An empty segment of [`SEGMENT_LEN`] for a send queue, which charges it.
    #[inline]
    pub(super) fn take_segment(&self) -> Vec<u8> {
        let spare = self.ledger.spare_segments.borrow_mut().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(SEGMENT_LEN))
    }

    /// Takes back a segment that is charged no more.
    #[inline]
    pub(super) fn keep_segment(&self, mut segment: Vec<u8>) {
        let mut spare = self.ledger.spare_segments.borrow_mut();
        if segment.capacity() == SEGMENT_LEN && spare.len() < SPARE_SEGMENTS {
            segment.clear();
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

    /// What it is charged to.
    #[inline]
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Charges `more` bytes.
    ///
    /// # Errors
    /// Fewer are free. The charge is then what it was.
    #[inline]
    pub fn grow(&mut self, more: usize) -> Result<(), Full> {
        let free = self.memory.free();
        if more > free {
            return Err(Full { wanted: more, free });
        }
        self.memory.ledger.used.set(self.memory.used() + more);
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
        self.memory.ledger.used.set(self.memory.used() - less);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink(self.len);
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

/// A receive buffer on loan: bytes that were read and not yet consumed, and room for more. Dropping it gives it back.
///
/// One pointer wide, so that an idle source, which holds none, pays eight bytes for it.
pub struct Buf {
    lent: Box<Lent>,
}

struct Lent {
    bytes: Vec<u8>,
    /// What was read and not yet consumed is `start..end`.
    start: usize,
    end: usize,
    /// None while it is nobody's.
    charge: Option<Charge>,
}

impl Buf {
    /// What was read and not yet consumed.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        let lent = &self.lent;
        &lent.bytes[lent.start..lent.end]
    }

    /// Room to read into, behind what is filled. Call [`advance`](Self::advance) with what was read.
    #[inline]
    pub fn spare(&mut self) -> &mut [u8] {
        let lent = &mut self.lent;
        &mut lent.bytes[lent.end..]
    }

    /// Counts the first `len` bytes of [`spare`](Self::spare) as filled.
    ///
    /// # Panics
    /// When there is less room than that.
    #[inline]
    pub fn advance(&mut self, len: usize) {
        let lent = &mut self.lent;
        assert!(len <= lent.bytes.len() - lent.end, "advanced by {len} bytes beyond the end of the buffer");
        lent.end += len;
    }

    /// Drops the first `len` bytes of [`filled`](Self::filled).
    ///
    /// # Panics
    /// When there are fewer.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        let lent = &mut self.lent;
        assert!(len <= lent.end - lent.start, "consumed {len} bytes where fewer were filled");
        lent.start += len;
        if lent.start == lent.end {
            lent.start = 0;
            lent.end = 0;
        }
    }

    /// Moves what is filled to the front, so that all the room is behind it.
    pub fn compact(&mut self) {
        let lent = &mut self.lent;
        if lent.start == 0 {
            return; // where it is already: moving it onto itself would cost as much as moving it
        }
        lent.bytes.copy_within(lent.start..lent.end, 0);
        lent.end -= lent.start;
        lent.start = 0;
    }

    /// Gives it back whole. Dropping it does the same, and costs an allocation more.
    #[inline]
    pub(super) fn give_back(mut self) {
        if let Some(charge) = self.lent.charge.take() {
            self.lent.keep(&charge.memory.ledger);
        }
    }

    /// How many bytes it can hold in all.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.lent.bytes.len()
    }

    /// Lengthens it to `capacity` bytes, charged to the budget.
    pub(crate) fn grow(&mut self, capacity: usize) -> Result<(), Full> {
        let lent = &mut self.lent;
        let more = capacity.saturating_sub(lent.bytes.len());
        lent.charge.as_mut().map_or(Ok(()), |charge| charge.grow(more))?;
        // A vector's own growth may double; the budget counts what is really there.
        lent.bytes.reserve_exact(more);
        lent.bytes.resize(lent.bytes.len() + more, 0);
        Ok(())
    }
}

impl Lent {
    #[cold]
    fn new() -> Box<Lent> {
        Box::new(Lent { bytes: vec![0; BUFFER_LEN], start: 0, end: 0, charge: None })
    }

    /// Puts it to those that are kept, if there is room for one as long as it is.
    #[inline]
    fn keep(mut self: Box<Lent>, ledger: &Ledger) {
        let mut spare = ledger.spare.borrow_mut();
        if self.bytes.len() == BUFFER_LEN && spare.len() < SPARE_BUFFERS {
            self.start = 0;
            self.end = 0;
            spare.push(self);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Dropped by its holder, and not given back by name: the bytes are kept, in a box of their own.
        if let Some(charge) = self.charge.take() {
            let (start, end) = (0, 0);
            let rest = Box::new(Lent { bytes: std::mem::take(&mut self.bytes), start, end, charge: None });
            rest.keep(&charge.memory.ledger);
        }
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({} of {} bytes filled)", self.filled().len(), self.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loan_is_charged_until_it_is_given_back() {
        let memory = Memory::new(2 * BUFFER_LEN);
        let (first, second) = (memory.lend().unwrap(), memory.lend().unwrap());
        assert_eq!(memory.lend().unwrap_err(), Full { wanted: BUFFER_LEN, free: 0 });
        drop(first);
        assert_eq!(memory.free(), BUFFER_LEN);
        drop(second);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn a_buffer_grows_within_the_budget_alone() {
        let memory = Memory::new(3 * BUFFER_LEN);
        let mut buf = memory.lend().unwrap();
        buf.spare()[..3].copy_from_slice(b"abc");
        buf.advance(3);
        buf.grow(3 * BUFFER_LEN).unwrap();
        assert_eq!((buf.capacity(), buf.filled(), memory.free()), (3 * BUFFER_LEN, &b"abc"[..], 0));
        assert!(buf.grow(3 * BUFFER_LEN + 1).is_err());
        drop(buf);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn a_lent_buffer_is_one_pointer_wide_and_comes_back_empty() {
        assert_eq!(std::mem::size_of::<Option<Buf>>(), std::mem::size_of::<usize>());
        let memory = Memory::new(BUFFER_LEN);
        let mut buf = memory.lend().unwrap();
        buf.advance(10);
        drop(buf);
        assert_eq!(memory.lend().unwrap().filled(), b"");
    }

    #[test]
    fn what_is_kept_is_empty_charged_to_nobody_and_bounded() {
        let memory = Memory::new(4 * SPARE_BUFFERS * BUFFER_LEN);
        for give_back in [Buf::give_back as fn(Buf), drop] {
            let mut lent: Vec<Buf> = (0..2 * SPARE_BUFFERS).map(|_| memory.lend().unwrap()).collect();
            lent.iter_mut().for_each(|buf| buf.advance(1));
            lent.into_iter().for_each(give_back);
            assert_eq!((memory.used(), memory.ledger.spare.borrow().len()), (0, SPARE_BUFFERS));
            assert_eq!(memory.lend().unwrap().filled(), b"");
        }
        for _ in 0..2 * SPARE_SEGMENTS {
            memory.keep_segment(vec![0; SEGMENT_LEN]);
        }
        memory.keep_segment(vec![0; SEGMENT_LEN + 1]);
        assert_eq!(memory.ledger.spare_segments.borrow().len(), SPARE_SEGMENTS);
        assert!(memory.take_segment().is_empty());
    }

    #[test]
    fn consumed_bytes_make_room_again() {
        let memory = Memory::new(BUFFER_LEN);
        let mut buf = memory.lend().unwrap();
        buf.advance(BUFFER_LEN);
        assert_eq!(buf.spare().len(), 0);
        buf.consume(BUFFER_LEN - 2);
        buf.compact();
        assert_eq!((buf.filled().len(), buf.spare().len()), (2, BUFFER_LEN - 2));
        buf.consume(2);
        assert_eq!(buf.spare().len(), BUFFER_LEN);
    }
}
