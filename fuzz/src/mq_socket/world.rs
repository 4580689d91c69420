//! A loop with a socket, and its peers.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process;
use std::time::Duration;

use ringmq::mq::{Dialect, HighWater, Message, Options, Socket, SocketType};
use ringmq::platform::Backend;
use ringmq::{Builder, Charge, Id, Memory, Reactor};

use super::peer::Peer;
use super::MAX;

/// The longest header.
const HEADER_LEN: usize = 9;

/// What a connection holds at the most of what was said to it before: what is being sent, and short pieces.
const AROUND: usize = 1 << 17;

/// A turn reads a buffer's worth; there are never so many bytes under way that it takes more turns.
const MOST_TURNS: usize = 10_000;

/// After so many turns in which nothing has happened nothing ever will.
const QUIET_TURNS: usize = 10;

/// What receives, and who sends to it.
const TYPES: [(SocketType, SocketType); 4] = [
    (SocketType::Pull, SocketType::Push),
    (SocketType::Dealer, SocketType::Dealer),
    (SocketType::Router, SocketType::Dealer),
    (SocketType::Sub, SocketType::Pub),
];

pub struct World {
    reactor: Reactor<()>,
    memory: Memory,
    socket_type: SocketType,
    is_ring: bool,
    socket: Id<Socket>,
    pub peers: Vec<Peer>,
    /// What the application has of the budget for itself.
    held: Option<Charge>,
}

impl World {
    pub fn new(setting: u8, more: usize, is_ring: bool) -> World {
        let backends: Vec<Backend> = Backend::ALL.iter().copied().filter(|one| one.is_available()).collect();
        let backend = backends[usize::from(setting & 3) % backends.len()];
        let least = MAX + HEADER_LEN + (1 << 16);
        let mut reactor = Builder::new().backend(backend).memory(least + more).build().expect("a reactor");
        let mut context = reactor.context();
        let memory = context.memory();
        let (socket_type, peer_type) = TYPES[usize::from(setting >> 2 & 3)];
        let is_ring = is_ring && socket_type == SocketType::Pull;
        let messages = if setting & 32 == 0 { 1000 } else { 1 };
        let high_water = HighWater { messages, bytes: 1 << 20 };
        let options = Options::new().max_part_len(MAX).recv_high_water(high_water);
        let options = options.dialect(if is_ring { Dialect::Any } else { Dialect::Zmtp });
        let socket = Socket::open_with(&mut context, socket_type, options, |_, _, _| ()).expect("a socket");
        let path = std::env::temp_dir().join(format!("ringmq-fuzz-{}", process::id()));
        let _ = fs::remove_file(&path); // of a process of the same number, that was ended
        socket.bind(&mut context, &format!("ipc://{}", path.display())).expect("a place to listen at");
        if socket_type == SocketType::Sub {
            socket.subscribe(&mut context, b"").expect("a subscription");
        }
        let mut world =
            World { reactor, memory, socket_type, is_ring, socket, peers: Vec::new(), held: None };
        for number in 0..=usize::from(setting >> 6) {
            let stream = UnixStream::connect(&path).expect("somebody who listens");
            world.peers.push(Peer::new(number, stream, peer_type, is_ring));
            let mut turns = 0;
            // Without a handshake it joins with what it says first.
            while world.peer_count() <= number && !is_ring {
                world.peers[number].write(usize::MAX);
                world.turn();
                turns += 1;
                assert!(turns < MOST_TURNS, "a peer does not join: {:?}", world.memory);
            }
        }
        world
    }

    fn peer_count(&mut self) -> usize {
        self.reactor.context().get(self.socket).map_or(0, Socket::peer_count)
    }

    pub fn turn(&mut self) {
        self.reactor.turn(&mut (), Some(Duration::ZERO)).expect("a turn");
    }

