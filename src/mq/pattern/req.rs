//! REQ: a request to one peer after the other, and its reply before the next one.
//!
//! The state *idle* is the turn to send; *asked*: a reply is awaited; *answered*: it waits to be received; *lost*: the peer that was asked
//! has left without one. What is not in the table is answered as the state's other rows say, and changes nothing.
//!
//! | state | what happens | answer | state then | rule |
//! |---|---|---|---|---|
//! | idle | send, a peer has room | [`One`](Recipients::One): the peers with room take turns; before the body goes an empty part | asked | `a_request_goes_to_the_next_peer_behind_an_empty_part` |
//! | idle | send, there is no peer, or none has room | [`NoPeer`](NotSent::NoPeer), [`NoRoom`](NotSent::NoRoom) | idle | `a_request_takes_a_peer_with_room` |
//! | idle | receive | [`OutOfTurn`](NotReceived::OutOfTurn) | idle | `nothing_is_received_before_a_request` |
//! | idle | a message arrives | dropped, [`Unasked`](Dropped::Unasked) | idle | `what_nobody_asked_for_is_dropped` |
//! | asked | send | [`OutOfTurn`](NotSent::OutOfTurn) | asked | `a_second_request_is_out_of_turn` |
//! | asked | receive | [`Empty`](NotReceived::Empty) | asked | `a_reply_is_waited_for` |
//! | asked | a message of the peer that was asked: an empty part, and more | it waits, without the empty part | answered | `the_reply_is_what_is_behind_the_empty_part` |
//! | asked | one of the peer that was asked that does not begin so | dropped, [`NoDelimiter`](Dropped::NoDelimiter) | asked | `a_reply_without_the_empty_part_is_dropped_and_a_right_one_taken` |
//! | asked | a message of another peer | dropped, [`Unasked`](Dropped::Unasked) | asked | `only_the_peer_that_was_asked_is_listened_to` |
//! | asked | the peer that was asked leaves | | lost | `the_one_that_was_asked_leaves_and_it_is_said_once` |
//! | asked | another peer leaves | | asked | `another_one_that_leaves_changes_nothing` |
//! | answered | receive | the reply | idle | `after_the_reply_another_request_may_be_sent` |
//! | answered | send | [`OutOfTurn`](NotSent::OutOfTurn) | answered | `a_reply_is_received_before_the_next_request` |
//! | answered | a message arrives | dropped, [`Unasked`](Dropped::Unasked) | answered | `a_second_reply_is_dropped` |
//! | answered | a peer leaves | | answered | `a_reply_outlives_who_sent_it` |
//! | lost | receive | [`PeerLeft`](NotReceived::PeerLeft) | idle | `the_one_that_was_asked_leaves_and_it_is_said_once` |
//! | lost | send | [`OutOfTurn`](NotSent::OutOfTurn) | lost | `a_loss_is_heard_of_before_the_next_request` |
//! | lost | a message arrives | dropped, [`Unasked`](Dropped::Unasked) | lost | `nobody_answers_for_who_left` |
//! | asked, answered, lost | send, [relaxed](Req::relaxed), a peer has room | as when idle; the request before is given up, its reply or loss with it | asked | `a_relaxed_one_may_ask_again` |
//! | asked | a reply with another number, [correlated](Req::correlated) | dropped, [`Unasked`](Dropped::Unasked) | asked | `a_late_reply_to_a_request_that_was_given_up_is_dropped` |

use super::{
    Arrival, Delivery, Dropped, IdentityInUse, Message, NotReceived, NotSent, Part, Pattern, Peer,
    Recipients, RoundRobin, SocketType,
};

/// What a REQ socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Arrival, Pattern, Peer, Recipients, Req};
/// use ringmq::mq::Message;
///
/// let mut req = Req::new();
/// req.joined(Peer(3), b"").unwrap();
/// let delivery = req.send("how much?".into()).unwrap();
/// assert_eq!(delivery.to, Recipients::One(Peer(3)));
/// assert_eq!(delivery.message, Message::from_parts(["", "how much?"]).unwrap());
///
/// assert_eq!(req.arrived(Peer(3), Message::from_parts(["", "nothing"]).unwrap()), Arrival::Queued);
/// assert_eq!(req.recv().unwrap(), (Peer(3), "nothing".into()));
/// ```
#[derive(Default, Debug)]
pub struct Req {
    state: State,
    peers: RoundRobin,
    is_relaxed: bool,
    is_correlated: bool,
    /// Of the last request.
    number: u32,
}

