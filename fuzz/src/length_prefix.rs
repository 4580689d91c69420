//! Length-prefixed frames from any bytes in any pieces are what a naive decoder makes of them, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | bits 0 to 2: width of the field less one; bit 3: little-endian |
//! | byte 1 | the maximum: up to 239 itself, above it as far below the greatest possible as the byte is below 255 |
//! | byte 2 | the stream arrives in pieces of as many bytes as the low and the high half say, in turn |
//! | the rest | the stream |

use ringmq::codec::{Affixes, Codec, Encoder, FrameError, LengthPrefix};

use super::laws::{self, Transcript};
use super::pieces::cut;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [layout, max, pieces, stream @ ..] = data else { return };
    let layout = Layout::new(*layout, *max);
    let codec = layout.codec();
    let expected = layout.decode_naively(stream);

    assert_eq!(laws::read(codec.halves().0, [stream]), expected, "whole: {layout:?}");
    let pieces = cut(stream, &[pieces & 15, pieces >> 4]);
    assert_eq!(laws::read(codec.halves().0, pieces), expected, "in pieces: {layout:?}");
    assert_eq!(laws::read(codec.halves().0, stream.chunks(1)), expected, "byte by byte: {layout:?}");

    // A length has only one encoding, so the same bytes come out again.
    let encoded =
        laws::encode(codec.halves().1, &expected.frames).expect("what was decoded is within the maximum");
    assert!(stream.starts_with(&encoded), "{layout:?} encoded {encoded:?}");
    if expected.end.is_ok() {
        assert_eq!(encoded.len(), stream.len(), "{layout:?}");
    }
    refuses_one_byte_more(&layout);

    if stream.len() <= SHORT {
        laws::any_split_gives_the_same(|| codec.halves().0, stream);
        laws::ends_cleanly_only_between_frames(|| codec.halves().0, &encoded);
        laws::round_trip(|| codec, &expected.frames);
    }
}

fn refuses_one_byte_more(layout: &Layout) {
    let len = layout.max + 1;
    let refused = layout.codec().halves().1.encode((), len, &mut Affixes::new());
    assert_eq!(refused, Err(FrameError::TooLong { len: len as u64, max: layout.max }), "{layout:?}");
}

#[derive(Debug)]
struct Layout {
    field_len: usize,
    is_little: bool,
    max: usize,
}

impl Layout {
    fn new(layout: u8, max: u8) -> Layout {
        let field_len = usize::from(layout & 7) + 1;
        let field_max = 256_u128.pow(field_len as u32) - 1;
        let greatest = field_max.min(isize::MAX as u128 - 8) as usize;
        let max = if max < 240 { usize::from(max) } else { greatest - usize::from(255 - max) };
        Layout { field_len, is_little: layout & 8 != 0, max }
    }

    fn codec(&self) -> LengthPrefix {
        // A maximum beyond the default field of four bytes is in order, as `field_len` follows.
        let codec = LengthPrefix::new(self.max).field_len(self.field_len);
        if self.is_little {
            codec.little_endian()
        } else {
            codec
        }
    }

    /// Decodes the way one would by hand, in numbers that cannot overflow.
    fn decode_naively(&self, stream: &[u8]) -> Transcript<()> {
        let mut frames = Vec::new();
        let mut rest = stream;
        let end = loop {
            if rest.is_empty() {
                break Ok(());
            }
            if rest.len() < self.field_len {
                break Err(FrameError::Truncated { have: rest.len(), need: self.field_len });
            }
            let mut digits = rest[..self.field_len].to_vec();
            if self.is_little {
                digits.reverse();
            }
            let len = digits.iter().fold(0_u128, |len, digit| len * 256 + u128::from(*digit));
            if len > self.max as u128 {
                break Err(FrameError::TooLong { len: len as u64, max: self.max });
            }
            let frame_len = self.field_len as u128 + len;
            if (rest.len() as u128) < frame_len {
                break Err(FrameError::Truncated { have: rest.len(), need: frame_len as usize });
            }
            frames.push(((), rest[self.field_len..frame_len as usize].to_vec()));
            rest = &rest[frame_len as usize..];
        };
        Transcript { frames, end }
    }
}
