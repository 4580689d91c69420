//! A length somewhere in a header: [`LengthField`], for protocols whose headers have other fields too.

use std::ops::Range;

use super::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// How long a header may be: as much as goes before a body.
const HEADER_LEN_MAX: usize = Affixes::CAPACITY;

/// Frames of a header of a fixed length, in which the length of what follows stands, and the body: with what is known as length field offset,
/// length field length, length adjustment and length including the header elsewhere. What else is in the header is the [`Header`] of each
/// frame. Where the length is all of it, [`LengthPrefix`](super::LengthPrefix) is simpler, and faster.
///
/// Two bytes of magic, a length that counts all of the frame, and a byte of flags:
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Decoder, Encoder, Header, LengthField, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let codec = LengthField::new(1024).offset(2).field_len(2).header_len(5).counts_header();
/// let (mut decoder, mut encoder) = codec.halves();
///
/// let stream = b"\xca\xfe\0\x07\x01hi";
/// let (head, body) = match decoder.decode(stream)? {
///     Step::Frame { head, body, .. } => (head, &stream[body]),
///     _ => unreachable!("a whole frame is there"),
/// };
/// assert_eq!((head.as_bytes()[4], body), (0x01, &b"hi"[..]));
///
/// let mut affixes = Affixes::new();
/// encoder.encode(Header::new(b"\xca\xfe\0\0\x02"), 3, &mut affixes)?;
/// assert_eq!(affixes.before(), b"\xca\xfe\0\x08\x02");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthField {
    max: usize,
    offset: usize,
    field_len: usize,
    header_len: Option<usize>,
    is_little: bool,
    adjustment: i64,
    counts_header: bool,
}

/// The bytes of a header. Those of the length are zero in one that was received, and are overwritten in one that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    bytes: [u8; HEADER_LEN_MAX],
    len: u8,
}

impl Header {
    /// A header of these bytes, of which those of the length are as good as any. One that is shorter than the codec's has zeros behind it.
    ///
    /// # Panics
    ///
    /// If there are more than 16.
    pub fn new(bytes: &[u8]) -> Header {
        let mut header = Header::default();
        let found = bytes.len();
        assert!(found <= HEADER_LEN_MAX, "a header has at most {HEADER_LEN_MAX} bytes, not {found}");
        header.bytes[..found].copy_from_slice(bytes);
        header.len = found as u8;
        header
    }

    /// All of its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl LengthField {
    /// Bodies of at most `max` bytes behind a header that is a big-endian length of four bytes, until told otherwise.
    pub fn new(max: usize) -> LengthField {
        let (offset, adjustment, is_little, counts_header) = Default::default();
        LengthField { max, offset, field_len: 4, header_len: None, is_little, adjustment, counts_header }
    }

    /// How many bytes of the header come before the length.
    pub fn offset(self, offset: usize) -> LengthField {
        LengthField { offset, ..self }
    }

    /// How many bytes the length has, from 1 to 8.
    pub fn field_len(self, field_len: usize) -> LengthField {
        LengthField { field_len, ..self }
    }

    /// How long the header is, if more comes behind the length.
    pub fn header_len(self, header_len: usize) -> LengthField {
        LengthField { header_len: Some(header_len), ..self }
    }

    /// The lowest byte of the length comes first.
    pub fn little_endian(self) -> LengthField {
        LengthField { is_little: true, ..self }
    }

    /// What is to be added to the length, so that it counts the bytes behind its field: 0 unless set. A negative one is for a length that
    /// counts more than those, a positive one for one that counts fewer.
    pub fn adjustment(self, adjustment: i64) -> LengthField {
        LengthField { adjustment, ..self }
    }

    /// The length counts all of the frame, from its first byte on. An [`adjustment`](Self::adjustment) comes on top of that.
    pub fn counts_header(self) -> LengthField {
        LengthField { counts_header: true, ..self }
    }

    fn field_end(&self) -> usize {
        self.offset.saturating_add(self.field_len)
    }

    fn header_end(&self) -> usize {
        self.header_len.unwrap_or_else(|| self.field_end())
    }

    /// By how much the length is greater than the body is long.
    fn excess(&self) -> i128 {
        let counted =
            if self.counts_header { self.header_end() } else { self.header_end() - self.field_end() };
        counted as i128 - i128::from(self.adjustment)
    }

    /// The same in few bytes, when it can be done.
    fn layout(&self) -> Layout {
        let LengthField { max, offset, field_len, is_little, .. } = *self;
        assert!((1..=8).contains(&field_len), "a length field has from 1 to 8 bytes, not {field_len}");
        let (header_end, field_end) = (self.header_end(), self.field_end());
        assert!(
            field_end <= header_end && header_end <= HEADER_LEN_MAX,
            "a header of {header_end} bytes: it has at most {HEADER_LEN_MAX}, and at least the {field_end} up to the end of the length"
        );
        let most = isize::MAX as usize - HEADER_LEN_MAX;
        assert!(max <= most, "a maximum of {max} bytes is more than a slice can hold: at most {most}");
        let (least, greatest) = (self.excess(), max as i128 + self.excess());
        let field_max = (1_i128 << (8 * field_len)) - 1;
        assert!(
            least >= 0 && greatest <= field_max,
            "a field of {field_len} bytes cannot express lengths from {least} to {greatest}: from 0 to {field_max}"
        );
        let (offset, field_end, header_end) = (offset as u8, field_end as u8, header_end as u8);
        Layout { max, excess: least as u64, offset, field_end, header_end, is_little }
    }
}

/// A [`LengthField`] that can be done. Every connection has two of them, so the places in a header, which are bytes, are kept as bytes.
#[derive(Clone, Copy, Debug)]
struct Layout {
    max: usize,
    /// By how much the length is greater than the body is long.
    excess: u64,
    offset: u8,
    field_end: u8,
    header_end: u8,
    is_little: bool,
}

