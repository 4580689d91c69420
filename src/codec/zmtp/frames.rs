//! The frames of ZMTP 3: [`ZmtpFrames`], a byte of flags, a size of one or eight bytes and then the body.

#[cfg(feature = "mq")]
use std::ops::Range;

use crate::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// A codec for the frames of ZMTP 3.0 and 3.1, that is for all that follows the [`Greeting`](super::Greeting).
///
/// ```text
/// +-------+-------------------+---------------------- - - -
/// | flags | size of body      |  body
/// | 1     | 1, or 8 if LONG   |  size bytes
/// +-------+-------------------+---------------------- - - -
/// ```
///
/// | flag | name | |
/// |---|---|---|
/// | `01` | MORE | another frame of the same message follows |
/// | `02` | LONG | the size has eight bytes, big-endian, instead of one |
/// | `04` | COMMAND | the body is a [`Command`](super::Command) and no part of a message |
///
/// A size of up to 255 is sent in one byte, as every peer does, and received in either form, which [RFC
/// 37](https://rfc.zeromq.org/spec/37/) allows. The other five bits, and MORE at a command, are refused: the RFC wants them to be zero, and
/// no known peer sets them (libzmq 4.3.5 ignores them when it receives them). So is what announces more than the maximum, when its
/// header is there and before its body has arrived.
///
/// The maximum is for one frame and not for a message of several, as libzmq's `ZMQ_MAXMSGSIZE` is; it holds for commands too. A
/// command may come between two frames of a message and does not end it.
///
/// ```
/// use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
/// use ringmq::codec::{Affixes, Codec, Decoder, Encoder, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, mut encoder) = ZmtpFrames::new(60_000).halves();
///
/// let mut affixes = Affixes::new();
/// encoder.encode(FrameKind::More, 5, &mut affixes)?;
/// assert_eq!(affixes.before(), [0x01, 5]);
/// encoder.encode(FrameKind::Last, 256, &mut affixes)?;
/// assert_eq!(affixes.before(), [0x02, 0, 0, 0, 0, 0, 0, 1, 0]);
///
/// assert_eq!(decoder.decode(b"\x01\x05hel")?, Step::More(2));
/// assert_eq!(decoder.decode(b"\x01\x05hello\0")?, Step::Frame { head: FrameKind::More, body: 2..7, used: 7 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZmtpFrames {
    max: usize,
}

/// What a frame is to the messages of its connection.
///
/// ```
/// use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
/// use ringmq::codec::{Codec, Decoder, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// // A message of two frames, with a command between them.
/// let stream = b"\x01\x02p1\x04\x05\x04PONG\x00\x02p2";
/// let mut decoder = ZmtpFrames::new(255).halves().0;
/// let (mut kinds, mut done) = (Vec::new(), 0);
/// while let Step::Frame { head, used, .. } = decoder.decode(&stream[done..])? {
///     kinds.push(head);
///     done += used;
/// }
/// assert_eq!(kinds, [FrameKind::More, FrameKind::Command, FrameKind::Last]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A part of a message that further frames belong to.
    More,
    /// The last frame of a message, or its only one.
    Last,
    /// A command, in the terms of [`Command`](super::Command). It belongs to no message.
    Command,
}

const MORE: u8 = 0x01;
const LONG: u8 = 0x02;
const COMMAND: u8 = 0x04;

/// Flags and a size of one byte.
const SHORT_HEADER_LEN: usize = 2;

/// Flags and a size of eight bytes.
const LONG_HEADER_LEN: usize = 9;

/// No slice is longer than this, and so no input; with it no length of a whole frame overflows.
const FRAME_LEN_MAX: usize = isize::MAX as usize;

const EXPECTED_FLAGS: &str = "the flags of a ZMTP 3 frame, 0x00 to 0x04 or 0x06";

