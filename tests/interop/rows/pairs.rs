//! Two sockets that talk, of all types that do: whoever binds, over TCP and a UNIX socket, with messages of every size and several parts.

use ringmq::mq::SocketType::{self, Dealer, Pull, Push, Rep, Req, Router};
use ringmq::mq::{BlockingSocket, IoThread, Message, Part};

use super::Row;
use crate::bench::{await_peers, bind, connect, open, open_with, options, recv, send, Bench, LOOPBACK};
use crate::peer::Peer;
use crate::program::GUARD;
use crate::words::{assert_same, fill, message};

pub const ROWS: &[Row] = &[
    ("our_req_asks_their_rep", |bench| talk(bench, Req, Rep)),
    ("our_rep_answers_their_req", |bench| talk(bench, Rep, Req)),
    ("our_push_feeds_their_pull", |bench| talk(bench, Push, Pull)),
    ("our_pull_is_fed_by_their_push", |bench| talk(bench, Pull, Push)),
    ("our_dealer_talks_to_their_router", |bench| talk(bench, Dealer, Router)),
    ("our_router_talks_to_their_dealer", |bench| talk(bench, Router, Dealer)),
    ("our_dealer_asks_their_rep", |bench| talk(bench, Dealer, Rep)),
    ("our_rep_answers_their_dealer", |bench| talk(bench, Rep, Dealer)),
    ("our_req_asks_their_router", |bench| talk(bench, Req, Router)),
    ("our_router_answers_their_req", |bench| talk(bench, Router, Req)),
    ("our_dealer_talks_to_their_dealer", |bench| talk(bench, Dealer, Dealer)),
    ("our_router_talks_to_their_router", |bench| talk(bench, Router, Router)),
];

/// Parts of the lengths at which frames change their form, and more; and messages of several.
pub fn bodies() -> Vec<Message> {
    let sizes = [0, 1, 255, 256, 64 << 10, 1 << 20];
    let single = sizes.iter().map(|&len| Message::from(fill(len, len as u32)));
    let parts = [&["a", "", "c"][..], &["", "", ""], &["", "after an empty one"]];
    let long: [Part; 3] = [fill(300, 3).into(), Part::EMPTY, fill(70_000, 7).into()];
    single.chain(parts.map(message)).chain(Message::from_parts(long)).collect()
}

fn talk(bench: &Bench, ours: SocketType, theirs: SocketType) {
    let io = bench.io();
    let mut peer = bench.peer();
    let huge = [Message::from(fill(32 << 20, 1))];
    for we_bind in [true, false] {
        let ipc = bench.ipc();
        for address in [LOOPBACK, &ipc.address()] {
            let pair = Pair { ours, theirs };
            let socket = pair.open(&io, &mut peer);
            link(&socket, &mut peer, address, we_bind);
            bodies().iter().for_each(|body| pair.exchange(&socket, &mut peer, body));
            if address == LOOPBACK {
                huge.iter().for_each(|body| pair.exchange(&socket, &mut peer, body));
            }
            assert_eq!(socket.close(GUARD).expect("its thread runs"), 0, "messages were lost");
            peer.ask("close s");
        }
    }
    assert_eq!(io.shutdown(GUARD).expect("its loop has not failed"), 0, "messages were lost");
}

/// Has one of two sockets bind and the other, their `s` or ours, connect to it. Answers with the address.
pub fn link(socket: &BlockingSocket, peer: &mut Peer, address: &str, we_bind: bool) -> String {
    match we_bind {
        true => {
            let address = bind(socket, address);
            peer.connect("s", &address);
            address
        }
        false => {
            let address = peer.bind("s", address);
            connect(socket, &address);
            address
        }
    }
}

/// A type of ours, and one of theirs that it talks to.
#[derive(Clone, Copy)]
pub struct Pair {
    pub ours: SocketType,
    pub theirs: SocketType,
}

impl Pair {
    /// Opens both.
    pub fn open(self, io: &IoThread, peer: &mut Peer) -> BlockingSocket {
        self.open_theirs(peer);
        self.open_ours(io)
    }

    /// With a name, if theirs is to know it. A REP of libzmq is mute to one that comes back before the last of that name is quite gone.
    pub fn open_ours(self, io: &IoThread) -> BlockingSocket {
        match self.theirs {
            Router => open_with(io, self.ours, options().identity("ours")),
            _ => open(io, self.ours),
        }
    }

    /// As `s`.
    pub fn open_theirs(self, peer: &mut Peer) {
        let option = if self.ours == Router { "ROUTING_ID=theirs" } else { "" };
        peer.open("s", self.theirs.name(), option);
    }

    /// One says something; the other answers with the same, if it can.
    #[track_caller]
    pub fn exchange(self, socket: &BlockingSocket, peer: &mut Peer, body: &Message) {
        let Pair { ours, theirs } = self;
        let by_us = || dressed(ours, theirs, "theirs", body);
        let by_them = || dressed(theirs, ours, "ours", body);
        if self.is_our_turn() {
            if ours == Router {
                await_peers(socket, 1); // it has to know the name before it says something
            }
            send(socket, by_us());
            assert_same(&peer.recv("s"), &by_them());
            if theirs.can_send() {
                peer.send("s", &by_them());
                assert_same(&recv(socket), &by_us());
            }
        } else {
            peer.send("s", &by_them());
            assert_same(&recv(socket), &by_us());
            if ours.can_send() {
                send(socket, by_us());
                assert_same(&peer.recv("s"), &by_them());
            }
        }
    }

    /// Whether we begin: who asks does, and of a ROUTER and another the one that need not know a name.
    fn is_our_turn(self) -> bool {
        match (self.ours, self.theirs) {
            (Req | Push, _) | (_, Rep | Pull) => true,
            (Rep | Pull, _) | (_, Req | Push) => false,
            (ours, theirs) => theirs == Router || ours == Dealer,
        }
    }
}

/// What is sent and received as `body`: without a REQ or REP that sees to it, requests and replies begin with an empty part; what a
/// ROUTER sends and receives begins with the name of the other.
fn dressed(own: SocketType, other: SocketType, name: &str, body: &Message) -> Message {
    let mut message = body.clone();
    if matches!(own, Dealer | Router) && matches!(other, Req | Rep) {
        message.push_front(Part::EMPTY);
    }
    if own == Router {
        message.push_front(name);
    }
    message
}
