//! A byte stream as a source: what has arrived is buffered for the callback, what is to be sent is buffered for the socket.

mod flow;

use std::io;
use std::os::unix::io::BorrowedFd;

use super::body::{Body, Unsent};
use super::condition::Condition;
use super::input::Input;
use super::memory::Memory;
use super::output::{Output, SendError};
use super::source::{Fire, Io, Source};
use super::transport::Transport;
use crate::platform::{Interest, Ready};

/// How far a stream has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The connection is being made. What is sent is queued.
    Connecting,
    /// Bytes may come, or are there to be taken.
    Open,
    /// The peer has finished, and all that it sent has been taken. Sending goes on until [`finish`](Stream::finish).
    Ended,
    /// Both sides have finished and everything is sent, or the connection has failed: see [`take_error`](Stream::take_error).
    Closed,
}

/// A byte stream as a source.
///
/// Its callback runs when there is input, when the peer has finished, when the connection is made or has failed, and when there is
/// room again after a `send` was refused. Input that the callback leaves stays; when a buffer of it is full, reading pauses. In one turn it
/// reads and writes no more than [its budget](crate::Builder::source_budget).
///
/// ```
/// use ringmq::{Reactor, State, Stream};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// let (mut near, far) = UnixStream::pair()?;
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
/// let stream = Stream::new(far, &context.memory())?;
/// context.add(stream, |_: &mut (), context, id| {
///     let stream = context.get_mut(id).unwrap();
///     match stream.state() {
///         State::Ended => stream.finish(),
///         State::Closed => context.stop(),
///         _ => {
///             let shout = stream.input().to_ascii_uppercase();
///             stream.consume(shout.len());
///             stream.send(&shout).unwrap();
///         }
///     }
/// })?;
///
/// near.write_all(b"hello")?;
/// near.shutdown(std::net::Shutdown::Write)?;
/// reactor.run(&mut ())?;
/// let mut answer = String::new();
/// near.read_to_string(&mut answer)?;
/// assert_eq!(answer, "HELLO");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Stream<T: Transport> {
    transport: T,
    pub(super) condition: Condition,
    /// Why it has failed, until that is taken.
    error: Option<io::Error>,
    pub(super) input: Input,
    pub(super) output: Output,
}

impl<T: Transport> Stream<T> {
    /// Takes a connected transport and makes it non-blocking. `memory` is the reactor's: [`Context::memory`](crate::Context::memory).
    ///
    /// # Errors
    /// What [`Transport::set_nonblocking`] says.
    pub fn new(mut transport: T, memory: &Memory) -> io::Result<Stream<T>> {
        transport.set_nonblocking()?;
        let (condition, error) = Default::default();
        Ok(Stream { transport, condition, error, input: Input::new(), output: Output::new(memory) })
    }

