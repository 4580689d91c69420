//! The table in `PORTABILITY.md` has the states and promises that the `portability` example prints on this machine.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::process::Command;

use ringmq_platform::Backend;

const DOCUMENT: &str = include_str!("../PORTABILITY.md");

/// What the example prints, as cargo has built it into a folder beside that of the tests.
fn printed() -> String {
    let this_test = std::env::current_exe().expect("a test knows its own path");
    let profile = this_test.ancestors().nth(2).expect("tests lie in <profile>/deps");
    let output = Command::new(profile.join("examples/portability")).output().expect("run the example");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The rows of a table, by cell, its head included and the line under that left out.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The first two columns and the last are the same wherever it is run; what is between them are the mechanisms' own words.
#[test]
fn the_document_has_the_states_and_promises_of_the_program() {
    let printed = printed();
    let essence = |row: &Vec<&str>| (row[0].to_owned(), row[1].to_owned(), row[row.len() - 1].to_owned());
    let here: Vec<_> = rows(&printed).iter().map(essence).collect();
    let documented: Vec<_> = rows(DOCUMENT).iter().map(essence).collect();
    assert!(here.len() > 30, "{printed}");
    if cfg!(target_os = "linux") {
        assert_eq!(here, documented);
    } else {
        // Linux has states of its own.
        for row in here {
            assert!(documented.contains(&row), "{row:?} is not in PORTABILITY.md");
        }
    }
}

#[test]
fn every_backend_of_the_system_has_a_column() {
    let printed = printed();
    let head = &rows(&printed)[0];
    let backends: Vec<&str> = Backend::AVAILABLE.iter().map(|backend| backend.name()).collect();
    assert_eq!(head[2..head.len() - 1], backends);
    assert_eq!(rows(DOCUMENT)[0][2..], ["epoll", "poll", "select", "kqueue", "contract"]);
}