#[derive(Default, Debug)]
enum State {
    #[default]
    Idle,
    Asked(Peer),
    Answered {
        peer: Peer,
        /// Whether another peer has the number of the one that sent it by now.
        is_former: bool,
        reply: Message,
    },
    Lost,
}

impl Req {
    /// Without peers; every request waits for the reply to the one before.
    pub fn new() -> Req {
        Req::default()
    }

    /// The next request may be sent without waiting for the reply to the one before, which is given up with that. It is
    /// [correlated](Self::correlated) as well, since the late reply would else be taken for the next one's.
    #[must_use]
    pub fn relaxed(self) -> Req {
        Req { is_relaxed: true, ..self.correlated() }
    }

    /// Each request bears a number, four bytes in a part of their own before the empty one, and only a reply with the same number is its
    /// reply. A REP sends it back as part of the envelope.
    #[must_use]
    pub fn correlated(self) -> Req {
        Req { is_correlated: true, ..self }
    }

    /// Whether it is the turn to send a request of which nobody need know but who sends it.
    pub(in crate::mq) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.is_correlated
    }

    /// A peer was asked by somebody else, and what it replies comes here.
    pub(in crate::mq) fn was_asked(&mut self, peer: Peer) {
        self.state = State::Asked(peer);
    }

    fn may_send(&self) -> bool {
        self.is_relaxed || matches!(self.state, State::Idle)
    }

    /// The reply that a message of the peer that was asked is.
    fn unwrapped(&self, mut message: Message) -> Result<Message, Dropped> {
        if self.is_correlated {
            if message.first()[..] != self.number.to_be_bytes() {
                return Err(Dropped::Unasked);
            }
            message.pop_front().ok_or(Dropped::NoDelimiter)?;
        }
        if !message.first().is_empty() {
            return Err(Dropped::NoDelimiter);
        }
        message.pop_front().ok_or(Dropped::NoDelimiter)?;
        Ok(message)
    }
}

impl Pattern for Req {
    fn socket_type(&self) -> SocketType {
        SocketType::Req
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.left(peer);
        self.peers.joined(peer);
        match &mut self.state {
            State::Answered { peer: from, is_former, .. } if *from == peer => *is_former = true,
            _ => {}
        }
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.peers.left(peer);
        if matches!(self.state, State::Asked(asked) if asked == peer) {
            self.state = State::Lost;
        }
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        self.peers.set_room(peer, has_room);
    }

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        if !matches!(self.state, State::Asked(asked) if asked == peer) {
            return Arrival::Dropped(Dropped::Unasked);
        }
        match self.unwrapped(message) {
            Ok(reply) => {
                self.state = State::Answered { peer, is_former: false, reply };
                Arrival::Queued
            }
            Err(why) => Arrival::Dropped(why),
        }
    }

    fn send(&mut self, mut message: Message) -> Result<Delivery, (NotSent, Message)> {
        if !self.may_send() {
            return Err((NotSent::OutOfTurn, message));
        }
        let peer = match self.peers.pick() {
            Ok(peer) => peer,
            Err(why) => return Err((why, message)),
        };
        message.push_front(Part::EMPTY);
        if self.is_correlated {
            self.number = self.number.wrapping_add(1);
            message.push_front(&self.number.to_be_bytes());
        }
        self.state = State::Asked(peer);
        Ok(Delivery { message, to: Recipients::One(peer) })
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => Err(NotReceived::OutOfTurn),
            State::Asked(peer) => {
                self.state = State::Asked(peer);
                Err(NotReceived::Empty)
            }
            State::Answered { peer, reply, .. } => Ok((peer, reply)),
            State::Lost => Err(NotReceived::PeerLeft),
        }
    }

    fn can_recv(&self) -> bool {
        matches!(self.state, State::Answered { .. } | State::Lost)
    }

    fn can_send(&self) -> bool {
        self.may_send() && self.peers.has_room()
    }

    fn waiting(&self, peer: Peer) -> (usize, usize) {
        match &self.state {
            State::Answered { peer: from, is_former: false, reply } if *from == peer => (1, reply.len()),
            _ => (0, 0),
        }
    }
}
