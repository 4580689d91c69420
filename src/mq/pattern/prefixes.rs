//! Who has subscribed to what: a tree of prefixes, in which a topic is looked up by walking along its bytes.
//!
//! A branch bears as many bytes as nobody's prefix ends or turns off between, so the tree is no larger than the prefixes in it. What a
//! look-up takes depends on the topic's length and on how many subscribers there are to it, not on who else has subscribed to what.
//!
//! | what happens | answer | rule |
//! |---|---|---|
//! | a peer adds a prefix that it has not | it is new | `a_prefix_matches_what_begins_with_it` |
//! | a peer adds a prefix that it has | nothing: a peer's prefixes are a set | `one_removal_ends_any_number_of_additions` |
//! | a peer removes a prefix that it has | it is gone, that of others stays | `prefixes_of_others_stay` |
//! | a peer removes a prefix that it has not | nothing | `what_was_not_added_is_not_removed` |
//! | a peer is forgotten | all its prefixes are gone | `who_is_forgotten_has_no_prefix_left` |
//! | a topic is looked up | every peer with a prefix of it, once | `who_has_several_prefixes_of_a_topic_is_found_once` |

use super::slots::{Numbered, Slots};
use super::Peer;

const ROOT: u32 = 0;

/// For each peer a set of prefixes.
///
/// ```
/// use ringmq::mq::pattern::{Peer, Prefixes};
///
/// let mut prefixes = Prefixes::new();
/// prefixes.add(Peer(1), b"weather");
/// prefixes.add(Peer(2), b"weather.oslo");
/// let mut found = Vec::new();
/// prefixes.matching(b"weather.rome", |peer| found.push(peer));
/// assert_eq!(found, [Peer(1)]);
/// ```
#[derive(Debug)]
pub struct Prefixes {
    /// The first is the root. One with subscribers has its number as long as it has them.
    nodes: Slots<Node>,
    subscribers: Slots<Subscriber>,
    by_peer: Numbered<Peer, u32>,
    /// Counts look-ups, so that each finds a subscriber once.
    look_ups: u64,
}

#[derive(Debug)]
struct Node {
    /// The bytes that lead here from the parent: none only at the root.
    label: Box<[u8]>,
    parent: u32,
    /// By the first byte of their labels, in order.
    children: Vec<(u8, u32)>,
    /// Whose prefix ends here.
    subscribers: Vec<u32>,
}

#[derive(Debug)]
struct Subscriber {
    peer: Peer,
    found_in: u64,
    /// In which nodes it is, and at which place among the subscribers there.
    places: Numbered<u32, usize>,
    bytes: usize,
}

impl Prefixes {
    /// Nobody has subscribed to anything.
    pub fn new() -> Prefixes {
        let mut nodes = Slots::new();
        nodes.insert(Node::new(&[], ROOT));
        Prefixes { nodes, subscribers: Slots::new(), by_peer: Numbered::default(), look_ups: 0 }
    }

    /// Adds a prefix to a peer's; the answer is whether it had not been there.
    pub fn add(&mut self, peer: Peer, prefix: &[u8]) -> bool {
        let node = self.node_for(prefix);
        let slot = match self.by_peer.get(&peer) {
            Some(&slot) => slot,
            None => {
                let new = Subscriber { peer, found_in: 0, places: Numbered::default(), bytes: 0 };
                let slot = self.subscribers.insert(new);
                self.by_peer.insert(peer, slot);
                slot
            }
        };
        let subscriber = &mut self.subscribers[slot];
        if subscriber.places.contains_key(&node) {
            return false;
        }
        subscriber.places.insert(node, self.nodes[node].subscribers.len());
        subscriber.bytes += prefix.len();
        self.nodes[node].subscribers.push(slot);
        true
    }

    /// Takes a prefix from a peer's; the answer is whether it had been there.
    pub fn remove(&mut self, peer: Peer, prefix: &[u8]) -> bool {
        let found = self.find(prefix).and_then(|node| Some((node, *self.by_peer.get(&peer)?)));
        let (node, slot) = match found {
            Some(found) => found,
            None => return false,
        };
        let subscriber = &mut self.subscribers[slot];
        let place = match subscriber.places.remove(&node) {
            Some(place) => place,
            None => return false,
        };
        subscriber.bytes -= prefix.len();
        self.take_out(node, place);
        true
    }

    /// Takes all prefixes of a peer, and with them what is kept of it.
    pub fn forget(&mut self, peer: Peer) {
        if let Some(slot) = self.by_peer.remove(&peer) {
            for (node, place) in self.subscribers.remove(slot).places {
                self.take_out(node, place);
            }
        }
    }

