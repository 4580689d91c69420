//! Message-queue sockets: REQ/REP, PUSH/PULL, PUB/SUB, DEALER and ROUTER over TCP and UNIX sockets, with peers that speak ZMTP 3 (every
//! ZeroMQ program) or RingMQ's own protocol.
//!
//! # Two ways in
//!
//! On one's own loop a [`Socket`] is a source with a callback, like any other, and its [`Id`](crate::Id) has the methods. For threads that
//! block, an [`IoThread`] owns a loop, and its [`BlockingSocket`]s send and receive with or without a deadline; a [`PollSet`] waits for
//! several of them. [The guide](crate::guide::queues) has an example, and what pyzmq's names are here.
//!
//! # What is promised
//!
//! * A message arrives whole or not at all, and what a peer sent before it left is received.
//! * What is refused is handed back, and what is dropped, as a [`Pub`](pattern::Pub) drops for who has no room, is said to be: by the call,
//!   or as an [`Event`]. Who closes a socket is told how many messages were lost.
//! * A connection that is lost is made again, after a wait that doubles and is shortened at random, and that begins anew once a handshake
//!   is done. A peer that is none for the socket (another type, another mechanism) is given up.
//! * What waits is bounded, in messages and in bytes, in either direction of each peer ([`HighWater`]): a peer that is slow is not
//!   written to, one that is not received from is not read from.
//! * No peer holds another up: handshakes have their time, half a message waits alone, and those with messages are received from in turn.
//!
//! # Differences from libzmq
//!
//! | libzmq | here |
//! |---|---|
//! | a PUSH that connects takes messages before anybody is there, up to its high-water mark | on a loop `send` says [`NoPeer`](NotSent::NoPeer); a [`BlockingSocket`] takes them, and [says](BlockingSocket::close) what was never sent |
//! | what a lost connection had not begun to send stays with its endpoint | it goes to another peer, or the next |
//! | back-off begins anew with every TCP connection | with every completed handshake |
//! | a REQ whose peer leaves waits for ever | [`PeerLeft`](NotReceived::PeerLeft), and another request may be sent |
//! | versions before 3 are spoken to | they are refused |
//! | a second peer with a ROUTER's name in use stays, and is not heard | it is refused |
//! | linger is for ever | as long as [`close`](BlockingSocket::close) says, and 30 seconds when a socket is dropped |

mod backoff;
mod blocking;
mod endpoint;
mod event;
mod freed;
mod message;
mod options;
mod part;
pub mod pattern;
mod pipe;
mod queue;
mod session;
mod socket;
mod socket_type;
mod wire;

pub use blocking::{BlockingSocket, Handed, IoThread, PollSet, Refused, WaitError};
pub use endpoint::{Endpoint, EndpointError, Host};
pub use event::Event;
pub use message::Message;
pub use options::{HighWater, Options, WhenFull};
pub use part::Part;
pub use pattern::{Dropped, NotReceived, NotSent};
pub use session::{
    Heartbeat, Input, Local, LocalError, PeerInfo, Security, Session, SessionError, Side, Users,
};
pub use socket::{RecvError, SendError, Sent, Socket};
pub use socket_type::{SocketType, UnknownSocketType};
pub use wire::{Dialect, UnknownDialect, Wire, WireDecoder, WireEncoder, WireHead};
