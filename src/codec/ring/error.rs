//! What can be wrong with a message in order frames: [`RingMessageError`].

use std::{error, fmt, io};

/// Why frames of RingMQ, each of which is in order, are not a message.
///
/// Through `?` it becomes an [`io::Error`] that still carries it:
///
/// ```
/// use ringmq::codec::RingMessageError;
/// use std::io;
///
/// let error = io::Error::from(RingMessageError::TooLong { len: 70_000, max: 65_536 });
/// assert_eq!(error.kind(), io::ErrorKind::InvalidData);
/// assert_eq!(error.to_string(), "expected a message of at most 65536 bytes, found one of at least 70000");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RingMessageError {
    /// A message is longer than the maximum the joiner was made with. Becomes [`io::ErrorKind::InvalidData`].
    TooLong {
        /// How long it is at least: further frames may follow.
        len: u64,
        /// The most that is allowed.
        max: usize,
    },
    /// The stream ended inside a message, behind a whole frame. Becomes [`io::ErrorKind::UnexpectedEof`].
    Truncated {
        /// How many bytes of the message were there.
        have: usize,
    },
}

impl fmt::Display for RingMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingMessageError::TooLong { len, max } => {
                write!(f, "expected a message of at most {max} bytes, found one of at least {len}")
            }
            RingMessageError::Truncated { have } => {
                write!(
                    f,
                    "expected the last frame of a message, found the end of the stream after {have} bytes"
                )
            }
        }
    }
}

impl error::Error for RingMessageError {}

impl From<RingMessageError> for io::Error {
    fn from(error: RingMessageError) -> io::Error {
        let kind = match error {
            RingMessageError::TooLong { .. } => io::ErrorKind::InvalidData,
            RingMessageError::Truncated { .. } => io::ErrorKind::UnexpectedEof,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_was_expected_and_what_was_found_and_has_its_io_kind() {
        let errors =
            [RingMessageError::TooLong { len: 17, max: 16 }, RingMessageError::Truncated { have: 3 }];
        let told = errors.map(|error| (error.to_string(), io::Error::from(error).kind()));
        let expected = [
            ("expected a message of at most 16 bytes, found one of at least 17", io::ErrorKind::InvalidData),
            (
                "expected the last frame of a message, found the end of the stream after 3 bytes",
                io::ErrorKind::UnexpectedEof,
            ),
        ];
        assert_eq!(told, expected.map(|(text, kind)| (text.to_string(), kind)));
    }
}
