//! The list of cases, `CASES.md` and the contract of `Poller` name the same tests, in every direction.

use std::collections::{BTreeMap, BTreeSet};

use crate::CASES;

const CATALOGUE: &str = include_str!("CASES.md");
const CONTRACT: &str = include_str!("../../src/poller.rs");

/// The cases of the catalogue have these numbers, and the states of its second part have a `B` before theirs.
const LAST_CASE: usize = 79;
const LAST_STATE: usize = 30;

fn stamped() -> BTreeSet<&'static str> {
    CASES.iter().map(|(_, _, name)| *name).collect()
}

/// The names in backticks that are sentences; types and calls in backticks are not.
fn names_in(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_sentence = |name: &&str| {
        name.matches('_').count() >= 2
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    quoted.filter(is_sentence).collect()
}

/// The rows of the tables: the first column, and the last.
fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = |line: &'static str| -> Option<(&'static str, &'static str)> {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (key, rest) = line.split_once(" | ")?;
        Some((key, rest.rsplit_once(" | ")?.1))
    };
    CATALOGUE
        .lines()
        .filter_map(cells)
        .filter(|(key, _)| !matches!(*key, "case" | "state" | "promise"))
        .collect()
}

/// The numbered lines of the contract, each with what follows it up to the next.
fn contract() -> BTreeMap<usize, String> {
    let mut lines: BTreeMap<usize, String> = BTreeMap::new();
    let mut current = None;
    for line in CONTRACT.lines() {
        let text = match line.strip_prefix("/// ") {
            Some(text) => text,
            None => {
                current = None;
                continue;
            }
        };
        if let Some(number) = text.split_once(". ").and_then(|(number, _)| number.parse().ok()) {
            current = Some(number);
        }
        if let Some(number) = current {
            lines.entry(number).or_default().push_str(text);
        }
    }
    lines
}

#[test]
fn every_backend_has_sixty_cases_of_its_own() {
    for (backend, lacks) in [
        ("epoll", &[][..]),
        ("kqueue", &["linux", "epoll", "priority"]),
        ("poll", &["edge", "descriptor", "epoll"]),
        ("select", &["edge", "descriptor", "epoll"]),
    ] {
        let count = CASES.iter().filter(|(_, needs, _)| !lacks.contains(needs)).count();
        assert!(count >= 60, "{backend} has {count}");
    }
}

#[test]
fn no_case_is_listed_twice() {
    assert_eq!(stamped().len(), CASES.len());
}

#[test]
fn every_case_of_the_catalogue_has_a_line() {
    let keys: Vec<&str> = rows().into_iter().map(|(key, _)| key).collect();
    let cases = (1..=LAST_CASE).map(|case| case.to_string());
    let states = (1..=LAST_STATE).map(|state| format!("B{state}"));
    for key in cases.chain(states) {
        assert_eq!(keys.iter().filter(|found| **found == key).count(), 1, "lines for {key}");
    }
}

#[test]
fn every_line_of_the_catalogue_names_tests_that_exist_or_a_reason() {
    let stamped = stamped();
    for (key, tests) in rows() {
        let names = names_in(tests);
        let has_reason = tests.split_once("not tested: ").map_or(false, |(_, reason)| !reason.is_empty());
        assert!(!names.is_empty() || has_reason, "{key} names no test and gives no reason");
        for name in names {
            assert!(stamped.contains(name), "{key} names `{name}`, which is not in the list of cases");
        }
    }
}

#[test]
fn every_case_of_the_list_is_named_in_the_catalogue() {
    let named: BTreeSet<&str> = rows().into_iter().flat_map(|(_, tests)| names_in(tests)).collect();
    let missing: Vec<&str> = stamped().difference(&named).copied().collect();
    assert!(missing.is_empty(), "CASES.md does not name {missing:#?}");
}

#[test]
fn every_number_of_the_contract_names_tests_that_exist() {
    let stamped = stamped();
    let contract = contract();
    let numbers: Vec<usize> = contract.keys().copied().collect();
    assert_eq!(numbers, (1..=contract.len()).collect::<Vec<usize>>());
    assert!(contract.len() >= 26, "the contract has {} numbers", contract.len());
    for (number, text) in contract {
        let names = names_in(&text);
        assert!(!names.is_empty(), "number {number} of the contract names no test");
        for name in names {
            assert!(
                stamped.contains(name),
                "number {number} names `{name}`, which is not in the list of cases"
            );
        }
    }
}
