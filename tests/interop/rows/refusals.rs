//! Who is not let in, and is told: the wrong type of socket, the wrong password.

use ringmq::mq::SocketType::{self, Pub, Pull, Push, Rep, Req, Router};
use ringmq::mq::{BlockingSocket, Event, Message, Security, SessionError, Users};

use super::pairs::{link, Pair};
use super::Row;
use crate::bench::{await_event, bind, open, open_with, options, Bench, LOOPBACK};
use crate::words::message;

pub const ROWS: &[Row] = &[
    ("a_type_that_is_none_for_ours_is_refused_and_said_to_be", a_wrong_type_is_refused),
    ("their_client_with_the_right_password_is_let_in_and_no_other", our_server_lets_in),
    ("our_client_with_the_right_password_is_let_in_and_no_other", their_server_lets_in),
    ("who_has_another_mechanism_is_refused", another_mechanism_is_refused),
];

const USER: &str = "PLAIN_USERNAME=anna PLAIN_PASSWORD=secret";

fn await_refusal(socket: &BlockingSocket) -> SessionError {
    await_event(socket, |event| match event {
        Event::Refused(error) => Some(error.clone()),
        _ => None,
    })
}

fn await_giving_up(socket: &BlockingSocket, address: &str) {
    let given_up = await_event(socket, |event| match event {
        Event::GivenUp(endpoint) => Some(endpoint.to_string()),
        _ => None,
    });
    assert_eq!(given_up, address);
}

fn a_wrong_type_is_refused(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    let wrong: [(SocketType, &str); 5] =
        [(Rep, "PUSH"), (Req, "DEALER"), (Pull, "SUB"), (Pub, "REQ"), (Router, "PULL")];
    for (ours, theirs) in wrong {
        for we_bind in [true, false] {
            let socket = open(&io, ours);
            peer.open("s", theirs, "");
            let address = link(&socket, &mut peer, LOOPBACK, we_bind);
            let expected = SessionError::SocketType { own: ours, found: theirs.to_string() };
            assert_eq!(await_refusal(&socket), expected);
            if !we_bind {
                await_giving_up(&socket, &address);
            }
            peer.ask("close s");
        }
    }
    // One that was refused is no hindrance to one that is right.
    let pair = Pair { ours: Pull, theirs: Push };
    let pull = pair.open(&io, &mut peer);
    peer.open("wrong", "REQ", "");
    let address = bind(&pull, LOOPBACK);
    peer.connect("wrong", &address);
    await_refusal(&pull);
    peer.connect("s", &address);
    pair.exchange(&pull, &mut peer, &Message::from("right"));
}

fn our_server_lets_in(bench: &Bench) {
    let io = bench.io();
    let users: Users = [("anna", "secret"), ("bert", "other")].into_iter().collect();
    let mut peer = bench.peer();
    let pair = Pair { ours: Rep, theirs: Req };
    for we_bind in [true, false] {
        let wrong = ["PLAIN_USERNAME=anna PLAIN_PASSWORD=other", "PLAIN_USERNAME=carl PLAIN_PASSWORD=secret"];
        for credentials in wrong {
            let rep = open_with(&io, Rep, options().security(Security::PlainServer(users.clone())));
            peer.open("s", "REQ", credentials);
            link(&rep, &mut peer, LOOPBACK, we_bind);
            let name = &credentials["PLAIN_USERNAME=".len()..][..4];
            assert_eq!(await_refusal(&rep), SessionError::Refused { username: name.into() });
            assert_eq!(rep.peer_count(), 0);
            peer.ask("close s");
        }
        let rep = open_with(&io, Rep, options().security(Security::PlainServer(users.clone())));
        peer.open("s", "REQ", USER);
        link(&rep, &mut peer, LOOPBACK, we_bind);
        pair.exchange(&rep, &mut peer, &message(&["let", "in"]));
        peer.ask("close s");
    }
}

fn their_server_lets_in(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    peer.ask("users anna secret");
    let pair = Pair { ours: Req, theirs: Rep };
    for we_bind in [true, false] {
        let wrong = open_with(&io, Req, options().security(Security::plain("anna", "other")));
        peer.open("s", "REP", "PLAIN_SERVER=1");
        let address = link(&wrong, &mut peer, LOOPBACK, we_bind);
        assert_eq!(await_refusal(&wrong), SessionError::PeerError { reason: b"400".to_vec() });
        if !we_bind {
            await_giving_up(&wrong, &address);
        }
        peer.ask("close s");
        let right = open_with(&io, Req, options().security(Security::plain("anna", "secret")));
        peer.open("s", "REP", "PLAIN_SERVER=1");
        link(&right, &mut peer, LOOPBACK, we_bind);
        pair.exchange(&right, &mut peer, &message(&["let", "in"]));
        peer.ask("close s");
    }
}

/// libzmq hangs up in the midst of its greeting, at the sight of ours: so ours does not always see which mechanism was theirs.
fn another_mechanism_is_refused(bench: &Bench) {
    let io = bench.io();
    let mut peer = bench.peer();
    let users: Users = [("anna", "secret")].into_iter().collect();
    let pair = Pair { ours: Rep, theirs: Req };
    for (security, wrong, right) in [(Security::PlainServer(users), "", USER), (Security::Null, USER, "")] {
        for we_bind in [true, false] {
            let rep = open_with(&io, Rep, options().security(security.clone()));
            peer.open("s", "REQ", wrong);
            link(&rep, &mut peer, LOOPBACK, we_bind);
            await_event(&rep, |event| match event {
                Event::Joined { .. } => panic!("it has joined"),
                Event::Refused(SessionError::Mechanism { .. } | SessionError::Frame(_)) | Event::Left(_) => {
                    Some(())
                }
                _ => None,
            });
            assert_eq!(rep.peer_count(), 0);
            peer.ask("close s");
            peer.open("s", "REQ", right);
            link(&rep, &mut peer, LOOPBACK, we_bind);
            pair.exchange(&rep, &mut peer, &message(&["let", "in"]));
            peer.ask("close s");
        }
    }
}
