//! [`Lines`] by its laws, and what is its own.

use super::laws::{self, Transcript};
use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Lines, LinesDecoder, Step};

const MAX: usize = 20;

const NO_DELIMITER: FrameError = FrameError::NoDelimiter { max: MAX };

/// Both ends of a line, and both ways with one that is too long.
fn variants(max: usize) -> Vec<Lines> {
    let lines = Lines::new(max);
    vec![lines, lines.crlf(), lines.skip_too_long(), lines.crlf().skip_too_long()]
}

/// The bodies that every codec is tried with: none at all, one, none between others, one as long as the maximum.
fn seeds() -> Vec<Vec<((), Vec<u8>)>> {
    [&[][..], &[0], &[1], &[MAX], &[3, 0, 5], &[0, 0, 0], &[MAX, 1, MAX]]
        .iter()
        .map(|lens| lens.iter().map(|len| ((), (0..*len).map(|i| i as u8 ^ 0xa5).collect())).collect())
        .collect()
}

/// How many bytes the end of a line has.
fn end_len(lines: Lines) -> usize {
    let mut affixes = Affixes::new();
    lines.halves().1.encode((), 0, &mut affixes).expect("an empty body is within any maximum");
    affixes.len()
}

fn bodies(bodies: &[&[u8]]) -> Vec<((), Vec<u8>)> {
    bodies.iter().map(|body| ((), body.to_vec())).collect()
}

