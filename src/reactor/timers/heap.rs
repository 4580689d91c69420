//! Which deadline is the first: a heap that tells where in it each timer is, so that one can be taken out of the middle.

use std::time::Instant;

use super::slots::shrink;

/// How many children an entry has. Four make the heap half as deep as two would: with 300 000 timers setting and clearing one takes 128
/// instructions fewer of 600, and running all of them 7 % fewer.
const CHILDREN: usize = 4;

/// When a timer is due, and whose turn it is among equal deadlines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub deadline: Instant,
    pub sequence: u64,
    pub slot: u32,
}

impl Entry {
    fn precedes(&self, other: &Entry) -> bool {
        (self.deadline, self.sequence) < (other.deadline, other.sequence)
    }
}

/// Entries of which none comes after its children. Whatever moves one calls `note` with its slot and its new position.
#[derive(Debug)]
pub(super) struct Heap {
    entries: Vec<Entry>,
}

impl Heap {
    pub fn new() -> Heap {
        Heap { entries: Vec::new() }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn first(&self) -> Option<Entry> {
        self.entries.first().copied()
    }

    pub fn get(&self, position: u32) -> Entry {
        self.entries[position as usize]
    }

    pub fn push(&mut self, entry: Entry, note: impl FnMut(u32, u32)) {
        self.entries.push(entry);
        self.sift_up(self.entries.len() - 1, entry, note);
    }

    pub fn remove(&mut self, position: u32, note: impl FnMut(u32, u32)) {
        let last = self.entries.pop().expect("a position is below the length");
        if (position as usize) < self.entries.len() {
            self.replace(position, last, note);
        }
        shrink(&mut self.entries);
    }

    /// Puts an entry where another one was.
    pub fn replace(&mut self, position: u32, entry: Entry, note: impl FnMut(u32, u32)) {
        let position = position as usize;
        if position > 0 && entry.precedes(&self.entries[(position - 1) / CHILDREN]) {
            self.sift_up(position, entry, note);
        } else {
            self.sift_down(position, entry, note);
        }
    }

    fn sift_up(&mut self, mut position: usize, entry: Entry, mut note: impl FnMut(u32, u32)) {
        while position > 0 {
            let parent = (position - 1) / CHILDREN;
            if !entry.precedes(&self.entries[parent]) {
                break;
            }
            self.put(position, self.entries[parent], &mut note);
            position = parent;
        }
        self.put(position, entry, &mut note);
    }

    fn sift_down(&mut self, mut position: usize, entry: Entry, mut note: impl FnMut(u32, u32)) {
        loop {
            let first_child = CHILDREN * position + 1;
            let children = first_child..self.entries.len().min(first_child + CHILDREN);
            let first =
                children.reduce(|a, b| if self.entries[b].precedes(&self.entries[a]) { b } else { a });
            match first {
                Some(child) if self.entries[child].precedes(&entry) => {
                    self.put(position, self.entries[child], &mut note);
                    position = child;
                }
                _ => break,
            }
        }
        self.put(position, entry, &mut note);
    }

    fn put(&mut self, position: usize, entry: Entry, note: &mut impl FnMut(u32, u32)) {
        self.entries[position] = entry;
        note(entry.slot, position as u32);
    }

    #[cfg(test)]
    pub fn sizes(&self) -> (usize, usize) {
        (self.entries.len(), self.entries.capacity())
    }
}
