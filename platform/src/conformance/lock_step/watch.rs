//! One poller of a play: what it was asked to watch, and whether what it answers is what the model promises.

use std::os::unix::io::BorrowedFd;
use std::time::Duration;

use super::entry::{Astray, Entry, Kernel, Wish};
use super::model::{File, Model, SLOT_COUNT};
use super::reasons::{is_closed_error, Reasons};
use crate::conformance::support::{asked, PROMISES};
use crate::conformance::system::has_numbered_pipes;
use crate::{Backend, Event, Events, Poller, Ready, Token, Trigger};

/// Room for all that may be ready at once: two directions of each slot, and some of what epoll still reports of closed ones.
pub const ROOMY: usize = 2 * SLOT_COUNT + 8;

/// How long a wait that has something to report may sleep. It does not, unless the poller loses what is ready.
const LONG: Duration = Duration::from_millis(50);

/// How long a wait that need not report anything may sleep.
const SHORT: Duration = Duration::from_micros(20);

/// A token that no registration ever has.
const STRANGER: Token = Token(u64::MAX);

/// A poller, and the registrations that it has.
#[derive(Debug)]
pub struct Watch<'a> {
    pub name: &'a str,
    poller: &'a mut dyn Poller,
    kernel: Kernel,
    entries: Vec<Option<Entry>>,
    /// What this look found under each slot.
    found: [Ready; SLOT_COUNT],
    /// In which wait of this look a slot was reported last.
    reported_in: [u32; SLOT_COUNT],
    wait_count: u64,
    /// What was closed under a slot before its registration ended: epoll has it still, for as long as a duplicate is open.
    left_behind: Vec<(u8, File)>,
}

