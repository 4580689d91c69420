//! ZMTP frames from any bytes in any pieces are what a naive decoder makes of them, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the maximum: up to 199 itself, up to 239 hundreds from 100 on, above as far below the greatest possible as the byte is below 255 |
//! | bytes 1 and 2 | the stream arrives in pieces of as many bytes, in turn |
//! | the rest | the stream |

use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
use ringmq::codec::{Affixes, Codec, Encoder, FrameError};

use super::laws::{self, Transcript};
use super::pieces::cut;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [max, first, second, stream @ ..] = data else { return };
    let max = maximum(*max);
    let codec = ZmtpFrames::new(max);
    let expected = decode_naively(stream, max);

    assert_eq!(laws::read(codec.halves().0, [stream]), expected.transcript, "whole, at most {max}");
    let pieces = cut(stream, &[*first, *second]);
    assert_eq!(laws::read(codec.halves().0, pieces), expected.transcript, "in pieces, at most {max}");
    assert_eq!(laws::read(codec.halves().0, stream.chunks(1)), expected.transcript, "byte by byte");

    let frames = &expected.transcript.frames;
    let encoded = laws::encode(codec.halves().1, frames).expect("what was decoded is within the maximum");
    assert_eq!(encoded, expected.canonical, "the same frames, each in the shorter form");
    refuses_one_byte_more(codec, max);

    if stream.len() <= SHORT {
        laws::any_split_gives_the_same(|| codec.halves().0, stream);
        laws::ends_cleanly_only_between_frames(|| codec.halves().0, &encoded);
        laws::round_trip(|| codec, frames);
    }
}

fn maximum(byte: u8) -> usize {
    match byte {
        0..=199 => usize::from(byte),
        200..=239 => usize::from(byte - 199) * 100,
        _ => isize::MAX as usize - 9 - usize::from(255 - byte),
    }
}

fn refuses_one_byte_more(codec: ZmtpFrames, max: usize) {
    for kind in [FrameKind::More, FrameKind::Last, FrameKind::Command] {
        let refused = codec.halves().1.encode(kind, max + 1, &mut Affixes::new());
        assert_eq!(refused, Err(FrameError::TooLong { len: max as u64 + 1, max }));
    }
}

struct Expected {
    transcript: Transcript<FrameKind>,
    /// The frames once more, with sizes of one byte where they fit.
    canonical: Vec<u8>,
}

/// Decodes the way one would by hand, in numbers that cannot overflow.
fn decode_naively(stream: &[u8], max: usize) -> Expected {
    let (mut frames, mut canonical) = (Vec::new(), Vec::new());
    let mut rest = stream;
    let end = loop {
        let Some(flags) = rest.first() else { break Ok(()) };
        let kind = match flags {
            0 | 2 => FrameKind::Last,
            1 | 3 => FrameKind::More,
            4 | 6 => FrameKind::Command,
            _ => {
                let expected = "the flags of a ZMTP 3 frame, 0x00 to 0x04 or 0x06";
                break Err(FrameError::Invalid { expected, found: u64::from(*flags) });
            }
        };
        let is_long = matches!(flags, 2 | 3 | 6);
        let header_len = if is_long { 9 } else { 2 };
        if rest.len() < header_len {
            break Err(FrameError::Truncated { have: rest.len(), need: header_len });
        }
        let len = rest[1..header_len].iter().fold(0, |len, byte| len * 256 + u128::from(*byte));
        if len > max as u128 {
            break Err(FrameError::TooLong { len: len as u64, max });
        }
        let frame_len = header_len as u128 + len;
        if (rest.len() as u128) < frame_len {
            break Err(FrameError::Truncated { have: rest.len(), need: frame_len as usize });
        }
        let (frame, behind) = rest.split_at(frame_len as usize);
        let body = &frame[header_len..];
        if is_long && len < 256 {
            canonical.extend([flags - 2, len as u8]);
            canonical.extend(body);
        } else {
            canonical.extend(frame);
        }
        frames.push((kind, body.to_vec()));
        rest = behind;
    };
    Expected { transcript: Transcript { frames, end }, canonical }
}
