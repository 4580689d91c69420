//! The end of a run: all that is under way arrives, and then all that ends is told, by what the loop does of itself.

use ringmq::Stats;

use super::side::{End, Mode, Side};
use super::world::{Peer, World};

/// Each turn brings somebody a buffer's worth further; there are never so many bytes under way that it takes more turns.
const MOST_TURNS: usize = 10_000;

/// After so many turns in which nothing has happened nothing ever will.
const QUIET_TURNS: usize = 10;

impl World {
    /// All trouble ends, peers write what they have, and read what there is: every frame arrives, and every byte. Then all finish, and each is
    /// told the end of the other.
    ///
    /// No callback is fired meanwhile but once those that have left frames of their own accord.
    pub fn complete(&mut self) {
        for number in 0..self.count() {
            self.end_trouble(number);
            let mode = self.sides[number].mode;
            self.set_mode(number, if mode == Mode::Echo { mode } else { Mode::Take });
        }
        self.turn_until("frames and bytes do not arrive", has_arrived);
        for number in 0..self.count() {
            self.finish(number);
            self.shut_down(number);
        }
        self.turn_until("an end is not told", has_ended);
        self.check_rest();
    }

    /// Turns while the peers do what they can, until this is true of all connections.
    fn turn_until(&mut self, failure: &str, is_done: fn(&Side, &Peer) -> bool) {
        let (mut turns, mut quiet_turns) = (0, 0);
        while turns < MOST_TURNS && quiet_turns < QUIET_TURNS {
            let before = self.progress();
            for number in 0..self.count() {
                self.write(number, usize::MAX);
                self.read(number, 1 << 16);
            }
            self.turn();
            self.check();
            self.remove_dead();
            if self.sides.iter().zip(&self.peers).all(|(side, peer)| peer.id.is_none() || is_done(side, peer))
            {
                return;
            }
            turns += 1;
            quiet_turns = if self.progress() == before { quiet_turns + 1 } else { 0 };
        }
        let left = self.sides.iter().zip(&self.peers).map(left_of).collect::<Vec<_>>();
        panic!("{failure} in {turns} turns: {left:#?}, {:?}", self.memory);
    }

    /// As an application does that hears of it: what a dead connection holds is held from the others.
    fn remove_dead(&mut self) {
        for (side, peer) in self.sides.iter_mut().zip(&mut self.peers) {
            if side.has_failed || side.error.is_some() {
                side.is_lost = true; // with what was still to be sent
                peer.id.take().map(|id| self.reactor.context().remove(id));
            }
        }
    }

    /// What has happened so far, in numbers that change with it.
    fn progress(&self) -> (Stats, usize) {
        let stats = self.reactor.stats();
        let left = self.sides.iter().zip(&self.peers);
        let len = left.map(|(side, peer)| side.sent.len() + peer.unwritten.len()).sum();
        (what_was_done(stats), len)
    }

    /// Where nothing is to be done nothing is, and nothing is held.
    fn check_rest(&mut self) {
        // What was told of twice, say.
        for _ in 0..QUIET_TURNS {
            self.turn();
        }
        let before = self.progress();
        self.turn();
        assert_eq!(self.progress(), before, "the loop does not come to rest");
        assert_eq!(self.reactor.next_deadline(), None);
        assert_eq!(self.memory.used(), 0, "held by who is idle");
    }
}

/// Without what is counted in a turn in which nothing happens, too.
fn what_was_done(stats: Stats) -> Stats {
    let mut done = stats;
    (done.turns, done.waits, done.wake_ups) = (0, 0, 0);
    done
}

/// Whether all has arrived that is sent in either direction, who was refused is told of room, and what has ended so far was told.
fn has_arrived(side: &Side, peer: &Peer) -> bool {
    if side.is_lost {
        return true; // it is told at the latest when it is told to finish
    }
    let is_end_told = match side.end {
        None => true,
        Some(End::Clean) => side.has_ended,
        // Whoever is told removes it.
        Some(End::Truncated | End::TooLong) => false,
    };
    let is_room_told = side.unsent.is_empty() && !side.awaits_room && !side.is_told_of_room;
    let is_end_read = !side.has_finished || peer.has_read_end;
    side.expected.is_empty()
        && side.sent.is_empty()
        && peer.unwritten.is_empty()
        && is_end_told
        && is_room_told
        && is_end_read
}

/// Whether both sides know that all is over.
fn has_ended(side: &Side, peer: &Peer) -> bool {
    side.is_closed && (side.is_lost || side.has_ended && peer.has_read_end)
}

/// What is known of a connection, to be shown.
fn left_of((side, peer): (&Side, &Peer)) -> String {
    format!(
        "{} frames and {} bytes, {} bytes unwritten, {} messages unsent, {:?}, {:?}, of room: {:?}; finished, lost, ended, closed, read end: {:?}",
        side.expected.len(),
        side.sent.len(),
        peer.unwritten.len(),
        side.unsent.len(),
        side.mode,
        side.end,
        (side.awaits_room, side.is_told_of_room),
        (side.has_finished, side.is_lost, side.has_ended, side.is_closed, peer.has_read_end),
    )
}
