//! The frames of RingMQ: [`RingFrames`], a byte of flags, a length of four bytes that counts the header too, and then the body.

#[cfg(feature = "mq")]
use std::ops::Range;

use super::RingSplit;
use crate::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// A codec for the frames of RingMQ, which are all that its connections carry: there is no greeting.
///
/// ```text
/// +-------+---------------------+---------------------- - - -
/// | flags | length of frame     |  body
/// | 1     | 4, big-endian       |  length - 5 bytes
/// +-------+---------------------+---------------------- - - -
/// ```
///
/// The length counts the five bytes of the header too. Flag `01` is MORE: another frame of the same message follows. A message is cut
/// into bodies of [`BODY_MAX`](RingFrames::BODY_MAX) bytes, as [`split`](RingFrames::split) does, and
/// [`RingJoiner`](super::RingJoiner) joins them again. Frames of two messages never mix.
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Decoder, Encoder, RingFrames, RingHead, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, mut encoder) = RingFrames::new(RingFrames::BODY_MAX).halves();
///
/// let mut affixes = Affixes::new();
/// encoder.encode(RingHead::Last, 5, &mut affixes)?;
/// assert_eq!(affixes.before(), [0x00, 0, 0, 0, 10]);
///
/// assert_eq!(decoder.decode(b"\x00\0\0\0\x0ahel")?, Step::More(2));
/// assert_eq!(decoder.decode(b"\x00\0\0\0\x0ahello\0")?, Step::Frame { head: RingHead::Last, body: 5..10, used: 10 });
/// # Ok(())
/// # }
/// ```
///
/// # The original
///
/// The protocol has no specification. What is said here is what version 0.1 of August 2016, in Python, does; recordings of its traffic are
/// among the tests. It is kept to wherever its peers can see it, and its mistakes are not:
///
/// | the original | here |
/// |---|---|
/// | an empty message is sent as no bytes at all, and who waits for a reply waits for ever | encoding an empty body is [`FrameError::TooShort`] |
/// | an empty frame breaks its reader: the connection is closed, and the application's `recv` raises an error | never sent; received, it is a body of no bytes, which the format allows |
/// | a length below 5 is not looked at: the message is cut from the wrong place, or `recv` raises an error | [`FrameError::TooShort`] |
/// | a frame may announce 4 GiB, and MORE may go on for ever | a maximum for each: here and at the [`RingJoiner`](super::RingJoiner) |
/// | a message whose stream ends is dropped without a word | [`RingJoiner::finish`](super::RingJoiner::finish) tells |
/// | what one peer sends amiss is raised in the server's next call, and stops it | an error belongs to one decoder: close that connection only |
/// | flag `04`, CONTROL, is defined and never sent; with it or another flag a frame is data | the same: only MORE is looked at, and no other flag sent |
///
/// # Strangers
///
/// Without a greeting the first header has to tell. ZMTP begins with `ff` and seven zero bytes, which is too short a frame at once. As a
/// length, `GET /` is 1.1 GiB and a TLS handshake about 48 MiB, so a maximum below that refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingFrames {
    max: usize,
}

/// What the header of a frame of [`RingFrames`] says besides its length.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, RingFrames, RingHead, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let mut decoder = RingFrames::new(255).halves().0;
/// let head = |step| match step {
///     Step::Frame { head, .. } => head,
///     Step::Skip { .. } | Step::More(_) => unreachable!("a whole frame is there"),
/// };
/// assert_eq!(head(decoder.decode(b"\x01\0\0\0\x07he")?), RingHead::More);
/// assert_eq!(head(decoder.decode(b"\x00\0\0\0\x08llo")?), RingHead::Last);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RingHead {
    /// Another frame of the same message follows.
    More,
    /// The last frame of a message, or its only one.
    Last,
}

const MORE: u8 = 0x01;

/// Flags and length.
const HEADER_LEN: usize = 5;

/// The longest that the field can express and a slice can hold.
const FRAME_LEN_MAX: usize = if usize::BITS > 32 { u32::MAX as usize } else { isize::MAX as usize };

