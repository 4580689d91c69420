//! The examples do what their first lines say, on every backend of the system, and explain what is wrong with what they are given.

#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod cat;
mod echo;
#[cfg(target_os = "linux")]
mod inotify;
mod transfer;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An example as cargo has built it. `cargo test` builds all of them, into a folder beside that of the tests, but
/// `cargo test --test examples` does not: then what lies there may be missing or old, and is not to be tested.
fn example(name: &str) -> Command {
    let this_test = std::env::current_exe().expect("a test knows its own path");
    let profile = this_test.ancestors().nth(2).expect("tests lie in <profile>/deps");
    let path = profile.join("examples").join(name);
    assert!(is_current(&path), "{} is missing or old: run `cargo build --examples`", path.display());
    Command::new(path)
}

/// Whether a program is newer than all that it was made from, which cargo has noted beside it in the form of a makefile.
fn is_current(program: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    let rule = fs::read_to_string(program.with_extension("d")).unwrap_or_default().replace("\\ ", "\0");
    let mut sources = rule.split_whitespace().skip(1).map(|source| PathBuf::from(source.replace('\0', " ")));
    let built = modified(program);
    built.is_some() && sources.all(|source| modified(&source) <= built)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path for this test's own use; whatever an earlier run left there is gone.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}
