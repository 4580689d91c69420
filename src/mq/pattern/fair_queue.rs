//! What has arrived, given out fairly: one message of each peer in turn, so that who sends much does not keep others waiting.
//!
//! Peers with a whole message stand in line. The first gives one, and goes to the end if it has another.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | a message of a peer with none arrives | it waits, and its peer goes to the line's end | `peers_are_served_in_the_order_in_which_they_came_to_have_a_message` |
//! | a message of a peer with others arrives | it waits behind them, and the line is as before | `two_that_have_many_alternate` |
//! | a message of a peer that is not there arrives | dropped, [`PeerLeft`](Dropped::PeerLeft) | `what_comes_from_nobody_is_dropped` |
//! | one is taken | that of the first in line | `a_flood_keeps_nobody_waiting_for_more_than_a_round` |
//! | a peer leaves | it keeps its place until all that it had sent is taken | `who_left_keeps_its_turn_and_its_messages` |
//! | one is taken of a peer that has left | [as many fewer](FairQueue::left_behind) were left behind | `what_was_left_behind_is_counted_until_it_is_taken` |
//! | another joins under the number of one that left | they are two | `a_number_that_is_used_again_is_another_peer` |

use std::collections::VecDeque;

use super::slots::{Numbered, Slots};
use super::{Arrival, Dropped, Message, Peer};
use crate::mq::options::HighWater;
use crate::mq::queue::Queue;

/// Messages that wait, by the peer that they are from, each of which has a label: what is to be known of it when its messages are taken,
/// which may be when it has left.
///
/// ```
/// use ringmq::mq::pattern::{FairQueue, Peer};
///
/// let (ann, bob) = (Peer(0), Peer(1));
/// let mut queue = FairQueue::new();
/// queue.joined(ann, "Ann");
/// queue.joined(bob, "Bob");
/// for (peer, text) in [(ann, "a1"), (ann, "a2"), (bob, "b1")] {
///     queue.push(peer, text.into());
/// }
/// queue.left(ann);
/// let taken = std::iter::from_fn(|| queue.pop()).map(|taken| (taken.label, taken.message.into_vec()));
/// let expected = [("Ann", "a1"), ("Bob", "b1"), ("Ann", "a2")];
/// assert!(taken.eq(expected.map(|(name, text)| (name, text.as_bytes().to_vec()))));
/// ```
#[derive(Debug)]
pub struct FairQueue<L = ()> {
    lanes: Slots<Lane<L>>,
    /// The lane of the peer that has the number, or of the last one that had it and has not been received from to its end.
    by_peer: Numbered<Peer, u32>,
    /// The lane that was added to last, which many messages in a row come to. What is in its place by now may be another's.
    latest: u32,
    /// Each lane with a message, once.
    line: VecDeque<u32>,
    /// How many messages and bytes the lanes of peers have that have left.
    behind: (usize, usize),
}

#[derive(Debug)]
struct Lane<L> {
    peer: Peer,
    label: L,
    messages: Queue,
    is_there: bool,
}

impl<L> Lane<L> {
    /// Whether it is this peer's, of whose lanes one at most is not of a former one.
    #[inline]
    fn is_of(&self, peer: Peer) -> bool {
        self.peer == peer && self.is_there
    }

    fn waiting(&self) -> (usize, usize) {
        (self.messages.count(), self.messages.len())
    }
}

/// A message, and whose it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken<L> {
    /// The number of the peer that it is from.
    pub peer: Peer,
    /// What the peer joined with.
    pub label: L,
    /// Whether that peer is still there. If not, its number may be another's by now.
    pub is_there: bool,
    /// What it sent.
    pub message: Message,
}

impl<L> FairQueue<L> {
    /// A queue without peers.
    pub fn new() -> FairQueue<L> {
        FairQueue {
            lanes: Slots::new(),
            by_peer: Numbered::default(),
            latest: 0,
            line: VecDeque::new(),
            behind: (0, 0),
        }
    }

    /// A peer may send from now on. One of the same number has left.
    pub fn joined(&mut self, peer: Peer, label: L) {
        self.left(peer);
        let lane = Lane { peer, label, messages: Queue::default(), is_there: true };
        let at = self.lanes.insert(lane);
        self.by_peer.insert(peer, at);
    }

