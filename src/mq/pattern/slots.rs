//! Where the machines keep what they know: under the numbers of peers, and in places with numbers of their own.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::{Index, IndexMut};

use super::Peer;

/// By number, of a peer or of a place. The numbers are this side's own, so nobody can choose them to collide.
pub(super) type Numbered<K, T> = HashMap<K, T, BuildHasherDefault<Spread>>;

/// Some of the peers.
pub(super) type Peers = HashSet<Peer, BuildHasherDefault<Spread>>;

/// One multiplication, which spreads numbers that lie side by side over all bits.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        // 2^64 divided by the golden ratio, made odd.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Things in numbered places, which are taken again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Option<T>>,
    vacant: Vec<u32>,
}

impl<T> Slots<T> {
    pub fn new() -> Slots<T> {
        Slots { slots: Vec::new(), vacant: Vec::new() }
    }

    #[inline]
    pub fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.slots.get_mut(at as usize)?.as_mut()
    }

    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.vacant.pop() {
            self.slots[at as usize] = Some(value);
            return at;
        }
        let at = u32::try_from(self.slots.len()).expect("fewer places than there are numbers of peers");
        self.slots.push(Some(value));
        at
    }

    pub fn remove(&mut self, at: u32) -> T {
        let value = self.slots[at as usize].take().expect(TAKEN);
        self.vacant.push(at);
        value
    }
}

const TAKEN: &str = "a number is forgotten with what it stands for";

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        self.slots[at as usize].as_ref().expect(TAKEN)
    }
}

impl<T> IndexMut<u32> for Slots<T> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        self.slots[at as usize].as_mut().expect(TAKEN)
    }
}
