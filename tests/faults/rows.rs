//! The table of faults: what strace does to which calls, on which backends, who meets it, and how many calls it may take.

use std::ops::RangeInclusive;

use ringmq::platform::Backend::{self, Epoll, Poll, Select};

use crate::strace::When::{self, Always, EveryOther, Only, Until};
use crate::victims::{closing, opening, registering, running, sockets, waiting, waking, Setting};

/// One fault and what must come of it. It is run once per backend and per fault of its first injection.
pub struct Row {
    /// A sentence that says what must come of it.
    pub name: &'static str,
    /// Named one by one, and not all that there are: strace sees the system's own calls, which a model of kqueue has not.
    pub backends: &'static [Backend],
    pub injections: &'static [Injection],
    /// How often the victim may make which calls, those counted that were tampered with.
    pub calls: &'static [(&'static str, RangeInclusive<usize>)],
    pub victim: fn(&Setting<'_>),
}

/// What strace does to some calls; for the names of calls see [`crate::strace::names`].
pub struct Injection {
    pub calls: &'static str,
    /// One for each run, or one for all.
    faults: &'static [&'static str],
    pub when: When,
}

impl Row {
    pub fn run_count(&self) -> usize {
        self.injections[0].faults.len()
    }

    /// What tells this run of the row from the others.
    pub fn fault(&self, index: usize) -> &'static str {
        self.injections[0].fault(index)
    }
}

impl Injection {
    pub fn fault(&self, index: usize) -> &'static str {
        self.faults[index.min(self.faults.len() - 1)]
    }
}

