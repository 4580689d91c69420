//! What the machines should do, said once more, with plain lists.

use ringmq::mq::pattern::{
    Arrival, Delivery, Dropped, IdentityInUse, NotReceived, NotSent, Pattern, Peer, Recipients,
};
use ringmq::mq::{Message, Part, SocketType};

use super::naive::{Incoming, Known};
use super::{Extra, Machine};

#[derive(Clone, Copy, Default)]
pub struct Options {
    pub is_relaxed: bool,
    pub is_correlated: bool,
    pub is_mandatory: bool,
    pub hands_over: bool,
}

enum Turn {
    Idle,
    Asked(Peer),
    Answered,
    Lost,
    Owing(Option<Peer>, Vec<Part>),
}

pub struct Model {
    kind: SocketType,
    options: Options,
    peers: Vec<Known>,
    incoming: Incoming,
    turn: Turn,
    now: u64,
    request: u32,
    given: u32,
    displaced: Option<Peer>,
    missed: u64,
    /// What a SUB has subscribed to, as often as it has.
    wanted: Vec<Vec<u8>>,
}

impl Model {
    pub fn new(kind: SocketType, options: Options) -> Model {
        Model {
            kind,
            options,
            peers: Vec::new(),
            incoming: Incoming::default(),
            turn: Turn::Idle,
            now: 0,
            request: 0,
            given: 0,
            displaced: None,
            missed: 0,
            wanted: Vec::new(),
        }
    }

    pub fn name(&self, peer: Peer) -> Option<&[u8]> {
        self.peers.iter().find(|known| known.peer == peer).map(|known| &known.name[..])
    }

    pub fn asked(&self) -> Option<Peer> {
        match self.turn {
            Turn::Asked(peer) => Some(peer),
            _ => None,
        }
    }

    fn known(&mut self, peer: Peer) -> Option<&mut Known> {
        self.peers.iter_mut().find(|known| known.peer == peer)
    }

    fn pick(&mut self) -> Result<Peer, NotSent> {
        self.now += 1;
        if self.peers.is_empty() {
            return Err(NotSent::NoPeer);
        }
        let roomy = self.peers.iter_mut().filter(|known| known.roomy_since.is_some());
        let next = roomy.min_by_key(|known| known.roomy_since).ok_or(NotSent::NoRoom)?;
        next.roomy_since = Some(self.now);
        Ok(next.peer)
    }

    fn may_request(&self) -> bool {
        self.options.is_relaxed || matches!(self.turn, Turn::Idle)
    }

    fn queue(&mut self, peer: Peer, message: Message) -> Arrival {
        match self.incoming.push(peer, message) {
            true => Arrival::Queued,
            false => Arrival::Dropped(Dropped::PeerLeft),
        }
    }

