//! What a reactor makes of it when its waits are.

use ringmq::platform::Backend::{Epoll, Poll};

use super::{inject, Row, DELAYED, EACH, INTERRUPTED, NOTHING_FOUND};
use crate::strace::When::{Always, Only, Until};
use crate::victims::running;

pub const ROWS: &[Row] = &[
    Row {
        name: "run_ends_at_its_deadline_though_waits_are_interrupted",
        backends: EACH,
        injections: &[inject("wait", INTERRUPTED, Until(3))],
        calls: &[("wait", 4..=8)],
        victim: running::it_ends_at_its_deadline,
    },
    Row {
        name: "run_ends_at_its_deadline_though_every_wait_is_interrupted",
        backends: EACH,
        injections: &[inject("wait", INTERRUPTED, Always)],
        calls: &[("wait", 2..=usize::MAX)],
        victim: running::it_ends_at_its_deadline,
    },
    Row {
        name: "run_goes_on_after_a_wait_that_found_nothing",
        backends: EACH,
        injections: &[inject("wait", NOTHING_FOUND, Only(1))],
        calls: &[("wait", 2..=4)],
        victim: running::it_accepts_a_client,
    },
    Row {
        name: "run_ends_at_its_deadline_though_the_kernel_ends_waits_early",
        backends: EACH,
        injections: &[inject("wait", NOTHING_FOUND, Until(3))],
        calls: &[("wait", 4..=8)],
        victim: running::it_ends_at_its_deadline,
    },
    Row {
        name: "run_hands_on_the_error_of_a_wait_at_once",
        backends: EACH,
        injections: &[inject("wait", &["error=EBADF", "error=EINVAL", "error=EFAULT"], Always)],
        calls: &[("wait", 1..=2)],
        victim: running::it_fails,
    },
    Row {
        name: "run_loses_nothing_by_an_error_of_a_wait",
        backends: EACH,
        injections: &[inject("endless_wait", &["error=EINVAL", "error=ENOMEM", "error=EAGAIN"], Only(1))],
        calls: &[("wait", 2..=4)],
        victim: running::it_fails_and_goes_on,
    },
    Row {
        name: "timers_are_late_but_in_order_when_waits_are_delayed",
        backends: EACH,
        injections: &[inject("wait", DELAYED, Always)],
        calls: &[("wait", 2..=10)],
        victim: running::timers_run_in_order,
    },
    Row {
        name: "timers_are_late_but_in_order_when_waits_of_milliseconds_are_delayed",
        backends: &[Epoll, Poll],
        injections: &[inject("coarse_wait", DELAYED, Always), inject("fine_wait", &["error=ENOSYS"], Always)],
        calls: &[("fine_wait", 1..=1), ("coarse_wait", 2..=10)],
        victim: running::timers_run_in_order,
    },
    Row {
        name: "run_goes_on_after_a_signal_that_is_handled_once",
        backends: EACH,
        injections: &[inject("fine_wait", &["signal=SIGUSR1"], Only(1))],
        calls: &[("wait", 2..=5)],
        victim: running::a_signal_is_handled,
    },
    Row {
        name: "run_goes_on_after_a_signal_that_is_ignored",
        backends: EACH,
        injections: &[inject("fine_wait", &["signal=SIGCHLD", "signal=SIGURG"], Only(1))],
        calls: &[("wait", 1..=5)],
        victim: running::it_ends_at_its_deadline,
    },
];