    /// Takes a transport whose connection is being made, as by [`net::connect`](crate::platform::net::connect). The callback runs when
    /// it is made or has failed.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn connecting(transport: T, memory: &Memory) -> io::Result<Stream<T>> {
        let stream = Stream::new(transport, memory)?;
        stream.condition.put(Condition::CONNECTING);
        Ok(stream)
    }

    /// Sets how many bytes may wait to be sent before `send` is refused: the high-water mark, 1 MiB unless set. A single piece longer than
    /// that is taken when nothing else waits.
    pub fn set_high_water(&mut self, len: usize) {
        self.output.high_water = len;
    }

    /// Sets how few bytes may be left to be sent before the callback runs after a `send` was refused: the low-water mark, half of the other
    /// unless set. It runs when what was refused would be taken, too, and not earlier than that.
    pub fn set_low_water(&mut self, len: usize) {
        self.output.set_low_water(len);
    }

    /// Whether, since this was asked last, what waits has drained to the [low-water mark](Self::set_low_water) after a `send` was refused:
    /// why the callback runs then, if it wants to know. Who just tries again need not ask.
    pub fn take_drained(&mut self) -> bool {
        self.output.take_drained()
    }

    /// What has arrived and was not yet consumed.
    pub fn input(&self) -> &[u8] {
        self.input.unread()
    }

    /// Drops the first `len` bytes of [`input`](Self::input).
    ///
    /// # Panics
    /// When there are fewer.
    pub fn consume(&mut self, len: usize) {
        self.input.consume(len)
    }

    /// Has the callback run only once [`input`](Self::input) is `len` bytes long, or has ended. The buffer grows with what arrives,
    /// to that length at the most.
    pub fn need(&mut self, len: usize) {
        self.input.needed = len;
    }

    /// Queues bytes to be sent, all of them or none. They go out in phase 4 of this very turn, as many as the socket takes and
    /// [the budget](crate::Builder::source_budget) allows. Only when it takes no more is the kernel asked to tell when it does.
    ///
    /// # Errors
    /// [`SendError::Full`] when too much waits already, or the reactor's memory is used up: the callback runs when there is room.
    /// [`SendError::Closed`] after [`finish`](Self::finish), and when the connection has failed.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.output.send(&self.condition, None, bytes, None)
    }

    /// As [`send`](Self::send), of bytes that are queued from where they lie, if there are many of them: not copied.
    ///
    /// # Errors
    /// As for [`send`](Self::send), with the bytes. How much of the budget they take is at [`Body`].
    pub fn send_owned(&mut self, bytes: impl Into<Body>) -> Result<(), Unsent> {
        self.output.send_owned(&self.condition, None, bytes.into(), None, Vec::new())
    }

    /// How many bytes wait to be sent.
    pub fn unsent_len(&self) -> usize {
        self.output.unsent_len()
    }

    /// How many bytes waited to be sent when the connection failed: they will not be.
    pub fn lost_len(&self) -> usize {
        self.output.lost_len()
    }

    /// Sends what is queued, and then tells the peer that nothing more will come. Reading goes on; for a connection that nobody reads any
    /// more see [`Context::finish`](crate::Context::finish).
    pub fn finish(&mut self) {
        if !self.condition.has(Condition::FINISHED) {
            self.condition.put(Condition::FINISHING);
        }
    }

    /// How far it has come.
    #[inline]
    pub fn state(&self) -> State {
        match self.condition.is_ordinary() {
            true => State::Open,
            false => self.uncommon_state(),
        }
    }

    #[inline(never)]
    fn uncommon_state(&self) -> State {
        let has = |bits| self.condition.has(bits);
        let is_read_out = match self.transport.is_write_only() {
            true => has(Condition::FINISHED),
            false => has(Condition::ENDED) && self.input.unread_len() == 0,
        };
        if has(Condition::CONNECTING) {
            State::Connecting
        } else if has(Condition::FAILED) {
            State::Closed
        } else if !is_read_out {
            State::Open
        } else if has(Condition::FINISHED) {
            State::Closed
        } else {
            State::Ended
        }
    }

    /// Why the connection has failed, once.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// The transport, to look at its addresses or to set its options.
    ///
    /// ```
    /// use ringmq::{Reactor, Stream};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let mut reactor = Reactor::<()>::new()?;
    /// let stream = Stream::new(client, &reactor.context().memory())?;
    /// // The BSDs and macOS refuse options once the peer has left, though what it sent is still to be read: no reason to give it up.
    /// let _ = stream.transport().set_nodelay(true);
    /// assert_eq!(stream.transport().peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`platform::net`](crate::platform::net) has what std's sockets do not: who the peer of a UNIX socket is, and `SO_LINGER`.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport alone. What is buffered in either direction is dropped.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Ends the connection at once: what is queued is dropped, here and in the kernel, and a TCP peer sees a reset
    /// (`ConnectionReset`), which it cannot take for an orderly end. A UNIX connection is closed.
    ///
    /// ```
    /// # use ringmq::{Context, Id, Stream};
    /// # use std::net::TcpStream;
    /// fn give_up<S>(context: &mut Context<'_, S>, id: Id<Stream<TcpStream>>) {
    ///     context.remove(id).map(Stream::abort);
    /// }
    /// ```
    pub fn abort(mut self) {
        // A connection for which it fails is dead: it has failed, or the peer is gone already.
        let _ = self.transport.abort();
    }

    fn is_connected(&self) -> bool {
        !self.condition.has(Condition::CONNECTING | Condition::FAILED)
    }

    /// The connection is not waited for any longer.
    pub(super) fn give_up(&mut self) {
        let message = "the connection was not made within the time for it";
        self.fail(io::Error::new(io::ErrorKind::TimedOut, message));
    }

    /// Takes whatever has arrived, and wants to be told of whatever comes.
    pub(super) fn discard_input(&mut self) {
        self.input.consume(self.input.unread().len());
        self.input.needed = 1;
    }

    /// The connection is dead: what waits to be sent is dropped, what has arrived stays for the callback.
    fn fail(&mut self, error: io::Error) {
        self.error = Some(error);
        self.condition.take(Condition::CONNECTING);
        self.condition.put(Condition::FAILED);
        self.output.abandon(&self.condition);
    }
}

impl<T: Transport> Source for Stream<T> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }

    #[inline(always)] // see `Member`
    fn interest(&self) -> Interest {
        match self.condition.is_ordinary() && self.input.has_no_buffer() {
            true => Interest::READABLE,
            false => self.uncommon_interest(),
        }
    }

    #[inline(always)] // see `Member`
    fn settle(&mut self) -> bool {
        self.input.give_back(self.output.queue.memory());
        match self.condition.is_ordinary() {
            true => !self.output.queue.is_empty(),
            false => self.is_connected() && self.output.is_prepared(&self.condition),
        }
    }

    #[inline(always)] // see `Member`
    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        // A message comes, or one goes: so it is nearly always.
        if ready == Ready::READABLE && self.is_at_rest() {
            self.fill(io).into()
        } else if ready.is_none() && self.condition.is_ordinary() {
            self.flush(io)
        } else {
            self.respond_on(ready, io).into()
        }
    }

    fn finish(&mut self) {
        Stream::finish(self);
    }

    fn is_finished(&self) -> bool {
        self.condition.has(Condition::FINISHED)
    }

    fn removed(&mut self) {
        self.output.forget_promise();
    }
}
