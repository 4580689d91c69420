//! What happens to a socket's connections, for who wants to know.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use super::pattern::Dropped;
use super::{Endpoint, SessionError};

/// Something that has happened to a socket. See [`Socket`](super::Socket) for how to take them.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// It listens: with the port that the system chose if none was given.
    Listening(Endpoint),
    /// Accepting has failed; it rests and goes on.
    AcceptFailed(io::Error),
    /// A peer has connected to the socket.
    Accepted,
    /// A connection is being made.
    Connecting(Endpoint),
    /// It is made; the handshake begins.
    Connected(Endpoint),
    /// A connection was not made, or the name not resolved.
    ConnectFailed(Endpoint, io::Error),
    /// A handshake is done: a peer of this type (empty if it does not say) and name has joined.
    Joined {
        /// What the peer says it is, such as `PULL`.
        socket_type: String,
        /// What it calls itself.
        identity: Vec<u8>,
    },
    /// A handshake has failed, or a peer that had joined broke the rules of its protocol.
    Refused(SessionError),
    /// A connection has ended, or failed for this reason: its peer has left, whether or not it had joined.
    Left(Option<io::Error>),
    /// The connection is tried again after this time.
    Retrying(Endpoint, Duration),
    /// It is not tried again: the peer is not one for this socket.
    GivenUp(Endpoint),
    /// Messages were dropped.
    Dropped {
        /// Why.
        reason: Dropped,
        /// How many.
        count: u64,
    },
    /// So many messages had been handed to a connection that was lost, and not been written to it whole.
    Unsent(u64),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Listening(endpoint) => write!(f, "listening at {endpoint}"),
            Event::AcceptFailed(error) => write!(f, "accepting failed: {error}"),
            Event::Accepted => f.write_str("a peer has connected"),
            Event::Connecting(endpoint) => write!(f, "connecting to {endpoint}"),
            Event::Connected(endpoint) => write!(f, "connected to {endpoint}"),
            Event::ConnectFailed(endpoint, error) => write!(f, "no connection to {endpoint}: {error}"),
            Event::Joined { socket_type, identity } if identity.is_empty() => {
                write!(f, "a peer has joined: {socket_type}")
            }
            Event::Joined { socket_type, identity } => {
                write!(f, "a peer has joined: {socket_type} \"{}\"", identity.escape_ascii())
            }
            Event::Refused(error) => write!(f, "a peer was refused: {error}"),
            Event::Left(None) => f.write_str("a peer has left"),
            Event::Left(Some(error)) => write!(f, "a peer was lost: {error}"),
            Event::Retrying(endpoint, after) => {
                write!(f, "trying {endpoint} again in {} ms", after.as_millis())
            }
            Event::GivenUp(endpoint) => write!(f, "{endpoint} is given up"),
            Event::Dropped { reason, count } => write!(f, "{count} dropped: {reason}"),
            Event::Unsent(count) => write!(f, "{count} were not sent before their connection was lost"),
        }
    }
}

/// How many events wait at the most; the oldest go first.
const KEPT: usize = 1024;

/// The events that wait to be taken.
#[derive(Debug, Default)]
pub(crate) struct Events {
    waiting: VecDeque<Event>,
    is_on: bool,
}

impl Events {
    pub fn new(is_on: bool) -> Events {
        Events { waiting: VecDeque::new(), is_on }
    }

    /// Keeps it, if anybody wants to know; equal kinds of drops in a row are one.
    pub fn note(&mut self, event: Event) {
        if !self.is_on {
            return;
        }
        if let (Some(Event::Dropped { reason, count }), Event::Dropped { reason: new, count: more }) =
            (self.waiting.back_mut(), &event)
        {
            if reason == new {
                *count += more;
                return;
            }
        }
        if self.waiting.len() == KEPT {
            self.waiting.pop_front();
        }
        self.waiting.push_back(event);
    }

    pub fn take(&mut self) -> Option<Event> {
        self.waiting.pop_front()
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    pub fn has_some(&self) -> bool {
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_drops_in_a_row_are_one() {
        let mut events = Events::new(true);
        for _ in 0..3 {
            events.note(Event::Dropped { reason: Dropped::NoRoom, count: 2 });
        }
        assert!(matches!(events.take(), Some(Event::Dropped { reason: Dropped::NoRoom, count: 6 })));
        for count in 0..KEPT as u64 + 1 {
            events.note(Event::Unsent(count));
        }
        assert!(matches!(events.take(), Some(Event::Unsent(1))));
        let mut off = Events::new(false);
        off.note(Event::Unsent(1));
        assert!(!off.has_some());
    }
}
