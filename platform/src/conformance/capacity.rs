//! More that is ready than the buffer holds, and many registrations: nobody starves, and what did not fit comes later.

use std::collections::BTreeSet;

use crate::{Events, Interest, Ready, Trigger};

use super::fixtures::{drain, put, unix_pair, Pipe};
use super::random::Random;
use super::support::{asked, tokens, triggers, witness, Subject, BOTH, PROMISES};
use super::Open;

const READABLE: Interest = Interest::READABLE;

pub fn with_room_for_one_each_of_many_is_seen_in_turn(open: Open) {
    each_is_seen_within(open, 1, 7, 7);
}

pub fn with_room_for_two_each_of_many_is_seen_in_turn(open: Open) {
    each_is_seen_within(open, 2, 7, 4);
}

/// As many waits as are needed when nobody is told of twice before everybody was told of once, over and over.
fn each_is_seen_within(open: Open, capacity: usize, count: usize, waits: usize) {
    let pipes: Vec<Pipe> = (0..count).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(open, capacity);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    for round in 0..20 {
        let mut seen = BTreeSet::new();
        for _ in 0..waits {
            let found = subject.wait(None);
            assert!(!found.is_empty() && found.len() <= capacity, "{found:?}");
            seen.extend(tokens(&found));
        }
        assert_eq!(seen.len(), count, "in round {round} only {seen:?}; {:?}", subject.poller);
    }
}

pub fn with_room_for_one_both_directions_of_many_are_seen_in_turn(open: Open) {
    let mut pairs: Vec<_> = (0..5).map(|_| unix_pair()).collect();
    let mut subject = Subject::with_capacity(open, 1);
    for (token, (near, far)) in pairs.iter_mut().enumerate() {
        put(far);
        subject.add(near, token as u64, BOTH, Trigger::Level);
    }
    for round in 0..10 {
        let mut seen = BTreeSet::new();
        for _ in 0..10 {
            for (token, ready) in subject.look() {
                seen.extend(ready.is_readable().then_some((token, "readable")));
                seen.extend(ready.is_writable().then_some((token, "writable")));
            }
        }
        assert_eq!(seen.len(), 10, "in round {round} only {seen:?}; {:?}", subject.poller);
    }
}

/// Of pipes without a reader the kernel of kqueue does not know, so they stand in no queue of its.
pub fn pipes_without_a_reader_take_turns_with_the_others(open: Open) {
    let others = [Pipe::ready(), Pipe::ready(), Pipe::ready()];
    let writers = [Pipe::new(), Pipe::new(), Pipe::new()].map(|pipe| pipe.writer);
    for trigger in [Trigger::Level, Trigger::OneShot] {
        for capacity in 1..=7 {
            let mut subject = Subject::with_capacity(open, capacity);
            for (token, (other, writer)) in others.iter().zip(&writers).enumerate() {
                subject.add(&other.reader, 2 * token as u64, READABLE, trigger);
                subject.add(writer, 2 * token as u64 + 1, Interest::WRITABLE, trigger);
            }
            for _ in 0..if trigger == Trigger::Level { 5 } else { 1 } {
                let seen: BTreeSet<u64> =
                    (0..6).flat_map(|_| subject.look()).map(|(token, _)| token).collect();
                assert_eq!(seen.len(), 6, "{trigger:?}, room for {capacity}: {seen:?}; {:?}", subject.poller);
            }
        }
    }
}

pub fn a_busy_registration_does_not_starve_one_added_later(open: Open) {
    let busy = [Pipe::ready(), Pipe::ready()];
    let late = Pipe::ready();
    let mut subject = Subject::with_capacity(open, 1);
    subject.add(&busy[0].reader, 0, READABLE, Trigger::Level);
    subject.add(&busy[1].reader, 1, READABLE, Trigger::Level);
    for trigger in triggers(open) {
        for waits_before in 0..5 {
            (0..waits_before).for_each(|_| assert_eq!(subject.wait(None).len(), 1));
            subject.add(&late.reader, 2, READABLE, trigger);
            let tokens: Vec<u64> = (0..3).map(|_| subject.wait(None)[0].0).collect();
            assert!(tokens.contains(&2), "{trigger:?}: {tokens:?}");
            subject.delete(&late.reader);
        }
    }
}

