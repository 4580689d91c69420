//! What a poller knows of each registered descriptor number, the same on every backend.
//!
//! The kernels disagree about adding twice and about deleting strangers, and two of the four keep no state at all; this table gives
//! one answer. It also gives each registration a generation, which travels through the kernel beside the number, so that an event
//! for a registration that is gone is told from one for its successor under the same number.

use std::fmt;
use std::io;
use std::os::unix::io::RawFd;

use crate::{sys, Event, Events, Interest, Ready, Token, Trigger};

/// One registration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub token: Token,
    /// Differs from that of every earlier registration of the number, until 2^32 - 1 registrations have been made; 0 where nothing is
    /// registered.
    pub generation: u32,
    /// Where poll keeps it in its array. The others have no use for it.
    pub position: u32,
    /// All bits but those that are told just as they are found: of what is armed and no one-shot, those of the interest.
    no_news: u32,
    pub interest: Interest,
    pub trigger: Trigger,
    is_armed: bool,
}

impl Entry {
    /// What stands under a number that is not registered.
    const VACANT: Entry = Entry {
        token: Token(0),
        generation: 0,
        position: 0,
        no_news: !0,
        interest: Interest::NONE,
        trigger: Trigger::Level,
        is_armed: false,
    };

    /// What the kernel is to watch for now.
    pub fn armed_interest(&self) -> Interest {
        if self.is_armed {
            self.interest
        } else {
            Interest::NONE
        }
    }

    /// Silences it until the next `modify`: a one-shot that has fired, a descriptor that was found closed, or one whose hang-up came to
    /// who asked for priority alone. Answers whether it was armed.
    pub fn disarm(&mut self) -> bool {
        self.no_news = !0;
        std::mem::replace(&mut self.is_armed, false)
    }

    /// What these bits say, those of [`Interest::bits`] and whatever others the kernel has, if it is told just as it is found and changes
    /// nothing here. All else is for [`report`](Self::report).
    #[allow(dead_code)] // kqueue does not ask
    #[inline]
    pub fn news_of(&self, bits: u32) -> Option<Ready> {
        if bits & self.no_news == 0 {
            Some(Ready::from_bits(bits))
        } else {
            None
        }
    }

    /// Turns what the kernel found into an event, if there is anything to tell, and disarms a one-shot.
    ///
    /// Hints alone are no news: what was not asked for is taken out, and with nothing left no event is made. A hang-up that is news to
    /// nobody disarms its registration, since it would end every wait at once; with a kernel that goes on looking at it the caller sees
    /// to that when the answer is `false`. The caller has made sure that `events` has room.
    pub fn report(&mut self, found: Ready, events: &mut Events) -> bool {
        let is_end = found.is_hangup() || found.is_error();
        let ready = promised(found, self.armed_interest());
        if ready.is_none() {
            if is_end {
                self.disarm();
            }
            return !self.is_silenced();
        }
        if self.trigger == Trigger::OneShot {
            self.disarm();
        }
        events.push(Event { token: self.token, ready });
        true
    }

    fn is_taken(&self) -> bool {
        self.generation != 0
    }

    /// Whether it is disarmed, and not by a one-shot that has fired.
    pub fn is_silenced(&self) -> bool {
        !self.is_armed && self.trigger != Trigger::OneShot
    }
}

/// Entries by descriptor number. Numbers are small and dense (POSIX hands out the lowest one free), so an array serves.
#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    last_generation: u32,
    pub stale_count: u64,
}

impl Table {
    /// `AlreadyExists` if the number is taken.
    pub fn check_vacant(&self, fd: RawFd) -> io::Result<()> {
        if self.get(fd).is_some() {
            return Err(sys::refused(io::ErrorKind::AlreadyExists, fd, " is registered already"));
        }
        Ok(())
    }

    /// The entry of the number, or `NotFound`.
    pub fn check_registered(&self, fd: RawFd) -> io::Result<Entry> {
        let refusal = || sys::refused(io::ErrorKind::NotFound, fd, " is not registered");
        self.get(fd).copied().ok_or_else(refusal)
    }

