//! Holds every backend to the contract of `Poller`: each case of the list below is a test per backend, named `epoll::…`, `poll::…`,
//! `select::…` and `kqueue::…`. One that cannot run is ignored and says why.
//!
//! `CASES.md` beside this file says what each case is for; `catalogue.rs` fails when the two, or the contract, disagree.

mod capacity;
mod catalogue;
#[cfg(target_os = "linux")]
mod faults;
mod fixtures;
mod hangup;
#[cfg(target_os = "linux")]
mod linux;
mod numbers;
mod object;
mod registration;
mod states;
mod support;
mod triggers;
mod waiting;
mod wakers;

/// The list: by file, what a backend needs for the case, whether other cases may run beside it, and its name.
macro_rules! with_the_list {
    ($stamp:ident!($($arguments:tt)*)) => {
        $stamp! {
            ($($arguments)*)
            registration {
                nothing shared adding_twice_is_already_exists_and_leaves_the_first_untouched;
                nothing shared modifying_a_stranger_is_not_found_and_creates_nothing;
                nothing shared deleting_a_stranger_is_not_found;
                nothing shared deleting_twice_is_not_found;
                nothing shared a_deleted_descriptor_can_be_added_again;
                nothing shared a_failed_add_changes_nothing;
                nothing alone a_failed_modify_changes_nothing;
                nothing alone adding_a_closed_descriptor_fails;
                nothing shared regular_files_and_directories_are_unsupported;
                nothing shared a_device_is_unsupported_or_always_ready;
                nothing shared an_unsupported_trigger_is_refused;
                nothing shared only_the_last_of_several_changes_counts;
                nothing shared modify_changes_the_token;
                nothing shared modify_takes_a_direction_away_and_gives_it_back;
                nothing shared both_directions_arrive_as_one_event;
                nothing shared delete_drops_a_pending_event;
                nothing shared two_descriptors_of_one_file_are_independent;
                nothing shared registrations_may_share_a_token;
                nothing shared two_pollers_on_one_descriptor_both_report;
                nothing shared deleting_one_of_many_leaves_the_others;
                nothing shared every_kind_of_pollable_descriptor_can_be_added;
                descriptor shared a_poller_cannot_be_added_to_itself;
            }
            triggers {
                nothing shared level_repeats_until_drained;
                nothing shared level_repeats_after_a_partial_read;
                nothing shared level_writable_lasts_until_full_and_returns_with_room;
                nothing shared level_listener_is_readable_until_its_queue_is_empty;
                nothing shared one_shot_fires_once;
                nothing shared one_shot_waits_for_its_condition;
                nothing shared one_shot_disarms_both_directions;
                nothing shared one_shot_readable_first_disarms_writable;
                nothing shared a_fired_one_shot_is_silent_at_a_hang_up;
                nothing shared one_shot_modify_while_ready_fires_again;
                nothing shared one_shot_modify_before_it_fired_still_fires_once;
                nothing shared one_shot_modify_to_the_other_direction;
                nothing shared a_fired_one_shot_can_be_deleted_and_added;
                nothing shared modify_turns_level_into_one_shot_and_back;
                edge shared edge_reports_once_per_edge;
                edge shared edge_modify_while_ready_fires_again;
                edge shared edge_sees_new_data_after_a_partial_read;
                edge shared edge_writable_returns_when_the_peer_has_drained;
                edge shared edge_accept_queue_is_known_after_modify;
                edge shared edge_reports_a_hang_up;
                edge shared modify_from_level_to_edge_reports_what_is_pending;
                edge shared modify_from_edge_to_one_shot_fires_once;
                nothing shared no_interest_is_silence_even_at_hangup;
                nothing shared interest_taken_away_is_silence_even_at_hangup;
                nothing shared interest_given_back_reports_what_happened_meanwhile;
                nothing shared only_what_was_asked_for_is_promised;
            }
            states {
                nothing shared an_idle_connection_is_writable;
                nothing shared a_connection_with_data_is_readable_and_writable;
                nothing shared a_peers_half_close_is_readable_and_leaves_writing_possible;
                nothing shared a_connection_closed_by_the_peer_is_readable;
                nothing shared a_connection_shut_in_both_directions_is_readable_and_writable;
                nothing shared ones_own_half_close_is_not_readable;
                nothing shared a_connection_shut_for_reading_is_readable;
                nothing shared a_reset_connection_is_readable_and_writable;
                nothing shared a_reset_connection_stays_ready_after_its_error_was_taken;
                nothing shared a_refused_connection_is_readable_and_writable;
                nothing shared a_connection_made_is_writable_without_error;
                nothing shared an_idle_listener_is_silent;
                nothing shared a_listener_with_a_connection_queued_is_readable_and_never_writable;
                nothing shared a_listener_whose_client_has_left_does_not_block;
                nothing shared a_full_send_buffer_is_silent;
                nothing shared a_unix_stream_closed_by_the_peer_is_readable_and_writable;
                nothing shared a_unix_stream_closed_with_its_input_unread_is_readable_and_writable;
                nothing shared a_unix_datagram_socket_whose_peer_has_left_is_writable;
                nothing shared an_empty_datagram_is_readable;
                nothing shared a_refused_datagram_is_readable_and_writable;
                nothing shared a_pipe_left_by_its_writer_is_readable_with_data_and_without;
                nothing shared a_pipe_left_by_its_reader_is_writable_with_room_and_without;
                nothing shared a_fifo_left_by_its_writer_is_readable;
                nothing shared a_fifo_with_a_new_writer_is_silent_again;
                nothing shared a_terminal_left_by_its_master_is_readable;
                nothing shared an_incomplete_line_on_a_terminal_is_not_readable;
            }
            hangup {
                nothing shared a_reset_is_readable_to_a_reader;
                nothing shared a_reset_is_writable_to_a_writer;
                nothing shared a_reset_ends_a_wait_for_reading;
                nothing shared a_reader_leaving_ends_a_wait_for_room;
                nothing shared a_pipe_without_a_reader_can_be_added_and_is_writable;
                nothing shared data_sent_before_a_close_is_read_before_the_end;
                nothing shared data_in_a_pipe_is_read_before_its_end;
                nothing shared a_reset_after_data_ends_within_two_reads;
                nothing shared an_error_is_taken_once;
                nothing shared a_half_close_is_no_hang_up;
                nothing shared ones_own_half_close_is_no_hang_up;
                nothing shared hints_are_told_by_those_that_know_them;
                nothing shared a_socket_never_connected_does_no_harm;
                priority shared out_of_band_data_is_priority;
                nothing shared less_than_the_low_water_mark_is_not_readable;
                nothing shared two_writes_before_a_wait_are_one_event;
            }
            waiting {
                nothing shared a_timeout_is_never_early;
                nothing shared a_timeout_of_100_milliseconds_is_just_that;
                nothing shared a_zero_timeout_does_not_block_and_still_reports;
                nothing shared no_timeout_waits_until_an_event;
                nothing shared an_event_ends_a_timed_wait;
                nothing shared a_hang_up_ends_a_wait;
                nothing shared a_huge_timeout_neither_overflows_nor_ends_early;
                nothing shared a_timeout_holds_with_nothing_registered;
                nothing shared a_timeout_holds_with_only_silent_registrations;
                nothing shared a_signal_ends_the_wait_without_an_error;
                nothing shared a_signal_that_restarts_system_calls_ends_the_wait_too;
                nothing shared signals_lose_no_event;
                nothing shared a_deadline_kept_by_the_caller_survives_signals;
                nothing shared events_hold_only_what_the_last_wait_found;
                nothing shared events_of_another_poller_are_cleared;
            }
            capacity {
                nothing shared with_room_for_one_each_of_many_is_seen_in_turn;
                nothing shared with_room_for_two_each_of_many_is_seen_in_turn;
                nothing shared a_busy_registration_does_not_starve_one_added_later;
                nothing shared fairness_survives_deletions;
                nothing shared one_shots_that_do_not_fit_are_reported_later;
                edge shared edges_that_do_not_fit_are_reported_later;
                nothing shared one_shots_that_do_not_fit_can_be_deleted;
                nothing shared a_capacity_of_zero_is_one;
                nothing shared the_buffer_may_change_between_waits;
                nothing shared five_hundred_registrations_are_told_apart;
                nothing shared random_operations_agree_with_the_kernel;
            }
            numbers {
                nothing alone descriptor_numbers_above_1024_work;
                nothing alone descriptor_numbers_above_4096_work;
                nothing alone without_the_highest_number_the_rest_works_on;
                nothing alone a_descriptor_closed_without_delete_is_silent_and_does_not_spin;
                nothing alone a_number_closed_without_delete_stays_taken_until_delete;
                nothing alone a_closed_descriptor_does_not_hide_the_others;
                nothing alone a_number_reused_after_delete_and_close_starts_afresh;
                nothing alone a_reused_number_gets_no_events_of_its_predecessor;
                nothing alone a_number_deleted_after_its_close_is_silent;
                nothing alone a_number_closed_deleted_and_duplicated_back_can_be_added;
                nothing alone modify_of_a_reused_number_registers_its_new_file;
                nothing alone deleted_registrations_do_not_count_against_the_limit;
                nothing alone a_descriptor_closed_during_a_wait_is_no_error;
                nothing alone what_a_stale_event_sets_off_leaves_the_others_alone;
                nothing alone descriptors_closed_without_delete_are_counted;
                nothing alone with_no_number_to_spare_a_stale_event_costs_nobody_an_event;
                nothing alone dropping_a_poller_leaks_no_descriptor;
                nothing alone own_descriptors_are_closed_on_exec;
                nothing alone a_poller_that_needs_a_number_fails_without_one;
            }
            object {
                descriptor shared the_pollers_own_descriptor_is_pollable;
                descriptor shared a_poller_may_wait_inside_any_other;
                nothing shared only_mechanisms_with_a_descriptor_show_one;
                nothing shared dropping_a_poller_leaves_the_descriptors_open;
                nothing shared a_descriptor_may_be_dropped_after_its_poller;
                nothing shared a_thread_takes_the_poller_with_it;
                nothing alone stopping_and_continuing_the_process_is_no_error;
                nothing alone a_forked_childs_drop_does_not_disturb_the_parent;
            }
            wakers {
                nothing shared a_hundred_thousand_wakes_are_one;
                nothing shared a_wake_before_the_wait_is_kept;
                nothing shared a_wake_before_the_registration_is_kept;
                nothing shared a_wake_from_another_thread_ends_the_wait;
                nothing shared a_wake_after_the_poller_is_gone_does_nothing;
                nothing shared a_receiver_can_be_deleted_and_dropped;
                nothing shared no_wake_is_lost;
            }
            linux {
                linux shared an_eventfd_is_readable_above_zero_and_writable_below_its_end;
                linux shared a_timerfd_is_readable_once_it_has_expired;
                linux shared a_signalfd_is_readable_while_a_signal_is_pending;
                linux alone a_pidfd_is_readable_once_its_process_has_ended;
                linux shared a_memfd_is_unsupported;
                linux shared a_descriptor_of_a_path_only_cannot_be_added;
                linux shared a_connect_in_progress_is_silent_until_it_is_given_up;
                linux shared a_listener_shut_for_reading_is_writable;
                linux shared a_fifo_that_never_had_a_writer_is_silent;
                linux shared a_terminals_master_is_readable_while_nobody_has_the_other_end_open;
                epoll alone modify_of_a_number_that_names_a_regular_file_by_now_is_unsupported;
                epoll shared a_loop_of_pollers_is_refused;
                linux alone a_closed_number_beyond_the_kernels_table_is_not_ready;
            }
            faults {
                linux shared without_nanoseconds_a_timeout_is_still_never_early;
                linux shared an_error_of_the_wait_is_told_and_leaves_no_events;
                linux shared an_interrupted_wait_is_no_error;
                epoll shared an_add_for_which_the_kernel_has_no_room_changes_nothing;
                epoll shared a_modify_that_the_kernel_refuses_changes_nothing;
                epoll shared a_delete_that_the_kernel_refuses_changes_nothing;
                epoll shared opening_fails_with_the_kernels_error;
            }
        }
    };
}

