//! A loop to a deadline, to its end in good order, and inside another loop.

use std::io;
use std::os::unix::io::BorrowedFd;
use std::time::{Duration, Instant};

use super::core::Core;
use super::Reactor;
use crate::platform::Poller;

impl<S: 'static> Reactor<S> {
    /// Turns until `deadline` has passed, or until it is stopped as [`run`](Self::run) is; answers whether it was stopped. It is one
    /// turn at the least, which does not wait if the deadline has passed already.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::{Duration, Instant};
    ///
    /// let mut reactor = ringmq::Reactor::new()?;
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// assert!(!reactor.run_until(&mut (), deadline)?);
    /// assert!(Instant::now() >= deadline);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`turn`](Self::turn).
    ///
    /// # Panics
    /// As for [`turn`](Self::turn).
    pub fn run_until(&mut self, state: &mut S, deadline: Instant) -> io::Result<bool> {
        loop {
            self.turn_for(state, |core| Some(deadline.saturating_duration_since(core.poller.now())))?;
            if self.take_stop() {
                return Ok(true);
            }
            if self.core.poller.now() >= deadline {
                return Ok(false);
            }
        }
    }

    /// Comes to an end in good order: runs what is queued and what is there already, tasks of other threads and input among it; has
    /// every source [`finish`](crate::Source::finish); and turns until all of them have, `within` has passed, or it is stopped. Answers
    /// whether all have finished.
    ///
    /// So a listener accepts no more, and a stream sends what is queued, within this time, before its peer is told of the end; what is
    /// sent from here on is refused. Callbacks and timers run on, and what the sources have fired as they finished is run at the end.
    /// Sources that are added meanwhile are not waited for. The sources stay on the loop: who has connected to a listener and was not
    /// accepted waits until that is dropped, so a server that hands over to another [removes](crate::Context::remove) its listeners first.
    ///
    /// That a stream has finished says that the kernel has all of it. A connection that is closed with input unread, or whose peer
    /// still talks, is reset by the kernel, and what the peer has not read yet is lost with it (RFC 2525, section 2.17): for
    /// connections of which that is to be feared there is [`Context::finish`](crate::Context::finish), before.
    ///
    /// ```
    /// use ringmq::{Reactor, Stream};
    /// use std::{io::Read, os::unix::net::UnixStream, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// let mut stream = Stream::new(far, &context.memory())?;
    /// stream.send(b"a last word").unwrap();
    /// context.add(stream, |_: &mut (), _, _| ())?;
    /// assert!(reactor.drain(&mut (), Duration::from_secs(5))?);
    /// drop(reactor);
    /// let mut heard = String::new();
    /// near.read_to_string(&mut heard)?;
    /// assert_eq!(heard, "a last word");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`turn`](Self::turn).
    ///
    /// # Panics
    /// As for [`turn`](Self::turn).
    pub fn drain(&mut self, state: &mut S, within: Duration) -> io::Result<bool> {
        let deadline = self.core.poller.now().checked_add(within);
        let has_finished = self.drain_until(state, deadline);
        // A stop that came meanwhile has ended this, and not the next run.
        self.take_stop();
        has_finished
    }

    fn drain_until(&mut self, state: &mut S, deadline: Option<Instant>) -> io::Result<bool> {
        // The first turn hears other threads, and reads what is there.
        self.turn(state, Some(Duration::ZERO))?;
        self.run_queued(state)?;
        let mut unfinished = self.core.finish_all();
        loop {
            self.core.retain_unfinished(&mut unfinished);
            if unfinished.is_empty() {
                self.run_queued(state)?;
                return Ok(true);
            }
            let left = |core: &Core<S>| deadline.map(|end| end.saturating_duration_since(core.poller.now()));
            if self.take_stop() || left(&self.core) == Some(Duration::ZERO) {
                return Ok(false);
            }
            self.turn_for(state, |core| {
                // A callback may have removed the last of them, and then there is nothing to wait for.
                core.retain_unfinished(&mut unfinished);
                match unfinished.is_empty() {
                    true => Some(Duration::ZERO),
                    false => left(core),
                }
            })?;
        }
    }

    /// Turns, without waiting, until what is queued now has run.
    fn run_queued(&mut self, state: &mut S) -> io::Result<()> {
        for _ in 0..self.core.turns_for_queued() {
            self.turn(state, Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// The descriptor by which another loop can wait for this one: readable when an event is there for a [`turn`](Self::turn) to
    /// handle. `None` on poll and select, which have none.
    ///
    /// Everything that changed since the last turn has been told to the kernel when it is handed out. It is the same one for as long
    /// as the reactor lives. Timers and queued work do not make it readable: [`next_deadline`](Self::next_deadline) tells of those.
    /// A kqueue may be readable once more after its events were handled, until it is asked again: it keeps what it has reported on
    /// its list (FreeBSD's `kqueue_scan`).
    ///
    /// ```
    /// use ringmq::{Listener, Reactor};
    /// use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
    /// use std::{net::TcpStream, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut reactor = Reactor::new()?;
    /// let listener = Listener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// reactor.context().listen(listener, |count: &mut u32, _, _| *count += 1)?;
    ///
    /// let mut count = 0;
    /// let _client = TcpStream::connect(address)?;
    /// while count == 0 {
    ///     // The other loop: here a plain poll(2) of the one descriptor.
    ///     let now = std::time::Instant::now();
    ///     let timeout = reactor.next_deadline().map(|deadline| deadline.saturating_duration_since(now));
    ///     if let Some(fd) = reactor.fd()? {
    ///         let timeout = timeout.map_or(PollTimeout::NONE, |t| PollTimeout::try_from(t).unwrap_or(PollTimeout::MAX));
    ///         poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout)?;
    ///     }
    ///     reactor.turn(&mut count, Some(Duration::ZERO))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the kernel says of a change of interest; the next turn tries again.
    pub fn fd(&mut self) -> io::Result<Option<BorrowedFd<'_>>> {
        self.core.settle()?;
        Ok(self.core.poller.as_fd())
    }

    /// Until when another loop may wait on [`fd`](Self::fd) before the next [`turn`](Self::turn) is due; `None`: for as long as nothing
    /// happens. A time that has come: at once, since callbacks are queued, say, or bytes are prepared.
    ///
    /// To be asked before every wait. It tells the kernel what has changed, as `fd` does. With timers that were reset it may be
    /// earlier than the first timer, and a turn then finds nothing to do.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        self.core.next_deadline()
    }
}
