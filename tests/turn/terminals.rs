//! Pseudo-terminals as streams: a program on the one side, and who types and looks on the other.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use ringmq::platform::pty;
use ringmq::{Descriptor, State};

use crate::descriptors::is_nonblocking;
use crate::support::{add_taking, turn_until, turn_until_idle, Case, Seen};

/// Standard input and output of an interactive program are one open file: it stays non-blocking for the one that is left.
pub fn of_one_terminal_twice_the_one_that_is_left_still_does_not_block(case: Case) {
    let mut reactor = case.reactor();
    let pty = pty::open().unwrap();
    let output = pty.slave.try_clone().unwrap();
    let shells = pty.slave.try_clone().unwrap();
    let input = add_taking(&mut reactor, Descriptor::new(pty.slave));
    let output = add_taking(&mut reactor, Descriptor::writer(output));
    drop(reactor.context().remove(input));
    assert!(is_nonblocking(shells.as_fd()));
    drop(reactor.context().remove(output));
    assert!(!is_nonblocking(shells.as_fd()));
}

/// What is typed and what is shown, with a program on the one side and us on the other.
pub fn a_line_typed_at_a_terminal_arrives_and_its_answer_is_shown(case: Case) {
    let (mut reactor, spy) = case.spied();
    let pty = pty::open().unwrap();
    let mut keyboard = File::from(pty.master);
    let id = add_taking(&mut reactor, Descriptor::new(pty.slave));
    let mut seen = Seen::default();
    keyboard.write_all(b"half a li").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.bytes, b"");
    keyboard.write_all(b"ne\n").unwrap();
    turn_until(&mut reactor, &mut seen, |seen| !seen.bytes.is_empty());
    assert_eq!(seen.bytes, b"half a line\n");

    reactor.context().get_mut(id).unwrap().send(b"answer\n").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    let mut shown = [0; 21];
    keyboard.read_exact(&mut shown).unwrap();
    assert_eq!(&shown, b"half a line\r\nanswer\r\n");

    keyboard.write_all(&[4]).unwrap(); // an end of file, as typed by control and D
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Ended));
    assert_eq!(seen.errors, []);
}

/// Linux answers EIO there, which is an end all the same.
pub fn a_terminal_whose_program_is_gone_has_ended(case: Case) {
    let (mut reactor, spy) = case.spied();
    let pty = pty::open().unwrap();
    add_taking(&mut reactor, Descriptor::new(pty.master));
    let mut program = File::from(pty.slave);
    program.write_all(b"last words\n").unwrap();
    drop(program);
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.last_state() == Some(State::Ended));
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.bytes, seen.errors), (b"last words\r\n".to_vec(), vec![]));
}
