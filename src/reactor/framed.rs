//! A stream with frames: the join between a codec and a transport.

#[cfg(all(test, feature = "mq"))]
mod apart_tests;
mod frames;
mod outlet;

use std::io;
use std::net::TcpStream;
#[cfg(feature = "mq")]
use std::ops::Range;
use std::os::unix::io::BorrowedFd;

use self::frames::Found;
pub use self::frames::{Frame, Frames};
pub use self::outlet::Outlet;
use super::body::{Body, Unsent};
use super::condition::Condition;
#[cfg(feature = "mq")]
use super::input::APART_MIN;
#[cfg(feature = "mq")]
use super::memory::Full;
use super::memory::Memory;
use super::output::SendError;
use super::source::{Fire, Io, Source};
use super::stream::{State, Stream};
use super::transport::Transport;
use crate::codec::{Codec, Decoder};
use crate::platform::{Interest, Ready};

/// A stream with frames, as a source.
///
/// Its callback runs when at least one whole frame may be there, and otherwise as that of a [`Stream`]. A frame is a slice of the
/// receive buffer: nothing is copied or allocated for it. [`split`](Self::split) gives the frames and the way to answer at once.
///
/// ```
/// use ringmq::codec::LengthPrefix;
/// use ringmq::{Framed, Reactor, State};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// let (mut near, far) = UnixStream::pair()?;
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
/// let codec = LengthPrefix::new(255).field_len(1);
/// let framed = Framed::new(codec, far, &context.memory())?;
/// context.add(framed, |_: &mut (), context, id| {
///     let framed = context.get_mut(id).unwrap();
///     let (frames, mut outlet) = framed.split();
///     for frame in frames {
///         let mut body = frame.unwrap().body.to_vec();
///         body.reverse();
///         outlet.send((), &body).unwrap();
///     }
///     if framed.state() == State::Ended {
///         framed.finish();
///     }
///     if framed.state() == State::Closed {
///         context.stop();
///     }
/// })?;
///
/// near.write_all(b"\x05hello\x00\x03abc")?;
/// near.shutdown(std::net::Shutdown::Write)?;
/// reactor.run(&mut ())?;
/// let mut answer = Vec::new();
/// drop(reactor);
/// near.read_to_end(&mut answer)?;
/// assert_eq!(answer, b"\x05olleh\x00\x03cba");
/// # Ok(())
/// # }
/// ```
pub struct Framed<C: Codec, T: Transport = TcpStream> {
    stream: Stream<T>,
    decoder: C::Decoder,
    encoder: C::Encoder,
    /// A frame that was put back, or whose body is kept apart: it is given out without asking the decoder.
    held: Option<Box<Found<C::Head>>>,
}

/// A frame of which not all has come.
#[cfg(feature = "mq")]
pub(crate) struct Begun<H> {
    /// What its header says.
    pub head: H,
    /// Where its body lies, counted from where the frame begins.
    pub body: Range<usize>,
    /// How long the header of the next frame is, if there is to be one whose body belongs to the same message: it is read with this one, so
    /// that the next body is read to where it is to be. 0 if not.
    pub behind: usize,
}

impl<C: Codec, T: Transport> Framed<C, T> {
    /// Takes a connected transport and makes it non-blocking. `memory` is the reactor's: [`Context::memory`](crate::Context::memory).
    ///
    /// # Errors
    /// What [`Transport::set_nonblocking`] says; and `InvalidInput` when the longest frame of the codec is longer than all the memory, so
    /// that it could never be read.
    pub fn new(codec: C, transport: T, memory: &Memory) -> io::Result<Framed<C, T>> {
        Stream::new(transport, memory).and_then(|stream| Framed::over(codec, stream))
    }

