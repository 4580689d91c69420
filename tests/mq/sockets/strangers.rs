//! Peers that are none, or none for us.

use std::io::Write;
use std::time::Duration;

use ringmq::mq::{Event, Options, SocketType};

use super::{joined, on_every_backend, ready, GREETING};

#[test]
fn strangers_are_turned_away_and_others_are_served() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let openings: [&[u8]; 6] = [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03",
            b"\x01\x00",
            b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\x00\x00",
            &[0xa5; 200],
            &[0; 64],
        ];
        for opening in openings {
            let mut stranger = net.stranger(&address);
            stranger.write_all(opening).unwrap();
            net.await_end(&mut stranger);
            net.await_event(pull, |event| matches!(event, Event::Refused(_)).then_some(()));
        }
        // One that says nothing, and one that leaves without a word.
        let silent = net.stranger(&address);
        drop(net.stranger(&address));
        let mut push = joined(net, &address, "PUSH");
        push.write_all(b"\0\x05after").unwrap();
        assert_eq!(net.heard(pull), "after");
        drop(silent);
    });
}

#[test]
fn half_a_message_is_never_delivered() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let mut other = joined(net, &address, "PUSH");
        for half in [&b"\0\x05hal"[..], b"\x01\x04half", b"\x01\x04half\0\x04mo", b"\0"] {
            let mut push = joined(net, &address, "PUSH");
            push.write_all(b"\0\x05whole").unwrap();
            push.write_all(half).unwrap();
            drop(push);
            assert_eq!(net.heard(pull), "whole");
            net.await_event(pull, |event| matches!(event, Event::Left(_) | Event::Refused(_)).then_some(()));
            assert!(net.try_recv(pull).is_err());
            other.write_all(b"\0\x05other").unwrap();
            assert_eq!(net.heard(pull), "other", "who is in the midst of nothing is not concerned");
        }
    });
}

/// Of a length that is read by itself: its head alone, then some of it, then the end.
#[test]
fn half_of_a_long_message_is_never_delivered() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let body = [b'x'; 200_000];
        let head = [&[2][..], &(body.len() as u64).to_be_bytes()].concat();
        for come in [0, 1, 100_000, body.len() - 1, body.len()] {
            let mut push = joined(net, &address, "PUSH");
            push.write_all(&head).unwrap();
            net.turn_often();
            let (some, rest) = body.split_at(come.min(1000));
            push.write_all(some).unwrap();
            net.turn_often();
            push.write_all(&rest[..come - some.len()]).unwrap();
            if come == body.len() {
                assert!(net.recv(pull).into_vec() == body);
            }
            drop(push);
            net.await_event(pull, |event| matches!(event, Event::Left(_) | Event::Refused(_)).then_some(()));
            assert!(net.try_recv(pull).is_err(), "{come}");
        }
        assert_eq!(net.context().memory().used(), 0);
    });
}

#[test]
fn who_announces_too_much_is_let_go_and_nobody_else() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, Options::new().max_part_len(1000));
        let address = net.bind(pull);
        let [mut greedy, mut modest] = [(); 2].map(|()| joined(net, &address, "PUSH"));
        // Its length alone, and nothing of it.
        greedy.write_all(b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff").unwrap();
        net.await_end(&mut greedy);
        modest.write_all(b"\0\x05still").unwrap();
        assert_eq!(net.heard(pull), "still");
        net.await_peers(pull, 1);
    });
}

#[test]
fn what_is_glued_to_the_greeting_is_what_it_is() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let mut push = net.stranger(&address);
        push.write_all(&[GREETING, &ready("PUSH")[..], b"\0\x05first\0\x06second"].concat()).unwrap();
        assert_eq!(net.heard(pull), "first");
        assert_eq!(net.heard(pull), "second");
    });
}

#[test]
fn what_comes_in_single_bytes_is_what_it_is() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let mut push = net.stranger(&address);
        let mut all = GREETING.to_vec();
        all.extend(ready("PUSH"));
        all.extend(b"\x01\x02a \x04\x0e\x04PING\0\0context\0\x01b");
        for byte in all {
            push.write_all(&[byte]).unwrap();
            net.reactor.turn(&mut net.called, Some(Duration::ZERO)).unwrap();
        }
        assert_eq!(net.heard(pull), "a b");
        let answer = net.read(&mut push, 64 + 28 + 2 + 12);
        assert!(answer.ends_with(b"\x04\x0c\x04PONGcontext"), "{:?}", answer.escape_ascii().to_string());
    });
}

#[test]
fn another_type_is_refused_and_not_tried_again() {
    on_every_backend(|net| {
        let (pull, req) = (net.open(SocketType::Pull), net.open(SocketType::Req));
        let address = net.bind(pull);
        net.connect(req, &address);
        let why = net.await_event(pull, |event| match event {
            Event::Refused(error) => Some(error.to_string()),
            _ => None,
        });
        assert_eq!(why, "expected a peer of type PUSH, found REQ");
        net.await_event(req, |event| matches!(event, Event::GivenUp(_)).then_some(()));
        assert!(req.endpoints(&net.context()).is_empty());
    });
}

#[test]
fn a_slow_handshake_ends_in_time_and_holds_nobody_up() {
    on_every_backend(|net| {
        let options = Options::new().handshake_within(Duration::from_millis(50));
        let pull = net.open_with(SocketType::Pull, options);
        let address = net.bind(pull);
        let mut slow: Vec<_> = (0..10).map(|_| net.stranger(&address)).collect();
        for stream in &mut slow {
            stream.write_all(&GREETING[..20]).unwrap();
        }
        let mut push = joined(net, &address, "PUSH");
        push.write_all(b"\0\x05quick").unwrap();
        assert_eq!(net.heard(pull), "quick");
        for stream in &mut slow {
            net.await_end(stream);
        }
        push.write_all(b"\0\x05still").unwrap();
        assert_eq!(net.heard(pull), "still");
    });
}

/// While a timer is set each turn reads the clock.
#[test]
fn when_a_handshake_is_done_no_timer_is_left() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let _stranger = net.stranger(&address);
        net.until("its deadline", |net| format!("{:?}", net.reactor).contains("timers: 1").then_some(()));
        let _push = joined(net, &address, "PUSH");
        net.await_peers(pull, 1);
        let timers = format!("{:?}", net.reactor);
        assert!(timers.contains("timers: 1"), "that of the stranger: {timers}");
    });
}

#[test]
fn a_message_before_the_handshake_is_refused() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let mut hasty = net.stranger(&address);
        hasty.write_all(GREETING).unwrap();
        hasty.write_all(b"\0\x05hasty").unwrap();
        net.await_end(&mut hasty);
        net.turn_often();
        assert!(net.try_recv(pull).is_err());
    });
}