    /// A peer has left: no more of it arrives, what has arrived stays.
    pub fn left(&mut self, peer: Peer) {
        let at = match self.by_peer.get(&peer) {
            Some(&at) if self.lanes[at].is_there => at,
            _ => return,
        };
        let lane = &mut self.lanes[at];
        lane.is_there = false;
        self.behind.0 += lane.messages.count();
        self.behind.1 += lane.messages.len();
        if lane.messages.is_empty() {
            self.forget(at);
        }
    }

    /// Whether a peer has joined, and has not left.
    pub fn contains(&self, peer: Peer) -> bool {
        self.by_peer.get(&peer).map_or(false, |&at| self.lanes[at].is_there)
    }

    /// A whole message has arrived.
    #[inline(always)] // as `pop_plain`
    pub fn push(&mut self, peer: Peer, mut message: Message) -> Arrival {
        match self.lane_end(peer) {
            Some(mut end) => end.push(&mut message),
            None => return Arrival::Dropped(Dropped::PeerLeft),
        }
        Arrival::Queued
    }

    /// Where messages of a peer are put, if it is there: many in a row, without being asked for each whose it is.
    #[inline]
    pub(in crate::mq) fn lane_end(&mut self, peer: Peer) -> Option<LaneEnd<'_>> {
        let is_latest = matches!(self.lanes.get_mut(self.latest), Some(lane) if lane.is_of(peer));
        if !is_latest {
            self.latest = *self.by_peer.get(&peer)?;
        }
        let lane = &mut self.lanes[self.latest];
        match lane.is_there {
            true => Some(LaneEnd { messages: &mut lane.messages, line: &mut self.line, at: self.latest }),
            false => None,
        }
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// How many messages and bytes of a peer wait; of one that has left, until another has its number.
    pub fn waiting(&self, peer: Peer) -> (usize, usize) {
        self.by_peer.get(&peer).map_or((0, 0), |&at| self.lanes[at].waiting())
    }

    /// How many messages and bytes wait of all peers that have left.
    pub fn left_behind(&self) -> (usize, usize) {
        self.behind
    }

    fn forget(&mut self, at: u32) {
        let peer = self.lanes.remove(at).peer;
        if self.by_peer.get(&peer) == Some(&at) {
            self.by_peer.remove(&peer);
        }
    }
}

/// Where further messages of a peer are put.
pub(in crate::mq) struct LaneEnd<'a> {
    messages: &'a mut Queue,
    line: &'a mut VecDeque<u32>,
    at: u32,
}

impl LaneEnd<'_> {
    #[inline]
    fn push(&mut self, message: &mut Message) {
        self.stand_in_line();
        self.messages.push(message);
    }

    /// A whole message of one part has arrived.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.stand_in_line();
        if !self.messages.push_bytes(bytes) {
            self.messages.push(&mut Message::from(bytes));
        }
    }

    #[inline]
    fn stand_in_line(&mut self) {
        if self.messages.is_empty() {
            self.line.push_back(self.at);
        }
    }
}

impl<L> FairQueue<L> {
    /// Moves the message whose turn it is behind those of a queue; answers whose it was.
    #[inline]
    pub(in crate::mq) fn move_to(&mut self, queue: &mut Queue) -> Option<Peer> {
        let at = *self.line.front()?;
        let lane = &mut self.lanes[at];
        let peer = lane.peer;
        let len = lane.messages.move_first(queue).expect(IN_LINE);
        self.took(at, len);
        Some(peer)
    }

    /// As [`move_to`](Self::move_to), of all messages that wait, if those are of one peer that is there and it is no more than there is
    /// `room` for; answers whose and how many they were.
    pub(in crate::mq) fn move_all_to(&mut self, queue: &mut Queue, room: HighWater) -> Option<(Peer, usize)> {
        let lane = match (self.line.len(), self.line.front()) {
            (1, Some(&at)) => &mut self.lanes[at],
            _ => return None,
        };
        let (count, len) = lane.waiting();
        if !lane.is_there || count > room.messages || len > room.bytes {
            return None;
        }
        queue.append(&mut lane.messages);
        let peer = lane.peer;
        self.line.clear();
        Some((peer, count))
    }

