//! What a socket is made with.

use std::io;
use std::time::Duration;

use super::{Dialect, Heartbeat, Security, Wire};
use crate::codec::{Codec, Decoder};
use crate::Memory;

/// How much may wait, in one direction of one peer: as many messages and as many bytes, whichever comes first. A single message is taken
/// however long it is, when nothing else waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HighWater {
    /// Messages.
    pub messages: usize,
    /// Bytes of their parts together.
    pub bytes: usize,
}

impl HighWater {
    /// Whether so much is as much as may wait, or more.
    pub(crate) fn is_reached(self, messages: usize, bytes: usize) -> bool {
        messages >= self.messages || bytes >= self.bytes
    }

    /// How many messages and bytes more it takes to reach it.
    pub(crate) fn left(self, messages: usize, bytes: usize) -> HighWater {
        HighWater {
            messages: self.messages.saturating_sub(messages),
            bytes: self.bytes.saturating_sub(bytes),
        }
    }

    /// How many messages fewer there have to be before it [is low](Self::is_low), at the least.
    pub(crate) fn above_low(self, messages: usize) -> usize {
        messages.saturating_sub(self.messages / 2)
    }

    /// Whether it has gone down to half of that: who has waited may go on.
    pub(crate) fn is_low(self, messages: usize, bytes: usize) -> bool {
        messages <= self.messages / 2 && bytes <= self.bytes / 2
    }
}

/// What becomes of a message that no peer takes now, since none [has room](Options::send_high_water), or none is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WhenFull {
    /// A [`BlockingSocket`](super::BlockingSocket) waits in `send`. On a loop nothing waits: `send` hands the message back, and the
    /// socket's callback runs when another may be sent.
    Wait,
    /// It is handed back at once, by `send` of either kind.
    Refuse,
    /// It is dropped, which `send` answers with and an [event](super::Event::Dropped) counts: what is there already goes first.
    DropNewest,
}

/// What a socket is made with: [`new`](Options::new) has values that do for most.
///
/// ```
/// use ringmq::mq::{Dialect, HighWater, Options};
/// use std::time::Duration;
///
/// let options = Options::new()
///     .dialect(Dialect::Any)
///     .send_high_water(HighWater { messages: 100, bytes: 1 << 20 })
///     .reconnect(Duration::from_millis(50), Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) identity: Vec<u8>,
    pub(crate) security: Security,
    pub(crate) dialect: Dialect,
    pub(crate) connect_within: Duration,
    pub(crate) handshake_within: Duration,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) reconnect: (Duration, Duration),
    pub(crate) send_high_water: HighWater,
    pub(crate) recv_high_water: HighWater,
    pub(crate) when_full: WhenFull,
    pub(crate) max_part_len: usize,
    pub(crate) max_message_len: usize,
    pub(crate) max_part_count: usize,
    pub(crate) max_subscription_count: usize,
    pub(crate) mandatory: bool,
    pub(crate) handover: bool,
    pub(crate) has_events: bool,
    pub(crate) linger: Duration,
    pub(crate) busy_poll: Duration,
}

impl Options {
    /// ZMTP without passwords; 30 seconds for a connection and as many for a handshake; no heartbeats; 30 seconds to linger; 100 ms to 10 s before a
    /// connection is tried again; 1000 messages or 4 MiB in either direction of a peer, and waiting for room; parts and messages of at most 16 MiB, messages of at most
    /// 1024 parts, and 100,000 subscriptions of a peer; 50 us to look before a thread sleeps.
    #[must_use]
    pub fn new() -> Options {
        let half_a_minute = Duration::from_secs(30);
        let high_water = HighWater { messages: 1000, bytes: 4 << 20 };
        Options {
            identity: Vec::new(),
            security: Security::Null,
            dialect: Dialect::Zmtp,
            connect_within: half_a_minute,
            handshake_within: half_a_minute,
            heartbeat: None,
            reconnect: (Duration::from_millis(100), Duration::from_secs(10)),
            send_high_water: high_water,
            recv_high_water: high_water,
            when_full: WhenFull::Wait,
            max_part_len: 16 << 20,
            max_message_len: 16 << 20,
            max_part_count: 1024,
            max_subscription_count: 100_000,
            mandatory: false,
            handover: false,
            has_events: false,
            linger: half_a_minute,
            busy_poll: Duration::from_micros(50),
        }
    }

    /// What the socket calls itself to a ROUTER: up to 255 bytes that do not begin with a zero. Without one it is named by the other side.
    #[must_use]
    pub fn identity(mut self, identity: impl Into<Vec<u8>>) -> Options {
        self.identity = identity.into();
        self
    }

    /// Who it lets in, or as whom it asks to be.
    #[must_use]
    pub fn security(mut self, security: Security) -> Options {
        self.security = security;
        self
    }

