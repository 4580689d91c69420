//! What the frames of a connection come to: [`Session`], which knows neither sockets nor clocks.

mod error;
mod handshake;
mod local;
mod pulse;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::local::ring_peer;
use self::pulse::Pulse;
use super::{Dialect, SocketType, WireHead};
use crate::codec::zmtp::{Command, FrameKind};
use crate::codec::RingHead;

pub use self::error::SessionError;
pub use self::local::{Heartbeat, Local, LocalError, Security, Side, Users};

/// What has come of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input<'a> {
    /// Nothing for the owner: it belonged to the protocol, and what it wants is [prepared](Session::take_output).
    Nothing,
    /// The handshake is done. Said once, and of ZMTP only: see [`Session::peer`].
    Ready,
    /// A part of a message; with RingMQ a piece of its only part. What was not ended by one that is the last is no message, and never one.
    Part {
        /// Where they lie.
        bytes: &'a [u8],
        /// Whether the message ends with it.
        is_last: bool,
    },
    /// The peer of a PUB wants what begins so, or no longer does. It is told as often as the peer says it: who keeps a set of prefixes for
    /// each peer does as libzmq does.
    Subscription {
        /// What the first part begins with.
        prefix: &'a [u8],
        /// Whether it is wanted.
        is_on: bool,
    },
}

/// What is known of a peer once it has joined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerInfo {
    /// Which protocol it speaks: ZMTP or RingMQ's.
    pub dialect: Dialect,
    /// The version of ZMTP that it has announced, as major and minor number; RingMQ's protocol has none.
    pub version: Option<(u8, u8)>,
    /// The name of its type of socket, such as `PULL`, which is one that ours talks to: as it said, empty if it did not say, and with
    /// RingMQ's protocol what it has to be.
    pub socket_type: String,
    /// What it calls itself: up to 255 bytes that do not begin with a zero, mostly none.
    pub identity: Vec<u8>,
}

/// One end of a connection, between its [`Wire`](super::Wire) and its socket: what a peer's frames come to, and what is to be sent besides
/// messages.
///
/// All that it is told comes from its owner: frames as they were decoded, and the time. After each call what is
/// [prepared](Self::take_output) goes out in order, before any part of a message that comes later. An error is final: every further call
/// gives the same, and the connection is to be closed when what was prepared is sent.
///
/// | stage | comes | goes out | next |
/// |---|---|---|---|
/// | begins: ZMTP, or `Any` that has connected | | greeting | Greeting |
/// | begins: `Any` or RingMQ, accepted | | | Silent |
/// | begins: RingMQ, connected | | | Ring, with its peer |
/// | Silent | `ff`, of `Any` | greeting | Greeting |
/// | Silent | a frame of RingMQ | | Ring, with its peer; the frame is a part |
/// | Greeting | greeting with our mechanism | NULL: READY; a client: HELLO; a server: nothing | Ready; Welcome; Hello |
/// | Hello | HELLO with a known password | WELCOME | Initiate |
/// | Hello | HELLO with another | ERROR | failed |
/// | Welcome | WELCOME | INITIATE | Ready |
/// | Initiate | INITIATE of a type we talk to | READY | Traffic: says that it is ready |
/// | Ready | READY of a type we talk to | | Traffic: says that it is ready |
/// | Initiate, Ready | of another type | ERROR | failed |
/// | Traffic | a part | | is handed on; of a PUB, one alone that begins with `00` or `01` is a subscription |
/// | Traffic | SUBSCRIBE, CANCEL | | of a PUB, a subscription |
/// | Traffic | PING | PONG | |
/// | Traffic | a command that nobody knows, or that is out of place | | nothing |
/// | any but Ring | ERROR | | failed |
/// | Ring | a frame | | is handed on |
///
/// Whatever else comes has it fail, and so does a handshake that takes too long, and a peer that gives no sign of life. Before it is in
/// Traffic or Ring nothing may be sent: then there is a [`peer`](Self::peer).
///
/// ```
/// use ringmq::mq::{Dialect, Input, Local, Security, Session, Side, SocketType};
/// use std::sync::Arc;
/// use std::time::Instant;
///
/// let local = |socket_type, side| {
///     let (identity, security, dialect) = (Vec::new(), Security::Null, Dialect::Zmtp);
///     Arc::new(Local { socket_type, identity, security, dialect, side, handshake_within: None, heartbeat: None })
/// };
/// let now = Instant::now();
/// let mut push = Session::new(local(SocketType::Push, Side::Connected), now);
/// let mut pull = Session::new(local(SocketType::Pull, Side::Accepted), now);
/// for _ in 0..2 {
///     // The greetings, and then READY.
///     let (from_push, from_pull) = (push.take_output().unwrap(), pull.take_output().unwrap());
///     pull.received(from_push.0, &from_push.1, now).unwrap();
///     push.received(from_pull.0, &from_pull.1, now).unwrap();
/// }
/// assert_eq!(pull.peer().unwrap().socket_type, "PUSH");
///
/// let head = push.part_head(true);
/// let input = pull.received(head, b"hello", now).unwrap();
/// assert_eq!(input, Input::Part { bytes: b"hello", is_last: true });
/// ```
pub struct Session {
    local: Arc<Local>,
    stage: Stage,
    handshake_until: Option<Instant>,
    output: VecDeque<(WireHead, Vec<u8>)>,
    /// What the peer's greeting says.
    version: (u8, u8),
    peer: Option<PeerInfo>,
    /// Of a message that has begun more parts are to come.
    is_in_message: bool,
    pulse: Pulse,
}

