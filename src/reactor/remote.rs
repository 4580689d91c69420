//! Reaching a loop from other threads: posted tasks, a stop, and the source that the loop hears them by.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::mem;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::agenda::Marks;
use super::context::Context;
use super::core::{Core, Posting};
use super::source::{Fire, Io, Source};
use super::work::{Outcome, Task};
use crate::platform::{Interest, Ready, WakeReceiver, Waker};

/// A handle on a reactor for other threads: posts tasks and stops it.
///
/// ```
/// use ringmq::Reactor;
///
/// # fn main() -> std::io::Result<()> {
/// let mut reactor = Reactor::new()?;
/// let remote = reactor.remote();
/// let thread = std::thread::spawn(move || {
///     remote.post(|sum: &mut u32, _| *sum += 40).unwrap();
///     remote.post(|sum: &mut u32, context| { *sum += 2; context.stop() }).unwrap();
/// });
/// let mut sum = 0;
/// reactor.run(&mut sum)?;
/// thread.join().unwrap();
/// assert_eq!(sum, 42);
/// # Ok(())
/// # }
/// ```
pub struct Remote<S: 'static> {
    shared: Arc<Shared<S>>,
}

/// A task from another thread.
pub(crate) type PostedTask<S> = Box<dyn Task<S> + Send>;

struct Shared<S: 'static> {
    /// None once the reactor is gone.
    tasks: Mutex<Option<VecDeque<PostedTask<S>>>>,
    is_stopping: AtomicBool,
    waker: Waker,
}

impl<S: 'static> Remote<S> {
    /// Runs a task on the reactor's thread, in phase 1 of one of its next turns, and wakes it if it sleeps. Tasks of one thread run in the
    /// order in which it posted them, [so many](crate::Builder::post_budget) in a turn at the most.
    ///
    /// # Errors
    /// [`Gone`] when the reactor has been dropped; so is the task then. A task that waits when the reactor is dropped never runs.
    pub fn post<R: Outcome>(
        &self,
        task: impl FnOnce(&mut S, &mut Context<'_, S>) -> R + Send + 'static,
    ) -> Result<(), Gone> {
        let task: PostedTask<S> = Box::new(task);
        let rings = {
            let mut tasks = self.shared.tasks();
            let tasks = tasks.as_mut().ok_or(Gone)?;
            // Whoever puts the first one there rings, or is about to. The loop takes all that is there at once, and looks again once it was
            // rung for: so none is left that nobody has rung for.
            let is_first = tasks.is_empty();
            tasks.push_back(task);
            is_first
        };
        if rings {
            self.shared.waker.wake();
        }
        Ok(())
    }

    /// Ends [`Reactor::run`](crate::Reactor::run) after the turn that it is in; without waiting, if it waits. Asked for before `run`,
    /// it ends that after one turn. Does nothing when the reactor is gone.
    pub fn stop(&self) {
        self.note_stop();
        self.shared.waker.wake();
    }

    /// As [`stop`](Self::stop), for a loop that is awake.
    pub(super) fn note_stop(&self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
    }

    #[inline]
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::SeqCst)
    }

    pub(super) fn take_stop(&self) -> bool {
        self.shared.is_stopping.swap(false, Ordering::SeqCst)
    }

    /// Takes all tasks that wait, behind those that were taken before. What is posted from here on rings again.
    pub(super) fn take_tasks(&self, taken: &mut VecDeque<PostedTask<S>>) {
        match self.shared.tasks().as_mut() {
            // The room of either goes over to the other, between which nothing is copied.
            Some(tasks) if taken.is_empty() => mem::swap(tasks, taken),
            Some(tasks) => taken.append(tasks),
            None => {}
        }
    }

    /// How many were not taken yet.
    pub(super) fn task_count(&self) -> usize {
        self.shared.tasks().as_ref().map_or(0, VecDeque::len)
    }

    /// Drops what waits, and refuses what comes.
    pub(super) fn close(&self) {
        // Dropped outside the lock: a task's own drop may post.
        let unfinished = self.shared.tasks().take();
        drop(unfinished);
    }
}

impl<S: 'static> Shared<S> {
    fn tasks(&self) -> MutexGuard<'_, Option<VecDeque<PostedTask<S>>>> {
        // Nothing that can panic runs under the lock, and a queue is whole at any time.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: 'static> Clone for Remote<S> {
    fn clone(&self) -> Remote<S> {
        Remote { shared: Arc::clone(&self.shared) }
    }
}

impl<S: 'static> fmt::Debug for Remote<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("waiting_tasks", &self.task_count()).finish()
    }
}

impl<S: 'static> Core<S> {
    /// A handle for other threads. What is done about what they post is known from the first one on, and not from the beginning: so it is
    /// linked into no program that takes none.
    pub fn handle(&self) -> Remote<S> {
        self.posting.set(Posting { run: Core::run_posted, close: Core::close_posting });
        self.remote.clone()
    }

    fn close_posting(&mut self) {
        self.remote.close();
        self.posted.clear();
    }
}

/// The reactor has been dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reactor is gone, and the task with it")
    }
}

impl Error for Gone {}

/// What becomes readable when another thread wants something. A source like any other.
pub(super) struct Doorbell {
    receiver: WakeReceiver,
}

/// A remote and the doorbell that it rings.
pub(super) fn open<S: 'static>() -> io::Result<(Remote<S>, Doorbell)> {
    let (waker, receiver) = Waker::new()?;
    let shared =
        Shared { tasks: Mutex::new(Some(VecDeque::new())), is_stopping: AtomicBool::new(false), waker };
    Ok((Remote { shared: Arc::new(shared) }, Doorbell { receiver }))
}

impl Doorbell {
    /// Puts it on the loop, which runs what was posted in the place of its callback.
    pub fn hang<S: 'static>(self, context: &mut Context<'_, S>) -> io::Result<()> {
        let id = context.add(self, |_, _, _| ())?;
        match context.core.agenda.slots.get_mut(id.key) {
            Some(slot) if !slot.registration.marks.has(Marks::ALWAYS_READY) => {
                slot.registration.marks.put(Marks::DOORBELL);
                context.core.doorbell = Some(id.key);
                Ok(())
            }
            // Taken for always ready, which it is not: the loop would never sleep.
            _ => {
                let message =
                    "the poller refuses to wait for the descriptor by which other threads wake the reactor";
                Err(io::Error::new(io::ErrorKind::Unsupported, message))
            }
        }
    }
}

impl Source for Doorbell {
    fn fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        self.receiver.drain().into()
    }
}
