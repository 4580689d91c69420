//! SUB: what all peers publish of what is subscribed to, one message of each in turn.
//!
//! Publishers filter, but not all do, and none at once. So what arrives is filtered again.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | subscribe to what is not subscribed to | the peers are to be told | `the_peers_are_told_of_the_first_subscription_to_a_prefix` |
//! | subscribe to it again | they are not | `the_peers_are_told_of_the_first_subscription_to_a_prefix` |
//! | unsubscribe, as often as subscribed | they are to be told with the last time | `the_peers_are_told_when_the_last_subscription_ends` |
//! | unsubscribe from what is not subscribed to | nothing | `what_was_not_subscribed_to_does_not_end` |
//! | a peer joins | it is to be told [all prefixes](Sub::prefixes) | `who_joins_is_to_be_told_each_prefix_once` |
//! | a message arrives that begins with a prefix | it waits | `what_is_subscribed_to_is_received` |
//! | another one arrives | dropped, [`NotSubscribed`](Dropped::NotSubscribed) | `what_is_not_subscribed_to_is_dropped` |
//! | unsubscribe while messages wait | they are received | `what_has_arrived_is_received` |
//! | receive, messages wait | one; the peers with some [take turns](super::fair_queue) | `peers_with_messages_take_turns` |
//! | receive, none waits | [`Empty`](NotReceived::Empty) | `nothing_is_received_of_nothing` |
//! | a peer leaves | what it had sent is received | `who_left_is_received_from_to_its_end` |
//! | send | [`Unsupported`](NotSent::Unsupported) | `nothing_is_sent` |

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{
    Arrival, Delivery, Dropped, FairQueue, IdentityInUse, Message, NotReceived, NotSent, Pattern, Peer,
    SocketType,
};

/// What a SUB socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Arrival, Dropped, Pattern, Peer, Sub};
///
/// let mut subscriber = Sub::new();
/// subscriber.joined(Peer(0), b"").unwrap();
/// assert!(subscriber.subscribe(b"weather"));
/// assert!(!subscriber.subscribe(b"weather")); // the peers know
/// assert_eq!(subscriber.arrived(Peer(0), "weather: rain".into()), Arrival::Queued);
/// assert_eq!(subscriber.arrived(Peer(0), "sports".into()), Arrival::Dropped(Dropped::NotSubscribed));
/// ```
#[derive(Default, Debug)]
pub struct Sub {
    /// How often each is subscribed to: at least once.
    prefixes: BTreeMap<Box<[u8]>, usize>,
    incoming: FairQueue,
}

impl Sub {
    /// Without peers, and subscribed to nothing.
    pub fn new() -> Sub {
        Sub::default()
    }

    /// Subscribes to what begins with `prefix`, once more if it is already; the answer is whether the peers are to be told.
    pub fn subscribe(&mut self, prefix: &[u8]) -> bool {
        if let Some(count) = self.prefixes.get_mut(prefix) {
            *count += 1;
            return false;
        }
        self.prefixes.insert(prefix.into(), 1);
        true
    }

    /// Takes back one subscription to `prefix`; the answer is whether that was the last one, and so the peers are to be told. What has
    /// arrived is received all the same.
    pub fn unsubscribe(&mut self, prefix: &[u8]) -> bool {
        match self.prefixes.get_mut(prefix) {
            None => false,
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            Some(_) => self.prefixes.remove(prefix).is_some(),
        }
    }

    /// What is subscribed to, each once: what a new peer is to be told.
    pub fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        self.prefixes.keys().map(|prefix| &**prefix)
    }

    fn wants(&self, mut topic: &[u8]) -> bool {
        // Of all prefixes that are not behind the topic in order, the last one is tried. A shorter one that fits would be before it, and
        // would fit it as well, so it lies within what the two have in common.
        loop {
            let range = (Bound::Unbounded, Bound::Included(topic));
            let last = match self.prefixes.range::<[u8], _>(range).next_back() {
                Some((last, _)) => last,
                None => return false,
            };
            if topic.starts_with(last) {
                return true;
            }
            let common = last.iter().zip(topic).take_while(|(one, other)| one == other).count();
            topic = &topic[..common];
        }
    }
}

impl Pattern for Sub {
    fn socket_type(&self) -> SocketType {
        SocketType::Sub
    }

    fn joined(&mut self, peer: Peer, _identity: &[u8]) -> Result<(), IdentityInUse> {
        self.incoming.joined(peer, ());
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.incoming.left(peer);
    }

    fn set_room(&mut self, _peer: Peer, _has_room: bool) {}

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        if !self.wants(message.first()) {
            return Arrival::Dropped(Dropped::NotSubscribed);
        }
        self.incoming.push(peer, message)
    }

    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        Err((NotSent::Unsupported(SocketType::Sub), message))
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        let taken = self.incoming.pop().ok_or(NotReceived::Empty)?;
        Ok((taken.peer, taken.message))
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
