//! The table of `Pub`.

use ringmq::mq::pattern::{Arrival, Dropped, NotReceived, Pattern, Peer, Pub, Recipients};
use ringmq::mq::{Message, SocketType};

use super::{gives_nothing, parts, with, A, B, C};

/// To whom it goes, in order of their numbers.
fn publish(publisher: &mut Pub, message: impl Into<Message>) -> Result<Vec<Peer>, Dropped> {
    assert!(publisher.can_send());
    let message = message.into();
    let delivery = publisher.send(message.clone()).expect("a PUB always sends");
    assert_eq!(delivery.message, message);
    match delivery.to {
        Recipients::One(peer) => Ok(vec![peer]),
        Recipients::Many(mut peers) => {
            assert!(peers.len() > 1);
            peers.sort();
            Ok(peers)
        }
        Recipients::Nobody(why) => Err(why),
    }
}

fn subscribed(subscriptions: &[(Peer, &str)]) -> Pub {
    let mut publisher = with(Pub::new(), [A, B, C]);
    for (peer, prefix) in subscriptions {
        publisher.subscribed(*peer, prefix.as_bytes(), true);
    }
    publisher
}

#[test]
fn a_subscriber_gets_what_begins_with_its_prefix() {
    let mut publisher = subscribed(&[(A, "news")]);
    for topic in ["news", "news and more"] {
        assert_eq!(publish(&mut publisher, topic), Ok(vec![A]));
        // It is the first part that counts, and all of them are sent.
        assert_eq!(publish(&mut publisher, parts([topic, "body"])), Ok(vec![A]));
    }
    for other in [parts(["new"]), parts([""]), parts(["sports", "news"]), parts(["new", "s"])] {
        assert_eq!(publish(&mut publisher, other), Err(Dropped::NoSubscriber));
    }
    publisher.subscribed(B, b"", true);
    assert_eq!(publish(&mut publisher, ""), Ok(vec![B]));
    assert_eq!(publish(&mut publisher, "anything"), Ok(vec![B]));
}

#[test]
fn one_end_ends_any_number_of_subscriptions() {
    let mut publisher = subscribed(&[(A, "news"), (A, "news"), (A, "news"), (B, "news")]);
    assert_eq!(publisher.subscriptions(A), (1, 4));
    publisher.subscribed(A, b"news", false);
    assert_eq!((publisher.subscriptions(A), publisher.subscriptions(B)), ((0, 0), (1, 4)));
    assert_eq!(publish(&mut publisher, "news"), Ok(vec![B]));
    publisher.subscribed(A, b"news", false);
    publisher.subscribed(B, b"new", false);
    assert_eq!(publish(&mut publisher, "news"), Ok(vec![B]));
}

#[test]
fn who_is_not_there_subscribes_to_nothing() {
    let mut publisher = with(Pub::new(), [A]);
    publisher.subscribed(B, b"", true);
    assert_eq!(publisher.arrived(B, b"\x01".into()), Arrival::Dropped(Dropped::PeerLeft));
    assert_eq!(publisher.subscriptions(B), (0, 0));
    assert_eq!(publish(&mut publisher, "news"), Err(Dropped::NoSubscriber));
    // Nor does who has its number after it.
    publisher = with(publisher, [B]);
    assert_eq!(publish(&mut publisher, "news"), Err(Dropped::NoSubscriber));
}

#[test]
fn subscriptions_come_as_messages_too() {
    let mut publisher = with(Pub::new(), [A, B]);
    assert_eq!(publisher.arrived(A, b"\x01news".into()), Arrival::Taken);
    assert_eq!(publisher.arrived(B, b"\x01".into()), Arrival::Taken);
    assert_eq!(publish(&mut publisher, "news"), Ok(vec![A, B]));
    assert_eq!(publisher.arrived(B, b"\x00".into()), Arrival::Taken);
    assert_eq!(publish(&mut publisher, "news"), Ok(vec![A]));
    // Either form ends what the other one began.
    publisher.subscribed(A, b"news", false);
    publisher.subscribed(B, b"news", true);
    assert_eq!(publisher.arrived(B, b"\x00news".into()), Arrival::Taken);
    assert_eq!(publish(&mut publisher, "news"), Err(Dropped::NoSubscriber));
    assert_eq!(publisher.waiting(A), (0, 0));
}

