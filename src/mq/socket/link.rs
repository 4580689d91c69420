//! One connection of a socket: what has come of a message, and what waits to be sent.

use std::collections::VecDeque;
use std::time::Instant;

use super::handed::Handed;
use super::Link;
use crate::codec::zmtp::FrameKind;
use crate::codec::{RingFrames, RingHead};
use crate::mq::freed::{keep_freed, LONG_LEN};
use crate::mq::queue::{First, Queue};
use crate::mq::session::{Session, SessionError};
use crate::mq::wire::{Dialect, WireDecoder, WireEncoder, WireHead};
use crate::mq::{Message, Part};
use crate::{Body, Id, TimerId};

/// The way out of a connection.
pub(super) type Outlet<'a> = crate::Outlet<'a, WireEncoder>;

/// The way in.
pub(super) type LinkFrames<'a> = crate::Frames<'a, WireDecoder>;

/// What comes in.
pub(super) type LinkFrame<'a> = crate::Frame<'a, WireHead>;

/// How many bytes the stream of a connection holds at the most before messages wait here, whole.
pub(super) const STREAM_HIGH_WATER: usize = 256 * 1024;

/// A part from this many bytes on is handed over instead of being copied.
pub(super) const COPIED_LEN: usize = 4096;

pub(super) struct LinkState {
    pub id: Id<Link>,
    pub session: Session,
    /// Where it was connected to.
    pub place: Option<usize>,
    /// It is connected; who waits for that knows.
    pub is_connected: bool,
    /// The pattern knows of it.
    pub is_joined: bool,
    /// What has come of a message.
    pub incoming: Incoming,
    /// Frames may be there that were not taken, since enough of it waits.
    pub is_held: bool,
    /// How many messages of it are received, at the least, before it can be read from again.
    pub held_for: usize,
    /// Whether the pattern may give it another message.
    pub has_room: bool,
    pub outgoing: Outgoing,
    /// The timer of the session, and when it runs.
    pub timer: Option<(TimerId, Instant)>,
}

/// A message of which parts are still to come.
#[derive(Default)]
pub(super) struct Incoming {
    parts: Option<Message>,
    /// Of a Ring message, which comes in pieces.
    bytes: Vec<u8>,
    len: usize,
}

impl Incoming {
    /// Whether nothing has come of a message.
    pub fn is_empty(&self) -> bool {
        self.parts.is_none() && self.bytes.is_empty()
    }

    /// Whether some pieces of a Ring message have been put together.
    pub fn has_pieces(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Whether a last part is a message by itself, which is not too long.
    #[inline]
    pub fn is_whole(&self, last: &[u8], max: usize) -> bool {
        self.parts.is_none() && last.len() <= max
    }

    /// Adds a part, and answers with the message if it was the last, or with the error if it is longer than `max`, or has more parts
    /// than `max_count`.
    pub fn push_part(
        &mut self,
        part: Part,
        is_last: bool,
        max: usize,
        max_count: usize,
    ) -> Result<Option<Message>, SessionError> {
        self.len += part.len();
        if self.len > max {
            return Err(SessionError::MessageTooLong { len: self.len, max });
        }
        if self.parts.as_ref().map_or(0, Message::part_count) >= max_count {
            return Err(SessionError::TooManyParts { max: max_count });
        }
        match &mut self.parts {
            Some(message) => message.push_back(part),
            None => self.parts = Some(Message::from(part)),
        }
        if !is_last {
            return Ok(None);
        }
        self.len = 0;
        Ok(self.parts.take())
    }

    /// As [`push_piece`](Self::push_piece), of pieces that were put together already where they were read.
    pub fn push_body(
        &mut self,
        body: Vec<u8>,
        is_last: bool,
        max: usize,
    ) -> Result<Option<Message>, SessionError> {
        if !self.bytes.is_empty() || body.len() > max {
            return self.push_piece(&body, is_last, max);
        }
        self.bytes = body;
        Ok(if is_last { Some(Message::from(std::mem::take(&mut self.bytes))) } else { None })
    }

    /// As [`push_part`](Self::push_part), of a piece of a message that has one part.
    pub fn push_piece(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        max: usize,
    ) -> Result<Option<Message>, SessionError> {
        let len = self.bytes.len() + bytes.len();
        if len > max {
            return Err(SessionError::MessageTooLong { len, max });
        }
        if is_last && self.bytes.is_empty() {
            return Ok(Some(Message::from(bytes)));
        }
        if len >= LONG_LEN {
            keep_freed();
        }
        self.bytes.extend_from_slice(bytes);
        Ok(if is_last { Some(Message::from(std::mem::take(&mut self.bytes))) } else { None })
    }
}

/// What waits to be sent, in front of what the stream has.
#[derive(Default)]
pub(super) struct Outgoing {
    /// What belongs to the protocol, and goes first.
    control: VecDeque<(WireHead, Vec<u8>)>,
    messages: Queue,
    /// How many pieces of the first the stream has.
    done: usize,
    handed: Handed,
}

impl Outgoing {
    /// Has a message wait. What is left of it is of no use.
    #[inline]
    pub fn push(&mut self, message: &mut Message) {
        self.messages.push(message);
    }

