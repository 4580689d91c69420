//! Messages as words for `peer.py`, and the bytes that both sides know how to make.

use ringmq::mq::{Message, Part};

/// A prime, so that what is cut and joined at rounder lengths does not fit.
const BLOCK_LEN: usize = 65521;

static BLOCK: [u8; BLOCK_LEN] = block();

const fn block() -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    let mut at = 0;
    while at < BLOCK_LEN {
        block[at] = (at * 7 + (at >> 8)) as u8;
        at += 1;
    }
    block
}

/// The longest part that is written out.
const WRITTEN_LEN: usize = 64;

/// So many bytes: blocks that begin with their number, from `seed` on, so that one that is missing or in the wrong place is noticed.
pub fn fill(len: usize, seed: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + BLOCK_LEN);
    let mut number = seed;
    while bytes.len() < len {
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&BLOCK[4..]);
        number += 1;
    }
    bytes.truncate(len);
    bytes
}

pub fn message(parts: &[&str]) -> Message {
    Message::from_parts(parts.iter().copied()).expect("there are parts")
}

pub fn words(message: &Message) -> String {
    message.parts().map(|part| word(part)).collect::<Vec<_>>().join(" ")
}

pub fn word(part: &[u8]) -> String {
    if part.len() <= WRITTEN_LEN {
        let digits: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        return format!("={digits}");
    }
    let seed = u32::from_be_bytes([part[0], part[1], part[2], part[3]]);
    assert!(part == fill(part.len(), seed), "only what fill makes is sent when it is long");
    format!("~{}:{seed}", part.len())
}

/// The message that these words stand for. A part that the peer did not know is none that we sent: it panics.
pub fn message_of(words: &str) -> Message {
    Message::from_parts(words.split(' ').map(part_of)).expect("a split has a part")
}

fn part_of(word: &str) -> Part {
    let is_torn = || -> ! { panic!("the peer has received what nobody sent: {word}") };
    if let Some(digits) = word.strip_prefix('=') {
        let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
        return Part::from(pairs.collect::<Result<Vec<u8>, _>>().unwrap_or_else(|_| is_torn()));
    }
    let numbers = word.strip_prefix('~').and_then(|rest| rest.split_once(':'));
    match numbers.map(|(len, seed)| (len.parse(), seed.parse())) {
        Some((Ok(len), Ok(seed))) => Part::from(fill(len, seed)),
        _ => is_torn(),
    }
}

/// What a message is, in few words: the long ones are not to be seen in full when they are not what was expected.
pub fn told(message: &Message) -> String {
    let part = |part: &Part| match part.len() <= WRITTEN_LEN {
        true => format!("{part:?}"),
        false => format!("{} bytes from {:?} on", part.len(), &part[..8]),
    };
    message.parts().map(part).collect::<Vec<_>>().join(", ")
}

/// That they are the same.
#[track_caller]
pub fn assert_same(found: &Message, expected: &Message) {
    assert!(found == expected, "expected {}, found {}", told(expected), told(found));
}
