//! The `Poller` trait: the contract that every backend keeps, and the loop around the kernel's wait that they share.

use std::fmt;
use std::io;
use std::os::unix::io::BorrowedFd;
use std::time::{Duration, Instant};

use crate::{Backend, Events, Interest, Token, Trigger};

/// Waits for descriptors to become ready, on one of the kernel's mechanisms.
///
/// # Contract
///
/// Each line is a promise of every backend, and names tests that hold it to it. They are the cases of the module `conformance`
/// (behind the feature of that name), which holds any poller to the same lines; `tests/conformance` has what each case is for.
///
/// Registration:
/// 1. A descriptor number is registered at most once; a second `add` is `AlreadyExists` and leaves the first untouched
///    (`adding_twice_is_already_exists_and_leaves_the_first_untouched`).
/// 2. `modify` and `delete` of a number that is not registered are `NotFound` and create nothing
///    (`modifying_a_stranger_is_not_found_and_creates_nothing`, `deleting_a_stranger_is_not_found`).
/// 3. A call that fails changes nothing (`a_failed_add_changes_nothing`, `a_failed_modify_changes_nothing`).
/// 4. A closed descriptor cannot be added, nor one that opens nothing (`O_PATH` of Linux): `EBADF`
///    (`adding_a_closed_descriptor_fails`).
/// 5. Pipes, sockets and terminals can be added; a regular file or a directory, and whatever else the kernel refuses to poll, is
///    `Unsupported` (`every_kind_of_pollable_descriptor_can_be_added`, `regular_files_and_directories_are_unsupported`).
/// 6. A trigger that the backend lacks is `Unsupported` (`an_unsupported_trigger_is_refused`).
/// 7. Any open descriptor number will do (`descriptor_numbers_above_1024_work`, `descriptor_numbers_above_4096_work`); only select on
///    illumos takes none of 65536 and above (see [`Select`](crate::Select)).
/// 8. Only the last of several changes between two waits counts (`only_the_last_of_several_changes_counts`).
/// 9. Delete a descriptor before it is closed. One that was closed first falls silent (epoll goes on for as long as a duplicate lives,
///    and with a file that was left behind under the same number earlier and has come back to it; on poll and select a file that takes
///    the number before the next wait fires in its place; so may a pipe on kqueue of NetBSD and OpenBSD, in place of one that nobody
///    read, when both were made within a tick of the clock: see `Kqueue` there), its number stays taken until `delete` is called for
///    it, and its events are never attributed to a registration of its successor
///    (`a_descriptor_closed_without_delete_is_silent_and_does_not_spin`, `a_reused_number_gets_no_events_of_its_predecessor`). `modify`
///    of a number that is closed is `EBADF` on epoll and kqueue, which ask the kernel; poll and select learn of it at the wait
///    (`a_modify_of_a_closed_number_is_told_by_those_that_ask_the_kernel`).
///
/// Events:
/// 10. A wait reports a registration at most once, under the token that it was given last, and all that are ready, whatever their
///     trigger, as far as they fit (24) (`both_directions_arrive_as_one_event`, `modify_changes_the_token`,
///     `more_than_a_thousand_are_reported_at_once`).
/// 11. [`Ready::READABLE`](crate::Ready::READABLE) and [`Ready::WRITABLE`](crate::Ready::WRITABLE) are promises that hold when the
///     kernel is asked, and are reported only to who asked for them; the other bits are hints, true where they are told, and
///     [`Ready::READ_CLOSED`](crate::Ready::READ_CLOSED) is for readers alone (`only_what_was_asked_for_is_promised`,
///     `a_half_close_is_no_hang_up`).
/// 12. A hang-up or an error also sets those of the two that were asked for, as far as the descriptor has that direction, so that who
///     only reads or only writes learns of it (`a_reset_is_readable_to_a_reader`, `a_reset_is_writable_to_a_writer`). A direction that
///     it has not may be set or left out: of a pipe that its writer left, select says that it is readable and no more.
///     NetBSD and OpenBSD tell nobody who waits for room in a full pipe that its reader has left (see `Kqueue` there).
/// 13. No interest is silence, whatever happens to the descriptor (`no_interest_is_silence_even_at_hangup`).
/// 14. Level: at every wait while the condition holds, as far as it fits (24) (`level_repeats_until_drained`).
/// 15. Edge: at least once after the condition began to hold, perhaps more often, but not at every wait for as long as it holds
///     (`edge_reports_once_per_edge`).
/// 16. One-shot: one event, in whichever direction comes first, then silence in both until `modify`
///     (`one_shot_fires_once`, `one_shot_disarms_both_directions`).
/// 17. `modify` of an edge or one-shot registration reports a condition that holds again
///     (`edge_modify_while_ready_fires_again`, `one_shot_modify_while_ready_fires_again`).
/// 18. After `delete` returned the registration is gone: nothing more is reported of it, also not what was pending, and it counts
///     against no limit (`delete_drops_a_pending_event`, `deleted_registrations_do_not_count_against_the_limit`).
///
/// Waiting:
/// 19. A wait ends when there is something to report, when the timeout is over, or when a signal was handled (on epoll also when the
///     process was stopped and continued): then it is `Ok` without events, never an error (`a_signal_ends_the_wait_without_an_error`,
///     `stopping_and_continuing_the_process_is_no_error`).
/// 20. A wait that ends neither for an event nor for a signal (19) is never early, to the nanosecond of [`now`](Self::now); a timeout of
///     zero does not block; without a timeout there is no other end
///     (`a_timeout_is_never_early`, `a_zero_timeout_does_not_block_and_still_reports`, `no_timeout_waits_until_an_event`).
/// 21. Any `Duration` is a timeout: nothing overflows (`a_huge_timeout_neither_overflows_nor_ends_early`).
/// 22. The timeout holds when nothing is registered (`a_timeout_holds_with_nothing_registered`).
/// 23. `events` holds what this wait found and nothing older, also after an error
///     (`events_hold_only_what_the_last_wait_found`).
/// 24. When more is ready than fits, nobody starves: with `k` registrations ready, of any triggers, and room for one, each is reported
///     within `k` waits (`with_room_for_one_each_of_many_is_seen_in_turn`, `a_busy_level_starves_no_one_shot`,
///     `a_busy_level_starves_no_edge`). kqueue may tell of one direction at a time then, so that one that is ready in both counts twice
///     (`with_room_for_one_both_directions_of_many_are_seen_in_turn`). On epoll the events of a descriptor that was closed without
///     `delete` (9) may begin the round anew.
///
/// The object:
/// 25. Where the mechanism has a descriptor of its own, [`as_fd`](Self::as_fd) is readable while something is there to report, so that
///     any other poller can wait for it, though not the one that it belongs to (`the_pollers_own_descriptor_is_pollable`,
///     `the_pollers_own_descriptor_is_silent_once_all_is_told`, `a_poller_may_wait_inside_any_other`,
///     `a_poller_cannot_be_added_to_itself`). Not so on kqueue for a pipe that has no reader, which the kernel does not watch.
/// 26. Every descriptor that a poller opens is closed on exec, and closed again when it is dropped; it closes no other
///     (`own_descriptors_are_closed_on_exec`, `dropping_a_poller_leaks_no_descriptor`,
///     `dropping_a_poller_leaves_the_descriptors_open`).
/// 27. A poller is used by one thread at a time, and may pass from one to another
///     (`a_thread_takes_the_poller_with_it`, `another_thread_changes_the_poller_between_two_waits`).
/// 28. Dropping a poller deletes no registration, so that the child of a `fork` does not disturb its parent when it drops its copy;
///     it may open a poller of its own (`a_forked_childs_drop_does_not_disturb_the_parent`,
///     `a_forked_child_may_open_a_poller_of_its_own`). Nothing else is promised of the copy: epoll's set is shared with the parent,
///     kqueue's is not inherited.
/// 29. A [`Waker`](crate::Waker) is how other threads reach the one that waits: its receiver is a registration like any other, wakes
///     before it is drained are one, and none is lost (`a_wake_from_another_thread_ends_the_wait`, `no_wake_is_lost`).
///
/// Out-of-band data:
/// 30. epoll, poll and select report [`Ready::PRIORITY`](crate::Ready::PRIORITY) to who asked for it. kqueue takes the interest and never
///     reports it; [`backend`](Self::backend) tells which it is. Who asked for priority alone hears nothing of a hang-up or an error,
///     which select would not know of, and may be silent from then on until `modify` (`out_of_band_data_is_priority`,
///     `who_asks_for_priority_alone_hears_nothing_of_a_hang_up`).
///
/// ```
/// use ringmq_platform::{Backend, Events, Interest, Poller, Token, Trigger};
/// use std::os::unix::{io::AsFd, net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poller: Box<dyn Poller> = Backend::default().open()?;
/// let (left, _right) = UnixStream::pair()?;
/// poller.add(left.as_fd(), Token(1), Interest::WRITABLE, Trigger::OneShot)?;
///
/// let mut events = Events::with_capacity(8);
/// poller.wait(&mut events, None)?;
/// assert!(events.iter().any(|event| event.token == Token(1) && event.ready.is_writable()));
/// # Ok(())
/// # }
/// ```
pub trait Poller: fmt::Debug + Send {
    /// Registers a descriptor.
    ///
    /// # Errors
    /// `AlreadyExists` when the number is registered; `Unsupported` for a trigger that [`supports`](Self::supports) denies and for a
    /// descriptor that cannot be polled; `EBADF` when it is closed; else what the kernel says (`ENOSPC` and `ENOMEM` of epoll).
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()>;

