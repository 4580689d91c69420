//! Descriptor numbers: high ones, closed ones, and ones that were given to another file meanwhile. All of these run alone.

use std::io::ErrorKind;
use std::os::unix::io::{AsRawFd, RawFd};

use crate::{Interest, Ready, Trigger};

use super::fixtures::*;
use super::support::{kind_of, tokens, triggers, Subject, BOTH, QUIET};
use super::Open;

const READABLE: Interest = Interest::READABLE;

pub fn descriptor_numbers_above_1024_work(open: Open) {
    for lowest in [1022, 1023, 1024, 1025, 1100] {
        a_number_works(open, lowest);
    }
}

pub fn descriptor_numbers_above_4096_work(open: Open) {
    for lowest in [4096, 4097, 5000] {
        a_number_works(open, lowest);
    }
}

/// In each direction and trigger, and beside a low one.
fn a_number_works(open: Open, lowest: RawFd) {
    let (low, mut far) = unix_pair();
    put(&mut far);
    let high = duplicate_from(&low, lowest);
    assert!(high.as_raw_fd() >= lowest);
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        for (interest, expected) in [
            (READABLE, Ready::READABLE),
            (Interest::WRITABLE, Ready::WRITABLE),
            (BOTH, Ready::READABLE | Ready::WRITABLE),
        ] {
            subject.add(&high, 1, interest, trigger);
            assert_eq!(subject.promised(1), expected, "{high:?} {trigger:?}");
            subject.delete(&high);
        }
    }
    subject.add(&high, 1, READABLE, Trigger::Level);
    subject.add(&low, 2, READABLE, Trigger::Level);
    assert_eq!(tokens(&subject.look()), [1, 2]);
}

pub fn without_the_highest_number_the_rest_works_on(open: Open) {
    for trigger in triggers(open) {
        let (mut low, mut far) = unix_pair();
        let high = duplicate_from(&low, 3000);
        let mut subject = Subject::new(open);
        subject.add(&high, 1, READABLE, trigger);
        subject.add(&low, 2, READABLE, trigger);
        subject.delete(&high);
        subject.assert_silent();
        put(&mut far);
        assert_eq!(subject.promised(2), Ready::READABLE);
        drain(&mut low).expect("drain");
        subject.delete(&low);
        subject.assert_silent();
    }
}

pub fn a_descriptor_closed_without_delete_is_silent_and_does_not_spin(open: Open) {
    for trigger in triggers(open) {
        for interest in [READABLE, Interest::WRITABLE, BOTH, Interest::NONE] {
            is_silent_once_closed(open, interest, trigger, false);
        }
    }
    is_silent_once_closed(open, BOTH, Trigger::OneShot, true);
}

/// With data and room, closed before a wait told of it, or after.
fn is_silent_once_closed(open: Open, interest: Interest, trigger: Trigger, is_told: bool) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let closed = near.as_raw_fd();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, interest, trigger);
    if is_told {
        assert_eq!(subject.promised(1), Ready::READABLE | Ready::WRITABLE);
    }
    drop(near);
    for _ in 0..3 {
        subject.assert_silent();
    }
    drop(far);
    subject.assert_silent();
    subject.poller.delete(number(closed)).expect("it is still registered");
    assert_eq!(kind_of(subject.poller.delete(number(closed))), ErrorKind::NotFound);
}

pub fn a_number_closed_without_delete_stays_taken_until_delete(open: Open) {
    for trigger in triggers(open) {
        let (first, second) = (Pipe::ready(), Pipe::ready());
        let closed = first.reader.as_raw_fd();
        let mut subject = Subject::new(open);
        subject.add(&first.reader, 1, READABLE, trigger);
        drop(first.reader);
        let reused = duplicate_to(&second.reader, closed);
        let result = subject.try_add(&reused, 2, READABLE, trigger);
        assert_eq!(kind_of(result), ErrorKind::AlreadyExists);
        subject.delete(&reused);
        subject.add(&reused, 2, READABLE, trigger);
        assert_eq!(subject.promised(2), Ready::READABLE);
    }
}

pub fn a_closed_descriptor_does_not_hide_the_others(open: Open) {
    let (first, mut second) = (Pipe::ready(), Pipe::new());
    let high = duplicate_from(&first.reader, 2000);
    let mut subject = Subject::new(open);
    subject.add(&first.reader, 1, READABLE, Trigger::Level);
    subject.add(&high, 2, READABLE, Trigger::Level);
    subject.add(&second.reader, 3, READABLE, Trigger::Level);
    drop(first);
    drop(high);
    subject.assert_silent();
    put(&mut second.writer);
    for _ in 0..3 {
        assert_eq!(subject.promised(3), Ready::READABLE);
    }
}

pub fn a_closed_descriptor_hides_nothing_from_a_wait_that_does_not_sleep(open: Open) {
    let (first, second) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(open);
    subject.add(&first.reader, 1, READABLE, Trigger::Level);
    subject.add(&second.reader, 2, READABLE, Trigger::Level);
    drop(first);
    assert_eq!(tokens(&subject.look()), [2]);
    assert_eq!(tokens(&subject.look()), [2]);
}

