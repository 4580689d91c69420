//! PUB: each message to all peers that have subscribed to what its first part begins with.
//!
//! It never waits for anybody: who has no room misses the message, and the others get it.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | a peer subscribes | it gets what begins with that | `a_subscriber_gets_what_begins_with_its_prefix` |
//! | a peer subscribes to the same again, and then once no longer | it gets it no more, as libzmq's subscribers expect | `one_end_ends_any_number_of_subscriptions` |
//! | a peer subscribes that is not there | nothing | `who_is_not_there_subscribes_to_nothing` |
//! | a message arrives: one part that begins with 01 or 00 | [`Taken`](Arrival::Taken): subscribed to what is behind it, or no longer | `subscriptions_come_as_messages_too` |
//! | another one arrives | dropped, [`Unexpected`](Dropped::Unexpected) | `what_is_no_subscription_is_dropped` |
//! | one arrives of a peer that is not there | dropped, [`PeerLeft`](Dropped::PeerLeft) | `who_is_not_there_subscribes_to_nothing` |
//! | send, one subscriber has room | [`One`](Recipients::One) | `a_subscriber_gets_what_begins_with_its_prefix` |
//! | send, several have room | [`Many`](Recipients::Many), each once | `a_message_goes_once_to_each_of_its_subscribers` |
//! | send, some have no room | the others, and [it is counted](Pub::take_missed) how many miss it | `who_has_no_room_misses_the_message_and_is_counted` |
//! | send, none has room | [`Nobody`](Recipients::Nobody), [`NoRoom`](Dropped::NoRoom), and it is counted likewise | `a_message_for_which_nobody_has_room_is_dropped` |
//! | send, nobody has subscribed to it | [`Nobody`](Recipients::Nobody), [`NoSubscriber`](Dropped::NoSubscriber) | `what_nobody_subscribed_to_is_dropped` |
//! | a peer leaves | so do its subscriptions | `the_subscriptions_of_who_left_are_gone` |
//! | receive | [`Unsupported`](NotReceived::Unsupported) | `nothing_is_received` |

use super::slots::Peers;
use super::{
    Arrival, Delivery, Dropped, IdentityInUse, Message, NotReceived, NotSent, Pattern, Peer, Prefixes,
    Recipients, SocketType,
};

/// What a PUB socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Dropped, Pattern, Peer, Pub, Recipients};
///
/// let mut publisher = Pub::new();
/// publisher.joined(Peer(0), b"").unwrap();
/// publisher.subscribed(Peer(0), b"weather", true);
/// assert_eq!(publisher.send("weather: rain".into()).unwrap().to, Recipients::One(Peer(0)));
/// assert_eq!(publisher.send("sports".into()).unwrap().to, Recipients::Nobody(Dropped::NoSubscriber));
/// ```
#[derive(Default, Debug)]
pub struct Pub {
    peers: Peers,
    /// Those of the peers without room.
    full: Peers,
    prefixes: Prefixes,
    missed: u64,
}

impl Pub {
    /// Without peers.
    pub fn new() -> Pub {
        Pub::default()
    }

    /// How often since it was last asked a subscriber has missed a message for want of room: twice for a message that two have missed.
    pub fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    /// How many prefixes a peer has subscribed to, and how many bytes they have together: they take memory as long as it is there, so its
    /// owner may want to part with one that subscribes without end.
    pub fn subscriptions(&self, peer: Peer) -> (usize, usize) {
        self.prefixes.held_by(peer)
    }
}

impl Pattern for Pub {
    fn socket_type(&self) -> SocketType {
        SocketType::Pub
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.left(peer);
        self.peers.insert(peer);
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.peers.remove(&peer);
        self.full.remove(&peer);
        self.prefixes.forget(peer);
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        if has_room {
            self.full.remove(&peer);
        } else if self.peers.contains(&peer) {
            self.full.insert(peer);
        }
    }

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        if !self.peers.contains(&peer) {
            return Arrival::Dropped(Dropped::PeerLeft);
        }
        match message.first().split_first() {
            Some((&kind @ (0 | 1), prefix)) if message.part_count() == 1 => {
                self.subscribed(peer, prefix, kind == 1);
                Arrival::Taken
            }
            _ => Arrival::Dropped(Dropped::Unexpected),
        }
    }

    fn subscribed(&mut self, peer: Peer, prefix: &[u8], is_on: bool) {
        if !is_on {
            self.prefixes.remove(peer, prefix);
        } else if self.peers.contains(&peer) {
            self.prefixes.add(peer, prefix);
        }
    }

    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        let Pub { full, prefixes, missed, .. } = self;
        let missed_before = *missed;
        let (mut first, mut others) = (None, Vec::new());
        prefixes.matching(message.first(), |peer| {
            if full.contains(&peer) {
                *missed += 1;
            } else if let Some(first) = first {
                if others.is_empty() {
                    others.push(first);
                }
                others.push(peer);
            } else {
                first = Some(peer);
            }
        });
        let to = match first {
            Some(_) if !others.is_empty() => Recipients::Many(others),
            Some(peer) => Recipients::One(peer),
            None if *missed > missed_before => Recipients::Nobody(Dropped::NoRoom),
            None => Recipients::Nobody(Dropped::NoSubscriber),
        };
        Ok(Delivery { message, to })
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        Err(NotReceived::Unsupported(SocketType::Pub))
    }

    fn can_recv(&self) -> bool {
        false
    }

    fn can_send(&self) -> bool {
        true
    }

    fn waiting(&self, _peer: Peer) -> (usize, usize) {
        (0, 0)
    }
}
