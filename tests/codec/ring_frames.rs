//! [`RingFrames`] by its laws, and what is its own.

use super::laws;
use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, RingFrames, RingHead, Step};

const MAX: usize = 20;

const BOTH: [RingHead; 2] = [RingHead::More, RingHead::Last];

fn decoder() -> impl Decoder<Head = RingHead> {
    RingFrames::new(MAX).halves().0
}

fn encoder() -> impl Encoder<Head = RingHead> {
    RingFrames::new(MAX).halves().1
}

/// The frames that the codec is tried with: none at all, the shortest, the longest, both heads. An empty body is not encoded.
fn seeds() -> Vec<Vec<(RingHead, Vec<u8>)>> {
    let body = |len: &usize| (0..*len).map(|i| i as u8 ^ 0xa5).collect::<Vec<_>>();
    [&[][..], &[1], &[MAX], &[3, 1, 5], &[MAX, 1, MAX]]
        .iter()
        .flat_map(|lens| {
            let frame = |(i, len): (usize, &usize), first: usize| (BOTH[(i + first) % 2], body(len));
            [0, 1].map(|first| lens.iter().enumerate().map(|seed| frame(seed, first)).collect())
        })
        .collect()
}

/// A header by hand, with any flags and any length.
fn header(flags: u8, len: u32) -> Vec<u8> {
    [&[flags][..], &len.to_be_bytes()].concat()
}

/// A frame, an empty one, and a header that announces one byte too many, with some bytes behind it.
fn stream_with_an_error() -> Vec<u8> {
    let empty = header(0x01, 5);
    let too_long = header(0x00, 5 + MAX as u32 + 1);
    [b"\x01\0\0\0\x0ahello", &empty[..], &too_long, &[0; 40]].concat()
}

#[test]
fn any_split_gives_the_same_frames() {
    let transcript = laws::any_split_gives_the_same(decoder, &stream_with_an_error());
    assert_eq!(transcript.frames, [(RingHead::More, b"hello".to_vec()), (RingHead::More, vec![])]);
    assert_eq!(transcript.end, Err(FrameError::TooLong { len: 21, max: 20 }));
}

#[test]
fn what_is_encoded_is_decoded() {
    for frames in seeds() {
        laws::round_trip(|| RingFrames::new(MAX), &frames);
    }
}

#[test]
fn the_header_is_the_flags_and_a_length_that_counts_it() {
    let stream = laws::round_trip(
        || RingFrames::new(0x1000),
        &[(RingHead::More, vec![7; 0x0102]), (RingHead::Last, vec![8; 1])],
    );
    assert_eq!(stream[..5], [0x01, 0, 0, 0x01, 0x07]);
    assert_eq!(stream[5 + 0x0102..], [0x00, 0, 0, 0, 6, 8]);
}

#[test]
fn more_is_exactly_what_is_missing() {
    let stream = laws::encode(encoder(), &[(RingHead::Last, vec![7; MAX])]).expect("within the maximum");
    for have in 0..stream.len() {
        let missing = if have < 5 { 5 - have } else { stream.len() - have };
        assert_eq!(decoder().decode(&stream[..have]), Ok(Step::More(missing)), "{have} bytes");
    }
}

#[test]
fn no_answer_comes_earlier_than_announced() {
    let stream = stream_with_an_error();
    for (start, end) in [(0, 10), (10, 15), (15, 20)] {
        for have in start..end {
            let mut decoder = decoder();
            let announced = match decoder.decode(&stream[start..have]) {
                Ok(Step::More(n)) => have + n,
                other => panic!("{other:?} with {} bytes", have - start),
            };
            assert!(announced > have && announced <= end, "{announced} of {end} bytes");
            for early in have..announced {
                assert!(matches!(decoder.decode(&stream[start..early]), Ok(Step::More(_))), "{early} bytes");
            }
        }
    }
}

#[test]
fn no_bytes_are_no_frame() {
    for frames in seeds() {
        let stream = laws::encode(encoder(), &frames).expect("within the maximum");
        let (mut decoder, mut rest) = (decoder(), &stream[..]);
        for _ in &frames {
            assert_eq!(decoder.decode(b""), Ok(Step::More(5)));
            match decoder.decode(rest) {
                Ok(Step::Frame { used, .. }) => rest = &rest[used..],
                other => panic!("{other:?} where a frame is"),
            }
        }
        assert_eq!(decoder.decode(b""), Ok(Step::More(5)));
    }
}

