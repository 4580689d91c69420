//! A clock that only the input moves, and the poller of a loop that lives by it.

use std::io;
use std::os::unix::io::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ringmq_platform::{Backend, Events, Interest, Poller, Token, Trigger};

/// A handle on the clock; all clones of it are the same one.
#[derive(Clone, Debug)]
pub struct Clock {
    face: Arc<Mutex<Face>>,
}

#[derive(Debug)]
struct Face {
    now: Instant,
    last_wait: Option<Wait>,
}

/// What the loop asked for when it had nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    /// When it began.
    pub at: Instant,
    pub timeout: Option<Duration>,
}

impl Clock {
    pub fn new() -> Clock {
        Clock { face: Arc::new(Mutex::new(Face { now: Instant::now(), last_wait: None })) }
    }

    pub fn now(&self) -> Instant {
        self.face().now
    }

    pub fn pass(&self, time: Duration) {
        self.face().now += time;
    }

    /// The wait since the last call of this, of which there is one in every turn.
    pub fn take_wait(&self) -> Wait {
        self.face().last_wait.take().expect("a turn without sources waits once")
    }

    /// A poller for which nothing is ever ready, so that every wait lasts as long as it may.
    pub fn poller(&self) -> Box<dyn Poller> {
        Box::new(Sleeper { clock: self.clone() })
    }

    fn face(&self) -> MutexGuard<'_, Face> {
        self.face.lock().expect("nobody panics while reading a clock")
    }
}

#[derive(Debug)]
struct Sleeper {
    clock: Clock,
}

impl Poller for Sleeper {
    fn add(&mut self, _: BorrowedFd<'_>, _: Token, _: Interest, _: Trigger) -> io::Result<()> {
        Ok(())
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Token, _: Interest, _: Trigger) -> io::Result<()> {
        Ok(())
    }

    fn delete(&mut self, _: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let mut face = self.clock.face();
        let wait = Wait { at: face.now, timeout };
        assert_eq!(face.last_wait.replace(wait), None, "a turn waits once");
        // Without a timeout nothing would ever end it: as if somebody had called.
        face.now += timeout.unwrap_or_default();
        Ok(())
    }

    fn backend(&self) -> Backend {
        Backend::Poll
    }

    fn supports(&self, _: Trigger) -> bool {
        true
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stale_count(&self) -> u64 {
        0
    }
}
