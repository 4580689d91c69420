//! What can be wrong with a greeting or with the body of a command: [`GreetingError`] and [`CommandError`].

use std::{error, fmt, io};

/// Why the bytes that a peer sent first are not a greeting of ZMTP 3.
///
/// The connection can only be closed, and without a word: an older peer understands none, and a stranger even less.
///
/// Through `?` it becomes an [`io::Error`] of kind [`InvalidData`](io::ErrorKind::InvalidData) that still carries it:
///
/// ```
/// use ringmq::codec::zmtp::GreetingError;
/// use std::io;
///
/// let error = io::Error::from(GreetingError::OldVersion { major: 1 });
/// assert_eq!(error.kind(), io::ErrorKind::InvalidData);
/// assert_eq!(error.to_string(), "expected version 3 of ZMTP or above, found a peer of version 2.0 (revision 0x01)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GreetingError {
    /// The first byte is not `ff`: a peer that speaks ZMTP 1.0 (it is the length of a short identity then), or another protocol.
    NotZmtp {
        /// The first byte.
        first: u8,
    },
    /// The tenth byte is even: a peer that speaks ZMTP 1.0 and begins with the length of an identity in eight bytes.
    LongIdentity {
        /// The tenth byte.
        mark: u8,
    },
    /// The eleventh byte is below 3: a peer that speaks ZMTP 2.0, which announces revision 1. No peer was ever seen with 0 or 2.
    OldVersion {
        /// The eleventh byte.
        major: u8,
    },
}

impl fmt::Display for GreetingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GreetingError::NotZmtp { first } => {
                write!(f, "expected a ZMTP greeting, which begins with 0xff, found {first:#04x}")
            }
            GreetingError::LongIdentity { mark } => {
                write!(
                    f,
                    "expected version 3 of ZMTP or above, found a peer of version 1.0 (tenth byte {mark:#04x}, which is even)"
                )
            }
            GreetingError::OldVersion { major } => {
                write!(
                    f,
                    "expected version 3 of ZMTP or above, found a peer of version 2.0 (revision {major:#04x})"
                )
            }
        }
    }
}

impl error::Error for GreetingError {}

impl From<GreetingError> for io::Error {
    fn from(error: GreetingError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Why the body of a frame is not a command, or something cannot be written as one.
///
/// Unlike a [`FrameError`](crate::codec::FrameError) it says nothing of the frames that follow. Before the end of a handshake the connection
/// has to be closed; after it libzmq 4.3.5 drops such a command and goes on.
///
/// Through `?` it becomes an [`io::Error`] of kind [`InvalidData`](io::ErrorKind::InvalidData) that still carries it:
///
/// ```
/// use ringmq::codec::zmtp::{Command, CommandError};
/// use std::io;
///
/// let error = Command::parse(b"\x09ab").unwrap_err();
/// assert_eq!(error, CommandError::Truncated { part: "a command's name", need: 9, have: 2 });
///
/// let error = io::Error::from(error);
/// assert_eq!(error.kind(), io::ErrorKind::InvalidData);
/// assert_eq!(error.to_string(), "expected 9 bytes of a command's name, found 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// A part runs past the end of the body.
    Truncated {
        /// Which part.
        part: &'static str,
        /// How many bytes it has, as the command announces or its kind wants.
        need: usize,
        /// How many are there.
        have: usize,
    },
    /// A name has no bytes.
    Nameless {
        /// Whose name.
        part: &'static str,
    },
    /// A name has a byte that the protocol does not allow. Only what writes says so; what is received may have any.
    BadName {
        /// Whose name.
        part: &'static str,
        /// The first such byte.
        found: u8,
    },
    /// A part is longer than the protocol allows.
    TooLong {
        /// Which part.
        part: &'static str,
        /// How long it is.
        len: u64,
        /// How long it may be.
        max: u64,
    },
    /// Something stands behind the end of a command.
    Trailing {
        /// Which command.
        part: &'static str,
        /// How many bytes stand there.
        len: usize,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Truncated { part, need, have } => {
                write!(f, "expected {need} bytes of {part}, found {have}")
            }
            CommandError::Nameless { part } => write!(f, "expected at least 1 byte of {part}, found 0"),
            CommandError::BadName { part, found } => {
                write!(f, "expected letters, digits, '-', '_', '.' or '+' in {part}, found {found:#04x}")
            }
            CommandError::TooLong { part, len, max } => {
                write!(f, "expected at most {max} {part}, found {len}")
            }
            CommandError::Trailing { part, len } => {
                write!(f, "expected nothing behind {part}, found {len} bytes")
            }
        }
    }
}

impl error::Error for CommandError {}

impl From<CommandError> for io::Error {
    fn from(error: CommandError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_greeting_error_says_what_was_expected_and_what_was_found() {
        let said = [
            GreetingError::NotZmtp { first: 0x16 },
            GreetingError::LongIdentity { mark: 0 },
            GreetingError::OldVersion { major: 1 },
        ]
        .map(|error| error.to_string());
        assert_eq!(
            said,
            [
                "expected a ZMTP greeting, which begins with 0xff, found 0x16",
                "expected version 3 of ZMTP or above, found a peer of version 1.0 (tenth byte 0x00, which is even)",
                "expected version 3 of ZMTP or above, found a peer of version 2.0 (revision 0x01)",
            ]
        );
    }

    #[test]
    fn every_command_error_says_what_was_expected_and_what_was_found() {
        let said = [
            CommandError::Truncated { part: "a command's name", need: 9, have: 2 },
            CommandError::Nameless { part: "a command's name" },
            CommandError::BadName { part: "a property's name", found: 0x20 },
            CommandError::TooLong { part: "bytes of a PING's context", len: 20, max: 16 },
            CommandError::Trailing { part: "an ERROR's reason", len: 3 },
        ]
        .map(|error| error.to_string());
        assert_eq!(
            said,
            [
                "expected 9 bytes of a command's name, found 2",
                "expected at least 1 byte of a command's name, found 0",
                "expected letters, digits, '-', '_', '.' or '+' in a property's name, found 0x20",
                "expected at most 16 bytes of a PING's context, found 20",
                "expected nothing behind an ERROR's reason, found 3 bytes",
            ]
        );
    }
}
