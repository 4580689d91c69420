//! How a session comes to its peer: greetings, and the commands of the mechanisms.

use std::time::Instant;

use super::local::{check_identity, NAME_MAX};
use super::{ring_part, Input, PeerInfo, Security, Session, SessionError, Stage};
use crate::codec::zmtp::{Command, CommandError, FrameKind, Greeting, Properties};
use crate::codec::Step;
use crate::mq::{Dialect, SocketType, WireHead};

/// How much of what a peer says is kept to be told.
const TOLD: usize = 32;

impl Session {
    /// Prepares the greeting: all of it at once, since some peers wait for it in the midst of theirs.
    pub(super) fn greet(&mut self, now: Instant) {
        let is_server = matches!(self.local.security, Security::PlainServer(_));
        let greeting = Greeting::new(self.local.security.mechanism(), is_server);
        self.output.push_back((WireHead::Greeting, greeting.encode().to_vec()));
        self.stage = Stage::Greeting;
        self.handshake_until = self.handshake_end(now);
    }

    /// When a handshake that begins now has to be done; never, if that is farther than any clock goes.
    pub(super) fn handshake_end(&self, now: Instant) -> Option<Instant> {
        self.local.handshake_within.and_then(|within| now.checked_add(within))
    }

    /// A frame that comes before there is traffic.
    pub(super) fn handshake<'a>(
        &mut self,
        head: WireHead,
        body: &'a [u8],
        now: Instant,
    ) -> Result<Input<'a>, SessionError> {
        let is_any = self.local.dialect == Dialect::Any;
        match (&self.stage, head) {
            (Stage::Failed(error), _) => Err(SessionError::clone(error)),
            (Stage::Silent, WireHead::Ring(head)) => {
                self.join_ring();
                Ok(ring_part(head, body))
            }
            (Stage::Silent, WireHead::Greeting) if is_any => {
                self.greet(now);
                self.greeting(body)
            }
            (Stage::Silent | Stage::Ring, WireHead::Greeting | WireHead::Zmtp(_)) => {
                Err(SessionError::Dialect { expected: Dialect::Ring, found: Dialect::Zmtp })
            }
            (_, WireHead::Ring(_)) => {
                Err(SessionError::Dialect { expected: Dialect::Zmtp, found: Dialect::Ring })
            }
            (Stage::Greeting, WireHead::Greeting) => self.greeting(body),
            (_, WireHead::Greeting) => Err(self.unexpected("a second greeting")),
            (_, WireHead::Zmtp(FrameKind::More | FrameKind::Last)) => Err(self.unexpected("a message")),
            (_, WireHead::Zmtp(FrameKind::Command)) => self.handshake_command(body, now),
        }
    }

    fn greeting<'a>(&mut self, body: &[u8]) -> Result<Input<'a>, SessionError> {
        let greeting = match Greeting::decode(body)? {
            Step::Frame { head, .. } => head,
            Step::Skip { .. } | Step::More(_) => return Err(self.unexpected("a part of one")),
        };
        self.version = greeting.version();
        let (expected, found) = (self.local.security.mechanism(), greeting.mechanism());
        if expected != found {
            return Err(SessionError::Mechanism { expected, found });
        }
        // Who is the server was decided without asking: libzmq never says that it is.
        self.stage = match self.local.security.clone() {
            Security::Null => {
                self.prepare_properties(Stage::Ready);
                Stage::Ready
            }
            Security::Plain { username, password } => {
                let data = [&short(&username)[..], &username, &short(&password), &password].concat();
                self.prepare(Command::Other { name: b"HELLO", data: &data });
                Stage::Welcome
            }
            Security::PlainServer(_) => Stage::Hello,
        };
        Ok(Input::Nothing)
    }

    fn handshake_command<'a>(&mut self, body: &[u8], now: Instant) -> Result<Input<'a>, SessionError> {
        let command = Command::parse(body)?;
        match (&self.stage, command) {
            (_, Command::Error { reason }) => Err(SessionError::PeerError { reason: reason.to_vec() }),
            (Stage::Hello, Command::Other { name: b"HELLO", data }) => self.hello(data),
            (Stage::Welcome, Command::Other { name: b"WELCOME", data: b"" }) => {
                self.prepare_properties(Stage::Initiate);
                self.stage = Stage::Ready;
                Ok(Input::Nothing)
            }
            (Stage::Welcome, Command::Other { name: b"WELCOME", data }) => {
                Err(CommandError::Trailing { part: "a WELCOME", len: data.len() }.into())
            }
            (Stage::Initiate, Command::Other { name: b"INITIATE", data }) => {
                self.check_peer(Properties::parse(data)?)?;
                self.prepare_properties(Stage::Ready);
                Ok(self.join(now))
            }
            (Stage::Ready, Command::Ready(properties)) => {
                self.check_peer(properties)?;
                Ok(self.join(now))
            }
            _ => Err(self.unexpected(&name(body))),
        }
    }

    /// A client says who it is.
    fn hello<'a>(&mut self, data: &[u8]) -> Result<Input<'a>, SessionError> {
        let (username, rest) = split_short("a HELLO's username", data)?;
        let (password, rest) = split_short("a HELLO's password", rest)?;
        if !rest.is_empty() {
            return Err(CommandError::Trailing { part: "a HELLO", len: rest.len() }.into());
        }
        let is_known = match &self.local.security {
            Security::PlainServer(users) => users.know(username, password),
            Security::Null | Security::Plain { .. } => false,
        };
        if !is_known {
            self.prepare(Command::Error { reason: b"Invalid username or password" });
            return Err(SessionError::Refused { username: username.to_vec() });
        }
        self.prepare(Command::Other { name: b"WELCOME", data: b"" });
        self.stage = Stage::Initiate;
        Ok(Input::Nothing)
    }

    /// What the peer says of itself: whether it is one for us.
    fn check_peer(&mut self, properties: Properties<'_>) -> Result<(), SessionError> {
        let own = self.local.socket_type;
        // Not every peer says what it is, and libzmq takes it then for one that it talks to.
        let socket_type = match properties.get(b"Socket-Type") {
            None => "",
            Some(found) => match own.peers().iter().find(|name| name.as_bytes() == found) {
                Some(name) => name,
                None => {
                    self.prepare(Command::Error { reason: b"Invalid socket type" });
                    return Err(SessionError::SocketType { own, found: told(found) });
                }
            },
        };
        let identity = properties.get(b"Identity").unwrap_or_default().to_vec();
        if check_identity(&identity).is_err() {
            return Err(SessionError::Identity { identity });
        }
        let version = Some(self.version);
        let socket_type = socket_type.to_string();
        self.peer = Some(PeerInfo { dialect: Dialect::Zmtp, version, socket_type, identity });
        Ok(())
    }

    /// Both have said what they are.
    fn join<'a>(&mut self, now: Instant) -> Input<'a> {
        self.stage = Stage::Traffic;
        self.handshake_until = None;
        // A peer of 3.0 knows no PING, and one is known that takes it for the end.
        self.pulse.start(self.local.heartbeat.filter(|_| !self.is_of_3_0()), now);
        Input::Ready
    }

    /// Says what we are, as the command that this stage is named for.
    fn prepare_properties(&mut self, stage: Stage) {
        let mut list = Vec::new();
        let mut write = |name: &[u8], value: &[u8]| {
            Properties::write(&mut list, name, value).expect("a good name, and a value that was checked")
        };
        let socket_type = self.local.socket_type;
        write(b"Socket-Type", socket_type.name().as_bytes());
        if matches!(socket_type, SocketType::Req | SocketType::Dealer | SocketType::Router) {
            write(b"Identity", &self.local.identity); // be it empty, as libzmq does
        }
        match stage {
            Stage::Initiate => self.prepare(Command::Other { name: b"INITIATE", data: &list }),
            _ => self.prepare(Command::Ready(Properties::parse(&list).expect("just written"))),
        }
    }

    fn unexpected(&self, found: &str) -> SessionError {
        let expected = match self.stage {
            Stage::Silent | Stage::Greeting => "a greeting",
            Stage::Hello => "HELLO",
            Stage::Welcome => "WELCOME",
            Stage::Initiate => "INITIATE",
            Stage::Ready => "READY",
            Stage::Traffic | Stage::Ring | Stage::Failed(_) => "a message or a command",
        };
        SessionError::Unexpected { expected, found: found.to_string() }
    }
}

/// The name of a command that was parsed.
fn name(body: &[u8]) -> String {
    let len = body.first().map_or(0, |len| usize::from(*len));
    told(body.get(1..=len).unwrap_or_default())
}

fn told(bytes: &[u8]) -> String {
    match bytes.get(..TOLD) {
        Some(start) if bytes.len() > TOLD => format!("{}..", start.escape_ascii()),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// The length of what has up to 255 bytes.
fn short(bytes: &[u8]) -> [u8; 1] {
    debug_assert!(bytes.len() <= NAME_MAX, "it was checked");
    [bytes.len() as u8]
}

/// What stands behind its length in one byte, and what follows it.
fn split_short<'a>(part: &'static str, data: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), CommandError> {
    let (len, rest) = match data.split_first() {
        Some((len, rest)) => (usize::from(*len), rest),
        None => return Err(CommandError::Truncated { part, need: 1, have: 0 }),
    };
    match rest.get(..len) {
        Some(found) => Ok((found, &rest[len..])),
        None => Err(CommandError::Truncated { part, need: len, have: rest.len() }),
    }
}