    /// An entry with a new generation, not yet in the table: it is put there once the kernel has agreed.
    pub fn new_entry(&mut self, token: Token, interest: Interest, trigger: Trigger) -> Entry {
        self.last_generation = self.last_generation.checked_add(1).unwrap_or(1);
        Entry {
            token,
            generation: self.last_generation,
            position: 0,
            no_news: if trigger == Trigger::OneShot { !0 } else { !interest.bits() },
            interest,
            trigger,
            is_armed: true,
        }
    }

    /// Puts an entry in place of whatever stood under the number.
    pub fn set(&mut self, fd: RawFd, entry: Entry) {
        let index = fd as usize;
        let len = self.entries.len();
        if index >= len {
            if index >= self.entries.capacity() {
                // By a quarter: what is not used of it is memory that nobody has a use for.
                self.entries.reserve_exact((index + 1 - len).max(len / 4 + 16));
            }
            self.entries.resize(index + 1, Entry::VACANT);
        }
        self.entries[index] = entry;
    }

    pub fn remove(&mut self, fd: RawFd) {
        if let Some(entry) = self.entries.get_mut(fd as usize) {
            *entry = Entry::VACANT;
        }
    }

    pub fn get(&self, fd: RawFd) -> Option<&Entry> {
        self.entries.get(fd as usize).filter(|entry| entry.is_taken())
    }

    pub fn get_mut(&mut self, fd: RawFd) -> Option<&mut Entry> {
        self.entries.get_mut(fd as usize).filter(|entry| entry.is_taken())
    }

    /// The entry of the number if it is still of this generation, which was that of a registration.
    #[allow(dead_code)] // epoll alone asks
    #[inline]
    pub fn find(&self, fd: RawFd, generation: u32) -> Option<&Entry> {
        // Without `filter`, whose outcome would be looked at once more.
        match self.entries.get(fd as usize) {
            Some(entry) if entry.generation == generation => Some(entry),
            _ => None,
        }
    }

    /// How many registrations there are.
    #[allow(dead_code)] // kqueue alone asks
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// All registrations, by number.
    pub fn iter(&self) -> impl Iterator<Item = (RawFd, &Entry)> {
        let entries = (0..).zip(&self.entries);
        entries.filter(|(_, entry)| entry.is_taken())
    }

    /// Turns what the kernel found at a number into an event, as [`Entry::report`] does.
    pub fn report(&mut self, fd: RawFd, ready: Ready, events: &mut Events) {
        match self.get_mut(fd) {
            Some(entry) => {
                entry.report(ready, events);
            }
            None => self.stale_count += 1,
        }
    }
}

/// What can be asked for. The rest are hints.
const NEWS: Ready = Ready::READABLE.with(Ready::WRITABLE).with(Ready::PRIORITY);