#[derive(Debug)]
enum Stage {
    Silent,
    Greeting,
    Hello,
    Welcome,
    Initiate,
    Ready,
    Traffic,
    Ring,
    Failed(Box<SessionError>),
}

impl Session {
    /// The longest prefix that can be subscribed to, in bytes: so that it fits a command with its name.
    pub const PREFIX_MAX: usize = super::Wire::COMMAND_MAX - 10;

    /// One end of a connection that is there, or is being made; then tell it when it [is](Self::connected).
    ///
    /// # Panics
    /// If there cannot be sessions of `local`, as its [`check`](Local::check) would have said.
    #[must_use]
    pub fn new(local: Arc<Local>, now: Instant) -> Session {
        if let Err(error) = local.check() {
            panic!("a session has to be checked before it is made: {error}");
        }
        let (dialect, side) = (local.dialect, local.side);
        let mut session = Session {
            local,
            stage: Stage::Silent,
            handshake_until: None,
            output: VecDeque::new(),
            version: (0, 0),
            peer: None,
            is_in_message: false,
            pulse: Pulse::default(),
        };
        match (dialect, side) {
            (Dialect::Zmtp, _) | (Dialect::Any, Side::Connected) => session.greet(now),
            (Dialect::Ring, Side::Connected) => session.join_ring(),
            (Dialect::Ring | Dialect::Any, Side::Accepted) => {}
        }
        session
    }

    /// A connection that was being made when the session was: the time for the handshake begins now.
    pub fn connected(&mut self, now: Instant) {
        if self.handshake_until.is_some() {
            self.handshake_until = self.handshake_end(now);
        }
    }

    /// The peer has begun with this protocol, though there may be no frame yet:
    /// [`WireDecoder::spoken`](super::WireDecoder::spoken) knows.
    ///
    /// To be called whenever something has come. Of [`Dialect::Any`] that was accepted, it has the handshake begin: a peer that
    /// speaks ZMTP may wait for our greeting before it goes on with its own. Otherwise it does nothing.
    pub fn has_begun(&mut self, spoken: Dialect, now: Instant) {
        if matches!(self.stage, Stage::Silent)
            && (self.local.dialect, spoken) == (Dialect::Any, Dialect::Zmtp)
        {
            self.greet(now);
        }
    }

    /// The next frame to be sent, besides messages: part of the handshake, a subscription, a PING or its answer, or why there is an error.
    pub fn take_output(&mut self) -> Option<(WireHead, Vec<u8>)> {
        self.output.pop_front()
    }

