//! `transfer` sends files through every backend, and tells what does not come back as it was.

use std::fs::{self, File};
use std::process::{Output, Stdio};

use ringmq::platform::Backend;

use crate::{example, scratch, text};

fn transfer<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Output {
    example("transfer").args(arguments).stdin(Stdio::null()).output().expect("start transfer")
}

/// The row of a backend in the table that `transfer` prints.
fn row(table: &str, backend: Backend) -> &str {
    let row = table.lines().find(|line| line.split_whitespace().next() == Some(backend.name()));
    row.unwrap_or_else(|| panic!("no row for {backend} in:\n{table}"))
}

/// The figure in front of "MiB" in the last line.
fn peak_mebibytes(table: &str) -> f64 {
    let figure = table.split_whitespace().rev().nth(1).and_then(|figure| figure.parse().ok());
    figure.unwrap_or_else(|| panic!("no peak memory in:\n{table}"))
}

#[test]
fn transfer_compares_every_byte_on_every_backend() {
    let output = transfer::<&str>(&[]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    for backend in Backend::ALL {
        let expected = if backend.is_available() { "PASS" } else { "absent from this system" };
        assert!(row(&table, *backend).ends_with(expected), "{table}");
    }
}

#[test]
fn transfer_tells_a_single_spoilt_bit() {
    let file = scratch("spoilt");
    fs::write(&file, vec![7; 3 << 20]).expect("write a file");
    let offset = (2 << 20) + 12_345;
    let output = transfer(
        &["--flip-byte".as_ref(), offset.to_string().as_ref(), file.as_os_str()] as &[&std::ffi::OsStr]
    );
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}");
    for backend in Backend::AVAILABLE {
        let verdict = format!("FAIL: byte {offset} was sent as 0x07 and came back as 0x06");
        assert!(row(&table, *backend).ends_with(&verdict), "{table}");
    }
}

#[test]
fn transfer_sends_a_file_much_longer_than_its_memory() {
    let file = scratch("long");
    File::create(&file).and_then(|file| file.set_len(256 << 20)).expect("make a file with nothing in it");
    let output = transfer(&[&file]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    assert!(row(&table, Backend::default()).contains(" 268435456 "), "{table}");
    assert!(peak_mebibytes(&table) < 64.0, "{table}");
}

#[test]
fn transfer_takes_an_empty_file_for_one_empty_message() {
    let file = scratch("empty");
    File::create(&file).expect("make an empty file");
    let output = transfer(&[&file]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    let figures: Vec<&str> = row(&table, Backend::default()).split_whitespace().skip(1).take(2).collect();
    assert_eq!(figures, ["1", "0"], "{table}");
}

#[test]
fn transfer_explains_what_it_cannot_send() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let missing = scratch("no such file");
    let cases = [
        (vec![missing.display().to_string()], "no such file: No such file or directory"),
        (vec![folder.to_owned()], "it is a directory, and a file is expected"),
        (vec!["/dev/null".to_owned()], "cannot send /dev/null: it is not a regular file"),
        (vec!["--backend".to_owned(), "iocp".to_owned()], "unknown backend `iocp`: this system has "),
        (vec!["--no-such-option".to_owned()], "invalid option '--no-such-option'"),
        (vec!["--flip-byte".to_owned(), "9000000000000".to_owned()], "cannot flip byte 9000000000000"),
    ];
    for (arguments, expected) in cases {
        let output = transfer(&arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.starts_with("transfer: ") && message.contains(expected), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", text(&output.stdout));
    }
}
