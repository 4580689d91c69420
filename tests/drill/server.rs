//! The process with the PULL and the REP: it writes down what it has received, where that survives it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use ringmq::mq::{BlockingSocket, Dialect, SocketType, WaitError};

use crate::member::{end_at_the_first_fault, io_thread, options, orders, MOMENT, PATIENCE};
use crate::note::Note;

/// What has come, and what is still to come.
struct Board {
    /// The last message of each life of each sender that the PULL has received.
    latest: HashMap<(u32, u32), u64>,
    quiet_since: Instant,
    /// What the PULL is to receive before it ends, once that is known.
    wanted: Option<Vec<Note>>,
    answered: u64,
    answered_at: Instant,
}

impl Board {
    fn missing(&self) -> impl Iterator<Item = &Note> {
        let has = |note: &&Note| self.latest.get(&(note.sender, note.life)) >= Some(&note.sequence);
        self.wanted.iter().flatten().filter(move |note| !has(note))
    }

    fn standing(&self) -> Vec<String> {
        let pushed: u64 = self.latest.values().map(|last| last + 1).sum();
        let mut lines = vec![
            format!("PULL: up to {pushed} messages, the last {:?} ago", self.quiet_since.elapsed()),
            format!("REP: {} answers, the last {:?} ago", self.answered, self.answered_at.elapsed()),
        ];
        lines.extend(self.missing().map(|note| {
            let last = self.latest.get(&(note.sender, note.life));
            format!("PULL: {note:?} is awaited, the last of it was {last:?}")
        }));
        lines
    }
}

/// The arguments: the backend, where to write to, a seed, and the addresses of the PULL, of the REP, and another of the REP.
///
/// It says at which addresses it is. The director's orders are, line by line, up to which number it is to receive of which sender in which
/// life; after they have ended, and that has been received, the process ends.
pub fn main(arguments: &[&str]) {
    end_at_the_first_fault();
    let [backend, file, seed, pull_address, rep_address, rep_path] = arguments else {
        panic!("expected six arguments, found {arguments:?}");
    };
    let now = Instant::now();
    let board =
        Board { latest: HashMap::new(), quiet_since: now, wanted: None, answered: 0, answered_at: now };
    let board = Arc::new(Mutex::new(board));
    let shown = Arc::clone(&board);
    let orders = orders(move || lock(&shown).standing());
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

    thread::scope(|scope| {
        let (to_pull, to_answer) = (&board, &board);
        let receiver = scope.spawn(move || receive(&pull, pulled, to_pull));
        scope.spawn(move || answer(&rep, asked, &mut random, to_answer));
        let notes = orders.iter().map(|line| note_of(&line)).collect();
        lock(&board).wanted = Some(notes);
        receiver.join().expect("a fault ends the process");
        assert_eq!(io.shutdown(PATIENCE).expect("it ends"), 0, "answers were lost");
    });
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().expect("a fault ends the process")
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
fn receive(pull: &BlockingSocket, mut file: File, board: &Mutex<Board>) {
    loop {
        let received = pull.recv_timeout(MOMENT);
        let mut board = lock(board);
        match received {
            Ok(message) => {
                let note = Note::read(&message.into_vec());
                file.write_all(&note.record()).expect("there is room for it");
                board.latest.insert((note.sender, note.life), note.sequence);
                board.quiet_since = Instant::now();
            }
            Err(WaitError::TimedOut | WaitError::Unreachable { .. }) => {}
            Err(error) => panic!("PULL: {error}"),
        }
        if board.wanted.is_some() {
            match board.missing().next() {
                Some(missing) => {
                    assert!(board.quiet_since.elapsed() < PATIENCE, "awaited in vain: {missing:?}")
                }
                None => return,
            }
        }
    }
}

/// Answers each request, until the socket is closed.
fn answer(rep: &BlockingSocket, mut file: File, random: &mut fastrand::Rng, board: &Mutex<Board>) {
    loop {
        let note = match rep.recv() {
            Ok(message) => Note::read(&message.into_vec()),
            Err(WaitError::Closed) => return,
            Err(error) => panic!("REP: {error}"),
        };
        file.write_all(&note.record()).expect("there is room for it");
        match rep.send(note.answer().message(random)) {
            Ok(_) => {}
            Err(refused) => assert_eq!(refused.error, WaitError::Closed),
        }
        let mut board = lock(board);
        (board.answered, board.answered_at) = (board.answered + 1, Instant::now());
    }
}
