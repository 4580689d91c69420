//! A child process on a loop: the platform's descriptor for its exit as a source, and the callback that goes with it.

use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::process::ExitStatus;

use super::context::Context;
use super::slab::Id;
use super::source::{Fire, Io, Source};
use super::work::Outcome;
use crate::platform::process::Process;
use crate::platform::{Interest, Ready};

/// [`Context::reap`] is the easy way to use it. A callback of one's own runs once, whoever has seen the end first, and
/// is told how it was by [`try_wait`](Process::try_wait).
impl Source for Process {
    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn interest(&self) -> Interest {
        if self.is_over() {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }

    /// Whoever reached it may have seen the end first, and its descriptor need not be readable any more.
    fn settle(&mut self) -> bool {
        self.has_end_to_tell()
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        // An error is an end as well, and kept for the callback.
        let _ = self.try_wait();
        self.tell_end().into()
    }
}

impl<S: 'static> Context<'_, S> {
    /// Puts a child process on the loop and calls `exited` once it has exited, or has before. By then it has been waited for, and is off
    /// the loop.
    ///
    /// It is called with an error when nobody can know how the child has exited: somebody else has waited for it, or the process ignores
    /// SIGCHLD. Its number may be another process's by then, so it must not be killed any more.
    ///
    /// Until then [`get_mut`](Self::get_mut) reaches the child, to [`kill`](std::process::Child::kill) it for instance. When the process
    /// is removed, or the loop dropped, the child runs on, and nobody waits for it. Its pipes are no part of this: what is wanted of them
    /// is to be taken before.
    ///
    /// ```
    /// use ringmq::{Process, Reactor};
    /// use std::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// reactor.context().reap(Process::new(child)?, |code: &mut Option<i32>, context, exited| {
    ///     *code = exited.ok().and_then(|status| status.code());
    ///     context.stop();
    /// })?;
    /// let mut code = None;
    /// reactor.run(&mut code)?;
    /// assert_eq!(code, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn reap<R: Outcome + 'static>(
        &mut self,
        process: Process,
        exited: impl FnOnce(&mut S, &mut Context<'_, S>, io::Result<ExitStatus>) -> R + 'static,
    ) -> io::Result<Id<Process>> {
        let mut exited = Some(exited);
        self.add(process, move |state, context, id| {
            // None yet when it was fired by somebody else.
            let end = context.get_mut(id).and_then(|process| process.try_wait().transpose());
            match end {
                Some(end) => {
                    context.remove(id);
                    let exited = exited.take().expect("it is called once, being off the loop then");
                    exited(state, context, end).error().map_or(Ok(()), Err)
                }
                None => Ok(()),
            }
        })
    }
}
