//! Makes a failing script short, so that a person can read what went wrong.

use std::time::{Duration, Instant};

use super::{play_beside_nobody, Failure, Script, Step};
use crate::conformance::support::alone;
use crate::Poller;

/// Leaves out what a failing script does not need to fail as it does, for `limit` at the longest, and answers with what is left and how
/// it fails. `None` when the script does not fail at all.
///
/// `open` makes the pollers, anew for each attempt. Delta debugging: halves are left out first, then ever smaller pieces, down to
/// single steps. A failure of another poller, or in other words, is not the one that was to be made short.
///
/// ```
/// use std::time::Duration;
/// use ringmq_platform::conformance::lock_step::{shrink, Script};
/// use ringmq_platform::Backend;
///
/// let open = || vec![("poll", Backend::Poll.open().unwrap())];
/// let script = Script::random(1, 100);
/// assert!(shrink(open, &script, Duration::from_secs(10)).is_none(), "poll keeps the contract");
/// ```
pub fn shrink<'a>(
    mut open: impl FnMut() -> Vec<(&'a str, Box<dyn Poller>)>,
    script: &Script,
    limit: Duration,
) -> Option<(Script, Failure)> {
    let _alone = alone();
    let start = Instant::now();
    let mut attempt = |steps: &[Step]| {
        let script = Script { steps: steps.to_vec() };
        play_beside_nobody(&mut open(), &script).err().map(|failure| (script, failure))
    };
    let (mut shortest, mut failure) = attempt(&script.steps)?;
    let first = failure.clone();
    let mut attempt = |steps: &[Step]| attempt(steps).filter(|(_, failure)| is_same(&first, failure));
    shortest.steps.truncate(failure.step + 1);
    let mut piece = shortest.steps.len() / 2;
    while piece > 0 {
        let mut is_shorter = false;
        let mut from = 0;
        while from < shortest.steps.len() {
            if start.elapsed() >= limit {
                return Some((shortest, failure));
            }
            let to = (from + piece).min(shortest.steps.len());
            let rest = [&shortest.steps[..from], &shortest.steps[to..]].concat();
            let closer = with_fewer_together(&rest, from, to - from);
            match attempt(&rest).or_else(|| attempt(&closer?)) {
                Some((mut shorter, how)) => {
                    shorter.steps.truncate(how.step + 1);
                    shortest = shorter;
                    failure = how;
                    is_shorter = true;
                }
                None => from = to,
            }
        }
        // Single steps are tried again for as long as that helps: what one was needed for may be gone.
        if piece > 1 || !is_shorter {
            piece /= 2;
        }
    }
    Some((shortest, failure))
}

/// Whether two failures are one, but for where and with what numbers.
fn is_same(one: &Failure, other: &Failure) -> bool {
    fn gist(failure: &Failure) -> &str {
        let end = failure.message.find(|letter: char| letter.is_ascii_digit());
        &failure.message[..end.unwrap_or(failure.message.len())]
    }
    one.poller == other.poller && gist(one) == gist(other)
}

/// The steps with a shorter `together` before the place where some were left out, if there is one: those that remain after it are
/// then made with the looks that they had.
fn with_fewer_together(steps: &[Step], place: usize, count: usize) -> Option<Vec<Step>> {
    let before = &steps[..place];
    let index = before.iter().rposition(|step| matches!(step, Step::Together { .. } | Step::Look { .. }))?;
    let mut fewer = steps.to_vec();
    match &mut fewer[index] {
        Step::Together { count: together } => *together = together.saturating_sub(count.min(255) as u8),
        _ => return None,
    }
    Some(fewer)
}