/// What is read from `stream` in any split, and how many lines are skipped in each.
fn read(lines: Lines, stream: &[u8]) -> (Transcript<()>, u64) {
    let whole = laws::any_split_gives_the_same(|| lines.halves().0, stream);
    let skipped = |pieces: &[&[u8]]| {
        let mut decoder: LinesDecoder = lines.halves().0;
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

const WITH_AN_ERROR: &[u8] = b"hello\r\n\nof twenty-one bytes..\nand one that is not read\n";

#[test]
fn any_split_gives_the_same_frames() {
    let (transcript, _) = read(Lines::new(MAX), WITH_AN_ERROR);
    assert_eq!(transcript, Transcript { frames: bodies(&[b"hello", b""]), end: Err(NO_DELIMITER) });
}

#[test]
fn any_split_skips_the_same_lines() {
    let stream = b"hello\r\n\nof twenty-one bytes..\nfine\r\nof twenty-one bytes..\r\n\rok\r\r\n";
    let (transcript, skipped) = read(Lines::new(MAX).skip_too_long(), stream);
    let frames = bodies(&[b"hello", b"", b"fine", b"\rok\r"]);
    assert_eq!(transcript, Transcript { frames, end: Ok(()) });
    assert_eq!(skipped, 2);
}

#[test]
fn what_is_encoded_is_decoded() {
    for lines in variants(MAX) {
        for frames in seeds() {
            laws::round_trip(|| lines, &frames);
        }
    }
}

#[test]
fn lines_end_with_a_line_feed_and_with_crlf_on_request() {
    let frames = bodies(&[b"hello", b""]);
    assert_eq!(laws::round_trip(|| Lines::new(MAX), &frames), b"hello\n\n");
    assert_eq!(laws::round_trip(|| Lines::new(MAX).crlf(), &frames), b"hello\r\n\r\n");
}

#[test]
fn either_end_is_taken_by_either_variant() {
    for lines in variants(MAX) {
        let (transcript, _) = read(lines, b"one\ntwo\r\n\r\n\n");
        assert_eq!(transcript.frames, bodies(&[b"one", b"two", b"", b""]), "{lines:?}");
    }
}

#[test]
fn only_the_last_carriage_return_belongs_to_the_end() {
    let (transcript, _) = read(Lines::new(MAX), b"\ra\rb\r\r\n");
    assert_eq!(transcript.frames, bodies(&[b"\ra\rb\r"]));
}

#[test]
fn a_carriage_return_that_is_cut_off_its_line_feed_belongs_to_the_end() {
    let mut decoder = Lines::new(5).halves().0;
    assert_eq!(decoder.decode(b"hello\r"), Ok(Step::More(1)));
    assert_eq!(decoder.decode(b"hello\r\n"), Ok(Step::Frame { head: (), body: 0..5, used: 7 }));
}

#[test]
fn no_answer_comes_earlier_than_announced() {
    // One further byte may always be the end: so no more is ever announced.
    for lines in variants(MAX) {
        for have in 0..=MAX {
            let step = lines.halves().0.decode(&vec![b'x'; have]);
            assert_eq!(step, Ok(Step::More(1)), "{lines:?} with {have} bytes");
        }
    }
}

#[test]
fn no_bytes_are_no_frame() {
    for lines in variants(MAX) {
        let mut decoder = lines.halves().0;
        assert_eq!(decoder.decode(b""), Ok(Step::More(1)), "{lines:?}");
        decoder.decode(b"\n").expect("an empty line");
        assert_eq!(decoder.decode(b""), Ok(Step::More(1)), "{lines:?}");
    }
}

#[test]
fn no_bytes_amid_a_line_that_is_skipped_are_no_end_of_it() {
    let mut decoder = Lines::new(2).skip_too_long().halves().0;
    assert_eq!(decoder.decode(b"xxx"), Ok(Step::Skip { used: 3 }));
    assert_eq!(decoder.decode(b""), Ok(Step::More(1)));
    assert_eq!(decoder.decode(b"x\n"), Ok(Step::Skip { used: 2 }));
    assert_eq!(decoder.decode(b"hi\n"), Ok(Step::Frame { head: (), body: 0..2, used: 3 }));
}

#[test]
fn a_frame_of_no_bytes_is_a_frame() {
    for lines in variants(MAX) {
        assert_eq!(lines.halves().0.decode(b"\n"), Ok(Step::Frame { head: (), body: 0..0, used: 1 }));
        assert_eq!(lines.halves().0.decode(b"\r\n"), Ok(Step::Frame { head: (), body: 0..0, used: 2 }));
    }
}

#[test]
fn a_maximum_of_nothing_lets_empty_frames_through() {
    for lines in variants(0) {
        laws::round_trip(|| lines, &bodies(&[b"", b""]));
    }
    let (transcript, _) = read(Lines::new(0), b"\r\n\nx");
    assert_eq!(transcript.frames, bodies(&[b"", b""]));
    assert_eq!(transcript.end, Err(FrameError::NoDelimiter { max: 0 }));
}

#[test]
fn the_maximum_is_decoded() {
    for lines in variants(MAX) {
        for end in [&b"\n"[..], b"\r\n"] {
            let input = [&[b'x'; MAX][..], end].concat();
            let frame = Step::Frame { head: (), body: 0..MAX, used: input.len() };
            assert_eq!(lines.halves().0.decode(&input), Ok(frame), "{lines:?}");
        }
    }
}

#[test]
fn a_carriage_return_counts_unless_it_ends_the_line() {
    for body in [&b"four\r\r\n"[..], b"four\rx\n"] {
        let (transcript, _) = read(Lines::new(4), body);
        assert_eq!(transcript.end, Err(FrameError::NoDelimiter { max: 4 }), "{body:?}");
    }
}

#[test]
fn the_longest_frame_is_as_long_as_announced() {
    for lines in variants(MAX) {
        let mut decoder = lines.halves().0;
        assert_eq!(decoder.max_frame_len(), MAX + 2, "{lines:?}");
        let _ = decoder.decode(&[b'x'; MAX + 1]);
        assert_eq!(decoder.max_frame_len(), MAX + 2, "{lines:?}: at all times");
    }
}

#[test]
fn more_than_the_maximum_is_refused_at_the_first_byte_too_many() {
    for lines in [Lines::new(MAX), Lines::new(MAX).crlf()] {
        assert_eq!(lines.halves().0.decode(&[b'x'; MAX + 1]), Err(NO_DELIMITER), "{lines:?}");
    }
}

#[test]
fn more_than_the_maximum_is_skipped_from_the_first_byte_too_many() {
    for lines in [Lines::new(MAX).skip_too_long(), Lines::new(MAX).crlf().skip_too_long()] {
        let step = lines.halves().0.decode(&[b'x'; MAX + 1]);
        assert_eq!(step, Ok(Step::Skip { used: MAX + 1 }), "{lines:?}");
    }
}

#[test]
fn a_line_that_is_too_long_is_refused_with_its_end_in_sight() {
    let mut decoder = Lines::new(MAX).halves().0;
    assert_eq!(decoder.decode(b"of twenty-one bytes..\n"), Err(NO_DELIMITER));
}

#[test]
fn after_a_line_that_is_skipped_the_next_is_read() {
    let mut decoder = Lines::new(5).skip_too_long().halves().0;
    assert_eq!(decoder.decode(b"too long\r\nhello\r\n"), Ok(Step::Skip { used: 10 }));
    assert_eq!(decoder.decode(b"hello\r\n"), Ok(Step::Frame { head: (), body: 0..5, used: 7 }));
    assert_eq!(decoder.skipped(), 1);
}

#[test]
fn a_line_is_counted_once_in_however_many_steps_it_is_skipped() {
    let mut decoder = Lines::new(1).skip_too_long().halves().0;
    let stream = [&[b'x'; 1000][..], b"\ny\n", &[b'x'; 3], b"\n"].concat();
    assert_eq!(laws::read(&mut decoder, stream.chunks(7)).frames, bodies(&[b"y"]));
    assert_eq!(decoder.skipped(), 2);
}

#[test]
fn without_the_word_nothing_is_skipped() {
    let mut decoder = Lines::new(1).halves().0;
    let transcript = laws::read(&mut decoder, [&b"y\nxx\n"[..]]);
    assert_eq!((transcript.end, decoder.skipped()), (Err(FrameError::NoDelimiter { max: 1 }), 0));
}

#[test]
fn errors_are_final() {
    let mut decoder = Lines::new(MAX).halves().0;
    assert_eq!(decoder.decode(&[b'x'; MAX + 1]), Err(NO_DELIMITER));
    assert_eq!(decoder.decode(b"hello\n"), Err(NO_DELIMITER));
    assert_eq!(decoder.decode(b""), Err(NO_DELIMITER));
    assert_eq!(decoder.finish(b""), Err(NO_DELIMITER));
}

#[test]
fn a_truncated_end_is_final_too() {
    for lines in variants(MAX) {
        let mut decoder = lines.halves().0;
        let error = FrameError::Truncated { have: 3, need: 4 };
        assert_eq!(decoder.finish(b"hel"), Err(error.clone()), "{lines:?}");
        assert_eq!(decoder.decode(b"hello\n"), Err(error), "{lines:?}");
    }
}

#[test]
fn a_stream_ends_cleanly_only_between_frames() {
    for lines in variants(MAX) {
        for frames in seeds() {
            let stream = laws::encode(lines.halves().1, &frames).expect("within the maximum");
            laws::ends_cleanly_only_between_frames(|| lines.halves().0, &stream);
        }
    }
}

#[test]
fn a_stream_does_not_end_in_a_line_that_is_skipped() {
    let stream = b"too long\nno\n";
    for cut in 0..=stream.len() {
        let end =
            laws::any_split_gives_the_same(|| Lines::new(3).skip_too_long().halves().0, &stream[..cut]).end;
        let have = if cut < 9 { cut } else { cut - 9 };
        let expected = match cut {
            0 | 9 | 12 => Ok(()),
            _ => Err(FrameError::Truncated { have, need: have + 1 }),
        };
        assert_eq!(end, expected, "cut at {cut}");
    }
}

#[test]
fn finishing_before_everything_is_decoded_is_an_error() {
    let mut decoder = Lines::new(MAX).halves().0;
    assert_eq!(decoder.finish(b"hello\r\n"), Err(FrameError::Undecoded { used: 7 }));
    let mut decoder = Lines::new(3).skip_too_long().halves().0;
    assert_eq!(decoder.finish(b"hello\r\n"), Err(FrameError::Undecoded { used: 7 }));
}

#[test]
fn after_a_clean_end_a_decoder_is_as_good_as_new() {
    let mut decoder = Lines::new(MAX).halves().0;
    assert_eq!(decoder.finish(b""), Ok(()));
    assert_eq!(decoder.decode(b"hi\n"), Ok(Step::Frame { head: (), body: 0..2, used: 3 }));
}

#[test]
fn encoding_replaces_what_the_affixes_held() {
    for lines in variants(MAX) {
        let mut affixes = Affixes::new();
        affixes.push_before(b"left");
        affixes.push_after(b"over");
        lines.halves().1.encode((), 2, &mut affixes).expect("within the maximum");
        assert_eq!((affixes.before().len(), affixes.after().len()), (0, end_len(lines)), "{lines:?}");
    }
}

#[test]
fn a_body_over_the_maximum_is_not_encoded() {
    for lines in variants(MAX) {
        for len in [MAX + 1, usize::MAX] {
            let mut affixes = Affixes::new();
            affixes.push_before(b"left over");
            let refused = lines.halves().1.encode((), len, &mut affixes);
            assert_eq!(refused, Err(FrameError::TooLong { len: len as u64, max: MAX }), "{lines:?}");
            assert!(affixes.is_empty(), "{lines:?}");
        }
    }
}

#[test]
fn an_encoder_goes_on_after_refusing_a_body() {
    let mut encoder = Lines::new(MAX).halves().1;
    let mut affixes = Affixes::new();
    encoder.encode((), MAX + 1, &mut affixes).expect_err("over the maximum");
    assert_eq!(encoder.encode((), MAX, &mut affixes), Ok(()));
}

#[test]
fn what_can_be_carried_is_what_comes_out_as_it_went_in() {
    let alphabet = b"\r\nx";
    for lines in variants(3) {
        for index in 0..alphabet.len().pow(4) {
            for len in 0..=4 {
                let digit =
                    |place: usize| alphabet[index / alphabet.len().pow(place as u32) % alphabet.len()];
                let body: Vec<u8> = (0..len).map(digit).collect();
                let stream = [&body[..], if end_len(lines) == 2 { b"\r\n" } else { b"\n" }].concat();
                let transcript = laws::read(lines.halves().0, [&stream[..]]);
                let is_the_same = transcript.end.is_ok() && transcript.frames == bodies(&[&body]);
                assert_eq!(lines.can_carry(&body), is_the_same, "{body:?} by {lines:?}");
            }
        }
    }
}

#[test]
fn decoding_allocates_nothing() {
    let inputs = [&b"hello\r\n"[..], b"hel", b"\n", &[b'x'; 100], b""];
    for lines in variants(MAX) {
        let allocated = allocation_counter::measure(|| {
            for input in inputs {
                let mut decoder = lines.halves().0;
                let _ = std::hint::black_box(decoder.decode(input));
                let _ = std::hint::black_box(decoder.finish(input));
            }
        });
        assert_eq!(allocated.count_total, 0, "{lines:?}");
    }
}
