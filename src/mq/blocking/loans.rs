//! A connection that is lent: whatever comes, or happens meanwhile, is as it would be without.

mod back;
mod by_hand;
mod random;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use self::by_hand::{framed, ByHand};
use super::*;
use crate::platform::Backend;

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(20);

/// Trips after which a connection is sure to be lent: many times as many as it takes.
const MANY: usize = 10_000;

/// With each backend, since each has its own way to be silent about a connection and to speak of it again.
fn on_every_backend(test: impl Fn(IoThread)) {
    for &backend in Backend::AVAILABLE {
        println!("{backend}");
        test(IoThread::with(Builder::new().backend(backend)).unwrap());
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

fn bound(io: &IoThread) -> (BlockingSocket, String) {
    let rep = io.socket(SocketType::Rep).unwrap();
    let address = rep.bind("tcp://127.0.0.1:*").unwrap().to_string();
    (rep, address)
}

/// Short ones and long ones, of one part and of more.
fn message(number: usize) -> Message {
    const LENS: [usize; 12] = [64, 0, 1, 30, 31, 255, 256, 64, 4084, 4085, 4086, 70_000];
    // Many of a kind behind one another, so that loans are of some length.
    let body = vec![number as u8; LENS[number / 100 % LENS.len()]];
    let mut message = Message::from(body);
    if number % 750 == 749 {
        message.push_back("and more");
    }
    message
}

#[test]
fn requests_and_replies_of_all_kinds_come_as_they_were_sent_and_most_by_a_lent_connection() {
    let file = std::env::temp_dir().join(format!("ringmq-loans-{}", std::process::id()));
    let sleepy = Options::new().busy_poll(Duration::ZERO);
    on_every_backend(|io| ask_for_all_kinds(io, "tcp://127.0.0.1:*", &Options::new()));
    on_every_backend(|io| ask_for_all_kinds(io, "tcp://127.0.0.1:*", &sleepy));
    on_every_backend(|io| ask_for_all_kinds(io, &format!("ipc://{}", file.display()), &Options::new()));
}

fn ask_for_all_kinds(io: IoThread, endpoint: &str, options: &Options) {
    const TRIPS: usize = 3_000;
    let rep = io.socket_with(SocketType::Rep, options.clone()).unwrap();
    let address = rep.bind(endpoint).unwrap().to_string();
    let req = io.socket_with(SocketType::Req, options.clone()).unwrap();
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
            req.send(message(number)).unwrap();
            let reply = req.recv_timeout(PATIENCE).unwrap();
            assert!(reply.parts().eq(message(number).parts()), "message {number}");
            was_lent[1].fetch_or(number % 50 == 0 && has_lent(io, &req), Ordering::Relaxed);
        }
    });
    assert!(was_lent.iter().all(|was_lent| was_lent.load(Ordering::Relaxed)), "{was_lent:?}");
    assert_eq!(req.close(PATIENCE).unwrap(), 0);
    assert_eq!(rep.close(PATIENCE).unwrap(), 0);
    assert_eq!(io.shutdown(PATIENCE).unwrap(), 0);
}

#[test]
fn a_reply_that_comes_in_pieces_or_with_other_things_is_received_whole() {
    on_every_backend(|io| {
        let (req, mut peer) = ByHand::replier(&io);
        let ping = b"\x04\x09\x04PING\0\0hi";
        let asked = |peer: &mut ByHand| {
            peer.answer_until_lent(&io, &req);
            req.send("what?").unwrap();
            assert_eq!(peer.hear(), b"what?");
        };
        for at in 1..framed(b"this").len() {
            asked(&mut peer);
            let reply = framed(b"this");
            peer.0.write_all(&reply[..at]).unwrap();
            thread::scope(|scope| {
                let heard = scope.spawn(|| req.recv_timeout(PATIENCE).unwrap().into_vec());
                await_return(&io, &req);
                peer.0.write_all(&reply[at..]).unwrap();
                assert_eq!(heard.join().unwrap(), b"this", "cut at {at}");
            });
        }
        // One with a command before it, and a second one behind it that nobody has asked for.
        asked(&mut peer);
        peer.0.write_all(&[&ping[..], &framed(b"this"), &framed(b"that")].concat()).unwrap();
        assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"this");
        assert_eq!(peer.frame(), (4, b"\x04PONGhi".to_vec()));
        // And it goes on.
        asked(&mut peer);
        peer.say(b"this");
        assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"this");
    });
}

#[test]
fn requests_that_come_at_once_are_answered_in_order() {
    let io = IoThread::new().unwrap();
    let (rep, address) = bound(&io);
    let mut peer = ByHand::requester(&address);
    for _ in 0..3 {
        peer.ask_until_lent(&io, &rep);
        let several: Vec<u8> = (0..5).flat_map(|number| framed(&[number])).collect();
        peer.0.write_all(&several).unwrap();
        rep.send("nothing").unwrap();
        assert_eq!(peer.hear(), b"nothing");
        for number in 0..5 {
            let request = rep.recv_timeout(PATIENCE).unwrap();
            assert_eq!(request.first()[..], [number]);
            rep.send(request).unwrap();
            assert_eq!(peer.hear(), [number]);
        }
    }
}

#[test]
fn replies_that_find_no_room_are_sent_whole_and_in_order_when_there_is_some() {
    on_every_backend(|io| {
        let (rep, address) = bound(&io);
        let mut peer = ByHand::requester(&address);
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
    let io = IoThread::new().unwrap();
    let (req, mut peer) = ByHand::replier(&io);
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
}

#[test]
fn of_two_threads_that_listen_one_hears_and_the_other_is_told_so() {
    let io = IoThread::new().unwrap();
    let (req, mut peer) = ByHand::replier(&io);
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
}

#[test]
fn of_two_threads_that_send_one_has_its_turn() {
    let io = IoThread::new().unwrap();
    let (req, mut peer) = ByHand::replier(&io);
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
}

#[test]
fn what_is_too_long_is_refused_as_ever() {
    let io = IoThread::new().unwrap();
    let rep = io.socket_with(SocketType::Rep, Options::new().max_message_len(100)).unwrap();
    let address = rep.bind("tcp://127.0.0.1:*").unwrap().to_string();
    let mut peer = ByHand::requester(&address);
    peer.ask_until_lent(&io, &rep);
    rep.send("nothing").unwrap();
    assert_eq!(peer.hear(), b"nothing");
    peer.say(&[7; 101]);
    assert_eq!(rep.recv_timeout(MOMENT).map(Message::into_vec), Err(WaitError::Unreachable { why: None }));
    assert_eq!(peer.0.read(&mut [0; 9]).unwrap(), 0, "it is let go");
}
