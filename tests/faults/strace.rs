//! Running a victim under strace: what to write on its command line, and what its log says.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output};

use ringmq::platform::Backend;

/// The call with which a victim marks where its story begins. What it does before that is not counted.
pub const MARK: &str = "getppid";

/// How often a victim has made each call of `WARMED_UP` before its mark. More often than the program's other thread ever makes one,
/// so that what the loader and Rust's runtime do, who give up on an error, is not tampered with. Rows count from the mark on.
pub const WARM_UP_COUNT: u32 = 40;
const WARMED_UP: &[&str] = &[
    "poll",
    "ppoll",
    "ppoll_time64",
    "read",
    "write",
    "close",
    "fcntl",
    "fcntl64",
    "fstat",
    "newfstatat",
    "fstat64",
    "statx",
];

/// Machines younger than ppoll(2) have no poll(2). Where a program asks for it the C library makes the other.
pub const HAS_POLL: bool = !cfg!(any(
    target_arch = "aarch64",
    target_arch = "loongarch64",
    target_arch = "riscv32",
    target_arch = "riscv64"
));

/// Which of the calls are to be tampered with, each name counted on its own and on every thread anew.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// This one alone.
    Only(u32),
    /// From the first to this one.
    Until(u32),
    /// From the first, all.
    Always,
    /// The first, the third, the fifth.
    EveryOther,
}

impl When {
    /// In strace's notation, after so many calls that are not meant.
    fn notation(self, before: u32) -> String {
        match self {
            When::Only(call) => format!("{}", before + call),
            When::Until(last) => format!("{}..{}", before + 1, before + last),
            When::Always => format!("{}+", before + 1),
            When::EveryOther => format!("{}+2", before + 1),
        }
    }
}

/// The names behind one of a table: `wait` is every call that a backend can wait by, `fine_wait` those that count nanoseconds and
/// `coarse_wait` the others; `endless_wait` is the one that is made without a timeout; anything else is a list of system calls.
///
/// For the last two poll needs poll(2), which not every machine has: see [`can_tell`].
pub fn names(calls: &'static str, backend: Backend) -> Vec<&'static str> {
    let list = match (calls, backend) {
        ("wait", Backend::Epoll) => "epoll_pwait2,epoll_wait,epoll_pwait",
        ("fine_wait", Backend::Epoll) => "epoll_pwait2",
        ("coarse_wait" | "endless_wait", Backend::Epoll) => "epoll_wait,epoll_pwait",
        ("wait", Backend::Poll) => "ppoll,ppoll_time64,poll",
        ("fine_wait", Backend::Poll) => "ppoll,ppoll_time64",
        ("coarse_wait" | "endless_wait", Backend::Poll) => "poll",
        ("wait" | "fine_wait" | "endless_wait", Backend::Select) => {
            "pselect6,pselect6_time64,select,_newselect"
        }
        ("wait" | "fine_wait" | "coarse_wait" | "endless_wait", backend) => {
            panic!("no row has a `{calls}` of {backend}")
        }
        _ => calls,
    };
    list.split(',').collect()
}

/// Whether this machine has the calls behind a name of the table.
pub fn can_tell(calls: &str, backend: Backend) -> bool {
    HAS_POLL || backend != Backend::Poll || !matches!(calls, "coarse_wait" | "endless_wait")
}

/// One `-e inject=…` for each name; the question mark lets strace pass over a name that this machine has not.
pub fn inject(names: &[&str], fault: &str, when: When) -> Vec<String> {
    let of = |name: &&str| {
        let before = if WARMED_UP.contains(name) { WARM_UP_COUNT } else { 0 };
        format!("inject=?{name}:{fault}:when={}", when.notation(before))
    };
    names.iter().map(of).collect()
}

/// Runs this program again under strace and waits for its end.
pub fn run<'a>(
    log: &Path,
    traced: &[&str],
    injections: &[String],
    victim: impl IntoIterator<Item = &'a str>,
) -> io::Result<Output> {
    let traced: Vec<String> = traced.iter().map(|name| format!("?{name}")).collect();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(log).args(["-e", &format!("trace={MARK},{}", traced.join(","))]);
    for injection in injections {
        command.args(["-e", injection]);
    }
    // Where a victim failed is said by its message; the calls that led there are in the log.
    command.env("RUST_BACKTRACE", "0");
    command.arg(std::env::current_exe()?).arg("--victim").args(victim.into_iter().map(OsStr::new)).output()
}

