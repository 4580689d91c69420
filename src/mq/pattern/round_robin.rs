//! Whose turn it is to be sent something: that of one peer with room after the other.
//!
//! Peers with room stand in line. The first is given the next message, and goes to the end.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | a peer joins | it has room, and goes to the line's end | `peers_take_turns_in_the_order_in_which_they_joined` |
//! | a peer has no room any more | it steps out, and the others keep their order | `who_has_no_room_is_passed_over` |
//! | a peer has room again | it goes to the line's end | `who_has_room_again_is_the_last` |
//! | a peer that has room is said to have some, or one that has none to have none | nothing | `what_is_known_of_room_changes_nothing` |
//! | a peer leaves | it steps out, and the others keep their order | `who_leaves_disturbs_no_turn` |
//! | somebody is to be picked | the first in line; there are only peers without room: [`NoRoom`](NotSent::NoRoom); there are none: [`NoPeer`](NotSent::NoPeer) | `without_peers_or_without_room_nobody_is_picked` |

use std::collections::VecDeque;

use super::slots::Numbered;
use super::{NotSent, Peer};

/// Peers that take turns. Each call takes a time that does not depend on how many there are, taken over all calls.
///
/// ```
/// use ringmq::mq::pattern::{NotSent, Peer, RoundRobin};
///
/// let mut peers = RoundRobin::new();
/// peers.joined(Peer(7));
/// peers.joined(Peer(8));
/// assert_eq!([peers.pick(), peers.pick(), peers.pick()], [Ok(Peer(7)), Ok(Peer(8)), Ok(Peer(7))]);
/// peers.set_room(Peer(8), false);
/// assert_eq!([peers.pick(), peers.pick()], [Ok(Peer(7)), Ok(Peer(7))]);
/// peers.left(Peer(7));
/// assert_eq!(peers.pick(), Err(NotSent::NoRoom));
/// ```
#[derive(Default, Debug)]
pub struct RoundRobin {
    /// With the ticket that it stands in line with, if it has room.
    peers: Numbered<Peer, Option<u64>>,
    /// Who stepped out is still in it, with a ticket that is no longer its own.
    line: VecDeque<(Peer, u64)>,
    /// How many have room.
    roomy_count: usize,
    tickets: u64,
}

impl RoundRobin {
    /// Nobody.
    pub fn new() -> RoundRobin {
        RoundRobin::default()
    }

    /// A peer is there, and has room. One of the same number has left.
    pub fn joined(&mut self, peer: Peer) {
        self.left(peer);
        self.peers.insert(peer, None);
        self.set_room(peer, true);
    }

    /// A peer has left.
    pub fn left(&mut self, peer: Peer) {
        if let Some(Some(_)) = self.peers.remove(&peer) {
            self.step_out();
        }
    }

    /// Whether a peer has room. Of one that is not there nothing is noted.
    pub fn set_room(&mut self, peer: Peer, has_room: bool) {
        match self.peers.get_mut(&peer) {
            Some(ticket @ None) if has_room => {
                self.tickets += 1;
                *ticket = Some(self.tickets);
                self.line.push_back((peer, self.tickets));
                self.roomy_count += 1;
            }
            Some(ticket @ Some(_)) if !has_room => {
                *ticket = None;
                self.step_out();
            }
            _ => {}
        }
    }

    /// Whether somebody can be picked.
    pub fn has_room(&self) -> bool {
        self.roomy_count > 0
    }

    /// The peer whose turn it is, which has had it with that.
    ///
    /// # Errors
    /// [`NoPeer`](NotSent::NoPeer) and [`NoRoom`](NotSent::NoRoom).
    pub fn pick(&mut self) -> Result<Peer, NotSent> {
        let nobody = if self.peers.is_empty() { NotSent::NoPeer } else { NotSent::NoRoom };
        self.next().ok_or(nobody)
    }

    /// The only peer with room, if it is known without looking that there is just one.
    #[inline]
    pub(crate) fn only(&self) -> Option<Peer> {
        match (self.roomy_count, self.line.len(), self.line.front()) {
            (1, 1, Some(&(peer, _))) => Some(peer),
            _ => None,
        }
    }

    /// As [`pick`](Self::pick), for who does not ask why there is nobody.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Peer> {
        match self.only() {
            Some(peer) => Some(peer),
            None => self.next_in_line(),
        }
    }

    fn next_in_line(&mut self) -> Option<Peer> {
        while let Some(&(peer, ticket)) = self.line.front() {
            // Where nobody has stepped out, whoever is in line stands in it.
            if self.line.len() == self.roomy_count || self.peers.get(&peer) == Some(&Some(ticket)) {
                if self.line.len() > 1 {
                    self.line.rotate_left(1);
                }
                return Some(peer);
            }
            self.line.pop_front();
        }
        None
    }

    /// One in line fewer counts. When most of the line is such as stepped out it is cleared of them, so that it is never much longer than
    /// there are peers.
    fn step_out(&mut self) {
        self.roomy_count -= 1;
        if self.line.len() > 2 * self.roomy_count + 8 {
            let peers = &self.peers;
            self.line.retain(|(peer, ticket)| peers.get(peer) == Some(&Some(*ticket)));
        }
    }
}
