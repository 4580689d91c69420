//! The map of what is known to what is tested, `tests/turn/README.md`, names tests that there are, for every case.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tests of `turn`, by the list that stamps them: `module::test`.
fn turn_tests() -> BTreeSet<String> {
    let source = read("tests/turn/main.rs");
    let list = source.split("\non_every_backend! {").nth(1).expect("the list of the tests");
    let mut module = "";
    let mut tests = BTreeSet::new();
    for line in list.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(':') {
            module = name;
        } else if !line.starts_with('#') && line.len() > 1 {
            tests.insert(format!("{module}::{}", line.trim_end_matches(';')));
        }
    }
    tests
}

/// `codec::test` for each function of `tests/codec/length_prefix.rs` that is one.
fn codec_tests() -> BTreeSet<String> {
    let source = read("tests/codec/length_prefix.rs");
    let names = source.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
    names.map(|name| format!("codec::{name}")).collect()
}

/// `faults::row` for each row.
fn fault_rows() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/rows");
    let files = fs::read_dir(folder).expect("the rows").map(|entry| entry.expect("a file").path());
    let sources: Vec<String> = files.map(|path| fs::read_to_string(path).expect("text")).collect();
    let rows = sources.iter().flat_map(|source| source.split("name: \"").skip(1));
    rows.filter_map(|rest| rest.split('"').next()).map(|name| format!("faults::{name}")).collect()
}

/// The lines of the map: number, and what is named.
fn cases() -> Vec<(u32, Vec<String>)> {
    let map = read("tests/turn/README.md");
    let rows = map.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let numbered = rows.filter_map(|(number, rest)| Some((number.parse().ok()?, rest)));
    let names = |rest: &str| rest.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
    numbered.map(|(number, rest)| (number, names(rest))).collect()
}

#[test]
fn the_map_has_every_case_of_the_loop_and_of_streams_once_and_in_order() {
    let numbers: Vec<u32> = cases().iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (80..=138).collect::<Vec<_>>());
}

#[test]
fn the_map_names_tests_that_there_are() {
    let known: BTreeSet<String> = turn_tests().into_iter().chain(codec_tests()).chain(fault_rows()).collect();
    for (number, names) in cases() {
        for name in names.iter().filter(|name| name.contains("::")) {
            assert!(known.contains(name), "case {number}: expected a test named {name}, found none");
        }
    }
}

#[test]
fn a_case_without_a_test_says_why() {
    let map = read("tests/turn/README.md");
    for (number, names) in cases().iter().filter(|(_, names)| !names.iter().any(|name| name.contains("::"))) {
        let line =
            map.lines().find(|line| line.starts_with(&format!("| {number} |"))).expect("it has a line");
        assert!(line.contains("not here, "), "case {number} has no test and no reason: {names:?}");
    }
}
