//! The recorded traffic of real peers, all of it: what libzmq and hand-written peers have sent to each other is read as it was meant.

mod odd;

use std::collections::BTreeSet;

use crate::{laws, wire};
use ringmq::codec::zmtp::{Command, FrameKind, Greeting, ZmtpFrames};
use ringmq::codec::{Codec, Decoder, Step};

/// Above any frame in the recordings but the absurd ones.
pub const MAX: usize = 1 << 21;

/// Up to this length a stream is cut at every place.
const SHORT: usize = 6000;

/// Where the peer that connects sends one small frame in the long form, which is legal, and which the encoder never does.
const LONGER_THAN_NEEDED: [&str; 2] = ["zmtp-odd-long-small", "zmtp-odd-ready-long"];

/// One direction of a recording.
pub struct Side {
    pub name: String,
    pub from: &'static str,
    pub bytes: Vec<u8>,
    /// What the recording says of each frame, such as `command flags=04 length=6 READY {}`, or nothing of some of very many.
    notes: Vec<String>,
}

impl Side {
    /// What follows the greeting; `None` if there is no whole one.
    pub fn frames(&self) -> Option<&[u8]> {
        self.greeting().map(|_| &self.bytes[64..])
    }

    pub fn greeting(&self) -> Option<Greeting> {
        match Greeting::decode(&self.bytes) {
            Ok(Step::Frame { head, .. }) => Some(head),
            _ => None,
        }
    }

    pub fn transcript(&self) -> laws::Transcript<FrameKind> {
        laws::read(decoder(), [self.frames().expect("a greeting")])
    }
}

fn decoder() -> impl Decoder<Head = FrameKind> {
    ZmtpFrames::new(MAX).halves().0
}

fn sides(prefix: &str) -> Vec<Side> {
    wire::names(prefix).iter().flat_map(|name| ["C>S", "S>C"].map(|from| side(name, from))).collect()
}

pub fn side(name: &str, from: &'static str) -> Side {
    let recording = wire::recording(name);
    let mut notes = Vec::new();
    for note in recording.comments.iter().filter_map(|comment| comment.strip_prefix(from)) {
        if let Some(count) = note.trim().strip_prefix(".. ").and_then(|note| note.strip_suffix(" more ..")) {
            notes.resize(notes.len() + count.parse::<usize>().expect("a number"), String::new());
        } else if note.contains(" flags=") {
            notes.push(note.trim().to_string());
        }
    }
    let bytes = if from == "C>S" { recording.connector } else { recording.binder };
    Side { name: name.to_string(), from, bytes, notes }
}

pub fn commands(side: &Side) -> Vec<Vec<u8>> {
    let frames = side.transcript().frames.into_iter();
    frames.filter(|(kind, _)| *kind == FrameKind::Command).map(|(_, body)| body).collect()
}

#[test]
fn any_split_of_a_greeting_gives_the_same() {
    for Side { name, from, bytes, .. } in sides("zmtp-") {
        let whole = Greeting::decode(&bytes);
        let mut announced = 0;
        for have in 0..=bytes.len().min(100) {
            match Greeting::decode(&bytes[..have]) {
                Ok(Step::More(n)) => announced = have + n,
                answer => {
                    assert_eq!(answer, whole, "{have} bytes of {name} {from}");
                    assert!(have >= announced, "{announced} bytes were announced, {name} {from}");
                }
            }
        }
        assert!(announced >= 1, "{name} {from}");
    }
}

#[test]
fn any_split_of_the_frames_gives_the_same() {
    let mut count = 0;
    for side in sides("zmtp-") {
        let Some(stream) = side.frames() else { continue };
        count += 1;
        if stream.len() <= SHORT {
            let transcript = laws::any_split_gives_the_same(decoder, stream);
            if transcript.end.is_ok() {
                laws::ends_cleanly_only_between_frames(decoder, stream);
            }
            continue;
        }
        let whole = laws::read(decoder(), [stream]);
        assert_eq!(laws::read(decoder(), stream.chunks(1)), whole, "byte by byte: {}", side.name);
        for cut in dense_cuts(stream) {
            let (first, second) = stream.split_at(cut);
            assert_eq!(laws::read(decoder(), [first, second]), whole, "cut at {cut}: {}", side.name);
        }
    }
    assert!(count > 100, "only {count} sides have frames");
}

