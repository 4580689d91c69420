//! [`ZmtpFrames`] by its laws, and what is its own.

use super::assert_allocates_nothing;
use crate::laws;
use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// Beyond what a short frame holds, so that both forms are within it.
const MAX: usize = 300;

const KINDS: [FrameKind; 3] = [FrameKind::More, FrameKind::Last, FrameKind::Command];

type Frames = Vec<(FrameKind, Vec<u8>)>;

/// The bodies that the codec is tried with, each as every kind: none at all, one, none between others, one on either side of the
/// two forms, one as long as the maximum.
fn seeds() -> Vec<Frames> {
    let lens = [&[][..], &[0], &[1], &[255], &[256], &[MAX], &[3, 0, 5], &[0, 0, 0], &[MAX, 1, 256]];
    KINDS
        .iter()
        .flat_map(|kind| lens.iter().map(move |lens| lens.iter().map(|len| (*kind, body(*len))).collect()))
        .chain([vec![(FrameKind::More, body(2)), (FrameKind::Command, body(5)), (FrameKind::Last, body(0))]])
        .collect()
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|i| i as u8 ^ 0xa5).collect()
}

fn codec() -> ZmtpFrames {
    ZmtpFrames::new(MAX)
}

fn decoder() -> impl Decoder<Head = FrameKind> {
    codec().halves().0
}

fn encoded(frames: &Frames) -> Vec<u8> {
    laws::encode(codec().halves().1, frames).expect("within the maximum")
}

/// What goes before a body in the long form, by hand: the encoder refuses what is too long and shortens what is short.
fn long_header(flags: u8, len: u64) -> Vec<u8> {
    let mut header = vec![flags];
    header.extend(len.to_be_bytes());
    header
}

fn bad_flags(found: u8) -> FrameError {
    FrameError::Invalid {
        expected: "the flags of a ZMTP 3 frame, 0x00 to 0x04 or 0x06",
        found: u64::from(found),
    }
}

/// Each error that a header can be refused with: its bytes, behind a frame and before some more, and the error.
fn streams_with_an_error() -> Vec<(Vec<u8>, FrameError)> {
    let headers = [
        (long_header(0x02, 301), FrameError::TooLong { len: 301, max: MAX }),
        (long_header(0x06, u64::MAX), FrameError::TooLong { len: u64::MAX, max: MAX }),
        (vec![0x08, 0x02], bad_flags(0x08)),
        (vec![0x05, 0x02], bad_flags(0x05)),
    ];
    let frame = encoded(&vec![(FrameKind::Last, b"hello".to_vec())]);
    headers.map(|(header, error)| ([&frame[..], &header, &[0; 40]].concat(), error)).into()
}

