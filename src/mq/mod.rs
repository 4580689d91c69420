//! Message-queue sockets: REQ/REP, PUSH/PULL, PUB/SUB, DEALER and ROUTER over TCP and UNIX sockets, with peers that speak ZMTP 3 (every
//! ZeroMQ program) or RingMQ's own protocol.

mod backoff;
mod blocking;
mod endpoint;
mod event;
mod message;
mod options;
pub mod pattern;
mod pipe;
mod session;
mod socket;
mod socket_type;
mod wire;

pub use blocking::{BlockingSocket, IoThread, PollSet, Refused, WaitError};
pub use endpoint::{Endpoint, EndpointError, Host};
pub use event::Event;
pub use message::{Message, Part};
pub use options::{HighWater, Options};
pub use pattern::{Dropped, NotReceived, NotSent};
pub use session::{
    Heartbeat, Input, Local, LocalError, PeerInfo, Security, Session, SessionError, Side, Users,
};
pub use socket::{RecvError, SendError, Sent, Socket};
pub use socket_type::{SocketType, UnknownSocketType};
pub use wire::{Dialect, UnknownDialect, Wire, WireDecoder, WireEncoder, WireHead};
