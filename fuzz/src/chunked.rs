//! Chunks joined again are the frames of the length prefix, from any bytes in any pieces; and what is encoded is decoded.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | bits 0 to 2: width of the field less one; bit 3: little-endian |
//! | byte 1 | the length of a chunk less one |
//! | byte 2 | the stream arrives in pieces of as many bytes as the low and the high half say, in turn |
//! | the rest | the stream |

use ringmq::codec::{Chunk, Chunked, Codec, Decoder, FrameError, LengthPrefix};

use super::laws::{self, Transcript};
use super::pieces::cut;

const MAX: usize = 200;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [layout, chunk_len, pieces, stream @ ..] = data else { return };
    let prefix = LengthPrefix::new(MAX).field_len(usize::from(layout & 7) + 1);
    let prefix = if layout & 8 != 0 { prefix.little_endian() } else { prefix };
    let chunk_len = usize::from(*chunk_len) + 1;
    let codec = Chunked::new(prefix, chunk_len);

    let whole = laws::read(codec.halves().0, [stream]);
    let pieces = cut(stream, &[pieces & 15, pieces >> 4]);
    assert_eq!(laws::read(codec.halves().0, pieces), whole, "in pieces");
    assert_eq!(laws::read(codec.halves().0, stream.chunks(1)), whole, "byte by byte");

    let expected = laws::read(prefix.halves().0, [stream]);
    let (bodies, is_whole) = join(&whole, chunk_len);
    // Of a body that is not whole there may be chunks, and no frame.
    let bodies_len = bodies.len() - usize::from(!is_whole);
    assert_eq!(bodies[..bodies_len], expected.frames.into_iter().map(|((), body)| body).collect::<Vec<_>>());
    match (&whole.end, &expected.end) {
        // The numbers are of a chunk in one case, and of the frame in the other.
        (Err(FrameError::Truncated { .. }), Err(FrameError::Truncated { .. })) => {}
        (end, expected) => assert_eq!(end, expected),
    }

    let encoded =
        laws::encode(codec.halves().1, &whole.frames).expect("what was decoded is of the length that is due");
    assert!(stream.starts_with(&encoded));
    assert!(codec.halves().0.max_frame_len() >= chunk_len);
}

/// The bodies that these chunks make, and whether the last is whole.
fn join(transcript: &Transcript<Chunk>, chunk_len: usize) -> (Vec<Vec<u8>>, bool) {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut due = Chunk { offset: 0, total: 0 };
    for (chunk, bytes) in &transcript.frames {
        if due.offset == due.total {
            assert_eq!(chunk.offset, 0, "a body begins at its beginning");
            bodies.push(Vec::new());
        } else {
            assert_eq!(*chunk, due, "the next of the same body");
        }
        assert_eq!(bytes.len(), chunk.next_len(chunk_len));
        bodies.last_mut().expect("one has begun").extend_from_slice(bytes);
        due = Chunk { offset: chunk.offset + bytes.len(), total: chunk.total };
    }
    (bodies, due.offset == due.total)
}
