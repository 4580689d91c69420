//! What timers promise, by themselves and without a loop.

use super::*;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn drain<T>(timers: &mut Timers<T>, now: Instant) -> Vec<T> {
    timers.collect_due(now);
    std::iter::from_fn(|| timers.pop_due()).map(|(task, _)| task).collect()
}

#[test]
fn deadlines_come_in_order_and_equal_ones_in_the_order_of_setting() {
    let mut timers = Timers::new();
    let start = Instant::now();
    for (value, after) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 30)] {
        timers.set(Some(start + Duration::from_millis(after)), value);
    }
    assert_eq!(drain(&mut timers, start + Duration::from_millis(10)), [2, 4]);
    assert_eq!(drain(&mut timers, start + SECOND), [3, 1, 5]);
    assert_eq!(timers.len(), 0);
}

/// A budget may end with the last one, and nobody asks for another.
#[test]
fn memory_comes_back_with_the_last_one_that_was_due() {
    const COUNT: usize = 4 * DUE_KEPT;
    let mut timers = Timers::new();
    let start = Instant::now();
    (0..COUNT).for_each(|value| {
        timers.set(Some(start), value);
    });
    timers.collect_due(start);
    for value in 0..COUNT {
        assert_eq!(timers.pop_due(), Some((value, start)));
    }
    assert!(timers.due.capacity() <= DUE_KEPT, "{}", timers.due.capacity());
}

#[test]
fn a_timer_cleared_while_due_does_not_run() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let ids: Vec<TimerId> = (0..3).map(|value| timers.set(Some(start), value)).collect();
    timers.collect_due(start);
    assert_eq!(timers.pop_due().map(|due| due.0), Some(0));
    assert!(timers.clear(ids[1]));
    assert_eq!(timers.pop_due().map(|due| due.0), Some(2));
    assert_eq!((timers.pop_due(), timers.clear(ids[0])), (None, false));
}

#[test]
fn a_timer_reset_while_due_runs_where_its_new_deadline_has_it_and_once() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let ids: Vec<TimerId> = (0..4).map(|value| timers.set(Some(start), value)).collect();
    timers.collect_due(start);
    assert!(timers.reset(ids[0], Some(start)));
    assert!(timers.reset(ids[1], None));
    // Found due once more while what was due before has not run.
    timers.collect_due(start);
    assert_eq!(drain(&mut timers, start), [2, 3, 0]);
    assert_eq!((timers.len(), timers.next_deadline()), (1, None));
    assert!(timers.reset(ids[1], Some(start + SECOND)));
    assert_eq!(drain(&mut timers, start + SECOND), [1]);
}

#[test]
fn a_timer_without_deadline_never_comes_due_and_can_be_cleared() {
    let mut timers = Timers::new();
    let id = timers.set(None, 1);
    assert_eq!(timers.next_deadline(), None);
    assert_eq!(drain(&mut timers, Instant::now() + Duration::from_secs(1 << 40)), []);
    assert!(timers.clear(id));
}

#[test]
fn putting_a_timer_off_moves_nothing_until_its_old_deadline_comes_up() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let id = timers.set(Some(start + SECOND), 1);
    timers.set(Some(start + 2 * SECOND), 2);
    assert!(timers.reset(id, Some(start + 5 * SECOND)));
    assert_eq!(timers.next_deadline(), Some(start + SECOND));
    timers.collect_due(start + SECOND);
    assert!(!timers.has_due(), "nobody is late");
    assert_eq!(timers.next_deadline(), Some(start + 2 * SECOND));
    assert!(timers.reset(id, Some(start + 9 * SECOND)));
    assert_eq!(drain(&mut timers, start + 3 * SECOND), [2]);
    assert_eq!(drain(&mut timers, start + 5 * SECOND), []);
    assert_eq!(timers.next_deadline(), Some(start + 9 * SECOND));
    assert_eq!(drain(&mut timers, start + 9 * SECOND), [1]);
}

/// One is due and one is to come, and one that repeats has begun to run.
#[test]
fn what_is_due_or_runs_stays_so_when_settings_are_numbered_anew() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let tick = timers.set_repeating(Some(start), |_| 1);
    timers.set(Some(start), 2);
    let cleared = timers.set(Some(start), 3);
    timers.set(Some(start + SECOND), 4);
    timers.collect_due(start);
    assert!(timers.clear(cleared));
    assert_eq!(timers.pop_due(), Some((1, start)));
    timers.last_sequence = LAST - 1;
    timers.set(Some(start + SECOND), 5);
    assert_eq!(timers.last_sequence, 3);
    assert!(timers.is_left_alone(tick) && timers.deadline(tick) == Some(start));
    timers.put_back(tick, 1);
    assert!(timers.reset(tick, Some(start + SECOND)) && !timers.is_left_alone(tick));
    assert_eq!(drain(&mut timers, start), [2]);
    assert_eq!(drain(&mut timers, start + SECOND), [4, 5, 1]);
}

