//! One side ends and another begins in its place, at once or in the middle of something: messages flow again.

use ringmq::mq::SocketType::{self, Dealer, Pub, Pull, Push, Rep, Req, Router, Sub};
use ringmq::mq::{Message, WaitError};

use super::pairs::Pair;
use super::publishing::settle;
use super::Row;
use crate::bench::{await_peers, bind, connect, open, recv, send, Bench, LOOPBACK};
use crate::program::GUARD;
use crate::words::assert_same;

/// How often somebody begins again.
const ROUNDS: usize = 2;

pub const ROWS: &[Row] = &[
    ("their_bound_side_restarts", their_bound_side_restarts),
    ("their_connecting_side_restarts", their_connecting_side_restarts),
    ("our_bound_side_restarts", our_bound_side_restarts),
    ("our_connecting_side_restarts", our_connecting_side_restarts),
    ("a_request_whose_replier_was_killed_is_told_and_the_next_is_answered", a_killed_replier_is_told),
    ("what_is_pushed_while_they_are_gone_arrives_when_they_are_back", what_is_pushed_meanwhile_arrives),
    ("our_sub_subscribes_anew_when_their_pub_is_back", our_sub_subscribes_anew),
    ("their_sub_is_served_when_our_pub_is_back", their_sub_is_served_again),
];

/// What every restart is tried with.
const PAIRS: [(SocketType, SocketType); 8] = [
    (Req, Rep),
    (Rep, Req),
    (Push, Pull),
    (Pull, Push),
    (Dealer, Router),
    (Router, Dealer),
    (Dealer, Rep),
    (Router, Req),
];

fn for_each_pair(test: impl Fn(Pair)) {
    PAIRS.iter().for_each(|&(ours, theirs)| test(Pair { ours, theirs }));
}

fn body(round: usize) -> Message {
    Message::from(format!("round {round}"))
}

fn their_bound_side_restarts(bench: &Bench) {
    for_each_pair(|pair| {
        let io = bench.io();
        let mut peer = bench.peer();
        let socket = pair.open(&io, &mut peer);
        let address = peer.bind("s", LOOPBACK);
        connect(&socket, &address);
        for round in 0..ROUNDS {
            pair.exchange(&socket, &mut peer, &body(round));
            drop(peer);
            await_peers(&socket, 0);
            peer = bench.peer();
            pair.open_theirs(&mut peer);
            peer.bind("s", &address);
            await_peers(&socket, 1);
        }
        pair.exchange(&socket, &mut peer, &body(ROUNDS));
    });
}

fn their_connecting_side_restarts(bench: &Bench) {
    for_each_pair(|pair| {
        let io = bench.io();
        let mut peer = bench.peer();
        let socket = pair.open(&io, &mut peer);
        let address = bind(&socket, LOOPBACK);
        for round in 0..ROUNDS {
            peer.connect("s", &address);
            await_peers(&socket, 1);
            pair.exchange(&socket, &mut peer, &body(round));
            drop(peer);
            await_peers(&socket, 0);
            peer = bench.peer();
            pair.open_theirs(&mut peer);
        }
    });
}

fn our_bound_side_restarts(bench: &Bench) {
    for_each_pair(|pair| {
        let mut io = bench.io();
        let mut peer = bench.peer();
        let mut socket = pair.open(&io, &mut peer);
        let address = bind(&socket, LOOPBACK);
        peer.connect("s", &address);
        for round in 0..ROUNDS {
            await_peers(&socket, 1);
            peer.has_some("s"); // so that it looks who is there before it sends
            pair.exchange(&socket, &mut peer, &body(round));
            io.shutdown(GUARD).expect("its loop has not failed");
            io = bench.io();
            socket = pair.open_ours(&io);
            bind(&socket, &address);
        }
    });
}

fn our_connecting_side_restarts(bench: &Bench) {
    for_each_pair(|pair| {
        let mut peer = bench.peer();
        pair.open_theirs(&mut peer);
        let address = peer.bind("s", LOOPBACK);
        for round in 0..ROUNDS {
            let io = bench.io();
            let socket = pair.open_ours(&io);
            connect(&socket, &address);
            await_peers(&socket, 1);
            peer.has_some("s"); // so that it looks who is there before it sends
            pair.exchange(&socket, &mut peer, &body(round));
            assert_eq!(io.shutdown(GUARD).expect("its loop has not failed"), 0, "messages were lost");
        }
    });
}

fn a_killed_replier_is_told(bench: &Bench) {
    let io = bench.io();
    let socket = open(&io, Req);
    let mut peer = bench.peer();
    peer.open("s", "REP", "");
    let address = peer.bind("s", LOOPBACK);
    connect(&socket, &address);
    for round in 0..ROUNDS {
        send(&socket, body(round));
        assert_same(&peer.recv("s"), &body(round));
        drop(peer);
        assert_eq!(socket.recv_timeout(GUARD), Err(WaitError::PeerLeft), "there is none who could reply");
        peer = bench.peer();
        peer.open("s", "REP", "");
        peer.bind("s", &address);
        send(&socket, "another");
        peer.ask("echo s 1");
        assert_same(&recv(&socket), &Message::from("another"));
    }
}

fn what_is_pushed_meanwhile_arrives(bench: &Bench) {
    let io = bench.io();
    let socket = open(&io, Push);
    let mut peer = bench.peer();
    peer.open("s", "PULL", "");
    let address = peer.bind("s", LOOPBACK);
    connect(&socket, &address);
    send(&socket, "before");
    assert_same(&peer.recv("s"), &Message::from("before"));
    drop(peer);
    await_peers(&socket, 0);
    (0..100).for_each(|number| send(&socket, body(number)));
    let mut peer = bench.peer();
    peer.open("s", "PULL", "");
    peer.bind("s", &address);
    for number in 0..100 {
        assert_same(&peer.recv("s"), &body(number));
    }
}

fn our_sub_subscribes_anew(bench: &Bench) {
    let io = bench.io();
    let socket = open(&io, Sub);
    socket.subscribe(b"w").expect("it is a SUB");
    let mut address = LOOPBACK.to_string();
    for round in 0..ROUNDS {
        let mut peer = bench.peer();
        peer.open("s", "XPUB", "");
        address = peer.bind("s", &address);
        if round == 0 {
            connect(&socket, &address);
        }
        assert_same(&peer.recv("s"), &Message::from("\x01w"));
        let news = Message::from(format!("w {round}"));
        peer.send("s", &Message::from("x"));
        peer.send("s", &news);
        assert_same(&recv(&socket), &news);
    }
}

fn their_sub_is_served_again(bench: &Bench) {
    let mut peer = bench.peer();
    peer.open("s", "SUB", "");
    peer.subscribe("s", "w");
    let mut address = LOOPBACK.to_string();
    for round in 0..ROUNDS {
        let io = bench.io();
        let socket = open(&io, Pub);
        address = bind(&socket, &address);
        if round == 0 {
            peer.connect("s", &address);
        }
        settle(&socket, &mut peer, "w", &["s"]);
        let news = Message::from(format!("w {round}"));
        send(&socket, "x");
        send(&socket, news.clone());
        assert_same(&peer.recv("s"), &news);
        io.shutdown(GUARD).expect("its loop has not failed");
    }
}
