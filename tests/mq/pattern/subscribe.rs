//! The table of `Sub`.

use ringmq::mq::pattern::{Arrival, Dropped, NotReceived, NotSent, Pattern, Sub};
use ringmq::mq::SocketType;

use super::{gives_nothing, outlives_its_peer, parts, queue, refuses, take_turns, texts, with, A, B, C};

fn subscribed(prefixes: &[&str]) -> Sub {
    let mut subscriber = with(Sub::new(), [A, B, C]);
    for prefix in prefixes {
        subscriber.subscribe(prefix.as_bytes());
    }
    subscriber
}

#[test]
fn the_peers_are_told_of_the_first_subscription_to_a_prefix() {
    let mut subscriber = Sub::new();
    for prefix in ["news", "", "new", "newspaper"] {
        let answers = [(); 3].map(|()| subscriber.subscribe(prefix.as_bytes()));
        assert_eq!(answers, [true, false, false], "{prefix:?}");
    }
}

#[test]
fn the_peers_are_told_when_the_last_subscription_ends() {
    let mut subscriber = subscribed(&["news", "news", "news", "new"]);
    assert_eq!([(); 4].map(|()| subscriber.unsubscribe(b"news")), [false, false, true, false]);
    assert_eq!(subscriber.arrived(A, "news".into()), Arrival::Queued);
    assert!(subscriber.unsubscribe(b"new"));
    assert_eq!(subscriber.arrived(A, "news".into()), Arrival::Dropped(Dropped::NotSubscribed));
    assert!(subscriber.subscribe(b"news"));
}

#[test]
fn what_was_not_subscribed_to_does_not_end() {
    let mut subscriber = subscribed(&["news"]);
    for prefix in ["", "new", "newspaper"] {
        assert!(!subscriber.unsubscribe(prefix.as_bytes()));
    }
    queue(&mut subscriber, A, "newspaper");
}

#[test]
fn who_joins_is_to_be_told_each_prefix_once() {
    let mut subscriber = subscribed(&["news", "", "news", "sports", "a"]);
    subscriber.unsubscribe(b"a");
    assert_eq!(subscriber.prefixes().collect::<Vec<_>>(), [&b""[..], b"news", b"sports"]);
}

#[test]
fn what_is_subscribed_to_is_received() {
    let mut subscriber = subscribed(&["news"]);
    for message in [parts(["news"]), parts(["newspaper"]), parts(["news", "", "body"])] {
        queue(&mut subscriber, A, message.clone());
        assert_eq!(subscriber.waiting(A), (1, message.len()));
        assert_eq!(subscriber.recv(), Ok((A, message)));
    }
    subscriber.subscribe(b"");
    queue(&mut subscriber, A, "");
    assert_eq!(subscriber.recv(), Ok((A, "".into())));
}

#[test]
fn what_is_not_subscribed_to_is_dropped() {
    let all = [parts([""]), parts(["new"]), parts(["sports"]), parts(["sports", "news"]), parts(["newt"])];
    for prefixes in [&[][..], &["news"], &["news", "news.a", "newspaper", "newt.a", "t"]] {
        let mut subscriber = subscribed(prefixes);
        for message in all.clone() {
            assert_eq!(subscriber.arrived(A, message), Arrival::Dropped(Dropped::NotSubscribed));
        }
        gives_nothing(&mut subscriber, NotReceived::Empty);
    }
}

/// Prefixes that are before the topic in order, and between it and the one that fits.
#[test]
fn a_prefix_is_found_among_others() {
    let mut subscriber = subscribed(&["a", "abc", "abcd", "abca", "abb", "abbzz", "aa"]);
    for topic in ["abx", "abcczz", "abbzy", "az", "abcd1"] {
        queue(&mut subscriber, A, topic);
    }
    subscriber.unsubscribe(b"a");
    for topic in ["abx", "ab", "az", "abazz"] {
        assert_eq!(subscriber.arrived(A, topic.into()), Arrival::Dropped(Dropped::NotSubscribed), "{topic}");
    }
    for topic in ["abcczz", "abbzy", "aaz", "abcd1"] {
        queue(&mut subscriber, A, topic);
    }
}

#[test]
fn what_has_arrived_is_received() {
    let mut subscriber = subscribed(&["news"]);
    queue(&mut subscriber, A, "news");
    assert!(subscriber.unsubscribe(b"news"));
    assert_eq!(subscriber.recv(), Ok((A, "news".into())));
}

#[test]
fn peers_with_messages_take_turns() {
    take_turns(&mut subscribed(&[""]), |text| text.into(), |text| text.into());
}

#[test]
fn nothing_is_received_of_nothing() {
    gives_nothing(&mut subscribed(&[""]), NotReceived::Empty);
}

#[test]
fn who_left_is_received_from_to_its_end() {
    let mut subscriber = subscribed(&[""]);
    outlives_its_peer(&mut subscriber);
    assert_eq!(texts(&mut subscriber), "a1 b1 another a2");
}

#[test]
fn nothing_is_sent() {
    let mut subscriber = subscribed(&[""]);
    assert!(!subscriber.can_send());
    refuses(&mut subscriber, "m", NotSent::Unsupported(SocketType::Sub));
}
