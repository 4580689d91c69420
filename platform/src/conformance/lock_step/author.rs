//! Random scripts that make sense: the model is asked what each step would do before it is taken.

use std::net::Shutdown;

use super::model::{File, Model, SLOT_COUNT};
use super::script::{Kind, Script, Step, MOST};
use crate::conformance::random::Random;
use crate::conformance::support::BOTH;
use crate::{Interest, Trigger};

/// How many channels are open at once, at the most.
const CHANNEL_COUNT: usize = 20;

impl Script {
    /// `step_count` steps on twenty channels, the same for the same seed.
    pub fn random(seed: u64, step_count: usize) -> Script {
        let mut author = Author {
            random: Random::new(seed),
            model: Model::new(),
            wishes: [None; SLOT_COUNT],
            steps: Vec::with_capacity(step_count),
        };
        while author.steps.len() < step_count {
            author.write();
        }
        author.steps.truncate(step_count);
        Script { steps: author.steps }
    }
}

/// Who writes a script.
struct Author {
    random: Random,
    model: Model,
    /// What is registered, and for what.
    wishes: [Option<(Interest, Trigger)>; SLOT_COUNT],
    steps: Vec<Step>,
}

impl Author {
    /// One step, or several that are made together.
    fn write(&mut self) {
        if self.random.below(16) > 0 {
            return self.write_operation();
        }
        let count = 1 + self.random.below(8);
        self.steps.push(Step::Together { count: count as u8 });
        (0..count).for_each(|_| self.write_operation());
        if self.random.below(4) > 0 {
            let capacity = 1 + self.random.below(4) as u8;
            self.steps.push(Step::Look { capacity });
        }
    }

    fn write_operation(&mut self) {
        match self.random.below(64) {
            0..=15 => self.write_bytes(),
            16..=30 => self.read_bytes(),
            31..=33 => self.with_slot(|author, slot| {
                let is_worth_it = author.is_registered(slot) || author.random.below(4) == 0;
                Some(Step::Fill { slot }).filter(|_| is_worth_it)
            }),
            34..=45 => self.register(),
            46..=49 => self.delete(),
            50..=53 => self.close(),
            54..=58 => self.open(),
            59..=60 => self.with_slot(|author, slot| {
                let to = author.slot();
                Some(Step::Duplicate { slot, to })
            }),
            61 => self.with_slot(|author, slot| {
                let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][author.random.below(3)];
                Some(Step::Shut { slot, how })
            }),
            _ => self.register_wrongly(),
        }
    }

    /// Mostly where nothing waits to be read yet, and somebody wants to know.
    fn write_bytes(&mut self) {
        self.with_slot(|author, slot| {
            let is_news =
                author.model.peer_inbox_len(slot)? == 0 && author.awaits_bytes(author.model.peer(slot));
            let len = 1 + author.random.below(usize::from(MOST)) as u8;
            Some(Step::Write { slot, len }).filter(|_| is_news || author.random.below(32) == 0)
        });
    }

    /// Mostly all there is, where there is something and somebody has been told.
    fn read_bytes(&mut self) {
        self.with_slot(|author, slot| {
            let is_something = author.model.has_bytes(slot) && author.awaits_bytes(author.model.file(slot));
            let len = 1 + author.random.below(usize::from(MOST)) as u8;
            match author.random.below(64) {
                0..=7 => Some(Step::Read { slot, len }),
                63 => Some(Step::Drain { slot }),
                _ => Some(Step::Drain { slot }).filter(|_| is_something),
            }
        });
    }

    /// A new registration, or another interest.
    fn register(&mut self) {
        for _ in 0..8 {
            let slot = self.slot();
            let (interest, trigger) = (self.interest(), self.trigger());
            if self.model.is_open(slot) {
                let is_new = !self.is_registered(slot);
                if is_new || self.random.below(3) == 0 {
                    self.wishes[usize::from(slot)] = Some((interest, trigger));
                    let step = if is_new {
                        Step::Add { slot, interest, trigger }
                    } else {
                        Step::Modify { slot, interest, trigger }
                    };
                    return self.steps.push(step);
                }
            }
        }
    }

    /// Mostly what was closed while it was registered.
    fn delete(&mut self) {
        for _ in 0..8 {
            let slot = self.slot();
            if self.is_registered(slot) && (!self.model.is_open(slot) || self.random.below(6) == 0) {
                self.wishes[usize::from(slot)] = None;
                return self.steps.push(Step::Delete { slot });
            }
        }
    }

    /// What the contract calls an error: once more, of a stranger, of what is closed.
    fn register_wrongly(&mut self) {
        let slot = self.slot();
        let (interest, trigger) = (self.interest(), self.trigger());
        let is_registered = self.is_registered(slot);
        let step = match self.random.below(3) {
            0 if is_registered || !self.model.is_open(slot) => Step::Add { slot, interest, trigger },
            1 if !is_registered || !self.model.is_open(slot) => Step::Modify { slot, interest, trigger },
            2 if !is_registered => Step::Delete { slot },
            _ => return,
        };
        self.steps.push(step);
    }

    /// Mostly what has no peer any more, and mostly after it was deleted.
    fn close(&mut self) {
        for _ in 0..8 {
            let slot = self.slot();
            let is_over = !self.model.has_peer(slot);
            if !self.model.is_open(slot) || !(is_over || self.random.below(4) == 0) {
                continue;
            }
            if self.is_registered(slot) && self.random.below(3) > 0 {
                self.wishes[usize::from(slot)] = None;
                self.steps.push(Step::Delete { slot });
            }
            return self.take(Step::Close { slot });
        }
    }

    fn open(&mut self) {
        if self.model.channel_count() < CHANNEL_COUNT {
            self.with_slot(|author, _| {
                let (first, second) = (author.slot(), author.slot());
                let kind = [Kind::Socket, Kind::Socket, Kind::Pipe][author.random.below(3)];
                Some(Step::Open { first, second, kind })
            });
        }
    }

    /// Takes the first of a few proposals that the model allows.
    fn with_slot(&mut self, propose: impl Fn(&mut Author, u8) -> Option<Step>) {
        for _ in 0..16 {
            let slot = self.slot();
            if let Some(step) = propose(self, slot).filter(|step| self.model.allows(step)) {
                return self.take(step);
            }
        }
    }

    fn take(&mut self, step: Step) {
        self.model.apply(&step);
        self.steps.push(step);
    }

    fn is_registered(&self, slot: u8) -> bool {
        self.wishes[usize::from(slot)].is_some()
    }

    /// Whether a file is registered for reading, under any of its numbers, and not as a one-shot, which has fired before long.
    fn awaits_bytes(&self, file: Option<File>) -> bool {
        let awaits = |(interest, trigger): &(Interest, Trigger)| {
            interest.is_readable() && *trigger != Trigger::OneShot
        };
        let mut wishes = self.wishes.iter().enumerate();
        wishes.any(|(slot, wish)| wish.as_ref().map_or(false, awaits) && self.model.file(slot as u8) == file)
    }

    fn slot(&mut self) -> u8 {
        self.random.below(SLOT_COUNT) as u8
    }

    fn interest(&mut self) -> Interest {
        let (read, write) = (Interest::READABLE, Interest::WRITABLE);
        [BOTH, BOTH, BOTH, read, read, read, write, Interest::NONE][self.random.below(8)]
    }

    fn trigger(&mut self) -> Trigger {
        [Trigger::Level, Trigger::Level, Trigger::Edge, Trigger::OneShot][self.random.below(4)]
    }
}
