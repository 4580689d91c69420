//! The table in `PORTABILITY.md` has the states and promises that the `portability` example prints on this machine.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::io::Write;
use std::process::Command;

use ringmq_platform::Backend;

const DOCUMENT: &str = include_str!("../PORTABILITY.md");

/// What the example prints, as cargo has built it (`cargo test` builds it, into a folder beside that of the tests).
fn printed() -> String {
    let this_test = std::env::current_exe().expect("a test knows its own path");
    let profile = this_test.ancestors().nth(2).expect("tests lie in <profile>/deps");
    let output = Command::new(profile.join("examples/portability")).output().expect(
        "run the example: `cargo build -p ringmq-platform --features conformance --example portability` builds it",
    );
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The rows of a table, by cell, its head included and the line under that left out.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The columns of the rows that have these names, in their order.
fn columns(rows: &[Vec<&str>], names: &[&str]) -> Vec<Vec<String>> {
    let place = |name: &&str| rows[0].iter().position(|found| found == name).expect("it has such a column");
    let places: Vec<usize> = names.iter().map(place).collect();
    rows.iter().map(|row| places.iter().map(|place| row[*place].to_owned()).collect()).collect()
}

/// The first two columns and the last are the same wherever it is run; what is between them are the mechanisms' own words.
#[test]
fn the_document_has_the_states_and_promises_of_the_program() {
    let printed = printed();
    let names = ["", "state", "contract"];
    let here = columns(&rows(&printed), &names);
    let documented = columns(&rows(DOCUMENT), &names);
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

/// The kernel whose words the document has. Another one may have others, and break no promise.
const RELEASE: &str = "6.18";

/// The document is from Linux, and so are its words: those of every mechanism at hand, a kqueue that is a model among them.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the document has what Linux says")]
fn the_document_has_what_the_mechanisms_of_linux_say() {
    assert!(
        DOCUMENT.contains(&format!("is from Linux {RELEASE} ")),
        "PORTABILITY.md is another kernel's by now"
    );
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux says which it is");
    let is_documented = release.starts_with(&format!("{RELEASE}."));
    let printed = printed();
    let names: Vec<&str> = Backend::AVAILABLE.iter().map(|backend| backend.name()).collect();
    // It has FreeBSD's word for a pipe without a reader, and says which is NetBSD's.
    let is_netbsd = std::env::var("RINGMQ_KQUEUE_MODEL").map_or(false, |flavour| flavour == "netbsd");
    let document =
        if is_netbsd { DOCUMENT.replace("WRITE:EPIPE", "WRITE:EBADF") } else { DOCUMENT.to_owned() };
    let (here, documented) = (columns(&rows(&printed), &names), columns(&rows(&document), &names));
    assert_eq!(here.len(), documented.len());
    for ((here, documented), row) in here.iter().zip(&documented).zip(rows(&printed)) {
        let told = format!("{} {}, by {names:?}: here, and in PORTABILITY.md", row[0], row[1]);
        if is_documented {
            assert_eq!(here, documented, "{told}");
        } else if here != documented {
            // Not eprintln!, which the harness keeps of a test that passes.
            let _ = writeln!(std::io::stderr(), "Linux {}: {told}: {here:?}, {documented:?}", release.trim());
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
