//! The example `ringcat`, from outside.

use ringmq::mq::Message;

use super::Row;
use crate::bench::{until, Bench, LOOPBACK};
use crate::peer::Peer;
use crate::program::Program;
use crate::words::{assert_same, fill, message};

pub const ROWS: &[Row] = &[
    ("ringcat_answers_their_req", ringcat_answers),
    ("ringcat_asks_their_rep", |bench| ask(bench, "req", "REP")),
    ("ringcat_as_a_dealer_asks_their_rep", |bench| ask(bench, "dealer", "REP")),
    ("ringcat_as_a_dealer_asks_their_router", |bench| ask(bench, "dealer", "ROUTER")),
    ("ringcat_as_a_router_answers_their_req", ringcat_routes),
    ("ringcat_pushes_to_their_pull", ringcat_pushes),
    ("ringcat_pulls_from_their_push", ringcat_pulls),
    ("ringcat_publishes_to_their_sub", ringcat_publishes),
    ("ringcat_subscribes_to_their_pub", ringcat_subscribes),
];

/// Where it listens, once it does.
fn address(ringcat: &mut Program) -> String {
    let line = ringcat.complaint("bound to ");
    line.rsplit(' ').next().expect("a split has a last").to_string()
}

/// That it ends by itself with status 0, and has printed nothing else than these lines.
#[track_caller]
fn assert_well(ringcat: Program, output: &[&str]) {
    let ended = ringcat.finish();
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.errors);
    assert_eq!(ended.output, output, "{:?}", ended.errors);
}

/// A peer whose socket `s` is bound.
fn bound(bench: &Bench, kind: &str) -> (Peer, String) {
    let mut peer = bench.peer();
    peer.open("s", kind, "");
    let address = peer.bind("s", LOOPBACK);
    (peer, address)
}

fn connected(bench: &Bench, kind: &str, address: &str) -> Peer {
    let mut peer = bench.peer();
    peer.open("s", kind, "");
    peer.connect("s", address);
    peer
}

fn assert_answered(peer: &mut Peer, request: &[&str], reply: &[&str]) {
    peer.send("s", &message(request));
    assert_same(&peer.recv("s"), &message(reply));
}

fn ringcat_answers(bench: &Bench) {
    let mut ringcat = bench.ringcat(&["rep", "--bind", LOOPBACK, "--exec", "tr a-z A-Z", "--count", "3"]);
    let mut peer = connected(bench, "REQ", &address(&mut ringcat));
    assert_answered(&mut peer, &["hello"], &["HELLO"]);
    assert_answered(&mut peer, &[""], &[""]);
    assert_answered(&mut peer, &["a", "", "c"], &["AC"]);
    assert_well(ringcat, &["hello", "", "ac"]);

    let mut ringcat = bench.ringcat(&["rep", "--bind", LOOPBACK, "--hex", "--count", "2"]);
    let mut peer = connected(bench, "REQ", &address(&mut ringcat));
    assert_answered(&mut peer, &["a", "", "c"], &["a", "", "c"]);
    assert_answered(&mut peer, &["\n"], &["\n"]);
    assert_well(ringcat, &["6163", "0a"]);
}

fn ask(bench: &Bench, ours: &str, theirs: &str) {
    let (mut peer, address) = bound(bench, theirs);
    peer.tell("echo s 3");
    let mut ringcat = bench.ringcat(&[ours, "--connect", &address]);
    let lines = ["one", "", "the third"];
    lines.iter().for_each(|line| ringcat.say(line));
    assert_well(ringcat, &lines);
    peer.answer();
}

fn ringcat_routes(bench: &Bench) {
    let mut ringcat = bench.ringcat(&["router", "--bind", LOOPBACK, "--count", "2"]);
    let address = address(&mut ringcat);
    let (mut anna, mut bert) = (connected(bench, "REQ", &address), connected(bench, "REQ", &address));
    assert_answered(&mut anna, &["of anna"], &["of anna"]);
    assert_answered(&mut bert, &["of", "bert"], &["of", "bert"]);
    assert_well(ringcat, &["of anna", "ofbert"]);
}

fn ringcat_pushes(bench: &Bench) {
    let (mut peer, address) = bound(bench, "PULL");
    let mut ringcat = bench.ringcat(&["push", "--connect", &address, "--hex"]);
    for (line, bytes) in [("00ff", &b"\0\xff"[..]), ("", b""), ("0A", b"\n")] {
        ringcat.say(line);
        assert_same(&peer.recv("s"), &Message::from(bytes));
    }
    assert_well(ringcat, &[]);

    let path = std::env::temp_dir().join(format!("ringmq-interop-{}-file", std::process::id()));
    let body = fill(5_000_000, 5);
    std::fs::write(&path, &body).expect("write a file");
    let path_word = path.to_str().expect("it is text");
    let ringcat = bench.ringcat(&["push", "--connect", &address, "--file", path_word, "--count", "2"]);
    (0..2).for_each(|_| assert_same(&peer.recv("s"), &Message::from(body.clone())));
    assert_well(ringcat, &[]);
    std::fs::remove_file(&path).expect("nobody else removes it");
}

fn ringcat_pulls(bench: &Bench) {
    let mut ringcat = bench.ringcat(&["pull", "--bind", LOOPBACK, "--hex", "--count", "3"]);
    let mut peer = connected(bench, "PUSH", &address(&mut ringcat));
    for parts in [&["a\n"][..], &[""], &["a", "", "c"]] {
        peer.send("s", &message(parts));
    }
    assert_well(ringcat, &["610a", "", "6163"]);
}

fn ringcat_publishes(bench: &Bench) {
    let mut ringcat = bench.ringcat(&["pub", "--bind", LOOPBACK]);
    let address = address(&mut ringcat);
    let mut peer = bench.peer();
    peer.open("s", "SUB", "");
    peer.subscribe("s", "w");
    peer.connect("s", &address);
    until("a subscription", || {
        ringcat.say("w probe");
        peer.has_some("s").then_some(())
    });
    ["x news", "w news"].iter().for_each(|line| ringcat.say(line));
    let probe = Message::from("w probe");
    let found = std::iter::repeat_with(|| peer.recv("s")).find(|found| *found != probe);
    assert_same(&found.expect("it waits for one"), &Message::from("w news"));
    assert_well(ringcat, &[]);
}

fn ringcat_subscribes(bench: &Bench) {
    let (mut peer, address) = bound(bench, "XPUB");
    let ringcat = bench.ringcat(&[
        "sub",
        "--connect",
        &address,
        "--subscribe",
        "w",
        "--subscribe",
        "v",
        "--count",
        "2",
    ]);
    let mut wanted = [peer.recv("s"), peer.recv("s")].map(Message::into_vec);
    wanted.sort();
    assert_eq!(wanted, [b"\x01v", b"\x01w"]);
    for parts in [&["x"][..], &["w one"], &["other", "w"], &["v", " two"]] {
        peer.send("s", &message(parts));
    }
    assert_well(ringcat, &["w one", "v two"]);
}
