//! A whole side of a ZMTP conversation, made up from the input, comes out as it went in, in whatever pieces it arrives.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | bits 0 and 1: the mechanism; bit 2: as-server |
//! | bytes 1 and 2 | the stream arrives in pieces of as many bytes, in turn |
//! | then, over and over | a byte that says what to send, and what that takes: see [`Sent::take`] |

use std::time::Duration;

use ringmq::codec::zmtp::{Command, FrameKind, Greeting, Mechanism, Properties, ZmtpFrames};
use ringmq::codec::{Codec, Step};

use super::laws;
use super::pieces::cut;

/// More than any frame has that can be made up here.
const MAX: usize = 1 << 16;

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [greeting, first, second, rest @ ..] = data else { return };
    let greeting = made_up_greeting(*greeting);
    let mut input = Input { rest };
    let mut sent = Vec::new();
    while let Some(one) = Sent::take(&mut input) {
        sent.push(one);
    }
    let frames: Vec<_> = sent.iter().map(Sent::frame).collect();

    let codec = ZmtpFrames::new(MAX);
    let mut stream = greeting.encode().to_vec();
    stream.extend(laws::encode(codec.halves().1, &frames).expect("within the maximum"));

    let behind = match Greeting::decode(&stream) {
        Ok(Step::Frame { head, used, .. }) => {
            assert_eq!(head, greeting);
            &stream[used..]
        }
        other => panic!("{other:?} where a greeting is"),
    };
    let found = laws::read(codec.halves().0, cut(behind, &[*first, *second]));
    assert_eq!((&found.frames, &found.end), (&frames, &Ok(())));
    for (sent, (kind, body)) in sent.iter().zip(&found.frames) {
        sent.is_read_from(*kind, body);
    }
    if behind.len() <= SHORT {
        laws::any_split_gives_the_same(|| codec.halves().0, behind);
        laws::ends_cleanly_only_between_frames(|| codec.halves().0, behind);
    }
}

fn made_up_greeting(byte: u8) -> Greeting {
    let other = Mechanism::new(b"GSSAPI").expect("a name in order");
    let mechanism = [Mechanism::NULL, Mechanism::PLAIN, Mechanism::CURVE, other][usize::from(byte & 3)];
    Greeting::new(mechanism, byte & 4 != 0)
}

/// What is left of the input.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// As many bytes as the next one says, or what there is of them.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()?).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        Some(bytes)
    }
}

/// What one side sends as one frame.
enum Sent<'a> {
    Part { kind: FrameKind, body: Vec<u8> },
    Ready { list: Vec<u8>, pairs: Vec<(&'a [u8], &'a [u8])> },
    Command(Command<'a>),
}

impl<'a> Sent<'a> {
    /// The next one that the input has; `None` at its end.
    fn take(input: &mut Input<'a>) -> Option<Sent<'a>> {
        Some(match input.byte()? % 10 {
            0 => Sent::Part { kind: FrameKind::Last, body: input.bytes()?.to_vec() },
            1 => Sent::Part { kind: FrameKind::More, body: input.bytes()?.to_vec() },
            2 => {
                // Around 256 bytes, where the form of a frame changes, and far beyond.
                let (kind, len) = (input.byte()?, usize::from(input.byte()?));
                let kind = if kind % 2 == 0 { FrameKind::Last } else { FrameKind::More };
                let len = if len < 128 { 192 + len } else { len * 16 };
                Sent::Part { kind, body: (0..len).map(|i| i as u8).collect() }
            }
            3 => Sent::take_ready(input)?,
            4 => Sent::Command(Command::Error { reason: input.bytes()? }),
            5 => Sent::Command(Command::Subscribe { prefix: input.bytes()? }),
            6 => Sent::Command(Command::Cancel { prefix: input.bytes()? }),
            7 => {
                let tenths = u64::from(input.byte()?) << 8 | u64::from(input.byte()?);
                let context = input.bytes()?;
                let context = &context[..context.len().min(16)];
                Sent::Command(Command::Ping { ttl: Duration::from_millis(tenths * 100), context })
            }
            8 => {
                let context = input.bytes()?;
                Sent::Command(Command::Pong { context: &context[..context.len().min(16)] })
            }
            _ => {
                let (name, data) = (input.bytes()?, input.bytes()?);
                let known: [&[u8]; 6] = [b"READY", b"ERROR", b"SUBSCRIBE", b"CANCEL", b"PING", b"PONG"];
                let name = if name.is_empty() || known.contains(&name) { b"WELCOME" } else { name };
                Sent::Command(Command::Other { name, data })
            }
        })
    }

    fn take_ready(input: &mut Input<'a>) -> Option<Sent<'a>> {
        let (mut list, mut pairs) = (Vec::new(), Vec::new());
        for _ in 0..input.byte()? % 4 {
            let (name, value) = (input.bytes()?, input.bytes()?);
            // A name that is not in order is left out, and nothing of it written.
            if Properties::write(&mut list, name, value).is_ok() {
                pairs.push((name, value));
            }
        }
        Some(Sent::Ready { list, pairs })
    }

    fn frame(&self) -> (FrameKind, Vec<u8>) {
        let mut body = Vec::new();
        match self {
            Sent::Part { kind, body } => return (*kind, body.clone()),
            Sent::Ready { list, .. } => {
                let properties = Properties::parse(list).expect("what was written is in order");
                Command::Ready(properties).write(&mut body).expect("any list fits");
            }
            Sent::Command(command) => command.write(&mut body).expect("each part is within its limits"),
        }
        (FrameKind::Command, body)
    }

    fn is_read_from(&self, kind: FrameKind, body: &[u8]) {
        match self {
            Sent::Part { .. } => assert_ne!(kind, FrameKind::Command),
            Sent::Ready { pairs, .. } => match Command::parse(body) {
                Ok(Command::Ready(properties)) => assert!(properties.eq(pairs.iter().copied()), "{pairs:?}"),
                other => panic!("{other:?} where a READY is"),
            },
            Sent::Command(command) => assert_eq!(Command::parse(body), Ok(*command)),
        }
    }
}
