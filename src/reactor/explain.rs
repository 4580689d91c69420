//! What the recorded turns mean, in plain words: why a loop is busy, and why a timer was late.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::recorder::{Haste, Slow, TurnRecord};

/// Explains what was recorded, a line for each finding.
pub(super) fn explain(records: &VecDeque<TurnRecord>) -> String {
    let mut text = String::new();
    let written = write_all(&mut text, records);
    written.expect("a string takes whatever is written to it");
    text
}

fn write_all(text: &mut String, records: &VecDeque<TurnRecord>) -> fmt::Result {
    if records.is_empty() {
        return text.write_str("no turn is recorded: Builder::record_turns says how many to keep\n");
    }
    write_shares(text, records)?;
    write_hastes(text, records)?;
    let slowest = records.iter().filter_map(TurnRecord::slowest).max_by_key(|slow| slow.took);
    if let Some(slow) = slowest.filter(|slow| slow.took > Duration::ZERO) {
        writeln!(text, "slowest: {slow}")?;
    }
    write_lateness(text, records)
}

/// Where the time went.
fn write_shares(text: &mut String, records: &VecDeque<TurnRecord>) -> fmt::Result {
    let sum = |part: fn(&TurnRecord) -> Duration| records.iter().map(part).sum::<Duration>();
    let asleep = sum(|record| if record.haste.is_none() { record.waiting } else { Duration::ZERO });
    let parts = [
        ("asleep", asleep),
        ("in callbacks", sum(|record| record.callbacks)),
        ("in timers", sum(|record| record.timeouts)),
        ("asking the kernel", sum(|record| record.waiting) - asleep + sum(|record| record.settling)),
        ("reading and writing", sum(|record| record.responding)),
    ];
    let total = sum(TurnRecord::total);
    write!(text, "the last {} took {total:?}", counted(records.len(), "turn"))?;
    for (index, (what, took)) in parts.iter().enumerate() {
        let share = 100.0 * took.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
        write!(text, "{} {share:.0} % {what}", if index == 0 { ":" } else { "," })?;
    }
    writeln!(text)
}

/// Why turns did not sleep, the most frequent reason first.
fn write_hastes(text: &mut String, records: &VecDeque<TurnRecord>) -> fmt::Result {
    let hurried = records.iter().filter(|record| record.haste.is_some()).count();
    let woken = records.len() - hurried;
    let events: usize = records.iter().map(|record| record.events).sum();
    if hurried == 0 {
        return writeln!(text, "every turn was allowed to sleep; {} came", counted(events, "event"));
    }
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for haste in records.iter().filter_map(|record| record.haste) {
        let reason = haste.to_string();
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    writeln!(text, "busy: {hurried} of them did not sleep, {woken} were allowed to")?;
    for (reason, count) in reasons {
        writeln!(text, "  {} since {reason}", counted(count, "turn"))?;
    }
    Ok(())
}

impl Display for Haste {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Haste::Prepared => "a source had bytes to write, or other work that needs no readiness",
            Haste::Queued(name) => return write!(f, "work was queued for the next turn, {name} first"),
            Haste::Due => "more timers were due than run in one turn",
            Haste::Stopping => "a stop was asked for",
            Haste::AlwaysReady => "a regular file, or its like, wanted input or output",
            Haste::Deadline => "a timer had come due meanwhile",
            Haste::Limit => "the caller of turn allowed no wait",
        })
    }
}

/// The latest timer, and what kept the loop from it.
fn write_lateness(text: &mut String, records: &VecDeque<TurnRecord>) -> fmt::Result {
    let latest = records.iter().enumerate().max_by_key(|(_, record)| record.lateness);
    let (index, record) = match latest.filter(|(_, record)| record.lateness > Duration::ZERO) {
        Some(latest) => latest,
        None => return Ok(()),
    };
    let back = records.len() - 1 - index;
    write!(text, "latest timer: {:?} late, {} ago", record.lateness, counted(back, "turn"))?;
    // It came due after phase 2 of the turn before, or that would have run it.
    let before = index.checked_sub(1).map(|before| &records[before]);
    let mut suspects = vec![
        ("callbacks of that turn", record.callbacks, record.slowest_callback),
        ("timers of that turn", record.timeouts, record.slowest_timer),
    ];
    if let Some(before) = before {
        suspects.push(("timers of the turn before", before.timeouts, before.slowest_timer));
        suspects.push(("the sources of the turn before", before.responding + before.settling, None));
    }
    let (what, took, slow) =
        suspects.into_iter().max_by_key(|(_, took, _)| *took).expect("there is one at least");
    if took < record.lateness / 2 {
        return writeln!(text, "; the loop was idle, so the kernel or the machine woke it late");
    }
    write!(text, ", since {what} took {took:?}")?;
    match slow {
        Some(Slow { name, took, .. }) => writeln!(text, ", {took:?} of it in {name}"),
        None => writeln!(text),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
