//! What is particular to kqueue: the model that stands in for it on Linux is held to what two kernels were seen to do, and the traps
//! that a backend on it can fall into are sprung on ours.
//!
//! `observed.tsv` is what was seen; `README.md` beside it says how. `bash ci/kqueue.sh` runs all of this on Linux, as either kernel.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

#[cfg(ringmq_kqueue = "model")]
mod notation;
#[cfg(ringmq_kqueue = "model")]
mod refusals;
#[cfg(ringmq_kqueue = "model")]
mod replay;
#[cfg(ringmq_kqueue = "model")]
mod scenarios;
mod traps;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: some close a number and count on what they open next being given it, which a test beside them would be given.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds the model to the observations, where it is.
#[test]
#[cfg_attr(not(ringmq_kqueue = "model"), ignore = "kqueue's model is not in this build: see ci/kqueue.sh")]
fn the_model_does_as_the_kernels_were_seen_to_do() {
    let _turn = turn();
    #[cfg(ringmq_kqueue = "model")]
    replay::every_row();
    #[cfg(not(ringmq_kqueue = "model"))]
    panic!("there is no model in this build: bash ci/kqueue.sh makes one that has it");
}

/// Stamps a test for each refusal, which the model alone can be told to make.
macro_rules! refusals {
    ($($case:ident)*) => {
        $(
            #[test]
            #[cfg_attr(not(ringmq_kqueue = "model"), ignore = "kqueue's model is not in this build: see ci/kqueue.sh")]
            fn $case() {
                let _turn = turn();
                #[cfg(ringmq_kqueue = "model")]
                refusals::$case();
                #[cfg(not(ringmq_kqueue = "model"))]
                panic!("there is no model in this build: bash ci/kqueue.sh makes one that has it");
            }
        )*
    };
}

refusals! {
    a_pipe_found_broken_while_a_refused_modify_is_undone_is_told_of
    a_refused_delete_of_a_broken_pipe_changes_nothing
    what_is_no_pipe_is_never_a_broken_one
    a_broken_pipe_has_three_names
    a_fifo_refused_for_writing_is_read
}

/// Stamps a test for each trap, which any kqueue can be led into.
macro_rules! traps {
    ($is_here:meta $($trap:ident)*) => {
        $(
            #[test]
            #[cfg_attr(not($is_here), ignore = "kqueue: this system does not have it")]
            fn $trap() {
                let _turn = turn();
                traps::$trap();
            }
        )*
    };
}

ringmq_platform::where_kqueue_is! {
    traps! {
        the_end_of_a_connection_is_told_while_another_thread_waits
        a_kqueue_added_to_itself_is_refused_before_the_kernel_is_asked
        a_one_shot_drained_before_the_wait_is_silent
        a_one_shot_filled_before_the_wait_is_silent
        a_fired_one_shot_can_become_anything
        a_one_shot_armed_again_finds_what_is_there_already
        every_change_says_whose_it_is
        a_pipe_left_by_its_reader_is_told_of_until_it_is_closed
        pipes_left_by_their_readers_all_get_a_turn
        a_pipe_without_a_reader_falls_silent_once_closed
        a_pipe_without_a_reader_gives_its_number_to_another_file
        a_pipe_without_a_reader_gives_its_number_to_another_pipe
        a_fifo_with_a_reader_again_is_full_when_it_is
        a_forked_childs_drop_leaves_open_what_took_the_number
    }
}
