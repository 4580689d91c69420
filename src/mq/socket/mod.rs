//! Sockets on one's own loop: where the patterns, the protocols and the reactor meet.

mod api;
mod bodies;
mod close;
mod exchange;
mod handed;
mod inbox;
mod link;
mod loan;
mod machine;
mod places;
mod route;
mod serve;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::sync::Arc;

use self::close::Closing;
use self::link::LinkState;
use self::loan::Lent;
use self::machine::Machine;
use self::places::Place;
use super::event::{Event, Events};
use super::options::Options;
use super::pattern::{Dropped, Pattern, Peer, Rep};
use super::pipe::Pipe;
use super::queue::Queue;
use super::session::{Local, Session, SessionError, Side};
use super::wire::{Dialect, Wire};
use super::{Endpoint, Message, SocketType};
use crate::platform::{Interest, Ready, WakeReceiver, Waker};
use crate::{Fire, Framed, Io, Source};

pub(super) use self::inbox::{Arrivals, Inbox};
pub(super) use self::loan::{Loan, Returned};

pub use self::api::{RecvError, SendError, Sent};

/// A connection of a socket.
pub(crate) type Link = Framed<Wire, Pipe>;

/// A message-queue socket on a loop: a source, whose callback runs when something has arrived, when there is room after a send was refused,
/// and when there are [events](Event).
///
/// It is made by [`Socket::open`], and reached by its id, whose methods take the [`Context`](crate::Context): what a socket does it does
/// with connections, which are sources of their own.
///
/// ```
/// use ringmq::mq::{Socket, SocketType};
/// use ringmq::Reactor;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
///
/// let rep = Socket::open(&mut context, SocketType::Rep, |_: &mut String, context, rep| {
///     while let Ok(request) = rep.recv(context) {
///         let reply = request.into_vec().to_ascii_uppercase();
///         rep.send(context, reply).unwrap();
///     }
/// })?;
/// let address = rep.bind(&mut context, "tcp://127.0.0.1:*")?.to_string();
///
/// let req = Socket::open(&mut context, SocketType::Req, |answer: &mut String, context, req| {
///     let _ = req.send(context, "hello"); // once the peer is there; then it waits for the reply
///     if let Ok(reply) = req.recv(context) {
///         *answer = String::from_utf8(reply.into_vec()).unwrap();
///         context.stop();
///     }
/// })?;
/// req.connect(&mut context, &address)?;
/// assert!(req.send(&mut context, "hello").is_err(), "nobody is there yet: the callback runs when somebody is");
///
/// let mut answer = String::new();
/// reactor.run(&mut answer)?;
/// assert_eq!(answer, "HELLO");
/// # Ok(())
/// # }
/// ```
pub struct Socket {
    /// A source has a descriptor. What happens to a socket happens to its connections: nothing ever comes here.
    receiver: WakeReceiver,
    socket_type: SocketType,
    machine: Machine,
    options: Options,
    /// What sessions of connections say of us, of either side.
    connected: Arc<Local>,
    accepted: Arc<Local>,
    /// By peer.
    links: Vec<Option<LinkState>>,
    peer_count: usize,
    /// Numbers of peers that have left.
    vacant: Vec<u32>,
    places: Vec<Option<Place>>,
    /// Why a peer could not be reached, the last time one could not.
    last_error: Option<(Endpoint, String)>,
    /// Peers whose names others have taken over.
    displaced: Vec<Peer>,
    /// Messages of connections that were lost before they saw any of it.
    stranded: VecDeque<Message>,
    events: Events,
    /// Whether the message that was received last is of a peer that speaks RingMQ's protocol.
    was_from_ring: bool,
    /// Requests are received ahead of the replies to those before, which whoever sends them has checked.
    is_ahead: bool,
    /// A send was refused: the callback runs when it need not be.
    is_refused: bool,
    /// There is something for the callback.
    has_news: bool,
    /// Messages have arrived that may be received.
    has_arrivals: bool,
    /// What takes them.
    inbox: Option<Box<dyn Inbox>>,
    /// The connection that whoever has the inbox reads from and writes to by itself.
    lent: Option<Lent>,
    /// Peers are not read from, since those who have left have left too much behind.
    is_held: bool,
    closing: Option<Closing>,
}

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The peer has left, or the connection has failed.
    Lost(Option<io::Error>),
    /// It breaks the rules, or is not one for us.
    Refused(SessionError),
}

