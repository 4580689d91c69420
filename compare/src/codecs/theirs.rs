//! tokio-util's codecs, used as their documentation has it: a `BytesMut` that is extended and decoded until nothing comes.

use std::fmt::Debug;
use std::hint::black_box;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

/// Takes the frames from a stream; answers how many bytes their bodies have.
#[inline(never)] // so that a profile names it
pub fn decode<D>(mut decoder: D, buffer: &mut BytesMut, stream: &[u8], piece_len: usize, passes: u32) -> usize
where
    D: Decoder,
    D::Item: Len,
    D::Error: Debug,
{
    let mut total = 0;
    for _ in 0..passes {
        for piece in stream.chunks(piece_len) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = decoder.decode(buffer).expect("the stream is well-formed") {
                total += black_box(&frame).body_len();
            }
        }
    }
    total
}

/// Frames a body so often; answers how many bytes that were.
#[inline(never)] // so that a profile names it
pub fn encode<B, E>(mut encoder: E, buffer: &mut BytesMut, body: B, frame_count: usize, passes: u32) -> usize
where
    B: Clone + Len,
    E: Encoder<B>,
    E::Error: Debug,
{
    let mut total = 0;
    for _ in 0..passes as usize * frame_count {
        if buffer.capacity() - buffer.len() < body.body_len() + 32 {
            buffer.clear();
        }
        let before = buffer.len();
        encoder.encode(black_box(&body).clone(), buffer).expect("no body is too long");
        total += black_box(&*buffer).len() - before;
    }
    total
}

/// What these codecs make of a frame, or make a frame of.
pub trait Len {
    fn body_len(&self) -> usize;
}

impl<T: AsRef<[u8]>> Len for T {
    fn body_len(&self) -> usize {
        self.as_ref().len()
    }
}
