//! A loop with a few connections in frames, their peers, and what is known of every byte under way.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::io::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use ringmq::codec::LengthPrefix;
use ringmq::platform::{net, Backend};
use ringmq::{Builder, Context, Framed, Id, Memory, Reactor, SendError};

use super::side::{frame, see, send, End, Link, Mode, Side, Unsent, HEADER_LEN, MAX};
use super::transport::{check_budget, Trouble, Troubled};

pub struct Peer {
    /// None once the peer has gone.
    socket: Option<UnixStream>,
    trouble: Rc<Trouble>,
    /// None once the application has removed it.
    pub id: Option<Id<Link>>,
    /// What the peer has still to write.
    pub unwritten: VecDeque<u8>,
    /// Whether it has read the end of what it is sent.
    pub has_read_end: bool,
}

pub struct World {
    pub reactor: Reactor<Vec<Side>>,
    pub memory: Memory,
    pub sides: Vec<Side>,
    pub peers: Vec<Peer>,
    /// How many bodies were made, so that no two are alike.
    body_count: u8,
}

impl World {
    /// With so many connections, on one of the system's backends, and a budget of so many bytes, but at least what a frame takes.
    pub fn new(backend: u8, count: usize, budget: usize) -> World {
        let backends: Vec<Backend> = Backend::ALL.iter().copied().filter(|one| one.is_available()).collect();
        let backend = backends[usize::from(backend) % backends.len()];
        let longest = HEADER_LEN + MAX;
        let mut reactor =
            Builder::new().backend(backend).memory(budget.max(longest)).build().expect("a reactor");
        let memory = reactor.context().memory();
        let mut world = World { reactor, memory, sides: Vec::new(), peers: Vec::new(), body_count: 0 };
        for number in 0..count {
            let (near, socket) = UnixStream::pair().expect("a pair");
            near.set_nonblocking(true).expect("non-blocking");
            let trouble = Rc::<Trouble>::default();
            let memory = world.memory.clone();
            let transport = Troubled { socket, trouble: Rc::clone(&trouble), memory };
            let link = Framed::new(LengthPrefix::new(MAX), transport, &world.memory).expect("a link");
            // What is set aside for reading is as long as the longest frame.
            let sending_limit = world.memory.limit() - longest;
            world.sides.push(Side { sending_limit, ..Side::default() });
            let (unwritten, has_read_end) = Default::default();
            world.peers.push(Peer { socket: Some(near), trouble, id: None, unwritten, has_read_end });
            world.add(number, link);
        }
        world
    }

    pub fn count(&self) -> usize {
        self.peers.len()
    }

