//! The examples do what their first lines say, on every backend of the system, and explain what is wrong with what they are given.

#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod cat;
mod echo;
#[path = "../programs/example.rs"]
mod example;
#[cfg(target_os = "linux")]
mod inotify;
#[cfg(all(feature = "mq", feature = "signal"))]
#[path = "../programs/program.rs"]
mod program;
#[cfg(all(feature = "mq", feature = "signal"))]
mod ringcat;
mod transfer;

use std::fs;
use std::path::{Path, PathBuf};

use example::example;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path for this test's own use; whatever an earlier run left there is gone.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn each_example_has_a_help_text() {
    let linux = ["inotify"].into_iter().filter(|_| cfg!(target_os = "linux"));
    let ringcat = ["ringcat"].into_iter().filter(|_| cfg!(all(feature = "mq", feature = "signal")));
    for name in ["cat", "echo", "multicore", "transfer"].into_iter().chain(linux).chain(ringcat) {
        for option in ["--help", "-h"] {
            let output = example(name).arg(option).env("RINGMQ_BACKEND", "").output().expect("run it");
            let help = text(&output.stdout);
            assert!(output.status.success() && output.stderr.is_empty(), "{name}: {}", text(&output.stderr));
            assert!(help.contains(&format!("usage: {name} ")) && help.contains("--help"), "{name}: {help}");
        }
    }
}