#[test]
fn a_frame_of_no_bytes_is_a_frame() {
    for (flags, head) in [(0x00, RingHead::Last), (0x01, RingHead::More)] {
        let step = decoder().decode(&header(flags, 5));
        assert_eq!(step, Ok(Step::Frame { head, body: 5..5, used: 5 }));
    }
}

#[test]
fn a_maximum_of_nothing_lets_empty_frames_through() {
    let mut decoder = RingFrames::new(0).halves().0;
    let frame = Step::Frame { head: RingHead::Last, body: 5..5, used: 5 };
    assert_eq!(decoder.decode(&header(0, 5)), Ok(frame));
    assert_eq!(decoder.decode(&header(0, 6)), Err(FrameError::TooLong { len: 1, max: 0 }));
}

#[test]
fn the_maximum_is_decoded() {
    let mut input = header(0, 25);
    input.resize(25, 0);
    assert_eq!(decoder().decode(&input), Ok(Step::Frame { head: RingHead::Last, body: 5..25, used: 25 }));
}

#[test]
fn the_longest_frame_is_as_long_as_announced() {
    let mut decoder = decoder();
    assert_eq!(decoder.max_frame_len(), 25);
    decoder.decode(&header(0, 26)).expect_err("one byte too many");
    assert_eq!(decoder.max_frame_len(), 25, "at all times");
}

#[test]
fn more_than_the_maximum_is_refused_from_the_header_alone() {
    assert_eq!(decoder().decode(&header(0, 26)), Err(FrameError::TooLong { len: 21, max: 20 }));
}

#[test]
fn a_longer_frame_than_any_peer_sends_is_decoded_if_the_maximum_allows_it() {
    let mut input = header(0, 1_000_005);
    input.resize(1_000_005, 7);
    let step = RingFrames::new(1_000_000).halves().0.decode(&input);
    assert_eq!(step, Ok(Step::Frame { head: RingHead::Last, body: 5..1_000_005, used: 1_000_005 }));
}

#[test]
fn a_length_that_does_not_hold_the_header_is_refused() {
    for len in 0..5 {
        // The original delivered "abcdef" as a message where the length was 3.
        let stream = [&header(0, len)[..], b"abcdefgh"].concat();
        let transcript = laws::any_split_gives_the_same(decoder, &stream);
        assert_eq!(transcript.frames, []);
        assert_eq!(transcript.end, Err(FrameError::TooShort { len: len.into(), min: 5 }));
    }
}

#[test]
fn hostile_lengths_are_refused() {
    for len in [26, 0xff, 0xffff, i32::MAX as u32, 1 << 31, u32::MAX - 5, u32::MAX - 4, u32::MAX] {
        let transcript = laws::any_split_gives_the_same(decoder, &header(0x01, len));
        let body_len = u64::from(len) - 5;
        assert_eq!(transcript.end, Err(FrameError::TooLong { len: body_len, max: MAX }), "{len}");
    }
}

#[test]
fn other_flags_than_more_are_ignored() {
    for flags in 0..=u8::MAX {
        let head = if flags % 2 == 0 { RingHead::Last } else { RingHead::More };
        let input = [&header(flags, 7)[..], b"hi"].concat();
        assert_eq!(decoder().decode(&input), Ok(Step::Frame { head, body: 5..7, used: 7 }), "{flags:#x}");
    }
}

#[test]
fn strangers_are_refused_by_their_first_bytes() {
    let first = |input: &[u8]| RingFrames::new(RingFrames::BODY_MAX).halves().0.decode(input);
    let max = RingFrames::BODY_MAX;

    // The signature of ZMTP, a request of HTTP, and the handshake that begins TLS.
    assert_eq!(first(b"\xff\0\0\0\0\0\0\0\x01\x7f"), Err(FrameError::TooShort { len: 0, min: 5 }));
    assert_eq!(first(b"GET / HTTP/1.1\r\n"), Err(FrameError::TooLong { len: 0x4554_202f - 5, max }));
    assert_eq!(first(b"\x16\x03\x01\x00\xc8\x01"), Err(FrameError::TooLong { len: 0x0301_00c8 - 5, max }));
}

#[test]
fn errors_are_final() {
    for (header, error) in [
        (header(0, 26), FrameError::TooLong { len: 21, max: 20 }),
        (header(0, 4), FrameError::TooShort { len: 4, min: 5 }),
    ] {
        let mut decoder = decoder();
        assert_eq!(decoder.decode(&header), Err(error.clone()));
        assert_eq!(decoder.decode(b"\x00\0\0\0\x07hi"), Err(error.clone()));
        assert_eq!(decoder.decode(&[]), Err(error.clone()));
        assert_eq!(decoder.finish(&[]), Err(error));
    }
}