/// A module of tests for one backend.
macro_rules! backend {
    (($module:ident $variant:ident) $($file:ident { $($needs:ident $company:ident $case:ident;)* })*) => {
        mod $module {
            $($(test_of! { $variant $needs ($module $company $file $case) })*)*
        }
    };
}

/// One test: what the backend lacks first, then what the system lacks.
macro_rules! test_of {
    (Kqueue linux $what:tt) => {};
    (Kqueue epoll $what:tt) => {};
    (Poll epoll $what:tt) => {};
    (Select epoll $what:tt) => {};
    (Epoll epoll $what:tt) => {
        test_of! { Epoll linux $what }
    };
    (Poll edge $what:tt) => {
        stamp! { [ignore = "poll: no edge trigger"] Poll $what }
    };
    (Select edge $what:tt) => {
        stamp! { [ignore = "select: no edge trigger"] Select $what }
    };
    (Poll descriptor $what:tt) => {
        stamp! { [ignore = "poll: no descriptor of its own"] Poll $what }
    };
    (Select descriptor $what:tt) => {
        stamp! { [ignore = "select: no descriptor of its own"] Select $what }
    };
    (Kqueue priority $what:tt) => {
        stamp! { [ignore = "kqueue: no filter for out-of-band data"] Kqueue $what }
    };
    ($variant:ident linux $what:tt) => {
        stamp! { [cfg(target_os = "linux")] $variant $what }
    };
    (Epoll $needs:ident $what:tt) => {
        stamp! {
            [cfg_attr(
                not(any(target_os = "linux", target_os = "android")),
                ignore = "epoll: this system does not have it"
            )]
            Epoll $what
        }
    };
    (Kqueue $needs:ident $what:tt) => {
        stamp! {
            [cfg_attr(
                not(any(
                    target_os = "freebsd",
                    target_os = "netbsd",
                    target_os = "openbsd",
                    target_os = "dragonfly",
                    target_vendor = "apple"
                )),
                ignore = "kqueue: this system does not have it"
            )]
            Kqueue $what
        }
    };
    ($variant:ident $needs:ident $what:tt) => {
        stamp! { [] $variant $what }
    };
}

macro_rules! stamp {
    ([$($attribute:meta)?] $variant:ident ($module:ident $company:ident $file:ident $case:ident)) => {
        #[test]
        $(#[$attribute])?
        fn $case() {
            let name = concat!(stringify!($module), "::", stringify!($case));
            let company = crate::support::Company::$company;
            crate::support::run(name, company, ringmq_platform::Backend::$variant, crate::$file::$case);
        }
    };
}

/// What a case needs, and its name.
macro_rules! names {
    (() $($file:ident { $($needs:ident $company:ident $case:ident;)* })*) => {
        /// Every case of the list: its file, what it needs, its name.
        const CASES: &[(&str, &str, &str)] =
            &[$($((stringify!($file), stringify!($needs), stringify!($case)),)*)*];
    };
}

with_the_list!(names!());
with_the_list!(backend!(epoll Epoll));
with_the_list!(backend!(kqueue Kqueue));
with_the_list!(backend!(poll Poll));
with_the_list!(backend!(select Select));
