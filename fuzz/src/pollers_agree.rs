//! Every backend of this system reports what the contract of `Poller` makes of any operations, all of them in lock step with a model.
//!
//! | input | meaning |
//! |---|---|
//! | four bytes each | a step: its kind, a slot, another slot or a number or an interest, and a trigger or a direction |
//!
//! `Script::from_bytes` in `platform/src/conformance/lock_step/script.rs` says which byte is what.
//!
//! The oracle is the one of `platform/tests/lock_step.rs`: after each step that says nothing else all pollers are asked what is ready.
//! Built with `--cfg ringmq_kqueue="model"` it takes kqueue along, over the model.

use ringmq_platform::conformance::lock_step::{play, Script};
use ringmq_platform::{Backend, Poller};

/// Plays one input, and panics with the script if a poller answers wrongly.
///
/// The descriptors are the play's own and are closed with it. One that stayed open would be found by the plays that come after it: a
/// play wants its numbers closed.
pub fn run(data: &[u8]) {
    let script = Script::from_bytes(data);
    if let Err(failure) = play(&mut open(), &script) {
        panic!("{failure}\nRINGMQ_LOCK_STEP_SCRIPT='{script}'");
    }
}

fn open() -> Vec<(&'static str, Box<dyn Poller>)> {
    let open =
        |backend: &Backend| (backend.name(), backend.open().expect("a process may have another poller"));
    Backend::AVAILABLE.iter().map(open).collect()
}
