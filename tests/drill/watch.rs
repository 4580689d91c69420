//! Who watches that a drill goes on: that something arrives all the time, and that who is told to end does.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::ledger::Ledger;

/// With so many who send at once, nothing at all arrives for so long only if nothing ever will. It is shorter than the members' own
/// patience: of them each knows of itself alone.
const QUIET: Duration = Duration::from_secs(30);

/// So long an end may take at the most, though things arrive all the time.
const ENDING: Duration = Duration::from_secs(150);

pub struct Watch {
    directory: PathBuf,
    /// Which life of the server has received how many bytes of records.
    received: (u32, u64),
    quiet_since: Instant,
    /// Who is ending, and since when.
    ending: Option<(String, Instant)>,
}

impl Watch {
    pub fn new(directory: PathBuf) -> Watch {
        Watch { directory, received: (0, 0), quiet_since: Instant::now(), ending: None }
    }

    /// An end begins, which has its time.
    pub fn begin_end(&mut self, of: String) {
        self.ending = Some((of, Instant::now()));
    }

    pub fn note_end(&mut self) {
        self.ending = None;
    }

    /// Looks at what the server has received in this life of it; answers what is overdue.
    pub fn overdue(&mut self, server_life: u32) -> Option<String> {
        let now = Instant::now();
        let file = Ledger::file_of(&self.directory, server_life);
        // A server that has just been started may have none yet.
        let len = |kind| fs::metadata(file.with_extension(kind)).map_or(0, |found| found.len());
        let received = (server_life, len("pull") + len("rep"));
        if received != self.received {
            (self.received, self.quiet_since) = (received, now);
        }
        if now - self.quiet_since > QUIET {
            return Some(format!("nothing has arrived for {QUIET:?}"));
        }
        match &self.ending {
            Some((of, since)) if now - *since > ENDING => {
                Some(format!("{of} does not end within {ENDING:?}"))
            }
            _ => None,
        }
    }
}