impl RingHead {
    /// Of these flags, of which only MORE matters.
    #[inline]
    fn of_flags(flags: u8) -> RingHead {
        if flags & MORE == 0 {
            RingHead::Last
        } else {
            RingHead::More
        }
    }

    #[inline]
    fn flags(self) -> u8 {
        match self {
            RingHead::Last => 0,
            RingHead::More => MORE,
        }
    }
}

impl RingFrames {
    /// The longest body that is sent, in bytes: 131067, which with its header is 128 KiB.
    ///
    /// A peer accepts longer ones, the original up to 4 GiB, but none sends them.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::RingFrames::BODY_MAX, 128 * 1024 - 5);
    /// ```
    pub const BODY_MAX: usize = 128 * 1024 - HEADER_LEN;

    /// Frames whose bodies have at most `max` bytes when they are received, and [`BODY_MAX`](RingFrames::BODY_MAX) at most when they are
    /// sent.
    ///
    /// With less than `BODY_MAX` the longer messages of the original are refused, and with more nothing is gained from it. There is no
    /// unlimited: who may announce any length may occupy any amount of memory. The maximum of a message is the
    /// [`RingJoiner`](super::RingJoiner)'s.
    ///
    /// # Panics
    ///
    /// If `max` is above `u32::MAX - 5`, which is all that the field can express, or on a machine of 32 bits above `isize::MAX - 5`,
    /// since no slice can hold the frame.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, FrameError, RingFrames};
    ///
    /// let mut decoder = RingFrames::new(1000).halves().0;
    /// let header = [0x00, 0, 0, 0x03, 0xee];
    /// assert_eq!(decoder.decode(&header), Err(FrameError::TooLong { len: 1001, max: 1000 }));
    /// ```
    #[must_use]
    pub fn new(max: usize) -> RingFrames {
        let most = FRAME_LEN_MAX - HEADER_LEN;
        assert!(max <= most, "a maximum of {max} bytes is more than a frame can have: at most {most}");
        RingFrames { max }
    }

    /// How a message of `len` bytes is cut into frames: what the head of each is, and which bytes its body.
    ///
    /// A message of no bytes gives one frame of none, which the encoder refuses, so that it cannot vanish unseen.
    ///
    /// ```
    /// use ringmq::codec::{RingFrames, RingHead};
    ///
    /// let frames: Vec<_> = RingFrames::split(200_000).collect();
    /// assert_eq!(frames, [(RingHead::More, 0..131_067), (RingHead::Last, 131_067..200_000)]);
    /// ```
    pub fn split(len: usize) -> RingSplit {
        RingSplit::new(len)
    }
}

impl Codec for RingFrames {
    type Head = RingHead;
    type Decoder = RingFramesDecoder;
    type Encoder = RingFramesEncoder;

    fn halves(self) -> (RingFramesDecoder, RingFramesEncoder) {
        let decoder = RingFramesDecoder { max: self.max, failed: None };
        (decoder, RingFramesEncoder { max: self.max.min(RingFrames::BODY_MAX) })
    }
}

/// The receiving half of [`RingFrames`].
///
/// ```
/// use ringmq::codec::{Codec, Decoder, FrameError, RingFrames, RingHead, Step};
///
/// # fn main() -> Result<(), FrameError> {
/// let (mut decoder, _) = RingFrames::new(16).halves();
/// assert_eq!(decoder.decode(b"\x01\0\0\0\x07hi")?, Step::Frame { head: RingHead::More, body: 5..7, used: 7 });
///
/// // A frame is no shorter than its header. From now on this is the answer for good.
/// assert_eq!(decoder.decode(b"\x00\0\0\0\x04"), Err(FrameError::TooShort { len: 4, min: 5 }));
/// assert_eq!(decoder.decode(b"\x01\0\0\0\x07hi"), Err(FrameError::TooShort { len: 4, min: 5 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RingFramesDecoder {
    max: usize,
    failed: Option<FrameError>,
}

