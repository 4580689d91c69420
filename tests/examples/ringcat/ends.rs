//! How ringcat ends: in time, interrupted, or at once, since something is wrong.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ringmq::mq::{IoThread, SocketType};
use ringmq::Builder;

use super::{assert_ended, assert_well, on_every_backend, LOOPBACK};
use crate::example::example;
use crate::text;

#[test]
fn ringcat_gives_up_in_time() {
    on_every_backend(|cats| {
        let (pull, _address) = cats.bound("pull", &["--timeout", "0.1"]);
        assert_ended(&pull.finish(), 3, &[]);
        // A request that somebody has, and says nothing to.
        let io = IoThread::with(Builder::new().backend(cats.0)).expect("start an I/O thread");
        let silent = io.socket(SocketType::Rep).expect("open a socket");
        let address = silent.bind(LOOPBACK).expect("bind").to_string();
        let began = Instant::now();
        let req = cats.run("req", &address, &["--timeout", "2"], &["hello"]);
        assert_ended(&req, 3, &[]);
        assert_eq!(req.errors, ["ringcat: a request was not answered"]);
        assert!(began.elapsed() >= Duration::from_secs(2));
    });
}

#[test]
fn ringcat_tells_who_cannot_be_reached() {
    on_every_backend(|cats| {
        let nobody =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let address = format!("tcp://{nobody}");
        let req = cats.run("req", &address, &["--timeout", "2"], &["hello"]);
        assert_ended(&req, 3, &[]);
        let [refused, unsent] = &req.errors[..] else { panic!("{:?}", req.errors) };
        let expected = format!("ringcat: no connection to {address}: Connection refused");
        assert!(refused.starts_with(&expected), "{refused}");
        assert_eq!(unsent, "ringcat: 1 messages were not sent");

        let (_pull, address) = cats.bound("pull", &[]);
        let mut req = cats.connected("req", &address, &[]);
        let line = req.complaint("expected a peer of type");
        assert_eq!(line, format!("ringcat: {address}: expected a peer of type REP or ROUTER, found PULL"));
        let ended = req.finish();
        assert_ended(&ended, 1, &[]);
        assert_eq!(ended.errors, [line]);
    });
}

#[test]
fn ringcat_tells_that_the_peer_has_left_without_a_reply() {
    on_every_backend(|cats| {
        let (rep, address) = cats.bound("rep", &["--exec", "kill -9 $PPID"]);
        let req = cats.run("req", &address, &[], &["hello"]);
        assert_ended(&req, 4, &[]);
        assert_eq!(req.errors[0], "ringcat: the peer has left without a reply");
        let rep = rep.finish();
        assert_eq!((rep.status.signal(), &rep.output[..]), (Some(9), &["hello".to_string()][..]));
    });
}

#[test]
fn ringcat_closes_in_good_order_when_it_is_interrupted() {
    on_every_backend(|cats| {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let (mut pull, address) = cats.bound("pull", &[]);
            let push = cats.connected("push", &address, &["--size", "1000", "--stats"]);
            pull.line();
            push.signal(signal);
            let push = push.finish();
            assert_ended(&push, 130, &[]);
            let sent =
                push.errors.iter().find_map(|line| line.strip_prefix("ringcat: sent ")?.split(' ').next());
            let sent: usize =
                sent.and_then(|count| count.parse().ok()).expect("it says how many it has sent");
            let body = "x".repeat(1000);
            (1..sent).for_each(|_| assert_eq!(pull.line(), body));
            pull.signal(signal);
            assert_ended(&pull.finish(), 130, &[]);
        }
        let path = std::env::temp_dir().join(format!("ringcat-{}-{}", std::process::id(), cats.0));
        let address = format!("ipc://{}", path.display());
        let mut rep = cats.start(&["rep", "--bind", &address, "--verbose"]);
        rep.complaint("bound to ");
        assert_well(&cats.run("req", &address, &[], &["hello"]), &["hello"]);
        rep.signal(Signal::SIGINT);
        assert_ended(&rep.finish(), 130, &["hello"]);
        assert!(!path.exists(), "its file is still there");
    });
}

