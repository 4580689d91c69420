//! What a poller opens and closes, and what it does when the process may open no more. All of these run alone.

use std::os::unix::io::{AsRawFd, RawFd};

use crate::{Interest, Ready, Token, Trigger};

use super::fixtures::{close_keeping_a_duplicate, duplicate_from, number, put, Pipe};
use super::support::{current_name, is_open, open_numbers, tokens, triggers, Subject};
use super::system::{descriptor_limit, is_closed_on_exec, set_descriptor_limit, Limit};
use super::Open;

const READABLE: Interest = Interest::READABLE;

/// What poll hands to the kernel is compared with the limit of open descriptors (poll(2), EINVAL), holes in it included.
pub fn deleted_registrations_do_not_count_against_the_limit(open: Open) {
    let many: Vec<Pipe> = (0..100).map(|_| Pipe::ready()).collect();
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    many.iter().for_each(|pipe| subject.add(&pipe.reader, 9, READABLE, Trigger::Level));
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    many.iter().for_each(|pipe| subject.delete(&pipe.reader));
    drop(many);
    without_numbers_to_spare(|| assert_eq!(subject.promised(1), Ready::READABLE));
}

/// A stale event and a ready registration in one wait, while the process may open nothing: the event is reported all the same.
pub fn with_no_number_to_spare_a_stale_event_costs_nobody_an_event(open: Open) {
    let (stale, pipe) = (Pipe::ready(), Pipe::ready());
    let mut subject = Subject::new(open);
    subject.add(&stale.reader, 99, READABLE, Trigger::Level);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    let (closed, _spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    without_numbers_to_spare(|| {
        let result = subject.poller.wait(&mut subject.events, None);
        let tokens: Vec<Token> = subject.events.iter().map(|event| event.token).collect();
        assert_eq!((result.map_err(|error| error.to_string()), tokens), (Ok(()), vec![Token(1)]));
    });
    subject.assert_silent();
}

pub fn dropping_a_poller_leaks_no_descriptor(open: Open) {
    let pipe = Pipe::ready();
    let before = open_numbers();
    for _ in 0..10 {
        let mut subject = Subject::new(open);
        subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
        assert_eq!(subject.promised(1), Ready::READABLE);
        drop(subject);
        assert_eq!(open_numbers(), before);
    }
}

pub fn own_descriptors_are_closed_on_exec(open: Open) {
    let stale = Pipe::ready();
    let before = open_numbers();
    let mut subject = Subject::new(open);
    let (_waker, _receiver) = crate::Waker::new().expect("open a waker");
    let opened =
        || -> Vec<RawFd> { open_numbers().into_iter().filter(|number| !before.contains(number)).collect() };
    let own = opened();
    // A poller may have more of them than it shows.
    let shown = subject.poller.as_fd().map(|fd| fd.as_raw_fd());
    assert!(own.len() >= shown.iter().len() + waker_descriptor_count(), "{own:?}");
    assert!(shown.iter().all(|shown| own.contains(shown)), "{shown:?} is not among {own:?}");
    own.iter().for_each(|own| assert!(is_closed_on_exec(number(*own)), "number {own}"));
    // A stale event makes epoll open its set anew, under the number of the old one.
    subject.add(&stale.reader, 1, READABLE, Trigger::Level);
    let (closed, spare) = close_keeping_a_duplicate(stale.reader.into());
    subject.poller.delete(number(closed)).expect("it is registered");
    subject.assert_silent();
    drop((stale.writer, spare));
    let own = opened();
    assert!(shown.iter().all(|shown| own.contains(shown)), "{shown:?} is not among {own:?}");
    own.iter().for_each(|own| assert!(is_closed_on_exec(number(*own)), "number {own}, after a stale event"));
}

fn waker_descriptor_count() -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        1
    } else {
        2
    }
}

pub fn a_poller_that_needs_a_number_fails_without_one(open: Open) {
    let before = open_numbers();
    let poller = open().expect("open a poller");
    let needs_number = open_numbers() != before;
    drop(poller);
    without_numbers_to_spare(|| match open() {
        Ok(_) => assert!(!needs_number),
        Err(error) => assert_eq!((needs_number, error.raw_os_error()), (true, Some(libc::EMFILE))),
    });
    assert_eq!(open_numbers(), before, "a failure leaves nothing open");
}

/// With no number to spare, and with one, which is enough for an eventfd and not for a pipe.
pub fn a_waker_that_cannot_be_opened_leaves_nothing_open(open: Open) {
    let subject = Subject::new(open);
    let before = open_numbers();
    for spare in 0..2 {
        with_numbers_to_spare(spare, || match crate::Waker::new() {
            Ok(_) => assert!(spare >= waker_descriptor_count()),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "with {spare} to spare"),
        });
        assert_eq!(open_numbers(), before, "with {spare} to spare");
    }
    drop(subject);
}

/// The limit is on numbers to be opened; what is open beyond it goes on.
pub fn registrations_survive_a_limit_lowered_below_their_numbers(open: Open) {
    for trigger in triggers(open) {
        let mut low = Pipe::new();
        let high = duplicate_from(&low.reader, 3000);
        let mut subject = Subject::new(open);
        subject.add(&high, 1, READABLE, trigger);
        subject.add(&low.reader, 2, READABLE, Trigger::OneShot);
        without_numbers_to_spare(|| {
            subject.assert_silent();
            put(&mut low.writer);
            assert_eq!(tokens(&subject.wait(None)), [1, 2], "{trigger:?}");
            subject.modify(&high, 3, READABLE, trigger);
            assert_eq!(subject.promised(3), Ready::READABLE, "{trigger:?}");
            subject.delete(&high);
            subject.assert_silent();
        });
    }
}

/// A program that is executed by the one that has the poller finds as much open as one that was executed before there was any.
pub fn an_executed_program_inherits_nothing_of_a_poller(open: Open) {
    const CHILD: &str = "RINGMQ_CONFORMANCE_LISTS_NUMBERS";
    if std::env::var_os(CHILD).is_some() {
        println!("open: {:?}", open_numbers());
        return;
    }
    let inherited = || -> String {
        let output = std::process::Command::new(std::env::current_exe().expect("the test's own file"))
            .args(["--exact", current_name(), "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("start the test once more");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = told.lines().find_map(|line| line.split_once("open: "));
        line.unwrap_or_else(|| panic!("the child lists what is open; {told}")).1.to_owned()
    };
    let before = inherited();
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let (_waker, receiver) = crate::Waker::new().expect("open a waker");
    subject.add(&receiver, 2, READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert_eq!(inherited(), before);
}

/// Runs something while the process may open no descriptor.
fn without_numbers_to_spare(body: impl FnOnce()) {
    with_numbers_to_spare(0, body);
}

/// Runs something while the process may open so many descriptors and no more.
fn with_numbers_to_spare(count: usize, body: impl FnOnce()) {
    struct Restore(Limit, Limit);
    impl Drop for Restore {
        fn drop(&mut self) {
            set_descriptor_limit(self.0, self.1);
        }
    }
    let (soft, hard) = descriptor_limit();
    let restore = Restore(soft, hard);
    // The limit is on new numbers only; those that are open beyond it stay so. The first free number that is one too many is the
    // first to be refused.
    let end = (0..).filter(|number| !is_open(*number)).nth(count).expect("there is always one more");
    set_descriptor_limit(end as Limit, hard);
    body();
    drop(restore);
}
