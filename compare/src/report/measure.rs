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

/// Each work's figures, or why there are none: one that fails does not take the others with it.
pub fn measure(options: &Options) -> Result<Report, Box<dyn Error>> {
    if options.is_large {
        let limit = limit::raise().map_err(|error| format!("--large: {error}"))?;
        eprintln!("descriptors: at most {}", whole(limit));
    }
    let works: Vec<&str> = WORKS.into_iter().filter(|work| options.wants_work(work)).collect();
    let mut report = Report {
        machine: Machine::here(),
        is_quick: options.is_quick,
        notes: Vec::new(),
        figures: Vec::new(),
    };
    if !has_counts(options) {
        let why = "instructions and system calls are counted without --quick, where valgrind and strace are at hand";
        let works =
            ["ping-pong", "fan-in", "request-reply"].into_iter().filter(|work| options.wants_work(work));
        report.notes.extend(works.map(|work| Note { work: work.to_string(), why: why.to_string() }));
    }
    peers::missing().iter().for_each(|what| eprintln!("{what}"));
    let begin = Instant::now();
    let mut timers_are_done = false;
    for (at, work) in works.iter().enumerate() {
        let mut tell = |what: &str| {
            let seconds = begin.elapsed().as_secs();
            eprintln!("[{}/{}, {seconds} s] {work}: {what}", at + 1, works.len());
        };
        // All three are one work.
        if work.starts_with("timers-") && std::mem::replace(&mut timers_are_done, true) {
            continue;
        }
        match figures(work, options, &mut tell) {
            Ok(figures) => report.figures.extend(figures),
            Err(why) => {
                tell(&why.to_string());
                report.notes.push(Note { work: work.to_string(), why: why.to_string() });
            }
        }
    }
    report.figures.retain(|figure| options.wants_work(figure.work) && options.wants(&figure.contestant));
    Ok(report)
}

fn figures(
    work: &'static str,
    options: &Options,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, Box<dyn Error>> {
    match work {
        "frames" => Ok(codecs::figures(options.is_quick, tell)),
        #[cfg(feature = "mq")]
        "messages" | "request-reply" => {
            let extent = crate::mq::Extent { is_quick: options.is_quick, has_counts: has_counts(options) };
            crate::mq::figures(work, extent, &|contestant| options.wants(contestant), tell)
        }
        #[cfg(not(feature = "mq"))]
        "messages" | "request-reply" => {
            Err("the program was built without --features mq, libzmq and nng".into())
        }
        "timers-insert" | "timers-cancel" | "timers-fire" => loops(Kind::Timers, options, tell),
        _ => loops(work.parse()?, options, tell),
    }
}

fn loops(kind: Kind, options: &Options, tell: &mut dyn FnMut(&str)) -> Result<Vec<Figure>, Box<dyn Error>> {
    let names = peers::all().into_iter().map(|contestant| contestant.name());
    let plan = Plan {
        works: vec![kind],
        contestants: names.filter(|name| options.wants(name)).map(String::from).collect(),
        is_quick: options.is_quick,
        is_large: options.is_large,
        has_counts: has_counts(options),
        rounds: Plan::rounds(options.is_quick),
    };
    work::measure(&plan, tell)
}

/// What is counted takes longer than what is timed.
fn has_counts(options: &Options) -> bool {
    !options.is_quick && callgrind::check().is_ok() && strace::check().is_ok()
}
