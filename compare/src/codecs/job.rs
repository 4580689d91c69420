//! One case, ready to be run on each side: what it takes to set up is done before.

use std::hint::black_box;
use std::mem;

use bytes::Bytes;
use ringmq::codec::{Codec, LengthPrefix, Lines};
use tokio_util::codec::{LengthDelimitedCodec, LinesCodec};

use super::case::{Case, Protocol, Side, Work, BODY_MAX, WHOLE};
use super::{ours, theirs};

/// The longest frame and the longest piece.
const ROOM: usize = 2 * WHOLE;

pub struct Job {
    case: Case,
    body: &'static str,
    /// The stream, after so many bytes that are nobody's.
    padded: Vec<u8>,
    padding: usize,
    /// What is decoded in or encoded to, on each side: which pages it has, and where in them it begins, decides more
    /// of what copying takes than a codec can.
    memory: Vec<u8>,
}

impl Job {
    pub fn new(case: Case) -> Job {
        Job::padded(case, 0)
    }

    /// With the stream so many bytes further on in its pages.
    pub fn padded(case: Case, padding: usize) -> Job {
        Job {
            case,
            // For good, so that tokio-util's `Bytes` has nothing to count.
            body: Box::leak(case.body().into_boxed_str()),
            padded: [vec![0; padding], case.frame().repeat(case.frame_count())].concat(),
            padding,
            memory: vec![0; ROOM],
        }
    }

    /// Makes so many passes.
    ///
    /// # Panics
    /// If not all that was there came out.
    pub fn run(&mut self, side: Side, passes: u32) {
        let memory = mem::take(&mut self.memory);
        let (done, mut memory) = match side {
            Side::Ours => self.run_ours(memory, passes),
            Side::Theirs => self.run_theirs(memory, passes),
            Side::Copy => self.run_copy(memory, passes),
        };
        memory.resize(ROOM, 0);
        self.memory = memory;
        let each = match (side, self.case.work) {
            (Side::Ours | Side::Theirs, Work::Decode { .. }) => self.case.body_len,
            _ => self.case.frame().len(),
        };
        assert_eq!(done, each * self.case.frame_count() * passes as usize, "not all came out");
    }

    fn stream(&self) -> &[u8] {
        &self.padded[self.padding..]
    }

    fn run_ours(&self, mut memory: Vec<u8>, passes: u32) -> (usize, Vec<u8>) {
        let (stream, body, count) = (self.stream(), self.body.as_bytes(), self.case.frame_count());
        let prefix = LengthPrefix::new(BODY_MAX);
        let lines = Lines::new(BODY_MAX);
        let done = match (self.case.protocol, self.case.work) {
            (Protocol::Prefix, Work::Decode { piece_len }) => {
                ours::decode(prefix.halves().0, &mut memory, stream, piece_len, passes)
            }
            (Protocol::Lines, Work::Decode { piece_len }) => {
                ours::decode(lines.halves().0, &mut memory, stream, piece_len, passes)
            }
            (Protocol::Prefix, Work::Encode) => {
                ours::encode(prefix.halves().1, &mut memory, body, count, passes)
            }
            (Protocol::Lines, Work::Encode) => {
                ours::encode(lines.halves().1, &mut memory, body, count, passes)
            }
        };
        (done, memory)
    }

    fn run_theirs(&self, memory: Vec<u8>, passes: u32) -> (usize, Vec<u8>) {
        let (stream, body, count) = (self.stream(), self.body, self.case.frame_count());
        let mut bytes = Bytes::from(memory).try_into_mut().expect("nobody else has it");
        bytes.clear();
        let prefix = || LengthDelimitedCodec::builder().max_frame_length(BODY_MAX).new_codec();
        let lines = || LinesCodec::new_with_max_length(BODY_MAX);
        let done = match (self.case.protocol, self.case.work) {
            (Protocol::Prefix, Work::Decode { piece_len }) => {
                theirs::decode(prefix(), &mut bytes, stream, piece_len, passes)
            }
            (Protocol::Lines, Work::Decode { piece_len }) => {
                theirs::decode(lines(), &mut bytes, stream, piece_len, passes)
            }
            (Protocol::Prefix, Work::Encode) => {
                let body = Bytes::from_static(body.as_bytes());
                theirs::encode(prefix(), &mut bytes, body, count, passes)
            }
            (Protocol::Lines, Work::Encode) => theirs::encode(lines(), &mut bytes, body, count, passes),
        };
        (done, Vec::from(bytes))
    }

    fn run_copy(&self, mut memory: Vec<u8>, passes: u32) -> (usize, Vec<u8>) {
        let piece_len = match self.case.work {
            Work::Decode { piece_len } => piece_len,
            Work::Encode => self.case.frame().len(),
        };
        let done = copy(&mut memory, self.stream(), piece_len, passes);
        (done, memory)
    }
}

#[inline(never)] // so that a profile names it
fn copy(buffer: &mut [u8], stream: &[u8], piece_len: usize, passes: u32) -> usize {
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
