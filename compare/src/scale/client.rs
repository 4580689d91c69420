//! A client, `scale-client HOST PORT COUNT`: connects so often, tells how often it could and why no more, and plays when it is told to.

use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;

use super::stop;
use crate::report::limit;

/// Under callgrind a server is some fifty times slower than by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the body of a message is.
const BODY_LEN: usize = 64;

pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    stop::end_with_parent()?;
    let host: Ipv4Addr = arguments.value()?.parse()?;
    let port: u16 = arguments.value()?.parse()?;
    let count: usize = arguments.value()?.parse()?;
    limit::raise()?;
    let mut sockets = Vec::with_capacity(count);
    let mut stopped = String::new();
    while sockets.len() < count {
        match TcpStream::connect((host, port)) {
            Ok(socket) => sockets.push(socket),
            Err(error) => {
                stopped = stop::explain("a client", &error);
                break;
            }
        }
    }
    println!("{} {stopped}", sockets.len());
    io::stdout().flush()?;
    // `ACTIVE ROUNDS`, or the end of input, which is when nothing more is wanted.
    let mut line = String::new();
    while io::stdin().lock().read_line(&mut line)? > 0 {
        let (active, rounds) = line.trim().split_once(' ').ok_or("a client wants ACTIVE ROUNDS")?;
        play(&mut sockets, active.parse()?, rounds.parse()?)?;
        println!("played");
        io::stdout().flush()?;
        line.clear();
    }
    Ok(ExitCode::SUCCESS)
}

/// So often writes a message to each of the first `active`, then reads all replies.
fn play(sockets: &mut [TcpStream], active: usize, rounds: u64) -> Result<(), Box<dyn Error>> {
    let sockets = sockets.get_mut(..active).ok_or("fewer are connected than are to be active")?;
    let mut message = (BODY_LEN as u32).to_be_bytes().to_vec();
    message.resize(4 + BODY_LEN, b'x');
    let mut reply = vec![0; message.len()];
    for socket in &mut *sockets {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
    }
    for _ in 0..rounds {
        for socket in &mut *sockets {
            socket.write_all(&message)?;
        }
        for socket in &mut *sockets {
            socket.read_exact(&mut reply).map_err(|error| format!("no reply: {error}"))?;
            if reply != message {
                return Err("the reply is not what was sent".into());
            }
        }
    }
    Ok(())
}
