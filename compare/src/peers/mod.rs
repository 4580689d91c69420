//! Contestants: event loops that are given the same work, each in a file of its own.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use ringmq::platform::Backend;

#[cfg(feature = "peers")]
mod calloop;
mod chain;
#[cfg(target_os = "linux")]
pub mod hand;
#[cfg(feature = "peers")]
mod libraries;
#[cfg(feature = "peers")]
mod mio;
mod ours;
mod pace;
#[cfg(feature = "peers")]
mod polling;
mod scan;
#[cfg(test)]
mod tests;
#[cfg(feature = "peers")]
mod tokio;

pub use chain::Chain;

/// What a read takes at once at the most.
pub const READ_LEN: usize = 16 * 1024;
/// How often something is done between two turns that do not wait.
const CHURN_TURN: u64 = 100;
/// What an idle timeout is put off to.
const RESET_AFTER: Duration = Duration::from_secs(30);

/// An event loop, or a way to use one. What it cannot do it says.
///
/// Each work is done in a process of its own, on one thread but where another is named, by the loop as its documentation has it used.
/// Buffers of 16 KiB are enough for reading, and may be shared by all connections. All sockets are ready made: connected,
/// non-blocking, without Nagle's algorithm.
pub trait Contestant {
    /// As it is written in tables and on the command line.
    fn name(&self) -> &'static str;

    /// Whether it speaks in frames, each with its length in four bytes before it.
    fn is_framed(&self) -> bool {
        false
    }

    /// Whether it looks at each descriptor at each turn, so that it takes long when there are many.
    fn scans(&self) -> bool {
        false
    }

    /// Sends back whatever arrives on any of the sockets, by a write for each read; returns once all peers have hung up.
    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        let _ = sockets;
        cannot("has no sockets")
    }

    /// Waits for input on all the sockets, none of which brings any, as it would for [`echo`](Self::echo); after a turn or two, when all is
    /// registered, calls `settled`, and then returns.
    fn idle(&self, sockets: Vec<TcpStream>, settled: &mut dyn FnMut()) -> Played<()> {
        let _ = (sockets, settled);
        cannot("has no sockets")
    }

    /// Waits for input on all pipes of the chain, calls [`start`](Chain::start), and [`hop`](Chain::hop) for each that is readable, until
    /// that says it is over; answers how long it took from the start to then.
    fn chain(&self, chain: Chain) -> Played<Duration> {
        let _ = chain;
        cannot("has no descriptors")
    }

    /// So often: stops to wait for one of the sockets, by turns, and waits for it again. The loop turns, without waiting, after each hundred.
    /// Answers how long it took.
    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let _ = (sockets, count);
        cannot("has no sockets")
    }

    /// Sets a timer for each delay (they are between a minute and an hour), cancels all in the order of `cancelled`, which has each
    /// index once; then sets as many whose delays are [shorter](soon), and turns until all have fired.
    fn timers(&self, delays: &[Duration], cancelled: &[usize]) -> Played<TimerCosts> {
        let _ = (delays, cancelled);
        cannot("has no timers")
    }

    /// Sets `timer_count` timers of 30 seconds, and so often puts one of them, by turns, off to 30 seconds from now; the loop turns, without
    /// waiting, after each hundred. Answers how long the putting off took, with those turns.
    fn reset(&self, timer_count: usize, count: u64) -> Played<Duration> {
        let _ = (timer_count, count);
        cannot("has no timers")
    }

    /// Another thread hands the running loop so many tasks, as fast as it can, each of which adds one to a number that the loop's thread owns.
    /// Answers how long it took from before the first to when all have run.
    fn post(&self, count: u64) -> Played<Duration> {
        let _ = count;
        cannot("takes nothing from other threads")
    }

    /// Another thread wakes the loop while it waits, so often, a hundred microseconds after the last time it was seen to run. Answers how long
    /// it took each time from just before the waking to when what it woke the loop for ran.
    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let _ = count;
        cannot("takes nothing from other threads")
    }
}

/// What [`timers`](Contestant::timers) took, each for all of them.
#[derive(Clone, Copy, Debug)]
pub struct TimerCosts {
    pub insert: Duration,
    pub cancel: Duration,
    /// From when the last was set, which all were due by, to when the last has fired.
    pub fire: Duration,
}

pub type Played<T> = Result<T, Unplayed>;

/// Why there is no result.
#[derive(Debug)]
pub enum Unplayed {
    /// It has no such thing: what it lacks.
    Cannot(&'static str),
    Failed(io::Error),
}

impl From<io::Error> for Unplayed {
    fn from(error: io::Error) -> Unplayed {
        Unplayed::Failed(error)
    }
}

impl fmt::Display for Unplayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unplayed::Cannot(lack) => f.write_str(lack),
            Unplayed::Failed(error) => error.fmt(f),
        }
    }
}

fn cannot<T>(lack: &'static str) -> Played<T> {
    Err(Unplayed::Cannot(lack))
}

/// A delay of at most a millisecond, for one of at most an hour.
fn soon(delay: Duration) -> Duration {
    delay / 3_600_000
}

/// All there are on this system, in the order in which they are told of: the limit, ours, and the peers that the program was built with.
pub fn all() -> Vec<Box<dyn Contestant>> {
    let mut all: Vec<Box<dyn Contestant>> = Vec::new();
    #[cfg(target_os = "linux")]
    all.push(Box::new(hand::Hand));
    all.push(Box::new(scan::HandPoll));
    all.push(Box::new(scan::HandSelect));
    for &backend in Backend::ALL.iter().filter(|backend| backend.is_available()) {
        let name = match backend {
            Backend::Epoll => "ringmq epoll",
            Backend::Kqueue => "ringmq kqueue",
            Backend::Poll => "ringmq poll",
            Backend::Select => "ringmq select",
        };
        all.push(Box::new(ours::Raw { name, backend }));
    }
    all.push(Box::new(ours::InFrames));
    #[cfg(feature = "peers")]
    {
        all.push(Box::new(mio::Mio));
        all.push(Box::new(polling::Polling));
        all.push(Box::new(calloop::Calloop));
        all.push(Box::new(tokio::Tokio));
        libraries::ALL.iter().for_each(|library| all.push(Box::new(*library)));
    }
    all
}

/// What the program was built without, and how it would be built with it.
pub fn missing() -> Vec<String> {
    #[cfg(feature = "peers")]
    let missing = libraries::MISSING
        .iter()
        .map(|(name, package)| format!("built without {name} ({package} in Debian)"));
    #[cfg(not(feature = "peers"))]
    let missing = std::iter::once(String::from("built without other loops (--features peers)"));
    missing.collect()
}
