//! The examples, as cargo has built them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An example as cargo has built it. `cargo test` builds all of them, into a folder beside that of the tests, but
/// `cargo test --test examples` does not: then what lies there may be missing or old, and is not to be tested.
pub fn example(name: &str) -> Command {
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
