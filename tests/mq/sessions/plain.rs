//! PLAIN: who is let in, and what is not in order.

use std::time::Instant;

use super::end::End;
use super::{command, frame, greeting, local, pull, ready, talk};
use ringmq::codec::zmtp::{Command, CommandError, FrameKind, Mechanism};
use ringmq::mq::{Local, Security, SessionError, Side, SocketType, Users};

const V31: (u8, u8) = (3, 1);

fn server(users: &[(&str, &str)]) -> End {
    let users: Users = users.iter().copied().collect();
    End::new(Local { security: Security::PlainServer(users), ..pull() }, Instant::now())
}

fn client(username: &str, password: &str) -> End {
    let security = Security::plain(username, password);
    End::new(Local { security, ..local(SocketType::Push, Side::Connected) }, Instant::now())
}

#[test]
fn who_is_known_is_let_in_and_others_are_told() {
    let users = [("admin", "secret"), ("admin", "new secret"), ("guest", "")];
    let now = Instant::now();
    for (username, password) in users {
        let (mut client, mut server) = (client(username, password), server(&users));
        talk((&mut client, V31), (&mut server, V31), now);
        assert_eq!((&*client.story(), &*server.story()), ("joined", "joined"), "{username} {password}");
    }
    for (username, password) in [
        ("admin", ""),
        ("admin", "secre"),
        ("admin", "secrets"),
        ("guest", "secret"),
        ("root", "secret"),
        ("", ""),
    ] {
        let (mut client, mut server) = (client(username, password), server(&users));
        talk((&mut client, V31), (&mut server, V31), now);
        assert_eq!(server.error, Some(SessionError::Refused { username: username.into() }));
        let reason = b"Invalid username or password".to_vec();
        assert_eq!(client.error, Some(SessionError::PeerError { reason }), "{username} {password}");
    }
}

#[test]
fn who_binds_may_be_the_client() {
    let now = Instant::now();
    let known = Security::PlainServer([("a", "b")].into_iter().collect());
    let mut server = End::new(Local { security: known, ..local(SocketType::Push, Side::Connected) }, now);
    let mut client = End::new(Local { security: Security::plain("a", "b"), ..pull() }, now);
    talk((&mut client, V31), (&mut server, V31), now);
    assert_eq!((&*client.story(), &*server.story()), ("joined", "joined"));
}

#[test]
fn two_clients_do_not_come_to_each_other_and_two_servers_wait() {
    let now = Instant::now();
    let mut clients = [client("a", "b"), client("a", "b")];
    let [one, other] = &mut clients;
    talk((one, V31), (other, V31), now);
    for client in clients {
        assert_eq!(client.story(), "error: expected WELCOME, found HELLO");
    }
    let mut servers = [server(&[]), server(&[])];
    let [one, other] = &mut servers;
    talk((one, V31), (other, V31), now);
    for server in servers {
        assert_eq!((server.story(), server.session.peer()), (String::new(), None));
    }
}

#[test]
fn a_wrong_type_is_refused_by_the_server_in_place_of_its_ready() {
    let now = Instant::now();
    let security = Security::plain("a", "b");
    let mut client = End::new(Local { security, ..local(SocketType::Sub, Side::Connected) }, now);
    let mut server = server(&[("a", "b")]);
    talk((&mut client, V31), (&mut server, V31), now);
    assert_eq!(server.story(), "error: expected a peer of type PUSH, found SUB");
    assert_eq!(client.story(), r#"error: expected the peer to go on, found its ERROR "Invalid socket type""#);
}

#[test]
fn a_hello_that_is_none_is_refused() {
    let truncated = |part, need, have| CommandError::Truncated { part, need, have };
    let cases = [
        (&b""[..], truncated("a HELLO's username", 1, 0)),
        (b"\x05admi", truncated("a HELLO's username", 5, 4)),
        (b"\x05admin", truncated("a HELLO's password", 1, 0)),
        (b"\x05admin\x06secre", truncated("a HELLO's password", 6, 5)),
        (b"\x05admin\x06secret!", CommandError::Trailing { part: "a HELLO", len: 1 }),
    ];
    for (data, error) in cases {
        let mut server = server(&[("admin", "secret")]);
        let hello = command(Command::Other { name: b"HELLO", data });
        server.hear(&[greeting(Mechanism::PLAIN, V31), hello].concat(), Instant::now());
        assert_eq!(server.error, Some(SessionError::Command(error)), "{}", data.escape_ascii());
    }
}

#[test]
fn nothing_is_skipped_and_nothing_comes_twice() {
    let now = Instant::now();
    let other = |name, data| command(Command::Other { name, data });
    let hello = other(b"HELLO", b"\x01a\x01b");
    let initiate = other(b"INITIATE", b"\x0bSocket-Type\0\0\0\x04PUSH");
    let of_server: [(&[&[u8]], &str); 4] = [
        (&[&initiate], "error: expected HELLO, found INITIATE"),
        (&[&hello, &hello], "error: expected INITIATE, found HELLO"),
        (&[&hello, &ready(&[])], "error: expected INITIATE, found READY"),
        (&[&hello, &frame(FrameKind::Last, b"x")], "error: expected INITIATE, found a message"),
    ];
    for (stream, story) in of_server {
        let mut server = server(&[("a", "b")]);
        server.hear(&[greeting(Mechanism::PLAIN, V31), stream.concat()].concat(), now);
        assert_eq!(server.story(), story);
    }
    let welcome = other(b"WELCOME", b"");
    let of_client: [(&[&[u8]], &str); 4] = [
        (&[&ready(&[])], "error: expected WELCOME, found READY"),
        (&[&welcome, &welcome], "error: expected READY, found WELCOME"),
        (&[&other(b"WELCOME", b"!")], "error: expected nothing behind a WELCOME, found 1 bytes"),
        (
            &[&other(&[b'\n'; 40], b"")],
            r"error: expected WELCOME, found \n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n..",
        ),
    ];
    for (stream, story) in of_client {
        let mut client = client("a", "b");
        client.hear(&[greeting(Mechanism::PLAIN, V31), stream.concat()].concat(), now);
        assert_eq!(client.story(), story);
    }
}
