//! The recorded traffic of the original RingMQ, all of it: each direction is read as it was meant, in whatever pieces it comes, and written
//! again to the same bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::{laws, measure, wire};
use ringmq::codec::{Affixes, Codec, Decoder, Encoder, RingFrames, RingHead, RingJoiner, Step};

/// Above any message in the recordings.
const MAX: usize = 1 << 23;

/// Up to this length a stream is cut at every place.
const SHORT: usize = 300_000;

fn decoder() -> impl Decoder<Head = RingHead> {
    RingFrames::new(RingFrames::BODY_MAX).halves().0
}

/// One direction of a recording.
struct Side {
    name: String,
    bytes: Vec<u8>,
    /// What the recording says of each frame, such as `flags=01 MORE length=131072 (body 131067) sha256(body)=8c99d0c30b89f91d..`.
    notes: Vec<String>,
    /// The messages as the first line of the recording has them: how many, and of how many bytes each.
    messages: (usize, usize),
}

fn sides() -> Vec<Side> {
    let recordings = wire::names("ring-").into_iter().map(|name| (wire::recording(&name), name));
    recordings
        .flat_map(|(recording, name)| {
            let side = |from: &str, bytes: Vec<u8>| {
                let prefix = format!("{from} frame ");
                let notes = recording.comments.iter().filter_map(|comment| comment.strip_prefix(&prefix));
                let messages = messages(&recording.comments[0]);
                let notes = notes.map(str::to_string).collect();
                // A PULLER sends nothing.
                let messages = if bytes.is_empty() { (0, 0) } else { messages };
                Side { name: format!("{name} {from}"), bytes, notes, messages }
            };
            [side("C>S", recording.connector.clone()), side("S>C", recording.binder.clone())]
        })
        .collect()
}

/// Of `Ring PUSHER to PULLER, 3 message(s) of 1 bytes; ...`: 3 and 1.
fn messages(comment: &str) -> (usize, usize) {
    let words: Vec<_> = comment.split(' ').collect();
    let at = words.iter().position(|word| *word == "message(s)").expect("a line that tells the messages");
    (words[at - 1].parse().expect("how many"), words[at + 2].parse().expect("how long"))
}

/// Each stream that was recorded, once: a reply repeats its request.
fn streams() -> Vec<(String, Vec<u8>)> {
    let by_bytes: BTreeMap<_, _> = sides().into_iter().map(|side| (side.bytes, side.name)).collect();
    assert_eq!(by_bytes.len(), 9, "eight conversations, and the silence of a PULLER");
    by_bytes.into_iter().map(|(bytes, name)| (name, bytes)).collect()
}

#[test]
fn every_frame_is_what_the_recording_says() {
    for Side { name, bytes, notes, .. } in sides() {
        let transcript = laws::read(decoder(), [&bytes[..]]);
        assert_eq!(transcript.end, Ok(()), "{name}");
        let found: Vec<_> = transcript.frames.iter().map(|(head, body)| note(*head, body)).collect();
        assert_eq!(found, notes, "{name}");
    }
}

/// A frame in the words of the recordings.
fn note(head: RingHead, body: &[u8]) -> String {
    let flags = match head {
        RingHead::More => "01 MORE",
        RingHead::Last => "00",
    };
    let measured = measure(body);
    let hash = measured.rsplit(' ').next().expect("a hash");
    format!("flags={flags} length={} (body {}) sha256(body)={}..", body.len() + 5, body.len(), &hash[..16])
}

#[test]
fn every_message_is_what_was_sent() {
    for Side { name, bytes, messages: (count, len), .. } in sides() {
        let messages = join(&bytes);
        assert_eq!(messages.len(), count, "{name}");
        for (i, message) in messages.iter().enumerate() {
            let sent: Vec<_> = (0..len).map(|j| ((i + j) % 251) as u8).collect();
            assert!(*message == sent, "message {i} of {name}, {} bytes", message.len());
        }
    }
}

/// The messages of a stream.
fn join(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut joiner = RingJoiner::new(MAX);
    let frames = laws::read(decoder(), [stream]).frames;
    let push = |(head, body): &(_, Vec<u8>)| {
        joiner.push(*head, body).expect("within the maximum").map(Cow::into_owned)
    };
    let messages = frames.iter().filter_map(push).collect();
    assert_eq!(joiner.finish(), Ok(()));
    messages
}

#[test]
fn every_message_is_written_as_the_original_wrote_it() {
    for (name, stream) in streams() {
        let mut encoder = RingFrames::new(RingFrames::BODY_MAX).halves().1;
        let (mut affixes, mut encoded) = (Affixes::new(), Vec::new());
        for message in join(&stream) {
            for (head, body) in RingFrames::split(message.len()) {
                encoder.encode(head, body.len(), &mut affixes).expect("a frame in order");
                encoded.extend_from_slice(affixes.before());
                encoded.extend_from_slice(&message[body]);
                encoded.extend_from_slice(affixes.after());
            }
        }
        assert!(encoded == stream, "{name}: {} bytes", encoded.len());
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_gives_the_same_frames() {
    for (name, stream) in streams() {
        let whole = laws::read(decoder(), [&stream[..]]);
        assert!(laws::read(decoder(), stream.chunks(1)) == whole, "{name}");
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_the_same_frames() {
    for (name, stream) in streams() {
        let whole = places(&stream, &[stream.len()]);
        for cut in cuts(&stream, &whole) {
            assert_eq!(places(&stream, &[cut, stream.len()]), whole, "cut at {cut}: {name}");
        }
    }
}

/// Every place of a short stream; of a long one every place in and around a header, and a thousand between.
fn cuts(stream: &[u8], frames: &[(RingHead, Range<usize>)]) -> BTreeSet<usize> {
    let step = if stream.len() <= SHORT { 1 } else { stream.len() / 1000 };
    let mut cuts: BTreeSet<_> = (0..=stream.len()).step_by(step).collect();
    for (_, body) in frames {
        cuts.extend(body.start.saturating_sub(20)..stream.len().min(body.start + 20));
        cuts.extend(body.end - 1..=body.end);
    }
    cuts
}

/// Where in the stream the bodies lie that are found when it is there up to each of `ends` in turn. Copies nothing.
fn places(stream: &[u8], ends: &[usize]) -> Vec<(RingHead, Range<usize>)> {
    let mut decoder = decoder();
    let (mut places, mut done) = (Vec::new(), 0);
    for end in ends {
        while let Step::Frame { head, body, used } =
            decoder.decode(&stream[done..*end]).expect("frames in order")
        {
            places.push((head, done + body.start..done + body.end));
            done += used;
        }
    }
    assert_eq!(decoder.finish(&stream[done..]), Ok(()));
    places
}
