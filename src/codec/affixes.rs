//! The few bytes an encoder puts around a body, kept beside it instead of being copied together with it: [`Affixes`].

use std::fmt;
use std::num::NonZeroU8;

/// The bytes that go before and after one body.
///
/// An [`Encoder`](super::Encoder) fills it, and the body is sent from where it lies: a header of a few bytes never costs a
/// copy of a large body. The storage is inline, so nothing is allocated.
///
/// ```
/// use ringmq::codec::Affixes;
///
/// let mut affixes = Affixes::new();
/// affixes.push_before(b"5:");
/// affixes.push_after(b",");
/// assert_eq!((affixes.before(), affixes.after()), (&b"5:"[..], &b","[..]));
/// assert_eq!(affixes.len(), 3);
///
/// affixes.clear();
/// assert!(affixes.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Affixes {
    before: Affix,
    after: Affix,
}

impl Affixes {
    /// How many bytes each side can hold: 16.
    ///
    /// The longest header in common use is WebSocket's with 14 bytes; ZMTP's has 9, a 64 bit varint 10. What follows a body
    /// is a delimiter of one or two bytes, or a tag of a fixed size, rarely above 16.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::Affixes::CAPACITY, 16);
    /// ```
    pub const CAPACITY: usize = 16;

    /// Nothing before and nothing after.
    ///
    /// ```
    /// assert!(ringmq::codec::Affixes::new().is_empty());
    /// ```
    #[inline]
    pub fn new() -> Affixes {
        Affixes::default()
    }

    /// Adds bytes at the end of what goes before the body.
    ///
    /// # Panics
    ///
    /// If there would be more than [`CAPACITY`](Affixes::CAPACITY) of them. How long a header can get is decided by the code
    /// of the encoder and by no peer, so this is a mistake in that code.
    ///
    /// ```
    /// let mut affixes = ringmq::codec::Affixes::new();
    /// affixes.push_before(&[0x01]);
    /// affixes.push_before(&7_u32.to_be_bytes());
    /// assert_eq!(affixes.before(), [0x01, 0, 0, 0, 7]);
    /// ```
    #[inline]
    pub fn push_before(&mut self, bytes: &[u8]) {
        self.before.push(bytes);
    }

    /// Has the first `len` of these bytes, and nothing else, go before the body: as [`push_before`](Affixes::push_before) into what is
    /// empty, for what is copied faster whole than counted.
    #[inline]
    pub(crate) fn set_before(&mut self, bytes: [u8; 8], len: NonZeroU8) {
        debug_assert!(len.get() <= 8, "there are eight");
        self.before.bytes[..8].copy_from_slice(&bytes);
        self.before.len = len.get();
    }

    /// Adds bytes at the end of what goes after the body.
    ///
    /// # Panics
    ///
    /// If there would be more than [`CAPACITY`](Affixes::CAPACITY) of them, as [`push_before`](Affixes::push_before) does.
    ///
    /// ```
    /// let mut affixes = ringmq::codec::Affixes::new();
    /// affixes.push_after(b"\r\n");
    /// assert_eq!(affixes.after(), b"\r\n");
    /// ```
    #[inline]
    pub fn push_after(&mut self, bytes: &[u8]) {
        self.after.push(bytes);
    }

    /// What goes before the body.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::Affixes::new().before(), b"");
    /// ```
    #[inline]
    pub fn before(&self) -> &[u8] {
        self.before.bytes()
    }

    /// What goes before the body and what goes after it: all the bytes that there is room for, and how many of them count. For who
    /// copies so few bytes faster than he counts them; and by value, since what is not looked at as a slice need not lie in memory.
    #[inline]
    pub(crate) fn padded(&self) -> [([u8; Affixes::CAPACITY], u8); 2] {
        [(self.before.bytes, self.before.len), (self.after.bytes, self.after.len)]
    }

    /// What goes after the body.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::Affixes::new().after(), b"");
    /// ```
    #[inline]
    pub fn after(&self) -> &[u8] {
        self.after.bytes()
    }

    /// How many bytes both sides have together: what a frame costs beyond its body.
    ///
    /// ```
    /// let mut affixes = ringmq::codec::Affixes::new();
    /// affixes.push_before(&[0; 4]);
    /// assert_eq!(affixes.len(), 4);
    /// ```
    pub fn len(&self) -> usize {
        usize::from(self.before.len) + usize::from(self.after.len)
    }

    /// Whether both sides are empty.
    ///
    /// ```
    /// let mut affixes = ringmq::codec::Affixes::new();
    /// affixes.push_after(b"\n");
    /// assert!(!affixes.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties both sides.
    ///
    /// ```
    /// let mut affixes = ringmq::codec::Affixes::new();
    /// affixes.push_before(b"5:");
    /// affixes.clear();
    /// assert_eq!(affixes.before(), b"");
    /// ```
    #[inline]
    pub fn clear(&mut self) {
        *self = Affixes::new();
    }
}

impl PartialEq for Affixes {
    fn eq(&self, other: &Affixes) -> bool {
        (self.before(), self.after()) == (other.before(), other.after())
    }
}

impl Eq for Affixes {}

impl fmt::Debug for Affixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Affixes").field("before", &self.before()).field("after", &self.after()).finish()
    }
}

/// One side: the first `len` of the bytes count.
#[derive(Clone, Default)]
struct Affix {
    bytes: [u8; Affixes::CAPACITY],
    len: u8,
}

impl Affix {
    #[inline]
    fn push(&mut self, more: &[u8]) {
        let start = usize::from(self.len);
        let room = Affixes::CAPACITY - start;
        assert!(more.len() <= room, "an affix has room for {room} more bytes, not for {}", more.len());
        let end = start + more.len();
        self.bytes[start..end].copy_from_slice(more);
        self.len = end as u8;
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_holds_its_capacity() {
        let mut affixes = Affixes::new();
        affixes.push_before(&[1; Affixes::CAPACITY]);
        affixes.push_after(&[2; Affixes::CAPACITY]);
        assert_eq!((affixes.before(), affixes.after()), (&[1; 16][..], &[2; 16][..]));
    }

    #[test]
    #[should_panic(expected = "an affix has room for 3 more bytes, not for 4")]
    fn one_byte_beyond_the_capacity_panics() {
        let mut affixes = Affixes::new();
        affixes.push_before(&[0; 13]);
        affixes.push_before(&[0; 4]);
    }

    #[test]
    fn what_was_cleared_does_not_count_when_comparing() {
        let mut affixes = Affixes::new();
        affixes.push_before(b"old");
        affixes.clear();
        assert_eq!(affixes, Affixes::new());
    }
}
