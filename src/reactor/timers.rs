//! Timers by deadline: set, cleared and put off, and run in order once they are due.
//!
//! The heap is left alone for as long as it may be. A timer that is put off costs one note: the heap keeps the earlier deadline, and when
//! that comes up the timer is put where it belongs. So an idle timeout that every message resets moves in the heap once per timeout, not
//! once per message. A timer that is cleared goes at once with all that its task holds, but what the heap has of it stays there until it
//! comes up, or until the heap is swept because most of it is such. One that is drawn forward gets another entry in the same way.

mod heap;
mod moment;
mod slots;
mod vacant;

use std::collections::VecDeque;
use std::time::Instant;

use self::heap::{Entry, Heap};
use self::moment::Timeline;
use self::slots::Slots;

/// A timeout or an interval that was set, to clear or to reset it by.
///
/// It outlives its timer harmlessly: no two timers of a loop ever have the same one, so clearing one that has run, or was cleared,
/// does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId {
    slot: u32,
    /// No other timer has the same: even for what runs once, odd for what repeats.
    number: u64,
}

/// Tasks to run at their deadlines.
pub(crate) struct Timers<T> {
    timeline: Timeline,
    slots: Slots<Timer<T>>,
    /// Those that have a deadline and are not due yet, by a deadline that may be earlier than theirs by now.
    heap: Heap,
    /// The first of the heap, and its deadline.
    first: Option<(Entry, Instant)>,
    /// What was found due and has not run yet, in the order to run it. What is not its timer's any more is passed over.
    due: VecDeque<Due>,
    /// Counts the timers, by two.
    last_number: u64,
    /// Counts the settings, to keep equal deadlines in that order.
    last_sequence: u32,
}

struct Timer<T> {
    /// The one in its id.
    number: u64,
    /// None when it never comes due.
    deadline: Option<Instant>,
    /// Of its last setting; [`NONE`] from when a repeating one comes to run until it is set.
    sequence: u32,
    /// That in its entry of the heap; [`NONE`] of what is due, runs or is never to be due, which has none.
    entry: u32,
    /// None while a repeating one runs.
    task: Option<T>,
}

#[derive(Clone, Copy)]
struct Due {
    slot: u32,
    sequence: u32,
}

/// No setting's sequence.
const NONE: u32 = 0;

/// Above this many items the memory of what was due at once is given back.
const DUE_KEPT: usize = 1024;

impl<T> Timers<T> {
    pub fn new() -> Timers<T> {
        Timers {
            timeline: Timeline::new(),
            slots: Slots::new(),
            heap: Heap::new(),
            first: None,
            due: VecDeque::new(),
            last_number: 0,
            last_sequence: NONE,
        }
    }

    /// Sets a timer that runs once; without a deadline it never comes due, and can be cleared like any other.
    pub fn set(&mut self, deadline: Option<Instant>, task: T) -> TimerId {
        self.insert(deadline, false, |_| task)
    }

    /// Sets a timer that lives on when it runs, until it is cleared: who runs it sets its next deadline and puts it back.
    pub fn set_repeating(&mut self, deadline: Option<Instant>, task: impl FnOnce(TimerId) -> T) -> TimerId {
        self.insert(deadline, true, task)
    }

    fn insert(
        &mut self,
        deadline: Option<Instant>,
        is_repeating: bool,
        task: impl FnOnce(TimerId) -> T,
    ) -> TimerId {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        self.last_number += 2;
        let number = self.last_number + u64::from(is_repeating);
        let entry = if deadline.is_some() { sequence } else { NONE };
        let slot = self.slots.insert(|slot| {
            let task = Some(task(TimerId { slot, number }));
            Timer { number, deadline, sequence, entry, task }
        });
        if let Some(deadline) = deadline {
            self.heap.insert(Entry::new(self.timeline.moment(deadline), sequence, slot));
        }
        self.settle();
        TimerId { slot, number }
    }

    /// Gives a timer another deadline, as if it had been set just now; `false` when it has run or was cleared.
    pub fn reset(&mut self, id: TimerId, deadline: Option<Instant>) -> bool {
        let sequence = self.last_sequence + 1;
        let timer = match self.get_mut(id) {
            Some(timer) => timer,
            None => return false,
        };
        let is_put_off = match (deadline, timer.deadline) {
            (Some(new), Some(old)) => new >= old && timer.entry != NONE,
            _ => false,
        };
        timer.deadline = deadline;
        timer.sequence = sequence;
        self.last_sequence = sequence;
        // That it was put off is seen when its entry comes up.
        if !is_put_off || sequence == u32::MAX {
            self.reschedule(id.slot);
        }
        true
    }

