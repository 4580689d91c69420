//! What can be counted exactly: user instructions by callgrind, system calls by strace, each as the difference of two runs.

use std::path::Path;
use std::process::Command;

use super::measure::{play, Outcome};
use super::{Fallible, Job};
use crate::peers::Contestant;
use crate::{callgrind, strace};

/// How many user instructions and how many system calls one of what is counted takes; `None` if the contestant cannot do it.
pub fn count(job: Job, contestant: &dyn Contestant) -> Fallible<Option<[f64; 2]>> {
    let Some([few, many]) = job.kind.counted(contestant.scans()) else { return Ok(None) };
    let mut each = [0.0; 2];
    for (tool, each) in [Tool::Callgrind, Tool::Strace].into_iter().zip(&mut each) {
        let mut totals = [0; 2];
        for (count, total) in [few, many].into_iter().zip(&mut totals) {
            match tool.total(Job { count, ..job }, contestant)? {
                Some(found) => *total = found,
                None => return Ok(None),
            }
        }
        *each = (totals[1] as f64 - totals[0] as f64) / (many - few) as f64;
    }
    Ok(Some(each))
}

#[derive(Clone, Copy)]
enum Tool {
    Callgrind,
    Strace,
}

impl Tool {
    fn total(self, job: Job, contestant: &dyn Contestant) -> Fallible<Option<u64>> {
        let file = std::env::temp_dir().join(format!("ringmq-compare-{}.count", std::process::id()));
        let played = play(job, contestant, Some(self.command(&file)));
        let total = match &played {
            Ok(Outcome::Cannot(_)) => Ok(None),
            Ok(_) => self.read(&file).map(Some),
            Err(_) => Ok(None),
        };
        // It is not there if the contestant did not come to its end.
        let _ = std::fs::remove_file(&file);
        played?;
        total
    }

    fn command(self, file: &Path) -> Command {
        match self {
            Tool::Callgrind => callgrind::command(file),
            Tool::Strace => strace::command(file),
        }
    }

    fn read(self, file: &Path) -> Fallible<u64> {
        match self {
            Tool::Callgrind => callgrind::read_total(file),
            Tool::Strace => strace::read_total(file),
        }
    }
}
