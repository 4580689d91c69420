//! The end of a connection: who learns of it, what can still be read and written, and what is no end.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::io::AsFd;

use crate::{Interest, Ready, Trigger};

use super::fixtures::*;
use super::support::{tokens, triggers, Subject, BOTH};
use super::{system, Open};

pub fn a_reset_is_readable_to_a_reader(open: Open) {
    let near = reset_connection();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn a_reset_is_writable_to_a_writer(open: Open) {
    let near = reset_connection();
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::WRITABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
}

/// Registered before it happens, as it is in practice.
pub fn a_reset_ends_a_wait_for_reading(open: Open) {
    for trigger in triggers(open) {
        let (near, far) = tcp_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::READABLE, trigger);
        subject.assert_silent();
        reset(far);
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
    }
}

pub fn a_reader_leaving_ends_a_wait_for_room(open: Open) {
    for trigger in triggers(open) {
        let Pipe { reader, mut writer } = Pipe::new();
        fill(&mut writer);
        let mut subject = Subject::new(open);
        subject.add(&writer, 1, Interest::WRITABLE, trigger);
        subject.assert_silent();
        drop(reader);
        assert_eq!(subject.promised(1), Ready::WRITABLE, "{trigger:?}");
    }
}

pub fn a_reader_leaving_is_told_at_every_wait_on_level(open: Open) {
    for is_full in [false, true] {
        let Pipe { reader, mut writer } = Pipe::new();
        if is_full {
            fill(&mut writer);
        }
        let mut subject = Subject::new(open);
        subject.add(&writer, 1, Interest::WRITABLE, Trigger::Level);
        drop(reader);
        for _ in 0..5 {
            assert_eq!(subject.promised(1), Ready::WRITABLE);
        }
        subject.modify(&writer, 1, Interest::NONE, Trigger::Level);
        subject.assert_silent();
    }
}

pub fn a_pipe_without_a_reader_can_be_added_and_is_writable(open: Open) {
    for trigger in triggers(open) {
        let Pipe { reader, writer } = Pipe::new();
        drop(reader);
        let mut subject = Subject::new(open);
        subject.add(&writer, 1, Interest::WRITABLE, trigger);
        subject.goes_on_as(1, Ready::WRITABLE, trigger);
        subject.modify(&writer, 1, Interest::WRITABLE, Trigger::OneShot);
        assert_eq!(subject.promised(1), Ready::WRITABLE);
        subject.assert_silent();
        subject.delete(&writer);
    }
}

pub fn data_sent_before_a_close_is_read_before_the_end(open: Open) {
    for trigger in triggers(open) {
        let (mut near, mut far) = tcp_pair();
        put(&mut far);
        put(&mut far);
        drop(far);
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::READABLE, trigger);
        for expected in [1, 1, 0] {
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            wait_for(&near, libc::POLLIN);
            assert_eq!(near.read(&mut [0]).expect("data, then the end"), expected);
            subject.rearm(&near, 1, Interest::READABLE, trigger);
        }
        assert_eq!(subject.promised(1), Ready::READABLE, "the end is there to stay");
    }
}

pub fn data_in_a_pipe_is_read_before_its_end(open: Open) {
    for trigger in triggers(open) {
        let Pipe { mut reader, writer } = Pipe::ready();
        drop(writer);
        let mut subject = Subject::new(open);
        subject.add(&reader, 1, Interest::READABLE, trigger);
        for expected in [1, 0, 0] {
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            assert_eq!(reader.read(&mut [0]).expect("data, then the end"), expected);
            subject.rearm(&reader, 1, Interest::READABLE, trigger);
        }
    }
}

/// Data queued before a reset may be handed out or dropped; the end comes within two reads either way.
pub fn a_reset_after_data_ends_within_two_reads(open: Open) {
    for trigger in triggers(open) {
        let (mut near, mut far) = tcp_pair();
        put(&mut far);
        reset(far);
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::READABLE, trigger);
        wait_for(&near, END);
        let has_ended = (0..2).any(|_| {
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            subject.rearm(&near, 1, Interest::READABLE, trigger);
            !matches!(near.read(&mut [0; 8]), Ok(1..))
        });
        assert!(has_ended, "{trigger:?}");
    }
}

