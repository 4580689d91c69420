//! Try: `cargo run --example cat < README.md`, type lines at it, or put it into a pipeline.
//!
//! Copies standard input to standard output through the loop, whatever the two are: files, pipes, terminals, devices, sockets.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::error::Error;
use std::io::{self, Stdin, Stdout};

use lexopt::prelude::*;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Descriptor, Id, State, Stream};

const HELP: &str = "\
usage: cat < INPUT > OUTPUT

Copies standard input to standard output, whatever the two are: files, pipes, terminals, devices, sockets.

  -h, --help        this text

RINGMQ_BACKEND      epoll, kqueue, poll or select; without it the best of this system
";

fn main() {
    if let Err(error) = run() {
        eprintln!("cat: {error}");
        std::process::exit(1);
    }
}

struct Cat {
    input: Id<Stream<Descriptor<Stdin>>>,
    output: Id<Stream<Descriptor<Stdout>>>,
    error: Option<String>,
}

fn run() -> Result<(), Box<dyn Error>> {
    match lexopt::Parser::from_env().next()? {
        None => {}
        Some(Short('h') | Long("help")) => {
            print!("{HELP}");
            return Ok(());
        }
        Some(Value(word)) => {
            return Err(format!("expected `cat < {0}`, found `cat {0}`", word.to_string_lossy()).into())
        }
        Some(other) => return Err(other.unexpected().into()),
    }
    let mut reactor = Builder::new().backend(Backend::from_env("RINGMQ_BACKEND")?).build()?;
    let mut context = reactor.context();
    let input = Stream::new(Descriptor::new(io::stdin()), &context.memory())?;
    let input = context.add(input, |cat: &mut Cat, context, _| cat.copy(context))?;
    let output = Stream::new(Descriptor::writer(io::stdout()), &context.memory())?;
    let output = context.add(output, |cat: &mut Cat, context, _| cat.copy(context))?;
    let mut cat = Cat { input, output, error: None };
    reactor.run(&mut cat)?;
    cat.error.map_or(Ok(()), |error| Err(error.into()))
}

impl Cat {
    /// Runs when there is input, when it has ended, and when there is room for output again.
    fn copy(&mut self, context: &mut Context<'_, Cat>) {
        let Some((input, mut others)) = context.split(self.input) else { return };
        let Some(output) = others.get_mut(self.output) else { return };
        if output.send(input.input()).is_ok() {
            input.consume(input.input().len());
        }
        match (input.state(), output.state()) {
            (State::Ended, State::Open) => output.finish(),
            (State::Closed, _) | (_, State::Closed) => {
                // Told once, and this may run twice in the last turn: for either of the two.
                let failed_input = input.take_error().map(|error| format!("standard input: {error}"));
                let failed_output = output.take_error().map(|error| format!("standard output: {error}"));
                self.error = self.error.take().or(failed_input).or(failed_output);
                context.stop();
            }
            _ => {}
        }
    }
}
