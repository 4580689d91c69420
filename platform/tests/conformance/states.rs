//! The states that a descriptor can be in, each asked about with every trigger and interest (`support::assert_state`).

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixDatagram;

use nix::poll::PollFlags;
use ringmq_platform::{net, Backend, Ready};

use crate::fixtures::*;
use crate::support::assert_state;

const NOTHING: Ready = Ready::NONE;
const R: Ready = Ready::READABLE;
const W: Ready = Ready::WRITABLE;
const RW: Ready = Ready::READABLE.with(Ready::WRITABLE);

pub fn an_idle_connection_is_writable(backend: Backend) {
    let (near, _far) = tcp_pair();
    assert_state(backend, &near, W, NOTHING);
}

pub fn a_connection_with_data_is_readable_and_writable(backend: Backend) {
    let (near, mut far) = tcp_pair();
    put(&mut far);
    wait_for(&near, PollFlags::POLLIN);
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_peers_half_close_is_readable_and_leaves_writing_possible(backend: Backend) {
    let (mut near, mut far) = tcp_pair();
    put(&mut far);
    far.shutdown(Shutdown::Write).expect("shutdown");
    wait_for(&near, PollFlags::POLLIN);
    assert_state(backend, &near, RW, NOTHING);
    assert_eq!(near.read(&mut [0; 8]).expect("the data"), 1);
    assert_state(backend, &near, RW, NOTHING);
    assert_eq!(near.read(&mut [0; 8]).expect("the end"), 0);
    assert_state(backend, &near, RW, NOTHING);
    put(&mut near);
    wait_for(&far, PollFlags::POLLIN);
    assert_eq!(drain(&mut far).expect("what was written after the half-close"), 1);
}

pub fn a_connection_closed_by_the_peer_is_readable(backend: Backend) {
    let (near, far) = tcp_pair();
    drop(far);
    wait_for(&near, PollFlags::POLLIN);
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_connection_shut_in_both_directions_is_readable_and_writable(backend: Backend) {
    let (near, far) = tcp_pair();
    far.shutdown(Shutdown::Write).expect("shutdown");
    near.shutdown(Shutdown::Write).expect("shutdown");
    wait_for(&near, PollFlags::empty());
    assert_state(backend, &near, RW, NOTHING);
}

pub fn ones_own_half_close_is_not_readable(backend: Backend) {
    let (near, mut far) = tcp_pair();
    near.shutdown(Shutdown::Write).expect("shutdown");
    assert_state(backend, &near, W, NOTHING);
    put(&mut far);
    wait_for(&near, PollFlags::POLLIN);
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_connection_shut_for_reading_is_readable(backend: Backend) {
    let (near, _far) = tcp_pair();
    near.shutdown(Shutdown::Read).expect("shutdown");
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_reset_connection_is_readable_and_writable(backend: Backend) {
    assert_state(backend, &reset_connection(), RW, NOTHING);
}

pub fn a_reset_connection_stays_ready_after_its_error_was_taken(backend: Backend) {
    let near = reset_connection();
    assert!(near.take_error().expect("SO_ERROR").is_some());
    assert!(near.take_error().expect("SO_ERROR").is_none(), "it is given away once");
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_refused_connection_is_readable_and_writable(backend: Backend) {
    let stream = refused_connection();
    assert_state(backend, &stream, RW, NOTHING);
    let error = stream.take_error().expect("SO_ERROR").expect("it was refused");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

pub fn a_connection_made_is_writable_without_error(backend: Backend) {
    let listener = listener();
    let stream = net::connect(&listener.local_addr().expect("local_addr")).expect("connect");
    wait_for(&stream, PollFlags::POLLOUT);
    assert_state(backend, &stream, W, NOTHING);
    assert!(stream.take_error().expect("SO_ERROR").is_none());
}

pub fn an_idle_listener_is_silent(backend: Backend) {
    assert_state(backend, &listener(), NOTHING, NOTHING);
}

pub fn a_listener_with_a_connection_queued_is_readable_and_never_writable(backend: Backend) {
    let listener = listener();
    let _client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    wait_for(&listener, PollFlags::POLLIN);
    assert_state(backend, &listener, R, NOTHING);
    net::accept(&listener).expect("accept");
    assert_state(backend, &listener, NOTHING, NOTHING);
}

/// Whether the connection is still handed out differs; that nobody is left waiting does not.
pub fn a_listener_whose_client_has_left_does_not_block(backend: Backend) {
    let listener = listener();
    let client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    wait_for(&listener, PollFlags::POLLIN);
    reset(client);
    assert_state(backend, &listener, NOTHING, R);
    let _either = net::accept(&listener);
    assert_state(backend, &listener, NOTHING, NOTHING);
}

pub fn a_full_send_buffer_is_silent(backend: Backend) {
    let (mut near, _far) = unix_pair();
    fill(&mut near);
    assert_state(backend, &near, NOTHING, NOTHING);
}

pub fn a_unix_stream_closed_by_the_peer_is_readable_and_writable(backend: Backend) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    drop(far);
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_unix_stream_closed_with_its_input_unread_is_readable_and_writable(backend: Backend) {
    let (mut near, far) = unix_pair();
    put(&mut near);
    drop(far);
    assert_state(backend, &near, RW, NOTHING);
}

pub fn a_unix_datagram_socket_whose_peer_has_left_is_writable(backend: Backend) {
    let (near, far) = UnixDatagram::pair().expect("socketpair");
    drop(far);
    assert_state(backend, &near, W, R);
}

pub fn an_empty_datagram_is_readable(backend: Backend) {
    let (near, far) = udp_pair();
    far.send(&[]).expect("send nothing");
    wait_for(&near, PollFlags::POLLIN);
    assert_state(backend, &near, RW, NOTHING);
    assert_eq!(near.recv(&mut [0; 8]).expect("receive nothing"), 0);
    assert_state(backend, &near, W, NOTHING);
}

pub fn a_refused_datagram_is_readable_and_writable(backend: Backend) {
    let (near, far) = udp_pair();
    drop(far);
    near.send(b"x").expect("the first is sent");
    wait_for(&near, PollFlags::empty());
    assert_state(backend, &near, RW, NOTHING);
    let error = near.recv(&mut [0; 8]).expect_err("nobody answers");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

pub fn a_pipe_left_by_its_writer_is_readable_with_data_and_without(backend: Backend) {
    let Pipe { mut reader, writer } = Pipe::ready();
    drop(writer);
    assert_state(backend, &reader, R, W);
    assert_eq!(drain(&mut reader).expect("drain"), 1);
    assert_state(backend, &reader, R, W);
}

pub fn a_pipe_left_by_its_reader_is_writable_with_room_and_without(backend: Backend) {
    let Pipe { reader, writer } = Pipe::new();
    drop(reader);
    assert_state(backend, &writer, W, R);
    let Pipe { reader, mut writer } = Pipe::new();
    fill(&mut writer);
    assert_state(backend, &writer, NOTHING, NOTHING);
    drop(reader);
    assert_state(backend, &writer, W, R);
}

pub fn a_fifo_left_by_its_writer_is_readable(backend: Backend) {
    let directory = Directory::new();
    let mut reader = directory.fifo_reader("fifo");
    let mut writer = directory.fifo_writer("fifo");
    assert_state(backend, &reader, NOTHING, NOTHING);
    put(&mut writer);
    assert_state(backend, &reader, R, NOTHING);
    drop(writer);
    assert_eq!(drain(&mut reader).expect("drain"), 1);
    assert_state(backend, &reader, R, W);
}

pub fn a_fifo_with_a_new_writer_is_silent_again(backend: Backend) {
    let directory = Directory::new();
    let reader = directory.fifo_reader("fifo");
    drop(directory.fifo_writer("fifo"));
    let _writer = directory.fifo_writer("fifo");
    assert_state(backend, &reader, NOTHING, NOTHING);
}

pub fn a_terminal_left_by_its_master_is_readable(backend: Backend) {
    let pty = nix::pty::openpty(None, None).expect("openpty");
    drop(pty.master);
    assert_state(backend, &pty.slave, R, W);
}

pub fn an_incomplete_line_on_a_terminal_is_not_readable(backend: Backend) {
    let pty = nix::pty::openpty(None, None).expect("openpty");
    nix::unistd::write(&pty.master, b"no end").expect("type");
    assert_state(backend, &pty.slave, W, NOTHING);
    nix::unistd::write(&pty.master, b" yet\n").expect("type");
    wait_for(&pty.slave, PollFlags::POLLIN);
    assert_state(backend, &pty.slave, RW, NOTHING);
}
