//! `ringcat` does what its first lines and its help say, with another ringcat at the other side.

mod ends;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use ringmq::platform::Backend;

use crate::example::example;
use crate::program::{Ended, Program};
use crate::scratch;

const LOOPBACK: &str = "tcp://127.0.0.1:*";

/// Ringcats of one backend.
#[derive(Clone, Copy)]
struct Cats(Backend);

fn on_every_backend(test: impl Fn(Cats)) {
    for &backend in Backend::AVAILABLE {
        println!("{backend}");
        test(Cats(backend));
    }
}

impl Cats {
    fn start(self, arguments: &[&str]) -> Program {
        Program::start(example("ringcat").args(arguments).args(["--backend", self.0.name()]))
    }

    /// One that is bound, and the address, once it is.
    fn bound(self, kind: &str, more: &[&str]) -> (Program, String) {
        let mut cat = self.start(&[&[kind, "--bind", LOOPBACK][..], more].concat());
        let line = cat.complaint("bound to ");
        let address = line.rsplit(' ').next().expect("a split has a last").to_string();
        (cat, address)
    }

    fn connected(self, kind: &str, address: &str, more: &[&str]) -> Program {
        self.start(&[&[kind, "--connect", address][..], more].concat())
    }

    /// Runs one that connects, with these lines to read, until it ends.
    fn run(self, kind: &str, address: &str, more: &[&str], lines: &[&str]) -> Ended {
        let mut cat = self.connected(kind, address, more);
        lines.iter().for_each(|line| cat.say(line));
        cat.finish()
    }
}

/// That it has ended with this status and printed these lines, whatever it said on standard error.
#[track_caller]
fn assert_ended(ended: &Ended, status: i32, output: &[&str]) {
    assert_eq!(ended.status.code(), Some(status), "{:?}", ended.errors);
    assert_eq!(ended.output, output, "{:?}", ended.errors);
}