    /// The peer has sent a frame.
    ///
    /// # Errors
    /// [`SessionError`], and why: this and all further ones are no use.
    #[inline(always)] // where parts come, it is a part of the loop over them
    pub fn received<'a>(
        &mut self,
        head: WireHead,
        body: &'a [u8],
        now: Instant,
    ) -> Result<Input<'a>, SessionError> {
        match (&self.stage, head) {
            (Stage::Traffic, WireHead::Zmtp(FrameKind::Last)) => Ok(self.part(body, true, now)),
            (Stage::Traffic, WireHead::Zmtp(FrameKind::More)) => Ok(self.part(body, false, now)),
            (Stage::Ring, WireHead::Ring(head)) => Ok(ring_part(head, body)),
            _ => self.received_other(head, body, now),
        }
    }

    /// The head of messages of one part, where such a one changes nothing but when the peer was heard of, and is for the application.
    pub(super) fn plain_head(&self) -> Option<WireHead> {
        match self.stage {
            Stage::Traffic if !self.is_in_message && !self.is_publisher() => {
                Some(WireHead::Zmtp(FrameKind::Last))
            }
            Stage::Ring => Some(WireHead::Ring(RingHead::Last)),
            _ => None,
        }
    }

    /// When [`on_deadline`](Self::on_deadline) wants to be called; it moves with every frame. Never, if there is none.
    pub fn deadline(&self) -> Option<Instant> {
        self.handshake_until.or_else(|| self.pulse.deadline())
    }

    /// Some time has come: does what is due by now, if anything is.
    ///
    /// # Errors
    /// [`SessionError::HandshakeTimedOut`] and [`SessionError::HeartbeatLost`], and whatever error there was before.
    pub fn on_deadline(&mut self, now: Instant) -> Result<(), SessionError> {
        if let Stage::Failed(error) = &self.stage {
            return Err(SessionError::clone(error));
        }
        if matches!(self.handshake_until, Some(end) if end <= now) {
            let within = self.local.handshake_within.unwrap_or(Duration::MAX);
            return Err(self.fail(SessionError::HandshakeTimedOut { within }));
        }
        match self.pulse.on_deadline(now) {
            Ok(None) => Ok(()),
            Ok(Some(ttl)) => {
                self.prepare(Command::Ping { ttl, context: b"" });
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The owner leaves unread what the peer may have sent: that nothing came by now is not the peer's fault. To be called before
    /// [`on_deadline`](Self::on_deadline) by who holds a peer up that sends too much.
    pub fn excuse_silence(&mut self, now: Instant) {
        self.pulse.note_life(now);
    }

    /// Who the peer is, from when messages may be sent to it: then it has joined.
    ///
    /// With RingMQ's protocol there is no handshake: who connects has its peer from the beginning, and who accepts has it with the first
    /// frame, which is part of a message already. So an owner that treats both protocols alike asks here after [`new`](Self::new) and after
    /// each frame, before it looks at what came of it, and takes [`Input::Ready`] for nothing more than that.
    pub fn peer(&self) -> Option<&PeerInfo> {
        self.peer.as_ref()
    }

    /// Prepares that the peer of a SUB is told of a subscription, or of its end, in the form that it understands: by a command since
    /// version 3.1, by a message before. It is said as often as this is called: who counts says only the first and the last.
    ///
    /// `false`, and nothing is prepared, before there is a peer, with RingMQ's protocol, and for a prefix of more than
    /// [`PREFIX_MAX`](Self::PREFIX_MAX) bytes. A message is also bound by the maximum of the [`Wire`](super::Wire), with one byte more than
    /// the prefix has.
    pub fn subscribe(&mut self, prefix: &[u8], is_on: bool) -> bool {
        if !matches!(self.stage, Stage::Traffic) || prefix.len() > Session::PREFIX_MAX {
            return false;
        }
        if self.is_of_3_0() {
            let body = [&[u8::from(is_on)], prefix].concat();
            self.output.push_back((WireHead::Zmtp(FrameKind::Last), body));
        } else if is_on {
            self.prepare(Command::Subscribe { prefix });
        } else {
            self.prepare(Command::Cancel { prefix });
        }
        true
    }

    /// The head of a part of a message to the peer, or of a piece of [`RingFrames::split`](crate::codec::RingFrames::split).
    #[inline]
    pub fn part_head(&self, is_last: bool) -> WireHead {
        match (&self.stage, is_last) {
            (Stage::Ring, true) => WireHead::Ring(RingHead::Last),
            (Stage::Ring, false) => WireHead::Ring(RingHead::More),
            (_, true) => WireHead::Zmtp(FrameKind::Last),
            (_, false) => WireHead::Zmtp(FrameKind::More),
        }
    }

    /// What is no part of a message.
    #[inline(never)]
    fn received_other<'a>(
        &mut self,
        head: WireHead,
        body: &'a [u8],
        now: Instant,
    ) -> Result<Input<'a>, SessionError> {
        let input = match (&self.stage, head) {
            (Stage::Traffic, WireHead::Zmtp(FrameKind::Command)) => {
                self.pulse.note_life(now);
                self.command(body, now)
            }
            _ => self.handshake(head, body, now),
        };
        input.map_err(|error| self.fail(error))
    }

    #[inline]
    fn part<'a>(&mut self, body: &'a [u8], is_last: bool, now: Instant) -> Input<'a> {
        self.pulse.note_life(now);
        let has_begun = mem::replace(&mut self.is_in_message, !is_last);
        match body.split_first() {
            // Subscriptions of version 3.0; libzmq takes them of a peer of 3.1 too.
            Some((&is_on @ (0 | 1), prefix)) if is_last && !has_begun && self.is_publisher() => {
                Input::Subscription { prefix, is_on: is_on == 1 }
            }
            _ => Input::Part { bytes: body, is_last },
        }
    }

    fn command<'a>(&mut self, body: &'a [u8], now: Instant) -> Result<Input<'a>, SessionError> {
        let is_publisher = self.is_publisher();
        match Command::parse(cut_ping(body))? {
            Command::Ping { ttl, context } => {
                self.pulse.note_ttl(ttl, now);
                self.prepare(Command::Pong { context });
                Ok(Input::Nothing)
            }
            Command::Subscribe { prefix } if is_publisher => Ok(Input::Subscription { prefix, is_on: true }),
            Command::Cancel { prefix } if is_publisher => Ok(Input::Subscription { prefix, is_on: false }),
            Command::Error { reason } => Err(SessionError::PeerError { reason: reason.to_vec() }),
            _ => Ok(Input::Nothing),
        }
    }

    fn is_publisher(&self) -> bool {
        self.local.socket_type == SocketType::Pub
    }

    fn is_of_3_0(&self) -> bool {
        self.version == (3, 0)
    }

    /// A peer of RingMQ is there.
    fn join_ring(&mut self) {
        let socket_type = ring_peer(self.local.socket_type, self.local.side).expect("it was checked");
        self.stage = Stage::Ring;
        self.peer = Some(PeerInfo {
            dialect: Dialect::Ring,
            version: None,
            socket_type: socket_type.to_string(),
            identity: Vec::new(),
        });
    }

    fn prepare(&mut self, command: Command<'_>) {
        let mut body = Vec::new();
        command.write(&mut body).expect("what has a length was checked");
        self.output.push_back((WireHead::Zmtp(FrameKind::Command), body));
    }

    fn fail(&mut self, error: SessionError) -> SessionError {
        self.stage = Stage::Failed(Box::new(error.clone()));
        self.handshake_until = None;
        self.pulse = Pulse::default();
        error
    }
}

/// Without what waits to be sent, which may have a password in it.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("local", &self.local)
            .field("stage", &self.stage)
            .field("peer", &self.peer)
            .field("output_count", &self.output.len())
            .field("deadline", &self.deadline())
            .finish()
    }
}

#[inline]
fn ring_part(head: RingHead, body: &[u8]) -> Input<'_> {
    Input::Part { bytes: body, is_last: head == RingHead::Last }
}

/// A PING with more context than there may be is answered with as much as there may be, as libzmq does.
fn cut_ping(body: &[u8]) -> &[u8] {
    const PING: &[u8] = b"\x04PING";
    const LEN_MAX: usize = PING.len() + 2 + 16;
    if body.starts_with(PING) {
        return &body[..body.len().min(LEN_MAX)];
    }
    body
}
