//! The command `mq`: what message-queue sockets do in a second, what they take for it, and how long a reply takes, beside libzmq and nng.

mod blocking;
mod case;
mod figures;
#[cfg(feature = "libzmq")]
mod libzmq;
#[cfg(feature = "nng")]
mod nng;
pub mod node;
mod on_loop;
mod play;
mod threads;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;

use crate::callgrind;
pub use figures::figures;

use case::{Case, Contestant, Kind};
use node::Report;

const ROUNDS: usize = 5;

const HELP: &str = "\
Message-queue sockets between two processes over TCP, as libzmq's local_thr, remote_thr, local_lat and remote_lat measure them.

usage: ringmq-compare mq [OPTION]...

  --only ROW           measures this row, and others that are named so; all rows without it
  --with CONTESTANT    measures this one, and others that are named so; all that the program was built with without it
  --rounds N           how often each is measured, by turns; 5 unless given
  --instructions       counts user instructions per message under callgrind, in place of taking the time (wants valgrind)
  --profile DIRECTORY  with --instructions: keeps the profiles there, for callgrind_annotate
  --check              with --instructions: ends with status 1 when ours needs more than libzmq, in either process

rows:
  push-pull-16, -64, -1024, -65536, -1048576   one PUSH and one PULL, messages of so many bytes
  req-rep-1, req-rep-50                        so many REQ and one REP, 64 bytes

contestants:
  loop      ours, on a loop of one's own
  blocking  ours, by threads that block
  libzmq    with --features libzmq
  nng       with --features nng
";

struct Options {
    cases: Vec<Case>,
    contestants: Vec<Contestant>,
    rounds: usize,
    is_counted: bool,
    is_check: bool,
    profile: Option<PathBuf>,
}

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let options = match parse(arguments)? {
        Some(options) => options,
        None => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    for contestant in Contestant::ALL.into_iter().filter(|contestant| !contestant.is_there()) {
        println!("{contestant}: NOT MEASURED, the program was built without --features {contestant}");
    }
    if options.is_counted {
        return count(&options);
    }
    println!(
        "{:<18} {:<9} {:>10} {:>9} {:>9} {:>8} {:>8} {:>8} {:>16}",
        "row", "", "messages/s", "MB/s", "CPU s/M", "p50 us", "p99 us", "MiB", "speed of libzmq's"
    );
    options.cases.iter().try_for_each(|&case| measure(case, &options))?;
    Ok(ExitCode::SUCCESS)
}

/// The contestants by turns, since what else a machine does changes from second to second.
fn measure(case: Case, options: &Options) -> Result<(), Box<dyn Error>> {
    let contestants = &options.contestants;
    let mut figures = vec![Vec::with_capacity(options.rounds); contestants.len()];
    for round in 0..options.rounds {
        for turn in 0..contestants.len() {
            let at = (round + turn) % contestants.len(); // none is always the first
            figures[at].push(Figures::of(case, play::play(case, contestants[at])?));
        }
    }
    let theirs = contestants.iter().position(|&contestant| contestant == Contestant::Libzmq);
    for (at, contestant) in contestants.iter().enumerate() {
        let ratio = theirs.map(|theirs| {
            let ratios = figures[at].iter().zip(&figures[theirs]);
            Spread::of(ratios.map(|(ours, theirs)| ours.per_second / theirs.per_second))
        });
        let median = |part: fn(&Figures) -> f64| Spread::of(figures[at].iter().map(part)).median;
        let ratio = ratio.map_or(String::from("-"), |ratio| {
            format!("{:.2} ({:.2}-{:.2})", ratio.median, ratio.least, ratio.most)
        });
        let latency = |part| match case.kind {
            Kind::Throughput => String::from("-"),
            Kind::Latency => format!("{:.1}", median(part)),
        };
        let (per_second, cpu, peak) = (median(|f| f.per_second), median(|f| f.cpu), median(|f| f.peak_mib));
        println!(
            "{case:<18} {contestant:<9} {per_second:>10.0} {:>9.1} {cpu:>9.3} {:>8} {:>8} {peak:>8.1} {ratio:>16}",
            per_second * case.body_len as f64 / 1e6,
            latency(|f| f.p50),
            latency(|f| f.p99),
        );
    }
    Ok(())
}