    /// Replaces token, interest and trigger of a registration, and arms it anew.
    ///
    /// # Errors
    /// `NotFound` when the number is not registered; `Unsupported` as for [`add`](Self::add); else what the kernel says.
    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()>;

    /// Ends a registration, together with any event of it that is still pending. Call it before the descriptor is closed.
    ///
    /// # Errors
    /// `NotFound` when the number is not registered. That the kernel has forgotten the descriptor already is not an error.
    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Waits until something is ready, for `timeout` at the longest, and leaves in `events` what was found.
    ///
    /// # Errors
    /// What the kernel says, except `EINTR`, which is `Ok` without events. `events` is then empty.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()>;

    /// Which mechanism this is. A poller on none of the four answers with the one that it is most like, whose exceptions in the contract
    /// then are its own: `Poll` for one that claims none.
    fn backend(&self) -> Backend;

    /// Whether registrations may have this trigger. Level and one-shot every poller has.
    fn supports(&self, trigger: Trigger) -> bool;

    /// The time by which timeouts are measured. A simulated kernel answers with a clock of its own.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// The mechanism's own descriptor, to wait for this poller inside another one: readable while something is ready.
    ///
    /// # Platform notes
    /// epoll and kqueue have one. poll and select have not: `None`. kqueue's may be readable although a wait then finds nothing,
    /// until that wait has been made; and it is not made readable by a pipe that had no reader left when it was registered, which the
    /// kernel does not watch though a wait reports it. After [`stale_count`](Self::stale_count) has grown, epoll has another file
    /// under the same number: an outer epoll has lost it and wants it deleted and added again.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;

