//! Fifty at once.

use ringmq::mq::SocketType::{Pull, Push, Rep, Req, Router};
use ringmq::mq::{BlockingSocket, IoThread, Message, SocketType};

use super::Row;
use crate::bench::{await_peers, bind, connect, open, recv, send, Bench, LOOPBACK};
use crate::words::assert_same;

const CLIENTS: usize = 50;
const ROUNDS: usize = 10;

pub const ROWS: &[Row] = &[
    ("fifty_of_their_reqs_are_answered_by_our_rep", |bench| answer_them(bench, Rep)),
    ("fifty_of_their_reqs_are_answered_by_our_router", |bench| answer_them(bench, Router)),
    ("fifty_of_our_reqs_are_answered_by_their_rep", |bench| ask_them(bench, "REP")),
    ("fifty_of_our_reqs_are_answered_by_their_router", |bench| ask_them(bench, "ROUTER")),
    ("fifty_of_their_pushes_feed_our_pull", feed_us),
    ("fifty_of_our_pushes_feed_their_pull", feed_them),
];

fn answer_them(bench: &Bench, kind: SocketType) {
    let io = bench.io();
    let socket = open(&io, kind);
    let address = bind(&socket, LOOPBACK);
    let mut peer = bench.peer();
    peer.tell(&format!("crowd REQ {CLIENTS} {ROUNDS} {address}"));
    for _ in 0..CLIENTS * ROUNDS {
        let request = recv(&socket);
        send(&socket, request);
    }
    peer.answer(); // it has compared the replies
}

fn ask_them(bench: &Bench, kind: &str) {
    let io = bench.io();
    let mut peer = bench.peer();
    peer.open("s", kind, "");
    let address = peer.bind("s", LOOPBACK);
    let clients = clients(&io, Req, &address);
    peer.tell(&format!("echo s {}", CLIENTS * ROUNDS));
    for round in 0..ROUNDS {
        let words: Vec<String> = (0..CLIENTS).map(|number| format!("{number} {round}")).collect();
        clients.iter().zip(&words).for_each(|(client, word)| send(client, word.as_str()));
        for (client, word) in clients.iter().zip(&words) {
            assert_same(&recv(client), &Message::from(word.as_str()));
        }
    }
    peer.answer();
}

fn feed_us(bench: &Bench) {
    let io = bench.io();
    let pull = open(&io, Pull);
    let address = bind(&pull, LOOPBACK);
    let mut peer = bench.peer();
    peer.tell(&format!("crowd PUSH {CLIENTS} {ROUNDS} {address}"));
    let mut order = Order([0; CLIENTS]);
    for _ in 0..CLIENTS * ROUNDS {
        order.note(&recv(&pull));
    }
    peer.answer();
}

fn feed_them(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    peer.open("s", "PULL", "");
    let address = peer.bind("s", LOOPBACK);
    let clients = clients(&io, Push, &address);
    for round in 0..ROUNDS {
        clients.iter().enumerate().for_each(|(number, client)| send(client, format!("{number} {round}")));
    }
    let mut order = Order([0; CLIENTS]);
    for _ in 0..CLIENTS * ROUNDS {
        order.note(&peer.recv("s"));
    }
}

/// All of them there at the same time.
fn clients(io: &IoThread, kind: SocketType, address: &str) -> Vec<BlockingSocket> {
    let clients: Vec<BlockingSocket> = (0..CLIENTS).map(|_| open(io, kind)).collect();
    clients.iter().for_each(|client| connect(client, address));
    clients.iter().for_each(|client| await_peers(client, 1));
    clients
}

/// What has come of each: every message once, in the order in which it was sent.
struct Order([usize; CLIENTS]);

impl Order {
    fn note(&mut self, message: &Message) {
        let text = String::from_utf8(message.first().to_vec()).expect("it is text");
        let numbers: Vec<usize> = text.split(' ').flat_map(str::parse).collect();
        let [client, round] = numbers[..] else { panic!("expected two numbers, found {text:?}") };
        assert_eq!(round, self.0[client], "the next of {client}");
        self.0[client] += 1;
    }
}
