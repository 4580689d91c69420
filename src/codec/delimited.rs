//! Frames that end with a delimiter of one's own: [`Delimited`].

use std::fmt;

use super::find::find_byte;
use super::splitter::{assert_holdable, Delimiter, Found, Splitter, TooLong};
use super::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// A codec whose frames are a body and a delimiter of 1 to 16 bytes.
///
/// ```text
/// +------- - - - -+---------------+
/// | body          | delimiter     |
/// | 0 to max      | 1 to 16 bytes |
/// +------- - - - -+---------------+
/// ```
///
/// A body goes as far as the first place where the delimiter is; there is no escaping. For lines, whose `\r` is optional, there is
/// [`Lines`](super::Lines).
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Decoder, Delimited, Encoder, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, mut encoder) = Delimited::new(b"\0", 4096).halves();
///
/// let mut affixes = Affixes::new();
/// encoder.encode((), 9, &mut affixes)?;
/// assert_eq!(affixes.after(), b"\0");
///
/// assert_eq!(decoder.decode(b"PATH=/bin\0HOME")?, Step::Frame { head: (), body: 0..9, used: 10 });
/// assert_eq!(decoder.decode(b"HOME")?, Step::More(1));
/// # Ok(())
/// # }
/// ```
///
/// # Frames that are too long
///
/// One whose body is longer than the maximum is [`FrameError::NoDelimiter`] as soon as that is certain, be its end in sight or not. With
/// [`skip_too_long`](Delimited::skip_too_long) it is passed over instead.
///
/// # What a body cannot hold
///
/// An encoder sees how long a body is and not what is in it. So it is for the caller to send none with the delimiter in it, which the other
/// side would take for two. If the delimiter begins and ends alike, as `\0\0` does, a body that ends with a part of it is not in order
/// either: the delimiter is then found too early. [`can_carry`](Delimited::can_carry) tells; ask it of every body that somebody else has
/// a say in.
///
/// # The end of the stream
///
/// A stream ends behind a delimiter and nowhere else. A rest without one is [`FrameError::Truncated`]; who takes it for a frame all the
/// same still has the bytes, as [`Lines`](super::Lines#the-last-line) shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimited {
    delimiter: Bytes,
    max: usize,
    too_long: TooLong,
}

