//! What a command frame says: [`Command`], the name and the data of its body.

use std::fmt;
use std::time::Duration;

use super::parts::{name_len, take, Text};
use super::{CommandError, Properties};

/// The body of a frame of kind [`Command`](super::FrameKind::Command), read where it lies.
///
/// ```text
/// +-------------+------+------- - -
/// | name length | name | data
/// | 1           |      |
/// +-------------+------+------- - -
/// ```
///
/// | command | data | when |
/// |---|---|---|
/// | READY | [`Properties`] | handshake |
/// | ERROR | length (1 byte) and reason | handshake; do not try again with the same credentials |
/// | SUBSCRIBE, CANCEL | a prefix | from a subscriber to a publisher, in version 3.1 |
/// | PING | time to live (2 bytes, tenths of a second), context (0 to 16 bytes) | any time after the handshake |
/// | PONG | the context of the PING | as its answer |
///
/// ```
/// use ringmq::codec::zmtp::Command;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), ringmq::codec::zmtp::CommandError> {
/// let answer = match Command::parse(b"\x04PING\0\x0fabc")? {
///     Command::Ping { ttl, context } => {
///         assert_eq!(ttl, Duration::from_millis(1500));
///         Command::Pong { context }
///     }
///     other => panic!("{other:?}"),
/// };
/// let mut body = Vec::new();
/// answer.write(&mut body)?;
/// assert_eq!(body, b"\x04PONGabc");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// The handshake is done on the sender's side, and this is what it says of itself.
    Ready(Properties<'a>),
    /// The handshake has failed.
    Error {
        /// Why, as up to 255 bytes of text. libzmq sends a status such as `400`.
        reason: &'a [u8],
    },
    /// Messages whose first frame begins with this are wanted.
    Subscribe {
        /// What they begin with; an empty one means all of them.
        prefix: &'a [u8],
    },
    /// They are no longer wanted.
    Cancel {
        /// What was subscribed to.
        prefix: &'a [u8],
    },
    /// Asks for a PONG.
    Ping {
        /// How long the receiver waits for a further sign of life before it takes the sender for dead; zero says that it waits for ever.
        /// On the wire it is a number of tenths of a second.
        ttl: Duration,
        /// What the answer brings back: at most 16 bytes.
        context: &'a [u8],
    },
    /// Answers a PING.
    Pong {
        /// That of the PING.
        context: &'a [u8],
    },
    /// Any other: HELLO, WELCOME and INITIATE, what belongs to another mechanism, or what nobody knows.
    Other {
        /// Its name, of at least one byte. Any bytes can come from a peer.
        name: &'a [u8],
        /// What follows the name.
        data: &'a [u8],
    },
}

/// The name of a command, and the data as far as it is not a number.
const NAME: &str = "a command's name";
const REASON: &str = "an ERROR's reason";

/// How much context a PING may have, by the RFC.
const CONTEXT_LEN_MAX: usize = 16;

const TENTH: Duration = Duration::from_millis(100);

/// The start of an ERROR as libzmq's PLAIN server sends it: in its source the length of the name is written as an escape that takes
/// in the first letter of the name.
const MISSPELT_ERROR: &[u8] = b"\x5eRROR";

