//! Starts the two processes of a case, and has them end.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::case::{Case, Contestant, Role};
use super::node::{Job, Report};
use crate::callgrind;

/// What both have told: who binds, and who connects.
pub fn play(case: Case, contestant: Contestant) -> Result<[Report; 2], Box<dyn Error>> {
    run(case, contestant, case.count, None)
}

/// How many instructions each message has taken in its own code and its libraries: of who binds, and of who connects. Each is counted in
/// runs of its own, in which the other is not. Their profiles go to `keep`, if that is given.
pub fn count(case: Case, contestant: Contestant, keep: Option<&Path>) -> Result<[f64; 2], Box<dyn Error>> {
    let mut each = [0.0; 2];
    for (side, each) in each.iter_mut().enumerate() {
        let mut totals = [0; 2];
        for (count, total) in case.counted.into_iter().zip(&mut totals) {
            let role = case.roles()[side].name();
            let profile = match keep {
                Some(folder) => folder.join(format!("{case}-{contestant}-{role}.callgrind")),
                None => std::env::temp_dir().join(format!("ringmq-compare-{}.callgrind", std::process::id())),
            };
            run(case, contestant, count, Some((side, &profile)))?;
            *total = callgrind::read_total(&profile)?;
            if keep.is_none() {
                std::fs::remove_file(&profile)?;
            }
        }
        let [few, many] = case.counted;
        let [least, most] = totals;
        *each = (most as f64 - least as f64) / ((many - few) * case.client_count as u64) as f64;
    }
    Ok(each)
}

/// Both processes; one of them is counted, if that is given with where its profile goes.
fn run(
    case: Case,
    contestant: Contestant,
    count: u64,
    counted: Option<(usize, &PathBuf)>,
) -> Result<[Report; 2], Box<dyn Error>> {
    let [binds, connects] = case.roles();
    let profile =
        |side| counted.filter(|(counted, _)| *counted == side).map(|(_, profile)| profile.as_path());
    let mut job = Job {
        contestant,
        role: binds,
        body_len: case.body_len,
        client_count: case.client_count,
        count,
        address: None,
    };
    let mut bound = Node::start(&job, profile(0))?;
    job.address = Some(bound.line()?);
    job.role = connects;
    let mut connected = Node::start(&job, profile(1))?;
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
    fn start(job: &Job, profile: Option<&Path>) -> Result<Node, Box<dyn Error>> {
        let program = std::env::current_exe()?;
        let mut command = match profile {
            None => Command::new(program),
            Some(profile) => {
                let mut command = Command::new("valgrind");
                // Threads take turns: else the one that spins for a lock may keep the other from ever letting it go.
                command.args(["-q", "--tool=callgrind", "--fair-sched=try"]);
                command.arg(format!("--callgrind-out-file={}", profile.display())).arg(program);
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
