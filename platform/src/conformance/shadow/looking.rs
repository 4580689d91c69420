//! What two pollers find, asked until they say the same or a difference has lasted.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::io::RawFd;
use std::time::{Duration, Instant};

use super::disagreement::{Answer, Operation};
use super::entry::{inner_token, Entry, Side, Wish};
use super::registering::{answer_to, is_for_want_of_room};
use super::{elapsed, Shadow};
use crate::conformance::support::{asked, witness, PROMISES};
use crate::conformance::system;
use crate::{Event, Events, Interest, Poller, Ready, Token, Trigger};

/// How often both are asked again before a difference is believed.
const LOOKS: u32 = 64;

/// How many of those follow each other without a pause.
const LOOKS_AT_ONCE: u32 = 8;

impl<A: Poller, B: Poller> Shadow<A, B> {
    /// Notes which descriptors were closed without `delete`: a poller that is asked now notices that too, and stays silent even if the
    /// file comes back to its number.
    pub(super) fn note_astray(&mut self) {
        let changed = |(number, entry): (&RawFd, &Entry)| {
            Some(*number).filter(|number| entry.identity != system::identity(*number))
        };
        let numbers: Vec<RawFd> = self.entries.iter().filter_map(changed).collect();
        numbers.into_iter().for_each(|number| self.give_up(number));
    }

