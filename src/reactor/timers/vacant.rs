//! The lowest of many numbers: a bit for each, and for every 64 bits one that says whether there is any among them.

/// How many layers of bits there are. With three, a bit of the top one stands for 4096 numbers, so that a million take four words there.
const LAYERS: usize = 3;
const WORD: usize = u64::BITS as usize;

/// A set of numbers of which the lowest is found at once: a few looks, however many there are.
#[derive(Debug)]
pub(super) struct Vacant {
    /// The bits of the numbers, of the words of those, and of the words of these. Words that are not there are empty.
    layers: [Vec<u64>; LAYERS],
}

impl Vacant {
    pub fn new() -> Vacant {
        Vacant { layers: Default::default() }
    }

    #[inline]
    pub fn first(&self) -> Option<u32> {
        let top = self.layers[LAYERS - 1].iter().position(|word| *word != 0)?;
        let below = |at: usize, layer: &Vec<u64>| WORD * at + layer[at].trailing_zeros() as usize;
        Some(self.layers.iter().rev().fold(top, below) as u32)
    }

    pub fn insert(&mut self, number: u32) {
        let mut at = number as usize;
        for layer in &mut self.layers {
            let (word, bit) = (at / WORD, 1 << (at % WORD));
            let place = match layer.get_mut(word) {
                Some(place) => place,
                None => grow(layer, word),
            };
            let before = *place;
            *place |= bit;
            if before != 0 {
                break;
            }
            at = word;
        }
    }

    /// Takes one out that is there.
    pub fn remove(&mut self, number: u32) {
        let mut at = number as usize;
        for layer in &mut self.layers {
            let word = &mut layer[at / WORD];
            *word &= !(1 << (at % WORD));
            if *word != 0 {
                break;
            }
            at /= WORD;
        }
    }

    /// Gives the memory back that is not needed for numbers below this one, which all of them are.
    pub fn shrink_below(&mut self, limit: usize) {
        let mut len = limit;
        for layer in &mut self.layers {
            len = (len + WORD - 1) / WORD;
            layer.truncate(len);
            layer.shrink_to(2 * len);
        }
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.layers.iter().map(Vec::capacity).sum()
    }
}

/// Makes a layer long enough to have a word, and answers with it.
#[cold]
fn grow(layer: &mut Vec<u64>, word: usize) -> &mut u64 {
    layer.resize(word + 1, 0);
    &mut layer[word]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Numbers that share a word with others, and such as have whole words of each layer for themselves.
    #[test]
    fn the_lowest_is_that_of_a_sorted_set() {
        let (mut vacant, mut sorted) = (Vacant::new(), BTreeSet::new());
        let mut random = 1_u64;
        for step in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = ((random >> 33) as u32) >> (random >> 20 & 31) >> 10;
            if sorted.remove(&number) {
                vacant.remove(number);
            } else {
                sorted.insert(number);
                vacant.insert(number);
            }
            assert_eq!(vacant.first(), sorted.iter().next().copied(), "step {step}");
        }
        for number in sorted {
            assert_eq!(vacant.first(), Some(number));
            vacant.remove(number);
        }
        assert_eq!(vacant.first(), None);
        vacant.shrink_below(0);
        assert_eq!(vacant.capacity(), 0);
    }
}
