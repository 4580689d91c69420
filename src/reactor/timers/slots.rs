//! Where timers are kept: places under numbers, the lowest first, so that the memory of a crowd that has gone can be given back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Below this many items memory is kept rather than given back and asked for again.
const KEPT: usize = 64;

/// Values under small numbers, which are taken again: who needs to tell successive owners apart keeps something in the value.
#[derive(Debug)]
pub(super) struct Slots<V> {
    /// The last one is never empty.
    slots: Vec<Option<V>>,
    /// The empty ones, the lowest first, and numbers beyond the last slot, which mean nothing.
    vacant: BinaryHeap<Reverse<u32>>,
    len: usize,
}

impl<V> Slots<V> {
    pub fn new() -> Slots<V> {
        Slots { slots: Vec::new(), vacant: BinaryHeap::new(), len: 0 }
    }

    /// The number that the next [`insert`](Self::insert) will give out.
    pub fn next(&self) -> u32 {
        match self.vacant.peek() {
            Some(&Reverse(slot)) if (slot as usize) < self.slots.len() => slot,
            _ => self.slots.len() as u32,
        }
    }

    /// # Panics
    /// When 2^32 - 1 values are live, which take more memory than their closures leave.
    pub fn insert(&mut self, value: V) -> u32 {
        let slot = self.next();
        if (slot as usize) < self.slots.len() {
            self.vacant.pop();
            self.slots[slot as usize] = Some(value);
        } else {
            assert!(slot < u32::MAX, "fewer than 2^32 - 1 timers are set");
            // All that is left there lies beyond the last slot, and would come to mean something.
            self.vacant.clear();
            self.slots.push(Some(value));
        }
        if is_roomy(self.vacant.len(), self.vacant.capacity()) {
            self.vacant.shrink_to((2 * self.vacant.len()).max(KEPT));
        }
        self.len += 1;
        slot
    }

    pub fn get(&self, slot: u32) -> Option<&V> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: u32) -> Option<&mut V> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub fn remove(&mut self, slot: u32) -> Option<V> {
        let value = self.slots.get_mut(slot as usize)?.take()?;
        self.len -= 1;
        if slot as usize == self.slots.len() - 1 {
            while let Some(None) = self.slots.last() {
                self.slots.pop();
            }
            shrink(&mut self.slots);
            self.forget_those_beyond();
        } else {
            self.vacant.push(Reverse(slot));
        }
        Some(value)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Drops the numbers beyond the last slot, once they are the most: so it costs each of them little.
    fn forget_those_beyond(&mut self) {
        if self.vacant.len() > KEPT + 2 * self.slots.len() {
            let limit = self.slots.len() as u32;
            self.vacant = self.vacant.drain().filter(|Reverse(slot)| *slot < limit).collect();
        }
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.slots.capacity().max(self.vacant.capacity())
    }
}

/// Gives memory back once a quarter of it would do, and keeps twice what is needed: what comes again at once finds room.
pub(super) fn shrink<V>(items: &mut Vec<V>) {
    if is_roomy(items.len(), items.capacity()) {
        items.shrink_to((2 * items.len()).max(KEPT));
    }
}

fn is_roomy(len: usize, capacity: usize) -> bool {
    capacity > KEPT && len < capacity / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that were vacant and have all been taken again leave no more than their timers do.
    #[test]
    fn memory_comes_back_though_every_vacant_slot_was_taken_again() {
        let mut slots = Slots::new();
        (0..100_000).for_each(|value| assert_eq!(slots.insert(value), value));
        (0..100_000).step_by(2).for_each(|slot| assert_eq!(slots.remove(slot), Some(slot)));
        (0..100_000).step_by(2).for_each(|value| assert_eq!(slots.insert(value), value));
        (0..100_000).rev().for_each(|slot| assert_eq!(slots.remove(slot), Some(slot)));
        assert!(slots.capacity() <= 2 * KEPT, "{}", slots.capacity());
    }

    #[test]
    fn the_lowest_vacant_slot_is_taken_first_and_foretold() {
        let mut slots = Slots::new();
        assert_eq!((0..5).map(|value| slots.insert(value)).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!([slots.remove(3), slots.remove(1), slots.remove(1)], [Some(3), Some(1), None]);
        for expected in [1, 3, 5] {
            assert_eq!(slots.next(), expected);
            assert_eq!(slots.insert(9), expected);
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
                let slot = slots.insert(live.len());
                assert!(!live.contains(&slot), "slot {slot} was given out twice");
                live.push(slot);
            }
            while live.len() > wanted {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let slot = live.swap_remove((random >> 33) as usize % live.len());
                assert!(slots.remove(slot).is_some());
            }
            assert_eq!(slots.len(), live.len());
        }
    }

    #[test]
    fn memory_comes_back_though_the_first_ones_stay() {
        let mut slots = Slots::new();
        (0..100_000).for_each(|value| assert_eq!(slots.insert(value), value));
        (10..100_000).for_each(|slot| assert_eq!(slots.remove(slot), Some(slot)));
        assert!(slots.capacity() <= 2 * KEPT, "{}", slots.capacity());
        assert_eq!((slots.len(), slots.get(9)), (10, Some(&9)));
    }
}
