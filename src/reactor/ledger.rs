//! Who may be charged how much: one budget, of which a part is kept so that whoever comes first can always finish.
//!
//! Messages that are not whole yet could fill the budget, and each wait for the others to give something back; so could messages that
//! are whole and whose answers find no room. Therefore two parts are set aside once there are streams with frames: one for reading, by
//! which one stream at a time can have its longest message whole, and one for sending, which nothing that is read can take.

use std::cell::Cell;

use super::memory::Full;

/// A budget.
///
/// Between what is charged, what anybody may still be charged, and what is set aside nothing is lost: together they are the limit.
pub(crate) struct Ledger {
    limit: usize,
    /// What anybody may still be charged. Below zero: how much of what is set aside for sending is in use, so that whatever comes back goes
    /// there first; or how much was set aside that has still to come back.
    free: Cell<isize>,
    /// What is set aside for sending.
    sending: Cell<usize>,
    /// What is set aside for reading, and how much of that is in use.
    reading: Cell<usize>,
    drawn: Cell<usize>,
}

/// What could be charged, as it is counted out to those who wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    free: usize,
    /// What is set aside for reading, if nobody uses it.
    reading: usize,
    sending: usize,
}

impl Account {
    /// Counts `len` bytes out for reading, if there are as many; says whether some are of what is set aside.
    pub fn take_for_reading(&mut self, len: usize) -> Option<bool> {
        if len <= self.free {
            self.free -= len;
            return Some(false);
        }
        if len > self.free + self.reading {
            return None;
        }
        (self.free, self.reading) = (0, 0);
        Some(true)
    }

    /// Counts `len` bytes out for sending, if there are as many.
    pub fn take_for_sending(&mut self, len: usize) -> bool {
        if len > self.free.saturating_add(self.sending) {
            return false;
        }
        let of_free = len.min(self.free);
        self.free -= of_free;
        self.sending -= len - of_free;
        true
    }

    /// Counts `len` bytes out for a connection that is to be accepted: of what is set aside nothing is for that.
    pub fn take_for_accepting(&mut self, len: usize) -> bool {
        let is_there = len <= self.free;
        self.free -= if is_there { len } else { 0 };
        is_there
    }
}

