//! Runs this program as an echo server under strace, and reads how many system calls it has made.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::client;
use crate::servers::Setting;

/// How many round trips the two runs make.
const FEW: u64 = 100;
const MANY: u64 = 600;

/// Whether strace is there and runs.
pub fn check() -> Result<(), Box<dyn Error>> {
    match Command::new("strace").arg("-V").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("strace does not run here: {status}").into()),
        Err(error) => Err(format!("strace is wanted, and cannot be started: {error}").into()),
    }
}

/// Strace, to be told what to run, with where its summary is to go.
pub fn command(summary: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-c", "-o"]).arg(summary);
    command
}

/// How many system calls a round trip takes the server.
pub fn each(setting: Setting) -> Result<f64, Box<dyn Error>> {
    let (few, many) = (count(setting, FEW)?, count(setting, MANY)?);
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

fn count(setting: Setting, round_trips: u64) -> Result<u64, Box<dyn Error>> {
    let summary = std::env::temp_dir().join(format!("ringmq-compare-{}.strace", std::process::id()));
    let result =
        client::play_with(command(&summary), setting, round_trips).and_then(|()| read_total(&summary));
    // It is not there if the server did not come to its end.
    let _ = fs::remove_file(&summary);
    result
}

/// How many calls a summary comes to.
pub fn read_total(summary: &Path) -> Result<u64, Box<dyn Error>> {
    total_in(&fs::read_to_string(summary).map_err(|error| format!("{}: {error}", summary.display()))?)
}

/// In the line of the table that ends with `total`: a share, seconds, microseconds each, how many, and how many of them failed if some did.
fn total_in(summary: &str) -> Result<u64, Box<dyn Error>> {
    let mut lines = summary.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let total = lines.find(|words| words.last() == Some(&"total")).ok_or("strace has written no total")?;
    Ok(total.get(3).ok_or("strace has written no number of calls")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_with_and_without_failures() {
        let table = |total: &str| format!("% time seconds usecs/call calls errors syscall\n{total}\n");
        assert_eq!(
            total_in(&table("100.00    0.126857          12     10150           total")).unwrap(),
            10150
        );
        assert_eq!(
            total_in(&table("100.00    0.126857          12     10150        50 total")).unwrap(),
            10150
        );
        assert!(total_in("strace: exec: nothing").is_err());
    }
}
