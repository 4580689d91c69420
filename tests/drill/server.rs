//! The process with the PULL and the REP: it writes down what it has received, where that survives it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use ringmq::mq::{BlockingSocket, Dialect, SocketType, WaitError};

use crate::member::{end_at_the_first_fault, io_thread, options, MOMENT, PATIENCE};
use crate::note::Note;

/// The arguments: the backend, where to write to, a seed, and the addresses of the PULL, of the REP, and another of the REP.
///
/// It says at which addresses it is. Its standard input tells, line by line, up to which number it is to receive of which sender in which
/// life; after it has ended, and that has been received, the process ends.
pub fn main(arguments: &[&str]) {
    end_at_the_first_fault();
    let [backend, file, seed, pull_address, rep_address, rep_path] = arguments else {
        panic!("expected six arguments, found {arguments:?}");
    };
    let io = io_thread(backend);
    let open = |socket_type| io.socket_with(socket_type, options().dialect(Dialect::Any)).expect("a socket");
    let (pull, rep) = (open(SocketType::Pull), open(SocketType::Rep));
    let create = |kind| File::create(format!("{file}.{kind}")).expect("a file for what is received");
    let (pulled, asked) = (create("pull"), create("rep"));
    // Both are open before anybody can be told of them.
    let mut random = fastrand::Rng::with_seed(seed.parse().expect("a number"));
    println!("{}", bind(&pull, pull_address));
    println!("{}", bind(&rep, rep_address));
    bind(&rep, rep_path);

    let wanted = Mutex::new(None);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(pull, pulled, &wanted));
        scope.spawn(move || answer(&rep, asked, &mut random));
        let lines = io::stdin().lock().lines().map(|line| line.expect("the director writes text"));
        let notes = lines.map(|line| note_of(&line)).collect();
        *wanted.lock().expect("a fault ends the process") = Some(notes);
        receiver.join().expect("a fault ends the process");
        assert_eq!(io.shutdown(PATIENCE).expect("it ends"), 0, "answers were lost");
    });
}

/// Binds a socket, as soon as the one of the process before is gone: or a connection that the system gave the port to meanwhile.
fn bind(socket: &BlockingSocket, address: &str) -> String {
    let began = Instant::now();
    loop {
        match socket.bind(address) {
            Ok(endpoint) => return endpoint.to_string(),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && began.elapsed() < PATIENCE => {
                thread::yield_now();
            }
            Err(error) => panic!("bind to {address}: {error}"),
        }
    }
}

fn note_of(line: &str) -> Note {
    let mut numbers = line.split(' ').map(|word| word.parse().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    Note { sender: next() as u32, life: next() as u32, sequence: next() }
}

/// Receives until it has all that is wanted, once that is known.
fn receive(pull: BlockingSocket, mut file: File, wanted: &Mutex<Option<Vec<Note>>>) {
    let mut latest: HashMap<(u32, u32), u64> = HashMap::new();
    let mut quiet_since = Instant::now();
    loop {
        match pull.recv_timeout(MOMENT) {
            Ok(message) => {
                let note = Note::read(&message.into_vec());
                file.write_all(&note.record()).expect("there is room for it");
                latest.insert((note.sender, note.life), note.sequence);
                quiet_since = Instant::now();
            }
            Err(WaitError::TimedOut | WaitError::Unreachable { .. }) => {}
            Err(error) => panic!("PULL: {error}"),
        }
        let has = |note: &&Note| latest.get(&(note.sender, note.life)) >= Some(&note.sequence);
        let wanted = wanted.lock().expect("a fault ends the process");
        if let Some(missing) = wanted.as_ref().map(|wanted| wanted.iter().find(|note| !has(note))) {
            match missing {
                Some(_) => assert!(quiet_since.elapsed() < PATIENCE, "awaited in vain: {missing:?}"),
                None => return,
            }
        }
    }
}

/// Answers each request, until the socket is closed.
fn answer(rep: &BlockingSocket, mut file: File, random: &mut fastrand::Rng) {
    loop {
        let note = match rep.recv() {
            Ok(message) => Note::read(&message.into_vec()),
            Err(WaitError::Closed) => return,
            Err(error) => panic!("REP: {error}"),
        };
        file.write_all(&note.record()).expect("there is room for it");
        match rep.send(note.answer().message(random)) {
            Ok(()) => {}
            Err(refused) => assert_eq!(refused.error, WaitError::Closed),
        }
    }
}
