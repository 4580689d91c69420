//! The end of a connection: who learns of it, what can still be read and written, and what is no end.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;

use nix::poll::PollFlags;
use nix::sys::socket::{setsockopt, sockopt};
use ringmq_platform::{Backend, Interest, Ready, Trigger};

use crate::fixtures::*;
use crate::support::{backend_supports, Subject, BOTH};

pub fn a_reset_is_readable_to_a_reader(backend: Backend) {
    let near = reset_connection();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn a_reset_is_writable_to_a_writer(backend: Backend) {
    let near = reset_connection();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::WRITABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
}

/// Registered before it happens, as it is in practice.
pub fn a_reset_ends_a_wait_for_reading(backend: Backend) {
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            let (near, far) = tcp_pair();
            let mut subject = Subject::new(backend);
            subject.add(&near, 1, Interest::READABLE, trigger);
            subject.assert_silent();
            reset(far);
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
        }
    }
}

pub fn a_reader_leaving_ends_a_wait_for_room(backend: Backend) {
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            let Pipe { reader, mut writer } = Pipe::new();
            fill(&mut writer);
            let mut subject = Subject::new(backend);
            subject.add(&writer, 1, Interest::WRITABLE, trigger);
            subject.assert_silent();
            drop(reader);
            assert_eq!(subject.promised(1), Ready::WRITABLE, "{trigger:?}");
        }
    }
}

pub fn a_pipe_without_a_reader_can_be_added_and_is_writable(backend: Backend) {
    let Pipe { reader, writer } = Pipe::new();
    drop(reader);
    let mut subject = Subject::new(backend);
    subject.add(&writer, 1, Interest::WRITABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    subject.modify(&writer, 1, Interest::WRITABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    subject.assert_silent();
    subject.delete(&writer);
}

pub fn data_sent_before_a_close_is_read_before_the_end(backend: Backend) {
    let (mut near, mut far) = tcp_pair();
    put(&mut far);
    put(&mut far);
    drop(far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    for expected in [1, 1, 0] {
        assert_eq!(subject.promised(1), Ready::READABLE);
        wait_for(&near, PollFlags::POLLIN);
        assert_eq!(near.read(&mut [0]).expect("data, then the end"), expected);
    }
    assert_eq!(subject.promised(1), Ready::READABLE, "the end is there to stay");
}

pub fn data_in_a_pipe_is_read_before_its_end(backend: Backend) {
    let Pipe { mut reader, writer } = Pipe::ready();
    drop(writer);
    let mut subject = Subject::new(backend);
    subject.add(&reader, 1, Interest::READABLE, Trigger::Level);
    for expected in [1, 0, 0] {
        assert_eq!(subject.promised(1), Ready::READABLE);
        assert_eq!(reader.read(&mut [0]).expect("data, then the end"), expected);
    }
}

/// Data queued before a reset may be handed out or dropped; the end comes within two reads either way.
pub fn a_reset_after_data_ends_within_two_reads(backend: Backend) {
    let (mut near, mut far) = tcp_pair();
    put(&mut far);
    reset(far);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    wait_for(&near, PollFlags::empty());
    let has_ended = (0..2).any(|_| {
        assert_eq!(subject.promised(1), Ready::READABLE);
        !matches!(near.read(&mut [0; 8]), Ok(1..))
    });
    assert!(has_ended);
}

pub fn an_error_is_taken_once(backend: Backend) {
    let stream = refused_connection();
    let mut subject = Subject::new(backend);
    subject.add(&stream, 1, Interest::WRITABLE, Trigger::OneShot);
    assert_eq!(subject.promised(1), Ready::WRITABLE);
    let error = stream.take_error().expect("SO_ERROR").expect("it was refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(stream.take_error().expect("SO_ERROR").is_none());
}

pub fn a_half_close_is_no_hang_up(backend: Backend) {
    let (near, far) = tcp_pair();
    far.shutdown(Shutdown::Write).expect("shutdown");
    wait_for(&near, PollFlags::POLLIN);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::Level);
    let ready = subject.only(1);
    assert!(!ready.is_hangup() && !ready.is_error(), "{ready:?}");
}

pub fn ones_own_half_close_is_no_hang_up(backend: Backend) {
    let (near, _far) = tcp_pair();
    near.shutdown(Shutdown::Write).expect("shutdown");
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::Level);
    let ready = subject.only(1);
    assert_eq!(ready, Ready::WRITABLE);
}

pub fn hints_are_told_by_those_that_know_them(backend: Backend) {
    let near = reset_connection();
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, BOTH, Trigger::Level);
    let hints = subject.only(1).without(Ready::READABLE | Ready::WRITABLE);
    match backend {
        Backend::Select => assert_eq!(hints, Ready::NONE),
        _ => assert!(hints.is_error() || hints.is_hangup(), "{hints:?}"),
    }
}

/// Never connected: what it is ready for differs by system, and the other registrations do not suffer from it.
pub fn a_socket_never_connected_does_no_harm(backend: Backend) {
    use nix::sys::socket::{socket, AddressFamily, SockFlag, SockType};
    let fresh = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).expect("socket");
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&fresh, 1, BOTH, Trigger::OneShot);
    subject.add(&pipe.reader, 2, Interest::READABLE, Trigger::Level);
    assert!(subject.wait(None).iter().any(|(token, _)| *token == 2));
    while subject.look().iter().any(|(token, _)| *token == 1) {}
    assert_eq!(subject.promised(2), Ready::READABLE);
}

