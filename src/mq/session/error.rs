//! Why a connection is no use any more: [`SessionError`].

use std::error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::local::write_identity;
use crate::codec::zmtp::{CommandError, GreetingError, Mechanism};
use crate::codec::FrameError;
use crate::mq::wire::greeting_error;
use crate::mq::{Dialect, SocketType};

/// Why a session has failed. Its connection is to be closed, once what the session still has to send is sent.
///
/// Through `?` it becomes an [`io::Error`] that still carries it. Of the kinds [`TimedOut`](io::ErrorKind::TimedOut),
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), [`PermissionDenied`](io::ErrorKind::PermissionDenied) (either side has refused the
/// other), and for the rest [`InvalidData`](io::ErrorKind::InvalidData).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// A stranger, or a peer of ZMTP before version 3: its first bytes are no greeting.
    Greeting(GreetingError),
    /// A peer that speaks the other protocol.
    Dialect {
        /// What it was expected to speak.
        expected: Dialect,
        /// What it speaks.
        found: Dialect,
    },
    /// A peer with another security mechanism.
    Mechanism {
        /// Ours.
        expected: Mechanism,
        /// The peer's.
        found: Mechanism,
    },
    /// A type of socket that ours does not talk to. The peer is told so.
    SocketType {
        /// Our own.
        own: SocketType,
        /// The name of the peer's.
        found: String,
    },
    /// A peer that calls itself by what is no name.
    Identity {
        /// What it calls itself.
        identity: Vec<u8>,
    },
    /// A peer that calls itself as another does. Sessions do not know of each other: this is for their owner to say.
    IdentityInUse {
        /// What it calls itself.
        identity: Vec<u8>,
    },
    /// The handshake took too long.
    HandshakeTimedOut {
        /// How long it might have taken.
        within: Duration,
    },
    /// A client whose name and password are not known. It is told so.
    Refused {
        /// Who it said it is.
        username: Vec<u8>,
    },
    /// The peer has said ERROR.
    PeerError {
        /// Why, in its words.
        reason: Vec<u8>,
    },
    /// Something else than what the handshake was to go on with.
    Unexpected {
        /// What was to come.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// What is no command, or not what its name says.
    Command(CommandError),
    /// The peer gave no sign of life for so long.
    HeartbeatLost {
        /// The time.
        within: Duration,
    },
    /// What is no frame, or too long a one; or the connection has ended inside one.
    Frame(FrameError),
    /// A message that is too long, in frames that are not. Sessions do not join them: this is for their owner to say.
    MessageTooLong {
        /// How long it is at least.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// A message of too many parts. This is for the owner of the session to say too.
    TooManyParts {
        /// The maximum.
        max: usize,
    },
    /// A peer that subscribes to too much. This is for the owner of the session to say too.
    TooManySubscriptions {
        /// How many prefixes it has.
        count: usize,
        /// How many bytes they have together.
        len: usize,
    },
}

impl SessionError {
    /// Whether it would be the same with the next connection to the same peer, so that it makes no sense to try again: it is with all that
    /// is wrong with what the peer is or says, and not with what took too long, was cut off, or comes of another peer.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            SessionError::HandshakeTimedOut { .. }
                | SessionError::HeartbeatLost { .. }
                | SessionError::IdentityInUse { .. }
                | SessionError::Frame(FrameError::Truncated { .. })
        )
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Greeting(error) => error.fmt(f),
            SessionError::Dialect { expected, found } => {
                write!(f, "expected a peer that speaks {expected}, found one that speaks {found}")
            }
            SessionError::Mechanism { expected, found } => {
                write!(f, "expected the security mechanism {expected}, found {found}")
            }
            SessionError::SocketType { own, found } => {
                write!(f, "expected a peer of type {}, found {found}", own.peers().join(" or "))
            }
            SessionError::Identity { identity } => write_identity(f, identity),
            SessionError::IdentityInUse { identity } => {
                write!(
                    f,
                    "expected an identity that no other peer has, found \"{}\"",
                    identity.escape_ascii()
                )
            }
            SessionError::HandshakeTimedOut { within } => {
                write!(f, "expected the handshake to be done within {within:?}, found it unfinished")
            }
            SessionError::Refused { username } => {
                write!(
                    f,
                    "expected a username and its password, found others, of \"{}\"",
                    username.escape_ascii()
                )
            }
            SessionError::PeerError { reason } => {
                write!(f, "expected the peer to go on, found its ERROR \"{}\"", reason.escape_ascii())
            }
            SessionError::Unexpected { expected, found } => write!(f, "expected {expected}, found {found}"),
            SessionError::Command(error) => error.fmt(f),
            SessionError::HeartbeatLost { within } => {
                write!(f, "expected a sign of life within {within:?}, found none")
            }
            SessionError::Frame(error) => error.fmt(f),
            SessionError::MessageTooLong { len, max } => {
                write!(f, "expected a message of at most {max} bytes, found one of at least {len}")
            }
            SessionError::TooManyParts { max } => {
                write!(f, "expected a message of at most {max} parts, found one of more")
            }
            SessionError::TooManySubscriptions { count, len } => {
                write!(f, "expected fewer subscriptions, found {count} of {len} bytes together")
            }
        }
    }
}

impl error::Error for SessionError {}

/// What a decoder of a [`Wire`](crate::mq::Wire) says: of its first bytes it becomes a [`SessionError::Greeting`].
impl From<FrameError> for SessionError {
    fn from(error: FrameError) -> SessionError {
        match greeting_error(&error) {
            Some(error) => SessionError::Greeting(error),
            None => SessionError::Frame(error),
        }
    }
}

impl From<GreetingError> for SessionError {
    fn from(error: GreetingError) -> SessionError {
        SessionError::Greeting(error)
    }
}

impl From<CommandError> for SessionError {
    fn from(error: CommandError) -> SessionError {
        SessionError::Command(error)
    }
}

impl From<SessionError> for io::Error {
    fn from(error: SessionError) -> io::Error {
        let kind = match error {
            SessionError::HandshakeTimedOut { .. } | SessionError::HeartbeatLost { .. } => {
                io::ErrorKind::TimedOut
            }
            SessionError::Frame(FrameError::Truncated { .. }) => io::ErrorKind::UnexpectedEof,
            SessionError::Refused { .. } | SessionError::PeerError { .. } => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
