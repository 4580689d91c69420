//! The command `gate`: what does not depend on the machine's mood is counted, and compared with what is on file.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;
use ringmq::platform::Backend;

use crate::servers::{Kind, Setting};
use crate::work::{self, Job};
use crate::{callgrind, codecs, instructions, peers, strace};

const HELP: &str = "\
Counts user instructions and system calls of fixed workloads, and compares them with those on file.

usage: ringmq-compare gate [OPTION]...

  --file PATH      the counts to compare with; compare/counts.txt of this tree unless given
  --update REASON  writes what was counted to the file, with the reason behind each count that has changed

Ends with status 1 when a count is more than the one on file, beyond the tolerance, or when a workload is in only one of the two. One that
is less by as much is named, so that it can be updated. Wants valgrind and strace.
";

/// How much more or less counts as the same: compilers of one version and C libraries of one series differ by less.
const TOLERANCE: f64 = 0.02;
/// And so much in any case, in what is counted: a hundredth of 30 is less than what rounding makes of it.
const SLACK: f64 = 0.5;

const LEN: usize = 64;

const HEADER: &str = "\
# What `ringmq-compare gate` compares with: user instructions and system calls of the echo server for a round trip of 64 bytes; of
# a raw source for a hop along a thousand pipes (chain-idle), and for putting off one of ten thousand timers (timer-reset); and user
# instructions of our codecs for a frame. It is written by `gate --update REASON`; behind each count is why it is so.
";

/// The works of `loops` that are counted, and their sizes: those in which each turn does the same each time.
const WORKS: [(work::Kind, u64); 2] = [(work::Kind::ChainIdle, 1000), (work::Kind::TimerReset, 10_000)];

/// A count on file.
#[derive(Clone, PartialEq, Debug)]
struct Entry {
    count: f64,
    reason: String,
}

type Counts = BTreeMap<String, Entry>;

pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let mut path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/counts.txt"));
    let mut reason = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("file") => path = arguments.value()?.into(),
            Long("update") => reason = Some(arguments.value()?.string()?),
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if reason.as_deref().is_some_and(|reason| reason.trim().is_empty() || reason.contains('\n')) {
        return Err("--update wants a reason, in one line".into());
    }
    let kept = match fs::read_to_string(&path) {
        Ok(text) => read(&text).map_err(|error| format!("{}: {error}", path.display()))?,
        // The first time.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && reason.is_some() => Counts::new(),
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
    };
    callgrind::check()?;
    let (mut is_good, mut found) = (true, Counts::new());
    for counted in workloads() {
        let (name, count) = counted?;
        let verdict = compare(kept.get(&name).map(|entry| entry.count), count);
        is_good &= verdict.is_good();
        println!("{name:<36} {count:>9.1}  {verdict}");
        let entry = match (kept.get(&name), &reason) {
            (Some(entry), _) if verdict == Verdict::Same => entry.clone(),
            (_, reason) => Entry { count, reason: reason.clone().unwrap_or_default() },
        };
        found.insert(name, entry);
    }
    for name in kept.keys().filter(|name| !found.contains_key(*name)) {
        println!("{name:<36} {:>9}  is on file, and was not counted", "-");
        is_good = false;
    }
    if reason.is_some() {
        fs::write(&path, write(&found)).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that is counted, one after the other.
fn workloads() -> impl Iterator<Item = Result<(String, f64), Box<dyn Error>>> {
    let kinds = [Kind::Raw, Kind::Called, Kind::Stream, Kind::Framed, Kind::Timed];
    let backends = Backend::ALL.iter().copied().filter(|backend| backend.is_available());
    let settings: Vec<Setting> =
        backends.flat_map(|backend| kinds.map(|kind| Setting { kind, backend, len: LEN })).collect();
    let instructions = settings.clone().into_iter().map(|setting| {
        let name = format!("instructions/{}/{}", setting.backend, setting.kind);
        Ok((name, instructions::each(setting, None)?))
    });
    let calls = settings.into_iter().map(|setting| {
        let name = format!("system-calls/{}/{}", setting.backend, setting.kind);
        Ok((name, strace::each(setting)?))
    });
    let codecs = codecs::our_instructions().map(|counted| {
        let (name, count) = counted?;
        Ok((format!("instructions/{name}"), count))
    });
    instructions.chain(calls).chain(codecs).chain(works())
}

/// Those of `loops`, by a raw source on each backend of the machine.
fn works() -> impl Iterator<Item = Result<(String, f64), Box<dyn Error>>> {
    let backends = Backend::ALL.iter().copied().filter(|backend| backend.is_available());
    let jobs = backends.flat_map(|backend| WORKS.map(|work| (backend, work)));
    jobs.flat_map(|(backend, (kind, size))| match count_work(backend, kind, size) {
        Ok(counts) => {
            let names = ["instructions", "system-calls"].map(|what| format!("{what}/{backend}/{kind}"));
            names.into_iter().zip(counts).map(Ok).collect()
        }
        Err(error) => vec![Err(error)],
    })
}

fn count_work(backend: Backend, kind: work::Kind, size: u64) -> Result<[f64; 2], Box<dyn Error>> {
    let name = format!("ringmq {backend}");
    let all = peers::all();
    let contestant = all.iter().find(|one| one.name() == name).ok_or(format!("no contestant {name}"))?;
    let counts = work::count(Job { kind, size, count: 0 }, &**contestant)
        .map_err(|error| format!("{kind} by {name}: {error}"))?;
    counts.ok_or_else(|| format!("{kind} by {name}: it was not counted").into())
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Verdict {
    Same,
    More(f64),
    Less(f64),
    New,
}

impl Verdict {
    fn is_good(self) -> bool {
        matches!(self, Verdict::Same | Verdict::Less(_))
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Same => f.write_str("ok"),
            Verdict::More(kept) => write!(f, "MORE than the {kept:.1} on file"),
            Verdict::Less(kept) => write!(f, "less than the {kept:.1} on file: it may be updated"),
            Verdict::New => f.write_str("is NOT on file"),
        }
    }
}

fn compare(kept: Option<f64>, count: f64) -> Verdict {
    let kept = match kept {
        Some(kept) => kept,
        None => return Verdict::New,
    };
    let slack = (kept * TOLERANCE).max(SLACK);
    match count - kept {
        more if more > slack => Verdict::More(kept),
        less if less < -slack => Verdict::Less(kept),
        _ => Verdict::Same,
    }
}

/// A line a count: its name, the count, and a reason behind `#`.
fn read(text: &str) -> Result<Counts, String> {
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let expected = || format!("line {}: expected NAME COUNT # REASON, found {line:?}", at + 1);
            let (front, reason) = line.split_once('#').ok_or_else(expected)?;
            let words: Vec<&str> = front.split_whitespace().collect();
            match (&words[..], words.get(1).and_then(|word| word.parse().ok())) {
                ([name, _], Some(count)) => {
                    Ok((name.to_string(), Entry { count, reason: reason.trim().to_string() }))
                }
                _ => Err(expected()),
            }
        })
        .collect()
}

fn write(counts: &Counts) -> String {
    let mut text = String::from(HEADER);
    for (name, Entry { count, reason }) in counts {
        writeln!(text, "{name:<36} {count:>9.1}  # {reason}").expect("a string takes anything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_fails_and_what_is_less_is_named() {
        assert_eq!(compare(Some(400.0), 408.0), Verdict::Same);
        assert_eq!(compare(Some(400.0), 409.0), Verdict::More(400.0));
        assert_eq!(compare(Some(400.0), 391.0), Verdict::Less(400.0));
        assert_eq!(compare(Some(3.0), 3.4), Verdict::Same);
        assert_eq!(compare(Some(3.0), 4.0), Verdict::More(3.0));
        assert_eq!(compare(None, 4.0), Verdict::New);
        assert!(!Verdict::New.is_good() && !Verdict::More(1.0).is_good() && Verdict::Less(1.0).is_good());
    }

    #[test]
    fn what_is_written_is_read() {
        let entry = |count, reason: &str| Entry { count, reason: reason.to_string() };
        let counts = Counts::from([
            ("system-calls/epoll/raw".to_string(), entry(3.0, "recv, send, wait")),
            ("instructions/epoll/framed".to_string(), entry(412.5, "as first counted")),
        ]);
        assert_eq!(read(&write(&counts)), Ok(counts));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let error = read("# a header\n\nraw many # words\n").unwrap_err();
        assert_eq!(error, "line 3: expected NAME COUNT # REASON, found \"raw many # words\"");
        assert!(read("raw 12\n").is_err(), "each has its reason");
    }
}
