//! Replays on stable what fuzzing has found worth keeping: the seeds, the corpus, and the crashes of this checkout.
//!
//! It belongs to `fuzz/` and so is not in the published package, which has no `fuzz/`.
#![cfg(feature = "mq")]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

struct Target {
    name: &'static str,
    run: fn(&[u8]),
}

/// Every fuzz target and what it does with an input, ordered by name.
const TARGETS: &[Target] = &[
    Target { name: "chunked", run: fuzz::chunked::run },
    Target { name: "delimited", run: fuzz::delimited::run },
    Target { name: "framed", run: fuzz::framed::run },
    Target { name: "length_field", run: fuzz::length_field::run },
    Target { name: "length_prefix", run: fuzz::length_prefix::run },
    Target { name: "lines", run: fuzz::lines::run },
    Target { name: "mq_session", run: fuzz::mq_session::run },
    Target { name: "mq_socket", run: fuzz::mq_socket::run },
    Target { name: "pollers_agree", run: fuzz::pollers_agree::run },
    Target { name: "ring", run: fuzz::ring::run },
    Target { name: "ring_round_trip", run: fuzz::ring_round_trip::run },
    Target { name: "timers_ops", run: fuzz::timers_ops::run },
    Target { name: "varint", run: fuzz::varint::run },
    Target { name: "zmtp_commands", run: fuzz::zmtp_commands::run },
    Target { name: "zmtp_frames", run: fuzz::zmtp_frames::run },
    Target { name: "zmtp_greeting", run: fuzz::zmtp_greeting::run },
    Target { name: "zmtp_round_trip", run: fuzz::zmtp_round_trip::run },
];

/// The files that a target has in one of the folders of `fuzz/`.
fn files(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
    // There are artifacts only where a crash was found, so a folder that is not there is an empty one.
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry of a folder that is there").path()).collect()
}

#[test]
fn every_kept_input_keeps_the_laws() {
    let mut broken = Vec::new();
    for Target { name, run } in TARGETS {
        for path in ["seeds", "corpus", "artifacts"].iter().flat_map(|folder| files(folder, name)) {
            let data = fs::read(&path).expect("a readable input");
            if catch_unwind(|| run(&data)).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "inputs that break a law: {broken:#?}");
}

#[test]
fn every_target_has_seeds_and_a_corpus() {
    for Target { name, .. } in TARGETS {
        for folder in ["seeds", "corpus"] {
            assert!(!files(folder, name).is_empty(), "fuzz/{folder}/{name} has no file");
        }
    }
}

#[test]
fn every_target_is_replayed() {
    let mut targets: Vec<_> = files("fuzz_targets", "")
        .iter()
        .map(|path| path.file_stem().expect("a file").to_string_lossy().into_owned())
        .collect();
    targets.sort();
    let replayed: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(targets, replayed, "the files of fuzz/fuzz_targets and the table of this test, in order");
}

#[test]
fn every_target_is_in_the_table_of_the_readme() {
    let readme = include_str!("../fuzz/README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let listed: Vec<_> = rows.map(|(name, _)| name).filter(|name| !name.ends_with('/')).collect();
    let targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(listed, targets, "the rows of fuzz/README.md and the table of this test, in order");
}
