//! What the sockets carry: messages of one or more parts.

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use super::Part;

/// A message: at least one part, sent and received whole or not at all.
///
/// Most have one, and are made [`From`] whatever a [`Part`] is.
///
/// ```
/// use ringmq::mq::Message;
///
/// let mut news = Message::from("weather");
/// news.push_back("it rains");
/// assert_eq!(news.parts().map(|part| part.len()).collect::<Vec<_>>(), [7, 8]);
/// assert_eq!((news.part_count(), news.len()), (2, 15));
/// ```
#[derive(Clone)]
pub struct Message(Parts);

/// One part, or with what a request has before it, needs no memory for the list.
#[derive(Clone)]
enum Parts {
    One(Part),
    Two([Part; 2]),
    Many(VecDeque<Part>),
}

impl Message {
    /// A message of these parts; `None` if there is none.
    pub fn from_parts<P: Into<Part>>(parts: impl IntoIterator<Item = P>) -> Option<Message> {
        let mut parts = parts.into_iter();
        let mut message = Message::from(parts.next()?);
        parts.for_each(|part| message.push_back(part));
        Some(message)
    }

    /// How many parts it has: at least one.
    #[inline]
    pub fn part_count(&self) -> usize {
        match &self.0 {
            Parts::One(_) => 1,
            Parts::Two(_) => 2,
            Parts::Many(parts) => parts.len(),
        }
    }

    /// How many bytes its parts have together.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Parts::One(part) => part.len(), // so are most
            Parts::Two(_) | Parts::Many(_) => self.len_of_several(),
        }
    }

    #[inline(never)]
    fn len_of_several(&self) -> usize {
        self.parts().map(|part| part.len()).sum()
    }

    /// Whether its parts have no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let (front, back): (&[Part], &[Part]) = match &self.0 {
            Parts::One(part) => (std::slice::from_ref(part), &[]),
            Parts::Two(parts) => (parts, &[]),
            Parts::Many(parts) => parts.as_slices(),
        };
        front.iter().chain(back)
    }

    /// All of it; what is left is a part of no bytes.
    #[inline]
    pub(crate) fn take(&mut self) -> Message {
        Message(mem::replace(&mut self.0, Parts::One(Part::EMPTY)))
    }

    /// The bytes of its only part, if it has no others.
    #[inline]
    pub(super) fn only(&self) -> Option<&[u8]> {
        match &self.0 {
            Parts::One(part) => Some(part),
            Parts::Two(_) | Parts::Many(_) => None,
        }
    }

    /// Its bytes, if it has one part that nobody shares.
    #[inline]
    pub(super) fn unshared(&self) -> Option<&[u8]> {
        match &self.0 {
            Parts::One(part) => part.unshared(),
            Parts::Two(_) | Parts::Many(_) => None,
        }
    }

    /// The length of the first part that is longer than `max`, if any is.
    #[inline]
    pub(crate) fn len_above(&self, max: usize) -> Option<usize> {
        match &self.0 {
            Parts::One(part) => Some(part.len()).filter(|&len| len > max),
            Parts::Two(_) | Parts::Many(_) => self.len_of_one_above(max),
        }
    }

    #[inline(never)]
    fn len_of_one_above(&self, max: usize) -> Option<usize> {
        self.parts().map(|part| part.len()).find(|&len| len > max)
    }

    /// The part at this place, counted from 0.
    pub fn part(&self, at: usize) -> Option<&Part> {
        match &self.0 {
            Parts::One(part) if at == 0 => Some(part),
            Parts::One(_) => None,
            Parts::Two(parts) => parts.get(at),
            Parts::Many(parts) => parts.get(at),
        }
    }

    /// As [`part`](Self::part), to take it out where it lies.
    pub(crate) fn part_mut(&mut self, at: usize) -> Option<&mut Part> {
        match &mut self.0 {
            Parts::One(part) if at == 0 => Some(part),
            Parts::One(_) => None,
            Parts::Two(parts) => parts.get_mut(at),
            Parts::Many(parts) => parts.get_mut(at),
        }
    }

    /// Its first part.
    #[inline]
    pub fn first(&self) -> &Part {
        match &self.0 {
            Parts::One(part) | Parts::Two([part, _]) => part,
            Parts::Many(parts) => &parts[0],
        }
    }

    /// Adds a part behind the others.
    pub fn push_back(&mut self, part: impl Into<Part>) {
        let part = part.into();
        self.0 = match mem::replace(&mut self.0, Parts::One(Part::EMPTY)) {
            Parts::One(first) => Parts::Two([first, part]),
            Parts::Two([first, second]) => Parts::Many(VecDeque::from([first, second, part])),
            Parts::Many(mut parts) => {
                parts.push_back(part);
                Parts::Many(parts)
            }
        };
    }

    /// Adds a part before the others.
    pub fn push_front(&mut self, part: impl Into<Part>) {
        let part = part.into();
        self.0 = match mem::replace(&mut self.0, Parts::One(Part::EMPTY)) {
            Parts::One(last) => Parts::Two([part, last]),
            Parts::Two([first, second]) => Parts::Many(VecDeque::from([part, first, second])),
            Parts::Many(mut parts) => {
                parts.push_front(part);
                Parts::Many(parts)
            }
        };
    }

    /// Takes the first part out; `None`, and nothing is taken, when it is the only one.
    pub fn pop_front(&mut self) -> Option<Part> {
        let (first, rest) = match mem::replace(&mut self.0, Parts::One(Part::EMPTY)) {
            Parts::One(part) => (None, Parts::One(part)),
            Parts::Two([first, second]) => (Some(first), Parts::One(second)),
            Parts::Many(mut parts) => (parts.pop_front(), Parts::Many(parts)),
        };
        self.0 = match rest {
            Parts::Many(mut parts) if parts.len() < 2 => Parts::One(parts.pop_front().unwrap_or_default()),
            rest => rest,
        };
        first
    }

    /// Its parts, each on its own.
    pub fn into_parts(self) -> Vec<Part> {
        match self.0 {
            Parts::One(part) => vec![part],
            Parts::Two(parts) => Vec::from(parts),
            Parts::Many(parts) => Vec::from(parts),
        }
    }

    /// The bytes of its only part; all parts one after the other if it has several.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Parts::One(part) => part.into_vec(),
            Parts::Two(_) | Parts::Many(_) => self.parts().flat_map(|part| part.iter()).copied().collect(),
        }
    }

    /// Another one of it, which shares what is long: for who sends it to many.
    pub fn share(&mut self) -> Message {
        Message(match &mut self.0 {
            Parts::One(part) => Parts::One(part.share()),
            Parts::Two([first, second]) => Parts::Two([first.share(), second.share()]),
            Parts::Many(parts) => Parts::Many(parts.iter_mut().map(Part::share).collect()),
        })
    }
}

