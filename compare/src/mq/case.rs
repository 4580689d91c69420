//! What is measured: who with whom, how long a message is, and by which library.

use std::fmt;
use std::str::FromStr;

use ringmq::mq::Dialect;

/// A library, and how it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contestant {
    /// A loop on epoll, and frames, by hand.
    Hand,
    /// `ringmq::mq`, on a loop of one's own, in ZMTP.
    Loop,
    /// The same in RingMQ's own protocol.
    LoopRing,
    /// `ringmq::mq`, by threads that block, in ZMTP.
    Blocking,
    BlockingRing,
    /// tokio-util's `Framed`.
    Tokio,
    Libzmq,
    Nng,
}

impl Contestant {
    pub const ALL: [Contestant; 8] = [
        Contestant::Hand,
        Contestant::Loop,
        Contestant::LoopRing,
        Contestant::Blocking,
        Contestant::BlockingRing,
        Contestant::Tokio,
        Contestant::Libzmq,
        Contestant::Nng,
    ];

    /// Why it is not in this program, if it is not.
    pub fn lack(self) -> Option<&'static str> {
        let (is_there, why) = match self {
            Contestant::Hand => (cfg!(target_os = "linux"), "the loop by hand is for epoll"),
            Contestant::Tokio => (cfg!(feature = "peers"), "the program was built without --features peers"),
            Contestant::Libzmq => {
                (cfg!(feature = "libzmq"), "the program was built without --features libzmq")
            }
            Contestant::Nng => (cfg!(feature = "nng"), "the program was built without --features nng"),
            _ => (true, ""),
        };
        if is_there {
            None
        } else {
            Some(why)
        }
    }

    /// All that are in this program.
    pub fn there() -> impl Iterator<Item = Contestant> {
        Contestant::ALL.into_iter().filter(|one| one.lack().is_none())
    }

    /// Why it does not play a row, if it does not.
    pub fn cannot(self, case: Case) -> Option<&'static str> {
        match (self, case.kind) {
            (Contestant::Hand, Kind::Throughput) => Some("has requests and replies alone"),
            _ => None,
        }
    }

    pub fn is_ours(self) -> bool {
        self.dialect().is_some()
    }

    /// Which of its two protocols ringmq speaks; `None` if it is not ringmq.
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            Contestant::Loop | Contestant::Blocking => Some(Dialect::Zmtp),
            Contestant::LoopRing | Contestant::BlockingRing => Some(Dialect::Ring),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Contestant::Hand => "hand",
            Contestant::Loop => "loop",
            Contestant::LoopRing => "loop-ring",
            Contestant::Blocking => "blocking",
            Contestant::BlockingRing => "blocking-ring",
            Contestant::Tokio => "tokio",
            Contestant::Libzmq => "libzmq",
            Contestant::Nng => "nng",
        }
    }
}

impl FromStr for Contestant {
    type Err = String;

    fn from_str(name: &str) -> Result<Contestant, String> {
        by_name(Contestant::ALL, Contestant::name, name)
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What one of the two processes does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Push,
    Pull,
    Req,
    Rep,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Push, Role::Pull, Role::Req, Role::Rep];

    pub fn name(self) -> &'static str {
        match self {
            Role::Push => "push",
            Role::Pull => "pull",
            Role::Req => "req",
            Role::Rep => "rep",
        }
    }

    /// The one whose end is the end of it all: it has had everything.
    pub fn is_last(self) -> bool {
        matches!(self, Role::Pull | Role::Req)
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Role, String> {
        by_name(Role::ALL, Role::name, name)
    }
}

fn by_name<T: Copy, const N: usize>(
    all: [T; N],
    name_of: fn(T) -> &'static str,
    name: &str,
) -> Result<T, String> {
    let names = all.map(name_of).join(", ");
    all.into_iter().find(|&one| name_of(one) == name).ok_or(format!("no {name}: there are {names}"))
}

/// A row: from whom to whom, and how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    pub kind: Kind,
    /// How long a message is.
    pub body_len: usize,
    /// How many requesters there are, each with a socket of its own; one sender.
    pub client_count: usize,
    /// Messages in all, or round trips of each client.
    pub count: u64,
    /// The same for the two runs under callgrind that are compared.
    pub counted: [u64; 2],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A sender and a receiver: `local_thr` and `remote_thr`.
    Throughput,
    /// Requesters and a replier: `local_lat` and `remote_lat`.
    Latency,
}

impl Case {
    pub const ALL: [Case; 7] = [
        throughput(16, 2_000_000, [10_000, 60_000]),
        throughput(64, 2_000_000, [10_000, 60_000]),
        throughput(1024, 600_000, [5_000, 30_000]),
        throughput(64 << 10, 20_000, [500, 2_500]),
        throughput(1 << 20, 1_500, [50, 250]),
        latency(1, 30_000, [1_000, 6_000]),
        latency(50, 3_000, [20, 120]),
    ];

    /// Who binds, and who connects to it.
    pub fn roles(self) -> [Role; 2] {
        match self.kind {
            Kind::Throughput => [Role::Pull, Role::Push],
            Kind::Latency => [Role::Rep, Role::Req],
        }
    }

    /// How many messages go from the one to the other, or round trips are made, by all.
    pub fn total(self) -> u64 {
        self.count * self.client_count as u64
    }
}

const fn throughput(body_len: usize, count: u64, counted: [u64; 2]) -> Case {
    Case { kind: Kind::Throughput, body_len, client_count: 1, count, counted }
}

const fn latency(client_count: usize, count: u64, counted: [u64; 2]) -> Case {
    Case { kind: Kind::Latency, body_len: 64, client_count, count, counted }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            Kind::Throughput => format!("push-pull-{}", self.body_len),
            Kind::Latency => format!("req-rep-{}", self.client_count),
        };
        f.pad(&name)
    }
}
