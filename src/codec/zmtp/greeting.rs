//! What each side of a ZMTP connection sends first: [`Greeting`], 64 bytes.

use super::{GreetingError, Mechanism};
use crate::codec::Step;

/// The 64 bytes that each side of a connection sends before anything else, without waiting for the other's.
///
/// ```text
/// offset 0   1            9   10     11     12              32         33
///       +----+------------+----+------+------+---------------+-----------+-------------+
///       | ff | padding: 8 | 7f | 03   | 01   | mechanism: 20 | as-server | filler: 31  |
///       +----+------------+----+------+------+---------------+-----------+-------------+
///                                major  minor
/// ```
///
/// Padding and filler are not looked at. Send all of it at once and before reading: libzmq sends its own in stages and waits for the
/// peer's in between, so who waits for it to be complete waits for ever.
///
/// ```
/// use ringmq::codec::zmtp::{Greeting, Mechanism};
/// use ringmq::codec::Step;
///
/// # fn main() -> Result<(), ringmq::codec::zmtp::GreetingError> {
/// let bytes = Greeting::new(Mechanism::NULL, false).encode();
/// assert_eq!(Greeting::decode(&bytes[..11])?, Step::More(53));
/// match Greeting::decode(&bytes)? {
///     Step::Frame { head, used, .. } => {
///         assert_eq!(used, Greeting::LEN);
///         assert_eq!(head.version(), (3, 1));
///         assert_eq!(head.mechanism(), Mechanism::NULL);
///     }
///     Step::Skip { .. } | Step::More(_) => unreachable!("it is complete"),
/// }
///
/// let error = Greeting::decode(b"GET / HTTP/1.1\r\n").unwrap_err();
/// assert_eq!(error.to_string(), "expected a ZMTP greeting, which begins with 0xff, found 0x47");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Greeting {
    major: u8,
    minor: u8,
    mechanism: Mechanism,
    is_server: bool,
}

/// What precedes the version: `ff`, the padding and `7f`. The padding is libzmq's for a socket without a routing id, as to a ZMTP 1.0 peer
/// this is the length of an identity.
const SIGNATURE: [u8; 10] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f];

/// Where the padding ends, and with it what a ZMTP 1.0 peer would have sent as a length.
const MARK: usize = 9;
const MAJOR: usize = 10;
const MINOR: usize = 11;
const MECHANISM: usize = 12;
const AS_SERVER: usize = 32;

impl Greeting {
    /// How many bytes a greeting has: 64.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::zmtp::Greeting::LEN, 64);
    /// ```
    pub const LEN: usize = 64;

    /// The greeting of a peer that speaks version 3.1 and this mechanism.
    ///
    /// `is_server` matters to the mechanisms that have a client and a server; with [`Mechanism::NULL`] it is `false`.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Greeting, Mechanism};
    ///
    /// let greeting = Greeting::new(Mechanism::PLAIN, true);
    /// assert_eq!((greeting.version(), greeting.is_server()), ((3, 1), true));
    /// ```
    #[must_use]
    pub fn new(mechanism: Mechanism, is_server: bool) -> Greeting {
        Greeting { major: 3, minor: 1, mechanism, is_server }
    }

