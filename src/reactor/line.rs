//! Who waits for memory, and for what: first come first served, each for the part of the budget that is for his purpose.

use std::collections::VecDeque;

use super::ledger::{Account, Ledger};
use super::slab::Key;

/// What memory is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Reading,
    Sending,
    /// To read from a connection that is still to be accepted.
    Accepting,
}

/// A source that was refused memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub key: Key,
    pub purpose: Purpose,
    pub wanted: usize,
    /// When it came, by a count.
    ticket: u64,
    /// Whether it may draw on what is set aside, once there is enough for it.
    pub may_draw: bool,
}

/// Those who wait for memory.
///
/// Who reads and who sends wait for one another's part no longer than they have to: when the first of either does not get what it wants,
/// the other's go on, unless it wants more than what is set aside for it, and so might be passed over for ever. Connections are accepted
/// when nobody waits who has one.
#[derive(Debug, Default)]
pub(crate) struct Line {
    reading: VecDeque<Waiting>,
    sending: VecDeque<Waiting>,
    accepting: VecDeque<Waiting>,
    next_ticket: u64,
    /// Those for whom there is enough now: they respond before anybody else.
    fed: VecDeque<Waiting>,
}

impl Line {
    /// How many wait, be it for memory or to respond now that there is some.
    #[inline]
    pub fn len(&self) -> usize {
        self.reading.len() + self.sending.len() + self.accepting.len() + self.fed.len()
    }

    /// Whether anybody waits for memory.
    pub fn has_waiting(&self) -> bool {
        self.len() > self.fed.len()
    }

    #[inline]
    pub fn has_fed(&self) -> bool {
        !self.fed.is_empty()
    }

    /// The next who is to respond now that there is memory.
    pub fn next_fed(&mut self) -> Option<Waiting> {
        self.fed.pop_front()
    }

    /// Puts one at the end who does not wait for this purpose yet.
    pub fn join(&mut self, key: Key, purpose: Purpose, wanted: usize) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.queue(purpose).push_back(Waiting { key, purpose, wanted, ticket, may_draw: false });
    }

    /// One who waits already may want more than before, and keeps its place.
    pub fn want_more(&mut self, key: Key, purpose: Purpose, wanted: usize) {
        if let Some(place) = self.queue(purpose).iter_mut().find(|place| place.key == key) {
            place.wanted = place.wanted.max(wanted);
        }
    }

    fn queue(&mut self, purpose: Purpose) -> &mut VecDeque<Waiting> {
        match purpose {
            Purpose::Reading => &mut self.reading,
            Purpose::Sending => &mut self.sending,
            Purpose::Accepting => &mut self.accepting,
        }
    }

    /// Lets those respond for whom there is enough, in the order in which they were refused. They do so before the events of the turn, so
    /// that who is ready at every turn cannot take the memory from under them.
    pub fn feed(&mut self, ledger: &Ledger, is_live: &dyn Fn(Key) -> bool) {
        let mut account = ledger.account();
        // What was promised to those who are about to respond is not there any more.
        for fed in &mut self.fed {
            fed.is_fed_by(&mut account);
        }
        let (mut is_reading_held_up, mut is_sending_held_up) = (false, false);
        while let Some(purpose) = self.next_in_turn(is_reading_held_up, is_sending_held_up, is_live) {
            let fed = match self.feed_first(purpose, &mut account) {
                Ok(fed) => fed,
                // Whoever comes next might have it again and again.
                Err(wanted) if !is_sure(ledger, purpose, wanted) => return,
                Err(_) if purpose == Purpose::Reading => {
                    is_reading_held_up = true;
                    continue;
                }
                Err(_) => {
                    is_sending_held_up = true;
                    continue;
                }
            };
            self.fed.push_back(fed);
        }
        while self.reading.is_empty() && drop_gone(&mut self.accepting, is_live) {
            match self.feed_first(Purpose::Accepting, &mut account) {
                Ok(fed) => self.fed.push_back(fed),
                Err(_) => break,
            }
        }
    }

    /// Of whose purpose the first one came first; `None` when nobody is left who is not held up.
    fn next_in_turn(
        &mut self,
        is_reading_held_up: bool,
        is_sending_held_up: bool,
        is_live: &dyn Fn(Key) -> bool,
    ) -> Option<Purpose> {
        let reads = !is_reading_held_up && drop_gone(&mut self.reading, is_live);
        let sends = !is_sending_held_up && drop_gone(&mut self.sending, is_live);
        let ticket = |queue: &VecDeque<Waiting>| queue.front().map_or(u64::MAX, |first| first.ticket);
        match (reads, sends) {
            (true, true) if ticket(&self.reading) < ticket(&self.sending) => Some(Purpose::Reading),
            (_, true) => Some(Purpose::Sending),
            (true, false) => Some(Purpose::Reading),
            (false, false) => None,
        }
    }

    /// Takes the first who waits for this purpose out of its queue, if there is enough; else answers how much it wants.
    fn feed_first(&mut self, purpose: Purpose, account: &mut Account) -> Result<Waiting, usize> {
        let queue = self.queue(purpose);
        let first = queue.front_mut().ok_or(0_usize)?;
        if !first.is_fed_by(account) {
            return Err(first.wanted);
        }
        queue.pop_front().ok_or(0)
    }
}

impl Waiting {
    /// Counts out what it wants, if there is as much.
    fn is_fed_by(&mut self, account: &mut Account) -> bool {
        match self.purpose {
            Purpose::Reading => match account.take_for_reading(self.wanted) {
                Some(may_draw) => {
                    self.may_draw |= may_draw;
                    true
                }
                None => false,
            },
            Purpose::Sending => account.take_for_sending(self.wanted),
            Purpose::Accepting => account.take_for_accepting(self.wanted),
        }
    }
}

/// Whether so much comes free in time, whoever else is served meanwhile.
fn is_sure(ledger: &Ledger, purpose: Purpose, wanted: usize) -> bool {
    match purpose {
        Purpose::Reading => ledger.is_sure_for_reading(wanted),
        Purpose::Sending => ledger.is_sure_for_sending(wanted),
        Purpose::Accepting => false,
    }
}

/// Who is gone makes way, whatever he wanted. Answers whether anybody is left.
fn drop_gone(queue: &mut VecDeque<Waiting>, is_live: &dyn Fn(Key) -> bool) -> bool {
    while queue.front().map_or(false, |first| !is_live(first.key)) {
        queue.pop_front();
    }
    !queue.is_empty()
}
