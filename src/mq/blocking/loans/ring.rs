//! What there is in RingMQ's protocol alone.

use super::*;

#[test]
fn a_frame_without_bytes_is_received_and_none_is_sent() {
    let io = IoThread::new().unwrap();
    let (rep, address) = bound(&io, Dialect::Ring);
    let mut peer = ByHand::requester(&address, Dialect::Ring);
    peer.ask_until_lent(&io, &rep);
    rep.send("nothing").unwrap();
    assert_eq!(peer.hear(), b"nothing");
    peer.say(b"");
    assert_eq!(rep.recv_timeout(PATIENCE).unwrap(), Message::from(""));
    let parts = Message::from_parts(["of", "two"]).unwrap();
    for (reply, parts, len) in [(Message::from(""), 1, 0), (parts, 2, 5)] {
        let refused = rep.send(reply.clone()).unwrap_err();
        assert_eq!(refused.error, WaitError::NotForRing { parts, len });
        assert_eq!(refused.message, reply);
    }
    rep.send("something").unwrap();
    assert_eq!(peer.hear(), b"something");
}

#[test]
fn whoever_speaks_either_is_answered_as_he_asks_by_a_lent_connection_too() {
    let io = IoThread::new().unwrap();
    let (rep, address) = bound(&io, Dialect::Any);
    for dialect in [Dialect::Ring, Dialect::Zmtp, Dialect::Ring] {
        let mut peer = ByHand::requester(&address, dialect);
        for _ in 0..2 {
            peer.ask_until_lent(&io, &rep);
            rep.send("nothing").unwrap();
            assert_eq!(peer.hear(), b"nothing");
            // What was heard by the line is of the same peer.
            peer.say(b"and now?");
            assert_eq!(rep.recv_timeout(PATIENCE).unwrap().into_vec(), b"and now?");
            let is_refused = rep.send("").is_err();
            assert_eq!(is_refused, dialect == Dialect::Ring);
            if is_refused {
                rep.send("less").unwrap();
            }
            assert_eq!(peer.hear(), if is_refused { &b"less"[..] } else { b"" });
        }
        drop(peer);
        let began = Instant::now();
        while rep.wait_peers(0, PATIENCE) > 0 {
            assert!(began.elapsed() < PATIENCE, "it has left");
            thread::yield_now();
        }
    }
}

#[test]
fn the_longest_part_is_none_of_a_message_without_parts() {
    let io = IoThread::new().unwrap();
    let options = Options::new().dialect(Dialect::Ring).max_part_len(10);
    let rep = io.socket_with(SocketType::Rep, options).unwrap();
    let address = rep.bind("tcp://127.0.0.1:*").unwrap().to_string();
    let mut peer = ByHand::requester(&address, Dialect::Ring);
    // What is for the loop to understand has the connection returned, which then is lent again for once, but not for long.
    let mut in_a_row = 0;
    for _ in 0..MANY {
        peer.say(&[7; 100]);
        let request = rep.recv_timeout(PATIENCE).unwrap();
        assert_eq!(request.first()[..], [7; 100]);
        in_a_row = if has_lent(&io, &rep) { in_a_row + 1 } else { 0 };
        rep.send(request).unwrap();
        assert_eq!(peer.hear(), [7; 100]);
        if in_a_row == 4 {
            return;
        }
    }
    panic!("it goes by the loop");
}
