//! A loop that catches signals, and what else a process may do with them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, ForkResult};
use ringmq::{Context, Id, Reactor, Signal, Signals};

use super::Case;

/// The signals that a loop was told of.
pub type Told = Vec<Signal>;

static HANDLED: AtomicUsize = AtomicUsize::new(0);

/// A loop that notes the signals that it catches.
pub fn catching(case: Case, signals: impl IntoIterator<Item = Signal>) -> (Reactor<Told>, Id<Signals>) {
    let mut reactor = case.reactor();
    let signals = Signals::new(signals).unwrap();
    let note = |told: &mut Told, _: &mut Context<'_, Told>, signal| told.push(signal);
    let id = reactor.context().catch_signals(signals, note).unwrap();
    (reactor, id)
}

/// All that is told without a wait.
pub fn told(reactor: &mut Reactor<Told>) -> Told {
    let mut told = Told::new();
    for _ in 0..2 {
        reactor.turn(&mut told, Some(Duration::ZERO)).unwrap();
    }
    told
}

/// A handler that counts.
pub fn counting() -> SigHandler {
    SigHandler::Handler(count)
}

/// How often it has run.
pub fn handled_count() -> usize {
    HANDLED.load(Ordering::SeqCst)
}

extern "C" fn count(_: nix::libc::c_int) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

/// Sets a signal, as somebody else in the process might, and answers how it was set before.
pub fn set(signal: nix::sys::signal::Signal, handler: SigHandler) -> SigHandler {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the only handler that is set so does nothing but add to an atomic, which a signal handler may.
    unsafe { sigaction(signal, &action) }.unwrap().handler()
}

/// Runs in a forked child, and answers whether it ended with success. The child leaves without running anything of the parent's.
pub fn forked(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the body may allocate: libraries of C keep that usable in a fork's child. It waits for no other thread.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: takes no pointer, and does not return.
            unsafe { nix::libc::_exit(i32::from(!matches!(result, Ok(true)))) }
        }
        ForkResult::Parent { child } => loop {
            match waitpid(child, None) {
                Err(nix::errno::Errno::EINTR) => {}
                status => return matches!(status.unwrap(), WaitStatus::Exited(_, 0)),
            }
        },
    }
}
