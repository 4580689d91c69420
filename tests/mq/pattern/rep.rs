//! The table of `Rep`, and the ways in which servers of its ancestors got stuck.

use ringmq::mq::pattern::{Arrival, Delivery, Dropped, NotReceived, NotSent, Pattern, Peer, Recipients, Rep};
use ringmq::mq::Message;

use super::{gives_nothing, parts, queue, refuses, sent, with, A, B, C};

fn request(text: &str) -> Message {
    parts(["", text])
}

/// One that has received a request of `A`, and knows `B`.
fn owing() -> Rep {
    let mut rep = with(Rep::new(), [A, B]);
    queue(&mut rep, A, request("request"));
    assert_eq!(rep.recv(), Ok((A, "request".into())));
    rep
}

fn is_dropped(rep: &mut Rep, why: Dropped) {
    assert!(rep.can_send());
    let delivery = rep.send("reply".into()).expect("a reply is owed");
    assert_eq!(delivery, Delivery { message: request("reply"), to: Recipients::Nobody(why) });
}

/// A request of this peer is received next, and its reply goes there.
fn serves(rep: &mut Rep, peer: Peer) {
    queue(rep, peer, request("next"));
    assert!(rep.can_recv());
    assert_eq!(rep.recv(), Ok((peer, "next".into())));
    let expected = Delivery { message: request("reply"), to: Recipients::One(peer) };
    assert_eq!(rep.send("reply".into()), Ok(expected));
}

#[test]
fn a_request_is_received_without_its_envelope() {
    for (wire, body) in [
        (vec!["", "body"], vec!["body"]),
        (vec!["", ""], vec![""]),
        (vec!["router", "", "one", "two"], vec!["one", "two"]),
        (vec!["far", "near", "", "", "", "three"], vec!["", "", "three"]),
    ] {
        let mut rep = with(Rep::new(), [A]);
        let wire = parts(wire);
        queue(&mut rep, A, wire.clone());
        assert_eq!((rep.can_recv(), rep.waiting(A)), (true, (1, wire.len())));
        assert_eq!(rep.recv(), Ok((A, parts(body))));
    }
}

#[test]
fn what_has_no_empty_part_is_dropped() {
    let mut rep = with(Rep::new(), [A]);
    for message in [parts(["body"]), parts(["far", "near", "body"])] {
        assert_eq!(rep.arrived(A, message), Arrival::Dropped(Dropped::NoDelimiter));
    }
    gives_nothing(&mut rep, NotReceived::Empty);
    serves(&mut rep, A);
}

#[test]
fn what_has_nothing_behind_its_envelope_is_dropped() {
    let mut rep = with(Rep::new(), [A]);
    for message in [parts([""]), parts(["far", "near", ""])] {
        assert_eq!(rep.arrived(A, message), Arrival::Dropped(Dropped::NoDelimiter));
    }
    gives_nothing(&mut rep, NotReceived::Empty);
    serves(&mut rep, A);
}

/// libzmq's REP loses the next good reply when it takes a request without a delimiter from a peer that has left.
#[test]
fn what_comes_from_nobody_is_dropped_and_the_next_reply_is_not() {
    let mut rep = with(Rep::new(), [A, B]);
    rep.arrived(A, parts(["no delimiter"]));
    rep.left(A);
    assert_eq!(rep.arrived(A, parts(["no delimiter"])), Arrival::Dropped(Dropped::NoDelimiter));
    assert_eq!(rep.arrived(A, request("late")), Arrival::Dropped(Dropped::PeerLeft));
    gives_nothing(&mut rep, NotReceived::Empty);
    serves(&mut rep, B);
}

/// `replier.connection_close` left a closed connection's number in its queue, and the server stuck to it.
#[test]
fn requests_of_who_left_are_served_and_their_replies_dropped() {
    let mut rep = with(Rep::new(), [A, B]);
    for text in ["first", "second"] {
        queue(&mut rep, A, request(text));
    }
    queue(&mut rep, B, request("of another"));
    assert_eq!(rep.recv(), Ok((A, "first".into())));
    rep.left(A);
    is_dropped(&mut rep, Dropped::RequesterLeft);
    assert_eq!(rep.recv(), Ok((B, "of another".into())));
    assert_eq!(sent(&mut rep, "reply"), B);
    assert_eq!((rep.can_recv(), rep.recv()), (true, Ok((A, "second".into()))));
    is_dropped(&mut rep, Dropped::RequesterLeft);
    gives_nothing(&mut rep, NotReceived::Empty);
    serves(&mut rep, B);
}

#[test]
fn peers_with_requests_take_turns() {
    let mut rep = with(Rep::new(), [A, B, C]);
    for peer in [A, A, A, C, C, B] {
        queue(&mut rep, peer, request("request"));
    }
    let served = [(); 6].map(|()| {
        let (peer, _) = rep.recv().expect("a request");
        assert_eq!(sent(&mut rep, "reply"), peer);
        peer
    });
    assert_eq!(served, [A, C, B, A, C, A]);
}

#[test]
fn nothing_is_received_of_nothing() {
    gives_nothing(&mut Rep::new(), NotReceived::Empty);
    gives_nothing(&mut with(Rep::new(), [A]), NotReceived::Empty);
}

#[test]
fn a_reply_takes_a_request() {
    let mut rep = with(Rep::new(), [A]);
    for _ in 0..2 {
        assert!(!rep.can_send());
        refuses(&mut rep, "reply", NotSent::OutOfTurn);
        queue(&mut rep, A, request("request"));
        assert!(!rep.can_send());
        refuses(&mut rep, "reply", NotSent::OutOfTurn);
        assert_eq!(rep.recv(), Ok((A, "request".into())));
        assert_eq!(sent(&mut rep, "reply"), A);
    }
}

