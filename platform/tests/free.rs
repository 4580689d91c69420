//! A poller that makes use of every freedom that the contract leaves passes the conformance kit: no case asks for more than is promised.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use ringmq_platform::conformance::system::{self, Identity};
use ringmq_platform::{Backend, Event, Events, Interest, Poller, Ready, Token, Trigger};

/// epoll, as sparing with hints and as generous with edges as the contract lets it be: it tells no hint, and of each edge that goes on
/// it tells once more.
#[derive(Debug)]
struct Free {
    sound: Box<dyn Poller>,
    edges: Vec<Edge>,
}

/// A registration on edge.
#[derive(Clone, Copy, Debug)]
struct Edge {
    fd: RawFd,
    token: Token,
    interest: Interest,
    /// What the number named when it was registered.
    identity: Option<Identity>,
    /// Whether it was reported, and is to be once more.
    is_due: bool,
    is_second: bool,
}

impl Free {
    fn open() -> io::Result<Free> {
        Ok(Free { sound: Backend::Epoll.open()?, edges: Vec::new() })
    }

    fn note(&mut self, fd: RawFd, token: Token, interest: Interest, trigger: Trigger) {
        self.edges.retain(|edge| edge.fd != fd);
        if trigger == Trigger::Edge {
            let identity = system::identity(fd);
            self.edges.push(Edge { fd, token, interest, identity, is_due: false, is_second: false });
        }
    }

    /// Arms again what was reported, which epoll then reports if it still holds.
    fn repeat(&mut self) -> io::Result<()> {
        let is_there = |edge: &Edge| edge.identity == system::identity(edge.fd);
        for edge in self.edges.iter_mut().filter(|edge| edge.is_due && is_there(edge)) {
            self.sound.modify(system::number(edge.fd), edge.token, edge.interest, Trigger::Edge)?;
            (edge.is_due, edge.is_second) = (false, true);
        }
        Ok(())
    }
}

impl Poller for Free {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.sound.add(fd, token, interest, trigger)?;
        self.note(fd.as_raw_fd(), token, interest, trigger);
        Ok(())
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        self.sound.modify(fd, token, interest, trigger)?;
        self.note(fd.as_raw_fd(), token, interest, trigger);
        Ok(())
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.sound.delete(fd)?;
        self.edges.retain(|edge| edge.fd != fd.as_raw_fd());
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.repeat()?;
        self.sound.wait(events, timeout)?;
        let found: Vec<Event> = events.iter().copied().collect();
        events.clear();
        for Event { token, ready } in found {
            for edge in self.edges.iter_mut().filter(|edge| edge.token == token) {
                edge.is_due = !edge.is_second;
                edge.is_second = false;
            }
            events
                .push(Event { token, ready: ready & (Ready::READABLE | Ready::WRITABLE | Ready::PRIORITY) });
        }
        Ok(())
    }

    fn backend(&self) -> Backend {
        self.sound.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.sound.supports(trigger)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.sound.as_fd()
    }

    fn stale_count(&self) -> u64 {
        self.sound.stale_count()
    }
}

ringmq_platform::conformance!(
    free,
    Free::open,
    ignored(not(any(target_os = "linux", target_os = "android")), "epoll: this system does not have it")
);
