//! Which plots there are: each is a question, and the figures that answer it.

/// How figures become a picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// Over size, both axes logarithmic.
    Lines { x: &'static str, y: &'static str },
    /// Latencies in microseconds over the share of those that are shorter.
    Percentiles { x: &'static str },
    /// A panel for each part, and a bar for each contestant.
    Bars,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Part {
    pub work: &'static str,
    pub measure: &'static str,
    pub size: Option<u64>,
    pub title: &'static str,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plot {
    /// The file's name, and the anchor's.
    pub name: &'static str,
    pub title: &'static str,
    /// What was done, in a sentence.
    pub what: &'static str,
    pub shape: Shape,
    pub parts: &'static [Part],
    /// Whether more is better.
    pub is_rate: bool,
}

impl Plot {
    /// The works that stand in the table under it.
    pub fn works(&self) -> Vec<&'static str> {
        let mut works: Vec<_> = self.parts.iter().map(|part| part.work).collect();
        works.dedup();
        works
    }
}

const fn part(work: &'static str, measure: &'static str, title: &'static str) -> Part {
    Part { work, measure, size: None, title }
}

const fn sized(work: &'static str, measure: &'static str, size: u64, title: &'static str) -> Part {
    Part { work, measure, size: Some(size), title }
}

pub const PLOTS: [Plot; 13] = [
    Plot {
        name: "idle",
        title: "What do idle descriptors cost?",
        what: "A byte travels through a chain of pipes, all of which the loop waits for: the time from one pipe to the next",
        shape: Shape::Lines { x: "pipes waited for, one of them active", y: "ns per hop" },
        parts: &[part("chain-idle", "ns", "")],
        is_rate: false,
    },
    Plot {
        name: "active",
        title: "What does an event cost when many come at once?",
        what: "Bytes travel through a chain of pipes, so many at the same time: the time from one pipe to the next",
        shape: Shape::Lines { x: "active pipes among all that are waited for", y: "ns per hop" },
        parts: &[part("chain-active", "ns", "")],
        is_rate: false,
    },
    Plot {
        name: "ping-pong",
        title: "How long does a round trip take?",
        what: "64 bytes go to an echo server and come back, over one connection: how long the client waits",
        shape: Shape::Percentiles { x: "share of round trips that took no longer" },
        parts: &[part("ping-pong", "", "")],
        is_rate: false,
    },
    Plot {
        name: "echo",
        title: "What does a message cost the server?",
        what: "User instructions and system calls of an echo server, counted exactly, for a message of 64 bytes",
        shape: Shape::Bars,
        parts: &[
            part("ping-pong", "instructions", "instructions per round trip, 1 connection"),
            part("ping-pong", "system calls", "system calls per round trip, 1 connection"),
            part("fan-in", "instructions", "instructions per message, 100 connections"),
            part("fan-in", "system calls", "system calls per message, 100 connections"),
        ],
        is_rate: false,
    },
    Plot {
        name: "memory",
        title: "How much memory does an idle connection take?",
        what: "User memory, as the allocator counts it, that the loop adds to each of many connections that it waits for",
        shape: Shape::Bars,
        parts: &[part("idle-memory", "bytes", "bytes per idle connection")],
        is_rate: false,
    },
    Plot {
        name: "churn",
        title: "What does it cost to stop waiting, and to wait again?",
        what: "A socket is no longer waited for, and then is again",
        shape: Shape::Bars,
        parts: &[part("churn", "ns", "ns for both")],
        is_rate: false,
    },
    Plot {
        name: "timers",
        title: "What do timers cost?",
        what: "Many timers are set, cancelled, set again and fire; and an idle timeout is put off again and again",
        shape: Shape::Bars,
        parts: &[
            part("timers-insert", "ns", "set one: ns"),
            part("timers-cancel", "ns", "cancel one: ns"),
            part("timers-fire", "ns", "fire one: ns"),
            part("timer-reset", "ns", "put one off: ns"),
        ],
        is_rate: false,
    },
    Plot {
        name: "post",
        title: "What does it cost to hand a loop work from another thread?",
        what: "Another thread hands over tasks as fast as it can, until all have run: the time for each",
        shape: Shape::Bars,
        parts: &[part("post", "ns", "ns per task")],
        is_rate: false,
    },
    Plot {
        name: "wake",
        title: "How soon does a loop run that another thread wakes?",
        what: "Another thread wakes the loop while it waits: the time until what it was woken for runs",
        shape: Shape::Percentiles { x: "share of wake-ups that took no longer" },
        parts: &[part("wake", "", "")],
        is_rate: false,
    },
    Plot {
        name: "frames-decoded",
        title: "How many frames are decoded in a second?",
        what: "Frames with a length prefix of four bytes, which arrive in large pieces, are taken from a buffer",
        shape: Shape::Lines { x: "bytes in a frame", y: "frames per second" },
        parts: &[part("frames", "decoded per second", "")],
        is_rate: true,
    },
    Plot {
        name: "frames-encoded",
        title: "How many frames are encoded in a second?",
        what: "Frames with a length prefix of four bytes are written into a buffer",
        shape: Shape::Lines { x: "bytes in a frame", y: "frames per second" },
        parts: &[part("frames", "encoded per second", "")],
        is_rate: true,
    },
    Plot {
        name: "messages",
        title: "How many messages go from PUSH to PULL in a second?",
        what: "Two processes over TCP, as libzmq's own local_thr and remote_thr have it; tokio in frames, without a queue",
        shape: Shape::Lines { x: "bytes in a message", y: "messages per second" },
        parts: &[part("messages", "per second", "")],
        is_rate: true,
    },
    Plot {
        name: "request-reply",
        title: "How long does a REQ wait for its REP?",
        what: "64 bytes go to a replier in another process over TCP and come back: the median time, and what it takes the replier",
        shape: Shape::Bars,
        parts: &[
            sized("request-reply", "us p50", 1, "1 requester: us"),
            sized("request-reply", "us p50", 50, "50 requesters: us"),
            sized("request-reply", "instructions", 1, "instructions of the replier, 1 requester"),
            sized("request-reply", "system calls", 1, "system calls of the replier, 1 requester"),
        ],
        is_rate: false,
    },
];
