//! A connection that is lent: whatever comes, or happens meanwhile, is as it would be without.

mod back;
mod by_hand;
mod random;
mod ring;

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use self::by_hand::{framed, ByHand};
use super::*;
use crate::mq::Dialect;
use crate::platform::Backend;

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(20);

/// Trips after which a connection is sure to be lent: many times as many as it takes.
const MANY: usize = 10_000;

const DIALECTS: [Dialect; 2] = [Dialect::Zmtp, Dialect::Ring];

/// In either protocol, with each backend, since each has its own way to be silent about a connection and to speak of it again.
fn on_every_backend(test: impl Fn(IoThread, Dialect)) {
    for &backend in Backend::AVAILABLE {
        for dialect in DIALECTS {
            println!("{backend}, {dialect}");
            test(IoThread::with(Builder::new().backend(backend)).unwrap(), dialect);
        }
    }
}

fn in_either(test: impl Fn(IoThread, Dialect)) {
    for dialect in DIALECTS {
        println!("{dialect}");
        test(IoThread::new().unwrap(), dialect);
    }
}

fn has_lent(io: &IoThread, socket: &BlockingSocket) -> bool {
    let id = socket.id;
    ask(&io.remote, move |_, context| Ok(context.get(id).map_or(false, Socket::has_lent))).unwrap()
}

/// Until the connection is returned, if it is not yet.
fn await_return(io: &IoThread, socket: &BlockingSocket) {
    let began = Instant::now();
    while has_lent(io, socket) {
        assert!(began.elapsed() < PATIENCE, "it is not returned");
        thread::yield_now();
    }
}

fn bound(io: &IoThread, dialect: Dialect) -> (BlockingSocket, String) {
    let rep = io.socket_with(SocketType::Rep, Options::new().dialect(dialect)).unwrap();
    let address = rep.bind("tcp://127.0.0.1:*").unwrap().to_string();
    (rep, address)
}

/// Short ones and long ones, of one part and of more; in RingMQ's protocol, which has no parts, and none without bytes, of several pieces.
fn message(number: usize, dialect: Dialect) -> Message {
    const LENS: [usize; 12] = [64, 0, 1, 30, 31, 255, 256, 64, 4084, 4085, 4086, 70_000];
    // Many of a kind behind one another, so that loans are of some length.
    let len = LENS[number / 100 % LENS.len()];
    let is_of_more = number % 750 == 749;
    match (dialect, is_of_more) {
        (Dialect::Ring, false) => Message::from(vec![number as u8; len.max(1)]),
        (Dialect::Ring, true) => Message::from(vec![number as u8; 200_000]),
        (_, false) => Message::from(vec![number as u8; len]),
        (_, true) => Message::from_parts([vec![number as u8; len], b"and more".to_vec()]).unwrap(),
    }
}

#[test]
fn requests_and_replies_of_all_kinds_come_as_they_were_sent_and_most_by_a_lent_connection() {
    let file = std::env::temp_dir().join(format!("ringmq-loans-{}", std::process::id()));
    let (tcp, unix) = ("tcp://127.0.0.1:*", &*format!("ipc://{}", file.display()));
    let sleepy = Options::new().busy_poll(Duration::ZERO);
    on_every_backend(|io, dialect| ask_for_all_kinds(io, tcp, dialect, Options::new()));
    on_every_backend(|io, dialect| ask_for_all_kinds(io, tcp, dialect, sleepy.clone()));
    on_every_backend(|io, dialect| ask_for_all_kinds(io, unix, dialect, Options::new()));
}

fn ask_for_all_kinds(io: IoThread, endpoint: &str, dialect: Dialect, options: Options) {
    const TRIPS: usize = 3_000;
    let options = options.dialect(dialect);
    let rep = io.socket_with(SocketType::Rep, options.clone()).unwrap();
    let address = rep.bind(endpoint).unwrap().to_string();
    let req = io.socket_with(SocketType::Req, options).unwrap();
    req.connect(&address).unwrap();
    let was_lent = [AtomicBool::new(false), AtomicBool::new(false)];
    thread::scope(|scope| {
        let (io, rep, was_lent) = (&io, &rep, &was_lent);
        scope.spawn(move || {
            for number in 0..TRIPS {
                let request = rep.recv_timeout(PATIENCE).unwrap();
                was_lent[0].fetch_or(number % 50 == 0 && has_lent(io, rep), Ordering::Relaxed);
                rep.send(request).unwrap();
            }
        });
        for number in 0..TRIPS {
            req.send(message(number, dialect)).unwrap();
            let reply = req.recv_timeout(PATIENCE).unwrap();
            assert!(reply.parts().eq(message(number, dialect).parts()), "message {number}");
            was_lent[1].fetch_or(number % 50 == 0 && has_lent(io, &req), Ordering::Relaxed);
        }
    });
    assert!(was_lent.iter().all(|was_lent| was_lent.load(Ordering::Relaxed)), "{was_lent:?}");
    assert_eq!(req.close(PATIENCE).unwrap(), 0);
    assert_eq!(rep.close(PATIENCE).unwrap(), 0);
    assert_eq!(io.shutdown(PATIENCE).unwrap(), 0);
}

