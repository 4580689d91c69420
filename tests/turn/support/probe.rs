//! A source that notes what it is asked, and otherwise does as it is told.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use ringmq::platform::{Interest, Ready};
use ringmq::{Fire, Io, Source};

use super::Journal;

/// A source on a socket. Unless told otherwise it waits for input, reads none, and fires: ready once, it is ready at every turn.
pub struct Probe {
    pub socket: UnixStream,
    pub interest: Interest,
    pub is_prepared: bool,
    pub drains: bool,
    pub fire: Fire,
    pub journal: Journal,
    pub notes: Rc<ProbeNotes>,
}

/// What it was asked; outlives it.
#[derive(Default, Debug)]
pub struct ProbeNotes {
    pub responses: RefCell<Vec<Ready>>,
    pub settle_count: Cell<usize>,
    pub interest_count: Cell<usize>,
}

impl Probe {
    pub fn new(socket: UnixStream) -> Probe {
        Probe {
            socket,
            interest: Interest::READABLE,
            is_prepared: false,
            drains: false,
            fire: Fire::Yes,
            journal: Journal::default(),
            notes: Rc::default(),
        }
    }

    /// Reads what has come, so that it is ready once for each time that something comes.
    pub fn draining(socket: UnixStream) -> Probe {
        Probe { drains: true, ..Probe::new(socket) }
    }

    /// Notes `respond` in a journal as well.
    pub fn noting(socket: UnixStream, journal: &Journal) -> Probe {
        Probe { journal: journal.clone(), ..Probe::new(socket) }
    }

    /// What it was asked; the notes outlive it.
    pub fn notes(&self) -> Rc<ProbeNotes> {
        Rc::clone(&self.notes)
    }

    pub fn raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl ProbeNotes {
    pub fn response_count(&self) -> usize {
        self.responses.borrow().len()
    }

    pub fn take_responses(&self) -> Vec<Ready> {
        self.responses.take()
    }
}

impl Source for Probe {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        self.notes.interest_count.set(self.notes.interest_count.get() + 1);
        self.interest
    }

    fn settle(&mut self) -> bool {
        self.notes.settle_count.set(self.notes.settle_count.get() + 1);
        std::mem::take(&mut self.is_prepared)
    }

    fn respond(&mut self, ready: Ready, _io: &mut Io) -> Fire {
        self.journal.note("respond");
        self.notes.responses.borrow_mut().push(ready);
        let mut sink = [0; 1024];
        while self.drains && self.socket.read(&mut sink).map_or(false, |len| len > 0) {}
        self.fire
    }
}
