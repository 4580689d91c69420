//! What each type of socket does with its messages: a test for each row of the machines' tables (`tables.rs` sees to that), and random
//! histories against plain models (`random`).

mod dealer;
mod fair_queue;
mod prefixes;
mod publish;
mod pull;
mod push;
mod random;
mod rep;
mod req;
mod round_robin;
mod router;
mod subscribe;
mod tables;

use ringmq::mq::pattern::{Arrival, Delivery, NotReceived, NotSent, Pattern, Peer, Recipients};
use ringmq::mq::{Message, Part};

const A: Peer = Peer(10);
const B: Peer = Peer(11);
const C: Peer = Peer(12);

/// A message of these parts.
fn parts<P: Into<Part>>(parts: impl IntoIterator<Item = P>) -> Message {
    Message::from_parts(parts).expect("a part at least")
}

/// The machine with these peers, which have no name.
fn with<M: Pattern>(mut machine: M, peers: impl IntoIterator<Item = Peer>) -> M {
    for peer in peers {
        machine.joined(peer, b"").expect("no name to be in use");
    }
    machine
}

/// Has the message arrive, and wait.
fn queue(machine: &mut impl Pattern, peer: Peer, message: impl Into<Message>) {
    assert_eq!(machine.arrived(peer, message.into()), Arrival::Queued);
}

/// All that waits, in order.
fn drain(machine: &mut impl Pattern) -> Vec<(Peer, Message)> {
    std::iter::from_fn(|| {
        let could = machine.can_recv();
        let received = machine.recv().ok();
        assert_eq!(could, received.is_some(), "what can_recv said");
        received
    })
    .collect()
}

/// What `drain` gives, for messages of one part that say whose they are.
fn texts(machine: &mut impl Pattern) -> String {
    let texts = drain(machine).into_iter().map(|(_, message)| message.into_vec());
    String::from_utf8(texts.collect::<Vec<_>>().join(&b' ')).expect("text")
}

/// To whom the message goes, which is one.
fn sent(machine: &mut impl Pattern, message: impl Into<Message>) -> Peer {
    match machine.send(message.into()) {
        Ok(Delivery { to: Recipients::One(peer), .. }) => peer,
        other => panic!("expected one recipient, found {other:?}"),
    }
}

/// Sending is refused for this reason, the message comes back as it was, and nothing else has changed.
fn refuses(machine: &mut impl Pattern, message: impl Into<Message>, why: NotSent) {
    let message = message.into();
    for _ in 0..2 {
        assert_eq!(machine.send(message.clone()), Err((why.clone(), message.clone())));
    }
}

/// So is receiving.
fn gives_nothing(machine: &mut impl Pattern, why: NotReceived) {
    assert!(!machine.can_recv());
    for _ in 0..2 {
        assert_eq!(machine.recv(), Err(why));
    }
}

/// Three peers with two messages each, and what is before each when it is received.
fn take_turns(
    machine: &mut impl Pattern,
    arrives: impl Fn(&str) -> Message,
    is_received: impl Fn(&str) -> Message,
) {
    for (peer, texts) in [(A, ["a1", "a2"]), (B, ["b1", "b2"]), (C, ["c1", "c2"])] {
        for text in texts {
            queue(machine, peer, arrives(text));
        }
        assert_eq!(machine.waiting(peer).0, 2);
    }
    let turns = ["a1", "b1", "c1", "a2", "b2", "c2"].map(is_received);
    assert_eq!(drain(machine), [A, B, C, A, B, C].into_iter().zip(turns).collect::<Vec<_>>());
    assert_eq!([A, B, C].map(|peer| machine.waiting(peer)), [(0, 0); 3]);
}

/// What a peer sent before it left is received, though another has its number, and what comes after is dropped.
fn outlives_its_peer(machine: &mut impl Pattern) {
    queue(machine, A, "a1");
    queue(machine, A, "a2");
    queue(machine, B, "b1");
    machine.left(A);
    assert_eq!(machine.waiting(A), (2, 4));
    assert_eq!(machine.arrived(A, "late".into()), Arrival::Dropped(ringmq::mq::pattern::Dropped::PeerLeft));
    machine.joined(A, b"").expect("no name to be in use");
    assert_eq!(machine.waiting(A), (0, 0));
    queue(machine, A, "another");
    assert_eq!(machine.waiting(A), (1, 7));
}
