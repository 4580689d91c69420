//! One part of a message: its bytes, in place where they are few.

use std::cell::Cell;
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

/// The bytes of one part of a [`Message`](super::Message). Up to 30 of them take no memory of their own.
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

    /// Its bytes, if nobody shares them.
    #[inline]
    pub(super) fn unshared(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Owned(own) => Some(&own.0),
            Repr::Inline { len, bytes } => Some(&bytes[..usize::from(*len)]),
            Repr::Shared(_) => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mq::Message;

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
}
