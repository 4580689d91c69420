//! A byte stream as a source: what has arrived is buffered for the callback, what is to be sent is buffered for the socket.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::memory::{Buf, Full, Memory, BUFFER_LEN};
use super::send_queue::SendQueue;
use super::source::{Fire, Io, Source};
use crate::platform::{Interest, Ready};

/// How many bytes may wait to be sent before `send` answers [`SendError::Full`].
const HIGH_WATER: usize = 1 << 20;

/// What a [`Stream`] reads from and writes to: a non-blocking byte stream with a descriptor.
pub trait Transport: Read + Write + AsFd + 'static {
    /// Makes reads and writes answer `WouldBlock` instead of blocking. Called once, when the stream is made.
    fn set_nonblocking(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Tells the peer that nothing more will be sent. Reading goes on.
    fn shutdown_write(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes the error that is pending, such as that of a connect (`SO_ERROR`).
    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl Transport for TcpStream {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        TcpStream::set_nonblocking(self, true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        TcpStream::take_error(self)
    }
}

impl Transport for UnixStream {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        UnixStream::set_nonblocking(self, true)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        UnixStream::take_error(self)
    }
}

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
/// room again after a `send` was refused. Input that the callback leaves stays; when a buffer of it is full, reading pauses.
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

/// What has arrived.
#[derive(Debug)]
pub(super) struct Input {
    buf: Option<Buf>,
    /// How much at the front of the buffer has been consumed; it is dropped when the source settles.
    taken: usize,
    /// How much has to be there before the callback has anything to do.
    needed: usize,
    pub has_ended: bool,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Output {
    queue: SendQueue,
    memory: Memory,
    high_water: usize,
    /// How much a `send` was refused for, until the callback is told that there is room; zero when none was.
    refused: usize,
    /// Whether the reactor was asked to tell when there is memory.
    awaits_memory: bool,
    /// Whether the last write found no more room in the kernel.
    is_blocked: bool,
    closing: Closing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    No,
    /// As soon as the queue is empty the peer is told that nothing more will come.
    Finishing,
    /// It has been told, or the connection is dead.
    Finished,
}

impl<T: Transport> Stream<T> {
    /// Takes a connected transport and makes it non-blocking. `memory` is the reactor's: [`Context::memory`](crate::Context::memory).
    ///
    /// # Errors
    /// What [`Transport::set_nonblocking`] says.
    pub fn new(mut transport: T, memory: &Memory) -> io::Result<Stream<T>> {
        transport.set_nonblocking()?;
        Ok(Stream {
            transport,
            health: Health::Connected,
            input: Input { buf: None, taken: 0, needed: 1, has_ended: false },
            output: Output {
                queue: SendQueue::new(),
                memory: memory.clone(),
                high_water: HIGH_WATER,
                refused: 0,
                awaits_memory: false,
                is_blocked: false,
                closing: Closing::No,
            },
        })
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
        let unread = self.input.unread().len();
        assert!(len <= unread, "consumed {len} bytes of {unread}");
        self.input.taken += len;
    }

    /// Has the callback run only once [`input`](Self::input) is `len` bytes long, or has ended. The buffer grows with what arrives,
    /// to that length at the most.
    pub fn need(&mut self, len: usize) {
        self.input.needed = len;
    }

    /// Queues bytes to be sent, all of them or none.
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

    /// Sends what is queued, and then tells the peer that nothing more will come. Reading goes on.
    pub fn finish(&mut self) {
        if self.output.closing == Closing::No {
            self.output.closing = Closing::Finishing;
        }
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        let is_read_out = self.input.has_ended && self.input.unread().is_empty();
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
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport alone. What is buffered in either direction is dropped.
    pub fn into_transport(self) -> T {
        self.transport
    }

    fn is_connected(&self) -> bool {
        matches!(self.health, Health::Connected)
    }

    fn wants_input(&self) -> bool {
        let unread = self.input.unread().len();
        self.is_connected() && !self.input.has_ended && (unread < self.input.needed || unread < BUFFER_LEN)
    }

    /// The connection is dead: what waits to be sent is dropped, what has arrived stays for the callback.
    fn fail(&mut self, error: io::Error) {
        self.health = Health::Failed(Some(error));
        self.output.queue = SendQueue::new();
        self.output.refused = 0;
        self.output.closing = Closing::Finished;
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
            let buf = match self.input.make_room(io, &self.output.memory) {
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
                    io.spend(len);
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
        self.input.has_ended || self.input.unread().len() >= self.input.needed
    }

    /// Writes what is queued, within the budget, and finishes when that was asked for; answers whether the callback should know.
    fn flush(&mut self, io: &mut Io<'_>) -> bool {
        while !self.output.queue.is_empty() && !self.output.is_blocked && io.budget() > 0 {
            let offered = self.output.queue.front().len();
            let error = match self.transport.write(self.output.queue.front()) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(len) => {
                    self.output.queue.advance(len);
                    io.spend(len);
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

    fn settle(&mut self) -> bool {
        self.input.give_back();
        self.is_connected() && self.output.is_prepared()
    }

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
        if self.is_connected() {
            fires |= self.flush(io);
        }
        fires.into()
    }
}

impl Input {
    pub fn unread(&self) -> &[u8] {
        self.buf.as_ref().map_or(&[], |buf| &buf.filled()[self.taken..])
    }

    /// The same, beside what someone changes who consumes while looking: how much is taken, and how much is needed.
    #[cfg(feature = "codec")]
    pub fn parts(&mut self) -> (&[u8], &mut usize, &mut usize) {
        let unread = self.buf.as_ref().map_or(&[][..], |buf| &buf.filled()[self.taken..]);
        (unread, &mut self.taken, &mut self.needed)
    }

    /// Drops what was consumed, and gives the buffer back when nothing is left in it.
    fn give_back(&mut self) {
        if let Some(buf) = &mut self.buf {
            buf.consume(std::mem::take(&mut self.taken));
            if buf.filled().is_empty() {
                self.buf = None;
            }
        }
    }

    /// The buffer, with room to read into; `None` when there is no memory for it now, an error when there never will be.
    fn make_room(&mut self, io: &mut Io<'_>, memory: &Memory) -> io::Result<Option<&mut Buf>> {
        if self.buf.is_none() {
            self.buf = io.lend();
        }
        let (taken, needed) = (std::mem::take(&mut self.taken), self.needed);
        let buf = match &mut self.buf {
            Some(buf) => buf,
            None => return Ok(None),
        };
        buf.consume(taken);
        let capacity = buf.capacity();
        // Bytes are moved at most once for each half of the buffer that was consumed.
        if buf.spare().len() < capacity / 2 && buf.filled().len() < capacity {
            buf.compact();
        }
        if buf.spare().is_empty() {
            // Full, and more of the same message is to come. Only what arrived counts, never what a header announces: so it doubles.
            if needed > memory.limit() {
                let message =
                    format!("{needed} bytes have to be buffered, and the budget is {}", memory.limit());
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
            }
            if !io.grow(buf, needed.min(2 * capacity).max(capacity + 1)) {
                return Ok(None);
            }
        }
        Ok(Some(buf))
    }
}

impl Output {
    /// How many bytes wait to be sent.
    pub fn unsent_len(&self) -> usize {
        self.queue.len()
    }

    /// Queues pieces that belong together.
    pub fn send(&mut self, pieces: [&[u8]; 3]) -> Result<(), SendError> {
        if self.closing != Closing::No {
            return Err(SendError::Closed);
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let free = self.high_water.saturating_sub(self.queue.len());
        let result = if len > free && !self.queue.is_empty() {
            Err(Full { wanted: len, free })
        } else {
            self.queue.push(pieces, &self.memory)
        };
        result.map_err(|full| {
            // What is longer than the whole budget never fits, so nobody waits for it.
            if full.wanted <= self.memory.limit() {
                self.refused = full.wanted;
                self.awaits_memory = false;
            }
            SendError::Full(full)
        })
    }

    /// Whether there is something to do that needs no readiness.
    fn is_prepared(&self) -> bool {
        if self.is_blocked {
            return false;
        }
        // With nothing queued no readiness will ever come by which a refused sender could be told of memory.
        let awaits = self.refused > 0 && (!self.awaits_memory || self.memory.free() >= self.refused);
        !self.queue.is_empty() || self.closing == Closing::Finishing || awaits
    }

    /// Whether a sender that was refused should try again: half of what may wait has gone out, what was refused fits, and there is
    /// memory for it. Where memory alone is missing, the reactor calls again when there is some.
    fn has_room_again(&mut self, io: &mut Io<'_>) -> bool {
        let len = self.queue.len();
        let fits = len == 0 || (len <= self.high_water / 2 && len + self.refused <= self.high_water);
        if self.refused == 0 || !fits {
            return false;
        }
        let has_memory = io.await_memory(self.refused);
        self.awaits_memory = !has_memory;
        if has_memory {
            self.refused = 0;
        }
        has_memory
    }
}

/// Why bytes were not queued to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// Too much waits already, or the reactor's memory is used up. The callback runs when there is room: never for a message that is
    /// longer than all of that memory.
    Full(Full),
    /// The stream was told to finish, or has failed.
    Closed,
    /// The codec refused the message: it is too long.
    #[cfg(feature = "codec")]
    Frame(crate::codec::FrameError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full(full) => full.fmt(f),
            SendError::Closed => f.write_str("the stream is closed for sending"),
            #[cfg(feature = "codec")]
            SendError::Frame(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {}
