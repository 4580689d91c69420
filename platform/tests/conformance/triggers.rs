//! How often one and the same condition is reported: level, one-shot, edge, and not at all.

use std::io::Read;

use ringmq_platform::{net, Backend, Interest, Ready, Trigger};

use crate::fixtures::{drain, fill, listener, put, reset, reset_connection, tcp_pair, unix_pair, Pipe};
use crate::support::{backend_supports, Subject, BOTH};

const READABLE: Interest = Interest::READABLE;
const WRITABLE: Interest = Interest::WRITABLE;

pub fn level_repeats_until_drained(backend: Backend) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    for _ in 0..10 {
        assert_eq!(subject.promised(1), Ready::READABLE);
    }
    drain(&mut pipe.reader).expect("drain");
    subject.assert_silent();
}

pub fn level_repeats_after_a_partial_read(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    (0..3).for_each(|_| put(&mut pipe.writer));
    for _ in 0..3 {
        assert_eq!(subject.promised(1), Ready::READABLE);
        pipe.reader.read_exact(&mut [0]).expect("read a byte");
    }
    subject.assert_silent();
}

pub fn level_writable_lasts_until_full_and_returns_with_room(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.writer, 1, WRITABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    fill(&mut pipe.writer);
    subject.assert_silent();
    drain(&mut pipe.reader).expect("drain");
    assert_eq!(subject.promised(1), Ready::WRITABLE);
}

pub fn level_listener_is_readable_until_its_queue_is_empty(backend: Backend) {
    let listener = listener();
    let address = listener.local_addr().expect("local_addr");
    let _clients = [(); 3].map(|()| std::net::TcpStream::connect(address).expect("connect"));
    let mut subject = Subject::new(backend);
    subject.add(&listener, 1, READABLE, Trigger::Level);
    for _ in 0..3 {
        assert_eq!(subject.promised(1), Ready::READABLE);
        net::accept(&listener).expect("accept");
    }
    subject.assert_silent();
}

pub fn one_shot_fires_once(backend: Backend) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.assert_silent();
    put(&mut pipe.writer);
    subject.assert_silent();
}