/// By number, without those that are vacant.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// What may be told to somebody with this interest: what was asked for, where a hang-up or an error sets both promises and the end of
/// input sets the one of reading; and hints beside it.
fn promised(mut ready: Ready, interest: Interest) -> Ready {
    if ready.is_hangup() || ready.is_error() {
        ready |= Ready::READABLE | Ready::WRITABLE;
    }
    if ready.is_read_closed() {
        ready |= Ready::READABLE;
    }
    if !interest.is_readable() {
        ready = ready.without(Ready::READABLE | Ready::READ_CLOSED);
    }
    if !interest.is_writable() {
        ready = ready.without(Ready::WRITABLE);
    }
    if !interest.is_priority() {
        ready = ready.without(Ready::PRIORITY);
    }
    if (ready & NEWS).is_none() {
        return Ready::NONE;
    }
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_kept_to_the_interest_and_set_by_hangup_and_error() {
        let table = [
            (Ready::READABLE | Ready::WRITABLE, Interest::READABLE, Ready::READABLE),
            (Ready::HANGUP, Interest::READABLE, Ready::READABLE | Ready::HANGUP),
            (Ready::ERROR, Interest::WRITABLE, Ready::WRITABLE | Ready::ERROR),
            (Ready::HANGUP | Ready::ERROR, Interest::PRIORITY, Ready::NONE),
            (Ready::HANGUP | Ready::PRIORITY, Interest::PRIORITY, Ready::HANGUP | Ready::PRIORITY),
            (Ready::READ_CLOSED, Interest::READABLE, Ready::READABLE | Ready::READ_CLOSED),
            (Ready::READ_CLOSED | Ready::WRITABLE, Interest::WRITABLE, Ready::WRITABLE),
            (Ready::HANGUP | Ready::ERROR | Ready::READABLE, Interest::NONE, Ready::NONE),
            (Ready::READABLE, Interest::WRITABLE, Ready::NONE),
        ];
        for (found, interest, told) in table {
            assert_eq!(promised(found, interest), told, "{found:?} for {interest:?}");
        }
    }

    #[test]
    fn a_hang_up_that_is_news_to_nobody_disarms_its_registration() {
        let mut table = Table::default();
        let mut events = Events::with_capacity(1);
        for (interest, found, is_armed) in [
            (Interest::PRIORITY, Ready::HANGUP, false),
            (Interest::PRIORITY, Ready::ERROR, false),
            (Interest::PRIORITY, Ready::PRIORITY | Ready::HANGUP, true),
            (Interest::PRIORITY, Ready::READABLE, true),
            (Interest::READABLE, Ready::HANGUP, true),
        ] {
            let entry = table.new_entry(Token(1), interest, Trigger::Level);
            table.set(5, entry);
            events.clear();
            table.report(5, found, &mut events);
            let is_left = table.get(5).map(|entry| entry.is_armed);
            assert_eq!(is_left, Some(is_armed), "{found:?} for {interest:?}");
        }
    }

    #[test]
    fn what_is_told_as_it_is_found_is_what_a_report_makes_of_it() {
        let interests = [Interest::NONE, Interest::READABLE, Interest::WRITABLE, Interest::PRIORITY];
        let pairs = interests.iter().flat_map(|one| interests.iter().map(|other| *one | *other));
        for interest in pairs {
            for trigger in [Trigger::Level, Trigger::Edge, Trigger::OneShot] {
                let mut entry = Table::default().new_entry(Token(1), interest, trigger);
                for bits in 1..8 {
                    let news = entry.news_of(bits);
                    let is_all_asked_for = bits & !interest.bits() == 0;
                    assert_eq!(news.is_some(), is_all_asked_for && trigger != Trigger::OneShot);
                    if let Some(news) = news {
                        let mut events = Events::with_capacity(1);
                        assert!(entry.report(Ready::from_bits(bits), &mut events) && entry.is_armed);
                        assert_eq!(events.get(0), Some(Event { token: Token(1), ready: news }));
                    }
                    // With a hint beside them it is not.
                    assert_eq!(entry.news_of(bits | 8), None);
                }
                entry.disarm();
                assert_eq!((1..8).find_map(|bits| entry.news_of(bits)), None);
            }
        }
    }

    #[test]
    fn no_registration_has_the_generation_of_a_vacant_number() {
        let mut table = Table { last_generation: u32::MAX - 1, ..Table::default() };
        for generation in [u32::MAX, 1] {
            let entry = table.new_entry(Token(1), Interest::READABLE, Trigger::Level);
            assert_eq!(entry.generation, generation);
            table.set(5, entry);
            assert!(table.find(5, generation).is_some() && table.get(4).is_none());
        }
    }

    #[test]
    fn a_successor_has_another_generation() {
        let mut table = Table::default();
        let first = table.new_entry(Token(1), Interest::READABLE, Trigger::Level);
        table.set(5, first);
        table.remove(5);
        let second = table.new_entry(Token(1), Interest::READABLE, Trigger::Level);
        assert_ne!(first.generation, second.generation);
    }
}
