//! Has contestants do works by turns, A B C A B C, and gathers what they needed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::child::CANNOT;
use super::client::Clients;
use super::{count, Fallible, Job, Kind};
use crate::peers::{self, Contestant};
use crate::report::data::{Figure, Value};
use crate::report::limit;

/// What is to be measured.
pub struct Plan {
    pub works: Vec<Kind>,
    /// Their names; all if there is none.
    pub contestants: Vec<String>,
    pub is_quick: bool,
    /// Whether chains are as long as descriptors last.
    pub is_large: bool,
    pub rounds: usize,
}

impl Plan {
    /// How often each does a work, unless that is said.
    pub fn rounds(is_quick: bool) -> usize {
        if is_quick {
            1
        } else {
            7
        }
    }

    fn chosen<'a>(&self, all: &'a [Box<dyn Contestant>]) -> Fallible<Vec<&'a dyn Contestant>> {
        if let Some(name) = self.contestants.iter().find(|name| all.iter().all(|one| one.name() != **name)) {
            let names: Vec<_> = all.iter().map(|contestant| contestant.name()).collect();
            return Err(format!("no contestant {name}: there are {}", names.join(", ")).into());
        }
        let is_chosen = |one: &&dyn Contestant| {
            self.contestants.is_empty() || self.contestants.iter().any(|name| one.name() == name)
        };
        Ok(all.iter().map(|contestant| &**contestant).filter(is_chosen).collect())
    }

    fn sizes(&self, kind: Kind) -> Vec<u64> {
        // Who may not have more does with what there is.
        kind.sizes(self.is_quick, self.is_large, limit::raise().unwrap_or(1024))
    }
}

/// What one run has come to.
pub enum Outcome {
    /// What the contestant has told, and the round trips that its clients have seen.
    Played {
        numbers: Vec<f64>,
        round_trips: Vec<u64>,
    },
    Cannot(String),
}

/// Takes the time of all of the plan; `progress` is told what comes next.
///
/// # Errors
/// What a contestant has failed with, with its name and the work's.
pub fn measure(plan: &Plan, progress: &mut dyn FnMut(&str)) -> Fallible<Vec<Figure>> {
    let all = peers::all();
    let (contestants, mut figures) = (plan.chosen(&all)?, Vec::new());
    for &kind in &plan.works {
        for size in plan.sizes(kind) {
            figures.extend(measure_one(plan, kind, size, &contestants, progress)?);
        }
    }
    Ok(figures)
}

/// Counts the user instructions and the system calls of what can be counted in the plan, which takes valgrind and strace, and longer than the
/// time does. They are the same whatever else the machine does.
///
/// # Errors
/// As [`measure`].
pub fn count_all(plan: &Plan, progress: &mut dyn FnMut(&str)) -> Fallible<Vec<Figure>> {
    let all = peers::all();
    let (contestants, mut figures) = (plan.chosen(&all)?, Vec::new());
    for &kind in &plan.works {
        let sizes = plan.sizes(kind);
        // They are to be seen to grow with the size, or not to: the ends tell.
        for &size in sizes.iter().filter(|size| [sizes.first(), sizes.last()].contains(&Some(size))) {
            figures.extend(count_one(kind, size, &contestants, progress)?);
        }
    }
    Ok(figures)
}

/// A work of one size, by all.
fn measure_one(
    plan: &Plan,
    kind: Kind,
    size: u64,
    contestants: &[&dyn Contestant],
    progress: &mut dyn FnMut(&str),
) -> Fallible<Vec<Figure>> {
    let named = |contestant: &dyn Contestant, error: Box<dyn std::error::Error>| {
        format!("{kind} {size} by {}: {error}", contestant.name())
    };
    let mut found: Vec<Vec<Outcome>> = contestants.iter().map(|_| Vec::new()).collect();
    let rounds = if kind.is_exact() { 1 } else { plan.rounds };
    for round in 0..rounds {
        progress(&format!("{kind} {size}: round {} of {rounds}", round + 1));
        for (contestant, found) in contestants.iter().zip(&mut found) {
            // What it lacks it will lack again.
            if !matches!(found.first(), Some(Outcome::Cannot(_))) {
                let job = Job { kind, size, count: kind.count(size, plan.is_quick, contestant.scans()) };
                found.push(play(job, *contestant, None).map_err(|error| named(*contestant, error))?);
            }
        }
    }
    let found = contestants.iter().zip(found);
    Ok(found.flat_map(|(contestant, found)| figures_of(kind, size, contestant.name(), found)).collect())
}

