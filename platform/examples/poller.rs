//! Try: `cargo run -p ringmq-platform --example poller -- select`, then type lines; Ctrl-D ends it.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::io::AsFd;
use std::time::Duration;

use ringmq_platform::{Backend, Events, Interest, Token, Trigger};

fn main() {
    if let Err(error) = run() {
        eprintln!("poller: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let backend = std::env::args().nth(1).map_or(Ok(Backend::default()), |name| name.parse())?;
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut poller = backend.open()?;
    poller.add(input.as_fd(), Token(1), Interest::READABLE, Trigger::Level)?;
    println!("{backend} waits for standard input");

    let (mut events, mut buffer) = (Events::with_capacity(16), [0; 4096]);
    loop {
        poller.wait(&mut events, Some(Duration::from_secs(5)))?;
        if events.is_empty() {
            println!("five seconds passed");
        }
        for event in &events {
            let len = input.read(&mut buffer)?;
            println!("{:?} is {:?}: {len} bytes", event.token, event.ready);
            io::stdout().write_all(&buffer[..len])?;
            if len == 0 {
                return Ok(());
            }
        }
    }
}