#[test]
fn ringcat_tells_that_a_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = format!("tcp://{}", taken.local_addr().expect("it is bound"));
    on_every_backend(|cats| {
        let ended = cats.start(&["rep", "--bind", &address]).finish();
        assert_ended(&ended, 1, &[]);
        let [line] = &ended.errors[..] else { panic!("{:?}", ended.errors) };
        let expected = format!("ringcat: cannot bind to {address}: Address already in use");
        assert!(line.starts_with(&expected), "{line}");
    });
}

#[test]
fn ringcat_tells_what_is_wrong_with_its_command_line() {
    let cases: [(&[&str], &str); 18] = [
        (&[], "expected a type of socket: req, rep,"),
        (
            &["pair", "--bind", LOOPBACK],
            "expected req, rep, push, pull, pub, sub, dealer or router, found \"pair\"",
        ),
        (&["rep"], "expected --bind ADDR or --connect ADDR"),
        (&["rep", "--bind"], "missing argument for option '--bind'"),
        (
            &["rep", "--bind", "5555"],
            "cannot bind to 5555: expected tcp://HOST:PORT or ipc://PATH, found \"5555\"",
        ),
        (&["req", "--connect", "tcp://*:1"], "cannot connect to tcp://*:1: expected a host and a port"),
        (&["rep", "--bind", LOOPBACK, "--no-such"], "invalid option '--no-such'"),
        (&["rep", "rep", "--bind", LOOPBACK], "unexpected argument \"rep\""),
        (&["rep", "--bind", LOOPBACK, "--count", "some"], "expected a number behind --count, found \"some\""),
        (&["req", "--bind", LOOPBACK, "--size", "-1"], "expected a number behind --size, found \"-1\""),
        (
            &["rep", "--bind", LOOPBACK, "--timeout", "-1"],
            "expected a number of seconds behind --timeout, found \"-1\"",
        ),
        (
            &["rep", "--bind", LOOPBACK, "--linger", "x"],
            "expected a number of seconds behind --linger, found \"x\"",
        ),
        (&["rep", "--bind", LOOPBACK, "--wire", "smtp"], "expected zmtp, ring or any, found \"smtp\""),
        (&["sub", "--bind", LOOPBACK, "--wire", "ring"], "expected REP or PULL to bind in RingMQ's protocol"),
        (&["rep", "--bind", LOOPBACK, "--backend", "iocp"], "unknown backend `iocp`"),
        (
            &["req", "--bind", LOOPBACK, "--exec", "cat"],
            "expected --exec with rep or router, found it with REQ",
        ),
        (&["pull", "--bind", LOOPBACK, "--size", "1"], "expected --size and --file with who sends unasked"),
        (&["pub", "--bind", LOOPBACK, "--size", "1", "--file", "x"], "expected --size or --file, found both"),
    ];
    for (arguments, expected) in cases {
        let output = example("ringcat").args(arguments).stdin(Stdio::null()).output().expect("start ringcat");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        let first = message.lines().next().expect("it says something");
        assert!(first.starts_with("ringcat: ") && first.contains(expected), "{arguments:?}: {message}");
        assert!(message.lines().count() <= 2, "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {}", text(&output.stdout));
    }
}

#[test]
fn ringcat_says_what_it_can_do() {
    for word in ["--help", "-h"] {
        let output = example("ringcat").arg(word).output().expect("start ringcat");
        let help = text(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
        let options = "req rep push pull pub sub dealer router --bind --connect --wire --backend --count --size --file --exec \
            --linger --subscribe --timeout --hex --stats --verbose --help";
        for option in options.split_whitespace() {
            let is_begin = |line: &str| line.trim_start().starts_with(option);
            assert!(
                help.lines().any(is_begin) || help.contains(&format!(", {option}  ")),
                "{option}: {help}"
            );
        }
        assert!(help.lines().all(|line| line.chars().count() <= 132), "{help}");
        assert!(help.contains("exit status: 0 all is done; 1 something failed"), "{help}");
    }
}
