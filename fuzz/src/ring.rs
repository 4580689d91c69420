//! Frames of RingMQ from any bytes in any pieces are what a naive decoder makes of them, joined they are the messages that a naive joiner
//! makes, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the maximum of a frame's body: up to 239 itself, above it as far below the greatest possible as the byte is below 255 |
//! | byte 1 | the maximum of a message: the byte itself |
//! | bytes 2 and 3 | the stream arrives in pieces of as many bytes, in turn |
//! | the rest | the stream |

use std::borrow::Cow;

use ringmq::codec::{Codec, FrameError, RingFrames, RingHead, RingJoiner, RingMessageError};

use super::laws::{self, Transcript};
use super::pieces::cut;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [max, message_max, first, second, stream @ ..] = data else { return };
    let max = frame_max(*max);
    let codec = RingFrames::new(max);
    let expected = decode_naively(stream, max);

    assert_eq!(laws::read(codec.halves().0, [stream]), expected, "whole, at most {max}");
    let pieces = cut(stream, &[*first, *second]);
    assert_eq!(laws::read(codec.halves().0, pieces), expected, "in pieces, at most {max}");
    assert_eq!(laws::read(codec.halves().0, stream.chunks(1)), expected, "byte by byte, at most {max}");

    encodes_what_is_not_empty(codec, &expected);
    let message_max = usize::from(*message_max);
    assert_eq!(join(&expected.frames, message_max), join_naively(&expected.frames, message_max));

    if stream.len() <= SHORT {
        laws::any_split_gives_the_same(|| codec.halves().0, stream);
        laws::ends_cleanly_only_between_frames(|| codec.halves().0, &stream[..whole_len(&expected)]);
    }
}

fn frame_max(byte: u8) -> usize {
    let greatest = (u32::MAX as usize).min(isize::MAX as usize) - 5;
    if byte < 240 {
        usize::from(byte)
    } else {
        greatest - usize::from(255 - byte)
    }
}

/// Decodes the way one would by hand, in numbers that cannot overflow.
fn decode_naively(stream: &[u8], max: usize) -> Transcript<RingHead> {
    let mut frames = Vec::new();
    let mut rest = stream;
    let end = loop {
        if rest.is_empty() {
            break Ok(());
        }
        if rest.len() < 5 {
            break Err(FrameError::Truncated { have: rest.len(), need: 5 });
        }
        let len = rest[1..5].iter().fold(0_u128, |len, digit| len * 256 + u128::from(*digit));
        if len < 5 {
            break Err(FrameError::TooShort { len: len as u64, min: 5 });
        }
        if len - 5 > max as u128 {
            break Err(FrameError::TooLong { len: len as u64 - 5, max });
        }
        if (rest.len() as u128) < len {
            break Err(FrameError::Truncated { have: rest.len(), need: len as usize });
        }
        let head = if rest[0] % 2 == 1 { RingHead::More } else { RingHead::Last };
        frames.push((head, rest[5..len as usize].to_vec()));
        rest = &rest[len as usize..];
    };
    Transcript { frames, end }
}

/// How many bytes the frames had when they came.
fn whole_len(transcript: &Transcript<RingHead>) -> usize {
    transcript.frames.iter().map(|(_, body)| 5 + body.len()).sum()
}

/// What was decoded is decoded again from what is encoded of it, and an empty body is not encoded.
fn encodes_what_is_not_empty(codec: RingFrames, transcript: &Transcript<RingHead>) {
    let (empty, others): (Vec<_>, Vec<_>) =
        transcript.frames.iter().cloned().partition(|(_, body)| body.is_empty());
    let encoded = laws::encode(codec.halves().1, &others).expect("within the maximum");
    let again = laws::read(codec.halves().0, [&encoded[..]]);
    assert_eq!(again, Transcript { frames: others, end: Ok(()) });
    for frame in empty {
        let refused = laws::encode(codec.halves().1, &[frame]);
        assert_eq!(refused, Err(FrameError::TooShort { len: 5, min: 6 }));
    }
}

/// The messages of a stream, and how it ended.
type Messages = (Vec<Vec<u8>>, Result<(), RingMessageError>);

fn join(frames: &[(RingHead, Vec<u8>)], max: usize) -> Messages {
    let mut joiner = RingJoiner::new(max);
    let mut messages = Vec::new();
    for (head, body) in frames {
        match joiner.push(*head, body) {
            Ok(message) => messages.extend(message.map(Cow::into_owned)),
            Err(error) => {
                assert_eq!(joiner.push(RingHead::Last, b""), Err(error.clone()), "push after an error");
                assert_eq!(joiner.held_len(), 0, "after an error");
                assert_eq!(joiner.finish(), Err(error.clone()), "finish after an error");
                return (messages, Err(error));
            }
        }
        assert!(joiner.held_len() <= max, "{} bytes are held, {max} are allowed", joiner.held_len());
    }
    (messages, joiner.finish())
}

fn join_naively(frames: &[(RingHead, Vec<u8>)], max: usize) -> Messages {
    let mut messages = Vec::new();
    // A message ends with a frame that is the last, or where the frames end.
    for parts in frames.split_inclusive(|(head, _)| *head == RingHead::Last) {
        let mut message = Vec::new();
        for (_, body) in parts {
            message.extend_from_slice(body);
            if message.len() > max {
                return (messages, Err(RingMessageError::TooLong { len: message.len() as u64, max }));
            }
        }
        if matches!(parts.last(), Some((RingHead::More, _))) {
            return (messages, Err(RingMessageError::Truncated { have: message.len() }));
        }
        messages.push(message);
    }
    (messages, Ok(()))
}
