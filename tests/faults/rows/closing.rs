//! What comes of it when `close` fails.

use super::{inject, Row, EPOLL, POLL_AND_SELECT};
use crate::strace::When::{Always, Only};
use crate::victims::{closing, registering};

pub const ROWS: &[Row] = &[
    Row {
        name: "a_poller_and_a_waker_close_their_descriptors_once_whatever_close_says",
        backends: EPOLL,
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Always)],
        calls: &[("close", 2..=2)],
        victim: closing::a_poller_and_a_waker,
    },
    Row {
        name: "a_waker_closes_its_descriptor_once_whatever_close_says",
        backends: POLL_AND_SELECT,
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Always)],
        calls: &[("close", 1..=1)],
        victim: closing::a_poller_and_a_waker,
    },
    Row {
        name: "a_reactor_closes_its_descriptors_once_whatever_close_says",
        backends: EPOLL,
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Always)],
        calls: &[("close", 3..=3)],
        victim: closing::a_reactor_with_a_listener,
    },
    Row {
        name: "a_reactor_without_a_set_closes_its_descriptors_once_whatever_close_says",
        backends: POLL_AND_SELECT,
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Always)],
        calls: &[("close", 2..=2)],
        victim: closing::a_reactor_with_a_listener,
    },
    Row {
        name: "a_waker_closes_both_ends_of_a_pipe_once_whatever_close_says",
        backends: POLL_AND_SELECT,
        injections: &[
            inject("close", &["error=EINTR", "error=EIO"], Always),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("close", 2..=2)],
        victim: closing::a_poller_and_a_waker,
    },
    Row {
        name: "a_set_built_anew_is_closed_once_whatever_close_says",
        // The first is of the number that the new set was opened under; the rest are the poller and its five sockets, at the end.
        backends: EPOLL,
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Only(1))],
        calls: &[("close", 7..=7), ("dup3", 1..=1)],
        victim: registering::a_set_is_mended,
    },
];
