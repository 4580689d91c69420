//! More that is ready than the buffer holds, and many registrations: nobody starves, and what did not fit comes later.

use std::collections::BTreeSet;

use ringmq_platform::{Backend, Events, Interest, Ready, Trigger};

use crate::fixtures::{drain, polled, put, unix_pair, Pipe};
use crate::support::{asked, Subject, BOTH};

const READABLE: Interest = Interest::READABLE;

pub fn with_room_for_one_each_of_many_is_seen_in_turn(backend: Backend) {
    each_is_seen_within(backend, 1, 7, 7);
}

pub fn with_room_for_two_each_of_many_is_seen_in_turn(backend: Backend) {
    each_is_seen_within(backend, 2, 7, 4);
}

/// As many waits as are needed when nobody is told of twice before everybody was told of once, over and over.
fn each_is_seen_within(backend: Backend, capacity: usize, count: usize, waits: usize) {
    let pipes: Vec<Pipe> = (0..count).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(backend, capacity);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    for round in 0..20 {
        let mut seen = BTreeSet::new();
        for _ in 0..waits {
            let found = subject.wait(None);
            assert!(!found.is_empty() && found.len() <= capacity, "{found:?}");
            seen.extend(found.into_iter().map(|(token, _)| token));
        }
        assert_eq!(seen.len(), count, "in round {round} only {seen:?}; {:?}", subject.poller);
    }
}

pub fn a_busy_registration_does_not_starve_one_added_later(backend: Backend) {
    let busy = [Pipe::ready(), Pipe::ready()];
    let mut late = Pipe::new();
    let mut subject = Subject::with_capacity(backend, 1);
    subject.add(&busy[0].reader, 0, READABLE, Trigger::Level);
    subject.add(&busy[1].reader, 1, READABLE, Trigger::Level);
    subject.add(&late.reader, 2, READABLE, Trigger::Level);
    for _ in 0..5 {
        subject.wait(None);
        put(&mut late.writer);
        let tokens: Vec<u64> = (0..3).map(|_| subject.wait(None)[0].0).collect();
        assert!(tokens.contains(&2), "{tokens:?}");
        drain(&mut late.reader).expect("drain");
    }
}

pub fn fairness_survives_deletions(backend: Backend) {
    let pipes: Vec<Pipe> = (0..10).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(backend, 1);
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

pub fn one_shots_that_do_not_fit_are_reported_later(backend: Backend) {
    each_is_reported_once(backend, Trigger::OneShot);
}

pub fn edges_that_do_not_fit_are_reported_later(backend: Backend) {
    each_is_reported_once(backend, Trigger::Edge);
}

fn each_is_reported_once(backend: Backend, trigger: Trigger) {
    for capacity in [1, 2, 3] {
        let pipes: Vec<Pipe> = (0..10).map(|_| Pipe::ready()).collect();
        let mut subject = Subject::with_capacity(backend, capacity);
        for (token, pipe) in pipes.iter().enumerate() {
            subject.add(&pipe.reader, token as u64, READABLE, trigger);
        }
        let mut seen = Vec::new();
        while seen.len() < pipes.len() {
            let found = subject.wait(None);
            assert!(found.len() <= capacity);
            seen.extend(found.into_iter().map(|(token, _)| token));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<u64>>());
        subject.assert_silent();
    }
}

pub fn one_shots_that_do_not_fit_can_be_deleted(backend: Backend) {
    let pipes: Vec<Pipe> = (0..4).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(backend, 1);
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

pub fn a_capacity_of_zero_is_one(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::with_capacity(backend, 0);
    assert_eq!(subject.events.capacity(), 1);
    subject.assert_silent();
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn the_buffer_may_change_between_waits(backend: Backend) {
    let pipes: Vec<Pipe> = (0..9).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::with_capacity(backend, 1);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    for (capacity, expected) in [(1, 1), (4, 4), (100, 9), (2, 2), (9, 9), (1, 1)] {
        subject.events = Events::with_capacity(capacity);
        assert_eq!(subject.wait(None).len(), expected, "of nine ready, with room for {capacity}");
    }
}

pub fn five_hundred_registrations_are_told_apart(backend: Backend) {
    let mut pipes: Vec<Pipe> = (0..500).map(|_| Pipe::new()).collect();
    let mut subject = Subject::with_capacity(backend, 500);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    let chosen: Vec<u64> = (0..500).filter(|token| token % 7 == 3).collect();
    chosen.iter().for_each(|token| put(&mut pipes[*token as usize].writer));
    let tokens: Vec<u64> = subject.wait(None).into_iter().map(|(token, _)| token).collect();
    assert_eq!(tokens, chosen);
    pipes.iter_mut().for_each(|pipe| put(&mut pipe.writer));
    assert_eq!(subject.wait(None).len(), 500);
    pipes.iter().for_each(|pipe| subject.delete(&pipe.reader));
    subject.assert_silent();
}

/// A thousand random operations on twenty connections; after each, what is reported is what `poll(2)` says of each of them.
pub fn random_operations_agree_with_the_kernel(backend: Backend) {
    for seed in 1..=4 {
        let mut random = Random(seed);
        let mut pairs: Vec<_> = (0..20).map(|_| unix_pair()).collect();
        let mut asked_for: Vec<Option<Interest>> = vec![None; 20];
        let mut subject = Subject::new(backend);
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
                .map(|(index, interest)| (index as u64, asked(truth(&pairs[index].0), interest)))
                .filter(|(_, ready)| !ready.is_none())
                .collect();
            let found: Vec<(u64, Ready)> = subject
                .look()
                .into_iter()
                .map(|(token, ready)| (token, ready & (Ready::READABLE | Ready::WRITABLE)))
                .collect();
            assert_eq!(found, expected, "seed {seed}, step {step}; {:?}", subject.poller);
        }
    }
}

/// What `poll(2)` says, in the contract's terms.
fn truth(fd: &std::os::unix::net::UnixStream) -> Ready {
    use nix::poll::PollFlags;
    let flags = polled(fd, PollFlags::POLLIN | PollFlags::POLLOUT);
    let over = flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR);
    let mut ready = Ready::NONE;
    if over || flags.contains(PollFlags::POLLIN) {
        ready |= Ready::READABLE;
    }
    if over || flags.contains(PollFlags::POLLOUT) {
        ready |= Ready::WRITABLE;
    }
    ready
}

/// xorshift64: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        for shift in [13, -7, 17i32] {
            self.0 ^= if shift > 0 { self.0 << shift } else { self.0 >> -shift };
        }
        (self.0 >> 11) as usize % end
    }
}
