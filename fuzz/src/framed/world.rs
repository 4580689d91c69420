//! A loop with a few connections in frames, their peers, and what is known of every byte under way.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::io::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmq::codec::{FrameError, LengthPrefix};
use ringmq::platform::{net, Backend};
use ringmq::{Body, Builder, Context, Framed, Id, Memory, Reactor, SendError};

use super::transport::{Trouble, Troubled};

type Link = Framed<LengthPrefix, Troubled>;

/// The longest frame that is sent is this long: longer than a segment, and than a buffer.
pub const MAX: usize = 80_000;

/// What a callback does with the frames that it finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Takes all.
    Take,
    /// Answers each with the same; one for whose answer there is no room goes back.
    Echo,
    /// Takes one and leaves the others.
    One,
    /// Looks at one and puts it back.
    PutBack,
    /// Does not look.
    Leave,
}

/// How the stream that a peer sends ends, once it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Clean,
    Truncated,
    TooLong,
}

/// What the application has to do with a connection.
struct Side {
    mode: Mode,
    /// The frames that it has still to see.
    expected: VecDeque<Vec<u8>>,
    /// The bytes that the peer has still to read.
    sent: VecDeque<u8>,
    error: Option<FrameError>,
}

struct Peer {
    /// None once the peer has gone.
    socket: Option<UnixStream>,
    trouble: Rc<Trouble>,
    id: Option<Id<Link>>,
    /// What the peer has still to write.
    unsent: VecDeque<u8>,
    end: Option<End>,
    /// Whether it broke, so that nothing is certain any more.
    is_lost: bool,
}

pub struct World {
    reactor: Reactor<Vec<Side>>,
    memory: Memory,
    sides: Vec<Side>,
    peers: Vec<Peer>,
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// Bytes that differ from their neighbours, and from those of other seeds.
fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at ^ at >> 8) as u8 ^ seed).collect()
}

/// What a callback does; the connection's number is that of its side.
fn see(number: usize, sides: &mut [Side], context: &mut Context<'_, Vec<Side>>, id: Id<Link>) {
    let side = &mut sides[number];
    if side.mode == Mode::Leave {
        return;
    }
    let Some(link) = context.get_mut(id) else { return };
    let (mut frames, mut outlet) = link.split();
    while let Some(found) = frames.next() {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                assert_eq!(side.error, None, "an error is told once");
                side.error = Some(error);
                break;
            }
        };
        let expected = side.expected.front().expect("a frame that was sent");
        assert!(
            found.body == &expected[..],
            "{} bytes, where {} were sent",
            found.body.len(),
            expected.len()
        );
        match side.mode {
            Mode::PutBack => {
                frames.put_back();
                break;
            }
            Mode::Echo => match outlet.send((), found.body) {
                Ok(()) => side.sent.extend(frame(found.body)),
                Err(SendError::Full(_)) => {
                    frames.put_back();
                    break;
                }
                Err(SendError::Closed) => {}
                Err(error) => panic!("{error}"),
            },
            _ => {}
        }
        side.expected.pop_front();
        if side.mode == Mode::One {
            break;
        }
    }
}