pub fn out_of_band_data_is_priority(backend: Backend) {
    let (near, mut far) = tcp_pair();
    nix::sys::socket::send(std::os::fd::AsRawFd::as_raw_fd(&far), b"!", nix::sys::socket::MsgFlags::MSG_OOB)
        .expect("send out of band");
    wait_for(&near, PollFlags::POLLPRI);
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::PRIORITY, Trigger::Level);
    assert_eq!(subject.only(1), Ready::PRIORITY);
    put(&mut far);
    wait_for(&near, PollFlags::POLLIN);
    subject.modify(&near, 1, Interest::PRIORITY | BOTH, Trigger::Level);
    assert_eq!(subject.only(1), Ready::PRIORITY | Ready::READABLE | Ready::WRITABLE);
    subject.modify(&near, 1, BOTH, Trigger::Level);
    assert_eq!(subject.only(1), Ready::READABLE | Ready::WRITABLE);
}

pub fn less_than_the_low_water_mark_is_not_readable(backend: Backend) {
    let (mut near, mut far) = tcp_pair();
    // SAFETY: the pointer is to an integer of the length that is passed.
    let result = unsafe {
        let mark: libc::c_int = 3;
        let len = std::mem::size_of_val(&mark) as libc::socklen_t;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&near);
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, (&mark as *const libc::c_int).cast(), len)
    };
    assert_eq!(result, 0, "SO_RCVLOWAT");
    let mut subject = Subject::new(backend);
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    put(&mut far);
    put(&mut far);
    subject.assert_silent();
    put(&mut far);
    assert_eq!(subject.promised(1), Ready::READABLE);
    drain(&mut near).expect("drain");
}

/// Two segments, since the peer does not wait to fill one.
pub fn two_writes_before_a_wait_are_one_event(backend: Backend) {
    let (near, mut far) = tcp_pair();
    setsockopt(&far, sockopt::TcpNoDelay, &true).expect("TCP_NODELAY");
    let mut subject = Subject::new(backend);
    for trigger in [Trigger::Level, Trigger::OneShot, Trigger::Edge] {
        if backend_supports(backend, trigger) {
            put(&mut far);
            put(&mut far);
            wait_for(&near, PollFlags::POLLIN);
            subject.add(&near, 1, Interest::READABLE, trigger);
            assert_eq!(subject.promised(1), Ready::READABLE, "{trigger:?}");
            subject.delete(&near);
        }
    }
}
