//! Has every work measured that is asked for, and says how far it is.

use std::error::Error;
use std::time::Instant;

use super::data::{Figure, Note, Report, WORKS};
use super::limit;
use super::machine::Machine;
use super::number::whole;
use super::options::Options;
use crate::work::{self, Kind, Plan};
use crate::{callgrind, codecs, peers, strace};

/// What can be counted, by the names of the works.
const COUNTED: [&str; 7] =
    ["ping-pong", "fan-in", "chain-idle", "chain-active", "churn", "timer-reset", "request-reply"];

/// What figures of a work come of, or why there are none.
type Found = Result<Vec<Figure>, Box<dyn Error>>;

/// The time that each work takes, or why there is none: one that fails does not take the others with it.
pub fn time(options: &Options) -> Result<Report, Box<dyn Error>> {
    if options.is_large {
        let limit = limit::raise().map_err(|error| format!("--large: {error}"))?;
        eprintln!("descriptors: at most {}", whole(limit));
    }
    let mut report = Report {
        machine: Machine::here(),
        is_quick: options.is_quick,
        notes: Vec::new(),
        figures: Vec::new(),
    };
    peers::missing().iter().for_each(|what| eprintln!("{what}"));
    // All three of these are one work.
    let is_first = |work: &&str| {
        let timers: Vec<_> = wanted(options, &WORKS).filter(|work| work.starts_with("timers-")).collect();
        !timers.contains(work) || timers[0] == *work
    };
    let works: Vec<_> = wanted(options, &WORKS).filter(is_first).collect();
    each(&works, options, &mut report, |work, tell| match work {
        "frames" => Ok(codecs::figures(options.is_quick, tell)),
        #[cfg(feature = "mq")]
        "messages" | "request-reply" => {
            crate::mq::figures(work, options.is_quick, &|contestant| options.wants(contestant), tell)
        }
        #[cfg(not(feature = "mq"))]
        "messages" | "request-reply" => {
            Err("the program was built without --features mq, libzmq and nng".into())
        }
        _ => work::measure(&plan(work, options)?, tell),
    });
    Ok(report)
}

/// Adds the instructions and system calls of what can be counted. They are exact, whatever else the machine does, so the times, which are not,
/// come first by themselves.
pub fn count(options: &Options, report: &mut Report) {
    let has_times = |work: &&str| report.figures.iter().any(|figure| figure.work == *work);
    let works: Vec<_> = wanted(options, &COUNTED).filter(has_times).collect();
    each(&works, options, report, |work, tell| match work {
        #[cfg(feature = "mq")]
        "request-reply" => crate::mq::counts(work, &|contestant| options.wants(contestant), tell),
        _ => work::count_all(&plan(work, options)?, tell),
    });
}

/// Whether anything is counted, which takes longer than the time does, and why not.
pub fn counts(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.is_quick {
        return Err("they are not counted with --quick".into());
    }
    callgrind::check()?;
    strace::check()
}

/// Notes for those works that would have counts, which have none.
pub fn note_without_counts(options: &Options, why: &dyn Error, report: &mut Report) {
    let works = wanted(options, &COUNTED).map(String::from);
    let why = format!("no instructions and system calls: {why}");
    report.notes.extend(works.map(|work| Note { work, why: why.clone() }));
}

fn wanted<'a>(options: &'a Options, works: &'a [&'static str]) -> impl Iterator<Item = &'static str> + 'a {
    works.iter().copied().filter(|work| options.wants_work(work))
}

/// Adds what comes of each, and says when it does what.
fn each(
    works: &[&'static str],
    options: &Options,
    report: &mut Report,
    mut figures: impl FnMut(&'static str, &mut dyn FnMut(&str)) -> Found,
) {
    let begin = Instant::now();
    for (at, work) in works.iter().enumerate() {
        let mut tell = |what: &str| {
            let seconds = begin.elapsed().as_secs();
            eprintln!("[{}/{}, {seconds} s] {work}: {what}", at + 1, works.len());
        };
        match figures(work, &mut tell) {
            Ok(figures) => report.figures.extend(figures),
            Err(why) => {
                tell(&why.to_string());
                report.notes.push(Note { work: work.to_string(), why: why.to_string() });
            }
        }
    }
    report.figures.retain(|figure| options.wants_work(figure.work) && options.wants(&figure.contestant));
}

fn plan(work: &str, options: &Options) -> Result<Plan, Box<dyn Error>> {
    let kind = match work {
        "timers-insert" | "timers-cancel" | "timers-fire" => Kind::Timers,
        _ => work.parse()?,
    };
    let names = peers::all().into_iter().map(|contestant| contestant.name());
    Ok(Plan {
        works: vec![kind],
        contestants: names.filter(|name| options.wants(name)).map(String::from).collect(),
        is_quick: options.is_quick,
        is_large: options.is_large,
        rounds: Plan::rounds(options.is_quick),
    })
}