impl Delimited {
    /// Bodies of at most `max` bytes, each with `delimiter` behind it.
    ///
    /// There is no unlimited: who may send a frame of any length may occupy any amount of memory.
    ///
    /// # Panics
    ///
    /// If `delimiter` has no bytes or more than [`Affixes::CAPACITY`], or if `max` is so large that no slice can hold the frame, that is
    /// above `isize::MAX` less the delimiter.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, Delimited, FrameError, Step};
    ///
    /// # fn main() -> Result<(), FrameError> {
    /// let (mut decoder, _) = Delimited::new(b"--", 3).halves();
    /// assert_eq!(decoder.decode(b"a-b--")?, Step::Frame { head: (), body: 0..3, used: 5 });
    /// assert_eq!(decoder.decode(b"a-b-c"), Err(FrameError::NoDelimiter { max: 3 }));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(delimiter: &[u8], max: usize) -> Delimited {
        let delimiter = Bytes::new(delimiter);
        assert_holdable(max, delimiter.len());
        Delimited { delimiter, max, too_long: TooLong::Fails }
    }

    /// The same, but the decoder skips a frame that is too long, as [`Step::Skip`], and goes on with the next. None of it is kept in the
    /// meantime, so that it may have any length. [`DelimitedDecoder::skipped`] counts such frames; the encoder refuses them as before.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, Delimited, Step};
    ///
    /// # fn main() -> Result<(), ringmq::codec::FrameError> {
    /// let (mut decoder, _) = Delimited::new(b"--", 3).skip_too_long().halves();
    /// // The last byte may begin the delimiter: it stays.
    /// assert_eq!(decoder.decode(b"too long-")?, Step::Skip { used: 8 });
    /// assert_eq!(decoder.decode(b"--hi--")?, Step::Skip { used: 2 });
    /// assert_eq!(decoder.decode(b"hi--")?, Step::Frame { head: (), body: 0..2, used: 4 });
    /// assert_eq!(decoder.skipped(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn skip_too_long(self) -> Delimited {
        Delimited { too_long: TooLong::IsSkipped, ..self }
    }

    /// Whether the decoder finds `body` as it is in what the encoder makes of it: not longer than the maximum, and with no delimiter that
    /// begins in it, be it completed by the one behind it. Every byte of it is looked at.
    ///
    /// ```
    /// use ringmq::codec::Delimited;
    ///
    /// let delimited = Delimited::new(b"--", 80);
    /// assert!(delimited.can_carry(b"a-b"));
    /// assert!(!delimited.can_carry(b"a--b"));
    /// assert!(!delimited.can_carry(b"a-"), "with the delimiter it is `a---`, which begins with `a--`");
    /// ```
    pub fn can_carry(&self, body: &[u8]) -> bool {
        let delimiter = self.delimiter.as_slice();
        let is_free = !matches!(self.delimiter.find(body, 0), Found::At(_));
        // One that is completed by the delimiter behind the body begins in so many bytes at its end at most.
        let end = &body[body.len().saturating_sub(delimiter.len() - 1)..];
        let mut seam = [0; 2 * Affixes::CAPACITY];
        let seam = &mut seam[..end.len() + delimiter.len()];
        seam[..end.len()].copy_from_slice(end);
        seam[end.len()..].copy_from_slice(delimiter);
        body.len() <= self.max && is_free && self.delimiter.find(seam, 0) == Found::At(end.len())
    }
}

impl Codec for Delimited {
    type Head = ();
    type Decoder = DelimitedDecoder;
    type Encoder = DelimitedEncoder;

    fn halves(self) -> (DelimitedDecoder, DelimitedEncoder) {
        let decoder = DelimitedDecoder(Splitter::new(self.delimiter, self.max, self.too_long));
        (decoder, DelimitedEncoder { delimited: self })
    }
}

/// A delimiter: the first `len` bytes, at least one. The others are zero, so that equal ones are equal.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bytes {
    bytes: [u8; Affixes::CAPACITY],
    len: u8,
}

impl Bytes {
    fn new(delimiter: &[u8]) -> Bytes {
        let len = delimiter.len();
        assert!((1..=Affixes::CAPACITY).contains(&len), "expected a delimiter of 1 to 16 bytes, found {len}");
        let mut bytes = [0; Affixes::CAPACITY];
        bytes[..len].copy_from_slice(delimiter);
        Bytes { bytes, len: len as u8 }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_slice().escape_ascii())
    }
}

impl Delimiter for Bytes {
    #[inline]
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn max_len(&self) -> usize {
        self.len()
    }

    #[inline(always)] // as `find_byte`
    fn find(&self, input: &[u8], from: usize) -> Found {
        let delimiter = self.as_slice();
        let mut start = from;
        // Only where the first byte is can a delimiter begin.
        while let Some(place) = find_byte(self.bytes[0], input, start) {
            let rest = &input[place..];
            if delimiter.len() == 1 || rest.starts_with(delimiter) {
                return Found::At(place);
            }
            if delimiter.starts_with(rest) {
                return Found::NotBefore(place);
            }
            start = place + 1;
        }
        Found::NotBefore(input.len())
    }

    #[inline]
    fn body_len(&self, before: &[u8]) -> usize {
        before.len()
    }
}

/// The receiving half of [`Delimited`].
///
/// What it has searched it does not search again, save what may begin a delimiter: a frame costs the same, but for a small factor, in
/// however many pieces it arrives.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, Delimited, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, _) = Delimited::new(b"\r\n\r\n", 8192).halves();
/// assert_eq!(decoder.decode(b"Host: a\r\n")?, Step::More(2), "the delimiter needs as many");
/// assert_eq!(decoder.decode(b"Host: a\r\n\r\n")?, Step::Frame { head: (), body: 0..7, used: 11 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DelimitedDecoder(Splitter<Bytes>);

