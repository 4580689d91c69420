//! PUSH: each message to one peer, to one after the other as long as they have room.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | send, a peer has room | [`One`](Recipients::One): the peers with room [take turns](super::round_robin) | `messages_go_to_peers_with_room_in_turn` |
//! | send, no peer has room | [`NoRoom`](NotSent::NoRoom) | `without_room_the_message_comes_back` |
//! | send, there is no peer | [`NoPeer`](NotSent::NoPeer) | `without_peers_the_message_comes_back` |
//! | receive | [`Unsupported`](NotReceived::Unsupported) | `nothing_is_received` |
//! | a message arrives | dropped, [`Unexpected`](Dropped::Unexpected) | `what_arrives_is_dropped` |

use super::{
    Arrival, Delivery, Dropped, IdentityInUse, Message, NotReceived, NotSent, Pattern, Peer, Recipients,
    RoundRobin, SocketType,
};

/// What a PUSH socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Pattern, Peer, Push, Recipients};
///
/// let mut push = Push::new();
/// push.joined(Peer(0), b"").unwrap();
/// push.joined(Peer(1), b"").unwrap();
/// for peer in [Peer(0), Peer(1), Peer(0)] {
///     assert_eq!(push.send("work".into()).unwrap().to, Recipients::One(peer));
/// }
/// ```
#[derive(Default, Debug)]
pub struct Push {
    peers: RoundRobin,
}

impl Push {
    /// Without peers.
    pub fn new() -> Push {
        Push::default()
    }

    /// Whom the next message goes to, whatever it is, if there is somebody.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Peer> {
        self.peers.next()
    }

    /// The only one that a message can go to, if it is one.
    pub(crate) fn only(&self) -> Option<Peer> {
        self.peers.only()
    }
}

impl Pattern for Push {
    fn socket_type(&self) -> SocketType {
        SocketType::Push
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.peers.joined(peer);
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.peers.left(peer);
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        self.peers.set_room(peer, has_room);
    }

    fn arrived(&mut self, _peer: Peer, _message: Message) -> Arrival {
        Arrival::Dropped(Dropped::Unexpected)
    }

    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        match self.peers.pick() {
            Ok(peer) => Ok(Delivery { message, to: Recipients::One(peer) }),
            Err(why) => Err((why, message)),
        }
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        Err(NotReceived::Unsupported(SocketType::Push))
    }

    fn can_recv(&self) -> bool {
        false
    }

    fn can_send(&self) -> bool {
        self.peers.has_room()
    }

    fn waiting(&self, _peer: Peer) -> (usize, usize) {
        (0, 0)
    }
}
