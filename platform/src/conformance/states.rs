//! The states that a descriptor can be in: what is promised then, and the cases made of their table.

mod table;
mod ways;

use std::any::Any;
use std::fmt;
use std::io::Read;
use std::net::Shutdown;
use std::os::unix::io::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use super::fixtures::*;
use super::support::assert_state;
#[cfg(target_os = "linux")]
use super::system;
use super::Open;
use crate::{net, Ready};
pub use table::STATES;
use ways::*;

/// A state that a descriptor can be in, and what a poller has to say of it.
///
/// ```
/// use ringmq_platform::conformance::STATES;
/// use ringmq_platform::{Backend, Events, Interest, Token, Trigger};
/// use std::{os::unix::io::AsFd, time::Duration};
///
/// # fn main() -> std::io::Result<()> {
/// for state in STATES {
///     let specimen = state.specimen();
///     let mut poller = Backend::default().open()?;
///     poller.add(specimen.as_fd(), Token(0), Interest::READABLE | Interest::WRITABLE, Trigger::Level)?;
///     let mut events = Events::with_capacity(1);
///     poller.wait(&mut events, Some(Duration::from_millis(1)))?;
///     println!("{} {}: {:?}", state.id(), state.name(), events.get(0));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct State {
    id: &'static str,
    name: &'static str,
    must: Ready,
    may: Ready,
    bring: fn() -> Specimen,
    case: &'static str,
}

impl State {
    /// What the catalogue of the cases calls it, such as `B3`; a letter after the number tells variants apart.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// What it is, in a few words.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What has to be reported to who asks for reading and writing.
    pub fn must(&self) -> Ready {
        self.must
    }

    /// What some system reports beyond that, and no reader or writer can take for wrong.
    pub fn may(&self) -> Ready {
        self.may
    }

    /// The case that holds a poller to it.
    pub fn case(&self) -> &'static str {
        self.case
    }

    /// Brings a descriptor into it. Look at it from the same thread: a signal is pending for one thread.
    ///
    /// # Panics
    /// When the system has no descriptor to spare.
    pub fn specimen(&self) -> Specimen {
        (self.bring)()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {:?}, perhaps {:?}", self.id, self.name, self.must, self.may)
    }
}

/// A descriptor in a [`State`], with whatever keeps it there. [`State`] has an example.
pub struct Specimen {
    fd: OwnedFd,
    _company: Box<dyn Any>,
}

impl AsFd for Specimen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for Specimen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Specimen").field("fd", &self.fd).finish()
    }
}

/// A descriptor and what keeps it in its state.
fn keep(fd: impl Into<OwnedFd>, company: impl Any) -> Specimen {
    Specimen { fd: fd.into(), _company: Box::new(company) }
}

