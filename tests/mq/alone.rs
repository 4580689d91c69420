//! Tests that need a process of their own: for what belongs to the whole of one, such as descriptors and signals, or to be stopped.

use std::fs;
use std::process::Command;

use nix::sys::resource::{getrlimit, setrlimit, Resource};

/// What this process is to a test that has started it.
const ROLE: &str = "RINGMQ_MQ_ROLE";

/// What this process is to the test that has started it; nothing, if none has.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// This program again, with this test alone, and something to be in it.
pub fn again(test: &str, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test's own binary"));
    command.args([test, "--exact", "--nocapture"]).env(ROLE, role);
    command
}

/// Runs the body of the test of this name where no other runs.
pub fn alone(test: &str, body: impl FnOnce()) {
    if role().is_some() {
        return body();
    }
    let output = again(test, "alone").output().expect("it runs again");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains(" 1 passed"), "{test}: {said}{errors}");
}

/// How many descriptors are open.
pub fn descriptor_count() -> usize {
    // /proc/self/fd on Linux; all other systems have this.
    fs::read_dir("/dev/fd").expect("list the descriptors").count()
}

/// Lets the process have as many descriptors as a test of many connections needs.
pub fn allow_many_descriptors() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(8192)), hard).unwrap();
}
