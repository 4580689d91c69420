//! The list of cases, and the macros that make a table and tests of it.

use super::support::Company;
use super::{Case, Open};

/// Hands the list to another macro: by file, the numbers of the contract that a case holds the poller to, what it needs, whether
/// other cases may run beside it, and its name.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ([$($stamp:tt)*] $arguments:tt) => {
        $($stamp)*! {
            $arguments
            registration {
                [1 3] nothing shared adding_twice_is_already_exists_and_leaves_the_first_untouched;
                [2 3] nothing shared modifying_a_stranger_is_not_found_and_creates_nothing;
                [2] nothing shared deleting_a_stranger_is_not_found;
                [2] nothing shared deleting_twice_is_not_found;
                [1 18] nothing shared a_deleted_descriptor_can_be_added_again;
                [3] nothing shared a_failed_add_changes_nothing;
                [3] nothing alone a_failed_modify_changes_nothing;
                [4] nothing alone adding_a_closed_descriptor_fails;
                [6] nothing shared an_unsupported_trigger_is_refused;
                [8] nothing shared only_the_last_of_several_changes_counts;
                [10] nothing shared modify_changes_the_token;
                [11] nothing shared modify_takes_a_direction_away_and_gives_it_back;
                [10] nothing shared both_directions_arrive_as_one_event;
                [18] nothing shared delete_drops_a_pending_event;
                [1] nothing shared two_descriptors_of_one_file_are_independent;
                [10] nothing shared registrations_may_share_a_token;
                [14 16] nothing shared two_pollers_on_one_descriptor_both_report;
                [18] nothing shared deleting_one_of_many_leaves_the_others;
                [25] descriptor shared a_poller_cannot_be_added_to_itself;
                [26] nothing shared delete_leaves_the_descriptor_open;
                [11 30] nothing shared who_asks_for_priority_alone_hears_nothing_of_data;
                [13 14] nothing shared changes_of_one_leave_the_others_alone;
            }
            kinds {
                [5] nothing shared regular_files_and_directories_are_unsupported;
                [5] nothing shared a_device_is_unsupported_or_always_ready;
                [5] nothing shared every_kind_of_pollable_descriptor_can_be_added;
            }
            triggers {
                [14] nothing shared level_repeats_until_drained;
                [14] nothing shared level_repeats_after_a_partial_read;
                [14] nothing shared level_writable_lasts_until_full_and_returns_with_room;
                [14] nothing shared level_listener_is_readable_until_its_queue_is_empty;
                [16] nothing shared one_shot_fires_once;
                [16] nothing shared one_shot_waits_for_its_condition;
                [16] nothing shared one_shot_disarms_both_directions;
                [16] nothing shared one_shot_readable_first_disarms_writable;
                [16] nothing shared a_fired_one_shot_is_silent_at_a_hang_up;
                [16 17] nothing shared one_shot_modify_while_ready_fires_again;
                [16 17] nothing shared one_shot_modify_before_it_fired_still_fires_once;
                [16 17] nothing shared one_shot_modify_to_the_other_direction;
                [16] nothing shared a_fired_one_shot_can_be_deleted_and_added;
                [14 17] nothing shared modify_turns_level_into_one_shot_and_back;
                [15] edge shared edge_reports_once_per_edge;
                [15 17] edge shared edge_modify_while_ready_fires_again;
                [15] edge shared edge_sees_new_data_after_a_drain_in_two_reads;
                [15] edge shared edge_writable_returns_when_the_peer_has_drained;
                [15 17] edge shared edge_accept_queue_is_known_after_modify;
                [12 15] edge shared edge_reports_a_hang_up;
                [15 17] edge shared modify_from_level_to_edge_reports_what_is_pending;
                [16 17] edge shared modify_from_edge_to_one_shot_fires_once;
                [13] nothing shared no_interest_is_silence_even_at_hangup;
                [13] nothing shared interest_taken_away_is_silence_even_at_hangup;
                [13 17] nothing shared interest_given_back_reports_what_happened_meanwhile;
                [11] nothing shared only_what_was_asked_for_is_promised;
                [8 14 16 17] nothing shared modify_turns_any_trigger_into_any_other;
                [14 15 16] nothing shared what_is_pending_at_the_add_is_reported;
                [16] nothing shared a_fired_one_shot_is_silent_whatever_happens;
                [16 17] nothing shared one_shot_reports_each_of_many_rounds;
                [16 17] nothing shared one_shot_accept_queue_is_known_after_modify;
                [15] edge shared edge_reports_each_of_many_rounds;
                [15] edge shared edge_in_both_directions_reports_each;
                [15] edge shared edge_listener_reports_who_comes_after_the_queue_was_emptied;
                [15 18] edge shared edge_deleted_and_added_reports_what_is_pending;
            }
            states {
                [11] nothing shared an_idle_connection_is_writable;
                [11] nothing shared a_connection_with_data_is_readable_and_writable;
                [11] nothing shared a_peers_half_close_is_readable_and_leaves_writing_possible;
                [11] nothing shared a_connection_closed_by_the_peer_is_readable;
                [11 12] nothing shared a_connection_shut_in_both_directions_is_readable_and_writable;
                [11] nothing shared ones_own_half_close_is_not_readable;
                [11] nothing shared a_connection_shut_for_reading_is_readable;
                [11 12] nothing shared a_reset_connection_is_readable_and_writable;
                [11 12] nothing shared a_reset_connection_stays_ready_after_its_error_was_taken;
                [11 12] nothing shared a_refused_connection_is_readable_and_writable;
                [11] nothing shared a_connection_made_is_writable_without_error;
                [11] nothing shared an_idle_listener_is_silent;
                [11] nothing shared a_listener_with_a_connection_queued_is_readable_and_never_writable;
                [11] nothing shared a_listener_whose_client_has_left_does_not_block;
                [11] nothing shared a_listener_whose_client_has_closed_hands_it_out;
                [11] nothing shared a_full_send_buffer_is_silent;
                [11 12] nothing shared a_unix_stream_closed_by_the_peer_is_readable_and_writable;
                [11 12] nothing shared a_unix_stream_closed_with_its_input_unread_is_readable_and_writable;
                [11] nothing shared a_unix_datagram_socket_whose_peer_has_left_is_writable;
                [11] nothing shared an_empty_datagram_is_readable;
                [11 12] nothing shared a_refused_datagram_is_readable_and_writable;
                [11 12] nothing shared a_pipe_left_by_its_writer_is_readable_with_data_and_without;
                [11 12] nothing shared a_pipe_left_by_its_reader_is_writable_with_room_and_without;
                [11 12] nothing shared a_fifo_left_by_its_writer_is_readable;
                [11] nothing shared a_fifo_with_a_new_writer_is_silent_again;
                [11 12] nothing shared a_terminal_left_by_its_master_is_readable_and_writable;
                [11] nothing shared an_incomplete_line_on_a_terminal_is_not_readable;
                [11] nothing shared a_socket_never_connected_is_no_promise;
                [11] nothing shared out_of_band_data_does_not_hide_the_rest;
                [11] nothing shared a_pipe_is_readable_with_data_and_writable_with_room;
                [11] nothing shared a_unix_stream_is_readable_with_data_and_at_its_end;
                [11] nothing shared a_datagram_is_readable_and_nothing_else_is;
                [11] linux shared an_eventfd_is_readable_above_zero_and_writable_below_its_end;
                [11] linux shared a_timerfd_is_readable_once_it_has_expired;
                [11] linux shared a_signalfd_is_readable_while_a_signal_is_pending;
                [11 12] linux shared a_unix_connect_to_a_full_queue_is_refused_at_once;
                [11] linux alone a_pidfd_is_readable_once_its_process_has_ended;
                [11 12] linux shared a_listener_shut_for_reading_is_readable_and_writable;
                [11] linux shared a_fifo_that_never_had_a_writer_is_silent;
                [11] linux shared a_terminals_master_is_readable_while_nobody_has_the_other_end_open;
                [11 12] linux shared a_connect_in_progress_is_silent_until_it_is_given_up;
            }
            hangup {
                [12] nothing shared a_reset_is_readable_to_a_reader;
                [12] nothing shared a_reset_is_writable_to_a_writer;
                [12] nothing shared a_reset_ends_a_wait_for_reading;
                [12] nothing shared a_reader_leaving_ends_a_wait_for_room;
                [12 14] nothing shared a_reader_leaving_is_told_at_every_wait_on_level;
                [12] nothing shared a_pipe_without_a_reader_can_be_added_and_is_writable;
                [14] nothing shared data_sent_before_a_close_is_read_before_the_end;
                [14] nothing shared data_in_a_pipe_is_read_before_its_end;
                [12] nothing shared a_reset_after_data_ends_within_two_reads;
                [12] nothing shared an_error_is_taken_once;
                [11] nothing shared a_half_close_is_no_hang_up;
                [11] nothing shared ones_own_half_close_is_no_hang_up;
                [11] nothing shared a_socket_never_connected_does_no_harm;
                [11 30] priority shared out_of_band_data_is_priority;
                [13 30] nothing shared who_asks_for_priority_alone_hears_nothing_of_a_hang_up;
                [11] nothing shared less_than_the_low_water_mark_is_not_readable;
                [10] nothing shared two_writes_before_a_wait_are_one_event;
                [12] nothing shared a_half_close_ends_a_wait_for_reading;
                [12] nothing shared a_writer_leaving_ends_a_wait_for_data;
                [11 19] nothing shared a_connect_that_succeeds_ends_a_wait;
                [12 19] nothing shared a_connect_that_is_refused_ends_a_wait;
                [12] nothing shared writing_to_a_peer_that_has_gone_ends_in_an_error;
            }
            waiting {
                [20] nothing shared a_timeout_is_never_early;
                [20] nothing shared a_timeout_of_100_milliseconds_is_just_that;
                [20] nothing shared a_zero_timeout_does_not_block_and_still_reports;
                [19 20] nothing shared no_timeout_waits_until_an_event;
                [19] nothing shared an_event_ends_a_timed_wait;
                [19] nothing shared a_hang_up_ends_a_wait;
                [21] nothing shared a_huge_timeout_neither_overflows_nor_ends_early;
                [22] nothing shared a_timeout_holds_with_nothing_registered;
                [13 22] nothing shared a_timeout_holds_with_only_silent_registrations;
                [19] nothing shared a_signal_ends_the_wait_without_an_error;
                [19] nothing shared a_signal_that_restarts_system_calls_ends_the_wait_too;
                [19] nothing shared signals_lose_no_event;
                [19] nothing shared a_deadline_kept_by_the_caller_survives_signals;
                [23] nothing shared events_hold_only_what_the_last_wait_found;
                [23] nothing shared events_of_another_poller_are_cleared;
                [20 22] nothing shared a_zero_timeout_with_nothing_registered_does_not_block;
                [20] nothing shared a_timeout_after_an_event_is_whole_again;
                [19 20] nothing shared a_signal_handled_before_the_wait_does_not_end_it;
                [19] nothing shared an_event_ends_a_wait_with_every_trigger;
                [19] nothing shared room_ends_a_wait_with_every_trigger;
                [23] nothing shared events_outlive_their_poller;
            }
            capacity {
                [24] nothing shared with_room_for_one_each_of_many_is_seen_in_turn;
                [24] nothing shared with_room_for_two_each_of_many_is_seen_in_turn;
                [24] nothing shared with_room_for_one_both_directions_of_many_are_seen_in_turn;
                [12 24] nothing shared pipes_without_a_reader_take_turns_with_the_others;
                [24] nothing shared a_busy_registration_does_not_starve_one_added_later;
                [24] nothing shared fairness_survives_deletions;
                [16 24] nothing shared one_shots_that_do_not_fit_are_reported_later;
                [15 24] edge shared edges_that_do_not_fit_are_reported_later;
                [18 24] nothing shared one_shots_that_do_not_fit_can_be_deleted;
                [24] nothing shared a_capacity_of_zero_is_one;
                [14 24] nothing shared the_buffer_may_change_between_waits;
                [10] nothing shared five_hundred_registrations_are_told_apart;
                [11] nothing shared random_operations_agree_with_the_kernel;
                [10 24] nothing shared with_room_for_one_both_directions_are_seen;
                [24] nothing shared a_busy_level_starves_no_one_shot;
                [24] edge shared a_busy_level_starves_no_edge;
                [10] nothing shared more_than_a_thousand_are_reported_at_once;
            }
            numbers {
                [7] nothing alone descriptor_numbers_above_1024_work;
                [7] nothing alone descriptor_numbers_above_4096_work;
                [7] nothing alone without_the_highest_number_the_rest_works_on;
                [9] nothing alone a_descriptor_closed_without_delete_is_silent_and_does_not_spin;
                [9] nothing alone a_number_closed_without_delete_stays_taken_until_delete;
                [9] nothing alone a_closed_descriptor_does_not_hide_the_others;
                [9 14] nothing alone a_closed_descriptor_hides_nothing_from_a_wait_that_does_not_sleep;
                [9 14] nothing alone a_stale_event_hides_nothing_from_a_wait_that_does_not_sleep;
                [9 16] nothing alone a_fired_one_shot_hides_nothing_after_a_stale_event;
                [9] nothing alone a_number_reused_after_delete_and_close_starts_afresh;
                [9] nothing alone a_reused_number_gets_no_events_of_its_predecessor;
                [9] nothing alone a_number_deleted_after_its_close_is_silent;
                [9 30] nothing alone a_hang_up_that_is_no_news_is_silent_after_the_close_too;
                [9] nothing alone a_number_closed_deleted_and_duplicated_back_can_be_added;
                [9] nothing alone modify_of_a_reused_number_registers_its_new_file;
                [9 19] nothing alone a_descriptor_closed_during_a_wait_is_no_error;
                [9] nothing alone what_a_stale_event_sets_off_leaves_the_others_alone;
                [9] nothing alone a_number_known_to_a_poller_that_is_gone_starts_afresh;
                [9 19] nothing alone a_number_that_passes_to_another_file_during_a_wait_is_no_error;
            }
            limits {
                [7 18] nothing alone deleted_registrations_do_not_count_against_the_limit;
                [9] nothing alone with_no_number_to_spare_a_stale_event_costs_nobody_an_event;
                [26] nothing alone dropping_a_poller_leaks_no_descriptor;
                [26] nothing alone own_descriptors_are_closed_on_exec;
                [26] nothing alone a_poller_that_needs_a_number_fails_without_one;
                [26] nothing alone a_waker_that_cannot_be_opened_leaves_nothing_open;
                [7] nothing alone registrations_survive_a_limit_lowered_below_their_numbers;
                [26] nothing alone an_executed_program_inherits_nothing_of_a_poller;
            }
            object {
                [25] descriptor shared the_pollers_own_descriptor_is_pollable;
                [25] descriptor shared the_pollers_own_descriptor_is_silent_once_all_is_told;
                [25] descriptor shared a_poller_may_wait_inside_any_other;
                [26] nothing shared dropping_a_poller_leaves_the_descriptors_open;
                [26] nothing shared a_descriptor_may_be_dropped_after_its_poller;
                [27] nothing shared a_thread_takes_the_poller_with_it;
                [19] nothing alone stopping_and_continuing_the_process_is_no_error;
                [28] nothing alone a_forked_childs_drop_does_not_disturb_the_parent;
                [28] nothing alone a_forked_child_may_open_a_poller_of_its_own;
                [28 29] nothing alone a_forked_child_wakes_its_parent;
                [26] nothing shared a_poller_may_be_dropped_with_events_pending;
                [27] nothing shared events_are_read_in_another_thread;
                [8 27 29] nothing shared another_thread_changes_the_poller_between_two_waits;
                [25] descriptor shared pollers_wait_inside_each_other_three_deep;
                [25] descriptor shared a_poller_inside_another_is_heard_with_every_trigger;
            }
            wakers {
                [29] nothing shared a_hundred_thousand_wakes_are_one;
                [29] nothing shared a_wake_before_the_wait_is_kept;
                [29] nothing shared a_wake_before_the_registration_is_kept;
                [29] nothing shared a_wake_from_another_thread_ends_the_wait;
                [26 29] nothing shared a_wake_after_the_poller_is_gone_does_nothing;
                [18 29] nothing alone a_receiver_can_be_deleted_and_dropped;
                [29] nothing shared no_wake_is_lost;
                [29] nothing shared a_receiver_that_is_not_drained_goes_on_as_its_trigger_says;
                [29] nothing shared a_wake_between_drain_and_wait_ends_the_wait;
                [29] nothing shared wakers_are_told_apart;
                [29] nothing shared a_clone_wakes_after_its_original_is_gone;
                [29] nothing shared one_receiver_may_be_in_two_pollers;
                [29] nothing shared no_wake_of_many_threads_is_lost;
            }
            linux {
                [5] linux alone every_kind_of_descriptor_of_linux_can_be_added;
                [5] linux shared a_memfd_is_unsupported;
                [4] linux shared a_descriptor_of_a_path_only_cannot_be_added;
                [9] linux alone a_closed_number_beyond_the_kernels_table_is_not_ready;
            }
        }
    };
}

