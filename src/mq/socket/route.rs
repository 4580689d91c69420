//! Where a message goes that is sent: straight through the connections of its peers, and before them where something waits already.

use super::link::COPIED_LEN;
use super::{is_ring, Machine, Sent, Socket};
use crate::mq::pattern::{Delivery, Dropped, NotSent, Peer, Recipients};
use crate::mq::queue::Queue;
use crate::mq::{Dialect, Message, SocketType, WhenFull};
use crate::Others;

impl Socket {
    /// Sends what the application sends, and leaves no more than an empty message of it; what is refused stays as it was.
    #[inline]
    pub(super) fn send<S: 'static>(
        &mut self,
        message: &mut Message,
        others: &mut Others<'_, S>,
    ) -> Result<Sent, NotSent> {
        if let Some(bytes) = message.only().filter(|bytes| self.is_simple(bytes)) {
            if let Some(peer) = self.machine.pick() {
                if !self.give_bytes(peer, bytes, others) {
                    self.give(peer, message, others);
                }
                return Ok(Sent::To(1));
            }
        }
        self.send_any(message, others)
    }

    /// Sends messages in a row for as long as they go straight to the only peer that there is: how many, and the first that does not.
    #[inline]
    pub(super) fn send_row<S: 'static>(
        &mut self,
        messages: &mut impl Iterator<Item = Message>,
        others: &mut Others<'_, S>,
    ) -> (usize, Option<Message>) {
        let peer = self.machine.only();
        let state = peer.and_then(|peer| self.links.get(peer.0 as usize)?.as_ref());
        let link = state.and_then(|state| others.get_mut(state.id));
        let (peer, link) = match (peer, link) {
            (Some(peer), Some(link)) => (peer, link),
            _ => return (0, messages.next()),
        };
        let mut outlet = link.outlet();
        let mut count = 0;
        for message in messages {
            let bytes = message.only().filter(|bytes| self.is_simple(bytes));
            let state = self.links[peer.0 as usize].as_mut().expect("it was looked up");
            let is_sent = match bytes {
                Some(bytes) => state.outgoing.send_bytes(bytes, &mut outlet, &state.session),
                None => false,
            };
            if !is_sent {
                return (count, Some(message));
            }
            count += 1;
        }
        (count, None)
    }

    #[inline(never)]
    fn send_any<S: 'static>(
        &mut self,
        message: &mut Message,
        others: &mut Others<'_, S>,
    ) -> Result<Sent, NotSent> {
        self.check(message)?;
        match self.route(message, others) {
            Err(reason) => self.refuse(reason, message),
            sent => sent,
        }
    }

    /// Sends messages that can be sent, all at once, if there is a single peer to send them to, with room for all: answers whether there is.
    pub(super) fn send_whole<S: 'static>(
        &mut self,
        messages: &mut Queue,
        others: &mut Others<'_, S>,
    ) -> bool {
        let peer = match self.machine.only() {
            Some(peer) if self.closing.is_none() => peer,
            _ => return false,
        };
        let high_water = self.options.send_high_water;
        let state = match self.links.get_mut(peer.0 as usize) {
            Some(Some(state)) => state,
            _ => return false,
        };
        let (count, bytes) = state.outgoing.waiting();
        let room = high_water.left(count, bytes);
        if messages.count() > room.messages || messages.len() > room.bytes {
            return false;
        }
        state.outgoing.append(messages);
        if let Some(link) = others.get_mut(state.id) {
            state.outgoing.hand_over(&mut link.outlet(), &state.session);
        }
        self.look_for_room_to_send(peer);
        true
    }

    /// A message that was not sent is handed back, or dropped.
    #[cold]
    fn refuse(&mut self, reason: NotSent, message: &mut Message) -> Result<Sent, NotSent> {
        match reason.passing() {
            Some(why) if self.options.when_full == WhenFull::DropNewest => {
                drop(message.take());
                self.note_dropped(why, 1);
                Ok(Sent::Dropped(why))
            }
            _ => {
                self.is_refused = true;
                Err(reason)
            }
        }
    }

    /// Sends what was stranded on, one message; answers whether it has.
    pub(super) fn send_stranded<S: 'static>(&mut self, others: &mut Others<'_, S>) -> bool {
        if self.stranded.is_empty() || !self.machine.get().can_send() {
            return false;
        }
        let mut message = match self.stranded.pop_front() {
            Some(message) => message,
            None => return false,
        };
        let is_sent = self.route(&mut message, others).is_ok();
        if !is_sent {
            self.stranded.push_front(message);
        }
        is_sent
    }

    /// Whether a message of these bytes [can be sent](Self::check), which is seen without asking much.
    #[inline]
    fn is_simple(&self, bytes: &[u8]) -> bool {
        let max = self.options.max_part_len.min(COPIED_LEN - 1);
        (1..=max).contains(&bytes.len()) && self.closing.is_none()
    }

    /// Whether a message can be sent at all, whoever gets it.
    fn check(&self, message: &Message) -> Result<(), NotSent> {
        if self.closing.is_some() {
            return Err(NotSent::Closed);
        }
        let max = self.options.max_part_len;
        if let Some(len) = message.len_above(max) {
            if !self.may_be_ring_only() {
                return Err(NotSent::TooLong { len, max });
            }
        }
        if message.part_count() == 1 && !message.is_empty() {
            return Ok(()); // what a Ring peer gets
        }
        let is_answer_to_ring = self.socket_type == SocketType::Rep && self.was_from_ring && !self.is_ahead;
        let is_for_ring = self.options.dialect == Dialect::Ring || is_answer_to_ring;
        if is_for_ring {
            return Err(NotSent::NotForRing { parts: message.part_count(), len: message.len() });
        }
        Ok(())
    }

    /// Whether all that it sends is cut in pieces, so that no part is too long.
    fn may_be_ring_only(&self) -> bool {
        self.options.dialect == Dialect::Ring
    }

    fn route<S: 'static>(
        &mut self,
        message: &mut Message,
        others: &mut Others<'_, S>,
    ) -> Result<Sent, NotSent> {
        match self.machine.pick() {
            Some(peer) => {
                self.give(peer, message, others);
                Ok(Sent::To(1))
            }
            None => self.route_delivery(message, others),
        }
    }

    /// The way of patterns that look at the message, or change it.
    fn route_delivery<S: 'static>(
        &mut self,
        message: &mut Message,
        others: &mut Others<'_, S>,
    ) -> Result<Sent, NotSent> {
        let Delivery { message: mut delivered, to } = match self.pattern().send(message.take()) {
            Ok(delivery) => delivery,
            Err((reason, refused)) => {
                *message = refused;
                return Err(reason);
            }
        };
        let sent = match to {
            Recipients::One(peer) => {
                self.give(peer, &mut delivered, others);
                Sent::To(1)
            }
            Recipients::Many(peers) => {
                for &peer in &peers[1..] {
                    self.give(peer, &mut delivered.share(), others);
                }
                self.give(peers[0], &mut delivered, others);
                Sent::To(peers.len())
            }
            Recipients::Nobody(reason) => {
                self.note_dropped(reason, 1);
                Sent::Dropped(reason)
            }
        };
        if let Machine::Pub(publisher) = &mut self.machine {
            let missed = publisher.take_missed();
            self.note_dropped(Dropped::NoRoom, missed);
        }
        Ok(sent)
    }

    /// Hands the bytes of a message to the connection of a peer, if nothing waits before it; answers whether it has taken them.
    #[inline]
    fn give_bytes<S: 'static>(&mut self, peer: Peer, bytes: &[u8], others: &mut Others<'_, S>) -> bool {
        let state = match self.links.get_mut(peer.0 as usize) {
            Some(Some(state)) => state,
            _ => return false,
        };
        match others.get_mut(state.id) {
            Some(link) => state.outgoing.send_bytes(bytes, &mut link.outlet(), &state.session),
            None => false,
        }
    }

    /// Hands a message to the connection of a peer, or has it wait there.
    #[inline(never)]
    fn give<S: 'static>(&mut self, peer: Peer, message: &mut Message, others: &mut Others<'_, S>) {
        let state = match self.links.get_mut(peer.0 as usize) {
            Some(Some(state)) => state,
            _ => return self.note_dropped(Dropped::PeerLeft, 1),
        };
        if is_ring(&state.session) {
            take_delimiter_out(message);
        }
        match others.get_mut(state.id) {
            Some(link) => {
                if state.outgoing.send(message, &mut link.outlet(), &state.session) {
                    return;
                }
            }
            None => state.outgoing.push(message),
        }
        self.look_for_room_to_send(peer);
    }

    /// A peer for which enough waits is given no more.
    #[inline]
    fn look_for_room_to_send(&mut self, peer: Peer) {
        let high_water = self.options.send_high_water;
        let state = match self.links.get_mut(peer.0 as usize) {
            Some(Some(state)) => state,
            _ => return,
        };
        let (messages, bytes) = state.outgoing.waiting();
        if state.has_room && high_water.is_reached(messages, bytes) {
            state.has_room = false;
            self.pattern().set_room(peer, false);
        }
    }
}

/// A Ring message has one part, and for requests and replies, which begin with an empty one, the connection itself is what that tells.
fn take_delimiter_out(message: &mut Message) {
    if message.part_count() > 1 && message.first().is_empty() {
        message.pop_front();
    }
}
