//! The table of `Req`.

use ringmq::mq::pattern::{Arrival, Delivery, Dropped, NotReceived, NotSent, Pattern, Peer, Recipients, Req};
use ringmq::mq::{Message, Part};

use super::{gives_nothing, parts, queue, refuses, sent, with, A, B, C};

/// One that has asked `A`, and knows `B`.
fn asked() -> Req {
    let mut req = with(Req::new(), [A, B]);
    assert_eq!(sent(&mut req, "request"), A);
    req
}

fn reply(text: &str) -> Message {
    parts(["", text])
}

fn drops(req: &mut Req, peer: Peer, message: impl Into<Message>, why: Dropped) {
    assert_eq!(req.arrived(peer, message.into()), Arrival::Dropped(why));
}

/// It is still the turn of the reply of `A`.
fn still_waits(req: &mut Req) {
    gives_nothing(req, NotReceived::Empty);
    queue(req, A, reply("at last"));
    assert_eq!(req.recv(), Ok((A, "at last".into())));
}

#[test]
fn a_request_goes_to_the_next_peer_behind_an_empty_part() {
    let mut req = with(Req::new(), [A, B, C]);
    req.set_room(B, false);
    for peer in [A, C, A] {
        assert!(req.can_send());
        let expected = Delivery { message: parts(["", "one", "two"]), to: Recipients::One(peer) };
        assert_eq!(req.send(parts(["one", "two"])), Ok(expected));
        queue(&mut req, peer, reply("reply"));
        assert_eq!(req.recv(), Ok((peer, "reply".into())));
    }
}

#[test]
fn a_request_takes_a_peer_with_room() {
    let mut req = Req::new();
    assert!(!req.can_send());
    refuses(&mut req, "m", NotSent::NoPeer);
    req = with(req, [A]);
    req.set_room(A, false);
    assert!(!req.can_send());
    refuses(&mut req, "m", NotSent::NoRoom);
    gives_nothing(&mut req, NotReceived::OutOfTurn);
    req.set_room(A, true);
    assert_eq!(sent(&mut req, "m"), A);
}

#[test]
fn nothing_is_received_before_a_request() {
    gives_nothing(&mut with(Req::new(), [A]), NotReceived::OutOfTurn);
}

#[test]
fn what_nobody_asked_for_is_dropped() {
    let mut req = with(Req::new(), [A]);
    drops(&mut req, A, reply("news"), Dropped::Unasked);
    gives_nothing(&mut req, NotReceived::OutOfTurn);
    assert_eq!(sent(&mut req, "m"), A);
    gives_nothing(&mut req, NotReceived::Empty);
}

#[test]
fn a_second_request_is_out_of_turn() {
    let mut req = asked();
    assert!(!req.can_send());
    refuses(&mut req, "second", NotSent::OutOfTurn);
    still_waits(&mut req);
    // The refused ones have taken no turn.
    assert_eq!(sent(&mut req, "second"), B);
}

#[test]
fn a_reply_is_waited_for() {
    still_waits(&mut asked());
}

#[test]
fn the_reply_is_what_is_behind_the_empty_part() {
    for body in [vec!["reply"], vec![""], vec!["", "", "three"]] {
        let mut req = asked();
        let body = parts(body);
        let mut wire = body.clone();
        wire.push_front("");
        queue(&mut req, A, wire);
        assert_eq!((req.can_recv(), req.waiting(A), req.waiting(B)), (true, (1, body.len()), (0, 0)));
        assert_eq!(req.recv(), Ok((A, body)));
        assert_eq!(req.waiting(A), (0, 0));
    }
}

#[test]
fn a_reply_without_the_empty_part_is_dropped_and_a_right_one_taken() {
    let mut req = asked();
    for wrong in [parts(["reply"]), parts(["reply", ""]), parts([""])] {
        drops(&mut req, A, wrong, Dropped::NoDelimiter);
    }
    still_waits(&mut req);
}

#[test]
fn only_the_peer_that_was_asked_is_listened_to() {
    let mut req = asked();
    drops(&mut req, B, reply("from another"), Dropped::Unasked);
    drops(&mut req, C, reply("from nobody"), Dropped::Unasked);
    still_waits(&mut req);
}

#[test]
fn the_one_that_was_asked_leaves_and_it_is_said_once() {
    let mut req = asked();
    req.left(A);
    assert!(req.can_recv());
    assert_eq!(req.recv(), Err(NotReceived::PeerLeft));
    gives_nothing(&mut req, NotReceived::OutOfTurn);
    assert_eq!(sent(&mut req, "again"), B);
}

#[test]
fn another_one_that_leaves_changes_nothing() {
    let mut req = asked();
    req.left(B);
    still_waits(&mut req);
    assert_eq!(sent(&mut req, "again"), A);
}