/// Holds a poller to the contract of [`Poller`](crate::Poller): makes a module with a test for each of
/// [`CASES`](crate::conformance::CASES).
///
/// The first argument names the module, the second is a closure that opens the poller and captures nothing; what it answers with is
/// an `io::Result` of the poller. How to use it, and what may follow, is said at [`conformance`](mod@crate::conformance).
#[macro_export]
macro_rules! conformance {
    ($module:ident, $open:expr $(, lacks $($lacks:ident)*)? $(, ignored($when:meta, $why:literal))? $(,)?) => {
        mod $module {
            #[allow(unused_imports)] // the closure's own names
            use super::*;

            // Not a name that the closure may use for something of the caller's.
            #[allow(dead_code)] // outside a build for tests
            fn __conformance_open() -> ::std::io::Result<::std::boxed::Box<dyn $crate::Poller>> {
                ::std::result::Result::Ok(::std::boxed::Box::new(($open)()?))
            }

            $crate::__conformance_list! {
                [$crate::__conformance_tests] ([$($($lacks)*)?] [$($when, $why)?])
            }

            #[test]
            $(#[cfg_attr($when, ignore = $why)])?
            fn it_lacks_what_it_declares_and_nothing_else() {
                let declared = &[$($($crate::__conformance_need!($lacks)),*)?];
                const PATH: &str =
                    ::std::concat!(::std::module_path!(), "::it_lacks_what_it_declares_and_nothing_else");
                $crate::conformance::run_declaration(PATH, __conformance_open, declared);
            }
        }
    };
}

/// The tests of a module.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    (($lacks:tt $ignored:tt)
     $($file:ident { $([$($number:literal)*] $needs:ident $company:ident $case:ident;)* })*) => {
        $($($crate::__conformance_test! { $needs $lacks $ignored $case })*)*
    };
}

