//! ringmq's codecs, used as `Framed` uses them: a receive buffer that stays, and a segment that bodies are copied into.

use std::hint::black_box;

use ringmq::codec::{Affixes, Decoder, Encoder, Step};

/// Takes the frames from a stream; answers how many bytes their bodies have.
#[inline(never)] // so that a profile names it
pub fn decode(
    mut decoder: impl Decoder,
    buffer: &mut [u8],
    stream: &[u8],
    piece_len: usize,
    passes: u32,
) -> usize {
    let (mut start, mut end, mut needed, mut total) = (0, 0, 1, 0);
    for _ in 0..passes {
        for piece in stream.chunks(piece_len) {
            if buffer.len() - end < piece.len() {
                (start, end) = make_way(buffer, start, end);
            }
            buffer[end..end + piece.len()].copy_from_slice(piece);
            end += piece.len();
            if end - start < needed {
                continue;
            }
            while start < end {
                let rest = &buffer[start..end];
                match decoder.decode(rest).expect("the stream is well-formed") {
                    Step::Frame { body, used, .. } => {
                        total += black_box(&rest[body]).len();
                        start += used;
                        needed = 1;
                    }
                    Step::Skip { used } => start += used,
                    Step::More(more) => {
                        needed = rest.len() + more;
                        break;
                    }
                }
            }
            if start == end {
                (start, end) = (0, 0);
            }
        }
    }
    total
}

/// Moves what is there up to where a line of the caches begins, so that what comes next is copied there; answers where it lies then.
#[inline(never)] // as it is in `Framed`
fn make_way(buffer: &mut [u8], start: usize, end: usize) -> (usize, usize) {
    let to = (buffer.as_ptr() as usize + end - start).wrapping_neg() % 64;
    buffer.copy_within(start..end, to);
    (to, to + end - start)
}

/// Frames a body so often; answers how many bytes that were.
#[inline(never)] // so that a profile names it
pub fn encode<E: Encoder<Head = ()>>(
    mut encoder: E,
    segment: &mut Vec<u8>,
    body: &[u8],
    frame_count: usize,
    passes: u32,
) -> usize {
    let mut total = 0;
    for _ in 0..passes as usize * frame_count {
        if segment.capacity() - segment.len() < body.len() + 2 * Affixes::CAPACITY {
            segment.clear();
        }
        let before = segment.len();
        let body = black_box(body);
        let mut affixes = Affixes::new();
        encoder.encode((), body.len(), &mut affixes).expect("no body is too long");
        segment.extend_from_slice(affixes.before());
        segment.extend_from_slice(body);
        segment.extend_from_slice(affixes.after());
        total += black_box(&*segment).len() - before;
    }
    total
}
