//! The application's side of a connection: a callback that does what the documentation asks of it and no more, and checks what it is told.

use std::collections::VecDeque;
use std::sync::Arc;

use ringmq::codec::{FrameError, LengthPrefix};
use ringmq::{Body, Context, Framed, Full, Id, SendError, State};

use super::transport::{check_budget, Troubled};

pub type Link = Framed<LengthPrefix, Troubled>;

/// The longest frame that is sent is this long: longer than a segment, and than a buffer.
pub const MAX: usize = 80_000;

/// What a header takes.
pub const HEADER_LEN: usize = 4;

/// So many refused messages are kept, to be sent when there is room.
const MOST_UNSENT: usize = 4;

/// What a callback does with the frames that it finds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Mode {
    /// Takes all.
    #[default]
    Take,
    /// Answers each with the same; one for whose answer there is no room goes back.
    Echo,
    /// Takes one and leaves the others.
    One,
    /// Looks at one and puts it back.
    PutBack,
    /// Does not look.
    Leave,
}

/// How the stream that a peer sends ends, once it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Clean,
    Truncated,
    TooLong,
}

/// A message that was refused, and how it is handed over.
pub struct Unsent {
    pub way: u8,
    pub body: Vec<u8>,
}

/// What the application has to do with a connection.
#[derive(Default)]
pub struct Side {
    pub mode: Mode,
    /// The most that can ever be charged for sending.
    pub sending_limit: usize,
    /// The frames that it has still to see, and how many bytes those take that it has seen.
    pub expected: VecDeque<Vec<u8>>,
    pub seen_len: usize,
    /// How what it reads will end, or has.
    pub end: Option<End>,
    /// The bytes that the peer has still to read.
    pub sent: VecDeque<u8>,
    /// What it sends when it is told of room, and whether it is to be told; and whether it has been, and its callback is to run for that.
    pub unsent: VecDeque<Unsent>,
    pub awaits_room: bool,
    pub is_told_of_room: bool,
    /// Whether it has left frames of its own accord, and so has to look again without being told.
    pub has_left_frames: bool,
    /// Whether it has asked for the end of what it sends.
    pub has_finished: bool,
    /// Whether the input of the fuzzer has broken the connection, so that something may be lost. It may fail for no other reason.
    pub is_lost: bool,
    /// What it has been told: that the peer has ended, that all is over, that the connection has failed, that what arrives is no frame.
    pub has_ended: bool,
    pub is_closed: bool,
    pub has_failed: bool,
    pub error: Option<FrameError>,
}

pub fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// What a callback does; the connection's number is that of its side.
pub fn see(number: usize, sides: &mut [Side], context: &mut Context<'_, Vec<Side>>, id: Id<Link>) {
    check_budget(&context.memory());
    let side = &mut sides[number];
    let link = context.get_mut(id).expect("a callback runs while its source is there");
    side.note_room(link);
    if std::mem::take(&mut side.is_told_of_room) {
        side.send_unsent(link);
    }
    side.has_left_frames = match side.mode {
        Mode::Leave => true,
        _ => side.take_frames(link),
    };
    if !side.has_left_frames {
        side.note_state(link);
    }
    check_budget(&context.memory());
}

/// Sends a message in one of three ways.
pub fn send(link: &mut Link, way: u8, body: &[u8]) -> Result<(), SendError> {
    let owned: Body = match way % 3 {
        0 => return link.send((), body),
        1 => body.to_vec().into(),
        _ => Arc::<[u8]>::from(body).into(),
    };
    link.send_owned((), owned).map_err(|unsent| {
        assert!(unsent.body.as_ref() == body, "another body came back");
        unsent.error
    })
}

impl Side {
    /// Takes note of it if the link has told of room. It does only who was refused, and once.
    pub fn note_room(&mut self, link: &mut Link) {
        if link.take_drained() {
            assert!(self.awaits_room, "told of room without having been refused any");
            self.awaits_room = false;
            self.is_told_of_room = true;
        }
    }

    /// Takes note of a refusal; answers whether it will be told of room. It is not when there will never be any.
    pub fn note_refusal(&mut self, full: Full) -> bool {
        assert!(full.wanted > full.free, "refused though {full:?}");
        let is_told = full.wanted <= self.sending_limit;
        self.awaits_room |= is_told;
        is_told
    }