/// The same, and that there was nothing to complain of.
#[track_caller]
fn assert_well(ended: &Ended, output: &[&str]) {
    assert_ended(ended, 0, output);
    let complaints: Vec<&String> = ended.errors.iter().filter(|line| !line.contains("bound to ")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn ringcat_req_prints_what_rep_makes_of_each_line() {
    on_every_backend(|cats| {
        let (rep, address) = cats.bound("rep", &["--count", "3"]);
        let lines = ["hello", "", "the last"];
        assert_well(&cats.run("req", &address, &[], &lines), &lines);
        assert_well(&rep.finish(), &lines);

        let (rep, address) = cats.bound("rep", &["--count", "2", "--exec", "tr a-z A-Z; echo ' and more'"]);
        let replies = ["HELLO and more", "", " and more", ""];
        assert_well(&cats.run("req", &address, &[], &["hello", ""]), &replies);
        assert_well(&rep.finish(), &["hello", ""]);

        let (rep, address) = cats.bound("rep", &["--count", "1", "--exec", "echo done; false"]);
        assert_well(&cats.run("req", &address, &["--count", "1"], &["a", "b"]), &["done", ""]);
        let ended = rep.finish();
        assert_ended(&ended, 0, &["a"]);
        assert_eq!(ended.errors[1..], ["ringcat: the command has ended with exit status: 1"]);
    });
}

#[test]
fn ringcat_pulls_what_is_pushed() {
    on_every_backend(|cats| {
        let (pull, address) = cats.bound("pull", &["--count", "6"]);
        assert_well(&cats.run("push", &address, &[], &["a line", ""]), &[]);
        assert_well(&cats.run("push", &address, &["--count", "1"], &["one", "of two"]), &[]);
        assert_well(&cats.run("push", &address, &["--size", "3", "--count", "2"], &[]), &[]);
        let file = scratch(&format!("ringcat-{}", cats.0));
        fs::write(&file, b"a file\nof two lines").expect("write a file");
        let file = file.to_str().expect("it is text");
        assert_well(&cats.run("push", &address, &["--file", file], &[]), &[]);
        let expected = ["a line", "", "one", "xxx", "xxx", "a file", "of two lines"];
        assert_well(&pull.finish(), &expected);

        let (push, address) = cats.bound("push", &["--size", "1000000", "--count", "20"]);
        let pull = cats.run("pull", &address, &["--count", "20"], &[]);
        assert_well(&pull, &["x".repeat(1_000_000).as_str(); 20]);
        assert_well(&push.finish(), &[]);
    });
}

#[test]
fn ringcat_sub_prints_what_it_has_subscribed_to() {
    on_every_backend(|cats| {
        let (mut publisher, address) = cats.bound("pub", &[]);
        let mut some = cats.connected(
            "sub",
            &address,
            &["--subscribe", "weather", "--subscribe", "sports", "--count", "100000"],
        );
        let mut all = cats.connected("sub", &address, &[]);
        for subscriber in [&mut some, &mut all] {
            // Until its subscriptions are there it hears nothing.
            while subscriber.line_within(Duration::from_millis(5)).is_none() {
                publisher.say("sports: probe");
            }
        }
        ["news", "weather: rain", "weath", "sports: 2:1"].iter().for_each(|line| publisher.say(line));
        assert_eq!(after_probes(&mut some), ["weather: rain", "sports: 2:1"]);
        assert_eq!(after_probes(&mut all), ["news", "weather: rain", "weath", "sports: 2:1"]);
        assert_well(&publisher.finish(), &[]);
    });
}

/// What is heard up to the result.
fn after_probes(subscriber: &mut Program) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.last().map_or(true, |line| line != "sports: 2:1") {
        heard.push(subscriber.line());
    }
    heard.retain(|line| line != "sports: probe");
    heard
}

#[test]
fn ringcat_as_a_dealer_does_not_wait_for_what_a_router_or_a_rep_says() {
    on_every_backend(|cats| {
        for kind in ["router", "rep"] {
            let (mut answering, address) = cats.bound(kind, &["--count", "4"]);
            let mut dealer = cats.connected("dealer", &address, &[]);
            let lines = ["one", "", "three", "four"];
            lines.iter().for_each(|line| dealer.say(line));
            lines.iter().for_each(|line| assert_eq!(answering.line(), *line));
            assert_well(&dealer.finish(), &lines);
            assert_well(&answering.finish(), &[]);
        }
        // Of two peers each gets its own.
        let (router, address) = cats.bound("router", &["--count", "3"]);
        let mut dealers = ["a", "b"].map(|line| {
            let mut dealer = cats.connected("dealer", &address, &[]);
            dealer.say(line);
            assert_eq!(dealer.line(), line);
            dealer
        });
        dealers[0].say("again");
        assert_eq!(dealers[0].line(), "again");
        for dealer in dealers {
            assert_well(&dealer.finish(), &[]);
        }
        assert_well(&router.finish(), &["a", "b", "again"]);
    });
}

#[test]
fn ringcat_takes_and_prints_digits() {
    on_every_backend(|cats| {
        let (pull, address) = cats.bound("pull", &["--hex", "--count", "4"]);
        assert_well(&cats.run("push", &address, &["--hex"], &["00ff0A", "", "68690a"]), &[]);
        let wrong = cats.run("push", &address, &["--hex"], &["abc"]);
        assert_ended(&wrong, 1, &[]);
        assert_eq!(wrong.errors, ["ringcat: expected an even number of hexadecimal digits, found \"abc\""]);
        assert_well(&cats.run("push", &address, &[], &["hi"]), &[]);
        assert_well(&pull.finish(), &["00ff0a", "", "68690a", "6869"]);
    });
}

#[test]
fn ringcat_counts_what_it_sends_and_receives() {
    on_every_backend(|cats| {
        let (rep, address) = cats.bound("rep", &["--count", "3", "--stats"]);
        let req = cats.run("req", &address, &["--size", "10", "--count", "3", "--stats"], &[]);
        assert_ended(&req, 0, &["xxxxxxxxxx"; 3]);
        for ended in [req, rep.finish()] {
            for what in ["sent", "received"] {
                let begin = format!("ringcat: {what} 3 messages, 30 bytes in ");
                let is_told = |line: &String| line.starts_with(&begin) && line.ends_with(" MB/s");
                assert!(ended.errors.iter().any(is_told), "{what}: {:?}", ended.errors);
            }
        }
    });
}

#[test]
fn ringcat_tells_what_happens_to_connections_when_asked_to() {
    on_every_backend(|cats| {
        let (mut rep, address) = cats.bound("rep", &["--verbose"]);
        let req = cats.run("req", &address, &["--verbose"], &["hello"]);
        assert_ended(&req, 0, &["hello"]);
        for word in [
            &format!("connecting to {address}"),
            &format!("connected to {address}"),
            "a peer has joined: REP",
        ] {
            assert!(req.errors.contains(&format!("ringcat: {word}")), "{word}: {:?}", req.errors);
        }
        for word in [
            &format!("listening at {address}"),
            "a peer has connected",
            "a peer has joined: REQ",
            "a peer has left",
        ] {
            rep.complaint(word);
        }
        let mut stranger = TcpStream::connect(address.trim_start_matches("tcp://")).expect("connect");
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("write");
        rep.complaint("a peer was refused: expected");
    });
}

#[test]
fn ringcat_speaks_to_the_original_ringmq_and_to_both_at_one_port() {
    on_every_backend(|cats| {
        let ring = ["--wire", "ring"];
        for kinds in [["rep", "req"], ["pull", "push"]] {
            for theirs in ["ring", "any"] {
                let (bound, address) = cats.bound(kinds[0], &["--count", "2", "--wire", theirs]);
                let lines = ["hello", &"long ".repeat(100_000)];
                let expected = if kinds[1] == "req" { &lines[..] } else { &[] };
                assert_well(&cats.run(kinds[1], &address, &ring, &lines), expected);
                assert_well(&bound.finish(), &lines);
            }
            let (both, address) = cats.bound(kinds[0], &["--count", "2", "--wire", "any"]);
            let words = ["of one", "of the other"];
            let mut peers = [("ring", words[0]), ("zmtp", words[1])].map(|(wire, word)| {
                let mut peer = cats.connected(kinds[1], &address, &["--wire", wire]);
                peer.say(word);
                if kinds[1] == "req" {
                    assert_eq!(peer.line(), word);
                }
                peer
            });
            let heard = both.finish();
            peers.iter_mut().for_each(Program::end_input);
            let mut lines = heard.output.clone();
            lines.sort();
            assert_ended(&heard, 0, &heard.output.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(lines, words);
        }
        // An empty message is none of RingMQ's.
        let (_rep, address) = cats.bound("rep", &ring);
        let req = cats.run("req", &address, &ring, &[""]);
        assert_ended(&req, 1, &[]);
        assert!(
            req.errors[0].starts_with("ringcat: expected one part of at least one byte for a RingMQ peer"),
            "{req:?}"
        );
    });
}