pub fn fairness_survives_deletions(open: Open) {
    let pipes: Vec<Pipe> = (0..10).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(open, 1);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    for gone in 0..9 {
        (0..gone).for_each(|_| assert_eq!(subject.wait(None).len(), 1));
        subject.delete(&pipes[gone].reader);
        // Where the look begins may have been next to the one that left: at most one round is lost by that.
        let seen: BTreeSet<u64> = (0..2 * pipes.len()).map(|_| subject.wait(None)[0].0).collect();
        let expected: BTreeSet<u64> = (gone as u64 + 1..10).collect();
        assert_eq!(seen, expected);
    }
}

pub fn one_shots_that_do_not_fit_are_reported_later(open: Open) {
    for capacity in [1, 2, 3] {
        let (mut subject, pipes) = ten_ready(open, capacity, Trigger::OneShot);
        let mut seen = Vec::new();
        while seen.len() < pipes.len() {
            let found = subject.wait(None);
            assert!(found.len() <= capacity);
            seen.extend(tokens(&found));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<u64>>());
        subject.assert_silent();
    }
}

/// Each at least once, and not for ever.
pub fn edges_that_do_not_fit_are_reported_later(open: Open) {
    for capacity in [1, 2, 3] {
        let (mut subject, pipes) = ten_ready(open, capacity, Trigger::Edge);
        let mut seen = BTreeSet::new();
        while seen.len() < pipes.len() {
            let found = subject.wait(None);
            assert!(found.len() <= capacity);
            seen.extend(tokens(&found));
        }
        let has_ended = (0..100).any(|_| subject.look().is_empty());
        assert!(has_ended, "an edge is not a level; {:?}", subject.poller);
    }
}

/// Ten registrations that are ready, and their pipes.
fn ten_ready(open: Open, capacity: usize, trigger: Trigger) -> (Subject, Vec<Pipe>) {
    let pipes: Vec<Pipe> = (0..10).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(open, capacity);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, trigger);
    }
    (subject, pipes)
}

/// Together or in turn: a buffer for one event holds both directions, and a mechanism with an event for each may tell them one after
/// the other.
pub fn with_room_for_one_both_directions_are_seen(open: Open) {
    for trigger in triggers(open).into_iter().filter(|trigger| *trigger != Trigger::OneShot) {
        let (near, mut far) = unix_pair();
        put(&mut far);
        let mut subject = Subject::with_capacity(open, 1);
        subject.add(&near, 1, BOTH, trigger);
        let mut seen = Ready::NONE;
        while !seen.contains(PROMISES) {
            seen |= subject.promised(1);
        }
    }
}

pub fn a_busy_level_starves_no_one_shot(open: Open) {
    a_busy_level_starves_nobody(open, Trigger::OneShot);
}

pub fn a_busy_level_starves_no_edge(open: Open) {
    a_busy_level_starves_nobody(open, Trigger::Edge);
}

fn a_busy_level_starves_nobody(open: Open, trigger: Trigger) {
    let busy: Vec<Pipe> = (0..4).map(|_| Pipe::ready()).collect();
    let mut other = Pipe::new();
    let mut subject = Subject::with_capacity(open, 1);
    for (token, pipe) in busy.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    subject.add(&other.reader, 4, READABLE, trigger);
    for _ in 0..10 {
        subject.wait(None);
        put(&mut other.writer);
        let tokens: Vec<u64> = (0..5).map(|_| subject.wait(None)[0].0).collect();
        assert!(tokens.contains(&4), "{tokens:?}");
        drain(&mut other.reader).expect("drain");
        subject.modify(&other.reader, 4, READABLE, trigger);
    }
}

/// One pipe under many numbers: more than some libraries' fixed buffers hold.
pub fn more_than_a_thousand_are_reported_at_once(open: Open) {
    const COUNT: usize = 1100;
    let pipe = Pipe::ready();
    let readers: Vec<_> = (0..COUNT).map(|_| pipe.reader.try_clone().expect("dup")).collect();
    let mut subject = Subject::with_capacity(open, 2 * COUNT);
    for trigger in triggers(open) {
        for (token, reader) in readers.iter().enumerate() {
            subject.add(reader, token as u64, READABLE, trigger);
        }
        assert_eq!(tokens(&subject.wait(None)), (0..COUNT as u64).collect::<Vec<u64>>(), "{trigger:?}");
        readers.iter().for_each(|reader| subject.delete(reader));
    }
}

