//! The rests of listeners, which end by tasks that run in phase 2, as timers do.
//!
//! They are no timers: each program that listens has them, and with them it would have all the code of timers linked into it, though it set
//! none. All last equally long, so the first that was begun is the first to end, and a list is all that they take.

use std::io;
use std::time::{Duration, Instant};

use super::core::Core;
use super::work::Task;
use crate::platform::Poller;

/// How long accepting rests when the system has no descriptor or memory for a connection: it is others who have to give some back,
/// and asking at every turn would spin.
const REST: Duration = Duration::from_millis(100);

/// A rest that was begun.
pub(crate) struct Resting<S: 'static> {
    pub end: Instant,
    /// What is to be done then.
    task: Box<dyn Task<S>>,
}

impl<S: 'static> Core<S> {
    /// Runs a task in phase 2 when a rest is over that begins now; never, if that lies beyond the end of the clock.
    #[cold]
    pub fn begin_rest(&mut self, task: Box<dyn Task<S>>) {
        // As long as one lasts, turns go by the lists, which alone look for it.
        self.agenda.queues.rouse();
        if let Some(end) = self.poller.now().checked_add(REST) {
            self.rests.push(Resting { end, task });
        }
    }

    /// Phase 2 for the rests that are over.
    #[cold]
    pub fn end_rests(&mut self, state: &mut S) -> io::Result<()> {
        let now = self.now();
        while self.rests.first().map_or(false, |first| first.end <= now) {
            let Resting { end, task } = self.rests.remove(0);
            self.run_timer(state, task, end)?;
        }
        Ok(())
    }
}
