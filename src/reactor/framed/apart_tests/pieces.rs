//! Messages in several frames, whose bodies are put together where they are read, and frames that are messages beside them.

use super::*;
use crate::codec::{Affixes, Encoder, RingFrames, RingFramesDecoder, RingHead, Step};

/// What a connection of one message in several frames has around each of them.
const RING_HEAD_LEN: usize = 5;

/// A message in frames whose bodies have these lengths as far as it goes; the last has the rest.
fn cut(message: &[u8], lens: &[usize]) -> Vec<u8> {
    let (mut encoder, mut stream, mut rest) = (RingFrames::new(MIB).halves().1, Vec::new(), message);
    for (at, &len) in lens.iter().enumerate() {
        let (piece, behind) = rest.split_at(len.min(rest.len()));
        rest = behind;
        let is_last = at + 1 == lens.len();
        let piece = if is_last { [piece, std::mem::take(&mut rest)].concat() } else { piece.to_vec() };
        let head = if is_last { RingHead::Last } else { RingHead::More };
        let mut affixes = Affixes::new();
        match encoder.encode(head, piece.len(), &mut affixes) {
            Ok(()) => stream.extend(affixes.before()),
            // Empty, or longer than is sent: received it can be all the same.
            Err(_) => {
                stream.push(u8::from(!is_last));
                stream.extend(((RING_HEAD_LEN + piece.len()) as u32).to_be_bytes());
            }
        }
        stream.extend(piece);
    }
    stream
}

fn begun_piece(decoder: &mut RingFramesDecoder, input: &[u8]) -> Option<Begun<RingHead>> {
    let (head, body) = decoder.begun(input)?;
    Some(Begun { head, body, behind: if head == RingHead::More { RING_HEAD_LEN } else { 0 } })
}

/// As [`turn`], of messages of which all long pieces are put together where they are read.
fn turn_of_pieces(link: &mut Framed<RingFrames, Fed>, io: &mut Io) -> Vec<Vec<u8>> {
    io.begin();
    io.may_draw = true;
    let mut taken = Vec::new();
    if link.respond(Ready::READABLE, io) == Fire::Yes {
        while let Some((&head, _)) = link.body_head() {
            match head {
                RingHead::More => assert!(link.extend_body(begun_piece)),
                RingHead::Last => taken.extend(link.take_body().map(|(_, body)| body)),
            }
        }
        assert!(link.split().0.next().is_none(), "no piece comes by itself");
        link.keep_body_apart(begun_piece);
    }
    link.settle();
    taken
}

#[test]
fn pieces_are_read_behind_one_another_into_the_vector_that_is_handed_over() {
    let (mut link, kernel, mut io) = open_with(RingFrames::new(2 * MIB));
    let (sent, most) = (body(MIB), RingFrames::BODY_MAX);
    for _ in 0..2 {
        kernel.arrive(&cut(&sent, &[most; 9]));
        let mut turns = (0..20).map(|_| turn_of_pieces(&mut link, &mut io));
        let taken = turns.find(|taken| !taken.is_empty()).unwrap();
        assert!(taken == [sent.clone()]);
        assert!(kernel.arrived.borrow().is_empty());
        let reads: Vec<(usize, usize)> = kernel.reads.borrow_mut().drain(..).collect();
        let rooms: Vec<usize> = reads.iter().map(|&(room, _)| room).collect();
        // The first is read into a buffer as far as that goes. Each ends behind the header of the next, and the last where it ends.
        let frame_len = RING_HEAD_LEN + most;
        let behind_buffer = frame_len + RING_HEAD_LEN - BUFFER_LEN;
        let expected = [&[BUFFER_LEN, behind_buffer][..], &[frame_len; 7], &[MIB - 8 * most]].concat();
        assert_eq!(rooms, expected);
        assert_eq!(taken[0].as_ptr() as usize, reads[reads.len() - 1].1, "the last was read to where it is");
        assert_eq!(io.memory().used(), 0, "what is handed over is nobody's here");
    }
}

#[test]
fn no_more_is_charged_than_twice_of_what_has_come_of_all_pieces_and_never_more_than_is_sure() {
    let (mut link, kernel, mut io) = open_with(RingFrames::new(2 * MIB));
    let sent = body(2 * MIB - RING_HEAD_LEN);
    let stream = cut(&sent, &[70_000; 30]);
    let (mut come, mut taken) = (0, Vec::new());
    for piece in stream.chunks(10_000) {
        kernel.arrive(piece);
        come += piece.len();
        for _ in 0..3 {
            taken.extend(turn_of_pieces(&mut link, &mut io));
            let (used, most) = (io.memory().used(), (2 * (come + 1024)).max(BUFFER_LEN));
            assert!(used <= most && used <= 2 * MIB + RING_HEAD_LEN, "{used} for {come}");
        }
    }
    assert!(taken == [sent]);
    assert_eq!(io.memory().used(), 0);
}

