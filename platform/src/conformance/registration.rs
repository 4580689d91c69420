//! What `add`, `modify` and `delete` answer, and what they leave behind.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::io::{AsFd, AsRawFd, OwnedFd};

use crate::{Interest, Ready, Token, Trigger};

use super::fixtures::*;
use super::support::{errno_of, kind_of, supports, tokens, triggers, Subject, BOTH, TRIGGERS};
use super::Open;

const READABLE: Interest = Interest::READABLE;
const WRITABLE: Interest = Interest::WRITABLE;

pub fn adding_twice_is_already_exists_and_leaves_the_first_untouched(open: Open) {
    for trigger in triggers(open) {
        let pipe = Pipe::ready();
        let mut subject = Subject::new(open);
        subject.add(&pipe.reader, 1, READABLE, trigger);
        for other in triggers(open) {
            let again = subject.try_add(&pipe.reader, 2, Interest::NONE, other);
            assert_eq!(kind_of(again), ErrorKind::AlreadyExists, "{trigger:?}, then {other:?}");
        }
        subject.goes_on_as(1, Ready::READABLE, trigger);
    }
}

pub fn modifying_a_stranger_is_not_found_and_creates_nothing(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        for interest in [READABLE, Interest::NONE] {
            let result = subject.try_modify(&pipe.reader, 1, interest, trigger);
            assert_eq!(kind_of(result), ErrorKind::NotFound, "{trigger:?} {interest:?}");
        }
        subject.assert_silent();
        assert_eq!(kind_of(subject.poller.delete(pipe.reader.as_fd())), ErrorKind::NotFound);
    }
}

pub fn deleting_a_stranger_is_not_found(open: Open) {
    let pipe = Pipe::new();
    let mut subject = Subject::new(open);
    assert_eq!(kind_of(subject.poller.delete(pipe.reader.as_fd())), ErrorKind::NotFound);
}

pub fn deleting_twice_is_not_found(open: Open) {
    let pipe = Pipe::new();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    subject.delete(&pipe.reader);
    assert_eq!(kind_of(subject.poller.delete(pipe.reader.as_fd())), ErrorKind::NotFound);
}

pub fn a_deleted_descriptor_can_be_added_again(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    let triggers = triggers(open);
    for token in 0..100 {
        subject.add(&pipe.reader, token, READABLE, triggers[token as usize % triggers.len()]);
        assert_eq!(subject.promised(token), Ready::READABLE);
        subject.delete(&pipe.reader);
    }
    subject.assert_silent();
}

pub fn a_failed_add_changes_nothing(open: Open) {
    let file = File::open("/").expect("open a directory");
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&pipe.reader, 1, READABLE, trigger);
        assert!(subject.try_add(&file, 2, READABLE, trigger).is_err());
        subject.goes_on_as(1, Ready::READABLE, trigger);
        assert_eq!(kind_of(subject.poller.delete(file.as_fd())), ErrorKind::NotFound);
        subject.delete(&pipe.reader);
    }
}

/// What can make `modify` fail differs: a poller without an edge trigger refuses that one; others ask the kernel, which refuses a
/// number that was closed. Whichever it is, the registration is as it was.
pub fn a_failed_modify_changes_nothing(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    if !supports(open, Trigger::Edge) {
        let result = subject.try_modify(&pipe.reader, 2, WRITABLE, Trigger::Edge);
        assert_eq!(kind_of(result), ErrorKind::Unsupported);
        assert_eq!(subject.promised(1), Ready::READABLE);
    }
    let (closed, spare) = close_keeping_a_duplicate(OwnedFd::from(pipe.reader));
    if let Err(error) = subject.poller.modify(number(closed), Token(3), WRITABLE, Trigger::Level) {
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }
    let back = duplicate_to(&spare, closed);
    let again = subject.try_add(&back, 4, READABLE, Trigger::Level);
    assert_eq!(kind_of(again), ErrorKind::AlreadyExists, "it is registered still");
    subject.delete(&back);
    subject.assert_silent();
}

