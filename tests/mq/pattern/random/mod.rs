//! Random histories: peers come, leave and run out of room, messages arrive, are sent and received, and each machine answers as its model
//! does. Of what is received it is asserted besides, without the model, that nothing comes twice, torn or out of order, that all is received
//! that was to be, and that nobody has two turns while another one waits for one.

mod ledger;
mod model;
mod naive;

use std::collections::BTreeMap;

use ringmq::mq::pattern::{
    Arrival, Dealer, Delivery, NotReceived, Pattern, Peer, Pub, Pull, Push, Recipients, Rep, Req, Router, Sub,
};
use ringmq::mq::{Message, Part, SocketType};

use ledger::{Ledger, Turns};
use model::{Model, Options};

/// Numbers of peers: few, so that they are used again while messages of former ones wait.
const PEERS: std::ops::Range<u32> = 0..6;

/// What machines can be asked that is not of the trait.
enum Extra {
    Subscribe(Vec<u8>),
    Unsubscribe(Vec<u8>),
    Look(Peer),
}

trait Machine: Pattern {
    /// What it answers, as text.
    fn extra(&mut self, _what: &Extra) -> String {
        String::new()
    }
}

impl Machine for Push {}
impl Machine for Pull {}
impl Machine for Dealer {}
impl Machine for Req {}
impl Machine for Rep {}

impl Machine for Sub {
    fn extra(&mut self, what: &Extra) -> String {
        match what {
            Extra::Subscribe(prefix) => format!("{:?}", self.subscribe(prefix)),
            Extra::Unsubscribe(prefix) => format!("{:?}", self.unsubscribe(prefix)),
            Extra::Look(_) => format!("{:?}", self.prefixes().collect::<Vec<_>>()),
        }
    }
}

impl Machine for Pub {
    fn extra(&mut self, what: &Extra) -> String {
        match what {
            Extra::Look(peer) => format!("{:?}", (self.take_missed(), self.subscriptions(*peer))),
            _ => String::new(),
        }
    }
}

impl Machine for Router {
    fn extra(&mut self, what: &Extra) -> String {
        match what {
            Extra::Look(peer) => format!("{:?}", (self.displaced(), self.name(*peer))),
            _ => String::new(),
        }
    }
}

struct History<M> {
    machine: M,
    model: Model,
    rng: fastrand::Rng,
    /// Those that are there, each with the number of who it is of all that have been.
    there: BTreeMap<Peer, u64>,
    outgoing: Turns<Peer>,
    ledger: Ledger,
    counter: u64,
    /// What was sent last: a reply is made of it.
    requests: Vec<Message>,
    sent_count: usize,
}

impl<M: Machine> History<M> {
    fn kind(&self) -> SocketType {
        self.model.socket_type()
    }

    fn peer(&mut self) -> Peer {
        Peer(self.rng.u32(PEERS))
    }

    fn topic(&mut self) -> Vec<u8> {
        let len = self.rng.usize(0..5);
        (0..len).map(|_| self.rng.choice(*b"ab").expect("a byte")).collect()
    }

    fn step(&mut self) {
        match self.rng.u32(0..20) {
            0 | 1 => self.join(),
            2 => self.leave(),
            3 | 4 => {
                let (peer, has_room) = (self.peer(), self.rng.bool());
                self.set_room(peer, has_room);
            }
            5..=10 => self.arrive(),
            11..=13 => self.send(),
            14..=16 => drop(self.receive()),
            17 => {
                let (peer, topic, is_on) = (self.peer(), self.topic(), self.rng.bool());
                self.machine.subscribed(peer, &topic, is_on);
                self.model.subscribed(peer, &topic, is_on);
            }
            _ => {
                let (peer, topic) = (self.peer(), self.topic());
                let all = [Extra::Subscribe(topic.clone()), Extra::Unsubscribe(topic), Extra::Look(peer)];
                let extra = &all[self.rng.usize(0..3)];
                assert_eq!(self.machine.extra(extra), self.model.extra(extra));
            }
        }
        assert_eq!(self.machine.can_send(), self.model.can_send());
        assert_eq!(self.machine.can_recv(), self.model.can_recv());
        for peer in PEERS.map(Peer) {
            assert_eq!(self.machine.waiting(peer), self.model.waiting(peer));
        }
        assert_eq!(self.machine.left_behind(), self.model.left_behind());
    }

    fn join(&mut self) {
        let peer = self.peer();
        let names = [&b""[..], b"", b"a", b"b", b"\0\0\0\0\x01", b"\0\0\0\0\x02"];
        let name = self.rng.choice(names).expect("a name");
        self.gone(peer);
        let answer = self.machine.joined(peer, name);
        assert_eq!(answer, self.model.joined(peer, name));
        if answer.is_ok() {
            self.counter += 1;
            self.there.insert(peer, self.counter);
            self.outgoing.wants(peer);
        }
    }

    fn gone(&mut self, peer: Peer) {
        self.there.remove(&peer);
        self.outgoing.gone(peer);
    }

    fn leave(&mut self) {
        let peer = self.peer();
        self.gone(peer);
        self.machine.left(peer);
        self.model.left(peer);
    }

    fn set_room(&mut self, peer: Peer, has_room: bool) {
        self.machine.set_room(peer, has_room);
        self.model.set_room(peer, has_room);
        match has_room && self.there.contains_key(&peer) {
            true => self.outgoing.wants(peer),
            false => self.outgoing.gone(peer),
        }
    }