impl Ledger {
    pub fn new(limit: usize) -> Ledger {
        // No system has as much memory as that leaves out.
        let limit = limit.min(isize::MAX as usize);
        let (sending, reading, drawn) = Default::default();
        Ledger { limit, free: Cell::new(limit as isize), sending, reading, drawn }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn used(&self) -> usize {
        let aside = self.sending.get() + self.reading.get() - self.drawn.get();
        (self.limit as isize - self.free.get()) as usize - aside
    }

    /// What anybody may be charged.
    fn common(&self) -> usize {
        self.free.get().max(0) as usize
    }

    /// What may be charged for sending.
    pub fn free(&self) -> usize {
        (self.free.get() + self.sending.get() as isize).max(0) as usize
    }

    pub fn account(&self) -> Account {
        let is_drawn = self.drawn.get() > 0 || !self.is_covered();
        let reading = if is_drawn { 0 } else { self.reading.get() };
        let free = self.common();
        Account { free, reading, sending: self.free() - free }
    }

    /// Whether what is set aside for reading is there.
    fn is_covered(&self) -> bool {
        self.free.get() + self.sending.get() as isize >= 0
    }

    /// The most that one can ever be charged for reading, and for sending.
    pub fn reading_limit(&self) -> usize {
        self.limit - self.sending.get()
    }

    pub fn sending_limit(&self) -> usize {
        self.limit - self.reading.get()
    }

    /// The most that is nobody's.
    pub fn common_limit(&self) -> usize {
        self.limit - self.sending.get() - self.reading.get()
    }

    /// Whether so much comes free by itself in time, whoever else waits.
    pub fn is_sure_for_reading(&self, len: usize) -> bool {
        len <= self.sure_for_reading()
    }

    /// How much does.
    pub fn sure_for_reading(&self) -> usize {
        self.reading.get()
    }

    pub fn is_sure_for_sending(&self, len: usize) -> bool {
        len <= self.sending.get()
    }

    /// Has at least so much set aside: `reading`, which has to be within the limit, and of the rest as much of `sending` as there is.
    #[cfg(any(feature = "codec", test))]
    pub fn set_aside(&self, reading: usize, sending: usize) {
        let reading = reading.max(self.reading.get());
        let sending = sending.max(self.sending.get()).min(self.limit - reading);
        let before = self.reading.replace(reading) + self.sending.replace(sending);
        self.free.set(self.free.get() + before as isize - (reading + sending) as isize);
    }

    #[inline]
    pub fn charge(&self, len: usize) -> Result<(), Full> {
        let free = self.free.get();
        if len > isize::MAX as usize || len as isize > free {
            return Err(Full { wanted: len, free: self.common() });
        }
        self.free.set(free - len as isize);
        Ok(())
    }

    /// Gives back what was charged, for reading without drawing, or for sending.
    #[inline]
    pub fn discharge(&self, len: usize) {
        self.free.set(self.free.get() + len as isize);
    }

    /// Charges for sending, also what is set aside for that.
    #[inline]
    pub fn charge_sending(&self, len: usize) -> Result<(), Full> {
        match self.charge(len) {
            Ok(()) => Ok(()),
            Err(_) => self.charge_set_aside(len),
        }
    }

    #[inline(never)]
    fn charge_set_aside(&self, len: usize) -> Result<(), Full> {
        let free = self.free();
        if len > free {
            return Err(Full { wanted: len, free });
        }
        self.free.set(self.free.get() - len as isize);
        Ok(())
    }

    /// Charges for reading, if need be what is set aside for that, which one has at a time: `has_drawn` says whether it is he who asks.
    /// Answers how much of it was charged.
    pub fn charge_reading(&self, len: usize, has_drawn: bool) -> Result<usize, Full> {
        let full = match self.charge(len) {
            Ok(()) => return Ok(0),
            Err(full) => full,
        };
        let (drawn_before, drawn) = (self.drawn.get(), len - full.free);
        let is_mine = has_drawn || drawn_before == 0;
        if !is_mine || !self.is_covered() || drawn > self.reading.get() - drawn_before {
            return Err(full);
        }
        self.free.set(self.free.get().min(0));
        self.drawn.set(drawn_before + drawn);
        Ok(drawn)
    }

    /// Gives back what was charged for reading, of which so much was drawn.
    pub fn discharge_reading(&self, len: usize, drawn: usize) {
        self.drawn.set(self.drawn.get() - drawn);
        self.discharge(len - drawn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A budget of 100, of which 30 are for reading and 20 for sending.
    fn ledger() -> Ledger {
        let ledger = Ledger::new(100);
        ledger.set_aside(30, 20);
        ledger
    }

    #[test]
    fn what_is_set_aside_is_for_its_purpose_alone() {
        let ledger = ledger();
        assert_eq!(ledger.charge(51), Err(Full { wanted: 51, free: 50 }));
        ledger.charge(50).unwrap();
        assert_eq!(ledger.charge(1), Err(Full { wanted: 1, free: 0 }));
        assert_eq!((ledger.used(), ledger.free()), (50, 20));
        assert_eq!(ledger.charge_sending(21), Err(Full { wanted: 21, free: 20 }));
        ledger.charge_sending(20).unwrap();
        assert_eq!(ledger.charge_reading(30, false), Ok(30));
        assert_eq!((ledger.used(), ledger.free()), (100, 0));
    }

    #[test]
    fn one_at_a_time_draws_what_is_for_reading() {
        let ledger = ledger();
        ledger.charge(45).unwrap();
        assert_eq!(ledger.charge_reading(15, false), Ok(10), "5 were free");
        assert!(ledger.charge_reading(1, false).is_err(), "another one has it");
        assert_eq!(ledger.charge_reading(20, true), Ok(20));
        assert!(ledger.charge_reading(1, true).is_err());
        ledger.discharge_reading(35, 30);
        assert_eq!((ledger.used(), ledger.charge_reading(35, false)), (45, Ok(30)));
    }

    #[test]
    fn what_is_for_sending_is_filled_up_before_anything_else_is_free() {
        let ledger = ledger();
        ledger.charge(40).unwrap();
        ledger.charge_sending(25).unwrap();
        assert_eq!((ledger.used(), ledger.free()), (65, 5));
        ledger.discharge(10);
        assert_eq!((ledger.used(), ledger.free()), (55, 15));
        assert_eq!(ledger.account().free, 0);
        ledger.discharge(15);
        assert_eq!((ledger.used(), ledger.free(), ledger.account().free), (40, 30, 10));
    }

    /// It is kept from who comes next, never taken from who has been charged; and the limit holds meanwhile.
    #[test]
    fn what_is_in_use_already_is_set_aside_as_it_comes_back() {
        let ledger = Ledger::new(100);
        ledger.charge(90).unwrap();
        ledger.set_aside(30, 20);
        assert_eq!((ledger.used(), ledger.free()), (90, 0));
        assert!(ledger.charge_sending(1).is_err() && ledger.charge_reading(1, false).is_err());
        ledger.discharge(40);
        assert_eq!((ledger.used(), ledger.free()), (50, 20));
        assert_eq!(ledger.charge_reading(30, false), Ok(30));
    }

    #[test]
    fn of_a_small_budget_reading_has_its_part_first() {
        let ledger = Ledger::new(40);
        ledger.set_aside(30, 20);
        assert_eq!((ledger.reading_limit(), ledger.sending_limit(), ledger.free()), (30, 10, 10));
        ledger.set_aside(35, 20);
        assert_eq!((ledger.reading_limit(), ledger.sending_limit(), ledger.free()), (35, 5, 5));
        assert_eq!(ledger.used(), 0);
    }

    /// Random charges of all kinds, and more set aside between: it never overdraws, and all that is given back is there again.
    #[test]
    fn no_way_leads_beyond_the_limit() {
        let mut state = 1_u64;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        for _ in 0..200 {
            let ledger = Ledger::new(1000);
            let (mut common, mut sent, mut read) = (Vec::new(), Vec::new(), Vec::<(usize, usize)>::new());
            for _ in 0..300 {
                let len = 1 + below(300);
                match below(8) {
                    0 => common.extend(ledger.charge(len).map(|()| len)),
                    1 | 2 => sent.extend(ledger.charge_sending(len).map(|()| len)),
                    3 => {
                        let drawer = read.iter_mut().find(|(_, drawn)| *drawn > 0);
                        let has_drawn = drawer.is_some();
                        if let Ok(drawn) = ledger.charge_reading(len, has_drawn) {
                            match drawer {
                                Some(drawer) => *drawer = (drawer.0 + len, drawer.1 + drawn),
                                None => read.push((len, drawn)),
                            }
                        }
                    }
                    4 => ledger.set_aside(below(400), below(300)),
                    5 => common.pop().map_or((), |len| ledger.discharge(len)),
                    6 => sent.pop().map_or((), |len| ledger.discharge(len)),
                    _ => read.pop().map_or((), |(len, drawn)| ledger.discharge_reading(len, drawn)),
                }
                let total: usize = common.iter().chain(&sent).sum::<usize>()
                    + read.iter().map(|(len, _)| len).sum::<usize>();
                assert_eq!(ledger.used(), total);
                assert!(total <= 1000);
            }
            common.into_iter().for_each(|len| ledger.discharge(len));
            sent.into_iter().for_each(|len| ledger.discharge(len));
            read.into_iter().for_each(|(len, drawn)| ledger.discharge_reading(len, drawn));
            assert_eq!(ledger.used(), 0);
            let (reading, sending) = (1000 - ledger.sending_limit(), 1000 - ledger.reading_limit());
            assert_eq!(ledger.account().free, 1000 - reading - sending);
        }
    }
}
