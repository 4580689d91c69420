//! Where timers are kept: places under numbers, the lowest first, so that the memory of a crowd that has gone can be given back.

use std::time::Instant;

use super::vacant::Vacant;
use super::TimerId;

/// Below this many slots memory is kept rather than given back and asked for again.
const KEPT: usize = 64;

/// No timer's number.
const EMPTY: u64 = 0;

/// A timer, or an empty slot, which is told by its number: who clears a timer has to look at that anyway.
#[derive(Debug)]
pub(super) struct Timer<T> {
    /// The one in its id; [`EMPTY`] of an empty slot.
    pub number: u64,
    /// Of its last setting; none from when a repeating one comes to run until it is set.
    pub sequence: u32,
    /// That in its entry of the heap, if it has one.
    pub entry: u32,
    /// None while a repeating one runs.
    pub task: Option<T>,
    /// None when it never comes due.
    pub deadline: Option<Instant>,
}

/// Timers in slots, which are taken again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    /// The last one is never empty.
    slots: Vec<Timer<T>>,
    /// The empty ones.
    vacant: Vacant,
    len: usize,
}

impl<T> Slots<T> {
    pub fn new() -> Slots<T> {
        Slots { slots: Vec::new(), vacant: Vacant::new(), len: 0 }
    }

    /// The slot that is to be [filled](Self::fill) next.
    ///
    /// # Panics
    /// When 2^32 - 1 timers are live, which take more memory than their closures leave.
    #[inline]
    pub fn next(&self) -> u32 {
        if self.len < self.slots.len() {
            return self.vacant.first();
        }
        let slot = self.slots.len() as u32;
        assert!(slot < u32::MAX, "fewer than 2^32 - 1 timers are set");
        slot
    }

    /// Keeps a timer in the slot that is [next](Self::next).
    #[inline]
    pub fn fill(&mut self, slot: u32, timer: Timer<T>) {
        self.len += 1;
        if slot as usize == self.slots.len() {
            self.slots.push(timer);
        } else {
            self.slots[slot as usize] = timer;
            self.vacant.remove(slot);
        }
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&Timer<T>> {
        self.slots.get(slot as usize).filter(|timer| timer.number != EMPTY)
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Timer<T>> {
        self.slots.get_mut(slot as usize).filter(|timer| timer.number != EMPTY)
    }

    /// The timer that is meant, if it is still there.
    #[inline]
    pub fn find(&self, id: TimerId) -> Option<&Timer<T>> {
        self.slots.get(id.slot as usize).filter(|timer| timer.number == id.number)
    }

    #[inline]
    pub fn find_mut(&mut self, id: TimerId) -> Option<&mut Timer<T>> {
        self.slots.get_mut(id.slot as usize).filter(|timer| timer.number == id.number)
    }

    /// Takes out the timer that is meant: its entry and its task.
    #[inline]
    pub fn remove(&mut self, id: TimerId) -> Option<(u32, Option<T>)> {
        let timer = self.find_mut(id)?;
        timer.number = EMPTY;
        let (entry, task) = (timer.entry, timer.task.take());
        self.len -= 1;
        if id.slot as usize == self.slots.len() - 1 {
            self.drop_empty_end();
        } else {
            self.vacant.insert(id.slot);
        }
        Some((entry, task))
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are, empty ones with the others.
    pub fn room(&self) -> usize {
        self.slots.len()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Timer<T>)> {
        (0..).zip(&mut self.slots).filter(|(_, timer)| timer.number != EMPTY)
    }

    /// Drops the last slot, and those before it that are empty, up to one that is not.
    #[inline(never)] // in any order but one few are the last
    fn drop_empty_end(&mut self) {
        let end = self.vacant.truncate_end(self.slots.len() - 1);
        self.slots.truncate(end);
        // A quarter would do: twice what is needed is kept, so that what comes again at once finds room.
        if self.slots.capacity() > KEPT && end < self.slots.capacity() / 4 {
            self.slots.shrink_to((2 * end).max(KEPT));
            self.vacant.shrink();
        }
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.slots.capacity().max(self.vacant.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbered by its slot.
    fn insert(slots: &mut Slots<u32>, value: u32) -> u32 {
        let slot = slots.next();
        let number = u64::from(slot) + 1;
        slots.fill(slot, Timer { number, sequence: 0, entry: 0, task: Some(value), deadline: None });
        slot
    }

    fn remove(slots: &mut Slots<u32>, slot: u32) -> Option<u32> {
        slots.remove(TimerId { slot, number: u64::from(slot) + 1 })?.1
    }

    /// Numbers that were vacant and have all been taken again leave no more than their timers do.
    #[test]
    fn memory_comes_back_though_every_vacant_slot_was_taken_again() {
        let mut slots = Slots::new();
        (0..100_000).for_each(|value| assert_eq!(insert(&mut slots, value), value));
        (0..100_000).step_by(2).for_each(|slot| assert_eq!(remove(&mut slots, slot), Some(slot)));
        (0..100_000).step_by(2).for_each(|value| assert_eq!(insert(&mut slots, value), value));
        (0..100_000).rev().for_each(|slot| assert_eq!(remove(&mut slots, slot), Some(slot)));
        assert!(slots.capacity() <= 2 * KEPT, "{}", slots.capacity());
    }

    #[test]
    fn the_lowest_vacant_slot_is_taken_first_and_told() {
        let mut slots = Slots::new();
        assert_eq!((0..5).map(|value| insert(&mut slots, value)).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!([3, 1, 1].map(|slot| remove(&mut slots, slot)), [Some(3), Some(1), None]);
        for expected in [1, 3, 5] {
            assert_eq!(insert(&mut slots, 10 + expected), expected);
            assert_eq!(slots.get(expected).and_then(|timer| timer.task), Some(10 + expected));
        }
        assert_eq!(slots.len(), 6);
    }

    /// Numbers that were vacant beyond the end come to mean something again when the slots grow: each is given out once.
    #[test]
    fn no_slot_is_given_out_twice_after_the_end_moved_back_and_forth() {
        let mut slots = Slots::new();
        let mut live = Vec::new();
        let mut random = 1_u64;
        for round in 0..200 {
            let wanted = if round % 2 == 0 { 300 } else { (round * 7) % 50 };
            while live.len() < wanted {
                let slot = insert(&mut slots, 0);
                assert!(!live.contains(&slot), "slot {slot} was given out twice");
                live.push(slot);
            }
            while live.len() > wanted {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let slot = live.swap_remove((random >> 33) as usize % live.len());
                assert!(remove(&mut slots, slot).is_some());
            }
            assert_eq!(slots.len(), live.len());
        }
    }

    #[test]
    fn memory_comes_back_though_the_first_ones_stay() {
        let mut slots = Slots::new();
        (0..100_000).for_each(|value| assert_eq!(insert(&mut slots, value), value));
        (10..100_000).for_each(|slot| assert_eq!(remove(&mut slots, slot), Some(slot)));
        assert!(slots.capacity() <= 2 * KEPT, "{}", slots.capacity());
        assert_eq!((slots.len(), slots.get(9).and_then(|timer| timer.task)), (10, Some(9)));
    }
}
