//! UDP and UNIX datagrams as a source: whole ones in, whole ones out.

mod incoming;
mod outgoing;
mod socket;

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::os::unix::io::BorrowedFd;

pub use self::incoming::{Datagram, Incoming};
pub use self::outgoing::Outgoing;
pub use self::socket::DatagramSocket;
use super::memory::{Full, Memory};
use super::source::{Fire, Io, Source};
use crate::platform::{Interest, Ready};

/// How many datagrams are received in one turn, and wait for the callback at the most, and how many are sent in one turn: empty ones and
/// short ones cost a system call each too, which the budget of bytes does not see.
const DATAGRAMS_PER_TURN: usize = 64;

/// How many errors are kept for a callback that does not take them: what one turn can bring, twice.
const ERROR_COUNT: usize = 4 * DATAGRAMS_PER_TURN;

/// A UDP or UNIX datagram socket as a source.
///
/// Its callback runs when datagrams have arrived, when something has failed, and when there is room again after a `send` was refused. What
/// the callback leaves stays; when 64 datagrams or 64 KiB of it wait, receiving pauses, and the kernel keeps or drops what comes, as it
/// does for any socket that nobody reads.
///
/// ```
/// use ringmq::{Datagrams, Reactor};
/// use std::net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// let mut reactor = Reactor::new()?;
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let address = socket.local_addr()?;
/// let mut context = reactor.context();
/// let echo = Datagrams::new(socket, &context.memory())?;
/// context.add(echo, |_: &mut (), context, id| {
///     let (incoming, outgoing) = context.get_mut(id).unwrap().split();
///     while let Some(datagram) = incoming.receive() {
///         // Without room for the answer there is none, as with any datagram that is lost.
///         let _ = outgoing.send_to(datagram.bytes, datagram.from);
///     }
///     context.stop();
/// })?;
///
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"hello", address)?;
/// reactor.run(&mut ())?; // the turn of the stop sends the answer
/// let mut answer = [0; 16];
/// let len = client.recv(&mut answer)?;
/// assert_eq!(&answer[..len], b"hello");
/// # Ok(())
/// # }
/// ```
///
/// # What fails
/// Neither an error of the socket nor one of a datagram ends it: [`take_error`](Self::take_error) tells of each once, and the next datagram
/// is received or sent all the same. Only a socket that answers with nothing but errors, 64 in a row, is not asked again.
///
/// A datagram that finds no room in the kernel waits until the system says that the socket is writable. If it is refused again then, the
/// room is missing elsewhere and nothing tells when there is some: it is given up, told, and the next one has its turn.
///
/// # Platform notes
/// Linux calls a UNIX socket writable while the queue of the receiver is full, unless the sender is connected to it: so connect if a slow
/// receiver is to be waited for. The BSDs and macOS answer `ENOBUFS` there, and for UDP when the queue of the interface is full.
///
/// That a UDP datagram found nobody (`ECONNREFUSED`, by ICMP) is told to connected sockets alone.
#[derive(Debug)]
pub struct Datagrams<T: DatagramSocket> {
    socket: T,
    incoming: Incoming<T::Address>,
    outgoing: Outgoing<T::Address>,
    errors: VecDeque<DatagramError<T::Address>>,
    is_finished: bool,
    is_broken: bool,
}

/// Something that failed on a datagram socket, which goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum DatagramError<A> {
    /// An error of the socket as a whole, which may be of a datagram that was sent before: that nobody received it, above all.
    Socket(io::Error),
    /// A datagram was not sent: it is too long (`EMSGSIZE`), there is no way to where it was to go, or nobody there.
    Unsent {
        /// Where it was to go; `None` for the peer that the socket is connected to.
        to: Option<A>,
        /// How long it was.
        len: usize,
        /// Why it was not sent.
        error: io::Error,
    },
}

impl<T: DatagramSocket> Datagrams<T> {
    /// Takes a socket that is bound, connected or both, and makes it non-blocking. `memory` is the reactor's:
    /// [`Context::memory`](crate::Context::memory).
    ///
    /// # Errors
    /// What [`DatagramSocket::set_nonblocking`] says.
    pub fn new(mut socket: T, memory: &Memory) -> io::Result<Datagrams<T>> {
        socket.set_nonblocking()?;
        Ok(Datagrams {
            socket,
            incoming: Incoming::new(),
            outgoing: Outgoing::new(memory),
            errors: VecDeque::new(),
            is_finished: false,
            is_broken: false,
        })
    }

    /// Sets how many bytes may wait to be sent before `send` is refused; 1 MiB unless set. A datagram counts with its address. One that is
    /// longer than that is taken when nothing else waits.
    pub fn set_high_water(&mut self, len: usize) {
        self.outgoing.set_high_water(len);
    }

