//! How often one and the same condition is reported: level, one-shot, edge, and not at all.

use std::io::Read;

use crate::{net, Interest, Ready, Trigger};

use super::fixtures::*;
use super::support::{triggers, Subject, BOTH};
use super::Open;

const READABLE: Interest = Interest::READABLE;
const WRITABLE: Interest = Interest::WRITABLE;

pub fn level_repeats_until_drained(open: Open) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    for _ in 0..10 {
        assert_eq!(subject.promised(1), Ready::READABLE);
    }
    drain(&mut pipe.reader).expect("drain");
    subject.assert_silent();
}

pub fn level_repeats_after_a_partial_read(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    (0..3).for_each(|_| put(&mut pipe.writer));
    for _ in 0..3 {
        assert_eq!(subject.promised(1), Ready::READABLE);
        pipe.reader.read_exact(&mut [0]).expect("read a byte");
    }
    subject.assert_silent();
}

pub fn level_writable_lasts_until_full_and_returns_with_room(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.writer, 1, WRITABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    fill(&mut pipe.writer);
    subject.assert_silent();
    drain(&mut pipe.reader).expect("drain");
    assert_eq!(subject.promised(1), Ready::WRITABLE);
}

pub fn level_listener_is_readable_until_its_queue_is_empty(open: Open) {
    let listener = listener();
    let address = listener.local_addr().expect("local_addr");
    let _clients = [(); 3].map(|()| std::net::TcpStream::connect(address).expect("connect"));
    let mut subject = Subject::new(open);
    subject.add(&listener, 1, READABLE, Trigger::Level);
    for _ in 0..3 {
        assert_eq!(subject.promised(1), Ready::READABLE);
        net::accept(&listener).expect("accept");
    }
    subject.assert_silent();
}

pub fn one_shot_fires_once(open: Open) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    subject.goes_on_as(1, Ready::READABLE, Trigger::OneShot);
    put(&mut pipe.writer);
    subject.assert_silent();
}

pub fn one_shot_waits_for_its_condition(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    subject.assert_silent();
    put(&mut pipe.writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn one_shot_disarms_both_directions(open: Open) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, BOTH, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    put(&mut far);
    subject.assert_silent();
}

pub fn one_shot_readable_first_disarms_writable(open: Open) {
    let (mut near, mut far) = unix_pair();
    fill(&mut near);
    put(&mut far);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, BOTH, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut far).expect("drain");
    subject.assert_silent();
}

pub fn a_fired_one_shot_is_silent_at_a_hang_up(open: Open) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    reset(far);
    wait_for(&near, END);
    subject.assert_silent();
    subject.modify(&near, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn one_shot_modify_while_ready_fires_again(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    for _ in 0..3 {
        subject.goes_on_as(1, Ready::READABLE, Trigger::OneShot);
        subject.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    }
}

pub fn one_shot_modify_before_it_fired_still_fires_once(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    subject.modify(&pipe.reader, 2, READABLE, Trigger::OneShot);
    put(&mut pipe.writer);
    subject.goes_on_as(2, Ready::READABLE, Trigger::OneShot);
}

pub fn one_shot_modify_to_the_other_direction(open: Open) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&near, 1, WRITABLE, Trigger::OneShot);
    subject.goes_on_as(1, Ready::WRITABLE, Trigger::OneShot);
    subject.modify(&near, 1, BOTH, Trigger::OneShot);
    subject.goes_on_as(1, Ready::READABLE | Ready::WRITABLE, Trigger::OneShot);
}

pub fn a_fired_one_shot_can_be_deleted_and_added(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for token in 1..4 {
        subject.add(&pipe.reader, token, READABLE, Trigger::OneShot);
        subject.goes_on_as(token, Ready::READABLE, Trigger::OneShot);
        subject.delete(&pipe.reader);
    }
}

pub fn modify_turns_level_into_one_shot_and_back(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    subject.goes_on_as(1, Ready::READABLE, Trigger::OneShot);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Level);
    subject.goes_on_as(1, Ready::READABLE, Trigger::Level);
}

pub fn edge_reports_once_per_edge(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    subject.assert_silent();
    for _ in 0..3 {
        put(&mut pipe.writer);
        put(&mut pipe.writer);
        subject.goes_on_as(1, Ready::READABLE, Trigger::Edge);
        drain(&mut pipe.reader).expect("drain");
    }
}

