//! What can be wrong with a frame: [`FrameError`], a small enum with the numbers in it.

use std::{error, fmt, io};

/// Why a stream of bytes is not a stream of frames, or a body cannot become one.
///
/// A decoder that has given one gives the same one forever: after it nothing on that stream can be trusted, so the only
/// thing left to do is to close it.
///
/// Through `?` it becomes an [`io::Error`] that still carries it:
///
/// ```
/// use ringmq::codec::FrameError;
/// use std::io;
///
/// let error = io::Error::from(FrameError::TooLong { len: 70_000, max: 65_536 });
/// assert_eq!(error.kind(), io::ErrorKind::InvalidData);
/// assert_eq!(error.to_string(), "expected a frame of at most 65536 bytes, found one of 70000");
///
/// let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<FrameError>());
/// assert_eq!(inner, Some(&FrameError::TooLong { len: 70_000, max: 65_536 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// A body is longer than the maximum the codec was made with. Becomes [`io::ErrorKind::InvalidData`].
    TooLong {
        /// How long the header says the body is, or how long the body to be sent is. A `u64`, because a peer can announce
        /// what no `usize` of this machine can hold.
        len: u64,
        /// The most that is allowed.
        max: usize,
    },
    /// A frame is shorter than any may be. Becomes [`io::ErrorKind::InvalidData`].
    TooShort {
        /// How long the header says the frame is, or how long the frame to be sent would be, with what is around its body.
        len: u64,
        /// The least that is allowed.
        min: usize,
    },
    /// A body that ends with a delimiter is longer than the maximum the codec was made with: there is none where one was due at the
    /// latest. Where the next one is, if at all, was not looked for. Becomes [`io::ErrorKind::InvalidData`].
    NoDelimiter {
        /// The most that is allowed before it.
        max: usize,
    },
    /// A header holds a value that no frame may have. Becomes [`io::ErrorKind::InvalidData`].
    Invalid {
        /// What may stand there instead, in words.
        expected: &'static str,
        /// What stands there.
        found: u64,
    },
    /// The stream ended inside a frame, be it in the header or in the body. Becomes [`io::ErrorKind::UnexpectedEof`].
    Truncated {
        /// How many bytes of the frame were there.
        have: usize,
        /// How many it needs at least; exactly as many once its header is complete.
        need: usize,
    },
    /// [`finish`](super::Decoder::finish) was called while a whole frame was still waiting to be decoded: the mistake is the
    /// caller's, not the peer's. Becomes [`io::ErrorKind::InvalidInput`].
    Undecoded {
        /// How many bytes that frame occupies.
        used: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { len, max } => {
                write!(f, "expected a frame of at most {max} bytes, found one of {len}")
            }
            FrameError::TooShort { len, min } => {
                write!(f, "expected a frame of at least {min} bytes, found one of {len}")
            }
            FrameError::NoDelimiter { max } => {
                write!(f, "expected a delimiter after at most {max} bytes, found more without one")
            }
            FrameError::Invalid { expected, found } => write!(f, "expected {expected}, found {found:#04x}"),
            FrameError::Truncated { have, need } => {
                write!(
                    f,
                    "expected at least {need} bytes of a frame, found the end of the stream after {have}"
                )
            }
            FrameError::Undecoded { used } => {
                write!(
                    f,
                    "expected every frame to be decoded before the end, found one of {used} bytes waiting"
                )
            }
        }
    }
}

impl error::Error for FrameError {}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> io::Error {
        let kind = match error {
            FrameError::TooLong { .. }
            | FrameError::TooShort { .. }
            | FrameError::NoDelimiter { .. }
            | FrameError::Invalid { .. } => io::ErrorKind::InvalidData,
            FrameError::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            FrameError::Undecoded { .. } => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_was_expected_and_what_was_found() {
        let said = [
            FrameError::TooLong { len: u64::MAX, max: 16 },
            FrameError::TooShort { len: 4, min: 5 },
            FrameError::NoDelimiter { max: 16 },
            FrameError::Invalid { expected: "flags from 0x00 to 0x07", found: 8 },
            FrameError::Truncated { have: 3, need: 4 },
            FrameError::Undecoded { used: 9 },
        ]
        .map(|error| error.to_string());
        assert_eq!(
            said,
            [
                "expected a frame of at most 16 bytes, found one of 18446744073709551615",
                "expected a frame of at least 5 bytes, found one of 4",
                "expected a delimiter after at most 16 bytes, found more without one",
                "expected flags from 0x00 to 0x07, found 0x08",
                "expected at least 4 bytes of a frame, found the end of the stream after 3",
                "expected every frame to be decoded before the end, found one of 9 bytes waiting",
            ]
        );
    }

    #[test]
    fn every_error_has_its_io_kind() {
        let kinds = [
            FrameError::TooLong { len: 17, max: 16 },
            FrameError::TooShort { len: 4, min: 5 },
            FrameError::NoDelimiter { max: 16 },
            FrameError::Invalid { expected: "flags from 0x00 to 0x07", found: 8 },
            FrameError::Truncated { have: 3, need: 4 },
            FrameError::Undecoded { used: 9 },
        ]
        .map(|error| io::Error::from(error).kind());
        assert_eq!(
            kinds,
            [
                io::ErrorKind::InvalidData,
                io::ErrorKind::InvalidData,
                io::ErrorKind::InvalidData,
                io::ErrorKind::InvalidData,
                io::ErrorKind::UnexpectedEof,
                io::ErrorKind::InvalidInput
            ]
        );
    }
}
