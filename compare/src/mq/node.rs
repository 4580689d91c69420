//! One of the two processes, `mq-node`: plays its role, and tells what that has taken.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use ringmq::mq::Dialect;

use super::case::{Contestant, Role};
use super::{on_loop, threads};

/// Who hangs is ended by the system after so many seconds.
const PATIENCE: u32 = 300;

/// What a process is to do.
#[derive(Clone, Debug)]
pub struct Job {
    pub contestant: Contestant,
    pub role: Role,
    pub body_len: usize,
    pub client_count: usize,
    pub count: u64,
    /// Whom to connect to; who binds has none.
    pub address: Option<String>,
}

impl Job {
    /// What this program is to be told so that it does that.
    pub fn arguments(&self) -> Vec<String> {
        let numbers = [self.body_len as u64, self.client_count as u64, self.count].map(|n| n.to_string());
        let names = ["mq-node", self.contestant.name(), self.role.name()].map(String::from);
        names.into_iter().chain(numbers).chain(self.address.clone()).collect()
    }

    /// How many messages there are in all, or round trips that are timed.
    pub fn total(&self) -> u64 {
        self.count * self.client_count as u64
    }

    /// Of whom connects.
    pub fn peer(&self) -> Result<&str, Box<dyn Error>> {
        self.address.as_deref().ok_or_else(|| "who connects wants an address".into())
    }

    /// Of one of ours.
    pub fn dialect(&self) -> Result<Dialect, Box<dyn Error>> {
        self.contestant.dialect().ok_or_else(|| format!("{} is none of ours", self.contestant).into())
    }
}

/// What a process has measured, as it tells it in a line.
#[derive(Clone, Copy, Default, Debug)]
pub struct Report {
    /// From the first message, or the first request after all have had a reply, to the last.
    pub elapsed: Duration,
    /// Of the processors, in user mode and in the kernel, over about the same.
    pub cpu: Duration,
    pub peak_kib: u64,
    /// Of requesters.
    pub p50: Duration,
    pub p99: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [elapsed, cpu, p50, p99] =
            [self.elapsed, self.cpu, self.p50, self.p99].map(|time| time.as_nanos());
        write!(f, "{elapsed} {cpu} {} {p50} {p99}", self.peak_kib)
    }
}

impl FromStr for Report {
    type Err = Box<dyn Error>;

    fn from_str(line: &str) -> Result<Report, Self::Err> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>();
        match numbers.as_deref() {
            Ok(&[elapsed, cpu, peak_kib, p50, p99]) => {
                let [elapsed, cpu, p50, p99] = [elapsed, cpu, p50, p99].map(Duration::from_nanos);
                Ok(Report { elapsed, cpu, peak_kib, p50, p99 })
            }
            _ => Err(format!("a process has told nothing of use: {line:?}").into()),
        }
    }
}

/// When it began, by the clock and by the processors.
pub struct Start {
    at: Instant,
    cpu: Duration,
}

impl Start {
    pub fn now() -> io::Result<Start> {
        Ok(Start { cpu: cpu_time()?, at: Instant::now() })
    }

    /// What it has come to.
    pub fn report(&self, mut latencies: Vec<Duration>) -> io::Result<Report> {
        let elapsed = self.at.elapsed();
        latencies.sort_unstable();
        let at = |part: usize| latencies.get(latencies.len() * part / 100).copied().unwrap_or_default();
        Ok(Report { elapsed, cpu: cpu_time()? - self.cpu, peak_kib: peak_kib()?, p50: at(50), p99: at(99) })
    }
}

/// `mq-node CONTESTANT ROLE LEN CLIENTS COUNT [ADDRESS]`: who binds tells its address in a line, all tell what they have measured.
pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    // SAFETY: takes no pointer.
    unsafe { libc::alarm(PATIENCE) };
    let mut word = || arguments.value().map(|word| word.to_string_lossy().into_owned());
    let job = Job {
        contestant: word()?.parse()?,
        role: word()?.parse()?,
        body_len: word()?.parse()?,
        client_count: word()?.parse()?,
        count: word()?.parse()?,
        address: word().ok(),
    };
    let report = match job.contestant {
        #[cfg(target_os = "linux")]
        Contestant::Hand => super::hand::run(&job)?,
        Contestant::Loop | Contestant::LoopRing => on_loop::run(&job)?,
        #[cfg(feature = "peers")]
        Contestant::Tokio => super::tokio::run(&job)?,
        _ => threads::run(&job)?,
    };
    println!("{report}");
    Ok(ExitCode::SUCCESS)
}

/// Tells the other process where it finds this one.
pub fn tell_address(address: &str) -> io::Result<()> {
    println!("{address}");
    io::stdout().flush()
}

/// What this process has used of the processors.
fn cpu_time() -> io::Result<Duration> {
    // SAFETY: all zeroes is a value of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` lives through the call.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) } == -1 {
        return Err(io::Error::last_os_error());
    }
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok(time(usage.ru_utime) + time(usage.ru_stime))
}

/// The most memory that this process has had. What getrusage says has what its parent had before the program was started.
fn peak_kib() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "/proc has no peak of memory"))
}
