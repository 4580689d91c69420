//! PUB and SUB: who gets what.

use ringmq::mq::SocketType::{Pub, Sub};
use ringmq::mq::{BlockingSocket, Message, Part};

use super::pairs::{bodies, link};
use super::Row;
use crate::bench::{bind, connect, open, recv, send, until, Bench, LOOPBACK};
use crate::peer::Peer;
use crate::program::GUARD;
use crate::words::{assert_same, fill, message};

pub const ROWS: &[Row] = &[
    ("our_pub_reaches_their_subs", our_pub_reaches_their_subs),
    ("our_pub_sends_only_what_is_subscribed_to", our_pub_sends_only_what_is_subscribed_to),
    ("their_pub_reaches_our_subs", their_pub_reaches_our_subs),
    ("our_sub_says_what_it_wants_and_no_more_than_once", our_sub_says_what_it_wants_and_no_more_than_once),
];

/// What goes to who has subscribed to `w`, and each with what goes to others only.
fn news() -> Vec<(Message, Message)> {
    let huge = Message::from(fill(32 << 20, 1));
    let of_each = bodies().into_iter().chain([huge]).map(|body| {
        let mut on_topic = body.clone();
        on_topic.push_front("w");
        (on_topic, body)
    });
    let edges = [("w", ""), ("weather", "v"), ("w\0", "W")];
    of_each.chain(edges.map(|(one, other)| (Message::from(one), Message::from(other)))).collect()
}

/// Publishes until everybody has heard something, and then to the end of that: from here on it is known what comes.
pub fn settle(publisher: &BlockingSocket, peer: &mut Peer, topic: &str, subscribers: &[&str]) {
    until("subscriptions", || {
        send(publisher, format!("{topic}: is anybody there?"));
        subscribers.iter().all(|subscriber| peer.has_some(subscriber)).then_some(())
    });
    let last = Message::from(format!("{topic}: so there is"));
    send(publisher, last.clone());
    for subscriber in subscribers {
        while peer.recv(subscriber) != last {}
    }
}

fn our_pub_reaches_their_subs(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    for we_bind in [true, false] {
        let ipcs = [bench.ipc(), bench.ipc()];
        for addresses in
            [[LOOPBACK.to_string(), LOOPBACK.to_string()], [ipcs[0].address(), ipcs[1].address()]]
        {
            let publisher = open(&io, Pub);
            for (subscriber, prefix) in [("weather", "w"), ("all", "")] {
                peer.open(subscriber, "SUB", "");
                peer.subscribe(subscriber, prefix);
            }
            let bound = we_bind.then(|| bind(&publisher, &addresses[0]));
            for (subscriber, address) in ["weather", "all"].iter().zip(&addresses) {
                match &bound {
                    Some(bound) => peer.connect(subscriber, bound),
                    None => {
                        let address = peer.bind(subscriber, address);
                        connect(&publisher, &address);
                    }
                }
            }
            settle(&publisher, &mut peer, "w", &["weather", "all"]);
            for (on_topic, other) in news() {
                send(&publisher, other.clone());
                send(&publisher, on_topic.clone());
                assert_same(&peer.recv("all"), &other);
                assert_same(&peer.recv("all"), &on_topic);
                assert_same(&peer.recv("weather"), &on_topic);
            }
            peer.unsubscribe("weather", "w");
            peer.subscribe("weather", "x");
            settle(&publisher, &mut peer, "x", &["weather"]);
            ["w", "x"].iter().for_each(|topic| send(&publisher, *topic));
            assert_same(&peer.recv("weather"), &Message::from("x"));
            assert_eq!(publisher.close(GUARD).expect("its thread runs"), 0, "messages were lost");
            ["weather", "all"].iter().for_each(|subscriber| drop(peer.ask(&format!("close {subscriber}"))));
        }
    }
}

/// XSUB, unlike SUB, does not look again at what it gets: so it shows what is sent.
fn our_pub_sends_only_what_is_subscribed_to(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    for we_bind in [true, false] {
        let publisher = open(&io, Pub);
        peer.open("s", "XSUB", "");
        peer.send("s", &Message::from("\x01w"));
        peer.send("s", &Message::from("\x01war")); // within the other
        link(&publisher, &mut peer, LOOPBACK, we_bind);
        settle(&publisher, &mut peer, "w", &["s"]);
        for (on_topic, other) in news() {
            send(&publisher, other);
            send(&publisher, on_topic.clone());
            assert_same(&peer.recv("s"), &on_topic);
        }
        // A subscription behind each end of one, so that it is known when that has come.
        for (gone, next, unwanted, wanted) in [("\0w", "x", "weather", "war"), ("\0war", "y", "war", "y")] {
            peer.send("s", &Message::from(gone));
            peer.send("s", &Message::from(format!("\x01{next}")));
            settle(&publisher, &mut peer, next, &["s"]);
            send(&publisher, unwanted);
            send(&publisher, wanted);
            assert_same(&peer.recv("s"), &Message::from(wanted));
        }
        peer.ask("close s");
    }
}

fn their_pub_reaches_our_subs(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    for we_bind in [true, false] {
        let ipc = bench.ipc();
        for address in [LOOPBACK, &ipc.address()] {
            let subscriber = open(&io, Sub);
            subscriber.subscribe(b"w").expect("it is a SUB");
            peer.open("s", "PUB", "");
            link(&subscriber, &mut peer, address, we_bind);
            let probe = message(&["w", "is anybody there?"]);
            until("a subscription", || {
                peer.send("s", &probe);
                subscriber.try_recv().ok()
            });
            for (on_topic, other) in news() {
                peer.send("s", &other);
                peer.send("s", &on_topic);
                let found = std::iter::repeat_with(|| recv(&subscriber)).find(|found| *found != probe);
                assert_same(&found.expect("it waits for one"), &on_topic);
            }
            drop(subscriber);
            peer.ask("close s");
        }
    }
}

/// XPUB tells of each subscription that comes, one that it has already among them.
fn our_sub_says_what_it_wants_and_no_more_than_once(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    for we_bind in [true, false] {
        let subscriber = open(&io, Sub);
        subscriber.subscribe(b"before").expect("it is a SUB");
        peer.open("s", "XPUB", "XPUB_VERBOSER=1");
        link(&subscriber, &mut peer, LOOPBACK, we_bind);
        assert_same(&peer.recv("s"), &Message::from("\x01before"));
        let long = vec![b'l'; 1000];
        for prefix in [&b"w"[..], b"w", b"\0\xff", b"", &long] {
            subscriber.subscribe(prefix).expect("it is a SUB");
        }
        let wanted = |sign: u8, prefix: &[u8]| Message::from([&[sign], prefix].concat());
        for prefix in [&b"w"[..], b"\0\xff", b""] {
            assert_same(&peer.recv("s"), &wanted(1, prefix));
        }
        assert_eq!(peer.ask("recv s"), "?1001", "one byte and the long prefix");
        for prefix in [&b"w"[..], b"", b"w", b"before"] {
            subscriber.unsubscribe(prefix).expect("it is a SUB");
        }
        for prefix in [&b""[..], b"w", b"before"] {
            assert_same(&peer.recv("s"), &wanted(0, prefix));
        }
        for word in ["weather", "before", "\0"] {
            peer.send("s", &Message::from(word)); // nobody wants it any more
        }
        let expected =
            Message::from_parts([Part::from(&b"\0\xff"[..]), Part::EMPTY]).expect("there are parts");
        peer.send("s", &expected);
        assert_same(&recv(&subscriber), &expected);
        drop(subscriber);
        peer.ask("close s");
    }
}
