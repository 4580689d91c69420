//! The table of `Router`.

use ringmq::mq::pattern::{
    Arrival, Delivery, Dropped, IdentityInUse, NotReceived, NotSent, Pattern, Peer, Recipients, Router,
};
use ringmq::mq::{Message, Part};

use super::{drain, gives_nothing, outlives_its_peer, parts, queue, refuses, take_turns, with, A, B, C};

/// `A` is called `a`, `B` is called `b`, and so on.
fn named(mut router: Router, peers: impl IntoIterator<Item = Peer>) -> Router {
    for peer in peers {
        router.joined(peer, name(peer).as_bytes()).expect("a name of its own");
    }
    router
}

fn name(peer: Peer) -> &'static str {
    match peer {
        A => "a",
        B => "b",
        _ => "c",
    }
}

fn to(router: &mut Router, message: Message) -> Recipients {
    router.send(message).expect("it is taken").to
}

#[test]
fn a_peer_is_called_what_it_calls_itself() {
    let long = "x".repeat(255);
    let mut router = Router::new();
    for (peer, name) in [(A, "a"), (B, "\0\0\0\0\x01"), (C, &long)] {
        assert_eq!(router.joined(peer, name.as_bytes()), Ok(()));
        assert_eq!(router.name(peer), Some(name.as_bytes()));
        queue(&mut router, peer, "m");
        assert_eq!(router.recv(), Ok((peer, parts([name, "m"]))));
        assert_eq!(to(&mut router, parts([name, "m"])), Recipients::One(peer));
    }
}

#[test]
fn who_has_no_name_is_given_one() {
    let mut router = with(Router::new(), [A]);
    let [first, second] = [A, B].map(|peer| {
        router.left(A);
        router.joined(peer, b"").expect("a name of its own");
        queue(&mut router, peer, "m");
        let (_, mut message) = router.recv().expect("a message");
        let name = message.pop_front().expect("a name before it");
        assert_eq!(router.name(peer), Some(&name[..]));
        assert_eq!((name.len(), name[0]), (5, 0));
        name
    });
    assert_ne!(first, second);
    assert_eq!(to(&mut router, parts([second, "m".into()])), Recipients::One(B));
    assert_eq!(to(&mut router, parts([first, "m".into()])), Recipients::Nobody(Dropped::NoRoute));
}

#[test]
fn no_name_is_given_that_a_peer_has_for_itself() {
    let mut router = Router::new();
    for number in 1..4_u32 {
        let name = [&[0][..], &number.to_be_bytes()].concat();
        router.joined(Peer(number), &name).expect("a name of its own");
    }
    router = with(router, [A, B]);
    let names = [Peer(1), Peer(2), Peer(3), A, B].map(|peer| router.name(peer).map(<[u8]>::to_vec));
    let distinct = names.iter().flatten().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn a_name_in_use_is_refused() {
    let mut router = named(Router::new(), [A]);
    assert_eq!(router.joined(B, b"a"), Err(IdentityInUse));
    assert_eq!((router.name(B), router.displaced()), (None, None));
    assert_eq!(router.arrived(B, "m".into()), Arrival::Dropped(Dropped::PeerLeft));
    router.set_room(B, false);
    router.left(B);
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::One(A));
    router.left(A);
    assert_eq!(router.joined(B, b"a"), Ok(()));
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::One(B));
}

#[test]
fn a_name_is_handed_over() {
    let mut router = named(Router::new().handover(), [A]);
    queue(&mut router, A, "before");
    router.set_room(A, false);
    assert_eq!(router.joined(B, b"a"), Ok(()));
    assert_eq!((router.displaced(), router.name(A), router.name(B)), (Some(A), None, Some(&b"a"[..])));
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::One(B));
    assert_eq!(router.arrived(A, "late".into()), Arrival::Dropped(Dropped::PeerLeft));
    router.set_room(A, false);
    router.left(A);
    queue(&mut router, B, "after");
    assert_eq!(drain(&mut router), [(A, parts(["a", "before"])), (B, parts(["a", "after"]))]);
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::One(B));
    router.joined(C, b"c").expect("a name of its own");
    assert_eq!(router.displaced(), None);
}

#[test]
fn what_arrives_is_received_behind_its_peers_name() {
    let mut router = named(Router::new(), [A, B]);
    queue(&mut router, B, parts(["", "body"]));
    assert_eq!(router.waiting(B), (1, 4));
    assert_eq!(router.recv(), Ok((B, parts(["b", "", "body"]))));
}

#[test]
fn peers_with_messages_take_turns() {
    take_turns(
        &mut named(Router::new(), [A, B, C]),
        |text| text.into(),
        // "a1" is of the peer that is called "a".
        |text| parts([&text[..1], text]),
    );
}

#[test]
fn nothing_is_received_of_nothing() {
    gives_nothing(&mut named(Router::new(), [A]), NotReceived::Empty);
}

#[test]
fn who_left_is_received_from_to_its_end() {
    let mut router = named(Router::new(), [A, B]);
    outlives_its_peer(&mut router);
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::Nobody(Dropped::NoRoute));
    let new = router.name(A).map(Part::from).expect("a name that was given");
    let expected = [
        (A, parts(["a", "a1"])),
        (B, parts(["b", "b1"])),
        (A, parts([new, "another".into()])),
        (A, parts(["a", "a2"])),
    ];
    assert_eq!(drain(&mut router), expected);
}

#[test]
fn a_message_goes_to_the_peer_that_its_first_part_names() {
    let mut router = named(Router::new(), [A, B]);
    for (peer, body) in [(B, vec!["", "body"]), (A, vec![""]), (B, vec!["one", "two", "three"])] {
        let body = parts(body);
        let mut message = body.clone();
        message.push_front(name(peer));
        assert_eq!(router.send(message), Ok(Delivery { message: body, to: Recipients::One(peer) }));
    }
}

#[test]
fn a_message_that_finds_no_room_is_dropped() {
    let mut router = named(Router::new(), [A, B]);
    router.set_room(A, false);
    assert!(router.can_send());
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::Nobody(Dropped::NoRoom));
    assert_eq!(to(&mut router, parts(["b", "m"])), Recipients::One(B));
    router.set_room(B, false);
    router.set_room(B, false);
    assert!(!router.can_send());
    router.left(B);
    assert!(!router.can_send());
    router.set_room(A, true);
    router.set_room(A, true);
    assert!(router.can_send());
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::One(A));
    router.left(A);
    assert!(!router.can_send());
}

#[test]
fn a_message_for_a_stranger_is_dropped() {
    let mut router = named(Router::new(), [A]);
    for stranger in ["b", "", "aa"] {
        assert_eq!(to(&mut router, parts([stranger, "m"])), Recipients::Nobody(Dropped::NoRoute));
    }
}

#[test]
fn a_mandatory_message_comes_back() {
    let mut router = named(Router::new().mandatory(), [A]);
    refuses(&mut router, parts(["b", "m"]), NotSent::NoPeer);
    router.set_room(A, false);
    refuses(&mut router, parts(["a", "m"]), NotSent::NoRoom);
    router.set_room(A, true);
    assert_eq!(to(&mut router, parts(["a", "m"])), Recipients::One(A));
}

#[test]
fn a_name_alone_is_no_message() {
    let mut router = named(Router::new(), [A]);
    refuses(&mut router, "a", NotSent::NothingToRoute);
    refuses(&mut router, "b", NotSent::NothingToRoute);
}
