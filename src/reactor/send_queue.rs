//! Bytes on their way out, in the order in which they were queued.

use std::collections::VecDeque;

use super::memory::{Charge, Full, Memory, SEGMENT_LEN};

/// A queue of bytes, charged to a budget for as long as they wait.
///
/// Small pieces are gathered into one segment, so that a thousand of them go out in one write; a large piece has a segment of its
/// own. An empty queue holds no memory.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// The segment that goes out first, apart from the others, so that a queue of one allocates nothing but it. Without capacity when
    /// there is none.
    first: Vec<u8>,
    others: VecDeque<Vec<u8>>,
    /// How much of the first segment has gone out.
    sent: usize,
    len: usize,
    charge: Charge,
}

impl SendQueue {
    pub fn new(memory: &Memory) -> SendQueue {
        SendQueue {
            first: Vec::new(),
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
    #[inline]
    pub fn push(&mut self, pieces: [&[u8]; 3]) -> Result<(), Full> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let last = self.others.back().unwrap_or(&self.first);
        if len > last.capacity() - last.len() {
            self.open_segment(len)?;
        }
        let last = self.others.back_mut().unwrap_or(&mut self.first);
        for piece in pieces {
            // Copying nothing is a call too.
            if !piece.is_empty() {
                last.extend_from_slice(piece);
            }
        }
        self.len += len;
        Ok(())
    }

    /// The bytes to write next; empty when nothing waits.
    #[inline]
    pub fn front(&self) -> &[u8] {
        &self.first[self.sent..]
    }

    /// Takes `len` bytes that were written off the front.
    #[inline]
    pub fn advance(&mut self, len: usize) {
        debug_assert!(len <= self.front().len(), "no more can be written than was offered");
        self.sent += len;
        self.len -= len;
        if self.sent == self.first.len() {
            self.close_segment();
        }
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        *self = SendQueue::new(self.memory());
    }

    fn open_segment(&mut self, len: usize) -> Result<(), Full> {
        let segment = if len <= SEGMENT_LEN {
            self.charge.grow(SEGMENT_LEN)?;
            self.memory().take_segment()
        } else {
            self.charge.grow(len)?;
            Vec::with_capacity(len)
        };
        let charged = len.max(SEGMENT_LEN);
        // The allocator may round up; what is charged is what is given back.
        let surplus = segment.capacity() - charged;
        if surplus > 0 && self.charge.grow(surplus).is_err() {
            self.charge.shrink(charged);
            return Err(Full { wanted: segment.capacity(), free: self.memory().free() });
        }
        if self.first.capacity() == 0 {
            self.first = segment;
        } else {
            self.others.push_back(segment);
        }
        Ok(())
    }

    /// The first segment has gone out.
    fn close_segment(&mut self) {
        let next = match self.others.pop_front() {
            Some(next) => next,
            None => {
                // The array of segments too: an idle connection keeps nothing.
                if self.others.capacity() > 0 {
                    self.others = VecDeque::new();
                }
                Vec::new()
            }
        };
        let gone = std::mem::replace(&mut self.first, next);
        self.sent = 0;
        self.charge.shrink(gone.capacity());
        self.charge.memory().keep_segment(gone);
    }
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
