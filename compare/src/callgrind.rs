//! Runs this program, as an echo server or by itself, under callgrind, and reads how many instructions it has needed.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::client;
use crate::servers::Setting;

/// Whether valgrind is there and runs.
pub fn check() -> Result<(), Box<dyn Error>> {
    match Command::new("valgrind").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("valgrind does not run here: {status}").into()),
        Err(error) => Err(format!("valgrind is wanted, and cannot be started: {error}").into()),
    }
}

/// Callgrind, to be told what to run, with where its profile is to go.
///
/// Of what valgrind has to say by itself nothing is shown: that it does not know a system call, which then fails as on an older kernel, is
/// not news for who counts.
pub fn command(profile: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["-q", "--log-file=/dev/null", "--tool=callgrind"]);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command
}

/// How many instructions a server has needed in its own code and its libraries, from start to end, for so many round trips. The
/// profile goes to `keep`, if that is given.
pub fn count(setting: Setting, round_trips: u64, keep: Option<&Path>) -> Result<u64, Box<dyn Error>> {
    let temporary = std::env::temp_dir().join(format!("ringmq-compare-{}.callgrind", std::process::id()));
    let profile = keep.unwrap_or(&temporary);
    let result = client::play_with(command(profile), setting, round_trips).and_then(|()| read_total(profile));
    if keep.is_none() {
        // It is not there if the server did not come to its end.
        let _ = fs::remove_file(profile);
    }
    result
}

/// The same of this program with other arguments, when nobody has to talk to it.
pub fn count_alone(arguments: &[&str]) -> Result<u64, Box<dyn Error>> {
    let profile = std::env::temp_dir().join(format!("ringmq-compare-{}.callgrind", std::process::id()));
    let status = command(&profile).arg(std::env::current_exe()?).args(arguments).status()?;
    if !status.success() {
        return Err(format!("{}: ended with {status}", arguments.join(" ")).into());
    }
    let total = read_total(&profile);
    let _ = fs::remove_file(&profile);
    total
}

/// The line `totals: N` of a profile in callgrind's format.
pub fn read_total(profile: &Path) -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string(profile).map_err(|error| format!("{}: {error}", profile.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind has written no total")?.trim().parse()?)
}
