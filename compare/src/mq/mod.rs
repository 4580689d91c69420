//! The command `mq`: what message-queue sockets do in a second, what they take for it, and how long a reply takes, beside a loop by hand,
//! tokio, libzmq and nng.

mod blocking;
mod case;
mod figures;
#[cfg(target_os = "linux")]
mod hand;
#[cfg(feature = "libzmq")]
mod libzmq;
#[cfg(feature = "nng")]
mod nng;
pub mod node;
mod on_loop;
mod options;
mod play;
mod threads;
#[cfg(feature = "peers")]
mod tokio;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

pub use figures::{counts, figures};

use case::{Case, Contestant, Kind};
use node::Report;
use options::{Mode, Options, HELP};
use play::Counter;

/// Whose speed all are compared with.
const BESIDE: [Contestant; 3] = [Contestant::Libzmq, Contestant::Tokio, Contestant::Hand];

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let Some(options) = Options::parse(arguments)? else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    for contestant in Contestant::ALL {
        if let Some(lack) = contestant.lack() {
            println!("{contestant}: NOT MEASURED, {lack}");
        }
    }
    match options.mode {
        Mode::Counts(counter) => count(&options, counter),
        Mode::Times => {
            println!(
                "{:<18} {:<13} {:>10} {:>9} {:>9} {:>8} {:>8} {:>8} {:>16} {:>16} {:>16}",
                "row",
                "",
                "messages/s",
                "MB/s",
                "CPU s/M",
                "p50 us",
                "p99 us",
                "MiB",
                "of libzmq's",
                "of tokio's",
                "of hand's"
            );
            options.cases.iter().try_for_each(|&case| measure(case, &options))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The contestants by turns, since what else a machine does changes from second to second.
fn measure(case: Case, options: &Options) -> Result<(), Box<dyn Error>> {
    let contestants = players(case, &options.contestants);
    let mut figures = vec![Vec::with_capacity(options.rounds); contestants.len()];
    for round in 0..options.rounds {
        for turn in 0..contestants.len() {
            let at = (round + turn) % contestants.len(); // none is always the first
            figures[at].push(Figures::of(case, play::play(case, contestants[at])?));
        }
    }
    for (contestant, own) in contestants.iter().zip(&figures) {
        let median = |part: fn(&Figures) -> f64| Spread::of(own.iter().map(part)).median;
        let latency = |part| match case.kind {
            Kind::Throughput => String::from("-"),
            Kind::Latency => format!("{:.1}", median(part)),
        };
        let (per_second, cpu, peak) = (median(|f| f.per_second), median(|f| f.cpu), median(|f| f.peak_mib));
        print!(
            "{case:<18} {contestant:<13} {per_second:>10.0} {:>9.1} {cpu:>9.3} {:>8} {:>8} {peak:>8.1}",
            per_second * case.body_len as f64 / 1e6,
            latency(|f| f.p50),
            latency(|f| f.p99),
        );
        for other in BESIDE {
            let other = contestants.iter().position(|&contestant| contestant == other);
            let ratio = other.map_or(String::from("-"), |other| speed_of(own, &figures[other]));
            print!(" {ratio:>16}");
        }
        println!();
    }
    Ok(())
}

/// Who plays a row, of those that are wanted; it is told why others do not.
fn players(case: Case, wanted: &[Contestant]) -> Vec<Contestant> {
    let mut players = Vec::new();
    for &contestant in wanted {
        match contestant.cannot(case) {
            None => players.push(contestant),
            Some(lack) => println!("{case:<18} {contestant:<13} cannot: {lack}"),
        }
    }
    players
}

/// The ratio of a round's speeds: the median, the least and the most.
fn speed_of(ours: &[Figures], theirs: &[Figures]) -> String {
    let ratio = Spread::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours.per_second / theirs.per_second));
    format!("{:.2} ({:.2}-{:.2})", ratio.median, ratio.least, ratio.most)
}

fn count(options: &Options, counter: Counter) -> Result<ExitCode, Box<dyn Error>> {
    counter.check()?;
    let what = match counter {
        Counter::Instructions => "user instructions",
        Counter::SystemCalls => "system calls",
    };
    println!("{what} per message, or per round trip");
    println!("{:<18} {:<13} {:>12} {:>12} {:>12}", "row", "", "pull or rep", "push or req", "of libzmq's");
    let mut is_good = true;
    for &case in &options.cases {
        let mut counts = Vec::new();
        for contestant in players(case, &options.contestants) {
            let each = |role| play::count(case, contestant, role, counter, options.profile.as_deref());
            let [binds, connects] = case.roles();
            counts.push((contestant, [each(binds)?, each(connects)?]));
        }
        let theirs = counts.iter().find(|(contestant, _)| *contestant == Contestant::Libzmq);
        for (contestant, [binds, connects]) in &counts {
            let ratio = theirs.map(|(_, theirs)| (binds + connects) / (theirs[0] + theirs[1]));
            let is_more = theirs.is_some_and(|(_, theirs)| *binds > theirs[0] || *connects > theirs[1]);
            is_good &= !(contestant.is_ours() && is_more);
            let verdict = match contestant.is_ours() && options.is_check {
                false => "",
                true if is_more => "  TOO MANY",
                true => "  ok",
            };
            let ratio = ratio.map_or(String::from("-"), |ratio| format!("{ratio:.3}"));
            println!("{case:<18} {contestant:<13} {binds:>12.2} {connects:>12.2} {ratio:>12}{verdict}");
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