/// What can be counted exactly, of all.
fn count_one(
    kind: Kind,
    size: u64,
    contestants: &[&dyn Contestant],
    progress: &mut dyn FnMut(&str),
) -> Fallible<Vec<Figure>> {
    let mut figures = Vec::new();
    for contestant in contestants.iter().filter(|contestant| kind.counted(contestant.scans()).is_some()) {
        let name = contestant.name();
        progress(&format!("{kind} {size}: counting {name}"));
        let counts = count::count(Job { kind, size, count: 0 }, *contestant)
            .map_err(|error| format!("{kind} {size} by {name}: {error}"))?;
        for (measure, each) in ["instructions", "system calls"].into_iter().zip(counts.into_iter().flatten())
        {
            figures.push(figure(kind.name(), name, size, measure, Value::of(vec![each])));
        }
    }
    Ok(figures)
}

fn figures_of(kind: Kind, size: u64, name: &str, found: Vec<Outcome>) -> Vec<Figure> {
    let works: &[&'static str] = match kind {
        Kind::Timers => &["timers-insert", "timers-cancel", "timers-fire"],
        _ => &[kind.name()],
    };
    let measure = match kind {
        Kind::IdleMemory => "bytes",
        Kind::PingPong | Kind::Wake => "latency",
        _ => "ns",
    };
    let mut rounds = Vec::new();
    for outcome in found {
        match outcome {
            Outcome::Cannot(lack) => {
                let figure =
                    |work: &&'static str| figure(work, name, size, measure, Value::Cannot(lack.clone()));
                return works.iter().map(figure).collect();
            }
            Outcome::Played { numbers, round_trips } => rounds.push((numbers, round_trips)),
        }
    }
    match kind {
        Kind::PingPong | Kind::Wake => {
            let latencies = |(numbers, round_trips): (Vec<f64>, Vec<u64>)| match kind {
                Kind::PingPong => round_trips,
                _ => numbers.into_iter().map(|ns| ns as u64).collect(),
            };
            let mut all: Vec<u64> = rounds.into_iter().flat_map(latencies).collect();
            all.sort_unstable();
            vec![figure(kind.name(), name, size, measure, Value::Distribution(all))]
        }
        Kind::FanIn => {
            // A round of all connections, for each of them.
            let each = |(_, times): (Vec<f64>, Vec<u64>)| {
                times.iter().sum::<u64>() as f64 / times.len() as f64 / size as f64
            };
            vec![figure(kind.name(), name, size, measure, Value::of(rounds.into_iter().map(each).collect()))]
        }
        _ => works
            .iter()
            .enumerate()
            .map(|(at, work)| {
                let each = rounds.iter().map(|(numbers, _)| numbers[at]).collect();
                figure(work, name, size, measure, Value::of(each))
            })
            .collect(),
    }
}

fn figure(work: &'static str, contestant: &str, size: u64, measure: &'static str, value: Value) -> Figure {
    Figure { work, contestant: contestant.to_string(), size: Some(size), measure, value }
}

/// Starts a contestant in a process of its own, under a tool if one is given, plays with it if it wants that, and waits for what it tells.
pub fn play(job: Job, contestant: &dyn Contestant, tool: Option<Command>) -> Fallible<Outcome> {
    let program = std::env::current_exe()?;
    let mut command = match tool {
        None => Command::new(program),
        Some(mut tool) => {
            tool.arg(program);
            tool
        }
    };
    let mut child = Player(command.args(job.arguments(contestant)).stdout(Stdio::piped()).spawn()?);
    let mut output = BufReader::new(child.0.stdout.take().ok_or("a process without output")?);
    let mut line = String::new();
    let mut round_trips = Vec::new();
    if job.kind.has_clients() {
        output.read_line(&mut line)?;
        if let Ok(address) = line.trim().parse() {
            round_trips =
                Clients::connect(job, address, contestant.is_framed())?.play(job).or_else(|error| {
                    // It may have hung up since it cannot do this, which it tells.
                    match child.0.wait()?.code() {
                        Some(code) if code == i32::from(CANNOT) => Ok(Vec::new()),
                        _ => Err(error),
                    }
                })?;
            line.clear();
        }
    }
    output.read_to_string(&mut line)?;
    let status = child.0.wait()?;
    match status.code() {
        Some(0) => {
            let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>();
            let numbers = numbers.map_err(|_| format!("it has told nothing of use: {line:?}"))?;
            Ok(Outcome::Played { numbers, round_trips })
        }
        Some(code) if code == i32::from(CANNOT) => Ok(Outcome::Cannot(line.trim().to_string())),
        _ => Err(format!("it ended with {status}").into()),
    }
}

/// A process, which does not outlive a failure.
struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        // Neither does anything once it was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
