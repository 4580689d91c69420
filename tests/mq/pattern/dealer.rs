//! The table of `Dealer`.

use ringmq::mq::pattern::{Dealer, Delivery, NotReceived, NotSent, Pattern, Recipients};

use super::{
    gives_nothing, outlives_its_peer, parts, queue, refuses, sent, take_turns, texts, with, A, B, C,
};

#[test]
fn messages_go_to_peers_with_room_in_turn_as_they_are() {
    let mut dealer = with(Dealer::new(), [A, B, C]);
    dealer.set_room(B, false);
    let message = parts(["", "a body"]);
    for peer in [A, C, A] {
        let expected = Delivery { message: message.clone(), to: Recipients::One(peer) };
        assert_eq!(dealer.send(message.clone()), Ok(expected));
    }
}

#[test]
fn without_room_the_message_comes_back() {
    let mut dealer = with(Dealer::new(), [A, B]);
    dealer.set_room(A, false);
    assert!(dealer.can_send());
    dealer.set_room(B, false);
    assert!(!dealer.can_send());
    refuses(&mut dealer, parts(["", "m"]), NotSent::NoRoom);
    dealer.set_room(B, true);
    assert_eq!(sent(&mut dealer, "m"), B);
}

#[test]
fn without_peers_the_message_comes_back() {
    let mut dealer = with(Dealer::new(), [A]);
    dealer.left(A);
    assert!(!dealer.can_send());
    refuses(&mut dealer, parts(["", "m"]), NotSent::NoPeer);
}

#[test]
fn what_arrives_is_received_as_it_is() {
    let mut dealer = with(Dealer::new(), [A]);
    for message in [parts(["", "a reply"]), parts([""]), parts(["one", "two", ""])] {
        queue(&mut dealer, A, message.clone());
        assert_eq!(dealer.waiting(A), (1, message.len()));
        assert_eq!(dealer.recv(), Ok((A, message)));
    }
}

#[test]
fn peers_with_messages_take_turns() {
    take_turns(&mut with(Dealer::new(), [A, B, C]), |text| text.into(), |text| text.into());
}

#[test]
fn nothing_is_received_of_nothing() {
    gives_nothing(&mut with(Dealer::new(), [A]), NotReceived::Empty);
}

#[test]
fn who_left_is_received_from_to_its_end() {
    let mut dealer = with(Dealer::new(), [A, B]);
    outlives_its_peer(&mut dealer);
    dealer.left(A);
    assert_eq!([(); 2].map(|()| sent(&mut dealer, "m")), [B, B]);
    assert_eq!(texts(&mut dealer), "a1 b1 another a2");
}
