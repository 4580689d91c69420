//! A poller that is chosen when the program runs, of which the one that most programs have is no pointer away.

use std::io;
use std::os::unix::io::BorrowedFd;
use std::time::{Duration, Instant};

use crate::{Backend, Event, Events, Interest, Poller, Token, Trigger};

/// A poller of any kind, to own.
///
/// It stands for a `Box<dyn Poller>`, and differs from it in one thing: what is asked of epoll is compiled into who asks it.
///
/// ```
/// use ringmq_platform::{AnyPoller, Backend, Events, Interest, Poller, Token, Trigger};
/// use std::os::unix::{io::AsFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poller = AnyPoller::open(Backend::default())?;
/// let (left, _right) = UnixStream::pair()?;
/// poller.add(left.as_fd(), Token(1), Interest::WRITABLE, Trigger::Level)?;
///
/// let mut events = Events::with_capacity(8);
/// poller.wait(&mut events, None)?;
/// assert_eq!(events.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AnyPoller(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll(crate::Epoll),
    Other(Box<dyn Poller>),
}

impl AnyPoller {
    /// Opens a poller of this kind.
    ///
    /// # Errors
    /// As for [`Backend::open`].
    pub fn open(backend: Backend) -> io::Result<AnyPoller> {
        Ok(AnyPoller(match backend {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Backend::Epoll => Kind::Epoll(crate::Epoll::new()?),
            _ => Kind::Other(backend.open()?),
        }))
    }

    /// Opens a poller on the best backend of this system.
    ///
    /// As `open(Backend::default())`, but on Linux and Android a program that opens pollers by nothing else has no other backend linked
    /// into it.
    ///
    /// # Errors
    /// As for [`Backend::open`].
    pub fn best() -> io::Result<AnyPoller> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let kind = Kind::Epoll(crate::Epoll::new()?);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let kind = Kind::Other(Backend::default().open()?);
        Ok(AnyPoller(kind))
    }

    /// As [`wait`](Poller::wait), but an event that is the only one may come back, and `events` be left as it is.
    ///
    /// # Errors
    /// The same.
    #[inline(always)] // it is short where it is not a call
    pub fn wait_for_one(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<Option<Event>> {
        match &mut self.0 {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Epoll(epoll) => epoll.wait_for_one(events, timeout),
            Kind::Other(poller) => poller.wait(events, timeout).map(|()| only(events)),
        }
    }

    /// As [`wait_for_one`](Self::wait_for_one), for so long from `start` on, which is a fresh reading of [`now`](Poller::now): where the
    /// poller is epoll it reads no other clock than that.
    ///
    /// # Errors
    /// The same.
    #[inline]
    pub fn wait_for_one_from(
        &mut self,
        events: &mut Events,
        start: Instant,
        timeout: Duration,
    ) -> io::Result<Option<Event>> {
        match &mut self.0 {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Epoll(epoll) => epoll.wait_for_one_from(events, start, timeout),
            Kind::Other(poller) => {
                // The clock of any other may be its own.
                let _ = start;
                poller.wait(events, Some(timeout)).map(|()| only(events))
            }
        }
    }
}

/// The event that is the only one.
#[inline]
fn only(events: &Events) -> Option<Event> {
    events.get(0).filter(|_| events.len() == 1)
}

impl From<Box<dyn Poller>> for AnyPoller {
    fn from(poller: Box<dyn Poller>) -> AnyPoller {
        AnyPoller(Kind::Other(poller))
    }
}

/// Asks whichever it is, by its type: through a table of all its methods, those that nobody calls would be linked as well.
macro_rules! ask {
    ($kind:expr, $poller:ident => $question:expr) => {
        match $kind {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Kind::Epoll($poller) => $question,
            Kind::Other($poller) => $question,
        }
    };
}

impl Poller for AnyPoller {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        ask!(&mut self.0, poller => poller.add(fd, token, interest, trigger))
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        ask!(&mut self.0, poller => poller.modify(fd, token, interest, trigger))
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        ask!(&mut self.0, poller => poller.delete(fd))
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        ask!(&mut self.0, poller => poller.wait(events, timeout))
    }

    fn backend(&self) -> Backend {
        ask!(&self.0, poller => poller.backend())
    }

    fn supports(&self, trigger: Trigger) -> bool {
        ask!(&self.0, poller => poller.supports(trigger))
    }

    fn now(&self) -> Instant {
        ask!(&self.0, poller => poller.now())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        ask!(&self.0, poller => poller.as_fd())
    }

    fn stale_count(&self) -> u64 {
        ask!(&self.0, poller => poller.stale_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_the_backend_that_was_asked_for() {
        for &backend in Backend::ALL {
            match AnyPoller::open(backend) {
                Ok(poller) => assert_eq!((poller.backend(), backend.is_available()), (backend, true)),
                Err(error) => {
                    assert_eq!((error.kind(), backend.is_available()), (io::ErrorKind::Unsupported, false));
                }
            }
        }
        let best = AnyPoller::best().expect("nothing forbids it here");
        assert_eq!(best.backend(), Backend::default());
        let boxed = Backend::Select.open().expect("every system has it");
        assert_eq!(AnyPoller::from(boxed).backend(), Backend::Select);
    }
}