    /// Takes a transport whose connection is being made, as [`Stream::connecting`] does.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn connecting(codec: C, transport: T, memory: &Memory) -> io::Result<Framed<C, T>> {
        Stream::connecting(transport, memory).and_then(|stream| Framed::over(codec, stream))
    }

    /// Goes on with a stream in frames: what it has buffered in either direction stays. For frames that have arrived already no
    /// readiness comes any more, so [fire](crate::Context::fire) its callback once it is on the loop.
    ///
    /// # Errors
    /// `InvalidInput` when the longest frame of the codec is longer than all the memory. The stream is closed then.
    pub fn over(codec: C, mut stream: Stream<T>) -> io::Result<Framed<C, T>> {
        let (decoder, encoder) = codec.halves();
        let memory = stream.output.queue.memory();
        memory.set_aside_for_frames(decoder.max_frame_len()).map_err(|full| {
            let (wanted, limit) = (full.wanted, full.free);
            let message =
                format!("expected frames to fit the memory of {limit} bytes, found a maximum of {wanted}");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        // What was needed of the stream before says nothing of frames.
        stream.need(1);
        Ok(Framed { stream, decoder, encoder, held: None })
    }

    /// The frames that have arrived, and the way to send others while looking at them.
    ///
    /// With [`Context::split`](crate::Context::split) they are sent on to other connections as well, straight from the receive buffer:
    ///
    /// ```no_run
    /// # use ringmq::{codec::LengthPrefix, Context, Framed, Id, SendError};
    /// # type Link = Framed<LengthPrefix>;
    /// /// Hands every frame on; what finds no room stays, and this is called again when there is some.
    /// fn forward<S>(context: &mut Context<'_, S>, from: Id<Link>, to: Id<Link>) {
    ///     if let Some((from, mut others)) = context.split(from) {
    ///         let to = match others.get_mut(to) {
    ///             Some(to) => to,
    ///             None => return,
    ///         };
    ///         let (mut frames, _) = from.split();
    ///         while let Some(Ok(frame)) = frames.next() {
    ///             if let Err(SendError::Full(_)) = to.send((), frame.body) {
    ///                 frames.put_back(); // the callback of `to` is told of room: it has to fire this one's
    ///                 break;
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn split(&mut self) -> (Frames<'_, C::Decoder>, Outlet<'_, C::Encoder>) {
        let condition = &self.stream.condition;
        let (input, output) = (&mut self.stream.input, &mut self.stream.output);
        let frames = Frames::new(input.parts(), condition, &mut self.decoder, &mut self.held);
        (frames, Outlet { encoder: &mut self.encoder, output, condition })
    }

    /// The way to send alone: to look for frames takes some time too.
    #[cfg(feature = "mq")]
    #[inline]
    pub(crate) fn outlet(&mut self) -> Outlet<'_, C::Encoder> {
        Outlet {
            encoder: &mut self.encoder,
            output: &mut self.stream.output,
            condition: &self.stream.condition,
        }
    }

    /// Whether nothing waits in either direction, and nothing is out of the ordinary.
    #[cfg(feature = "mq")]
    pub(crate) fn is_at_rest(&self) -> bool {
        let Stream { condition, input, output, .. } = &self.stream;
        condition.is_ordinary() && input.unread_len() == 0 && output.unsent_len() == 0
    }

    /// Somebody else reads from a transport that [is at rest](Self::is_at_rest), and writes to it, until it is
    /// [taken back](Self::take_back).
    #[cfg(feature = "mq")]
    pub(crate) fn lend(&mut self) {
        self.stream.condition.put(Condition::PAUSED);
    }

    /// Goes on where somebody else has stopped, who has read `unread` and did not know what to do with it. For frames that are in it no
    /// readiness comes, as with [`over`](Self::over).
    ///
    /// # Errors
    /// When the memory is used up. Then it is not known any more what comes.
    #[cfg(feature = "mq")]
    pub(crate) fn take_back(&mut self, unread: &[u8]) -> Result<(), Full> {
        self.stream.condition.take(Condition::PAUSED);
        let memory = self.stream.output.queue.memory();
        self.stream.input.give_back(memory);
        if !unread.is_empty() {
            self.stream.input.hold(memory.lend_filled(unread)?);
        }
        Ok(())
    }

    /// Queues what somebody else has left of a frame that was to be sent.
    ///
    /// # Errors
    /// As for [`Stream::send`]. Then it is half a frame that the peer has.
    #[cfg(feature = "mq")]
    pub(crate) fn send_rest(&mut self, rest: &[u8]) -> Result<(), SendError> {
        self.stream.send(rest)
    }

    /// When no frame is there, but a long one has begun: has the rest of its body read straight into a vector, for
    /// [`take_body`](Self::take_body). `begun` is to say what is known of it.
    #[cfg(feature = "mq")]
    #[inline]
    pub(crate) fn keep_body_apart(
        &mut self,
        begun: impl FnOnce(&mut C::Decoder, &[u8]) -> Option<Begun<C::Head>>,
    ) {
        let is_held_up = Condition::PAUSED | Condition::ENDED | Condition::FAILED;
        if self.stream.input.needed < APART_MIN || self.stream.condition.has(is_held_up) {
            return;
        }
        match begun(&mut self.decoder, self.stream.input.unread()) {
            Some(Begun { head, body, behind }) if body.len() >= APART_MIN => {
                let body_len = body.len();
                if self.stream.input.keep_body_apart(body, behind) {
                    self.held = Some(Box::new(Found::apart(head, body_len, behind)));
                    self.stream.condition.put(Condition::PAUSED);
                }
            }
            _ => {}
        }
    }

    /// Whether the first frame is one whose body was kept apart, and is whole.
    #[cfg(feature = "mq")]
    #[inline]
    pub(crate) fn has_body(&self) -> bool {
        self.stream.condition.has(Condition::PAUSED) && self.held.is_some() && self.stream.input.has_body()
    }

    /// What the header of the first frame says, if it [is one whose body was kept apart](Self::has_body), and how long that is.
    #[cfg(feature = "mq")]
    pub(crate) fn body_head(&self) -> Option<(&C::Head, usize)> {
        let held = self.held.as_ref().filter(|_| self.has_body())?;
        Some((held.head(), held.lens().0))
    }

    /// Goes on behind a body that [was kept apart](Self::has_body) and is not the last of its message, with that of the next frame, whose
    /// header has been read: in the same vector, so that both become one body, with the head of the next. `begun` is as for
    /// [`keep_body_apart`](Self::keep_body_apart); if it says that this is no such frame, [`leave_body`](Self::leave_body) is left. So it is
    /// where the body occupies what others wait for: who knows when there is more. Answers whether it goes on.
    #[cfg(feature = "mq")]
    pub(crate) fn extend_body(
        &mut self,
        begun: impl FnOnce(&mut C::Decoder, &[u8]) -> Option<Begun<C::Head>>,
    ) -> bool {
        let (body_len, header_len) = match &self.held {
            Some(held) if self.has_body() && !self.stream.input.is_drawn() => held.lens(),
            _ => return false,
        };
        match begun(&mut self.decoder, &self.stream.input.unread()[body_len..]) {
            Some(Begun { head, body, behind }) if body.start == header_len => {
                self.stream.input.extend_body(header_len, body.len(), behind);
                self.held = Some(Box::new(Found::apart(head, body_len + body.len(), behind)));
                true
            }
            _ => false,
        }
    }

    /// Takes the first frame out, as [`take_body`](Self::take_body), and goes on with the header behind it as with any other.
    #[cfg(feature = "mq")]
    pub(crate) fn leave_body(&mut self) -> Option<(C::Head, Vec<u8>)> {
        if !self.has_body() {
            return None;
        }
        let held = self.held.take()?;
        self.stream.condition.take(Condition::PAUSED);
        let body = self.stream.input.leave_body(held.lens().0);
        Some((held.into_head(), body))
    }

    /// Takes the first frame out, if it [is one whose body was kept apart](Self::has_body), and nothing is behind it.
    #[cfg(feature = "mq")]
    pub(crate) fn take_body(&mut self) -> Option<(C::Head, Vec<u8>)> {
        if !self.has_body() {
            return None;
        }
        let held = self.held.take()?;
        self.stream.condition.take(Condition::PAUSED);
        Some((held.into_head(), self.stream.input.take_body()))
    }

    /// Queues a message to be sent, as [`Outlet::send`] does.
    ///
    /// # Errors
    /// As for [`Outlet::send`].
    pub fn send(&mut self, head: C::Head, body: &[u8]) -> Result<(), SendError> {
        self.split().1.send(head, body)
    }

    /// Queues a message to be sent from where it lies, as [`Outlet::send_owned`] does.
    ///
    /// # Errors
    /// As for [`Outlet::send_owned`].
    pub fn send_owned(&mut self, head: C::Head, body: impl Into<Body>) -> Result<(), Unsent> {
        self.split().1.send_owned(head, body)
    }

    /// How far it has come. A frame that is not whole yet, and one that was put back, keep it from [`State::Ended`].
    #[inline]
    pub fn state(&self) -> State {
        self.stream.state()
    }

    /// As [`Stream::finish`].
    pub fn finish(&mut self) {
        self.stream.finish()
    }

    /// As [`Stream::take_error`].
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.stream.take_error()
    }

    /// As [`Stream::unsent_len`]: with what the codec puts around the messages.
    pub fn unsent_len(&self) -> usize {
        self.stream.unsent_len()
    }

    /// As [`Stream::lost_len`].
    pub fn lost_len(&self) -> usize {
        self.stream.lost_len()
    }

    /// As [`Stream::set_high_water`].
    pub fn set_high_water(&mut self, len: usize) {
        self.stream.set_high_water(len)
    }

    /// As [`Stream::set_low_water`].
    pub fn set_low_water(&mut self, len: usize) {
        self.stream.set_low_water(len)
    }

    /// As [`Stream::take_drained`].
    pub fn take_drained(&mut self) -> bool {
        self.stream.take_drained()
    }

    /// As [`Stream::transport`].
    pub fn transport(&self) -> &T {
        self.stream.transport()
    }

    /// The decoder, for what it can be asked: [`LinesDecoder::skipped`](crate::codec::LinesDecoder::skipped) has an example.
    pub fn decoder(&self) -> &C::Decoder {
        &self.decoder
    }

    /// As [`Stream::abort`].
    pub fn abort(self) {
        self.stream.abort()
    }

    /// The stream alone, to go on with in another protocol. Frames that were given out are consumed; all else stays buffered.
    pub fn into_stream(self) -> Stream<T> {
        // The connections of message-queue sockets alone keep bodies apart, and none of them goes on as a stream.
        debug_assert!(!self.stream.input.is_apart(), "what was around the body is gone");
        self.stream.condition.take(Condition::PAUSED);
        self.stream
    }
}

impl<C: Codec, T: Transport> Framed<C, T> {
    pub(super) fn give_up(&mut self) {
        self.stream.give_up();
    }

    /// As [`Stream::discard_input`]: nobody decodes any more, so nothing holds reading up.
    pub(super) fn discard_input(&mut self) {
        self.held = None;
        self.stream.condition.take(Condition::PAUSED);
        self.stream.discard_input();
    }
}

impl<C: Codec + 'static, T: Transport> Source for Framed<C, T> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.stream.fd()
    }

    #[inline(always)] // see `Member`
    fn interest(&self) -> Interest {
        self.stream.interest()
    }

    #[inline(always)] // see `Member`
    fn settle(&mut self) -> bool {
        self.stream.settle()
    }

    #[inline(always)] // see `Member`
    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        self.stream.respond(ready, io)
    }

    fn finish(&mut self) {
        self.stream.finish()
    }

    fn is_finished(&self) -> bool {
        self.stream.is_finished()
    }

    fn removed(&mut self) {
        self.stream.removed()
    }
}
