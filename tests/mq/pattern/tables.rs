//! Every row of the machines' tables names its test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rules that the table in a file of `src/mq/pattern` names: the last cell of each row.
fn rules(source: &str) -> Vec<&str> {
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix("` |"));
    rows.map(|row| row.rsplit('`').next().expect("a piece at least")).collect()
}

#[test]
fn every_row_of_a_table_has_a_test_of_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut untested = Vec::new();
    for machine in [
        "dealer",
        "fair_queue",
        "prefixes",
        "publish",
        "pull",
        "push",
        "rep",
        "req",
        "round_robin",
        "router",
        "subscribe",
    ] {
        let source = read(&root.join("src/mq/pattern").join(machine).with_extension("rs"));
        let tests = read(&root.join("tests/mq/pattern").join(machine).with_extension("rs"));
        let names = tests.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        let names: BTreeSet<&str> = names.collect();
        let row_count = source.lines().filter(|line| line.starts_with("//! | ")).count() - 1;
        let rules = rules(&source);
        assert!(row_count > 0 && rules.len() == row_count, "{machine}: rows without a rule");
        untested.extend(
            rules.iter().filter(|rule| !names.contains(*rule)).map(|rule| format!("{machine}::{rule}")),
        );
    }
    assert!(untested.is_empty(), "no such tests: {untested:#?}");
}
