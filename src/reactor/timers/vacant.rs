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

    /// The lowest, where there is any.
    #[inline(never)] // most of a crowd do without it
    pub fn first(&self) -> u32 {
        let words = &self.layers[LAYERS - 1];
        let top = words.iter().position(|word| *word != 0).expect("there is a vacant number");
        let below = |at: usize, layer: &Vec<u64>| WORD * at + layer[at].trailing_zeros() as usize;
        self.layers.iter().rev().fold(top, below) as u32
    }

    #[inline]
    pub fn insert(&mut self, number: u32) {
        let (word, bit) = (number as usize / WORD, 1 << (number as usize % WORD));
        match self.layers[0].get_mut(word) {
            Some(word) if *word != 0 => *word |= bit,
            _ => self.insert_first(number),
        }
    }

    /// Puts one in that is the first of its word.
    #[inline(never)] // one in 64
    fn insert_first(&mut self, number: u32) {
        let mut at = number as usize;
        for layer in &mut self.layers {
            let (word, bit) = (at / WORD, 1 << (at % WORD));
            if layer.len() <= word {
                layer.resize(word + 1, 0);
            }
            let before = layer[word];
            layer[word] |= bit;
            if before != 0 {
                break;
            }
            at = word;
        }
    }

    /// Takes one out that is there.
    #[inline(never)] // most of a crowd do without it
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

    /// Takes out those that lie together just below a limit, below which all are. Answers with the lowest of them, or the limit.
    pub fn truncate_end(&mut self, limit: usize) -> usize {
        let end = self.end(limit);
        let mut rest = end;
        for layer in &mut self.layers {
            let (full, beyond) = (rest / WORD, rest % WORD);
            layer.truncate(full + 1);
            if let Some(word) = layer.get_mut(full) {
                *word &= (1 << beyond) - 1;
            }
            // The bit of a word that is empty now goes too.
            rest = full + usize::from(layer.get(full).map_or(false, |word| *word != 0));
        }
        end
    }

    /// The lowest of those that lie together just below a limit, or the limit.
    fn end(&self, limit: usize) -> usize {
        let mut end = limit;
        while end > 0 {
            // Those that are not there, up to the end.
            let at = (end - 1) / WORD;
            let missing = !self.layers[0].get(at).copied().unwrap_or(0) << (WORD * (at + 1) - end);
            if missing != 0 {
                return end - missing.leading_zeros() as usize;
            }
            end = WORD * at;
        }
        0
    }

    /// Gives memory back that was needed for higher numbers.
    pub fn shrink(&mut self) {
        for layer in &mut self.layers {
            layer.shrink_to(2 * layer.len());
        }
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.layers.iter().map(Vec::capacity).sum()
    }
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
            if let Some(lowest) = sorted.iter().next() {
                assert_eq!(vacant.first(), *lowest, "step {step}");
            }
        }
        for number in sorted {
            assert_eq!(vacant.first(), number);
            vacant.remove(number);
        }
        assert!(vacant.layers.iter().flatten().all(|word| *word == 0));
        assert_eq!(vacant.truncate_end(0), 0);
        vacant.shrink();
        assert!(vacant.capacity() <= 2 * LAYERS, "{}", vacant.capacity());
    }

    /// Ends of any length, within a word and over many, with all kinds of numbers below them.
    #[test]
    fn what_lies_together_at_the_end_goes_and_nothing_else() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        for length in [0, 1, 2, 63, 64, 65, 127, 128, 4095, 4096, 4097, 10_000] {
            for gap in [1, 2, 63, 64, 65, 4096, 5000] {
                // Up to where the top layer has a second word.
                let end = gap + random() % 9000 + random() % 2 * 260_000;
                let mut sorted: BTreeSet<u32> =
                    (0..random() % 50).map(|_| random() % (end + 1 - gap)).collect();
                let mut vacant = Vacant::new();
                sorted.iter().copied().chain(end..end + length).for_each(|number| vacant.insert(number));
                let lowest = (0..end).rev().take_while(|number| sorted.remove(number)).last().unwrap_or(end);
                assert_eq!(vacant.truncate_end((end + length) as usize), lowest as usize);
                // Higher ones come to be there again.
                vacant.insert(end + length + 1);
                for number in sorted.into_iter().chain([end + length + 1]) {
                    assert_eq!(vacant.first(), number);
                    vacant.remove(number);
                }
                assert!(vacant.layers.iter().flatten().all(|word| *word == 0));
            }
        }
    }
}
