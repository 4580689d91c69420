//! Where timers are kept: places under numbers, the lowest first, so that the memory of a crowd that has gone can be given back.

use super::vacant::Vacant;

/// Below this many items memory is kept rather than given back and asked for again.
const KEPT: usize = 64;

/// Values under small numbers, which are taken again: who needs to tell successive owners apart keeps something in the value.
#[derive(Debug)]
pub(super) struct Slots<V> {
    /// The last one is never empty.
    slots: Vec<Option<V>>,
    /// The empty ones.
    vacant: Vacant,
    len: usize,
}

impl<V> Slots<V> {
    pub fn new() -> Slots<V> {
        Slots { slots: Vec::new(), vacant: Vacant::new(), len: 0 }
    }

    /// Keeps a value that may know its number.
    ///
    /// # Panics
    /// When 2^32 - 1 values are live, which take more memory than their closures leave.
    #[inline]
    pub fn insert(&mut self, value: impl FnOnce(u32) -> V) -> u32 {
        let slot = match self.vacant.first() {
            Some(slot) => {
                self.slots[slot as usize] = Some(value(slot));
                self.vacant.remove(slot);
                slot
            }
            None => {
                let slot = self.slots.len() as u32;
                assert!(slot < u32::MAX, "fewer than 2^32 - 1 timers are set");
                self.slots.push(Some(value(slot)));
                slot
            }
        };
        self.len += 1;
        slot
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&V> {
        self.slots.get(slot as usize)?.as_ref()
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut V> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    #[inline]
    pub fn remove(&mut self, slot: u32) -> Option<V> {
        self.remove_if(slot, |_| true)
    }

    /// Takes a value out if it is the one that is meant.
    #[inline]
    pub fn remove_if(&mut self, slot: u32, is_meant: impl FnOnce(&V) -> bool) -> Option<V> {
        let place = self.slots.get_mut(slot as usize)?;
        if !is_meant(place.as_ref()?) {
            return None;
        }
        let value = place.take();
        self.len -= 1;
        if slot as usize == self.slots.len() - 1 {
            self.drop_empty_end();
        } else {
            self.vacant.insert(slot);
        }
        value
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are, empty ones with the others.
    pub fn room(&self) -> usize {
        self.slots.len()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut V)> {
        (0..).zip(&mut self.slots).filter_map(|(slot, value)| Some((slot, value.as_mut()?)))
    }

    /// Drops the last slot, and those before it that are empty, up to one that is not.
    fn drop_empty_end(&mut self) {
        self.slots.pop();
        while let Some(None) = self.slots.last() {
            self.slots.pop();
            self.vacant.remove(self.slots.len() as u32);
        }
        // A quarter would do: twice what is needed is kept, so that what comes again at once finds room.
        if self.slots.capacity() > KEPT && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to((2 * self.slots.len()).max(KEPT));
            self.vacant.shrink_below(self.slots.len());
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

    /// Numbers that were vacant and have all been taken again leave no more than their timers do.
    #[test]
    fn memory_comes_back_though_every_vacant_slot_was_taken_again() {
        let mut slots = Slots::new();
        (0..100_000).for_each(|value| assert_eq!(slots.insert(|_| value), value));
        (0..100_000).step_by(2).for_each(|slot| assert_eq!(slots.remove(slot), Some(slot)));
        (0..100_000).step_by(2).for_each(|value| assert_eq!(slots.insert(|_| value), value));
        (0..100_000).rev().for_each(|slot| assert_eq!(slots.remove(slot), Some(slot)));
        assert!(slots.capacity() <= 2 * KEPT, "{}", slots.capacity());
    }

    #[test]
    fn the_lowest_vacant_slot_is_taken_first_and_told() {
        let mut slots = Slots::new();
        assert_eq!((0..5).map(|value| slots.insert(|_| value)).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!([slots.remove(3), slots.remove(1), slots.remove(1)], [Some(3), Some(1), None]);
        for expected in [1, 3, 5] {
            assert_eq!(slots.insert(|slot| slot + 1), expected);
            assert_eq!(slots.get(expected), Some(&(expected + 1)));
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
                let slot = slots.insert(|_| live.len());
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
        (0..100_000).for_each(|value| assert_eq!(slots.insert(|_| value), value));
        (10..100_000).for_each(|slot| assert_eq!(slots.remove(slot), Some(slot)));
        assert!(slots.capacity() <= 2 * KEPT, "{}", slots.capacity());
        assert_eq!((slots.len(), slots.get(9)), (10, Some(&9)));
    }
}