const NOTHING: Ready = Ready::NONE;
const R: Ready = Ready::READABLE;
const W: Ready = Ready::WRITABLE;
const RW: Ready = R.with(W);
/// Makes the cases that hold a poller to the states of theirs and to nothing else.
macro_rules! cases {
    ($($(#[$attribute:meta])? $case:ident;)*) => {$(
        $(#[$attribute])?
        pub fn $case(open: Open) {
            hold(open, stringify!($case));
        }
    )*};
}

cases! {
    an_idle_connection_is_writable;
    a_connection_with_data_is_readable_and_writable;
    a_connection_closed_by_the_peer_is_readable;
    a_connection_shut_in_both_directions_is_readable_and_writable;
    ones_own_half_close_is_not_readable;
    a_reset_connection_is_readable_and_writable;
    a_reset_connection_stays_ready_after_its_error_was_taken;
    a_socket_never_connected_is_no_promise;
    an_idle_listener_is_silent;
    a_listener_with_a_connection_queued_is_readable_and_never_writable;
    a_full_send_buffer_is_silent;
    out_of_band_data_does_not_hide_the_rest;
    a_unix_stream_closed_by_the_peer_is_readable_and_writable;
    an_empty_datagram_is_readable;
    a_pipe_left_by_its_writer_is_readable_with_data_and_without;
    a_pipe_left_by_its_reader_is_writable_with_room_and_without;
    a_fifo_left_by_its_writer_is_readable;
    a_fifo_with_a_new_writer_is_silent_again;
    a_terminal_left_by_its_master_is_readable_and_writable;
    an_incomplete_line_on_a_terminal_is_not_readable;
    a_pipe_is_readable_with_data_and_writable_with_room;
    a_unix_stream_is_readable_with_data_and_at_its_end;
    a_datagram_is_readable_and_nothing_else_is;
    #[cfg(target_os = "linux")]
    a_connect_in_progress_is_silent_until_it_is_given_up;
    #[cfg(target_os = "linux")]
    a_listener_shut_for_reading_is_readable_and_writable;
    #[cfg(target_os = "linux")]
    a_fifo_that_never_had_a_writer_is_silent;
    #[cfg(target_os = "linux")]
    a_terminals_master_is_readable_while_nobody_has_the_other_end_open;
    #[cfg(target_os = "linux")]
    an_eventfd_is_readable_above_zero_and_writable_below_its_end;
    #[cfg(target_os = "linux")]
    a_timerfd_is_readable_once_it_has_expired;
    #[cfg(target_os = "linux")]
    a_pidfd_is_readable_once_its_process_has_ended;
}

pub fn a_peers_half_close_is_readable_and_leaves_writing_possible(open: Open) {
    hold(open, "a_peers_half_close_is_readable_and_leaves_writing_possible");
    let (mut near, mut far) = half_closed();
    put(&mut near);
    wait_for(&far, libc::POLLIN);
    assert_eq!(drain(&mut far).expect("what was written after the half-close"), 1);
}

pub fn a_refused_connection_is_readable_and_writable(open: Open) {
    hold(open, "a_refused_connection_is_readable_and_writable");
    let stream = refused_connection();
    assert_state(open, &stream, RW, NOTHING);
    let error =
        stream.take_error().expect("SO_ERROR").expect("it was refused, and nobody has taken the error");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

pub fn a_connection_made_is_writable_without_error(open: Open) {
    hold(open, "a_connection_made_is_writable_without_error");
    let listener = listener();
    let stream = net::connect(&listener.local_addr().expect("local_addr")).expect("connect");
    wait_for(&stream, libc::POLLOUT);
    assert_state(open, &stream, W, NOTHING);
    assert!(stream.take_error().expect("SO_ERROR").is_none());
}

pub fn a_listener_whose_client_has_left_does_not_block(open: Open) {
    hold(open, "a_listener_whose_client_has_left_does_not_block");
    let (listener, client) = queued();
    reset(client);
    // Linux keeps it in the queue and hands it out.
    let must = if cfg!(target_os = "linux") { R } else { NOTHING };
    assert_state(open, &listener, must, R);
    let _either = net::accept(&listener);
    assert_state(open, &listener, NOTHING, NOTHING);
}

pub fn a_refused_datagram_is_readable_and_writable(open: Open) {
    hold(open, "a_refused_datagram_is_readable_and_writable");
    let (near, far) = udp_pair();
    drop(far);
    near.send(b"x").expect("the first is sent");
    wait_for(&near, END);
    assert_state(open, &near, RW, NOTHING);
    let error = near.recv(&mut [0; 8]).expect_err("nobody answers, and nobody has taken the error");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

pub fn a_connection_shut_for_reading_is_readable(open: Open) {
    hold(open, "a_connection_shut_for_reading_is_readable");
    let (mut near, mut far) = tcp_pair();
    near.shutdown(Shutdown::Read).expect("shutdown");
    put(&mut far);
    assert_state(open, &near, RW, NOTHING);
    // Linux hands out what comes all the same, before the end; others may throw it away.
    if cfg!(target_os = "linux") {
        while near.peek(&mut [0]).expect("data, or the end") == 0 {
            std::thread::yield_now();
        }
        assert_eq!(near.read(&mut [0; 8]).expect("the data"), 1);
        assert_state(open, &near, RW, NOTHING);
    }
}

pub fn a_listener_whose_client_has_closed_hands_it_out(open: Open) {
    hold(open, "a_listener_whose_client_has_closed_hands_it_out");
    let (listener, client) = queued();
    drop(client);
    assert_state(open, &listener, R, NOTHING);
    let (mut accepted, _) = net::accept(&listener).expect("accept");
    wait_for(&accepted, libc::POLLIN);
    assert_eq!(accepted.read(&mut [0; 8]).expect("the end"), 0);
    assert_state(open, &listener, NOTHING, NOTHING);
}

pub fn a_unix_stream_closed_with_its_input_unread_is_readable_and_writable(open: Open) {
    hold(open, "a_unix_stream_closed_with_its_input_unread_is_readable_and_writable");
    let (mut near, far) = unix_pair();
    put(&mut near);
    drop(far);
    assert_state(open, &near, RW, NOTHING);
    match near.read(&mut [0; 8]) {
        Ok(len) => assert!(len == 0 && cfg!(not(target_os = "linux")), "Linux tells of a reset"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

pub fn a_unix_datagram_socket_whose_peer_has_left_is_writable(open: Open) {
    hold(open, "a_unix_datagram_socket_whose_peer_has_left_is_writable");
    let (near, far) = UnixDatagram::pair().expect("socketpair");
    drop(far);
    assert_state(open, &near, W, R);
    let error = near.send(b"x").expect_err("a write fails at once");
    assert!(
        cfg!(not(target_os = "linux")) || error.kind() == std::io::ErrorKind::ConnectionRefused,
        "{error}"
    );
}

/// What looks like room is no connection: connect(2) has said so.
#[cfg(target_os = "linux")]
pub fn a_unix_connect_to_a_full_queue_is_refused_at_once(open: Open) {
    hold(open, "a_unix_connect_to_a_full_queue_is_refused_at_once");
    let (refused, errno, _company) = refused_for_a_full_queue();
    assert_eq!(errno, libc::EAGAIN);
    assert_state(open, &refused, RW, NOTHING);
    let written = std::io::Write::write(&mut std::fs::File::from(refused), b"x");
    assert!(written.is_err(), "it is not connected");
}

#[cfg(target_os = "linux")]
pub fn a_signalfd_is_readable_while_a_signal_is_pending(open: Open) {
    hold(open, "a_signalfd_is_readable_while_a_signal_is_pending");
    let mut signals = system::signals(libc::SIGALRM);
    system::raise(libc::SIGALRM);
    assert_state(open, &signals, R, NOTHING);
    assert_eq!(signals.read(&mut [0; 128]).expect("read the signal"), 128);
    assert_state(open, &signals, NOTHING, NOTHING);
}

/// Holds a poller to every state of a case.
fn hold(open: Open, case: &str) {
    let states: Vec<&State> = STATES.iter().filter(|state| state.case == case).collect();
    assert!(!states.is_empty(), "no state names the case {case}");
    for state in states {
        let specimen = state.specimen();
        assert_state(open, &specimen, state.must, state.may);
    }
}
