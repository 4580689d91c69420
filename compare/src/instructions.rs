//! The command `instructions`: user instructions per round trip in an echo server.
//!
//! Two runs that differ in nothing but the number of round trips are compared, so what it takes to start, to accept and to end drops
//! out. Only the server is counted: the client is this process.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::*;
use ringmq::platform::Backend;

use crate::callgrind;
use crate::servers::{Kind, Setting};

/// How many round trips the two runs make. The server does the same in each of them, so a few thousand tell.
const FEW: u64 = 1_000;
const MANY: u64 = 6_000;

const HELP: &str = "\
User instructions per round trip of one message in an echo server, counted by callgrind.

usage: ringmq-compare instructions [OPTION]...

  --backend NAME       waits by this mechanism: epoll (the default on Linux), kqueue, poll, select
  --only ROW           counts this row, and others that are named so; all rows without it
  --bytes N            the length of a message, 64 unless given, without what a codec puts before it
  --at-most ROW=N      ends with status 1 when the row needs more than N
  --profile DIRECTORY  keeps each row's profile there, for callgrind_annotate
  --json               one JSON object a line in place of the table

rows:
  bare    a loop on epoll that is written by hand: what cannot be gone below
  raw     a source of one's own that writes at once what it has read
  called  a source of one's own whose callback says in the next turn that it is to write
  stream  `Stream`: takes its input and sends it back
  framed  `Framed` with a length prefix of four bytes
  timed   as framed, with an idle timeout that each message resets

Wants valgrind.
";

struct Options {
    backend: Backend,
    rows: Vec<Kind>,
    len: usize,
    at_most: Vec<(Kind, f64)>,
    profile: Option<PathBuf>,
    is_json: bool,
}

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let options = match parse(arguments)? {
        Some(options) => options,
        None => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    callgrind::check()?;
    let mut is_good = true;
    for &kind in &options.rows {
        let setting = Setting { kind, backend: options.backend, len: options.len };
        if kind == Kind::Bare && !cfg!(target_os = "linux") {
            continue;
        }
        let profile = options.profile.as_deref().map(|folder| folder.join(format!("{kind}.callgrind")));
        let each = each(setting, profile.as_deref())?;
        let limit = options.at_most.iter().find(|(row, _)| *row == kind).map(|(_, limit)| *limit);
        is_good &= limit.is_none_or(|limit| each <= limit);
        show(setting, each, limit, options.is_json);
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many a round trip takes; the profile of the longer run goes to `keep`.
pub fn each(setting: Setting, keep: Option<&Path>) -> Result<f64, Box<dyn Error>> {
    let few = callgrind::count(setting, FEW, None)?;
    let many = callgrind::count(setting, MANY, keep)?;
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

fn show(setting: Setting, each: f64, limit: Option<f64>, is_json: bool) {
    let Setting { kind, len, .. } = setting;
    let backend = if kind == Kind::Bare { Backend::Epoll } else { setting.backend };
    if is_json {
        let limit = limit.map_or(String::from("null"), |limit| limit.to_string());
        println!(
            "{{\"row\": \"{kind}\", \"backend\": \"{backend}\", \"bytes\": {len}, \"instructions\": {each:.1}, \"at_most\": {limit}}}"
        );
    } else {
        let verdict = match limit {
            None => String::new(),
            Some(limit) if each <= limit => format!(", at most {limit}: ok"),
            Some(limit) => format!(", at most {limit}: TOO MANY"),
        };
        println!("{kind:<7} {backend:<7} {len} bytes {each:>8.1} instructions per round trip{verdict}");
    }
}

/// The options; `None` when help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    let mut options = Options {
        backend: Backend::default(),
        rows: Vec::new(),
        len: 64,
        at_most: Vec::new(),
        profile: None,
        is_json: false,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("backend") => options.backend = arguments.value()?.parse()?,
            Long("only") => options.rows.push(arguments.value()?.parse()?),
            Long("bytes") => options.len = arguments.value()?.parse()?,
            Long("at-most") => {
                let value = arguments.value()?.string()?;
                let (row, limit) = value.split_once('=').ok_or("--at-most wants ROW=N")?;
                options.at_most.push((row.parse()?, limit.parse()?));
            }
            Long("profile") => options.profile = Some(arguments.value()?.into()),
            Long("json") => options.is_json = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    if !Backend::AVAILABLE.contains(&options.backend) {
        return Err(format!("--backend {}: this system has it not", options.backend).into());
    }
    if options.len == 0 || options.len > crate::servers::LEN_MAX {
        return Err(format!("--bytes wants 1 to {}", crate::servers::LEN_MAX).into());
    }
    if options.rows.is_empty() {
        options.rows = Kind::ALL.to_vec();
    }
    // A limit on what is not counted would hold nothing.
    if let Some((row, _)) = options.at_most.iter().find(|(row, _)| !options.rows.contains(row)) {
        return Err(format!("--at-most {row}: that row is not counted").into());
    }
    if let Some(folder) = &options.profile {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(Some(options))
}