    fn reply_arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        let parts = message.into_parts();
        let number = self.request.to_be_bytes();
        let mut body = &parts[..];
        if self.asked() != Some(peer) || self.options.is_correlated && body[0][..] != number {
            return Arrival::Dropped(Dropped::Unasked);
        }
        if self.options.is_correlated {
            body = &body[1..];
        }
        match body {
            [delimiter, body @ ..] if delimiter.is_empty() && !body.is_empty() => {
                self.turn = Turn::Answered;
                let reply = Message::from_parts(body.to_vec()).expect("a part");
                self.queue(peer, reply)
            }
            _ => Arrival::Dropped(Dropped::NoDelimiter),
        }
    }

    fn upstream_arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        if self.known(peer).is_none() {
            return Arrival::Dropped(Dropped::PeerLeft);
        }
        let parts = message.into_parts();
        match &parts[..] {
            [only] if only.first() == Some(&1) => self.subscribed(peer, &only[1..], true),
            [only] if only.first() == Some(&0) => self.subscribed(peer, &only[1..], false),
            _ => return Arrival::Dropped(Dropped::Unexpected),
        }
        Arrival::Taken
    }

    fn publish(&mut self, topic: &[u8]) -> Recipients {
        let wants = |known: &&Known| known.prefixes.iter().any(|prefix| topic.starts_with(prefix));
        let subscribers: Vec<&Known> = self.peers.iter().filter(wants).collect();
        let roomy = subscribers.iter().filter(|known| known.roomy_since.is_some());
        let to: Vec<Peer> = roomy.map(|known| known.peer).collect();
        self.missed += (subscribers.len() - to.len()) as u64;
        match (to.len(), subscribers.len()) {
            (0, 0) => Recipients::Nobody(Dropped::NoSubscriber),
            (0, _) => Recipients::Nobody(Dropped::NoRoom),
            (1, _) => Recipients::One(to[0]),
            _ => Recipients::Many(to),
        }
    }

    fn route(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        let mut parts = message.clone().into_parts();
        if parts.len() == 1 {
            return Err((NotSent::NothingToRoute, message));
        }
        let name = parts.remove(0);
        let (drop, fault) = match self.peers.iter().find(|known| known.name == name) {
            Some(Known { peer, roomy_since: Some(_), .. }) => {
                let message = Message::from_parts(parts).expect("a part");
                return Ok(Delivery { message, to: Recipients::One(*peer) });
            }
            Some(_) => (Dropped::NoRoom, NotSent::NoRoom),
            None => (Dropped::NoRoute, NotSent::NoPeer),
        };
        match self.options.is_mandatory {
            true => Err((fault, message)),
            false => Ok(Delivery { message, to: Recipients::Nobody(drop) }),
        }
    }

    fn request(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        if !self.may_request() {
            return Err((NotSent::OutOfTurn, message));
        }
        let peer = match self.pick() {
            Ok(peer) => peer,
            Err(why) => return Err((why, message)),
        };
        self.request += 1;
        let number = self.options.is_correlated.then(|| Part::from(&self.request.to_be_bytes()));
        let parts = number.into_iter().chain([Part::EMPTY]).chain(message.into_parts());
        self.turn = Turn::Asked(peer);
        self.incoming.clear();
        Ok(Delivery { message: Message::from_parts(parts).expect("a part"), to: Recipients::One(peer) })
    }

    fn reply(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        let (requester, envelope) = match std::mem::replace(&mut self.turn, Turn::Idle) {
            Turn::Owing(requester, envelope) => (requester, envelope),
            _ => return Err((NotSent::OutOfTurn, message)),
        };
        let message = Message::from_parts(envelope.into_iter().chain(message.into_parts())).expect("a part");
        let to = match requester.and_then(|peer| self.known(peer)) {
            Some(Known { peer, roomy_since: Some(_), .. }) => Recipients::One(*peer),
            Some(_) => Recipients::Nobody(Dropped::NoRoom),
            None => Recipients::Nobody(Dropped::RequesterLeft),
        };
        Ok(Delivery { message, to })
    }
}

impl Pattern for Model {
    fn socket_type(&self) -> SocketType {
        self.kind
    }

    fn joined(&mut self, peer: Peer, identity: &[u8]) -> Result<(), IdentityInUse> {
        self.left(peer);
        let mut name = Part::from(identity);
        if self.kind == SocketType::Router {
            self.displaced = self.peers.iter().find(|known| known.name == name).map(|known| known.peer);
            match self.displaced {
                Some(other) if self.options.hands_over => self.left(other),
                Some(_) => {
                    self.displaced = None;
                    return Err(IdentityInUse);
                }
                None => {}
            }
            while name.is_empty() || self.peers.iter().any(|known| known.name == name) {
                self.given += 1;
                name = Part::from([&[0][..], &self.given.to_be_bytes()].concat());
            }
        }
        self.now += 1;
        self.incoming.joined(peer, name.clone());
        self.peers.push(Known { peer, name, roomy_since: Some(self.now), prefixes: Vec::new() });
        Ok(())
    }

    fn left(&mut self, peer: Peer) {
        self.incoming.left(peer);
        self.peers.retain(|known| known.peer != peer);
        match &mut self.turn {
            Turn::Asked(asked) if *asked == peer => self.turn = Turn::Lost,
            Turn::Owing(requester, _) if *requester == Some(peer) => *requester = None,
            _ => {}
        }
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        self.now += 1;
        let now = self.now;
        if let Some(known) = self.known(peer) {
            known.roomy_since = has_room.then(|| known.roomy_since.unwrap_or(now));
        }
    }

    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival {
        let delimiter = message.parts().position(|part| part.is_empty());
        let topic = message.first();
        match self.kind {
            SocketType::Push => Arrival::Dropped(Dropped::Unexpected),
            SocketType::Pub => self.upstream_arrived(peer, message),
            SocketType::Req => self.reply_arrived(peer, message),
            SocketType::Rep if delimiter.map_or(true, |at| at + 1 == message.part_count()) => {
                Arrival::Dropped(Dropped::NoDelimiter)
            }
            SocketType::Sub if !self.wanted.iter().any(|prefix| topic.starts_with(prefix)) => {
                Arrival::Dropped(Dropped::NotSubscribed)
            }
            _ => self.queue(peer, message),
        }
    }

