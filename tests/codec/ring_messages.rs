//! Messages of RingMQ: [`RingFrames::split`] cuts them into frames, and [`RingJoiner`] joins them.

use std::borrow::Cow;

use ringmq::codec::{RingFrames, RingHead, RingJoiner, RingMessageError};

const BODY_MAX: usize = RingFrames::BODY_MAX;

/// Around every place where the number of frames changes.
const LENS: [usize; 9] = [
    1,
    2,
    BODY_MAX - 1,
    BODY_MAX,
    BODY_MAX + 1,
    2 * BODY_MAX - 1,
    2 * BODY_MAX,
    2 * BODY_MAX + 1,
    5 * BODY_MAX + 7,
];

fn message(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[test]
fn the_frames_of_a_message_are_all_of_it_in_order() {
    for len in LENS {
        let mut end = 0;
        for (_, body) in RingFrames::split(len) {
            assert_eq!(body.start, end, "{len} bytes");
            end = body.end;
        }
        assert_eq!(end, len);
    }
}

#[test]
fn all_frames_but_the_last_are_full_and_say_more() {
    for len in LENS {
        let frames: Vec<_> = RingFrames::split(len).collect();
        let (last, others) = frames.split_last().expect("a frame");
        assert!(others.iter().all(|(head, body)| (*head, body.len()) == (RingHead::More, BODY_MAX)), "{len}");
        assert_eq!(last.0, RingHead::Last, "{len}");
        assert!((1..=BODY_MAX).contains(&last.1.len()), "{len}");
    }
}

#[test]
fn an_exact_multiple_has_no_empty_frame_at_its_end() {
    assert_eq!(RingFrames::split(BODY_MAX).collect::<Vec<_>>(), [(RingHead::Last, 0..BODY_MAX)]);
    assert_eq!(RingFrames::split(2 * BODY_MAX).count(), 2);
}

#[test]
fn an_empty_message_is_one_empty_frame() {
    assert_eq!(RingFrames::split(0).collect::<Vec<_>>(), [(RingHead::Last, 0..0)]);
}

#[test]
fn a_split_knows_how_many_frames_are_left() {
    for len in LENS.into_iter().chain([0]) {
        let mut split = RingFrames::split(len);
        for left in (0..split.clone().count()).rev() {
            assert_eq!(split.len(), left + 1, "{len} bytes");
            split.next().expect("a frame that is left");
        }
        assert_eq!((split.len(), split.next(), split.next()), (0, None, None), "{len} bytes");
    }
}

#[test]
fn the_longest_message_overflows_nothing() {
    let mut split = RingFrames::split(usize::MAX);
    assert_eq!(split.len(), (usize::MAX - 1) / BODY_MAX + 1);
    assert_eq!(split.next(), Some((RingHead::More, 0..BODY_MAX)));
}

#[test]
fn what_is_split_is_joined() {
    let mut joiner = RingJoiner::new(5 * BODY_MAX + 7);
    for len in LENS.into_iter().chain([0]) {
        let message = message(len);
        let mut joined = Vec::new();
        for (head, body) in RingFrames::split(len) {
            let complete = joiner.push(head, &message[body]).expect("within the maximum");
            assert_eq!(complete.is_some(), head == RingHead::Last, "{len} bytes");
            joined.extend(complete.map(Cow::into_owned));
        }
        assert!(joined == [message], "{len} bytes");
        assert_eq!(joiner.finish(), Ok(()));
    }
}

#[test]
fn a_message_of_one_frame_is_not_copied() {
    let mut joiner = RingJoiner::new(10);
    let allocated = allocation_counter::measure(|| {
        assert!(matches!(joiner.push(RingHead::Last, b"hello"), Ok(Some(Cow::Borrowed(b"hello")))));
    });
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn bodies_of_any_length_are_joined() {
    let mut joiner = RingJoiner::new(10);
    for body in [&b"a"[..], b"", b"bcd", b"", b"ef"] {
        assert_eq!(joiner.push(RingHead::More, body), Ok(None));
    }
    assert_eq!(joiner.push(RingHead::Last, b"g").expect("short").as_deref(), Some(&b"abcdefg"[..]));
}

#[test]
fn empty_frames_may_begin_end_and_be_a_message() {
    let mut joiner = RingJoiner::new(10);
    let mut joined = Vec::new();
    for (head, body) in [
        (RingHead::Last, &b""[..]),
        (RingHead::More, b""),
        (RingHead::Last, b"a"),
        (RingHead::More, b"b"),
        (RingHead::Last, b""),
        (RingHead::More, b""),
        (RingHead::Last, b""),
    ] {
        joined.extend(joiner.push(head, body).expect("within the maximum").map(Cow::into_owned));
    }
    assert_eq!(joined, [&b""[..], b"a", b"b", b""]);
}

#[test]
fn a_message_of_exactly_the_maximum_is_joined() {
    let mut joiner = RingJoiner::new(5);
    assert_eq!(joiner.push(RingHead::More, b"hel"), Ok(None));
    assert_eq!(joiner.push(RingHead::Last, b"lo").expect("the maximum").as_deref(), Some(&b"hello"[..]));
    assert_eq!(joiner.push(RingHead::Last, b"again").expect("the maximum").as_deref(), Some(&b"again"[..]));
}

#[test]
fn a_message_over_the_maximum_is_refused_before_it_is_complete() {
    for head in [RingHead::More, RingHead::Last] {
        let mut joiner = RingJoiner::new(5);
        assert_eq!(joiner.push(head, b"hello!"), Err(RingMessageError::TooLong { len: 6, max: 5 }));

        let mut joiner = RingJoiner::new(5);
        assert_eq!(joiner.push(RingHead::More, b"hell"), Ok(None));
        assert_eq!(joiner.push(head, b"o!"), Err(RingMessageError::TooLong { len: 6, max: 5 }));
    }
}

#[test]
fn an_error_is_final_and_lets_go_what_was_held() {
    let mut joiner = RingJoiner::new(5);
    let error = RingMessageError::TooLong { len: 6, max: 5 };
    assert_eq!(joiner.push(RingHead::More, b"hell"), Ok(None));
    assert_eq!(joiner.push(RingHead::More, b"o!"), Err(error.clone()));
    assert_eq!(joiner.held_len(), 0);
    assert_eq!(joiner.push(RingHead::Last, b"a"), Err(error.clone()));
    assert_eq!(joiner.finish(), Err(error));
}

#[test]
fn a_stream_may_end_between_two_messages_only() {
    let mut joiner = RingJoiner::new(5);
    assert_eq!(joiner.finish(), Ok(()));
    joiner.push(RingHead::Last, b"hello").expect("within the maximum");
    assert_eq!(joiner.finish(), Ok(()));
    joiner.push(RingHead::More, b"hel").expect("within the maximum");
    assert_eq!(joiner.finish(), Err(RingMessageError::Truncated { have: 3 }));
    assert_eq!(joiner.push(RingHead::Last, b"lo"), Err(RingMessageError::Truncated { have: 3 }), "final too");
}

#[test]
fn a_message_that_began_with_no_bytes_has_begun() {
    let mut joiner = RingJoiner::new(5);
    joiner.push(RingHead::More, b"").expect("within the maximum");
    assert_eq!(joiner.finish(), Err(RingMessageError::Truncated { have: 0 }));
}

#[test]
fn held_are_the_bytes_of_the_message_that_has_begun() {
    let mut joiner = RingJoiner::new(10);
    let mut held = Vec::new();
    for (head, body) in [
        (RingHead::More, &b"hel"[..]),
        (RingHead::More, b"lo"),
        (RingHead::Last, b"!"),
        (RingHead::Last, b"a"),
    ] {
        joiner.push(head, body).expect("within the maximum");
        held.push(joiner.held_len());
    }
    assert_eq!(held, [3, 5, 0, 0]);
}

#[test]
fn no_more_memory_than_the_maximum_is_occupied() {
    let mut joiner = RingJoiner::new(1000);
    for _ in 0..142 {
        joiner.push(RingHead::More, &[7; 7]).expect("within the maximum");
    }
    let message = joiner.push(RingHead::Last, &[7; 6]).expect("the maximum").expect("complete").into_owned();
    assert_eq!((message.len(), message.capacity()), (1000, 1000));
}

#[test]
fn joining_many_small_frames_allocates_seldom() {
    let mut joiner = RingJoiner::new(1 << 20);
    let allocated = allocation_counter::measure(|| {
        for _ in 0..1 << 16 {
            joiner.push(RingHead::More, &[7; 16]).expect("within the maximum");
        }
    });
    assert!(allocated.count_total <= 20, "{} allocations", allocated.count_total);
}