impl RingFramesDecoder {
    /// What the header at the front says, if it is whole and in order, and where the body lies that it announces.
    #[cfg(feature = "mq")]
    pub(crate) fn begun(&mut self, input: &[u8]) -> Option<(RingHead, Range<usize>)> {
        let (flags, len) = match *input {
            [flags, a, b, c, d, ..] => (flags, u32::from_be_bytes([a, b, c, d])),
            _ => return None,
        };
        let body_len = u64::from(len).checked_sub(HEADER_LEN as u64)?;
        if body_len > self.max as u64 {
            return None;
        }
        Some((RingHead::of_flags(flags), HEADER_LEN..HEADER_LEN + body_len as usize))
    }

    #[cold]
    fn fail(&mut self, error: FrameError) -> FrameError {
        self.failed = Some(error.clone());
        error
    }
}

impl Decoder for RingFramesDecoder {
    type Head = RingHead;

    #[inline]
    fn decode(&mut self, input: &[u8]) -> Result<Step<RingHead>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (flags, len) = match *input {
            [flags, a, b, c, d, ..] => (flags, u32::from_be_bytes([a, b, c, d])),
            _ => return Ok(Step::More(HEADER_LEN - input.len())),
        };
        let body_len = match u64::from(len).checked_sub(HEADER_LEN as u64) {
            Some(body_len) => body_len,
            None => return Err(self.fail(FrameError::TooShort { len: len.into(), min: HEADER_LEN })),
        };
        if body_len > self.max as u64 {
            return Err(self.fail(FrameError::TooLong { len: body_len, max: self.max }));
        }
        // What is within the maximum is a `usize`, with the header too.
        let used = HEADER_LEN + body_len as usize;
        if used > input.len() {
            return Ok(Step::More(used - input.len()));
        }
        Ok(Step::Frame { head: RingHead::of_flags(flags), body: HEADER_LEN..used, used })
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.decode(rest)?.at_end(rest.len()).map_err(|error| self.fail(error))
    }

    fn max_frame_len(&self) -> usize {
        HEADER_LEN + self.max
    }
}

/// The sending half of [`RingFrames`].
///
/// It refuses a body of no bytes, since the original cannot receive one, and one of more than [`RingFrames::BODY_MAX`]. A refusal does not
/// depend on what the peer is, which nobody can know: there is no greeting.
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Encoder, FrameError, RingFrames, RingHead};
///
/// let (_, mut encoder) = RingFrames::new(1024).halves();
/// let mut affixes = Affixes::new();
/// assert_eq!(encoder.encode(RingHead::More, 1, &mut affixes), Ok(()));
/// assert_eq!((affixes.before(), affixes.after()), (&[0x01, 0, 0, 0, 6][..], &[][..]));
///
/// let refused = encoder.encode(RingHead::Last, 0, &mut affixes);
/// assert_eq!(refused, Err(FrameError::TooShort { len: 5, min: 6 }));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RingFramesEncoder {
    max: usize,
}

impl Encoder for RingFramesEncoder {
    type Head = RingHead;

    #[inline]
    fn encode(&mut self, head: RingHead, body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        if body_len > self.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.max });
        }
        if body_len == 0 {
            return Err(FrameError::TooShort { len: HEADER_LEN as u64, min: HEADER_LEN + 1 });
        }
        // At most `BODY_MAX` and the header, which is far within the field.
        let [a, b, c, d] = ((HEADER_LEN + body_len) as u32).to_be_bytes();
        affixes.push_before(&[head.flags(), a, b, c, d]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is more than a frame can have")]
    fn unlimited_is_refused() {
        let _ = RingFrames::new(usize::MAX);
    }

    #[test]
    #[should_panic(expected = "is more than a frame can have")]
    fn a_maximum_beyond_the_field_is_refused() {
        let _ = RingFrames::new(FRAME_LEN_MAX - HEADER_LEN + 1);
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn the_greatest_maximum_overflows_nothing() {
        let max = FRAME_LEN_MAX - HEADER_LEN;
        let (mut decoder, _) = RingFrames::new(max).halves();
        assert_eq!(decoder.decode(&[0, 0xff, 0xff, 0xff, 0xff]), Ok(Step::More(max)));
    }
}
