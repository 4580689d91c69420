//! The `poller` example does what its first line says, on every backend of the system.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use ringmq_platform::Backend;

/// Runs the example as cargo has built it (`cargo test` builds it, into a folder beside that of the tests), with this on its
/// standard input.
fn poller(backend: &str, input: &[u8]) -> Output {
    let this_test = std::env::current_exe().expect("a test knows its own path");
    let profile = this_test.ancestors().nth(2).expect("tests lie in <profile>/deps");
    let mut process = Command::new(profile.join("examples/poller"))
        .arg(backend)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the example: `cargo build -p ringmq-platform --examples` builds it");
    // It may end without reading.
    let _ = process.stdin.take().expect("its input is a pipe").write_all(input);
    process.wait_with_output().expect("run the example")
}

#[test]
fn it_shows_what_arrives_and_ends_with_its_input() {
    for backend in Backend::AVAILABLE {
        let output = poller(backend.name(), b"hello\n");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{backend}: {output:?}");
        assert!(shown.starts_with(&format!("{backend} waits for standard input\n")), "{shown}");
        assert!(shown.contains("READABLE") && shown.contains("6 bytes\nhello\n"), "{shown}");
        assert!(shown.ends_with("0 bytes\n"), "{shown}");
    }
}

#[test]
fn it_lists_the_backends_at_hand_for_one_that_is_not() {
    let output = poller("iocp", b"");
    assert_eq!(output.status.code(), Some(1));
    let expected = "poller: unknown backend `iocp`: this system has ";
    assert!(String::from_utf8_lossy(&output.stderr).starts_with(expected), "{output:?}");
}