impl FrameKind {
    /// Of these flags, of which LONG does not matter; `None` if no frame may have them.
    #[inline]
    fn of_flags(flags: u8) -> Option<FrameKind> {
        match flags & !LONG {
            0 => Some(FrameKind::Last),
            MORE => Some(FrameKind::More),
            COMMAND => Some(FrameKind::Command),
            _ => None,
        }
    }

    #[inline]
    fn flags(self) -> u8 {
        match self {
            FrameKind::Last => 0,
            FrameKind::More => MORE,
            FrameKind::Command => COMMAND,
        }
    }
}

impl ZmtpFrames {
    /// Frames with bodies of at most `max` bytes.
    ///
    /// There is no unlimited: who may announce any length may occupy any amount of memory.
    ///
    /// # Panics
    ///
    /// If `max` is so large that no slice can hold the frame, that is above `isize::MAX - 9`.
    ///
    /// ```
    /// use ringmq::codec::zmtp::ZmtpFrames;
    /// use ringmq::codec::{Codec, Decoder, FrameError};
    ///
    /// let mut decoder = ZmtpFrames::new(1000).halves().0;
    /// let header = [0x02, 0, 0, 0, 0, 0, 0, 0x03, 0xe9];
    /// assert_eq!(decoder.decode(&header), Err(FrameError::TooLong { len: 1001, max: 1000 }));
    /// ```
    #[must_use]
    pub fn new(max: usize) -> ZmtpFrames {
        let most = FRAME_LEN_MAX - LONG_HEADER_LEN;
        assert!(max <= most, "a maximum of {max} bytes is more than a slice can hold: at most {most}");
        ZmtpFrames { max }
    }
}

impl Codec for ZmtpFrames {
    type Head = FrameKind;
    type Decoder = ZmtpFramesDecoder;
    type Encoder = ZmtpFramesEncoder;

    fn halves(self) -> (ZmtpFramesDecoder, ZmtpFramesEncoder) {
        (ZmtpFramesDecoder { max: self.max, failed: None }, ZmtpFramesEncoder { max: self.max })
    }
}

/// The receiving half of [`ZmtpFrames`].
///
/// ```
/// use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
/// use ringmq::codec::{Codec, Decoder, FrameError, Step};
///
/// # fn main() -> Result<(), FrameError> {
/// let mut decoder = ZmtpFrames::new(255).halves().0;
/// assert_eq!(decoder.decode(b"\x00\x02hi")?, Step::Frame { head: FrameKind::Last, body: 2..4, used: 4 });
///
/// // A reserved flag is refused at once, and from now on for good.
/// let error = decoder.decode(b"\x08").unwrap_err();
/// assert_eq!(error.to_string(), "expected the flags of a ZMTP 3 frame, 0x00 to 0x04 or 0x06, found 0x08");
/// assert_eq!(decoder.decode(b"\x00\x02hi"), Err(error));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ZmtpFramesDecoder {
    max: usize,
    failed: Option<FrameError>,
}

/// What the header at the front of some bytes says.
enum Header {
    Whole { kind: FrameKind, header_len: usize, body_len: u64 },
    More(usize),
}

impl ZmtpFramesDecoder {
    #[inline]
    fn read_header(&mut self, input: &[u8]) -> Result<Header, FrameError> {
        let flags = match input.first() {
            Some(flags) => *flags,
            None => return Ok(Header::More(1)),
        };
        let kind = match FrameKind::of_flags(flags) {
            Some(kind) => kind,
            None => return Err(self.refuse_flags(flags)),
        };
        if flags & LONG == 0 {
            return Ok(match input.get(1) {
                Some(size) => {
                    Header::Whole { kind, header_len: SHORT_HEADER_LEN, body_len: u64::from(*size) }
                }
                None => Header::More(1),
            });
        }
        Ok(match input.get(1..LONG_HEADER_LEN).and_then(|size| size.try_into().ok()) {
            Some(size) => {
                Header::Whole { kind, header_len: LONG_HEADER_LEN, body_len: u64::from_be_bytes(size) }
            }
            None => Header::More(LONG_HEADER_LEN - input.len()),
        })
    }

