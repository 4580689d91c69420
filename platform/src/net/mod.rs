//! What std's sockets cannot do: connect without blocking, accept a socket that is non-blocking from its first moment, send without a
//! signal, reset or linger, wait for one socket, and tell who the peer is.

mod accept;
mod address;
mod borrow;
mod connect;
mod credentials;
mod options;
mod send;
mod socket;
mod wait;

pub use accept::{accept, accept_unix, AcceptFailure};
pub use borrow::{borrow, StdStream};
pub use connect::{connect, connect_unix};
pub use credentials::{peer_credentials, Credentials};
pub use options::{set_backlog, set_linger};
pub use send::{prevent_sigpipe, receive, receive_behind, send, send_vectored};
pub use wait::wait_readable;
