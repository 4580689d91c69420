//! Why a blocking call had nothing to show.

use std::error;
use std::fmt;
use std::io;

use crate::mq::{Message, SocketType};

/// Why a message was not taken or none was received. As an [`io::Error`] it has the kind that is named here.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// There is no room, or nothing has arrived, and the caller did not want to wait (`WouldBlock`).
    WouldBlock,
    /// The time is over, though there is a peer: it is slow (`TimedOut`).
    TimedOut,
    /// The time is over, and there was no peer at the end of it (`NotConnected`).
    Unreachable {
        /// What was heard when one was last tried.
        why: Option<String>,
    },
    /// The peer that was asked has left without a reply; another request may be sent (`ConnectionReset`).
    PeerLeft,
    /// A REQ that waits for a reply sends nothing, one that has asked nothing receives nothing, and a REP the other way round
    /// (`InvalidInput`).
    OutOfTurn,
    /// This type of socket does not do that (`Unsupported`).
    Unsupported(SocketType),
    /// A part is longer than the [maximum](super::super::Options::max_part_len) (`InvalidInput`).
    TooLong {
        /// Its length.
        len: usize,
        /// The maximum.
        max: usize,
    },
    /// A peer that speaks RingMQ's protocol gets it, which knows messages of one part with at least one byte (`InvalidInput`).
    NotForRing {
        /// How many parts it has.
        parts: usize,
        /// How many bytes.
        len: usize,
    },
    /// It has no more than the part that names the peer of a ROUTER (`InvalidInput`).
    NothingToRoute,
    /// The socket is closed, or its I/O thread has been shut down (`NotConnected`).
    Closed,
}

impl WaitError {
    /// Whether a message was not taken for want of room alone.
    pub(super) fn is_for_want_of_room(&self) -> bool {
        matches!(self, WaitError::WouldBlock | WaitError::TimedOut | WaitError::Unreachable { .. })
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            WaitError::WouldBlock => io::ErrorKind::WouldBlock,
            WaitError::TimedOut => io::ErrorKind::TimedOut,
            WaitError::Unreachable { .. } | WaitError::Closed => io::ErrorKind::NotConnected,
            WaitError::PeerLeft => io::ErrorKind::ConnectionReset,
            WaitError::OutOfTurn
            | WaitError::TooLong { .. }
            | WaitError::NotForRing { .. }
            | WaitError::NothingToRoute => io::ErrorKind::InvalidInput,
            WaitError::Unsupported(_) => io::ErrorKind::Unsupported,
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::WouldBlock => f.write_str("it would have to wait"),
            WaitError::TimedOut => f.write_str("the time is over"),
            WaitError::Unreachable { why: None } => f.write_str("no peer was there in time"),
            WaitError::Unreachable { why: Some(why) } => write!(f, "no peer was there in time: {why}"),
            WaitError::PeerLeft => f.write_str("the peer that was asked has left without a reply"),
            WaitError::OutOfTurn => f.write_str("requests and replies take turns, and it is the other's"),
            WaitError::Unsupported(kind) => write!(f, "a {kind} socket does not do that"),
            WaitError::TooLong { len, max } => {
                write!(f, "expected parts of at most {max} bytes, found {len}")
            }
            WaitError::NotForRing { parts, len } => {
                write!(f, "expected one part of at least one byte for a RingMQ peer, found {len} bytes in {parts} parts")
            }
            WaitError::NothingToRoute => {
                f.write_str("expected a peer's name and a message behind it, found one part")
            }
            WaitError::Closed => f.write_str("the socket is closed"),
        }
    }
}

impl error::Error for WaitError {}

impl From<WaitError> for io::Error {
    fn from(error: WaitError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

/// What has become of a message that was not refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Handed {
    /// The I/O thread has it.
    Over,
    /// There was no room, and it was [dropped](super::super::WhenFull::DropNewest).
    Dropped,
}

/// Why a message was not taken, and the message: it is not lost.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: WaitError,
    /// What was to be sent.
    pub message: Message,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl error::Error for Refused {}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> io::Error {
        refused.error.into()
    }
}