const fn inject(calls: &'static str, faults: &'static [&'static str], when: When) -> Injection {
    Injection { calls, faults, when }
}

const EACH: &[Backend] = &[Epoll, Poll, Select];
const EPOLL: &[Backend] = &[Epoll];
const POLL_AND_SELECT: &[Backend] = &[Poll, Select];
const SELECT: &[Backend] = &[Select];

const NO_DESCRIPTOR: &[&str] = &["error=EMFILE", "error=ENFILE", "error=ENOMEM"];
const NO_SUCH_CALL: &[&str] = &["error=ENOSYS", "error=EPERM"];
const NO_ROOM: &[&str] = &["error=ENOSPC", "error=ENOMEM", "error=EPERM"];
const INTERRUPTED: &[&str] = &["error=EINTR"];
const NOTHING_FOUND: &[&str] = &["retval=0"];
const DELAYED: &[&str] = &["delay_exit=50000", "delay_enter=50000"];

pub const ROWS: &[Row] = &[
    // Opening.
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
        injections: &[inject("fcntl", &["error=EBADF"], Only(1))],
        calls: &[("fcntl", 2..=4)],
        victim: opening::a_reactor_is_denied,
    },
    // Calls that are missing.
    Row {
        name: "without_nanoseconds_a_wait_counts_milliseconds_and_remembers_it",
        backends: &[Epoll, Poll],
        injections: &[inject("fine_wait", NO_SUCH_CALL, Always)],
        calls: &[("fine_wait", 1..=1), ("coarse_wait", 3..=6)],
        victim: waiting::short_timeouts_are_never_early,
    },
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
        name: "a_pipe_that_might_block_is_no_waker",
        backends: EPOLL,
        injections: &[
            inject("fcntl", &["error=EBADF"], Only(4)),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("fcntl", 12..=16)],
        victim: opening::a_waker_is_denied,
    },
    // Registering.
    Row {
        name: "an_add_for_which_there_is_no_room_changes_nothing",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", NO_ROOM, Only(2))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::an_add_is_refused,
    },
    Row {
        name: "an_add_of_what_cannot_be_examined_changes_nothing",
        backends: POLL_AND_SELECT,
        injections: &[inject("fcntl", &["error=EBADF"], Only(2))],
        calls: &[("fcntl", 3..=7)],
        victim: registering::an_add_is_refused,
    },
    Row {
        name: "an_add_of_what_cannot_be_looked_at_changes_nothing",
        backends: POLL_AND_SELECT,
        injections: &[inject("fstat,newfstatat,fstat64,statx", &["error=EBADF"], Only(2))],
        calls: &[("fstat,newfstatat,fstat64,statx", 3..=3)],
        victim: registering::an_add_is_refused,
    },
    Row {
        name: "an_add_that_meets_a_stranger_in_the_set_tries_once_to_replace_it",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=EEXIST"], Only(1))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::an_add_meets_a_stranger,
    },
    Row {
        name: "an_add_without_interest_that_cannot_enter_changes_nothing",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", NO_ROOM, Only(1))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::an_add_without_interest_is_refused,
    },
    Row {
        name: "an_add_without_interest_that_cannot_leave_is_silent",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=ENOMEM", "error=ENOSPC"], Only(2))],
        calls: &[("epoll_ctl", 4..=4), ("wait", 2..=4)],
        victim: registering::an_add_without_interest_is_refused,
    },
    Row {
        name: "a_modify_for_which_there_is_no_room_changes_nothing",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", NO_ROOM, Only(2))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::a_modify_is_refused,
    },
    Row {
        name: "a_modify_of_a_descriptor_closed_behind_our_back_changes_nothing",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=EBADF", "error=EEXIST"], Only(2))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::a_modify_is_refused,
    },
    Row {
        name: "a_modify_that_finds_nothing_in_the_set_tries_once_to_add",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=ENOENT"], Only(2))],
        calls: &[("epoll_ctl", 4..=4)],
        victim: registering::a_modify_finds_nothing,
    },
    Row {
        name: "a_modify_to_silence_that_is_refused_changes_nothing",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=ENOMEM", "error=ENOSPC"], Only(2))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::a_modify_to_silence_is_refused,
    },
    Row {
        name: "a_modify_out_of_silence_that_is_refused_stays_silent",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", NO_ROOM, Only(3))],
        calls: &[("epoll_ctl", 4..=4)],
        victim: registering::a_modify_out_of_silence_is_refused,
    },
    Row {
        name: "a_delete_that_is_refused_changes_nothing",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=ENOMEM", "error=EPERM", "error=EEXIST"], Only(2))],
        calls: &[("epoll_ctl", 3..=3)],
        victim: registering::a_delete_is_refused,
    },
    Row {
        name: "a_delete_of_what_the_kernel_has_forgotten_is_done",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=ENOENT", "error=EBADF"], Only(2))],
        calls: &[("epoll_ctl", 3..=3), ("wait", 3..=6)],
        victim: registering::a_delete_finds_nothing,
    },
    Row {
        name: "a_set_that_cannot_be_opened_anew_is_an_error_and_the_next_wait_mends_it",
        backends: EPOLL,
        injections: &[inject("epoll_create1", NO_DESCRIPTOR, Only(2))],
        calls: &[("epoll_create1", 3..=3), ("wait", 3..=5)],
        victim: registering::a_set_cannot_be_mended,
    },
    Row {
        name: "a_set_that_cannot_be_filled_anew_is_an_error_and_the_next_wait_mends_it",
        backends: EPOLL,
        // The fourth asks whether the old set still has the one registration that is left, the fifth puts it into the new one.
        injections: &[inject("epoll_ctl", &["error=ENOMEM", "error=ENOSPC"], Only(5))],
        calls: &[("epoll_ctl", 7..=7), ("wait", 3..=5)],
        victim: registering::a_set_cannot_be_mended,
    },
    Row {
        name: "a_set_that_cannot_be_compared_is_an_error_and_the_next_wait_mends_it",
        backends: EPOLL,
        injections: &[inject("epoll_ctl", &["error=ENOMEM", "error=ENOSPC"], Only(4))],
        calls: &[("epoll_ctl", 6..=6), ("wait", 3..=5)],
        victim: registering::a_set_cannot_be_mended,
    },
    Row {
        name: "a_set_that_cannot_take_the_old_ones_number_is_an_error_and_the_next_wait_mends_it",
        backends: EPOLL,
        injections: &[inject("dup3", &["error=EBUSY", "error=EMFILE"], Only(1))],
        calls: &[("dup3", 2..=2), ("wait", 3..=5)],
        victim: registering::a_set_cannot_be_mended,
    },
    Row {
        name: "events_in_hand_are_told_although_the_set_cannot_be_mended",
        backends: EPOLL,
        injections: &[inject("epoll_create1", NO_DESCRIPTOR, Only(2))],
        calls: &[("epoll_create1", 3..=3), ("wait", 3..=5)],
        victim: registering::events_in_hand_are_told,
    },
    // Waiting.
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
        // epoll alone: poll and select the kernel begins anew by itself, so that nothing of ours is put to the test.
        backends: EPOLL,
        injections: &[inject("wait", &["signal=SIGCHLD", "signal=SIGURG"], Only(1))],
        calls: &[("wait", 1..=4)],
        victim: waiting::a_signal_is_ignored,
    },
    // Running a reactor.
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
        // As above.
        backends: EPOLL,
        injections: &[inject("fine_wait", &["signal=SIGCHLD", "signal=SIGURG"], Only(1))],
        calls: &[("wait", 1..=5)],
        victim: running::it_ends_at_its_deadline,
    },
    // Waking.
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
    // Sockets.
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
        name: "a_broken_listener_says_so_once_and_rests",
        backends: EACH,
        injections: &[inject("accept4", &["error=EBADF", "error=EINVAL", "error=ENOTSOCK"], Always)],
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
        name: "an_interrupted_connect_is_not_repeated",
        backends: EPOLL,
        injections: &[inject("connect", INTERRUPTED, Only(1))],
        calls: &[("connect", 1..=1)],
        victim: sockets::connecting_is_interrupted,
    },
    // Closing.
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
];
