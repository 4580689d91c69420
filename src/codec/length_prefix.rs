//! Frames that begin with their length: [`LengthPrefix`], a field of one to eight bytes and then the body.

use super::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// A codec whose frames are the length of the body, as an unsigned number in a field of fixed width, and the body.
///
/// ```text
/// +----------------+---------------------- - - -
/// | length of body |  body
/// | 1 to 8 bytes   |  length bytes
/// +----------------+---------------------- - - -
/// ```
///
/// The field is four bytes wide and big-endian unless [`field_len`](LengthPrefix::field_len) and
/// [`little_endian`](LengthPrefix::little_endian) say otherwise. It does not count itself. A frame whose header announces more
/// than the maximum is refused when the header is there, before its body has arrived.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, Encoder, Affixes, LengthPrefix, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, mut encoder) = LengthPrefix::new(60_000).field_len(2).halves();
///
/// let mut affixes = Affixes::new();
/// encoder.encode((), 5, &mut affixes)?;
/// assert_eq!(affixes.before(), [0, 5]);
///
/// assert_eq!(decoder.decode(b"\0\x05hel")?, Step::More(2));
/// assert_eq!(decoder.decode(b"\0\x05hello\0")?, Step::Frame { head: (), body: 2..7, used: 7 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthPrefix {
    max: usize,
    field_len: usize,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

/// The widest field: a `u64`.
const FIELD_LEN_MAX: usize = 8;

/// No slice is longer than this, and so no input; with it no length of a whole frame overflows.
const FRAME_LEN_MAX: usize = isize::MAX as usize;

impl LengthPrefix {
    /// A big-endian field of four bytes before bodies of at most `max` bytes.
    ///
    /// There is no unlimited: who may announce any length may occupy any amount of memory.
    ///
    /// # Panics
    ///
    /// If `max` is so large that no slice can hold the frame, that is above `isize::MAX - 8`.
    ///
    /// A maximum that needs a wider field, above 4 GiB, is in order here and panics in [`halves`](Codec::halves) if no
    /// [`field_len`](LengthPrefix::field_len) has followed.
    ///
    /// ```
    /// use ringmq::codec::{Affixes, Codec, Encoder, FrameError, LengthPrefix};
    ///
    /// let (_, mut encoder) = LengthPrefix::new(1024).halves();
    /// let mut affixes = Affixes::new();
    /// assert_eq!(encoder.encode((), 1024, &mut affixes), Ok(()));
    /// assert_eq!(affixes.before(), [0, 0, 4, 0]);
    /// assert_eq!(encoder.encode((), 1025, &mut affixes), Err(FrameError::TooLong { len: 1025, max: 1024 }));
    /// ```
    #[must_use]
    pub fn new(max: usize) -> LengthPrefix {
        let most = FRAME_LEN_MAX - FIELD_LEN_MAX;
        assert!(max <= most, "a maximum of {max} bytes is more than a slice can hold: at most {most}");
        LengthPrefix { max, field_len: 4, order: Order::Big }
    }

    /// The same with a field of `field_len` bytes, from 1 to 8.
    ///
    /// # Panics
    ///
    /// If `field_len` is not from 1 to 8, or if such a field cannot express the maximum.
    ///
    /// ```
    /// use ringmq::codec::{Affixes, Codec, Encoder, LengthPrefix};
    ///
    /// # fn main() -> Result<(), ringmq::codec::FrameError> {
    /// let (_, mut encoder) = LengthPrefix::new(65_535).field_len(2).halves();
    /// let mut affixes = Affixes::new();
    /// encoder.encode((), 258, &mut affixes)?;
    /// assert_eq!(affixes.before(), [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn field_len(self, field_len: usize) -> LengthPrefix {
        assert!(
            (1..=FIELD_LEN_MAX).contains(&field_len),
            "expected a field of 1 to 8 bytes, found {field_len}"
        );
        let wider = LengthPrefix { field_len, ..self };
        wider.assert_expressible();
        wider
    }

    /// The same with the least significant byte of the field first.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, LengthPrefix, Step};
    ///
    /// # fn main() -> Result<(), ringmq::codec::FrameError> {
    /// let (mut decoder, _) = LengthPrefix::new(1024).little_endian().halves();
    /// assert_eq!(decoder.decode(&[2, 0, 0, 0, b'h', b'i'])?, Step::Frame { head: (), body: 4..6, used: 6 });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn little_endian(self) -> LengthPrefix {
        LengthPrefix { order: Order::Little, ..self }
    }

    fn assert_expressible(self) {
        let LengthPrefix { max, field_len, .. } = self;
        let most = u64::MAX >> (64 - 8 * field_len);
        assert!(
            max as u64 <= most,
            "a field of {field_len} bytes cannot express a maximum of {max}: at most {most}"
        );
    }

    /// The number in a complete field.
    #[inline]
    fn read(self, field: &[u8]) -> u64 {
        // Byte by byte: to copy so few is a call, and costs more.
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self.order {
            Order::Big => field.iter().fold(0, append),
            Order::Little => field.iter().rev().fold(0, append),
        }
    }

    #[inline]
    fn write(self, len: u64, affixes: &mut Affixes) {
        match self.order {
            Order::Big => affixes.push_before(&len.to_be_bytes()[FIELD_LEN_MAX - self.field_len..]),
            Order::Little => affixes.push_before(&len.to_le_bytes()[..self.field_len]),
        }
    }

    #[inline]
    fn check(self, len: u64) -> Result<usize, FrameError> {
        // Compared as a `u64`: what is above the maximum may not fit a `usize`, what is not above it does.
        if len > self.max as u64 {
            return Err(FrameError::TooLong { len, max: self.max });
        }
        Ok(len as usize)
    }

    #[inline]
    fn step(self, input: &[u8]) -> Result<Step<()>, FrameError> {
        if input.len() < self.field_len {
            return Ok(Step::More(self.field_len - input.len()));
        }
        let body_len = self.check(self.read(&input[..self.field_len]))?;
        let used = self.field_len + body_len;
        if input.len() < used {
            return Ok(Step::More(used - input.len()));
        }
        Ok(Step::Frame { head: (), body: self.field_len..used, used })
    }
}

