//! What a session says of its own side, and checks the other by: [`Local`].

use std::error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::zmtp::Mechanism;
use crate::mq::{Dialect, SocketType};

/// Who has made the connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// We have.
    Connected,
    /// The peer has.
    Accepted,
}

/// Who is let in, or as whom we ask to be. Both sides have to have the same mechanism.
///
/// With a password comes no secrecy: PLAIN sends it as it is ([RFC 24](https://rfc.zeromq.org/spec/24/)). Who is the server and who the
/// client has nothing to do with who connects.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// Everybody, and nobody in particular.
    Null,
    /// A client of PLAIN, who goes by this name. Each has up to 255 bytes.
    Plain {
        /// Who we are.
        username: Vec<u8>,
        /// What only we and the server should know.
        password: Vec<u8>,
    },
    /// A server of PLAIN, who lets these in.
    PlainServer(Users),
}

impl Security {
    /// As a client, who goes by this name.
    pub fn plain(username: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Security {
        Security::Plain { username: username.into(), password: password.into() }
    }

    pub(super) fn mechanism(&self) -> Mechanism {
        match self {
            Security::Null => Mechanism::NULL,
            Security::Plain { .. } | Security::PlainServer(_) => Mechanism::PLAIN,
        }
    }
}

/// Without the passwords: this is what ends up in logs.
impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Security::Null => f.write_str("Null"),
            Security::Plain { username, .. } => write!(f, "Plain(\"{}\")", username.escape_ascii()),
            Security::PlainServer(users) => f.debug_tuple("PlainServer").field(users).finish(),
        }
    }
}

/// Names and their passwords, for a server of PLAIN: made of an iterator of pairs, and shared when it is cloned. A name may have several
/// passwords, while one is changed for another.
///
/// ```
/// use ringmq::mq::{Security, Users};
///
/// let users: Users = [("admin", "secret"), ("guest", "")].into_iter().collect();
/// assert!(users.know(b"admin", b"secret"));
/// assert!(!users.know(b"admin", b""));
/// assert_eq!(format!("{:?}", Security::PlainServer(users)), "PlainServer(2 users)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Users(Arc<[(Vec<u8>, Vec<u8>)]>);

impl Users {
    /// Whether this name has this password. How long it takes says nothing of how much of a password was right.
    pub fn know(&self, username: &[u8], password: &[u8]) -> bool {
        let of_name = self.0.iter().filter(|(name, _)| name == username);
        of_name.fold(false, |is_known, (_, known)| is_known | is_same(known, password))
    }
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b));
    one.len() == other.len() && difference == 0
}

impl<U: Into<Vec<u8>>, P: Into<Vec<u8>>> FromIterator<(U, P)> for Users {
    fn from_iter<I: IntoIterator<Item = (U, P)>>(pairs: I) -> Users {
        Users(pairs.into_iter().map(|(username, password)| (username.into(), password.into())).collect())
    }
}

/// How many there are.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} users", self.0.len())
    }
}

/// How a peer is asked for signs of life. One that speaks ZMTP 3.0 or RingMQ cannot be asked, and is believed to live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// After this time it is asked, whether or not there is traffic, and again after as much.
    pub interval: Duration,
    /// For so long it may be silent after it was asked. Whatever it sends is a sign of life.
    pub timeout: Duration,
    /// For so long it is to believe that we live without a sign of us: told to it in tenths of a second, up to 6553.5 of them, rounded up.
    /// Zero says nothing of it. With libzmq at the other side it works up to 65.5 s.
    pub ttl: Duration,
}

impl Heartbeat {
    /// Each `interval`, with as much time for the answer, and nothing said of how long we may be silent: what libzmq does if only its
    /// `ZMQ_HEARTBEAT_IVL` is set.
    #[must_use]
    pub fn every(interval: Duration) -> Heartbeat {
        Heartbeat { interval, timeout: interval, ttl: Duration::ZERO }
    }
}

/// What the sessions of a socket have in common: one of it is made for those that have connected and one for those that were accepted, and
/// each [`Session`](super::Session) has an `Arc` of it.
#[derive(Clone, Debug)]
pub struct Local {
    /// What the socket is: it says so, and which peers it talks to depends on it.
    pub socket_type: SocketType,
    /// What it calls itself: a REQ, a DEALER and a ROUTER tell their peer, be it empty or not; others keep it to themselves.
    pub identity: Vec<u8>,
    /// Who is let in, or as whom it asks to be.
    pub security: Security,
    /// Which protocol it speaks.
    pub dialect: Dialect,
    /// Who has made the connection.
    pub side: Side,
    /// How long a handshake may take; `None` is for ever. One of [`Dialect::Any`] that was accepted begins with the peer's first byte, all
    /// others when the session does. RingMQ's protocol has none, so there it is not looked at.
    pub handshake_within: Option<Duration>,
    /// How the peer is asked for signs of life, if it is.
    pub heartbeat: Option<Heartbeat>,
}

/// The longest identity, username or password.
pub(super) const NAME_MAX: usize = 255;

/// As much as a PING can say.
const TTL_MAX: Duration = Duration::from_millis(u16::MAX as u64 * 100);

