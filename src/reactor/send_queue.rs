//! Bytes on their way out, in the order in which they were queued.

use std::collections::VecDeque;
use std::mem;
use std::num::NonZeroU8;

use super::memory::{Charge, Full, Memory, Segment, SEGMENT_LEN};

/// A few bytes that go before or after a body. They are handed over by value, in registers, and copied with all that there is room for:
/// to count so few is more work.
#[derive(Clone, Copy)]
pub(crate) struct Short {
    bytes: u128,
    len: NonZeroU8,
}

impl Short {
    const CAPACITY: usize = 16;

    /// The first `len` of these bytes; `None` if there are none.
    #[cfg(feature = "codec")]
    #[inline]
    pub fn new(bytes: [u8; Short::CAPACITY], len: u8) -> Option<Short> {
        debug_assert!(usize::from(len) <= Short::CAPACITY, "there are no more");
        NonZeroU8::new(len).map(|len| Short { bytes: u128::from_ne_bytes(bytes), len })
    }

    /// All of its bytes, and how many of them count.
    pub fn padded(short: Option<Short>) -> ([u8; Short::CAPACITY], usize) {
        short.map_or(([0; Short::CAPACITY], 0), |short| {
            (short.bytes.to_ne_bytes(), usize::from(short.len.get()))
        })
    }

    #[inline]
    pub fn len(short: Option<Short>) -> usize {
        short.map_or(0, |short| usize::from(short.len.get()))
    }

    /// Writes all that there is room for: what is too much is overwritten by what follows, or lies behind the end.
    #[inline]
    fn write(short: Option<Short>, room: &mut [u8]) {
        if let Some(short) = short {
            room[..Short::CAPACITY].copy_from_slice(&short.bytes.to_ne_bytes());
        }
    }
}

/// The longest body that is sure to fit into an empty segment with what is short around it, whose length is a byte, and the array of that.
const BODY_MAX: usize = SEGMENT_LEN - 2 * u8::MAX as usize - Short::CAPACITY;

/// A queue of bytes, charged to a budget for as long as they wait.
///
/// Small pieces are gathered into one segment, so that a thousand of them go out in one write; a large piece has a segment of its
/// own. An empty queue holds no memory.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// The segment that goes out first, apart from the others, so that a queue of one allocates nothing but it. Each has bytes in it.
    first: Option<Box<Segment>>,
    #[allow(clippy::vec_box)] // they pass to the first place as they are
    others: VecDeque<Box<Segment>>,
    /// How much of the first segment has gone out.
    sent: usize,
    len: usize,
    charge: Charge,
}

impl SendQueue {
    pub fn new(memory: &Memory) -> SendQueue {
        SendQueue {
            first: None,
            others: VecDeque::new(),
            sent: 0,
            len: 0,
            charge: memory.charge(0).expect("nothing is always free"),
        }
    }

    /// The budget that it is charged to.
    #[inline]
    pub fn memory(&self) -> &Memory {
        self.charge.memory()
    }