    /// Reads the greeting at the start of `input`, which is all that the peer has sent so far.
    ///
    /// The answer is as a [`Decoder`](crate::codec::Decoder)'s: [`Step::More`] until 64 bytes are there, then a [`Step::Frame`] with
    /// the greeting as its head and an empty body. With fewer bytes than `More` asks for there is no other answer.
    ///
    /// What is no greeting is found out as early as it shows: with 1, 10 or 11 bytes, as a peer of an older version waits for an answer
    /// after these. A version above 3.1 is in order, because that peer has to speak 3.1 to a 3.1 peer. Any mechanism is: compare it
    /// with your own.
    ///
    /// # Errors
    ///
    /// What is there cannot be a greeting of version 3, however it goes on: see [`GreetingError`].
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Greeting, GreetingError};
    /// use ringmq::codec::Step;
    ///
    /// assert_eq!(Greeting::decode(b""), Ok(Step::More(1)));
    /// assert_eq!(Greeting::decode(b"\xff"), Ok(Step::More(9)));
    /// assert_eq!(Greeting::decode(b"\xff\0\0\0\0\0\0\0\x01\x7f"), Ok(Step::More(1)));
    /// assert_eq!(Greeting::decode(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03"), Ok(Step::More(53)));
    ///
    /// let from_2_0 = Greeting::decode(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\x00\x00");
    /// assert_eq!(from_2_0, Err(GreetingError::OldVersion { major: 1 }));
    /// ```
    pub fn decode(input: &[u8]) -> Result<Step<Greeting>, GreetingError> {
        check_start(input)?;
        let bytes: &[u8; Greeting::LEN] =
            match input.get(..Greeting::LEN).and_then(|bytes| bytes.try_into().ok()) {
                Some(bytes) => bytes,
                None => return Ok(Step::More(next_stage(input.len()) - input.len())),
            };
        let mut mechanism = [0; Mechanism::LEN];
        mechanism.copy_from_slice(&bytes[MECHANISM..AS_SERVER]);
        let head = Greeting {
            major: bytes[MAJOR],
            minor: bytes[MINOR],
            mechanism: Mechanism::from_bytes(mechanism),
            is_server: bytes[AS_SERVER] == 1,
        };
        Ok(Step::Frame { head, body: Greeting::LEN..Greeting::LEN, used: Greeting::LEN })
    }

    /// Its bytes. Padding and filler are as libzmq sends them for a socket without a routing id.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Greeting, Mechanism};
    ///
    /// let bytes = Greeting::new(Mechanism::NULL, false).encode();
    /// assert_eq!(&bytes[..17], b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0");
    /// ```
    #[must_use]
    pub fn encode(&self) -> [u8; Greeting::LEN] {
        let mut bytes = [0; Greeting::LEN];
        bytes[..SIGNATURE.len()].copy_from_slice(&SIGNATURE);
        bytes[MAJOR] = self.major;
        bytes[MINOR] = self.minor;
        bytes[MECHANISM..AS_SERVER].copy_from_slice(self.mechanism.bytes());
        bytes[AS_SERVER] = u8::from(self.is_server);
        bytes
    }

    /// The version as major and minor number, as the peer announced it. The major one is 3 or above.
    ///
    /// A minor of 0, if the major is 3, says that subscriptions travel as messages and that there is no PING.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Greeting, Mechanism};
    ///
    /// assert_eq!(Greeting::new(Mechanism::NULL, false).version(), (3, 1));
    /// ```
    #[must_use]
    pub fn version(&self) -> (u8, u8) {
        (self.major, self.minor)
    }

    /// The security mechanism. Unless it equals one's own, the connection has to be closed.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Greeting, Mechanism};
    ///
    /// assert_eq!(Greeting::new(Mechanism::CURVE, true).mechanism(), Mechanism::CURVE);
    /// ```
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whether the peer says that it is the server of the mechanism.
    ///
    /// Who is server is better decided by one's own configuration: libzmq 4.3.5 always says `false`, as a PLAIN server too, though [RFC
    /// 37](https://rfc.zeromq.org/spec/37/) wants otherwise.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Greeting, Mechanism};
    ///
    /// assert!(!Greeting::new(Mechanism::NULL, false).is_server());
    /// ```
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.is_server
    }
}

/// Whether what is there can still become a greeting, by the rules that tell old peers, in the order in which they apply.
fn check_start(input: &[u8]) -> Result<(), GreetingError> {
    match input.first() {
        Some(0xff) | None => {}
        Some(first) => return Err(GreetingError::NotZmtp { first: *first }),
    }
    match input.get(MARK) {
        // By the RFC only the lowest bit counts, and not that this is 7f.
        Some(mark) if mark & 1 == 0 => return Err(GreetingError::LongIdentity { mark: *mark }),
        _ => {}
    }
    match input.get(MAJOR) {
        Some(major) if *major < 3 => Err(GreetingError::OldVersion { major: *major }),
        _ => Ok(()),
    }
}

/// How many bytes must be there for another answer than with `have`, which are fewer than a whole greeting.
fn next_stage(have: usize) -> usize {
    match have {
        0 => 1,
        1..=MARK => MARK + 1,
        MAJOR => MAJOR + 1,
        _ => Greeting::LEN,
    }
}
