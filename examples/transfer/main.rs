//! Try: `cargo run --release --example transfer`, or name files of your own behind `--`.
//!
//! Sends files through every backend of the system and compares every byte that comes back. A client and a server, two reactors on
//! two threads, talk over TCP on the loopback; each file is cut into messages of seeded random length from 0 bytes to 1 MiB.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod peers;
mod plan;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringmq::platform::Backend;

use self::peers::Outcome;
use self::plan::Cargo;

const HELP: &str = "\
usage: transfer [OPTION ...] [FILE ...]

Sends the files (default: a few of this repository, and this program) from a client to a server and back, over TCP on the
loopback, once with each backend, and compares every byte. Exits with 1 if anything differs.

  --backend NAME    only this backend: epoll, kqueue, poll or select; may be given more than once
  --seed N          another cut of the files into messages (default: 1)
  --flip-byte N     have the server spoil byte N of what it sends back, to see the comparison fail
  -h, --help        this text";

/// What the command line asks for.
struct Options {
    backends: Vec<Backend>,
    seed: u64,
    flip_byte: Option<u64>,
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody reads on: `transfer | head`.
            if error.downcast_ref().map(io::Error::kind) != Some(io::ErrorKind::BrokenPipe) {
                eprintln!("transfer: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Answers whether everything came back as it was sent.
fn run() -> Result<bool, Box<dyn Error>> {
    let options = match parse(lexopt::Parser::from_env())? {
        Some(options) => options,
        None => {
            writeln!(io::stdout(), "{HELP}")?;
            return Ok(true);
        }
    };
    let cargo = Cargo::open(&options.files, options.seed)?;
    if let Some(offset) = options.flip_byte.filter(|offset| *offset >= cargo.len()) {
        return Err(
            format!("cannot flip byte {offset}: there are {} bytes, counted from 0", cargo.len()).into()
        );
    }

    let mut out = io::stdout();
    writeln!(
        out,
        "{} file(s), {} bytes, in messages of 0 to {} bytes (seed {})\n",
        options.files.len(),
        cargo.len(),
        plan::MESSAGE_MAX,
        options.seed
    )?;
    writeln!(out, "backend  {:>10}  {:>13}  {:>9}  {:>9}  verdict", "messages", "bytes", "seconds", "MB/s")?;
    let mut is_good = true;
    for backend in &options.backends {
        if !backend.is_available() {
            writeln!(
                out,
                "{backend:<7}  {:>10}  {:>13}  {:>9}  {:>9}  absent from this system",
                "-", "-", "-", "-"
            )?;
            continue;
        }
        let outcome = peers::transfer(*backend, &cargo, options.flip_byte);
        write_row(&mut out, *backend, &outcome)?;
        is_good &= outcome.failure.is_none();
    }
    writeln!(
        out,
        "\nEach byte travels there and back, and is counted once. Peak memory: {:.1} MiB.",
        peak_memory()
    )?;
    Ok(is_good)
}

fn write_row(out: &mut impl Write, backend: Backend, outcome: &Outcome) -> io::Result<()> {
    let seconds = outcome.duration.as_secs_f64();
    let rate = outcome.bytes as f64 / 1e6 / seconds;
    let verdict = match &outcome.failure {
        None => "PASS".to_owned(),
        Some(why) => format!("FAIL: {why}"),
    };
    let (messages, bytes) = (outcome.messages, outcome.bytes);
    writeln!(out, "{backend:<7}  {messages:>10}  {bytes:>13}  {seconds:>9.3}  {rate:>9.1}  {verdict}")
}

/// The options; none when only the help text is wanted.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut options = Options { backends: Vec::new(), seed: 1, flip_byte: None, files: Vec::new() };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("backend") => {
                let backend: Backend = arguments.value()?.string()?.parse()?;
                options.backends.push(backend);
            }
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("flip-byte") => options.flip_byte = Some(arguments.value()?.parse()?),
            Short('h') | Long("help") => return Ok(None),
            Value(file) => options.files.push(file.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.backends.is_empty() {
        options.backends = Backend::ALL.to_vec();
    }
    if options.files.is_empty() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        options.files =
            ["README.md", "LICENSE-APACHE", "Cargo.lock"].map(|name| repository.join(name)).to_vec();
        options.files.push(std::env::current_exe()?);
    }
    Ok(Some(options))
}

/// The most memory that this program has had, in MiB.
fn peak_memory() -> f64 {
    peak_of_this_image().unwrap_or_else(|| {
        use nix::sys::resource::{getrusage, UsageWho};
        // Kilobytes, but bytes on Apple's systems (getrusage(2) of each).
        let unit = if cfg!(target_vendor = "apple") { 1.0 } else { 1024.0 };
        getrusage(UsageWho::RUSAGE_SELF)
            .map_or(f64::NAN, |usage| usage.max_rss() as f64 * unit / (1 << 20) as f64)
    })
}

/// The same from Linux's proc(5): there, getrusage also counts what the process was before it became this program, `cargo` say.
fn peak_of_this_image() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