#[test]
fn after_the_reply_another_request_may_be_sent() {
    let mut req = asked();
    still_waits(&mut req);
    gives_nothing(&mut req, NotReceived::OutOfTurn);
    assert!(req.can_send());
    assert_eq!(sent(&mut req, "second"), B);
}

#[test]
fn a_reply_is_received_before_the_next_request() {
    let mut req = asked();
    queue(&mut req, A, reply("reply"));
    assert!(!req.can_send());
    refuses(&mut req, "second", NotSent::OutOfTurn);
    assert_eq!(req.recv(), Ok((A, "reply".into())));
}

#[test]
fn a_second_reply_is_dropped() {
    let mut req = asked();
    queue(&mut req, A, reply("reply"));
    drops(&mut req, A, reply("another"), Dropped::Unasked);
    assert_eq!((req.waiting(A), req.recv()), ((1, 5), Ok((A, "reply".into()))));
    gives_nothing(&mut req, NotReceived::OutOfTurn);
}

#[test]
fn a_reply_outlives_who_sent_it() {
    let mut req = asked();
    queue(&mut req, A, reply("reply"));
    req.left(A);
    assert_eq!(req.waiting(A), (1, 5));
    // Another peer under its number has sent nothing.
    let mut req = with(req, [A]);
    assert_eq!(req.waiting(A), (0, 0));
    assert_eq!(req.recv(), Ok((A, "reply".into())));
    gives_nothing(&mut req, NotReceived::OutOfTurn);
}

#[test]
fn a_loss_is_heard_of_before_the_next_request() {
    let mut req = asked();
    req.left(A);
    assert!(!req.can_send());
    refuses(&mut req, "again", NotSent::OutOfTurn);
    assert_eq!(req.recv(), Err(NotReceived::PeerLeft));
}

#[test]
fn nobody_answers_for_who_left() {
    let mut req = asked();
    req.left(A);
    let mut req = with(req, [A]);
    drops(&mut req, A, reply("of another one of that number"), Dropped::Unasked);
    drops(&mut req, B, reply("of another one"), Dropped::Unasked);
    assert_eq!(req.recv(), Err(NotReceived::PeerLeft));
}

#[test]
fn a_number_that_is_used_again_without_a_word_is_another_peer() {
    let mut req = with(asked(), [A]);
    assert_eq!(req.recv(), Err(NotReceived::PeerLeft));
}

/// What a relaxed one sends: the peer, and the reply that it would take.
fn ask(req: &mut Req, text: &str) -> (Peer, Message) {
    let delivery = req.send(text.into()).expect("a peer with room");
    let number = delivery.message.first().clone();
    assert_eq!(number.len(), 4);
    assert_eq!(delivery.message, parts([number.clone(), Part::EMPTY, text.into()]));
    let reply = parts([number, Part::EMPTY, Part::from(format!("to {text}"))]);
    match delivery.to {
        Recipients::One(peer) => (peer, reply),
        to => panic!("expected one recipient, found {to:?}"),
    }
}

#[test]
fn a_relaxed_one_may_ask_again() {
    let mut req = with(Req::new().relaxed(), [A, B]);
    let _given_up = ask(&mut req, "first");
    assert!(req.can_send());
    let (peer, reply) = ask(&mut req, "second");
    queue(&mut req, peer, reply);
    assert!(req.can_send());
    let (peer, _) = ask(&mut req, "third");
    gives_nothing(&mut req, NotReceived::Empty);
    req.left(peer);
    let (peer, reply) = ask(&mut req, "fourth");
    queue(&mut req, peer, reply);
    assert_eq!(req.recv(), Ok((peer, "to fourth".into())));
    gives_nothing(&mut req, NotReceived::OutOfTurn);
    req.left(peer);
    refuses(&mut req, "fifth", NotSent::NoPeer);
}

#[test]
fn a_late_reply_to_a_request_that_was_given_up_is_dropped() {
    let mut req = with(Req::new().relaxed(), [A]);
    let (_, late) = ask(&mut req, "first");
    let (_, right) = ask(&mut req, "second");
    drops(&mut req, A, late, Dropped::Unasked);
    drops(&mut req, A, reply("without a number"), Dropped::Unasked);
    let number = right.first().clone();
    drops(&mut req, A, number.clone(), Dropped::NoDelimiter);
    drops(&mut req, A, parts([number.clone(), Part::EMPTY]), Dropped::NoDelimiter);
    drops(&mut req, A, parts([number, "body".into()]), Dropped::NoDelimiter);
    queue(&mut req, A, right);
    assert_eq!(req.recv(), Ok((A, "to second".into())));
}

#[test]
fn a_correlated_one_that_is_not_relaxed_waits() {
    let mut req = with(Req::new().correlated(), [A]);
    let (_, first) = ask(&mut req, "first");
    refuses(&mut req, "second", NotSent::OutOfTurn);
    queue(&mut req, A, first);
    assert_eq!(req.recv(), Ok((A, "to first".into())));
}
