//! The table of `FairQueue`.

use ringmq::mq::pattern::{Arrival, Dropped, FairQueue, Peer};
use ringmq::mq::Message;

use super::{A, B, C};

fn with(peers: impl IntoIterator<Item = Peer>) -> FairQueue<&'static str> {
    let mut queue = FairQueue::new();
    for peer in peers {
        queue.joined(peer, "first");
    }
    queue
}

fn push(queue: &mut FairQueue<&'static str>, messages: &[(Peer, &'static str)]) {
    for (peer, text) in messages {
        assert_eq!(queue.push(*peer, Message::from(*text)), Arrival::Queued);
    }
}

fn pop(queue: &mut FairQueue<&'static str>) -> Option<String> {
    let taken = queue.pop()?;
    Some(String::from_utf8(taken.message.into_vec()).expect("text"))
}

fn drain(queue: &mut FairQueue<&'static str>) -> String {
    std::iter::from_fn(|| pop(queue)).collect::<Vec<_>>().join(" ")
}

#[test]
fn peers_are_served_in_the_order_in_which_they_came_to_have_a_message() {
    let mut queue = with([A, B, C]);
    push(&mut queue, &[(C, "c1"), (A, "a1"), (B, "b1")]);
    assert_eq!(pop(&mut queue), Some("c1".into()));
    push(&mut queue, &[(C, "c2")]);
    assert_eq!(drain(&mut queue), "a1 b1 c2");
    assert!(queue.is_empty());
}

#[test]
fn two_that_have_many_alternate() {
    let mut queue = with([A, B]);
    push(&mut queue, &[(A, "a1"), (A, "a2"), (A, "a3"), (A, "a4"), (B, "b1"), (B, "b2"), (B, "b3")]);
    assert_eq!(queue.waiting(A), (4, 8));
    assert_eq!(drain(&mut queue), "a1 b1 a2 b2 a3 b3 a4");
}

#[test]
fn what_comes_from_nobody_is_dropped() {
    let mut queue = with([A]);
    assert_eq!(queue.push(B, "b1".into()), Arrival::Dropped(Dropped::PeerLeft));
    push(&mut queue, &[(A, "a1")]);
    queue.left(A);
    assert!(!queue.contains(A));
    assert_eq!(queue.push(A, "a2".into()), Arrival::Dropped(Dropped::PeerLeft));
    assert_eq!(drain(&mut queue), "a1");
}

#[test]
fn a_flood_keeps_nobody_waiting_for_more_than_a_round() {
    let quiet: Vec<Peer> = (0..9).map(Peer).collect();
    let mut queue = with(quiet.iter().copied().chain([A]));
    push(&mut queue, &[(A, "flood"); 100]);
    for _ in 0..5 {
        for &peer in &quiet {
            push(&mut queue, &[(peer, "quiet")]);
            push(&mut queue, &[(A, "flood"); 100]);
        }
        let round: Vec<_> = (0..10).filter_map(|_| pop(&mut queue)).collect();
        assert_eq!(round.iter().filter(|text| *text == "quiet").count(), 9);
    }
}

#[test]
fn who_left_keeps_its_turn_and_its_messages() {
    let mut queue = with([A, B, C]);
    push(&mut queue, &[(A, "a1"), (B, "b1"), (C, "c1"), (A, "a2"), (B, "b2"), (C, "c2")]);
    queue.left(B);
    assert_eq!(queue.waiting(B), (2, 4));
    let there: Vec<_> =
        std::iter::from_fn(|| queue.pop()).map(|taken| (taken.peer, taken.is_there)).collect();
    assert_eq!(there, [(A, true), (B, false), (C, true), (A, true), (B, false), (C, true)]);
    assert_eq!(queue.waiting(B), (0, 0));
}

#[test]
fn a_number_that_is_used_again_is_another_peer() {
    let mut queue = with([A, B]);
    push(&mut queue, &[(A, "a1"), (A, "a2"), (B, "b1")]);
    queue.left(A);
    queue.joined(A, "second");
    assert!(queue.contains(A));
    push(&mut queue, &[(A, "a3")]);
    // That it has left goes without saying.
    queue.joined(A, "third");
    push(&mut queue, &[(A, "a4"), (A, "a5")]);
    assert_eq!(queue.waiting(A), (2, 4));
    let taken = std::iter::from_fn(|| queue.pop());
    let labels: Vec<_> =
        taken.filter(|taken| taken.peer == A).map(|taken| (taken.label, taken.is_there)).collect();
    assert_eq!(
        labels,
        [("first", false), ("second", false), ("third", true), ("first", false), ("third", true)]
    );
    assert!(queue.contains(A));
}

#[test]
fn what_was_left_behind_is_counted_until_it_is_taken() {
    let mut queue = with([A, B]);
    push(&mut queue, &[(A, "a1"), (A, "a2!"), (B, "b1")]);
    assert_eq!(queue.left_behind(), (0, 0));
    queue.left(A);
    queue.left(A);
    assert_eq!(queue.left_behind(), (2, 5));
    queue.joined(A, "second");
    push(&mut queue, &[(A, "a3")]);
    assert_eq!(queue.left_behind(), (2, 5));
    for left in [(1, 3), (1, 3), (1, 3), (0, 0)] {
        assert!(pop(&mut queue).is_some());
        assert_eq!(queue.left_behind(), left);
    }
    assert!(queue.is_empty());
}

#[test]
fn who_has_been_received_from_keeps_little_memory() {
    let mut queue = with([A]);
    let left_behind = allocation_counter::measure(|| {
        for _ in 0..1000 {
            push(&mut queue, &[(A, "a few bytes")]);
        }
        while queue.pop().is_some() {}
    });
    assert!(left_behind.bytes_current < 4096, "{} bytes", left_behind.bytes_current);
}
