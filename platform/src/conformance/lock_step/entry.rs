//! One registration of a poller in a play: what has to be reported of it, and what may be.

use super::model::{File, Model};
use crate::conformance::support::{asked, PROMISES};
use crate::{Backend, Interest, Ready, Token, Trigger};

/// One registration.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub token: Token,
    pub interest: Interest,
    pub trigger: Trigger,
    /// False once a one-shot has fired.
    pub is_armed: bool,
    /// Of an edge: what began to hold and has not been reported since.
    pub owed: Ready,
    /// What the slot held when it was registered.
    pub file: File,
    pub astray: Option<Astray>,
}

/// What is known of a registration whose descriptor was closed behind the poller's back.
#[derive(Clone, Copy, Debug)]
pub struct Astray {
    /// Whether the poller was asked since, with room for all events, while the number was closed.
    pub is_noticed: bool,
    /// What took the number before that: poll and select may take it for what was registered, and kqueue where pipes have no numbers.
    pub successor: Option<File>,
    /// A file that had been left behind under the number earlier, and that the number names again: epoll takes what it still has of that
    /// for what was registered.
    pub reappeared: Option<File>,
}

/// What a poller waits with.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    pub backend: Backend,
    /// Whether every pipe can be told from one that was closed under its number.
    pub has_numbered_pipes: bool,
}

/// What a registration is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub slot: u8,
    pub interest: Interest,
    pub trigger: Trigger,
}

impl Entry {
    /// What has to be reported.
    pub fn must(&self, ready: Ready) -> Ready {
        match self.trigger {
            _ if self.astray.is_some() || !self.is_armed => Ready::NONE,
            Trigger::Edge => self.owed,
            Trigger::Level | Trigger::OneShot => asked(ready, self.interest),
        }
    }

    /// What may be reported.
    pub fn possible(&self, kernel: Kernel, model: &Model, ready: Ready) -> Ready {
        let found = match (self.astray, kernel.backend) {
            _ if !self.is_armed => Ready::NONE,
            (None, _) => ready,
            // It goes on with a file that was closed under this number and is still open under another.
            (Some(astray), Backend::Epoll) => {
                model.ready(self.file) | astray.reappeared.map_or(Ready::NONE, |file| model.ready(file))
            }
            // They take what they find under the number for what was registered. What is said of a direction that this one has not
            // differs.
            (Some(Astray { successor: Some(file), .. }), Backend::Poll | Backend::Select) => {
                let taken_for = model.ready(file);
                if taken_for.is_none() {
                    taken_for
                } else {
                    PROMISES
                }
            }
            // A pipe without a reader, which the kernel does not watch, is known by its number alone.
            (Some(Astray { successor: Some(_), .. }), Backend::Kqueue) if !kernel.has_numbered_pipes => {
                PROMISES
            }
            (Some(_), _) => Ready::NONE,
        };
        asked(found, self.interest)
    }

    /// What may be told beyond that: what is true, and that no more comes to who reads.
    pub fn hints(&self, model: &Model) -> Ready {
        let hints = model.hints(self.file);
        if self.interest.is_readable() {
            hints
        } else {
            hints.without(Ready::READ_CLOSED)
        }
    }

    pub fn told(&self) -> String {
        let state = match self.astray {
            _ if !self.is_armed => ", which has fired",
            Some(_) => ", which was closed without delete",
            None => "",
        };
        format!("registered as {:?} {:?}{state}", self.interest, self.trigger)
    }
}