/// One test: whether the poller lacks what it needs, then whether the system does.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    (edge [edge $($lacks:ident)*] [$($ignored:tt)*] $case:ident) => {
        $crate::__conformance_stamp! { [ignore = "declared: no edge trigger"] $case }
    };
    (descriptor [descriptor $($lacks:ident)*] [$($ignored:tt)*] $case:ident) => {
        $crate::__conformance_stamp! { [ignore = "declared: no descriptor of its own"] $case }
    };
    (priority [priority $($lacks:ident)*] [$($ignored:tt)*] $case:ident) => {
        $crate::__conformance_stamp! { [ignore = "declared: no news of out-of-band data"] $case }
    };
    (linux [linux $($lacks:ident)*] [$($ignored:tt)*] $case:ident) => {
        $crate::__conformance_stamp! { [ignore = "declared: nothing of Linux alone"] $case }
    };
    ($needs:ident [$other:ident $($lacks:ident)*] $ignored:tt $case:ident) => {
        $crate::__conformance_test! { $needs [$($lacks)*] $ignored $case }
    };
    (linux [] [] $case:ident) => {
        $crate::__conformance_test! { linux [] [any(), ""] $case }
    };
    (linux [] [$when:meta, $why:literal] $case:ident) => {
        $crate::__conformance_stamp! {
            [cfg_attr($when, ignore = $why)]
            [cfg_attr(all(not(target_os = "linux"), not($when)), ignore = "it is about what only Linux has")]
            $case
        }
    };
    ($needs:ident [] [$($when:meta, $why:literal)?] $case:ident) => {
        $crate::__conformance_stamp! { $([cfg_attr($when, ignore = $why)])? $case }
    };
}