    /// A message as a peer of this type may send it, right or wrong, with the number behind what it has of parts.
    fn incoming(&mut self, number: u64) -> Message {
        let topic = Part::from(self.topic());
        let mut before = match self.rng.u32(0..7) {
            0 => vec![],
            1 => vec![topic],
            2 => vec![topic, Part::EMPTY],
            3 => vec![topic.clone(), topic, Part::EMPTY, Part::EMPTY],
            _ => vec![Part::EMPTY],
        };
        match self.kind() {
            SocketType::Pub if self.rng.bool() => {
                let kind = self.rng.u8(0..3);
                return Message::from([&[kind][..], &self.topic()].concat());
            }
            SocketType::Rep | SocketType::Req if self.rng.u32(0..8) == 0 => {
                before.retain(|part| !part.is_empty());
                before.push(Part::EMPTY);
                return Message::from_parts(before).expect("a part");
            }
            SocketType::Req if self.rng.u32(0..4) > 0 => {
                let request = self.rng.choice(self.requests.iter()).map(Message::parts);
                let parts = request.into_iter().flatten().cloned();
                before = parts.take_while(|part| !part.is_empty()).chain([Part::EMPTY]).collect();
            }
            _ => {}
        }
        before.push(format!("#{number}").into());
        Message::from_parts(before).expect("a part")
    }

    fn arrive(&mut self) {
        self.counter += 1;
        let number = self.counter;
        let message = self.incoming(number);
        let peer = match self.model.asked() {
            Some(asked) if self.rng.u32(0..4) > 0 => asked,
            _ => self.peer(),
        };
        let answer = self.machine.arrived(peer, message.clone());
        assert_eq!(answer, self.model.arrived(peer, message.clone()));
        if answer == Arrival::Queued {
            let sender = *self.there.get(&peer).unwrap_or(&0);
            self.ledger.queued(number, sender, message);
        }
    }

    fn send(&mut self) {
        let mut message = Message::from(self.topic());
        if self.rng.bool() {
            message.push_back("body");
        }
        if self.kind() == SocketType::Router {
            let peer = self.peer();
            let name = self.model.name(peer).map_or(Part::from("nobody"), Part::from);
            message.push_front(name);
        }
        let mut answer = self.machine.send(message.clone());
        if let Ok(Delivery { to: Recipients::Many(peers), .. }) = &mut answer {
            peers.sort();
        }
        let mut expected = self.model.send(message);
        if let Ok(Delivery { to: Recipients::Many(peers), .. }) = &mut expected {
            peers.sort();
        }
        assert_eq!(answer, expected);
        let Ok(Delivery { message, to }) = answer else { return };
        self.sent_count += 1;
        match (self.kind(), to) {
            (SocketType::Push | SocketType::Dealer, Recipients::One(peer)) => self.outgoing.had(peer, true),
            (SocketType::Req, Recipients::One(peer)) => {
                self.outgoing.had(peer, true);
                self.requests.insert(0, message);
                self.requests.truncate(3);
                // Those that have come for a request which is given up are never received.
                self.ledger.given_up();
            }
            _ => {}
        }
    }

    fn receive(&mut self) -> Result<(), NotReceived> {
        let answer = self.machine.recv();
        assert_eq!(answer, self.model.recv());
        answer.map(|(_, message)| self.ledger.received(self.kind(), &message))
    }

    /// Everybody leaves, and what is there is received to its end.
    fn end(&mut self) {
        for peer in PEERS.map(Peer) {
            self.machine.left(peer);
            self.model.left(peer);
        }
        while self.machine.can_recv() || self.kind() == SocketType::Rep && self.machine.can_send() {
            match self.receive() {
                Err(NotReceived::OutOfTurn) => self.send(),
                answer => assert!(answer.is_ok() || answer == Err(NotReceived::PeerLeft)),
            }
        }
        assert!(self.ledger.waiting.is_empty(), "never received: {:?}", self.ledger.waiting);
    }
}

/// Says where a history failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the history of seed {}", self.0);
        }
    }
}

fn play<M: Machine>(options: Options, new: impl Fn() -> M) {
    let (mut received_count, mut sent_count) = (0, 0);
    for seed in 0..30 {
        let _seed = Seed(seed);
        let machine = new();
        let model = Model::new(machine.socket_type(), options);
        let mut history = History {
            machine,
            model,
            rng: fastrand::Rng::with_seed(seed),
            there: BTreeMap::new(),
            outgoing: Turns::new(),
            ledger: Ledger::new(),
            counter: 0,
            requests: Vec::new(),
            sent_count: 0,
        };
        (0..1000).for_each(|_| history.step());
        history.end();
        received_count += history.ledger.received_count;
        sent_count += history.sent_count;
    }
    let kind = new().socket_type();
    assert_eq!(
        (received_count > 200, sent_count > 200),
        (kind.can_receive(), kind.can_send()),
        "too little happens"
    );
}

#[test]
fn push_does_as_its_model() {
    play(Options::default(), Push::new);
}

#[test]
fn pull_does_as_its_model() {
    play(Options::default(), Pull::new);
}

#[test]
fn dealer_does_as_its_model() {
    play(Options::default(), Dealer::new);
}

#[test]
fn publisher_does_as_its_model() {
    play(Options::default(), Pub::new);
}

#[test]
fn subscriber_does_as_its_model() {
    play(Options::default(), Sub::new);
}

#[test]
fn router_does_as_its_model() {
    play(Options::default(), Router::new);
    play(Options { is_mandatory: true, ..Options::default() }, || Router::new().mandatory());
    play(Options { hands_over: true, ..Options::default() }, || Router::new().handover());
}

#[test]
fn req_does_as_its_model() {
    play(Options::default(), Req::new);
    play(Options { is_correlated: true, ..Options::default() }, || Req::new().correlated());
    play(Options { is_correlated: true, is_relaxed: true, ..Options::default() }, || Req::new().relaxed());
}

#[test]
fn rep_does_as_its_model() {
    play(Options::default(), Rep::new);
}
