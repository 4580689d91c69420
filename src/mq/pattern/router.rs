//! ROUTER: each message with the name of its peer before it, in either direction.
//!
//! A peer is called what it calls itself. To one that has no name for itself a name is given that nobody else has: a zero byte and four
//! more. Names never go over the wire.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | a peer joins that has a name | it is called that | `a_peer_is_called_what_it_calls_itself` |
//! | one joins that has none | it is given one of five bytes, the first of which is zero | `who_has_no_name_is_given_one` |
//! | one joins by the name of another | [`IdentityInUse`]; the other one stays, and this one is not there | `a_name_in_use_is_refused` |
//! | the same, with [handover](Router::handover) | the name is the new one's; [the other one](Router::displaced) is as one that left | `a_name_is_handed_over` |
//! | a message arrives | it waits, with the name before it | `what_arrives_is_received_behind_its_peers_name` |
//! | one arrives of a peer that is not there | dropped, [`PeerLeft`](Dropped::PeerLeft) | `a_name_in_use_is_refused` |
//! | receive, messages wait | one; the peers with some [take turns](super::fair_queue) | `peers_with_messages_take_turns` |
//! | receive, none waits | [`Empty`](NotReceived::Empty) | `nothing_is_received_of_nothing` |
//! | a peer leaves | its name is free; what it had sent is received | `who_left_is_received_from_to_its_end` |
//! | send, a peer has the name that is the first part | [`One`](Recipients::One), without the name | `a_message_goes_to_the_peer_that_its_first_part_names` |
//! | send, that peer has no room | [`Nobody`](Recipients::Nobody), [`NoRoom`](Dropped::NoRoom) | `a_message_that_finds_no_room_is_dropped` |
//! | send, no peer has the name | [`Nobody`](Recipients::Nobody), [`NoRoute`](Dropped::NoRoute) | `a_message_for_a_stranger_is_dropped` |
//! | the same two, [mandatory](Router::mandatory) | [`NoRoom`](NotSent::NoRoom), [`NoPeer`](NotSent::NoPeer) | `a_mandatory_message_comes_back` |
//! | send, a message of one part | [`NothingToRoute`](NotSent::NothingToRoute) | `a_name_alone_is_no_message` |

use std::collections::HashMap;

use super::slots::Numbered;
use super::{
    Arrival, Delivery, Dropped, FairQueue, IdentityInUse, Message, NotReceived, NotSent, Part, Pattern, Peer,
    Recipients, SocketType,
};

/// What a ROUTER socket does with its messages.
///
/// ```
/// use ringmq::mq::pattern::{Pattern, Peer, Recipients, Router};
/// use ringmq::mq::Message;
///
/// let mut router = Router::new();
/// router.joined(Peer(3), b"Ann").unwrap();
/// router.arrived(Peer(3), "hello".into());
/// assert_eq!(router.recv().unwrap().1, Message::from_parts(["Ann", "hello"]).unwrap());
///
/// let delivery = router.send(Message::from_parts(["Ann", "good day"]).unwrap()).unwrap();
/// assert_eq!((delivery.message, delivery.to), ("good day".into(), Recipients::One(Peer(3))));
/// ```
#[derive(Default, Debug)]
pub struct Router {
    /// By names that peers choose, so not by [`Numbered`]'s quick way.
    routes: HashMap<Box<[u8]>, Route>,
    names: Numbered<Peer, Part>,
    /// How many routes have room.
    roomy_count: usize,
    /// Each with its peer's name.
    incoming: FairQueue<Part>,
    /// The number in the last name that was given.
    given: u32,
    displaced: Option<Peer>,
    is_mandatory: bool,
    hands_over: bool,
}

#[derive(Debug)]
struct Route {
    peer: Peer,
    has_room: bool,
}

impl Router {
    /// Without peers; neither mandatory nor with handover.
    pub fn new() -> Router {
        Router::default()
    }