    /// Has all of them wait.
    pub fn append(&mut self, messages: &mut Queue) {
        self.messages.append(messages);
    }

    pub fn push_control(&mut self, head: WireHead, body: Vec<u8>) {
        self.control.push_back((head, body));
    }

    /// Whether the peer does not even take what belongs to the protocol.
    pub fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.control.is_empty() && self.messages.is_empty()
    }

    /// How many messages and bytes wait here.
    pub fn waiting(&self) -> (usize, usize) {
        (self.messages.count(), self.messages.len())
    }

    /// Hands the stream as much as it takes.
    pub fn hand_over(&mut self, outlet: &mut Outlet<'_>, session: &Session) {
        while let Some((head, body)) = self.control.front() {
            let before = outlet.unsent_len();
            if outlet.send(*head, body).is_err() {
                return;
            }
            self.handed.add(outlet.unsent_len() - before);
            self.control.pop_front();
        }
        // Until the handshake is done nobody could understand one.
        let dialect = match session.peer() {
            Some(peer) => peer.dialect,
            None => return,
        };
        let (done, handed) = (&mut self.done, &mut self.handed);
        while let Some(first) = self.messages.first() {
            let is_whole = match first {
                First::Short(bytes) => hand_short(outlet, dialect, bytes, done, handed),
                First::Long(message) => hand_message(outlet, session, dialect, message, done, handed),
            };
            if !is_whole {
                return;
            }
            self.messages.drop_first();
        }
    }

    /// Hands the stream the bytes of a message of one part straight away, which are some and few enough to be copied, if nothing waits before
    /// it; answers whether it has taken them.
    #[inline]
    pub fn send_bytes(&mut self, bytes: &[u8], outlet: &mut Outlet<'_>, session: &Session) -> bool {
        let head = match session.peer().map(|peer| peer.dialect) {
            Some(Dialect::Zmtp) => WireHead::Zmtp(FrameKind::Last),
            Some(Dialect::Ring) => WireHead::Ring(RingHead::Last),
            Some(Dialect::Any) | None => return false,
        };
        if !self.is_empty() {
            return false;
        }
        let before = outlet.unsent_len();
        let is_taken = outlet.send_behind(head, bytes).is_ok();
        if is_taken {
            let unsent_len = outlet.unsent_len();
            self.handed.add(unsent_len - before);
            self.handed.end_message(unsent_len);
        }
        is_taken
    }

    /// Hands the stream a message straight away, if nothing waits before it; what the stream does not take waits. Answers whether nothing
    /// does.
    pub fn send(&mut self, message: &mut Message, outlet: &mut Outlet<'_>, session: &Session) -> bool {
        match session.peer() {
            Some(peer) if self.is_empty() => {
                let len = message.len();
                let (done, handed) = (&mut self.done, &mut self.handed);
                if hand_message(outlet, session, peer.dialect, message, done, handed) {
                    return true;
                }
                self.messages.push_begun(message, len);
                false
            }
            _ => {
                self.push(message);
                // Who was refused is told of room, and need not ask for each message.
                if outlet.room() >= COPIED_LEN {
                    self.hand_over(outlet, session);
                }
                self.is_empty()
            }
        }
    }

    /// Hands the stream what somebody else has not written of a message; answers whether it has taken it.
    pub fn hand_rest(&mut self, rest: &[u8], link: &mut Link) -> bool {
        let is_taken = link.send_rest(rest).is_ok();
        self.handed.add(rest.len());
        self.handed.end_message(rest.len());
        is_taken
    }

    /// How many messages the stream has been handed and not written whole, with so many bytes unsent; and those that it has not seen.
    pub fn into_unsent(mut self, unsent_len: usize) -> (u64, impl ExactSizeIterator<Item = Message>) {
        let mut count = self.handed.unsent(unsent_len);
        if self.done > 0 {
            self.messages.drop_first();
            count += 1;
        }
        let rest: Vec<Message> = std::iter::from_fn(|| self.messages.pop()).collect();
        (count, rest.into_iter())
    }
}