/// What is stale takes the only place that there is for an event.
pub fn a_stale_event_hides_nothing_from_a_wait_that_does_not_sleep(open: Open) {
    let (stale, pipe) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::with_capacity(open, 1);
    subject.add(&stale.reader, 1, READABLE, Trigger::Level);
    subject.add(&pipe.reader, 2, READABLE, Trigger::Level);
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    for _ in 0..3 {
        assert_eq!(tokens(&subject.look()), [2]);
    }
}

/// A one-shot that has fired and whose peer has left is there when the kernel's set is built anew.
pub fn a_fired_one_shot_hides_nothing_after_a_stale_event(open: Open) {
    let (stale, fired, pipe) = (Pipe::ready(), Pipe::ready(), Pipe::new());
    let Pipe { reader, mut writer } = pipe;
    let mut subject = Subject::with_capacity(open, 1);
    subject.add(&fired.reader, 1, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drop(fired.writer);
    subject.add(&stale.reader, 2, READABLE, Trigger::Level);
    subject.add(&reader, 3, READABLE, Trigger::Level);
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    subject.look();
    put(&mut writer);
    for _ in 0..3 {
        assert_eq!(tokens(&subject.look()), [3]);
    }
    subject.modify(&fired.reader, 1, READABLE, Trigger::OneShot);
    subject.delete(&reader);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn a_number_reused_after_delete_and_close_starts_afresh(open: Open) {
    for trigger in triggers(open) {
        let (first, mut second) = (Pipe::ready(), Pipe::new());
        let reused = first.reader.as_raw_fd();
        let mut subject = Subject::new(open);
        subject.add(&first.reader, 1, READABLE, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE);
        subject.delete(&first.reader);
        drop(first.reader);
        let again = duplicate_to(&second.reader, reused);
        subject.add(&again, 2, READABLE, trigger);
        subject.assert_silent();
        put(&mut second.writer);
        assert_eq!(subject.promised(2), Ready::READABLE);
    }
}

/// The predecessor's file lives on under another number and is ready all the time.
pub fn a_reused_number_gets_no_events_of_its_predecessor(open: Open) {
    for trigger in triggers(open) {
        let (mut first, mut second) = (Pipe::ready(), Pipe::new());
        let mut subject = Subject::new(open);
        subject.add(&first.reader, 1, READABLE, trigger);
        let (closed, _spare) = close_keeping_a_duplicate(first.reader.into());
        let reused = duplicate_to(&second.reader, closed);
        subject.delete(&reused);
        subject.add(&reused, 2, READABLE, trigger);
        for _ in 0..3 {
            put(&mut first.writer);
            subject.assert_silent();
        }
        put(&mut second.writer);
        assert_eq!(subject.promised(2), Ready::READABLE, "{trigger:?}");
    }
}

/// Deleted after the close, and never replaced: what lives on is nobody's.
pub fn a_number_deleted_after_its_close_is_silent(open: Open) {
    for trigger in triggers(open) {
        let pipe = Pipe::ready();
        let mut subject = Subject::new(open);
        subject.add(&pipe.reader, 1, READABLE, trigger);
        let (closed, _spare) = close_keeping_a_duplicate(pipe.reader.into());
        subject.poller.delete(number(closed)).expect("it is registered");
        for _ in 0..3 {
            subject.assert_silent();
        }
    }
}

/// On epoll the duplicate's hang-up comes again and again, cannot be taken out by number, and is no news to who asked for priority alone.
pub fn a_hang_up_that_is_no_news_is_silent_after_the_close_too(open: Open) {
    for trigger in triggers(open) {
        let (near, far) = tcp_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::PRIORITY, trigger);
        let (closed, spare) = close_keeping_a_duplicate(near.into());
        reset(far);
        wait_for(&spare, END);
        assert!(subject.look_awake().is_empty(), "{trigger:?}");
        subject.assert_silent();
        subject.poller.delete(number(closed)).expect("it is registered");
        subject.assert_silent();
    }
}

pub fn a_number_closed_deleted_and_duplicated_back_can_be_added(open: Open) {
    let all = triggers(open);
    for (first, second) in all.iter().flat_map(|first| all.iter().map(move |second| (*first, *second))) {
        for interest in [READABLE, Interest::NONE] {
            let pipe = Pipe::ready();
            let mut subject = Subject::new(open);
            subject.add(&pipe.reader, 1, READABLE, first);
            let (closed, spare) = close_keeping_a_duplicate(pipe.reader.into());
            subject.poller.delete(number(closed)).expect("it is registered");
            let back = duplicate_to(&spare, closed);
            subject.add(&back, 2, interest, second);
            if interest.is_none() {
                subject.assert_silent();
                subject.modify(&back, 2, READABLE, second);
            }
            subject.goes_on_as(2, Ready::READABLE, second);
            subject.delete(&back);
            subject.assert_silent();
        }
    }
}

pub fn modify_of_a_reused_number_registers_its_new_file(open: Open) {
    for trigger in triggers(open) {
        let (first, second) = (Pipe::new(), Pipe::ready());
        let mut subject = Subject::new(open);
        subject.add(&first.reader, 1, READABLE, trigger);
        let closed = first.reader.as_raw_fd();
        drop(first.reader);
        let reused = duplicate_to(&second.reader, closed);
        subject.modify(&reused, 2, READABLE, trigger);
        assert_eq!(subject.promised(2), Ready::READABLE);
        subject.delete(&reused);
        subject.assert_silent();
    }
}

/// What the wait then sees differs; that it keeps its time, reports nothing and is no error does not.
pub fn a_descriptor_closed_during_a_wait_is_no_error(open: Open) {
    let pipe = Pipe::new();
    let closed = pipe.reader.as_raw_fd();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let closer = std::thread::spawn(move || {
        std::thread::sleep(QUIET / 5);
        drop(pipe);
    });
    for _ in 0..5 {
        // select and poll keep the file for as long as they wait, and may see its writer leave before its number is closed.
        let found = subject.wait(Some(QUIET));
        assert!(found.is_empty() || found[0].0 == 1, "{found:?}");
    }
    closer.join().expect("the closer does not panic");
    subject.assert_silent();
    subject.poller.delete(number(closed)).expect("it is registered");
}

/// Events of a registration that is gone are thrown away, by whatever means, and all others are as they were.
pub fn what_a_stale_event_sets_off_leaves_the_others_alone(open: Open) {
    let mut pipes: Vec<Pipe> = (0..5).map(|_| Pipe::ready()).collect();
    let mut subject = Subject::new(open);
    let stale = pipes.remove(4);
    subject.add(&stale.reader, 99, READABLE, Trigger::Level);
    subject.add(&pipes[0].reader, 0, READABLE, Trigger::OneShot);
    drain(&mut pipes[1].reader).expect("drain");
    subject.add(&pipes[1].reader, 1, READABLE, Trigger::OneShot);
    subject.add(&pipes[2].reader, 2, Interest::NONE, Trigger::Level);
    drain(&mut pipes[3].reader).expect("drain");
    subject.add(&pipes[3].reader, 3, READABLE, Trigger::Level);
    assert!(subject.wait(None).iter().any(|(token, _)| *token == 0), "the one-shot fires");
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    subject.assert_silent();
    put(&mut pipes[0].writer);
    subject.assert_silent();
    put(&mut pipes[1].writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.modify(&pipes[2].reader, 2, READABLE, Trigger::OneShot);
    assert_eq!(subject.promised(2), Ready::READABLE);
    put(&mut pipes[3].writer);
    assert_eq!(subject.promised(3), Ready::READABLE);
    pipes.iter().for_each(|pipe| subject.delete(&pipe.reader));
    subject.assert_silent();
}

/// A poller that is gone has no say about the numbers that it knew.
pub fn a_number_known_to_a_poller_that_is_gone_starts_afresh(open: Open) {
    for trigger in triggers(open) {
        let (first, mut second) = (Pipe::ready(), Pipe::new());
        let mut subject = Subject::new(open);
        subject.add(&first.reader, 1, READABLE, trigger);
        drop(subject);
        let reused = first.reader.as_raw_fd();
        drop(first);
        let again = duplicate_to(&second.reader, reused);
        let mut subject = Subject::new(open);
        subject.add(&again, 2, READABLE, trigger);
        subject.assert_silent();
        put(&mut second.writer);
        assert_eq!(subject.promised(2), Ready::READABLE, "{trigger:?}");
    }
}

/// The number passes to another file while the poller waits. What the wait sees differs; that it is no error, and that the number
/// can be deleted and added afterwards, does not.
pub fn a_number_that_passes_to_another_file_during_a_wait_is_no_error(open: Open) {
    for trigger in triggers(open) {
        let (first, mut second) = (Pipe::new(), Pipe::new());
        let closed = first.reader.as_raw_fd();
        let mut subject = Subject::new(open);
        subject.add(&first.reader, 1, READABLE, trigger);
        let reader = second.reader.try_clone().expect("dup");
        let changer = std::thread::spawn(move || {
            std::thread::sleep(QUIET / 5);
            drop(first.reader);
            let reused = duplicate_to(&reader, closed);
            (first.writer, reused)
        });
        for _ in 0..5 {
            let found = subject.wait(Some(QUIET));
            assert!(found.is_empty() || found[0].0 == 1, "{found:?}");
        }
        let (_writer, reused) = changer.join().expect("the changer does not panic");
        subject.delete(&reused);
        subject.add(&reused, 2, READABLE, trigger);
        subject.assert_silent();
        put(&mut second.writer);
        assert_eq!(subject.promised(2), Ready::READABLE, "{trigger:?}");
    }
}
