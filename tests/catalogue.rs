//! The maps of what is known to what is tested, `README.md` of `tests/turn` and of `tests/mq`, name tests that there are, for every case.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
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

/// The tests of the files in this folder, by their modules: `prefix::folder::file::test`. Those of `mod.rs` and `tests.rs` are the folder's.
fn tests_in(folder: &str, prefix: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("a folder");
    let mut tests = BTreeSet::new();
    for entry in entries {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        let path = format!("{folder}/{name}");
        let module = match name.strip_suffix(".rs") {
            Some("mod" | "main" | "tests") => prefix.to_string(),
            Some(file) => format!("{prefix}{file}::"),
            None if Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).is_dir() => {
                tests.extend(tests_in(&path, &format!("{prefix}{name}::")));
                continue;
            }
            None => continue,
        };
        let source = read(&path);
        let behind = source.split("#[test]").skip(1).map(str::trim_start);
        let names = behind.filter_map(|rest| rest.strip_prefix("fn ")?.split('(').next());
        tests.extend(names.map(|name| format!("{module}{name}")));
    }
    tests
}

/// A map, and what it has to have.
struct Map {
    path: &'static str,
    numbers: RangeInclusive<u32>,
    known: BTreeSet<String>,
}

fn maps() -> [Map; 2] {
    let (queue, inside) = (tests_in("tests/mq", ""), tests_in("src/mq", "lib::mq::"));
    let named: BTreeSet<String> = queue.iter().map(|name| format!("mq::{name}")).collect();
    [
        Map {
            path: "tests/turn/README.md",
            numbers: 80..=138,
            known: [turn_tests(), codec_tests(), fault_rows(), named].into_iter().flatten().collect(),
        },
        Map {
            path: "tests/mq/README.md",
            numbers: 139..=161,
            known: [queue, inside].into_iter().flatten().collect(),
        },
    ]
}

impl Map {
    /// Its lines: number, what is known, and what is named.
    fn cases(&self) -> Vec<(u32, String, Vec<String>)> {
        let map = read(self.path);
        let rows = map.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        let numbered = rows.filter_map(|(number, rest)| Some((number.parse().ok()?, rest)));
        let quoted = |rest: &str| rest.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
        let tests = |rest: &str| quoted(rest).into_iter().filter(|name| name.contains("::")).collect();
        numbered.map(|(number, rest)| (number, rest.to_string(), tests(rest))).collect()
    }
}

#[test]
fn a_map_has_every_case_once_and_in_order() {
    for map in maps() {
        let numbers: Vec<u32> = map.cases().iter().map(|(number, ..)| *number).collect();
        assert_eq!(numbers, map.numbers.clone().collect::<Vec<_>>(), "{}", map.path);
    }
}

#[test]
fn a_map_names_tests_that_there_are() {
    for map in maps() {
        for (number, _, names) in map.cases() {
            for name in names {
                assert!(map.known.contains(&name), "case {number}: expected a test named {name}, found none");
            }
        }
    }
}

#[test]
fn a_case_without_a_test_says_why() {
    for map in maps() {
        for (number, line, names) in map.cases() {
            assert!(
                !names.is_empty() || line.contains("not here, "),
                "case {number} has no test and no reason: {line}"
            );
        }
    }
}
