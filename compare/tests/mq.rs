//! Every contestant of the command `mq` plays every row, or says why it does not.
#![cfg(feature = "mq")]

use std::process::Command;

const CONTESTANTS: [&str; 8] =
    ["hand", "loop", "loop-ring", "blocking", "blocking-ring", "tokio", "libzmq", "nng"];
const ROWS: [&str; 7] = [
    "push-pull-16",
    "push-pull-64",
    "push-pull-1024",
    "push-pull-65536",
    "push-pull-1048576",
    "req-rep-1",
    "req-rep-50",
];

/// What the command has written with such options.
fn run(options: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_ringmq-compare");
    let output = Command::new(program).arg("mq").args(options).output().expect("start it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it writes text")
}

#[test]
fn every_contestant_plays_every_row_or_says_why_not() {
    let text = run(&["--rounds", "1", "--count", "20"]);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    for contestant in CONTESTANTS {
        let absent = format!("{contestant}:");
        if lines.iter().any(|words| words[0] == absent) {
            continue; // the program was built without it, and says so
        }
        for row in ROWS {
            let found = lines.iter().find(|words| words[..2] == [row, contestant]);
            let words = found.unwrap_or_else(|| panic!("{row} by {contestant} is not there: {text}"));
            let is_row = words[2] == "cannot:" || words[2].parse::<f64>().is_ok_and(|rate| rate > 0.0);
            assert!(is_row, "{words:?}");
        }
    }
}

#[test]
fn a_contestant_that_cannot_play_a_row_says_what_it_lacks() {
    if cfg!(target_os = "linux") {
        let text = run(&["--only", "push-pull-64", "--with", "hand"]);
        assert!(text.contains("cannot: has requests and replies alone"), "{text}");
    }
}
