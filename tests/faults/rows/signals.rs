//! What comes of catching signals when the kernel refuses.

use super::{inject, Row, EACH, EPOLL, NO_DESCRIPTOR, NO_SUCH_CALL};
use crate::strace::When::{Always, Only};
use crate::victims::signals;

pub const ROWS: &[Row] = &[
    Row {
        name: "signals_for_which_there_is_no_descriptor_are_not_caught",
        backends: EPOLL,
        injections: &[inject("eventfd2", NO_DESCRIPTOR, Only(1))],
        calls: &[("eventfd2", 2..=2)],
        victim: signals::none_is_caught,
    },
    Row {
        name: "a_signal_that_the_kernel_refuses_leaves_the_one_before_it_as_it_was",
        // Four: both are set, the second in vain; then the first is looked at and put back. The victim makes the rest.
        backends: EPOLL,
        injections: &[inject("rt_sigaction", &["error=EINVAL"], Only(2))],
        calls: &[("rt_sigaction", 12..=12)],
        victim: signals::none_is_caught,
    },
    Row {
        name: "signals_without_an_eventfd_are_told_through_a_pipe",
        backends: EACH,
        injections: &[inject("eventfd2", NO_SUCH_CALL, Always)],
        calls: &[("pipe,pipe2", 1..=1)],
        victim: signals::a_signal_is_told,
    },
    Row {
        name: "a_signal_whose_wake_finds_no_room_leaves_errno_alone_and_is_not_lost",
        backends: EPOLL,
        injections: &[inject("write", &["error=EAGAIN"], Only(1))],
        calls: &[("write", 2..=2)],
        victim: signals::errno_is_left_alone,
    },
];
