//! The frames that have arrived on a stream, as the decoder finds them in the receive buffer.

use std::ops::Range;

use crate::codec::{Decoder, FrameError, Step};
use crate::reactor::condition::Condition;
use crate::reactor::input::Parts;

/// The frames that have arrived, in order.
///
/// After an error there are no more: the decoder cannot know where the next frame begins, nothing more is read, and the connection is
/// best removed. When the stream has ended inside a frame, that is such an error. Frames that are not asked for stay; nobody is reminded
/// of them until more arrives, so who stops early [fires](crate::Context::fire) its own callback, or puts a frame back when it could not be
/// sent on.
#[must_use = "frames stay where they are until they are asked for"]
pub struct Frames<'a, D: Decoder> {
    /// What has arrived, from where the first frame begins that is given out here.
    unread: &'a [u8],
    /// What is behind the frame that was given out last.
    rest: &'a [u8],
    /// How much of it is taken: as far as the frame that was given out last.
    taken: &'a mut usize,
    needed: &'a mut usize,
    condition: &'a Condition,
    decoder: &'a mut D,
    held: &'a mut Option<Box<Found<D::Head>>>,
    /// The frame that was given out last, to put back, and how many bytes it occupies.
    last: Option<(Frame<'a, D::Head>, usize)>,
}

/// One frame: what its header says, and its body where it lies in the receive buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a, H> {
    /// What the header says besides the length.
    pub head: H,
    /// The message.
    pub body: &'a [u8],
}

/// A frame that the decoder found, counted from the first byte that was not consumed.
pub(super) struct Found<H> {
    head: H,
    body: Range<usize>,
    used: usize,
    /// How many bytes of the next frame are read with it. It is whole with them, and not given out here, where that is not known any more.
    behind: usize,
}

impl<H> Found<H> {
    /// One of which the body alone is kept, and may not be there whole yet.
    #[cfg(feature = "mq")]
    pub fn apart(head: H, body_len: usize, behind: usize) -> Found<H> {
        Found { head, body: 0..body_len, used: body_len, behind }
    }

    #[cfg(feature = "mq")]
    pub fn head(&self) -> &H {
        &self.head
    }

    #[cfg(feature = "mq")]
    pub fn into_head(self) -> H {
        self.head
    }

    /// How long the body is, and how many bytes of the next frame are read with it.
    #[cfg(feature = "mq")]
    pub fn lens(&self) -> (usize, usize) {
        (self.used, self.behind)
    }
}

impl<'a, D: Decoder> Frames<'a, D> {
    #[inline(always)] // as `next`
    pub(super) fn new(
        parts: Parts<'a>,
        condition: &'a Condition,
        decoder: &'a mut D,
        held: &'a mut Option<Box<Found<D::Head>>>,
    ) -> Frames<'a, D> {
        let Parts { unread, taken, needed } = parts;
        Frames { unread, rest: unread, taken, needed, condition, decoder, held, last: None }
    }

    /// This is no frame; if the stream has ended, is anything wrong with that?
    #[inline(always)] // as `next`
    fn end(&mut self, rest: &[u8]) -> Option<Result<Frame<'a, D::Head>, FrameError>> {
        if !self.condition.has(Condition::ENDED) {
            return None;
        }
        let error = self.decoder.finish(rest).err()?;
        self.condition.put(Condition::PAUSED);
        Some(Err(error))
    }

    /// Puts the frame that was given out last back: it is the first one next time, and until then nothing more is read. For when it
    /// could not be sent on; the refused [`send`](super::Outlet::send) then has the callback run when there is room.
    ///
    /// Does nothing when there is none, and when it was put back already.
    #[inline]
    pub fn put_back(&mut self) {
        if let Some((frame, used)) = self.last.take() {
            *self.taken -= used;
            // As far from the end as before.
            self.rest = &self.unread[self.unread.len() - self.rest.len() - used..];
            // What was given out is all that is known of where it lies: to remember more would be work for every frame.
            let start = frame.body.as_ptr() as usize - self.rest.as_ptr() as usize;
            *self.held = Some(Box::new(Found {
                head: frame.head,
                body: start..start + frame.body.len(),
                used,
                behind: 0,
            }));
            self.condition.put(Condition::PAUSED);
        }
    }
}

impl<'a, D: Decoder> Iterator for Frames<'a, D> {
    type Item = Result<Frame<'a, D::Head>, FrameError>;

    // Nothing in here is handed `self`: so what it consists of can stay where it is used, and is not laid out in memory. As a call of its
    // own it would have to be.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.last = None;
        let mut rest = self.rest;
        let (frame, used, rest) = if self.condition.has(Condition::PAUSED) {
            // Paused without one is for good: there was an error.
            match take_held(self.held, rest) {
                Some((frame, used)) => {
                    self.condition.take(Condition::PAUSED);
                    (frame, used, &rest[used..])
                }
                None => return cut_off(self.held, rest, self.condition).map(Err),
            }
        } else {
            loop {
                if rest.is_empty() {
                    // No bytes are no frame, of whatever codec, and not worth asking the decoder.
                    return self.end(rest);
                }
                match self.decoder.decode(rest) {
                    Ok(Step::Frame { head, body, used }) => {
                        let (whole, rest) = rest.split_at(used);
                        break (Frame { head, body: &whole[body] }, used, rest);
                    }
                    Ok(Step::Skip { used }) => {
                        rest = &rest[used..];
                        self.rest = rest;
                        *self.taken += used;
                        *self.needed = 1;
                    }
                    Ok(Step::More(more)) => {
                        *self.needed = rest.len().saturating_add(more);
                        return self.end(rest);
                    }
                    Err(error) => {
                        self.condition.put(Condition::PAUSED);
                        return Some(Err(error));
                    }
                }
            }
        };
        self.rest = rest;
        *self.taken += used;
        *self.needed = 1;
        self.last = Some((frame, used));
        Some(Ok(frame))
    }
}

/// The frame that was put back, or whose body is kept apart and whole, once, and how many bytes it occupies. By itself, so that who asks the
/// decoder need not make room for it.
#[inline(never)]
fn take_held<'a, H>(held: &mut Option<Box<Found<H>>>, rest: &'a [u8]) -> Option<(Frame<'a, H>, usize)> {
    let next = held.as_ref()?;
    if next.used > rest.len() || next.behind > 0 {
        return None;
    }
    let Found { head, body, used, .. } = *held.take()?;
    Some((Frame { head, body: &rest[body] }, used))
}

/// The error, once, where the stream has ended within a body that is kept apart.
#[cold]
fn cut_off<H>(held: &mut Option<Box<Found<H>>>, rest: &[u8], condition: &Condition) -> Option<FrameError> {
    let need = held.as_ref().map(|held| held.used + held.behind)?;
    if need <= rest.len() || !condition.has(Condition::ENDED) {
        return None;
    }
    *held = None;
    Some(FrameError::Truncated { have: rest.len(), need })
}