impl World {
    /// With so many connections, on one of the system's backends, and a budget of so many bytes, but at least what a frame takes.
    pub fn new(backend: u8, count: usize, budget: usize) -> World {
        let backends: Vec<Backend> = Backend::ALL.iter().copied().filter(|one| one.is_available()).collect();
        let backend = backends[usize::from(backend) % backends.len()];
        let mut reactor =
            Builder::new().backend(backend).memory(budget.max(MAX + 4)).build().expect("a reactor");
        let memory = reactor.context().memory();
        let mut world = World { reactor, memory, sides: Vec::new(), peers: Vec::new() };
        for number in 0..count {
            let (near, socket) = UnixStream::pair().expect("a pair");
            near.set_nonblocking(true).expect("non-blocking");
            let trouble = Rc::<Trouble>::default();
            let transport = Troubled { socket, trouble: Rc::clone(&trouble) };
            let link = Framed::new(LengthPrefix::new(MAX), transport, &world.memory).expect("a link");
            let (expected, sent, error) = Default::default();
            world.sides.push(Side { mode: Mode::Take, expected, sent, error });
            let (unsent, end) = Default::default();
            world.peers.push(Peer { socket: Some(near), trouble, id: None, unsent, end, is_lost: false });
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

    /// What has to hold at all times.
    pub fn check(&self) {
        assert!(self.memory.used() <= self.memory.limit(), "{:?}", self.memory);
    }

    pub fn turn(&mut self) {
        self.reactor.turn(&mut self.sides, Some(Duration::ZERO)).expect("a turn");
    }

    pub fn set_mode(&mut self, number: usize, mode: Mode) {
        self.sides[number].mode = mode;
        self.fire(number);
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

    /// A frame more for the peer to write.
    pub fn queue(&mut self, number: usize, len: usize) {
        let peer = &mut self.peers[number];
        if peer.end.is_none() {
            let body = pattern(len, len as u8);
            peer.unsent.extend(frame(&body));
            self.sides[number].expected.push_back(body);
        }
    }

    /// A header more, of a frame that is too long, and nothing that counts behind it.
    pub fn queue_too_long(&mut self, number: usize) {
        let peer = &mut self.peers[number];
        if peer.end.is_none() {
            peer.unsent.extend((MAX as u32 + 1).to_be_bytes());
            peer.unsent.extend([0; 9]);
            peer.end = Some(End::TooLong);
        }
    }

    /// The peer writes at most so many bytes.
    pub fn write(&mut self, number: usize, len: usize) {
        let peer = &mut self.peers[number];
        let Some(socket) = &mut peer.socket else { return };
        let (front, _) = peer.unsent.as_slices();
        let front = &front[..front.len().min(len)];
        if front.is_empty() {
            return;
        }
        // Not by std: a fuzzer does not ignore SIGPIPE.
        match net::send(socket.as_fd(), front) {
            Ok(len) => drop(peer.unsent.drain(..len)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // The link has failed, and is closed, or was removed.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => peer.is_lost = true,
            Err(error) => panic!("{error}"),
        }
    }

    /// The peer reads at most so many bytes, which are those that were sent.
    pub fn read(&mut self, number: usize, len: usize) {
        let peer = &mut self.peers[number];
        let Some(socket) = &mut peer.socket else { return };
        let mut bytes = vec![0; len];
        let len = match socket.read(&mut bytes) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                peer.is_lost = true;
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let sent = &mut self.sides[number].sent;
        assert!(len <= sent.len(), "{len} bytes arrived of {} that were sent", sent.len());
        assert!(sent.drain(..len).eq(bytes[..len].iter().copied()), "other bytes than were sent");
    }

    /// The application sends a message of this length, in one of three ways.
    pub fn send(&mut self, number: usize, len: usize, way: u8) {
        let body = pattern(len, way);
        self.with_link(number, |link, side| {
            let before = link.unsent_len();
            let error = match way % 3 {
                0 => link.send((), &body).err(),
                1 => link
                    .send_owned((), body.clone())
                    .map_err(|unsent| check_body(unsent.body, &body, unsent.error))
                    .err(),
                _ => {
                    let shared: Arc<[u8]> = body.clone().into();
                    link.send_owned((), shared)
                        .map_err(|unsent| check_body(unsent.body, &body, unsent.error))
                        .err()
                }
            };
            match error {
                None => {
                    side.sent.extend(frame(&body));
                    assert_eq!(link.unsent_len(), before + 4 + len);
                }
                Some(SendError::Frame(_)) => assert!(len > MAX),
                Some(_) => assert_eq!(link.unsent_len(), before, "what is refused leaves nothing behind"),
            }
        });
    }

    pub fn set_marks(&mut self, number: usize, high: usize, low: usize) {
        self.with_link(number, |link, _| {
            link.set_high_water(high);
            link.set_low_water(low);
        });
    }

    pub fn finish(&mut self, number: usize) {
        self.with_link(number, |link, _| link.finish());
    }

    /// Takes a link off the loop, makes another of its stream, and goes on with that; unless its decoder has given an error, which the other
    /// would know nothing of.
    pub fn take_over(&mut self, number: usize) {
        if self.sides[number].error.is_some() {
            return;
        }
        let Some(id) = self.peers[number].id else { return };
        let link = self.reactor.context().remove(id).expect("a link");
        let link = Framed::over(LengthPrefix::new(MAX), link.into_stream()).expect("a link");
        self.add(number, link);
        self.fire(number);
    }

    pub fn trouble(&self, number: usize) -> &Trouble {
        &self.peers[number].trouble
    }

    pub fn break_connection(&mut self, number: usize) {
        self.peers[number].trouble.is_broken.set(true);
        self.peers[number].is_lost = true;
    }

    /// The peer finishes, perhaps in the middle of a frame: what it has not written by now it never will.
    pub fn shut_down(&mut self, number: usize) {
        let peer = &mut self.peers[number];
        let Some(socket) = &peer.socket else { return };
        if peer.end.is_some() {
            return;
        }
        // It fails where the other end has gone.
        let _ = socket.shutdown(Shutdown::Write);
        let mut unwritten = peer.unsent.len();
        peer.unsent.clear();
        peer.end = Some(End::Clean);
        while unwritten > 0 {
            let body =
                self.sides[number].expected.pop_back().expect("a frame of which something is not written");
            if unwritten < body.len() + 4 {
                peer.end = Some(End::Truncated);
            }
            unwritten = unwritten.saturating_sub(body.len() + 4);
        }
    }

    /// The peer goes, and whatever is under way is lost.
    pub fn drop_peer(&mut self, number: usize) {
        self.peers[number].socket = None;
        self.peers[number].is_lost = true;
    }

    /// All trouble ends, peers write what they have, and read what there is: every frame arrives, and every byte.
    pub fn complete(&mut self) {
        for number in 0..self.count() {
            self.peers[number].trouble.end();
            self.set_mode(number, Mode::Take);
        }
        // Each turn brings somebody a buffer's worth further; there are never so many bytes under way.
        for _ in 0..10_000 {
            for number in 0..self.count() {
                self.write(number, usize::MAX);
                self.read(number, 1 << 16);
                self.fire(number);
            }
            self.turn();
            self.check();
            self.remove_dead();
            if (0..self.count()).all(|number| self.is_complete(number)) {
                return;
            }
        }
        let left = |number: usize| {
            (
                self.sides[number].expected.len(),
                self.sides[number].sent.len(),
                self.peers[number].unsent.len(),
            )
        };
        panic!(
            "frames and bytes that do not arrive: {:?}, {:?}",
            (0..self.count()).map(left).collect::<Vec<_>>(),
            self.memory
        );
    }

    /// As an application does that hears of it: what a dead connection holds is held from the others.
    fn remove_dead(&mut self) {
        for number in 0..self.count() {
            if self.peers[number].is_lost || self.sides[number].error.is_some() {
                self.check_end(number);
                let peer = &mut self.peers[number];
                peer.is_lost = true; // with what was still to be sent
                peer.id.take().map(|id| self.reactor.context().remove(id));
            }
        }
    }

    fn is_complete(&self, number: usize) -> bool {
        let (side, peer) = (&self.sides[number], &self.peers[number]);
        if peer.is_lost {
            return true;
        }
        side.expected.is_empty() && side.sent.is_empty() && peer.unsent.is_empty() && self.check_end(number)
    }

    /// Whether the end of what the peer sends has been told, and as what it was; `true` if there is nothing to be told.
    fn check_end(&self, number: usize) -> bool {
        let (side, peer) = (&self.sides[number], &self.peers[number]);
        match (peer.end, &side.error) {
            (None | Some(End::Clean), None) => true,
            (Some(End::Truncated), Some(FrameError::Truncated { .. })) => true,
            (Some(End::TooLong), Some(FrameError::TooLong { .. })) => true,
            (_, None) => false,
            // Behind what was lost anything may be missing.
            (_, Some(FrameError::Truncated { .. })) if peer.is_lost => true,
            (end, Some(error)) => panic!("{error}, where the end was {end:?}"),
        }
    }

    /// Nothing is kept of what is gone.
    pub fn remove_all(mut self) {
        for peer in &self.peers {
            peer.id.map(|id| self.reactor.context().remove(id));
        }
        assert_eq!(self.memory.used(), 0);
    }
}

/// A body that was refused comes back as it was.
fn check_body(found: Body, sent: &[u8], error: SendError) -> SendError {
    assert!(found.as_ref() == sent, "another body came back");
    error
}
