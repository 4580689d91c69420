//! A child process as a descriptor that becomes readable when it has exited.
//!
//! On Linux that is a pidfd, on systems with kqueue a kernel queue that watches nothing but the child. Where there is neither, and where
//! a sandbox or an old kernel refuses the pidfd, it is SIGCHLD, of which every such descriptor is told; each asks for its own child.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::process::{Child, ExitStatus};

use crate::signal::{Signal, Signals};
use crate::{WakeReceiver, Waker};

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "process/pidfd.rs")]
#[cfg_attr(
    any(
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_vendor = "apple"
    ),
    path = "process/kqueue.rs"
)]
mod watch;

use watch::Watch;

/// A child process, and a descriptor that is readable when it has exited.
///
/// Register it like any other, and when it is readable ask [`try_wait`](Self::try_wait). Only this child is waited for, never any other
/// of the process.
///
/// Dropping it neither kills the child nor waits for it, as with [`Child`]: it runs on, and when it has exited remains a zombie until
/// this process ends.
///
/// ```
/// use ringmq_platform::process::Process;
/// use ringmq_platform::{Backend, Events, Interest, Token, Trigger};
/// use std::os::unix::io::AsFd;
/// use std::process::Command;
///
/// # fn main() -> std::io::Result<()> {
/// let child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
/// let mut process = Process::new(child)?;
/// let mut poller = Backend::default().open()?;
/// poller.add(process.as_fd(), Token(0), Interest::READABLE, Trigger::Level)?;
///
/// let mut events = Events::with_capacity(8);
/// let status = loop {
///     poller.wait(&mut events, None)?;
///     if let Some(status) = process.try_wait()? {
///         break status;
///     }
/// };
/// assert_eq!(status.code(), Some(7));
/// # Ok(())
/// # }
/// ```
///
/// # Platform notes
/// Where it is SIGCHLD, that signal is caught, with all that [`Signals`] says of it: while somebody else has set it to something of
/// his own, or every thread blocks it, no exit is told. On Linux that is so before version 5.3, under valgrind, and in sandboxes
/// that do not know `pidfd_open(2)`.
#[derive(Debug)]
pub struct Process {
    child: Child,
    exit: Exit,
    /// How it has exited, or the `errno` that says that nobody can know. After either the child is not asked for again: its number may be
    /// that of another one by then.
    outcome: Option<Result<ExitStatus, i32>>,
    is_told: bool,
}

/// What becomes readable.
#[derive(Debug)]
enum Exit {
    /// The kernel watches it.
    Watched(Watch),
    /// It is asked for whenever some child has exited.
    Told(Signals),
    /// It had exited before: readable from the beginning.
    Known(WakeReceiver),
}

impl Process {
    /// Watches a child that was started, whether or not it has exited meanwhile.
    ///
    /// What is wanted of its pipes may be taken beforehand, or later from [`child_mut`](Self::child_mut).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`; `ECHILD` as for [`try_wait`](Self::try_wait). The child runs on, and is in the error: see
    /// [`WatchError`], which `?` turns into an [`io::Error`].
    pub fn new(mut child: Child) -> Result<Process, WatchError> {
        match Exit::of(&mut child) {
            Ok(exit) => Ok(Process { child, exit, outcome: None, is_told: false }),
            Err(error) => Err(WatchError { child, error }),
        }
    }

    /// How it has exited; `None` when it has not yet. Never blocks.
    ///
    /// The descriptor may be readable a moment before the status is to be had, or because another child has exited; it stays so, or is
    /// again when there is more to ask for. Once [`is_over`](Self::is_over), the answer stays the same.
    ///
    /// # Errors
    /// `ECHILD` when somebody else has waited for it, or the process ignores SIGCHLD: then nobody can know.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.outcome.is_none() {
            if let Exit::Told(signals) = &mut self.exit {
                // First this: who exits after the look makes it readable again.
                signals.drain();
                while signals.take().is_some() {}
            }
            self.outcome = match self.child.try_wait() {
                Ok(status) => status.map(Ok),
                Err(error) => Some(Err(error.raw_os_error().unwrap_or(libc::ECHILD))),
            };
        }
        self.outcome.map(|outcome| outcome.map_err(io::Error::from_raw_os_error)).transpose()
    }

    /// Whether [`try_wait`](Self::try_wait) has said how it has exited, or that nobody can know. The descriptor may stay readable then.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether [`tell_end`](Self::tell_end) has something to say.
    pub fn has_end_to_tell(&self) -> bool {
        self.is_over() && !self.is_told
    }

    /// Whether it is over, once: `false` again when it has been `true`. For who tells others of the end and is not the only one that asks
    /// [`try_wait`](Self::try_wait), as an event loop.
    pub fn tell_end(&mut self) -> bool {
        let is_end = self.has_end_to_tell();
        self.is_told |= is_end;
        is_end
    }

    /// The child.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// The child, to kill it, or to take its pipes.
    ///
    /// After a `try_wait` that has said that nobody can know (`ECHILD`), the child's number may be another process's: it must not be
    /// killed then, which [`Child`] itself does not know.
    pub fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The child alone, watched no more. As for [`child_mut`](Self::child_mut), it must not be killed when nobody can know how it has
    /// exited.
    pub fn into_child(self) -> Child {
        self.child
    }
}

/// A child that cannot be watched, and why not.
///
/// ```
/// use ringmq_platform::process::Process;
/// use std::process::Command;
///
/// # fn main() -> std::io::Result<()> {
/// let child = Command::new("true").spawn()?;
/// match Process::new(child) {
///     Ok(process) => drop(process), // to be registered
///     // No descriptor is left, perhaps. It is waited for as it would be without a loop.
///     Err(refused) => drop(refused.into_child().wait()?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WatchError {
    child: Child,
    error: io::Error,
}

impl WatchError {
    /// Why not.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// The child, which runs on; if it had exited before and was waited for, it knows its status.
    pub fn into_child(self) -> Child {
        self.child
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the child {} cannot be watched: {}", self.child.id(), self.error)
    }
}

impl Error for WatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Without the child, which is dropped and runs on.
impl From<WatchError> for io::Error {
    fn from(refused: WatchError) -> io::Error {
        refused.error
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.exit {
            Exit::Watched(watch) => watch.as_fd(),
            Exit::Told(signals) => signals.as_fd(),
            Exit::Known(receiver) => receiver.as_fd(),
        }
    }
}

impl Exit {
    fn of(child: &mut Child) -> io::Result<Exit> {
        // Once it has been waited for, its number may pass to another process.
        if child.try_wait()?.is_some() {
            return Exit::known();
        }
        match Watch::open(child.id()) {
            Ok(Some(watch)) => Ok(Exit::Watched(watch)),
            Ok(None) => Exit::told(child),
            // It has exited since: kqueue does not watch what has (NetBSD, OpenBSD), or only is about to (macOS, where it may be another
            // moment before it can be waited for). FreeBSD and DragonFly take it, and tell of it at once (their `filt_procattach`).
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Exit::known(),
            Err(error) => Err(error),
        }
    }

    fn told(child: &mut Child) -> io::Result<Exit> {
        let signals = Signals::new([Signal::CHLD])?;
        // Its signal may have come before anybody listened.
        match child.try_wait()? {
            Some(_) => Exit::known(),
            None => Ok(Exit::Told(signals)),
        }
    }

    fn known() -> io::Result<Exit> {
        let (waker, receiver) = Waker::new()?;
        waker.wake();
        Ok(Exit::Known(receiver))
    }
}
