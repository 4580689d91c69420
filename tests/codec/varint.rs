//! [`Varint`] by its laws, and what is its own.

use super::laws::{self, Transcript};
use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step, Varint};

const MAX: usize = 300;

fn decoder() -> impl Decoder<Head = ()> {
    Varint::new(MAX).halves().0
}

fn header(len: usize) -> Vec<u8> {
    let mut affixes = Affixes::new();
    Varint::new(isize::MAX as usize - 10).halves().1.encode((), len, &mut affixes).unwrap();
    assert_eq!(affixes.after(), b"");
    affixes.before().to_vec()
}

#[test]
fn it_keeps_the_laws() {
    for lens in [&[][..], &[0], &[1], &[0, 127, 128, 0, 3]] {
        let frames: Vec<((), Vec<u8>)> = lens.iter().map(|len| ((), vec![0x85; *len])).collect();
        laws::check(|| Varint::new(MAX), &frames);
    }
    laws::check_stream(decoder, &[2, 1, 2, 0xff, 0xff, 1, 7, 7, 7]);
}

/// Of the encodings in the documentation of Protocol Buffers, and where another byte begins.
#[test]
fn a_length_takes_as_few_bytes_as_it_needs() {
    let known: [(usize, &[u8]); 7] = [
        (0, &[0]),
        (1, &[1]),
        (127, &[0x7f]),
        (128, &[0x80, 1]),
        (150, &[0x96, 1]),
        (16_383, &[0xff, 0x7f]),
        (16_384, &[0x80, 0x80, 1]),
    ];
    for (len, bytes) in known {
        assert_eq!(header(len), bytes);
    }
    assert_eq!(header(isize::MAX as usize - 10).len(), if cfg!(target_pointer_width = "64") { 9 } else { 5 });
}

#[test]
fn a_length_may_take_more_bytes_than_it_needs() {
    for more in 0..9 {
        let mut stream = vec![0x83];
        stream.extend(vec![0x80; more]);
        stream.extend([0, b'a', b'b', b'c']);
        let transcript = laws::check_stream(decoder, &stream);
        assert_eq!(
            transcript,
            Transcript { frames: vec![((), b"abc".to_vec())], end: Ok(()) },
            "{more} more"
        );
    }
}

#[test]
fn a_length_beyond_64_bits_is_refused_at_its_tenth_byte() {
    for byte in [2, 0x80, 0x81, 0xff] {
        let mut stream = vec![0xff; 9];
        stream.extend([byte, 0, 0]);
        let end = laws::check_stream(decoder, &stream).end;
        let expected = "the last byte of a length of at most 64 bits, 0x00 or 0x01";
        assert_eq!(end, Err(FrameError::Invalid { expected, found: byte.into() }));
        assert_eq!(decoder().decode(&stream[..9]), Ok(Step::More(1)));
    }
}

#[test]
fn hostile_lengths_are_refused() {
    for (stream, len) in
        [(&[0xad, 2][..], 301), (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], u64::MAX)]
    {
        let end = laws::check_stream(decoder, stream).end;
        assert_eq!(end, Err(FrameError::TooLong { len, max: MAX }));
    }
}

#[test]
fn the_maximum_is_decoded_and_no_more_is_encoded() {
    let stream = laws::round_trip(|| Varint::new(MAX), &[((), vec![7; MAX])]);
    assert_eq!(stream.len(), 2 + MAX);
    assert_eq!(decoder().max_frame_len(), 10 + MAX, "of a length that takes all the bytes that it may");
    let refused = laws::encode(Varint::new(MAX).halves().1, &[((), vec![7; MAX + 1])]);
    assert_eq!(refused, Err(FrameError::TooLong { len: 301, max: MAX }));
}

#[test]
#[should_panic(expected = "is more than a slice can hold")]
fn a_maximum_beyond_every_slice_is_refused() {
    Varint::new(isize::MAX as usize - 9);
}

#[test]
fn decoding_allocates_nothing() {
    let stream = laws::encode(Varint::new(MAX).halves().1, &vec![((), vec![7; 40]); 100]).unwrap();
    let mut decoder = decoder();
    let mut count = 0;
    let allocated = allocation_counter::measure(|| {
        let mut rest = &stream[..];
        while let Ok(Step::Frame { used, .. }) = decoder.decode(rest) {
            rest = &rest[used..];
            count += 1;
        }
    });
    assert_eq!((count, allocated.count_total), (100, 0));
}
