//! What the guide says of the tests and examples is so: the tests that it names exist.

const TURN: &str = include_str!("../src/guide/turn.md");
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

/// The last cells of the rows of the table of rules.
fn named() -> Vec<&'static str> {
    let table = TURN.split("| rule | where | test |\n").nth(1).expect("the table is there");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_end_matches(" |").rsplit("| ").next().unwrap_or("").trim_matches('`')).collect()
}

#[test]
fn every_rule_of_the_turn_names_a_test_that_there_is() {
    let (listed, named) = (listed(), named());
    assert!(listed.len() > 100 && named.len() > 40, "{} tests, {} rules", listed.len(), named.len());
    let missing: Vec<_> = named.iter().filter(|name| !listed.iter().any(|test| test == *name)).collect();
    assert!(missing.is_empty(), "tests/turn/main.rs has no {missing:#?}");
}
