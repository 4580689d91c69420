//! The rules of the turn, each a test, on every backend of the system: `cargo test --test turn epoll::` runs one backend's.
//!
//! Most run on a poller that notes what it is asked and can stop the clock, so that they neither sleep nor depend on speed.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod support;

mod always;
mod anywhere;
mod batch;
mod budgets;
mod channel;
mod channel_room;
mod connections;
#[cfg(feature = "net-extra")]
mod datagram_flow;
#[cfg(feature = "net-extra")]
mod datagrams;
mod descriptors;
#[cfg(feature = "signal")]
mod dispositions;
mod drops;
mod embedding;
mod failures;
mod flow;
#[cfg(feature = "codec")]
mod framed;
mod intervals;
mod lifecycle;
mod listener;
mod memory;
mod panics;
mod phases;
#[cfg(feature = "process")]
mod processes;
#[cfg(feature = "recorder")]
mod recorder;
mod remote;
mod resets;
#[cfg(feature = "codec")]
mod sending;
#[cfg(feature = "codec")]
mod shares;
#[cfg(feature = "signal")]
mod signals;
#[cfg(feature = "codec")]
mod skipped;
mod sources;
mod stopping;
mod streams;
#[cfg(feature = "codec")]
mod takeover;
mod terminals;
mod timers;
mod unix;