impl Layout {
    /// Where the length is in the header.
    fn field(&self) -> Range<usize> {
        self.offset.into()..self.field_end.into()
    }

    fn header_len(&self) -> usize {
        self.header_end.into()
    }

    fn read(&self, header: &[u8]) -> u64 {
        let field = header[self.field()].iter();
        let push = |length, byte: &u8| length << 8 | u64::from(*byte);
        if self.is_little {
            field.rev().fold(0, push)
        } else {
            field.fold(0, push)
        }
    }

    /// Within the field, which was found wide enough for the least and the greatest.
    fn write(&self, body_len: usize, header: &mut [u8]) {
        let bytes = (body_len as u64 + self.excess).to_be_bytes();
        let field = &mut header[self.field()];
        field.copy_from_slice(&bytes[bytes.len() - field.len()..]);
        if self.is_little {
            field.reverse();
        }
    }
}

impl Codec for LengthField {
    type Head = Header;
    type Decoder = LengthFieldDecoder;
    type Encoder = LengthFieldEncoder;

    /// # Panics
    ///
    /// If the length has not from 1 to 8 bytes, does not lie within the header, or the header has more than 16 bytes; if the length of a body
    /// of no bytes, or of the maximum, cannot be expressed; and if no slice can hold a frame of the maximum.
    fn halves(self) -> (LengthFieldDecoder, LengthFieldEncoder) {
        let layout = self.layout();
        (LengthFieldDecoder { layout, failed: None }, LengthFieldEncoder { layout })
    }
}

/// The receiving half of [`LengthField`].
///
/// ```
/// use ringmq::codec::{Codec, Decoder, FrameError, LengthField, Step};
///
/// # fn main() -> Result<(), FrameError> {
/// // A byte of flags, and a byte that counts all of the frame.
/// let (mut decoder, _) = LengthField::new(16).offset(1).field_len(1).counts_header().halves();
/// match decoder.decode(b"\xf0\x04hi")? {
///     Step::Frame { head, body, used } => {
///         assert_eq!((head.as_bytes(), body, used), (&b"\xf0\0"[..], 2..4, 4));
///     }
///     step => unreachable!("a whole frame is there: {step:?}"),
/// }
///
/// // No frame is shorter than its header. Refused, and from now on for good.
/// assert_eq!(decoder.decode(b"\xf0\x01"), Err(FrameError::TooShort { len: 1, min: 2 }));
/// assert_eq!(decoder.decode(b"\xf0\x04hi"), Err(FrameError::TooShort { len: 1, min: 2 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LengthFieldDecoder {
    layout: Layout,
    failed: Option<FrameError>,
}

impl LengthFieldDecoder {
    /// How long the body is behind this header.
    fn body_len(&self, header: &[u8]) -> Result<usize, FrameError> {
        let Layout { max, excess, .. } = self.layout;
        let length = self.layout.read(header);
        match length.checked_sub(excess) {
            Some(len) if len <= max as u64 => Ok(len as usize),
            Some(len) => Err(FrameError::TooLong { len, max }),
            // The frame would end before its header does.
            None => {
                let len = length.saturating_add(header.len() as u64).saturating_sub(excess);
                Err(FrameError::TooShort { len, min: header.len() })
            }
        }
    }

    fn fail(&mut self, error: FrameError) -> FrameError {
        self.failed = Some(error.clone());
        error
    }
}

impl Decoder for LengthFieldDecoder {
    type Head = Header;

    fn decode(&mut self, input: &[u8]) -> Result<Step<Header>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let header_len = self.layout.header_len();
        let header = match input.get(..header_len) {
            Some(header) => header,
            None => return Ok(Step::More(header_len - input.len())),
        };
        let used = match self.body_len(header) {
            Ok(body_len) => header_len + body_len,
            Err(error) => return Err(self.fail(error)),
        };
        if used > input.len() {
            return Ok(Step::More(used - input.len()));
        }
        let mut head = Header::new(header);
        head.bytes[self.layout.field()].fill(0);
        Ok(Step::Frame { head, body: header_len..used, used })
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.decode(rest)?.at_end(rest.len()).map_err(|error| self.fail(error))
    }

    fn max_frame_len(&self) -> usize {
        self.layout.header_len() + self.layout.max
    }
}

/// The sending half of [`LengthField`].
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Encoder, FrameError, Header, LengthField};
///
/// # fn main() -> Result<(), FrameError> {
/// let (_, mut encoder) = LengthField::new(16).offset(1).field_len(1).counts_header().halves();
/// let mut affixes = Affixes::new();
/// encoder.encode(Header::new(b"\xf0"), 2, &mut affixes)?;
/// assert_eq!(affixes.before(), b"\xf0\x04");
///
/// let refused = encoder.encode(Header::new(b"\xf0"), 17, &mut affixes);
/// assert_eq!(refused, Err(FrameError::TooLong { len: 17, max: 16 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LengthFieldEncoder {
    layout: Layout,
}

impl Encoder for LengthFieldEncoder {
    type Head = Header;

    /// # Errors
    ///
    /// [`FrameError::TooLong`] for the body; [`FrameError::Invalid`] for a header that is longer than the codec's.
    fn encode(&mut self, head: Header, body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        let layout = &self.layout;
        if body_len > layout.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: layout.max });
        }
        if head.len > layout.header_end {
            let expected = "a header no longer than the codec's";
            return Err(FrameError::Invalid { expected, found: head.len.into() });
        }
        let mut header = head.bytes;
        layout.write(body_len, &mut header);
        affixes.push_before(&header[..layout.header_len()]);
        Ok(())
    }
}
