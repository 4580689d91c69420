//! What the guide says of the tests and examples is so: the tests that it names exist.

use std::fs;
use std::path::Path;

const TURN: &str = include_str!("../src/guide/turn.md");
const FRAMING: &str = include_str!("../src/guide/framing.md");
const TESTS: &str = include_str!("turn/main.rs");

/// The tests of the turn as `module::name`, from the list that they are stamped from.
fn listed() -> Vec<String> {
    let list = TESTS.split("\non_every_backend! {").nth(1).expect("the list is there");
    let mut module = "";
    let mut tests = Vec::new();
    for word in list.split_whitespace() {
        let name = word.trim_end_matches([':', ';']);
        let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        match is_name && !name.is_empty() {
            true if word.ends_with(':') => module = name,
            true => tests.push(format!("{module}::{name}")),
            false => {}
        }
    }
    tests
}

/// The last cells of the rows of a page's table of rules.
fn named(page: &str) -> Vec<&str> {
    let table = page.split("| rule | where | test |\n").nth(1).expect("the table is there");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_end_matches(" |").rsplit("| ").next().unwrap_or("").trim_matches('`')).collect()
}

/// Whether this is `file.rs::name`, a test in that file.
fn is_in_its_file(test: &str) -> bool {
    let (file, name) = match test.split_once(".rs::") {
        Some((file, name)) => (format!("tests/{file}.rs"), name),
        None => return false,
    };
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
    text.unwrap_or_else(|error| panic!("{file}: {error}")).contains(&format!("#[test]\nfn {name}() {{"))
}

/// The rules of a page whose tests there are not.
fn missing(page: &str) -> Vec<&str> {
    let listed = listed();
    assert!(listed.len() > 100, "{} tests", listed.len());
    let is_there = |test: &&str| listed.iter().any(|name| name == test) || is_in_its_file(test);
    named(page).into_iter().filter(|test| !is_there(test)).collect()
}

#[test]
fn every_rule_of_the_turn_names_a_test_that_there_is() {
    assert!(named(TURN).len() > 40, "{} rules", named(TURN).len());
    assert_eq!(missing(TURN), Vec::<&str>::new(), "tests/turn/main.rs has none of these");
}

#[test]
fn every_rule_of_framing_and_memory_names_a_test_that_there_is() {
    assert!(named(FRAMING).len() > 40, "{} rules", named(FRAMING).len());
    assert_eq!(
        missing(FRAMING),
        Vec::<&str>::new(),
        "neither tests/turn/main.rs nor the files named have these"
    );
}
