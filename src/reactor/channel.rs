//! Values from other threads: the source that they arrive at, and the callback that goes with it.

mod sender;

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::sync::mpsc::TryRecvError;
use std::sync::Arc;

pub use self::sender::Sender;
use self::sender::Shared;
use super::context::Context;
use super::slab::Id;
use super::source::{Fire, Io, Source};
use super::work::{BoxError, Callback, Outcome};
use crate::platform::{Interest, Ready, WakeReceiver, Waker};

/// How many values the callback finds in one turn at the most; the others come in the next one, so that a thread that keeps sending
/// starves nobody.
const VALUES_PER_TURN: usize = 1024;

/// The end of a channel that values from other threads arrive at: a source.
///
/// Its callback runs when values have arrived, and once when all senders are gone. What it does not take stays; it runs again when it
/// has taken some of them, and when more arrive. It finds 1024 values in a turn at the most, so that a thread that keeps sending
/// starves nobody. Values of one sender arrive in the order in which it sent them.
///
/// [`Context::receive`] is the easy way to use it. For what is to be done rather than said there is [`Remote`](crate::Remote).
///
/// A channel that is dropped drops the values in it. One that [`Context::remove`] hands back keeps them; on its next loop it has to be
/// [fired](Context::fire) for those that had arrived.
///
/// ```
/// use ringmq::{Channel, Reactor};
/// use std::sync::mpsc::TryRecvError;
///
/// # fn main() -> std::io::Result<()> {
/// let (sender, channel) = Channel::bounded(2)?;
/// let mut reactor = Reactor::new()?;
/// reactor.context().add(channel, |sum: &mut u32, context, id| loop {
///     match context.get_mut(id).map_or(Err(TryRecvError::Empty), Channel::try_recv) {
///         Ok(number) => *sum += number,
///         Err(TryRecvError::Empty) => break,
///         Err(TryRecvError::Disconnected) => break context.stop(),
///     }
/// })?;
/// let thread = std::thread::spawn(move || (1..=10).for_each(|number| sender.send(number).unwrap()));
/// let mut sum = 0;
/// reactor.run(&mut sum)?;
/// thread.join().unwrap();
/// assert_eq!(sum, 55);
/// # Ok(())
/// # }
/// ```
pub struct Channel<T> {
    shared: Arc<Shared<T>>,
    receiver: WakeReceiver,
    /// For the callback. They count as waiting until they have been taken.
    arrived: VecDeque<T>,
    /// How many were taken and still count as waiting: in an unbounded channel, where no sender waits for that to change.
    taken_count: usize,
    /// Whether the callback has taken some and left others, and is to run again.
    is_resumed: bool,
    end: End,
}

/// Whether there will be more values than have arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Open,
    /// No more will come, and the callback may not know yet.
    Reached,
    Told,
}

impl<T> Channel<T> {
    /// A channel that takes any number of values, and a sender for it, which never waits. What is sent faster than it is taken piles
    /// up: [`bounded`](Self::bounded) is for senders that are not known to stop by themselves.
    ///
    /// # Errors
    /// What [`Waker::new`] says: `EMFILE`, `ENFILE`.
    pub fn unbounded() -> io::Result<(Sender<T>, Channel<T>)> {
        Channel::with_capacity(usize::MAX)
    }

    /// A channel in which so many values wait at the most, and a sender for it, which waits for room or is refused.
    ///
    /// # Errors
    /// `InvalidInput` for a capacity of zero; else as for [`unbounded`](Self::unbounded).
    pub fn bounded(capacity: usize) -> io::Result<(Sender<T>, Channel<T>)> {
        if capacity == 0 {
            let message = "a channel with a capacity of 0 would never take a value";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Channel::with_capacity(capacity)
    }

    fn with_capacity(capacity: usize) -> io::Result<(Sender<T>, Channel<T>)> {
        let (waker, receiver) = Waker::new()?;
        let shared = Arc::new(Shared::new(capacity, waker));
        let channel = Channel {
            shared: Arc::clone(&shared),
            receiver,
            arrived: VecDeque::new(),
            taken_count: 0,
            is_resumed: false,
            end: End::Open,
        };
        Ok((Sender::new(shared), channel))
    }

    /// The next value that has arrived.
    ///
    /// # Errors
    /// `Empty` when there is none in this turn; `Disconnected` when none will come any more, since all senders are gone or the channel
    /// has been [finished](Source::finish).
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.arrived.pop_front() {
            Some(value) => {
                self.is_resumed = !self.arrived.is_empty();
                if self.shared.is_bounded() {
                    // At once: the channel may leave the loop next, and senders wait for it.
                    self.shared.make_room(1);
                } else {
                    self.taken_count += 1;
                }
                Ok(value)
            }
            None if self.end == End::Open => Err(TryRecvError::Empty),
            None => {
                self.end = End::Told;
                Err(TryRecvError::Disconnected)
            }
        }
    }
}