    fn add(&mut self, number: usize, link: Link) {
        let callback = move |sides: &mut Vec<Side>, context: &mut Context<'_, Vec<Side>>, id| {
            see(number, sides, context, id);
        };
        self.peers[number].id = Some(self.reactor.context().add(link, callback).expect("on the loop"));
    }

    /// What has to hold at all times: the budget is not exceeded, and all that is known to be held is charged to it.
    pub fn check(&mut self) {
        check_budget(&self.memory);
        let context = self.reactor.context();
        let held_by = |(peer, side): (&Peer, &Side)| {
            let link = context.get(peer.id?)?;
            Some(link.unsent_len() + peer.trouble.received.get() - side.seen_len)
        };
        let held: usize = self.peers.iter().zip(&self.sides).filter_map(held_by).sum();
        assert!(held <= self.memory.used(), "{held} bytes are held: {:?}", self.memory);
    }

    pub fn turn(&mut self) {
        self.reactor.turn(&mut self.sides, Some(Duration::ZERO)).expect("a turn");
    }

    /// Has the callback look again from now on in another way, if that is the application's to see to: it has left frames.
    pub fn set_mode(&mut self, number: usize, mode: Mode) {
        self.sides[number].mode = mode;
        if self.sides[number].has_left_frames {
            self.fire(number);
        }
    }

    fn fire(&mut self, number: usize) {
        if let Some(id) = self.peers[number].id {
            self.reactor.context().fire(id);
        }
    }

    /// Does something to a link that is on the loop.
    fn with_link<R>(&mut self, number: usize, act: impl FnOnce(&mut Link, &mut Side) -> R) -> Option<R> {
        let id = self.peers[number].id?;
        let side = &mut self.sides[number];
        let mut context = self.reactor.context();
        context.get_mut(id).map(|link| act(link, side))
    }

    /// A body whose bytes differ from their neighbours, and from those of others.
    fn body(&mut self, len: usize) -> Vec<u8> {
        self.body_count = self.body_count.wrapping_add(1);
        (0..len).map(|at| (at ^ at >> 8) as u8 ^ self.body_count).collect()
    }

    /// A frame more for the peer to write.
    pub fn queue(&mut self, number: usize, len: usize) {
        if self.sides[number].end.is_none() {
            let body = self.body(len);
            self.peers[number].unwritten.extend(frame(&body));
            self.sides[number].expected.push_back(body);
        }
    }

    /// A header more, of a frame that is too long, and nothing that counts behind it.
    pub fn queue_too_long(&mut self, number: usize) {
        let (peer, side) = (&mut self.peers[number], &mut self.sides[number]);
        if side.end.is_none() {
            peer.unwritten.extend((MAX as u32 + 1).to_be_bytes());
            peer.unwritten.extend([0; 9]);
            side.end = Some(End::TooLong);
        }
    }

    /// The peer writes at most so many bytes.
    pub fn write(&mut self, number: usize, len: usize) {
        let peer = &mut self.peers[number];
        let Some(socket) = &mut peer.socket else { return };
        let (front, _) = peer.unwritten.as_slices();
        let front = &front[..front.len().min(len)];
        if front.is_empty() {
            return;
        }
        // Not by std: a fuzzer does not ignore SIGPIPE.
        match net::send(socket.as_fd(), front) {
            Ok(len) => drop(peer.unwritten.drain(..len)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => assert!(self.sides[number].is_lost, "{error}"),
        }
    }

    /// The peer reads at most so many bytes, which are those that were sent, and the end behind the last of them.
    pub fn read(&mut self, number: usize, len: usize) {
        let (peer, side) = (&mut self.peers[number], &mut self.sides[number]);
        let Some(socket) = &mut peer.socket else { return };
        let mut bytes = vec![0; len];
        let len = match socket.read(&mut bytes) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => return assert!(side.is_lost, "{error}"),
        };
        assert!(len <= side.sent.len(), "{len} bytes arrived of {} that were sent", side.sent.len());
        assert!(side.sent.drain(..len).eq(bytes[..len].iter().copied()), "other bytes than were sent");
        if len == 0 {
            assert!(side.is_lost || side.has_finished, "an end that nobody has asked for");
            assert!(side.is_lost || side.sent.is_empty(), "an end with {} bytes to come", side.sent.len());
            peer.has_read_end = true;
        }
    }

    /// The application sends a message of this length, in one of three ways. One that is refused it sends once it is told of room.
    pub fn send(&mut self, number: usize, len: usize, way: u8) {
        let body = self.body(len);
        self.with_link(number, |link, side| {
            side.note_room(link);
            let before = link.unsent_len();
            let result = send(link, way, &body);
            let queued = link.unsent_len() - before;
            match result {
                Ok(()) => {
                    assert_eq!(queued, HEADER_LEN + len);
                    return side.note_sent(&body);
                }
                Err(SendError::Frame(_)) => assert!(len > MAX),
                Err(SendError::Full(full)) => {
                    if side.note_refusal(full) {
                        side.keep(Unsent { way, body });
                    }
                }
                Err(SendError::Closed) => side.check_closed(),
                Err(error) => panic!("{error}"),
            }
            assert_eq!(queued, 0, "what is refused leaves nothing behind");
        });
    }

    pub fn set_marks(&mut self, number: usize, high: usize, low: usize) {
        self.with_link(number, |link, _| {
            link.set_high_water(high);
            link.set_low_water(low);
        });
    }

    /// The application sends nothing more. What it has kept since it was refused it sends no more either.
    pub fn finish(&mut self, number: usize) {
        self.with_link(number, |link, side| {
            link.finish();
            side.has_finished = true;
        });
    }

    /// Takes a link off the loop, makes another of its stream, and goes on with that; unless its decoder has given an error, which the other
    /// would know nothing of.
    pub fn take_over(&mut self, number: usize) {
        if self.sides[number].error.is_none() {
            let go_on =
                |link: Link| Framed::over(LengthPrefix::new(MAX), link.into_stream()).expect("a link");
            self.move_by(number, go_on);
        }
    }

    /// Takes a link off the loop, and puts it on again as it is.
    pub fn add_again(&mut self, number: usize) {
        self.move_by(number, |link| link);
    }

    /// What was to be delivered to a link that is removed is not, so its callback has to be fired once it is on the loop again.
    fn move_by(&mut self, number: usize, change: impl FnOnce(Link) -> Link) {
        let Some(id) = self.peers[number].id else { return };
        let link = self.reactor.context().remove(id).expect("a link");
        self.add(number, change(link));
        self.fire(number);
    }

    pub fn trouble(&self, number: usize) -> &Trouble {
        &self.peers[number].trouble
    }

    /// The connection fails in every call from now on, of which the kernel tells.
    pub fn break_connection(&mut self, number: usize) {
        let peer = &self.peers[number];
        peer.trouble.is_broken.set(true);
        self.sides[number].is_lost = true;
        // It fails where that is so already.
        let _ = peer.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Both));
    }

    /// The peer finishes, perhaps in the middle of a frame: what it has not written by now it never will.
    pub fn shut_down(&mut self, number: usize) {
        let (peer, side) = (&mut self.peers[number], &mut self.sides[number]);
        let Some(socket) = &peer.socket else { return };
        if side.end.is_some() {
            return;
        }
        // It fails where the other end has gone.
        let _ = socket.shutdown(Shutdown::Write);
        let mut unwritten = peer.unwritten.len();
        peer.unwritten.clear();
        side.end = Some(End::Clean);
        while unwritten > 0 {
            let body = side.expected.pop_back().expect("a frame of which something is not written");
            let len = HEADER_LEN + body.len();
            if unwritten < len {
                side.end = Some(End::Truncated);
            }
            unwritten = unwritten.saturating_sub(len);
        }
    }

    /// The peer goes, and whatever is under way is lost.
    pub fn drop_peer(&mut self, number: usize) {
        self.peers[number].socket = None;
        self.sides[number].is_lost = true;
    }

    pub fn end_trouble(&mut self, number: usize) {
        self.peers[number].trouble.end();
    }

    /// Nothing is kept of what is gone.
    pub fn remove_all(mut self) {
        for peer in &self.peers {
            peer.id.map(|id| self.reactor.context().remove(id));
        }
        assert_eq!(self.memory.used(), 0);
    }
}