#[test]
fn who_leaves_pieces_has_the_header_behind_them_as_any_other() {
    let (mut link, kernel, mut io) = open_with(RingFrames::new(2 * MIB));
    let sent = body(150_000);
    for behind in [0, 1, 30_000] {
        kernel.arrive(&cut(&sent, &[70_000, 70_000, behind, 10_000]));
        let mut joined = Vec::new();
        for _ in 0..10 {
            io.begin();
            io.may_draw = true;
            link.respond(Ready::READABLE, &mut io);
            if link.body_head().map(|(_, len)| len) == Some(70_000) {
                assert!(link.extend_body(begun_piece));
            }
            if let Some((_, 140_000)) = link.body_head() {
                assert!(!link.extend_body(|_, header| {
                    assert_eq!(header.len(), RING_HEAD_LEN);
                    None
                }));
                let (head, body) = link.leave_body().unwrap();
                assert_eq!((head, io.memory().used()), (RingHead::More, BUFFER_LEN));
                assert!(link.leave_body().is_none() && link.take_body().is_none());
                joined = body;
            }
            for frame in link.split().0 {
                joined.extend(frame.unwrap().body);
            }
            if joined.is_empty() {
                link.keep_body_apart(begun_piece);
            }
            link.settle();
        }
        assert!(joined == sent, "{behind}");
        assert_eq!((io.memory().used(), link.state()), (0, State::Open));
    }
}

/// Nobody knows when the next one comes, and others wait for that memory.
#[test]
fn what_is_set_aside_for_who_is_first_is_given_back_where_a_piece_ends() {
    let (mut link, kernel, mut io) = open_with(RingFrames::new(2 * MIB));
    let sent = body(200_000);
    let stream = cut(&sent, &[100_000, 100_000]);
    for header_len in [0, 3] {
        let come = RING_HEAD_LEN + 100_000 + header_len;
        let others = io.memory().clone();
        let charge = others.charge(others.free()).unwrap();
        kernel.arrive(&stream[..come]);
        (0..3).for_each(|_| {
            io.begin();
            io.may_draw = true;
            link.respond(Ready::READABLE, &mut io);
            assert!(link.split().0.next().is_none());
            link.keep_body_apart(begun_piece);
            link.settle();
        });
        assert_eq!(link.body_head(), Some((&RingHead::More, 100_000)));
        assert!(!link.extend_body(begun_piece));
        let mut joined = link.leave_body().unwrap().1;
        link.settle();
        // Some bytes of a header have no place of their own where there is no memory.
        assert_eq!(io.memory().used() - charge.len(), if header_len == 0 { 0 } else { BUFFER_LEN });
        kernel.arrive(&stream[come..]);
        while joined.len() < sent.len() {
            io.begin();
            io.may_draw = true;
            link.respond(Ready::READABLE, &mut io);
            for frame in link.split().0 {
                joined.extend(frame.unwrap().body);
            }
            link.settle();
        }
        assert!(joined == sent);
        drop(charge);
        assert_eq!(io.memory().used(), 0);
    }
}

#[test]
fn the_end_within_pieces_is_an_error_once_wherever_it_comes() {
    let sent = body(200_000);
    let stream = cut(&sent, &[100_000, 100_000]);
    let piece_len = 100_000 + RING_HEAD_LEN;
    let cases = [
        ("within a piece", 80_000, 80_000 - RING_HEAD_LEN, piece_len),
        ("where it ends", piece_len, 100_000, piece_len),
        ("within the header behind it", piece_len + 2, 100_002, piece_len),
        ("behind that", piece_len + RING_HEAD_LEN, 100_000, 200_000),
    ];
    for (place, end, have, need) in cases {
        let (mut link, kernel, mut io) = open_with(RingFrames::new(2 * MIB));
        kernel.arrive(&stream[..end]);
        (0..4).for_each(|_| assert!(turn_of_pieces(&mut link, &mut io).is_empty()));
        kernel.has_ended.set(true);
        io.begin();
        assert_eq!(link.respond(Ready::READABLE, &mut io), Fire::Yes);
        assert_eq!(link.split().0.next(), Some(Err(FrameError::Truncated { have, need })), "{place}");
        assert!(link.split().0.next().is_none() && link.body_head().is_none());
        drop(link);
        assert_eq!(io.memory().used(), 0);
    }
}

/// What two protocols make of one message after the other, and how it is known that another frame belongs to the same.
trait Played {
    type Codec: Codec + 'static;
    fn codec() -> Self::Codec;
    fn encode(message: &[u8], below: &mut dyn FnMut(usize) -> usize) -> Vec<u8>;
    fn begun(decoder: &mut DecoderOf<Self>, input: &[u8]) -> Option<Begun<HeadOf<Self>>>;
    fn is_last(head: &HeadOf<Self>) -> bool;
}

type DecoderOf<P> = <<P as Played>::Codec as Codec>::Decoder;
type HeadOf<P> = <<P as Played>::Codec as Codec>::Head;

/// A message is a frame.
struct Whole;

impl Played for Whole {
    type Codec = LengthPrefix;

    fn codec() -> LengthPrefix {
        LengthPrefix::new(2 * MIB)
    }

    fn encode(message: &[u8], _: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
        frame(message)
    }