    /// How many bytes wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queues pieces that belong together: all of them, or on `Full` none.
    pub fn push(&mut self, pieces: [&[u8]; 3]) -> Result<(), Full> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        if len == 0 {
            return Ok(());
        }
        match self.last() {
            Some(last) if len <= last.bytes.len() - last.end => {
                for piece in pieces {
                    let end = last.end + piece.len();
                    last.bytes[last.end..end].copy_from_slice(piece);
                    last.end = end;
                }
            }
            _ => self.open_segment(len, pieces)?,
        }
        self.len += len;
        Ok(())
    }

    /// Queues what belongs together if that is as simple as it nearly always is: where nothing waits, in the segment that some queue gave
    /// back last; behind what waits, in the only segment, and not above `high_water`. Answers whether it has; if not, nothing has been
    /// done.
    #[inline(always)] // what is known of the pieces leaves little of it
    pub fn push_simply(
        &mut self,
        high_water: usize,
        before: Option<Short>,
        body: &[u8],
        after: Option<Short>,
    ) -> bool {
        let len = Short::len(before) + body.len() + Short::len(after);
        if body.len() > BODY_MAX || len == 0 {
            return false;
        }
        if let Some(only) = &mut self.first {
            if !self.others.is_empty() || len > high_water.saturating_sub(self.len) {
                return false;
            }
            match only.bytes.get_mut(only.end..) {
                Some(room) if len + Short::CAPACITY <= room.len() => copy(before, body, after, room),
                _ => return false,
            }
            only.end += len;
            self.len += len;
            return true;
        }
        let mut segment = match self.charge.take_last_segment() {
            Some(segment) => segment,
            None => return false,
        };
        segment.end = len;
        self.len = len;
        // There was none: nothing is dropped, which is more than the compiler knows.
        mem::forget(self.first.replace(segment));
        if let Some(first) = &mut self.first {
            copy(before, body, after, &mut first.bytes[..SEGMENT_LEN]);
        }
        true
    }

    /// The bytes to write next; empty when nothing waits.
    #[inline]
    pub fn front(&self) -> &[u8] {
        self.first.as_ref().map_or(&[], |first| &first.bytes[self.sent..first.end])
    }

    /// Takes `len` bytes that were written off the front.
    pub fn advance(&mut self, len: usize) {
        debug_assert!(len <= self.front().len(), "no more can be written than was offered");
        self.sent += len;
        self.len -= len;
        if self.len == 0 {
            self.close();
        } else if self.front().is_empty() {
            self.close_segment();
        }
    }

    /// All has gone out.
    #[inline]
    pub fn close(&mut self) {
        self.len = 0;
        self.sent = 0;
        self.charge.clear();
        if let Some(gone) = self.first.take() {
            self.charge.memory().keep_segment(gone);
        }
        // The array of segments too: an idle connection keeps nothing.
        if self.others.capacity() > 0 {
            self.drop_array();
        }
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        *self = SendQueue::new(self.memory());
    }

    fn last(&mut self) -> Option<&mut Box<Segment>> {
        self.others.back_mut().or(self.first.as_mut())
    }

    fn open_segment(&mut self, len: usize, pieces: [&[u8]; 3]) -> Result<(), Full> {
        let charged = len.max(SEGMENT_LEN);
        self.charge.grow(charged)?;
        let mut segment = match len <= SEGMENT_LEN {
            true => self.memory().take_segment(),
            false => Box::new(Segment { bytes: Vec::with_capacity(len), end: 0 }),
        };
        // The allocator may round up; what is charged is what is given back.
        let surplus = segment.bytes.capacity() - charged;
        if surplus > 0 && self.charge.grow(surplus).is_err() {
            self.charge.shrink(charged);
            return Err(Full { wanted: segment.bytes.capacity(), free: self.memory().free() });
        }
        for piece in pieces {
            match segment.bytes.get_mut(segment.end..segment.end + piece.len()) {
                Some(room) => room.copy_from_slice(piece),
                // One of its own is as long as what is in it.
                None => segment.bytes.extend_from_slice(piece),
            }
            segment.end += piece.len();
        }
        if self.first.is_none() {
            self.first = Some(segment);
        } else {
            self.others.push_back(segment);
        }
        Ok(())
    }

    /// The first segment has gone out, and there is another one.
    fn close_segment(&mut self) {
        self.sent = 0;
        if let Some(gone) = std::mem::replace(&mut self.first, self.others.pop_front()) {
            self.charge.shrink(gone.bytes.capacity());
            self.charge.memory().keep_segment(gone);
        }
    }

    #[cold]
    fn drop_array(&mut self) {
        self.others = VecDeque::new();
    }
}