/// Why nothing can be injected here.
pub enum Obstacle {
    /// strace is not there, or does not do what it is asked.
    Unusable(String),
    /// The kernel does not let it trace.
    NotPermitted(String),
}

/// Whether a call of a traced program is tampered with as asked: seen, not guessed.
pub fn look_for_obstacle(log: &Path) -> Option<Obstacle> {
    let output = match run(log, &[MARK], &[format!("inject={MARK}:retval=7")], ["probe"]) {
        Ok(output) if output.status.success() => return None,
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Some(Obstacle::Unusable("strace is not installed".to_owned()));
        }
        Err(error) => return Some(Obstacle::Unusable(format!("strace does not start: {error}"))),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("it says nothing");
    let reason = format!("strace cannot tamper with a program here: {first}");
    if first.to_lowercase().contains("ptrace") {
        Some(Obstacle::NotPermitted(reason))
    } else {
        Some(Obstacle::Unusable(reason))
    }
}

/// What the log says of the thread that made the mark, from the mark on.
#[derive(Default)]
pub struct Log {
    counts: BTreeMap<String, usize>,
    /// The calls that were tampered with, and the signals that came.
    met: BTreeSet<String>,
    /// How many calls of `close` were not made, and so left a descriptor open.
    pub closes_prevented: usize,
    /// The last lines, for who looks into a failure.
    pub tail: Vec<String>,
}

impl Log {
    pub fn read(path: &Path) -> io::Result<Log> {
        let mut log = Log::default();
        let mut thread = None;
        for line in BufReader::new(File::open(path)?).lines() {
            let line = line?;
            let (pid, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let rest = rest.trim_start();
            // The first: a shell that a victim starts makes that call too.
            if thread.is_none() && rest.starts_with(MARK) {
                thread = Some(pid.to_owned());
                log.tail.clear();
            } else if thread.as_deref() == Some(pid) {
                log.note(rest);
            }
            if log.tail.len() == 30 {
                log.tail.remove(0);
            }
            log.tail.push(line);
        }
        Ok(log)
    }

    /// `NAME(ARGUMENTS) = RESULT`, or in two parts `NAME(ARGUMENTS <unfinished ...>` and `<... NAME resumed>) = RESULT`; or
    /// `--- SIGNAL {...} ---`.
    fn note(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("--- ") {
            self.met.extend(rest.split(' ').next().map(str::to_owned));
            return;
        }
        let resumed = line.strip_prefix("<... ").and_then(|rest| rest.split(' ').next());
        let Some(name) = resumed.or_else(|| line.split_once('(').map(|(name, _)| name)) else { return };
        if resumed.is_none() {
            *self.counts.entry(name.to_owned()).or_default() += 1;
        }
        if line.ends_with("(INJECTED)") || line.ends_with("(DELAYED)") {
            self.met.insert(name.to_owned());
            self.closes_prevented += usize::from(name == "close");
        }
    }

    /// How many calls were begun under any of these names.
    pub fn count(&self, names: &[&str]) -> usize {
        names.iter().filter_map(|name| self.counts.get(*name)).sum()
    }

    /// Whether this fault came upon any of these calls.
    pub fn has_met(&self, names: &[&str], fault: &str) -> bool {
        match fault.strip_prefix("signal=") {
            Some(signal) => self.met.contains(signal),
            None => names.iter().any(|name| self.met.contains(*name)),
        }
    }
}
