//! REP: one request after the other, and to each its reply.
//!
//! What a request has before its body, up to the first empty part, is its envelope: whom it came by. It is kept, and put before the reply.
//! The state *idle* is the turn to receive; *owing*: a reply is owed, or several where requests are received [ahead](Rep::ahead). They are
//! sent in the order in which the requests were received. No requester that leaves, sends what is no request, or takes no reply ever keeps
//! the others waiting.
//!
//! | state | what happens | answer | state then | rule |
//! |---|---|---|---|---|
//! | any | a message arrives that has an empty part, and more behind it | it waits | the same | `a_request_is_received_without_its_envelope` |
//! | any | one arrives that has no empty part | dropped, [`NoDelimiter`](Dropped::NoDelimiter) | the same | `what_has_no_empty_part_is_dropped` |
//! | any | one arrives with nothing behind its empty part | dropped, [`NoDelimiter`](Dropped::NoDelimiter) | the same | `what_has_nothing_behind_its_envelope_is_dropped` |
//! | any | one arrives of a peer that is not there | dropped, [`PeerLeft`](Dropped::PeerLeft) | the same | `what_comes_from_nobody_is_dropped_and_the_next_reply_is_not` |
//! | any | a peer leaves whose requests wait | they are received, and their replies dropped | the same | `requests_of_who_left_are_served_and_their_replies_dropped` |
//! | idle | receive, requests wait | one; the peers with some [take turns](super::fair_queue) | owing | `peers_with_requests_take_turns` |
//! | idle | receive, none waits | [`Empty`](NotReceived::Empty) | idle | `nothing_is_received_of_nothing` |
//! | idle | send | [`OutOfTurn`](NotSent::OutOfTurn) | idle | `a_reply_takes_a_request` |
//! | owing | receive | [`OutOfTurn`](NotReceived::OutOfTurn) | owing | `the_next_request_waits_for_the_reply` |
//! | owing | receive, [ahead](Rep::ahead) | as when idle | owing | `requests_are_received_ahead_and_replies_go_in_their_order` |
//! | owing | send | [`One`](Recipients::One): the requester, and before the body goes the envelope | idle, or owing the next | `the_reply_goes_to_its_requester_in_the_envelope` |
//! | owing | send, the requester has no room | [`Nobody`](Recipients::Nobody), [`NoRoom`](Dropped::NoRoom) | idle | `a_reply_that_finds_no_room_is_dropped` |
//! | owing | send, the requester has left | [`Nobody`](Recipients::Nobody), [`RequesterLeft`](Dropped::RequesterLeft) | idle | `the_reply_to_a_requester_that_left_is_dropped` |
//! | owing | the requester leaves, another joins under its number | a stranger to the request | owing | `a_reply_never_reaches_another_peer_of_the_same_number` |
//! | owing | another peer leaves | | owing | `another_one_that_leaves_changes_nothing` |
//!
//! A reply finds no room only at a peer that sends further requests without taking the replies, which a REQ never does. It could be kept
//! until there is room, but then all others would wait for that peer.

use std::collections::VecDeque;

use super::slots::Peers;
use super::{
    Arrival, Delivery, Dropped, FairQueue, IdentityInUse, Message, NotReceived, NotSent, Part, Pattern, Peer,
    Recipients, SocketType,
};

/// What a REP socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Dropped, Pattern, Peer, Recipients, Rep};
/// use ringmq::mq::Message;
///
/// let mut rep = Rep::new();
/// rep.joined(Peer(3), b"").unwrap();
/// rep.arrived(Peer(3), Message::from_parts(["", "how much?"]).unwrap());
/// assert_eq!(rep.recv().unwrap(), (Peer(3), "how much?".into()));
///
/// let delivery = rep.send("nothing".into()).unwrap();
/// assert_eq!(delivery.to, Recipients::One(Peer(3)));
/// assert_eq!(delivery.message, Message::from_parts(["", "nothing"]).unwrap());
/// ```
#[derive(Default, Debug)]
pub struct Rep {
    /// The first is the next to be replied to.
    owed: VecDeque<Owed>,
    /// How many may be owed beside one.
    further: usize,
    incoming: FairQueue,
    /// Those of the peers without room.
    full: Peers,
}

