//! What is measured: a codec, a direction, how long a frame is and in what pieces it arrives.

use std::fmt;
use std::str::FromStr;

/// The longest body that a codec of either side is told to take.
pub const BODY_MAX: usize = 64 * 1024;
/// What a large read takes at once: longer than the longest frame, so that whole ones arrive.
pub const WHOLE: usize = 256 * 1024;
/// What a dribble brings at once: less than half of the shortest frame.
pub const DRIBBLE: usize = 7;
/// About how many bytes one pass takes: enough of the longest frames.
const PASS_LEN: usize = 1024 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Prefix,
    Lines,
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(name: &str) -> Result<Protocol, String> {
        match name {
            "prefix" => Ok(Protocol::Prefix),
            "lines" => Ok(Protocol::Lines),
            _ => Err(format!("no codec {name}: there are prefix and lines")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Takes frames from a stream that arrives in pieces of so many bytes.
    Decode {
        piece_len: usize,
    },
    Encode,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Ours,
    Theirs,
    /// The same bytes, copied once in the same pieces and not looked at.
    Copy,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    pub protocol: Protocol,
    pub work: Work,
    pub body_len: usize,
}

impl Case {
    pub fn all() -> Vec<Case> {
        let works = [Work::Decode { piece_len: WHOLE }, Work::Decode { piece_len: DRIBBLE }, Work::Encode];
        let mut cases = Vec::new();
        for protocol in [Protocol::Prefix, Protocol::Lines] {
            for work in works {
                for body_len in [16, 256, 4096, 65536] {
                    cases.push(Case { protocol, work, body_len });
                }
            }
        }
        cases
    }

    /// Whether it is of that codec, or of any when none is named.
    pub fn is_of(self, only: Option<Protocol>) -> bool {
        only.is_none_or(|only| only == self.protocol)
    }

    pub fn is_decode(self) -> bool {
        self.work != Work::Encode
    }

    pub fn frame_count(self) -> usize {
        PASS_LEN / self.body_len
    }

    /// Letters, which both protocols carry.
    pub fn body(self) -> String {
        ('a'..='z').cycle().take(self.body_len).collect()
    }

    pub fn frame(self) -> Vec<u8> {
        let body = self.body().into_bytes();
        match self.protocol {
            Protocol::Prefix => [&(self.body_len as u32).to_be_bytes()[..], &body].concat(),
            Protocol::Lines => [&body[..], b"\n"].concat(),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Prefix => "prefix",
            Protocol::Lines => "lines",
        };
        let work = match self.work {
            Work::Decode { piece_len: DRIBBLE } => "decode-dribble",
            Work::Decode { .. } => "decode-whole",
            Work::Encode => "encode",
        };
        write!(f, "{protocol:<6} {work:<14} {:>5}", self.body_len)
    }
}
