//! Who starts the members, kills them, and compares what was received with what was sent.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::platform::Backend;

use crate::client::{Report, SOCKETS};
use crate::ledger::Ledger;
use crate::note::Note;
use crate::request::Request;

/// How many processes have the clients.
const CLIENTS: usize = 4;

/// How long at the most between two deeds, and until who was killed is started again.
const CALM_MS: u64 = 120;
const ABSENCE_MS: u64 = 30;

pub fn main(arguments: Vec<OsString>) {
    let number = |name: &str| std::env::var(name).ok().map(|text| (text.parse::<f64>(), text));
    let number = |name: &str| {
        number(name).map(|(parsed, text)| {
            parsed.unwrap_or_else(|_| panic!("expected {name} to be a number, found {text:?}"))
        })
    };
    let seconds = number("RINGMQ_DRILL_SECONDS").unwrap_or(2.0);
    let seed = number("RINGMQ_DRILL_SEED").map_or_else(|| fastrand::u64(..1 << 32), |seed| seed as u64);
    let request = Request::parse(arguments).unwrap_or_else(|error| panic!("drill: {error}"));
    let wanted = |backend: &&Backend| request.wants(&format!("drill::{backend}"));
    for backend in Backend::AVAILABLE.iter().filter(wanted) {
        match request.lists_only {
            true => println!("drill::{backend}: test"),
            false => drill(*backend, Duration::from_secs_f64(seconds), seed),
        }
    }
}

fn drill(backend: Backend, time: Duration, seed: u64) {
    println!("{backend}: seed {seed}");
    let directory = std::env::temp_dir().join(format!("ringmq-drill-{}-{backend}", std::process::id()));
    // Left by an earlier process of the same number that was killed.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("a directory for what is received");
    let mut cluster = Cluster::start(backend, &directory, seed);
    let began = Instant::now();
    while began.elapsed() < time || !cluster.deeds.are_all_done() {
        cluster.disturb();
    }
    let (deeds, ledger) = cluster.end();
    println!("{backend}: {deeds:?}; {}", ledger.check(&directory));
    fs::remove_dir_all(&directory).expect("nobody else removes it");
}

/// What was done to the members.
#[derive(Default, Debug)]
struct Deeds {
    servers_killed: u32,
    clients_killed: u32,
    clients_ended: u32,
}

impl Deeds {
    fn are_all_done(&self) -> bool {
        self.servers_killed > 0 && self.clients_killed > 0 && self.clients_ended > 0
    }
}

/// The members that are there, and what there were.
struct Cluster {
    backend: Backend,
    directory: PathBuf,
    random: fastrand::Rng,
    server: Member,
    /// Which of its lives the server is in.
    server_life: u32,
    addresses: [String; 3],
    clients: Vec<Member>,
    lives: Vec<u32>,
    ledger: Ledger,
    deeds: Deeds,
}

impl Cluster {
    fn start(backend: Backend, directory: &Path, seed: u64) -> Cluster {
        let mut random = fastrand::Rng::with_seed(seed);
        let any = "tcp://127.0.0.1:*".to_string();
        let path = format!("ipc://{}", directory.join("rep").display());
        let mut addresses = [any.clone(), any, path];
        let mut server = start_server(backend, directory, 0, &addresses, &mut random);
        for address in &mut addresses[..2] {
            let line = &mut String::new();
            server.output.read_line(line).expect("it writes text");
            *address = line.trim_end().to_string();
        }
        let mut cluster = Cluster {
            backend,
            directory: directory.to_path_buf(),
            random,
            server,
            server_life: 0,
            addresses,
            clients: Vec::new(),
            lives: vec![0; CLIENTS],
            ledger: Ledger::default(),
            deeds: Deeds::default(),
        };
        for client in 0..CLIENTS {
            let started = cluster.start_client(client);
            cluster.clients.push(started);
        }
        cluster
    }

    fn start_client(&mut self, client: usize) -> Member {
        for sender in senders(client) {
            self.ledger.begin(sender, self.lives[client], self.server_life);
        }
        let [pull, rep, path] = &self.addresses;
        let (life, seed) = (self.lives[client].to_string(), self.random.u64(..).to_string());
        let arguments =
            ["--client", &self.backend.to_string(), &client.to_string(), &life, &seed, pull, rep, path];
        Member::start(&arguments)
    }

    /// Something happens to one of them, after a while of nothing.
    fn disturb(&mut self) {
        thread::sleep(Duration::from_millis(self.random.u64(..CALM_MS)));
        let absence = Duration::from_millis(self.random.u64(..ABSENCE_MS));
        match self.random.u32(0..8) {
            0 | 1 => {
                self.server.kill();
                thread::sleep(absence);
                self.server_life += 1;
                let Cluster { backend, directory, server_life, addresses, random, .. } = self;
                self.server = start_server(*backend, directory, *server_life, addresses, random);
                self.deeds.servers_killed += 1;
            }
            which => {
                let client = self.random.usize(..CLIENTS);
                if which == 2 {
                    self.end_client(client);
                    self.deeds.clients_ended += 1;
                } else {
                    self.clients[client].kill();
                    self.deeds.clients_killed += 1;
                }
                thread::sleep(absence);
                self.lives[client] += 1;
                self.clients[client] = self.start_client(client);
            }
        }
    }

    /// Has a client send one more message of each socket and end, and takes down what it says.
    fn end_client(&mut self, client: usize) {
        for line in self.clients[client].end().lines() {
            let report = Report::parse(line);
            self.ledger.end(report, self.lives[client], self.server_life);
        }
    }

    /// The last round: everybody gets an answer, and all that was sent to the server that is there now arrives.
    fn end(mut self) -> (Deeds, Ledger) {
        for client in 0..CLIENTS {
            drop(self.clients[client].input.take()); // all at once
        }
        for client in 0..CLIENTS {
            self.end_client(client);
        }
        let input = self.server.input.as_mut().expect("it is the server's");
        for Note { sender, life, sequence } in self.ledger.wanted_of(self.server_life) {
            writeln!(input, "{sender} {life} {sequence}").expect("it reads");
        }
        self.server.end();
        (self.deeds, self.ledger)
    }
}

/// The numbers of a client's sockets: those that push, and then those that ask.
fn senders(client: usize) -> impl Iterator<Item = u32> {
    let first = client as u32 * 2 * SOCKETS;
    first..first + 2 * SOCKETS
}

fn start_server(
    backend: Backend,
    directory: &Path,
    life: u32,
    addresses: &[String; 3],
    random: &mut fastrand::Rng,
) -> Member {
    let file = Ledger::file_of(directory, life).display().to_string();
    let [pull, rep, path] = addresses;
    Member::start(&["--server", &backend.to_string(), &file, &random.u64(..).to_string(), pull, rep, path])
}

/// A process of the cluster. It ends when its input does, and has then done what it had to.
struct Member {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Member {
    fn start(arguments: &[&str]) -> Member {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a member");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Member { child, input, output }
    }

    /// In the middle of whatever it is at. One that has ended before has found a fault.
    fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        let status = self.child.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(9), "a member found a fault: {status}");
    }

    /// Answers what it says at its end.
    fn end(&mut self) -> String {
        drop(self.input.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said).expect("it writes text");
        let status = self.child.wait().expect("it is our child");
        assert!(status.success(), "a member found a fault: {status}");
        said
    }
}

/// Nobody stays behind when a fault was found.
impl Drop for Member {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