#[test]
fn a_cleared_timer_limits_no_wait_and_lets_go_of_its_task_at_once() {
    let mut timers = Timers::new();
    let (start, held) = (Instant::now(), std::rc::Rc::new(()));
    let ids: Vec<TimerId> =
        (1..=9).map(|at| timers.set(Some(start + at * SECOND), std::rc::Rc::clone(&held))).collect();
    for at in [4, 1, 0, 2, 3] {
        assert!(timers.clear(ids[at]));
    }
    assert_eq!((timers.len(), std::rc::Rc::strong_count(&held)), (4, 5));
    assert_eq!(timers.next_deadline(), Some(start + 6 * SECOND));
    ids[5..].iter().for_each(|id| assert!(timers.clear(*id)));
    assert_eq!((timers.next_deadline(), timers.is_idle()), (None, true));
}

/// A loop without timers does not look whether any is due.
#[test]
fn what_was_due_and_is_cleared_is_forgotten_with_the_last_timer() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let ids = [1, 2, 3].map(|value| timers.set(Some(start), value));
    timers.collect_due(start);
    assert!(timers.clear(ids[1]) && timers.clear(ids[2]) && timers.has_due());
    assert_eq!(timers.pop_due(), Some((1, start)));
    assert!(timers.is_idle() && !timers.has_due());
    let id = timers.set(Some(start), 4);
    timers.collect_due(start);
    assert!(timers.clear(id));
    assert!(timers.is_idle() && !timers.has_due());
}

/// Its dead entries lie behind the live one, where they do not come up.
#[test]
fn a_timer_drawn_forward_over_and_over_leaves_a_bounded_heap() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let id = timers.set(Some(start + 10_000 * SECOND), ());
    for at in (0..10_000).rev() {
        assert!(timers.reset(id, Some(start + at * SECOND)));
        assert_eq!(timers.next_deadline(), Some(start + at * SECOND));
        assert!(timers.heap.sizes().0 <= 66, "{:?}", timers.heap.sizes());
    }
    assert_eq!(drain(&mut timers, start).len(), 1);
    assert_eq!((timers.next_deadline(), timers.heap.sizes().0), (None, 0));
}

#[test]
fn an_id_reaches_no_later_timer_though_memory_was_given_back_between() {
    let mut timers = Timers::new();
    let old: Vec<TimerId> = (0..1000).map(|value| timers.set(None, value)).collect();
    old.iter().for_each(|id| assert!(timers.clear(*id)));
    let new: Vec<TimerId> = (0..1000).map(|value| timers.set(None, value)).collect();
    assert!(old.iter().zip(&new).all(|(old, new)| old.slot == new.slot), "the slots are the same");
    assert!(!old.iter().any(|id| timers.clear(*id) || timers.reset(*id, None)));
    assert_eq!(timers.len(), 1000);
}

/// Half of them cleared, some put off, the rest run; nothing of any of them is left but a handful of empty slots.
#[test]
fn many_timers_leave_nothing_behind() {
    const COUNT: u32 = 100_000;
    let mut timers = Timers::new();
    let start = Instant::now();
    let deadline = |value: u32| start + Duration::from_nanos(u64::from(value.wrapping_mul(2_654_435_761)));
    let ids: Vec<TimerId> = (0..COUNT).map(|value| timers.set(Some(deadline(value)), value)).collect();
    ids.iter().step_by(2).for_each(|id| assert!(timers.clear(*id)));
    assert_eq!(timers.len(), COUNT as usize / 2);
    assert!(timers.heap.sizes().0 <= COUNT as usize + 64, "{:?}", timers.heap.sizes());
    let end = start + 10 * SECOND;
    ids.iter().skip(1).step_by(4).for_each(|id| assert!(timers.reset(*id, Some(end))));

    let mut expected: Vec<u32> = (3..COUNT).step_by(4).collect();
    expected.sort_by_key(|value| deadline(*value));
    expected.extend((1..COUNT).step_by(4));
    assert!(drain(&mut timers, end) == expected);
    assert_eq!((timers.len(), timers.heap.sizes().0), (0, 0));
    let capacities = [timers.slots.capacity(), timers.heap.sizes().1, timers.due.capacity()];
    assert!(capacities.iter().all(|capacity| *capacity <= 1024), "{capacities:?}");
}

#[test]
fn of_a_crowd_few_are_in_the_heap_and_the_next_deadline_is_exact_whichever_are_cleared() {
    const COUNT: u32 = 10_000;
    let mut timers = Timers::new();
    let start = Instant::now();
    let deadline = |value: u32| start + Duration::from_nanos(u64::from(value.wrapping_mul(2_654_435_761)));
    let mut set: Vec<(Instant, TimerId)> =
        (0..COUNT).map(|value| (deadline(value), timers.set(Some(deadline(value)), value))).collect();
    assert!(timers.heap.sizes().0 < COUNT as usize / 4, "{:?}", timers.heap.sizes());
    set.sort_by_key(|(deadline, _)| *deadline);
    for (deadline, id) in set {
        assert_eq!(timers.next_deadline(), Some(deadline));
        assert!(timers.clear(id));
    }
    assert_eq!((timers.next_deadline(), timers.heap.sizes().0, timers.far_count), (None, 0, 0));
}