/// Every place in and around a header, and some in between.
fn dense_cuts(stream: &[u8]) -> BTreeSet<usize> {
    let mut cuts: BTreeSet<_> = (0..stream.len()).step_by(stream.len() / 50 + 1).collect();
    let (mut decoder, mut start) = (decoder(), 0_usize);
    loop {
        cuts.extend(start.saturating_sub(2)..=(start + 12).min(stream.len()));
        match decoder.decode(&stream[start..]) {
            Ok(Step::Frame { used, .. }) => start += used,
            _ => return cuts,
        }
    }
}

/// The notes were made by another decoder, when the traffic was recorded.
#[test]
fn the_frames_are_those_of_the_notes() {
    let mut count = 0;
    for side in sides("zmtp-") {
        let Some(stream) = side.frames() else { continue };
        let transcript = side.transcript();
        let notes = side.notes.iter().filter(|note| !note.contains(" bytes came"));
        if transcript.end.is_ok() {
            assert_eq!(transcript.frames.len(), notes.clone().count(), "{} {}", side.name, side.from);
        }
        let mut start = 0;
        for ((kind, body), note) in transcript.frames.iter().zip(notes) {
            let flags = stream[start];
            start += body.len() + if flags & 2 == 0 { 2 } else { 9 };
            if note.is_empty() {
                continue;
            }
            let expected = format!("flags={flags:02x}");
            assert!(note.contains(&expected), "{expected} where {note} is: {}", side.name);
            let expected = format!("length={} ", body.len());
            assert!(format!("{note} ").contains(&expected), "{expected} where {note} is: {}", side.name);
            let is_noted = [FrameKind::Command, FrameKind::More].map(|kind| note.contains(word(kind)));
            assert_eq!([FrameKind::Command, FrameKind::More].map(|one| one == *kind), is_noted, "{note}");
            count += 1;
        }
    }
    assert!(count > 400, "only {count} frames");
}

fn word(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Command => "command ",
        FrameKind::More => " MORE ",
        FrameKind::Last => "message ",
    }
}

#[test]
fn the_commands_are_those_of_the_notes() {
    let mut count = 0;
    for side in sides("zmtp-").iter().filter(|side| side.frames().is_some()) {
        let notes = side.notes.iter().filter(|note| note.starts_with("command "));
        for (body, note) in commands(side).iter().zip(notes) {
            // A long one is cut in the notes, and the decoder that made them had no mercy with libzmq's spelling.
            let is_legible = !note.contains("..(") && !note.contains("MALFORMED");
            if let (Ok(command), true) = (Command::parse(body), is_legible) {
                let said = said(command);
                assert!(note.trim().ends_with(said.trim()), "{said} where {note} is: {}", side.name);
                count += 1;
            }
        }
    }
    assert!(count > 150, "only {count} commands");
}

