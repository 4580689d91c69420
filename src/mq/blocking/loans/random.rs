//! Peers that say things of all kinds in pieces of all lengths: a socket that is lent its connection delivers what one does that is not.

use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::AtomicUsize;

use super::*;

/// Numbers of a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Writes it in pieces.
    fn write_in_pieces(&mut self, stream: &mut TcpStream, mut bytes: &[u8]) {
        let longest = self.one_of(&[1, 3, 20, 5000, usize::MAX]);
        while !bytes.is_empty() {
            let len = (1 + self.below(longest)).max(bytes.len() / 20);
            let (piece, rest) = bytes.split_at(len.min(bytes.len()));
            stream.write_all(piece).unwrap();
            thread::yield_now();
            bytes = rest;
        }
    }

    /// A message with what is around it.
    fn message(&mut self, dialect: Dialect) -> (Vec<u8>, Message) {
        const LENS: [usize; 10] = [0, 1, 30, 30, 255, 256, 4084, 4085, 4086, 70_000];
        let body = vec![self.below(256) as u8; self.one_of(&LENS)];
        let has_more = self.below(8) == 0;
        match dialect {
            Dialect::Ring => self.ring_message(body, has_more),
            Dialect::Zmtp | Dialect::Any => self.zmtp_message(body, has_more),
        }
    }

    /// Of one part or of two.
    fn zmtp_message(&mut self, body: Vec<u8>, has_more: bool) -> (Vec<u8>, Message) {
        let mut bytes = self.part(1, &[]);
        bytes.extend(self.part(u8::from(has_more), &body));
        let mut message = Message::from(body);
        if has_more {
            bytes.extend(self.part(0, b"and more"));
            message.push_back("and more");
        }
        (bytes, message)
    }

    /// A part with its header, which may be longer than it need be.
    fn part(&mut self, flags: u8, body: &[u8]) -> Vec<u8> {
        match u8::try_from(body.len()) {
            Ok(len) if self.below(8) > 0 => [&[flags, len], body].concat(),
            _ => [&[flags | 2], &(body.len() as u64).to_be_bytes()[..], body].concat(),
        }
    }

    /// In one piece or in two, one of which may be empty; not of no bytes at all, which nobody can send back.
    fn ring_message(&mut self, mut body: Vec<u8>, has_more: bool) -> (Vec<u8>, Message) {
        if body.is_empty() {
            body.push(7);
        }
        let cut = if has_more { self.below(body.len() + 1) } else { body.len() };
        let mut bytes = self.piece(u8::from(has_more), &body[..cut]);
        if has_more {
            bytes.extend(self.piece(0, &body[cut..]));
        }
        (bytes, Message::from(body))
    }

    /// A piece with its header, which may have flags that mean nothing.
    fn piece(&mut self, flags: u8, body: &[u8]) -> Vec<u8> {
        let flags = flags | self.one_of(&[0, 0, 4, 0xfe]);
        [&[flags], &(5 + body.len() as u32).to_be_bytes()[..], body].concat()
    }
}

const PING: &[u8] = b"\x04\x09\x04PING\0\0hi";

/// What a requester says, how it ends, and what is to come of it.
#[derive(Default)]
struct Script {
    /// What is written once all replies so far are heard, and how many requests there are in it.
    steps: Vec<(Vec<u8>, usize)>,
    requests: Vec<Message>,
    ping_count: usize,
    has_ending: bool,
}

