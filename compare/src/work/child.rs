//! One work by one contestant, in a process of its own: `play WORK CONTESTANT SIZE COUNT`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::Duration;

use super::{Fallible, Job, Kind, CHAIN_LEN};
use crate::allocations;
use crate::peers::{self, Chain, Contestant, Played, Unplayed};

/// It has told what it cannot do.
pub const CANNOT: u8 = 3;
/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// Who hangs is ended by the system after so many seconds.
const PATIENCE: u32 = 300;

/// Tells its address in a line if clients are to come, and then what it has found, in a line of numbers.
pub fn run(mut arguments: lexopt::Parser) -> Fallible<ExitCode> {
    // SAFETY: takes no pointer.
    unsafe { libc::alarm(PATIENCE) };
    let mut word = || arguments.value().map(|word| word.to_string_lossy().into_owned());
    let (kind, name) = (word()?.parse()?, word()?);
    let job = Job { kind, size: word()?.parse()?, count: word()?.parse()? };
    let all = peers::all();
    let contestant = all.iter().find(|contestant| contestant.name() == name);
    let contestant = contestant.ok_or_else(|| format!("no contestant {name}"))?;
    match play(job, &**contestant) {
        Ok(found) => {
            println!("{found}");
            Ok(ExitCode::SUCCESS)
        }
        Err(Unplayed::Cannot(lack)) => {
            println!("{lack}");
            Ok(ExitCode::from(CANNOT))
        }
        Err(Unplayed::Failed(error)) => Err(error.into()),
    }
}

fn play(job: Job, contestant: &dyn Contestant) -> Played<String> {
    let each = |elapsed: Duration| (elapsed.as_nanos() as f64 / job.count as f64).to_string();
    match job.kind {
        Kind::PingPong | Kind::FanIn => contestant.echo(accept(job)?).map(|()| String::new()),
        Kind::IdleMemory => {
            let sockets = accept(job)?;
            let before = allocations::in_use();
            let mut after = before;
            contestant.idle(sockets, &mut || after = allocations::in_use())?;
            Ok(((after as f64 - before as f64) / job.size as f64).to_string())
        }
        Kind::ChainIdle => {
            let chain = Chain::new(job.size as usize, 1, job.count)?;
            contestant.chain(chain).map(each)
        }
        Kind::ChainActive => {
            let chain = Chain::new(CHAIN_LEN as usize, job.size as usize, job.count)?;
            contestant.chain(chain).map(each)
        }
        Kind::Churn => contestant.churn(accept(job)?, job.count).map(each),
        Kind::Timers => {
            let (delays, cancelled) = random_delays(job.size as usize);
            let costs = contestant.timers(&delays, &cancelled)?;
            let each = [costs.insert, costs.cancel, costs.fire];
            Ok(each.map(|all| (all.as_nanos() as f64 / job.size as f64).to_string()).join(" "))
        }
        Kind::TimerReset => contestant.reset(job.size as usize, job.count).map(each),
        Kind::Post => contestant.post(job.count).map(each),
        Kind::Wake => {
            let latencies = contestant.wake(job.count)?;
            let mut line = String::new();
            for latency in latencies {
                let _ = write!(line, "{} ", latency.as_nanos());
            }
            Ok(line)
        }
    }
}

/// As many connections as the work wants, of clients that are told where to come.
fn accept(job: Job) -> io::Result<Vec<std::net::TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // More than std asks for: who finds no room in the queue tries again a second later.
    // SAFETY: takes no pointer.
    unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) };
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    let accept = |_| {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    (0..job.connections()).map(accept).collect()
}

/// Between a minute and an hour, and an order to cancel them in: the same each time.
fn random_delays(count: usize) -> (Vec<Duration>, Vec<usize>) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let delays = (0..count).map(|_| Duration::from_micros(60_000_000 + random() % 3_540_000_000)).collect();
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random() as usize % (last + 1));
    }
    (delays, order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_as_long_as_is_said_and_each_is_cancelled_once() {
        let (delays, mut order) = random_delays(1000);
        let hour = Duration::from_secs(3600);
        assert!(delays.iter().all(|&delay| delay >= hour / 60 && delay <= hour));
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
