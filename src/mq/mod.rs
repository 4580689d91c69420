//! Message-queue sockets: REQ/REP, PUSH/PULL, PUB/SUB, DEALER and ROUTER over TCP and UNIX sockets, with peers that speak ZMTP 3 (every
//! ZeroMQ program) or RingMQ's own protocol.

mod message;
pub mod pattern;
mod socket_type;

pub use message::{Message, Part};
pub use socket_type::{SocketType, UnknownSocketType};