    /// The next datagram that has arrived.
    pub fn receive(&mut self) -> Option<Datagram<'_, T::Address>> {
        self.incoming.receive()
    }

    /// Queues a datagram to be sent to `to`.
    ///
    /// # Errors
    /// Too much waits already, or the reactor's memory is used up: the callback runs when there is room.
    pub fn send_to(&mut self, bytes: &[u8], to: T::Address) -> Result<(), Full> {
        self.outgoing.send_to(bytes, to)
    }

    /// Queues a datagram to be sent to the peer that the socket is connected to.
    ///
    /// # Errors
    /// As for [`send_to`](Self::send_to).
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.outgoing.send(bytes)
    }

    /// What has arrived and what is to be sent, apart: to answer a datagram that is still being looked at.
    pub fn split(&mut self) -> (&mut Incoming<T::Address>, &mut Outgoing<T::Address>) {
        (&mut self.incoming, &mut self.outgoing)
    }

    /// How many datagrams wait to be sent.
    pub fn unsent_count(&self) -> usize {
        self.outgoing.unsent_count()
    }

    /// The next thing that failed, each told once. Of a callback that takes none the latest 256 are kept.
    pub fn take_error(&mut self) -> Option<DatagramError<T::Address>> {
        self.errors.pop_front()
    }

    /// The socket, to look at its address or to set its options.
    pub fn socket(&self) -> &T {
        &self.socket
    }

    /// The socket alone. What has arrived or is to be sent is dropped.
    pub fn into_socket(self) -> T {
        self.socket
    }

    fn wants_input(&self) -> bool {
        !self.is_finished && !self.is_broken && self.incoming.has_room()
    }

    /// Receives what is there, within the budget.
    fn fill(&mut self, io: &mut Io) {
        let mut error_count = 0;
        let mut spare = None;
        for _ in 0..DATAGRAMS_PER_TURN {
            if !self.wants_input() || io.budget() == 0 {
                return;
            }
            // Always a whole one to receive into, so that none is cut; what fits is then moved behind the one before.
            let mut buf = match spare.take().or_else(|| io.lend()) {
                Some(buf) => buf,
                None => return,
            };
            match self.socket.receive(buf.spare()) {
                Ok((len, from)) => {
                    io.count_read(len);
                    spare = self.incoming.push(buf, len, from);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    error_count += 1;
                    note(&mut self.errors, DatagramError::Socket(error));
                }
            }
            spare = Some(buf);
        }
        self.is_broken = error_count == DATAGRAMS_PER_TURN;
    }
}

impl<T: DatagramSocket> Source for Datagrams<T> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        let mut interest = Interest::NONE;
        if self.wants_input() {
            interest |= Interest::READABLE;
        }
        if self.outgoing.is_blocked() {
            interest |= Interest::WRITABLE;
        }
        interest
    }

    fn settle(&mut self) -> bool {
        self.incoming.give_back();
        if self.errors.is_empty() {
            self.errors = VecDeque::new(); // the array too: an idle source keeps nothing
        }
        self.outgoing.is_prepared()
    }

    fn respond(&mut self, ready: Ready, io: &mut Io) -> Fire {
        let before = (self.incoming.count(), self.errors.len());
        if ready.is_readable() {
            self.fill(io);
        }
        let has_room = self.outgoing.flush(&mut self.socket, ready.is_writable(), io, &mut self.errors);
        (has_room || before != (self.incoming.count(), self.errors.len())).into()
    }

    /// Receives nothing more; what is queued, and answers to what has arrived, are sent.
    fn finish(&mut self) {
        self.is_finished = true;
    }

    fn is_finished(&self) -> bool {
        self.incoming.count() == 0 && self.outgoing.unsent_count() == 0
    }

    fn removed(&mut self) {
        self.outgoing.forget_promise();
    }
}

/// Keeps an error for the callback; the oldest goes if it takes none.
fn note<A>(errors: &mut VecDeque<DatagramError<A>>, error: DatagramError<A>) {
    if errors.len() == ERROR_COUNT {
        errors.pop_front();
    }
    errors.push_back(error);
}

impl<A> fmt::Display for DatagramError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatagramError::Socket(error) => error.fmt(f),
            DatagramError::Unsent { len, error, .. } => {
                write!(f, "a datagram of {len} bytes was not sent: {error}")
            }
        }
    }
}

impl<A: fmt::Debug> Error for DatagramError<A> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            DatagramError::Socket(error) | DatagramError::Unsent { error, .. } => Some(error),
        }
    }
}