impl Script {
    fn new(numbers: &mut Numbers, dialect: Dialect) -> Script {
        // None, and then what no frame begins with, one that is too long, and one that is cut.
        let endings: [&[u8]; 5] = match dialect {
            Dialect::Ring => [b"", b"", b"\0\0\0\0\x04", b"\0\xff\xff\xff\xff", b"\0\0\0\0\x0ecut"],
            _ => [b"", b"", b"\x08\0", b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x01\0\0\x09cut"],
        };
        let mut script = Script { steps: vec![Default::default()], ..Script::default() };
        for _ in 0..60 {
            if numbers.below(4) > 0 {
                script.steps.push(Default::default());
            }
            let (step, request_count) = script.steps.last_mut().expect("there is one from the beginning");
            if dialect == Dialect::Zmtp && numbers.below(10) == 0 {
                step.extend(PING);
                script.ping_count += 1;
            } else {
                let (bytes, request) = numbers.message(dialect);
                step.extend(bytes);
                *request_count += 1;
                script.requests.push(request);
            }
        }
        let ending = numbers.one_of(&endings);
        script.steps.iter_mut().last().expect("as before").0.extend(ending);
        script.has_ending = !ending.is_empty();
        script
    }
}

/// Plays a script to a REP that answers with what it is asked; answers with what that has received.
fn play(script: &Script, numbers: &mut Numbers, rep: &BlockingSocket, mut peer: ByHand) -> Vec<Message> {
    let heard_count = AtomicUsize::new(0);
    let mut writer = peer.stream.try_clone().unwrap();
    thread::scope(|scope| {
        let heard_count = &heard_count;
        scope.spawn(move || {
            let mut said_count = 0;
            for (bytes, request_count) in &script.steps {
                let began = Instant::now();
                while heard_count.load(Ordering::Acquire) < said_count {
                    assert!(began.elapsed() < PATIENCE, "a reply does not come");
                    thread::yield_now();
                }
                numbers.write_in_pieces(&mut writer, bytes);
                said_count += request_count;
            }
            if script.has_ending {
                writer.shutdown(Shutdown::Write).unwrap();
            }
        });
        let hears = scope.spawn(move || {
            let mut pong_count = 0;
            for request in &script.requests {
                let mut next = peer.next_frame();
                while next == Some((4, b"\x04PONGhi".to_vec())) {
                    pong_count += 1;
                    next = peer.next_frame();
                }
                // Who is let go hears no more.
                if next.is_none() && script.has_ending {
                    break;
                }
                let parts = peer.try_parts(next.expect("a reply"));
                assert!(parts
                    .map_or(script.has_ending, |parts| Message::from_parts(parts).as_ref() == Some(request)));
                heard_count.fetch_add(1, Ordering::Release);
            }
            while !script.has_ending && pong_count < script.ping_count {
                assert_eq!(peer.next_frame(), Some((4, b"\x04PONGhi".to_vec())));
                pong_count += 1;
            }
            while script.has_ending && peer.next_frame().is_some() {}
        });
        let mut received = Vec::new();
        loop {
            let was_over = hears.is_finished(); // or has failed
            match rep.recv_timeout(MOMENT) {
                Ok(request) => {
                    received.push(request.clone());
                    let _ = rep.send(request); // of who has left there is no telling
                }
                Err(_) if was_over => return received,
                Err(_) => {}
            }
        }
    })
}

impl ByHand {
    /// As [`frame`](ByHand::frame); `None` when there is an end.
    fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        self.try_frame()
            .map_err(|error| assert!(!is_late(&error), "neither a frame nor an end: {error}"))
            .ok()
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[test]
fn a_rep_that_is_lent_its_connection_receives_what_one_does_that_is_not() {
    on_every_backend(|io, dialect| {
        for seed in 0..6 {
            for is_lent in [false, true] {
                let mut numbers = Numbers(seed);
                let script = Script::new(&mut numbers, dialect);
                let (rep, address) = bound(&io, dialect);
                let mut peer = ByHand::requester(&address, dialect);
                let mut set = PollSet::new().unwrap();
                if is_lent {
                    peer.ask_until_lent(&io, &rep);
                    rep.send("nothing").unwrap();
                    assert_eq!(peer.hear(), b"nothing");
                } else {
                    set.add_to_recv(&rep); // keeps it
                }
                let received = play(&script, &mut numbers, &rep, peer);
                assert!(script.requests.starts_with(&received), "seed {seed}, is lent: {is_lent}");
                let is_whole = received.len() == script.requests.len();
                assert!(is_whole || script.has_ending, "seed {seed}, is lent: {is_lent}");
            }
        }
    });
}

#[test]
fn a_req_that_is_lent_its_connection_receives_each_reply_in_whatever_pieces() {
    on_every_backend(|io, dialect| {
        for seed in 0..6 {
            let mut numbers = Numbers(seed);
            let (req, mut peer) = ByHand::replier(&io, dialect);
            for round in 0..5 {
                peer.answer_until_lent(&io, &req);
                for number in 0..10 {
                    req.send("what?").unwrap();
                    assert_eq!(peer.hear(), b"what?");
                    let (said, reply) = numbers.message(dialect);
                    thread::scope(|scope| {
                        scope.spawn(|| numbers.write_in_pieces(&mut peer.stream, &said));
                        let heard = req.recv_timeout(PATIENCE).unwrap();
                        assert!(heard == reply, "seed {seed}, round {round}, reply {number}");
                    });
                }
            }
        }
    });
}
