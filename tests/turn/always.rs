//! Descriptors that no kernel mechanism can wait for, regular files: ready at every turn, and in nobody's way.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use ringmq::platform::{Interest, Ready};
use ringmq::{Context, Fire, Io, Source};

use crate::support::{pair, Case, Probe, Seen};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const HOUR: Option<Duration> = Some(Duration::from_secs(3600));

/// Reads a few bytes at a time, until the end.
struct Reader {
    file: File,
    text: Vec<u8>,
    has_ended: bool,
}

impl Reader {
    fn of_this_file() -> Reader {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/turn/always.rs")).unwrap();
        Reader { file, text: Vec::new(), has_ended: false }
    }
}

impl Source for Reader {
    fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn interest(&self) -> Interest {
        if self.has_ended {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }

    fn respond(&mut self, ready: Ready, _: &mut Io) -> Fire {
        assert_eq!(ready, Ready::READABLE);
        let mut bytes = [0; 100];
        let len = self.file.read(&mut bytes).unwrap();
        self.text.extend_from_slice(&bytes[..len]);
        self.has_ended = len == 0;
        Fire::from(self.has_ended)
    }
}

pub fn a_regular_file_is_read_to_its_end_like_any_source(case: Case) {
    let mut reactor = case.reactor();
    let done = |seen: &mut Seen, context: &mut Context<'_, Seen>, id| {
        let reader: Reader = context.remove(id).unwrap();
        seen.bytes = reader.text;
        context.stop();
    };
    reactor.context().add(Reader::of_this_file(), done).unwrap();
    let mut seen = Seen::default();
    reactor.run(&mut seen).unwrap();
    assert_eq!(seen.bytes, include_bytes!("always.rs"));
}

pub fn a_regular_file_and_a_socket_both_have_their_turn(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe::new(far);
    let notes = probe.notes();
    let mut context = reactor.context();
    context.add(probe, |_: &mut (), _, _| ()).unwrap();
    let file = context.add(Reader::of_this_file(), |_, _, _| ()).unwrap();
    for _ in 0..10 {
        reactor.turn(&mut (), HOUR).unwrap();
    }
    assert_eq!((notes.response_count(), reactor.context().get(file).unwrap().text.len()), (10, 1000));
    assert_eq!(spy.take_waits(), [ZERO; 10]);
}

pub fn without_interest_or_removed_a_regular_file_lets_the_loop_sleep(case: Case) {
    let (mut reactor, spy) = case.clocked();
    let file = reactor.context().add(Reader::of_this_file(), |_: &mut (), _, _| ()).unwrap();
    for has_ended in [false, true, false] {
        reactor.context().get_mut(file).unwrap().has_ended = has_ended;
        reactor.turn(&mut (), HOUR).unwrap();
    }
    assert!(reactor.context().remove(file).is_some());
    reactor.turn(&mut (), HOUR).unwrap();
    assert_eq!(spy.take_waits(), [ZERO, HOUR, ZERO, HOUR]);
}
