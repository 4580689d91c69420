//! A process of the cluster, as the director has it: lines go in, lines come out, and nobody who waits for one waits for ever.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::member::{END, MOMENT, QUESTION};

/// So long an answer to the question how things stand is waited for; who does not give it is stuck itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// It ends when it is told to or its input does, and has then done what it had to.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

/// What there is to read of a process.
pub enum Said {
    Line(String),
    Nothing,
    /// It has ended, or will say no more.
    End,
}

impl Process {
    pub fn start(arguments: &[&str]) -> Process {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a member");
        let input = child.stdin.take().expect("it is a pipe");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Process { child, input, output }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes it a line. One that has ended does not read it, which shows when it is waited for.
    pub fn say(&mut self, line: &str) {
        let _ = self.input.write_all(format!("{line}\n").as_bytes());
    }

    /// Tells it to end.
    pub fn end(&mut self) {
        self.say(END);
    }

    /// What it says within a moment.
    pub fn hear(&self) -> Said {
        self.hear_within(MOMENT)
    }

    fn hear_within(&self, within: Duration) -> Said {
        match self.output.recv_timeout(within) {
            Ok(line) => Said::Line(line),
            Err(RecvTimeoutError::Timeout) => Said::Nothing,
            Err(RecvTimeoutError::Disconnected) => Said::End,
        }
    }

    /// In the middle of whatever it is at. One that has ended before has found a fault, which is answered.
    pub fn kill(&mut self) -> Result<(), String> {
        self.child.kill().expect("it is our child");
        let status = self.child.wait().expect("it is our child");
        match status.signal() {
            Some(9) => Ok(()),
            _ => Err(status.to_string()),
        }
    }

    /// Once it says no more: how it ended, if that was not in order.
    pub fn ended(&mut self) -> Result<(), String> {
        let status = self.child.wait().expect("it is our child");
        match status.success() {
            true => Ok(()),
            false => Err(status.to_string()),
        }
    }

    /// How it has ended, if it has.
    pub fn has_ended(&mut self) -> Option<String> {
        self.child.try_wait().expect("it is our child").map(|status| status.to_string())
    }

    /// How things stand, in its own words.
    pub fn standing(&mut self) -> Vec<String> {
        self.say(QUESTION);
        let mut lines = Vec::new();
        let trouble = loop {
            match self.hear_within(ANSWER_WITHIN) {
                Said::Line(line) if line == QUESTION => return lines,
                Said::Line(line) => lines.extend(line.strip_prefix(QUESTION).map(str::to_string)),
                Said::Nothing => break format!("no answer within {ANSWER_WITHIN:?}"),
                Said::End => break self.has_ended().unwrap_or_else(|| "it says no more".to_string()),
            }
        };
        lines.push(trouble);
        lines
    }
}

/// Nobody stays behind when a fault was found.
impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
