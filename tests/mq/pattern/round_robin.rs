//! The table of `RoundRobin`.

use ringmq::mq::pattern::{NotSent, Peer, RoundRobin};

use super::{A, B, C};

fn with(peers: impl IntoIterator<Item = Peer>) -> RoundRobin {
    let mut turns = RoundRobin::new();
    peers.into_iter().for_each(|peer| turns.joined(peer));
    turns
}

fn picks(turns: &mut RoundRobin, count: usize) -> Vec<Peer> {
    (0..count).map(|_| turns.pick().expect("a peer with room")).collect()
}

#[test]
fn peers_take_turns_in_the_order_in_which_they_joined() {
    let mut turns = with([B, A]);
    assert_eq!(picks(&mut turns, 3), [B, A, B]);
    turns.joined(C);
    assert_eq!(picks(&mut turns, 6), [A, B, C, A, B, C]);
}

#[test]
fn who_has_no_room_is_passed_over() {
    let mut turns = with([A, B, C]);
    turns.set_room(B, false);
    assert_eq!(picks(&mut turns, 3), [A, C, A]);
    turns.set_room(C, false);
    assert_eq!(picks(&mut turns, 2), [A, A]);
}

#[test]
fn who_has_room_again_is_the_last() {
    let mut turns = with([A, B, C]);
    turns.set_room(A, false);
    turns.set_room(A, true);
    assert_eq!(picks(&mut turns, 6), [B, C, A, B, C, A]);
}

#[test]
fn what_is_known_of_room_changes_nothing() {
    let mut turns = with([A, B]);
    turns.set_room(A, true);
    turns.set_room(C, true);
    assert_eq!(picks(&mut turns, 3), [A, B, A]);
    turns.set_room(A, false);
    turns.set_room(A, false);
    assert!(turns.has_room());
    assert_eq!(picks(&mut turns, 2), [B, B]);
}

#[test]
fn who_leaves_disturbs_no_turn() {
    let mut turns = with([A, B, C]);
    assert_eq!(picks(&mut turns, 1), [A]);
    turns.left(B);
    turns.left(B);
    assert_eq!(picks(&mut turns, 4), [C, A, C, A]);
    // One that comes under its number is the last, and has one turn a round.
    turns.joined(B);
    turns.joined(C);
    assert_eq!(picks(&mut turns, 6), [A, B, C, A, B, C]);
}

#[test]
fn without_peers_or_without_room_nobody_is_picked() {
    let mut turns = with([]);
    assert_eq!((turns.has_room(), turns.pick()), (false, Err(NotSent::NoPeer)));
    turns.joined(A);
    turns.set_room(A, false);
    assert_eq!((turns.has_room(), turns.pick()), (false, Err(NotSent::NoRoom)));
    turns.left(A);
    assert_eq!((turns.has_room(), turns.pick()), (false, Err(NotSent::NoPeer)));
}

#[test]
fn room_that_comes_and_goes_takes_no_memory() {
    let mut turns = with([A, B, C]);
    let mut come_and_go = |times: u32| {
        for _ in 0..times {
            turns.set_room(B, false);
            turns.set_room(B, true);
            turns.left(C);
            turns.joined(C);
        }
    };
    come_and_go(100);
    let taken = allocation_counter::measure(|| come_and_go(10_000));
    assert_eq!(taken.bytes_current, 0);
}
