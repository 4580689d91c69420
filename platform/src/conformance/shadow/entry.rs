//! One registration of a `Shadow`, and where what its two pollers say of it differs.

use std::os::unix::io::RawFd;

use crate::conformance::support::{asked, witness, PROMISES};
use crate::conformance::system::{self, Identity};
use crate::{Interest, Ready, Token, Trigger};

/// A registration, and what either poller has said of it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Under which token the pollers know it; differs from that of every earlier one of the number.
    pub serial: u32,
    pub wish: Wish,
    /// What the number named when it was registered.
    pub identity: Option<Identity>,
    /// Whether the descriptor was found to be closed, or another: then only the first poller counts.
    pub is_astray: bool,
    pub sides: [Side; 2],
    /// Of a one-shot or an edge, what the caller has not been told yet.
    pub due: Ready,
}

/// What a caller wants of a registration.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub token: Token,
    pub interest: Interest,
    pub trigger: Trigger,
}

/// What one poller has said of a registration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    /// On level: at the last look. One-shot: when it fired. Edge: of what holds still.
    pub told: Ready,
    pub has_fired: bool,
    /// At which look it was reported last.
    pub look: u64,
}

impl Entry {
    /// What either says that the other does not, as far as it counts.
    pub fn difference(&self, number: RawFd) -> [Ready; 2] {
        let told = self.sides.map(|side| asked(side.told, self.wish.interest));
        let fired = self.sides.map(|side| side.has_fired);
        let mut difference = [told[0].without(told[1]), told[1].without(told[0])];
        if difference == [Ready::NONE; 2] {
            return difference;
        }
        let mut counting = PROMISES.without(system::missing_directions(number));
        // What was told once cannot be asked again: it counts while it still holds.
        if self.wish.trigger == Trigger::Edge || fired[0] != fired[1] {
            counting = counting & witness(&system::number(number));
        }
        difference.iter_mut().for_each(|more| *more = *more & counting);
        difference
    }
}

/// The token under which the pollers know a registration.
pub fn inner_token(number: RawFd, serial: u32) -> Token {
    Token(u64::from(serial) << 32 | u64::from(number as u32))
}
