//! [`Wire`] by the laws of codecs, and what is its own.

use ringmq::codec::zmtp::{FrameKind, Greeting, GreetingError, Mechanism};
use ringmq::codec::{laws, Affixes, Codec, Decoder, Encoder, FrameError, RingFrames, RingHead, Step};
use ringmq::mq::{Dialect, SessionError, Wire, WireDecoder, WireEncoder, WireHead};

/// Less than a short frame of ZMTP may have.
const MAX: usize = 20;

const ZMTP: [Dialect; 2] = [Dialect::Zmtp, Dialect::Any];
const RING: [Dialect; 2] = [Dialect::Ring, Dialect::Any];

type Frames = Vec<(WireHead, Vec<u8>)>;

fn greeting() -> (WireHead, Vec<u8>) {
    (WireHead::Greeting, Greeting::new(Mechanism::NULL, false).encode().to_vec())
}

/// After the greeting, with a command longer than a part may be.
fn zmtp() -> Frames {
    let frames = [
        (FrameKind::Command, &b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH"[..]),
        (FrameKind::More, b"one"),
        (FrameKind::Command, b"\x04PONG"),
        (FrameKind::Last, b""),
        (FrameKind::Last, &[7; MAX]),
    ];
    let frames = frames.map(|(kind, body)| (WireHead::Zmtp(kind), body.to_vec()));
    [greeting()].into_iter().chain(frames).collect()
}

fn ring() -> Frames {
    let frames = [(RingHead::More, "a"), (RingHead::Last, "bc"), (RingHead::Last, "def")];
    frames.map(|(head, body)| (WireHead::Ring(head), body.as_bytes().to_vec())).into()
}

fn decoder(dialect: Dialect) -> WireDecoder {
    Wire::new(dialect, MAX).halves().0
}

fn encoded(frames: &Frames) -> Vec<u8> {
    laws::encode(Wire::new(Dialect::Any, MAX).halves().1, frames).expect("frames in order")
}

/// A wire from behind its greeting on: the laws about single frames begin there.
#[derive(Clone, Copy)]
struct Behind(Wire);

impl Codec for Behind {
    type Head = WireHead;
    type Decoder = WireDecoder;
    type Encoder = WireEncoder;

    fn halves(self) -> (WireDecoder, WireEncoder) {
        let (mut decoder, encoder) = self.0.halves();
        let step = decoder.decode(&greeting().1);
        assert_eq!(step, Ok(Step::Frame { head: WireHead::Greeting, body: 0..64, used: 64 }));
        (decoder, encoder)
    }
}

#[test]
fn a_connection_of_either_dialect_keeps_all_laws() {
    for dialect in ZMTP {
        laws::check(|| Wire::new(dialect, MAX), &zmtp());
    }
    for dialect in RING {
        laws::check(|| Wire::new(dialect, MAX), &ring());
    }
}

#[test]
fn parts_up_to_the_maximum_keep_all_laws_and_one_byte_more_is_refused() {
    for dialect in ZMTP {
        for kind in [FrameKind::More, FrameKind::Last] {
            let codec = |max| Behind(Wire::new(dialect, max));
            laws::check_max(codec, WireHead::Zmtp(kind), RingFrames::BODY_MAX + 7);
        }
    }
}

#[test]
fn a_part_is_bound_by_its_own_maximum_and_not_by_that_of_commands() {
    let (mut decoder, mut encoder) = Behind(Wire::new(Dialect::Zmtp, MAX)).halves();
    let refused = FrameError::TooLong { len: MAX as u64 + 1, max: MAX };
    let head = WireHead::Zmtp(FrameKind::Last);
    assert_eq!(encoder.encode(head, MAX + 1, &mut Affixes::new()), Err(refused.clone()));
    // From the size alone: nothing of the body is there.
    assert_eq!(decoder.decode(&[0x00, MAX as u8 + 1]), Err(refused));
}

#[test]
fn a_command_may_be_long_where_parts_are_short_and_is_bound_where_they_are_long() {
    let head = WireHead::Zmtp(FrameKind::Command);
    for max in [MAX, Wire::COMMAND_MAX * 2] {
        let codec = || Behind(Wire::new(Dialect::Any, max));
        let longest = vec![7; Wire::COMMAND_MAX];
        let stream = laws::encode(codec().halves().1, &[(head, longest.clone())]).expect("the maximum");
        assert_eq!(laws::read(codec().halves().0, [&stream[..]]).frames, [(head, longest)]);

        let refused = FrameError::TooLong { len: Wire::COMMAND_MAX as u64 + 1, max: Wire::COMMAND_MAX };
        let (mut decoder, mut encoder) = codec().halves();
        let encoded = encoder.encode(head, Wire::COMMAND_MAX + 1, &mut Affixes::new());
        assert_eq!(encoded, Err(refused.clone()));
        assert_eq!(decoder.decode(&[0x06, 0, 0, 0, 0, 0, 1, 0, 1]), Err(refused));
    }
}

#[test]
fn a_frame_of_ring_may_always_be_as_long_as_the_original_sends_them() {
    let head = WireHead::Ring(RingHead::More);
    let body = vec![7; RingFrames::BODY_MAX];
    for dialect in RING {
        let codec = || Wire::new(dialect, MAX);
        let stream = laws::encode(codec().halves().1, &[(head, body.clone())]).expect("the maximum");
        let transcript = laws::read(codec().halves().0, [&stream[..]]);
        assert!(transcript.frames == [(head, body.clone())], "{} frames", transcript.frames.len());

        let header = [0x01, 0, 2, 0, 1];
        let refused = FrameError::TooLong { len: RingFrames::BODY_MAX as u64 + 1, max: RingFrames::BODY_MAX };
        assert_eq!(codec().halves().0.decode(&header), Err(refused));
        // And longer ones, if parts may be longer.
        let more = Wire::new(dialect, RingFrames::BODY_MAX + 1).halves().0.decode(&header);
        assert_eq!(more, Ok(Step::More(RingFrames::BODY_MAX + 1)));
    }
}

#[test]
fn the_longest_frame_is_the_longest_of_what_is_spoken() {
    let len = |dialect, max| Wire::new(dialect, max).halves().0.max_frame_len();
    let (command, piece) = (9 + Wire::COMMAND_MAX, 5 + RingFrames::BODY_MAX);
    assert_eq!([Dialect::Zmtp, Dialect::Ring, Dialect::Any].map(|it| len(it, MAX)), [command, piece, piece]);
    let max = 1 << 20;
    assert_eq!(
        [Dialect::Zmtp, Dialect::Ring, Dialect::Any].map(|it| len(it, max)),
        [max + 9, max + 5, max + 9]
    );
}

#[test]
fn the_greatest_maximum_overflows_nothing() {
    for dialect in [Dialect::Zmtp, Dialect::Ring, Dialect::Any] {
        let mut decoder = Wire::new(dialect, isize::MAX as usize - 9).halves().0;
        assert!(decoder.max_frame_len() <= isize::MAX as usize);
        assert!(matches!(decoder.decode(b"\xff"), Ok(Step::More(_))));
    }
}

#[test]
#[should_panic(expected = "is more than a slice can hold")]
fn unlimited_is_refused() {
    let _ = Wire::new(Dialect::Ring, usize::MAX);
}

#[test]
fn any_decides_by_the_first_byte_and_says_so_before_there_is_a_frame() {
    for first in 0..=255 {
        let mut decoder = decoder(Dialect::Any);
        assert_eq!((decoder.decode(&[]), decoder.spoken()), (Ok(Step::More(1)), None));
        let (more, spoken) = if first == 0xff { (9, Dialect::Zmtp) } else { (4, Dialect::Ring) };
        assert_eq!(decoder.decode(&[first]), Ok(Step::More(more)), "{first:#04x}");
        assert_eq!(decoder.spoken(), Some(spoken), "{first:#04x}");
    }
    assert_eq!(decoder(Dialect::Zmtp).spoken(), Some(Dialect::Zmtp));
    assert_eq!(decoder(Dialect::Ring).spoken(), Some(Dialect::Ring));
}

/// What a stranger begins with, at how many bytes it shows, and what is said of it.
fn strangers() -> [(&'static [u8], usize, GreetingError); 6] {
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1, GreetingError::NotZmtp { first: b'G' }),
        (b"\x16\x03\x01\0\xc8\x01\0\0\xc4", 1, GreetingError::NotZmtp { first: 0x16 }),
        (b"\x01\0\x06\0hello", 1, GreetingError::NotZmtp { first: 1 }), // ZMTP 1.0, without an identity
        (b"\xff\0\0\0\0\0\0\0\x06\0hello", 10, GreetingError::LongIdentity { mark: 0 }),
        (b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0", 11, GreetingError::OldVersion { major: 1 }),
        (b"\xff\0\0\0\0\0\0\0\x01\x7f\x02\0NULL", 11, GreetingError::OldVersion { major: 2 }),
    ]
}

#[test]
fn strangers_and_old_versions_are_refused_at_the_first_byte_that_shows_it() {
    for (stream, shown, error) in strangers() {
        let transcript = laws::check_stream(|| decoder(Dialect::Zmtp), stream);
        assert_eq!(transcript.frames, []);
        let found = transcript.end.expect_err("no greeting");
        assert_eq!(SessionError::from(found), SessionError::Greeting(error), "{}", stream.escape_ascii());

        let mut decoder = decoder(Dialect::Zmtp);
        assert!(matches!(decoder.decode(&stream[..shown - 1]), Ok(Step::More(_))), "{shown}");
        assert!(decoder.decode(&stream[..shown]).is_err(), "{shown}");
    }
}

#[test]
fn strangers_at_a_port_for_any_are_refused_as_frames_that_are_too_long() {
    for (stream, error) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], FrameError::TooLong { len: 0x4554_202f - 5, max: 131_067 }),
        (b"\x16\x03\x01\x00\xc8\x01\0\0\xc4", FrameError::TooLong { len: 0x0301_00c8 - 5, max: 131_067 }),
        (b"\x01\0\0\0\x04", FrameError::TooShort { len: 4, min: 5 }),
    ] {
        assert_eq!(laws::check_stream(|| decoder(Dialect::Any), stream).end, Err(error));
    }
    // And a peer of ZMTP where RingMQ is spoken.
    let stream = encoded(&zmtp());
    let refused = laws::check_stream(|| decoder(Dialect::Ring), &stream).end;
    assert_eq!(refused, Err(FrameError::TooShort { len: 0, min: 5 }));
}

