//! Messages that wait, in order: [`Queue`], where short ones take no memory of their own.

use std::collections::VecDeque;
use std::mem;

use super::Message;

/// Up to how many bytes of a message of one part are copied: to allocate, and to free when many others are allocated, takes longer.
const SHORT_MAX: usize = 1024;

/// The length of a short message, which lies before its bytes.
type Head = u16;

/// In the place of a length: the message is among the long ones.
const LONG: Head = Head::MAX;

const HEAD_LEN: usize = mem::size_of::<Head>();

/// How long the array for short messages is that an empty queue begins with. Each further one is twice as long, up to the most: so little
/// is taken that is not used, and an array that was emptied is soon given back.
const ARRAY_LEN: usize = 256;
const ARRAY_MAX: usize = 16 * 1024;

/// How much an empty queue keeps: with more, idle peers would be expensive.
const KEPT_LEN: usize = 2 * ARRAY_LEN;

/// Messages that wait. A short one is copied behind the one before it, and is a [`Message`] again when it is taken.
#[derive(Default, Debug)]
pub(super) struct Queue {
    /// What goes out first, and as far as it has gone out.
    front: Vec<u8>,
    gone: usize,
    /// What goes out behind it, in order.
    middle: VecDeque<Vec<u8>>,
    /// What came last. It is behind the others, and is added to.
    back: Vec<u8>,
    /// The others, with their lengths, which they do not keep while they are handed over.
    long: VecDeque<(Message, usize)>,
    count: usize,
    len: usize,
}