    /// How many prefixes a peer has, and how many bytes they have together.
    pub fn held_by(&self, peer: Peer) -> (usize, usize) {
        let subscriber = self.by_peer.get(&peer).map(|&slot| &self.subscribers[slot]);
        subscriber.map_or((0, 0), |subscriber| (subscriber.places.len(), subscriber.bytes))
    }

    /// Calls back with every peer that has a prefix of `topic`, in no particular order.
    pub fn matching(&mut self, topic: &[u8], mut found: impl FnMut(Peer)) {
        self.look_ups += 1;
        let (mut at, mut rest) = (ROOT, topic);
        loop {
            for &slot in &self.nodes[at].subscribers {
                let subscriber = &mut self.subscribers[slot];
                if subscriber.found_in != self.look_ups {
                    subscriber.found_in = self.look_ups;
                    found(subscriber.peer);
                }
            }
            match self.step(at, rest) {
                Some((child, behind)) => (at, rest) = (child, behind),
                None => return,
            }
        }
    }

    /// From a node along the bytes in `rest` to the next one, and what is behind.
    fn step<'a>(&self, at: u32, rest: &'a [u8]) -> Option<(u32, &'a [u8])> {
        let child = self.nodes[at].child(*rest.first()?)?;
        Some((child, rest.strip_prefix(&*self.nodes[child].label)?))
    }

    fn find(&self, prefix: &[u8]) -> Option<u32> {
        let (mut at, mut rest) = (ROOT, prefix);
        while !rest.is_empty() {
            (at, rest) = self.step(at, rest)?;
        }
        Some(at)
    }

    /// The node where `prefix` ends, which is made if there is none.
    fn node_for(&mut self, prefix: &[u8]) -> u32 {
        let (mut at, mut rest) = (ROOT, prefix);
        while let Some(&first) = rest.first() {
            let child = match self.nodes[at].child(first) {
                Some(child) => child,
                None => {
                    let leaf = self.nodes.insert(Node::new(rest, at));
                    self.nodes[at].set_child(first, leaf);
                    return leaf;
                }
            };
            let label = &self.nodes[child].label;
            let common = label.iter().zip(rest).take_while(|(one, other)| one == other).count();
            at = if common < label.len() { self.split(child, common) } else { child };
            rest = &rest[common..];
        }
        at
    }

    /// Puts a node before another one, `common` bytes along its branch.
    fn split(&mut self, below: u32, common: usize) -> u32 {
        let Node { label, parent, .. } = &self.nodes[below];
        let (parent, first, turn) = (*parent, label[0], label[common]);
        let mut middle = Node::new(&label[..common], parent);
        middle.children.push((turn, below));
        let middle = self.nodes.insert(middle);
        self.nodes[parent].set_child(first, middle);
        let node = &mut self.nodes[below];
        node.label = Box::from(&node.label[common..]);
        node.parent = middle;
        middle
    }

    /// Takes the subscriber at a place out of a node, and the node out of the tree if it has been there for no other reason.
    fn take_out(&mut self, node: u32, place: usize) {
        let subscribers = &mut self.nodes[node].subscribers;
        subscribers.swap_remove(place);
        if let Some(&moved) = subscribers.get(place) {
            self.subscribers[moved].places.insert(node, place);
        }
        if !self.nodes[node].subscribers.is_empty() || node == ROOT {
            return;
        }
        if !self.nodes[node].children.is_empty() {
            return self.join(node);
        }
        let Node { label, parent, .. } = self.nodes.remove(node);
        self.nodes[parent].children.retain(|(first, _)| *first != label[0]);
        self.join(parent);
    }

    /// Makes one branch of the two on either side of a node that is nobody's and at which nothing turns off.
    fn join(&mut self, at: u32) {
        let node = &self.nodes[at];
        if at == ROOT || !node.subscribers.is_empty() || node.children.len() != 1 {
            return;
        }
        let Node { label, parent, children, .. } = self.nodes.remove(at);
        let below = children[0].1;
        self.nodes[parent].set_child(label[0], below);
        let node = &mut self.nodes[below];
        node.label = [&label[..], &node.label[..]].concat().into();
        node.parent = parent;
    }
}

impl Default for Prefixes {
    fn default() -> Prefixes {
        Prefixes::new()
    }
}

impl Node {
    fn new(label: &[u8], parent: u32) -> Node {
        Node { label: label.into(), parent, children: Vec::new(), subscribers: Vec::new() }
    }

    fn child(&self, first: u8) -> Option<u32> {
        let place = self.children.binary_search_by_key(&first, |child| child.0).ok()?;
        Some(self.children[place].1)
    }

    fn set_child(&mut self, first: u8, child: u32) {
        match self.children.binary_search_by_key(&first, |child| child.0) {
            Ok(place) => self.children[place].1 = child,
            Err(place) => self.children.insert(place, (first, child)),
        }
    }
}
