//! Timers by deadline: set, cleared and put off, and run in order once they are due.
//!
//! A timer that is put off costs one note: the heap keeps the earlier deadline, and when that comes up the timer is put where it
//! belongs. So an idle timeout that every message resets moves in the heap once per timeout, not once per message. All other changes
//! are made in the heap at once; a cleared timer leaves nothing behind.

mod heap;
mod slots;

use std::collections::VecDeque;
use std::time::Instant;

use self::heap::{Entry, Heap};
use self::slots::Slots;

/// A timeout or an interval that was set, to clear or to reset it by.
///
/// It outlives its timer harmlessly: no two timers of a loop ever have the same one, so clearing one that has run, or was cleared,
/// does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId {
    slot: u32,
    /// Of its first setting, so there is no other with the same.
    sequence: u64,
}

/// A deadline, and which of all the settings it comes from: a timer that is reset has another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    /// None when it never comes due.
    pub deadline: Option<Instant>,
    sequence: u64,
}

/// Tasks to run at their deadlines.
pub(crate) struct Timers<T> {
    slots: Slots<Timer<T>>,
    /// Those that have a deadline and are not due yet, by a deadline that may be earlier than theirs by now.
    heap: Heap,
    /// What was found due and has not run yet, in the order to run it. A setting that is not its timer's any more is passed over.
    due: VecDeque<(u32, Setting)>,
    /// Counts the settings, to keep equal deadlines in that order.
    last_sequence: u64,
}

struct Timer<T> {
    id: TimerId,
    setting: Setting,
    /// Where in the heap it is, or [`NOWHERE`].
    position: u32,
    is_repeating: bool,
    /// None while a repeating one runs.
    task: Option<T>,
}

/// The position of what is due, runs or is never to be due.
const NOWHERE: u32 = u32::MAX;

/// Above this many items the memory of what was due at once is given back.
const DUE_KEPT: usize = 1024;

impl<T> Timers<T> {
    pub fn new() -> Timers<T> {
        Timers { slots: Slots::new(), heap: Heap::new(), due: VecDeque::new(), last_sequence: 0 }
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
        let setting = self.next_setting(deadline);
        let id = TimerId { slot: self.slots.next(), sequence: setting.sequence };
        self.slots.insert(Timer { id, setting, position: NOWHERE, is_repeating, task: Some(task(id)) });
        self.schedule(id.slot, setting);
        id
    }

    /// Gives a timer another deadline, as if it had been set just now; `false` when it has run or was cleared.
    pub fn reset(&mut self, id: TimerId, deadline: Option<Instant>) -> bool {
        let setting = self.next_setting(deadline);
        let timer = match self.get_mut(id) {
            Some(timer) => timer,
            None => return false,
        };
        timer.setting = setting;
        let position = timer.position;
        match deadline {
            _ if position == NOWHERE => self.schedule(id.slot, setting),
            None => self.unschedule(position, id.slot),
            Some(deadline) if deadline < self.heap.get(position).deadline => {
                let entry = Entry { deadline, sequence: setting.sequence, slot: id.slot };
                self.heap.replace(position, entry, note_in(&mut self.slots));
            }
            // That it was put off is seen when its entry comes up.
            Some(_) => {}
        }
        true
    }

    /// Clears a timer, due or not; `false` when it has run or was cleared before.
    pub fn clear(&mut self, id: TimerId) -> bool {
        let position = match self.get_mut(id) {
            Some(timer) => timer.position,
            None => return false,
        };
        if position != NOWHERE {
            self.unschedule(position, id.slot);
        }
        // Last: its drop may do anything.
        self.slots.remove(id.slot);
        true
    }

    /// A live timer's deadline, also while it runs.
    pub fn setting(&self, id: TimerId) -> Option<Setting> {
        self.slots.get(id.slot).filter(|timer| timer.id == id).map(|timer| timer.setting)
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
        self.heap.first().map(|first| first.deadline)
    }

    /// Whether none is pending, and none is left that was due.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.heap.len() | self.due.len() == 0
    }

    #[inline]
    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Fixes which timers are due at `now`: what is set or reset later waits, whatever its deadline. They come behind what was found
    /// due before and has not run yet, which is where their deadlines belong.
    pub fn collect_due(&mut self, now: Instant) {
        while let Some(first) = self.heap.first().filter(|first| first.deadline <= now) {
            if !self.put_off(first) {
                self.unschedule(0, first.slot);
                let setting = Setting { deadline: Some(first.deadline), sequence: first.sequence };
                self.due.push_back((first.slot, setting));
            }
        }
    }

    /// The next due timer's task and deadline, by deadline and then by order of setting. One that was cleared or reset meanwhile is
    /// passed over.
    pub fn pop_due(&mut self) -> Option<(T, Instant)> {
        while let Some((slot, setting)) = self.due.pop_front() {
            // With the last one, after which nobody may ask.
            if self.due.is_empty() && self.due.capacity() > DUE_KEPT {
                self.due = VecDeque::new();
            }
            let task = match self.slots.get_mut(slot) {
                Some(timer) if timer.setting == setting && timer.is_repeating => timer.task.take(),
                Some(timer) if timer.setting == setting => self.slots.remove(slot)?.task,
                _ => continue,
            };
            return Some((task?, setting.deadline?));
        }
        None
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn get_mut(&mut self, id: TimerId) -> Option<&mut Timer<T>> {
        self.slots.get_mut(id.slot).filter(|timer| timer.id == id)
    }

    fn next_setting(&mut self, deadline: Option<Instant>) -> Setting {
        self.last_sequence += 1;
        Setting { deadline, sequence: self.last_sequence }
    }

    fn schedule(&mut self, slot: u32, setting: Setting) {
        if let Some(deadline) = setting.deadline {
            let entry = Entry { deadline, sequence: setting.sequence, slot };
            self.heap.push(entry, note_in(&mut self.slots));
        }
    }

    fn unschedule(&mut self, position: u32, slot: u32) {
        self.heap.remove(position, note_in(&mut self.slots));
        note_in(&mut self.slots)(slot, NOWHERE);
    }

    /// Puts the first of the heap where it belongs if it was put off since it came there; `false` when it is in its place.
    fn put_off(&mut self, first: Entry) -> bool {
        let setting = self.slots.get(first.slot).expect("the heap holds live timers only").setting;
        match setting.deadline {
            Some(deadline) if setting.sequence != first.sequence => {
                let entry = Entry { deadline, sequence: setting.sequence, slot: first.slot };
                self.heap.replace(0, entry, note_in(&mut self.slots));
                true
            }
            _ => false,
        }
    }
}

/// Has timers know where in the heap they are.
fn note_in<T>(slots: &mut Slots<Timer<T>>) -> impl FnMut(u32, u32) + '_ {
    move |slot, position| {
        slots.get_mut(slot).expect("the heap holds live timers only").position = position;
    }
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
        assert_eq!((timers.len(), timers.heap.sizes().0), (COUNT as usize / 2, COUNT as usize / 2));
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

    /// Against a plain list: random sets, resets and clears, a look now and then, and everything in order.
    #[test]
    fn the_heap_agrees_with_a_sorted_list_under_random_sets_resets_and_clears() {
        let mut timers = Timers::new();
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
