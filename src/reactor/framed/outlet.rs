//! The way out of a stream with frames: what the encoder puts around a message, and the message, queued together.

#[cfg(feature = "mq")]
use std::ops::Range;

use crate::codec::{Affixes, Encoder};
use crate::reactor::body::{Body, Unsent};
use crate::reactor::condition::Condition;
use crate::reactor::output::{Output, SendError};
#[cfg(feature = "mq")]
use crate::reactor::send_queue::Inset;
use crate::reactor::send_queue::Short;

/// The way out of a [`Framed`](super::Framed).
pub struct Outlet<'a, E: Encoder> {
    pub(super) encoder: &'a mut E,
    pub(super) output: &'a mut Output,
    pub(super) condition: &'a Condition,
}

impl<E: Encoder> Outlet<'_, E> {
    /// Queues a message to be sent, whole or not at all.
    ///
    /// # Errors
    /// [`SendError::Frame`] when the codec refuses it; [`SendError::Full`] and [`SendError::Closed`] as for
    /// [`Stream::send`](crate::Stream::send).
    #[inline(always)] // as `Frames::next`
    pub fn send(&mut self, head: E::Head, body: &[u8]) -> Result<(), SendError> {
        let mut affixes = Affixes::new();
        self.encoder.encode(head, body.len(), &mut affixes).map_err(SendError::Frame)?;
        let [before, after] = affixes.padded().map(|(bytes, len)| Short::new(bytes, len));
        self.output.send(self.condition, before, body, after)
    }

    /// As [`send`](Self::send), for who mostly sends where much waits already.
    #[cfg(feature = "mq")]
    #[inline(always)] // as `Frames::next`
    pub(crate) fn send_behind(&mut self, head: E::Head, body: &[u8]) -> Result<(), SendError> {
        let mut affixes = Affixes::new();
        self.encoder.encode(head, body.len(), &mut affixes).map_err(SendError::Frame)?;
        let [before, after] = affixes.padded().map(|(bytes, len)| Short::new(bytes, len));
        self.output.send_behind(self.condition, before, body, after)
    }

    /// Queues a message to be sent from where it lies, whole or not at all. What goes around it is sent with it, in one call of the system
    /// where [the transport](crate::Transport::send_vectored) can. A body of less than 4 KiB is copied: together with others it costs less.
    ///
    /// ```
    /// use ringmq::codec::{Codec, LengthPrefix};
    /// use ringmq::{Context, Framed, Id, SendError};
    /// use std::net::TcpStream;
    /// use std::sync::Arc;
    ///
    /// type Link = Framed<LengthPrefix, TcpStream>;
    ///
    /// /// Sends one piece of news to all, which stays where it is until the last one has it. Who cannot keep up goes without.
    /// fn broadcast<S>(context: &mut Context<'_, S>, links: &[Id<Link>], news: Arc<[u8]>) {
    ///     for &link in links {
    ///         if let Some(link) = context.get_mut(link) {
    ///             let _ = link.send_owned((), Arc::clone(&news));
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// As for [`send`](Self::send), with the body. How much of the budget it takes is at [`Body`].
    pub fn send_owned(&mut self, head: E::Head, body: impl Into<Body>) -> Result<(), Unsent> {
        let body = body.into();
        let mut affixes = Affixes::new();
        if let Err(error) = self.encoder.encode(head, body.as_ref().len(), &mut affixes) {
            return Err(Unsent { error: SendError::Frame(error), body });
        }
        let [before, after] = affixes.padded().map(|(bytes, len)| Short::new(bytes, len));
        self.output.send_owned(self.condition, before, body, after, Vec::new())
    }

    /// As [`send_owned`](Self::send_owned), cut into frames, all of them or none: `frames` says what the head of each is, and which bytes
    /// its body, of which none are left out.
    #[cfg(feature = "mq")]
    pub(crate) fn send_cut(
        &mut self,
        frames: impl ExactSizeIterator<Item = (E::Head, Range<usize>)>,
        body: Body,
    ) -> Result<(), Unsent> {
        let (mut outer, mut insets) = ([None, None], Vec::with_capacity(inset_count(frames.len())));
        let len = body.as_ref().len();
        let mut affixes = Affixes::new();
        for (head, Range { start, end }) in frames {
            if let Err(error) = self.encoder.encode(head, end - start, &mut affixes) {
                return Err(Unsent { error: SendError::Frame(error), body });
            }
            let [before, after] = affixes.padded().map(|(bytes, len)| Short::new(bytes, len));
            match start {
                0 => outer[0] = before,
                _ => insets.extend(Inset::new(before, start)),
            }
            match end == len {
                true => outer[1] = after,
                false => insets.extend(Inset::new(after, end)),
            }
        }
        let [before, after] = outer;
        self.output.send_owned(self.condition, before, body, after, insets)
    }

    /// Whether there is memory now for a body that is [cut](Self::send_cut) into so many frames.
    #[cfg(feature = "mq")]
    pub(crate) fn has_memory(&self, body: &Body, frame_count: usize) -> bool {
        self.output.queue.has_memory(body, inset_count(frame_count))
    }

    /// How many bytes more are sure to be too many, where some wait.
    #[cfg(feature = "mq")]
    pub(crate) fn room(&self) -> usize {
        self.output.high_water.saturating_sub(self.output.unsent_len())
    }

    /// How many bytes wait to be sent.
    pub fn unsent_len(&self) -> usize {
        self.output.unsent_len()
    }
}

/// How many places there are between so many frames, with what stands before and behind each.
#[cfg(feature = "mq")]
fn inset_count(frame_count: usize) -> usize {
    2 * frame_count.saturating_sub(1)
}