    /// Which protocol it speaks.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Options {
        self.dialect = dialect;
        self
    }

    /// How long a connection may take to be made.
    #[must_use]
    pub fn connect_within(mut self, within: Duration) -> Options {
        self.connect_within = within;
        self
    }

    /// How long a handshake may take, from the connection on.
    #[must_use]
    pub fn handshake_within(mut self, within: Duration) -> Options {
        self.handshake_within = within;
        self
    }

    /// Asks peers for a sign of life, and gives them up without one. Those that speak ZMTP 3.0 or RingMQ cannot be asked.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Options {
        self.heartbeat = Some(heartbeat);
        self
    }

    /// How long to wait before a connection is tried again: `shortest` at first, twice as long each time up to `longest`, each shortened at
    /// random by up to half. It begins anew once a handshake is done.
    #[must_use]
    pub fn reconnect(mut self, shortest: Duration, longest: Duration) -> Options {
        self.reconnect = (shortest, longest);
        self
    }

    /// How much may wait to be sent to one peer.
    #[must_use]
    pub fn send_high_water(mut self, high_water: HighWater) -> Options {
        self.send_high_water = high_water;
        self
    }

    /// How much of one peer may wait to be received; then it is not read from. As much may wait of all those together that have left; then
    /// nobody is read from who has joined.
    #[must_use]
    pub fn recv_high_water(mut self, high_water: HighWater) -> Options {
        self.recv_high_water = high_water;
        self
    }

    /// What becomes of a message that no peer takes now. It is for types that wait for peers: PUSH, DEALER and REQ, and a
    /// [mandatory](Self::mandatory) ROUTER. The others drop, and say so.
    ///
    /// ```
    /// use ringmq::mq::{Handed, HighWater, IoThread, Options, SocketType, WhenFull};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let io = IoThread::new()?;
    /// let mark = HighWater { messages: 1, bytes: 1 << 20 };
    /// let options = Options::new().send_high_water(mark).when_full(WhenFull::DropNewest);
    /// let push = io.socket_with(SocketType::Push, options)?;
    /// assert_eq!(push.send("kept until somebody comes")?, Handed::Over);
    /// assert_eq!(push.send("one too many")?, Handed::Dropped);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Options {
        self.when_full = when_full;
        self
    }

    /// The longest part that is taken, in bytes. A peer that announces a longer one is refused. The memory of the loop has to hold one.
    #[must_use]
    pub fn max_part_len(mut self, len: usize) -> Options {
        self.max_part_len = len;
        self
    }

    /// The longest message that is taken, all its parts together. A peer that sends a longer one is refused.
    #[must_use]
    pub fn max_message_len(mut self, len: usize) -> Options {
        self.max_message_len = len;
        self
    }

    /// The most parts that a message may have, what a request or a ROUTER has before it included: each takes some memory even if it is
    /// empty. A peer that sends one of more is refused.
    #[must_use]
    pub fn max_part_count(mut self, count: usize) -> Options {
        self.max_part_count = count;
        self
    }

    /// Of a PUB: to how many prefixes a peer may subscribe, which have no more bytes together than a
    /// [message may](Self::max_message_len). One that subscribes to more is refused.
    #[must_use]
    pub fn max_subscription_count(mut self, count: usize) -> Options {
        self.max_subscription_count = count;
        self
    }

    /// Of a ROUTER: whether a message to nobody, or to who has no room, is refused instead of dropped. A
    /// [`BlockingSocket`](super::BlockingSocket) has taken it by then: it waits for room, and drops what is for nobody with an
    /// [event](Self::events).
    #[must_use]
    pub fn mandatory(mut self, is_mandatory: bool) -> Options {
        self.mandatory = is_mandatory;
        self
    }

    /// Of a ROUTER: whether a peer that comes with a name in use takes it over, instead of being refused.
    #[must_use]
    pub fn handover(mut self, hands_over: bool) -> Options {
        self.handover = hands_over;
        self
    }

    /// How long a [`BlockingSocket`](super::BlockingSocket) that is dropped still sends what waits.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Options {
        self.linger = linger;
        self
    }

    /// How long a [`BlockingSocket`](super::BlockingSocket) that is lent its connection looks for the next request or reply before it sleeps,
    /// at the longest: 50 us without this, and never for zero. It is as long as it takes to sleep and to be woken, or longer, so that it
    /// saves processor time as well wherever what is awaited comes in that time. Where it does not, looks become rare: each that was in
    /// vain has twice as many waits pass without one, up to 1024.
    #[must_use]
    pub fn busy_poll(mut self, within: Duration) -> Options {
        self.busy_poll = within;
        self
    }

    /// Whether the socket keeps [events](super::Event) to be taken.
    #[must_use]
    pub fn events(mut self, are_kept: bool) -> Options {
        self.has_events = are_kept;
        self
    }
}

impl Options {
    /// # Errors
    /// `InvalidInput` for high-water marks at which nothing could ever wait, and parts that the loop's memory could not hold.
    pub(crate) fn check(&self, memory: &Memory) -> io::Result<()> {
        let invalid = |message| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        for (name, HighWater { messages, bytes }) in
            [("send", self.send_high_water), ("recv", self.recv_high_water)]
        {
            if messages == 0 || bytes == 0 {
                return invalid(format!(
                    "expected a {name} high-water mark of at least 1 message and 1 byte, found {messages} and {bytes}"
                ));
            }
        }
        let (max, limit) = (self.max_part_len, memory.limit());
        let fits = || Wire::new(self.dialect, max).halves().0.max_frame_len() <= limit;
        if max > limit || !fits() {
            return invalid(format!(
                "expected parts to fit the memory of {limit} bytes, found a maximum of {max}"
            ));
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}