impl Socket {
    fn new(socket_type: SocketType, options: Options) -> io::Result<Socket> {
        let local = |side| Local {
            socket_type,
            identity: options.identity.clone(),
            security: options.security.clone(),
            dialect: options.dialect,
            side,
            handshake_within: Some(options.handshake_within),
            heartbeat: options.heartbeat,
        };
        let (connected, accepted) = (Arc::new(local(Side::Connected)), Arc::new(local(Side::Accepted)));
        let (_, receiver) = Waker::new()?;
        Ok(Socket {
            receiver,
            socket_type,
            machine: Machine::new(socket_type, &options),
            connected,
            accepted,
            links: Vec::new(),
            peer_count: 0,
            vacant: Vec::new(),
            places: Vec::new(),
            last_error: None,
            displaced: Vec::new(),
            stranded: VecDeque::new(),
            events: Events::new(options.has_events),
            options,
            was_from_ring: false,
            is_ahead: false,
            is_refused: false,
            has_news: false,
            has_arrivals: false,
            inbox: None,
            lent: None,
            is_held: false,
            closing: None,
        })
    }

    fn pattern(&mut self) -> &mut dyn Pattern {
        self.machine.get_mut()
    }

    /// How many peers have joined and not left.
    pub fn peer_count(&self) -> usize {
        self.peer_count
    }

    /// Why a peer could not be reached, when that was tried last; `None` once one has joined.
    pub fn last_failure(&self) -> Option<String> {
        self.last_error.as_ref().map(|(endpoint, error)| format!("{endpoint}: {error}"))
    }

    /// Messages to be sent before all others, as soon as there is a peer for them.
    pub(super) fn strand(&mut self, mut messages: Queue) {
        self.stranded.extend(std::iter::from_fn(|| messages.pop()));
    }

    /// Has messages put there as they arrive, without running the callback for them where that saves a turn.
    pub(super) fn set_inbox(&mut self, inbox: impl Inbox + 'static) {
        self.inbox = Some(Box::new(inbox));
    }

    /// Of a REP: so many further requests may be received before a reply is sent. What is sent is not checked here any more: that needs to
    /// know whose the request was.
    pub(super) fn receive_ahead(&mut self, further: usize) {
        if let Machine::Rep(rep) = &mut self.machine {
            *rep = Rep::new().ahead(further);
            self.is_ahead = true;
        }
    }

    fn link(&mut self, peer: Peer) -> Option<&mut LinkState> {
        self.links.get_mut(peer.0 as usize)?.as_mut()
    }

    /// A number for another peer: of one that has left, and of which nothing is left to be received, so that who looks a message's peer
    /// up finds no other; or a new one.
    fn next_peer(&mut self) -> Peer {
        let machine = self.machine.get();
        match self.vacant.iter().rposition(|&number| machine.waiting(Peer(number)) == (0, 0)) {
            Some(at) => Peer(self.vacant.swap_remove(at)),
            None => {
                self.links.push(None);
                Peer(self.links.len() as u32 - 1)
            }
        }
    }

    fn note(&mut self, event: Event) {
        self.events.note(event);
        self.has_news |= self.events.has_some();
    }

    pub(super) fn note_dropped(&mut self, reason: Dropped, count: u64) {
        if count > 0 {
            self.note(Event::Dropped { reason, count });
        }
    }

    /// There may be room for what was refused.
    fn note_room(&mut self) {
        if self.is_refused && self.machine.get().can_send() {
            self.is_refused = false;
            self.has_news = true;
        }
    }
}

#[inline]
fn is_ring(session: &Session) -> bool {
    session.peer().map_or(false, |peer| peer.dialect == Dialect::Ring)
}

impl Source for Socket {
    fn fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        self.receiver.drain().into()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> =
            self.places.iter().flatten().map(|place| place.endpoint().to_string()).collect();
        f.debug_struct("Socket")
            .field("type", &self.socket_type)
            .field("peers", &self.links.iter().flatten().filter(|link| link.is_joined).count())
            .field("endpoints", &places)
            .field("is_closing", &self.closing.is_some())
            .finish()
    }
}
