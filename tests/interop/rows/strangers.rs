//! Connections that are cut, speak something else, or are slow: nothing half is delivered, and others are not held up.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ringmq::codec::zmtp::{Command, Greeting, Mechanism, Properties};
use ringmq::mq::SocketType::{Pull, Push, Rep};
use ringmq::mq::{BlockingSocket, Event, Message};

use super::Row;
use crate::bench::{await_event, bind, connect, open, open_with, options, recv, send, Bench, LOOPBACK};
use crate::peer::Peer;
use crate::program::GUARD;
use crate::proxy::Proxy;
use crate::words::{assert_same, fill};

pub const ROWS: &[Row] = &[
    ("half_a_message_is_not_delivered_and_others_are_served", half_a_message_is_not_delivered),
    ("their_push_that_is_cut_off_in_a_message_leaves_nothing_half", their_push_is_cut_off),
    ("our_push_that_is_cut_off_in_a_message_leaves_nothing_half", our_push_is_cut_off),
    ("garbage_at_our_door_holds_nobody_up", garbage_at_our_door),
    ("slow_greetings_hold_nobody_up_and_end_in_time", slow_greetings),
    ("who_answers_us_with_garbage_or_nothing_holds_nobody_up", garbage_at_the_other_end),
];

/// Openings that are none of ZMTP 3.
const GARBAGE: [&[u8]; 7] = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03",
    b"\x01\x00",
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0",
    b"\xff\0\0\0\0\0\0\0\x01\x7e\x03\x01",
    &[0xa5; 200],
    &[0; 64],
];

/// A greeting, and READY as a PUSH.
fn handshake() -> Vec<u8> {
    let mut properties = Vec::new();
    Properties::write(&mut properties, b"Socket-Type", b"PUSH").expect("it is short");
    let properties = Properties::parse(&properties).expect("it was just written");
    let mut body = Vec::new();
    Command::Ready(properties).write(&mut body).expect("it is short");
    let mut bytes = Greeting::new(Mechanism::NULL, false).encode().to_vec();
    bytes.extend([4, body.len() as u8]);
    bytes.append(&mut body);
    bytes
}

fn stranger(address: &str, says: &[u8]) -> TcpStream {
    let address = address.strip_prefix("tcp://").expect("an address of TCP");
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(GUARD)).expect("it is open");
    stream.write_all(says).expect("write");
    stream
}

