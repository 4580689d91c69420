//! Starts the two processes of a case, and has them end.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::case::{Case, Contestant, Role};
use super::node::{Job, Report};
use crate::{callgrind, strace};

/// What of a process is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counter {
    /// In its own code and its libraries.
    Instructions,
    SystemCalls,
}

/// What both have told: who binds, and who connects.
pub fn play(case: Case, contestant: Contestant) -> Result<[Report; 2], Box<dyn Error>> {
    run(case, contestant, case.count, None)
}

/// How much each message has taken of that who binds, or who connects, in runs in which the other is not counted. A profile of the
/// instructions goes to `keep`, if that is given.
pub fn count(
    case: Case,
    contestant: Contestant,
    role: Role,
    counter: Counter,
    keep: Option<&Path>,
) -> Result<f64, Box<dyn Error>> {
    let (name, process) = (counter.name(), std::process::id());
    let file = match keep {
        Some(folder) => folder.join(format!("{case}-{contestant}-{}.{name}", role.name())),
        None => std::env::temp_dir().join(format!("ringmq-compare-{process}.{name}")),
    };
    let mut totals = [0; 2];
    for (count, total) in case.counted.into_iter().zip(&mut totals) {
        run(case, contestant, count, Some(&Counted { role, counter, file: &file }))?;
        *total = counter.read_total(&file)?;
    }
    if keep.is_none() {
        std::fs::remove_file(&file)?;
    }
    let ([few, many], [least, most]) = (case.counted, totals);
    Ok((most as f64 - least as f64) / ((many - few) * case.client_count as u64) as f64)
}

impl Counter {
    /// Of the program that counts.
    fn name(self) -> &'static str {
        match self {
            Counter::Instructions => "callgrind",
            Counter::SystemCalls => "strace",
        }
    }

    /// Whether it is there and runs.
    pub fn check(self) -> Result<(), Box<dyn Error>> {
        match self {
            Counter::Instructions => callgrind::check(),
            Counter::SystemCalls => strace::check(),
        }
    }

    /// The program that counts, with where it writes to, to be told what to run.
    fn command(self, file: &Path) -> Command {
        match self {
            Counter::Instructions => {
                let mut command = callgrind::command(file);
                // Threads take turns: else the one that spins for a lock may keep the other from ever letting it go.
                command.arg("--fair-sched=try");
                command
            }
            Counter::SystemCalls => strace::command(file),
        }
    }

    fn read_total(self, file: &Path) -> Result<u64, Box<dyn Error>> {
        match self {
            Counter::Instructions => callgrind::read_total(file),
            Counter::SystemCalls => strace::read_total(file),
        }
    }
}

/// The process that is counted, and where it is written what it has come to.
struct Counted<'a> {
    role: Role,
    counter: Counter,
    file: &'a Path,
}

/// Both processes; one of them is counted, if that is given.
fn run(
    case: Case,
    contestant: Contestant,
    count: u64,
    counted: Option<&Counted<'_>>,
) -> Result<[Report; 2], Box<dyn Error>> {
    let [binds, connects] = case.roles();
    let mut job = Job {
        contestant,
        role: binds,
        body_len: case.body_len,
        client_count: case.client_count,
        count,
        address: None,
    };
    let mut bound = Node::start(&job, counted)?;
    job.address = Some(bound.line()?);
    job.role = connects;
    let mut connected = Node::start(&job, counted)?;
    // Who is the last to have everything ends by itself, and then the other may.
    if binds.is_last() {
        let report = bound.end(binds)?;
        Ok([report, connected.end(connects)?])
    } else {
        let report = connected.end(connects)?;
        Ok([bound.end(binds)?, report])
    }
}

/// A process, which does not outlive a failure.
struct Node {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Node {
    fn start(job: &Job, counted: Option<&Counted<'_>>) -> Result<Node, Box<dyn Error>> {
        let program = std::env::current_exe()?;
        let mut command = match counted.filter(|counted| counted.role == job.role) {
            None => Command::new(program),
            Some(counted) => {
                let mut command = counted.counter.command(counted.file);
                command.arg(program);
                command
            }
        };
        // Who is the last to have everything is told from the beginning that it may end.
        let input = if job.role.is_last() { Stdio::null() } else { Stdio::piped() };
        let mut child = command.args(job.arguments()).stdin(input).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("a process without output")?);
        Ok(Node { child, output })
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_string())
    }

    /// Waits for what it tells. It is told that the other has had everything, if that is what it waits for.
    fn end(&mut self, role: Role) -> Result<Report, Box<dyn Error>> {
        drop(self.child.stdin.take());
        let report = self.line()?;
        let mut rest = String::new();
        self.output.read_to_string(&mut rest)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("{}: ended with {status}", role.name()).into());
        }
        report.parse()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Neither does anything once it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