    /// What the last wait had no room for is not kept but asked for once more: it may have ceased to hold.
    ///
    /// # Errors
    /// That of a poller that has no room to be told so: the next wait asks again.
    pub(super) fn ask_for_the_rest(&mut self) -> io::Result<()> {
        let numbers: Vec<RawFd> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.due.is_none())
            .map(|(number, _)| *number)
            .collect();
        numbers.into_iter().try_for_each(|number| self.rearm(number, [true, true]))
    }

    /// Arms a one-shot or an edge anew in some of the pollers, as if it had not been reported yet.
    fn rearm(&mut self, number: RawFd, which: [bool; 2]) -> io::Result<()> {
        if self.is_changed(number) {
            self.give_up(number);
            return Ok(());
        }
        let entry = match self.entries.get(&number) {
            Some(entry) => *entry,
            None => return Ok(()),
        };
        for (index, is_meant) in which.into_iter().enumerate() {
            if is_meant && self.modify_one(index, number, entry.wish.interest)? {
                self.entries.get_mut(&number).expect("a number of the map").sides[index] = Side::default();
            }
        }
        self.entries.get_mut(&number).expect("a number of the map").due = Ready::NONE;
        Ok(())
    }

    /// Has one of the pollers ask for something else. Whether it did: for any reason but want of room it refuses only what has gone astray.
    fn modify_one(&mut self, index: usize, number: RawFd, interest: Interest) -> io::Result<bool> {
        let entry = self.entries.get(&number).expect("a number of the map");
        let (token, trigger) = (inner_token(number, entry.serial), entry.wish.trigger);
        match self.poller(index).modify(system::number(number), token, interest, trigger) {
            Ok(()) => Ok(true),
            Err(error) if is_for_want_of_room(&error) => Err(error),
            Err(_) => {
                self.give_up(number);
                Ok(false)
            }
        }
    }

    /// Follows the first poller alone from now on: the number names something else than what was registered.
    fn give_up(&mut self, number: RawFd) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.is_astray = true;
            entry.due = Ready::NONE;
        }
    }

    /// Of what holds no more either poller may report the next beginning. `poll(2)` knows what holds.
    pub(super) fn forget_what_ended(&mut self) {
        for (number, entry) in &mut self.entries {
            let is_edge = entry.wish.trigger == Trigger::Edge;
            if is_edge && entry.sides.iter().any(|side| !side.told.is_none()) {
                let held = witness(&system::number(*number));
                for side in &mut entry.sides {
                    side.told = side.told & held;
                }
            }
        }
    }

    /// Asks both, until they say the same or a difference has lasted.
    pub(super) fn look_until_agreed(&mut self) -> io::Result<()> {
        self.ask_both(0)?;
        let mut differences = self.differences();
        let mut lasting: BTreeMap<RawFd, ([Ready; 2], u32)> = BTreeMap::new();
        let had_difference = !differences.is_empty();
        // Where others act all the time there may always be some difference, never for long.
        for attempt in 0..4 * LOOKS {
            if differences.is_empty() {
                break;
            }
            lasting.retain(|number, (difference, _)| differences.get(number) == Some(difference));
            for (number, difference) in &differences {
                let (_, count) = lasting.entry(*number).or_insert((*difference, 0));
                *count += 1;
                if *count > LOOKS {
                    return Err(self.lasting_difference(*number, *difference));
                }
            }
            if attempt > LOOKS_AT_ONCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.rearm_different_one_shots(&differences)?;
            self.ask_both(attempt as usize + 1)?;
            differences = self.differences();
        }
        self.passing_count += u64::from(had_difference);
        self.settle()
    }

    /// Asks both what is ready now. Who is asked first changes, so that no rhythm of others' makes one look slow.
    fn ask_both(&mut self, attempt: usize) -> io::Result<()> {
        for entry in self.entries.values_mut().filter(|entry| entry.wish.trigger == Trigger::Level) {
            entry.sides = [Side::default(); 2];
        }
        for index in [attempt % 2, (attempt + 1) % 2] {
            self.ask(index, Duration::ZERO)?;
        }
        Ok(())
    }

    /// One wait of one poller, with room for all. Answers whether it found anything.
    fn ask(&mut self, index: usize, timeout: Duration) -> io::Result<bool> {
        // Two for each registration, since kqueue counts directions, and one to see too many.
        let capacity = 2 * self.entries.len() + 1;
        if self.found.capacity() < capacity {
            self.found = Events::with_capacity(2 * capacity);
        }
        let mut found = std::mem::replace(&mut self.found, Events::with_capacity(1));
        let result = self.poller(index).wait(&mut found, Some(timeout));
        self.look += 1;
        if index == 1 {
            self.is_second_silent = found.is_empty();
        }
        let result = match result {
            Ok(()) => found.iter().try_for_each(|event| self.take(index, event)),
            Err(error) if is_for_want_of_room(&error) => Err(error),
            Err(error) => Err(self.failed(index, error)),
        };
        self.found = found;
        result.map(|()| !self.found.is_empty())
    }

    /// What the failure of one wait comes to: the error itself if the other's wait fails as well.
    fn failed(&mut self, index: usize, error: io::Error) -> io::Error {
        let other = self.poller(1 - index).wait(&mut Events::with_capacity(1), Some(Duration::ZERO));
        if other.is_err() {
            return error;
        }
        let mut answers = [Answer::Done, Answer::Done];
        answers[index] = answer_to(&Err(error));
        let nothing = Wish { token: Token(0), interest: Interest::NONE, trigger: Trigger::Level };
        self.disagreement(Operation::Wait, None, nothing, answers, "")
    }

    /// Notes what one poller says of a registration, and holds it against what can be told without the other.
    fn take(&mut self, index: usize, event: &Event) -> io::Result<()> {
        let (number, serial) = (event.token.0 as u32 as RawFd, (event.token.0 >> 32) as u32);
        let look = self.look;
        let entry = match self.entries.get_mut(&number).filter(|entry| entry.serial == serial) {
            Some(entry) => entry,
            None => {
                let wish = Wish { token: event.token, interest: Interest::NONE, trigger: Trigger::Level };
                return Err(self.outburst(
                    index,
                    number,
                    wish,
                    event.ready,
                    "under a token that is no longer registered",
                ));
            }
        };
        let wish = entry.wish;
        let side = &mut entry.sides[index];
        let remark = if event.ready.is_none() {
            Some("of which nothing is said")
        } else if std::mem::replace(&mut side.look, look) == look {
            Some("twice in one wait")
        } else if (event.ready & PROMISES) != asked(event.ready, wish.interest) || wish.interest.is_none() {
            Some("which was not asked for")
        } else if side.has_fired {
            Some("although it has fired already")
        } else {
            None
        };
        if let Some(remark) = remark.filter(|_| !entry.is_astray) {
            return Err(self.outburst(index, number, wish, event.ready, remark));
        }
        side.told = if wish.trigger == Trigger::Edge { side.told | event.ready } else { event.ready };
        side.has_fired = wish.trigger == Trigger::OneShot;
        if index == 0 && wish.trigger != Trigger::Level {
            entry.due |= event.ready;
        }
        Ok(())
    }

    /// What one poller says of which it is clear without the other that it must not.
    fn outburst(
        &self,
        index: usize,
        number: RawFd,
        wish: Wish,
        ready: Ready,
        remark: &'static str,
    ) -> io::Error {
        let mut answers = [Answer::Silent, Answer::Silent];
        answers[index] = Answer::Ready(ready);
        self.disagreement(Operation::Wait, Some(number), wish, answers, remark)
    }

    /// Where the two differ now, and in what. Finds out at this which descriptors have gone astray.
    fn differences(&mut self) -> BTreeMap<RawFd, [Ready; 2]> {
        let mut differences = BTreeMap::new();
        let mut astray = Vec::new();
        for (number, entry) in self.entries.iter().filter(|(_, entry)| !entry.is_astray) {
            let difference = entry.difference(*number);
            if difference == [Ready::NONE; 2] {
                continue;
            }
            if entry.identity == system::identity(*number) {
                differences.insert(*number, difference);
            } else {
                astray.push(*number);
            }
        }
        astray.into_iter().for_each(|number| self.give_up(number));
        differences
    }

    /// One-shots that fired for different directions cannot be asked again: they are armed again.
    fn rearm_different_one_shots(&mut self, differences: &BTreeMap<RawFd, [Ready; 2]>) -> io::Result<()> {
        for number in differences.keys() {
            let have_fired = |entry: &Entry| entry.sides.iter().all(|side| side.has_fired);
            if self.entries.get(number).map_or(false, have_fired) {
                self.rearm(*number, [true, true])?;
            }
        }
        Ok(())
    }

    /// Brings the two into one state where they differ in what ceased to hold between their looks.
    fn settle(&mut self) -> io::Result<()> {
        let numbers: Vec<RawFd> = self.entries.keys().copied().collect();
        for number in numbers {
            let entry = self.entries.get_mut(&number).expect("a number of the map");
            if entry.is_astray {
                continue;
            }
            match (entry.wish.trigger, entry.sides.map(|side| side.has_fired)) {
                // The caller is told of it, so the other is not to fire any more.
                (Trigger::OneShot, [true, false]) => self.silence_second(number)?,
                (Trigger::OneShot, [false, true]) => self.rearm(number, [false, true])?,
                (Trigger::Edge, _) => {
                    let both = entry.sides[0].told & entry.sides[1].told;
                    entry.sides.iter_mut().for_each(|side| side.told = both);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn silence_second(&mut self, number: RawFd) -> io::Result<()> {
        if self.modify_one(1, number, Interest::NONE)? {
            let entry = self.entries.get_mut(&number).expect("a number of the map");
            entry.sides[1] = entry.sides[0];
        }
        Ok(())
    }

    fn lasting_difference(&self, number: RawFd, difference: [Ready; 2]) -> io::Error {
        let entry = self.entries.get(&number).expect("a difference is of a registration");
        let answers = [0, 1].map(|index| match entry.sides[index].told {
            told if told.is_none() => Answer::Silent,
            told => Answer::Ready(told),
        });
        let remark = match entry.wish.trigger {
            Trigger::Edge if difference[0].is_none() || difference[1].is_none() => "while it holds",
            Trigger::OneShot if entry.sides.iter().any(|side| !side.has_fired) => "while it holds",
            _ => "",
        };
        self.disagreement(Operation::Wait, Some(number), entry.wish, answers, remark)
    }

    /// Tells what both agree on, as much as fits, beginning where the last wait stopped.
    pub(super) fn deliver(&mut self, events: &mut Events) {
        let start = std::mem::take(&mut self.cursor);
        let numbers = self.entries.range(start..).chain(self.entries.range(..start));
        let numbers: Vec<RawFd> = numbers.map(|(number, _)| *number).collect();
        for number in numbers {
            let entry = self.entries.get_mut(&number).expect("a number of the map");
            let ready = match entry.wish.trigger {
                Trigger::Level => entry.sides[0].told,
                Trigger::OneShot | Trigger::Edge => entry.due,
            };
            if ready.is_none() {
                continue;
            }
            if !events.push(Event { token: entry.wish.token, ready }) {
                self.cursor = number;
                return;
            }
            entry.due = Ready::NONE;
        }
    }

    /// Lets one of them sleep; answers whether a signal ended that.
    pub(super) fn is_interrupted_in_sleep(&mut self, timeout: Duration) -> io::Result<bool> {
        // Who goes on about what is not told to the caller would not sleep.
        let index = if self.is_second_silent { self.sleeper } else { 0 };
        self.sleeper = 1 - self.sleeper;
        let start = self.now_of(index);
        let is_something = self.ask(index, timeout)?;
        Ok(!is_something && elapsed(start, self.now_of(index)) < timeout)
    }

    fn now_of(&self, index: usize) -> Instant {
        if index == 0 {
            self.first.now()
        } else {
            self.second.now()
        }
    }
}
