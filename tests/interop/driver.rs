//! Runs the rows that were asked for, each on a thread that is watched, and tells what has become of them.

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::platform::Backend;

use crate::bench::Bench;
use crate::request::Request;
use crate::rows::{rows, Row};
use crate::verdict::conclude;

/// A row that has not ended after so long never will: what it waits for has guards of its own that are shorter.
const WATCHDOG: Duration = Duration::from_secs(300);

pub fn main() -> ExitCode {
    match Request::parse(std::env::args_os().skip(1).collect()) {
        Ok(request) => drive(&request),
        Err(error) => {
            eprintln!("interop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn drive(request: &Request) -> ExitCode {
    let pairs = Backend::AVAILABLE.iter().flat_map(|backend| rows().map(move |row| (*backend, row)));
    let chosen: Vec<(Backend, &Row)> = pairs.filter(|pair| request.wants(&label(pair))).collect();
    if request.lists_only {
        for pair in &chosen {
            println!("{}: test", label(pair));
        }
        return ExitCode::SUCCESS;
    }
    println!("interop: {} rows", chosen.len());
    if chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    match find_python() {
        Ok((python, versions)) => {
            println!("interop: with pyzmq and libzmq {versions}");
            run_all(&chosen, &python)
        }
        Err(reason) => skip_all(&chosen, &reason),
    }
}

fn label((backend, row): &(Backend, &Row)) -> String {
    format!("{backend}::{}", row.0)
}

/// The Python to use, and the versions of pyzmq and of the libzmq in it; or why there is none.
fn find_python() -> Result<(OsString, String), String> {
    let python =
        std::env::var_os("RINGMQ_PYTHON").ok_or("RINGMQ_PYTHON names no python that can import zmq")?;
    let about = "import zmq; print(zmq.__version__, zmq.zmq_version())";
    let output = Command::new(&python).args(["-c", about]).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", python.to_string_lossy()))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!(
            "{}: {}",
            python.to_string_lossy(),
            errors.lines().last().unwrap_or("it failed")
        ));
    }
    Ok((python, String::from_utf8_lossy(&output.stdout).trim().to_string()))
}

fn skip_all(chosen: &[(Backend, &Row)], reason: &str) -> ExitCode {
    for pair in chosen {
        println!("skipped {}", label(pair));
    }
    println!("interop: 0 ok, {} skipped: {reason}", chosen.len());
    let is_required = std::env::var_os("RINGMQ_INTEROP").as_deref() == Some("required".as_ref());
    ExitCode::from(u8::from(is_required))
}

fn run_all(chosen: &[(Backend, &Row)], python: &OsString) -> ExitCode {
    let mut failed = Vec::new();
    for pair in chosen {
        let label = label(pair);
        let began = Instant::now();
        let is_ok = run(&label, *pair, python.clone());
        let seconds = began.elapsed().as_secs_f64();
        match is_ok {
            true => println!("ok      {label} ({seconds:.1} s)"),
            false => {
                println!("FAILED  {label}");
                failed.push(label);
            }
        }
    }
    let over_count = Backend::AVAILABLE.len() * rows().count() - chosen.len();
    conclude(chosen.len() - failed.len(), &failed, 0, over_count)
}

/// Why a row has failed is told by the panic itself, which names the thread.
fn run(label: &str, (backend, row): (Backend, &Row), python: OsString) -> bool {
    let (done, is_done) = mpsc::channel::<()>();
    let run = row.1;
    let thread = thread::Builder::new().name(label.to_string()).spawn(move || {
        run(&Bench::new(backend, python));
        drop(done);
    });
    let thread = thread.expect("a thread can be started");
    match is_done.recv_timeout(WATCHDOG) {
        Err(RecvTimeoutError::Timeout) => {
            println!("{label}: not done after {} s", WATCHDOG.as_secs());
            false
        }
        _ => thread.join().is_ok(),
    }
}
