//! One case on one side, ready to be run: what it takes to set up is done before.

use std::hint::black_box;

use bytes::Bytes;
use ringmq::codec::{Codec, LengthPrefix, Lines};
use tokio_util::codec::{LengthDelimitedCodec, LinesCodec};

use super::case::{Case, Protocol, Side, Work, BODY_MAX, WHOLE};
use super::{ours, theirs};

pub struct Job {
    case: Case,
    side: Side,
    body: &'static str,
    stream: Vec<u8>,
}

impl Job {
    pub fn new(case: Case, side: Side) -> Job {
        // For good, so that tokio-util's `Bytes` has nothing to count.
        let body = Box::leak(case.body().into_boxed_str());
        Job { case, side, body, stream: case.frame().repeat(case.frame_count()) }
    }

    /// Makes so many passes.
    ///
    /// # Panics
    /// If not all that was there came out.
    pub fn run(&self, passes: u32) {
        let (body, stream) = (self.body, &self.stream[..]);
        let count = self.case.frame_count();
        let prefix = LengthPrefix::new(BODY_MAX);
        let lines = Lines::new(BODY_MAX);
        let their_prefix = || LengthDelimitedCodec::builder().max_frame_length(BODY_MAX).new_codec();
        let their_lines = || LinesCodec::new_with_max_length(BODY_MAX);
        let done = match (self.side, self.case.protocol, self.case.work) {
            (Side::Ours, Protocol::Prefix, Work::Decode { piece_len }) => {
                ours::decode(prefix.halves().0, stream, piece_len, passes)
            }
            (Side::Ours, Protocol::Lines, Work::Decode { piece_len }) => {
                ours::decode(lines.halves().0, stream, piece_len, passes)
            }
            (Side::Ours, Protocol::Prefix, Work::Encode) => {
                ours::encode(prefix.halves().1, body.as_bytes(), count, passes)
            }
            (Side::Ours, Protocol::Lines, Work::Encode) => {
                ours::encode(lines.halves().1, body.as_bytes(), count, passes)
            }
            (Side::Theirs, Protocol::Prefix, Work::Decode { piece_len }) => {
                theirs::decode(their_prefix(), stream, piece_len, passes)
            }
            (Side::Theirs, Protocol::Lines, Work::Decode { piece_len }) => {
                theirs::decode(their_lines(), stream, piece_len, passes)
            }
            (Side::Theirs, Protocol::Prefix, Work::Encode) => {
                theirs::encode(their_prefix(), Bytes::from_static(body.as_bytes()), count, passes)
            }
            (Side::Theirs, Protocol::Lines, Work::Encode) => {
                theirs::encode(their_lines(), body, count, passes)
            }
            (Side::Copy, _, Work::Decode { piece_len }) => copy(stream, piece_len, passes),
            (Side::Copy, _, Work::Encode) => copy(stream, self.case.frame().len(), passes),
        };
        let each = match (self.side, self.case.work) {
            (Side::Ours | Side::Theirs, Work::Decode { .. }) => self.case.body_len,
            _ => self.case.frame().len(),
        };
        assert_eq!(done, each * count * passes as usize, "not all came out");
    }
}

#[inline(never)] // so that a profile names it
fn copy(stream: &[u8], piece_len: usize, passes: u32) -> usize {
    let mut buffer = vec![0; 2 * WHOLE];
    let (mut at, mut total) = (0, 0);
    for _ in 0..passes {
        for piece in stream.chunks(piece_len) {
            if piece.len() == WHOLE || buffer.len() - at < piece.len() {
                at = 0;
            }
            buffer[at..at + piece.len()].copy_from_slice(black_box(piece));
            at += piece.len();
            total += black_box(&buffer[..at]).len().min(piece.len());
        }
    }
    total
}
