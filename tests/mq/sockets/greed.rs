//! Peers that want more memory than they are to have.

use std::io::Write;

use nix::sys::socket::{setsockopt, sockopt};
use ringmq::mq::{Event, HighWater, Options, SocketType};

use super::{joined, on_every_backend};

fn narrow(messages: usize) -> Options {
    Options::new().recv_high_water(HighWater { messages, bytes: 1 << 20 })
}

#[test]
fn who_comes_and_goes_leaves_no_more_behind_than_one_may_that_stays() {
    on_every_backend(|net| {
        const ROUNDS: usize = 20;
        let pull = net.open_with(SocketType::Pull, narrow(10));
        let address = net.bind(pull);
        for _ in 0..ROUNDS {
            let mut push = joined(net, &address, "PUSH");
            push.write_all(&b"\0\x01x".repeat(5)).unwrap();
            drop(push);
            net.turn_often();
        }
        // The first two have left ten messages behind. The others are not read from, so it is not seen that they have left.
        net.await_peers(pull, ROUNDS - 2);
        net.turn_often();
        assert_eq!(net.peers(pull), ROUNDS - 2);
        for _ in 0..ROUNDS * 5 {
            assert_eq!(net.heard(pull), "x");
        }
        net.await_peers(pull, 0);
    });
}

#[test]
fn what_was_left_behind_keeps_nobody_from_joining() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, narrow(10));
        let address = net.bind(pull);
        let mut push = joined(net, &address, "PUSH");
        push.write_all(&b"\0\x01x".repeat(10)).unwrap();
        net.until("its messages", |net| net.called.contains(&pull).then_some(()));
        net.turn_often();
        // Whose connection is reset is seen to have left, whatever was not read.
        setsockopt(&push, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
        drop(push);
        net.await_peers(pull, 0);
        let mut next = joined(net, &address, "PUSH");
        next.write_all(b"\0\x01y").unwrap();
        let heard: String = (0..11).map(|_| net.heard(pull)).collect();
        assert_eq!(heard, "xxxxxxxxxxy");
    });
}

#[test]
fn who_subscribes_to_too_much_is_refused() {
    on_every_backend(|net| {
        let options = Options::new().max_subscription_count(3).max_message_len(100);
        let publisher = net.open_with(SocketType::Pub, options);
        let address = net.bind(publisher);
        let long = [&[0, 61, 1][..], &[7; 60]].concat();
        let longer = [&[0, 61, 1][..], &[8; 60]].concat();
        for (subscriptions, found) in [
            (b"\0\x02\x01a\0\x02\x01b\0\x02\x01c\0\x02\x01d".to_vec(), "found 4 of 4 bytes"),
            ([long, longer].concat(), "found 2 of 120 bytes"),
        ] {
            let mut greedy = joined(net, &address, "SUB");
            greedy.write_all(&subscriptions).unwrap();
            let refused = net.await_event(publisher, |event| match event {
                Event::Refused(error) => Some(error.to_string()),
                _ => None,
            });
            assert!(refused.contains(found), "{refused}");
            net.await_end(&mut greedy);
        }
        // As many as may be, again and again, are no more than that.
        let mut subscriber = joined(net, &address, "SUB");
        subscriber.write_all(&b"\0\x02\x01a\0\x02\x01b\0\x02\x01c\0\x02\0c".repeat(10)).unwrap();
        net.turn_often();
        assert_eq!(net.peers(publisher), 1);
    });
}

#[test]
fn a_message_of_too_many_parts_is_refused_though_they_are_empty() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, Options::new().max_part_count(3));
        let address = net.bind(pull);
        let mut push = joined(net, &address, "PUSH");
        push.write_all(b"\x01\0\x01\0\0\0").unwrap();
        assert_eq!(net.recv(pull).part_count(), 3);
        push.write_all(b"\x01\0\x01\0\x01\0\x01\0").unwrap();
        let refused = net.await_event(pull, |event| match event {
            Event::Refused(error) => Some(error.to_string()),
            _ => None,
        });
        assert_eq!(refused, "expected a message of at most 3 parts, found one of more");
        net.await_end(&mut push);
    });
}