impl Local {
    /// Whether sessions can be made of it: to be asked before anything is bound or connected.
    ///
    /// # Errors
    /// [`LocalError`]: a type that does not bind, or connect, in its dialect; passwords in a dialect that has none; what is too long to be
    /// told to a peer; heartbeats without a pause.
    ///
    /// ```
    /// use ringmq::mq::{Dialect, Local, Security, Side, SocketType};
    ///
    /// let mut local = Local {
    ///     socket_type: SocketType::Req,
    ///     identity: Vec::new(),
    ///     security: Security::Null,
    ///     dialect: Dialect::Ring,
    ///     side: Side::Connected,
    ///     handshake_within: None,
    ///     heartbeat: None,
    /// };
    /// assert_eq!(local.check(), Ok(()));
    ///
    /// local.side = Side::Accepted;
    /// let error = local.check().unwrap_err().to_string();
    /// assert_eq!(error, "expected REP or PULL to bind in RingMQ's protocol, and REQ or PUSH to connect, found REQ to bind");
    /// ```
    pub fn check(&self) -> Result<(), LocalError> {
        let (socket_type, side) = (self.socket_type, self.side);
        let may_be_ring = match side {
            Side::Connected => self.dialect == Dialect::Any || ring_peer(socket_type, side).is_some(),
            Side::Accepted => ring_peer(socket_type, side).is_some(),
        };
        if self.dialect != Dialect::Zmtp {
            if !may_be_ring {
                return Err(LocalError::NotForRing { socket_type, side });
            }
            if self.security != Security::Null {
                return Err(LocalError::NoSecurity { dialect: self.dialect });
            }
        }
        check_identity(&self.identity).map_err(|_| LocalError::Identity(self.identity.clone()))?;
        if let Security::Plain { username, password } = &self.security {
            for (what, len) in [("username", username.len()), ("password", password.len())] {
                if len > NAME_MAX {
                    return Err(LocalError::TooLong { what, len });
                }
            }
        }
        match self.heartbeat {
            Some(Heartbeat { interval, timeout, .. }) if interval.is_zero() || timeout.is_zero() => {
                Err(LocalError::NoPause)
            }
            Some(Heartbeat { ttl, .. }) if ttl > TTL_MAX => Err(LocalError::TtlTooLong(ttl)),
            _ => Ok(()),
        }
    }
}

/// The type of whoever speaks RingMQ's protocol to one of this type, which is how it knows him; `None` if nobody does.
pub(super) fn ring_peer(socket_type: SocketType, side: Side) -> Option<SocketType> {
    match (socket_type, side) {
        (SocketType::Rep, Side::Accepted) => Some(SocketType::Req),
        (SocketType::Pull, Side::Accepted) => Some(SocketType::Push),
        (SocketType::Req, Side::Connected) => Some(SocketType::Rep),
        (SocketType::Push, Side::Connected) => Some(SocketType::Pull),
        _ => None,
    }
}

/// Whether these bytes may be what somebody calls himself: those that begin with a zero a ROUTER makes up for who has none.
pub(super) fn check_identity(identity: &[u8]) -> Result<(), ()> {
    match identity.len() <= NAME_MAX && identity.first() != Some(&0) {
        true => Ok(()),
        false => Err(()),
    }
}

/// Why no session can be made of a [`Local`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LocalError {
    /// RingMQ's protocol has REP and PULL bind, and REQ and PUSH connect; so has [`Dialect::Any`] those that bind.
    NotForRing {
        /// The type that there is.
        socket_type: SocketType,
        /// What it would do.
        side: Side,
    },
    /// RingMQ's protocol has no security, and so who takes peers that speak it has none.
    NoSecurity {
        /// The dialect that was asked for.
        dialect: Dialect,
    },
    /// An identity is longer than 255 bytes or begins with a zero.
    Identity(Vec<u8>),
    /// A username or password is longer than 255 bytes.
    TooLong {
        /// Which.
        what: &'static str,
        /// How many bytes it has.
        len: usize,
    },
    /// Heartbeats without any time between them, or for the answer.
    NoPause,
    /// A time to live above 6553.5 s.
    TtlTooLong(Duration),
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LocalError::NotForRing { socket_type, side } => {
                let does = match side {
                    Side::Connected => "connect",
                    Side::Accepted => "bind",
                };
                write!(
                    f,
                    "expected REP or PULL to bind in RingMQ's protocol, and REQ or PUSH to connect, found {socket_type} to {does}"
                )
            }
            LocalError::NoSecurity { dialect } => {
                write!(
                    f,
                    "expected no security with the dialect {dialect}, found some: RingMQ's protocol has none"
                )
            }
            LocalError::Identity(identity) => write_identity(f, identity),
            LocalError::TooLong { what, len } => {
                write!(f, "expected a {what} of at most {NAME_MAX} bytes, found one of {len}")
            }
            LocalError::NoPause => {
                f.write_str("expected some time between heartbeats and for an answer, found none")
            }
            LocalError::TtlTooLong(ttl) => {
                write!(f, "expected a time to live of at most {TTL_MAX:?}, found {ttl:?}")
            }
        }
    }
}

/// What is wrong with an identity that [`check_identity`] refuses.
pub(super) fn write_identity(f: &mut fmt::Formatter<'_>, identity: &[u8]) -> fmt::Result {
    f.write_str("expected an identity of at most 255 bytes that does not begin with 0x00, found ")?;
    match identity.len() {
        0..=NAME_MAX => write!(f, "\"{}\"", identity.escape_ascii()),
        len => write!(f, "one of {len} bytes"),
    }
}

impl error::Error for LocalError {}
