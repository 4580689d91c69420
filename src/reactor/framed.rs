//! A stream with frames: the join between a codec and a transport.

use std::io;
use std::net::TcpStream;
use std::ops::Range;
use std::os::unix::io::BorrowedFd;

use super::body::{Body, Unsent};
use super::condition::Condition;
use super::input::Parts;
use super::memory::Memory;
use super::output::{Output, SendError};
use super::send_queue::Short;
use super::source::{Fire, Io, Source};
use super::stream::{State, Stream};
use super::transport::Transport;
use crate::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step};
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
    /// A frame that was put back: it is given out again without asking the decoder.
    held: Option<Box<Found<C::Head>>>,
}

/// A frame that the decoder found, counted from the first byte that was not consumed.
struct Found<H> {
    head: H,
    body: Range<usize>,
    used: usize,
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
        let Parts { bytes, mut start, end, taken, needed } = self.stream.input.parts();
        start += *taken;
        let (decoder, held) = (&mut self.decoder, &mut self.held);
        let rest = &bytes[start..end];
        let frames = Frames { bytes, end, rest, taken, needed, condition, decoder, held, last: None };
        (frames, Outlet { encoder: &mut self.encoder, output: &mut self.stream.output, condition })
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
}

/// The frames that have arrived, in order.
///
/// After an error there are no more: the decoder cannot know where the next frame begins, nothing more is read, and the connection is
/// best removed. When the stream has ended inside a frame, that is such an error. Frames that are not asked for stay; nobody is reminded
/// of them until more arrives, so who stops early [fires](crate::Context::fire) its own callback, or puts a frame back when it could not be
/// sent on.
#[must_use = "frames stay where they are until they are asked for"]
pub struct Frames<'a, D: Decoder> {
    /// All of the buffer, and where what has arrived ends in it.
    bytes: &'a [u8],
    end: usize,
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

impl<'a, D: Decoder> Frames<'a, D> {
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
    /// could not be sent on; the refused [`send`](Outlet::send) then has the callback run when there is room.
    ///
    /// Does nothing when there is none, and when it was put back already.
    #[inline]
    pub fn put_back(&mut self) {
        if let Some((frame, used)) = self.last.take() {
            *self.taken -= used;
            // As far from the end as before.
            self.rest = &self.bytes[self.end - self.rest.len() - used..self.end];
            // What was given out is all that is known of where it lies: to remember more would be work for every frame.
            let start = frame.body.as_ptr() as usize - self.rest.as_ptr() as usize;
            *self.held =
                Some(Box::new(Found { head: frame.head, body: start..start + frame.body.len(), used }));
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
        let (frame, used) = if self.condition.has(Condition::PAUSED) {
            // Paused without one is for good: there was an error.
            let held = take_held(self.held, rest)?;
            self.condition.take(Condition::PAUSED);
            held
        } else {
            loop {
                if rest.is_empty() {
                    // No bytes are no frame, of whatever codec, and not worth asking the decoder.
                    return self.end(rest);
                }
                match self.decoder.decode(rest) {
                    Ok(Step::Frame { head, body, used }) => {
                        break (Frame { head, body: &rest[..used][body] }, used)
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
        self.rest = &rest[used..];
        *self.taken += used;
        *self.needed = 1;
        self.last = Some((frame, used));
        Some(Ok(frame))
    }
}

/// The frame that was put back, once, and how many bytes it occupies. By itself, so that who asks the decoder need not make room for it.
#[inline(never)]
fn take_held<'a, H>(held: &mut Option<Box<Found<H>>>, rest: &'a [u8]) -> Option<(Frame<'a, H>, usize)> {
    let Found { head, body, used } = *held.take()?;
    Some((Frame { head, body: &rest[body] }, used))
}

/// The way out of a [`Framed`].
pub struct Outlet<'a, E: Encoder> {
    encoder: &'a mut E,
    output: &'a mut Output,
    condition: &'a Condition,
}

impl<E: Encoder> Outlet<'_, E> {
    /// Queues a message to be sent, whole or not at all.
    ///
    /// # Errors
    /// [`SendError::Frame`] when the codec refuses it; [`SendError::Full`] and [`SendError::Closed`] as for [`Stream::send`].
    #[inline(always)] // as `Frames::next`
    pub fn send(&mut self, head: E::Head, body: &[u8]) -> Result<(), SendError> {
        let mut affixes = Affixes::new();
        self.encoder.encode(head, body.len(), &mut affixes).map_err(SendError::Frame)?;
        let [before, after] = affixes.padded().map(|(bytes, len)| Short::new(bytes, len));
        self.output.send(self.condition, before, body, after)
    }

    /// Queues a message to be sent from where it lies, whole or not at all. What goes around it is sent with it, in one call of the system
    /// where [the transport](Transport::send_vectored) can. A body of less than 4 KiB is copied: together with others it costs less.
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
        self.output.send_owned(self.condition, before, body, after)
    }

    /// How many bytes wait to be sent.
    pub fn unsent_len(&self) -> usize {
        self.output.unsent_len()
    }
}
