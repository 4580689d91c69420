//! A connection that is [lent](crate::mq::socket::Loan) to the application's thread: whole messages of requests and replies, either way.

use std::io;
use std::os::unix::io::AsFd;
use std::time::Duration;

use super::busy_poll::BusyPoll;
use super::framing::Framing;
use crate::mq::pipe::Pipe;
use crate::mq::socket::{Loan, Returned};
use crate::mq::Message;
use crate::platform::net;
use crate::Transport;

/// The longest message that goes this way, either way, with all that is around it. Of a longer one the copy counts for more than the wake.
const LEN_MAX: usize = 4096;

pub(super) struct Line {
    pipe: Pipe,
    /// What whoever listens has learned of looks.
    pub busy_poll: BusyPoll,
    framing: Framing,
    /// What is read: nothing stays in it from one time to the next.
    input: Box<[u8; LEN_MAX]>,
    /// What is written.
    output: Vec<u8>,
    max_len: usize,
    /// There was a request, and its reply is still to come or to be sent.
    pub is_open: bool,
    /// How many messages have gone, either way, and how many had when that was looked at.
    pub count: u32,
    pub count_seen: u32,
}

/// What has come.
pub(super) enum Heard {
    Message(Message),
    /// Not in time.
    Nothing,
    /// Something else: the line is to be returned.
    Other(Returned),
}

/// What has become of a message.
pub(super) enum Said {
    All,
    /// It is begun, and the line to be returned.
    Some(Returned),
    /// Nothing has gone: the line is to be returned first.
    Nothing(Returned),
}

impl Line {
    pub fn new(loan: Loan, busy_poll: BusyPoll) -> Line {
        let Loan { pipe, spoken, max_len, is_open } = loan;
        let framing = Framing::new(spoken, LEN_MAX);
        let (input, output) = (Box::new([0; LEN_MAX]), Vec::new());
        Line { pipe, busy_poll, framing, input, output, max_len, is_open, count: 0, count_seen: 0 }
    }

    /// Reads a message, and waits for it `within` this time at the longest.
    pub fn hear(&mut self, within: Duration) -> Heard {
        let Line { pipe, busy_poll, input, .. } = self;
        let received = match busy_poll.look(within, || pipe.receive(&mut input[..])) {
            Some(received) => received,
            None if within.is_zero() || net::wait_readable(pipe.as_fd(), within) => {
                pipe.receive(&mut input[..])
            }
            None => return Heard::Nothing,
        };
        let error = match received {
            Ok(len) => match self.message(len) {
                Some(message) => {
                    self.note_message();
                    return Heard::Message(message);
                }
                None => {
                    return Heard::Other(Returned { unread: self.input[..len].to_vec(), ..self.returned() })
                }
            },
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Heard::Nothing,
            _ => Heard::Other(Returned { error: Some(error), ..self.returned() }),
        }
    }

    /// Writes a message.
    pub fn say(&mut self, message: &Message) -> Said {
        let is_for_this = message.part_count() == 1 && message.len() <= LEN_MAX - Framing::AROUND;
        self.output.clear();
        if !is_for_this || self.framing.write(message.first(), &mut self.output).is_none() {
            return Said::Nothing(self.returned());
        }
        match self.pipe.send(&self.output) {
            Ok(len) => {
                self.note_message();
                match self.output.get(len..) {
                    None | Some([]) => Said::All,
                    Some(unsent) => Said::Some(Returned { unsent: unsent.to_vec(), ..self.returned() }),
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Said::Nothing(self.returned()),
                _ => Said::Nothing(Returned { error: Some(error), ..self.returned() }),
            },
        }
    }

    /// The line, to be returned as it is.
    pub fn returned(&self) -> Returned {
        Returned { is_open: self.is_open, ..Returned::default() }
    }

    /// Requests and replies take turns.
    fn note_message(&mut self) {
        self.is_open = !self.is_open;
        self.count = self.count.wrapping_add(1);
    }

    /// What was read, if it is a message and no more than that.
    fn message(&mut self, len: usize) -> Option<Message> {
        let input = &self.input[..len];
        let body = self.framing.body(input).filter(|body| body.len() <= self.max_len)?;
        Some(Message::from(&input[body]))
    }
}