#[test]
fn the_next_request_waits_for_the_reply() {
    let mut rep = owing();
    queue(&mut rep, A, request("second"));
    queue(&mut rep, B, request("of another"));
    gives_nothing(&mut rep, NotReceived::OutOfTurn);
    assert_eq!((rep.waiting(A), rep.waiting(B)), ((1, 6), (1, 10)));
    assert_eq!(sent(&mut rep, "reply"), A);
    assert_eq!(rep.recv(), Ok((A, "second".into())));
}

#[test]
fn requests_are_received_ahead_and_replies_go_in_their_order() {
    let mut rep = with(Rep::new().ahead(1), [A, B, C]);
    for (peer, text) in [(A, "one"), (B, "two"), (C, "three")] {
        queue(&mut rep, peer, parts([text, "", text]));
    }
    assert_eq!(rep.recv(), Ok((A, "one".into())));
    assert!(rep.can_recv() && rep.can_send());
    assert_eq!(rep.recv(), Ok((B, "two".into())));
    assert!(!rep.can_recv());
    gives_nothing(&mut rep, NotReceived::OutOfTurn);
    let reply = Delivery { message: parts(["one", "", "uno"]), to: Recipients::One(A) };
    assert_eq!(rep.send("uno".into()), Ok(reply));
    assert_eq!(rep.recv(), Ok((C, "three".into())));
    rep.left(B);
    let dropped = Recipients::Nobody(Dropped::RequesterLeft);
    assert_eq!(rep.send("due".into()), Ok(Delivery { message: parts(["two", "", "due"]), to: dropped }));
    gives_nothing(&mut rep, NotReceived::Empty);
    let reply = Delivery { message: parts(["three", "", "tre"]), to: Recipients::One(C) };
    assert_eq!(rep.send("tre".into()), Ok(reply));
    refuses(&mut rep, "quattro", NotSent::OutOfTurn);
}

#[test]
fn the_reply_goes_to_its_requester_in_the_envelope() {
    let mut rep = with(Rep::new(), [A, B]);
    for (peer, wire, reply) in [
        (A, vec!["", "request"], vec!["", "one", "two"]),
        (B, vec!["far", "near", "", "request"], vec!["far", "near", "", "one", "two"]),
    ] {
        queue(&mut rep, peer, parts(wire));
        assert_eq!(rep.recv(), Ok((peer, "request".into())));
        assert!(rep.can_send());
        let expected = Delivery { message: parts(reply), to: Recipients::One(peer) };
        assert_eq!(rep.send(parts(["one", "two"])), Ok(expected));
    }
}

#[test]
fn a_reply_that_finds_no_room_is_dropped() {
    let mut rep = owing();
    rep.set_room(A, false);
    is_dropped(&mut rep, Dropped::NoRoom);
    serves(&mut rep, B);
    rep.set_room(A, true);
    serves(&mut rep, A);
    // What is said of a peer is of that one alone, and of one that is not there nothing is noted.
    for peer in [A, C] {
        rep.set_room(peer, false);
        rep.left(peer);
        rep.set_room(peer, false);
        rep = with(rep, [peer]);
        serves(&mut rep, peer);
    }
}

/// `replier.send` raised when the client had left, and so the usual loop of a server ended.
#[test]
fn the_reply_to_a_requester_that_left_is_dropped() {
    let mut rep = owing();
    rep.left(A);
    gives_nothing(&mut rep, NotReceived::OutOfTurn);
    is_dropped(&mut rep, Dropped::RequesterLeft);
    serves(&mut rep, B);
}

#[test]
fn a_reply_never_reaches_another_peer_of_the_same_number() {
    let mut rep = owing();
    rep.left(A);
    rep = with(rep, [A]);
    is_dropped(&mut rep, Dropped::RequesterLeft);
    serves(&mut rep, A);
    // Nor does the reply to a request that was received when its sender had left.
    queue(&mut rep, A, request("last words"));
    rep.left(A);
    rep = with(rep, [A]);
    assert_eq!(rep.recv(), Ok((A, "last words".into())));
    is_dropped(&mut rep, Dropped::RequesterLeft);
}

#[test]
fn another_one_that_leaves_changes_nothing() {
    let mut rep = owing();
    rep.left(B);
    assert_eq!(sent(&mut rep, "reply"), A);
}

/// `replier.connection_close` kept an entry for each client for ever.
#[test]
fn who_has_left_takes_no_memory() {
    let mut rep = with(Rep::new(), [C]);
    let mut come_and_go = |numbers: std::ops::Range<u32>| {
        for peer in numbers.map(Peer) {
            rep.joined(peer, b"").expect("no name to be in use");
            rep.set_room(peer, false);
            queue(&mut rep, peer, request("request"));
            queue(&mut rep, peer, request("request"));
            rep.recv().expect("a request");
            rep.left(peer);
            rep.set_room(peer, false);
            rep.send("reply".into()).expect("a reply is owed");
            rep.recv().expect("a request");
            rep.send("reply".into()).expect("a reply is owed");
        }
    };
    come_and_go(100..120);
    let taken = allocation_counter::measure(|| come_and_go(200..1200));
    assert!(taken.count_total > 0, "counts nothing");
    assert_eq!((taken.bytes_current, taken.count_current), (0, 0));
}