pub fn one_shots_that_do_not_fit_can_be_deleted(open: Open) {
    let pipes: Vec<Pipe> = (0..4).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(open, 1);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::OneShot);
    }
    let first = subject.wait(None)[0].0;
    let deleted = (first + 1) % 4;
    subject.delete(&pipes[deleted as usize].reader);
    let mut seen = vec![first, subject.wait(None)[0].0, subject.wait(None)[0].0];
    seen.sort_unstable();
    assert_eq!(seen, (0..4).filter(|token| *token != deleted).collect::<Vec<u64>>());
    subject.assert_silent();
}

pub fn a_capacity_of_zero_is_one(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::with_capacity(open, 0);
    assert_eq!(subject.events.capacity(), 1);
    subject.assert_silent();
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn the_buffer_may_change_between_waits(open: Open) {
    let pipes: Vec<Pipe> = (0..9).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(open, 1);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    for (capacity, expected) in [(1, 1), (4, 4), (100, 9), (2, 2), (9, 9), (1, 1)] {
        subject.events = Events::with_capacity(capacity);
        assert_eq!(subject.wait(None).len(), expected, "of nine ready, with room for {capacity}");
    }
}

pub fn five_hundred_registrations_are_told_apart(open: Open) {
    let mut pipes: Vec<Pipe> = (0..500).map(|_| Pipe::new()).collect();
    let mut subject = Subject::with_capacity(open, 500);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    let chosen: Vec<u64> = (0..500).filter(|token| token % 7 == 3).collect();
    chosen.iter().for_each(|token| put(&mut pipes[*token as usize].writer));
    assert_eq!(tokens(&subject.wait(None)), chosen);
    pipes.iter_mut().for_each(|pipe| put(&mut pipe.writer));
    assert_eq!(subject.wait(None).len(), 500);
    pipes.iter().for_each(|pipe| subject.delete(&pipe.reader));
    subject.assert_silent();
}

/// A thousand random operations on twenty connections; after each, what is reported is what `poll(2)` says of each of them.
pub fn random_operations_agree_with_the_kernel(open: Open) {
    for seed in 1..=4 {
        let mut random = Random::new(seed);
        let mut pairs: Vec<_> = (0..20).map(|_| unix_pair()).collect();
        let mut asked_for: Vec<Option<Interest>> = vec![None; 20];
        let mut subject = Subject::new(open);
        for step in 0..1000 {
            let index = random.below(20);
            let interest = [BOTH, READABLE, Interest::WRITABLE, Interest::NONE][random.below(4)];
            let (near, far) = &mut pairs[index];
            match (random.below(7), asked_for[index]) {
                (0 | 1, None) => {
                    subject.add(near, index as u64, interest, Trigger::Level);
                    asked_for[index] = Some(interest);
                }
                (0 | 1, Some(_)) => {
                    subject.modify(near, index as u64, interest, Trigger::Level);
                    asked_for[index] = Some(interest);
                }
                (2, Some(_)) => {
                    subject.delete(near);
                    asked_for[index] = None;
                }
                (3, _) => drop(std::io::Write::write(far, b"x")),
                (4, _) => drop(drain(near)),
                // The peer leaves, and another connection takes the place of this one.
                (5, None) => pairs[index] = unix_pair(),
                (6, Some(_)) if random.below(3) == 0 => {
                    far.shutdown(std::net::Shutdown::Both).expect("shutdown");
                }
                _ => {}
            }
            let expected: Vec<(u64, Ready)> = (0..20)
                .filter_map(|index| Some((index, asked_for[index]?)))
                .map(|(index, interest)| (index as u64, asked(witness(&pairs[index].0), interest)))
                .filter(|(_, ready)| !ready.is_none())
                .collect();
            let found: Vec<(u64, Ready)> =
                subject.look().into_iter().map(|(token, ready)| (token, ready & PROMISES)).collect();
            assert_eq!(found, expected, "seed {seed}, step {step}; {:?}", subject.poller);
        }
    }
}
