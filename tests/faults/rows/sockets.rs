//! What comes of it when the kernel refuses to accept or to connect.

use super::{inject, Row, EACH, EPOLL, INTERRUPTED};
use crate::strace::When::{Always, EveryOther, Only, Until};
use crate::victims::sockets;

pub const ROWS: &[Row] = &[
    Row {
        name: "accepting_rests_while_there_is_no_descriptor_and_then_goes_on",
        backends: EACH,
        injections: &[inject(
            "accept4",
            &["error=EMFILE", "error=ENFILE", "error=ENOBUFS", "error=ENOMEM"],
            Until(3),
        )],
        calls: &[("accept4", 6..=7), ("wait", 4..=20)],
        victim: sockets::accepting_rests,
    },
    Row {
        name: "a_connection_that_failed_on_its_own_is_passed_over",
        backends: EACH,
        injections: &[inject(
            "accept4",
            &[
                "error=ECONNABORTED",
                "error=EPROTO",
                "error=ENETDOWN",
                "error=EHOSTUNREACH",
                "error=EPERM",
                "error=EINTR",
            ],
            EveryOther,
        )],
        calls: &[("accept4", 8..=8), ("wait", 1..=4)],
        victim: sockets::accepting_goes_on,
    },
    Row {
        name: "accepting_rests_when_nothing_but_connections_fail_and_then_goes_on",
        backends: EACH,
        injections: &[inject("accept4", &["error=EPERM", "error=ENETDOWN"], Until(64))],
        calls: &[("accept4", 67..=68), ("wait", 2..=12)],
        victim: sockets::accepting_rests_once,
    },
    Row {
        name: "connections_that_were_aborted_are_passed_over_however_many",
        backends: EACH,
        injections: &[inject("accept4", &["error=ECONNABORTED"], Until(200))],
        calls: &[("accept4", 203..=204), ("wait", 4..=10)],
        victim: sockets::accepting_goes_on,
    },
    Row {
        name: "a_broken_listener_says_so_once_and_rests",
        backends: EACH,
        injections: &[inject(
            "accept4",
            &["error=EBADF", "error=EINVAL", "error=ENOTSOCK", "error=EACCES", "error=ENOSYS"],
            Always,
        )],
        calls: &[("accept4", 1..=1), ("wait", 2..=6)],
        victim: sockets::accepting_ends,
    },
    Row {
        name: "a_listener_with_nothing_to_accept_waits_again",
        backends: EACH,
        injections: &[inject("accept4", &["error=EAGAIN"], Until(5))],
        calls: &[("accept4", 9..=9), ("wait", 6..=10)],
        victim: sockets::accepting_goes_on,
    },
    Row {
        name: "a_listener_that_might_block_is_not_made",
        backends: EACH,
        injections: &[inject("ioctl", &["error=EBADF"], Only(1))],
        calls: &[("ioctl", 2..=2)],
        victim: sockets::a_listener_is_not_made,
    },
    Row {
        name: "a_stream_that_might_block_is_not_made",
        backends: EACH,
        injections: &[inject("ioctl", &["error=EBADF"], Only(1))],
        calls: &[("ioctl", 2..=2)],
        victim: sockets::a_stream_is_not_made,
    },
    Row {
        name: "a_connection_that_fails_at_once_says_so",
        backends: EACH,
        injections: &[inject(
            "connect",
            &["error=EAGAIN", "error=EADDRNOTAVAIL", "error=ENETUNREACH", "error=ETIMEDOUT"],
            Only(1),
        )],
        calls: &[("connect", 2..=2)],
        victim: sockets::connecting_fails_once,
    },
    Row {
        name: "a_connection_without_a_socket_is_not_begun",
        backends: EACH,
        injections: &[inject(
            "socket",
            &["error=EMFILE", "error=ENFILE", "error=ENOBUFS", "error=ENOMEM"],
            Only(2),
        )],
        calls: &[("socket", 3..=3), ("connect", 1..=1)],
        victim: sockets::connecting_fails_once,
    },
    Row {
        name: "a_connection_by_path_that_fails_says_so",
        backends: EPOLL,
        injections: &[inject("connect", &["error=EAGAIN", "error=ECONNREFUSED", "error=EACCES"], Only(1))],
        calls: &[("connect", 2..=2)],
        victim: sockets::connecting_by_path_fails_once,
    },
    Row {
        name: "an_address_that_cannot_be_had_makes_no_listener",
        backends: EPOLL,
        injections: &[inject("bind", &["error=EADDRINUSE", "error=EACCES"], Always)],
        // Who listens without an address is given one that nobody knows.
        calls: &[("bind", 2..=2), ("listen", 0..=0)],
        victim: sockets::listeners_are_not_made,
    },
    Row {
        name: "a_socket_that_cannot_listen_makes_no_listener",
        backends: EPOLL,
        injections: &[inject("listen", &["error=EADDRINUSE"], Always)],
        calls: &[("bind", 2..=2), ("listen", 2..=2)],
        victim: sockets::listeners_are_not_made,
    },
    Row {
        name: "an_interrupted_connect_is_not_repeated",
        backends: EPOLL,
        injections: &[inject("connect", INTERRUPTED, Only(1))],
        calls: &[("connect", 1..=1)],
        victim: sockets::connecting_is_interrupted,
    },
];
