//! A process with some PUSH and REQ sockets, a thread for each: they send until they are told to end.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use ringmq::mq::{BlockingSocket, Dialect, Event, IoThread, SocketType, WaitError};

use crate::member::{end_at_the_first_fault, io_thread, options, orders, MOMENT, PATIENCE};
use crate::note::Note;

/// How many sockets of either type a client has.
pub const SOCKETS: u32 = 5;

/// Whether a sender has a PUSH; the others have a REQ.
pub fn is_pusher(sender: u32) -> bool {
    sender % (2 * SOCKETS) < SOCKETS
}

/// What a client says of a socket when it ends: a line of its output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    pub sender: u32,
    /// How many messages it has sent, or asked.
    pub count: u64,
    /// How many answers it got.
    pub answers: u64,
    /// How many messages it was told that were not written whole when their connection was lost.
    pub unsent: u64,
    /// How often a peer left.
    pub left: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { sender, count, answers, unsent, left } = self;
        write!(f, "{sender} {count} {answers} {unsent} {left}")
    }
}

impl Report {
    pub fn parse(line: &str) -> Report {
        let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
        let [sender, count, answers, unsent, left] = numbers[..] else {
            panic!("expected five numbers, found {line:?}");
        };
        Report { sender: sender as u32, count, answers, unsent, left }
    }
}

/// What is known of a socket by other threads.
#[derive(Clone)]
struct Standing {
    report: Report,
    address: String,
    /// What it waits for, since when, and what it was told of that.
    waits_for: &'static str,
    since: Instant,
    why: String,
}

impl Standing {
    fn new(report: Report, address: &str) -> Standing {
        let (address, since) = (address.to_string(), Instant::now());
        Standing { report, address, waits_for: "its connection", since, why: String::new() }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { report, address, waits_for, since, why } = self;
        write!(f, "{address}: {report:?} has waited {:?} for {waits_for} ({why})", since.elapsed())
    }
}

/// One of its sockets, on a thread of its own.
struct Member<'a> {
    report: Report,
    standing: &'a Mutex<Standing>,
    life: u32,
    random: fastrand::Rng,
    is_over: &'a AtomicBool,
}

/// The arguments: the backend, the number of the client, which of its lives it is, a seed, and the addresses of the PULL and of the REP,
/// the latter twice. It ends when it is told to, after one more message and one more answer of each socket.
pub fn main(arguments: &[&str]) {
    end_at_the_first_fault();
    let [backend, number, life, seed, pull, rep, rep_path] = arguments else {
        panic!("expected seven arguments, found {arguments:?}");
    };
    let io = io_thread(backend);
    let address_of = |at: u32| match is_pusher(at) {
        true => pull,
        false if at % 4 < 2 => rep,
        false => rep_path,
    };
    let first = number.parse::<u32>().expect("a number") * 2 * SOCKETS;
    let (life, seed) = (life.parse().expect("a number"), seed.parse::<u64>().expect("a number"));
    let report = |at: u32| Report { sender: first + at, count: 0, answers: 0, unsent: 0, left: 0 };
    let standings: Arc<Vec<Mutex<Standing>>> =
        Arc::new((0..2 * SOCKETS).map(|at| Mutex::new(Standing::new(report(at), address_of(at)))).collect());
    let shown = Arc::clone(&standings);
    let orders = orders(move || shown.iter().map(|standing| lock(standing).to_string()).collect());
    let (askers_end, pushers_end) = (AtomicBool::new(false), AtomicBool::new(false));
    let reports: Vec<Report> = thread::scope(|scope| {
        let start = |at: u32| {
            let random = fastrand::Rng::with_seed(seed ^ u64::from(first + at));
            let is_over = if is_pusher(at) { &pushers_end } else { &askers_end };
            let standing = &standings[at as usize];
            let member = Member { report: report(at), standing, life, random, is_over };
            let (io, address) = (&io, address_of(at));
            scope.spawn(move || match is_pusher(at) {
                true => member.push(open(io, SocketType::Push, at, address)),
                false => member.ask(open(io, SocketType::Req, at, address)),
            })
        };
        let end = |threads: Vec<thread::ScopedJoinHandle<'_, Report>>| -> Vec<Report> {
            threads.into_iter().map(|thread| thread.join().expect("a fault ends the process")).collect()
        };
        let (askers, pushers): (Vec<u32>, Vec<u32>) = (0..2 * SOCKETS).partition(|at| !is_pusher(*at));
        let askers: Vec<_> = askers.into_iter().map(start).collect();
        let pushers: Vec<_> = pushers.into_iter().map(start).collect();
        assert_eq!(orders.recv().ok(), None, "it is told to end, and nothing else");
        askers_end.store(true, SeqCst);
        let asked = end(askers);
        // The loop that has brought an answer of the server that is there has also seen which connections died with one before: the last
        // messages are on none of them.
        pushers_end.store(true, SeqCst);
        [asked, end(pushers)].concat()
    });
    assert_eq!(io.shutdown(PATIENCE).expect("it ends"), 0, "a message was lost that could be delivered");
    reports.iter().for_each(|report| println!("{report}"));
}

