//! Runs the rows that were asked for, holds each run to its row, and tells what was seen.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitCode;

use ringmq::platform::Backend;

use crate::request::Request;
use crate::rows::{rows, Row};
use crate::strace::{self, Log, Obstacle};
use crate::verdict::conclude;
use crate::victims;

/// With it the run says that it could not be made, as the tools of GNU do.
const CANNOT_RUN: u8 = 77;

pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [flag, rest @ ..] = &arguments[..] {
        if flag == "--victim" {
            let rest: Vec<_> = rest.iter().map(|argument| argument.to_string_lossy()).collect();
            victims::main(&rest.iter().map(AsRef::as_ref).collect::<Vec<_>>());
            return ExitCode::SUCCESS;
        }
    }
    match Request::parse(arguments) {
        Ok(request) => drive(&request),
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

fn drive(request: &Request) -> ExitCode {
    for (index, row) in rows().enumerate() {
        let is_new = rows().take(index).all(|other| other.name != row.name);
        assert!(is_new, "two rows are named {}, and a victim is found by the name of its row", row.name);
    }
    let pairs = rows().flat_map(|row| row.backends.iter().map(move |backend| (row, *backend)));
    let chosen: Vec<_> = pairs.filter(|(row, backend)| request.wants(&label(row, *backend))).collect();
    if request.lists_only {
        for (row, backend) in &chosen {
            println!("{}: test", label(row, *backend));
        }
        return ExitCode::SUCCESS;
    }
    println!("faults: {} rows", chosen.len());
    if chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}", std::process::id()));
    if let Err(error) = fs::create_dir_all(&folder) {
        eprintln!("faults: no folder {} for the logs: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    let status = match strace::look_for_obstacle(&folder.join("probe")) {
        None => run_all(&chosen, &folder),
        Some(obstacle) => skip_all(&chosen, obstacle),
    };
    // What cannot be removed does no harm under target/.
    let _ = fs::remove_dir_all(&folder);
    status
}

fn run_all(chosen: &[(&Row, Backend)], folder: &Path) -> ExitCode {
    let mut failed = Vec::new();
    let mut skipped_count = 0;
    for (row, backend) in chosen {
        let label = label(row, *backend);
        if !row.call_names().all(|calls| strace::can_tell(calls, *backend)) {
            println!("skipped {label}: on this machine all waits of {backend} are one system call");
            skipped_count += 1;
            continue;
        }
        match run_row(row, *backend, folder) {
            Ok(figures) => println!("ok      {label} ({figures})"),
            Err(why) => {
                println!("FAILED  {label}: {why}");
                failed.push(label);
            }
        }
    }
    let ok_count = chosen.len() - failed.len() - skipped_count;
    let over_count = rows().map(|row| row.backends.len()).sum::<usize>() - chosen.len();
    conclude(ok_count, &failed, skipped_count, over_count)
}

fn skip_all(chosen: &[(&Row, Backend)], obstacle: Obstacle) -> ExitCode {
    let is_required = std::env::var_os("RINGMQ_FAULTS").as_deref() == Some("required".as_ref());
    let (reason, status) = match obstacle {
        Obstacle::Unusable(reason) => (reason, u8::from(is_required)),
        Obstacle::NotPermitted(reason) => (reason, if is_required { CANNOT_RUN } else { 0 }),
    };
    for (row, backend) in chosen {
        println!("skipped {}", label(row, *backend));
    }
    println!("faults: 0 ok, {} skipped: {reason}", chosen.len());
    ExitCode::from(status)
}

/// Runs a row once for each of its faults, and tells the figures, those that are alike together.
fn run_row(row: &Row, backend: Backend, folder: &Path) -> Result<String, String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for index in 0..row.run_count() {
        let fault = row.fault(index).trim_start_matches("error=");
        let figures = run_once(row, backend, index, folder).map_err(|why| format!("with {fault}: {why}"))?;
        match groups.iter_mut().find(|group| group.0 == figures) {
            Some(group) => group.1.push(fault),
            None => groups.push((figures, vec![fault])),
        }
    }
    let told = groups.iter().map(|(figures, faults)| format!("{}: {figures}", faults.join(" ")));
    Ok(told.collect::<Vec<_>>().join("; "))
}

fn run_once(row: &Row, backend: Backend, index: usize, folder: &Path) -> Result<String, String> {
    let path = folder.join(label(row, backend).replace("::", "-"));
    let mut traced: Vec<&str> =
        row.calls.iter().flat_map(|(calls, _)| strace::names(calls, backend)).collect();
    let mut injections = Vec::new();
    for injection in row.injections {
        let names = strace::names(injection.calls, backend);
        injections.extend(strace::inject(&names, injection.fault(index), injection.when));
        traced.extend(names);
    }
    let victim = [row.name, backend.name(), row.fault(index)];
    let output =
        strace::run(&path, &traced, &injections, victim).map_err(|error| format!("strace: {error}"))?;
    let log = Log::read(&path).map_err(|error| format!("strace's log: {error}"))?;
    let judged = match output.status.code() {
        Some(0) => judge(row, backend, index, &log, &String::from_utf8_lossy(&output.stdout)),
        _ if output.status.signal() == Some(nix::libc::SIGALRM) => {
            Err(format!("not done after {} s", victims::WATCHDOG_SECONDS))
        }
        _ => Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())),
    };
    judged.map_err(|why| format!("{why}\nthe log ends:\n{}", log.tail.join("\n")))
}

/// Compares what was seen from outside with what the row says.
fn judge(row: &Row, backend: Backend, index: usize, log: &Log, said: &str) -> Result<String, String> {
    for injection in row.injections {
        let fault = injection.fault(index);
        if !log.has_met(&strace::names(injection.calls, backend), fault) {
            return Err(format!(
                "expected {fault} to be met by a call of {}, found none that was",
                injection.calls
            ));
        }
    }
    let mut figures = Vec::new();
    for (calls, expected) in row.calls {
        let count = log.count(&strace::names(calls, backend));
        if !expected.contains(&count) {
            let (least, most) = (expected.start(), expected.end());
            return Err(format!("expected {least} to {most} calls of {calls}, found {count}"));
        }
        figures.push(format!("{calls} {count}"));
    }
    let numbers: Option<Vec<usize>> =
        said.trim().strip_prefix("descriptors ").map(|rest| rest.split(' ').flat_map(str::parse).collect());
    let Some([before, after]) = numbers.as_deref() else {
        return Err(format!("expected the victim to count its descriptors, found {said:?}"));
    };
    // Where strace answers to a close the kernel is not asked, so what was to be closed is open still.
    if *after != before + log.closes_prevented {
        let prevented = log.closes_prevented;
        return Err(format!(
            "{before} descriptors before, {after} after, of which {prevented} for want of a real close"
        ));
    }
    figures.push(format!("fds {before} -> {after}"));
    Ok(figures.join(", "))
}

fn label(row: &Row, backend: Backend) -> String {
    format!("{backend}::{}", row.name)
}
