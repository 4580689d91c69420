//! [`Delimited`] by its laws, and what is its own.

use super::laws::{self, Transcript};
use ringmq::codec::{Affixes, Codec, Decoder, Delimited, Encoder, FrameError, Step};

const MAX: usize = 20;

const NO_DELIMITER: FrameError = FrameError::NoDelimiter { max: MAX };

/// One byte, two, such as overlap with themselves, and the longest.
const DELIMITERS: [&[u8]; 7] = [b"\0", b"\n", b"\r\n", b"--", b"aab", b"abcabcabd", b"aaaaaaaaaaaaaaab"];

fn failing(max: usize) -> impl Iterator<Item = (&'static [u8], Delimited)> {
    DELIMITERS.iter().map(move |delimiter| (*delimiter, Delimited::new(delimiter, max)))
}

fn skipping(max: usize) -> impl Iterator<Item = (&'static [u8], Delimited)> {
    failing(max).map(|(delimiter, codec)| (delimiter, codec.skip_too_long()))
}

fn variants(max: usize) -> impl Iterator<Item = (&'static [u8], Delimited)> {
    failing(max).chain(skipping(max))
}

/// The bodies that every codec is tried with: none at all, one, none between others, one as long as the maximum.
fn seeds() -> Vec<Vec<((), Vec<u8>)>> {
    [&[][..], &[0], &[1], &[MAX], &[3, 0, 5], &[0, 0, 0], &[MAX, 1, MAX]]
        .iter()
        .map(|lens| lens.iter().map(|len| ((), (0..*len).map(|i| i as u8 ^ 0xa5).collect())).collect())
        .collect()
}

fn bodies(bodies: &[&[u8]]) -> Vec<((), Vec<u8>)> {
    bodies.iter().map(|body| ((), body.to_vec())).collect()
}

/// What is read from `stream` in any split, and how many frames are skipped in each.
fn read(codec: Delimited, stream: &[u8]) -> (Transcript<()>, u64) {
    let whole = laws::any_split_gives_the_same(|| codec.halves().0, stream);
    let skipped = |pieces: &[&[u8]]| {
        let mut decoder = codec.halves().0;
        assert_eq!(laws::read(&mut decoder, pieces.iter().copied()), whole);
        decoder.skipped()
    };
    let count = skipped(&[stream]);
    assert_eq!(skipped(&stream.chunks(1).collect::<Vec<_>>()), count, "byte by byte: {stream:?}");
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        assert_eq!(skipped(&[first, second]), count, "cut at {cut}: {stream:?}");
    }
    (whole, count)
}

#[test]
fn any_split_gives_the_same_frames() {
    for (delimiter, codec) in failing(MAX) {
        let stream = [b"hello", delimiter, delimiter, &[b'x'; MAX + 1], delimiter, b"x", delimiter].concat();
        let (transcript, _) = read(codec, &stream);
        let expected = Transcript { frames: bodies(&[b"hello", b""]), end: Err(NO_DELIMITER) };
        assert_eq!(transcript, expected, "{codec:?}");
    }
}