impl Codec for LengthPrefix {
    type Head = ();
    type Decoder = LengthPrefixDecoder;
    type Encoder = LengthPrefixEncoder;

    /// # Panics
    ///
    /// If the field cannot express the maximum: one above 4 GiB, without a [`field_len`](LengthPrefix::field_len).
    fn halves(self) -> (LengthPrefixDecoder, LengthPrefixEncoder) {
        self.assert_expressible();
        (LengthPrefixDecoder { layout: self, failed: None }, LengthPrefixEncoder { layout: self })
    }
}

/// The receiving half of [`LengthPrefix`].
///
/// ```
/// use ringmq::codec::{Codec, Decoder, FrameError, LengthPrefix, Step};
///
/// # fn main() -> Result<(), FrameError> {
/// let (mut decoder, _) = LengthPrefix::new(16).field_len(1).halves();
/// assert_eq!(decoder.decode(b"\x02hi")?, Step::Frame { head: (), body: 1..3, used: 3 });
///
/// // Refused without waiting for the 17 bytes, and from now on for good.
/// assert_eq!(decoder.decode(&[17]), Err(FrameError::TooLong { len: 17, max: 16 }));
/// assert_eq!(decoder.decode(b"\x02hi"), Err(FrameError::TooLong { len: 17, max: 16 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LengthPrefixDecoder {
    layout: LengthPrefix,
    failed: Option<FrameError>,
}

impl LengthPrefixDecoder {
    #[cold]
    fn fail<T>(&mut self, error: FrameError) -> Result<T, FrameError> {
        self.failed = Some(error.clone());
        Err(error)
    }
}

impl Decoder for LengthPrefixDecoder {
    type Head = ();

    #[inline]
    fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.layout.step(input) {
            Ok(step) => Ok(step),
            Err(error) => self.fail(error),
        }
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        match self.decode(rest)? {
            Step::More(_) if rest.is_empty() => Ok(()),
            Step::More(n) => self.fail(FrameError::Truncated { have: rest.len(), need: rest.len() + n }),
            Step::Frame { used, .. } => self.fail(FrameError::Undecoded { used }),
        }
    }
}

/// The sending half of [`LengthPrefix`].
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Encoder, LengthPrefix};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (_, mut encoder) = LengthPrefix::new(1024).halves();
/// let mut affixes = Affixes::new();
/// encoder.encode((), 0, &mut affixes)?;
/// assert_eq!((affixes.before(), affixes.after()), (&[0, 0, 0, 0][..], &[][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LengthPrefixEncoder {
    layout: LengthPrefix,
}

impl Encoder for LengthPrefixEncoder {
    type Head = ();

    #[inline]
    fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        let len = body_len as u64;
        self.layout.check(len)?;
        self.layout.write(len, affixes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "expected a field of 1 to 8 bytes, found 0")]
    fn a_field_of_no_bytes_is_refused() {
        let _ = LengthPrefix::new(0).field_len(0);
    }

    #[test]
    #[should_panic(expected = "expected a field of 1 to 8 bytes, found 9")]
    fn a_field_of_nine_bytes_is_refused() {
        let _ = LengthPrefix::new(0).field_len(9);
    }

    #[test]
    #[should_panic(expected = "a field of 1 bytes cannot express a maximum of 256: at most 255")]
    fn a_maximum_beyond_the_field_is_refused() {
        let _ = LengthPrefix::new(256).field_len(1);
    }

    #[test]
    fn the_greatest_number_of_a_field_is_a_maximum() {
        let _ = LengthPrefix::new(255).field_len(1).halves();
    }

    #[test]
    #[should_panic(expected = "is more than a slice can hold")]
    fn unlimited_is_refused() {
        let _ = LengthPrefix::new(usize::MAX);
    }

    #[test]
    fn the_greatest_maximum_overflows_nothing() {
        let max = FRAME_LEN_MAX - FIELD_LEN_MAX;
        let (mut decoder, _) = LengthPrefix::new(max).field_len(8).halves();
        assert_eq!(decoder.decode(&(max as u64).to_be_bytes()), Ok(Step::More(max)));
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_wider_field_may_follow_a_maximum_beyond_four_bytes() {
        let _ = LengthPrefix::new(1 << 32).field_len(5).halves();
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    #[should_panic(
        expected = "a field of 4 bytes cannot express a maximum of 4294967296: at most 4294967295"
    )]
    fn a_maximum_beyond_four_bytes_without_a_wider_field_is_refused() {
        let _ = LengthPrefix::new(1 << 32).halves();
    }
}