#[test]
fn errors_between_frames_are_final_in_any_split() {
    let bad = [
        (ZMTP, zmtp(), &[0x08, 0x02, 1, 2][..]),
        (ZMTP, zmtp(), &[0x05, 0x02, 1, 2]),
        (ZMTP, zmtp(), &[0x02, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (RING, ring(), &[0, 0, 0, 0, 4]),
        (RING, ring(), &[0, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (dialects, frames, bytes) in bad {
        let stream = [&encoded(&frames)[..], bytes, &[0; 30]].concat();
        for dialect in dialects {
            let transcript = laws::check_stream(|| decoder(dialect), &stream);
            assert_eq!(transcript.frames, frames);
            assert!(transcript.end.is_err(), "{dialect}: {bytes:?}");
        }
    }
}

#[test]
fn an_empty_frame_of_ring_is_received_and_none_is_sent() {
    let transcript = laws::check_stream(|| decoder(Dialect::Ring), b"\x01\0\0\0\x05\x00\0\0\0\x05");
    let empty = |head| (WireHead::Ring(head), Vec::new());
    assert_eq!(transcript.frames, [empty(RingHead::More), empty(RingHead::Last)]);
    let mut encoder = Wire::new(Dialect::Ring, MAX).halves().1;
    let sent = encoder.encode(WireHead::Ring(RingHead::Last), 0, &mut Affixes::new());
    assert_eq!(sent, Err(FrameError::TooShort { len: 5, min: 6 }));
}

#[test]
fn what_the_other_side_would_not_understand_is_not_encoded() {
    let greeting_of = |len| (Dialect::Zmtp, WireHead::Greeting, len);
    let cases = [
        greeting_of(0),
        greeting_of(63),
        greeting_of(65),
        (Dialect::Ring, WireHead::Greeting, 64),
        (Dialect::Ring, WireHead::Zmtp(FrameKind::Command), 5),
        (Dialect::Ring, WireHead::Zmtp(FrameKind::Last), 5),
        (Dialect::Zmtp, WireHead::Ring(RingHead::Last), 5),
        (Dialect::Zmtp, WireHead::Ring(RingHead::More), 5),
    ];
    for (dialect, head, len) in cases {
        let mut affixes = Affixes::new();
        affixes.push_before(b"left");
        let encoded = Wire::new(dialect, MAX).halves().1.encode(head, len, &mut affixes);
        assert!(encoded.is_err() && affixes.is_empty(), "{dialect} {head:?} of {len} bytes: {affixes:?}");
    }
}

#[test]
#[allow(clippy::incompatible_msrv)] // `black_box`: tests may be newer than the crate
fn decoding_allocates_nothing() {
    let one = allocation_counter::measure(|| drop(std::hint::black_box(vec![7_u8; 64])));
    assert_eq!(one.count_total, 1, "allocations are counted at all");
    for frames in [zmtp(), ring()] {
        let stream = encoded(&frames);
        let mut decoder = decoder(Dialect::Any);
        let mut found = 0;
        let allocations = allocation_counter::measure(|| {
            let mut rest = &stream[..];
            while let Ok(Step::Frame { used, .. }) = decoder.decode(rest) {
                rest = &rest[used..];
                found += 1;
            }
            // Of a size that nobody has sent yet, and of a stranger.
            let _ = decoder.decode(&[0x02, 0, 0, 0, 0, 0, 0, 0, 20]);
            let _ = decoder.decode(&[0x02, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        });
        assert_eq!((found, allocations.count_total), (frames.len(), 0));
    }
}