#[test]
fn any_split_skips_the_same_frames() {
    for (delimiter, codec) in skipping(MAX) {
        let stream = [
            b"hello",
            delimiter,
            &[b'x'; MAX + 1],
            delimiter,
            delimiter,
            &[b'x'; 60],
            delimiter,
            b"x",
            delimiter,
        ];
        let (transcript, skipped) = read(codec, &stream.concat());
        let expected = Transcript { frames: bodies(&[b"hello", b"", b"x"]), end: Ok(()) };
        assert_eq!((transcript, skipped), (expected, 2), "{codec:?}");
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    for (_, codec) in variants(MAX) {
        for frames in seeds() {
            laws::round_trip(|| codec, &frames);
        }
    }
}

#[test]
fn the_delimiter_is_behind_each_body() {
    let stream = laws::round_trip(|| Delimited::new(b"; ", MAX), &bodies(&[b"hello", b""]));
    assert_eq!(stream, b"hello; ; ");
}

#[test]
fn a_delimiter_that_overlaps_with_itself_is_found_where_it_is_first() {
    for (delimiter, stream, expected) in [
        (&b"aab"[..], &b"aaab"[..], &[&b"a"[..]][..]),
        (b"aab", b"aaaabaab", &[b"aa", b""]),
        (b"--", b"----a---", &[b"", b"", b"a"]),
        (b"abab", b"ababababab", &[b"", b""]),
        (b"abcabcabd", b"abcabcabcabd", &[b"abc"]),
    ] {
        let (transcript, _) = read(Delimited::new(delimiter, MAX), stream);
        assert_eq!(transcript.frames, bodies(expected), "{delimiter:?} in {stream:?}");
    }
}

#[test]
fn a_delimiter_that_overlaps_with_itself_ends_what_is_skipped_where_it_is_first() {
    for stream in [&b"xxxxaaabok"[..], b"aaaaaaabok", b"aaaaaaaaaaaaabok", b"xaaxaxaabok"] {
        let stream = [stream, b"aab"].concat();
        let (transcript, skipped) = read(Delimited::new(b"aab", 2).skip_too_long(), &stream);
        assert_eq!((transcript.frames, skipped), (bodies(&[b"ok"]), 1), "{stream:?}");
    }
}

#[test]
fn no_answer_comes_earlier_than_announced() {
    // `laws::read` checks what is announced on the way. Here: that it is more than one byte where it can be.
    let mut decoder = Delimited::new(b"abcd", 8).halves().0;
    for (input, announced) in [
        (&b""[..], 4),
        (b"x", 4),
        (b"xa", 3),
        (b"xab", 2),
        (b"xabx", 4),
        (b"xabxabc", 1),
        (b"xabxabcx", 1), // as then there may be nine
    ] {
        assert_eq!(decoder.decode(input), Ok(Step::More(announced)), "{input:?}");
        for early in 0..announced {
            let some = [input, &b"abcdabcd"[..early]].concat();
            assert!(matches!(decoder.clone().decode(&some), Ok(Step::More(_))), "{some:?}");
        }
    }
}

#[test]
fn no_bytes_are_no_frame() {
    for (delimiter, codec) in variants(MAX) {
        let mut decoder = codec.halves().0;
        assert!(matches!(decoder.decode(b""), Ok(Step::More(_))), "{codec:?}");
        decoder.decode(delimiter).expect("an empty frame");
        assert!(matches!(decoder.decode(b""), Ok(Step::More(_))), "{codec:?}");
    }
}

#[test]
fn a_frame_of_no_bytes_is_a_frame() {
    for (delimiter, codec) in variants(MAX) {
        let frame = Step::Frame { head: (), body: 0..0, used: delimiter.len() };
        assert_eq!(codec.halves().0.decode(delimiter), Ok(frame), "{codec:?}");
    }
}

#[test]
fn a_maximum_of_nothing_lets_empty_frames_through() {
    for (_, codec) in variants(0) {
        laws::round_trip(|| codec, &bodies(&[b"", b""]));
    }
}

#[test]
fn the_maximum_is_decoded() {
    for (delimiter, codec) in variants(MAX) {
        let input = [&[b'x'; MAX], delimiter].concat();
        let frame = Step::Frame { head: (), body: 0..MAX, used: input.len() };
        assert_eq!(codec.halves().0.decode(&input), Ok(frame), "{codec:?}");
    }
}

#[test]
fn the_longest_frame_is_as_long_as_announced() {
    for (delimiter, codec) in variants(MAX) {
        let mut decoder = codec.halves().0;
        assert_eq!(decoder.max_frame_len(), MAX + delimiter.len(), "{codec:?}");
        let _ = decoder.decode(&[b'x'; MAX + 1]);
        assert_eq!(decoder.max_frame_len(), MAX + delimiter.len(), "{codec:?}: at all times");
    }
}

#[test]
fn more_than_the_maximum_is_refused_at_the_first_byte_too_many() {
    for (_, codec) in failing(MAX) {
        assert_eq!(codec.halves().0.decode(&[b'x'; MAX + 1]), Err(NO_DELIMITER), "{codec:?}");
    }
}

#[test]
fn what_may_begin_the_delimiter_is_not_too_many() {
    for (delimiter, codec) in failing(MAX) {
        let (last, begun) = delimiter.split_last().expect("a delimiter has a byte");
        let input = [&[b'x'; MAX], begun].concat();
        assert_eq!(codec.halves().0.decode(&input), Ok(Step::More(1)), "{codec:?}");
        let input = [&input[..], &[last ^ 0x80]].concat();
        assert_eq!(codec.halves().0.decode(&input), Err(NO_DELIMITER), "{codec:?}");
    }
}

#[test]
fn more_than_the_maximum_is_skipped_but_for_what_may_begin_the_delimiter() {
    for (delimiter, codec) in skipping(MAX) {
        let begun = &delimiter[..delimiter.len() - 1];
        let mut decoder = codec.halves().0;
        let input = [&[b'x'; MAX + 1], begun].concat();
        assert_eq!(decoder.decode(&input), Ok(Step::Skip { used: MAX + 1 }), "{codec:?}");
        assert_eq!(decoder.decode(begun), Ok(Step::More(1)), "{codec:?}");
        let input = [delimiter, b"hi", delimiter].concat();
        assert_eq!(decoder.decode(&input), Ok(Step::Skip { used: delimiter.len() }), "{codec:?}");
        let frame = Step::Frame { head: (), body: 0..2, used: 2 + delimiter.len() };
        assert_eq!(decoder.decode(&input[delimiter.len()..]), Ok(frame), "{codec:?}");
        assert_eq!(decoder.skipped(), 1, "{codec:?}");
    }
}

#[test]
fn errors_are_final() {
    for (delimiter, codec) in failing(MAX) {
        let mut decoder = codec.halves().0;
        assert_eq!(decoder.decode(&[b'x'; MAX + 1]), Err(NO_DELIMITER), "{codec:?}");
        assert_eq!(decoder.decode(delimiter), Err(NO_DELIMITER), "{codec:?}");
        assert_eq!(decoder.decode(b""), Err(NO_DELIMITER), "{codec:?}");
        assert_eq!(decoder.finish(b""), Err(NO_DELIMITER), "{codec:?}");
    }
}

#[test]
fn a_stream_ends_cleanly_only_between_frames() {
    for (_, codec) in variants(MAX) {
        for frames in seeds() {
            let stream = laws::encode(codec.halves().1, &frames).expect("within the maximum");
            laws::ends_cleanly_only_between_frames(|| codec.halves().0, &stream);
        }
    }
}

#[test]
fn a_stream_does_not_end_in_a_frame_that_is_skipped() {
    let stream = b"too long--no--";
    for cut in 0..=stream.len() {
        let codec = Delimited::new(b"--", 3).skip_too_long();
        let end = laws::any_split_gives_the_same(|| codec.halves().0, &stream[..cut]).end;
        let have = if cut < 10 { cut } else { cut - 10 };
        match (end, have) {
            (Ok(()), 0) | (Ok(()), 4) => assert!([0, 10, 14].contains(&cut), "cut at {cut}"),
            (Err(FrameError::Truncated { have: found, need }), _) => {
                let frame_len = if cut < 10 { 10 } else { 4 };
                assert!(
                    found == have && have < need && need <= frame_len,
                    "{need} bytes needed, cut at {cut}"
                );
            }
            (end, _) => panic!("cut at {cut}: {end:?}"),
        }
    }
}

#[test]
fn finishing_before_everything_is_decoded_is_an_error() {
    let codec = Delimited::new(b"--", 3);
    assert_eq!(codec.halves().0.finish(b"abc--"), Err(FrameError::Undecoded { used: 5 }));
    assert_eq!(codec.skip_too_long().halves().0.finish(b"hello--"), Err(FrameError::Undecoded { used: 7 }));
}

#[test]
fn encoding_replaces_what_the_affixes_held() {
    for (delimiter, codec) in variants(MAX) {
        let mut affixes = Affixes::new();
        affixes.push_before(b"left");
        affixes.push_after(b"over");
        codec.halves().1.encode((), 2, &mut affixes).expect("within the maximum");
        assert_eq!((affixes.before(), affixes.after()), (&b""[..], delimiter), "{codec:?}");
    }
}

#[test]
fn a_body_over_the_maximum_is_not_encoded() {
    for (_, codec) in variants(MAX) {
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
    let mut encoder = Delimited::new(b"\0", MAX).halves().1;
    let mut affixes = Affixes::new();
    encoder.encode((), MAX + 1, &mut affixes).expect_err("over the maximum");
    assert_eq!(encoder.encode((), MAX, &mut affixes), Ok(()));
}

#[test]
fn what_can_be_carried_is_what_comes_out_as_it_went_in() {
    for delimiter in [&b"a"[..], b"aa", b"ab", b"aab", b"aba", b"abaab", b"aaaa"] {
        let codec = Delimited::new(delimiter, 8);
        for len in 0..=9 {
            for bits in 0..1_u32 << len {
                let body: Vec<u8> = (0..len).map(|i| b'a' + (bits >> i & 1) as u8).collect();
                let transcript = laws::read(codec.halves().0, [&[&body[..], delimiter].concat()[..]]);
                let is_the_same = transcript.end.is_ok() && transcript.frames == bodies(&[&body]);
                assert_eq!(codec.can_carry(&body), is_the_same, "{body:?} by {codec:?}");
            }
        }
    }
}

#[test]
fn decoding_allocates_nothing() {
    for (delimiter, codec) in variants(MAX) {
        let inputs = [[b"hello", delimiter].concat(), delimiter.to_vec(), vec![b'x'; 100], vec![]];
        let allocated = allocation_counter::measure(|| {
            for input in &inputs {
                let mut decoder = codec.halves().0;
                let _ = std::hint::black_box(decoder.decode(input));
                let _ = std::hint::black_box(decoder.finish(input));
            }
        });
        assert_eq!(allocated.count_total, 0, "{codec:?}");
    }
}