    fn subscribed(&mut self, peer: Peer, prefix: &[u8], is_on: bool) {
        let is_pub = self.kind == SocketType::Pub;
        if let Some(known) = self.known(peer).filter(|_| is_pub) {
            known.prefixes.retain(|other| other != prefix);
            known.prefixes.extend(is_on.then(|| prefix.to_vec()));
        }
    }

    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)> {
        match self.kind {
            SocketType::Push | SocketType::Dealer => match self.pick() {
                Ok(peer) => Ok(Delivery { message, to: Recipients::One(peer) }),
                Err(why) => Err((why, message)),
            },
            SocketType::Pub => Ok(Delivery { to: self.publish(message.first()), message }),
            SocketType::Router => self.route(message),
            SocketType::Req => self.request(message),
            SocketType::Rep => self.reply(message),
            SocketType::Pull | SocketType::Sub => Err((NotSent::Unsupported(self.kind), message)),
        }
    }

    fn recv(&mut self) -> Result<(Peer, Message), NotReceived> {
        match (&self.kind, &self.turn) {
            (SocketType::Push | SocketType::Pub, _) => return Err(NotReceived::Unsupported(self.kind)),
            (SocketType::Req, Turn::Idle) | (SocketType::Rep, Turn::Owing(..)) => {
                return Err(NotReceived::OutOfTurn)
            }
            (SocketType::Req, Turn::Lost) => {
                self.turn = Turn::Idle;
                return Err(NotReceived::PeerLeft);
            }
            (SocketType::Req, Turn::Answered) => self.turn = Turn::Idle,
            _ => {}
        }
        let (peer, name, is_there, message) = self.incoming.pop().ok_or(NotReceived::Empty)?;
        let mut parts = message.into_parts();
        match self.kind {
            SocketType::Router => parts.insert(0, name),
            SocketType::Rep => {
                let delimiter = parts.iter().position(|part| part.is_empty()).expect("a delimiter");
                let body = parts.split_off(delimiter + 1);
                let envelope = std::mem::replace(&mut parts, body);
                self.turn = Turn::Owing(is_there.then_some(peer), envelope);
            }
            _ => {}
        }
        Ok((peer, Message::from_parts(parts).expect("a part")))
    }

    fn can_recv(&self) -> bool {
        match (self.kind, &self.turn) {
            (SocketType::Req, Turn::Lost) => true,
            (SocketType::Rep, Turn::Owing(..)) => false,
            _ => !self.incoming.is_empty(),
        }
    }

    fn can_send(&self) -> bool {
        let has_room = self.peers.iter().any(|known| known.roomy_since.is_some());
        match self.kind {
            SocketType::Pub => true,
            SocketType::Pull | SocketType::Sub => false,
            SocketType::Rep => matches!(self.turn, Turn::Owing(..)),
            SocketType::Req => self.may_request() && has_room,
            SocketType::Push | SocketType::Dealer | SocketType::Router => has_room,
        }
    }

    fn waiting(&self, peer: Peer) -> (usize, usize) {
        self.incoming.waiting(peer)
    }

    fn left_behind(&self) -> (usize, usize) {
        match self.kind {
            SocketType::Req => (0, 0), // its one reply is bounded by itself
            _ => self.incoming.left_behind(),
        }
    }
}

impl Machine for Model {
    fn extra(&mut self, what: &Extra) -> String {
        match (self.kind, what) {
            (SocketType::Sub, Extra::Subscribe(prefix)) => {
                self.wanted.push(prefix.clone());
                let count = self.wanted.iter().filter(|other| *other == prefix).count();
                format!("{:?}", count == 1)
            }
            (SocketType::Sub, Extra::Unsubscribe(prefix)) => {
                let found = self.wanted.iter().position(|other| other == prefix);
                found.map(|at| self.wanted.remove(at));
                format!("{:?}", found.is_some() && !self.wanted.contains(prefix))
            }
            (SocketType::Sub, Extra::Look(_)) => {
                let mut prefixes: Vec<&[u8]> = self.wanted.iter().map(|prefix| &prefix[..]).collect();
                prefixes.sort();
                prefixes.dedup();
                format!("{prefixes:?}")
            }
            (SocketType::Pub, Extra::Look(peer)) => {
                let missed = std::mem::take(&mut self.missed);
                let held = self.known(*peer).map_or((0, 0), |known| {
                    (known.prefixes.len(), known.prefixes.iter().map(Vec::len).sum())
                });
                format!("{:?}", (missed, held))
            }
            (SocketType::Router, Extra::Look(peer)) => format!("{:?}", (self.displaced, self.name(*peer))),
            _ => String::new(),
        }
    }
}
