//! One end of a connection as its owner has it, without the connection: [`End`], a [`Session`] between the two halves of a [`Wire`].
#![allow(dead_code)] // the fuzz target includes this too, and has no use for what only tests say

use std::sync::Arc;
use std::time::Instant;

use ringmq::codec::{Affixes, Codec, Decoder, Encoder, Step};
use ringmq::mq::{Input, Local, Session, SessionError, Wire, WireDecoder, WireEncoder, WireHead};

/// The longest part that an end takes.
pub const PART_MAX: usize = 1 << 21;

/// What an owner makes of an [`Input`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    Joined,
    Part { bytes: Vec<u8>, is_last: bool },
    Subscription { prefix: Vec<u8>, is_on: bool },
}

pub struct End {
    pub session: Session,
    decoder: WireDecoder,
    encoder: WireEncoder,
    /// What has come and is no whole frame yet.
    waiting: Vec<u8>,
    /// What has come of the frames.
    pub heard: Vec<Heard>,
    /// All that the session has prepared and that was said.
    pub said: Vec<(WireHead, Vec<u8>)>,
    /// After it nothing is heard any more.
    pub error: Option<SessionError>,
}

impl End {
    pub fn new(local: Local, now: Instant) -> End {
        End::bounded(local, PART_MAX, now)
    }

    pub fn bounded(local: Local, max: usize, now: Instant) -> End {
        let (decoder, encoder) = Wire::new(local.dialect, max).halves();
        let session = Session::new(Arc::new(local), now);
        let heard = session.peer().map(|_| Heard::Joined).into_iter().collect();
        End { session, decoder, encoder, waiting: Vec::new(), heard, said: Vec::new(), error: None }
    }

    /// Bytes of the peer have come.
    pub fn hear(&mut self, bytes: &[u8], now: Instant) {
        self.waiting.extend_from_slice(bytes);
        let mut done = 0;
        while self.error.is_none() && done < self.waiting.len() {
            match self.decoder.decode(&self.waiting[done..]) {
                Ok(Step::Frame { head, body, used }) => {
                    let had_peer = self.session.peer().is_some();
                    let input = self.session.received(head, &self.waiting[done..][body], now);
                    // As an owner that treats both protocols alike: who joins is asked, not what came of the frame.
                    if !had_peer && input.is_ok() && self.session.peer().is_some() {
                        self.heard.push(Heard::Joined);
                    }
                    match input {
                        Ok(input) => self.heard.extend(heard(input)),
                        Err(error) => self.error = Some(error),
                    }
                    done += used;
                }
                Ok(Step::Skip { .. }) => panic!("nothing is skipped"),
                Ok(Step::More(_)) => break,
                Err(error) => self.error = Some(error.into()),
            }
        }
        self.waiting.drain(..done);
        if let Some(spoken) = self.decoder.spoken() {
            self.session.has_begun(spoken, now);
        }
    }

    /// The peer is gone.
    pub fn hear_end(&mut self) {
        if self.error.is_none() {
            self.error = self.decoder.finish(&self.waiting).err().map(SessionError::from);
        }
    }

    /// What the session wants to be sent.
    pub fn say(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some((head, body)) = self.session.take_output() {
            self.write(&mut bytes, head, &body);
            self.said.push((head, body));
        }
        bytes
    }

    /// What the session wants to be sent, and a message.
    pub fn send(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.say();
        for (at, part) in parts.iter().enumerate() {
            let head = self.session.part_head(at + 1 == parts.len());
            self.write(&mut bytes, head, part);
        }
        bytes
    }

    fn write(&mut self, bytes: &mut Vec<u8>, head: WireHead, body: &[u8]) {
        let mut affixes = Affixes::new();
        self.encoder.encode(head, body.len(), &mut affixes).expect("a frame that can be sent");
        bytes.extend_from_slice(affixes.before());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(affixes.after());
    }

    /// What was heard, and why no more: `"a"+` is a part that others follow.
    pub fn story(&self) -> String {
        let heard = self.heard.iter().map(|heard| match heard {
            Heard::Joined => "joined".to_string(),
            Heard::Part { bytes, is_last } => {
                format!("\"{}\"{}", bytes.escape_ascii(), if *is_last { "" } else { "+" })
            }
            Heard::Subscription { prefix, is_on } => {
                format!("{} \"{}\"", if *is_on { "on" } else { "off" }, prefix.escape_ascii())
            }
        });
        let error = self.error.iter().map(|error| format!("error: {error}"));
        heard.chain(error).collect::<Vec<_>>().join(", ")
    }
}

/// Nothing of being ready: who has joined is asked otherwise.
fn heard(input: Input<'_>) -> Option<Heard> {
    match input {
        Input::Nothing | Input::Ready => None,
        Input::Part { bytes, is_last } => Some(Heard::Part { bytes: bytes.to_vec(), is_last }),
        Input::Subscription { prefix, is_on } => Some(Heard::Subscription { prefix: prefix.to_vec(), is_on }),
    }
}
