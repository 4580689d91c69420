//! Who starts the members, kills them, and compares what was received with what was sent.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::platform::Backend;

use crate::client::{Report, SOCKETS};
use crate::ledger::Ledger;
use crate::note::Note;
use crate::process::{Process, Said};
use crate::request::Request;
use crate::watch::Watch;

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
    let seconds = number("RINGMQ_DRILL_SECONDS").unwrap_or(10.0);
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
    watch: Watch,
    server: Process,
    /// Which of its lives the server is in.
    server_life: u32,
    addresses: [String; 3],
    clients: Vec<Process>,
    lives: Vec<u32>,
    ledger: Ledger,
    deeds: Deeds,
}

impl Cluster {
    fn start(backend: Backend, directory: &Path, seed: u64) -> Cluster {
        let mut random = fastrand::Rng::with_seed(seed);
        let any = "tcp://127.0.0.1:*".to_string();
        let path = format!("ipc://{}", directory.join("rep").display());
        let addresses = [any.clone(), any, path];
        let server = start_server(backend, directory, 0, &addresses, &mut random);
        let mut cluster = Cluster {
            backend,
            directory: directory.to_path_buf(),
            random,
            watch: Watch::new(directory.to_path_buf()),
            server,
            server_life: 0,
            addresses,
            clients: Vec::new(),
            lives: vec![0; CLIENTS],
            ledger: Ledger::default(),
            deeds: Deeds::default(),
        };
        for at in 0..2 {
            cluster.addresses[at] = cluster.hear(Who::Server).expect("it says where it is");
        }
        for client in 0..CLIENTS {
            let started = cluster.start_client(client);
            cluster.clients.push(started);
        }
        cluster
    }

    fn start_client(&mut self, client: usize) -> Process {
        for sender in senders(client) {
            self.ledger.begin(sender, self.lives[client], self.server_life);
        }
        let [pull, rep, path] = &self.addresses;
        let (life, seed) = (self.lives[client].to_string(), self.random.u64(..).to_string());
        let arguments =
            ["--client", &self.backend.to_string(), &client.to_string(), &life, &seed, pull, rep, path];
        Process::start(&arguments)
    }

    /// Something happens to one of them, after a while of nothing.
    fn disturb(&mut self) {
        thread::sleep(Duration::from_millis(self.random.u64(..CALM_MS)));
        self.look();
        let absence = Duration::from_millis(self.random.u64(..ABSENCE_MS));
        match self.random.u32(0..8) {
            0 | 1 => {
                self.kill(Who::Server);
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
                    self.kill(Who::Client(client));
                    self.deeds.clients_killed += 1;
                }
                thread::sleep(absence);
                self.lives[client] += 1;
                self.clients[client] = self.start_client(client);
            }
        }
    }

    fn kill(&mut self, who: Who) {
        if let Err(status) = self.process(who).kill() {
            self.fail(&format!("{who:?} found a fault: {status}"));
        }
    }

    /// Has a client send one more message of each socket and end, and takes down what it says.
    fn end_client(&mut self, client: usize) {
        self.clients[client].end();
        for line in self.await_end(Who::Client(client)) {
            let report = Report::parse(&line);
            self.ledger.end(report, self.lives[client], self.server_life);
        }
    }

    /// The last round: everybody gets an answer, and all that was sent to the server that is there now arrives.
    fn end(mut self) -> (Deeds, Ledger) {
        self.clients.iter_mut().for_each(Process::end); // all at once
        for client in 0..CLIENTS {
            self.end_client(client);
        }
        for Note { sender, life, sequence } in self.ledger.wanted_of(self.server_life) {
            self.server.say(&format!("{sender} {life} {sequence}"));
        }
        self.server.end();
        self.await_end(Who::Server);
        (self.deeds, self.ledger)
    }

    fn process(&mut self, who: Who) -> &mut Process {
        match who {
            Who::Server => &mut self.server,
            Who::Client(client) => &mut self.clients[client],
        }
    }

    /// The next line that one says; nothing once it has ended.
    fn hear(&mut self, who: Who) -> Option<String> {
        loop {
            match self.process(who).hear() {
                Said::Line(line) => return Some(line),
                Said::End => return None,
                Said::Nothing => self.fail_if_overdue(),
            }
        }
    }

    /// Answers what one that was told to end says until then.
    fn await_end(&mut self, who: Who) -> Vec<String> {
        self.watch.begin_end(format!("{who:?}"));
        let said = std::iter::from_fn(|| self.hear(who)).collect();
        if let Err(status) = self.process(who).ended() {
            self.fail(&format!("{who:?} found a fault: {status}"));
        }
        self.watch.note_end();
        said
    }

    /// Whether all goes on: nobody has ended by itself, and something arrives.
    fn look(&mut self) {
        for who in everybody() {
            if let Some(status) = self.process(who).has_ended() {
                self.fail(&format!("{who:?} found a fault: {status}"));
            }
        }
        self.fail_if_overdue();
    }

    fn fail_if_overdue(&mut self) {
        if let Some(overdue) = self.watch.overdue(self.server_life) {
            self.fail(&overdue);
        }
    }

    /// The drill has failed: says so, and how things stand with everybody.
    fn fail(&mut self, why: &str) -> ! {
        let mut text = format!("{}: {why}; {:?}", self.backend, self.deeds);
        for who in everybody() {
            let life = match who {
                Who::Server => self.server_life,
                Who::Client(client) => self.lives[client],
            };
            let process = self.process(who);
            text += &format!("\n{who:?}, life {life}, process {}:", process.id());
            process.standing().iter().for_each(|line| text += &format!("\n    {line}"));
        }
        panic!("{text}");
    }
}

/// One of the members.
#[derive(Clone, Copy, Debug)]
enum Who {
    Server,
    Client(usize),
}

fn everybody() -> impl Iterator<Item = Who> {
    std::iter::once(Who::Server).chain((0..CLIENTS).map(Who::Client))
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
) -> Process {
    let file = Ledger::file_of(directory, life).display().to_string();
    let [pull, rep, path] = addresses;
    Process::start(&["--server", &backend.to_string(), &file, &random.u64(..).to_string(), pull, rep, path])
}
