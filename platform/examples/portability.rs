//! Try: `cargo run -p ringmq-platform --features conformance --example portability`. Prints, as a table in Markdown, what each
//! mechanism of this machine says of a descriptor in each state, and what the contract of `Poller` makes of it.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::io::{self, Write};
use std::os::unix::io::AsFd;
use std::time::Duration;

use ringmq_platform::conformance::{raw_report, Need, Specimen, State, CASES, STATES};
use ringmq_platform::{Backend, Events, Interest, Ready, Token, Trigger};

fn main() {
    match print_table(&mut io::stdout().lock()) {
        // Whoever reads it may have seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("portability: {error}");
            std::process::exit(1);
        }
        Ok(()) => {}
    }
}

fn print_table(out: &mut impl Write) -> io::Result<()> {
    let names: Vec<&str> = Backend::AVAILABLE.iter().map(|backend| backend.name()).collect();
    writeln!(out, "| | state | {} | contract |", names.join(" | "))?;
    writeln!(out, "|---|---|{}---|", "---|".repeat(names.len()))?;
    for state in STATES {
        // All of them look at one descriptor: looking takes nothing away.
        let specimen = state.specimen();
        let raw = Backend::AVAILABLE.iter().map(|backend| raw_report(*backend, specimen.as_fd()));
        let raw = raw.collect::<io::Result<Vec<String>>>()?.join(" | ");
        let promised = promised_alike(state, &specimen)?;
        let system = if is_of_linux(state) { " (Linux)" } else { "" };
        writeln!(out, "| {} | {}{system} | {raw} | {promised} |", state.id(), state.name())?;
    }
    Ok(())
}

/// What the contract promises to who asks for both directions, after every poller has been seen to keep it.
fn promised_alike(state: &State, specimen: &Specimen) -> io::Result<String> {
    for backend in Backend::AVAILABLE.iter().filter(|backend| is_held_to(**backend, state)) {
        let ready = promised(*backend, specimen)?;
        if !ready.contains(state.must()) || !(state.must() | state.may()).contains(ready) {
            let message = format!("{state:?} is promised, and {backend} reports {ready:?}");
            return Err(io::Error::new(io::ErrorKind::Other, message));
        }
    }
    let must = words(state.must());
    Ok(if state.may().is_none() {
        must.to_owned()
    } else {
        format!("{must} (perhaps {})", words(state.may()))
    })
}

/// States of Linux alone are none that a kqueue knows, were it one that runs on Linux for tests.
fn is_held_to(backend: Backend, state: &State) -> bool {
    backend != Backend::Kqueue || !is_of_linux(state)
}

fn is_of_linux(state: &State) -> bool {
    let case = CASES.iter().find(|case| case.name() == state.case());
    case.map_or(true, |case| case.needs() == Need::Linux)
}

fn promised(backend: Backend, specimen: &Specimen) -> io::Result<Ready> {
    let mut poller = backend.open()?;
    poller.add(specimen.as_fd(), Token(0), Interest::READABLE | Interest::WRITABLE, Trigger::Level)?;
    let mut events = Events::with_capacity(2); // kqueue has an event for each direction
    poller.wait(&mut events, Some(Duration::ZERO))?;
    let ready = events.get(0).map_or(Ready::NONE, |event| event.ready);
    Ok(ready & (Ready::READABLE | Ready::WRITABLE))
}

fn words(ready: Ready) -> &'static str {
    match (ready.is_readable(), ready.is_writable()) {
        (true, true) => "readable, writable",
        (true, false) => "readable",
        (false, true) => "writable",
        (false, false) => "nothing",
    }
}