pub fn an_error_is_taken_once(open: Open) {
    let stream = refused_connection();
    let mut subject = Subject::new(open);
    subject.add(&stream, 1, Interest::WRITABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    let error = stream.take_error().expect("SO_ERROR").expect("it was refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(stream.take_error().expect("SO_ERROR").is_none());
}

pub fn a_half_close_is_no_hang_up(open: Open) {
    for trigger in triggers(open) {
        let (near, far) = tcp_pair();
        far.shutdown(Shutdown::Write).expect("shutdown");
        wait_for(&near, libc::POLLIN);
        let mut subject = Subject::new(open);
        subject.add(&near, 1, BOTH, trigger);
        let ready = subject.only(1);
        assert!(!ready.is_hangup() && !ready.is_error(), "{trigger:?}: {ready:?}");
    }
}

pub fn ones_own_half_close_is_no_hang_up(open: Open) {
    for trigger in triggers(open) {
        let (near, _far) = tcp_pair();
        near.shutdown(Shutdown::Write).expect("shutdown");
        let mut subject = Subject::new(open);
        subject.add(&near, 1, BOTH, trigger);
        assert_eq!(subject.only(1), Ready::WRITABLE, "{trigger:?}");
    }
}

/// Never connected: what it is ready for differs by system, and the other registrations do not suffer from it.
pub fn a_socket_never_connected_does_no_harm(open: Open) {
    let fresh = system::fresh_socket();
    let pipe = Pipe::ready();
    let mut subject = Subject::new(open);
    subject.add(&fresh, 1, BOTH, Trigger::OneShot);
    subject.add(&pipe.reader, 2, Interest::READABLE, Trigger::Level);
    assert!(subject.wait(None).iter().any(|(token, _)| *token == 2));
    while subject.look().iter().any(|(token, _)| *token == 1) {}
    assert_eq!(subject.promised(2), Ready::READABLE);
}

/// Whether a poller tells of out-of-band data at all, by trying.
pub fn knows_out_of_band_data(open: Open) -> bool {
    let (near, far) = tcp_pair();
    system::send_out_of_band(&far);
    // Whether it has arrived poll(2) tells on most systems. On one where it does not, a second is enough within one machine.
    system::poll(near.as_fd(), libc::POLLPRI, 1000);
    let mut subject = Subject::new(open);
    match subject.try_add(&near, 1, Interest::PRIORITY, Trigger::Level) {
        Ok(()) => subject.look().iter().any(|(_, ready)| ready.is_priority()),
        Err(_) => false,
    }
}

pub fn out_of_band_data_is_priority(open: Open) {
    for trigger in triggers(open) {
        let (near, mut far) = tcp_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::PRIORITY, trigger);
        subject.assert_silent();
        system::send_out_of_band(&far);
        assert_eq!(subject.only(1), Ready::PRIORITY, "{trigger:?}");
        match trigger {
            Trigger::Level => (0..3).for_each(|_| assert_eq!(subject.only(1), Ready::PRIORITY)),
            Trigger::OneShot => subject.assert_silent(),
            Trigger::Edge => assert!((0..10).any(|_| subject.look().is_empty()), "an edge is not a level"),
        }
        put(&mut far);
        wait_for(&near, libc::POLLIN);
        subject.modify(&near, 1, Interest::PRIORITY | BOTH, trigger);
        assert_eq!(subject.only(1), Ready::PRIORITY | Ready::READABLE | Ready::WRITABLE, "{trigger:?}");
        subject.modify(&near, 1, BOTH, trigger);
        assert_eq!(subject.only(1), Ready::READABLE | Ready::WRITABLE, "{trigger:?}");
    }
}

/// No mechanism's "except" or priority says that a connection has ended, and what says it was not asked for. The others go on, one that
/// has room for an event only beside it too.
pub fn who_asks_for_priority_alone_hears_nothing_of_a_hang_up(open: Open) {
    for trigger in triggers(open) {
        let (near, far) = tcp_pair();
        let mut pipe = Pipe::new();
        let mut subject = Subject::with_capacity(open, 1);
        subject.add(&near, 1, Interest::PRIORITY, trigger);
        subject.add(&pipe.reader, 2, Interest::READABLE, Trigger::Level);
        reset(far);
        wait_for(&near, END);
        put(&mut pipe.writer);
        assert_eq!(tokens(&subject.look()), [2], "{trigger:?}");
        assert_eq!(drain(&mut pipe.reader).expect("drain"), 1);
        (0..3).for_each(|_| subject.assert_silent());
        subject.modify(&near, 1, Interest::PRIORITY, trigger);
        put(&mut pipe.writer);
        assert_eq!(tokens(&subject.look()), [2], "{trigger:?}");
        subject.modify(&near, 3, Interest::PRIORITY | Interest::READABLE, trigger);
        subject.delete(&pipe.reader);
        subject.goes_on_as(3, Ready::READABLE, trigger);
    }
}

pub fn less_than_the_low_water_mark_is_not_readable(open: Open) {
    let (mut near, mut far) = tcp_pair();
    system::set_receive_low_water_mark(&near, 3);
    let mut subject = Subject::new(open);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    put(&mut far);
    put(&mut far);
    subject.assert_silent();
    put(&mut far);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut near).expect("drain");
}

