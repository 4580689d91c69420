//! What each type of socket does with its messages, as machines that know neither sockets nor clocks: told who came, who left and what
//! arrived, they answer whom to send what.
//!
//! Each has its transitions as a table on its page. They are here to be read, tested and fuzzed by themselves; the sockets are made of them.

use std::error;
use std::fmt;

pub mod dealer;
pub mod fair_queue;
pub mod prefixes;
pub mod publish;
pub mod pull;
pub mod push;
pub mod rep;
pub mod req;
pub mod round_robin;
pub mod router;
mod slots;
pub mod subscribe;

pub use dealer::Dealer;
pub use fair_queue::{FairQueue, Taken};
pub use prefixes::Prefixes;
pub use publish::Pub;
pub use pull::Pull;
pub use push::Push;
pub use rep::Rep;
pub use req::Req;
pub use round_robin::RoundRobin;
pub use router::Router;
pub use subscribe::Sub;

use super::{Message, Part, SocketType};

/// A peer of a socket, from its handshake to its end: a number that its owner gives to one peer at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Peer(pub u32);

/// A message on its way out: what is to be sent, envelope included, and to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// As it goes over the wire.
    pub message: Message,
    /// Whom to send it to.
    pub to: Recipients,
}

/// Who gets a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recipients {
    /// This one, who has room.
    One(Peer),
    /// All of these, who have room, and one at least.
    Many(Vec<Peer>),
    /// Nobody: it is dropped, as this type of socket does it, and why.
    Nobody(Dropped),
}

/// Why a message was dropped: nothing is, without a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Dropped {
    /// The requester that it would have answered has left.
    RequesterLeft,
    /// Nobody has subscribed to it.
    NoSubscriber,
    /// No peer has the name that its first part is.
    NoRoute,
    /// A subscriber, or the peer it is for, has no room.
    NoRoom,
    /// There is no peer at all.
    NoPeer,
    /// It has no envelope, that is no empty part before its body.
    NoDelimiter,
    /// Nobody waits for it: a reply that nobody asked for, or from another one than was asked.
    Unasked,
    /// A message to a type of socket that receives none.
    Unexpected,
    /// It begins with nothing that is subscribed to.
    NotSubscribed,
    /// Its peer's queue was let go with it, or it is from one that is not there: that has left, or was not taken on.
    PeerLeft,
}

/// What has become of a message that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It waits to be received.
    Queued,
    /// It was taken for something else than a message: a subscription.
    Taken,
    /// It is gone, and its peer goes on.
    Dropped(Dropped),
}

/// Why a message cannot be sent now; it is handed back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotSent {
    /// It is not the turn to send: a REQ waits for a reply, a REP has no request to answer.
    OutOfTurn,
    /// There is no peer.
    NoPeer,
    /// There are peers, and none has room.
    NoRoom,
    /// This type of socket sends none.
    Unsupported(SocketType),
    /// It has no more than the part that names the peer.
    NothingToRoute,
    /// The socket is closed, or closing.
    Closed,
    /// A part is longer than parts may be.
    TooLong {
        /// Its length.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// A peer that speaks RingMQ's protocol gets it, which knows messages of one part with at least one byte.
    NotForRing {
        /// How many parts it has.
        parts: usize,
        /// How many bytes.
        len: usize,
    },
}

/// Why nothing is received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotReceived {
    /// Nothing has arrived yet.
    Empty,
    /// It is not the turn to receive: a REQ has asked nothing, a REP owes a reply.
    OutOfTurn,
    /// The peer that was asked has left without a reply; another request may be sent.
    PeerLeft,
    /// This type of socket receives none.
    Unsupported(SocketType),
    /// The socket is closed.
    Closed,
}

/// That a name is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdentityInUse;

/// What every machine can be told and asked. What a type has no use for it answers as if nothing had been said.
pub trait Pattern {
    /// Which type it is.
    fn socket_type(&self) -> SocketType;

    /// A peer has finished its handshake, has room, and calls itself `identity`, which may be empty.
    ///
    /// # Errors
    /// [`IdentityInUse`] when a ROUTER has a peer of that name: this one is not taken on.
    ///
    /// One of the same number that is still there has left with that.
    fn joined(&mut self, peer: Peer, identity: &[u8]) -> Result<(), IdentityInUse>;

