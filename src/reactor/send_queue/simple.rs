//! The simple way of a message through a send queue, which nearly all take: all that waits is in one segment, and goes out whole.

use std::collections::VecDeque;
use std::mem;

use super::piece::{Piece, Short};
use super::SendQueue;
use crate::reactor::memory::SEGMENT_LEN;

/// The longest body that is sure to fit into an empty segment with what is short around it, whose length is a byte, and the array of that.
const BODY_MAX: usize = SEGMENT_LEN - 2 * u8::MAX as usize - Short::CAPACITY;

impl SendQueue {
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
        if body.len() > BODY_MAX || len == 0 || self.others.is_some() {
            return false;
        }
        if let Some(only) = &mut self.first {
            if len > high_water.saturating_sub(self.len) {
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
        let mut segment = match self.memory.take_last_segment() {
            Some(segment) => segment,
            None => return false,
        };
        segment.end = len;
        self.len = len;
        // There was none: nothing is dropped, which is more than the compiler knows.
        mem::forget(self.first.replace(segment));
        if let Some(first) = &mut self.first {
            copy(before, body, after, &mut first.bytes);
        }
        true
    }

    /// As [`push_simply`](Self::push_simply), where more than one segment waits and there is room in the last. By itself, so that the
    /// simpler way, which nearly all take whose peers take turns with them, is not burdened with it.
    #[inline(always)] // as `push_simply`
    pub fn push_behind(
        &mut self,
        high_water: usize,
        before: Option<Short>,
        body: &[u8],
        after: Option<Short>,
    ) -> bool {
        let last = match self.others.as_deref_mut().and_then(VecDeque::back_mut) {
            Some(Piece::Small(last)) => last,
            _ => return false,
        };
        let len = Short::len(before) + body.len() + Short::len(after);
        if len > high_water.saturating_sub(self.len) {
            return false;
        }
        match last.bytes.get_mut(last.end..) {
            Some(room) if len + Short::CAPACITY <= room.len() => copy(before, body, after, room),
            _ => return false,
        }
        last.end += len;
        self.len += len;
        true
    }

    /// All the bytes that wait, where they are in one segment; `None` where nothing waits, too.
    #[inline]
    pub fn only(&self) -> Option<&[u8]> {
        match &self.first {
            Some(first) if self.others.is_none() => Some(&first.bytes[self.sent..first.end]),
            _ => None,
        }
    }

    /// All of what was the [only](Self::only) segment has gone out.
    #[inline]
    pub fn close_only(&mut self) {
        self.len = 0;
        self.sent = 0;
        if let Some(gone) = self.first.take() {
            self.memory.give_segment_back(gone);
        }
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
    use super::super::tests::drain;
    use super::*;
    use crate::reactor::memory::Memory;

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
                    if queue.push_simply(usize::MAX, head, body, tail)
                        || queue.push_behind(usize::MAX, head, body, tail)
                    {
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
    fn behind_several_segments_there_is_room_in_the_last_up_to_the_high_water() {
        let memory = Memory::new(1 << 20);
        let mut queue = SendQueue::new(&memory);
        assert!(!queue.push_behind(usize::MAX, None, b"one", None), "nothing waits");
        queue.push([b"", &[1; SEGMENT_LEN], b""]).unwrap();
        assert!(!queue.push_behind(usize::MAX, None, b"one", None), "there is no room");
        queue.push([b"", &[2; 9], b""]).unwrap();
        assert!(!queue.push_simply(usize::MAX, None, b"one", None));
        assert!(!queue.push_behind(SEGMENT_LEN + 11, None, b"one", None));
        assert!(queue.push_behind(SEGMENT_LEN + 12, None, b"one", None));
        let all = drain(&mut queue, usize::MAX);
        assert_eq!(
            (all.len(), &all[SEGMENT_LEN..]),
            (SEGMENT_LEN + 12, &b"\x02\x02\x02\x02\x02\x02\x02\x02\x02one"[..])
        );
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
}
