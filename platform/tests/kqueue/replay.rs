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

/// Names of rows, by what there is to say of them.
type Names = BTreeMap<&'static str, Vec<&'static str>>;

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
        if let Some((answer, _)) = self.read_in_source(flavour) {
            return answer;
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

    /// What a kernel's source says, and why that is believed instead of what was seen.
    fn read_in_source(&self, flavour: Flavour) -> Option<(&'static str, &'static str)> {
        match (flavour, self.name) {
            (Flavour::FreeBsd, "pipe: WRITE added after read end closed") => {
                Some(("-1/EPIPE / none", "not seen: `pipe_kqfilter` in the source"))
            }
            (Flavour::FreeBsd, "timeout tv_nsec=1e9" | "timeout tv_sec=-1") => {
                let reason =
                    "seen through a program that did the waiting itself: `kqueue_scan` in the source";
                Some(("-1/EINVAL", reason))
            }
            _ => None,
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
    let (mut left_out, mut read, mut inferred) = (Names::new(), Names::new(), 0);
    for row in &rows {
        if let Some(reason) = row.reason(flavour) {
            left_out.entry(reason).or_default().push(row.name);
            continue;
        }
        if let Some((_, reason)) = row.read_in_source(flavour) {
            read.entry(reason).or_default().push(row.name);
        } else if flavour == Flavour::FreeBsd && row.freebsd.is_empty() {
            inferred += 1;
        }
        replayed += 1;
        let expected = row.expected(flavour, &rows);
        let found = shown.get(row.name).map_or("not replayed", String::as_str);
        if found != without_lateness(expected) {
            wrong.push(format!("{}\n  expected {expected}\n  found    {found}", row.name));
        }
    }
    let left_out_count: usize = left_out.values().map(Vec::len).sum();
    println!("kqueue as {flavour:?}: replayed {replayed} of {} rows, {left_out_count} not", rows.len());
    if inferred != 0 {
        println!("  {inferred:3} replayed: an empty cell, and README.md says what they are held to");
    }
    for (what, names) in [("held to the source", &read), ("left out", &left_out)] {
        for (reason, names) in names {
            println!("  {:3} {what}: {reason}", names.len());
            names.iter().for_each(|name| println!("        {name}"));
        }
    }
    assert_eq!(replayed + left_out_count, rows.len());
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