#[test]
fn any_split_gives_the_same_frames() {
    for (stream, error) in streams_with_an_error() {
        let transcript = laws::any_split_gives_the_same(decoder, &stream);
        assert_eq!(transcript.frames, [(FrameKind::Last, b"hello".to_vec())]);
        assert_eq!(transcript.end, Err(error));
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    for frames in seeds() {
        laws::round_trip(codec, &frames);
    }
}

#[test]
fn flags_and_size_are_those_of_the_rfc() {
    let mut encoder = codec().halves().1;
    let mut before = |kind, len| {
        let mut affixes = Affixes::new();
        encoder.encode(kind, len, &mut affixes).expect("within the maximum");
        assert_eq!(affixes.after(), b"");
        affixes.before().to_vec()
    };
    assert_eq!(before(FrameKind::Last, 0), [0x00, 0]);
    assert_eq!(before(FrameKind::More, 2), [0x01, 2]);
    assert_eq!(before(FrameKind::Command, 26), [0x04, 26]);
    assert_eq!(before(FrameKind::Last, 258), [0x02, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(before(FrameKind::More, 258), [0x03, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(before(FrameKind::Command, 258), [0x06, 0, 0, 0, 0, 0, 0, 1, 2]);
}

#[test]
fn the_short_form_is_sent_up_to_255_bytes() {
    for kind in KINDS {
        for (len, header_len) in [(0, 2), (254, 2), (255, 2), (256, 9), (257, 9), (MAX, 9)] {
            let mut affixes = Affixes::new();
            codec().halves().1.encode(kind, len, &mut affixes).expect("within the maximum");
            assert_eq!(affixes.len(), header_len, "{kind:?} of {len} bytes");
        }
    }
}

#[test]
fn the_long_form_of_a_small_frame_is_received() {
    for (flags, kind) in [(0x02, FrameKind::Last), (0x03, FrameKind::More), (0x06, FrameKind::Command)] {
        for len in [0, 5, 255] {
            let stream = [long_header(flags, len as u64), body(len)].concat();
            let transcript = laws::any_split_gives_the_same(decoder, &stream);
            assert_eq!((transcript.frames, transcript.end), (vec![(kind, body(len))], Ok(())));
        }
    }
}

#[test]
fn any_other_flags_are_refused_from_the_first_byte() {
    for flags in 0..=255 {
        let answer = decoder().decode(&[flags]);
        match flags {
            0x00 | 0x01 | 0x04 => assert_eq!(answer, Ok(Step::More(1)), "{flags:#04x}"),
            0x02 | 0x03 | 0x06 => assert_eq!(answer, Ok(Step::More(8)), "{flags:#04x}"),
            _ => assert_eq!(answer, Err(bad_flags(flags))),
        }
    }
}

#[test]
fn no_answer_comes_earlier_than_announced() {
    for frames in seeds() {
        for frame in frames {
            let stream = encoded(&vec![frame]);
            for have in 0..stream.len() {
                let announced = match decoder().decode(&stream[..have]) {
                    Ok(Step::More(n)) => have + n,
                    other => panic!("{other:?} with {have} of {} bytes", stream.len()),
                };
                assert!(announced > have && announced <= stream.len());
                for early in have..announced {
                    assert!(matches!(decoder().decode(&stream[..early]), Ok(Step::More(_))));
                }
            }
        }
    }
}

#[test]
fn more_is_exactly_what_is_missing() {
    for (stream, header_len) in
        [([vec![0x01, 7], body(7)].concat(), 2), ([long_header(0x03, 256), body(256)].concat(), 9)]
    {
        for have in 0..stream.len() {
            let missing = match have {
                0 => 1,
                _ if have < header_len => header_len - have,
                _ => stream.len() - have,
            };
            assert_eq!(decoder().decode(&stream[..have]), Ok(Step::More(missing)), "{have} bytes");
        }
    }
}

#[test]
fn no_bytes_are_no_frame() {
    for frames in seeds() {
        let (mut decoder, stream) = (decoder(), encoded(&frames));
        let mut rest = &stream[..];
        for _ in &frames {
            assert_eq!(decoder.decode(b""), Ok(Step::More(1)));
            match decoder.decode(rest) {
                Ok(Step::Frame { used, .. }) => rest = &rest[used..],
                other => panic!("{other:?} where a frame is"),
            }
        }
        assert_eq!(decoder.decode(b""), Ok(Step::More(1)));
    }
}

#[test]
fn a_frame_of_no_bytes_is_a_frame() {
    for (flags, head) in [(0x00, FrameKind::Last), (0x01, FrameKind::More), (0x04, FrameKind::Command)] {
        assert_eq!(decoder().decode(&[flags, 0]), Ok(Step::Frame { head, body: 2..2, used: 2 }));
        let long = decoder().decode(&long_header(flags | 0x02, 0));
        assert_eq!(long, Ok(Step::Frame { head, body: 9..9, used: 9 }));
    }
}

#[test]
fn a_maximum_of_nothing_lets_empty_frames_through() {
    laws::round_trip(|| ZmtpFrames::new(0), &KINDS.map(|kind| (kind, vec![])));
    let refused = ZmtpFrames::new(0).halves().0.decode(&[0x00, 1]);
    assert_eq!(refused, Err(FrameError::TooLong { len: 1, max: 0 }));
}

#[test]
fn the_maximum_is_decoded() {
    let input = [long_header(0x02, MAX as u64), body(MAX)].concat();
    let frame = Step::Frame { head: FrameKind::Last, body: 9..9 + MAX, used: 9 + MAX };
    assert_eq!(decoder().decode(&input), Ok(frame));

    let input = [vec![0x00, 20], body(20)].concat();
    let frame = Step::Frame { head: FrameKind::Last, body: 2..22, used: 22 };
    assert_eq!(ZmtpFrames::new(20).halves().0.decode(&input), Ok(frame));
}

#[test]
fn the_longest_frame_is_one_of_the_maximum_in_the_long_form() {
    for max in [0, 20, MAX, isize::MAX as usize - 9] {
        let mut decoder = ZmtpFrames::new(max).halves().0;
        assert_eq!(decoder.max_frame_len(), 9 + max);
        decoder.decode(b"\x80").expect_err("a reserved flag");
        assert_eq!(decoder.max_frame_len(), 9 + max, "at all times");
    }
}

#[test]
fn more_than_the_maximum_is_refused_from_the_header_alone() {
    for flags in [0x02, 0x03, 0x06] {
        let answer = decoder().decode(&long_header(flags, MAX as u64 + 1));
        assert_eq!(answer, Err(FrameError::TooLong { len: 301, max: MAX }), "{flags:#04x}");
    }
    for flags in [0x00, 0x01, 0x04] {
        let answer = ZmtpFrames::new(20).halves().0.decode(&[flags, 21]);
        assert_eq!(answer, Err(FrameError::TooLong { len: 21, max: 20 }), "{flags:#04x}");
    }
}

#[test]
fn hostile_lengths_are_refused() {
    let lens = [u64::from(u32::MAX), 1 << 32, 1 << 62, i64::MAX as u64, 1 << 63, u64::MAX - 8, u64::MAX];
    for max in [0, MAX] {
        for len in lens {
            let codec = ZmtpFrames::new(max);
            let transcript = laws::any_split_gives_the_same(|| codec.halves().0, &long_header(0x02, len));
            assert_eq!(transcript.end, Err(FrameError::TooLong { len, max }));
        }
    }
}

/// The RFC has 63 bits for a size. The greatest maximum that there can be has fewer too.
#[test]
fn a_size_of_64_bits_is_refused_whatever_the_maximum() {
    let max = isize::MAX as usize - 9;
    for len in [i64::MAX as u64, 1 << 63, u64::MAX] {
        let answer = ZmtpFrames::new(max).halves().0.decode(&long_header(0x02, len));
        assert_eq!(answer, Err(FrameError::TooLong { len, max }));
    }
}

#[test]
fn errors_are_final() {
    let good = encoded(&vec![(FrameKind::Last, b"hello".to_vec())]);
    for (stream, error) in streams_with_an_error() {
        let mut decoder = decoder();
        assert_eq!(decoder.decode(&stream[7..]), Err(error.clone()));
        assert_eq!(decoder.decode(&good), Err(error.clone()));
        assert_eq!(decoder.decode(&[]), Err(error.clone()));
        assert_eq!(decoder.finish(&[]), Err(error));
    }
}

#[test]
fn a_truncated_end_is_final_too() {
    let mut decoder = decoder();
    assert_eq!(decoder.finish(b"\0"), Err(FrameError::Truncated { have: 1, need: 2 }));
    assert_eq!(decoder.decode(b"\0\x02hi"), Err(FrameError::Truncated { have: 1, need: 2 }));
}

#[test]
fn a_stream_ends_cleanly_only_between_frames() {
    for frames in seeds() {
        laws::ends_cleanly_only_between_frames(decoder, &encoded(&frames));
    }
}

/// A message may be cut there: whether the last frame was a last one is for whoever puts messages together.
#[test]
fn the_end_behind_a_frame_of_more_is_a_clean_one() {
    let transcript = laws::read(decoder(), [&b"\x01\x02p1"[..]]);
    assert_eq!((transcript.frames, transcript.end), (vec![(FrameKind::More, b"p1".to_vec())], Ok(())));
}

#[test]
fn refused_flags_at_the_end_are_refused_as_such() {
    assert_eq!(decoder().finish(b"\x80"), Err(bad_flags(0x80)));
}

#[test]
fn finishing_before_everything_is_decoded_is_an_error() {
    assert_eq!(decoder().finish(b"\0\x02hi"), Err(FrameError::Undecoded { used: 4 }));
}

#[test]
fn after_a_clean_end_a_decoder_is_as_good_as_new() {
    let mut decoder = decoder();
    assert_eq!(decoder.finish(&[]), Ok(()));
    let frame = Step::Frame { head: FrameKind::Last, body: 2..2, used: 2 };
    assert_eq!(decoder.decode(b"\0\0"), Ok(frame));
}

#[test]
fn encoding_replaces_what_the_affixes_held() {
    for (len, before) in [(2, &[0x00, 2][..]), (256, &[0x02, 0, 0, 0, 0, 0, 0, 1, 0])] {
        let mut affixes = Affixes::new();
        affixes.push_before(b"left");
        affixes.push_after(b"over");
        codec().halves().1.encode(FrameKind::Last, len, &mut affixes).expect("within the maximum");
        assert_eq!((affixes.before(), affixes.after()), (before, &[][..]));
    }
}

#[test]
fn a_body_over_the_maximum_is_not_encoded() {
    for kind in KINDS {
        for len in [MAX + 1, usize::MAX] {
            let mut affixes = Affixes::new();
            affixes.push_before(b"left over");
            let refused = codec().halves().1.encode(kind, len, &mut affixes);
            assert_eq!(refused, Err(FrameError::TooLong { len: len as u64, max: MAX }));
            assert!(affixes.is_empty());
        }
    }
}

#[test]
fn an_encoder_goes_on_after_refusing_a_body() {
    let mut encoder = codec().halves().1;
    let mut affixes = Affixes::new();
    encoder.encode(FrameKind::Last, MAX + 1, &mut affixes).expect_err("over the maximum");
    assert_eq!(encoder.encode(FrameKind::Last, MAX, &mut affixes), Ok(()));
}

#[test]
fn decoding_allocates_nothing() {
    let max = isize::MAX as usize - 9;
    let mut inputs: Vec<Vec<u8>> = [0, 5, MAX as u64, MAX as u64 + 1, max as u64, u64::MAX]
        .map(|len| [long_header(0x02, len), body(64)].concat())
        .into();
    inputs.extend([vec![0x01; 64], vec![0x08; 64]]);
    assert_allocates_nothing(|| {
        for codec in [codec(), ZmtpFrames::new(max)] {
            for input in &inputs {
                let mut decoder = codec.halves().0;
                let _ = std::hint::black_box(decoder.decode(input));
                let _ = std::hint::black_box(decoder.finish(&input[..9]));
            }
        }
    });
}