impl<T: Send + 'static> Source for Channel<T> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }

    fn interest(&self) -> Interest {
        if self.end != End::Open || self.arrived.len() >= VALUES_PER_TURN {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }

    fn settle(&mut self) -> bool {
        let taken = std::mem::take(&mut self.taken_count);
        if taken > 0 {
            self.shared.make_room(taken);
        }
        self.is_resumed || self.has_end_to_tell()
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        // Before looking: who sends after that rings again.
        self.receiver.drain();
        let room = VALUES_PER_TURN.saturating_sub(self.arrived.len());
        let arrival = self.shared.take(room, &mut self.arrived);
        if arrival.is_last && self.end == End::Open {
            self.end = End::Reached;
        }
        let should_fire = std::mem::take(&mut self.is_resumed) || arrival.count > 0 || self.has_end_to_tell();
        if self.has_end_to_tell() {
            self.end = End::Told;
        }
        should_fire.into()
    }

    /// Takes no more values: senders are refused from now on, those that wait included. What has been sent still arrives.
    fn finish(&mut self) {
        self.shared.close();
    }

    /// Once the callback has been told, or is about to be, that no more will come.
    fn is_finished(&self) -> bool {
        self.end == End::Told
    }
}

impl<T> Channel<T> {
    fn has_end_to_tell(&self) -> bool {
        self.end == End::Reached && self.arrived.is_empty()
    }
}

impl<T> Drop for Channel<T> {
    fn drop(&mut self) {
        self.shared.close();
        // Outside the lock: a value's own drop may send.
        drop(self.shared.take_all());
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("arrived", &self.arrived.len()).field("end", &self.end).finish()
    }
}

impl<S: 'static> Context<'_, S> {
    /// Puts a channel on the loop and calls `received` with each value, and with `None` when no more will come, since all senders are
    /// gone: then the channel has left the loop.
    ///
    /// ```
    /// use ringmq::{Channel, Reactor};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (sender, channel) = Channel::unbounded()?;
    /// let mut reactor = Reactor::new()?;
    /// reactor.context().receive(channel, |log: &mut Vec<String>, context, word| match word {
    ///     Some(word) => log.push(word),
    ///     None => context.stop(),
    /// })?;
    /// let thread = std::thread::spawn(move || {
    ///     for word in ["from", "another", "thread"] {
    ///         sender.send(word.to_string()).unwrap();
    ///     }
    /// });
    /// let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// thread.join().unwrap();
    /// assert_eq!(log, ["from", "another", "thread"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn receive<T: Send + 'static, R: Outcome + 'static>(
        &mut self,
        channel: Channel<T>,
        received: impl FnMut(&mut S, &mut Context<'_, S>, Option<T>) -> R + 'static,
    ) -> io::Result<Id<Channel<T>>> {
        self.core.add(channel, Received(received))
    }
}

/// A closure that is called with each value.
struct Received<F>(F);

impl<S: 'static, T, R, F> Callback<S, Channel<T>> for Received<F>
where
    T: Send + 'static,
    R: Outcome,
    F: FnMut(&mut S, &mut Context<'_, S>, Option<T>) -> R,
{
    fn call(&mut self, state: &mut S, context: &mut Context<'_, S>, id: Id<Channel<T>>) -> Option<BoxError> {
        // Looked up anew each time: the closure may remove the channel.
        while let Some(channel) = context.get_mut(id) {
            let value = match channel.try_recv() {
                Ok(value) => Some(value),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => {
                    context.remove(id);
                    None
                }
            };
            if let Some(error) = (self.0)(state, context, value).error() {
                return Some(error);
            }
        }
        None
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}
