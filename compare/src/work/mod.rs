//! What contestants are asked to do, of what size and how often: the same for all.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use crate::peers::Contestant;

mod child;
mod client;
mod count;
mod measure;

pub use child::run as play;
pub use count::count;
pub use measure::{count_all, measure, Plan};

/// A work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    PingPong,
    FanIn,
    IdleMemory,
    ChainIdle,
    ChainActive,
    Churn,
    /// To insert, to cancel and to fire, which are told of by themselves.
    Timers,
    TimerReset,
    Post,
    Wake,
}

/// A work of some size, to be done so often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    pub kind: Kind,
    /// Connections, pipes, active ones, timers: see [`Kind::sizes`].
    pub size: u64,
    /// Round trips in all, hops, registrations, resets, tasks, wakes.
    pub count: u64,
}

/// How long a message is.
pub const MESSAGE_LEN: usize = 64;
/// How many pipes there are when it is the active ones that differ.
pub const CHAIN_LEN: u64 = 1000;
const FAN_IN: u64 = 100;

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::PingPong,
        Kind::FanIn,
        Kind::IdleMemory,
        Kind::ChainIdle,
        Kind::ChainActive,
        Kind::Churn,
        Kind::Timers,
        Kind::TimerReset,
        Kind::Post,
        Kind::Wake,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::PingPong => "ping-pong",
            Kind::FanIn => "fan-in",
            Kind::IdleMemory => "idle-memory",
            Kind::ChainIdle => "chain-idle",
            Kind::ChainActive => "chain-active",
            Kind::Churn => "churn",
            Kind::Timers => "timers",
            Kind::TimerReset => "timer-reset",
            Kind::Post => "post",
            Kind::Wake => "wake",
        }
    }

    /// The sizes that it is done in: how many descriptors a process may have decides about the largest.
    pub fn sizes(self, is_quick: bool, is_large: bool, descriptor_limit: u64) -> Vec<u64> {
        match self {
            Kind::PingPong => vec![1],
            Kind::FanIn => vec![FAN_IN],
            Kind::IdleMemory => vec![if is_quick { 1000 } else { 10_000 }],
            // Two descriptors a pipe, and a few besides.
            Kind::ChainIdle => {
                let most = descriptor_limit.saturating_sub(64) / 2;
                let mut sizes = vec![10, 100, 1000];
                sizes.extend(if is_quick { &[5000][..] } else { &[3000, 9900] });
                if is_large {
                    sizes.push(most);
                }
                sizes.iter_mut().for_each(|size| *size = most.min(*size));
                sizes.sort_unstable();
                sizes.dedup();
                sizes
            }
            Kind::ChainActive => vec![1, 10, 100],
            Kind::Churn => vec![1000],
            Kind::Timers => vec![if is_quick { 100_000 } else { 1_000_000 }],
            Kind::TimerReset => vec![10_000],
            Kind::Post | Kind::Wake => vec![1],
        }
    }

    /// How often, for a contestant; fewer times for one that looks at each descriptor at each turn.
    pub fn count(self, size: u64, is_quick: bool, scans: bool) -> u64 {
        let full = match self {
            Kind::PingPong => 20_000,
            Kind::FanIn => 20_000,
            Kind::IdleMemory | Kind::Timers => 1,
            Kind::ChainIdle | Kind::ChainActive if scans => {
                let pipes = if self == Kind::ChainIdle { size } else { CHAIN_LEN };
                (5_000_000 / pipes).clamp(1000, 100_000)
            }
            Kind::ChainIdle | Kind::ChainActive => 100_000,
            Kind::Churn => 100_000,
            Kind::TimerReset => 2_000_000,
            Kind::Post => 1_000_000,
            Kind::Wake => 2000,
        };
        if is_quick {
            (full / 10).max(1)
        } else {
            full
        }
    }

    /// How often in the two runs that are compared to count instructions and system calls; `None` for what cannot be counted so.
    pub fn counted(self, scans: bool) -> Option<[u64; 2]> {
        match self {
            Kind::PingPong => Some([1000, 4000]),
            Kind::FanIn => Some([1000, 5000]),
            Kind::ChainIdle | Kind::ChainActive if scans => Some([500, 1500]),
            Kind::ChainIdle | Kind::ChainActive => Some([2000, 12_000]),
            Kind::Churn => Some([1000, 6000]),
            Kind::TimerReset => Some([10_000, 60_000]),
            // Others are threads, whose instructions are not the loop's; or have no number that could differ.
            Kind::IdleMemory | Kind::Timers | Kind::Post | Kind::Wake => None,
        }
    }

    /// Whether it comes to the same each time.
    pub fn is_exact(self) -> bool {
        self == Kind::IdleMemory
    }

    /// Whether a client in another process plays with it.
    pub fn has_clients(self) -> bool {
        matches!(self, Kind::PingPong | Kind::FanIn | Kind::IdleMemory | Kind::Churn)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Kind, String> {
        let names = Kind::ALL.map(Kind::name).join(", ");
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or(format!("no work {name}: there are {names}"))
    }
}

impl Job {
    /// What this program is to be told so that it has a contestant do it.
    pub fn arguments(self, contestant: &dyn Contestant) -> Vec<OsString> {
        let [size, count] = [self.size, self.count].map(|number| number.to_string());
        ["play", self.kind.name(), contestant.name(), &size, &count].map(OsString::from).to_vec()
    }

    /// How many connections it is for.
    pub fn connections(self) -> usize {
        if self.kind.has_clients() {
            self.size as usize
        } else {
            0
        }
    }
}

/// What went wrong, as the commands tell it.
pub type Fallible<T> = Result<T, Box<dyn Error>>;