    fn begun(decoder: &mut LengthPrefixDecoder, input: &[u8]) -> Option<Begun<()>> {
        begun(decoder, input)
    }

    fn is_last(_: &()) -> bool {
        true
    }
}

/// A message is cut into frames.
struct Cut;

impl Played for Cut {
    type Codec = RingFrames;

    fn codec() -> RingFrames {
        RingFrames::new(2 * MIB)
    }

    fn encode(message: &[u8], below: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
        let longest = [1, 3000, BUFFER_LEN, 200_000][below(4)] + BUFFER_LEN / 2;
        let lens: Vec<usize> =
            (0..1 + below(6)).map(|_| below(longest) * usize::from(below(4) > 0)).collect();
        cut(message, &lens)
    }

    fn begun(decoder: &mut RingFramesDecoder, input: &[u8]) -> Option<Begun<RingHead>> {
        begun_piece(decoder, input)
    }

    fn is_last(head: &RingHead) -> bool {
        *head == RingHead::Last
    }
}

fn is_of_whole_frames<C: Codec>(codec: C, mut stream: &[u8]) -> bool {
    let mut decoder = codec.halves().0;
    while !stream.is_empty() {
        match decoder.decode(stream).unwrap() {
            Step::Frame { used, .. } => stream = &stream[used..],
            Step::Skip { .. } | Step::More(_) => return false,
        }
    }
    true
}

#[test]
fn in_whatever_pieces_they_come_the_same_frames_are_taken() {
    the_same_messages_are_taken::<Whole>();
}

#[test]
fn in_whatever_frames_they_are_cut_and_pieces_they_come_the_same_messages_are_taken() {
    the_same_messages_are_taken::<Cut>();
}

/// Messages of many lengths in pieces of many more, taken in all ways or put back, and the end wherever it comes.
fn the_same_messages_are_taken<P: Played>() {
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let mut extended = 0;
    for round in 0..60 {
        let (mut link, kernel, mut io) = open_with(P::codec());
        let (mut bodies, mut stream, mut ends) = (VecDeque::new(), Vec::new(), Vec::new());
        for _ in 0..8 {
            let len = [0, 10, 5000, BUFFER_LEN - 1, BUFFER_LEN, BUFFER_LEN + 5, 300_000][below(7)];
            let body = body(len + below(3));
            stream.extend(P::encode(&body, &mut below));
            bodies.push_back(body);
            ends.push(stream.len());
        }
        let (end, longest) = (below(stream.len() + 1), [20, 3000, 100_000, MIB][below(4)]);
        let end = if round % 2 == 0 { stream.len() } else { end };
        let mut rest = &stream[..end];
        let (mut errors, mut joined, mut taken_count) = (0, Vec::new(), 0);
        while errors == 0 {
            let (piece, behind) = rest.split_at(rest.len().min(1 + below(longest.max(end / 500))));
            kernel.arrive(piece);
            rest = behind;
            kernel.has_ended.set(rest.is_empty());
            // Now and then there is nothing but what is set aside for it.
            let others = io.memory().clone();
            let charge = (below(3) == 0).then(|| others.charge(others.free()));
            io.begin();
            io.may_draw = true;
            link.respond(Ready::READABLE, &mut io);
            let mut take = |joined: &mut Vec<u8>, is_last: bool| {
                if is_last {
                    assert!(bodies.pop_front() == Some(std::mem::take(joined)), "{round}");
                    taken_count += 1;
                }
            };
            loop {
                match link.body_head().map(|(head, _)| P::is_last(head)) {
                    Some(false) if below(8) > 0 && link.extend_body(P::begun) => {
                        extended += 1;
                        continue;
                    }
                    Some(false) => joined.extend(link.leave_body().unwrap().1),
                    Some(true) if below(2) == 0 => {
                        joined.extend(link.take_body().unwrap().1);
                        take(&mut joined, true);
                    }
                    _ => {}
                }
                let mut frames = link.split().0;
                match frames.next() {
                    None => break,
                    Some(Err(_)) => errors += 1,
                    Some(Ok(_)) if below(4) == 0 => frames.put_back(),
                    Some(Ok(frame)) => {
                        joined.extend(frame.body);
                        take(&mut joined, P::is_last(&frame.head));
                    }
                }
            }
            if joined.is_empty() {
                link.keep_body_apart(P::begun);
            }
            link.settle();
            drop(charge);
            if link.state() == State::Ended && kernel.arrived.borrow().is_empty() {
                break;
            }
        }
        let expected = ends.iter().filter(|&&message_end| message_end <= end).count();
        assert_eq!(taken_count, expected, "{round}");
        match errors {
            0 => assert!(is_of_whole_frames(P::codec(), &stream[..end]), "{round}: the rest is no frame"),
            _ => assert!(end > 0 && !ends.contains(&end), "{round}: the rest is no message"),
        }
        drop(link);
        assert_eq!(io.memory().used(), 0, "{round}");
    }
    assert!(extended > 20 || std::mem::size_of::<HeadOf<P>>() == 0, "{extended}");
}