impl<'a> Command<'a> {
    /// The command that `body` is, from its beginning to its end.
    ///
    /// Names are compared exactly. libzmq 4.3.5 misspells the ERROR of its PLAIN server, as `5e "RROR"`; this is read as an ERROR.
    ///
    /// # Errors
    ///
    /// [`CommandError::Truncated`] if a part runs past the end, [`CommandError::Nameless`] if the name is empty,
    /// [`CommandError::TooLong`] if the context of a PING or PONG has more than 16 bytes, [`CommandError::Trailing`] if something
    /// follows the reason of an ERROR, and those of [`Properties::parse`] for a READY.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{Command, CommandError};
    ///
    /// assert_eq!(Command::parse(b"\x09SUBSCRIBEtopic."), Ok(Command::Subscribe { prefix: b"topic." }));
    /// assert_eq!(Command::parse(b"\x07WELCOME"), Ok(Command::Other { name: b"WELCOME", data: b"" }));
    ///
    /// let error = Command::parse(b"\x04PING\0").unwrap_err();
    /// assert_eq!(error, CommandError::Truncated { part: "a PING's time to live", need: 2, have: 1 });
    /// ```
    pub fn parse(body: &'a [u8]) -> Result<Command<'a>, CommandError> {
        let (name, data) = match split_name(body) {
            Ok(split) => split,
            // Not looked for first, as a name of 94 letters may begin like this.
            Err(error) => match body.strip_prefix(MISSPELT_ERROR) {
                Some(data) => (&b"ERROR"[..], data),
                None => return Err(error),
            },
        };
        Ok(match name {
            b"READY" => Command::Ready(Properties::parse(data)?),
            b"ERROR" => Command::Error { reason: parse_reason(data)? },
            b"SUBSCRIBE" => Command::Subscribe { prefix: data },
            b"CANCEL" => Command::Cancel { prefix: data },
            b"PING" => {
                let (tenths, context) = take("a PING's time to live", data, 2)?;
                let tenths = u32::from(tenths[0]) << 8 | u32::from(tenths[1]);
                Command::Ping { ttl: TENTH * tenths, context: check_context(context)? }
            }
            b"PONG" => Command::Pong { context: check_context(data)? },
            _ => Command::Other { name, data },
        })
    }

    /// Writes the body of a frame with this command at the end of `body`.
    ///
    /// A time to live that is no whole number of tenths of a second is rounded up. An ERROR is spelt as the RFC has it.
    ///
    /// # Errors
    ///
    /// [`CommandError::TooLong`] or [`CommandError::Nameless`]: a name has 1 to 255 bytes, a reason at most 255, a context at most 16, a
    /// time to live at most 65535 tenths of a second. Nothing is written then.
    ///
    /// ```
    /// use ringmq::codec::zmtp::Command;
    ///
    /// # fn main() -> Result<(), ringmq::codec::zmtp::CommandError> {
    /// let mut body = Vec::new();
    /// Command::Error { reason: b"Invalid socket type" }.write(&mut body)?;
    /// assert_eq!(body, b"\x05ERROR\x13Invalid socket type");
    /// # Ok(())
    /// # }
    /// ```
    pub fn write(&self, body: &mut Vec<u8>) -> Result<(), CommandError> {
        match *self {
            Command::Ready(properties) => append(body, b"READY", &[], properties.as_bytes()),
            Command::Error { reason } => {
                let len = u8::try_from(reason.len())
                    .map_err(|_| too_long("bytes of an ERROR's reason", reason.len() as u64, 255))?;
                append(body, b"ERROR", &[len], reason)
            }
            Command::Subscribe { prefix } => append(body, b"SUBSCRIBE", &[], prefix),
            Command::Cancel { prefix } => append(body, b"CANCEL", &[], prefix),
            Command::Ping { ttl, context } => {
                append(body, b"PING", &tenths(ttl)?.to_be_bytes(), check_context(context)?)
            }
            Command::Pong { context } => append(body, b"PONG", &[], check_context(context)?),
            Command::Other { name, data } => append(body, name, &[], data),
        }
    }
}

/// As the fields would be printed, with bytes as text in which what is not printable ASCII is escaped.
impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ready(properties) => f.debug_tuple("Ready").field(properties).finish(),
            Command::Error { reason } => f.debug_struct("Error").field("reason", &Text(reason)).finish(),
            Command::Subscribe { prefix } => {
                f.debug_struct("Subscribe").field("prefix", &Text(prefix)).finish()
            }
            Command::Cancel { prefix } => f.debug_struct("Cancel").field("prefix", &Text(prefix)).finish(),
            Command::Ping { ttl, context } => {
                f.debug_struct("Ping").field("ttl", ttl).field("context", &Text(context)).finish()
            }
            Command::Pong { context } => f.debug_struct("Pong").field("context", &Text(context)).finish(),
            Command::Other { name, data } => {
                f.debug_struct("Other").field("name", &Text(name)).field("data", &Text(data)).finish()
            }
        }
    }
}

/// The name and what follows it.
fn split_name(body: &[u8]) -> Result<(&[u8], &[u8]), CommandError> {
    let (len, rest) = take("the length of a command's name", body, 1)?;
    let (name, data) = take(NAME, rest, usize::from(len[0]))?;
    if name.is_empty() {
        return Err(CommandError::Nameless { part: NAME });
    }
    Ok((name, data))
}

fn parse_reason(data: &[u8]) -> Result<&[u8], CommandError> {
    let (len, rest) = take("the length of an ERROR's reason", data, 1)?;
    let (reason, behind) = take(REASON, rest, usize::from(len[0]))?;
    if !behind.is_empty() {
        return Err(CommandError::Trailing { part: REASON, len: behind.len() });
    }
    Ok(reason)
}

fn check_context(context: &[u8]) -> Result<&[u8], CommandError> {
    if context.len() > CONTEXT_LEN_MAX {
        return Err(too_long("bytes of context", context.len() as u64, CONTEXT_LEN_MAX as u64));
    }
    Ok(context)
}

/// Rounded up, so that a short time does not become zero, which is for ever.
fn tenths(ttl: Duration) -> Result<u16, CommandError> {
    let tenths = (ttl.as_nanos() + TENTH.as_nanos() - 1) / TENTH.as_nanos();
    u16::try_from(tenths).map_err(|_| {
        let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
        too_long("tenths of a second to live", tenths, u64::from(u16::MAX))
    })
}

fn too_long(part: &'static str, len: u64, max: u64) -> CommandError {
    CommandError::TooLong { part, len, max }
}

fn append(body: &mut Vec<u8>, name: &[u8], field: &[u8], data: &[u8]) -> Result<(), CommandError> {
    let len = name_len(NAME, name)?;
    body.reserve(1 + name.len() + field.len() + data.len());
    body.push(len);
    body.extend_from_slice(name);
    body.extend_from_slice(field);
    body.extend_from_slice(data);
    Ok(())
}
