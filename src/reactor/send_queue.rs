//! Bytes on their way out, in the order in which they were queued.

mod piece;
mod simple;

use std::collections::VecDeque;
use std::io::IoSlice;

pub(crate) use self::piece::{Inset, Short};
use self::piece::{Large, Piece};
use super::body::Body;
use super::memory::{Full, Memory, Segment, SEGMENT_LEN};

/// How long a body has to be so that it is queued where it lies: to copy a shorter one costs less than to send it by itself.
const OWNED_MIN: usize = 4 * 1024;

/// A queue of bytes, charged to a budget for as long as they wait.
///
/// Small pieces are gathered into one segment, so that a thousand of them go out in one write; a large piece is by itself. An empty
/// queue holds no memory.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// The segment that goes out first, apart from the others, so that a queue of one allocates nothing but it. Each has bytes in it.
    first: Option<Box<Segment>>,
    /// What goes out behind it. It is there while there is something in it, and an idle connection pays eight bytes for it.
    #[allow(clippy::box_collection)]
    others: Option<Box<VecDeque<Piece>>>,
    /// How much of what goes out first has gone out.
    sent: usize,
    len: usize,
    memory: Memory,
}

impl SendQueue {
    pub fn new(memory: &Memory) -> SendQueue {
        SendQueue { first: None, others: None, sent: 0, len: 0, memory: memory.clone() }
    }

