//! Frames with a length anywhere in a header, from any bytes in any pieces, are what a naive decoder makes of them, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | bits 0 to 2: width of the field less one; bit 3: little-endian; bit 4: the length counts the header |
//! | byte 1 | low half: bytes before the field; high half: bytes behind it, in the header |
//! | byte 2 | the maximum |
//! | byte 3 | the adjustment, signed |
//! | byte 4 | the stream arrives in pieces of as many bytes as the low and the high half say, in turn |
//! | the rest | the stream |

use ringmq::codec::{Codec, FrameError, Header, LengthField};

use super::laws::{self, Transcript};
use super::pieces::cut;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [flags, places, max, adjustment, pieces, stream @ ..] = data else { return };
    let layout = Layout {
        field_len: usize::from(flags & 7) + 1,
        is_little: flags & 8 != 0,
        counts_header: flags & 16 != 0,
        offset: usize::from(places & 15),
        behind: usize::from(places >> 4),
        max: usize::from(*max),
        adjustment: i64::from(*adjustment as i8),
    };
    if !layout.is_possible() {
        return;
    }
    let codec = layout.codec();
    let expected = layout.decode_naively(stream);
    assert_eq!(laws::read(codec.halves().0, [stream]), expected, "whole: {layout:?}");
    let pieces = cut(stream, &[pieces & 15, pieces >> 4]);
    assert_eq!(laws::read(codec.halves().0, pieces), expected, "in pieces: {layout:?}");
    assert_eq!(laws::read(codec.halves().0, stream.chunks(1)), expected, "byte by byte: {layout:?}");

    // Each frame has only one encoding, so the same bytes come out again.
    let encoded =
        laws::encode(codec.halves().1, &expected.frames).expect("what was decoded is within the maximum");
    assert!(stream.starts_with(&encoded), "{layout:?} encoded {encoded:?}");
    if stream.len() <= SHORT {
        laws::check_stream(|| codec.halves().0, stream);
        laws::check(|| codec, &expected.frames);
    }
}

#[derive(Debug)]
struct Layout {
    field_len: usize,
    is_little: bool,
    counts_header: bool,
    offset: usize,
    behind: usize,
    max: usize,
    adjustment: i64,
}

impl Layout {
    fn header_len(&self) -> usize {
        self.offset + self.field_len + self.behind
    }

    /// What the length says of a body of so many bytes.
    fn length(&self, body_len: i128) -> i128 {
        let counted = if self.counts_header { self.header_len() } else { self.behind };
        body_len + counted as i128 - i128::from(self.adjustment)
    }

    fn is_possible(&self) -> bool {
        let can_express = |len: i128| (0..1_i128 << (8 * self.field_len)).contains(&len);
        self.header_len() <= 16 && can_express(self.length(0)) && can_express(self.length(self.max as i128))
    }

    fn codec(&self) -> LengthField {
        let mut codec = LengthField::new(self.max).offset(self.offset).field_len(self.field_len);
        codec = codec.header_len(self.header_len()).adjustment(self.adjustment);
        if self.counts_header {
            codec = codec.counts_header();
        }
        if self.is_little {
            codec = codec.little_endian();
        }
        codec
    }

    /// Decodes the way one would by hand, in numbers that cannot overflow.
    fn decode_naively(&self, stream: &[u8]) -> Transcript<Header> {
        let mut frames = Vec::new();
        let (mut rest, header_len) = (stream, self.header_len());
        let end = loop {
            if rest.is_empty() {
                break Ok(());
            }
            if rest.len() < header_len {
                break Err(FrameError::Truncated { have: rest.len(), need: header_len });
            }
            let mut header = rest[..header_len].to_vec();
            let field = &mut header[self.offset..self.offset + self.field_len];
            if self.is_little {
                field.reverse();
            }
            let length = field.iter().fold(0_i128, |length, byte| length * 256 + i128::from(*byte));
            field.fill(0);
            let body_len = length - self.length(0);
            if body_len > self.max as i128 {
                let len = u64::try_from(body_len).unwrap_or(u64::MAX);
                break Err(FrameError::TooLong { len, max: self.max });
            }
            let frame_len = header_len as i128 + body_len;
            if body_len < 0 {
                let len = u64::try_from(frame_len).unwrap_or(0);
                break Err(FrameError::TooShort { len, min: header_len });
            }
            let frame_len = frame_len as usize;
            if rest.len() < frame_len {
                break Err(FrameError::Truncated { have: rest.len(), need: frame_len });
            }
            frames.push((Header::new(&header), rest[header_len..frame_len].to_vec()));
            rest = &rest[frame_len..];
        };
        Transcript { frames, end }
    }
}