    /// A peer has left. What has arrived from it whole is still received.
    fn left(&mut self, peer: Peer);

    /// Whether a peer can be given another message.
    fn set_room(&mut self, peer: Peer, has_room: bool);

    /// A whole message has arrived, as it came over the wire.
    fn arrived(&mut self, peer: Peer, message: Message) -> Arrival;

    /// A peer has subscribed to what begins with `prefix` (`true`), or no longer wants it.
    fn subscribed(&mut self, _peer: Peer, _prefix: &[u8], _is_on: bool) {}

    /// The application sends a message.
    ///
    /// # Errors
    /// [`NotSent`], and the message; the state is as before.
    fn send(&mut self, message: Message) -> Result<Delivery, (NotSent, Message)>;

    /// The application receives a message: whose it is, and what it is to see of it.
    ///
    /// # Errors
    /// [`NotReceived`]; the state is as before, but for [`PeerLeft`](NotReceived::PeerLeft), which is said once.
    fn recv(&mut self) -> Result<(Peer, Message), NotReceived>;

    /// Whether [`recv`](Self::recv) has something to say other than `Empty`, `OutOfTurn` and `Unsupported`.
    fn can_recv(&self) -> bool;

    /// Whether [`send`](Self::send) would take a message (for a ROUTER: to some peer).
    fn can_send(&self) -> bool;

    /// How many messages and bytes of a peer wait to be received; of one that has left, until another has its number.
    fn waiting(&self, peer: Peer) -> (usize, usize);

    /// How many messages and bytes wait to be received of all peers that have left. They take memory, so whoever reads from the others
    /// may want to wait: a peer that comes and goes could leave some behind each time.
    fn left_behind(&self) -> (usize, usize) {
        (0, 0)
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dropped::RequesterLeft => "the requester has left",
            Dropped::NoSubscriber => "nobody has subscribed to it",
            Dropped::NoRoute => "no peer has that name",
            Dropped::NoRoom => "its peer has no room for it",
            Dropped::NoPeer => "there is no peer",
            Dropped::NoDelimiter => "it has no empty part before its body",
            Dropped::Unasked => "nobody waits for it",
            Dropped::Unexpected => "the socket receives none",
            Dropped::NotSubscribed => "it begins with nothing that is subscribed to",
            Dropped::PeerLeft => "its peer has left",
        })
    }
}

impl NotSent {
    /// Why it is dropped, if it is, for a reason that passes: a peer may come, or take something.
    pub(crate) fn passing(&self) -> Option<Dropped> {
        match self {
            NotSent::NoPeer => Some(Dropped::NoPeer),
            NotSent::NoRoom => Some(Dropped::NoRoom),
            _ => None,
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotSent::OutOfTurn => f.write_str(
                "it is not the turn to send: a request waits for its reply, or there is none to answer",
            ),
            NotSent::NoPeer => f.write_str("there is no peer to send to"),
            NotSent::NoRoom => f.write_str("no peer has room for another message"),
            NotSent::Unsupported(kind) => write!(f, "a {kind} socket sends no messages"),
            NotSent::Closed => f.write_str("the socket is closed"),
            NotSent::TooLong { len, max } => write!(f, "expected parts of at most {max} bytes, found {len}"),
            NotSent::NotForRing { parts, len } => {
                write!(f, "expected one part of at least one byte for a RingMQ peer, found {len} bytes in {parts} parts")
            }
            NotSent::NothingToRoute => {
                f.write_str("expected a peer's name and a message behind it, found one part")
            }
        }
    }
}

impl error::Error for NotSent {}

impl fmt::Display for NotReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReceived::Empty => f.write_str("nothing has arrived"),
            NotReceived::OutOfTurn => {
                f.write_str("it is not the turn to receive: nothing was asked, or a reply is owed")
            }
            NotReceived::PeerLeft => f.write_str("the peer that was asked has left without a reply"),
            NotReceived::Closed => f.write_str("the socket is closed"),
            NotReceived::Unsupported(kind) => write!(f, "a {kind} socket receives no messages"),
        }
    }
}

impl error::Error for NotReceived {}