/// Hands over what is not [`done`](Outgoing::done) of a message; answers whether it is whole now.
fn hand_message(
    outlet: &mut Outlet<'_>,
    session: &Session,
    dialect: Dialect,
    message: &mut Message,
    done: &mut usize,
    handed: &mut Handed,
) -> bool {
    if message.len() < COPIED_LEN && (dialect == Dialect::Ring || message.part_count() == 1) {
        return hand_short(outlet, dialect, message.first(), done, handed); // so are most
    }
    let before = outlet.unsent_len();
    let is_whole = match dialect {
        Dialect::Ring => hand_over_cut(outlet, message, done),
        Dialect::Zmtp | Dialect::Any => hand_over_parts(outlet, session, message, done),
    };
    let unsent_len = outlet.unsent_len();
    handed.add(unsent_len - before);
    if is_whole {
        handed.end_message(unsent_len);
        *done = 0;
    }
    is_whole
}

/// As [`hand_message`], of the only part, which is copied.
#[inline]
fn hand_short(
    outlet: &mut Outlet<'_>,
    dialect: Dialect,
    bytes: &[u8],
    done: &mut usize,
    handed: &mut Handed,
) -> bool {
    let before = outlet.unsent_len();
    let is_whole = match dialect {
        Dialect::Ring => hand_over_pieces(outlet, bytes, done),
        Dialect::Zmtp | Dialect::Any => outlet.send_behind(WireHead::Zmtp(FrameKind::Last), bytes).is_ok(),
    };
    let unsent_len = outlet.unsent_len();
    handed.add(unsent_len - before);
    if is_whole {
        handed.end_message(unsent_len);
        *done = 0;
    }
    is_whole
}

/// Hands over the parts from number `done` on, the long ones without copying them; answers whether that were all.
fn hand_over_parts(
    outlet: &mut Outlet<'_>,
    session: &Session,
    message: &mut Message,
    done: &mut usize,
) -> bool {
    let count = message.part_count();
    while *done < count {
        let head = session.part_head(*done + 1 == count);
        let part = message.part_mut(*done).expect("its number is below the count");
        let is_taken = match part.len() < COPIED_LEN {
            true => outlet.send(head, part).is_ok(),
            false => hand_over_whole(outlet, head, part),
        };
        if !is_taken {
            return false;
        }
        *done += 1;
    }
    true
}

/// Hands over a part without copying it; answers whether it was taken.
fn hand_over_whole(outlet: &mut Outlet<'_>, head: WireHead, part: &mut Part) -> bool {
    if part.len() >= LONG_LEN {
        keep_freed();
    }
    let unsent = outlet.send_owned(head, std::mem::take(part)).err();
    let is_taken = unsent.is_none();
    if let Some(unsent) = unsent {
        *part = Part::from(unsent.body);
    }
    is_taken
}

/// As [`hand_over_parts`], of the only part, cut into the pieces that Ring has: all of them at once, as one part of ZMTP. Where there is no
/// memory for that, which one that is longer than any part may be would wait for in vain, piece by piece.
fn hand_over_cut(outlet: &mut Outlet<'_>, message: &mut Message, done: &mut usize) -> bool {
    let part = message.part_mut(0).expect("it has one");
    if part.len() >= LONG_LEN {
        keep_freed();
    }
    let pieces = RingFrames::split(part.len()).map(|(head, range)| (WireHead::Ring(head), range));
    let body = Body::from(std::mem::take(part));
    let is_at_once = *done == 0 && outlet.has_memory(&body, pieces.len());
    let unsent = match is_at_once {
        true => outlet.send_cut(pieces, body).err().map(|unsent| unsent.body),
        false => Some(body),
    };
    match unsent {
        None => true,
        Some(body) => {
            *part = Part::from(body);
            !is_at_once && hand_over_pieces(outlet, part, done)
        }
    }
}

/// As [`hand_over_parts`], of the only part in the pieces that Ring has, copied.
fn hand_over_pieces(outlet: &mut Outlet<'_>, part: &[u8], done: &mut usize) -> bool {
    for (head, range) in RingFrames::split(part.len()).skip(*done) {
        if outlet.send(WireHead::Ring(head), &part[range]).is_err() {
            return false;
        }
        *done += 1;
    }
    true
}
