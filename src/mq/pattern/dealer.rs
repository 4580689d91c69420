//! DEALER: out like a PUSH, in like a PULL, and each message as it is.
//!
//! With an empty first part a message is a request that a REP understands. Nothing here takes care of that.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | send, a peer has room | [`One`](Recipients::One): the peers with room [take turns](super::round_robin) | `messages_go_to_peers_with_room_in_turn_as_they_are` |
//! | send, no peer has room | [`NoRoom`](NotSent::NoRoom) | `without_room_the_message_comes_back` |
//! | send, there is no peer | [`NoPeer`](NotSent::NoPeer) | `without_peers_the_message_comes_back` |
//! | a message arrives | it waits | `what_arrives_is_received_as_it_is` |
//! | receive, messages wait | one; the peers with some [take turns](super::fair_queue) | `peers_with_messages_take_turns` |
//! | receive, none waits | [`Empty`](NotReceived::Empty) | `nothing_is_received_of_nothing` |
//! | a peer leaves | it is sent nothing more; what it had sent is received | `who_left_is_received_from_to_its_end` |

use super::fair_queue::LaneEnd;
use super::{
    Arrival, Delivery, FairQueue, IdentityInUse, Message, NotReceived, NotSent, Pattern, Peer, Recipients,
    RoundRobin, SocketType,
};

/// What a DEALER socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Dealer, Pattern, Peer, Recipients};
/// use ringmq::mq::Message;
///
/// let mut dealer = Dealer::new();
/// dealer.joined(Peer(0), b"").unwrap();
/// let request = Message::from_parts(["", "what time is it?"]).unwrap();
/// let delivery = dealer.send(request.clone()).unwrap();
/// assert_eq!((delivery.message, delivery.to), (request, Recipients::One(Peer(0))));
/// ```
#[derive(Default, Debug)]
pub struct Dealer {
    peers: RoundRobin,
    incoming: FairQueue,
}

impl Dealer {
    /// Without peers.
    pub fn new() -> Dealer {
        Dealer::default()
    }

    /// Whom the next message goes to, whatever it is, if there is somebody.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Peer> {
        self.peers.next()
    }

    /// What is to be received, where nothing is changed by that.
    #[inline]
    pub(in crate::mq) fn incoming(&mut self) -> &mut FairQueue {
        &mut self.incoming
    }

    /// The only one that a message can go to, if it is one.
    pub(crate) fn only(&self) -> Option<Peer> {
        self.peers.only()
    }

    /// Where messages of a peer are put: nothing else comes of one.
    #[inline]
    pub(in crate::mq) fn lane_end(&mut self, peer: Peer) -> Option<LaneEnd<'_>> {
        self.incoming.lane_end(peer)
    }
}

impl Pattern for Dealer {
    fn socket_type(&self) -> SocketType {
        SocketType::Dealer
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.peers.joined(peer);
        self.incoming.joined(peer, ());
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.peers.left(peer);
        self.incoming.left(peer);
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        self.peers.set_room(peer, has_room);
    }

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        self.incoming.push(peer, message)
    }

    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        match self.peers.pick() {
            Ok(peer) => Ok(Delivery { message, to: Recipients::One(peer) }),
            Err(why) => Err((why, message)),
        }
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        self.incoming.pop_plain().ok_or(NotReceived::Empty)
    }

    fn can_recv(&self) -> bool {
        !self.incoming.is_empty()
    }

    fn can_send(&self) -> bool {
        self.peers.has_room()
    }

    fn waiting(&self, peer: Peer) -> (usize, usize) {
        self.incoming.waiting(peer)
    }

    fn left_behind(&self) -> (usize, usize) {
        self.incoming.left_behind()
    }
}
