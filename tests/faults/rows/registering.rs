//! What comes of it when the kernel refuses a registration, or knows nothing of it.

use super::{inject, Row, EPOLL, NO_DESCRIPTOR, NO_ROOM, POLL_AND_SELECT};
use crate::strace::When::Only;
use crate::victims::registering;

pub const ROWS: &[Row] = &[
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
        injections: &[inject("fcntl,fcntl64", &["error=EBADF"], Only(2))],
        calls: &[("fcntl,fcntl64", 3..=7)],
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
];
