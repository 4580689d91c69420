//! The table of states: how to get there, what is promised then, and the case that holds a poller to it.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixDatagram;

use super::super::fixtures::*;
use super::super::system;
use super::ways::*;
use super::{keep, State, NOTHING, R, RW, W};
use crate::net;

/// The table, one macro call a row: the case that holds a poller to it, its name, what must and what may be reported, and how to get
/// there.
macro_rules! states {
    ($($(#[$attribute:meta])? $id:literal $name:literal $must:ident $may:ident $case:ident $bring:expr;)*) => {
        /// Every state that this system's descriptors are brought into, in the order of the catalogue.
        pub const STATES: &[State] = &[$(
            $(#[$attribute])?
            State { id: $id, name: $name, must: $must, may: $may, case: stringify!($case), bring: $bring },
        )*];
    };
}

states! {
    "B1" "TCP, idle" W NOTHING an_idle_connection_is_writable || {
        let (near, far) = tcp_pair();
        keep(near, far)
    };
    "B2" "TCP, data" RW NOTHING a_connection_with_data_is_readable_and_writable || {
        let (near, mut far) = tcp_pair();
        put(&mut far);
        wait_for(&near, libc::POLLIN);
        keep(near, far)
    };
    "B3" "TCP, data and the peer's half-close" RW NOTHING
    a_peers_half_close_is_readable_and_leaves_writing_possible || {
        let (near, far) = half_closed();
        keep(near, far)
    };
    "B3a" "TCP, the peer's half-close after its data" RW NOTHING
    a_peers_half_close_is_readable_and_leaves_writing_possible || {
        let (mut near, far) = half_closed();
        assert_eq!(near.read(&mut [0; 8]).expect("the data"), 1);
        keep(near, far)
    };
    "B3b" "TCP, the peer's half-close read as the end" RW NOTHING
    a_peers_half_close_is_readable_and_leaves_writing_possible || {
        let (mut near, far) = half_closed();
        assert_eq!(near.read(&mut [0; 8]).expect("the data"), 1);
        assert_eq!(near.read(&mut [0; 8]).expect("the end"), 0);
        keep(near, far)
    };
    "B3c" "TCP, closed by the peer" RW NOTHING a_connection_closed_by_the_peer_is_readable || {
        let (near, far) = tcp_pair();
        drop(far);
        wait_for(&near, libc::POLLIN);
        keep(near, ())
    };
    "B3d" "TCP, data, and closed by the peer" RW NOTHING a_connection_closed_by_the_peer_is_readable || {
        keep(closed_after_data(), ())
    };
    "B3e" "TCP, closed by the peer after its data, which was read" RW NOTHING
    a_connection_closed_by_the_peer_is_readable || {
        let mut near = closed_after_data();
        assert_eq!(near.read(&mut [0; 8]).expect("the data"), 1);
        wait_for(&near, libc::POLLIN);
        keep(near, ())
    };
    "B3f" "TCP, closed by the peer and read as the end" RW NOTHING
    a_connection_closed_by_the_peer_is_readable || {
        let mut near = closed_after_data();
        for expected in [1, 0] {
            wait_for(&near, libc::POLLIN);
            assert_eq!(near.read(&mut [0; 8]).expect("the data, then the end"), expected);
        }
        keep(near, ())
    };
    "B4" "TCP, shut in both directions" RW NOTHING
    a_connection_shut_in_both_directions_is_readable_and_writable || {
        let (near, far) = tcp_pair();
        far.shutdown(Shutdown::Write).expect("shutdown");
        near.shutdown(Shutdown::Write).expect("shutdown");
        wait_for(&near, END);
        keep(near, far)
    };
    "B5" "TCP, one's own half-close" W NOTHING ones_own_half_close_is_not_readable || {
        let (near, far) = tcp_pair();
        near.shutdown(Shutdown::Write).expect("shutdown");
        keep(near, far)
    };
    "B5a" "TCP, one's own half-close, and data" RW NOTHING ones_own_half_close_is_not_readable || {
        let (near, mut far) = tcp_pair();
        near.shutdown(Shutdown::Write).expect("shutdown");
        put(&mut far);
        wait_for(&near, libc::POLLIN);
        keep(near, far)
    };
    "B6" "TCP, shut for reading by oneself" RW NOTHING a_connection_shut_for_reading_is_readable || {
        let (near, far) = tcp_pair();
        near.shutdown(Shutdown::Read).expect("shutdown");
        keep(near, far)
    };
    "B6a" "TCP, shut for reading by oneself, and data" RW NOTHING a_connection_shut_for_reading_is_readable || {
        let (near, mut far) = tcp_pair();
        near.shutdown(Shutdown::Read).expect("shutdown");
        put(&mut far);
        keep(near, far)
    };
    "B7" "TCP, reset by the peer" RW NOTHING a_reset_connection_is_readable_and_writable || {
        keep(reset_connection(), ())
    };
    "B7a" "TCP, closed by the peer with input unread there" RW NOTHING
    a_reset_connection_is_readable_and_writable || {
        let (mut near, far) = tcp_pair();
        put(&mut near);
        wait_for(&far, libc::POLLIN);
        drop(far);
        wait_for(&near, END);
        keep(near, ())
    };
    "B8" "TCP, reset, after SO_ERROR was read" RW NOTHING
    a_reset_connection_stays_ready_after_its_error_was_taken || {
        let near = reset_connection();
        assert!(near.take_error().expect("SO_ERROR").is_some());
        assert!(near.take_error().expect("SO_ERROR").is_none(), "it is given away once");
        keep(near, ())
    };
    "B9" "TCP, connect refused" RW NOTHING a_refused_connection_is_readable_and_writable || {
        keep(refused_connection(), ())
    };
    "B9a" "TCP, connected" W NOTHING a_connection_made_is_writable_without_error || {
        let listener = listener();
        let stream = net::connect(&listener.local_addr().expect("local_addr")).expect("connect");
        wait_for(&stream, libc::POLLOUT);
        keep(stream, listener)
    };
    #[cfg(target_os = "linux")]
    "B10" "TCP, connect in progress" NOTHING NOTHING
    a_connect_in_progress_is_silent_until_it_is_given_up || {
        let (stuck, others) = unanswered_connect();
        keep(stuck, others)
    };
    #[cfg(target_os = "linux")]
    "B11" "TCP, connect given up" RW NOTHING a_connect_in_progress_is_silent_until_it_is_given_up || {
        let (stuck, others) = unanswered_connect();
        // Answered with ENOTCONN, and done all the same.
        let _ = stuck.shutdown(Shutdown::Both);
        keep(stuck, others)
    };
    "B12" "TCP, never connected" NOTHING RW a_socket_never_connected_is_no_promise || {
        keep(system::fresh_socket(), ())
    };
    "B12a" "UNIX stream, never connected" NOTHING RW a_socket_never_connected_is_no_promise || {
        keep(system::fresh_unix_socket(), ())
    };
    #[cfg(target_os = "linux")]
    "B12b" "UNIX stream, connect refused for a full queue" RW NOTHING
    a_unix_connect_to_a_full_queue_is_refused_at_once || {
        let (refused, _, company) = refused_for_a_full_queue();
        keep(refused, company)
    };
    "B13" "listener, idle" NOTHING NOTHING an_idle_listener_is_silent || keep(listener(), ());
    "B13a" "listener, a connection queued" R NOTHING
    a_listener_with_a_connection_queued_is_readable_and_never_writable || {
        let (listener, client) = queued();
        keep(listener, client)
    };
    "B13b" "listener, the queue taken off" NOTHING NOTHING
    a_listener_with_a_connection_queued_is_readable_and_never_writable || {
        let (listener, client) = queued();
        let accepted = net::accept(&listener).expect("accept");
        keep(listener, (client, accepted))
    };
    // Whether the connection is still handed out differs; that nobody is left waiting does not.
    "B13c" "listener, the queued connection reset" NOTHING R
    a_listener_whose_client_has_left_does_not_block || {
        let (listener, client) = queued();
        reset(client);
        keep(listener, ())
    };
    "B13d" "listener, the queued connection closed by its client" R NOTHING
    a_listener_whose_client_has_closed_hands_it_out || {
        let (listener, client) = queued();
        drop(client);
        keep(listener, ())
    };
    #[cfg(target_os = "linux")]
    "B14" "listener, shut for reading" RW NOTHING a_listener_shut_for_reading_is_readable_and_writable || {
        let listener = listener();
        system::shut_for_reading(&listener);
        keep(listener, ())
    };
    "B15" "UNIX stream, send buffer full" NOTHING NOTHING a_full_send_buffer_is_silent || {
        let (mut near, far) = unix_pair();
        fill(&mut near);
        keep(near, far)
    };
    "B15a" "UNIX stream, send buffer full, and data" R NOTHING a_full_send_buffer_is_silent || {
        let (mut near, mut far) = unix_pair();
        fill(&mut near);
        put(&mut far);
        keep(near, far)
    };
    "B15b" "TCP, send buffer full" NOTHING NOTHING a_full_send_buffer_is_silent || {
        let (mut near, far) = tcp_pair();
        fill_both_ends(&mut near);
        keep(near, far)
    };
    "B16" "TCP, out-of-band data" W R out_of_band_data_does_not_hide_the_rest || {
        let (near, far) = tcp_pair();
        system::send_out_of_band(&far);
        wait_for(&near, libc::POLLPRI);
        keep(near, far)
    };
    "B16a" "TCP, out-of-band data and data" RW NOTHING out_of_band_data_does_not_hide_the_rest || {
        let (near, mut far) = tcp_pair();
        system::send_out_of_band(&far);
        put(&mut far);
        wait_for(&near, libc::POLLPRI);
        wait_for(&near, libc::POLLIN);
        keep(near, far)
    };
    "B17" "UNIX stream, closed by the peer" RW NOTHING
    a_unix_stream_closed_by_the_peer_is_readable_and_writable || {
        let (near, far) = unix_pair();
        drop(far);
        keep(near, ())
    };
    "B17a" "UNIX stream, data, and closed by the peer" RW NOTHING
    a_unix_stream_closed_by_the_peer_is_readable_and_writable || {
        let (near, mut far) = unix_pair();
        put(&mut far);
        drop(far);
        keep(near, ())
    };
    "B18" "UNIX stream, closed by the peer with input unread there" RW NOTHING
    a_unix_stream_closed_with_its_input_unread_is_readable_and_writable || {
        let (mut near, far) = unix_pair();
        put(&mut near);
        drop(far);
        keep(near, ())
    };
    "B19" "UNIX datagram, the peer closed" W R
    a_unix_datagram_socket_whose_peer_has_left_is_writable || {
        let (near, far) = UnixDatagram::pair().expect("socketpair");
        drop(far);
        keep(near, ())
    };
    "B20" "UDP, an empty datagram" RW NOTHING an_empty_datagram_is_readable || {
        let (near, far) = udp_pair();
        far.send(&[]).expect("send nothing");
        wait_for(&near, libc::POLLIN);
        keep(near, far)
    };
    "B20a" "UDP, an empty datagram taken" W NOTHING an_empty_datagram_is_readable || {
        let (near, far) = udp_pair();
        far.send(&[]).expect("send nothing");
        wait_for(&near, libc::POLLIN);
        assert_eq!(near.recv(&mut [0; 8]).expect("receive nothing"), 0);
        keep(near, far)
    };
    "B21" "UDP, refused" RW NOTHING a_refused_datagram_is_readable_and_writable || {
        let (near, far) = udp_pair();
        drop(far);
        near.send(b"x").expect("the first is sent");
        wait_for(&near, END);
        keep(near, ())
    };
    "B22" "pipe, data, and left by its writer" R W
    a_pipe_left_by_its_writer_is_readable_with_data_and_without || {
        keep(Pipe::ready().reader, ())
    };
    "B22a" "pipe, left by its writer" R W
    a_pipe_left_by_its_writer_is_readable_with_data_and_without || keep(Pipe::new().reader, ());
    "B23" "pipe, left by its reader, with room" W R
    a_pipe_left_by_its_reader_is_writable_with_room_and_without || keep(Pipe::new().writer, ());
    "B23a" "pipe, left by its reader, full" W R
    a_pipe_left_by_its_reader_is_writable_with_room_and_without || {
        let Pipe { reader, mut writer } = Pipe::new();
        fill(&mut writer);
        drop(reader);
        keep(writer, ())
    };
    #[cfg(target_os = "linux")]
    "B24" "FIFO, no writer yet" NOTHING NOTHING a_fifo_that_never_had_a_writer_is_silent || {
        let directory = Directory::new();
        keep(directory.fifo_reader("fifo"), directory)
    };
    "B24a" "FIFO, a writer" NOTHING NOTHING a_fifo_left_by_its_writer_is_readable || {
        let directory = Directory::new();
        let reader = directory.fifo_reader("fifo");
        keep(reader, directory.fifo_writer("fifo"))
    };
    "B24b" "FIFO, left by its writer" R W a_fifo_left_by_its_writer_is_readable || {
        let directory = Directory::new();
        let mut reader = directory.fifo_reader("fifo");
        let mut writer = directory.fifo_writer("fifo");
        put(&mut writer);
        drop(writer);
        assert_eq!(drain(&mut reader).expect("drain"), 1);
        keep(reader, ())
    };
    "B24c" "FIFO, a new writer" NOTHING NOTHING a_fifo_with_a_new_writer_is_silent_again || {
        let directory = Directory::new();
        let reader = directory.fifo_reader("fifo");
        drop(directory.fifo_writer("fifo"));
        keep(reader, directory.fifo_writer("fifo"))
    };
    #[cfg(target_os = "linux")]
    "B25" "terminal's master, nobody has the other end" RW NOTHING
    a_terminals_master_is_readable_while_nobody_has_the_other_end_open || {
        let (master, slave) = system::terminal();
        drop(slave);
        keep(master, ())
    };
    #[cfg(target_os = "linux")]
    "B25a" "terminal's master, the other end opened again" W NOTHING
    a_terminals_master_is_readable_while_nobody_has_the_other_end_open || {
        use std::os::unix::{fs::OpenOptionsExt, io::AsRawFd};
        let (master, slave) = system::terminal();
        let path = std::fs::read_link(format!("/proc/self/fd/{}", slave.as_raw_fd())).expect("its name");
        drop(slave);
        let mut options = std::fs::File::options();
        let again = options.read(true).write(true).custom_flags(libc::O_NOCTTY).open(path);
        keep(master, again.expect("open it again"))
    };
    "B26" "terminal, left by its master" RW NOTHING
    a_terminal_left_by_its_master_is_readable_and_writable || {
        let (master, slave) = system::terminal();
        drop(master);
        keep(slave, ())
    };
    "B27" "terminal, an incomplete line" W NOTHING an_incomplete_line_on_a_terminal_is_not_readable || {
        let (slave, master) = typed(b"no end");
        keep(slave, master)
    };
    "B27a" "terminal, a line" RW NOTHING an_incomplete_line_on_a_terminal_is_not_readable || {
        let (slave, master) = typed(b"an end\n");
        wait_for(&slave, libc::POLLIN);
        keep(slave, master)
    };
    #[cfg(target_os = "linux")]
    "B28" "event counter at zero" W NOTHING
    an_eventfd_is_readable_above_zero_and_writable_below_its_end || counter(0);
    #[cfg(target_os = "linux")]
    "B28a" "event counter at one" RW NOTHING
    an_eventfd_is_readable_above_zero_and_writable_below_its_end || counter(1);
    #[cfg(target_os = "linux")]
    "B28b" "event counter at its end" R NOTHING
    an_eventfd_is_readable_above_zero_and_writable_below_its_end || counter(u64::MAX - 1);
    #[cfg(target_os = "linux")]
    "B29" "timer, not expired" NOTHING NOTHING a_timerfd_is_readable_once_it_has_expired || {
        keep(system::timer(), ())
    };
    #[cfg(target_os = "linux")]
    "B29a" "timer, expired" R NOTHING a_timerfd_is_readable_once_it_has_expired || {
        let timer = system::timer();
        system::set_timer(&timer, std::time::Duration::from_millis(1));
        wait_for(&timer, libc::POLLIN);
        keep(timer, ())
    };
    #[cfg(target_os = "linux")]
    "B29b" "signal, none pending" NOTHING NOTHING a_signalfd_is_readable_while_a_signal_is_pending || {
        keep(system::signals(libc::SIGALRM), ())
    };
    #[cfg(target_os = "linux")]
    "B29c" "signal, pending" R NOTHING a_signalfd_is_readable_while_a_signal_is_pending || {
        let signals = system::signals(libc::SIGALRM);
        system::raise(libc::SIGALRM);
        let to_take = TakenAtLast(signals.try_clone().expect("dup"));
        keep(signals, to_take)
    };
    #[cfg(target_os = "linux")]
    "B30" "process, running" NOTHING NOTHING a_pidfd_is_readable_once_its_process_has_ended || {
        let child = Child::start();
        keep(system::process(child.0.id()), child)
    };
    #[cfg(target_os = "linux")]
    "B30a" "process, ended" R NOTHING a_pidfd_is_readable_once_its_process_has_ended || {
        let mut child = Child::start();
        let process = system::process(child.0.id());
        drop(child.0.stdin.take());
        wait_for(&process, libc::POLLIN);
        keep(process, child)
    };
    #[cfg(target_os = "linux")]
    "B30b" "process, reaped" R W a_pidfd_is_readable_once_its_process_has_ended || {
        let child = Child::start();
        let process = system::process(child.0.id());
        drop(child);
        keep(process, ())
    };
    "B31" "pipe, empty" NOTHING NOTHING a_pipe_is_readable_with_data_and_writable_with_room || {
        let Pipe { reader, writer } = Pipe::new();
        keep(reader, writer)
    };
    "B31a" "pipe, data" R NOTHING a_pipe_is_readable_with_data_and_writable_with_room || {
        let Pipe { reader, writer } = Pipe::ready();
        keep(reader, writer)
    };
    "B31b" "pipe, room" W NOTHING a_pipe_is_readable_with_data_and_writable_with_room || {
        let Pipe { reader, writer } = Pipe::new();
        keep(writer, reader)
    };
    "B31c" "pipe, full" NOTHING NOTHING a_pipe_is_readable_with_data_and_writable_with_room || {
        let Pipe { reader, mut writer } = Pipe::new();
        fill(&mut writer);
        keep(writer, reader)
    };
    "B32" "UNIX stream, idle" W NOTHING a_unix_stream_is_readable_with_data_and_at_its_end || {
        let (near, far) = unix_pair();
        keep(near, far)
    };
    "B32a" "UNIX stream, data" RW NOTHING a_unix_stream_is_readable_with_data_and_at_its_end || {
        let (near, mut far) = unix_pair();
        put(&mut far);
        keep(near, far)
    };
    "B32b" "UNIX stream, the peer's half-close" RW NOTHING
    a_unix_stream_is_readable_with_data_and_at_its_end || {
        let (near, far) = unix_pair();
        far.shutdown(Shutdown::Write).expect("shutdown");
        keep(near, far)
    };
    "B32c" "UNIX stream, one's own half-close" W NOTHING
    a_unix_stream_is_readable_with_data_and_at_its_end || {
        let (near, far) = unix_pair();
        near.shutdown(Shutdown::Write).expect("shutdown");
        keep(near, far)
    };
    "B33" "UDP, idle" W NOTHING a_datagram_is_readable_and_nothing_else_is || {
        let (near, far) = udp_pair();
        keep(near, far)
    };
    "B33a" "UDP, a datagram" RW NOTHING a_datagram_is_readable_and_nothing_else_is || {
        let (near, far) = udp_pair();
        far.send(b"x").expect("send");
        wait_for(&near, libc::POLLIN);
        keep(near, far)
    };
    "B33b" "UNIX datagram, idle" W NOTHING a_datagram_is_readable_and_nothing_else_is || {
        let (near, far) = UnixDatagram::pair().expect("socketpair");
        keep(near, far)
    };
    "B33c" "UNIX datagram, a datagram" RW NOTHING a_datagram_is_readable_and_nothing_else_is || {
        let (near, far) = UnixDatagram::pair().expect("socketpair");
        far.send(b"x").expect("send");
        keep(near, far)
    };
}
