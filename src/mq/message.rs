//! What the sockets carry: messages of one or more parts.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::Body;

/// How many bytes lie in the part itself: with its length that is as much as a vector takes.
const INLINE: usize = 30;

/// Up to how many bytes may be kept of a part that is dropped.
const SPARE_MAX: usize = 1024;

thread_local! {
    /// What the last part has left that was dropped, for the next: to allocate and to free takes longer than all else that is done with a
    /// short message.
    #[allow(clippy::missing_const_for_thread_local)] // it is, which is not seen on systems without thread-locals of their own
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The bytes of one part of a [`Message`]. Up to 30 of them take no memory of their own.
///
/// It is made [`From`] a `Vec<u8>`, a `String`, an `Arc<[u8]>`, which many messages can share, a `&str`, a `&[u8]` or an array of bytes.
///
/// ```
/// use ringmq::mq::Part;
///
/// let part = Part::from("topic");
/// assert_eq!(&part[..], b"topic");
/// assert_eq!(part.into_vec(), b"topic");
/// ```
#[derive(Clone)]
pub struct Part(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Owned(Own),
    Shared(Arc<[u8]>),
}

/// Bytes of one's own, which are [kept](SPARE) when they are dropped, if they are few.
#[derive(Clone)]
struct Own(Vec<u8>);

impl Own {
    #[inline]
    fn copied(bytes: &[u8]) -> Own {
        if bytes.len() <= SPARE_MAX {
            if let Ok(mut spare) = SPARE.try_with(Cell::take) {
                // No more than twice what is needed: it may be kept for long.
                if spare.capacity() >= bytes.len() && spare.capacity() / 2 <= bytes.len() {
                    spare.clear();
                    spare.extend_from_slice(bytes);
                    return Own(spare);
                }
            }
        }
        Own(bytes.to_vec())
    }
}

impl Drop for Own {
    #[inline]
    fn drop(&mut self) {
        if (INLINE + 1..=SPARE_MAX).contains(&self.0.capacity()) {
            // A thread that ends keeps nothing.
            let _ = SPARE.try_with(|spare| drop(spare.replace(mem::take(&mut self.0))));
        }
    }
}

impl Part {
    /// A part of no bytes.
    pub const EMPTY: Part = Part(Repr::Inline { len: 0, bytes: [0; INLINE] });

    #[inline]
    fn copied(bytes: &[u8]) -> Part {
        if bytes.len() > INLINE {
            return Part(Repr::Owned(Own::copied(bytes)));
        }
        let mut inline = [0; INLINE];
        inline[..bytes.len()].copy_from_slice(bytes);
        Part(Repr::Inline { len: bytes.len() as u8, bytes: inline })
    }

    /// Its bytes, copied if they are shared or few.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Repr::Owned(mut own) => mem::take(&mut own.0),
            Repr::Inline { len, bytes } => bytes[..usize::from(len)].to_vec(),
            Repr::Shared(bytes) => bytes.to_vec(),
        }
    }

    /// The same part, so that another one of it costs nothing: few bytes stay where they are, others are put where both see them.
    pub fn share(&mut self) -> Part {
        if let Repr::Owned(own) = &mut self.0 {
            self.0 = Repr::Shared(Arc::from(mem::take(&mut own.0)));
        }
        self.clone()
    }
}

impl std::ops::Deref for Part {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Owned(own) => &own.0,
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Default for Part {
    fn default() -> Part {
        Part::EMPTY
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Part {}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

impl From<Vec<u8>> for Part {
    fn from(bytes: Vec<u8>) -> Part {
        Part(Repr::Owned(Own(bytes)))
    }
}

impl From<String> for Part {
    fn from(text: String) -> Part {
        Part::from(text.into_bytes())
    }
}

impl From<Arc<[u8]>> for Part {
    fn from(bytes: Arc<[u8]>) -> Part {
        Part(Repr::Shared(bytes))
    }
}

impl From<&[u8]> for Part {
    #[inline]
    fn from(bytes: &[u8]) -> Part {
        Part::copied(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Part {
    fn from(bytes: &[u8; N]) -> Part {
        Part::copied(bytes)
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Part {
        Part::copied(text.as_bytes())
    }
}

/// What was refused comes back as it was.
impl From<Body> for Part {
    fn from(body: Body) -> Part {
        match body.try_into_shared() {
            Ok(bytes) => Part::from(bytes),
            Err(body) => Part::from(body.into_vec()),
        }
    }
}

impl From<Part> for Body {
    fn from(part: Part) -> Body {
        match part.0 {
            Repr::Owned(mut own) => Body::from(mem::take(&mut own.0)),
            Repr::Shared(bytes) => Body::from(bytes),
            Repr::Inline { len, bytes } => Body::from(bytes[..usize::from(len)].to_vec()),
        }
    }
}

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
            Parts::One(Part(Repr::Owned(own))) => Some(&own.0),
            Parts::One(Part(Repr::Inline { len, bytes })) => Some(&bytes[..usize::from(*len)]),
            _ => None,
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
    fn bytes_of_any_number_stay_what_they_are() {
        for len in [0, 1, INLINE - 1, INLINE, INLINE + 1, 1000] {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let mut message = Message::from(&bytes[..]);
            let shared = message.share();
            assert_eq!((message.len(), &message.first()[..]), (len, &bytes[..]));
            assert_eq!(shared, message);
            assert_eq!(Body::from(shared.first().clone()).as_ref(), bytes);
            assert_eq!(message.into_vec(), bytes);
        }
    }

    #[test]
    fn what_a_short_part_leaves_is_of_the_next_one_if_that_is_about_as_long() {
        let place_of = |part: &Part| part.as_ptr();
        let part = Part::from(&[1; 100]);
        let place = place_of(&part);
        drop(part);
        let few = Part::from(&[2; 40]);
        assert_ne!(place_of(&few), place, "it would occupy more than twice what it needs");
        drop(Part::from(&[3; 200]));
        let part = Part::from(&[4; 150]);
        assert_eq!(part, Part::from(vec![4; 150]));
        assert_eq!(part.into_vec().capacity(), 200);
    }

    #[test]
    fn there_is_no_message_of_no_part() {
        assert_eq!(Message::from_parts(Vec::<Part>::new()), None);
        assert_eq!(Message::from_parts(["a"]), Some(Message::from("a")));
    }
}
