//! What comes of watching a child when the kernel refuses.

use super::{inject, Row, EACH, NO_DESCRIPTOR, NO_SUCH_CALL};
use crate::strace::When::{Always, Only};
use crate::victims::children;

pub const ROWS: &[Row] = &[
    Row {
        name: "without_pidfds_children_are_told_by_their_signal",
        // One for each child but the last, which has been waited for.
        backends: EACH,
        injections: &[inject("pidfd_open", NO_SUCH_CALL, Always)],
        calls: &[("pidfd_open", 3..=3)],
        victim: children::each_is_told_as_its_own,
    },
    Row {
        name: "without_pidfds_and_eventfds_children_are_told_by_their_signal",
        backends: EACH,
        injections: &[
            inject("pidfd_open", NO_SUCH_CALL, Always),
            inject("eventfd2", &["error=ENOSYS"], Always),
        ],
        calls: &[("pidfd_open", 3..=3), ("pipe,pipe2", 8..=12)],
        victim: children::each_is_told_as_its_own,
    },
    Row {
        name: "a_child_for_which_there_is_no_descriptor_is_not_watched",
        backends: EACH,
        injections: &[inject("pidfd_open", NO_DESCRIPTOR, Only(1))],
        calls: &[("pidfd_open", 2..=2), ("eventfd2", 0..=0)],
        victim: children::one_is_not_watched,
    },
    Row {
        name: "a_child_of_which_the_kernel_knows_nothing_is_asked_for_until_it_has_exited",
        backends: EACH,
        injections: &[inject("pidfd_open", &["error=ESRCH"], Always)],
        calls: &[("pidfd_open", 3..=3)],
        victim: children::each_is_told_as_its_own,
    },
    Row {
        name: "a_child_whose_signal_cannot_be_caught_is_not_watched",
        backends: EACH,
        injections: &[
            inject("eventfd2", NO_DESCRIPTOR, Only(1)),
            inject("pidfd_open", &["error=ENOSYS"], Always),
        ],
        calls: &[("pidfd_open", 2..=2), ("eventfd2", 2..=2)],
        victim: children::one_is_not_watched,
    },
];