/// Stamps every test for one backend. A backend that this system lacks is seen to be ignored.
macro_rules! stamp {
    ($name:ident, $backend:ident, $absent:meta, $reason:literal, $($(#[$attribute:meta])? $module:ident: $($test:ident)*;)*) => {
        mod $name {
            $($(#[$attribute])? mod $module {
                $(
                    #[test]
                    #[cfg_attr($absent, ignore = $reason)]
                    fn $test() {
                        let name = concat!(stringify!($name), "::", stringify!($module), "::", stringify!($test));
                        let case = crate::support::Case { backend: ringmq::platform::Backend::$backend, name };
                        crate::support::guard(case, crate::$module::$test);
                    }
                )*
            })*
        }
    };
}

macro_rules! stamp_kqueue {
    ($is_here:meta $($list:tt)*) => {
        stamp! { kqueue, Kqueue, not($is_here), "kqueue: this system does not have it", $($list)* }
    };
}

macro_rules! on_every_backend {
    ($($list:tt)*) => {
        stamp! { epoll, Epoll, not(any(target_os = "linux", target_os = "android")), "epoll: this system does not have it", $($list)* }
        ringmq::platform::where_kqueue_is! { stamp_kqueue! { $($list)* } }
        stamp! { poll, Poll, not(unix), "poll: this system does not have it", $($list)* }
        stamp! { select, Select, not(unix), "select: this system does not have it", $($list)* }
    };
}

on_every_backend! {
    phases:
        one_turn_with_all_kinds_of_work_runs_them_in_the_order_of_the_phases
        what_is_fired_in_phase_1_runs_in_the_next_turn
        what_is_deferred_in_phase_2_runs_in_the_next_turn
        what_is_fired_in_phase_4_runs_in_the_next_turn_before_its_timers
        several_fires_before_a_turn_are_one
        a_callback_that_fires_itself_runs_once_a_turn
        fires_and_tasks_run_in_the_order_in_which_they_were_asked_for
        a_task_that_defers_itself_leaves_io_its_turn_every_time
        a_wait_is_as_long_as_the_limit_when_nothing_is_to_be_done
        a_wait_does_not_block_while_a_callback_is_queued
        a_wait_does_not_block_while_work_is_prepared
        a_source_that_settles_with_prepared_work_responds_in_the_same_turn
        a_source_that_prepares_more_as_it_responds_does_it_in_the_next_turn
        a_source_is_not_asked_again_when_a_response_has_changed_nothing
        a_source_at_rest_does_not_settle
        a_source_whose_callback_has_run_settles
        run_does_what_turns_do
        a_source_that_is_ready_and_prepared_responds_once
        prepared_work_skips_the_wait_at_most_once_in_a_row
        what_the_only_callback_of_a_turn_leaves_to_do_is_done_in_that_turn
        interest_is_asked_once_a_turn_and_only_changes_are_told
        looking_at_a_source_does_not_touch_it
        an_error_of_the_wait_is_told_and_loses_nothing
        a_wait_that_fails_is_counted_and_is_no_wake_up
        a_wait_that_may_not_sleep_is_no_wake_up
        an_error_of_a_change_is_told_and_the_next_turn_goes_on_there
        a_loop_without_timers_reads_no_clock
        the_time_of_a_turn_is_read_once_and_forgotten_at_the_wait
        a_busy_turn_with_a_timer_pending_reads_the_clock_once
        a_source_that_is_served_over_and_over_changes_nothing_at_the_kernel;
    sources:
        a_callback_may_remove_its_own_source
        a_source_removed_by_another_of_the_same_batch_is_not_delivered
        a_source_removed_while_its_callback_is_queued_is_not_delivered
        a_descriptor_number_that_comes_back_in_the_same_batch_brings_no_event_of_the_old_file
        a_dead_id_reaches_nothing_also_when_its_place_is_taken_again
        split_gives_every_other_source_and_not_the_one_split_off
        what_is_reached_beside_a_split_is_touched_and_can_be_fired
        a_callback_reaches_its_own_source_beside_any_split
        thousands_of_sources_may_be_added_inside_a_callback
        a_removed_source_comes_back_open_and_may_be_added_again
        a_source_that_cannot_be_added_leaves_the_loop_as_it_was
        more_ready_sources_than_a_wait_holds_are_all_served_in_turn
        another_loop_may_be_run_from_a_callback
        a_loop_shows_the_sources_that_are_live;
    panics:
        a_panic_in_a_callback_removes_its_source_and_delivers_the_others_in_the_next_turn
        a_panic_after_a_callback_removed_its_own_source_is_just_that_panic
        a_panic_in_a_task_loses_none_of_the_others
        a_panic_in_a_timer_loses_none_of_the_others_that_are_due
        a_panic_in_a_posted_task_loses_none_of_the_others_nor_the_way_to_post
        a_callback_that_panics_as_it_is_replaced_loses_nothing_of_its_source
        io_goes_on_after_a_panic;
    failures:
        a_callback_that_returns_an_error_loses_its_source_and_no_other
        a_callback_that_panics_loses_its_source_and_no_other
        a_failure_names_the_source_that_was_closed_and_the_function_of_its_callback
        tasks_timers_and_posted_tasks_that_fail_are_told_and_keep_nobody_from_running
        without_a_hook_an_error_comes_out_of_the_turn_and_the_rest_runs_in_the_next
        without_a_hook_an_error_of_a_posted_task_leaves_the_others_posted
        a_source_that_panics_as_it_responds_is_closed_and_told_in_the_next_phase_1
        a_source_that_panics_as_it_settles_is_closed_and_the_others_settle
        a_source_that_panics_right_after_its_own_callback_is_closed_and_told_of
        without_a_hook_a_panic_of_a_source_comes_out_of_the_next_turn
        a_hook_may_use_the_whole_context_and_set_another_hook
        a_hook_that_panics_stays_and_loses_nobody
        a_source_that_the_kernel_refuses_a_change_for_is_closed_and_told
        a_source_that_panics_again_as_it_is_dropped_is_told_of_all_the_same;
    stopping:
        who_drives_turns_by_hand_takes_the_stop_and_the_loop_waits_again
        a_callback_that_stops_ends_the_run_without_a_wait
        a_timer_that_stops_ends_the_run_without_a_wait
        another_thread_stops_a_loop_that_waits
        a_stop_before_the_run_ends_it_after_one_turn_without_a_wait
        what_is_queued_at_the_stop_runs_when_the_loop_is_run_again
        the_turn_of_the_stop_is_finished
        a_stop_ends_one_run_and_not_the_next;
    budgets:
        tasks_beyond_the_budget_run_in_the_next_turns_in_order_and_the_kernel_is_asked_between
        timers_beyond_the_budget_run_in_the_next_turns_in_order
        posted_tasks_beyond_the_budget_run_in_the_next_turns_in_order
        a_budget_of_zero_counts_as_one
        a_source_stops_reading_at_its_budget
        a_firehose_a_storm_and_floods_of_posts_timers_and_tasks_leave_a_ping_pong_every_turn;
    #[cfg(feature = "recorder")]
    recorder:
        each_phase_is_charged_with_its_time
        the_last_turns_are_kept_and_no_more
        nothing_is_recorded_unless_asked_for_and_no_clock_is_read
        the_slowest_callback_and_timer_are_named
        a_turn_that_did_not_sleep_says_why
        who_is_slow_is_told_as_it_happens
        it_explains_that_a_task_keeps_the_loop_busy
        it_explains_that_an_idle_loop_sleeps
        it_explains_that_a_slow_callback_made_a_timer_late
        it_explains_that_a_slow_timer_made_the_next_one_late
        it_explains_that_the_machine_woke_an_idle_loop_late
        a_hook_that_panics_over_a_slow_task_loses_nobody
        a_timer_behind_a_slow_one_of_the_same_turn_is_late
        the_source_of_a_slow_callback_that_failed_is_gone_when_it_is_told;
    anywhere:
        every_method_may_be_called_on_every_id_from_a_callback
        every_method_may_be_called_on_every_id_from_a_task
        every_method_may_be_called_on_every_id_from_a_timer
        every_method_may_be_called_on_every_id_from_a_posted_task
        every_method_may_be_called_on_every_id_from_a_failure_hook
        every_method_may_be_called_on_every_id_between_turns
        an_id_of_another_loop_reaches_no_source_of_another_type;
    batch:
        a_source_silenced_by_another_of_the_same_batch_does_not_respond_again
        a_stream_removed_in_its_read_callback_writes_nothing
        removing_neighbours_passes_over_nobody
        a_slow_callback_on_a_firehose_leaves_a_ping_pong_its_turn
        the_bell_of_other_threads_is_neither_starved_nor_starves
        a_timer_and_an_event_of_the_same_turn_are_both_delivered
        a_peer_that_never_gets_further_is_removed_at_a_deadline;
    lifecycle:
        a_run_until_a_deadline_ends_there_and_not_before
        a_run_until_a_deadline_that_has_passed_is_one_turn_without_a_wait
        a_run_until_a_deadline_says_that_it_was_stopped
        a_drain_sends_everything_that_is_queued_before_the_end
        a_drain_runs_what_is_queued_before_the_sources_finish
        a_drain_ends_at_its_deadline_when_a_peer_does_not_read
        a_drain_without_end_is_stopped_from_another_thread
        a_drained_listener_accepts_no_more
        a_drain_does_not_wait_for_who_came_later
        a_drain_whose_last_source_is_removed_by_a_callback_does_not_wait
        a_connection_that_fails_while_it_drains_is_not_waited_for
        a_source_that_panics_as_it_finishes_is_closed_and_told
        a_forked_child_that_drops_its_copy_does_not_disturb_the_parent
        a_run_until_a_deadline_is_not_early_by_the_real_clock
        a_run_until_a_deadline_does_not_wait_beyond_it_for_what_callbacks_took
        a_drain_runs_all_that_is_queued_and_answers_what_has_arrived
        a_drain_tells_callbacks_of_the_end_that_it_brought
        a_stop_that_came_during_a_drain_ends_no_later_run
        the_time_between_turns_is_not_that_of_the_last_turn;
    embedding:
        the_descriptor_is_readable_when_an_event_is_there_and_only_then
        a_loop_has_a_descriptor_where_its_backend_has_one_and_it_stays_the_same
        what_changed_between_turns_is_in_the_kernel_when_the_descriptor_is_handed_out
        an_idle_loop_has_no_deadline_and_a_timer_is_one
        work_that_needs_no_event_makes_the_deadline_now
        a_stop_makes_the_deadline_now_until_it_is_taken
        a_post_makes_the_descriptor_readable
        a_loop_inside_another_does_all_its_work_and_never_sleeps_itself;
    timers:
        a_run_with_a_timer_pending_sleeps_until_it_is_due
        a_timer_set_with_zero_in_a_timer_runs_in_the_next_turn
        a_timer_that_sets_itself_with_zero_leaves_io_its_turn_every_time
        a_due_timer_cleared_by_another_due_timer_does_not_run
        equal_deadlines_run_in_the_order_of_setting
        an_earlier_deadline_runs_first_though_set_later
        a_timer_is_not_early_by_a_nanosecond
        a_timer_set_at_a_deadline_is_not_early_by_a_nanosecond
        a_timer_set_at_a_deadline_that_has_passed_is_due_at_once_in_its_place
        a_timer_set_at_the_deadline_of_a_timeout_runs_in_the_order_of_setting
        a_timer_set_or_reset_at_a_deadline_reads_no_clock
        clearing_a_timer_again_or_after_it_ran_or_in_itself_is_false
        a_timer_set_after_a_slow_callback_is_not_early
        a_timer_beyond_the_end_of_the_clock_never_runs_and_limits_no_wait
        a_wait_lasts_until_the_next_deadline_that_was_not_cleared
        a_wait_is_no_longer_than_the_limit_though_the_deadline_is_further
        a_wait_counts_from_a_fresh_reading
        a_deadline_that_has_passed_before_the_wait_gives_zero
        a_timer_of_100_ms_takes_three_waits_at_the_most
        a_periodic_timer_that_is_slow_runs_once_a_turn
        no_one_of_a_thousand_random_timers_is_early
        what_a_cleared_timer_holds_may_post_when_it_is_dropped
        a_timer_and_an_event_of_the_same_turn_are_both_delivered
        a_clock_that_stands_still_makes_nothing_due
        threads_that_post_all_the_time_leave_timers_their_turn;
    resets:
        a_timer_put_off_again_and_again_runs_after_the_last_time_and_not_a_nanosecond_sooner
        a_timer_reset_to_a_deadline_runs_then_and_not_a_nanosecond_sooner_or_at_once_where_it_has_passed
        a_timer_reset_to_an_earlier_time_ends_the_wait_then
        a_loop_wakes_once_at_the_most_for_a_timer_that_was_put_off
        a_timer_that_is_due_and_reset_before_its_turn_does_not_run
        a_reset_counts_as_a_new_setting_among_equal_deadlines
        a_timer_that_has_run_or_was_cleared_or_runs_cannot_be_reset
        a_timer_beyond_the_end_of_the_clock_may_be_reset_to_a_time_on_it_and_back
        resets_read_no_clock_that_the_turn_does_not_read_anyway
        a_reset_counts_from_the_time_of_the_turn;
    intervals:
        an_interval_runs_at_every_period_and_not_a_nanosecond_sooner
        an_interval_that_runs_late_does_not_drift
        an_interval_slower_than_its_period_leaves_ticks_out
        ticks_that_passed_while_the_loop_did_not_run_are_one
        an_interval_of_zero_runs_once_in_every_turn_and_leaves_io_its_turn
        an_interval_far_shorter_than_a_turn_runs_once_in_each
        an_interval_beyond_the_end_of_the_clock_never_runs
        an_interval_cleared_in_itself_does_not_run_again
        an_interval_cleared_from_elsewhere_drops_its_callback_at_once
        an_interval_that_is_reset_has_its_ticks_from_there
        an_interval_may_reset_itself
        an_interval_that_fails_is_gone
        no_tick_of_an_interval_is_early
        an_interval_goes_on_when_the_loop_is_run_again;
    remote:
        a_post_from_another_thread_wakes_a_loop_that_waits
        posts_of_one_thread_run_in_order
        a_flood_of_posts_from_two_threads_runs_whole_and_leaves_io_its_turn
        a_posted_task_may_post
        a_task_that_posts_itself_leaves_io_its_turn_every_time
        a_post_after_the_loop_is_gone_is_refused_and_drops_the_task
        a_task_that_waits_when_the_loop_is_dropped_is_dropped_without_running
        a_task_may_post_from_its_own_drop
        many_wakes_cost_one_turn;
    channel:
        a_value_from_another_thread_wakes_a_loop_that_waits
        values_of_one_thread_arrive_in_order_and_then_the_end_and_the_channel_is_gone
        values_of_several_threads_all_arrive
        a_flood_of_values_leaves_io_its_turn_every_time
        a_callback_that_sends_itself_a_value_leaves_io_its_turn_every_time
        many_values_cost_one_turn_and_then_the_loop_sleeps
        what_a_callback_leaves_it_is_called_for_again_when_it_has_taken_some
        a_callback_that_takes_nothing_lets_the_loop_sleep
        a_reader_learns_once_that_every_sender_is_gone
        values_that_nobody_takes_are_dropped_with_the_channel
        a_loop_that_drains_takes_what_was_sent_and_no_more
        a_loop_that_drains_tells_an_idle_channel_of_its_end
        a_channel_removed_by_its_own_callback_brings_nothing_more_and_goes_on_elsewhere
        an_error_of_the_callback_closes_the_channel;
    channel_room:
        a_full_channel_refuses_and_takes_again_when_a_value_was_taken
        a_value_taken_from_a_channel_that_leaves_its_loop_makes_room
        a_sender_waits_for_room_as_long_as_it_said_and_not_less
        senders_that_wait_for_room_are_released_when_the_channel_goes
        a_channel_without_capacity_is_refused;
    always:
        a_regular_file_is_read_to_its_end_like_any_source
        a_regular_file_and_a_socket_both_have_their_turn
        without_interest_or_removed_a_regular_file_lets_the_loop_sleep;
    #[cfg(feature = "net-extra")]
    datagram_flow:
        a_datagram_that_is_not_there_after_all_is_no_error
        a_flood_is_taken_64_in_a_turn_and_leaves_the_others_their_turn
        receiving_pauses_while_nobody_takes_what_has_arrived
        a_sender_waits_for_a_slow_reader_and_is_told_of_room
        what_finds_no_room_at_its_receiver_is_told_and_the_loop_sleeps
        a_socket_that_brings_nothing_but_errors_is_not_asked_for_ever
        with_one_buffer_all_arrive_in_the_end
        a_source_that_was_finished_sends_what_is_queued_and_hears_nothing_more
        a_datagram_and_its_answer_cost_one_wait_and_no_change
        what_finds_no_room_waits_once_and_is_then_told
        datagrams_that_wait_for_memory_and_are_added_again_are_told_when_there_is_some;
    #[cfg(feature = "net-extra")]
    datagrams:
        datagrams_arrive_whole_with_who_sent_them_and_empty_ones_too
        every_datagram_is_answered_to_who_sent_it
        a_peer_that_was_not_there_is_told_and_found_once_it_is
        datagrams_sent_to_nobody_are_all_sent
        a_datagram_that_is_too_long_is_told_and_the_next_goes_on
        a_unix_peer_that_vanishes_is_told_for_each_datagram
        unix_datagrams_go_to_paths_and_come_from_nameless_senders
        a_datagram_longer_than_a_buffer_says_that_it_was_cut;
    descriptors:
        a_pipe_is_read_to_its_end_and_the_loop_sleeps_after_it
        a_reader_that_is_finished_is_closed_at_its_end
        a_pipe_is_written_to_the_last_byte_and_closed_when_removed
        a_writer_is_told_when_its_reader_has_left
        a_writer_without_a_reader_learns_of_it_by_writing
        sigpipe_at_its_default_does_not_end_a_process_that_writes_to_nobody
        sigpipe_that_somebody_has_set_is_left_alone
        a_child_is_written_to_and_read_from
        a_fifo_open_both_ways_reads_on_whoever_comes_and_goes
        a_file_is_read_to_its_end_and_the_loop_sleeps_after_it
        an_empty_file_and_dev_null_and_a_file_of_proc_are_read_to_their_ends
        a_file_is_written_to_the_last_byte
        a_device_without_end_leaves_the_others_their_turn
        a_device_that_is_full_closes_its_writer_and_tells_why
        a_directory_is_refused_with_a_clear_error
        what_the_shell_shares_with_us_blocks_again_afterwards
        a_child_that_drops_its_copy_leaves_the_flag_to_its_parent
        a_pipe_waits_for_room_only_while_it_is_full;
    terminals:
        of_one_terminal_twice_the_one_that_is_left_still_does_not_block
        a_line_typed_at_a_terminal_arrives_and_its_answer_is_shown
        a_terminal_whose_program_is_gone_has_ended;
    drops:
        a_loop_dropped_with_everything_pending_drops_every_closure
        a_loop_dropped_with_everything_pending_leaks_no_descriptor
        memory_that_outlives_its_loop_is_given_back_harmlessly
        removing_a_source_drops_its_callback;
    memory:
        with_one_buffer_every_one_of_many_connections_has_its_turn
        memory_is_all_given_back_when_every_connection_is_idle
        memory_given_back_in_a_callback_ends_the_wait_of_who_waits_for_it
        a_connection_without_memory_does_not_keep_the_loop_awake
        a_connection_that_always_has_more_does_not_keep_the_only_buffer_from_the_others
        with_one_buffer_connections_that_always_have_more_take_turns
        who_leaves_the_line_does_not_hold_up_those_behind
        a_send_refused_for_memory_is_told_when_there_is_some
        a_sender_that_waits_for_memory_and_is_added_again_is_told_when_there_is_some
        a_send_refused_for_memory_leaves_reading_alone
        memory_is_promised_once_though_the_next_deadline_is_asked_for_between
        who_once_asked_for_more_than_there_is_still_gets_what_there_is
        a_sender_refused_again_for_more_is_told_once_there_is_as_much
        a_send_longer_than_the_whole_budget_holds_up_nobody
        many_busy_connections_on_a_small_budget_all_come_to_their_end;
    streams:
        every_byte_arrives_in_order_however_reads_and_writes_are_cut
        a_peer_that_finishes_first_can_still_be_answered
        who_finishes_first_still_hears_the_peer
        finish_sends_everything_that_is_queued_first
        the_end_comes_once_and_the_loop_sleeps_after_it
        a_refused_connect_closes_the_stream_and_tells_why_once
        what_is_queued_while_connecting_is_sent_once_connected
        a_stream_removed_while_connecting_is_told_of_nothing
        what_a_peer_sent_before_its_reset_is_delivered_before_the_error
        writing_to_a_peer_that_is_gone_closes_the_stream_without_a_signal
        a_stream_that_comes_back_can_be_used_without_the_loop
        a_request_and_its_reply_cost_one_wait_and_no_change
        write_interest_is_armed_only_after_a_write_would_block_and_dropped_when_drained
        a_stream_that_fails_with_bytes_unsent_lets_the_loop_sleep
        a_write_of_nothing_closes_the_stream_and_is_not_repeated;
    flow:
        a_peer_that_does_not_read_fills_the_queue_to_the_high_water_and_no_further
        a_sender_that_was_refused_is_told_when_there_is_room
        a_refused_sender_is_told_at_the_low_water_mark
        a_sender_that_was_not_refused_is_told_nothing
        what_waited_when_a_connection_failed_is_known
        a_piece_longer_than_the_high_water_is_taken_when_nothing_else_waits
        reading_pauses_while_input_is_left_and_goes_on_when_it_is_taken
        the_callback_waits_for_as_much_as_it_said_it_needs
        one_source_reads_and_writes_no_more_than_its_budget_in_a_turn
        a_message_as_long_as_the_budget_goes_with_its_head_in_one_turn
        frames_of_bytes_go_from_one_stream_to_another_with_split;
    #[cfg(feature = "codec")]
    shares:
        a_hundred_that_hold_half_a_message_each_finish_with_memory_for_ten
        answers_find_room_though_what_was_read_fills_the_memory
        senders_to_peers_that_do_not_read_do_not_keep_others_from_reading
        accepting_pauses_while_there_is_no_memory
        accepting_goes_on_where_all_of_the_memory_is_set_aside
        a_loop_with_less_memory_than_a_buffer_does_not_spin
        a_listener_that_waits_for_memory_does_not_hold_up_a_message
        a_stream_that_needs_more_than_the_memory_fails
        what_is_kept_for_one_that_fails_goes_to_the_next_in_line;
    #[cfg(feature = "codec")]
    sending:
        a_thousand_small_messages_are_one_write
        owned_bodies_are_written_from_where_they_lie
        a_transport_that_writes_one_slice_at_a_time_sends_all_at_once
        messages_of_any_kind_arrive_in_order_however_slow_the_peer
        a_body_that_is_refused_comes_back;
    #[cfg(feature = "codec")]
    framed:
        frames_are_sent_on_to_others_while_they_are_read
        frames_that_could_be_longer_than_the_memory_are_refused_at_once
        a_frame_as_long_as_the_memory_arrives
        several_frames_of_one_read_are_seen_in_one_callback
        a_frame_that_comes_byte_by_byte_is_seen_once
        frames_cut_at_every_place_are_the_same_frames
        an_empty_frame_is_a_frame_and_not_the_end
        a_frame_of_5_mib_arrives_whole_and_leaves_no_memory_behind
        a_header_that_announces_the_maximum_reserves_nothing
        an_error_is_told_once_and_nothing_after_it_is_parsed
        the_end_inside_a_frame_is_an_error_behind_the_whole_frames_before_it
        a_frame_put_back_comes_again_and_reading_pauses_until_then
        an_echo_to_a_slow_reader_loses_no_frame
        a_message_above_the_maximum_is_refused_and_nothing_of_it_is_sent
        a_stream_that_goes_on_in_frames_keeps_what_it_has_read
        a_connection_of_frames_is_given_up_alike
        a_finished_connection_of_frames_drops_them_whatever_they_are;
    #[cfg(feature = "codec")]
    skipped:
        a_line_of_4_mib_is_skipped_in_one_buffer_and_the_next_is_read
        lines_that_are_skipped_are_dropped_wherever_they_are_cut
        a_short_line_behind_one_that_was_skipped_is_told_at_once
        the_end_inside_a_line_that_is_skipped_is_an_error
        a_line_put_back_behind_one_that_was_skipped_comes_again
        a_last_line_without_its_end_is_left_in_the_stream;
    #[cfg(feature = "codec")]
    takeover:
        a_stream_that_leaves_its_frames_with_one_put_back_reads_on
        a_stream_goes_on_with_another_codec_after_an_error
        what_a_stream_needed_does_not_keep_shorter_frames_from_its_successor
        a_stream_that_waits_for_memory_as_it_is_taken_over_is_told_when_there_is_some;
    listener:
        several_connections_are_accepted_in_one_turn
        an_accepted_connection_does_not_block_and_is_closed_on_exec
        a_storm_is_taken_64_in_a_turn
        a_storm_is_taken_as_its_budget_says
        an_accept_budget_of_zero_counts_as_one
        a_listener_that_was_told_to_rest_accepts_nobody_and_lets_the_loop_sleep
        a_callback_may_have_its_listener_rest_and_hears_of_whom_it_has_accepted
        a_listener_that_has_finished_accepts_nobody_and_lets_the_loop_sleep
        an_error_of_the_callback_closes_the_listener_and_is_told
        a_listener_removed_in_its_own_callback_accepts_no_more
        a_listener_goes_on_after_a_connection_that_was_reset_in_the_queue
        with_a_listener_at_rest_the_loop_sleeps_until_the_rest_or_a_timer_is_over_whichever_is_first
        with_a_callback_of_ones_own_the_listener_rests_until_it_is_resumed
        without_a_descriptor_to_be_had_the_listener_rests_and_accepts_all_in_the_end;
    connections:
        a_connection_that_is_not_made_in_time_is_given_up_and_told_once
        a_connection_made_in_time_leaves_no_timer
        a_connection_made_before_its_deadline_stays_though_it_is_told_after
        a_connection_refused_in_time_is_told_so_and_leaves_no_timer
        a_connection_removed_while_it_is_made_leaves_no_timer_and_is_told_of_nothing
        a_connection_fired_while_it_is_made_keeps_its_deadline
        a_connection_with_no_end_to_its_time_waits_on
        what_comes_right_behind_the_connection_is_read_to_its_end
        a_finished_connection_sends_all_and_drops_what_comes_until_the_peer_has_ended
        a_finished_connection_whose_peer_does_not_end_is_closed_at_its_deadline
        a_connection_may_be_finished_in_its_own_callback
        a_connection_with_nothing_left_to_do_goes_as_soon_as_it_is_finished
        input_that_nobody_took_does_not_hold_up_the_end
        a_connection_finished_while_it_is_made_sends_what_is_queued_once_it_is
        an_aborted_connection_is_reset_for_its_peer
        a_removed_connection_drops_what_it_has_not_sent_and_ends_in_order
        sending_to_a_peer_that_is_gone_raises_no_signal;
    unix:
        a_unix_listener_accepts_and_tells_the_names_of_its_peers
        an_accepted_unix_connection_does_not_block_and_is_closed_on_exec
        a_socket_file_outlives_its_listener_and_may_be_removed_for_the_next
        a_request_and_its_reply_pass_and_each_half_ends_on_its_own
        a_unix_peer_that_finishes_first_can_still_be_answered
        a_full_queue_is_told_at_once
        the_peer_of_an_accepted_connection_is_known
        the_last_words_of_a_peer_that_has_gone_are_read;
    #[cfg(feature = "signal")]
    signals:
        a_signal_is_told_in_the_turn_after_it_has_come
        a_signal_ends_a_wait_and_is_told
        a_signal_that_another_thread_gets_is_told_on_the_loops
        a_signal_and_a_ready_source_both_have_their_callbacks_in_one_turn
        a_burst_of_one_signal_is_told_once
        signals_that_come_together_are_all_told
        every_loop_that_catches_a_signal_is_told_of_it
        a_signal_that_has_come_is_not_told_once_its_source_is_removed
        a_callback_may_remove_its_own_signals_while_more_have_come
        an_error_of_the_callback_is_told_and_the_signals_are_let_go
        signals_come_and_go_while_they_are_sent
        signals_that_are_dropped_leave_no_descriptor;
    #[cfg(feature = "signal")]
    dispositions:
        what_a_signal_was_set_to_is_restored_after_the_last_of_its_listeners
        what_somebody_has_set_meanwhile_is_left_alone
        a_signal_that_nobody_listens_for_any_more_does_what_it_did_before
        a_signal_refused_in_a_list_leaves_the_others_as_they_were
        a_signal_that_comes_in_a_forked_child_is_told_to_nobody
        a_forked_child_that_drops_its_copy_leaves_the_parents_alone
        a_forked_child_may_catch_signals_of_its_own
        a_forked_child_does_not_wait_for_a_thread_that_was_making_signals_at_the_fork
        a_pipe_that_nobody_reads_is_an_error_once_sigpipe_is_ignored
        a_sigpipe_that_was_caught_when_it_was_to_be_ignored_is_so_when_it_is_caught_no_more
        a_sigpipe_that_somebody_has_set_is_left_alone
        a_stream_whose_peer_is_gone_closes_though_sigpipe_is_at_its_default;
    #[cfg(feature = "process")]
    processes:
        an_exit_is_told_with_its_code
        a_child_killed_by_a_signal_is_told_as_that
        a_child_that_has_exited_before_is_told
        a_child_that_was_waited_for_before_is_told
        fifty_children_are_each_told_as_their_own
        another_child_is_not_waited_for
        a_child_that_lives_is_not_told_though_it_was_fired
        a_child_that_somebody_else_waited_for_is_told_as_unknown_and_the_loop_sleeps
        an_exit_that_somebody_has_seen_before_the_loop_is_told_all_the_same
        a_child_removed_before_it_exits_is_told_to_nobody_and_can_be_waited_for
        a_loop_that_is_dropped_leaves_its_child_running
        a_callback_of_ones_own_runs_once_and_the_loop_sleeps_after_it
        a_child_that_cannot_be_watched_is_given_back
        children_that_have_exited_leave_no_descriptor;
}