fn open(io: &IoThread, socket_type: SocketType, at: u32, address: &str) -> BlockingSocket {
    let dialect = if at % SOCKETS == SOCKETS - 1 { Dialect::Ring } else { Dialect::Zmtp };
    let socket = io.socket_with(socket_type, options().events(true).dialect(dialect)).expect("a socket");
    socket.connect(address).expect("that nobody is there is no error");
    socket
}

impl Member<'_> {
    fn note(&self) -> Note {
        Note { sender: self.report.sender, life: self.life, sequence: self.report.count }
    }

    /// Sends as much as is taken, until it is over and one more is sent.
    fn push(mut self, push: BlockingSocket) -> Report {
        let mut is_last = false;
        while !is_last {
            let mut message = self.note().message(&mut self.random).into();
            self.begin("room");
            is_last = loop {
                let is_over = self.is_over.load(SeqCst);
                match push.send_timeout(message, MOMENT) {
                    Ok(_) => break is_over,
                    Err(refused) => {
                        self.assert_waits(&refused.error);
                        message = refused.message;
                    }
                }
            };
            self.report.count += 1;
            self.take_events(&push);
        }
        self.begin("all to be sent");
        assert_eq!(push.close(PATIENCE).expect("its thread is there"), 0, "{:?} were lost", self.report);
        self.begin("nothing");
        self.report
    }

    /// Asks one thing after the other, until it is over and one more is answered. Who has left is not waited for.
    fn ask(mut self, req: BlockingSocket) -> Report {
        let mut is_last = false;
        while !is_last {
            let is_over = self.is_over.load(SeqCst);
            let note = self.note();
            req.send(note.message(&mut self.random)).expect("it is its turn");
            self.report.count += 1;
            self.begin("an answer");
            is_last = loop {
                match req.recv_timeout(MOMENT) {
                    Ok(message) => {
                        assert_eq!(Note::read(&message.into_vec()), note.answer(), "another's answer");
                        self.report.answers += 1;
                        break is_over;
                    }
                    Err(WaitError::PeerLeft) => break false,
                    Err(error) => self.assert_waits(&error),
                }
            };
            self.take_events(&req);
        }
        self.begin("its end");
        assert_eq!(req.close(PATIENCE).expect("its thread is there"), 0);
        self.begin("nothing");
        self.report
    }

    fn take_events(&mut self, socket: &BlockingSocket) {
        while let Some(event) = socket.take_event() {
            match event {
                Event::Unsent(count) => self.report.unsent += count,
                Event::Left(_) => self.report.left += 1,
                Event::Refused(error) => assert!(!error.is_final(), "{error}"),
                _ => {}
            }
        }
    }

    /// From now on it waits for this.
    fn begin(&self, waits_for: &'static str) {
        let mut standing = lock(self.standing);
        (standing.report, standing.waits_for, standing.since) = (self.report, waits_for, Instant::now());
        standing.why.clear();
    }

    /// It may take its time, but not for ever.
    fn assert_waits(&self, error: &WaitError) {
        assert!(matches!(error, WaitError::TimedOut | WaitError::Unreachable { .. }), "{error}");
        let mut standing = lock(self.standing);
        standing.why = error.to_string();
        assert!(standing.since.elapsed() < PATIENCE, "stuck: {standing}");
    }
}

fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().expect("a fault ends the process")
}
