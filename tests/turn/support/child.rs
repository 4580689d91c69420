//! Tests that need a process of their own: those that count descriptors, or that leave none to be had.

use std::process::Command;

use nix::sys::resource::{getrlimit, rlim_t, setrlimit, Resource};

use super::Case;

const IS_CHILD: &str = "RINGMQ_TURN_TEST_CHILD";

/// Runs `body` in a process that runs nothing else: this test's, started anew.
pub fn in_child(case: Case, body: impl FnOnce()) {
    if std::env::var_os(IS_CHILD).is_some() {
        body();
    } else {
        start_child(case);
    }
}

fn start_child(case: Case) {
    let output = Command::new(std::env::current_exe().expect("the test's own binary"))
        .args([case.name, "--exact", "--nocapture", "--test-threads=1"])
        .env(IS_CHILD, "1")
        .output()
        .expect("start the child");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the child failed:\n{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "the child did not run {}:\n{stdout}", case.name);
}

/// How many descriptors this process has open, the one to count them by included.
pub fn descriptor_count() -> usize {
    std::fs::read_dir("/dev/fd").expect("list the open descriptors").count()
}

/// Lets this process have `count` descriptors, or as many as the system allows; answers how many.
pub fn limit_descriptors(count: usize) -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
    // Unsigned on Linux and macOS, signed on FreeBSD.
    let count = hard.min(rlim_t::try_from(count).expect("a number of descriptors"));
    setrlimit(Resource::RLIMIT_NOFILE, count, hard).expect("setrlimit");
    usize::try_from(count).expect("a number of descriptors")
}