    /// The message whose turn it is, if it is a [short](Queue::first_short) one: it is looked at where it lies.
    #[inline]
    pub(in crate::mq) fn first_short(&mut self) -> Option<(Peer, &[u8])> {
        let lane = self.lanes.get_mut(*self.line.front()?)?;
        Some((lane.peer, lane.messages.first_short()?))
    }

    /// Drops the [first](Self::first_short), which had so many bytes.
    #[inline]
    pub(in crate::mq) fn drop_short(&mut self, len: usize) {
        if let Some(&at) = self.line.front() {
            self.lanes[at].messages.drop_short(len);
            self.took(at, len);
        }
    }

    /// Takes the message whose turn it is, without its peer's label.
    #[inline(always)] // what is handed on by value is copied with each call
    pub(super) fn pop_plain(&mut self) -> Option<(Peer, Message)> {
        let at = *self.line.front()?;
        let lane = &mut self.lanes[at];
        let peer = lane.peer;
        let message = lane.messages.pop().expect(IN_LINE);
        self.took(at, message.len());
        Some((peer, message))
    }

    /// A message of so many bytes was taken off the lane that was the first in line.
    #[inline(always)] // as `pop_plain`
    fn took(&mut self, at: u32, len: usize) {
        let lane = &mut self.lanes[at];
        if !lane.is_there {
            self.behind.0 -= 1;
            self.behind.1 -= len;
        }
        if lane.messages.is_empty() {
            self.line.pop_front();
            if !lane.is_there {
                self.forget(at);
            }
        } else if self.line.len() > 1 {
            self.line.rotate_left(1);
        }
    }
}

impl<L: Clone> FairQueue<L> {
    /// Takes the message whose turn it is.
    pub fn pop(&mut self) -> Option<Taken<L>> {
        let lane = &mut self.lanes[*self.line.front()?];
        let (label, is_there) = (lane.label.clone(), lane.is_there);
        let (peer, message) = self.pop_plain()?;
        Some(Taken { peer, label, is_there, message })
    }
}

const IN_LINE: &str = "who stands in line has a message";

impl<L> Default for FairQueue<L> {
    fn default() -> FairQueue<L> {
        FairQueue::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_is_what_would_be_received_and_counts_as_such() {
        const ROOM: HighWater = HighWater { messages: 5, bytes: 6000 };
        let mut random = fastrand::Rng::with_seed(7);
        let (mut received, mut moved) = (FairQueue::new(), FairQueue::new());
        let mut queue = Queue::default();
        let mut moved_at_once = 0;
        for step in 0..50_000_u32 {
            let peer = Peer(random.u32(0..4));
            match random.u32(0..20) {
                0 => {
                    received.left(peer);
                    moved.left(peer);
                }
                1 => {
                    received.joined(peer, ());
                    moved.joined(peer, ());
                }
                2..=8 => {
                    let message = Message::from(vec![step as u8; random.usize(0..1500)]);
                    assert_eq!(moved.push(peer, message.clone()), received.push(peer, message));
                }
                9 => {
                    let waiting = received.waiting(peer);
                    let (whose, count) = match moved.move_all_to(&mut queue, ROOM) {
                        Some(taken) => taken,
                        None => continue,
                    };
                    moved_at_once += count;
                    for _ in 0..count {
                        let (peer, message) = received.pop_plain().unwrap();
                        assert_eq!((peer, queue.pop()), (whose, Some(message)));
                    }
                    assert!(received.is_empty() && queue.is_empty());
                    assert!(whose != peer || waiting.0 <= ROOM.messages && waiting.1 <= ROOM.bytes);
                }
                _ => {
                    let expected = received.pop_plain();
                    assert_eq!(moved.move_to(&mut queue), expected.as_ref().map(|(peer, _)| *peer));
                    assert_eq!(queue.pop(), expected.map(|(_, message)| message));
                }
            }
            assert_eq!(moved.waiting(peer), received.waiting(peer));
            assert_eq!(
                (moved.left_behind(), moved.is_empty()),
                (received.left_behind(), received.is_empty())
            );
        }
        assert!(moved_at_once > 100, "{moved_at_once}");
    }
}
