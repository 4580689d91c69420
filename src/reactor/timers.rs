//! Timers by deadline: a binary heap that knows where in it each timer is, so that a cancelled one leaves nothing behind.

use std::collections::VecDeque;
use std::time::Instant;

use super::slab::{Key, Slab};

/// A timeout that was set, to clear it by.
///
/// It outlives its timer harmlessly: clearing one that has run, or was cleared, does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId(Key);

/// Tasks to run at their deadlines, each once.
pub(crate) struct Timers<T> {
    timers: Slab<Timer<T>>,
    /// Pending timers that have a deadline, as a heap: no parent comes after its children.
    heap: Vec<Entry>,
    /// Timers found due and not yet run, in the order to run them.
    due: VecDeque<Key>,
    /// Counts the timers that were set, to keep equal deadlines in that order.
    last_sequence: u64,
}

struct Timer<T> {
    task: T,
    place: Place,
}

enum Place {
    /// In the heap at this position.
    Heap(usize),
    /// Taken out of the heap to be run, or never to be due at all.
    Elsewhere,
}

#[derive(Clone, Copy)]
struct Entry {
    deadline: Instant,
    sequence: u64,
    key: Key,
}

impl Entry {
    fn precedes(&self, other: &Entry) -> bool {
        (self.deadline, self.sequence) < (other.deadline, other.sequence)
    }
}

impl<T> Timers<T> {
    pub fn new() -> Timers<T> {
        Timers { timers: Slab::new(), heap: Vec::new(), due: VecDeque::new(), last_sequence: 0 }
    }

    /// Sets a timer; without a deadline it never comes due, and can be cleared like any other.
    pub fn set(&mut self, deadline: Option<Instant>, task: T) -> TimerId {
        let key = self.timers.insert(Timer { task, place: Place::Elsewhere });
        if let Some(deadline) = deadline {
            self.last_sequence += 1;
            self.heap.push(Entry { deadline, sequence: self.last_sequence, key });
            self.sift_up(self.heap.len() - 1);
        }
        TimerId(key)
    }

    /// Takes a timer back, due or not; `None` when it has run or was cleared before.
    pub fn clear(&mut self, timer: TimerId) -> Option<T> {
        let timer = self.timers.remove(timer.0)?;
        if let Place::Heap(position) = timer.place {
            self.remove_at(position);
        }
        Some(timer.task)
    }

    /// The earliest deadline of those that are not due yet.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.deadline)
    }

    pub fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Fixes which timers are due at `now`: what is set later waits, whatever its deadline.
    pub fn collect_due(&mut self, now: Instant) {
        while let Some(first) = self.heap.first().copied().filter(|first| first.deadline <= now) {
            self.remove_at(0);
            let timer = self.timers.get_mut(first.key).expect("the heap holds live timers only");
            timer.place = Place::Elsewhere;
            self.due.push_back(first.key);
        }
    }

    /// The next due timer's task, by deadline and then by order of setting. One that was cleared meanwhile is passed over.
    pub fn pop_due(&mut self) -> Option<T> {
        while let Some(key) = self.due.pop_front() {
            if let Some(timer) = self.timers.remove(key) {
                return Some(timer.task);
            }
        }
        None
    }

    pub fn len(&self) -> usize {
        self.timers.len()
    }

    fn remove_at(&mut self, position: usize) {
        self.heap.swap_remove(position);
        if position < self.heap.len() {
            self.sift_up(position);
            self.sift_down(position);
        }
    }

    fn sift_up(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if !self.heap[position].precedes(&self.heap[parent]) {
                break;
            }
            self.heap.swap(position, parent);
            self.note_place(position);
            position = parent;
        }
        self.note_place(position);
    }

    fn sift_down(&mut self, mut position: usize) {
        loop {
            let children = 2 * position + 1..self.heap.len().min(2 * position + 3);
            let first = children.reduce(|a, b| if self.heap[b].precedes(&self.heap[a]) { b } else { a });
            match first {
                Some(child) if self.heap[child].precedes(&self.heap[position]) => {
                    self.heap.swap(position, child);
                    self.note_place(position);
                    position = child;
                }
                _ => break,
            }
        }
        self.note_place(position);
    }

    fn note_place(&mut self, position: usize) {
        let key = self.heap[position].key;
        self.timers.get_mut(key).expect("the heap holds live timers only").place = Place::Heap(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn drain(timers: &mut Timers<u32>, now: Instant) -> Vec<u32> {
        timers.collect_due(now);
        std::iter::from_fn(|| timers.pop_due()).collect()
    }

    #[test]
    fn deadlines_come_in_order_and_equal_ones_in_the_order_of_setting() {
        let mut timers = Timers::new();
        let start = Instant::now();
        for (value, after) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 30)] {
            timers.set(Some(start + Duration::from_millis(after)), value);
        }
        assert_eq!(drain(&mut timers, start + Duration::from_millis(10)), [2, 4]);
        assert_eq!(drain(&mut timers, start + Duration::from_secs(1)), [3, 1, 5]);
        assert_eq!(timers.len(), 0);
    }

    #[test]
    fn a_timer_cleared_while_due_does_not_run() {
        let mut timers = Timers::new();
        let start = Instant::now();
        let ids: Vec<TimerId> = (0..3).map(|value| timers.set(Some(start), value)).collect();
        timers.collect_due(start);
        assert_eq!(timers.pop_due(), Some(0));
        assert_eq!(timers.clear(ids[1]), Some(1));
        assert_eq!(timers.pop_due(), Some(2));
        assert_eq!((timers.pop_due(), timers.clear(ids[0])), (None, None));
    }

    #[test]
    fn a_timer_without_deadline_never_comes_due_and_can_be_cleared() {
        let mut timers = Timers::new();
        let id = timers.set(None, 1);
        assert_eq!(timers.next_deadline(), None);
        assert_eq!(drain(&mut timers, Instant::now() + Duration::from_secs(1 << 40)), []);
        assert_eq!(timers.clear(id), Some(1));
    }

    /// Against a plain list: random sets and clears, then everything in order.
    #[test]
    fn the_heap_agrees_with_a_sorted_list_under_random_sets_and_clears() {
        let mut timers = Timers::new();
        let mut list: Vec<(Instant, u32, TimerId)> = Vec::new();
        let (start, mut random) = (Instant::now(), 0x9E37_79B9_7F4A_7C15_u64);
        for value in 0..5_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if random >> 62 == 0 && !list.is_empty() {
                let (_, expected, id) = list.remove((random >> 32) as usize % list.len());
                assert_eq!(timers.clear(id), Some(expected));
            } else {
                let deadline = start + Duration::from_micros(random >> 40 & 0xFFF);
                list.push((deadline, value, timers.set(Some(deadline), value)));
            }
        }
        list.sort_by_key(|(deadline, value, _)| (*deadline, *value));
        assert_eq!(timers.next_deadline(), list.first().map(|first| first.0));
        let expected: Vec<u32> = list.iter().map(|(_, value, _)| *value).collect();
        assert_eq!(drain(&mut timers, start + Duration::from_secs(1)), expected);
        assert_eq!((timers.len(), timers.heap.len()), (0, 0));
    }
}
