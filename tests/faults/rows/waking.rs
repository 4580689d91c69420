//! What comes of wakes that are interrupted, find no room, or go through a pipe.

use super::{inject, Row, EACH, INTERRUPTED, NO_SUCH_CALL};
use crate::strace::When::{Always, Only, Until};
use crate::victims::waking;

pub const ROWS: &[Row] = &[
    Row {
        name: "without_eventfd_a_waker_is_a_pipe",
        backends: EACH,
        injections: &[inject("eventfd2", NO_SUCH_CALL, Always)],
        calls: &[("eventfd2", 1..=1), ("pipe,pipe2", 1..=1)],
        victim: waking::a_waker_wakes,
    },
    Row {
        name: "without_eventfd_a_reactor_is_woken_by_a_pipe",
        backends: EACH,
        injections: &[inject("eventfd2", NO_SUCH_CALL, Always)],
        calls: &[("eventfd2", 1..=1), ("pipe,pipe2", 1..=1)],
        victim: waking::a_reactor_is_woken,
    },
    Row {
        name: "a_wake_that_finds_no_room_is_not_repeated",
        backends: EACH,
        injections: &[inject("write", &["error=EAGAIN"], Only(1))],
        calls: &[("write", 2..=2)],
        victim: waking::a_wake_finds_no_room,
    },
    Row {
        name: "an_interrupted_wake_wakes",
        backends: EACH,
        injections: &[inject("write", INTERRUPTED, Until(3))],
        calls: &[("write", 4..=4)],
        victim: waking::a_waker_wakes,
    },
    Row {
        name: "a_reactor_hears_an_interrupted_wake",
        backends: EACH,
        injections: &[inject("write", INTERRUPTED, Until(3))],
        calls: &[("write", 4..=4)],
        victim: waking::a_reactor_is_woken,
    },
    Row {
        name: "an_interrupted_drain_drains",
        backends: EACH,
        injections: &[inject("read", INTERRUPTED, Until(3))],
        // The fifth finds nothing.
        calls: &[("read", 5..=5)],
        victim: waking::a_waker_wakes,
    },
    Row {
        name: "a_drain_that_finds_nothing_leaves_the_wake_to_the_next",
        backends: EACH,
        injections: &[inject("read", &["error=EAGAIN"], Only(1))],
        calls: &[("read", 2..=2)],
        victim: waking::a_drain_finds_nothing,
    },
    Row {
        name: "a_wake_of_a_pipe_that_finds_no_room_is_not_repeated",
        backends: EACH,
        injections: &[
            inject("write", &["error=EAGAIN"], Only(1)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("write", 2..=2)],
        victim: waking::a_wake_finds_no_room,
    },
    Row {
        name: "an_interrupted_wake_of_a_pipe_wakes",
        backends: EACH,
        injections: &[inject("write", INTERRUPTED, Until(3)), inject("eventfd2", &["error=ENOSYS"], Always)],
        calls: &[("write", 4..=4)],
        victim: waking::a_waker_wakes,
    },
    Row {
        name: "an_interrupted_drain_of_a_pipe_drains",
        backends: EACH,
        injections: &[inject("read", INTERRUPTED, Until(3)), inject("eventfd2", &["error=ENOSYS"], Always)],
        calls: &[("read", 5..=5)],
        victim: waking::a_waker_wakes,
    },
    Row {
        name: "a_drain_of_a_pipe_that_finds_nothing_leaves_the_wake_to_the_next",
        backends: EACH,
        injections: &[
            inject("read", &["error=EAGAIN"], Only(1)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("read", 2..=2)],
        victim: waking::a_drain_finds_nothing,
    },
];
