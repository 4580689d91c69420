//! Runs this program, as an echo server or by itself, under callgrind, and reads how many instructions it has needed.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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

/// How many instructions a server has needed in its own code and its libraries, from start to end, for so many round trips. The
/// profile goes to `keep`, if that is given.
pub fn count(setting: Setting, round_trips: u64, keep: Option<&Path>) -> Result<u64, Box<dyn Error>> {
    let temporary = std::env::temp_dir().join(format!("ringmq-compare-{}.callgrind", std::process::id()));
    let profile = keep.unwrap_or(&temporary);
    let result = serve(setting, round_trips, profile).and_then(|()| read_total(profile));
    if keep.is_none() {
        // It is not there if the server did not come to its end.
        let _ = fs::remove_file(profile);
    }
    result
}

/// The same of this program with other arguments, when nobody has to talk to it.
pub fn count_alone(arguments: &[&str]) -> Result<u64, Box<dyn Error>> {
    let profile = std::env::temp_dir().join(format!("ringmq-compare-{}.callgrind", std::process::id()));
    let status = Command::new("valgrind")
        .args(["-q", "--tool=callgrind", &format!("--callgrind-out-file={}", profile.display())])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .status()?;
    if !status.success() {
        return Err(format!("{}: ended with {status}", arguments.join(" ")).into());
    }
    let total = read_total(&profile);
    let _ = fs::remove_file(&profile);
    total
}

fn serve(setting: Setting, round_trips: u64, profile: &Path) -> Result<(), Box<dyn Error>> {
    let out = profile.to_str().ok_or("the path of the profile is not text")?;
    let mut server = Server(
        Command::new("valgrind")
            .args(["-q", "--tool=callgrind", &format!("--callgrind-out-file={out}")])
            .arg(std::env::current_exe()?)
            .args(setting.arguments())
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let mut address = String::new();
    BufReader::new(server.0.stdout.take().ok_or("the server has no output")?).read_line(&mut address)?;
    let address =
        address.trim().parse().map_err(|_| format!("{}: the server did not start", setting.kind))?;
    client::play(address, setting.request(), round_trips)?;
    // The client has hung up, which ends the server.
    let status = server.0.wait()?;
    if !status.success() {
        return Err(format!("{}: the server ended with {status}", setting.kind).into());
    }
    Ok(())
}

/// A server's process, which does not outlive a failure.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Neither does anything once it was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The line `totals: N` of a profile in callgrind's format.
pub fn read_total(profile: &Path) -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string(profile).map_err(|error| format!("{}: {error}", profile.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind has written no total")?.trim().parse()?)
}