/// The message that goes out first.
pub(super) enum First<'a> {
    Short(&'a [u8]),
    Long(&'a mut Message),
}

impl Queue {
    /// How many messages wait.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many bytes their parts have.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Puts a message behind the others. What is left of it is of no use.
    #[inline]
    pub fn push(&mut self, message: &mut Message) {
        match message.unshared() {
            Some(bytes) if self.push_bytes(bytes) => {}
            _ => {
                let len = message.len();
                self.push_long(message.take(), len);
            }
        }
    }

    /// Puts a message of one part behind the others, if it is short; answers whether it was.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        let is_short = bytes.len() <= SHORT_MAX;
        if is_short {
            self.push_head(bytes.len() as Head, bytes.len());
            self.back.extend_from_slice(bytes);
            self.len += bytes.len();
        }
        is_short
    }

    /// As [`push`](Self::push), of one that parts may have been taken out of, and had so many bytes.
    pub fn push_begun(&mut self, message: &mut Message, len: usize) {
        match message.len() == len {
            true => self.push(message),
            false => self.push_long(message.take(), len),
        }
    }

    #[inline(never)]
    fn push_long(&mut self, message: Message, len: usize) {
        self.push_head(LONG, 0);
        self.len += len;
        self.long.push_back((message, len));
    }

    /// Puts all messages of another queue behind the others.
    pub fn append(&mut self, other: &mut Queue) {
        if self.is_empty() {
            mem::swap(self, other);
            return;
        }
        other.front.drain(..mem::take(&mut other.gone));
        for array in [&mut self.back, &mut other.front] {
            if !array.is_empty() {
                self.middle.push_back(mem::take(array));
            }
        }
        self.middle.append(&mut other.middle);
        self.back = mem::take(&mut other.back);
        self.long.append(&mut other.long);
        self.count += mem::take(&mut other.count);
        self.len += mem::take(&mut other.len);
    }

    /// Puts the message that goes out first behind those of another queue; answers with its length. `None` if there is none.
    #[inline]
    pub fn move_first(&mut self, to: &mut Queue) -> Option<usize> {
        let len = self.len;
        match self.first()? {
            First::Short(bytes) => {
                to.push_bytes(bytes);
                self.drop_first();
            }
            First::Long(_) => to.push(&mut self.pop()?),
        }
        Some(len - self.len)
    }

    /// With room for `len` bytes behind it.
    #[inline]
    fn push_head(&mut self, head: Head, len: usize) {
        if self.back.capacity() - self.back.len() < HEAD_LEN + len {
            self.open_array(HEAD_LEN + len);
        }
        self.back.extend_from_slice(&head.to_ne_bytes());
        self.count += 1;
    }

    /// Goes on in another array, of at least `len` bytes.
    #[inline(never)]
    fn open_array(&mut self, len: usize) {
        let wanted = (2 * self.back.capacity()).clamp(ARRAY_LEN, ARRAY_MAX).max(len);
        let full = mem::replace(&mut self.back, Vec::with_capacity(wanted));
        if !full.is_empty() {
            self.middle.push_back(full);
        }
    }

    /// The message that goes out first, to be handed over where it lies.
    #[inline]
    pub fn first(&mut self) -> Option<First<'_>> {
        let bytes = self.first_bytes()?;
        Some(match bytes {
            Some((start, len)) => First::Short(&self.front[start..start + len]),
            None => First::Long(&mut self.long.front_mut().expect(AMONG_LONG).0),
        })
    }

    /// The message that goes out first, if it lies among the short ones.
    #[inline]
    pub fn first_short(&mut self) -> Option<&[u8]> {
        if self.gone == self.front.len() && !self.turn_over() {
            return None;
        }
        let (head, behind) = self.front[self.gone..].split_at(HEAD_LEN);
        match Head::from_ne_bytes(head.try_into().expect("as many bytes as it has")) {
            LONG => None,
            len => Some(&behind[..usize::from(len)]),
        }
    }

    /// Drops the [first](Self::first_short), which has so many bytes.
    #[inline]
    pub fn drop_short(&mut self, len: usize) {
        self.gone += HEAD_LEN + len;
        self.took(len);
    }

    /// Drops the message that goes out first.
    #[inline]
    pub fn drop_first(&mut self) {
        let len = match self.first_bytes() {
            Some(Some((start, len))) => {
                self.gone = start + len;
                len
            }
            Some(None) => self.pop_long().1,
            None => return,
        };
        self.took(len);
    }

    /// Takes the message that goes out first.
    #[inline]
    pub fn pop(&mut self) -> Option<Message> {
        let (message, len) = match self.first_bytes()? {
            Some((start, len)) => {
                self.gone = start + len;
                (Message::from(&self.front[start..start + len]), len)
            }
            None => self.pop_long(),
        };
        self.took(len);
        Some(message)
    }

    #[inline(never)]
    fn pop_long(&mut self) -> (Message, usize) {
        self.gone += HEAD_LEN;
        self.long.pop_front().expect(AMONG_LONG)
    }

    #[inline]
    fn took(&mut self, len: usize) {
        self.count -= 1;
        self.len -= len;
        if self.count == 0 {
            self.emptied();
        }
    }

    /// Where the first message lies in the front, and how long it is; `None` of a long one. `None` if there is none.
    #[inline]
    #[allow(clippy::option_option)]
    fn first_bytes(&mut self) -> Option<Option<(usize, usize)>> {
        if self.gone == self.front.len() && !self.turn_over() {
            return None;
        }
        let start = self.gone + HEAD_LEN;
        let head = self.front[self.gone..start].try_into().expect("as many bytes as it has");
        match Head::from_ne_bytes(head) {
            LONG => Some(None),
            len => Some(Some((start, usize::from(len)))),
        }
    }

    /// All that was in front is gone. Answers whether there is more.
    #[inline(never)]
    fn turn_over(&mut self) -> bool {
        if self.count == 0 {
            return false;
        }
        let next = self.middle.pop_front().unwrap_or_else(|| mem::take(&mut self.back));
        let mut gone = mem::replace(&mut self.front, next);
        self.gone = 0;
        if self.back.capacity() == 0 {
            gone.clear();
            self.back = gone;
        }
        true
    }

    /// Gives memory back when nothing waits any more.
    #[inline(never)]
    fn emptied(&mut self) {
        self.gone = 0;
        self.front.clear();
        for array in [&mut self.front, &mut self.back] {
            if array.capacity() > KEPT_LEN {
                *array = Vec::new();
            }
        }
        if self.middle.capacity() > 0 {
            self.middle = VecDeque::new();
        }
        if self.long.capacity() * mem::size_of::<(Message, usize)>() > 2 * KEPT_LEN {
            self.long = VecDeque::new();
        }
    }
}

const AMONG_LONG: &str = "a message whose length is not with the short ones is among the long ones";

#[cfg(test)]
mod tests {
    use super::*;

    fn message(at: usize) -> Message {
        let bytes = vec![at as u8; [0, 1, 64, 300, SHORT_MAX, SHORT_MAX + 1, 5000][at % 7]];
        let mut message = Message::from(bytes);
        match at % 5 {
            3 => message.push_front("name"),
            4 => drop(message.share()),
            _ => {}
        }
        message
    }

