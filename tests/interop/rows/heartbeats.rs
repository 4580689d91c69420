//! Signs of life: asked for, given, and missed.

use std::time::Duration;

use nix::sys::signal::Signal;
use ringmq::mq::SocketType::{Dealer, Rep, Req, Router};
use ringmq::mq::{BlockingSocket, Event, Heartbeat, Message, SessionError};

use super::pairs::Pair;
use super::Row;
use crate::bench::{await_event, await_peers, bind, connect, open_with, options, Bench, LOOPBACK};
use crate::peer::Peer;
use crate::proxy::{Proxy, Speaker};

pub const ROWS: &[Row] = &[
    ("their_heartbeats_are_answered", their_heartbeats_are_answered),
    ("our_heartbeats_are_answered", our_heartbeats_are_answered),
    ("their_silence_is_noticed_and_they_are_welcome_again", their_silence_is_noticed),
    ("our_silence_is_noticed_by_them_and_we_are_welcome_again", our_silence_is_noticed),
];

const PONG: &[u8] = b"\x04PONG";
const INTERVAL: Duration = Duration::from_millis(20);

/// Asks often, and believes for as long as a machine may be busy with something else.
fn patient() -> Heartbeat {
    Heartbeat { interval: INTERVAL, timeout: Duration::from_secs(15), ttl: Duration::from_secs(30) }
}

const THEIR_PATIENCE: &str = "HEARTBEAT_IVL=20 HEARTBEAT_TIMEOUT=15000 HEARTBEAT_TTL=30000";

fn their_heartbeats_are_answered(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    let rep = open_with(&io, Rep, options());
    let proxy = Proxy::start(&bind(&rep, LOOPBACK));
    peer.open("s", "REQ", THEIR_PATIENCE);
    peer.connect("s", proxy.address());
    talk_among_answers(Pair { ours: Rep, theirs: Req }, &rep, &mut peer, &proxy);
}

fn our_heartbeats_are_answered(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    let req = open_with(&io, Req, options().heartbeat(patient()));
    peer.open("s", "REP", "");
    let proxy = Proxy::start(&peer.bind("s", LOOPBACK));
    connect(&req, proxy.address());
    talk_among_answers(Pair { ours: Req, theirs: Rep }, &req, &mut peer, &proxy);
}

/// Whoever is bound answers who has connected again and again, and in between they talk.
fn talk_among_answers(pair: Pair, socket: &BlockingSocket, peer: &mut Peer, proxy: &Proxy) {
    for body in ["between answers", "and after them"] {
        let heard = proxy.count(Speaker::Bound, PONG);
        proxy.await_words(Speaker::Bound, PONG, heard + 3);
        pair.exchange(socket, peer, &Message::from(body));
    }
    assert_eq!(proxy.connection_count(), 1, "it was one connection all the time");
}

fn their_silence_is_noticed(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    let pair = Pair { ours: Dealer, theirs: Router };
    let within = Duration::from_secs(1);
    let heartbeat = Heartbeat { interval: INTERVAL, timeout: within, ttl: Duration::ZERO };
    let dealer = open_with(&io, Dealer, options().identity("ours").heartbeat(heartbeat));
    peer.open("s", "ROUTER", "");
    let address = peer.bind("s", LOOPBACK);
    connect(&dealer, &address);
    pair.exchange(&dealer, &mut peer, &Message::from("before"));
    peer.program().signal(Signal::SIGSTOP);
    let error = await_event(&dealer, |event| match event {
        Event::Refused(error) => Some(error.clone()),
        _ => None,
    });
    assert_eq!(error, SessionError::HeartbeatLost { within });
    peer.program().signal(Signal::SIGCONT);
    await_peers(&dealer, 1);
    pair.exchange(&dealer, &mut peer, &Message::from("after"));
}

fn our_silence_is_noticed(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    let pair = Pair { ours: Router, theirs: Dealer };
    let router = open_with(&io, Router, options().handover(true));
    let proxy = Proxy::start(&bind(&router, LOOPBACK));
    peer.open("s", "DEALER", "ROUTING_ID=theirs RECONNECT_IVL=5 HEARTBEAT_IVL=20 HEARTBEAT_TIMEOUT=1000");
    peer.connect("s", proxy.address());
    pair.exchange(&router, &mut peer, &Message::from("before"));
    proxy.fall_silent();
    proxy.await_connections(2);
    pair.exchange(&router, &mut peer, &Message::from("after"));
}
