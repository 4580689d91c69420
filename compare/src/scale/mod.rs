//! The command `scale`: how many idle connections a loop holds, what each takes, and what an active one costs beside them.

mod client;
pub mod multicore;
mod play;
mod server;
mod stop;

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use lexopt::prelude::*;
use ringmq::platform::Backend;

use crate::report::limit;

pub use client::run as run_client;
pub use server::run as run_server;

/// How many messages each active connection gets; when instructions are counted, in two runs.
const ROUNDS: u64 = 200;
const COUNTED: [u64; 2] = [20, 60];

/// Descriptors that the server needs for itself: standard ones, the listener, the loop's, and what valgrind takes.
const RESERVE: usize = 32;

const HELP: &str = "\
How many idle connections one loop holds, what each takes, and what an event costs beside them. Linux with glibc only.

usage: ringmq-compare scale [OPTION]...

  --connections N    holds so many, 10000 unless given, and 1000 and 10000 below it; `max` is what the limit allows
  --kind KIND        `raw` (a source of one's own) or `framed`; both without it
  --backend NAME     epoll, poll or select; all of the machine without it
  --active N         so many connections get messages while the others idle, 100 unless given
  --counts           also counts user instructions per event; wants valgrind
";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Raw,
    Framed,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Raw => "raw",
            Kind::Framed => "framed",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Kind, String> {
        match name {
            "raw" => Ok(Kind::Raw),
            "framed" => Ok(Kind::Framed),
            _ => Err(format!("expected the kind raw or framed, found {name:?}")),
        }
    }
}

#[derive(Debug)]
struct Options {
    /// None for as many as the limit allows.
    connections: Option<usize>,
    kinds: Vec<Kind>,
    backends: Vec<Backend>,
    active: usize,
    is_counted: bool,
}

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let Some(options) = parse(arguments)? else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if options.is_counted {
        crate::callgrind::check()?;
    }
    let limit = limit::raise()? as usize;
    println!("limit on descriptors of each process: {limit}");
    println!("kind    backend  asked    held  user B  resident B  CPU ns/event  instructions/event");
    for &kind in &options.kinds {
        for &backend in &options.backends {
            for count in steps(options.connections.unwrap_or(limit.saturating_sub(RESERVE))) {
                measure(kind, backend, count, limit, &options)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    kind: Kind,
    backend: Backend,
    count: usize,
    limit: usize,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let seen = play::play(kind, backend, count, options.active, ROUNDS, limit, None)?;
    let per = |bytes: u64| bytes as f64 / seen.held.max(1) as f64;
    let cost = seen.nanoseconds as f64 / seen.messages.max(1) as f64;
    let instructions = match options.is_counted {
        true => format!("{:.1}", instructions(kind, backend, count, limit, options.active)?),
        false => "-".to_owned(),
    };
    let (user, resident) = (per(seen.user), per(seen.resident));
    println!(
        "{kind:<7} {backend:<7} {count:>6} {:>7} {user:>7.1} {resident:>11.1} {cost:>13.0} {instructions:>19}",
        seen.held
    );
    if let Some(reason) = seen.stopped {
        println!("        stopped at {}: {reason}", seen.held);
    }
    Ok(())
}

fn instructions(
    kind: Kind,
    backend: Backend,
    count: usize,
    limit: usize,
    active: usize,
) -> Result<f64, Box<dyn Error>> {
    let profile = std::env::temp_dir().join(format!("ringmq-scale-{}.callgrind", std::process::id()));
    let mut seen = [(0, 0); 2];
    for (rounds, seen) in COUNTED.into_iter().zip(&mut seen) {
        let messages = play::play(kind, backend, count, active, rounds, limit, Some(&profile))?.messages;
        *seen = (crate::callgrind::read_total(&profile)?, messages);
        std::fs::remove_file(&profile)?;
    }
    let [(few, fewer), (many, more)] = seen;
    Ok((many as f64 - few as f64) / (more - fewer) as f64)
}

/// What is measured on the way to so many, and that itself.
fn steps(most: usize) -> Vec<usize> {
    let below = [1_000, 10_000].into_iter().filter(|&count| count < most);
    below.chain([most]).collect()
}

/// The options; `None` when help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    let mut options = Options {
        connections: Some(10_000),
        kinds: Vec::new(),
        backends: Vec::new(),
        active: 100,
        is_counted: false,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("connections") => {
                let value = arguments.value()?.string()?;
                options.connections =
                    if value == "max" { None } else { Some(positive("--connections", &value)?) };
            }
            Long("kind") => options.kinds.push(arguments.value()?.parse()?),
            Long("backend") => options.backends.push(arguments.value()?.parse()?),
            Long("active") => options.active = positive("--active", &arguments.value()?.string()?)?,
            Long("counts") => options.is_counted = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(backend) = options.backends.iter().find(|backend| !Backend::AVAILABLE.contains(backend)) {
        return Err(format!("--backend {backend}: this system has it not").into());
    }
    if options.kinds.is_empty() {
        options.kinds = vec![Kind::Raw, Kind::Framed];
    }
    if options.backends.is_empty() {
        options.backends = Backend::AVAILABLE.to_vec();
    }
    Ok(Some(options))
}

fn positive(option: &str, value: &str) -> Result<usize, String> {
    let wrong = || format!("{option}: expected a number from 1 up, found {value:?}");
    value.parse().ok().filter(|&count| count > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Options>, String> {
        parse(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_that_make_no_sense_say_what_was_expected() {
        for (words, expected) in [
            (["--connections", "0"], "expected a number from 1 up, found \"0\""),
            (["--connections", "many"], "expected a number from 1 up, found \"many\""),
            (["--kind", "stream"], "expected the kind raw or framed, found \"stream\""),
        ] {
            let error = parsed(&words).expect_err("it is refused");
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(parsed(&["--connections", "max"]).expect("taken").expect("no help").connections, None);
    }

    #[test]
    fn the_way_to_the_most_has_a_thousand_and_ten_thousand() {
        assert_eq!(steps(500), [500]);
        assert_eq!(steps(10_000), [1_000, 10_000]);
        assert_eq!(steps(19_968), [1_000, 10_000, 19_968]);
    }
}
