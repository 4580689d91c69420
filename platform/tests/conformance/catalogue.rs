//! The list of cases, `README.md` and the contract of `Poller` name the same tests, in every direction.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use ringmq_platform::conformance::{CASES, DECLARATION, DECLARATION_HOLDS, STATES};
use ringmq_platform::Backend;

use crate::mechanisms::lacks;
use crate::OWN_CASES;

const CATALOGUE: &str = include_str!("README.md");
const CONTRACT: &str = include_str!("../../src/poller.rs");

/// The cases of the catalogue have these numbers, and the states of its second part have a `B` before theirs.
const CASE_NUMBERS: [RangeInclusive<usize>; 2] = [1..=79, 161..=171];
const LAST_STATE: usize = 33;

fn stamped() -> BTreeSet<&'static str> {
    let kit = CASES.iter().map(|case| case.name());
    kit.chain(OWN_CASES.iter().map(|(_, _, name)| *name)).chain([DECLARATION]).collect()
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

/// The numbers of the contract, each with the cases that hold a poller to it.
fn held() -> BTreeMap<usize, BTreeSet<&'static str>> {
    let mut held: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let kit = CASES.iter().map(|case| (case.holds(), case.name()));
    let own = OWN_CASES.iter().map(|(holds, _, name)| (*holds, *name));
    for (holds, name) in kit.chain(own).chain([(DECLARATION_HOLDS, DECLARATION)]) {
        for number in holds {
            held.entry(*number).or_default().insert(name);
        }
    }
    held
}

/// The rows of the tables of cases: the first column, and the last.
fn rows() -> Vec<(&'static str, &'static str)> {
    all_rows().into_iter().filter(|(key, _)| !key.starts_with("no. ")).collect()
}

/// The rows of all tables. Those of the last have `no. ` before their number.
fn all_rows() -> Vec<(&'static str, &'static str)> {
    let cells = |line: &'static str| -> Option<(&'static str, &'static str)> {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (key, rest) = line.split_once(" | ")?;
        Some((key, rest.rsplit_once(" | ").map_or(rest, |(_, last)| last)))
    };
    CATALOGUE
        .lines()
        .filter_map(cells)
        .filter(|(key, _)| !matches!(*key, "case" | "state" | "promise" | "number"))
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
fn every_backend_has_a_hundred_and_fifty_cases_of_its_own() {
    for backend in Backend::ALL {
        let of_the_kit = CASES.iter().filter(|case| !lacks(*backend).contains(&case.needs())).count();
        let of_its_own =
            OWN_CASES.iter().filter(|(_, backends, _)| backends.contains(&backend.name())).count();
        assert!(of_the_kit + of_its_own >= 150, "{backend} has {of_the_kit} and {of_its_own}");
    }
}

#[test]
fn no_case_is_listed_twice() {
    assert_eq!(stamped().len(), CASES.len() + OWN_CASES.len() + 1);
}

#[test]
fn every_case_of_the_catalogue_has_a_line() {
    let keys: Vec<&str> = rows().into_iter().map(|(key, _)| key).collect();
    let cases = CASE_NUMBERS.into_iter().flatten().map(|case| case.to_string());
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
    assert!(missing.is_empty(), "README.md does not name {missing:#?}");
}

#[test]
fn every_number_of_the_contract_names_tests_that_hold_a_poller_to_it() {
    let held = held();
    let contract = contract();
    let numbers: Vec<usize> = contract.keys().copied().collect();
    assert_eq!(numbers, (1..=contract.len()).collect::<Vec<usize>>());
    assert!(contract.len() >= 30, "the contract has {} numbers", contract.len());
    for (number, text) in contract {
        let names = names_in(&text);
        assert!(!names.is_empty(), "number {number} of the contract names no test");
        for name in names {
            let is_held = held.get(&number).map_or(false, |names| names.contains(name));
            assert!(is_held, "number {number} names `{name}`, which is no case that holds a poller to it");
        }
    }
}

#[test]
fn every_case_holds_a_poller_to_numbers_that_exist() {
    let contract = contract();
    for (number, names) in held() {
        assert!(
            contract.contains_key(&number),
            "{names:?} hold a poller to number {number}, which there is not"
        );
    }
    let kit = CASES.iter().map(|case| (case.holds(), case.name()));
    for (holds, name) in kit.chain(OWN_CASES.iter().map(|(holds, _, name)| (*holds, *name))) {
        assert!(!holds.is_empty(), "{name} holds a poller to no number of the contract");
    }
}

#[test]
fn the_table_of_the_contract_is_that_of_the_cases() {
    let expected: Vec<String> = held().into_iter().map(|(number, names)| row(number, &names)).collect();
    let found: Vec<&str> = CATALOGUE.lines().filter(|line| line.starts_with("| no. ")).collect();
    let differs = expected.iter().zip(&found).find(|(expected, found)| expected != found);
    assert_eq!(differs, None, "a line of the table, as it is to be and as it is");
    assert_eq!(
        expected.len(),
        found.len(),
        "the lines of the table; the last is to be {:?}",
        expected.last()
    );
}

/// A line of the table of the contract.
fn row(number: usize, names: &BTreeSet<&str>) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("| no. {number} | {} |", quoted.join(", "))
}

#[test]
fn every_state_has_a_line_of_the_catalogue_and_a_case() {
    let stamped = stamped();
    let rows = rows();
    for state in STATES {
        let id = state.id().trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let row = rows.iter().find(|(key, _)| *key == id);
        let (_, tests) = row.unwrap_or_else(|| panic!("{state:?} has no line in README.md"));
        assert!(stamped.contains(state.case()), "{state:?} names `{}`, which is no case", state.case());
        assert!(names_in(tests).contains(&state.case()), "the line of {id} does not name `{}`", state.case());
    }
    let ids: BTreeSet<&str> = STATES.iter().map(|state| state.id()).collect();
    assert_eq!(ids.len(), STATES.len(), "no two states have one name");
}
