//! Which deadline is the first: a heap in which what is not wanted any more stays until it comes up, or there is too much of it.

use super::moment::Moment;

/// How many children an entry has. Four make the heap half as deep as two would, and lie side by side.
const CHILDREN: usize = 4;

/// So many dead entries are kept in any case, and memory for them.
const KEPT: usize = 64;

/// When a timer is due, and whose turn it is among equal deadlines.
///
/// One number, and that of sixteen bytes: two are compared at once, and four lie in the room of a cache line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Entry(u128);

impl Entry {
    pub fn new(deadline: Moment, sequence: u32, slot: u32) -> Entry {
        Entry(u128::from(deadline.0) << 64 | u128::from(sequence) << 32 | u128::from(slot))
    }

    pub fn deadline(self) -> Moment {
        Moment((self.0 >> 64) as u64)
    }

    pub fn sequence(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// Entries of which none comes after its children.
///
/// An entry is live or dead, which the timers know: a timer that is cleared, or drawn forward, leaves a dead one behind. Where in the heap
/// that lies nobody knows, so nothing is to be kept up to date when entries move. It is dropped when it comes to be the first, or with all
/// the others once the dead are more than the live. So the first is always live, the heap takes no more than twice the room that it
/// needs, and what is dead costs no more than a few looks at it, whatever comes when.
#[derive(Debug)]
pub(super) struct Heap {
    entries: Vec<Entry>,
    live_count: usize,
}

impl Heap {
    pub fn new() -> Heap {
        Heap { entries: Vec::new(), live_count: 0 }
    }

    #[inline]
    pub fn first(&self) -> Option<Entry> {
        self.entries.first().copied()
    }

    /// How many entries there are, dead ones with the live.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes in the entry of a timer that had none.
    pub fn insert(&mut self, entry: Entry) {
        self.live_count += 1;
        let room = room_for(self.live_count);
        if self.entries.capacity() < room {
            self.entries.reserve(room - self.entries.len());
        }
        self.push(entry);
    }

    /// Takes in the new entry of a timer whose other one has died by that. There is room for it.
    pub fn supersede(&mut self, entry: Entry, is_live: impl Fn(Entry) -> bool) {
        self.push(entry);
        self.drop_dead(is_live);
    }

    /// An entry has died. Answers whether there are too many such now, and a [`sweep`](Self::sweep) is due, as it is when the first died.
    #[inline]
    #[must_use]
    pub fn forget(&mut self) -> bool {
        self.live_count -= 1;
        self.entries.len() > room_for(self.live_count)
    }

    /// Drops what is dead and in the way, and gives memory back.
    pub fn sweep(&mut self, is_live: impl Fn(Entry) -> bool) {
        self.drop_dead(is_live);
        let room = room_for(self.live_count);
        if self.entries.capacity() / 4 > room {
            self.entries.shrink_to(2 * room);
        }
    }

    pub fn pop_first(&mut self, is_live: impl Fn(Entry) -> bool) {
        self.drop_first();
        self.live_count -= 1;
        self.sweep(is_live);
    }

    /// Takes the first one out, where none is dead.
    pub fn pop(&mut self) -> Option<Entry> {
        let first = self.first()?;
        self.drop_first();
        Some(first)
    }

    /// Puts a later entry in the place of the first.
    pub fn replace_first(&mut self, entry: Entry, is_live: impl Fn(Entry) -> bool) {
        self.sift_down(0, entry);
        self.drop_dead(is_live);
    }

    /// Has these entries in place of all that there were, and no more of them than were live.
    pub fn refill(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.clear();
        self.entries.extend(entries);
        self.order();
    }

    fn push(&mut self, entry: Entry) {
        let mut position = self.entries.len();
        self.entries.push(entry);
        while position > 0 {
            let parent = (position - 1) / CHILDREN;
            if self.entries[parent] < entry {
                break;
            }
            self.entries[position] = self.entries[parent];
            position = parent;
        }
        self.entries[position] = entry;
    }

    fn sift_down(&mut self, mut position: usize, entry: Entry) {
        while let Some((child, first)) = self.first_child(position) {
            if entry < first {
                break;
            }
            self.entries[position] = first;
            position = child;
        }
        self.entries[position] = entry;
    }

    /// Which child comes first, and where it is.
    #[inline]
    fn first_child(&self, position: usize) -> Option<(usize, Entry)> {
        let start = CHILDREN * position + 1;
        let child = |at: usize| (start + at, self.entries[start + at]);
        // By turns of two, and with nothing to guess for the processor.
        let first = |a: (usize, Entry), b: (usize, Entry)| if b.1 < a.1 { b } else { a };
        if start + CHILDREN <= self.entries.len() {
            return Some(first(first(child(0), child(1)), first(child(2), child(3))));
        }
        (0..self.entries.len().saturating_sub(start)).map(child).reduce(first)
    }

    fn drop_first(&mut self) {
        let last = self.entries.pop().expect("there is a first");
        if !self.entries.is_empty() {
            self.sift_down(0, last);
        }
    }

    /// Drops what is dead and comes first, and all that is dead if it is too much.
    fn drop_dead(&mut self, is_live: impl Fn(Entry) -> bool) {
        while self.first().map_or(false, |first| !is_live(first)) {
            self.drop_first();
        }
        if self.entries.len() > room_for(self.live_count) {
            self.purge(is_live);
        }
    }

    #[cold]
    fn purge(&mut self, is_live: impl Fn(Entry) -> bool) {
        self.entries.retain(|entry| is_live(*entry));
        self.order();
    }

    /// Makes a heap of entries in any order.
    fn order(&mut self) {
        let parent_count = (self.entries.len() + CHILDREN - 2) / CHILDREN;
        for position in (0..parent_count).rev() {
            self.sift_down(position, self.entries[position]);
        }
    }

    #[cfg(test)]
    pub fn sizes(&self) -> (usize, usize) {
        (self.entries.len(), self.entries.capacity())
    }
}

/// How many entries there may be beside each other, the dead with the live.
fn room_for(live_count: usize) -> usize {
    2 * live_count + KEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::collections::HashSet;

    fn entry(sequence: u32) -> Entry {
        // Any deadline, but the same for the same one.
        Entry::new(Moment(u64::from(sequence.wrapping_mul(2_654_435_761))), sequence, 0)
    }

    /// As the timers do.
    fn forget(heap: &mut Heap, is_live: impl Fn(Entry) -> bool + Copy) {
        let was_first = heap.first().map_or(false, |first| !is_live(first));
        if heap.forget() || was_first {
            heap.sweep(is_live);
        }
    }

    /// Counts how often an entry is looked at to see whether it is live.
    fn looks_at(
        count: u32,
        operate: impl Fn(&mut Heap, &mut HashSet<Entry>, &dyn Fn(&HashSet<Entry>, Entry) -> bool),
    ) {
        let looks = Cell::new(0);
        let is_live = |live: &HashSet<Entry>, entry| {
            looks.set(looks.get() + 1);
            live.contains(&entry)
        };
        operate(&mut Heap::new(), &mut HashSet::new(), &is_live);
        assert!(looks.get() <= 6 * count, "{} looks for {count} entries", looks.get());
    }

    /// All of them in any order, and a window of them in which one dies for each that comes.
    #[test]
    fn what_dies_is_looked_at_a_few_times_however_many_there_are() {
        for count in [10, 1000, 100_000] {
            looks_at(count, |heap, live, is_live| {
                for sequence in 0..count {
                    live.insert(entry(sequence));
                    heap.insert(entry(sequence));
                }
                for sequence in 0..count {
                    live.remove(&entry(sequence));
                    forget(heap, |entry| is_live(live, entry));
                    assert!(heap.entries.len() <= room_for(live.len()));
                }
                assert_eq!(heap.sizes().0, 0);
            });
            looks_at(count, |heap, live, is_live| {
                for sequence in 0..count {
                    live.insert(entry(sequence));
                    heap.insert(entry(sequence));
                    if sequence >= count / 10 {
                        live.remove(&entry(sequence - count / 10));
                        forget(heap, |entry| is_live(live, entry));
                    }
                    assert!(heap.entries.len() <= room_for(live.len()));
                    assert!(heap.first().map_or(true, |first| live.contains(&first)));
                }
            });
        }
    }

    #[test]
    fn what_is_left_after_a_purge_comes_in_order() {
        let mut heap = Heap::new();
        (0..10_000).for_each(|sequence| heap.insert(entry(sequence)));
        let is_live = |entry: Entry| entry.sequence() % 5 == 0;
        (0..10_000).filter(|sequence| sequence % 5 != 0).for_each(|_| forget(&mut heap, is_live));
        let mut left: Vec<Entry> = (0..10_000).step_by(5).map(entry).collect();
        left.sort_unstable();
        for expected in left {
            assert_eq!(heap.first(), Some(expected));
            heap.pop_first(is_live);
        }
        assert_eq!(heap.first(), None);
    }
}
