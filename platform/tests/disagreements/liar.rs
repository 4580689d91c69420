//! A poller that is wrong in one way, which its maker chooses, or that somebody meddles with.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::io::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq_platform::{Backend, Event, Events, Interest, Poller, Ready, Token, Trigger};

use super::{opened, Boxed};

/// A backend that lies.
#[derive(Debug)]
pub struct Liar {
    poller: Boxed,
    lie: Lie,
    event_count: u32,
    has_lied: bool,
    /// Acts at the next wait, and then no more.
    pub meddler: Option<Meddler>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    Nothing,
    /// No event at all.
    Silence,
    /// The third event, whatever it is.
    OneMissing,
    /// That it is writable too.
    TooMuch,
    /// That there is something, and not what.
    Emptiness,
    /// That it is writable too, of what was asked for.
    Writable,
    /// Errors of a kind that nobody expects.
    WrongKind,
    /// That the kernel refuses what it takes, with this errno.
    Refusal(i32),
    /// That a stranger was deleted.
    Success,
    /// What happens to a registration that it should have deleted.
    Gone,
    /// The same thing twice.
    Twice,
    /// One-shots, over and over.
    Repeats,
    /// That it cannot wait, for this reason.
    NoWait(i32),
    /// That there is no room to change anything, once.
    NoRoomOnce,
}

/// Somebody else, who acts at a connection right before a poller is asked and right after.
#[derive(Debug)]
pub struct Meddler {
    pub near: UnixStream,
    pub far: UnixStream,
    pub before: Deed,
    pub after: Deed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    Nothing,
    /// Sends a byte to the far end.
    Write,
    /// Reads what came there.
    Drain,
}

impl Meddler {
    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Nothing => {}
            Deed::Write => self.near.write_all(b"x").expect("write a byte"),
            Deed::Drain => while self.far.read(&mut [0; 64]).is_ok() {},
        }
    }
}

impl Liar {
    pub fn new(backend: Backend, lie: Lie) -> Liar {
        Liar { poller: opened(backend), lie, event_count: 0, has_lied: false, meddler: None }
    }

    fn told(&self, result: io::Result<()>) -> io::Result<()> {
        match (self.lie, result) {
            (Lie::WrongKind, Err(_)) => Err(ErrorKind::InvalidInput.into()),
            (Lie::Success, Err(_)) => Ok(()),
            (Lie::Refusal(errno), Ok(())) => Err(io::Error::from_raw_os_error(errno)),
            (_, result) => result,
        }
    }
}

impl Poller for Liar {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let repeats = self.lie == Lie::Repeats;
        let result = self.poller.add(fd, token, interest, if repeats { Trigger::Level } else { trigger });
        self.told(result)
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        if self.lie == Lie::NoRoomOnce && !std::mem::replace(&mut self.has_lied, true) {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        let result = self.poller.modify(fd, token, interest, trigger);
        self.told(result)
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        if self.lie == Lie::Gone {
            return Ok(());
        }
        let result = self.poller.delete(fd);
        self.told(result)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        if let Lie::NoWait(errno) = self.lie {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let mut meddler = self.meddler.take();
        if let Some(meddler) = &mut meddler {
            meddler.act(meddler.before);
        }
        self.poller.wait(events, timeout)?;
        if let Some(meddler) = &mut meddler {
            meddler.act(meddler.after);
        }
        let found: Vec<Event> = events.iter().copied().collect();
        events.clear();
        for Event { token, mut ready } in found {
            self.event_count += 1;
            match self.lie {
                Lie::Silence => continue,
                Lie::OneMissing if self.event_count == 3 => continue,
                Lie::TooMuch | Lie::Writable => ready |= Ready::WRITABLE,
                Lie::Emptiness => ready = Ready::NONE,
                Lie::Twice => drop(events.push(Event { token, ready })),
                _ => {}
            }
            events.push(Event { token, ready });
        }
        Ok(())
    }

    fn backend(&self) -> Backend {
        self.poller.backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        self.poller.supports(trigger)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stale_count(&self) -> u64 {
        self.poller.stale_count()
    }
}
