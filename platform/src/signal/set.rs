//! Which signals: a bit for each.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Signal;

/// As many numbers as any system has signals: 128 on MIPS, from 1.
const WORDS: usize = 4;

/// Some signals.
#[derive(Clone, Copy, Default)]
pub(super) struct Set {
    words: [u32; WORDS],
}

/// The same, for a handler to look at and put into.
#[derive(Default)]
pub(super) struct AtomicSet {
    words: [AtomicU32; WORDS],
}

/// The word and the bit of a signal there is room for.
fn position(signal: Signal) -> (usize, u32) {
    let index = signal.as_raw() as usize - 1;
    (index / 32, 1 << (index % 32))
}

impl Set {
    pub fn has_room_for(signal: Signal) -> bool {
        (1..=32 * WORDS as i32).contains(&signal.as_raw())
    }

    pub fn insert(&mut self, signal: Signal) {
        let (word, bit) = position(signal);
        self.words[word] |= bit;
    }

    pub fn is_empty(&self) -> bool {
        self.words == [0; WORDS]
    }

    /// Takes out the one of the lowest number.
    pub fn pop(&mut self) -> Option<Signal> {
        let first = self.iter().next()?;
        let (word, bit) = position(first);
        self.words[word] &= !bit;
        Some(first)
    }

    pub fn iter(self) -> impl Iterator<Item = Signal> {
        let all = (1..=32 * WORDS as i32).map(Signal::from_raw);
        all.filter(move |signal| {
            let (word, bit) = position(*signal);
            self.words[word] & bit != 0
        })
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl AtomicSet {
    pub const fn new() -> AtomicSet {
        AtomicSet { words: [AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)] }
    }

    pub fn insert(&self, signal: Signal) {
        let (word, bit) = position(signal);
        self.words[word].fetch_or(bit, Ordering::SeqCst);
    }

    pub fn remove(&self, signal: Signal) {
        let (word, bit) = position(signal);
        self.words[word].fetch_and(!bit, Ordering::SeqCst);
    }

    pub fn contains(&self, signal: Signal) -> bool {
        let (word, bit) = position(signal);
        self.words[word].load(Ordering::SeqCst) & bit != 0
    }

    pub fn clear(&self) {
        self.move_to(&mut Set::default());
    }

    pub fn move_to(&self, to: &mut Set) {
        for (from, to) in self.words.iter().zip(&mut to.words) {
            *to |= from.swap(0, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_out_what_was_put_in_by_number() {
        let mut set = Set::default();
        let signals = [128, 1, 33, 32, 33].map(Signal::from_raw);
        for signal in signals {
            assert!(Set::has_room_for(signal));
            set.insert(signal);
        }
        let taken: Vec<i32> = std::iter::from_fn(|| set.pop()).map(Signal::as_raw).collect();
        assert_eq!(taken, [1, 32, 33, 128]);
        assert!(set.is_empty());
    }
}