pub fn one_shot_waits_for_its_condition(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    subject.assert_silent();
    put(&mut pipe.writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn one_shot_disarms_both_directions(backend: Backend) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    put(&mut far);
    subject.assert_silent();
}

pub fn one_shot_readable_first_disarms_writable(backend: Backend) {
    let (mut near, mut far) = unix_pair();
    fill(&mut near);
    put(&mut far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut far).expect("drain");
    subject.assert_silent();
}

pub fn a_fired_one_shot_is_silent_at_a_hang_up(backend: Backend) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    reset(far);
    crate::fixtures::wait_for(&near, nix::poll::PollFlags::empty());
    subject.assert_silent();
    subject.modify(&near, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn one_shot_modify_while_ready_fires_again(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    for _ in 0..3 {
        assert_eq!(subject.promised(1), Ready::READABLE);
        subject.assert_silent();
        subject.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    }
}

pub fn one_shot_modify_before_it_fired_still_fires_once(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    subject.modify(&pipe.reader, 2, READABLE, Trigger::OneShot);
    put(&mut pipe.writer);
    assert_eq!(subject.promised(2), Ready::READABLE);
    subject.assert_silent();
}

pub fn one_shot_modify_to_the_other_direction(backend: Backend) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&near, 1, WRITABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    subject.assert_silent();
    subject.modify(&near, 1, BOTH, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE);
    subject.assert_silent();
}

pub fn a_fired_one_shot_can_be_deleted_and_added(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    for token in 1..4 {
        subject.add(&pipe.reader, token, READABLE, Trigger::OneShot);
        assert_eq!(subject.promised(token), Ready::READABLE);
        subject.assert_silent();
        subject.delete(&pipe.reader);
    }
}

pub fn modify_turns_level_into_one_shot_and_back(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.assert_silent();
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn edge_reports_once_per_edge(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    subject.assert_silent();
    for _ in 0..3 {
        put(&mut pipe.writer);
        put(&mut pipe.writer);
        assert_eq!(subject.promised(1), Ready::READABLE);
        // Whatever else is told of it, it ends: a level would go on.
        (0..10).any(|_| subject.look().is_empty()).then_some(()).expect("an edge is not a level");
        drain(&mut pipe.reader).expect("drain");
    }
}

pub fn edge_modify_while_ready_fires_again(backend: Backend) {
    let mut pipe = Pipe::ready();
    put(&mut pipe.writer);
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    // Without a drain loop: what a partial read left is asked for by modify.
    pipe.reader.read_exact(&mut [0]).expect("read a byte");
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn edge_sees_new_data_after_a_partial_read(backend: Backend) {
    let mut pipe = Pipe::ready();
    put(&mut pipe.writer);
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    pipe.reader.read_exact(&mut [0]).expect("read a byte");
    drain(&mut pipe.reader).expect("drain");
    put(&mut pipe.writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn edge_writable_returns_when_the_peer_has_drained(backend: Backend) {
    let (mut near, mut far) = tcp_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, WRITABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    let mut sent = fill(&mut near);
    let mut received = 0;
    while received < sent {
        crate::fixtures::wait_for(&far, nix::poll::PollFlags::POLLIN);
        received += drain(&mut far).expect("drain");
    }
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    sent += fill(&mut near);
    assert!(sent > received, "there was room");
}

pub fn edge_accept_queue_is_known_after_modify(backend: Backend) {
    let listener = listener();
    let address = listener.local_addr().expect("local_addr");
    let clients = [(); 2].map(|()| std::net::TcpStream::connect(address).expect("connect"));
    let mut subject = Subject::new(backend);
    subject.add(&listener, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    let first = net::accept(&listener).expect("the first");
    subject.modify(&listener, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    let second = net::accept(&listener).expect("the second");
    assert_eq!(net::accept(&listener).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop((clients, first, second));
}

pub fn edge_reports_a_hang_up(backend: Backend) {
    let (mut near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, READABLE, Trigger::Edge);
    put(&mut far);
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(drain(&mut near).expect("drain"), 1);
    drop(far);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn modify_from_level_to_edge_reports_what_is_pending(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    (0..10).any(|_| subject.look().is_empty()).then_some(()).expect("an edge is not a level");
    subject.modify(&pipe.reader, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn modify_from_edge_to_one_shot_fires_once(backend: Backend) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Edge);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipe.reader, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    put(&mut pipe.writer);
    subject.assert_silent();
}

pub fn no_interest_is_silence_even_at_hangup(backend: Backend) {
    let broken = reset_connection();
    let mut hung_up = Pipe::ready();
    drop(std::mem::replace(&mut hung_up.writer, Pipe::new().writer));
    let mut subject = Subject::new(backend);
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            subject.add(&broken, 1, Interest::NONE, trigger);
            subject.add(&hung_up.reader, 2, Interest::NONE, trigger);
            subject.assert_silent();
            subject.delete(&broken);
            subject.delete(&hung_up.reader);
        }
    }
}

pub fn interest_taken_away_is_silence_even_at_hangup(backend: Backend) {
    let (near, far) = tcp_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::Level);
    subject.modify(&near, 1, Interest::NONE, Trigger::Level);
    reset(far);
    crate::fixtures::wait_for(&near, nix::poll::PollFlags::empty());
    subject.assert_silent();
}

pub fn interest_given_back_reports_what_happened_meanwhile(backend: Backend) {
    let (near, mut far) = unix_pair();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::NONE, Trigger::Level);
    put(&mut far);
    subject.assert_silent();
    subject.modify(&near, 2, READABLE, Trigger::Level);
    assert_eq!(subject.promised(2), Ready::READABLE);
    subject.modify(&near, 3, Interest::NONE, Trigger::Level);
    subject.assert_silent();
    subject.modify(&near, 4, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(4), Ready::READABLE);
}

pub fn only_what_was_asked_for_is_promised(backend: Backend) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, WRITABLE, Trigger::Level);
    assert_eq!(subject.only(1), Ready::WRITABLE, "data is no news to a writer, not even as a hint");
    far.shutdown(std::net::Shutdown::Write).expect("shutdown");
    crate::fixtures::wait_for(&near, nix::poll::PollFlags::POLLIN);
    assert_eq!(subject.only(1), Ready::WRITABLE, "nor is the peer's half-close");
    subject.modify(&near, 1, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
}
