//! What goes through a connection, either way: no loop is needed for it, only the connection.

use std::io;
use std::time::Instant;

use super::link::{LinkFrame, LinkFrames, Outlet};
use super::{End, Link, Machine, Socket};
use crate::codec::FrameError;
use crate::mq::event::Event;
use crate::mq::options::HighWater;
use crate::mq::pattern::{Arrival, Dropped, Peer};
use crate::mq::session::{Input, SessionError};
use crate::mq::wire::WireHead;
use crate::mq::{Message, Part, SocketType};
use crate::{Frame, Id, State};

/// What has become of a connection.
pub(super) enum Served {
    Goes {
        deadline: Option<Instant>,
    },
    Ends(End),
    /// The socket is closing, and all is sent.
    IsDone,
    /// Nobody has it any more.
    Orphan,
}

/// How many of the frames that have arrived were taken.
enum Taken {
    All,
    Some,
}

/// What waits is to be looked at.
const NO_ROOM: HighWater = HighWater { messages: 0, bytes: 0 };

impl Socket {
    /// Whether this peer's connection is this one.
    pub(super) fn is_of(&self, peer: Peer, id: Id<Link>) -> bool {
        matches!(self.links.get(peer.0 as usize), Some(Some(link)) if link.id == id)
    }

    pub(super) fn serve(&mut self, peer: Peer, link: &mut Link, now: Instant) -> Served {
        match link.state() {
            State::Closed => {
                // What came before is taken all the same.
                let _ = self.take_in(peer, link, now);
                return Served::Ends(End::Lost(link.take_error()));
            }
            State::Connecting => {}
            State::Open | State::Ended
                if self.is_first_time(peer) && link.transport().is_connected_to_itself() =>
            {
                let message = "the connection was to itself: nobody listens there";
                return Served::Ends(End::Lost(Some(io::Error::new(
                    io::ErrorKind::ConnectionRefused,
                    message,
                ))));
            }
            State::Open | State::Ended => self.note_connected(peer, now),
        }
        // What waits first: a peer that takes nothing is not read from.
        self.push_out(peer, link);
        let taken = self.take_in(peer, link, now);
        self.push_out(peer, link);
        if let Err(end) = taken {
            return Served::Ends(end);
        }
        let state = self.link(peer).expect("it is being served");
        let is_held = state.is_held;
        match link.state() {
            State::Closed => Served::Ends(End::Lost(link.take_error())),
            State::Ended if !is_held => Served::Ends(End::Lost(None)),
            _ if self.closing.is_some() => self.wind_up(peer, link),
            _ => Served::Goes { deadline: self.link(peer).and_then(|state| state.session.deadline()) },
        }
    }

    /// Whether a connection that was being made is seen to be there for the first time.
    fn is_first_time(&mut self, peer: Peer) -> bool {
        self.link(peer).map_or(false, |state| !state.is_connected)
    }

    /// The connection is there: it was, or it has just been made.
    fn note_connected(&mut self, peer: Peer, now: Instant) {
        let state = self.link(peer).expect("it is being served");
        let is_ready = state.session.peer().is_some() && !state.is_joined;
        if !std::mem::replace(&mut state.is_connected, true) {
            state.session.connected(now);
            if let Some(place) = state.place {
                if let Some(place) = self.places[place].as_ref() {
                    let endpoint = place.endpoint().clone();
                    self.note(Event::Connected(endpoint));
                }
            }
        }
        if is_ready {
            let _ = self.join(peer); // a protocol without names: none is taken
        }
    }

    /// Takes what has arrived, as long as it may wait here.
    fn take_in(&mut self, peer: Peer, link: &mut Link, now: Instant) -> Result<(), End> {
        if link.has_body() {
            if self.look_for_room(peer).is_none() {
                return Ok(());
            }
            self.take_body(peer, link, now)?;
        }
        let (mut frames, mut outlet) = link.split();
        let mut has_message = false;
        let taken = self.take_frames(peer, &mut frames, &mut outlet, now, &mut has_message);
        self.has_arrivals |= has_message && self.machine.get().can_recv();
        if let (Ok(Taken::All), Some(spoken)) = (&taken, link.decoder().spoken()) {
            let state = self.link(peer).expect("it is being served");
            state.session.has_begun(spoken, now);
            self.keep_body_apart(peer, link);
        }
        taken.map(drop)
    }

