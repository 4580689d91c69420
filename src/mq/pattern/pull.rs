//! PULL: what all peers send, one message of each in turn.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | a message arrives | it waits | `what_arrives_is_received_whole` |
//! | receive, messages wait | one; the peers with some [take turns](super::fair_queue) | `peers_with_messages_take_turns` |
//! | receive, none waits | [`Empty`](NotReceived::Empty) | `nothing_is_received_of_nothing` |
//! | a peer leaves | what it had sent is received | `who_left_is_received_from_to_its_end` |
//! | send | [`Unsupported`](NotSent::Unsupported) | `nothing_is_sent` |

use super::fair_queue::LaneEnd;
use super::{
    Arrival, Delivery, FairQueue, IdentityInUse, Message, NotReceived, NotSent, Pattern, Peer, SocketType,
};

/// What a PULL socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Pattern, Peer, Pull};
///
/// let mut pull = Pull::new();
/// for peer in [Peer(0), Peer(1)] {
///     pull.joined(peer, b"").unwrap();
///     pull.arrived(peer, "first".into());
///     pull.arrived(peer, "second".into());
/// }
/// assert_eq!(pull.recv().unwrap(), (Peer(0), "first".into()));
/// assert_eq!(pull.recv().unwrap(), (Peer(1), "first".into()));
/// assert_eq!(pull.recv().unwrap(), (Peer(0), "second".into()));
/// ```
#[derive(Default, Debug)]
pub struct Pull {
    incoming: FairQueue,
}

impl Pull {
    /// Without peers.
    pub fn new() -> Pull {
        Pull::default()
    }

    /// What is to be received, where nothing is changed by that.
    #[inline]
    pub(in crate::mq) fn incoming(&mut self) -> &mut FairQueue {
        &mut self.incoming
    }

    /// Where messages of a peer are put: nothing else comes of one.
    #[inline]
    pub(in crate::mq) fn lane_end(&mut self, peer: Peer) -> Option<LaneEnd<'_>> {
        self.incoming.lane_end(peer)
    }
}

impl Pattern for Pull {
    fn socket_type(&self) -> SocketType {
        SocketType::Pull
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.incoming.joined(peer, ());
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.incoming.left(peer);
    }

    fn set_room(&mut self, _peer: Peer, _has_room: bool) {}

    #[inline]
    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        self.incoming.push(peer, message)
    }

    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        Err((NotSent::Unsupported(SocketType::Pull), message))
    }

    #[inline]
    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        self.incoming.pop_plain().ok_or(NotReceived::Empty)
    }

    fn can_recv(&self) -> bool {
        !self.incoming.is_empty()
    }

    fn can_send(&self) -> bool {
        false
    }

    fn waiting(&self, peer: Peer) -> (usize, usize) {
        self.incoming.waiting(peer)
    }

    fn left_behind(&self) -> (usize, usize) {
        self.incoming.left_behind()
    }
}
