//! Datagrams on their way out: how many may wait, who is refused, and what becomes of those that the kernel refuses.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem;

use super::{note, DatagramError, DatagramSocket, DATAGRAMS_PER_TURN};
use crate::platform::descriptor::is_out_of_room;
use crate::reactor::condition::Condition;
use crate::reactor::memory::{Full, Memory};
use crate::reactor::output::{Output, SendError};
use crate::reactor::source::Io;

/// As much is queued before each datagram as its entry in the list beside the queue takes: so entries are charged and bounded like
/// bytes, and empty datagrams are not free. No address is longer than that of a UNIX socket, of some 110 bytes.
const PAD: [u8; 128] = [0; 128];

/// Datagrams to be sent; see [`Datagrams::split`](crate::Datagrams::split).
pub struct Outgoing<A> {
    output: Output,
    condition: Condition,
    waiting: VecDeque<Waiting<A>>,
}

struct Waiting<A> {
    to: Option<A>,
    len: usize,
}

impl<A> Outgoing<A> {
    pub(super) fn new(memory: &Memory) -> Outgoing<A> {
        Outgoing { output: Output::new(memory), condition: Condition::default(), waiting: VecDeque::new() }
    }

    /// As [`Datagrams::send_to`](crate::Datagrams::send_to).
    ///
    /// # Errors
    /// As there.
    pub fn send_to(&mut self, bytes: &[u8], to: A) -> Result<(), Full> {
        self.push(bytes, Some(to))
    }

    /// As [`Datagrams::send`](crate::Datagrams::send).
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.push(bytes, None)
    }

    /// How many wait to be sent.
    pub fn unsent_count(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn set_high_water(&mut self, len: usize) {
        self.output.high_water = len;
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.condition.has(Condition::BLOCKED) && !self.waiting.is_empty()
    }

    /// As [`Source::removed`](crate::Source::removed).
    pub(super) fn forget_promise(&mut self) {
        self.output.forget_promise();
    }

    pub(super) fn is_prepared(&self) -> bool {
        self.output.is_prepared(&self.condition)
    }

    /// Sends what is queued, within the budget; answers whether who was refused has room now.
    pub(super) fn flush<T: DatagramSocket<Address = A>>(
        &mut self,
        socket: &mut T,
        mut is_writable: bool,
        io: &mut Io,
        errors: &mut VecDeque<DatagramError<A>>,
    ) -> bool {
        if is_writable {
            self.condition.take(Condition::BLOCKED);
        }
        for _ in 0..DATAGRAMS_PER_TURN {
            let first = match self.waiting.front() {
                Some(first) if !self.condition.has(Condition::BLOCKED) && io.budget() > 0 => first,
                _ => break,
            };
            let bytes = &self.output.queue.front()[pad_len::<A>()..][..first.len];
            match transmit(socket, bytes, &first.to) {
                Sent::Now(earlier) => {
                    io.count_written(first.len);
                    self.pop();
                    errors_of(earlier, errors);
                }
                Sent::NoRoom(error, earlier) => {
                    errors_of(earlier, errors);
                    if is_writable {
                        self.give_up(error, errors);
                    } else {
                        self.condition.put(Condition::BLOCKED);
                    }
                }
                Sent::Never(error) => self.give_up(error, errors),
            }
            // What is refused later in this turn may well have found the socket full.
            is_writable = false;
        }
        self.output.has_room_again(&self.condition, io)
    }

    fn push(&mut self, bytes: &[u8], to: Option<A>) -> Result<(), Full> {
        match self.output.send_pieces(&self.condition, [&PAD[..pad_len::<A>()], bytes, b""]) {
            Ok(()) => self.waiting.push_back(Waiting { to, len: bytes.len() }),
            Err(SendError::Full(full)) => return Err(full),
            Err(error) => unreachable!("nobody closes this queue, and it has no frames: {error}"),
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<Waiting<A>> {
        let first = self.waiting.pop_front()?;
        self.output.queue.advance(pad_len::<A>() + first.len);
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new(); // the array too: an idle source keeps nothing
        }
        Some(first)
    }

    fn give_up(&mut self, error: io::Error, errors: &mut VecDeque<DatagramError<A>>) {
        if let Some(Waiting { to, len }) = self.pop() {
            note(errors, DatagramError::Unsent { to, len, error });
        }
    }
}

/// What became of a datagram.
enum Sent {
    /// It is on its way. The error is of an earlier one.
    Now(Option<io::Error>),
    /// The kernel has no room for it; the second error is of an earlier one.
    NoRoom(io::Error, Option<io::Error>),
    Never(io::Error),
}

/// An error that was pending on the socket is told by whichever call comes next, which then does nothing (`SO_ERROR`; that of an earlier
/// datagram that nobody received, by ICMP). So who fails tries again, and fails again if the error is his own.
fn transmit<T: DatagramSocket>(socket: &mut T, bytes: &[u8], to: &Option<T::Address>) -> Sent {
    let mut earlier = None;
    loop {
        let result = match to {
            Some(to) => socket.send_to(bytes, to),
            None => socket.send(bytes),
        };
        match result {
            Ok(_) => return Sent::Now(earlier),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_out_of_room(&error) => return Sent::NoRoom(error, earlier),
            Err(error) => match earlier {
                None => earlier = Some(error),
                Some(first) => return Sent::Never(first),
            },
        }
    }
}

fn errors_of<A>(earlier: Option<io::Error>, errors: &mut VecDeque<DatagramError<A>>) {
    if let Some(error) = earlier {
        note(errors, DatagramError::Socket(error));
    }
}

fn pad_len<A>() -> usize {
    mem::size_of::<Waiting<A>>().min(PAD.len())
}

impl<A> fmt::Debug for Outgoing<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} datagrams)", self.waiting.len())
    }
}
