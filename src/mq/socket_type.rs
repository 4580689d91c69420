//! The kinds of sockets, and which of them talk to each other.

use std::error;
use std::fmt;
use std::str::FromStr;

/// What a socket does with its messages, by the names that ZeroMQ has for it.
///
/// | type | sends | receives | its peers |
/// |---|---|---|---|
/// | `Req` | a request to one peer after the other | its reply, before the next request | `Rep`, `Router` |
/// | `Rep` | the reply to who asked | requests, one at a time | `Req`, `Dealer` |
/// | `Push` | to one peer after the other | nothing | `Pull` |
/// | `Pull` | nothing | from all, in turn | `Push` |
/// | `Pub` | to all that subscribed to it | nothing | `Sub`, `XSUB` |
/// | `Sub` | nothing | what it subscribed to | `Pub`, `XPUB` |
/// | `Dealer` | to one peer after the other | from all, in turn | `Rep`, `Dealer`, `Router` |
/// | `Router` | to the peer that the first part names | from all, in turn, with the peer's name before it | `Req`, `Dealer`, `Router` |
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // the table says it
pub enum SocketType {
    Req,
    Rep,
    Push,
    Pull,
    Pub,
    Sub,
    Dealer,
    Router,
}

impl SocketType {
    /// All of them.
    pub const ALL: [SocketType; 8] = [
        SocketType::Req,
        SocketType::Rep,
        SocketType::Push,
        SocketType::Pull,
        SocketType::Pub,
        SocketType::Sub,
        SocketType::Dealer,
        SocketType::Router,
    ];

    /// Its name in a handshake of ZMTP: `REQ`.
    pub fn name(self) -> &'static str {
        match self {
            SocketType::Req => "REQ",
            SocketType::Rep => "REP",
            SocketType::Push => "PUSH",
            SocketType::Pull => "PULL",
            SocketType::Pub => "PUB",
            SocketType::Sub => "SUB",
            SocketType::Dealer => "DEALER",
            SocketType::Router => "ROUTER",
        }
    }

    /// The names of those that it talks to, of which some are no type of ours.
    pub fn peers(self) -> &'static [&'static str] {
        match self {
            SocketType::Req => &["REP", "ROUTER"],
            SocketType::Rep => &["REQ", "DEALER"],
            SocketType::Push => &["PULL"],
            SocketType::Pull => &["PUSH"],
            SocketType::Pub => &["SUB", "XSUB"],
            SocketType::Sub => &["PUB", "XPUB"],
            SocketType::Dealer => &["REP", "DEALER", "ROUTER"],
            SocketType::Router => &["REQ", "DEALER", "ROUTER"],
        }
    }

    /// Whether its applications send messages with it.
    pub fn can_send(self) -> bool {
        !matches!(self, SocketType::Pull | SocketType::Sub)
    }

    /// Whether they receive some.
    pub fn can_receive(self) -> bool {
        !matches!(self, SocketType::Push | SocketType::Pub)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no [`SocketType`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownSocketType(String);

impl fmt::Display for UnknownSocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected req, rep, push, pull, pub, sub, dealer or router, found \"{}\"", self.0)
    }
}

impl error::Error for UnknownSocketType {}

/// In capital letters or small ones.
///
/// ```
/// use ringmq::mq::SocketType;
///
/// assert_eq!("req".parse(), Ok(SocketType::Req));
/// let error = "pair".parse::<SocketType>().unwrap_err();
/// assert_eq!(error.to_string(), "expected req, rep, push, pull, pub, sub, dealer or router, found \"pair\"");
/// ```
impl FromStr for SocketType {
    type Err = UnknownSocketType;

    fn from_str(word: &str) -> Result<SocketType, UnknownSocketType> {
        let found = SocketType::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(word));
        found.ok_or_else(|| UnknownSocketType(word.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_talks_to_whom_is_mutual() {
        for one in SocketType::ALL {
            for other in SocketType::ALL {
                let is_peer = |a: SocketType, b: SocketType| a.peers().contains(&b.name());
                assert_eq!(is_peer(one, other), is_peer(other, one), "{one} and {other}");
            }
        }
    }

    #[test]
    fn who_sends_has_peers_that_receive() {
        for one in SocketType::ALL {
            for other in SocketType::ALL.into_iter().filter(|other| one.peers().contains(&other.name())) {
                assert!(!one.can_send() || other.can_receive(), "{one} and {other}");
            }
        }
    }
}
