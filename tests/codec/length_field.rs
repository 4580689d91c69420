//! [`LengthField`] by its laws, in every layout, and what is its own.

use super::laws;
use ringmq::codec::{Codec, Decoder, FrameError, Header, LengthField, LengthPrefix, Step};

const MAX: usize = 20;

/// Every width, order, place and way to count, with how long the header is.
fn layouts(max: usize) -> Vec<(LengthField, usize)> {
    let mut layouts = Vec::new();
    for field_len in 1..=8 {
        for offset in [0, 1, 5] {
            for behind in [0, 1, 3] {
                let header_len = offset + field_len + behind;
                let plain = LengthField::new(max).field_len(field_len).offset(offset).header_len(header_len);
                for codec in
                    [plain, plain.counts_header(), plain.adjustment(-7), plain.counts_header().adjustment(1)]
                {
                    layouts.extend([(codec, header_len), (codec.little_endian(), header_len)]);
                }
            }
        }
    }
    layouts
}

/// What else stands in the header of such a layout: any bytes, and zeros for the length.
fn head(codec: LengthField, header_len: usize) -> Header {
    let stream = laws::encode(codec.halves().1, &[(Header::new(&[0xa5; 16][..header_len]), vec![])]).unwrap();
    match codec.halves().0.decode(&stream) {
        Ok(Step::Frame { head, .. }) => head,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn every_layout_keeps_the_laws() {
    for (codec, header_len) in layouts(MAX) {
        let head = head(codec, header_len);
        assert!(head.as_bytes().len() == header_len);
        laws::check(
            || codec,
            &[(head, b"ab".to_vec()), (head, vec![]), (Header::new(&vec![0; header_len]), vec![7; MAX])],
        );
        assert_eq!(codec.halves().0.max_frame_len(), header_len + MAX);
    }
}

#[test]
fn every_layout_keeps_to_its_maximum() {
    let all = [MAX, MAX + 1].map(layouts);
    for (at, (codec, header_len)) in all[0].iter().enumerate() {
        laws::check_max(|max| all[max - MAX][at].0, head(*codec, *header_len), MAX);
    }
}

#[test]
fn a_length_alone_is_that_of_the_length_prefix() {
    for field_len in 1..=8 {
        let bodies = [b"ab".to_vec(), vec![], vec![7; MAX]];
        let ours = bodies.iter().map(|body| (Header::default(), body.clone())).collect::<Vec<_>>();
        let theirs = bodies.iter().map(|body| ((), body.clone())).collect::<Vec<_>>();
        let (field, prefix) =
            (LengthField::new(MAX).field_len(field_len), LengthPrefix::new(MAX).field_len(field_len));
        let pairs = [(field, prefix), (field.little_endian(), prefix.little_endian())];
        for (field, prefix) in pairs {
            assert_eq!(laws::encode(field.halves().1, &ours), laws::encode(prefix.halves().1, &theirs));
        }
    }
}

/// What other implementations call length adjustment, offset, and length including the header.
#[test]
fn the_length_counts_what_it_is_told_to_count() {
    let bytes = |codec: LengthField, head: &[u8]| {
        laws::encode(codec.halves().1, &[(Header::new(head), b"HELLO".to_vec())]).unwrap()
    };
    let two = LengthField::new(MAX).field_len(2);
    assert_eq!(bytes(two, &[]), b"\0\x05HELLO");
    assert_eq!(bytes(two.counts_header(), &[]), b"\0\x07HELLO", "itself as well");
    assert_eq!(bytes(two.adjustment(-2), &[]), b"\0\x07HELLO", "the same said otherwise");
    assert_eq!(bytes(two.offset(2), b"\xca\xfe"), b"\xca\xfe\0\x05HELLO");
    assert_eq!(bytes(two.header_len(4), b"\0\0\xbe\xef"), b"\0\x07\xbe\xefHELLO", "what follows the field");
    assert_eq!(
        bytes(two.header_len(4).adjustment(2), b"\0\0\xbe\xef"),
        b"\0\x05\xbe\xefHELLO",
        "the body alone"
    );
    assert_eq!(bytes(two.offset(1).header_len(4).counts_header(), b"\x01\0\0\xfe"), b"\x01\0\x09\xfeHELLO");
    assert_eq!(bytes(two.offset(1).little_endian(), b"\x01"), b"\x01\x05\0HELLO");
}

#[test]
fn a_length_below_that_of_the_header_is_refused() {
    let codec = LengthField::new(MAX).field_len(1).offset(1).counts_header();
    for len in [0, 1] {
        let end = laws::check_stream(|| codec.halves().0, &[9, len, 1, 2, 3]).end;
        assert_eq!(end, Err(FrameError::TooShort { len: len.into(), min: 2 }));
    }
    let frames = laws::check_stream(|| codec.halves().0, &[9, 2]).frames;
    assert_eq!(frames, [(Header::new(&[9, 0]), vec![])]);
}

#[test]
fn hostile_lengths_are_refused() {
    for adjustment in [0, -9, 8, i64::MIN + 1000] {
        let codec = LengthField::new(MAX).field_len(8).header_len(16).adjustment(adjustment);
        for byte in [0x7f, 0x80, 0xff] {
            let end = laws::check_stream(|| codec.halves().0, &[byte; 40]).end;
            assert!(
                matches!(end, Err(FrameError::TooLong { max: MAX, .. } | FrameError::TooShort { .. })),
                "{end:?}"
            );
        }
    }
}

#[test]
fn decoding_allocates_nothing() {
    let codec = LengthField::new(MAX).offset(2);
    let stream = laws::encode(codec.halves().1, &vec![(Header::new(b"ab"), vec![7; 9]); 100]).unwrap();
    let mut decoder = codec.halves().0;
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

#[test]
fn a_header_longer_than_the_codecs_is_not_encoded() {
    let refused = laws::encode(LengthField::new(MAX).halves().1, &[(Header::new(b"12345"), vec![])]);
    assert_eq!(
        refused,
        Err(FrameError::Invalid { expected: "a header no longer than the codec's", found: 5 })
    );
}

macro_rules! refused {
    ($($name:ident: $codec:expr, $says:literal;)*) => {
        $(
            #[test]
            #[should_panic(expected = $says)]
            fn $name() {
                $codec.halves();
            }
        )*
    };
}

refused! {
    a_field_of_no_bytes_is_refused: LengthField::new(1).field_len(0), "a length field has from 1 to 8 bytes, not 0";
    a_field_of_nine_bytes_is_refused: LengthField::new(1).field_len(9), "a length field has from 1 to 8 bytes, not 9";
    a_header_too_short_for_its_length_is_refused: LengthField::new(1).offset(2).header_len(5), "at least the 6 up to";
    an_offset_beyond_all_is_refused: LengthField::new(1).offset(usize::MAX), "it has at most 16";
    a_header_too_long_is_refused: LengthField::new(1).header_len(17), "a header of 17 bytes: it has at most 16";
    a_maximum_beyond_the_field_is_refused: LengthField::new(256).field_len(1), "lengths from 0 to 256: from 0 to 255";
    a_maximum_that_is_beyond_the_field_with_the_header_is_refused: LengthField::new(255).field_len(1).counts_header(), "from 1 to 256";
    a_negative_length_is_refused: LengthField::new(1).adjustment(1), "lengths from -1 to 0";
    a_maximum_beyond_every_slice_is_refused: LengthField::new(isize::MAX as usize).field_len(8), "more than a slice can hold";
}