/// A REQ that is lent its connection and has asked.
fn asked(io: &IoThread, dialect: Dialect) -> (BlockingSocket, ByHand) {
    let (req, mut peer) = ByHand::replier(io, dialect);
    peer.answer_until_lent(io, &req);
    req.send("what?").unwrap();
    assert_eq!(peer.hear(), b"what?");
    (req, peer)
}

/// A reply of two parts, or of one in two pieces, and what it is received as.
fn reply_of_two(dialect: Dialect) -> (Vec<u8>, Message) {
    match dialect {
        Dialect::Ring => (b"\x01\0\0\0\x07th\0\0\0\0\x07is".to_vec(), Message::from("this")),
        Dialect::Zmtp | Dialect::Any => {
            (b"\x01\0\x01\x02th\0\x02is".to_vec(), Message::from_parts(["th", "is"]).unwrap())
        }
    }
}

#[test]
fn a_reply_that_comes_in_pieces_is_received_whole() {
    on_every_backend(|io, dialect| {
        let of_one = (framed(dialect, b"this"), Message::from("this"));
        for (bytes, reply) in [of_one, reply_of_two(dialect)] {
            for at in 1..bytes.len() {
                let (req, mut peer) = asked(&io, dialect);
                peer.write(&bytes[..at]);
                thread::scope(|scope| {
                    let heard = scope.spawn(|| req.recv_timeout(PATIENCE).unwrap());
                    await_return(&io, &req);
                    peer.write(&bytes[at..]);
                    assert_eq!(heard.join().unwrap(), reply, "cut at {at}");
                });
            }
        }
    });
}

#[test]
fn a_reply_that_comes_with_other_things_is_received_whole() {
    on_every_backend(|io, dialect| {
        let (req, mut peer) = asked(&io, dialect);
        // There is no other thing in RingMQ's protocol.
        let ping = if dialect == Dialect::Zmtp { &b"\x04\x09\x04PING\0\0hi"[..] } else { b"" };
        peer.write(&[ping, &framed(dialect, b"this")].concat());
        assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"this");
        if dialect == Dialect::Zmtp {
            assert_eq!(peer.frame(), (4, b"\x04PONGhi".to_vec()));
        }
        for (bytes, reply) in [(framed(dialect, b"this"), Message::from("this")), reply_of_two(dialect)] {
            peer.answer_until_lent(&io, &req);
            req.send("what?").unwrap();
            assert_eq!(peer.hear(), b"what?");
            // Nobody has asked for the second.
            peer.write(&[bytes, framed(dialect, b"that")].concat());
            assert_eq!(req.recv_timeout(PATIENCE).unwrap(), reply);
        }
        // And it goes on.
        peer.answer_until_lent(&io, &req);
    });
}

#[test]
fn requests_that_come_at_once_are_answered_in_order() {
    in_either(|io, dialect| {
        let (rep, address) = bound(&io, dialect);
        let mut peer = ByHand::requester(&address, dialect);
        for _ in 0..3 {
            peer.ask_until_lent(&io, &rep);
            let several: Vec<u8> = (0..5).flat_map(|number| framed(dialect, &[number])).collect();
            peer.write(&several);
            rep.send("nothing").unwrap();
            assert_eq!(peer.hear(), b"nothing");
            for number in 0..5 {
                let request = rep.recv_timeout(PATIENCE).unwrap();
                assert_eq!(request.first()[..], [number]);
                rep.send(request).unwrap();
                assert_eq!(peer.hear(), [number]);
            }
        }
    });
}