    /// How many events were dropped because what they were for was no longer registered: a sign of descriptors that were closed
    /// without [`delete`](Self::delete).
    fn stale_count(&self) -> u64;
}

/// A boxed poller is a poller: what takes one by type takes `Box<dyn Poller>` too.
impl<P: Poller + ?Sized> Poller for Box<P> {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        (**self).add(fd, token, interest, trigger)
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        (**self).modify(fd, token, interest, trigger)
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        (**self).delete(fd)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        (**self).wait(events, timeout)
    }

    fn backend(&self) -> Backend {
        (**self).backend()
    }

    fn supports(&self, trigger: Trigger) -> bool {
        (**self).supports(trigger)
    }

    fn now(&self) -> Instant {
        (**self).now()
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        (**self).as_fd()
    }

    fn stale_count(&self) -> u64 {
        (**self).stale_count()
    }
}

/// The longest that the kernel is asked to sleep in one call. Some kernels refuse more than 10^8 seconds (BSD), and milliseconds
/// must fit an `i32`, 24 days; a day is well below both and costs one call a day.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Asks the kernel until it has something to report or the timeout is over.
///
/// `ask` is told how long it may sleep (`None`: for ever) and answers whether there is something to report; it finds nothing when a
/// long timeout was cut to a day, when the kernel woke early, and when all that it reported was stale.
#[inline]
pub(crate) fn wait_until(
    timeout: Option<Duration>,
    mut ask: impl FnMut(Option<Duration>) -> io::Result<bool>,
) -> io::Result<()> {
    match timeout {
        Some(timeout) if !timeout.is_zero() => ask_for(timeout, ask),
        _ => match ask(timeout) {
            Ok(true) => Ok(()),
            Ok(false) if timeout.is_none() => ask_again(ask),
            result => interrupted_or(result),
        },
    }
}

