//! Compares what the model does with what was seen, row by row.

use std::collections::BTreeMap;

use crate::scenarios;

const OBSERVED: &str = include_str!("observed.tsv");

/// What a scenario shows: the name of a row, and what the model answered.
pub type Lines = Vec<(String, String)>;

/// Which kernel the model takes after in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    FreeBsd,
    NetBsd,
}

impl Flavour {
    /// As the model itself reads it.
    pub fn chosen() -> Flavour {
        match std::env::var("RINGMQ_KQUEUE_MODEL").as_deref() {
            Ok("netbsd") => Flavour::NetBsd,
            Ok("freebsd") | Err(_) => Flavour::FreeBsd,
            Ok(other) => panic!("RINGMQ_KQUEUE_MODEL is {other:?}, neither `freebsd` nor `netbsd`"),
        }
    }
}

struct Row {
    name: &'static str,
    netbsd: &'static str,
    freebsd: &'static str,
}

impl Row {
    /// What is expected. Of UNIX sockets and pipes FreeBSD was not asked. Where NetBSD does not tell a UNIX socket from one of TCP,
    /// FreeBSD is taken not to either; for the rest it is taken to do as NetBSD does.
    fn expected(&self, flavour: Flavour, rows: &[Row]) -> &'static str {
        if flavour == Flavour::NetBsd {
            return self.netbsd;
        }
        if !self.freebsd.is_empty() {
            return self.freebsd;
        }
        let twin = self.name.replacen("unix", "tcp", 1);
        let twin = rows.iter().find(|row| row.name == twin && row.reason(flavour).is_none());
        match twin {
            Some(twin) if twin.netbsd == self.netbsd && !twin.freebsd.is_empty() => twin.freebsd,
            _ => self.netbsd,
        }
    }

    /// Why a row is not replayed, if it is not.
    fn reason(&self, flavour: Flavour) -> Option<&'static str> {
        let name = self.name;
        if name.starts_with("USER") || name == "EVFILT_USER" {
            return Some("EVFILT_USER, which the module does without");
        }
        if name == "blocking waits" {
            return Some("says what the program that asked FreeBSD could not do");
        }
        if self.netbsd.is_empty() && self.freebsd.is_empty() {
            return Some("nothing was seen but on libkqueue");
        }
        match flavour {
            Flavour::FreeBsd if name == "tcp: full" => Some("the timing of that kernel's loopback"),
            Flavour::FreeBsd if name == "pipe: WRITE added after read end closed" => {
                Some("not seen on FreeBSD, whose source says EPIPE where NetBSD says EBADF")
            }
            Flavour::FreeBsd if name.contains("errno54") => Some("named by NetBSD's number for the error"),
            Flavour::NetBsd if name.contains("errno104") => {
                Some("named by FreeBSD's shim's number for the error")
            }
            _ => None,
        }
    }
}

pub fn every_row() {
    let flavour = Flavour::chosen();
    let rows: Vec<Row> = OBSERVED.lines().skip(1).map(row).collect();
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (name, answer) in scenarios::all(flavour) {
        assert!(rows.iter().any(|row| row.name == name), "no row is called {name:?}");
        assert!(shown.insert(name.clone(), answer).is_none(), "{name:?} is replayed twice");
    }
    let (mut replayed, mut wrong) = (0, Vec::new());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        if let Some(reason) = row.reason(flavour) {
            *reasons.entry(reason).or_default() += 1;
            continue;
        }
        replayed += 1;
        let expected = row.expected(flavour, &rows);
        let found = shown.get(row.name).map_or("not replayed", String::as_str);
        if found != without_lateness(expected) {
            wrong.push(format!("{}\n  expected {expected}\n  found    {found}", row.name));
        }
    }
    let left_out: usize = reasons.values().sum();
    println!("kqueue as {flavour:?}: replayed {replayed} of {} rows, {left_out} not:", rows.len());
    if flavour == Flavour::FreeBsd {
        let is_inferred = |row: &&Row| row.reason(flavour).is_none() && row.freebsd.is_empty();
        let count = rows.iter().filter(is_inferred).count();
        println!("  {count:3} of those replayed have an empty cell: README.md says what they are held to");
    }
    reasons.iter().for_each(|(reason, count)| println!("  {count:3} {reason}"));
    assert_eq!(replayed + left_out, rows.len());
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&str> = line.split('\t').collect();
    assert_eq!(cells.len(), 4, "cells of the row {line:?}");
    Row { name: cells[0], netbsd: cells[2], freebsd: cells[3] }
}

/// That a timeout was not early is compared, and that it was not late never is.
fn without_lateness(observed: &str) -> String {
    observed.replace("[t, t+30ms)", "[t, ...)")
}