fn count(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    callgrind::check()?;
    println!("user instructions per message, or per round trip");
    println!("{:<18} {:<9} {:>12} {:>12} {:>12}", "row", "", "pull or rep", "push or req", "of libzmq's");
    let mut is_good = true;
    for &case in &options.cases {
        let mut counts = Vec::new();
        for &contestant in &options.contestants {
            counts.push((contestant, play::count(case, contestant, options.profile.as_deref())?));
        }
        let theirs = counts.iter().find(|(contestant, _)| *contestant == Contestant::Libzmq);
        for (contestant, [binds, connects]) in &counts {
            let ratio = theirs.map(|(_, theirs)| (binds + connects) / (theirs[0] + theirs[1]));
            let is_ours = matches!(contestant, Contestant::Loop | Contestant::Blocking);
            let is_more = theirs.is_some_and(|(_, theirs)| *binds > theirs[0] || *connects > theirs[1]);
            is_good &= !(is_ours && is_more);
            let verdict = match is_ours && options.is_check {
                false => "",
                true if is_more => "  TOO MANY",
                true => "  ok",
            };
            let ratio = ratio.map_or(String::from("-"), |ratio| format!("{ratio:.3}"));
            println!("{case:<18} {contestant:<9} {binds:>12.1} {connects:>12.1} {ratio:>12}{verdict}");
        }
    }
    Ok(if is_good || !options.is_check { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run comes to.
#[derive(Clone, Copy)]
struct Figures {
    /// Messages, or round trips.
    per_second: f64,
    /// Seconds of processors for a million of them, of both processes.
    cpu: f64,
    /// In microseconds.
    p50: f64,
    p99: f64,
    /// The larger of both.
    peak_mib: f64,
}

impl Figures {
    fn of(case: Case, [binds, connects]: [Report; 2]) -> Figures {
        let last = if case.roles()[0].is_last() { binds } else { connects };
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        Figures {
            per_second: case.total() as f64 / last.elapsed.as_secs_f64(),
            cpu: (binds.cpu + connects.cpu).as_secs_f64() * 1e6 / case.total() as f64,
            p50: micros(last.p50),
            p99: micros(last.p99),
            peak_mib: binds.peak_kib.max(connects.peak_kib) as f64 / 1024.0,
        }
    }
}

/// The median, and between what values all lie.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Spread { least: values[0], median: values[(values.len() - 1) / 2], most: values[values.len() - 1] }
    }
}

/// The options; `None` when help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    let mut options = Options {
        cases: Vec::new(),
        contestants: Vec::new(),
        rounds: ROUNDS,
        is_counted: false,
        is_check: false,
        profile: None,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("only") => options.cases.push(case_of(&arguments.value()?.string()?)?),
            Long("with") => options.contestants.push(arguments.value()?.parse()?),
            Long("rounds") => options.rounds = arguments.value()?.parse()?,
            Long("instructions") => options.is_counted = true,
            Long("check") => options.is_check = true,
            Long("profile") => options.profile = Some(arguments.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.cases.is_empty() {
        options.cases = Case::ALL.to_vec();
    }
    if options.contestants.is_empty() {
        options.contestants =
            Contestant::ALL.into_iter().filter(|contestant| contestant.is_there()).collect();
    }
    if let Some(missing) = options.contestants.iter().find(|contestant| !contestant.is_there()) {
        return Err(format!("--with {missing}: the program was built without --features {missing}").into());
    }
    if options.rounds == 0 {
        return Err("--rounds wants 1 or more".into());
    }
    if !options.is_counted && (options.is_check || options.profile.is_some()) {
        return Err("--check and --profile are for --instructions".into());
    }
    // A limit that is that of nobody would hold nothing.
    if options.is_check && !options.contestants.contains(&Contestant::Libzmq) {
        return Err("--check wants libzmq to be counted".into());
    }
    if let Some(folder) = &options.profile {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(Some(options))
}

fn case_of(name: &str) -> Result<Case, String> {
    let names = Case::ALL.map(|case| case.to_string());
    let at = names.iter().position(|other| other == name);
    at.map(|at| Case::ALL[at]).ok_or_else(|| format!("no row {name}: there are {}", names.join(", ")))
}
