//! Messages that are cut into frames of RingMQ, encoded, sent in whatever pieces, decoded and joined come out as they went in.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | how many of the following bytes are lengths of pieces: the low three bits, and one more |
//! | so many bytes | the stream arrives in pieces of as many bytes, in turn, or of as many [`UNIT`]s if it is long |
//! | then, over and over | a message: see [`take_message`] |

use std::borrow::Cow;

use ringmq::codec::{Affixes, Codec, Decoder, Encoder, RingFrames, RingHead, RingJoiner, Step};

use super::laws;
use super::pieces::cut_into_units;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// A stream above this is long: it has a message of about 128 KiB or several times that.
const LONG: usize = 1 << 16;

/// Of so many bytes are the pieces of a long stream. 510 of them end two bytes before a full frame does, 1020 four before the next one.
const UNIT: usize = 257;

/// So many long messages at most, since each takes a while.
const LONG_COUNT_MAX: usize = 2;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let (lens, rest) = rest.split_at(rest.len().min(usize::from(count % 8) + 1));
    let messages = take_messages(rest);

    let stream = encode(&messages);
    let unit = if stream.len() > LONG { UNIT } else { 1 };
    let pieces = cut_into_units(&stream, lens, unit);
    let max = messages.iter().map(Vec::len).max().unwrap_or(0);
    assert!(decode(&pieces, max) == messages, "{} messages in {} pieces", messages.len(), pieces.len());

    if stream.len() <= SHORT {
        let decoder = || RingFrames::new(RingFrames::BODY_MAX).halves().0;
        laws::any_split_gives_the_same(decoder, &stream);
        laws::ends_cleanly_only_between_frames(decoder, &stream);
    }
}

fn take_messages(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut long_count = 0;
    while let Some(message) = take_message(&mut rest) {
        long_count += usize::from(message.len() > LONG);
        if long_count > LONG_COUNT_MAX {
            break;
        }
        messages.push(message);
    }
    messages
}

/// A byte below 240 is the length of a message less one, whose bytes follow, or what there is of them. Of one above, the low four bits
/// are a place around a multiple of the longest body, and the bytes are made up from the next one.
fn take_message(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (&first, after) = rest.split_first()?;
    if first < 240 {
        let (body, after) = after.split_at(after.len().min(usize::from(first) + 1));
        *rest = after;
        // An empty one cannot be sent.
        return Some(body.to_vec()).filter(|body| !body.is_empty());
    }
    let (&seed, after) = after.split_first()?;
    *rest = after;
    let place = usize::from(first & 15);
    let len = (place / 5 + 1) * RingFrames::BODY_MAX + place % 5 - 2;
    Some((0..len).map(|i| (i % 251) as u8 ^ seed).collect())
}

fn encode(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = RingFrames::new(RingFrames::BODY_MAX).halves().1;
    let (mut affixes, mut stream) = (Affixes::new(), Vec::new());
    for message in messages {
        let split = RingFrames::split(message.len());
        assert_eq!(split.len(), (message.len() - 1) / RingFrames::BODY_MAX + 1, "frames");
        for (head, body) in split {
            encoder.encode(head, body.len(), &mut affixes).expect("a frame in order");
            stream.extend_from_slice(affixes.before());
            stream.extend_from_slice(&message[body]);
            stream.extend_from_slice(affixes.after());
        }
    }
    stream
}

fn decode(pieces: &[&[u8]], max: usize) -> Vec<Vec<u8>> {
    let mut decoder = RingFrames::new(RingFrames::BODY_MAX).halves().0;
    let mut joiner = RingJoiner::new(max);
    let (mut waiting, mut messages) = (Vec::new(), Vec::new());
    for piece in pieces {
        waiting.extend_from_slice(piece);
        let mut done = 0;
        while let Step::Frame { head, body, used } =
            decoder.decode(&waiting[done..]).expect("frames in order")
        {
            let message = joiner.push(head, &waiting[done..][body]).expect("within the maximum");
            assert_eq!(message.is_some(), head == RingHead::Last);
            messages.extend(message.map(Cow::into_owned));
            done += used;
        }
        waiting.drain(..done);
    }
    assert_eq!((decoder.finish(&waiting), joiner.finish(), joiner.held_len()), (Ok(()), Ok(()), 0));
    messages
}