/// As [`wait_until`] for ever, when it was woken for nothing.
#[cold]
fn ask_again(mut ask: impl FnMut(Option<Duration>) -> io::Result<bool>) -> io::Result<()> {
    loop {
        match ask(None) {
            Ok(false) => {}
            result => return interrupted_or(result),
        }
    }
}

/// As [`wait_until`], with a timeout to count: only such a wait reads the clock.
#[inline(never)]
fn ask_for(timeout: Duration, mut ask: impl FnMut(Option<Duration>) -> io::Result<bool>) -> io::Result<()> {
    let start = Instant::now();
    let mut left = timeout;
    loop {
        match ask(Some(left.min(LONGEST))) {
            Ok(false) => {}
            result => return interrupted_or(result),
        }
        match timeout.checked_sub(start.elapsed()) {
            Some(rest) if !rest.is_zero() => left = rest,
            _ => return Ok(()),
        }
    }
}

/// What a wait answers that has come to its end. A handler of the application's may have run, which may want to look at what the handler
/// left, so the wait is over then: SA_RESTART restarts none of these calls on Linux either (signal(7)).
pub(crate) fn interrupted_or(result: io::Result<bool>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_without_timeout_asks_again_after_finding_nothing() {
        let mut answers = [false, false, true].into_iter();
        let asked = wait_until(None, |left| {
            assert_eq!(left, None);
            Ok(answers.next().expect("asked once more after it had found something"))
        });
        assert!(asked.is_ok() && answers.next().is_none());
    }

    #[test]
    fn a_zero_timeout_asks_once() {
        let mut asked = 0;
        wait_until(Some(Duration::ZERO), |_| {
            asked += 1;
            Ok(false)
        })
        .expect("nothing failed");
        assert_eq!(asked, 1);
    }

    #[test]
    fn a_kernel_that_wakes_early_is_asked_until_the_timeout_is_over() {
        let timeout = Duration::from_millis(2);
        let start = Instant::now();
        wait_until(Some(timeout), |left| {
            assert!(left.expect("there is a timeout") <= timeout);
            Ok(false)
        })
        .expect("nothing failed");
        assert!(start.elapsed() >= timeout);
    }

    #[test]
    fn a_timeout_longer_than_a_day_is_asked_for_a_day_at_a_time() {
        wait_until(Some(Duration::MAX), |left| {
            assert_eq!(left, Some(LONGEST));
            Ok(true)
        })
        .expect("nothing failed");
    }

    #[test]
    fn an_interrupted_wait_is_no_error_and_is_not_resumed() {
        let mut asked = 0;
        wait_until(None, |_| {
            asked += 1;
            Err(io::ErrorKind::Interrupted.into())
        })
        .expect("a signal is no error");
        assert_eq!(asked, 1);
    }

    #[test]
    fn an_error_of_the_wait_is_handed_on_at_once() {
        let mut asked = 0;
        let result = wait_until(Some(Duration::from_secs(60)), |_| {
            asked += 1;
            Err(io::ErrorKind::InvalidInput.into())
        });
        assert_eq!((result.unwrap_err().kind(), asked), (io::ErrorKind::InvalidInput, 1));
    }
}
