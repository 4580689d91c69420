//! Joins frames to messages: [`RingJoiner`].

use std::borrow::Cow;
use std::mem;

use super::{RingHead, RingMessageError};

/// Joins the frames of one direction of a connection to messages of at most so many bytes.
///
/// Unlike a decoder it keeps bytes, those of the message that has begun, and never more than its maximum. What has to be held at the
/// worst is thus that and the longest frame of the decoder before it. A message of a single frame is not copied.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, RingFrames, RingJoiner, Step};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut decoder = RingFrames::new(RingFrames::BODY_MAX).halves().0;
/// let mut joiner = RingJoiner::new(1 << 20);
///
/// let stream = b"\x01\0\0\0\x07he\x00\0\0\0\x08llo\x00\0\0\0\x06!";
/// let (mut messages, mut done) = (Vec::new(), 0);
/// while let Step::Frame { head, body, used } = decoder.decode(&stream[done..])? {
///     if let Some(message) = joiner.push(head, &stream[done..][body])? {
///         messages.push(message.into_owned());
///     }
///     done += used;
/// }
/// decoder.finish(&stream[done..])?;
/// joiner.finish()?;
/// assert_eq!(messages, [&b"hello"[..], b"!"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RingJoiner {
    max: usize,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Between two messages.
    Idle,
    /// What has come of a message, which may be no bytes.
    Begun(Vec<u8>),
    Failed(RingMessageError),
}

impl RingJoiner {
    /// Messages of at most `max` bytes.
    ///
    /// There is no unlimited: the frames of a message can go on for ever.
    ///
    /// # Panics
    ///
    /// If `max` is above `isize::MAX`, which is all that a slice can hold.
    ///
    /// ```
    /// use ringmq::codec::{RingHead, RingJoiner, RingMessageError};
    ///
    /// let mut joiner = RingJoiner::new(4);
    /// assert_eq!(joiner.push(RingHead::More, b"abc"), Ok(None));
    /// let refused = Err(RingMessageError::TooLong { len: 5, max: 4 });
    /// assert_eq!(joiner.push(RingHead::More, b"de"), refused);
    /// ```
    #[must_use]
    pub fn new(max: usize) -> RingJoiner {
        let most = isize::MAX as usize;
        assert!(max <= most, "a maximum of {max} bytes is more than a slice can hold: at most {most}");
        RingJoiner { max, state: State::Idle }
    }

    /// Adds the next frame, and gives the message that it completes, if it does.
    ///
    /// Empty bodies are in order: they add nothing.
    ///
    /// # Errors
    ///
    /// [`RingMessageError::TooLong`] if the message has become longer than the maximum, whether or not it is complete. What was held of it
    /// is let go, and every later call gives the same error: nothing more can be made of this connection than to close it.
    ///
    /// ```
    /// use ringmq::codec::{RingHead, RingJoiner};
    /// use std::borrow::Cow;
    ///
    /// # fn main() -> Result<(), ringmq::codec::RingMessageError> {
    /// let mut joiner = RingJoiner::new(1024);
    /// assert!(matches!(joiner.push(RingHead::Last, b"whole")?, Some(Cow::Borrowed(b"whole"))));
    ///
    /// assert_eq!(joiner.push(RingHead::More, b"in ")?, None);
    /// assert_eq!(joiner.push(RingHead::Last, b"parts")?.as_deref(), Some(&b"in parts"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn push<'a>(
        &mut self,
        head: RingHead,
        body: &'a [u8],
    ) -> Result<Option<Cow<'a, [u8]>>, RingMessageError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        // Neither is longer than `isize::MAX`, so the sum is a `usize`.
        let len = self.held_len() + body.len();
        if len > self.max {
            return Err(self.fail(RingMessageError::TooLong { len: len as u64, max: self.max }));
        }
        let message = match mem::replace(&mut self.state, State::Idle) {
            State::Begun(mut held) => {
                append(&mut held, body, self.max);
                Cow::Owned(held)
            }
            State::Idle | State::Failed(_) => Cow::Borrowed(body),
        };
        match head {
            RingHead::Last => Ok(Some(message)),
            RingHead::More => {
                self.state = State::Begun(message.into_owned());
                Ok(None)
            }
        }
    }

    /// The stream has ended behind the frames that were pushed.
    ///
    /// After `Ok` the joiner stands between two messages, as a new one does.
    ///
    /// # Errors
    ///
    /// [`RingMessageError::Truncated`] if a message has begun, and whatever error there was before. Both are final.
    ///
    /// ```
    /// use ringmq::codec::{RingHead, RingJoiner, RingMessageError};
    ///
    /// # fn main() -> Result<(), RingMessageError> {
    /// let mut joiner = RingJoiner::new(1024);
    /// assert_eq!(joiner.finish(), Ok(()));
    /// joiner.push(RingHead::More, b"hel")?;
    /// assert_eq!(joiner.finish(), Err(RingMessageError::Truncated { have: 3 }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish(&mut self) -> Result<(), RingMessageError> {
        match &self.state {
            State::Idle => Ok(()),
            State::Begun(held) => {
                let have = held.len();
                Err(self.fail(RingMessageError::Truncated { have }))
            }
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// How many bytes are held of the message that has begun. No more memory than the maximum is occupied for them.
    ///
    /// ```
    /// use ringmq::codec::{RingHead, RingJoiner};
    ///
    /// # fn main() -> Result<(), ringmq::codec::RingMessageError> {
    /// let mut joiner = RingJoiner::new(1024);
    /// joiner.push(RingHead::More, b"hel")?;
    /// assert_eq!(joiner.held_len(), 3);
    /// joiner.push(RingHead::Last, b"lo")?;
    /// assert_eq!(joiner.held_len(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn held_len(&self) -> usize {
        match &self.state {
            State::Begun(held) => held.len(),
            State::Idle | State::Failed(_) => 0,
        }
    }

    #[cold]
    fn fail(&mut self, error: RingMessageError) -> RingMessageError {
        self.state = State::Failed(error.clone());
        error
    }
}

/// Grows twofold as a vector does, but never above the maximum, within which the bytes are.
fn append(held: &mut Vec<u8>, body: &[u8], max: usize) {
    let len = held.len() + body.len();
    if len > held.capacity() {
        let capacity = held.capacity().saturating_mul(2).min(max).max(len);
        held.reserve_exact(capacity - held.len());
    }
    held.extend_from_slice(body);
}