/// Of the same parts: one that has lost parts may keep the list.
impl PartialEq for Message {
    fn eq(&self, other: &Message) -> bool {
        self.parts().eq(other.parts())
    }
}

impl Eq for Message {}

impl<P: Into<Part>> From<P> for Message {
    fn from(part: P) -> Message {
        Message(Parts::One(part.into()))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(message: &Message) -> Vec<Vec<u8>> {
        message.parts().map(|part| part.to_vec()).collect()
    }

    #[test]
    fn parts_come_and_go_at_either_end() {
        let mut message = Message::from("c");
        for part in ["b", "a"] {
            message.push_front(part);
        }
        for part in ["d", "e"] {
            message.push_back(part);
        }
        assert_eq!(words(&message), [b"a", b"b", b"c", b"d", b"e"]);
        assert_eq!(
            (0..6).map(|at| message.part(at).is_some()).collect::<Vec<_>>(),
            [true, true, true, true, true, false]
        );
        for part in ["a", "b", "c", "d"] {
            assert_eq!(message.pop_front(), Some(Part::from(part)));
        }
        assert_eq!((message.pop_front(), words(&message)), (None, vec![b"e".to_vec()]));
    }

    #[test]
    fn messages_are_equal_when_their_parts_are_whatever_they_had_before() {
        for len in 1..4 {
            let parts = &["a", "b", "c"][..len];
            let mut longer = Message::from_parts(parts.iter().copied()).expect("a part at least");
            longer.push_front("x");
            longer.push_front("y");
            longer.pop_front();
            assert_ne!(Some(&longer), Message::from_parts(parts.iter().copied()).as_ref());
            longer.pop_front();
            assert_eq!(Some(longer), Message::from_parts(parts.iter().copied()));
        }
    }

    #[test]
    fn there_is_no_message_of_no_part() {
        assert_eq!(Message::from_parts(Vec::<Part>::new()), None);
        assert_eq!(Message::from_parts(["a"]), Some(Message::from("a")));
    }
}