pub fn adding_a_closed_descriptor_fails(open: Open) {
    let mut subject = Subject::new(open);
    let closed = a_closed_number();
    for trigger in triggers(open) {
        for interest in [READABLE, WRITABLE, BOTH, Interest::NONE] {
            let result = subject.poller.add(number(closed), Token(1), interest, trigger);
            assert_eq!(errno_of(result), Some(libc::EBADF), "{interest:?} {trigger:?}");
        }
    }
    assert_eq!(kind_of(subject.poller.delete(number(closed))), ErrorKind::NotFound);
    subject.assert_silent();
}

pub fn an_unsupported_trigger_is_refused(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in TRIGGERS {
        let result = subject.try_add(&pipe.reader, 1, READABLE, trigger);
        if subject.poller.supports(trigger) {
            result.expect("a supported trigger");
            assert_eq!(subject.promised(1), Ready::READABLE);
            subject.delete(&pipe.reader);
        } else {
            let kind = result.expect_err("an add with a trigger that `supports` denies has to fail").kind();
            assert_eq!(kind, ErrorKind::Unsupported, "of an add with {trigger:?}, which `supports` denies");
            subject.assert_silent();
        }
    }
}

pub fn only_the_last_of_several_changes_counts(open: Open) {
    let (mut near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, BOTH, Trigger::Level);
    for (interest, expected) in [
        (BOTH, Ready::READABLE | Ready::WRITABLE),
        (READABLE, Ready::READABLE),
        (WRITABLE, Ready::WRITABLE),
        (Interest::NONE, Ready::NONE),
    ] {
        for passing in [BOTH, WRITABLE, READABLE, Interest::NONE, BOTH] {
            subject.modify(&near, 2, passing, Trigger::OneShot);
        }
        subject.modify(&near, 3, interest, Trigger::Level);
        let found = subject.look();
        let told = found.iter().fold(Ready::NONE, |all, (token, ready)| {
            assert_eq!(*token, 3);
            all | *ready
        });
        assert_eq!(told, expected, "asked for {interest:?}");
    }
    drain(&mut near).expect("drain");
}

pub fn modify_changes_the_token(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&pipe.reader, 1, READABLE, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE);
        for token in [2, 0, u64::MAX, u64::from(u32::MAX) + 1] {
            subject.modify(&pipe.reader, token, READABLE, trigger);
            assert_eq!(subject.promised(token), Ready::READABLE, "{trigger:?}");
        }
        subject.delete(&pipe.reader);
    }
}

pub fn modify_takes_a_direction_away_and_gives_it_back(open: Open) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    let both = Ready::READABLE | Ready::WRITABLE;
    for trigger in triggers(open) {
        subject.add(&near, 1, BOTH, trigger);
        assert_eq!(subject.promised(1), both, "{trigger:?}");
        let changes = [
            (WRITABLE, Ready::WRITABLE),
            (READABLE, Ready::READABLE),
            (BOTH, both),
            (WRITABLE, Ready::WRITABLE),
        ];
        for (interest, expected) in changes {
            subject.modify(&near, 1, interest, trigger);
            assert_eq!(subject.promised(1), expected, "{trigger:?} {interest:?}");
        }
        subject.delete(&near);
    }
}

pub fn both_directions_arrive_as_one_event(open: Open) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&near, 1, BOTH, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE, "{trigger:?}");
        subject.delete(&near);
    }
}

pub fn delete_drops_a_pending_event(open: Open) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&pipe.reader, 1, READABLE, trigger);
        subject.delete(&pipe.reader);
        subject.assert_silent();
    }
}

pub fn two_descriptors_of_one_file_are_independent(open: Open) {
    let pipe = Pipe::ready();
    let duplicate = pipe.reader.try_clone().expect("dup");
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    subject.add(&duplicate, 2, READABLE, Trigger::OneShot);
    assert_eq!(tokens(&subject.look()), [1, 2]);
    assert_eq!(subject.promised(1), Ready::READABLE, "only the one-shot is disarmed");
    subject.delete(&pipe.reader);
    subject.modify(&duplicate, 2, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

pub fn registrations_may_share_a_token(open: Open) {
    let (first, second) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&first.reader, 7, READABLE, trigger);
        subject.add(&second.reader, 7, READABLE, trigger);
        assert_eq!(tokens(&subject.look()), [7, 7], "{trigger:?}");
        subject.delete(&first.reader);
        subject.delete(&second.reader);
    }
}