    /// Takes frames, and notes whether a message waits to be received that did not before.
    fn take_frames(
        &mut self,
        peer: Peer,
        frames: &mut LinkFrames<'_>,
        outlet: &mut Outlet<'_>,
        now: Instant,
        has_message: &mut bool,
    ) -> Result<Taken, End> {
        let refused = |error| End::Refused(error);
        let (max, max_count) = (self.options.max_message_len, self.options.max_part_count);
        let is_closing = self.closing.is_some();
        let mut room = NO_ROOM;
        loop {
            // What waits is asked for again when it may have become enough, and not for every frame.
            if room.messages == 0 || room.bytes == 0 {
                room = match self.look_for_room(peer) {
                    Some(room) => room,
                    None => return Ok(Taken::Some),
                };
            }
            let frame = match self.take_plain(peer, frames, now, &mut room, has_message) {
                Some(frame) => frame.map_err(|error| refused(SessionError::from(error)))?,
                None if room.messages == 0 || room.bytes == 0 => continue,
                None => return Ok(Taken::All),
            };
            let state = self.links[peer.0 as usize].as_mut().expect("it is being served");
            let (bytes, is_last) = match state.session.received(frame.head, frame.body, now) {
                Ok(Input::Part { bytes, is_last }) => (bytes, is_last),
                other => {
                    self.take_other(peer, other, outlet)?;
                    room = NO_ROOM;
                    continue;
                }
            };
            if is_closing {
                continue;
            }
            let is_ring = matches!(frame.head, WireHead::Ring(_));
            let whole = match is_ring {
                true => state.incoming.push_piece(bytes, is_last, max),
                false if is_last && state.incoming.is_whole(bytes, max) => {
                    // So are most.
                    room.messages -= 1;
                    room.bytes = room.bytes.saturating_sub(bytes.len());
                    *has_message |= self.arrived(peer, Message::from(bytes));
                    continue;
                }
                false => state.incoming.push_part(Part::from(bytes), is_last, max, max_count),
            };
            if let Some(message) = whole.map_err(refused)? {
                room = NO_ROOM;
                *has_message |= match is_ring {
                    true => self.arrived_by_ring(peer, message),
                    false => self.arrived(peer, message),
                };
            }
        }
    }