    /// The application takes so much of the budget, if there is as much.
    pub fn hold_back(&mut self, len: usize) {
        self.held = self.memory.charge(len).ok().or(self.held.take());
    }

    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Receives as many messages at the most.
    pub fn receive(&mut self, count: usize) {
        for _ in 0..count {
            match self.socket.recv(&mut self.reactor.context()) {
                Ok(message) => self.note(message),
                Err(_) => return,
            }
        }
    }

    /// It is the next one of its peer.
    fn note(&mut self, mut message: Message) {
        if self.socket_type == SocketType::Router {
            message.pop_front().expect("a name");
        }
        let number = usize::from(*message.first().first().expect("the number of a peer"));
        let peer = &mut self.peers[number];
        let queued = peer.expected.pop_front().expect("a message that was sent");
        assert!(queued.end <= peer.written_len, "it has not come whole");
        assert!(
            message.parts().map(|part| &part[..]).eq(queued.parts.iter().map(|part| &part[..])),
            "another message than was sent: parts of {:?} instead of {:?}",
            message.parts().map(|part| part.len()).collect::<Vec<_>>(),
            queued.parts.iter().map(Vec::len).collect::<Vec<_>>(),
        );
        peer.received_len = queued.end;
    }

    /// The budget is not exceeded, and what is held is in proportion to what was written, and never to what was announced.
    pub fn check(&self) {
        assert!(self.memory.used() <= self.memory.limit(), "{:?}", self.memory);
        let come = |peer: &Peer| 2 * (peer.written_len - peer.received_len) + AROUND;
        let most = self.peers.iter().map(come).sum::<usize>() + self.held.as_ref().map_or(0, Charge::len);
        assert!(self.memory.used() <= most, "more is held than has come: {:?}", self.memory);
    }

    /// All that is under way arrives, and those that have ended are let go.
    pub fn complete(&mut self) {
        self.let_go();
        let (mut turns, mut quiet_turns) = (0, 0);
        while turns < MOST_TURNS && quiet_turns < QUIET_TURNS {
            let before = self.progress();
            self.peers.iter_mut().for_each(|peer| peer.write(usize::MAX));
            self.turn();
            self.receive(1);
            self.check();
            turns += 1;
            quiet_turns = if self.progress() == before { quiet_turns + 1 } else { 0 };
        }
        let left: Vec<_> = self
            .peers
            .iter()
            .map(|peer| (peer.expected.len(), peer.unwritten.len(), peer.has_ended))
            .collect();
        let is_done = |peer: &Peer| peer.is_lost || peer.expected.is_empty() && peer.unwritten.is_empty();
        assert!(self.peers.iter().all(is_done), "{left:?} do not arrive in {turns} turns: {:?}", self.memory);
        let there = self.peers.iter().filter(|peer| !peer.has_ended).count();
        match self.is_ring {
            true => assert!(self.peer_count() <= there, "{left:?}"),
            false => assert_eq!(self.peer_count(), there, "{left:?}"),
        }
    }

    /// What is to be received, to be written and held. It changes with each step.
    fn progress(&self) -> (usize, usize, usize, u64) {
        let expected = self.peers.iter().map(|peer| peer.expected.len()).sum();
        let unwritten = self.peers.iter().map(|peer| peer.unwritten.len()).sum();
        (expected, unwritten, self.memory.used(), self.reactor.stats().bytes_read)
    }

    /// Closes it, whatever is under way, and its peers leave: nothing is held any more.
    pub fn close(mut self) {
        self.let_go();
        assert!(self.socket.close(&mut self.reactor.context(), Duration::ZERO, |_, _, _| ()));
        for _ in 0..QUIET_TURNS {
            self.turn();
        }
        assert!(self.reactor.context().get(self.socket).is_none(), "it is closed");
        // Who was told why it is let go has a moment to read it.
        self.peers.iter_mut().for_each(Peer::leave);
        for _ in 0..QUIET_TURNS {
            self.turn();
        }
        assert_eq!(self.memory.used(), 0, "held by nobody");
    }
}