#[test]
fn replies_that_find_no_room_are_sent_whole_and_in_order_when_there_is_some() {
    on_every_backend(|io, dialect| {
        let (rep, address) = bound(&io, dialect);
        let mut peer = ByHand::requester(&address, dialect);
        // Of a length that no buffer is a multiple of.
        let body = |number: u32| [&number.to_be_bytes()[..], &[7; 3989]].concat();
        peer.ask_until_lent(&io, &rep);
        rep.send("nothing").unwrap();
        assert_eq!(peer.hear(), b"nothing");
        let mut count = 0;
        let mut left = 20; // to be sent by the loop, behind what found no room
        while left > 0 {
            peer.say(b"more");
            assert_eq!(rep.recv_timeout(PATIENCE).unwrap().into_vec(), b"more");
            rep.send(body(count)).unwrap();
            count += 1;
            let is_full = !has_lent(&io, &rep);
            left -= u32::from(is_full);
        }
        for number in 0..count {
            assert!(peer.hear() == body(number), "reply {number} of {count}");
        }
        assert_eq!(rep.close(PATIENCE).unwrap(), 0);
    });
}

#[test]
fn a_listener_waits_no_longer_and_no_shorter_than_it_was_to() {
    in_either(|io, dialect| {
        let (req, mut peer) = ByHand::replier(&io, dialect);
        for within in [Duration::from_micros(50), MOMENT] {
            peer.answer_until_lent(&io, &req);
            req.send("what?").unwrap();
            assert_eq!(peer.hear(), b"what?");
            assert_eq!(req.try_recv(), Err(WaitError::WouldBlock));
            let began = Instant::now();
            assert_eq!(req.recv_timeout(within), Err(WaitError::TimedOut));
            assert!(began.elapsed() >= within);
            peer.say(b"this");
            let heard = loop {
                match req.try_recv() {
                    Err(error) => assert_eq!(error, WaitError::WouldBlock),
                    Ok(heard) => break heard,
                }
                assert!(began.elapsed() < PATIENCE);
                thread::yield_now();
            };
            assert_eq!(heard.into_vec(), b"this");
        }
    });
}

#[test]
fn of_two_threads_that_listen_one_hears_and_the_other_is_told_so() {
    in_either(|io, dialect| {
        let (req, mut peer) = ByHand::replier(&io, dialect);
        for _ in 0..20 {
            peer.answer_until_lent(&io, &req);
            req.send("what?").unwrap();
            assert_eq!(peer.hear(), b"what?");
            thread::scope(|scope| {
                let listeners = [(); 2].map(|()| scope.spawn(|| req.recv_timeout(PATIENCE)));
                peer.say(b"this");
                let heard = listeners.map(|listener| listener.join().unwrap());
                let is_told = |heard: &Result<Message, WaitError>| *heard == Err(WaitError::OutOfTurn);
                assert_eq!(heard.iter().filter(|heard| is_told(heard)).count(), 1, "{heard:?}");
                assert!(heard.contains(&Ok(Message::from("this"))));
            });
        }
    });
}

#[test]
fn of_two_threads_that_send_one_has_its_turn() {
    in_either(|io, dialect| {
        let (req, mut peer) = ByHand::replier(&io, dialect);
        for _ in 0..20 {
            peer.answer_until_lent(&io, &req);
            thread::scope(|scope| {
                let senders =
                    [(); 2].map(|()| scope.spawn(|| req.send("what?").map_err(|refused| refused.error)));
                let sent = senders.map(|sender| sender.join().unwrap());
                assert!(
                    sent.contains(&Ok(Handed::Over)) && sent.contains(&Err(WaitError::OutOfTurn)),
                    "{sent:?}"
                );
            });
            assert_eq!(peer.hear(), b"what?");
            peer.say(b"this");
            assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"this");
        }
    });
}

#[test]
fn what_is_too_long_is_refused_as_ever() {
    in_either(|io, dialect| {
        let rep =
            io.socket_with(SocketType::Rep, Options::new().dialect(dialect).max_message_len(100)).unwrap();
        let address = rep.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let mut peer = ByHand::requester(&address, dialect);
        peer.ask_until_lent(&io, &rep);
        rep.send("nothing").unwrap();
        assert_eq!(peer.hear(), b"nothing");
        peer.say(&[7; 101]);
        assert_eq!(
            rep.recv_timeout(MOMENT).map(Message::into_vec),
            Err(WaitError::Unreachable { why: None })
        );
        assert_eq!(peer.stream.read(&mut [0; 9]).unwrap(), 0, "it is let go");
    });
}