pub fn edge_modify_while_ready_fires_again(open: Open) {
    let mut pipe = Pipe::ready();
    put(&mut pipe.writer);
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    // Without a drain loop: what a partial read left is asked for by modify.
    pipe.reader.read_exact(&mut [0]).expect("read a byte");
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn edge_sees_new_data_after_a_drain_in_two_reads(open: Open) {
    let mut pipe = Pipe::ready();
    put(&mut pipe.writer);
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    pipe.reader.read_exact(&mut [0]).expect("read a byte");
    drain(&mut pipe.reader).expect("drain");
    put(&mut pipe.writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn edge_writable_returns_when_the_peer_has_drained(open: Open) {
    let (mut near, mut far) = tcp_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, WRITABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    let mut sent = fill(&mut near);
    let mut received = 0;
    while received < sent {
        wait_for(&far, libc::POLLIN);
        received += drain(&mut far).expect("drain");
    }
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    sent += fill(&mut near);
    assert!(sent > received, "there was room");
}

pub fn edge_accept_queue_is_known_after_modify(open: Open) {
    accept_queue_is_known_after_modify(open, Trigger::Edge);
}

fn accept_queue_is_known_after_modify(open: Open, trigger: Trigger) {
    let listener = listener();
    let address = listener.local_addr().expect("local_addr");
    let clients = [(); 2].map(|()| std::net::TcpStream::connect(address).expect("connect"));
    let mut subject = Subject::new(open);
    subject.add(&listener, 1, READABLE, trigger);
    assert_eq!(subject.promised(1), Ready::READABLE);
    let first = net::accept(&listener).expect("the first");
    subject.modify(&listener, 1, READABLE, trigger);
    assert_eq!(subject.promised(1), Ready::READABLE);
    let second = net::accept(&listener).expect("the second");
    assert_eq!(net::accept(&listener).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop((clients, first, second));
}

pub fn edge_reports_a_hang_up(open: Open) {
    let (mut near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, READABLE, Trigger::Edge);
    put(&mut far);
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(drain(&mut near).expect("drain"), 1);
    drop(far);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn modify_from_level_to_edge_reports_what_is_pending(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Edge);
    subject.goes_on_as(1, Ready::READABLE, Trigger::Edge);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Level);
    subject.goes_on_as(1, Ready::READABLE, Trigger::Level);
}

pub fn modify_from_edge_to_one_shot_fires_once(open: Open) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    put(&mut pipe.writer);
    subject.assert_silent();
}

pub fn no_interest_is_silence_even_at_hangup(open: Open) {
    let broken = reset_connection();
    let mut hung_up = Pipe::ready();
    drop(std::mem::replace(&mut hung_up.writer, Pipe::new().writer));
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&broken, 1, Interest::NONE, trigger);
        subject.add(&hung_up.reader, 2, Interest::NONE, trigger);
        subject.assert_silent();
        subject.delete(&broken);
        subject.delete(&hung_up.reader);
    }
}

pub fn interest_taken_away_is_silence_even_at_hangup(open: Open) {
    for trigger in triggers(open) {
        let (near, far) = tcp_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, BOTH, trigger);
        subject.modify(&near, 1, Interest::NONE, trigger);
        reset(far);
        wait_for(&near, END);
        subject.assert_silent();
    }
}

pub fn interest_given_back_reports_what_happened_meanwhile(open: Open) {
    for trigger in triggers(open) {
        let (near, mut far) = unix_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::NONE, trigger);
        put(&mut far);
        subject.assert_silent();
        subject.modify(&near, 2, READABLE, trigger);
        assert_eq!(subject.promised(2), Ready::READABLE, "{trigger:?}");
        subject.modify(&near, 3, Interest::NONE, trigger);
        subject.assert_silent();
        drop(far);
        subject.assert_silent();
        subject.modify(&near, 4, READABLE, trigger);
        assert_eq!(subject.promised(4), Ready::READABLE, "{trigger:?}");
    }
}

