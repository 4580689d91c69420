//! The command `loops`: what event loops cost, ours beside a loop that is written by hand and beside others.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::report::data::{Figure, Value};
use crate::work::{count_all, measure, Kind, Plan};
use crate::{callgrind, peers, report, strace};

const HELP: &str = "\
What event loops cost: the same works for each backend of ours, for a loop that is written by hand, and for other loops.

usage: ringmq-compare loops [OPTION]...

  --only WORK        does this work, and others that are named so; all works without it
  --with CONTESTANT  has this one do them, and others that are named so; all that the program was built with without it
  --rounds N         how often each does a work, by turns; 7 unless given, and 1 with --quick
  --quick            smaller sizes and fewer times
  --counts           counts user instructions and system calls too (wants valgrind and strace)
  --json FILE        writes all figures there too, with the machine that they are of, as a report.json that --from draws

works:
  ping-pong     sends 64 bytes back, over one connection
  fan-in        the same over 100 connections at once
  idle-memory   waits for input on 10,000 connections, none of which has any
  chain-idle    passes a byte on through a chain of pipes, from 10 of them to as many as a process may have
  chain-active  passes 1, 10 and 100 bytes on through a chain of 1000 pipes
  churn         stops to wait for a connection, and waits again
  timers        sets a million timers, cancels them, and has a million fire
  timer-reset   puts a timer off that is one of 10,000
  post          takes tasks from another thread
  wake          is woken by another thread

contestants: hand (epoll), hand-poll, hand-select, \"ringmq epoll\" and the other backends, \"ringmq framed\"; with --features peers also
mio, polling, calloop and tokio, and libuv, libevent and libev where they are installed.
";

pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let mut plan =
        Plan { works: Vec::new(), contestants: Vec::new(), is_quick: false, is_large: false, rounds: 0 };
    let (mut has_counts, mut json) = (false, None::<PathBuf>);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("only") => plan.works.push(arguments.value()?.parse()?),
            Long("with") => plan.contestants.push(arguments.value()?.string()?),
            Long("rounds") => plan.rounds = arguments.value()?.parse()?,
            Long("quick") => plan.is_quick = true,
            Long("counts") => has_counts = true,
            Long("json") => json = Some(arguments.value()?.into()),
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if plan.works.is_empty() {
        plan.works = Kind::ALL.to_vec();
    }
    if plan.rounds == 0 {
        plan.rounds = Plan::rounds(plan.is_quick);
    }
    if has_counts {
        callgrind::check()?;
        strace::check()?;
    }
    peers::missing().iter().for_each(|what| eprintln!("{what}"));
    let mut progress = |what: &str| eprint!("\r\x1b[K{what}");
    let mut figures = measure(&plan, &mut progress)?;
    if has_counts {
        figures.extend(count_all(&plan, &mut progress)?);
    }
    eprint!("\r\x1b[K");
    println!(
        "{:<14} {:>6} {:<14} {:>9} {:>21} {:>8} {:>9} {:>6}",
        "", "size", "", "median", "least-most", "to hand", "instrs", "calls"
    );
    for at in 0..figures.len() {
        show(&figures, at);
    }
    if let Some(file) = json {
        report::keep(&file, plan.is_quick, figures)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A row for each figure that is no count; the counts stand in it.
fn show(figures: &[Figure], at: usize) {
    let figure = &figures[at];
    if matches!(figure.measure, "instructions" | "system calls") {
        return;
    }
    let same = |other: &&Figure, measure: &str| {
        other.work == figure.work && other.size == figure.size && other.measure == measure
    };
    let size = figure.size.map_or(String::new(), |size| size.to_string());
    print!("{:<14} {size:>6} {:<14} ", figure.work, figure.contestant);
    let [low, median, high] = match (&figure.value, figure.value.spread()) {
        (Value::Cannot(lack), _) => return println!("{lack}"),
        (_, Some(spread)) => spread,
        (_, None) => return println!("nothing was measured"),
    };
    let limit = figures.iter().find(|other| same(other, figure.measure) && other.contestant == "hand");
    let ratio = match limit.and_then(|limit| limit.value.median()) {
        Some(limit) if limit > 0.0 => format!("{:.2}", median / limit),
        _ => String::from("-"),
    };
    let count = |measure: &str| {
        let found =
            figures.iter().find(|other| same(other, measure) && other.contestant == figure.contestant);
        let each = found.and_then(|count| count.value.median());
        each.map_or(String::from("-"), |each| format!("{each:.2}"))
    };
    println!(
        "{median:>9.1} {:>21} {ratio:>8} {:>9} {:>6}",
        format!("{low:.1}-{high:.1}"),
        count("instructions"),
        count("system calls")
    );
}