/// That the other side hangs up, whatever it says before.
fn await_end(mut stream: TcpStream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

fn half_a_message_is_not_delivered(bench: &Bench) {
    let io = bench.io();
    let pull = open(&io, Pull);
    let address = bind(&pull, LOOPBACK);
    let mut peer = bench.peer();
    peer.open("s", "PUSH", "");
    peer.connect("s", &address);
    for half in
        [&b"\0\x05hal"[..], b"\x01\x04half", b"\x01\x04half\0\x04mo", b"\0", b"\x02\0\0\0\0\0\x10\0\0half"]
    {
        let mut says = handshake();
        says.extend_from_slice(b"\0\x05whole");
        says.extend_from_slice(half);
        let cut = stranger(&address, &says);
        assert_same(&recv(&pull), &Message::from("whole"));
        drop(cut);
        await_event(&pull, |event| matches!(event, Event::Left(_) | Event::Refused(_)).then_some(()));
        peer.send("s", &Message::from("after"));
        assert_same(&recv(&pull), &Message::from("after"));
    }
}

/// A long message of which not all has passed when the connection is cut.
const CUT_AFTER: usize = 300_000;

fn their_push_is_cut_off(bench: &Bench) {
    let io = bench.io();
    let pull = open(&io, Pull);
    let proxy = Proxy::start(&bind(&pull, LOOPBACK));
    let mut peer = bench.peer();
    peer.open("s", "PUSH", "RECONNECT_IVL=5");
    peer.connect("s", proxy.address());
    peer.send("s", &Message::from("before"));
    assert_same(&recv(&pull), &Message::from("before"));
    proxy.cut_after(CUT_AFTER);
    peer.send("s", &Message::from(fill(1 << 20, 1)));
    proxy.await_cut();
    proxy.await_connections(2);
    peer.send("s", &Message::from("after"));
    receive_to_the_last(|| recv(&pull));
}

fn our_push_is_cut_off(bench: &Bench) {
    let io = bench.io();
    let push = open(&io, Push);
    let mut peer = bench.peer();
    peer.open("s", "PULL", "");
    let proxy = Proxy::start(&peer.bind("s", LOOPBACK));
    connect(&push, proxy.address());
    send(&push, "before");
    assert_same(&peer.recv("s"), &Message::from("before"));
    proxy.cut_after(CUT_AFTER);
    send(&push, fill(1 << 20, 1));
    proxy.await_cut();
    await_event(&push, |event| matches!(event, Event::Left(_)).then_some(()));
    send(&push, "after");
    receive_to_the_last(|| peer.recv("s"));
}

/// The long one may have been sent once more, whole: `recv` panics at what is neither.
fn receive_to_the_last(mut recv: impl FnMut() -> Message) {
    let last = Message::from("after");
    let mut found = recv();
    if found != last {
        assert_same(&found, &Message::from(fill(1 << 20, 1)));
        found = recv();
    }
    assert_same(&found, &last);
}

/// Their REQ asks, our REP answers.
fn serve(peer: &mut Peer, rep: &BlockingSocket, word: &str) {
    let word = Message::from(word);
    peer.send("s", &word);
    assert_same(&recv(rep), &word);
    send(rep, word.clone());
    assert_same(&peer.recv("s"), &word);
}

fn garbage_at_our_door(bench: &Bench) {
    let io = bench.io();
    let rep = open(&io, Rep);
    let address = bind(&rep, LOOPBACK);
    let mut peer = bench.peer();
    peer.open("s", "REQ", "");
    peer.connect("s", &address);
    for opening in GARBAGE {
        let stranger = stranger(&address, opening);
        serve(&mut peer, &rep, "while it is there");
        await_end(stranger);
        let error = await_event(&rep, |event| match event {
            Event::Refused(error) => Some(error.to_string()),
            _ => None,
        });
        assert!(error.contains("expected"), "{error}");
        serve(&mut peer, &rep, "and after it");
    }
}

fn slow_greetings(bench: &Bench) {
    let io = bench.io();
    let rep = open_with(&io, Rep, options().handshake_within(Duration::from_millis(300)));
    let address = bind(&rep, LOOPBACK);
    let whole = handshake();
    let slow: Vec<TcpStream> =
        [0, 1, 9, 10, 11, 12, 63, 64, 70].iter().map(|&len| stranger(&address, &whole[..len])).collect();
    let mut peer = bench.peer();
    peer.open("s", "REQ", "");
    peer.connect("s", &address);
    (0..20).for_each(|number| serve(&mut peer, &rep, &format!("{number}")));
    slow.into_iter().for_each(await_end);
    serve(&mut peer, &rep, "and after them");
}

fn garbage_at_the_other_end(bench: &Bench) {
    let io = bench.io();
    let pull = open_with(&io, Pull, options().handshake_within(Duration::from_millis(300)));
    let bound: Vec<String> = [&b""[..]].into_iter().chain(GARBAGE).map(speaker).collect();
    bound.iter().for_each(|address| connect(&pull, address));
    let mut peer = bench.peer();
    peer.open("s", "PUSH", "");
    let address = peer.bind("s", LOOPBACK);
    connect(&pull, &address);
    for number in 0..20 {
        let word = Message::from(format!("{number}"));
        peer.send("s", &word);
        assert_same(&recv(&pull), &word);
    }
    // Who speaks something else is given up; who says nothing is tried again.
    let mut given_up = 0;
    let mut is_tried_again = false;
    while given_up < GARBAGE.len() || !is_tried_again {
        await_event(&pull, |event| match event {
            Event::GivenUp(endpoint) => {
                assert!(bound[1..].contains(&endpoint.to_string()), "{endpoint} was given up");
                given_up += 1;
                Some(())
            }
            Event::Retrying(endpoint, _) => {
                is_tried_again |= endpoint.to_string() == bound[0];
                Some(())
            }
            _ => None,
        });
    }
}

/// Says the same to everybody who connects, and keeps the connection. It ends with the process.
fn speaker(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut streams = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("accept");
            let _ = stream.write_all(says); // it may have gone
            streams.push(stream);
        }
    });
    format!("tcp://{address}")
}
