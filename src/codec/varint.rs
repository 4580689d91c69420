//! A length in as few bytes as it needs, and the body: [`Varint`].

use super::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// How many bytes a number of 64 bits takes, of which each has seven.
const HEADER_LEN_MAX: usize = 10;

/// What is expected of the last byte that a header can have.
const WITHIN_64_BITS: &str = "the last byte of a length of at most 64 bits, 0x00 or 0x01";

/// Frames of a length as a variable-length integer (LEB128: seven bits a byte, the lowest first, and the top bit says that more follow), and
/// the body: the delimited messages of Protocol Buffers (`writeDelimitedTo`), and what else is framed so.
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Decoder, Encoder, Step, Varint};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, mut encoder) = Varint::new(1024).halves();
/// let mut affixes = Affixes::new();
/// encoder.encode((), 300, &mut affixes)?;
/// assert_eq!(affixes.before(), [0xac, 0x02]);
///
/// assert_eq!(decoder.decode(b"\x05hello\x03b")?, Step::Frame { head: (), body: 1..6, used: 6 });
/// assert_eq!(decoder.decode(b"\x03b")?, Step::More(2));
/// # Ok(())
/// # }
/// ```
///
/// A length may take more bytes than it needs, up to ten, as in Protocol Buffers: some writers leave room for one that they do not know yet.
/// It is sent in as few as it needs. One of more than 64 bits is [`FrameError::Invalid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Varint {
    max: usize,
}

impl Varint {
    /// Bodies of at most `max` bytes.
    ///
    /// # Panics
    ///
    /// If `max` is so large that no slice can hold the frame, that is above `isize::MAX - 10`.
    pub fn new(max: usize) -> Varint {
        let most = isize::MAX as usize - HEADER_LEN_MAX;
        assert!(max <= most, "a maximum of {max} bytes is more than a slice can hold: at most {most}");
        Varint { max }
    }
}

impl Codec for Varint {
    type Head = ();
    type Decoder = VarintDecoder;
    type Encoder = VarintEncoder;

    fn halves(self) -> (VarintDecoder, VarintEncoder) {
        (VarintDecoder { max: self.max, failed: None }, VarintEncoder { max: self.max })
    }
}

/// The receiving half of [`Varint`].
#[derive(Clone, Debug)]
pub struct VarintDecoder {
    max: usize,
    failed: Option<FrameError>,
}

/// A length at the front of some bytes.
enum Header {
    /// What it says, and how many bytes it takes.
    Whole(u64, usize),
    NotWhole,
    /// Its tenth byte, which has more bits than are left.
    Beyond(u8),
}

fn read_header(input: &[u8]) -> Header {
    let mut number = 0;
    for (index, &byte) in input.iter().take(HEADER_LEN_MAX).enumerate() {
        if index == HEADER_LEN_MAX - 1 && byte > 1 {
            return Header::Beyond(byte);
        }
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Header::Whole(number, index + 1);
        }
    }
    Header::NotWhole
}

impl VarintDecoder {
    #[cold]
    fn fail(&mut self, error: FrameError) -> FrameError {
        self.failed = Some(error.clone());
        error
    }
}

impl Decoder for VarintDecoder {
    type Head = ();

    fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (len, header_len) = match read_header(input) {
            Header::Whole(len, header_len) => (len, header_len),
            Header::NotWhole => return Ok(Step::More(1)),
            Header::Beyond(byte) => {
                let error = FrameError::Invalid { expected: WITHIN_64_BITS, found: byte.into() };
                return Err(self.fail(error));
            }
        };
        if len > self.max as u64 {
            return Err(self.fail(FrameError::TooLong { len, max: self.max }));
        }
        // No greater than the maximum, and so a `usize`.
        let used = header_len + len as usize;
        if used > input.len() {
            return Ok(Step::More(used - input.len()));
        }
        Ok(Step::Frame { head: (), body: header_len..used, used })
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.decode(rest)?.at_end(rest.len()).map_err(|error| self.fail(error))
    }

    fn max_frame_len(&self) -> usize {
        HEADER_LEN_MAX + self.max
    }
}

/// The sending half of [`Varint`].
#[derive(Clone, Copy, Debug)]
pub struct VarintEncoder {
    max: usize,
}

impl Encoder for VarintEncoder {
    type Head = ();

    fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        if body_len > self.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.max });
        }
        let mut rest = body_len as u64;
        while rest >= 0x80 {
            affixes.push_before(&[rest as u8 | 0x80]);
            rest >>= 7;
        }
        affixes.push_before(&[rest as u8]);
        Ok(())
    }
}
