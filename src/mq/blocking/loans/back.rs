//! What has a connection returned, or keeps it from being lent.

use std::os::unix::io::AsFd;

use super::*;
use crate::platform::net;

#[test]
fn who_is_asked_and_leaves_is_said_to_have_left() {
    on_every_backend(|io, dialect| {
        for is_abrupt in [false, true] {
            let (req, mut peer) = ByHand::replier(&io, dialect);
            peer.answer_until_lent(&io, &req);
            req.send("are you there?").unwrap();
            assert_eq!(peer.hear(), b"are you there?");
            thread::scope(|scope| {
                let heard = scope.spawn(|| req.recv_timeout(PATIENCE));
                if is_abrupt {
                    net::set_linger(peer.stream.as_fd(), Some(Duration::ZERO)).unwrap();
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
    in_either(|io, dialect| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let moment = Duration::from_millis(1);
        let options = Options::new().dialect(dialect).reconnect(moment, moment);
        let req = io.socket_with(SocketType::Req, options).unwrap();
        req.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let accept = || ByHand::begin(listener.accept().unwrap().0, dialect, b"REP");
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
    });
}

#[test]
fn a_connection_that_nobody_uses_is_returned_and_its_peer_is_heard() {
    on_every_backend(|io, dialect| {
        let (req, mut peer) = ByHand::replier(&io, dialect);
        peer.answer_until_lent(&io, &req);
        if dialect == Dialect::Zmtp {
            peer.write(b"\x04\x09\x04PING\0\0hi");
            assert_eq!(peer.frame(), (4, b"\x04PONGhi".to_vec()));
            assert!(!has_lent(&io, &req));
        }
        peer.answer_until_lent(&io, &req);
        await_return(&io, &req);
    });
}

#[test]
fn a_listener_that_hears_nothing_returns_the_connection_and_hears_what_comes_all_the_same() {
    in_either(|io, dialect| {
        let (req, mut peer) = ByHand::replier(&io, dialect);
        peer.answer_until_lent(&io, &req);
        req.send("what?").unwrap();
        assert_eq!(peer.hear(), b"what?");
        thread::scope(|scope| {
            let heard = scope.spawn(|| req.recv_timeout(PATIENCE).unwrap().into_vec());
            await_return(&io, &req);
            peer.say(b"this");
            assert_eq!(heard.join().unwrap(), b"this");
        });
    });
}

#[test]
fn another_peer_that_comes_is_answered_too_and_each_gets_its_own() {
    in_either(|io, dialect| {
        for replies_first in [false, true] {
            let (rep, address) = bound(&io, dialect);
            let mut first = ByHand::requester(&address, dialect);
            first.ask_until_lent(&io, &rep);
            if replies_first {
                rep.send("nothing").unwrap();
                assert_eq!(first.hear(), b"nothing");
            }
            let mut second = ByHand::requester(&address, dialect);
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
    });
}

#[test]
fn what_a_poll_set_watches_is_returned_to_the_loop_and_stays_there() {
    in_either(|io, dialect| {
        let (req, mut peer) = ByHand::replier(&io, dialect);
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
    });
}

#[test]
fn a_listener_is_told_of_the_end_and_nothing_is_lost() {
    let all = DIALECTS.into_iter().flat_map(|dialect| [(dialect, false), (dialect, true)]);
    for (dialect, is_by_itself) in all {
        let io = IoThread::new().unwrap();
        let (req, mut peer) = ByHand::replier(&io, dialect);
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
        assert_eq!(peer.stream.read(&mut [0; 9]).unwrap(), 0, "it is told, too");
    }
}

#[test]
fn a_reply_that_is_owed_when_a_socket_closes_is_not_sent_and_what_was_sent_arrives() {
    in_either(|io, dialect| {
        for is_answered in [false, true] {
            let (rep, address) = bound(&io, dialect);
            let mut peer = ByHand::requester(&address, dialect);
            peer.ask_until_lent(&io, &rep);
            if is_answered {
                rep.send("nothing").unwrap();
            }
            assert_eq!(rep.close(PATIENCE).unwrap(), 0);
            if is_answered {
                assert_eq!(peer.hear(), b"nothing");
            }
            assert_eq!(peer.stream.read(&mut [0; 9]).unwrap(), 0);
        }
    });
}

#[test]
fn who_wants_to_be_asked_whether_it_lives_keeps_its_connection() {
    let io = IoThread::new().unwrap();
    let (rep, address) = bound(&io, Dialect::Zmtp);
    let mut peer = ByHand::requester(&address, Dialect::Zmtp);
    // It is to be believed gone after a time, which only the loop sees.
    peer.write(b"\x04\x07\x04PING\xff\xff");
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
    in_either(|io, dialect| {
        let mut pairs: Vec<_> = (0..8).map(|_| ByHand::replier(&io, dialect)).collect();
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
    });
}
