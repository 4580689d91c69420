//! Frames that begin with their length: [`LengthPrefix`], a field of one to eight bytes and then the body.

use std::num::NonZeroU8;

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
    field_len: NonZeroU8,
    /// By how many bits the field is shorter than the widest.
    unused_bits: u8,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

/// How wide the field is unless that is asked for.
const FIELD_LEN: NonZeroU8 = match NonZeroU8::new(4) {
    Some(len) => len,
    None => unreachable!(),
};

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
        LengthPrefix { max, field_len: FIELD_LEN, unused_bits: 32, order: Order::Big }
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
        let field_len = NonZeroU8::new(field_len as u8).expect("it is from 1 to 8");
        let wider = LengthPrefix { field_len, unused_bits: 64 - 8 * field_len.get(), ..self };
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
        let most = u64::MAX >> self.unused_bits;
        assert!(
            max as u64 <= most,
            "a field of {field_len} bytes cannot express a maximum of {max}: at most {most}"
        );
    }

    /// How many bytes go before a body.
    #[inline]
    fn header_len(&self) -> usize {
        usize::from(self.field_len.get())
    }

    /// The number in a complete field.
    fn read(&self, field: &[u8]) -> u64 {
        // Byte by byte: to copy so few is a call, and costs more.
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self.order {
            Order::Big => field.iter().fold(0, append),
            Order::Little => field.iter().rev().fold(0, append),
        }
    }

    /// As [`read`](Self::read) of a field at the front of so many bytes.
    #[inline]
    fn read_front(&self, bytes: [u8; FIELD_LEN_MAX]) -> u64 {
        match self.order {
            Order::Big => u64::from_be_bytes(bytes) >> self.unused_bits,
            Order::Little => u64::from_le_bytes(bytes) << self.unused_bits >> self.unused_bits,
        }
    }

    /// Has the length of a body go before it.
    #[inline]
    fn write(&self, len: u64, affixes: &mut Affixes) {
        let bytes = match self.order {
            Order::Big => (len << self.unused_bits).to_be_bytes(),
            Order::Little => len.to_le_bytes(),
        };
        affixes.set_before(bytes, self.field_len);
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
        let decoder =
            LengthPrefixDecoder { layout: self, bound: self.max as u64 + 1, failed: Failed::too_long(0) };
        (decoder, LengthPrefixEncoder { layout: self })
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
    /// Every length that is in order is below this. After an error none is, so that nobody need look for one.
    bound: u64,
    /// The error, once there is one.
    failed: Failed,
}

/// The errors that there can be here, in two words: an idle connection pays for them.
#[derive(Clone, Copy, Debug)]
struct Failed {
    /// The length that is too long; how much of a frame is there; how long the frame is that waits.
    first: u64,
    /// How much of a frame there has to be; or what of the others it is.
    second: u64,
}

impl Failed {
    const TOO_LONG: u64 = 0;
    const UNDECODED: u64 = u64::MAX;

    fn too_long(len: u64) -> Failed {
        Failed { first: len, second: Failed::TOO_LONG }
    }

    fn undecoded(used: usize) -> Failed {
        Failed { first: used as u64, second: Failed::UNDECODED }
    }

    /// A frame has at least one byte, and fits a slice: so `need` is told from what stands for others.
    fn truncated(have: usize, need: usize) -> Failed {
        Failed { first: have as u64, second: need as u64 }
    }

    fn error(self, max: usize) -> FrameError {
        match (self.first, self.second) {
            (len, Failed::TOO_LONG) => FrameError::TooLong { len, max },
            (used, Failed::UNDECODED) => FrameError::Undecoded { used: used as usize },
            (have, need) => FrameError::Truncated { have: have as usize, need: need as usize },
        }
    }
}

impl LengthPrefixDecoder {
    /// The number in the field at the front of fewer bytes than the widest has; if it is not complete, how many it lacks.
    #[inline(never)]
    fn read_short(&self, input: &[u8]) -> Result<u64, usize> {
        if self.bound == 0 {
            return Ok(u64::MAX); // as good as any: there is none in order
        }
        let field_len = self.layout.header_len();
        let field = input.get(..field_len).ok_or_else(|| field_len - input.len())?;
        Ok(self.layout.read(field))
    }

    /// What is wrong with a number that is not in order.
    #[cold]
    fn refuse(&mut self, number: u64) -> FrameError {
        match self.bound {
            0 => self.failed.error(self.layout.max),
            _ => self.fail(Failed::too_long(number)),
        }
    }

    #[cold]
    fn fail(&mut self, failed: Failed) -> FrameError {
        self.bound = 0;
        self.failed = failed;
        failed.error(self.layout.max)
    }
}

impl Decoder for LengthPrefixDecoder {
    type Head = ();

    #[inline]
    fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        // As many bytes as the widest field has are read at once, whatever the width.
        let number = match input.get(..FIELD_LEN_MAX).and_then(|front| front.try_into().ok()) {
            Some(front) => self.layout.read_front(front),
            None => match self.read_short(input) {
                Ok(number) => number,
                Err(more) => return Ok(Step::More(more)),
            },
        };
        if number >= self.bound {
            return Err(self.refuse(number));
        }
        // What is in order is no greater than the maximum, and so a `usize`.
        let field_len = self.layout.header_len();
        let used = field_len + number as usize;
        if used > input.len() {
            return Ok(Step::More(used - input.len()));
        }
        Ok(Step::Frame { head: (), body: field_len..used, used })
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        match self.decode(rest)? {
            Step::More(_) if rest.is_empty() => Ok(()),
            Step::More(n) => Err(self.fail(Failed::truncated(rest.len(), rest.len() + n))),
            Step::Frame { used, .. } | Step::Skip { used } => Err(self.fail(Failed::undecoded(used))),
        }
    }

    fn max_frame_len(&self) -> usize {
        self.layout.header_len() + self.layout.max
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
        if body_len > self.layout.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.layout.max });
        }
        self.layout.write(body_len as u64, affixes);
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
