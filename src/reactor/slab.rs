//! Storage under keys that are never mistaken for one another: an index, and a generation that tells its successive owners apart.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::mem;

use crate::platform::Token;

/// Where something is kept, and which of the successive owners of that place is meant: one number, as it goes to the kernel and back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

impl Key {
    fn new(index: u32, generation: u32) -> Key {
        Key(u64::from(generation) << 32 | u64::from(index))
    }

    pub fn to_token(self) -> Token {
        Token(self.0)
    }

    pub fn from_token(token: Token) -> Key {
        Key(token.0)
    }

    pub fn index(self) -> usize {
        self.0 as u32 as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index(), self.generation())
    }
}

/// A source on a reactor, by its type.
///
/// An id outlives its source harmlessly: every method that takes one answers `None` or `false` once the source is gone, also when
/// another one has taken its place. It is an id on its own reactor: on another one it may be that of another source, but never of one of
/// another type.
pub struct Id<T> {
    pub(crate) key: Key,
    // `fn() -> T`: an id owns no `T`, so it is `Copy`, `Send` and `Sync` whatever `T` is.
    source: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    pub(crate) fn new(key: Key) -> Id<T> {
        Id { key, source: PhantomData }
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Id<T> {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Id<T>) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Id<T> {}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({:?})", self.key)
    }
}

/// A source on a reactor, whatever its type: what reports of failures and of slow callbacks name it by.
///
/// ```
/// use ringmq::{Id, Listener, SourceId};
/// fn is_of(listener: Id<Listener>, reported: Option<SourceId>) -> bool {
///     reported == Some(listener.into())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceId(pub(super) Key);

impl<T> From<Id<T>> for SourceId {
    fn from(id: Id<T>) -> SourceId {
        SourceId(id.key)
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {:?}", self.0)
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceId({:?})", self.0)
    }
}

/// Values under keys. A place is taken again under another generation, and left empty for good when it has had them all: two thousand
/// million owners later an old key would reach a new one.
///
/// The generation of a place is odd while it is taken, and even while it is not; keys have odd ones. So a key that has the generation of
/// its place reaches a value, and there is nothing else to look at: in a place that is not taken lies a default value, which no key
/// reaches.
#[derive(Debug)]
pub(crate) struct Slab<V> {
    places: Vec<Place<V>>,
    vacant: Vec<u32>,
}

#[derive(Debug)]
struct Place<V> {
    generation: u32,
    value: V,
}

impl<V> Place<V> {
    fn is_taken(&self) -> bool {
        self.generation % 2 == 1
    }
}

impl<V: Default> Slab<V> {
    pub fn new() -> Slab<V> {
        Slab { places: Vec::new(), vacant: Vec::new() }
    }

    /// The key that the next [`insert`](Self::insert) will give out.
    pub fn next_key(&self) -> Key {
        match self.vacant.last() {
            Some(&index) => Key::new(index, self.places[index as usize].generation + 1),
            None => Key::new(self.places.len() as u32, 1),
        }
    }

    /// # Panics
    /// When 2^32 values are live, which no system has descriptors for.
    pub fn insert(&mut self, value: V) -> Key {
        let key = self.next_key();
        let place = Place { generation: key.generation(), value };
        if self.vacant.pop().is_some() {
            self.places[key.index()] = place;
        } else {
            assert!(self.places.len() < u32::MAX as usize, "a slab holds fewer than 2^32 values");
            grow(&mut self.places);
            self.places.push(place);
        }
        key
    }

