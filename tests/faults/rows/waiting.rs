//! What comes of it when waits are interrupted, refused, delayed, or end without a reason.

use ringmq::platform::Backend::{Epoll, Poll};

use super::{inject, Row, DELAYED, EACH, INTERRUPTED, NOTHING_FOUND, NO_SUCH_CALL, SELECT};
use crate::strace::When::{Always, Only, Until};
use crate::victims::waiting;

pub const ROWS: &[Row] = &[
    Row {
        name: "without_nanoseconds_a_wait_counts_milliseconds_and_remembers_it",
        backends: &[Epoll, Poll],
        injections: &[inject("fine_wait", NO_SUCH_CALL, Always)],
        calls: &[("fine_wait", 1..=1), ("coarse_wait", 3..=6)],
        victim: waiting::short_timeouts_are_never_early,
    },
    Row {
        name: "an_interrupted_wait_ends_at_once_without_events",
        backends: EACH,
        injections: &[inject("wait", INTERRUPTED, Always)],
        calls: &[("wait", 10..=10)],
        victim: waiting::every_wait_is_interrupted,
    },
    Row {
        name: "a_wait_that_fails_says_so_at_once",
        backends: &[Epoll, Poll],
        injections: &[inject(
            "wait",
            &["error=EBADF", "error=EINVAL", "error=EFAULT", "error=ENOMEM", "error=EAGAIN"],
            Always,
        )],
        calls: &[("wait", 2..=2)],
        victim: waiting::every_wait_fails,
    },
    Row {
        name: "a_select_that_fails_says_so_at_once",
        backends: SELECT,
        injections: &[inject(
            "wait",
            &["error=EINVAL", "error=EFAULT", "error=ENOMEM", "error=EAGAIN"],
            Always,
        )],
        calls: &[("wait", 2..=2)],
        victim: waiting::every_wait_fails,
    },
    Row {
        name: "a_select_that_only_ever_says_bad_number_is_asked_twice",
        backends: SELECT,
        injections: &[inject("wait", &["error=EBADF"], Always)],
        calls: &[("wait", 4..=4)],
        victim: waiting::every_wait_fails,
    },
    Row {
        name: "a_select_that_says_bad_number_where_none_is_goes_on",
        backends: SELECT,
        injections: &[inject("wait", &["error=EBADF"], Only(1))],
        calls: &[("wait", 2..=2)],
        victim: waiting::an_event_arrives,
    },
    Row {
        name: "after_a_failure_the_next_wait_reports",
        backends: EACH,
        injections: &[inject("endless_wait", &["error=EINVAL", "error=ENOMEM", "error=EAGAIN"], Only(1))],
        calls: &[("wait", 2..=2)],
        victim: waiting::one_wait_fails,
    },
    Row {
        name: "a_wait_without_timeout_that_finds_nothing_is_made_again",
        backends: EACH,
        injections: &[inject("wait", NOTHING_FOUND, Only(1))],
        calls: &[("wait", 2..=2)],
        victim: waiting::an_event_arrives,
    },
    Row {
        name: "a_wait_that_the_kernel_ends_early_is_never_early",
        backends: EACH,
        injections: &[inject("wait", NOTHING_FOUND, Until(3))],
        calls: &[("wait", 4..=8)],
        victim: waiting::a_timeout_is_never_early,
    },
    Row {
        name: "a_wait_that_took_too_long_is_not_made_again",
        backends: EACH,
        injections: &[inject("wait", DELAYED, Always)],
        calls: &[("wait", 1..=1)],
        victim: waiting::a_timeout_is_never_early,
    },
    Row {
        name: "a_signal_with_a_handler_ends_a_wait_and_is_handled_once",
        backends: EACH,
        injections: &[inject("wait", &["signal=SIGUSR1"], Only(1))],
        calls: &[("wait", 1..=1)],
        victim: waiting::a_signal_is_handled,
    },
    Row {
        name: "a_signal_that_is_ignored_does_no_harm_to_a_wait",
        // poll and select the kernel may begin anew by itself.
        backends: EACH,
        injections: &[inject("wait", &["signal=SIGCHLD", "signal=SIGURG"], Only(1))],
        calls: &[("wait", 1..=4)],
        victim: waiting::a_signal_is_ignored,
    },
];
