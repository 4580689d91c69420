//! Frames of variable-length lengths from any bytes in any pieces are what a naive decoder makes of them, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the maximum |
//! | byte 1 | the stream arrives in pieces of as many bytes as the low and the high half say, in turn |
//! | the rest | the stream |

use ringmq::codec::{Codec, FrameError, Varint};

use super::laws::{self, Transcript};
use super::pieces::cut;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [max, pieces, stream @ ..] = data else { return };
    let codec = Varint::new(usize::from(*max));
    let read = laws::read(codec.halves().0, [stream]);
    let expected = decode_naively(stream, usize::from(*max));
    match (&read.end, &expected.end) {
        // What it says of the byte is the codec's own.
        (Err(FrameError::Invalid { found, .. }), Err(FrameError::Invalid { found: expected, .. })) => {
            assert_eq!(found, expected);
        }
        (end, expected) => assert_eq!(end, expected),
    }
    assert_eq!(read.frames, expected.frames);
    let pieces = cut(stream, &[pieces & 15, pieces >> 4]);
    assert_eq!(laws::read(codec.halves().0, pieces), read, "in pieces");
    assert_eq!(laws::read(codec.halves().0, stream.chunks(1)), read, "byte by byte");

    let encoded =
        laws::encode(codec.halves().1, &read.frames).expect("what was decoded is within the maximum");
    assert!(encoded.len() <= stream.len(), "in no more bytes than it came");
    if stream.len() <= SHORT {
        laws::check_stream(|| codec.halves().0, stream);
        laws::check(|| codec, &read.frames);
    }
}

/// Decodes the way one would by hand, in numbers that cannot overflow.
fn decode_naively(stream: &[u8], max: usize) -> Transcript<()> {
    let mut frames = Vec::new();
    let mut rest = stream;
    let end = loop {
        if rest.is_empty() {
            break Ok(());
        }
        let header_len = match rest.iter().position(|byte| *byte < 0x80) {
            Some(last) if last < 10 => last + 1,
            None if rest.len() < 10 => {
                break Err(FrameError::Truncated { have: rest.len(), need: rest.len() + 1 })
            }
            _ => break Err(FrameError::Invalid { expected: "", found: rest[9].into() }),
        };
        let digits = rest[..header_len].iter().rev();
        let len = digits.fold(0_u128, |len, digit| len * 128 + u128::from(digit % 128));
        if len > u64::MAX.into() {
            break Err(FrameError::Invalid { expected: "", found: rest[9].into() });
        }
        if len > max as u128 {
            break Err(FrameError::TooLong { len: len as u64, max });
        }
        let frame_len = header_len + len as usize;
        if rest.len() < frame_len {
            break Err(FrameError::Truncated { have: rest.len(), need: frame_len });
        }
        frames.push(((), rest[header_len..frame_len].to_vec()));
        rest = &rest[frame_len..];
    };
    Transcript { frames, end }
}
