//! What is to be received, and who has turns, as it looks from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use ringmq::mq::{Message, Part, SocketType};

/// Who waits for a turn, each with those who have had one since it does.
pub struct Turns<T>(BTreeMap<T, BTreeSet<T>>);

impl<T: Ord + Copy + Debug> Turns<T> {
    pub fn new() -> Turns<T> {
        Turns(BTreeMap::new())
    }

    pub fn wants(&mut self, one: T) {
        self.0.entry(one).or_default();
    }

    pub fn gone(&mut self, one: T) {
        self.0.remove(&one);
    }

    pub fn had(&mut self, one: T, wants_another: bool) {
        self.gone(one);
        for (other, since) in &mut self.0 {
            assert!(since.insert(one), "{one:?} has had two turns while {other:?} waits");
        }
        if wants_another {
            self.wants(one);
        }
    }
}

/// What is known of the messages that have arrived and wait: each has a number in its last part.
pub struct Ledger {
    pub waiting: BTreeMap<u64, (u64, Message)>,
    turns: Turns<u64>,
    pub received_count: usize,
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger { waiting: BTreeMap::new(), turns: Turns::new(), received_count: 0 }
    }

    pub fn queued(&mut self, number: u64, sender: u64, message: Message) {
        self.waiting.insert(number, (sender, message));
        self.turns.wants(sender);
    }

    /// What waits is not to be received.
    pub fn given_up(&mut self) {
        self.waiting.clear();
        self.turns = Turns::new();
    }

    pub fn received(&mut self, kind: SocketType, message: &Message) {
        let mut parts: Vec<Part> = message.parts().cloned().collect();
        let number = parts.last().expect("a part").strip_prefix(b"#").expect("a number");
        let number = std::str::from_utf8(number).expect("text").parse().expect("a number");
        let (sender, sent) =
            self.waiting.remove(&number).expect("what has arrived, and was not received before");
        let sent = sent.into_parts();
        match kind {
            SocketType::Router => {
                parts.remove(0);
                assert_eq!(parts, sent);
            }
            SocketType::Req | SocketType::Rep => assert!(sent.ends_with(&parts), "{parts:?} of {sent:?}"),
            _ => assert_eq!(parts, sent),
        }
        let mut others =
            self.waiting.iter().filter(|(_, (other, _))| *other == sender).map(|(number, _)| *number);
        let next = others.next();
        assert!(next.map_or(true, |next| next > number), "out of order");
        self.turns.had(sender, next.is_some());
        self.received_count += 1;
    }
}
