//! Pollers that panic or never answer: the first is a failure like any other, the second ends the process with a word.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};

use super::Script;
use crate::conformance::support::PATIENCE;

/// What the body answers, or that it panicked.
pub fn without_panic<T>(body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What was being changed is not looked at again: a play is over with its first failure.
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|payload| Err(format!("panicked: {}", words_of(&*payload))))
}

fn words_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

/// Plays with a watchdog beside it. The body notes at which step it is; one that takes a minute ends the process, since nothing else
/// gets a thread out of a wait.
pub fn watched<T>(script: &Script, body: impl FnOnce(&AtomicUsize) -> T) -> T {
    let step = AtomicUsize::new(0);
    let (finished, watch) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let watch = watch;
            let mut last = usize::MAX;
            while watch.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let now = step.load(Ordering::Relaxed);
                if now == last {
                    end_the_process(script, now);
                }
                last = now;
            }
        });
        let _finished: Sender<()> = finished;
        body(&step)
    })
}

fn end_the_process(script: &Script, step: usize) -> ! {
    let name = script.steps.get(step).map_or(String::from("the end"), |step| step.to_string());
    // Not eprintln!, whose output the harness keeps for a report that an abort does not get to.
    let _ = writeln!(io::stderr(), "lock step: step {step}, `{name}`, did not end within {PATIENCE:?}");
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_with_its_words() {
        assert_eq!(without_panic(|| Ok(1)), Ok(1));
        assert_eq!(without_panic::<()>(|| Err(String::from("wrong"))), Err(String::from("wrong")));
        assert_eq!(without_panic::<()>(|| panic!("plain")), Err(String::from("panicked: plain")));
        assert_eq!(without_panic::<()>(|| panic!("made of {}", 2)), Err(String::from("panicked: made of 2")));
    }
}
