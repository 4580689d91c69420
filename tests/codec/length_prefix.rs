//! [`LengthPrefix`] by its laws, and what is its own.

use super::laws;
use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, LengthPrefix, Step};

const MAX: usize = 20;

/// Every width of the field in both byte orders.
fn layouts(max: usize) -> Vec<LengthPrefix> {
    (1..=8)
        .map(|field_len| LengthPrefix::new(max).field_len(field_len))
        .flat_map(|codec| [codec, codec.little_endian()])
        .collect()
}

/// The bodies that every codec is tried with: none at all, one, none between others, one as long as the maximum.
fn seeds() -> Vec<Vec<((), Vec<u8>)>> {
    [&[][..], &[0], &[1], &[MAX], &[3, 0, 5], &[0, 0, 0], &[MAX, 1, MAX]]
        .iter()
        .map(|lens| lens.iter().map(|len| ((), (0..*len).map(|i| i as u8 ^ 0xa5).collect())).collect())
        .collect()
}

/// What goes before a body of `len` bytes, by hand: not by the encoder, which refuses what is too long.
fn field(field_len: usize, is_little: bool, len: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..field_len).map(|i| (len >> (8 * i)) as u8).collect();
    if !is_little {
        bytes.reverse();
    }
    bytes
}

fn field_max(field_len: usize) -> u64 {
    u64::MAX >> (64 - 8 * field_len)
}

fn is_little(codec: LengthPrefix) -> bool {
    codec == codec.little_endian()
}

/// How many bytes `codec` puts before a body.
fn field_len(codec: LengthPrefix) -> usize {
    let mut affixes = Affixes::new();
    codec.halves().1.encode((), 0, &mut affixes).expect("an empty body is within any maximum");
    affixes.len()
}

/// A frame, and a header that announces one byte too many, with some bytes behind it.
fn stream_with_an_error(codec: LengthPrefix) -> Vec<u8> {
    let mut stream = laws::encode(codec.halves().1, &[((), b"hello".to_vec())]).expect("within the maximum");
    stream.extend(field(field_len(codec), is_little(codec), MAX as u64 + 1));
    stream.extend([0; 40]);
    stream
}