/// However deadlines lie, and though most slots have what is never due: the first is cleared again and again, and a late one set.
#[test]
fn all_slots_are_looked_at_only_where_a_good_part_of_them_comes_near() {
    const LATE: Duration = Duration::from_nanos(u64::MAX / 8);
    let delays: [fn(u32) -> Option<u64>; 4] = [
        |value| Some(u64::from(value.wrapping_mul(2_654_435_761))),
        |value| Some(1 << (value % 60)),
        |value| Some((1 << 60) - (1 << (value % 60))),
        |value| Some(u64::from(value)).filter(|_| value % 64 == 0),
    ];
    for delay in delays {
        let mut timers = Timers::new();
        let start = Instant::now();
        let deadline = |value| Some(start + Duration::from_nanos(delay(value)?));
        let mut set: Vec<_> =
            (0..20_000).map(|value| (deadline(value), timers.set(deadline(value), value))).collect();
        set.sort_by_key(|(deadline, _)| *deadline);
        let (mut look_count, mut set_count) = (0, set.len());
        for (_, id) in set {
            let (room, limit) = (timers.slots.room(), timers.near_limit);
            assert!(timers.clear(id));
            look_count += if timers.near_limit == limit { 0 } else { room };
            set_count += 1;
            timers.set(Some(start + LATE), 0);
        }
        assert!(look_count <= 2 * PART * set_count, "{look_count} looks for {set_count} settings");
    }
}

#[test]
fn what_is_far_is_put_off_drawn_forward_and_taken_off_the_clock_in_its_slot() {
    let mut timers = Timers::new();
    let start = Instant::now();
    let ids: Vec<TimerId> = (1..=1000).map(|at| timers.set(Some(start + at * SECOND), at)).collect();
    let entry_count = timers.heap.sizes().0;
    assert!(timers.far_count > 500);
    assert!(timers.reset(ids[997], Some(start + 2000 * SECOND)));
    assert!(timers.reset(ids[998], Some(start + 998 * SECOND)));
    assert!(timers.reset(ids[999], Some(start + 998 * SECOND)));
    assert!(timers.reset(ids[996], None));
    assert_eq!(timers.heap.sizes().0, entry_count);
    assert!(timers.reset(ids[995], Some(start)));
    assert_eq!((timers.next_deadline(), timers.heap.sizes().0), (Some(start), entry_count + 1));
    let expected: Vec<u32> = std::iter::once(996).chain(1..=995).chain([999, 1000, 998]).collect();
    assert_eq!(drain(&mut timers, start + 3000 * SECOND), expected);
    assert_eq!((timers.len(), timers.far_count), (1, 0));
}

#[test]
fn the_heap_agrees_with_a_sorted_list_under_random_sets_resets_and_clears() {
    agree_with_a_sorted_list(Timers::new());
}

#[test]
fn nothing_changes_when_settings_are_numbered_anew() {
    for left in [1, 8, 15] {
        let mut timers = Timers::new();
        timers.last_sequence = LAST - 977 * left;
        agree_with_a_sorted_list(timers);
    }
}

/// Random sets, resets and clears, a look now and then, and everything in order.
fn agree_with_a_sorted_list(mut timers: Timers<u32>) {
    // Deadline, order of setting, value.
    let mut list: Vec<(Option<Instant>, u64, u32, TimerId)> = Vec::new();
    let (start, mut random, mut far_steps) = (Instant::now(), 0x9E37_79B9_7F4A_7C15_u64, 0);
    for step in 0..20_000_u32 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let now = start + Duration::from_micros(u64::from(step / 16));
        let deadline = Some(now + Duration::from_micros(random >> 40 & 0xFFF));
        let deadline = deadline.filter(|_| random >> 20 & 0xF != 0);
        let choice = (random >> 32) as usize % list.len().max(1);
        match random >> 61 {
            0 | 1 if !list.is_empty() => assert!(timers.clear(list.swap_remove(choice).3)),
            2..=4 if !list.is_empty() => {
                assert!(timers.reset(list[choice].3, deadline));
                (list[choice].0, list[choice].1) = (deadline, u64::from(step));
            }
            _ => list.push((deadline, u64::from(step), step, timers.set(deadline, step))),
        }
        far_steps += u32::from(timers.far_count > 0);
        if step % 16 == 0 {
            list.sort_by_key(|timer| (timer.0.is_none(), timer.0, timer.1));
            let count = list.iter().take_while(|timer| timer.0.map_or(false, |at| at <= now)).count();
            let expected: Vec<u32> = list.drain(..count).map(|timer| timer.2).collect();
            assert_eq!(drain(&mut timers, now), expected, "step {step}");
            let (first, next) = (list.first().and_then(|timer| timer.0), timers.next_deadline());
            assert!(next.is_some() == first.is_some() && next <= first, "step {step}: {next:?}, {first:?}");
            assert_eq!(timers.len(), list.len());
        }
    }
    assert!(far_steps > 10_000, "timers were far in {far_steps} steps");
    list.iter().for_each(|timer| assert!(timers.clear(timer.3)));
    assert_eq!((timers.len(), timers.heap.sizes().0), (0, 0));
}