    /// Takes frames that are messages by themselves, and of which nothing else comes than that they wait: as many as there is room for, and
    /// without asking for each what it has in common with the others. Answers with the first frame that is none, and leaves no room where
    /// the room is used up.
    #[inline(always)] // as `Frames::next`
    fn take_plain<'a>(
        &mut self,
        peer: Peer,
        frames: &mut LinkFrames<'a>,
        now: Instant,
        room: &mut HighWater,
        has_message: &mut bool,
    ) -> Option<Result<LinkFrame<'a>, FrameError>> {
        let max = self.options.max_message_len;
        let state = self.links[peer.0 as usize].as_mut().expect("it is being served");
        let is_between = state.incoming.is_empty() && self.closing.is_none();
        let mut plain = match state.session.plain_head().filter(|_| is_between) {
            Some(head) => self.machine.lane_end(peer).map(|lane| (head, lane)),
            None => None,
        };
        let HighWater { mut messages, mut bytes } = *room;
        let first = loop {
            let frame = match frames.next() {
                Some(frame) => frame,
                None => break None,
            };
            match (&frame, &mut plain) {
                (Ok(Frame { head, body }), Some((plain, lane))) if head == plain && body.len() <= max => {
                    lane.push_bytes(body);
                    messages -= 1;
                    bytes = bytes.saturating_sub(body.len());
                    if messages == 0 || bytes == 0 {
                        break None;
                    }
                }
                _ => break Some(frame),
            }
        };
        if messages < room.messages {
            state.session.excuse_silence(now);
            *has_message = true;
            *room = HighWater { messages, bytes };
        }
        first
    }

    /// How much more of a peer may wait; `None`, and it is held, when enough does. Who has not joined is looked at again for each frame.
    fn look_for_room(&mut self, peer: Peer) -> Option<HighWater> {
        let high_water = self.options.recv_high_water;
        let machine = self.machine.get();
        let (messages, bytes) = machine.waiting(peer);
        let (messages_behind, bytes_behind) = machine.left_behind();
        let state = self.links[peer.0 as usize].as_mut().expect("it is being served");
        let is_much_behind = high_water.is_reached(messages_behind, bytes_behind);
        let is_much = is_much_behind || high_water.is_reached(messages, bytes);
        // Who has not joined may: what waits under its number is not its own.
        state.is_held = state.is_joined && is_much || state.outgoing.has_control();
        if state.is_held {
            state.held_for = high_water.above_low(messages);
            self.is_held |= is_much_behind;
            return None;
        }
        Some(match state.is_joined {
            true => high_water.left(messages, bytes),
            false => HighWater { messages: 1, bytes: 1 },
        })
    }

    /// What has come of a frame that is no part of a message.
    pub(super) fn take_other(
        &mut self,
        peer: Peer,
        input: Result<Input<'_>, SessionError>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), End> {
        let state = self.link(peer).expect("it is being served");
        while let Some((head, body)) = state.session.take_output() {
            state.outgoing.push_control(head, body);
        }
        if state.outgoing.has_control() {
            state.outgoing.hand_over(outlet, &state.session);
        }
        match input.map_err(End::Refused)? {
            Input::Nothing | Input::Part { .. } => Ok(()),
            Input::Ready => self.join(peer),
            Input::Subscription { prefix, is_on } => {
                self.pattern().subscribed(peer, prefix, is_on);
                self.check_subscriptions(peer).map_err(End::Refused)
            }
        }
    }

    /// Subscriptions take memory for as long as their peer is there.
    fn check_subscriptions(&self, peer: Peer) -> Result<(), SessionError> {
        let (count, len) = match &self.machine {
            Machine::Pub(publisher) => publisher.subscriptions(peer),
            _ => return Ok(()),
        };
        match count > self.options.max_subscription_count || len > self.options.max_message_len {
            true => Err(SessionError::TooManySubscriptions { count, len }),
            false => Ok(()),
        }
    }

    /// Gives the pattern a message; answers whether it waits to be received.
    #[inline]
    pub(super) fn arrived(&mut self, peer: Peer, message: Message) -> bool {
        match self.machine.arrived(peer, message) {
            Arrival::Queued => return true,
            Arrival::Taken => {}
            Arrival::Dropped(reason) => self.note_dropped(reason, 1),
        }
        false
    }

    /// As [`arrived`](Self::arrived), of a peer that joins with its first message.
    pub(super) fn arrived_by_ring(&mut self, peer: Peer, mut message: Message) -> bool {
        let is_joined = self.link(peer).expect("it is being served").is_joined;
        if !is_joined && self.join(peer).is_err() {
            return false;
        }
        if matches!(self.socket_type, SocketType::Rep | SocketType::Req) {
            message.push_front(Part::EMPTY);
        }
        self.arrived(peer, message)
    }

    /// A handshake is done.
    fn join(&mut self, peer: Peer) -> Result<(), End> {
        let state = self.link(peer).expect("it is being served");
        if std::mem::replace(&mut state.is_joined, true) {
            return Ok(());
        }
        let info = state.session.peer().expect("its handshake is done");
        let (socket_type, identity) = (info.socket_type.clone(), info.identity.clone());
        let place = state.place;
        if self.pattern().joined(peer, &identity).is_err() {
            self.link(peer).expect("it is being served").is_joined = false;
            return Err(End::Refused(SessionError::IdentityInUse { identity }));
        }
        if let Machine::Router(router) = &self.machine {
            self.displaced.extend(router.displaced());
        }
        if let Machine::Sub(subscriber) = &self.machine {
            let prefixes: Vec<Vec<u8>> = subscriber.prefixes().map(<[u8]>::to_vec).collect();
            for prefix in prefixes {
                self.subscribe_at(peer, &prefix, true);
            }
        }
        if let Some(place) = place.and_then(|place| self.places[place].as_mut()) {
            place.note_joined();
        }
        self.peer_count += 1;
        self.recall(); // who has two peers listens to both
        self.last_error = None;
        self.has_news = true;
        self.note(Event::Joined { socket_type, identity });
        self.note_room();
        Ok(())
    }

    /// Prepares a subscription, or its end, for a peer.
    pub(super) fn subscribe_at(&mut self, peer: Peer, prefix: &[u8], is_on: bool) {
        if let Some(state) = self.link(peer) {
            state.session.subscribe(prefix, is_on);
            while let Some((head, body)) = state.session.take_output() {
                state.outgoing.push_control(head, body);
            }
        }
    }

    /// Hands the connection what waits; room that comes of it is told.
    pub(super) fn push_out(&mut self, peer: Peer, link: &mut Link) {
        let high_water = self.options.send_high_water;
        let state = match self.link(peer) {
            Some(state) => state,
            None => return,
        };
        while let Some((head, body)) = state.session.take_output() {
            state.outgoing.push_control(head, body);
        }
        state.outgoing.hand_over(&mut link.outlet(), &state.session);
        let (messages, bytes) = state.outgoing.waiting();
        if !state.has_room && high_water.is_low(messages, bytes) {
            state.has_room = true;
            self.pattern().set_room(peer, true);
            self.note_room();
        }
    }

    /// Lets go of a connection: its peer has left. What it had not seen anything of goes to others, where the pattern has it so.
    pub(super) fn forget_link(&mut self, peer: Peer, unsent_len: usize) -> Option<Forgotten> {
        let state = self.links.get_mut(peer.0 as usize)?.take()?;
        self.vacant.push(peer.0);
        if state.is_joined {
            self.pattern().left(peer);
            self.peer_count -= 1;
            self.has_news = true;
        }
        let (unsent, rest) = state.outgoing.into_unsent(unsent_len);
        let mut lost = unsent;
        if unsent > 0 && state.is_joined {
            self.note(Event::Unsent(unsent));
        }
        match self.socket_type {
            SocketType::Push | SocketType::Dealer => self.stranded.extend(rest),
            _ => {
                lost += rest.len() as u64;
                self.note_dropped(Dropped::PeerLeft, rest.len() as u64);
            }
        }
        if let Some(closing) = &mut self.closing {
            closing.lost += lost;
        }
        Some(Forgotten { place: state.place, timer: state.timer, is_connected: state.is_connected })
    }
}

/// What is left of a connection that was let go.
pub(super) struct Forgotten {
    pub place: Option<usize>,
    pub timer: Option<(crate::TimerId, Instant)>,
    pub is_connected: bool,
}