/// A reply: to whom, if it is still there, by way of whom.
#[derive(Debug)]
struct Owed {
    requester: Option<Peer>,
    /// The envelope but for the empty part that ends it.
    route: Vec<Part>,
}

impl Rep {
    /// Without peers; every request waits for the reply to the one before.
    pub fn new() -> Rep {
        Rep::default()
    }

    /// So many further requests may be received before a reply is sent. It is for who hands them on to somebody who takes one after the
    /// other, and has the next one at hand then.
    #[must_use]
    pub fn ahead(self, further: usize) -> Rep {
        Rep { further, ..self }
    }

    /// Whether one reply is owed and no more, to this peer, that has asked by way of nobody, and no other request waits.
    pub(in crate::mq) fn owes_only(&self, peer: Peer) -> bool {
        let is_of_peer = |owed: &Owed| owed.requester == Some(peer) && owed.route.is_empty();
        self.owed.len() == 1 && self.owed.iter().all(is_of_peer) && self.incoming.is_empty()
    }

    /// The next reply is sent by somebody else.
    pub(in crate::mq) fn forget_next(&mut self) {
        self.owed.pop_front();
    }

    /// Somebody else has received a request of this peer and not replied to it: that reply is the next one.
    pub(in crate::mq) fn owe_next(&mut self, peer: Peer) {
        self.owed.push_front(Owed { requester: Some(peer), route: Vec::new() });
    }
}

impl Pattern for Rep {
    fn socket_type(&self) -> SocketType {
        SocketType::Rep
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.left(peer);
        self.incoming.joined(peer, ());
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.incoming.left(peer);
        self.full.remove(&peer);
        for owed in self.owed.iter_mut().filter(|owed| owed.requester == Some(peer)) {
            owed.requester = None;
        }
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        if has_room {
            self.full.remove(&peer);
        } else if self.incoming.contains(peer) {
            self.full.insert(peer);
        }
    }

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        let delimiter = message.parts().position(|part| part.is_empty());
        match delimiter {
            Some(at) if at + 1 < message.part_count() => self.incoming.push(peer, message),
            _ => Arrival::Dropped(Dropped::NoDelimiter),
        }
    }

    fn send(&mut self, mut message: Message) -> Result<Delivery, (NotSent, Message)> {
        let Owed { requester, route } = match self.owed.pop_front() {
            Some(owed) => owed,
            None => return Err((NotSent::OutOfTurn, message)),
        };
        message.push_front(Part::EMPTY);
        route.into_iter().rev().for_each(|part| message.push_front(part));
        let to = match requester {
            Some(peer) if self.full.contains(&peer) => Recipients::Nobody(Dropped::NoRoom),
            Some(peer) => Recipients::One(peer),
            None => Recipients::Nobody(Dropped::RequesterLeft),
        };
        Ok(Delivery { message, to })
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        if self.owed.len() > self.further {
            return Err(NotReceived::OutOfTurn);
        }
        let taken = self.incoming.pop().ok_or(NotReceived::Empty)?;
        let mut message = taken.message;
        let pops = std::iter::from_fn(|| message.pop_front());
        let route = pops.take_while(|part| !part.is_empty()).collect();
        self.owed.push_back(Owed { requester: Some(taken.peer).filter(|_| taken.is_there), route });
        Ok((taken.peer, message))
    }

    fn can_recv(&self) -> bool {
        self.owed.len() <= self.further && !self.incoming.is_empty()
    }

    fn can_send(&self) -> bool {
        !self.owed.is_empty()
    }

    fn waiting(&self, peer: Peer) -> (usize, usize) {
        self.incoming.waiting(peer)
    }

    fn left_behind(&self) -> (usize, usize) {
        self.incoming.left_behind()
    }
}