#[test]
fn what_is_no_subscription_is_dropped() {
    let mut publisher = with(Pub::new(), [A]);
    for message in [parts([""]), parts(["\x02news"]), parts(["\x01news", ""]), parts(["news"])] {
        assert_eq!(publisher.arrived(A, message), Arrival::Dropped(Dropped::Unexpected));
    }
    assert_eq!(publisher.subscriptions(A), (0, 0));
}

#[test]
fn a_message_goes_once_to_each_of_its_subscribers() {
    let mut publisher = subscribed(&[(A, ""), (A, "n"), (A, "news"), (B, "ne"), (B, "news"), (C, "sports")]);
    assert_eq!(publish(&mut publisher, "news"), Ok(vec![A, B]));
    assert_eq!(publish(&mut publisher, "sports"), Ok(vec![A, C]));
    assert_eq!(publisher.take_missed(), 0);
}

#[test]
fn who_has_no_room_misses_the_message_and_is_counted() {
    let mut publisher = subscribed(&[(A, ""), (B, ""), (C, "")]);
    publisher.set_room(A, false);
    assert_eq!(publish(&mut publisher, "one"), Ok(vec![B, C]));
    publisher.set_room(C, false);
    assert_eq!(publish(&mut publisher, "two"), Ok(vec![B]));
    assert_eq!((publisher.take_missed(), publisher.take_missed()), (3, 0));
    publisher.set_room(A, true);
    publisher.set_room(C, true);
    assert_eq!(publish(&mut publisher, "three"), Ok(vec![A, B, C]));
    // What is said of a peer is of that one alone, and of one that is not there nothing is noted.
    publisher.set_room(A, false);
    publisher.left(A);
    publisher.set_room(A, false);
    let mut publisher = with(publisher, [A]);
    publisher.subscribed(A, b"", true);
    assert_eq!(publish(&mut publisher, "four"), Ok(vec![A, B, C]));
    assert_eq!(publisher.take_missed(), 0);
}

#[test]
fn a_message_for_which_nobody_has_room_is_dropped() {
    let mut publisher = subscribed(&[(A, ""), (B, "news")]);
    for peer in [A, B] {
        publisher.set_room(peer, false);
    }
    assert_eq!(publish(&mut publisher, "news"), Err(Dropped::NoRoom));
    assert_eq!(publisher.take_missed(), 2);
}

#[test]
fn what_nobody_subscribed_to_is_dropped() {
    assert_eq!(publish(&mut Pub::new(), "news"), Err(Dropped::NoSubscriber));
    let mut publisher = subscribed(&[(A, "sports")]);
    publisher.set_room(A, false);
    assert_eq!(publish(&mut publisher, "news"), Err(Dropped::NoSubscriber));
    assert_eq!(publisher.take_missed(), 0);
}

#[test]
fn the_subscriptions_of_who_left_are_gone() {
    let mut publisher = subscribed(&[(A, "news"), (A, ""), (B, "news")]);
    publisher.left(A);
    assert_eq!(publish(&mut publisher, "news"), Ok(vec![B]));
    let mut publisher = with(publisher, [A, B]);
    assert_eq!(publish(&mut publisher, "news"), Err(Dropped::NoSubscriber));
}

#[test]
fn who_has_left_takes_no_memory() {
    let mut publisher = subscribed(&[(A, "news")]);
    let mut come_and_go = |numbers: std::ops::Range<u32>| {
        for peer in numbers.map(Peer) {
            publisher.joined(peer, b"").expect("no name to be in use");
            publisher.subscribed(peer, b"news", true);
            publisher.subscribed(peer, &peer.0.to_be_bytes(), true);
            publisher.set_room(peer, false);
            publisher.left(peer);
            publisher.set_room(peer, false);
            publisher.subscribed(peer, b"news", true);
        }
    };
    come_and_go(100..120);
    let taken = allocation_counter::measure(|| come_and_go(200..1200));
    assert!(taken.count_total > 0, "counts nothing");
    assert_eq!((taken.bytes_current, taken.count_current), (0, 0));
}

#[test]
fn nothing_is_received() {
    let mut publisher = with(Pub::new(), [A]);
    publisher.arrived(A, "news".into());
    gives_nothing(&mut publisher, NotReceived::Unsupported(SocketType::Pub));
}