    /// The budget that it is charged to.
    #[inline]
    pub fn memory(&self) -> &Memory {
        &self.memory
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
            Some(last) if len <= SEGMENT_LEN - last.end => last.append(pieces),
            _ => self.open_piece(len, pieces)?,
        }
        self.len += len;
        Ok(())
    }

    /// Queues a body from where it lies, with what goes around it and within, or hands it back on `Full`. One that is short is copied:
    /// gathered with others it costs less.
    pub fn push_owned(
        &mut self,
        before: Option<Short>,
        body: Body,
        after: Option<Short>,
        insets: Vec<Inset>,
    ) -> Result<(), (Full, Body)> {
        let (before, after) = (Short::laid_out(before), Short::laid_out(after));
        if body.as_ref().len() < OWNED_MIN && insets.is_empty() {
            let pushed = self.push([before.bytes(), body.as_ref(), after.bytes()]);
            return pushed.map_err(|full| (full, body));
        }
        let large = Large { before, body, after, insets };
        if let Err(full) = self.memory.ledger().charge_sending(large.cost()) {
            return Err((full, large.body));
        }
        let large = Box::new(large);
        self.len += large.len();
        self.push_other(Piece::Large(large));
        Ok(())
    }

    /// Whether there is memory now to queue a body from where it lies, with so many insets.
    #[cfg(feature = "mq")]
    pub fn has_memory(&self, body: &Body, inset_count: usize) -> bool {
        Large::cost_of(body.cost(), inset_count) <= self.memory.free()
    }

    /// The bytes to write next, in order: as many slices as there is room for, of at most `max` bytes in all. Answers how many slices, and
    /// how many bytes.
    pub fn slices<'a>(&'a self, room: &mut [IoSlice<'a>], max: usize) -> (usize, usize) {
        let first = self.first.iter().map(|first| first.filled());
        let others = self.others.iter().flat_map(|others| others.iter().flat_map(Piece::parts));
        let (mut sent, mut count, mut len) = (self.sent, 0, 0);
        for part in first.chain(others) {
            let gone = sent.min(part.len());
            sent -= gone;
            let part = &part[gone..];
            if part.is_empty() {
                continue;
            }
            let part = &part[..part.len().min(max - len)];
            match room.get_mut(count) {
                Some(slot) if !part.is_empty() => *slot = IoSlice::new(part),
                _ => break,
            }
            count += 1;
            len += part.len();
        }
        (count, len)
    }

    /// What is left of what goes out first, where nothing is queued by [`push_owned`](Self::push_owned).
    #[cfg(feature = "net-extra")]
    pub fn front(&self) -> &[u8] {
        let other = || self.others.as_ref()?.front().map(Piece::body);
        let front = self.first.as_ref().map(|first| first.filled()).or_else(other);
        front.map_or(&[], |front| &front[self.sent..])
    }

    /// Takes `len` bytes that were written off the front.
    pub fn advance(&mut self, len: usize) {
        debug_assert!(len <= self.len, "no more can be written than was offered");
        self.len -= len;
        self.sent += len;
        while let Some(front_len) = self.front_len().filter(|front_len| *front_len <= self.sent) {
            self.sent -= front_len;
            self.close_front();
        }
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        self.close_only();
        for piece in self.others.take().into_iter().flat_map(|others| *others) {
            piece.give_back(&self.memory);
        }
    }

    /// The segment that what is small is appended to, if there is room in it.
    fn last(&mut self) -> Option<&mut Segment> {
        match &mut self.others {
            None => self.first.as_deref_mut(),
            Some(others) => match others.back_mut() {
                Some(Piece::Small(segment)) => Some(segment),
                _ => None,
            },
        }
    }

    fn open_piece(&mut self, len: usize, pieces: [&[u8]; 3]) -> Result<(), Full> {
        if len > SEGMENT_LEN {
            self.memory.ledger().charge_sending(Large::cost_of(len, 0))?;
            let (before, after) = (Short::laid_out(None), Short::laid_out(None));
            let (body, insets) = (pieces.concat().into(), Vec::new());
            self.push_other(Piece::Large(Box::new(Large { before, body, after, insets })));
            return Ok(());
        }
        let mut segment = self.memory.take_segment()?;
        segment.end = 0;
        segment.append(pieces);
        if self.len == 0 {
            self.first = Some(segment);
        } else {
            self.push_other(Piece::Small(segment));
        }
        Ok(())
    }

    fn push_other(&mut self, piece: Piece) {
        self.others.get_or_insert_with(Box::default).push_back(piece);
    }

    /// How long what goes out first was when none of it had gone; `None` when nothing is there.
    fn front_len(&self) -> Option<usize> {
        match &self.first {
            Some(first) => Some(first.end),
            None => self.others.as_ref()?.front().map(Piece::len),
        }
    }

    /// What was first has gone out.
    fn close_front(&mut self) {
        if let Some(first) = self.first.take() {
            self.memory.give_segment_back(first);
        } else if let Some(gone) = self.others.as_mut().and_then(|others| others.pop_front()) {
            gone.give_back(&self.memory);
        }
        let others = match &mut self.others {
            Some(others) => others,
            None => return,
        };
        match others.pop_front() {
            Some(Piece::Small(next)) => self.first = Some(next),
            Some(large) => others.push_front(large),
            None => {}
        }
        if others.is_empty() {
            // An idle connection keeps nothing, and to look for others is to look whether there is an array.
            self.others = None;
        }
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What a message of so many bytes is charged when nothing else waits.
#[cfg(feature = "codec")]
pub(super) fn cost_of_one(len: usize) -> usize {
    Large::cost_of(len, 0).max(SEGMENT_LEN)
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "codec")]
    use std::sync::Arc;

    use super::*;

    pub(super) fn drain(queue: &mut SendQueue, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); 5];
            let (count, len) = queue.slices(&mut slices, step);
            assert!(len > 0 && len <= step);
            all.extend(slices[..count].iter().flat_map(|slice| slice.iter()));
            assert_eq!(slices[..count].iter().map(|slice| slice.len()).sum::<usize>(), len);
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
        assert_eq!(queue.only().map(<[u8]>::len), Some(10_000));
    }

    /// A body is not copied, and is charged by what it holds; where bytes are cut in the middle of it makes no difference.
    #[cfg(feature = "codec")]
    #[test]
    fn owned_bodies_leave_in_order_from_where_they_lie() {
        let memory = Memory::new(1 << 20);
        let shared: Arc<[u8]> = vec![3; 9000].into();
        for step in [1, 7, 5000, usize::MAX] {
            let mut queue = SendQueue::new(&memory);
            let mut expected = Vec::new();
            for turn in 0..3_u8 {
                queue.push([b"(", &[turn; 10], b")"]).unwrap();
                expected.extend_from_slice(&[&b"("[..], &[turn; 10], b")"].concat());
                for body in [
                    vec![turn; 5000].into(),
                    Arc::clone(&shared).into(),
                    Body::from(&[9; 4096][..]),
                    vec![8; 40].into(),
                ] {
                    let head = Short::new(*b"head............", 4);
                    let tail = Short::new(*b"t...............", u8::from(turn == 1));
                    expected.extend_from_slice(b"head");
                    expected.extend_from_slice(body.as_ref());
                    expected.extend_from_slice(&b"t"[..usize::from(turn == 1)]);
                    queue.push_owned(head, body, tail, Vec::new()).unwrap();
                }
                #[cfg(feature = "mq")]
                for ats in [&[0, 1, 1, 4999, 5000][..], &[2500]] {
                    let inset = |&at| Inset::new(Short::new(*b"mid.............", 3), at);
                    let insets = ats.iter().filter_map(inset).collect();
                    queue.push_owned(None, vec![turn; 5000].into(), None, insets).unwrap();
                    let mut cut = vec![turn; 5000];
                    ats.iter().rev().for_each(|&at| drop(cut.splice(at..at, *b"mid")));
                    expected.extend(cut);
                }
            }
            assert_eq!(queue.len(), expected.len());
            assert_eq!(Arc::strong_count(&shared), 4);
            assert_eq!(drain(&mut queue, step), expected);
            assert_eq!((memory.used(), Arc::strong_count(&shared)), (0, 1));
        }
    }

    #[test]
    fn a_vector_is_charged_by_its_capacity_and_handed_back_when_that_is_not_free() {
        let memory = Memory::new(20_000);
        let mut queue = SendQueue::new(&memory);
        let mut roomy = Vec::with_capacity(19_900);
        roomy.resize(4096, 1);
        let place = roomy.as_ptr();
        queue.push_owned(None, roomy.clone().into(), None, Vec::new()).unwrap();
        assert!(memory.used() < 5000);
        let (full, body) = queue.push_owned(None, roomy.into(), None, Vec::new()).unwrap_err();
        assert!(full.wanted > 19_900 && full.wanted < 20_000, "{full}");
        assert_eq!(body.as_ref().as_ptr(), place);
        assert_eq!(queue.len(), 4096);
        drop(queue);
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
