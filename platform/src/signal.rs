//! Signals as a descriptor that becomes readable when one has come.
//!
//! What runs when a signal comes notes its number and rings a [`Waker`], which is all that may be done there (signal-safety(7)). All
//! the rest is done by whoever waits for the descriptor, at a time of his own.

use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};

use crate::{WakeReceiver, Waker};

mod handler;
mod name;
mod set;

use handler::Listener;
use set::Set;

pub use name::Signal;

/// Some signals, caught for as long as this lives: a descriptor that is readable when one of them has come.
///
/// Register it like any other; when it is readable [`drain`](Self::drain) it, and [`take`](Self::take) what has come. As the kernel
/// keeps of each signal only whether it has come, so does this: a burst of one signal is told once.
///
/// There may be several in a process, on several threads and for the same signal. Each is told of it, whichever thread the kernel gave
/// the signal to.
///
/// ```
/// use ringmq_platform::signal::{Signal, Signals};
/// use ringmq_platform::{Backend, Events, Interest, Token, Trigger};
/// use std::os::unix::io::AsFd;
/// # use std::process::Command;
///
/// # fn main() -> std::io::Result<()> {
/// let mut signals = Signals::new([Signal::USR1, Signal::TERM])?;
/// let mut poller = Backend::default().open()?;
/// poller.add(signals.as_fd(), Token(0), Interest::READABLE, Trigger::Level)?;
///
/// let kill = format!("kill -USR1 {}", std::process::id());
/// # let mut kill = Command::new("sh").args(["-c", &kill]).spawn()?;
/// let mut events = Events::with_capacity(8);
/// while events.is_empty() {
///     poller.wait(&mut events, None)?; // a signal ends a wait without events, the next one has them
/// }
/// signals.drain();
/// assert_eq!(signals.take(), Some(Signal::USR1));
/// assert_eq!(signals.take(), None);
/// # kill.wait()?;
/// # Ok(())
/// # }
/// ```
///
/// # What else becomes of a signal
/// While one is caught it has no other effect: SIGTERM does not end the program, and what it was set to before is not called. That is
/// restored when the last `Signals` for it is dropped, unless somebody else has set something since, which is left alone. (It is not
/// called from here as well, since two libraries that each called the other would never return.)
///
/// Who has set something of his own meanwhile may put back what he found, which is the handler of this, when no `Signals` is left. The
/// first signal that comes then sets it to the default, if that is what it was before all this, and takes effect by it; what would have
/// gone to another handler is lost.
///
/// System calls that a signal interrupts are restarted (`SA_RESTART`), where the system does so.
///
/// A signal that every thread blocks comes when one of them unblocks it. What has come and was not taken is gone when this is dropped.
///
/// # Fork
/// It belongs to the process that made it. A child of a fork still catches the signals, until it starts a program or drops its copy;
/// but what comes there is told to nobody, in the parent least of all. It may make some of its own. When another thread was making or
/// dropping `Signals` at the fork, the child does not know what was set before, and a dropped copy leaves the default.
///
/// A process is told from its parent by its number. Where a child in a PID namespace of its own (`unshare(2)`, `CLONE_NEWPID`) has the
/// very number of its parent in another, as two that are both the first in theirs, it is taken for the parent: it must not use its
/// copy, nor make `Signals` of its own.
#[derive(Debug)]
pub struct Signals {
    listener: Listener,
    receiver: WakeReceiver,
    /// What has come and was not taken yet.
    come: Set,
}

impl Signals {
    /// Catches these signals.
    ///
    /// # Errors
    /// `InvalidInput` for a signal that cannot be caught (SIGKILL, SIGSTOP), for one that tells of a fault in the program, from which no
    /// handler may return (SIGSEGV, SIGBUS, SIGFPE, SIGILL), and for a number that is no signal's or that the C library keeps to itself.
    /// `EMFILE`, `ENFILE`. On an error none of them is caught.
    pub fn new(signals: impl IntoIterator<Item = Signal>) -> io::Result<Signals> {
        let mut wanted = Set::default();
        for signal in signals {
            check(signal)?;
            wanted.insert(signal);
        }
        let (waker, receiver) = Waker::new()?;
        let listener = Listener::new(waker, wanted)?;
        Ok(Signals { listener, receiver, come: Set::default() })
    }

    /// Looks at what has come, makes the descriptor unreadable until something more does, and answers whether there is anything to
    /// [`take`](Self::take). Never blocks.
    pub fn drain(&mut self) -> bool {
        // A fork's child shares the descriptor, and would keep a signal of the parent's from it.
        if self.listener.is_of_this_process() {
            // In this order: what comes between the two is noted now, and makes the descriptor readable for nothing.
            self.receiver.drain();
            self.listener.collect(&mut self.come);
        }
        !self.come.is_empty()
    }

    /// One of the signals that had come when it was last drained, and not been taken; lower numbers first.
    pub fn take(&mut self) -> Option<Signal> {
        self.come.pop()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

/// Has the process ignore SIGPIPE, if that is at its default still, which is to end the process when it writes to a pipe or a socket that
/// nobody reads any more. The write is then an error, `BrokenPipe`, and nothing else.
///
/// Rust does so before `main`. It is for where `main` is not Rust's: a library in a program in another language. A handler that somebody
/// has set is left alone. A SIGPIPE that is caught by [`Signals`] stays so, and is ignored once it is caught no more.
///
/// Programs that this process starts ignore it as well, unless they are started by [`std::process::Command`], which restores the default.
///
/// # Errors
/// None that is known of: what `sigaction(2)` says.
pub fn ignore_sigpipe() -> io::Result<()> {
    handler::ignore_if_default(Signal::PIPE)
}

fn check(signal: Signal) -> io::Result<()> {
    let why = match signal {
        Signal::KILL | Signal::STOP => "cannot be caught",
        Signal::SEGV | Signal::BUS | Signal::FPE | Signal::ILL => {
            "tells of a fault in the program, after which it cannot go on to hear of it"
        }
        signal if !Set::has_room_for(signal) => "does not exist",
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{signal} {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_may_be_made_on_one_thread_and_heard_on_another() {
        fn is_send_and_sync<T: Send + Sync>() {}
        is_send_and_sync::<Signals>();
    }

    #[test]
    fn what_cannot_or_must_not_be_caught_is_refused_in_words() {
        let table = [
            (Signal::KILL, "SIGKILL cannot be caught"),
            (Signal::STOP, "SIGSTOP cannot be caught"),
            (Signal::from_raw(0), "signal 0 does not exist"),
            (Signal::from_raw(-1), "signal -1 does not exist"),
            (Signal::from_raw(129), "signal 129 does not exist"),
            (Signal::from_raw(i32::MIN), "signal -2147483648 does not exist"),
        ];
        for (signal, message) in table {
            let error = Signals::new([Signal::WINCH, signal]).unwrap_err();
            assert_eq!((error.kind(), &*error.to_string()), (io::ErrorKind::InvalidInput, message));
        }
        for signal in [Signal::SEGV, Signal::BUS, Signal::FPE, Signal::ILL] {
            let error = Signals::new([signal]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("a fault in the program"), "{error}");
        }
    }

    #[test]
    fn without_a_signal_nothing_is_ever_heard() {
        let mut signals = Signals::new([]).unwrap();
        assert!(!signals.drain());
        assert_eq!(signals.take(), None);
    }
}