/// Copies pieces to the front of where there is room for them, and for all of what is short.
#[inline(always)]
fn copy(before: Option<Short>, body: &[u8], after: Option<Short>, room: &mut [u8]) {
    Short::write(before, room);
    let (before_after, behind) = room[Short::len(before)..].split_at_mut(body.len());
    before_after.copy_from_slice(body);
    Short::write(after, behind);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &mut SendQueue, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !queue.is_empty() {
            let len = queue.front().len().min(step);
            all.extend_from_slice(&queue.front()[..len]);
            queue.advance(len);
        }
        all
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came_however_they_are_cut() {
        let memory = Memory::new(1 << 20);
        for step in [1, 7, 4096, usize::MAX] {
            let mut queue = SendQueue::new(&memory);
            let mut expected = Vec::new();
            for len in [0, 1, 5, 20_000, 3, 16_384, 16_000, 400] {
                let body: Vec<u8> = (0..len).map(|at| at as u8 ^ len as u8).collect();
                queue.push([b"<", &body, b">"]).unwrap();
                expected.extend_from_slice(&[b"<", &body[..], b">"].concat());
            }
            assert_eq!(queue.len(), expected.len());
            assert_eq!(drain(&mut queue, step), expected);
            assert_eq!(memory.used(), 0);
        }
    }

    #[test]
    fn small_pieces_share_a_segment() {
        let memory = Memory::new(1 << 20);
        let mut queue = SendQueue::new(&memory);
        for _ in 0..1000 {
            queue.push([b"", b"0123456789", b""]).unwrap();
        }
        assert_eq!(queue.front().len(), 10_000);
    }

    /// The simple way and the other make the same of any pieces, and the simple one does all or nothing.
    #[cfg(feature = "codec")]
    #[test]
    fn what_is_pushed_simply_is_what_is_pushed() {
        let memory = Memory::new(1 << 20);
        let (mut queue, mut other) = (SendQueue::new(&memory), SendQueue::new(&memory));
        // What still goes simply behind 9000 bytes in their frame, and what no longer does.
        let behind = SEGMENT_LEN - (9000 + 5) - 5 - Short::CAPACITY;
        let lens = [0, 1, 64, 9000, behind, behind + 1, BODY_MAX, BODY_MAX + 1, SEGMENT_LEN, 40_000];
        let head = Short::new(*b"head............", 4);
        let tail = Short::new(*b"t...............", 1);
        let mut simple_count = 0;
        for first_len in lens {
            for len in lens {
                let body: Vec<u8> = (0..len).map(|at| at as u8 ^ len as u8).collect();
                for body in [&vec![7; first_len], &body] {
                    let before = (memory.used(), queue.len());
                    if queue.push_simply(usize::MAX, head, body, tail) {
                        simple_count += 1;
                    } else {
                        assert_eq!((memory.used(), queue.len()), before);
                        queue.push([b"head", body, b"t"]).unwrap();
                    }
                    other.push([b"head", body, b"t"]).unwrap();
                }
                assert_eq!(drain(&mut queue, 5000), drain(&mut other, usize::MAX));
                assert_eq!(memory.used(), 0);
            }
        }
        assert!(simple_count > lens.len());
    }

    #[test]
    fn nothing_is_pushed_simply_above_the_high_water_but_the_first() {
        let memory = Memory::new(1 << 20);
        let mut queue = SendQueue::new(&memory);
        queue.push([b"", b"x", b""]).unwrap();
        queue.advance(1); // so that there is a segment that was given back
        assert!(queue.push_simply(3, None, b"four", None));
        assert!(!queue.push_simply(3, None, b"5", None));
        assert!(!queue.push_simply(6, None, b"six", None));
        assert!(queue.push_simply(7, None, b"six", None));
        assert_eq!(drain(&mut queue, 9), b"foursix");
    }

    #[test]
    fn no_bytes_take_no_memory_though_a_segment_is_kept() {
        let memory = Memory::new(1 << 20);
        let mut queue = SendQueue::new(&memory);
        queue.push([b"", b"x", b""]).unwrap();
        assert_eq!(drain(&mut queue, 1), b"x");
        assert!(!queue.push_simply(usize::MAX, None, b"", None));
        queue.push([b"", b"", b""]).unwrap();
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn what_does_not_fit_the_budget_is_refused_whole() {
        let memory = Memory::new(SEGMENT_LEN);
        let mut queue = SendQueue::new(&memory);
        queue.push([b"", &[1; SEGMENT_LEN - 1], b""]).unwrap();
        assert!(queue.push([b"", b"22", b""]).is_err());
        queue.push([b"", b"3", b""]).unwrap();
        assert_eq!(queue.len(), SEGMENT_LEN);
        assert_eq!(drain(&mut queue, usize::MAX).last(), Some(&b'3'));
        assert_eq!(memory.used(), 0);
    }
}