#[test]
fn a_truncated_end_is_final_too() {
    let mut decoder = decoder();
    assert_eq!(decoder.finish(b"\0"), Err(FrameError::Truncated { have: 1, need: 5 }));
    assert_eq!(decoder.decode(b"\x00\0\0\0\x07hi"), Err(FrameError::Truncated { have: 1, need: 5 }));
}

#[test]
fn a_stream_ends_cleanly_only_between_frames() {
    for frames in seeds() {
        let stream = laws::encode(encoder(), &frames).expect("within the maximum");
        laws::ends_cleanly_only_between_frames(decoder, &stream);
    }
}

#[test]
fn the_end_inside_a_body_says_how_much_of_the_frame_is_missing() {
    let transcript = laws::read(decoder(), [&b"\x01\0\0\0\x0ahel"[..]]);
    assert_eq!(transcript.end, Err(FrameError::Truncated { have: 8, need: 10 }));
}

#[test]
fn a_header_out_of_order_at_the_end_is_refused_as_such() {
    assert_eq!(decoder().finish(&header(0, 26)), Err(FrameError::TooLong { len: 21, max: 20 }));
    assert_eq!(decoder().finish(&header(0, 0)), Err(FrameError::TooShort { len: 0, min: 5 }));
}

#[test]
fn finishing_before_everything_is_decoded_is_an_error() {
    assert_eq!(decoder().finish(b"\x00\0\0\0\x07hi"), Err(FrameError::Undecoded { used: 7 }));
}

#[test]
fn after_a_clean_end_a_decoder_is_as_good_as_new() {
    let mut decoder = decoder();
    assert_eq!(decoder.finish(&[]), Ok(()));
    let frame = Step::Frame { head: RingHead::Last, body: 5..7, used: 7 };
    assert_eq!(decoder.decode(b"\x00\0\0\0\x07hi"), Ok(frame));
}

#[test]
fn encoding_replaces_what_the_affixes_held() {
    let mut affixes = Affixes::new();
    affixes.push_before(b"left");
    affixes.push_after(b"over");
    encoder().encode(RingHead::More, 2, &mut affixes).expect("within the maximum");
    assert_eq!((affixes.before(), affixes.after()), (&[0x01, 0, 0, 0, 7][..], &[][..]));
}

/// What an encoder for at most `max` bytes says of a body that it refuses.
fn refusal(max: usize, body_len: usize) -> FrameError {
    let mut affixes = Affixes::new();
    affixes.push_before(b"left over");
    let mut encoder = RingFrames::new(max).halves().1;
    let error = encoder.encode(RingHead::Last, body_len, &mut affixes).expect_err("a body to refuse");
    assert!(affixes.is_empty(), "{error}, and {affixes:?}");
    assert_eq!(encoder.encode(RingHead::Last, 1, &mut affixes), Ok(()), "it goes on after {error}");
    error
}

#[test]
fn a_body_over_the_maximum_is_not_encoded() {
    for len in [MAX + 1, usize::MAX] {
        assert_eq!(refusal(MAX, len), FrameError::TooLong { len: len as u64, max: MAX });
    }
}

#[test]
fn a_longer_body_than_any_peer_sends_is_not_encoded() {
    let max = RingFrames::BODY_MAX;
    assert_eq!(refusal(1 << 20, max + 1), FrameError::TooLong { len: 131_068, max });

    let mut affixes = Affixes::new();
    RingFrames::new(1 << 20)
        .halves()
        .1
        .encode(RingHead::More, max, &mut affixes)
        .expect("as long as it may be");
    assert_eq!(affixes.before(), [0x01, 0, 0x02, 0, 0]);
}

#[test]
fn an_empty_body_is_not_encoded() {
    assert_eq!(refusal(MAX, 0), FrameError::TooShort { len: 5, min: 6 });
}

#[test]
fn decoding_allocates_nothing() {
    let one = allocation_counter::measure(|| drop(std::hint::black_box(vec![7_u8; 64])));
    assert_eq!(one.count_total, 1, "allocations are counted at all");

    for codec in [RingFrames::new(1 << 30), RingFrames::new(MAX)] {
        let inputs =
            [0, 4, 5, 10, 25, 26, 1 << 30, u32::MAX].map(|len| [&header(1, len)[..], &[7; 64]].concat());
        let allocated = allocation_counter::measure(|| {
            for input in &inputs {
                let mut decoder = codec.halves().0;
                let _ = std::hint::black_box(decoder.decode(input));
                let _ = std::hint::black_box(decoder.finish(&input[..7]));
            }
        });
        assert_eq!(allocated.count_total, 0, "{codec:?}");
    }
}