    /// What the header at the front says, if it is whole and in order, and where the body lies that it announces.
    #[cfg(feature = "mq")]
    pub(crate) fn begun(&mut self, input: &[u8]) -> Option<(FrameKind, Range<usize>)> {
        match self.read_header(input) {
            Ok(Header::Whole { kind, header_len, body_len }) if body_len <= self.max as u64 => {
                Some((kind, header_len..header_len + body_len as usize))
            }
            _ => None,
        }
    }

    #[cold]
    fn refuse_flags(&mut self, flags: u8) -> FrameError {
        self.fail(FrameError::Invalid { expected: EXPECTED_FLAGS, found: u64::from(flags) })
    }

    #[cold]
    fn fail(&mut self, error: FrameError) -> FrameError {
        self.failed = Some(error.clone());
        error
    }
}

impl Decoder for ZmtpFramesDecoder {
    type Head = FrameKind;

    #[inline]
    fn decode(&mut self, input: &[u8]) -> Result<Step<FrameKind>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (head, header_len, body_len) = match self.read_header(input)? {
            Header::Whole { kind, header_len, body_len } => (kind, header_len, body_len),
            Header::More(n) => return Ok(Step::More(n)),
        };
        // This covers sizes with the highest bit set as well, which the RFC forbids: no maximum is as large.
        if body_len > self.max as u64 {
            return Err(self.fail(FrameError::TooLong { len: body_len, max: self.max }));
        }
        // What is in order is no greater than the maximum, and so a `usize`.
        let used = header_len + body_len as usize;
        if used > input.len() {
            return Ok(Step::More(used - input.len()));
        }
        Ok(Step::Frame { head, body: header_len..used, used })
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.decode(rest)?.at_end(rest.len()).map_err(|error| self.fail(error))
    }

    /// That of the long form, which may be had for any size.
    fn max_frame_len(&self) -> usize {
        LONG_HEADER_LEN + self.max
    }
}

/// The sending half of [`ZmtpFrames`].
///
/// ```
/// use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
/// use ringmq::codec::{Affixes, Codec, Encoder};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let mut encoder = ZmtpFrames::new(1024).halves().1;
/// let mut affixes = Affixes::new();
/// encoder.encode(FrameKind::Command, 5, &mut affixes)?;
/// assert_eq!((affixes.before(), affixes.after()), (&[0x04, 5][..], &[][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ZmtpFramesEncoder {
    max: usize,
}

impl Encoder for ZmtpFramesEncoder {
    type Head = FrameKind;

    #[inline]
    fn encode(&mut self, head: FrameKind, body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        if body_len > self.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.max });
        }
        match u8::try_from(body_len) {
            Ok(size) => affixes.push_before(&[head.flags(), size]),
            Err(_) => {
                affixes.push_before(&[head.flags() | LONG]);
                affixes.push_before(&(body_len as u64).to_be_bytes());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is more than a slice can hold")]
    fn unlimited_is_refused() {
        let _ = ZmtpFrames::new(usize::MAX);
    }

    #[test]
    fn the_greatest_maximum_overflows_nothing() {
        let max = FRAME_LEN_MAX - LONG_HEADER_LEN;
        let mut header = vec![LONG];
        header.extend((max as u64).to_be_bytes());
        assert_eq!(ZmtpFrames::new(max).halves().0.decode(&header), Ok(Step::More(max)));
    }

    #[test]
    fn exactly_the_flags_of_the_protocol_have_a_kind() {
        let legal: Vec<u8> = (0..=255).filter(|flags| FrameKind::of_flags(*flags).is_some()).collect();
        assert_eq!(legal, [0x00, 0x01, 0x02, 0x03, 0x04, 0x06]);
    }
}