#[test]
fn any_split_gives_the_same_frames() {
    for codec in layouts(MAX) {
        let transcript = laws::any_split_gives_the_same(|| codec.halves().0, &stream_with_an_error(codec));
        assert_eq!(transcript.frames, [((), b"hello".to_vec())], "{codec:?}");
        assert_eq!(transcript.end, Err(FrameError::TooLong { len: 21, max: 20 }), "{codec:?}");
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    for codec in layouts(MAX) {
        for frames in seeds() {
            laws::round_trip(|| codec, &frames);
        }
    }
}

#[test]
fn the_field_has_its_width_and_its_byte_order() {
    let codec = LengthPrefix::new(0x1234).field_len(3);
    let encoded = [codec, codec.little_endian()].map(|codec| {
        let mut affixes = Affixes::new();
        codec.halves().1.encode((), 0x1234, &mut affixes).expect("within the maximum");
        affixes.before().to_vec()
    });
    assert_eq!(encoded, [[0x00, 0x12, 0x34], [0x34, 0x12, 0x00]]);
}

#[test]
fn without_further_words_the_field_is_a_big_endian_u32() {
    assert_eq!(laws::round_trip(|| LengthPrefix::new(MAX), &[((), b"hi".to_vec())]), b"\0\0\0\x02hi");
}

#[test]
fn no_answer_comes_earlier_than_announced() {
    for codec in layouts(MAX) {
        let stream = stream_with_an_error(codec);
        let frame_end = field_len(codec) + 5;
        for (start, end) in [(0, frame_end), (frame_end, frame_end + field_len(codec))] {
            for have in start..end {
                let mut decoder = codec.halves().0;
                let announced = match decoder.decode(&stream[start..have]) {
                    Ok(Step::More(n)) => have + n,
                    other => panic!("{other:?} with {} bytes: {codec:?}", have - start),
                };
                assert!(announced > have && announced <= end, "{announced} of {end} bytes: {codec:?}");
                for early in have..announced {
                    assert!(matches!(decoder.decode(&stream[start..early]), Ok(Step::More(_))), "{codec:?}");
                }
            }
        }
    }
}

#[test]
fn no_bytes_are_no_frame() {
    for codec in layouts(MAX) {
        for frames in seeds() {
            let stream = laws::encode(codec.halves().1, &frames).expect("within the maximum");
            let (mut decoder, mut rest) = (codec.halves().0, &stream[..]);
            for _ in &frames {
                assert!(matches!(decoder.decode(b""), Ok(Step::More(_))), "{codec:?}");
                match decoder.decode(rest) {
                    Ok(Step::Frame { used, .. }) => rest = &rest[used..],
                    other => panic!("{other:?} where a frame is: {codec:?}"),
                }
            }
            assert!(matches!(decoder.decode(b""), Ok(Step::More(_))), "{codec:?}");
        }
    }
}

#[test]
fn more_is_exactly_what_is_missing() {
    for codec in layouts(MAX) {
        let field_len = field_len(codec);
        let stream = laws::encode(codec.halves().1, &[((), vec![7; MAX])]).expect("within the maximum");
        for have in 0..stream.len() {
            let missing = if have < field_len { field_len - have } else { stream.len() - have };
            assert_eq!(codec.halves().0.decode(&stream[..have]), Ok(Step::More(missing)), "{codec:?}");
        }
    }
}

#[test]
fn a_frame_of_no_bytes_is_a_frame() {
    for codec in layouts(MAX) {
        let field_len = field_len(codec);
        let step = codec.halves().0.decode(&vec![0; field_len]);
        assert_eq!(step, Ok(Step::Frame { head: (), body: field_len..field_len, used: field_len }));
    }
}

#[test]
fn a_maximum_of_nothing_lets_empty_frames_through() {
    for codec in layouts(0) {
        laws::round_trip(|| codec, &[((), vec![]), ((), vec![])]);
    }
}

#[test]
fn the_maximum_is_decoded() {
    for codec in layouts(MAX) {
        let field_len = field_len(codec);
        let mut input = field(field_len, is_little(codec), MAX as u64);
        input.resize(field_len + MAX, 0);
        let frame = Step::Frame { head: (), body: field_len..field_len + MAX, used: field_len + MAX };
        assert_eq!(codec.halves().0.decode(&input), Ok(frame), "{codec:?}");
    }
}

#[test]
fn the_longest_frame_is_as_long_as_announced() {
    for codec in layouts(MAX) {
        let mut decoder = codec.halves().0;
        assert_eq!(decoder.max_frame_len(), field_len(codec) + MAX, "{codec:?}");
        assert!(decoder.decode(&field(field_len(codec), is_little(codec), MAX as u64 + 1)).is_err());
        assert_eq!(decoder.max_frame_len(), field_len(codec) + MAX, "{codec:?}: at all times");
    }
}

#[test]
fn the_greatest_number_of_a_field_may_be_the_maximum() {
    for codec in [LengthPrefix::new(255).field_len(1), LengthPrefix::new(65_535).field_len(2)] {
        let max = field_max(field_len(codec)) as usize;
        let stream = laws::encode(codec.halves().1, &[((), vec![7; max])]).expect("within the maximum");
        let transcript = laws::read(codec.halves().0, [&stream[..]]);
        assert_eq!((transcript.frames.len(), transcript.end), (1, Ok(())), "{codec:?}");
    }
}

#[test]
fn more_than_the_maximum_is_refused_from_the_header_alone() {
    for codec in layouts(MAX) {
        let header = field(field_len(codec), is_little(codec), MAX as u64 + 1);
        let answer = codec.halves().0.decode(&header);
        assert_eq!(answer, Err(FrameError::TooLong { len: 21, max: 20 }), "{codec:?}");
    }
}

#[test]
fn hostile_lengths_are_refused() {
    for codec in layouts(MAX) {
        let field_len = field_len(codec);
        for len in
            [0x7f, 0xff, u64::from(u32::MAX), 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX - 7, u64::MAX]
        {
            if len > field_max(field_len) {
                continue;
            }
            let stream = field(field_len, is_little(codec), len);
            let transcript = laws::any_split_gives_the_same(|| codec.halves().0, &stream);
            assert_eq!(transcript.end, Err(FrameError::TooLong { len, max: MAX }), "{codec:?}");
        }
    }
}

#[test]
fn errors_are_final() {
    for codec in layouts(MAX) {
        let mut decoder = codec.halves().0;
        let good = laws::encode(codec.halves().1, &[((), b"hello".to_vec())]).expect("within the maximum");
        let error = FrameError::TooLong { len: 21, max: 20 };
        assert_eq!(
            decoder.decode(&field(field_len(codec), is_little(codec), 21)),
            Err(error.clone()),
            "{codec:?}"
        );
        assert_eq!(decoder.decode(&good), Err(error.clone()), "{codec:?}");
        assert_eq!(decoder.decode(&[]), Err(error.clone()), "{codec:?}");
        assert_eq!(decoder.finish(&[]), Err(error), "{codec:?}");
    }
}

#[test]
fn a_truncated_end_is_final_too() {
    let mut decoder = LengthPrefix::new(MAX).halves().0;
    assert_eq!(decoder.finish(b"\0"), Err(FrameError::Truncated { have: 1, need: 4 }));
    assert_eq!(decoder.decode(b"\0\0\0\x02hi"), Err(FrameError::Truncated { have: 1, need: 4 }));
}

#[test]
fn a_stream_ends_cleanly_only_between_frames() {
    for codec in layouts(MAX) {
        for frames in seeds() {
            let stream = laws::encode(codec.halves().1, &frames).expect("within the maximum");
            laws::ends_cleanly_only_between_frames(|| codec.halves().0, &stream);
        }
    }
}

#[test]
fn the_end_inside_a_body_says_how_much_of_the_frame_is_missing() {
    let transcript = laws::read(LengthPrefix::new(MAX).halves().0, [&b"\0\0\0\x05hel"[..]]);
    assert_eq!(transcript.end, Err(FrameError::Truncated { have: 7, need: 9 }));
}

#[test]
fn an_oversized_header_at_the_end_is_refused_as_such() {
    let mut decoder = LengthPrefix::new(MAX).halves().0;
    assert_eq!(decoder.finish(b"\0\0\0\x15"), Err(FrameError::TooLong { len: 21, max: 20 }));
}

#[test]
fn finishing_before_everything_is_decoded_is_an_error() {
    let mut decoder = LengthPrefix::new(MAX).halves().0;
    assert_eq!(decoder.finish(b"\0\0\0\x02hi"), Err(FrameError::Undecoded { used: 6 }));
}

#[test]
fn after_a_clean_end_a_decoder_is_as_good_as_new() {
    let mut decoder = LengthPrefix::new(MAX).halves().0;
    assert_eq!(decoder.finish(&[]), Ok(()));
    assert_eq!(decoder.decode(b"\0\0\0\0"), Ok(Step::Frame { head: (), body: 4..4, used: 4 }));
}

#[test]
fn encoding_replaces_what_the_affixes_held() {
    let mut affixes = Affixes::new();
    affixes.push_before(b"left");
    affixes.push_after(b"over");
    LengthPrefix::new(MAX).halves().1.encode((), 2, &mut affixes).expect("within the maximum");
    assert_eq!((affixes.before(), affixes.after()), (&[0, 0, 0, 2][..], &[][..]));
}

#[test]
fn a_body_over_the_maximum_is_not_encoded() {
    for codec in layouts(MAX) {
        for len in [MAX + 1, usize::MAX] {
            let mut affixes = Affixes::new();
            affixes.push_before(b"left over");
            let refused = codec.halves().1.encode((), len, &mut affixes);
            assert_eq!(refused, Err(FrameError::TooLong { len: len as u64, max: MAX }), "{codec:?}");
            assert!(affixes.is_empty(), "{codec:?}");
        }
    }
}

#[test]
fn an_encoder_goes_on_after_refusing_a_body() {
    let mut encoder = LengthPrefix::new(MAX).halves().1;
    let mut affixes = Affixes::new();
    encoder.encode((), MAX + 1, &mut affixes).expect_err("over the maximum");
    assert_eq!(encoder.encode((), MAX, &mut affixes), Ok(()));
}

#[test]
fn decoding_allocates_nothing() {
    let one = allocation_counter::measure(|| drop(std::hint::black_box(vec![7_u8; 64])));
    assert_eq!(one.count_total, 1, "allocations are counted at all");

    let max = isize::MAX as usize - 8;
    for codec in [LengthPrefix::new(max).field_len(8), LengthPrefix::new(MAX).field_len(8)] {
        let inputs = [0, 5, MAX as u64, MAX as u64 + 1, max as u64, u64::MAX].map(|len| {
            let mut input = field(8, false, len);
            input.extend([7; 64]);
            input
        });
        let allocated = allocation_counter::measure(|| {
            for input in &inputs {
                let mut decoder = codec.halves().0;
                let _ = std::hint::black_box(decoder.decode(input));
                let _ = std::hint::black_box(decoder.finish(&input[..9]));
            }
        });
        assert_eq!(allocated.count_total, 0, "{codec:?}");
    }
}
