//! The end of a channel that other threads have, and the queue between both ends.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{SendError, TrySendError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::VALUES_PER_TURN;
use crate::platform::Waker;

/// Sends values to a [`Channel`](crate::Channel), from any thread.
///
/// A clone sends to the same channel. The channel's callback learns of it when the last one is dropped.
///
/// The errors are those of the standard library's channels, and hand the value back. After the channel is gone every value is
/// `Disconnected`; one that was sent before, and not taken, was dropped with it.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Sender<T> {
        Sender { shared }
    }

    /// Sends a value. When a bounded channel is full it waits for room, for as long as it takes: not something to do on the reactor's
    /// own thread, which is the one that makes room.
    ///
    /// # Errors
    /// When the channel is gone, or goes meanwhile.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.shared.push(value, |_| Some(None)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(value) | TrySendError::Disconnected(value)) => Err(SendError(value)),
        }
    }

    /// Sends a value if there is room, and never waits.
    ///
    /// # Errors
    /// `Full`, never of an unbounded channel; `Disconnected` when the channel is gone.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.shared.push(value, |_| None)
    }

    /// Sends a value, and waits for room for this long at the most, as [`send`](Self::send) does.
    ///
    /// # Errors
    /// `Full` when there was none in that time; `Disconnected` when the channel is gone, or goes meanwhile.
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), TrySendError<T>> {
        let mut deadline = None;
        self.shared.push(value, |now| {
            // The clock is not read before there is something to wait for.
            match deadline.get_or_insert_with(|| now().checked_add(timeout)) {
                None => Some(None),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(now());
                    (!left.is_zero()).then_some(Some(left))
                }
            }
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.queue().sender_count += 1;
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.sender_count -= 1;
        let is_last = queue.sender_count == 0;
        drop(queue);
        if is_last {
            self.shared.waker.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.shared.queue();
        f.debug_struct("Sender")
            .field("waiting", &queue.occupied)
            .field("is_closed", &queue.is_closed)
            .finish()
    }
}

/// What both ends share.
pub(super) struct Shared<T> {
    queue: Mutex<Queue<T>>,
    /// Told when there is room, and when there will never be any.
    room: Condvar,
    capacity: usize,
    waker: Waker,
}

struct Queue<T> {
    values: VecDeque<T>,
    /// How many values count against the capacity: these, and those that have arrived and were not taken.
    occupied: usize,
    sender_count: usize,
    /// Whether senders wait for room that were not told of any since.
    is_awaited: bool,
    is_closed: bool,
}

/// What a look into the queue has brought.
pub(super) struct Arrival {
    pub count: usize,
    /// Whether no more will come.
    pub is_last: bool,
}

impl<T> Shared<T> {
    pub fn new(capacity: usize, waker: Waker) -> Shared<T> {
        let queue = Queue {
            values: VecDeque::new(),
            occupied: 0,
            sender_count: 1,
            is_awaited: false,
            is_closed: false,
        };
        Shared { queue: Mutex::new(queue), room: Condvar::new(), capacity, waker }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        // Nothing that can panic runs under the lock, and a queue is whole at any time.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a value. Without room `patience` says how long to wait: `None` not at all, `Some(None)` for ever. It is given the clock.
    fn push(
        &self,
        value: T,
        mut patience: impl FnMut(fn() -> Instant) -> Option<Option<Duration>>,
    ) -> Result<(), TrySendError<T>> {
        let mut queue = self.queue();
        while !queue.is_closed && queue.occupied >= self.capacity {
            let timeout = match patience(Instant::now) {
                Some(timeout) => timeout,
                None => return Err(TrySendError::Full(value)),
            };
            queue.is_awaited = true;
            queue = match timeout {
                None => self.room.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    self.room.wait_timeout(queue, timeout).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        if queue.is_closed {
            return Err(TrySendError::Disconnected(value));
        }
        queue.occupied += 1;
        queue.values.push_back(value);
        // Published first, then rung; the waker itself passes over all but the first ring.
        drop(queue);
        self.waker.wake();
        Ok(())
    }

    /// Moves so many values out of the queue at the most, and rings for the others.
    pub fn take(&self, limit: usize, arrived: &mut VecDeque<T>) -> Arrival {
        let mut queue = self.queue();
        let count = queue.values.len().min(limit);
        arrived.extend(queue.values.drain(..count));
        let is_empty = queue.values.is_empty();
        if is_empty && queue.values.capacity() > 2 * VALUES_PER_TURN {
            // After a flood: its memory.
            queue.values = VecDeque::new();
        }
        let is_last = is_empty && (queue.is_closed || queue.sender_count == 0);
        drop(queue);
        if !is_empty {
            self.waker.wake();
        }
        Arrival { count, is_last }
    }

    /// Whether a sender may have to wait.
    pub fn is_bounded(&self) -> bool {
        self.capacity < usize::MAX
    }

    /// So many values that had arrived have been taken.
    pub fn make_room(&self, count: usize) {
        let mut queue = self.queue();
        queue.occupied -= count;
        // All of them are woken; who finds no room then says so again.
        let is_awaited = std::mem::take(&mut queue.is_awaited);
        drop(queue);
        if is_awaited {
            self.room.notify_all();
        }
    }

    /// Refuses what comes, and whoever waits for room. The receiver is rung, since this may be the end of what it will be sent.
    pub fn close(&self) {
        self.queue().is_closed = true;
        self.room.notify_all();
        self.waker.wake();
    }

    pub fn take_all(&self) -> VecDeque<T> {
        std::mem::take(&mut self.queue().values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn is_send_and_sync<T: Send + Sync>() {}
    fn is_send<T: Send>() {}

    #[test]
    fn a_sender_may_be_used_from_any_thread_and_a_channel_made_on_any() {
        is_send_and_sync::<Sender<Cell<u32>>>();
        is_send::<super::super::Channel<Cell<u32>>>();
    }

    #[test]
    fn the_memory_of_a_flood_is_given_back() {
        let (waker, _receiver) = Waker::new().expect("open a waker");
        let shared = Shared::new(usize::MAX, waker);
        (0..100_000).for_each(|value| shared.push(value, |_| None).expect("there is room"));
        assert!(shared.queue().values.capacity() >= 100_000);
        let mut arrived = VecDeque::new();
        while shared.take(VALUES_PER_TURN, &mut arrived).count > 0 {
            arrived.clear();
        }
        assert!(shared.queue().values.capacity() <= 2 * VALUES_PER_TURN);
        assert!(arrived.capacity() <= 2 * VALUES_PER_TURN);
    }
}
