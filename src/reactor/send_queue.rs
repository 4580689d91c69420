//! Bytes on their way out, in the order in which they were queued.

use std::collections::VecDeque;

use super::memory::{Charge, Full, Memory};

/// How long a segment is made for small pieces, which share one: as much as a write is likely to take at once.
const SEGMENT_LEN: usize = 16 * 1024;

/// A queue of bytes, charged to a budget for as long as they wait.
///
/// Small pieces are gathered into one segment, so that a thousand of them go out in one write; a large piece has a segment of its
/// own. An empty queue holds no memory.
#[derive(Debug)]
pub(crate) struct SendQueue {
    segments: VecDeque<Vec<u8>>,
    /// How much of the first segment has gone out.
    sent: usize,
    len: usize,
    charge: Option<Charge>,
}

impl SendQueue {
    pub fn new() -> SendQueue {
        SendQueue { segments: VecDeque::new(), sent: 0, len: 0, charge: None }
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queues pieces that belong together: all of them, or on `Full` none.
    pub fn push(&mut self, pieces: [&[u8]; 3], memory: &Memory) -> Result<(), Full> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let room = self.segments.back().map_or(0, |last| last.capacity() - last.len());
        if len > room {
            self.open_segment(len.max(SEGMENT_LEN), memory)?;
        }
        if let Some(segment) = self.segments.back_mut() {
            pieces.iter().for_each(|piece| segment.extend_from_slice(piece));
            self.len += len;
        }
        Ok(())
    }

    /// The bytes to write next; empty when nothing waits.
    pub fn front(&self) -> &[u8] {
        self.segments.front().map_or(&[], |first| &first[self.sent..])
    }

    /// Takes `len` bytes that were written off the front.
    pub fn advance(&mut self, len: usize) {
        debug_assert!(len <= self.front().len(), "no more can be written than was offered");
        self.sent += len;
        self.len -= len;
        if self.front().is_empty() {
            self.sent = 0;
            if let (Some(gone), Some(charge)) = (self.segments.pop_front(), self.charge.as_mut()) {
                charge.shrink(gone.capacity());
            }
        }
        if self.segments.is_empty() {
            // The array of segments too: an idle connection keeps nothing.
            *self = SendQueue::new();
        }
    }

    fn open_segment(&mut self, len: usize, memory: &Memory) -> Result<(), Full> {
        match self.charge.as_mut() {
            Some(charge) => charge.grow(len)?,
            None => self.charge = Some(memory.charge(len)?),
        }
        let segment = Vec::with_capacity(len);
        // The allocator may round up; what is charged is what is given back.
        if let Some(charge) = self.charge.as_mut() {
            let surplus = segment.capacity() - len;
            if charge.grow(surplus).is_err() {
                charge.shrink(len);
                return Err(Full { wanted: segment.capacity(), free: memory.free() });
            }
        }
        self.segments.push_back(segment);
        Ok(())
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
            let mut queue = SendQueue::new();
            let mut expected = Vec::new();
            for len in [0, 1, 5, 20_000, 3, 16_384, 16_000, 400] {
                let body: Vec<u8> = (0..len).map(|at| at as u8 ^ len as u8).collect();
                queue.push([b"<", &body, b">"], &memory).unwrap();
                expected.extend_from_slice(&[b"<", &body[..], b">"].concat());
            }
            assert_eq!(queue.len(), expected.len());
            assert_eq!(drain(&mut queue, step), expected);
            assert_eq!(memory.used(), 0);
        }
    }

    #[test]
    fn small_pieces_share_a_segment() {
        let (memory, mut queue) = (Memory::new(1 << 20), SendQueue::new());
        for _ in 0..1000 {
            queue.push([b"", b"0123456789", b""], &memory).unwrap();
        }
        assert_eq!(queue.front().len(), 10_000);
    }

    #[test]
    fn what_does_not_fit_the_budget_is_refused_whole() {
        let (memory, mut queue) = (Memory::new(SEGMENT_LEN), SendQueue::new());
        queue.push([b"", &[1; SEGMENT_LEN - 1], b""], &memory).unwrap();
        assert!(queue.push([b"", b"22", b""], &memory).is_err());
        queue.push([b"", b"3", b""], &memory).unwrap();
        assert_eq!(queue.len(), SEGMENT_LEN);
        assert_eq!(drain(&mut queue, usize::MAX).last(), Some(&b'3'));
        assert_eq!(memory.used(), 0);
    }
}