    #[test]
    fn messages_of_all_kinds_are_taken_as_they_came_and_counted() {
        let mut queue = Queue::default();
        let (mut came, mut taken) = (0, 0);
        for (more, fewer) in [(1, 1), (200, 150), (3, 40), (1000, 500), (0, 513), (1, 1)] {
            for _ in 0..more {
                queue.push(&mut message(came));
                came += 1;
            }
            for _ in 0..fewer {
                assert_eq!(queue.pop(), Some(message(taken)), "number {taken}");
                taken += 1;
            }
            let len: usize = (taken..came).map(|at| message(at).len()).sum();
            assert_eq!((queue.count(), queue.len(), queue.is_empty()), (came - taken, len, came == taken));
        }
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn the_first_is_seen_as_it_is_and_dropped() {
        let mut queue = Queue::default();
        assert!(queue.first().is_none());
        for at in 0..100 {
            queue.push(&mut message(at));
        }
        for at in 0..100 {
            let expected = message(at);
            match queue.first() {
                Some(First::Short(bytes)) => {
                    assert_eq!((expected.part_count(), expected.first().as_ref()), (1, bytes))
                }
                Some(First::Long(found)) => {
                    assert_eq!(*found, expected);
                    found.take(); // its length is known all the same
                }
                None => panic!("{at} are gone, and 100 came"),
            }
            queue.drop_first();
        }
        assert_eq!((queue.count(), queue.len()), (0, 0));
    }

    /// A queue of so many messages behind those that are gone already.
    fn queue(gone: usize, came: usize) -> Queue {
        let mut queue = Queue::default();
        (0..came).for_each(|at| queue.push(&mut message(at)));
        (0..gone).for_each(|_| queue.drop_first());
        queue
    }

    #[test]
    fn a_queue_behind_another_comes_out_behind_it_and_is_empty() {
        for gone in [0, 1, 20, 299, 300] {
            for (other_gone, other_came) in [(0, 0), (0, 1), (1, 1), (0, 300), (5, 300), (299, 300)] {
                let (mut front, mut back) = (queue(gone, 300), queue(other_gone, other_came));
                let expected = (front.count() + back.count(), front.len() + back.len());
                front.append(&mut back);
                assert_eq!(
                    (front.count(), front.len(), back.count(), back.len()),
                    (expected.0, expected.1, 0, 0)
                );
                back.push(&mut message(7));
                front.push(&mut message(8));
                for at in (gone..300).chain(other_gone..other_came).chain([8]) {
                    assert_eq!(front.pop(), Some(message(at)), "{gone} gone, {other_gone} of {other_came}");
                }
                assert_eq!((front.pop(), back.pop(), back.pop()), (None, Some(message(7)), None));
            }
        }
    }

    #[test]
    fn the_first_is_moved_as_it_is() {
        let (mut from, mut to) = (queue(3, 100), Queue::default());
        for at in 3..100 {
            assert_eq!(from.move_first(&mut to), Some(message(at).len()));
            assert_eq!((from.count(), to.count()), (99 - at, at - 2));
        }
        assert_eq!((from.move_first(&mut to), from.len()), (None, 0));
        for at in 3..100 {
            assert_eq!(to.pop(), Some(message(at)));
        }
    }

    #[test]
    fn what_is_shared_stays_shared() {
        let mut queue = Queue::default();
        let bytes: std::sync::Arc<[u8]> = vec![7; 100].into();
        queue.push(&mut Message::from(std::sync::Arc::clone(&bytes)));
        assert_eq!(std::sync::Arc::strong_count(&bytes), 2);
        queue.drop_first();
        assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
    }

    #[test]
    fn an_empty_queue_keeps_little_and_a_full_one_little_more_than_what_waits() {
        let mut queue = Queue::default();
        let held = |queue: &Queue| {
            let arrays = queue.middle.iter().chain([&queue.front, &queue.back]);
            arrays.map(Vec::capacity).sum::<usize>()
        };
        for _ in 0..3 {
            for _ in 0..10_000 {
                queue.push(&mut Message::from(&[1; 64]));
            }
            for left in (0..10_000).rev() {
                assert!(held(&queue) <= queue.count() * (64 + HEAD_LEN) * 11 / 10 + 3 * ARRAY_MAX, "{left}");
                queue.drop_first();
            }
            assert!(held(&queue) <= 2 * KEPT_LEN);
        }
    }
}