/// A command as the notes put it.
fn said(command: Command<'_>) -> String {
    let text = |bytes: &[u8]| {
        if bytes.starts_with(&[0]) {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        } else {
            format!("\"{}\"", bytes.escape_ascii())
        }
    };
    let text_or_nothing = |bytes: &[u8]| if bytes.is_empty() { String::new() } else { text(bytes) };
    match command {
        Command::Ready(properties) => {
            let pairs = properties.map(|(name, value)| format!("{}={}", name.escape_ascii(), text(value)));
            format!("READY {{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Command::Error { reason } => format!("reason={}", text(reason)),
        Command::Subscribe { prefix } => format!("SUBSCRIBE {}", text_or_nothing(prefix)),
        Command::Cancel { prefix } => format!("CANCEL {}", text_or_nothing(prefix)),
        Command::Ping { ttl, context } => format!("PING ttl={} ctx={}", ttl.as_millis() / 100, text(context)),
        Command::Pong { context } => format!("PONG {}", text_or_nothing(context)),
        _ => String::new(),
    }
}

#[test]
fn the_same_frames_are_encoded_to_the_same_bytes() {
    for side in sides("zmtp-") {
        let Some(stream) = side.frames() else { continue };
        let transcript = side.transcript();
        let encoded = laws::encode(ZmtpFrames::new(MAX).halves().1, &transcript.frames).expect("received");
        if LONGER_THAN_NEEDED.contains(&&side.name[..]) && side.from == "C>S" {
            assert_eq!(encoded.len(), stream.len() - 7, "one long header is a short one now: {}", side.name);
            laws::round_trip(|| ZmtpFrames::new(MAX), &transcript.frames);
        } else {
            assert!(stream.starts_with(&encoded), "{} {}", side.name, side.from);
            assert!(transcript.end.is_err() || stream.len() == encoded.len(), "{}", side.name);
        }
    }
}

#[test]
fn the_same_commands_are_written_to_the_same_bytes() {
    let mut count = 0;
    for side in sides("zmtp-").iter().filter(|side| side.frames().is_some()) {
        for body in commands(side) {
            if let Ok(command) = Command::parse(&body) {
                let mut written = Vec::new();
                command.write(&mut written).expect("what was read can be written");
                let is_misspelt = side.name == "zmtp-plain-fail" && side.from == "S>C" && body[0] == 0x5e;
                let expected = if is_misspelt { b"\x05ERROR\x03400" } else { &body[..] };
                assert_eq!(written, expected, "{} {}", side.name, side.from);
                count += 1;
            }
        }
    }
    assert!(count > 150, "only {count} commands");
}

#[test]
fn the_greeting_of_libzmq_is_encoded_to_the_same_bytes() {
    let (mut without_id, mut count) = (0, 0);
    for side in sides("zmtp-") {
        let Some(greeting) = side.greeting() else { continue };
        if ["zmtp-odd-padding", "zmtp-odd-garbage-ff"].contains(&&side.name[..]) && side.from == "C>S" {
            continue; // filler and signature are another's there
        }
        // The padding holds the length of libzmq's routing id and one more, or nothing if it is not libzmq.
        assert_eq!(greeting.encode()[9..], side.bytes[9..64], "{} {}", side.name, side.from);
        if side.bytes[..9] == *b"\xff\0\0\0\0\0\0\0\x01" {
            assert_eq!(greeting.encode(), side.bytes[..64]);
            without_id += 1;
        }
        count += 1;
    }
    assert!(without_id > 50 && count > without_id, "{without_id} of {count}");
}

#[test]
fn every_recording_but_these_is_in_order() {
    let not_in_order: BTreeSet<_> = sides("zmtp-")
        .iter()
        .filter(|side| match side.frames() {
            Some(_) => {
                side.transcript().end.is_err()
                    || commands(side).iter().any(|body| Command::parse(body).is_err())
            }
            // A side that came no further than part of a greeting, which its peer did not like.
            None => Greeting::decode(&side.bytes).is_err(),
        })
        .map(|side| format!("{} {}", side.name.trim_start_matches("zmtp-odd-"), side.from))
        .collect();
    let expected = [
        "cmd-empty C>S",
        "cmd-malformed C>S",
        "cmd-more C>S",
        "even-tenth C>S",
        "http C>S",
        "huge-length C>S",
        "ping-ctx-long C>S",
        "ready-truncated C>S",
        "reserved-flags C>S",
        "top-bit-length C>S",
        "zmtp10 C>S",
        "zmtp20 C>S",
        "zmtp2x C>S",
    ];
    assert_eq!(not_in_order, expected.map(String::from).into());
}
