//! Signals on a loop: the platform's descriptor for them as a source, and the callback that goes with it.

use std::io;
use std::os::unix::io::{AsFd, BorrowedFd};

use super::context::Context;
use super::slab::Id;
use super::source::{Fire, Io, Source};
use super::work::Outcome;
use crate::platform::signal::{Signal, Signals};
use crate::platform::{Interest, Ready};

/// [`Context::catch_signals`] is the easy way to use it. A callback of one's own calls [`take`](Signals::take) until it says `None`.
impl Source for Signals {
    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn interest(&self) -> Interest {
        Interest::READABLE
    }

    fn respond(&mut self, _ready: Ready, _io: &mut Io) -> Fire {
        self.drain().into()
    }
}

impl<S: 'static> Context<'_, S> {
    /// Puts signals on the loop and calls `caught` for each that comes: in phase 1 and on the loop's thread, as any other callback, so
    /// that it may do what it likes. A burst of one signal is one call.
    ///
    /// Until they are removed these signals have no other effect: SIGTERM does not end the program. See [`Signals`].
    ///
    /// ```
    /// use ringmq::{Reactor, Signal, Signals};
    /// # use std::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let signals = Signals::new([Signal::INT, Signal::TERM])?;
    /// reactor.context().catch_signals(signals, |last: &mut Option<Signal>, context, signal| {
    ///     *last = Some(signal);
    ///     context.stop();
    /// })?;
    ///
    /// let kill = format!("kill -TERM {}", std::process::id());
    /// # let mut kill = Command::new("sh").args(["-c", &kill]).spawn()?;
    /// let mut last = None;
    /// reactor.run(&mut last)?;
    /// assert_eq!(last, Some(Signal::TERM));
    /// # kill.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn catch_signals<R: Outcome + 'static>(
        &mut self,
        signals: Signals,
        mut caught: impl FnMut(&mut S, &mut Context<'_, S>, Signal) -> R + 'static,
    ) -> io::Result<Id<Signals>> {
        self.add(signals, move |state, context, id| {
            // Looked up anew each time: the callback may remove them.
            while let Some(signal) = context.get_mut(id).and_then(Signals::take) {
                if let Some(error) = caught(state, context, signal).error() {
                    return Err(error);
                }
            }
            Ok(())
        })
    }
}
