//! The table of `Push`.

use ringmq::mq::pattern::{Arrival, Dropped, NotReceived, NotSent, Pattern, Push};
use ringmq::mq::SocketType;

use super::{gives_nothing, refuses, sent, with, A, B, C};

#[test]
fn messages_go_to_peers_with_room_in_turn() {
    let mut push = with(Push::new(), [A, B, C]);
    assert_eq!([(); 4].map(|()| sent(&mut push, "m")), [A, B, C, A]);
    push.set_room(C, false);
    assert_eq!([(); 3].map(|()| sent(&mut push, "m")), [B, A, B]);
    push.set_room(C, true);
    push.left(B);
    assert_eq!([(); 3].map(|()| sent(&mut push, "m")), [A, C, A]);
}

#[test]
fn without_room_the_message_comes_back() {
    let mut push = with(Push::new(), [A]);
    push.set_room(A, false);
    assert!(!push.can_send());
    refuses(&mut push, "m", NotSent::NoRoom);
    push.set_room(A, true);
    assert!(push.can_send());
    assert_eq!(sent(&mut push, "m"), A);
}

#[test]
fn without_peers_the_message_comes_back() {
    let mut push = Push::new();
    assert!(!push.can_send());
    refuses(&mut push, "m", NotSent::NoPeer);
    push = with(push, [A]);
    push.left(A);
    assert!(!push.can_send());
    refuses(&mut push, "m", NotSent::NoPeer);
}

#[test]
fn nothing_is_received() {
    gives_nothing(&mut with(Push::new(), [A]), NotReceived::Unsupported(SocketType::Push));
}

#[test]
fn what_arrives_is_dropped() {
    let mut push = with(Push::new(), [A]);
    assert_eq!(push.arrived(A, "m".into()), Arrival::Dropped(Dropped::Unexpected));
    assert_eq!(push.waiting(A), (0, 0));
}