/// The function of a test.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_stamp {
    ($([$attribute:meta])* $case:ident) => {
        #[test]
        $(#[$attribute])*
        fn $case() {
            const PATH: &str = ::std::concat!(::std::module_path!(), "::", ::std::stringify!($case));
            $crate::conformance::run_named(PATH, __conformance_open);
        }
    };
}

/// What a word of the list means.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_need {
    (nothing) => {
        $crate::conformance::Need::Nothing
    };
    (edge) => {
        $crate::conformance::Need::Edge
    };
    (descriptor) => {
        $crate::conformance::Need::Descriptor
    };
    (priority) => {
        $crate::conformance::Need::Priority
    };
    (linux) => {
        $crate::conformance::Need::Linux
    };
}

/// The table of cases.
macro_rules! table {
    (() $($file:ident { $([$($number:literal)*] $needs:ident $company:ident $case:ident;)* })*) => {
        &[$($(Case {
            name: stringify!($case),
            holds: &[$($number),*],
            needs: __conformance_need!($needs),
            company: Company::$company,
            body: body!($needs $file $case),
        },)*)*]
    };
}

/// The function of a case. What is about Linux alone is compiled there alone.
macro_rules! body {
    (linux $file:ident $case:ident) => {{
        #[cfg(target_os = "linux")]
        let body: fn(Open) = super::$file::$case;
        #[cfg(not(target_os = "linux"))]
        let body: fn(Open) = super::not_of_this_system;
        body
    }};
    ($needs:ident $file:ident $case:ident) => {
        super::$file::$case
    };
}

pub(super) const TABLE: &[Case] = __conformance_list!([table]());
