//! A connection that is lent: whatever comes, or happens meanwhile, is as it would be without.

mod random;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::io::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::codec::zmtp::{Greeting, Mechanism};
use crate::platform::{net, Backend};

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

/// A peer that is played by hand.
struct ByHand(TcpStream);

impl ByHand {
    /// Connects to a REP.
    fn requester(address: &str) -> ByHand {
        let stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
        ByHand(stream).shake_hands(b"REQ")
    }

    /// Accepts a REQ that connects.
    fn replier(io: &IoThread) -> (BlockingSocket, ByHand) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let req = io.socket(SocketType::Req).unwrap();
        req.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        (req, ByHand(listener.accept().unwrap().0).shake_hands(b"REP"))
    }

    fn shake_hands(mut self, socket_type: &[u8; 3]) -> ByHand {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        self.0.set_nodelay(true).unwrap();
        self.0.write_all(&Greeting::new(Mechanism::NULL, false).encode()).unwrap();
        self.0.read_exact(&mut [0; 64]).unwrap();
        self.0.write_all(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03").unwrap();
        self.0.write_all(socket_type).unwrap();
        assert_eq!(self.frame().0, 4, "READY");
        self
    }

    /// The flags of the next frame, without that of a long one, and its body.
    fn try_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut flags = [0];
        self.0.read_exact(&mut flags)?;
        let mut size = [0; 8];
        let size_len = if flags[0] & 2 == 0 { 1 } else { 8 };
        self.0.read_exact(&mut size[8 - size_len..])?;
        let mut body = vec![0; u64::from_be_bytes(size) as usize];
        self.0.read_exact(&mut body)?;
        Ok((flags[0] & !2, body))
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        self.try_frame().unwrap()
    }

    /// The body of the next request or reply.
    fn hear(&mut self) -> Vec<u8> {
        assert_eq!(self.frame(), (1, Vec::new()));
        let (flags, body) = self.frame();
        assert_eq!(flags, 0);
        body
    }

    fn say(&mut self, body: &[u8]) {
        self.0.write_all(&framed(body)).unwrap();
    }

    /// Answers the requests of a REQ until it is lent the connection.
    fn answer_until_lent(&mut self, io: &IoThread, req: &BlockingSocket) {
        for _ in 0..MANY {
            req.send("how much?").unwrap();
            assert_eq!(self.hear(), b"how much?");
            self.say(b"nothing");
            assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"nothing");
            if has_lent(io, req) {
                return;
            }
        }
        panic!("it is never lent");
    }

    /// Asks a REP until it is lent the connection, and has the last request received but not answered.
    fn ask_until_lent(&mut self, io: &IoThread, rep: &BlockingSocket) {
        for _ in 0..MANY {
            self.say(b"how much?");
            assert_eq!(rep.recv_timeout(PATIENCE).unwrap().into_vec(), b"how much?");
            if has_lent(io, rep) {
                return;
            }
            rep.send("nothing").unwrap();
            assert_eq!(self.hear(), b"nothing");
        }
        panic!("it is never lent");
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, body.len() as u8][..], body].concat()
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
fn who_is_asked_and_leaves_is_said_to_have_left() {
    on_every_backend(|io| {
        for is_abrupt in [false, true] {
            let (req, mut peer) = ByHand::replier(&io);
            peer.answer_until_lent(&io, &req);
            req.send("are you there?").unwrap();
            assert_eq!(peer.hear(), b"are you there?");
            thread::scope(|scope| {
                let heard = scope.spawn(|| req.recv_timeout(PATIENCE));
                if is_abrupt {
                    net::set_linger(peer.0.as_fd(), Some(Duration::ZERO)).unwrap();
                }
                drop(peer);
                assert_eq!(heard.join().unwrap(), Err(WaitError::PeerLeft));
            });
            assert_eq!(req.try_recv(), Err(WaitError::OutOfTurn), "it is said once");
            req.send("anybody?").unwrap();
        }
    });
}

#[test]
fn a_request_to_who_has_left_goes_to_who_comes_next() {
    let io = IoThread::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let moment = Duration::from_millis(1);
    let req = io.socket_with(SocketType::Req, Options::new().reconnect(moment, moment)).unwrap();
    req.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let accept = || ByHand(listener.accept().unwrap().0).shake_hands(b"REP");
    let mut peer = accept();
    peer.answer_until_lent(&io, &req);
    drop(peer);
    // It is noticed though nobody listens.
    let mut peer = accept();
    assert!(!has_lent(&io, &req));
    req.send("are you another?").unwrap();
    assert_eq!(peer.hear(), b"are you another?");
    peer.say(b"yes");
    assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"yes");
}

#[test]
fn a_connection_that_nobody_uses_is_returned_and_its_peer_is_heard() {
    on_every_backend(|io| {
        let (req, mut peer) = ByHand::replier(&io);
        peer.answer_until_lent(&io, &req);
        peer.0.write_all(b"\x04\x09\x04PING\0\0hi").unwrap();
        assert_eq!(peer.frame(), (4, b"\x04PONGhi".to_vec()));
        assert!(!has_lent(&io, &req));
        peer.answer_until_lent(&io, &req);
        await_return(&io, &req);
    });
}

