//! Recorded traffic of real peers: the files beside this one, and [`recording`], which reads them. `README.md` has their form.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Both directions of one connection, each from its first byte to its last.
#[derive(Debug, Default)]
pub struct Recording {
    /// What the peer that connects has sent.
    pub connector: Vec<u8>,
    /// What the peer that binds has sent.
    pub binder: Vec<u8>,
    /// The comments, without the `#`.
    pub comments: Vec<String>,
}

/// The recording of this name, which is that of its file without `.txt`.
pub fn recording(name: &str) -> Recording {
    let path = folder().join(name).with_extension("txt");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8_lossy(&text); // what a hand-written peer sent may stand in a comment as it is
    let comments: Vec<_> = text.lines().filter_map(|line| line.strip_prefix('#')).map(str::trim).collect();
    Recording {
        connector: side(&text, "C>S ", &comments),
        binder: side(&text, "S>C ", &comments),
        comments: comments.into_iter().map(str::to_string).collect(),
    }
}

/// The names of all recordings that begin with `prefix`, in order.
pub fn names(prefix: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder())
        .expect("the folder of this file")
        .map(|entry| entry.expect("an entry of a folder that is there").path())
        .filter(|path| path.extension().map_or(false, |extension| extension == "txt"))
        .map(|path| path.file_stem().expect("a file").to_string_lossy().into_owned())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no recording begins with {prefix}");
    names
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire")
}

/// Where in a direction which header stands, by comments such as `C>S frame flags=01 MORE length=131072`. Only a stream of RingMQ has
/// such comments, and only in it do headers stand where a chunk is cut.
fn headers(comments: &[&str], prefix: &str) -> BTreeMap<usize, [u8; 5]> {
    let mut start = 0;
    let mut headers = BTreeMap::new();
    let of_side = comments.iter().filter_map(|comment| comment.strip_prefix(prefix));
    for comment in of_side.filter_map(|comment| comment.strip_prefix("frame ")) {
        let flags = bytes(field(comment, "flags="))[0];
        let len: u32 = field(comment, "length=").parse().expect("a number");
        let [a, b, c, d] = len.to_be_bytes();
        headers.insert(start, [flags, a, b, c, d]);
        start += len as usize;
    }
    headers
}

/// All that one peer has sent.
fn side(text: &str, prefix: &str, comments: &[&str]) -> Vec<u8> {
    let mut sent = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(prefix)) {
        if line.starts_with('@') {
            restore(line, &headers(comments, prefix), &mut sent);
        } else {
            sent.extend(bytes(line));
        }
    }
    sent
}

/// Adds a chunk of which only the beginning and the end are written down.
fn restore(line: &str, headers: &BTreeMap<usize, [u8; 5]>, sent: &mut Vec<u8>) {
    let len: usize = field(line, "@len=").parse().expect("a number");
    sent.extend(bytes(field(line, "head=")));
    let end = sent.len() - field(line, "head=").len() / 2 + len;
    let mut last = usize::from(*sent.last().expect("a head"));
    while sent.len() < end {
        if let Some(header) = headers.get(&sent.len()) {
            sent.extend(header);
        }
        let stop = headers.range(sent.len()..).next().map_or(end, |(start, _)| end.min(*start));
        let count = stop - sent.len();
        sent.extend((1..=count).map(|i| ((last + i) % 251) as u8));
        last += count;
    }
    let tail = bytes(field(line, "tail="));
    assert!(sent.len() == end && sent.ends_with(&tail), "another pattern than expected in {line}");
}

/// What stands behind `name` in a line of fields.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(' ')
        .find_map(|field| field.strip_prefix(name))
        .unwrap_or_else(|| panic!("no {name} in {line}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len() % 2 == 0, "half a byte in {hex}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}