impl DelimitedDecoder {
    /// How many frames have been skipped since it was made, because they were too long; one that is being skipped counts already. Zero
    /// without [`skip_too_long`](Delimited::skip_too_long). Over a loop: [`Framed::decoder`](crate::Framed::decoder).
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, Delimited};
    ///
    /// # fn main() -> Result<(), ringmq::codec::FrameError> {
    /// let (mut decoder, _) = Delimited::new(b";", 3).skip_too_long().halves();
    /// decoder.decode(b"four")?;
    /// assert_eq!(decoder.skipped(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn skipped(&self) -> u64 {
        self.0.skipped()
    }
}

impl Decoder for DelimitedDecoder {
    type Head = ();

    #[inline]
    fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        self.0.decode(input)
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.0.finish(rest)
    }

    fn max_frame_len(&self) -> usize {
        self.0.max_frame_len()
    }
}

/// The sending half of [`Delimited`]. What a body may hold is the caller's to know: see [`can_carry`](Delimited::can_carry).
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Delimited, Encoder, FrameError};
///
/// # fn main() -> Result<(), FrameError> {
/// let (_, mut encoder) = Delimited::new(b"\r\n.\r\n", 80).halves();
/// let mut affixes = Affixes::new();
/// encoder.encode((), 80, &mut affixes)?;
/// assert_eq!((affixes.before(), affixes.after()), (&b""[..], &b"\r\n.\r\n"[..]));
/// assert_eq!(encoder.encode((), 81, &mut affixes), Err(FrameError::TooLong { len: 81, max: 80 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DelimitedEncoder {
    delimited: Delimited,
}

impl Encoder for DelimitedEncoder {
    type Head = ();

    #[inline]
    fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        if body_len > self.delimited.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.delimited.max });
        }
        affixes.push_after(self.delimited.delimiter.as_slice());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "expected a delimiter of 1 to 16 bytes, found 0")]
    fn a_delimiter_of_no_bytes_is_refused() {
        let _ = Delimited::new(b"", 80);
    }

    #[test]
    #[should_panic(expected = "expected a delimiter of 1 to 16 bytes, found 17")]
    fn a_delimiter_of_seventeen_bytes_is_refused() {
        let _ = Delimited::new(&[0; 17], 80);
    }

    #[test]
    #[should_panic(expected = "is more than a slice can hold")]
    fn unlimited_is_refused() {
        let _ = Delimited::new(b"\0", usize::MAX);
    }

    #[test]
    fn the_greatest_maximum_overflows_nothing() {
        let (mut decoder, _) = Delimited::new(&[b'-'; 16], isize::MAX as usize - 16).halves();
        assert_eq!(decoder.max_frame_len(), isize::MAX as usize);
        assert_eq!(decoder.decode(b"hello"), Ok(Step::More(16)));
    }

    #[test]
    fn at_most_the_beginning_of_a_delimiter_is_searched_again() {
        for delimiter in [&b"\0"[..], b"--", b"aab", b"aaaaaaaaaaaaaaab"] {
            for input in [[b'a'; 100], [b'-'; 100], [b'b'; 100]] {
                for len in 0..input.len() {
                    match Bytes::new(delimiter).find(&input[..len], 0) {
                        Found::NotBefore(place) => assert!(place <= len && len - place < delimiter.len()),
                        Found::At(_) => assert_eq!((delimiter, input[0]), (&b"--"[..], b'-')),
                    }
                }
            }
        }
    }

    #[test]
    fn a_delimiter_is_shown_as_it_is_written() {
        assert_eq!(format!("{:?}", Bytes::new(b"\r\n\"")), r#""\r\n\"""#);
    }
}
