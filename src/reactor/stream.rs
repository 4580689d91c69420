//! A byte stream as a source: what has arrived is buffered for the callback, what is to be sent is buffered for the socket.

use std::io;
use std::os::unix::io::BorrowedFd;

use super::input::Input;
use super::memory::{Memory, BUFFER_LEN};
use super::output::{Closing, Output, SendError};
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
    health: Health,
    pub(super) input: Input,
    pub(super) output: Output,
}

#[derive(Debug)]
enum Health {
    Connecting,
    Connected,
    /// With the reason, until it is taken.
    Failed(Option<io::Error>),
}

impl<T: Transport> Stream<T> {
    /// Takes a connected transport and makes it non-blocking. `memory` is the reactor's: [`Context::memory`](crate::Context::memory).
    ///
    /// # Errors
    /// What [`Transport::set_nonblocking`] says.
    pub fn new(mut transport: T, memory: &Memory) -> io::Result<Stream<T>> {
        transport.set_nonblocking()?;
        Ok(Stream { transport, health: Health::Connected, input: Input::new(), output: Output::new(memory) })
    }

    /// Takes a transport whose connection is being made, as by [`net::connect`](crate::platform::net::connect). The callback runs when
    /// it is made or has failed.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn connecting(transport: T, memory: &Memory) -> io::Result<Stream<T>> {
        let stream = Stream::new(transport, memory)?;
        Ok(Stream { health: Health::Connecting, ..stream })
    }

    /// Sets how many bytes may wait to be sent before `send` is refused; 1 MiB unless set. A single piece longer than that is taken
    /// when nothing else waits.
    pub fn set_high_water(&mut self, len: usize) {
        self.output.high_water = len;
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
        self.output.send([b"", bytes, b""])
    }

    /// How many bytes wait to be sent.
    pub fn unsent_len(&self) -> usize {
        self.output.unsent_len()
    }

    /// Sends what is queued, and then tells the peer that nothing more will come. Reading goes on; for a connection that nobody reads any
    /// more see [`Context::finish`](crate::Context::finish).
    pub fn finish(&mut self) {
        if self.output.closing == Closing::No {
            self.output.closing = Closing::Finishing;
        }
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        let is_read_out = match self.transport.is_write_only() {
            true => self.output.closing == Closing::Finished,
            false => self.input.has_ended && self.input.unread().is_empty(),
        };
        match self.health {
            Health::Connecting => State::Connecting,
            Health::Failed(_) => State::Closed,
            Health::Connected if !is_read_out => State::Open,
            Health::Connected if self.output.closing == Closing::Finished => State::Closed,
            Health::Connected => State::Ended,
        }
    }

    /// Why the connection has failed, once.
    pub fn take_error(&mut self) -> Option<io::Error> {
        match &mut self.health {
            Health::Failed(reason) => reason.take(),
            _ => None,
        }
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
        matches!(self.health, Health::Connected)
    }

    fn wants_input(&self) -> bool {
        let unread = self.input.unread().len();
        self.is_connected() && !self.input.has_ended && (unread < self.input.needed || unread < BUFFER_LEN)
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
        self.health = Health::Failed(Some(error));
        self.output.abandon();
    }

    /// A connect has come to its end, one way or the other.
    fn conclude_connect(&mut self) {
        match self.transport.take_error() {
            Ok(None) => self.health = Health::Connected,
            Ok(Some(error)) | Err(error) => self.fail(error),
        }
    }

    /// Reads what is there, within the budget; answers whether the callback has something to do.
    fn fill(&mut self, io: &mut Io<'_>) -> bool {
        while self.wants_input() {
            let buf = match self.input.make_room(io) {
                Ok(Some(buf)) => buf,
                // No memory: the reactor has taken note.
                Ok(None) => break,
                Err(error) => {
                    self.fail(error);
                    return true;
                }
            };
            let room = buf.spare().len();
            match self.transport.read(buf.spare()) {
                Ok(0) => self.input.has_ended = true,
                Ok(len) => {
                    buf.advance(len);
                    io.count_read(len);
                    // Less than asked for: that was all, and the kernel tells when there is more.
                    if len < room || io.budget() == 0 {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.fail(error);
                    return true;
                }
            }
        }
        // From what is only written to no input was expected, so that there is none is no news.
        let has_ended = self.input.has_ended && !self.transport.is_write_only();
        has_ended || self.input.unread().len() >= self.input.needed
    }

    /// Writes what is queued, within the budget, and finishes when that was asked for; answers whether the callback should know.
    fn flush(&mut self, io: &mut Io<'_>) -> bool {
        while !self.output.queue.is_empty() && !self.output.is_blocked && io.budget() > 0 {
            let offered = self.output.queue.front().len();
            let error = match self.transport.send(self.output.queue.front()) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(len) => {
                    self.output.queue.advance(len);
                    io.count_written(len);
                    // Less than offered: the kernel is full.
                    self.output.is_blocked = len < offered;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.output.is_blocked = true;
                    continue;
                }
                Err(error) => error,
            };
            // What the peer said before it went is still to be read (tcp(7) keeps it until the reset is taken).
            self.fill(io);
            if self.is_connected() {
                self.fail(error);
            }
            return true;
        }
        let finishes = self.output.closing == Closing::Finishing && self.output.queue.is_empty();
        if finishes {
            self.output.closing = Closing::Finished;
            match self.transport.shutdown_write() {
                // The peer is gone already: reading tells how.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                Err(error) => self.fail(error),
                Ok(()) => {}
            }
        }
        self.output.has_room_again(io) || finishes
    }
}

impl<T: Transport> Source for Stream<T> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }

    #[inline]
    fn interest(&self) -> Interest {
        let mut interest = Interest::NONE;
        if self.wants_input() {
            interest |= Interest::READABLE;
        }
        // Only once a write has found no room: until then it is tried without asking.
        let is_connecting = matches!(self.health, Health::Connecting);
        if is_connecting || (self.output.is_blocked && !self.output.queue.is_empty()) {
            interest |= Interest::WRITABLE;
        }
        interest
    }

    #[inline]
    fn settle(&mut self) -> bool {
        self.input.give_back();
        self.is_connected() && self.output.is_prepared()
    }

    #[inline]
    fn respond(&mut self, ready: Ready, io: &mut Io<'_>) -> Fire {
        let mut fires = false;
        if matches!(self.health, Health::Connecting) {
            if !ready.is_writable() {
                return Fire::No;
            }
            self.conclude_connect();
            fires = true;
        }
        if ready.is_writable() {
            self.output.is_blocked = false;
        }
        // Reading first: what the peer sent before it reset the connection is lost with the first failing write on some systems.
        if ready.is_readable() && self.is_connected() {
            fires |= self.fill(io);
        }
        if self.is_connected() && !self.output.is_idle() {
            fires |= self.flush(io);
        }
        fires.into()
    }

    fn finish(&mut self) {
        Stream::finish(self);
    }

    fn is_finished(&self) -> bool {
        self.output.closing == Closing::Finished
    }
}
