//! A receive buffer: bytes that were read and not yet consumed, and room for more.

use std::fmt;
use std::io;
use std::mem;
use std::rc::Weak;

#[cfg(feature = "mq")]
use super::memory::BUFFER_LEN;
use super::memory::{Full, Memory, Pool};
use super::transport::Transport;

/// How long a line of the caches is, on nearly all processors.
const LINE_LEN: usize = 64;

/// A receive buffer on loan: bytes that were read and not yet consumed, and room for more. Dropping it gives it back.
///
/// One pointer wide, so that an idle source, which holds none, pays eight bytes for it.
pub struct Buf {
    pub(super) lent: Box<Lent>,
}

/// What a [`Buf`] is made of, which is kept when it is given back.
pub(super) struct Lent {
    pub bytes: Vec<u8>,
    /// How many of them may be read into, and are charged: all, but of one that has grown into [what is kept](Pool::take_long) of another.
    pub room: usize,
    /// What was read and not yet consumed is `start..end`.
    pub start: usize,
    pub end: usize,
    /// How many of its bytes are charged to what is set aside for whoever is first in line. The others are charged as all are.
    pub drawn: usize,
    /// How long the body is that it is [kept apart](Buf::keep_apart) for, with what is read behind it; 0 of all others.
    pub body_len: usize,
    /// How much of that is read behind it: the header of what goes on with it.
    pub behind: usize,
    /// Whether it is as it was made, and charged as all are: then it is kept for the next loan.
    pub is_plain: bool,
    /// Where all its bytes are charged while it is lent, and by whom it is kept while it is not. No longer reached once it has been
    /// dropped, with all that it keeps.
    pub pool: Weak<Pool>,
}