#[test]
fn a_listener_that_hears_nothing_returns_the_connection_and_hears_what_comes_all_the_same() {
    let io = IoThread::new().unwrap();
    let (req, mut peer) = ByHand::replier(&io);
    peer.answer_until_lent(&io, &req);
    req.send("what?").unwrap();
    assert_eq!(peer.hear(), b"what?");
    thread::scope(|scope| {
        let heard = scope.spawn(|| req.recv_timeout(PATIENCE).unwrap().into_vec());
        await_return(&io, &req);
        peer.say(b"this");
        assert_eq!(heard.join().unwrap(), b"this");
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
fn another_peer_that_comes_is_answered_too_and_each_gets_its_own() {
    let io = IoThread::new().unwrap();
    for replies_first in [false, true] {
        let (rep, address) = bound(&io);
        let mut first = ByHand::requester(&address);
        first.ask_until_lent(&io, &rep);
        if replies_first {
            rep.send("nothing").unwrap();
            assert_eq!(first.hear(), b"nothing");
        }
        let mut second = ByHand::requester(&address);
        second.say(b"me too");
        assert_eq!(rep.wait_peers(2, PATIENCE), 2);
        if replies_first {
            first.say(b"and me again");
        } else {
            // The request of the first is older.
            rep.send("nothing").unwrap();
            assert_eq!(first.hear(), b"nothing");
            first.say(b"and me again");
        }
        for _ in 0..2 {
            let request = rep.recv_timeout(PATIENCE).unwrap();
            rep.send(request).unwrap();
        }
        assert_eq!(second.hear(), b"me too");
        assert_eq!(first.hear(), b"and me again");
        assert!(!has_lent(&io, &rep), "who has two peers listens to both");
    }
}

#[test]
fn what_a_poll_set_watches_is_returned_to_the_loop_and_stays_there() {
    let io = IoThread::new().unwrap();
    let (req, mut peer) = ByHand::replier(&io);
    peer.answer_until_lent(&io, &req);
    req.send("what?").unwrap();
    assert_eq!(peer.hear(), b"what?");
    peer.say(b"this");
    let mut set = PollSet::new().unwrap();
    set.add_to_recv(&req);
    assert_eq!(set.wait(Some(PATIENCE)).unwrap(), [0]);
    assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"this");
    assert_eq!(set.ready(), []);
    for _ in 0..200 {
        req.send("what?").unwrap();
        assert_eq!(peer.hear(), b"what?");
        peer.say(b"this");
        assert_eq!(set.wait(Some(PATIENCE)).unwrap(), [0]);
        assert_eq!(req.try_recv().unwrap().into_vec(), b"this");
        assert!(!has_lent(&io, &req));
    }
    drop(set);
    peer.answer_until_lent(&io, &req);
}

#[test]
fn a_listener_is_told_of_the_end_and_nothing_is_lost() {
    for is_by_itself in [false, true] {
        let io = IoThread::new().unwrap();
        let (req, mut peer) = ByHand::replier(&io);
        peer.answer_until_lent(&io, &req);
        req.send("what?").unwrap();
        assert_eq!(peer.hear(), b"what?");
        thread::scope(|scope| {
            let heard = scope.spawn(|| req.recv());
            match is_by_itself {
                true => io.remote.post(|_, context| context.stop()).unwrap(),
                false => assert_eq!(io.shutdown(PATIENCE).unwrap(), 0),
            }
            assert_eq!(heard.join().unwrap(), Err(WaitError::Closed));
        });
        assert_eq!(peer.0.read(&mut [0; 9]).unwrap(), 0, "it is told, too");
    }
}

#[test]
fn a_reply_that_is_owed_when_a_socket_closes_is_not_sent_and_what_was_sent_arrives() {
    let io = IoThread::new().unwrap();
    for is_answered in [false, true] {
        let (rep, address) = bound(&io);
        let mut peer = ByHand::requester(&address);
        peer.ask_until_lent(&io, &rep);
        if is_answered {
            rep.send("nothing").unwrap();
        }
        assert_eq!(rep.close(PATIENCE).unwrap(), 0);
        if is_answered {
            assert_eq!(peer.hear(), b"nothing");
        }
        assert_eq!(peer.0.read(&mut [0; 9]).unwrap(), 0);
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

#[test]
fn who_wants_to_be_asked_whether_it_lives_keeps_its_connection() {
    let io = IoThread::new().unwrap();
    let (rep, address) = bound(&io);
    let mut peer = ByHand::requester(&address);
    // It is to be believed gone after a time, which only the loop sees.
    peer.0.write_all(b"\x04\x07\x04PING\xff\xff").unwrap();
    assert_eq!(peer.frame(), (4, b"\x04PONG".to_vec()));
    for _ in 0..200 {
        peer.say(b"how much?");
        assert_eq!(rep.recv_timeout(PATIENCE).unwrap().into_vec(), b"how much?");
        assert!(!has_lent(&io, &rep));
        rep.send("nothing").unwrap();
        assert_eq!(peer.hear(), b"nothing");
    }
}

#[test]
fn where_many_wait_for_messages_the_loop_keeps_the_connections() {
    let io = IoThread::new().unwrap();
    let mut pairs: Vec<_> = (0..8).map(|_| ByHand::replier(&io)).collect();
    for _ in 0..100 {
        for (req, peer) in &mut pairs {
            req.send("what?").unwrap();
            assert_eq!(peer.hear(), b"what?");
            peer.say(b"this");
            assert_eq!(req.recv_timeout(PATIENCE).unwrap().into_vec(), b"this");
        }
    }
    assert!(pairs.iter().all(|(req, _)| !has_lent(&io, req)));
    // As soon as the others are at rest it is another thing.
    let (req, peer) = &mut pairs[0];
    peer.answer_until_lent(&io, req);
}