    /// A message that no peer has the name for, or whose peer has no room, is handed back instead of dropped.
    #[must_use]
    pub fn mandatory(self) -> Router {
        Router { is_mandatory: true, ..self }
    }

    /// A peer that joins by another's name takes it over.
    #[must_use]
    pub fn handover(self) -> Router {
        Router { hands_over: true, ..self }
    }

    /// The peer whose name the last one to join has taken over, if it has: it is not there any more for this machine, so its owner will
    /// want to part with it.
    pub fn displaced(&self) -> Option<Peer> {
        self.displaced
    }

    /// What a peer is called, by itself or by us.
    pub fn name(&self, peer: Peer) -> Option<&[u8]> {
        self.names.get(&peer).map(|name| &name[..])
    }

    fn new_name(&mut self) -> Part {
        loop {
            self.given = self.given.wrapping_add(1);
            let [a, b, c, d] = self.given.to_be_bytes();
            let name = [0, a, b, c, d];
            // A peer may call itself so, and after 2^32 peers the names come round again.
            if !self.routes.contains_key(&name[..]) {
                return Part::from(&name);
            }
        }
    }

    fn refused(
        &self,
        drop: Dropped,
        fault: NotSent,
        message: Message,
    ) -> Result<Delivery, (NotSent, Message)> {
        if self.is_mandatory {
            return Err((fault, message));
        }
        Ok(Delivery { message, to: Recipients::Nobody(drop) })
    }
}

impl Pattern for Router {
    fn socket_type(&self) -> SocketType {
        SocketType::Router
    }

    fn joined(&mut self, peer: Peer, identity: &[u8]) -> Result<(), IdentityInUse> {
        self.left(peer);
        self.displaced = self.routes.get(identity).map(|route| route.peer);
        match self.displaced {
            Some(other) if self.hands_over => self.left(other),
            Some(_) => {
                self.displaced = None;
                return Err(IdentityInUse);
            }
            None => {}
        }
        // A long name is kept once for all that need it.
        let mut name = if identity.is_empty() { self.new_name() } else { Part::from(identity) };
        self.names.insert(peer, name.share());
        self.routes.insert(name[..].into(), Route { peer, has_room: true });
        self.roomy_count += 1;
        self.incoming.joined(peer, name);
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.incoming.left(peer);
        if let Some(name) = self.names.remove(&peer) {
            let route = self.routes.remove(&name[..]);
            self.roomy_count -= usize::from(route.map_or(false, |route| route.has_room));
        }
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        let name = self.names.get(&peer);
        if let Some(route) = name.and_then(|name| self.routes.get_mut(&name[..])) {
            self.roomy_count -= usize::from(route.has_room);
            self.roomy_count += usize::from(has_room);
            route.has_room = has_room;
        }
    }

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        self.incoming.push(peer, message)
    }

    fn send(&mut self, mut message: Message) -> Result<Delivery, (NotSent, Message)> {
        if message.part_count() == 1 {
            return Err((NotSent::NothingToRoute, message));
        }
        match self.routes.get(&message.first()[..]) {
            Some(route) if route.has_room => {
                let to = Recipients::One(route.peer);
                message.pop_front();
                Ok(Delivery { message, to })
            }
            Some(_) => self.refused(Dropped::NoRoom, NotSent::NoRoom, message),
            None => self.refused(Dropped::NoRoute, NotSent::NoPeer, message),
        }
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        let mut taken = self.incoming.pop().ok_or(NotReceived::Empty)?;
        taken.message.push_front(taken.label);
        Ok((taken.peer, taken.message))
    }

    fn can_recv(&self) -> bool {
        !self.incoming.is_empty()
    }

    fn can_send(&self) -> bool {
        self.roomy_count > 0
    }

    fn waiting(&self, peer: Peer) -> (usize, usize) {
        self.incoming.waiting(peer)
    }

    fn left_behind(&self) -> (usize, usize) {
        self.incoming.left_behind()
    }
}