    /// Gives a timer an entry by its deadline, if it has one, in place of the entry that it had.
    #[inline(never)] // what is put off does without it
    fn reschedule(&mut self, slot: u32) {
        let timer = self.slots.get_mut(slot).expect("a live timer is scheduled");
        let had_entry = timer.entry != NONE;
        timer.entry = NONE;
        if let Some(deadline) = timer.deadline {
            timer.entry = timer.sequence;
            let entry = Entry::new(self.timeline.moment(deadline), timer.sequence, slot);
            if had_entry {
                self.heap.supersede(entry, is_live_in(&self.slots));
            } else {
                self.heap.insert(entry);
            }
        } else if had_entry {
            // It may have been the first.
            let _ = self.heap.forget();
            self.sweep();
        }
        self.settle();
    }

    /// Clears a timer, due or not; `false` when it has run or was cleared before.
    pub fn clear(&mut self, id: TimerId) -> bool {
        let timer = match self.slots.remove_if(id.slot, |timer| timer.number == id.number) {
            Some(timer) => timer,
            None => return false,
        };
        if timer.entry != NONE {
            let was_first = self.first.map_or(false, |(first, _)| first.sequence() == timer.entry);
            if self.heap.forget() || was_first {
                self.sweep();
            }
        }
        self.forget_due();
        // Last: its drop may do anything.
        drop(timer);
        true
    }

    /// A live timer's deadline, also while it runs.
    pub fn deadline(&self, id: TimerId) -> Option<Instant> {
        self.get(id)?.deadline
    }

    /// Whether a repeating timer that runs has been neither cleared nor reset since it began.
    pub fn is_left_alone(&self, id: TimerId) -> bool {
        self.get(id).map_or(false, |timer| timer.sequence == NONE)
    }

    /// Puts back what was lifted out to run; dropped when its timer was cleared meanwhile.
    pub fn put_back(&mut self, id: TimerId, task: T) {
        if let Some(timer) = self.get_mut(id) {
            timer.task = Some(task);
        }
    }

