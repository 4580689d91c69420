//! Turns and queues as plain lists, in which everything is looked for.

use ringmq::mq::pattern::Peer;
use ringmq::mq::{Message, Part};

/// What a model knows of a peer that is there.
pub struct Known {
    pub peer: Peer,
    pub name: Part,
    /// Since when it has had room without being picked.
    pub roomy_since: Option<u64>,
    pub prefixes: Vec<Vec<u8>>,
}

/// The messages of one peer, from when it joined.
struct Lane {
    peer: Peer,
    name: Part,
    is_there: bool,
    /// Since when it has had a message without being received from.
    since: u64,
    messages: Vec<Message>,
}

#[derive(Default)]
pub struct Incoming {
    lanes: Vec<Lane>,
    now: u64,
}

impl Incoming {
    pub fn joined(&mut self, peer: Peer, name: Part) {
        self.lanes.push(Lane { peer, name, is_there: true, since: 0, messages: Vec::new() });
    }

    pub fn left(&mut self, peer: Peer) {
        self.lanes.iter_mut().filter(|lane| lane.peer == peer).for_each(|lane| lane.is_there = false);
    }

    /// Whether it was taken.
    pub fn push(&mut self, peer: Peer, message: Message) -> bool {
        self.now += 1;
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.peer == peer && lane.is_there) else {
            return false;
        };
        if lane.messages.is_empty() {
            lane.since = self.now;
        }
        lane.messages.push(message);
        true
    }

    /// That of the peer that has waited longest, with its name, and whether it is there.
    pub fn pop(&mut self) -> Option<(Peer, Part, bool, Message)> {
        self.now += 1;
        let waiting = self.lanes.iter_mut().filter(|lane| !lane.messages.is_empty());
        let lane = waiting.min_by_key(|lane| lane.since)?;
        lane.since = self.now;
        Some((lane.peer, lane.name.clone(), lane.is_there, lane.messages.remove(0)))
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.messages.is_empty())
    }

    pub fn clear(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.messages.clear());
    }

    /// Of all that have left.
    pub fn left_behind(&self) -> (usize, usize) {
        let gone = self.lanes.iter().filter(|lane| !lane.is_there);
        let messages = gone.flat_map(|lane| &lane.messages);
        messages.fold((0, 0), |(count, bytes), message| (count + 1, bytes + message.len()))
    }

    /// Of the last one that had the number.
    pub fn waiting(&self, peer: Peer) -> (usize, usize) {
        let last = self.lanes.iter().rfind(|lane| lane.peer == peer);
        last.map_or((0, 0), |lane| (lane.messages.len(), lane.messages.iter().map(Message::len).sum()))
    }
}