pub fn only_what_was_asked_for_is_promised(open: Open) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, WRITABLE, Trigger::Level);
    assert_eq!(subject.only(1), Ready::WRITABLE, "data is no news to a writer, not even as a hint");
    far.shutdown(std::net::Shutdown::Write).expect("shutdown");
    wait_for(&near, libc::POLLIN);
    assert_eq!(subject.only(1), Ready::WRITABLE, "nor is the peer's half-close");
    subject.modify(&near, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

/// From each trigger to each, with something pending all the time.
pub fn modify_turns_any_trigger_into_any_other(open: Open) {
    let pipe = Pipe::ready();
    for from in triggers(open) {
        for to in triggers(open) {
            let mut subject = Subject::new(open);
            subject.add(&pipe.reader, 1, READABLE, from);
            subject.modify(&pipe.reader, 2, READABLE, to);
            subject.goes_on_as(2, Ready::READABLE, to);
            subject.modify(&pipe.reader, 3, READABLE, from);
            subject.goes_on_as(3, Ready::READABLE, from);
            subject.modify(&pipe.reader, 4, READABLE, to);
            subject.goes_on_as(4, Ready::READABLE, to);
        }
    }
}

pub fn what_is_pending_at_the_add_is_reported(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        for _ in 0..3 {
            subject.add(&pipe.reader, 1, READABLE, trigger);
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            subject.delete(&pipe.reader);
        }
    }
}

pub fn a_fired_one_shot_is_silent_whatever_happens(open: Open) {
    let (mut near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, BOTH, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE);
    assert_eq!(drain(&mut near).expect("drain"), 1);
    subject.assert_silent();
    fill(&mut near);
    drain(&mut far).expect("drain");
    put(&mut far);
    subject.assert_silent();
    far.shutdown(std::net::Shutdown::Write).expect("shutdown");
    subject.assert_silent();
    drop(far);
    subject.assert_silent();
    subject.modify(&near, 2, BOTH, Trigger::OneShot);
    subject.goes_on_as(2, Ready::READABLE | Ready::WRITABLE, Trigger::OneShot);
}

pub fn one_shot_reports_each_of_many_rounds(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 0, READABLE, Trigger::OneShot);
    for round in 0..200 {
        put(&mut pipe.writer);
        assert_eq!(subject.promised(round), Ready::READABLE);
        assert_eq!(drain(&mut pipe.reader).expect("drain"), 1);
        subject.modify(&pipe.reader, round + 1, READABLE, Trigger::OneShot);
    }
    subject.assert_silent();
}

pub fn one_shot_accept_queue_is_known_after_modify(open: Open) {
    accept_queue_is_known_after_modify(open, Trigger::OneShot);
}

pub fn edge_reports_each_of_many_rounds(open: Open) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    for _ in 0..200 {
        put(&mut pipe.writer);
        assert_eq!(subject.promised(1), Ready::READABLE);
        assert_eq!(drain(&mut pipe.reader).expect("drain"), 1);
    }
}

/// Each direction has edges of its own; that one of them brings the other along is allowed.
pub fn edge_in_both_directions_reports_each(open: Open) {
    let (mut near, mut far) = unix_pair();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, BOTH, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    for _ in 0..3 {
        put(&mut far);
        assert!(subject.promised(1).is_readable());
        drain(&mut near).expect("drain");
        fill(&mut near);
        // What is still to be told of the time before it was full.
        while !subject.look().is_empty() {}
        drain(&mut far).expect("drain");
        assert!(subject.promised(1).is_writable());
    }
}

pub fn edge_listener_reports_who_comes_after_the_queue_was_emptied(open: Open) {
    let listener = listener();
    let address = listener.local_addr().expect("local_addr");
    let mut subject = Subject::new(open);
    subject.add(&listener, 1, READABLE, Trigger::Edge);
    for _ in 0..3 {
        let client = std::net::TcpStream::connect(address).expect("connect");
        assert_eq!(subject.promised(1), Ready::READABLE);
        net::accept(&listener).expect("accept");
        assert_eq!(net::accept(&listener).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        drop(client);
    }
}

pub fn edge_deleted_and_added_reports_what_is_pending(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for token in 0..3 {
        subject.add(&pipe.reader, token, READABLE, Trigger::Edge);
        subject.goes_on_as(token, Ready::READABLE, Trigger::Edge);
        subject.delete(&pipe.reader);
    }
}