    #[inline]
    pub fn get(&self, key: Key) -> Option<&V> {
        match self.places.get(key.index()) {
            Some(place) if place.generation == key.generation() => Some(&place.value),
            _ => None,
        }
    }

    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        match self.places.get_mut(key.index()) {
            Some(place) if place.generation == key.generation() => Some(&mut place.value),
            _ => None,
        }
    }

    /// One value and all the others.
    pub fn split(&mut self, key: Key) -> Option<(&mut V, Rest<'_, V>)> {
        self.get(key)?;
        let (before, others) = self.places.split_at_mut(key.index());
        let (own, after) = others.split_first_mut()?;
        Some((&mut own.value, Rest { before, after }))
    }

    pub fn remove(&mut self, key: Key) -> Option<V> {
        let value = mem::take(self.get_mut(key)?);
        let place = &mut self.places[key.index()];
        match place.generation.checked_add(1) {
            Some(next) => {
                place.generation = next;
                self.vacant.push(key.index() as u32);
            }
            // Even again, as that of every place that is not taken.
            None => place.generation -= 1,
        }
        Some(value)
    }

    /// All that is live, by index.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &V)> {
        let taken = self.places.iter().enumerate().filter(|(_, place)| place.is_taken());
        taken.map(|(index, place)| (Key::new(index as u32, place.generation), &place.value))
    }
}

/// The values of a slab but one, which [`Slab::split`] gave out.
pub(crate) struct Rest<'a, V> {
    before: &'a mut [Place<V>],
    after: &'a mut [Place<V>],
}

impl<V> Rest<'_, V> {
    /// As [`Slab::get_mut`]; `None` for the one that was given out, too.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        let place = match key.index().checked_sub(self.before.len()) {
            None => &mut self.before[key.index()],
            Some(0) => return None,
            Some(further) => self.after.get_mut(further - 1)?,
        };
        (place.generation == key.generation()).then_some(&mut place.value)
    }
}

/// Makes room for one more, if there is none: by a quarter, since what is not used of it is memory that nobody has a use for.
fn grow<V>(places: &mut Vec<V>) {
    if places.len() == places.capacity() {
        places.reserve_exact(places.len() / 4 + 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_reach_its_successor() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(first.index(), second.index());
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!((slab.get(second), slab.iter().count()), (Some(&"second"), 1));
    }

    #[test]
    fn what_lies_in_a_place_that_is_not_taken_is_reached_by_no_key() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        slab.remove(first);
        // Neither by the next one, which may be that of another slab by now.
        let next = slab.next_key();
        for key in [first, next] {
            assert_eq!(slab.get(key), None);
            assert_eq!(slab.get_mut(key), None);
            assert_eq!(slab.remove(key), None);
            assert!(slab.split(key).is_none());
        }
        assert_eq!(slab.insert("second"), next);
    }

    #[test]
    fn a_place_that_has_had_every_generation_is_not_taken_again() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        slab.places[first.index()].generation = u32::MAX;
        let last = Key::new(first.index() as u32, u32::MAX);
        assert_eq!(slab.remove(last), Some("first"));
        assert_eq!((slab.get(last), slab.iter().count()), (None, 0));
        let second = slab.insert("second");
        assert_ne!(second.index(), first.index());
        assert_eq!((slab.get(first), slab.get(last), slab.iter().count()), (None, None, 1));
    }

    #[test]
    fn the_next_key_is_foretold() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..3)
            .map(|value| {
                let foretold = slab.next_key();
                assert_eq!(slab.insert(value), foretold);
                foretold
            })
            .collect();
        slab.remove(keys[1]);
        let foretold = slab.next_key();
        assert_eq!(slab.insert(7), foretold);
        assert_ne!(foretold, keys[1]);
    }

    #[test]
    fn one_is_split_off_and_the_others_are_reached() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..4).map(|value| slab.insert(value)).collect();
        slab.remove(keys[3]);
        let stranger = Key::new(9, 0);
        let (own, mut rest) = slab.split(keys[1]).unwrap();
        assert_eq!(
            (*own, rest.get_mut(keys[0]).copied(), rest.get_mut(keys[2]).copied()),
            (1, Some(0), Some(2))
        );
        for nobody in [keys[1], keys[3], stranger] {
            assert_eq!(rest.get_mut(nobody), None);
        }
        assert!(slab.split(keys[3]).is_none());
    }

    #[test]
    fn a_key_survives_the_way_through_a_token() {
        let key = Key::new(u32::MAX, 7);
        assert_eq!(Key::from_token(key.to_token()), key);
    }
}