impl Buf {
    /// What was read and not yet consumed.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        let lent = &self.lent;
        &lent.bytes[lent.start..lent.end]
    }

    /// What is [`filled`](Self::filled) behind its first `taken` bytes.
    #[inline]
    pub(super) fn filled_from(&self, taken: usize) -> &[u8] {
        let lent = &self.lent;
        &lent.bytes[lent.start + taken..lent.end]
    }

    /// How many bytes are [`filled`](Self::filled).
    #[inline]
    pub(super) fn filled_len(&self) -> usize {
        self.lent.end - self.lent.start
    }

    /// Room to read into, behind what is filled. Call [`advance`](Self::advance) with what was read.
    #[inline]
    pub fn spare(&mut self) -> &mut [u8] {
        let lent = &mut self.lent;
        &mut lent.bytes[lent.end..lent.room]
    }

    /// All of its bytes, of one that is empty; to be followed by [`fill`](Self::fill).
    #[inline]
    pub(super) fn room(&mut self) -> &mut [u8] {
        debug_assert!(self.lent.start == 0 && self.lent.end == 0, "a loan is empty");
        &mut self.lent.bytes
    }

    /// Counts the first `len` bytes of [`room`](Self::room) as filled, and none of the others.
    #[inline]
    pub(super) fn fill(&mut self, len: usize) {
        debug_assert!(len <= self.lent.bytes.len(), "no more can be filled than there is room for");
        self.lent.end = len;
    }

    /// Counts the first `len` bytes of [`spare`](Self::spare) as filled.
    ///
    /// # Panics
    /// When there is less room than that.
    #[inline]
    pub fn advance(&mut self, len: usize) {
        let lent = &mut self.lent;
        assert!(len <= lent.room - lent.end, "advanced by {len} bytes beyond the end of the buffer");
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

    /// Moves what is filled as far to the front as leaves its end where a line of the caches begins: what is read next is copied there, and
    /// a copy to such a place costs less. A message of `needed` bytes that fits at all fits behind where it begins. What lies nearly at the
    /// front stays there while there is room behind it.
    pub(super) fn make_way(&mut self, needed: usize) {
        let lent = &mut self.lent;
        if lent.start < LINE_LEN && lent.end < lent.room {
            return;
        }
        let len = lent.end - lent.start;
        let up_to_line = (lent.bytes.as_ptr() as usize + len).wrapping_neg() % LINE_LEN;
        let start = match up_to_line + needed.max(len + 1) <= lent.room {
            true => up_to_line,
            false => 0,
        };
        if lent.start > start {
            lent.bytes.copy_within(lent.start..lent.end, start);
            lent.start = start;
            lent.end = start + len;
        }
    }

    /// Gives it back whole, to the memory that it most likely comes from. Dropping it does the same, and costs an allocation more.
    #[inline(always)] // as `take_back`
    pub(super) fn give_back(self, memory: &Memory) {
        // If it comes from another memory, that is found by the way of a drop.
        if self.lent.pool.ptr_eq(&memory.pool.own) {
            memory.pool.take_back(self.lent);
        }
    }

    /// As [`give_back`](Self::give_back), by the way of [`Pool::take_aside`].
    pub(super) fn give_aside(self, memory: &Memory) {
        if self.lent.pool.ptr_eq(&memory.pool.own) {
            memory.pool.take_aside(self.lent);
        }
    }

    /// How many bytes it can hold in all.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.lent.room
    }

    /// Has it hold nothing but a body of `body_len` bytes, of which these have come: in a vector of their own, which [is handed
    /// over](Self::into_body) when it is whole. What was read so far stays with the pool. It takes no more of the budget than before. If
    /// there are to be bytes `behind` it, it may [go on](Self::extend_body) when they have come.
    #[cfg(feature = "mq")]
    pub(super) fn keep_apart(&mut self, come: std::ops::Range<usize>, body_len: usize, behind: usize) {
        let lent = &mut self.lent;
        let body_len = body_len + behind;
        lent.behind = behind;
        let mut body = Vec::with_capacity(lent.room.min(body_len));
        body.extend_from_slice(&lent.bytes[lent.start..lent.end][come]);
        (lent.start, lent.end, lent.body_len, lent.is_plain) = (0, body.len(), body_len, false);
        let read = mem::replace(&mut lent.bytes, body);
        if let Some(pool) = lent.pool.upgrade() {
            pool.keep_bytes(read);
        }
    }

    /// Has it hold a longer body, of which what has come goes on behind its end less the last `cut` bytes: so many more are to come.
    #[cfg(feature = "mq")]
    pub(super) fn extend_body(&mut self, cut: usize, more: usize, behind: usize) {
        let lent = &mut self.lent;
        lent.end -= cut;
        lent.bytes.truncate(lent.end);
        lent.body_len = lent.end + more + behind;
        lent.behind = behind;
    }

    /// Whether more is to be behind the body that it is kept apart for.
    pub(super) fn is_cut(&self) -> bool {
        self.lent.behind > 0
    }

    /// Whether some of it is of what is set aside for whoever is first in line, who has it no longer than until what he reads is whole.
    pub(super) fn is_drawn(&self) -> bool {
        self.lent.drawn > 0
    }

    /// How much has to be there of the body that it is kept apart for: what is to be behind it too, unless others wait for what it occupies.
    pub(super) fn needed_len(&self) -> usize {
        match self.is_drawn() {
            true => self.lent.body_len - self.lent.behind,
            false => self.lent.body_len,
        }
    }

    /// Has it hold nothing but what has come behind the first `len` bytes of the body that it was kept apart for, which is less than a
    /// buffer is long; and answers with those, which are charged no more.
    #[cfg(feature = "mq")]
    pub(super) fn leave_body(&mut self, len: usize) -> Vec<u8> {
        let lent = &mut self.lent;
        let mut bytes = vec![0; BUFFER_LEN];
        let behind = &lent.bytes[len..lent.end];
        bytes[..behind.len()].copy_from_slice(behind);
        (lent.start, lent.end, lent.body_len) = (0, behind.len(), 0);
        let mut body = mem::replace(&mut lent.bytes, bytes);
        body.truncate(len);
        // One that is whole has grown to as much as that.
        let fewer = lent.room - BUFFER_LEN;
        let drawn = fewer.min(lent.drawn);
        lent.room = BUFFER_LEN;
        lent.drawn -= drawn;
        if let Some(pool) = lent.pool.upgrade() {
            pool.ledger.discharge_reading(fewer, drawn);
        }
        body
    }

    /// How long the body is that it is kept apart for.
    pub(super) fn body_len(&self) -> Option<usize> {
        Some(self.lent.body_len).filter(|&len| len > 0)
    }

    /// Reads once, into all the room there is; answers how much that was. Call [`advance`](Self::advance) with what was read.
    pub(super) fn receive<T: Transport>(&mut self, transport: &mut T) -> (usize, io::Result<usize>) {
        let Lent { bytes, room, end, body_len, .. } = &mut *self.lent;
        match *body_len {
            0 => (*room - *end, transport.receive(self.spare())),
            // It may have grown for what is to be behind it.
            body_len => {
                let offered = body_len.min(*room) - *end;
                (offered, transport.receive_behind(bytes, offered))
            }
        }
    }

    /// The body that it was kept apart for, which is charged no more.
    #[cfg(feature = "mq")]
    pub(super) fn into_body(mut self) -> Vec<u8> {
        let lent = &mut self.lent;
        if let Some(pool) = lent.pool.upgrade() {
            pool.ledger.discharge_reading(lent.room, lent.drawn);
        }
        lent.forget_pool();
        mem::take(&mut lent.bytes)
    }

    /// Lengthens it to `capacity` bytes, charged to the budget; and to what is set aside, for who may draw on that or has done so before.
    pub(super) fn grow(&mut self, capacity: usize, may_draw: bool) -> Result<(), Full> {
        let lent = &mut self.lent;
        let more = capacity.saturating_sub(lent.room);
        let pool = lent.pool.upgrade();
        if let Some(pool) = &pool {
            let has_drawn = lent.drawn > 0;
            if has_drawn || may_draw {
                lent.drawn += pool.ledger.charge_reading(more, has_drawn)?;
            } else {
                pool.ledger.charge(more)?;
            }
        }
        lent.room += more;
        lent.is_plain = false;
        if lent.body_len > 0 {
            lent.bytes.reserve_exact(lent.room - lent.bytes.len());
            return Ok(());
        }
        if lent.room <= lent.bytes.len() {
            return Ok(());
        }
        if let Some((pool, mut long)) =
            pool.and_then(|pool| pool.take_long(lent.room).map(|long| (pool, long)))
        {
            let len = lent.end - lent.start;
            long[..len].copy_from_slice(&lent.bytes[lent.start..lent.end]);
            (lent.start, lent.end) = (0, len);
            pool.keep_bytes(mem::replace(&mut lent.bytes, long));
        } else {
            // A vector's own growth may double; the budget counts what is really there.
            lent.bytes.reserve_exact(lent.room - lent.bytes.len());
            lent.bytes.resize(lent.room, 0);
        }
        Ok(())
    }
}

impl Lent {
    /// Has its drop be for good, when nothing is charged for it any more.
    #[cold]
    pub fn forget_pool(&mut self) {
        self.pool = Weak::new();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Dropped by its holder, and not given back by name: the bytes are kept, in a box of their own.
        if let Some(pool) = self.pool.upgrade() {
            let (bytes, room, drawn) = (mem::take(&mut self.bytes), self.room, self.drawn);
            let (body_len, behind, is_plain) = (self.body_len, self.behind, self.is_plain);
            let own = mem::take(&mut self.pool);
            pool.take_back(Box::new(Lent {
                bytes,
                room,
                start: 0,
                end: 0,
                drawn,
                body_len,
                behind,
                is_plain,
                pool: own,
            }));
        }
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({} of {} bytes filled)", self.filled().len(), self.capacity())
    }
}
