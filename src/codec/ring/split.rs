//! Cuts a message into frames: [`RingSplit`].

use std::iter::FusedIterator;
use std::ops::Range;

use super::{RingFrames, RingHead};

/// The frames of one message: the head of each, and where in the message its body lies. From [`RingFrames::split`].
///
/// All but the last are [`BODY_MAX`](RingFrames::BODY_MAX) bytes long, and the last is not empty unless the message is. Nothing is copied:
/// each body is sent from where it lies.
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Encoder, FrameError, RingFrames};
///
/// /// A message as it goes over the wire.
/// fn encode(message: &[u8]) -> Result<Vec<u8>, FrameError> {
///     let (_, mut encoder) = RingFrames::new(RingFrames::BODY_MAX).halves();
///     let (mut affixes, mut stream) = (Affixes::new(), Vec::new());
///     for (head, body) in RingFrames::split(message.len()) {
///         encoder.encode(head, body.len(), &mut affixes)?;
///         stream.extend_from_slice(affixes.before());
///         stream.extend_from_slice(&message[body]);
///     }
///     Ok(stream)
/// }
///
/// assert_eq!(encode(b"hi"), Ok(b"\x00\0\0\0\x07hi".to_vec()));
/// assert_eq!(encode(&[7; 131_068])?.len(), 131_072 + 6);
/// assert_eq!(encode(b""), Err(FrameError::TooShort { len: 5, min: 6 }));
/// # Ok::<(), FrameError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RingSplit {
    /// What of the message has not been cut off yet.
    rest: Range<usize>,
    is_done: bool,
}

impl RingSplit {
    pub(super) fn new(len: usize) -> RingSplit {
        RingSplit { rest: 0..len, is_done: false }
    }
}

impl Iterator for RingSplit {
    type Item = (RingHead, Range<usize>);

    #[inline]
    fn next(&mut self) -> Option<(RingHead, Range<usize>)> {
        if self.is_done {
            return None;
        }
        if self.rest.len() <= RingFrames::BODY_MAX {
            self.is_done = true;
            return Some((RingHead::Last, self.rest.clone()));
        }
        let start = self.rest.start;
        self.rest.start += RingFrames::BODY_MAX;
        Some((RingHead::More, start..self.rest.start))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The last frame is there even if nothing is left for it.
        let count = match self.rest.len().checked_sub(1) {
            _ if self.is_done => 0,
            Some(before_last) => before_last / RingFrames::BODY_MAX + 1,
            None => 1,
        };
        (count, Some(count))
    }
}

impl ExactSizeIterator for RingSplit {}

impl FusedIterator for RingSplit {}
