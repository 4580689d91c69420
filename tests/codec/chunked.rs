//! [`Chunked`] by the laws, and against [`LengthPrefix`], whose wire it is.

use super::laws::{self, Transcript};
use ringmq::codec::{Affixes, Chunk, Chunked, Codec, Decoder, Encoder, FrameError, LengthPrefix, Step};

const MAX: usize = 20;
const CHUNK: usize = 8;

fn codec() -> Chunked {
    Chunked::new(LengthPrefix::new(MAX).field_len(2), CHUNK)
}

fn decoder() -> impl Decoder<Head = Chunk> {
    codec().halves().0
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| at as u8 ^ 0xa5).collect()
}

/// The chunks of bodies of these lengths.
fn chunks(lens: &[usize]) -> Vec<(Chunk, Vec<u8>)> {
    let mut all = Vec::new();
    for &total in lens {
        let body = body(total);
        let mut offset = 0;
        loop {
            let chunk = Chunk { offset, total };
            let len = chunk.next_len(CHUNK);
            all.push((chunk, body[offset..offset + len].to_vec()));
            offset += len;
            if offset == total {
                break;
            }
        }
    }
    all
}

const SEEDS: &[&[usize]] = &[&[], &[0], &[1], &[8], &[9], &[16], &[MAX], &[0, 17, 0, 8, MAX, 3]];

#[test]
fn what_is_encoded_is_decoded() {
    for lens in SEEDS {
        laws::round_trip(codec, &chunks(lens));
    }
}

#[test]
fn the_bytes_are_those_of_the_length_prefix() {
    for lens in SEEDS {
        let stream = laws::encode(codec().halves().1, &chunks(lens)).unwrap();
        let whole: Vec<((), Vec<u8>)> = lens.iter().map(|len| ((), body(*len))).collect();
        let prefix = LengthPrefix::new(MAX).field_len(2);
        assert_eq!(laws::encode(prefix.halves().1, &whole).unwrap(), stream);
        let joined: Vec<u8> = whole.iter().flat_map(|(_, body)| body.clone()).collect();
        let chunks = laws::read(decoder(), [&stream[..]]).frames;
        assert_eq!(chunks.into_iter().flat_map(|(_, chunk)| chunk).collect::<Vec<u8>>(), joined);
    }
}

#[test]
fn errors_are_final_and_the_same_however_it_is_cut() {
    let mut stream = laws::encode(codec().halves().1, &chunks(&[17])).unwrap();
    stream.extend([0, 21, 1, 2, 3]);
    let transcript = laws::any_split_gives_the_same(decoder, &stream);
    assert_eq!(
        transcript,
        Transcript { frames: chunks(&[17]), end: Err(FrameError::TooLong { len: 21, max: 20 }) }
    );
}

#[test]
fn a_stream_ends_cleanly_only_between_bodies() {
    let stream = laws::encode(codec().halves().1, &chunks(&[17, 0, 8])).unwrap();
    let body_ends = [0, 19, 21, 31];
    for cut in 0..=stream.len() {
        let end = laws::any_split_gives_the_same(decoder, &stream[..cut]).end;
        assert_eq!(end.is_ok(), body_ends.contains(&cut), "{cut}: {end:?}");
    }
    // Behind a whole chunk, where nothing waits to be decoded.
    let end = laws::read(decoder(), [&stream[..10]]).end;
    assert_eq!(end, Err(FrameError::Truncated { have: 0, need: 8 }));
}

#[test]
fn a_header_announces_no_more_than_a_chunk() {
    let codec = Chunked::new(LengthPrefix::new(1 << 30).field_len(8), CHUNK);
    let mut decoder = codec.halves().0;
    assert_eq!(decoder.max_frame_len(), 16);
    assert_eq!(decoder.decode(&(1_u64 << 30).to_be_bytes()), Ok(Step::More(8)));
}

#[test]
fn a_chunk_of_another_length_than_is_due_is_not_encoded() {
    let mut encoder = codec().halves().1;
    let mut affixes = Affixes::new();
    let mut refusal = |offset, total, len| {
        affixes.push_before(b"left over");
        let error = encoder.encode(Chunk { offset, total }, len, &mut affixes).unwrap_err();
        assert!(affixes.is_empty());
        error
    };
    assert_eq!(refusal(0, 20, 9), FrameError::TooLong { len: 9, max: 8 });
    assert_eq!(refusal(0, 20, 7), FrameError::TooShort { len: 7, min: 8 });
    assert_eq!(refusal(16, 20, 5), FrameError::TooLong { len: 5, max: 4 });
    assert_eq!(refusal(16, 20, 0), FrameError::TooShort { len: 0, min: 4 });
    assert_eq!(refusal(20, 20, 0), FrameError::TooShort { len: 0, min: 1 });
    assert_eq!(refusal(21, 20, 0), FrameError::TooShort { len: 0, min: 1 });
    for offset in [0, 8] {
        assert_eq!(refusal(offset, 21, 8), FrameError::TooLong { len: 21, max: 20 });
    }
}

#[test]
#[should_panic(expected = "a chunk has at least one byte")]
fn chunks_of_no_bytes_are_refused() {
    Chunked::new(LengthPrefix::new(MAX), 0);
}