    /// A send may be refused for good when the end was asked for, or the connection has failed.
    pub fn check_closed(&self) {
        assert!(self.has_finished || self.is_lost, "closed for sending for no reason");
    }

    /// A message was taken to be sent.
    pub fn note_sent(&mut self, body: &[u8]) {
        assert!(!self.has_finished, "a message behind the last one was taken");
        self.sent.extend(frame(body));
    }

    /// Keeps a message that was refused, to be sent when it is told of room.
    pub fn keep(&mut self, unsent: Unsent) {
        if self.unsent.len() < MOST_UNSENT {
            self.unsent.push_back(unsent);
        }
    }

    fn send_unsent(&mut self, link: &mut Link) {
        while let Some(Unsent { way, body }) = self.unsent.pop_front() {
            match send(link, way, &body) {
                Ok(()) => self.note_sent(&body),
                Err(SendError::Full(full)) => {
                    if self.note_refusal(full) {
                        self.unsent.push_front(Unsent { way, body });
                        return;
                    }
                }
                Err(SendError::Closed) => self.check_closed(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Goes through the frames, and answers whether it has left some of its own accord.
    fn take_frames(&mut self, link: &mut Link) -> bool {
        let received = link.transport().trouble.received.get();
        let (mut frames, mut outlet) = link.split();
        while let Some(found) = frames.next() {
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.note_error(error);
                    assert!(frames.next().is_none(), "something behind an error");
                    return false;
                }
            };
            assert!(self.error.is_none() && !self.has_ended, "a frame behind the end");
            let expected = self.expected.front().expect("a frame that was sent");
            let (len, expected_len) = (found.body.len(), expected.len());
            assert!(found.body == &expected[..], "{len} bytes, where {expected_len} others were sent");
            match self.mode {
                Mode::PutBack => {
                    frames.put_back();
                    return true;
                }
                Mode::Echo => match outlet.send((), found.body) {
                    Ok(()) => self.note_sent(found.body),
                    Err(SendError::Full(full)) => {
                        // Where there is never any room it goes unanswered.
                        if self.note_refusal(full) {
                            frames.put_back();
                            return false;
                        }
                    }
                    Err(SendError::Closed) => self.check_closed(),
                    Err(error) => panic!("{error}"),
                },
                _ => {}
            }
            self.expected.pop_front();
            self.seen_len += HEADER_LEN + len;
            if self.mode == Mode::One {
                return true;
            }
        }
        if self.error.is_none() {
            self.check_rest(received);
        }
        false
    }

    /// There are no more frames, and of so many bytes that were read none is left that makes one whole.
    fn check_rest(&self, received: usize) {
        let left = received - self.seen_len;
        let least = match self.expected.front() {
            Some(next) => HEADER_LEN + next.len(),
            // Of what comes behind the last frame nothing is expected.
            None if matches!(self.end, Some(End::Truncated | End::TooLong)) => return,
            None => 1,
        };
        assert!(left < least, "{left} bytes were read, and no frame of {least} found");
    }

    fn note_error(&mut self, error: FrameError) {
        assert!(self.error.is_none(), "an error is told once");
        match (&error, self.end) {
            (FrameError::Truncated { .. }, Some(End::Truncated)) => {}
            (FrameError::TooLong { .. }, Some(End::TooLong)) => {}
            // What was under way when it broke may be missing.
            (FrameError::Truncated { .. }, _) if self.is_lost => {}
            (_, end) => panic!("{error}, where the end was {end:?}"),
        }
        assert!(self.expected.is_empty() || self.is_lost, "an error before the frames in front of it");
        self.error = Some(error);
    }

    /// What the link says of how far it has come, once there are no frames.
    fn note_state(&mut self, link: &mut Link) {
        let state = link.state();
        assert_ne!(state, State::Connecting);
        if let Some(error) = link.take_error() {
            assert!(self.is_lost, "failed for no reason: {error}");
            assert!(state == State::Closed && !self.has_failed, "{state:?} after {error}");
            self.has_failed = true;
        }
        if state == State::Open {
            return;
        }
        self.is_closed |= state == State::Closed;
        if !self.has_failed {
            self.has_ended = true;
            let is_whole = self.expected.is_empty() && self.end == Some(End::Clean);
            assert!(is_whole || self.is_lost, "an end with {} frames to come", self.expected.len());
            assert!(!self.is_closed || self.has_finished, "closed before it has finished");
        }
    }
}