/// Two segments, since the peer does not wait to fill one.
pub fn two_writes_before_a_wait_are_one_event(open: Open) {
    let (near, mut far) = tcp_pair();
    far.set_nodelay(true).expect("TCP_NODELAY");
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        put(&mut far);
        put(&mut far);
        wait_for(&near, libc::POLLIN);
        subject.add(&near, 1, Interest::READABLE, trigger);
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
        subject.delete(&near);
    }
}

pub fn a_half_close_ends_a_wait_for_reading(open: Open) {
    for trigger in triggers(open) {
        let (near, far) = tcp_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::READABLE, trigger);
        subject.assert_silent();
        far.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
    }
}

pub fn a_writer_leaving_ends_a_wait_for_data(open: Open) {
    for trigger in triggers(open) {
        let Pipe { reader, writer } = Pipe::new();
        let mut subject = Subject::new(open);
        subject.add(&reader, 1, Interest::READABLE, trigger);
        subject.assert_silent();
        drop(writer);
        assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
    }
}

/// Registered while it may still be under way.
pub fn a_connect_that_succeeds_ends_a_wait(open: Open) {
    let listener = listener();
    let address = listener.local_addr().expect("local_addr");
    for trigger in triggers(open) {
        let stream = crate::net::connect(&address).expect("connect");
        let mut subject = Subject::new(open);
        subject.add(&stream, 1, Interest::WRITABLE, trigger);
        assert_eq!(subject.promised(1), Ready::WRITABLE, "{trigger:?}");
        assert!(stream.take_error().expect("SO_ERROR").is_none());
    }
}

pub fn a_connect_that_is_refused_ends_a_wait(open: Open) {
    for trigger in triggers(open) {
        // Nobody listens where a connection of one's own has its end.
        let (_near, far) = tcp_pair();
        let stream = crate::net::connect(&far.local_addr().expect("local_addr")).expect("it is told later");
        let mut subject = Subject::new(open);
        subject.add(&stream, 1, Interest::WRITABLE, trigger);
        assert_eq!(subject.promised(1), Ready::WRITABLE, "{trigger:?}");
        let error = stream.take_error().expect("SO_ERROR").expect("it was refused");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

/// What a writer does with "writable" after the peer has gone: the first write may succeed, and then an error comes.
pub fn writing_to_a_peer_that_has_gone_ends_in_an_error(open: Open) {
    for trigger in triggers(open) {
        let (mut near, far) = unix_pair();
        let mut subject = Subject::new(open);
        subject.add(&near, 1, Interest::WRITABLE, trigger);
        drop(far);
        let has_ended = (0..3).any(|_| {
            assert_eq!(subject.promised(1), Ready::WRITABLE, "{trigger:?}");
            subject.rearm(&near, 1, Interest::WRITABLE, trigger);
            std::io::Write::write(&mut near, b"x").is_err()
        });
        assert!(has_ended, "{trigger:?}");
    }
}