    /// When to look for due timers next: never later than the earliest deadline, and earlier when the timer that was first has been
    /// put off.
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.first.map(|(_, deadline)| deadline)
    }

    /// Whether there are none. Then none is left that was due either.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.slots.len() == 0
    }

    #[inline]
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Fixes which timers are due at `now`: what is set or reset later waits, whatever its deadline. They come behind what was found
    /// due before and has not run yet, which is where their deadlines belong.
    pub fn collect_due(&mut self, now: Instant) {
        let now = self.timeline.moment(now);
        while let Some(first) = self.heap.first().filter(|first| first.deadline() <= now) {
            let slot = first.slot();
            let timer = self.slots.get_mut(slot).expect("the first of the heap is live");
            if timer.sequence == first.sequence() {
                timer.entry = NONE;
                self.due.push_back(Due { slot, sequence: first.sequence() });
                self.heap.pop_first(is_live_in(&self.slots));
            } else {
                // It was put off since it came there.
                timer.entry = timer.sequence;
                let deadline = timer.deadline.expect("what has an entry has a deadline");
                let entry = Entry::new(self.timeline.moment(deadline), timer.sequence, slot);
                self.heap.replace_first(entry, is_live_in(&self.slots));
            }
        }
        self.note_first();
    }

    /// The next due timer's task and deadline, by deadline and then by order of setting. One that was cleared or reset meanwhile is
    /// passed over.
    pub fn pop_due(&mut self) -> Option<(T, Instant)> {
        while let Some(due) = self.due.pop_front() {
            // With the last one, after which nobody may ask.
            if self.due.is_empty() && self.due.capacity() > DUE_KEPT {
                self.due = VecDeque::new();
            }
            let timer = match self.slots.get_mut(due.slot) {
                Some(timer) if timer.sequence == due.sequence => timer,
                _ => continue,
            };
            let deadline = timer.deadline;
            let task = if timer.is_repeating() {
                timer.sequence = NONE;
                timer.task.take()
            } else {
                let timer = self.slots.remove(due.slot)?;
                self.forget_due();
                timer.task
            };
            return Some((task?, deadline?));
        }
        None
    }

    /// Drops what was due and is not its timer's any more, when no timer is left: nobody would ask for it.
    #[inline]
    fn forget_due(&mut self) {
        if self.is_idle() {
            self.due.clear();
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn get(&self, id: TimerId) -> Option<&Timer<T>> {
        self.slots.get(id.slot).filter(|timer| timer.number == id.number)
    }

    fn get_mut(&mut self, id: TimerId) -> Option<&mut Timer<T>> {
        self.slots.get_mut(id.slot).filter(|timer| timer.number == id.number)
    }

    /// Drops what is dead in the heap and in the way, once the first has died or the dead are many.
    #[inline(never)] // most that are cleared do without it
    fn sweep(&mut self) {
        self.heap.sweep(is_live_in(&self.slots));
        self.note_first();
    }

    fn note_first(&mut self) {
        let first = self.heap.first();
        if first != self.first.map(|(entry, _)| entry) {
            self.first = first.map(|entry| (entry, self.timeline.instant(entry.deadline())));
        }
    }

    /// What is to be done after a setting.
    fn settle(&mut self) {
        self.note_first();
        if self.last_sequence == u32::MAX {
            self.number_anew();
        }
    }

    /// Gives all settings small numbers again, in the same order: once in four billion settings.
    #[cold]
    fn number_anew(&mut self) {
        let slots = &mut self.slots;
        self.due.retain(|due| slots.get(due.slot).map_or(false, |timer| timer.sequence == due.sequence));
        let mut timers: Vec<(u32, &mut Timer<T>)> =
            slots.iter_mut().filter(|(_, timer)| timer.sequence != NONE).collect();
        timers.sort_unstable_by_key(|(_, timer)| timer.sequence);
        let mut entries = Vec::with_capacity(timers.len());
        self.last_sequence = NONE;
        for (slot, timer) in timers {
            self.last_sequence += 1;
            timer.sequence = self.last_sequence;
            if let (true, Some(deadline)) = (timer.entry != NONE, timer.deadline) {
                timer.entry = timer.sequence;
                entries.push(Entry::new(self.timeline.moment(deadline), timer.sequence, slot));
            }
        }
        self.heap.refill(entries);
        for due in &mut self.due {
            due.sequence = slots.get(due.slot).expect("it was seen to be live").sequence;
        }
        self.note_first();
    }
}

impl<T> Timer<T> {
    fn is_repeating(&self) -> bool {
        self.number % 2 == 1
    }
}

/// Tells whether an entry of the heap is its timer's.
fn is_live_in<T>(slots: &Slots<Timer<T>>) -> impl Fn(Entry) -> bool + '_ {
    move |entry| slots.get(entry.slot()).map_or(false, |timer| timer.entry == entry.sequence())
}

#[cfg(test)]
mod tests {
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
        timers.last_sequence = u32::MAX - 1;
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
        let deadline =
            |value: u32| start + Duration::from_nanos(u64::from(value.wrapping_mul(2_654_435_761)));
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
    fn the_heap_agrees_with_a_sorted_list_under_random_sets_resets_and_clears() {
        agree_with_a_sorted_list(Timers::new());
    }

    #[test]
    fn nothing_changes_when_settings_are_numbered_anew() {
        for left in [1, 8, 15] {
            let mut timers = Timers::new();
            timers.last_sequence = u32::MAX - 977 * left;
            agree_with_a_sorted_list(timers);
        }
    }

    /// Random sets, resets and clears, a look now and then, and everything in order.
    fn agree_with_a_sorted_list(mut timers: Timers<u32>) {
        // Deadline, order of setting, value.
        let mut list: Vec<(Option<Instant>, u64, u32, TimerId)> = Vec::new();
        let (start, mut random) = (Instant::now(), 0x9E37_79B9_7F4A_7C15_u64);
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
            if step % 16 == 0 {
                list.sort_by_key(|timer| (timer.0.is_none(), timer.0, timer.1));
                let count = list.iter().take_while(|timer| timer.0.map_or(false, |at| at <= now)).count();
                let expected: Vec<u32> = list.drain(..count).map(|timer| timer.2).collect();
                assert_eq!(drain(&mut timers, now), expected, "step {step}");
                let (first, next) = (list.first().and_then(|timer| timer.0), timers.next_deadline());
                assert!(
                    next.is_some() == first.is_some() && next <= first,
                    "step {step}: {next:?}, {first:?}"
                );
                assert_eq!(timers.len(), list.len());
            }
        }
        list.iter().for_each(|timer| assert!(timers.clear(timer.3)));
        assert_eq!((timers.len(), timers.heap.sizes().0), (0, 0));
    }
}
