//! Starts a server and its clients, has them play, and gathers what they tell.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use ringmq::platform::Backend;

use super::{server, Kind};
use crate::callgrind;

/// How many connections a client opens at the most: fewer than there are ports for one address, and each has an address of its own.
const PER_CLIENT: usize = 16_000;

/// What one server was seen to do.
#[derive(Debug)]
pub struct Seen {
    pub held: u64,
    pub user: u64,
    pub resident: u64,
    pub stopped: Option<String>,
    pub nanoseconds: u64,
    pub messages: u64,
}

/// The server holds so many, of which the first `active` get a message in each of the rounds. It runs under callgrind if a place for its
/// profile is given.
pub fn play(
    kind: Kind,
    backend: Backend,
    connections: usize,
    active: usize,
    rounds: u64,
    limit: usize,
    profile: Option<&Path>,
) -> Result<Seen, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut command = match profile {
        None => Command::new(&program),
        Some(profile) => {
            let mut command = callgrind::command(profile);
            command.arg(&program);
            command
        }
    };
    let mut server =
        Node::start(command.args(["scale-server", &kind.to_string(), &backend.to_string()]), "the server")?;
    let port = server.line()?;
    let (mut clients, mut opened, mut stopped) = (Vec::new(), 0, None);
    for (at, count) in shares(connections, limit).into_iter().enumerate() {
        // 127.0.1.1 and on: an address each, and so all ports for each.
        let host = format!("127.0.{}.{}", 1 + at / 250, 1 + at % 250);
        let mut client = Node::start(
            Command::new(&program).args(["scale-client", &host, &port, &count.to_string()]),
            "a client",
        )?;
        let line = client.line()?;
        let (count, reason) = line.split_once(' ').unwrap_or((&line, ""));
        opened += count.parse::<usize>()?;
        clients.push(client);
        if !reason.is_empty() {
            stopped = Some(reason.to_owned());
            break;
        }
    }
    server.tell(&opened.to_string())?;
    let line = server.line()?;
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next().unwrap_or_default().parse::<u64>();
    let (held, user, resident) = (number()?, number()?, number()?);
    // What the server says explains that clients were refused.
    let stopped = words.next().map(str::to_owned).filter(|reason| !reason.is_empty()).or(stopped);
    let mut first = clients.into_iter();
    let mut player = first.next().ok_or("no connection was asked for")?;
    let active = active.min(held as usize);
    let start = server.processor()?;
    player.tell(&format!("{active} {rounds}"))?;
    player.line()?;
    // Before all connections end, which takes the server long when they are many.
    let nanoseconds = (server.processor()? - start).as_nanos() as u64;
    // It hangs up, which ends the server.
    drop(player);
    let messages = server.line()?.parse()?;
    let seen = Seen { held, user, resident, stopped, nanoseconds, messages };
    let status = server.child.wait()?;
    match status.success() {
        true => Ok(seen),
        false => Err(format!("the server ended with {status}").into()),
    }
}

/// How many each client opens: no more than it has ports and descriptors for, a few of which it needs itself.
fn shares(connections: usize, limit: usize) -> Vec<usize> {
    let most = limit.saturating_sub(16).clamp(1, PER_CLIENT);
    let mut shares = vec![most; connections / most];
    if !connections.is_multiple_of(most) {
        shares.push(connections % most);
    }
    shares
}

/// A process, which does not outlive a failure.
pub struct Node {
    child: Child,
    output: BufReader<ChildStdout>,
    name: &'static str,
}

impl Node {
    pub fn start(command: &mut Command, name: &'static str) -> Result<Node, Box<dyn Error>> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("a process without output")?);
        Ok(Node { child, output, name })
    }

    pub fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(format!("{} has ended too early", self.name).into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// What it has used of the processors so far.
    fn processor(&self) -> io::Result<Duration> {
        let mut clock = 0;
        // SAFETY: `clock` lives through the call.
        match unsafe { libc::clock_getcpuclockid(self.child.id() as libc::pid_t, &mut clock) } {
            0 => server::time(clock),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    pub fn tell(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        let input = self.child.stdin.as_mut().ok_or("a process without input")?;
        Ok(writeln!(input, "{line}")?)
    }
}

impl Node {
    /// Ends its input, and answers with the last line that it tells.
    pub fn end(mut self) -> Result<String, Box<dyn Error>> {
        drop(self.child.stdin.take());
        let line = self.line()?;
        match self.child.wait()? {
            status if status.success() => Ok(line),
            status => Err(format!("{} ended with {status}", self.name).into()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Neither does anything once it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_share_all_connections_and_none_has_more_than_its_limit() {
        for (connections, limit) in [(1, 20_000), (10_000, 1024), (32_000, 20_000), (50_001, 1 << 20)] {
            let shares = shares(connections, limit);
            assert_eq!(shares.iter().sum::<usize>(), connections);
            assert!(
                shares.iter().all(|&share| (1..=PER_CLIENT.min(limit - 16)).contains(&share)),
                "{shares:?}"
            );
        }
    }
}