impl<'a> Watch<'a> {
    pub fn new(name: &'a str, poller: &'a mut dyn Poller) -> Watch<'a> {
        let entries = vec![None; SLOT_COUNT];
        let kernel = Kernel { backend: poller.backend(), has_numbered_pipes: has_numbered_pipes() };
        Watch {
            name,
            poller,
            kernel,
            entries,
            found: [Ready::NONE; SLOT_COUNT],
            reported_in: [0; SLOT_COUNT],
            wait_count: 0,
            left_behind: Vec::new(),
        }
    }

    /// Registers, and holds the answer against the contract. `serial` is used for nothing else.
    pub fn add(&mut self, fd: BorrowedFd<'_>, wish: Wish, serial: u64, model: &Model) -> Result<(), String> {
        let reasons = Reasons {
            exists: self.entry(wish.slot).is_some(),
            is_closed: !model.is_open(wish.slot),
            ..Reasons::default()
        };
        let (token, wish) = (token_of(serial, wish.slot), self.possible(wish, model));
        let mut trigger = wish.trigger;
        if !self.poller.supports(trigger) {
            let result = self.poller.add(fd, token, wish.interest, trigger);
            Reasons { lacks_trigger: true, ..reasons }.check("add", result)?;
            if stays_refused(wish.slot) {
                return Ok(());
            }
            trigger = Trigger::Level;
        }
        let is_new = reasons.check("add", self.poller.add(fd, token, wish.interest, trigger))?;
        if is_new {
            self.enter(token, Wish { trigger, ..wish }, model);
        }
        Ok(())
    }

    /// Changes a registration, and holds the answer against the contract.
    pub fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        wish: Wish,
        serial: u64,
        model: &Model,
    ) -> Result<(), String> {
        let reasons = Reasons { is_stranger: self.entry(wish.slot).is_none(), ..Reasons::default() };
        let is_open = model.is_open(wish.slot);
        let (token, wish) = (token_of(serial, wish.slot), self.possible(wish, model));
        let mut trigger = wish.trigger;
        if !self.poller.supports(trigger) {
            let result = self.poller.modify(fd, token, wish.interest, trigger);
            Reasons { lacks_trigger: true, ..reasons }.check("modify", result)?;
            if stays_refused(wish.slot) {
                return Ok(());
            }
            trigger = Trigger::Level;
        }
        let result = self.poller.modify(fd, token, wish.interest, trigger);
        // Of a closed descriptor only those mechanisms know that tell the kernel at once.
        let is_closed = !is_open && matches!(&result, Err(error) if is_closed_error(error));
        if (Reasons { is_closed, ..reasons }).check("modify", result)? {
            let wish = Wish { trigger, ..wish };
            if is_open {
                self.enter(token, wish, model);
            } else if let Some(entry) = &mut self.entries[usize::from(wish.slot)] {
                // Armed anew, it has to be noticed anew.
                let astray = Some(Astray { is_noticed: false, successor: None, reappeared: None });
                let (interest, trigger) = (wish.interest, wish.trigger);
                *entry = Entry { token, interest, trigger, is_armed: true, astray, ..*entry };
            }
        }
        Ok(())
    }

    /// Ends a registration, and holds the answer against the contract.
    pub fn delete(&mut self, fd: BorrowedFd<'_>, slot: u8) -> Result<(), String> {
        self.note_left_behind(slot);
        let is_stranger = self.entries[usize::from(slot)].take().is_none();
        Reasons { is_stranger, ..Reasons::default() }.check("delete", self.poller.delete(fd))?;
        Ok(())
    }

    pub fn is_registered(&self, slot: u8) -> bool {
        self.entry(slot).is_some()
    }

    /// Notes that the descriptor of a slot was closed.
    pub fn note_closed(&mut self, slot: u8) {
        if let Some(entry) = &mut self.entries[usize::from(slot)] {
            entry.astray.get_or_insert(Astray { is_noticed: false, successor: None, reappeared: None });
        }
    }

    /// Notes that a closed slot was opened.
    pub fn note_opened(&mut self, slot: u8, file: Option<File>) {
        let entry = &mut self.entries[usize::from(slot)];
        if let Some(astray) = entry.as_mut().and_then(|entry| entry.astray.as_mut()) {
            if !astray.is_noticed {
                astray.successor = file;
            }
            let is_known = |file: &File| self.left_behind.contains(&(slot, *file));
            astray.reappeared = file.filter(is_known).or(astray.reappeared);
        }
    }

    /// Notes what the files in the slots are ready for now, and were before.
    pub fn note_ready(&mut self, before: &[Ready; SLOT_COUNT], now: &[Ready; SLOT_COUNT]) {
        for (slot, entry) in self.entries.iter_mut().enumerate() {
            match entry {
                Some(entry) if entry.trigger == Trigger::Edge && entry.astray.is_none() => {
                    let began = now[slot].without(before[slot]);
                    entry.owed = (entry.owed & now[slot]) | asked(began, entry.interest);
                }
                _ => {}
            }
        }
    }

    /// What the registration of a slot is ready for, if it is to be reported.
    pub fn level(&self, slot: usize, ready: &[Ready; SLOT_COUNT]) -> Ready {
        match &self.entries[slot] {
            Some(entry) if entry.astray.is_none() && entry.is_armed => asked(ready[slot], entry.interest),
            _ => Ready::NONE,
        }
    }

    /// Asks the poller what is ready, until each registration that is has been reported, and holds every answer against the model.
    /// Answers with the number of events. With room for all one wait has to do, and with less as many as there are registrations.
    pub fn look(
        &mut self,
        model: &Model,
        ready: &[Ready; SLOT_COUNT],
        events: &mut Events,
    ) -> Result<u64, String> {
        let is_roomy = events.capacity() >= ROOMY;
        self.found = [Ready::NONE; SLOT_COUNT];
        self.reported_in = [0; SLOT_COUNT];
        let most = if is_roomy { 1 } else { self.turns(model, ready) };
        let (mut wait, mut turns, mut rounds, mut event_count) = (0, 0, 0, 0);
        let mut stale_count = self.poller.stale_count();
        loop {
            wait += 1;
            turns += 1;
            let timeout = self.timeout(ready);
            // Somebody else's answer, which the wait has to take away.
            events.clear();
            events.push(Event { token: STRANGER, ready: PROMISES });
            self.poller.wait(events, Some(timeout)).map_err(|error| format!("wait: {error}"))?;
            if events.len() > events.capacity() {
                return Err(format!("expected {} events at most, found {}", events.capacity(), events.len()));
            }
            event_count += events.len() as u64;
            for event in events.iter() {
                self.take(event.token, event.ready, wait, is_roomy, model, ready)?;
            }
            match self.missing(ready) {
                None => break,
                Some(message) if events.is_empty() => return Err(message),
                // Finding events that nobody is registered for any more, epoll begins its round anew; not for ever.
                Some(_)
                    if self.poller.backend() == Backend::Epoll
                        && !is_roomy
                        && rounds < SLOT_COUNT
                        && self.poller.stale_count() > stale_count =>
                {
                    stale_count = self.poller.stale_count();
                    turns = 0;
                    rounds += 1;
                }
                Some(message) if turns >= most => return Err(format!("{message}; waits: {wait}")),
                Some(_) => {}
            }
        }
        if is_roomy {
            self.note_looked(model);
        }
        Ok(event_count)
    }

    /// How long the next wait may take. Mostly it is not to sleep; now and then it may, until what has to be reported is, or for a moment.
    fn timeout(&mut self, ready: &[Ready; SLOT_COUNT]) -> Duration {
        self.wait_count += 1;
        if self.wait_count % 4 > 0 {
            Duration::ZERO
        } else if self.missing(ready).is_some() {
            LONG
        } else {
            SHORT
        }
    }

    /// How many waits it may take until each registration has been reported when little fits: one for each, and on kqueue, which may
    /// tell of one direction at a time then, one for each direction.
    fn turns(&self, model: &Model, ready: &[Ready; SLOT_COUNT]) -> u32 {
        let backend = self.poller.backend();
        let mut turns = 0;
        for (entry, ready) in self.entries.iter().zip(ready) {
            let possible =
                entry.as_ref().map_or(Ready::NONE, |entry| entry.possible(self.kernel, model, *ready));
            let directions = u32::from(possible.is_readable()) + u32::from(possible.is_writable());
            turns += if backend == Backend::Kqueue { directions } else { directions.min(1) };
        }
        turns.max(1)
    }

    /// Holds one event against the model.
    fn take(
        &mut self,
        token: Token,
        told: Ready,
        wait: u32,
        is_roomy: bool,
        model: &Model,
        ready: &[Ready; SLOT_COUNT],
    ) -> Result<(), String> {
        let slot = token.0 as usize % 256;
        let entry = match self.entries.get_mut(slot) {
            Some(Some(entry)) if entry.token == token => entry,
            _ => {
                return Err(format!("found {told:?} for slot {slot} under a token that no registration has"))
            }
        };
        let promised = told & PROMISES;
        let expected = entry.must(ready[slot]);
        let possible = entry.possible(self.kernel, model, ready[slot]);
        // With little room kqueue may tell of one direction at a time; nobody else may.
        let is_whole = is_roomy || self.poller.backend() != Backend::Kqueue;
        let is_exact = is_whole && entry.astray.is_none() && entry.trigger != Trigger::Edge;
        if promised.is_none() || !possible.contains(promised) || (is_exact && promised != expected) {
            return Err(format!("expected {possible:?}, found {told:?} for slot {slot}, {}", entry.told()));
        }
        let hints = told.without(PROMISES);
        let true_hints = entry.hints(model);
        if entry.astray.is_none() && !true_hints.contains(hints) {
            return Err(format!(
                "expected no hints but {true_hints:?}, found {told:?} for slot {slot}, {}",
                entry.told()
            ));
        }
        if std::mem::replace(&mut self.reported_in[slot], wait) == wait {
            return Err(format!(
                "expected one event, found another, {told:?}, for slot {slot}, {}",
                entry.told()
            ));
        }
        self.found[slot] |= promised;
        entry.owed = entry.owed.without(promised);
        entry.is_armed = entry.trigger != Trigger::OneShot;
        Ok(())
    }

    /// What should have been reported by now and was not.
    fn missing(&self, ready: &[Ready; SLOT_COUNT]) -> Option<String> {
        let entries = self.entries.iter().enumerate();
        for (slot, entry) in entries.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?))) {
            let expected = entry.must(ready[slot]);
            let found = self.found[slot];
            let is_seen = match entry.trigger {
                // Both directions, also where they come one at a time.
                Trigger::Level => found.contains(expected),
                Trigger::OneShot => !found.is_none(),
                Trigger::Edge => false, // what was told is not owed any more
            };
            if !expected.is_none() && !is_seen {
                let found =
                    if found.is_none() { String::from("nothing") } else { format!("{found:?} alone") };
                return Some(format!(
                    "expected {expected:?}, found {found} for slot {slot}, {}",
                    entry.told()
                ));
            }
        }
        None
    }

    /// Notes that the poller was asked and so has noticed which numbers are closed.
    fn note_looked(&mut self, model: &Model) {
        for (slot, entry) in self.entries.iter_mut().enumerate() {
            if let Some(astray) = entry.as_mut().and_then(|entry| entry.astray.as_mut()) {
                astray.is_noticed |= !model.is_open(slot as u8);
            }
        }
    }

    fn enter(&mut self, token: Token, wish: Wish, model: &Model) {
        let Wish { slot, interest, trigger } = wish;
        let file = model.file(slot).expect("only an open descriptor can be registered");
        let owed = asked(model.ready(file), interest);
        self.note_left_behind(slot);
        let entry = Entry { token, interest, trigger, is_armed: true, owed, file, astray: None };
        self.entries[usize::from(slot)] = Some(entry);
    }

    /// Notes that the registration of a slot ends, and what that leaves behind.
    fn note_left_behind(&mut self, slot: u8) {
        if let Some(entry) = self.entry(slot).filter(|entry| entry.astray.is_some()).copied() {
            self.left_behind.push((slot, entry.file));
            self.left_behind
                .extend(entry.astray.and_then(|astray| astray.reappeared).map(|file| (slot, file)));
        }
    }

    fn entry(&self, slot: u8) -> Option<&Entry> {
        self.entries[usize::from(slot)].as_ref()
    }

    /// The wish without the directions that the descriptor has not: what is said of those differs.
    fn possible(&self, wish: Wish, model: &Model) -> Wish {
        Wish { interest: wish.interest & model.directions(wish.slot), ..wish }
    }
}

/// Whether a trigger that the poller lacks leaves things as they are, which the next look then holds the poller to. Else level takes its
/// place. The slot decides, so that a script without some of its steps means the same.
fn stays_refused(slot: u8) -> bool {
    slot % 2 == 0
}

/// A token that is used once, and tells the slot.
fn token_of(serial: u64, slot: u8) -> Token {
    Token(serial << 8 | u64::from(slot))
}
