//! What comes of it when a poller, a waker or a reactor cannot be opened.

use super::{inject, Row, EACH, EPOLL, NO_DESCRIPTOR, NO_ROOM, POLL_AND_SELECT};
use crate::strace::When::{Always, Only};
use crate::victims::opening;

pub const ROWS: &[Row] = &[
    Row {
        name: "a_poller_that_the_kernel_denies_is_not_opened",
        backends: EPOLL,
        injections: &[inject("epoll_create1", NO_DESCRIPTOR, Only(1))],
        calls: &[("epoll_create1", 2..=2)],
        victim: opening::a_poller_is_denied,
    },
    Row {
        name: "a_waker_that_the_kernel_denies_is_not_opened",
        backends: EACH,
        injections: &[inject("eventfd2", NO_DESCRIPTOR, Only(1))],
        calls: &[("eventfd2", 2..=2), ("pipe,pipe2", 0..=0)],
        victim: opening::a_waker_is_denied,
    },
    Row {
        name: "a_reactor_without_a_poller_is_not_made",
        backends: EPOLL,
        injections: &[inject("epoll_create1", NO_DESCRIPTOR, Only(1))],
        calls: &[("epoll_create1", 2..=2)],
        victim: opening::a_reactor_is_denied,
    },
    Row {
        name: "a_reactor_without_a_doorbell_is_not_made",
        backends: EACH,
        injections: &[inject("eventfd2", NO_DESCRIPTOR, Only(1))],
        calls: &[("eventfd2", 2..=2)],
        victim: opening::a_reactor_is_denied,
    },
    Row {
        name: "a_reactor_whose_doorbell_cannot_be_registered_is_not_made",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", NO_ROOM, Only(1))],
        calls: &[("epoll_ctl", 2..=2)],
        victim: opening::a_reactor_is_denied,
    },
    Row {
        name: "a_reactor_whose_doorbell_cannot_be_examined_is_not_made",
        backends: POLL_AND_SELECT,
        injections: &[inject("fcntl,fcntl64", &["error=EBADF"], Only(1))],
        calls: &[("fcntl,fcntl64", 2..=4)],
        victim: opening::a_reactor_is_denied,
    },
    Row {
        name: "a_pipe_that_cannot_be_opened_is_no_waker",
        backends: EACH,
        injections: &[
            inject("pipe,pipe2", NO_DESCRIPTOR, Only(1)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("pipe,pipe2", 2..=2)],
        victim: opening::a_waker_is_denied,
    },
    Row {
        name: "a_pipe_whose_reading_end_cannot_be_examined_is_no_waker",
        // Four calls for each end: whether a program that is started inherits it, and whether it blocks, asked and said.
        backends: EPOLL,
        injections: &[
            inject("fcntl,fcntl64", &["error=EBADF"], Only(1)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("fcntl,fcntl64", 9..=13)],
        victim: opening::a_waker_is_denied,
    },
    Row {
        name: "a_pipe_whose_reading_end_might_block_is_no_waker",
        backends: EPOLL,
        injections: &[
            inject("fcntl,fcntl64", &["error=EBADF"], Only(4)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("fcntl,fcntl64", 12..=16)],
        victim: opening::a_waker_is_denied,
    },
    Row {
        name: "a_pipe_whose_writing_end_cannot_be_examined_is_no_waker",
        backends: EPOLL,
        injections: &[
            inject("fcntl,fcntl64", &["error=EBADF"], Only(5)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("fcntl,fcntl64", 13..=17)],
        victim: opening::a_waker_is_denied,
    },
    Row {
        name: "a_pipe_whose_writing_end_might_block_is_no_waker",
        backends: EPOLL,
        injections: &[
            inject("fcntl,fcntl64", &["error=EBADF"], Only(8)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("fcntl,fcntl64", 16..=20)],
        victim: opening::a_waker_is_denied,
    },
];