pub fn two_pollers_on_one_descriptor_both_report(open: Open) {
    let pipe = Pipe::ready();
    let mut first = Subject::new(open);
    let mut second = Subject::new(open);
    for of_first in triggers(open) {
        for of_second in triggers(open) {
            first.add(&pipe.reader, 1, READABLE, of_first);
            second.add(&pipe.reader, 2, READABLE, of_second);
            first.goes_on_as(1, Ready::READABLE, of_first);
            second.goes_on_as(2, Ready::READABLE, of_second);
            second.delete(&pipe.reader);
            first.modify(&pipe.reader, 1, READABLE, of_first);
            assert_eq!(first.promised(1), Ready::READABLE, "{of_first:?} beside {of_second:?}");
            first.delete(&pipe.reader);
        }
    }
}

pub fn deleting_one_of_many_leaves_the_others(open: Open) {
    const COUNT: usize = 8;
    for victim in 0..COUNT {
        let pipes: Vec<Pipe> = (0..COUNT).map(|_| Pipe::ready()).collect();
        let mut subject = Subject::new(open);
        for (token, pipe) in pipes.iter().enumerate() {
            // Some silent, some fired: a backend that keeps an array has those in it too.
            let interest = if token % 3 == 2 { Interest::NONE } else { READABLE };
            subject.add(&pipe.reader, token as u64, interest, Trigger::OneShot);
        }
        subject.look();
        subject.delete(&pipes[victim].reader);
        let others: Vec<usize> = (0..COUNT).filter(|index| *index != victim).collect();
        let expected: Vec<u64> = others.iter().map(|index| 100 + *index as u64).collect();
        for (index, token) in others.iter().zip(&expected) {
            subject.modify(&pipes[*index].reader, *token, READABLE, Trigger::Level);
        }
        let tokens: Vec<u64> = subject.look().iter().map(|(token, _)| *token).collect();
        assert_eq!(tokens, expected, "the tokens after deleting the one of index {victim}");
    }
}

pub fn a_poller_cannot_be_added_to_itself(open: Open) {
    let mut subject = Subject::new(open);
    let own = subject.poller.as_fd().expect("it has a descriptor").as_raw_fd();
    for trigger in triggers(open) {
        assert!(subject.poller.add(number(own), Token(1), READABLE, trigger).is_err(), "{trigger:?}");
    }
    subject.assert_silent();
}

pub fn delete_leaves_the_descriptor_open(open: Open) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&pipe.reader, 1, READABLE, trigger);
        subject.delete(&pipe.reader);
        assert_eq!(drain(&mut pipe.reader).expect("it can still be read"), 1);
        put(&mut pipe.writer);
    }
}

pub fn who_asks_for_priority_alone_hears_nothing_of_data(open: Open) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    wait_for(&near, libc::POLLIN);
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        subject.add(&near, 1, Interest::PRIORITY, trigger);
        subject.assert_silent();
        subject.modify(&near, 1, Interest::PRIORITY | READABLE, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
        subject.delete(&near);
    }
}

/// One registration of many is changed again and again, and the others do not notice.
pub fn changes_of_one_leave_the_others_alone(open: Open) {
    let pipes: Vec<Pipe> = (0..5).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::new(open);
    for (token, pipe) in pipes.iter().enumerate() {
        subject.add(&pipe.reader, token as u64, READABLE, Trigger::Level);
    }
    for trigger in triggers(open) {
        for interest in [Interest::NONE, READABLE] {
            subject.modify(&pipes[2].reader, 2, interest, trigger);
            let expected: &[u64] = if interest.is_none() { &[0, 1, 3, 4] } else { &[0, 1, 2, 3, 4] };
            assert_eq!(tokens(&subject.look()), expected, "{trigger:?} {interest:?}");
        }
    }
}
