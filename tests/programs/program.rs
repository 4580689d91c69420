//! A program that a test talks to, line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

/// After so long something is awaited in vain. Nothing is measured by it.
pub const GUARD: Duration = Duration::from_secs(20);

/// A program that runs; it ends with the test.
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    errors: Receiver<String>,
    /// The lines of its errors that were seen.
    complaints: Vec<String>,
}

/// What a program has come to.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// The lines of its output that were not read before.
    pub output: Vec<String>,
    /// All lines of its errors.
    pub errors: Vec<String>,
}

impl Program {
    pub fn start(command: &mut Command) -> Program {
        let name = Path::new(command.get_program()).display().to_string();
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = lines(child.stdout.take().expect("it is a pipe"));
        let errors = lines(child.stderr.take().expect("it is a pipe"));
        Program { name, input: child.stdin.take(), child, output, errors, complaints: Vec::new() }
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is not closed yet");
        if let Err(error) = input.write_all(format!("{line}\n").as_bytes()) {
            self.fail(&format!("it does not read: {error}"));
        }
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// The next line of its output, once it is there.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let line = self.line_within(GUARD);
        line.unwrap_or_else(|| self.fail("no line"))
    }

    /// The next line of its output, if it comes so soon.
    pub fn line_within(&mut self, within: Duration) -> Option<String> {
        self.output.recv_timeout(within).ok()
    }

    /// The next line of its errors that has `word` in it.
    #[track_caller]
    pub fn complaint(&mut self, word: &str) -> String {
        loop {
            match self.errors.recv_timeout(GUARD) {
                Ok(line) => {
                    self.complaints.push(line.clone());
                    if line.contains(word) {
                        return line;
                    }
                }
                Err(error) => self.fail(&format!("no {word:?}: {error}")),
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it has not been waited for");
    }

    /// Ends its input, and waits until it has come to its end by itself.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        self.end_input();
        let mut output = Vec::new();
        loop {
            match self.output.recv_timeout(GUARD) {
                Ok(line) => output.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.fail("it does not end"),
            }
        }
        self.complaints.extend(self.errors.iter());
        let status = self.child.wait().expect("it is our child");
        Ended { status, output, errors: std::mem::take(&mut self.complaints) }
    }

    #[track_caller]
    fn fail(&mut self, why: &str) -> ! {
        self.complaints.extend(self.errors.try_iter());
        panic!("{}: {why}; its errors are {:?}", self.name, self.complaints);
    }
}

/// The lines of a pipe as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; what matters is that it is gone, and waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
