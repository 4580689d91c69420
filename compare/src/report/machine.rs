//! On which machine it was measured, and with what.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Facts that a figure is worth little without. What could not be found out is empty.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    pub kernel: String,
    pub processor: String,
    pub cores: usize,
    /// In UTC.
    pub date: String,
    pub compiler: String,
    /// The version of this program's ringmq.
    pub ringmq: String,
    /// Of the working tree that it was run in.
    pub commit: String,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Machine {
        Machine {
            kernel: said("uname", &["-sr"]),
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            compiler: said("rustc", &["--version"]),
            ringmq: version(include_str!("../../../Cargo.toml")),
            commit: said("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        }
    }

    /// As a sentence has it.
    pub fn place(&self) -> String {
        let processor = if self.processor.is_empty() { "an unnamed processor" } else { &self.processor };
        let cores = if self.cores == 1 { "1 core" } else { &format!("{} cores", self.cores) };
        format!("{} ({processor}, {cores})", self.kernel)
    }
}

/// The first line of what a program prints; nothing if it is not there.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.and_then(|text| text.lines().next().map(|line| line.trim().to_string())).unwrap_or_default()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    match line.and_then(|line| line.split_once(':')) {
        Some((_, name)) => name.trim().to_string(),
        None => said("sysctl", &["-n", "hw.model"]),
    }
}

fn version(manifest: &str) -> String {
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = "));
    line.unwrap_or_default().trim_matches('"').to_string()
}
