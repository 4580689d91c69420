//! Whether the peer still lives: [`Pulse`], heartbeats of either side.

use std::time::{Duration, Instant};

use super::{Heartbeat, SessionError};

/// When the peer is asked next, and when it is given up.
///
/// There are two ways in which it can be too silent: it was asked and nothing came, or it has said in a PING of its own how long to believe
/// it. Whatever it sends settles the former, and puts off the latter by as much again.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Ours, once it has begun and if the peer can be asked.
    heartbeat: Option<Heartbeat>,
    next_ping: Option<Instant>,
    /// When the first PING since the last sign of life has to be answered.
    answer_due: Option<Instant>,
    /// What the peer has said of its own silence.
    ttl: Option<Duration>,
    silent_until: Option<Instant>,
}

impl Pulse {
    /// Begins to ask.
    pub fn start(&mut self, heartbeat: Option<Heartbeat>, now: Instant) {
        self.heartbeat = heartbeat;
        self.next_ping = heartbeat.and_then(|heartbeat| now.checked_add(heartbeat.interval));
    }

    /// Something has come.
    #[inline]
    pub fn note_life(&mut self, now: Instant) {
        self.answer_due = None;
        if let Some(ttl) = self.ttl {
            self.silent_until = now.checked_add(ttl);
        }
    }

    /// The peer has said how long to believe it without a sign of life; zero is for ever.
    pub fn note_ttl(&mut self, ttl: Duration, now: Instant) {
        self.ttl = Some(ttl).filter(|ttl| !ttl.is_zero());
        self.silent_until = self.ttl.and_then(|ttl| now.checked_add(ttl));
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        [self.next_ping, self.answer_due, self.silent_until].into_iter().flatten().min()
    }

    /// Answers with the time to live of a PING, if one is to be sent.
    pub fn on_deadline(&mut self, now: Instant) -> Result<Option<Duration>, SessionError> {
        let is_over = |deadline: Option<Instant>| matches!(deadline, Some(deadline) if deadline <= now);
        if is_over(self.silent_until) {
            return Err(SessionError::HeartbeatLost { within: self.ttl.unwrap_or_default() });
        }
        let heartbeat = match self.heartbeat {
            Some(heartbeat) => heartbeat,
            None => return Ok(None),
        };
        if is_over(self.answer_due) {
            return Err(SessionError::HeartbeatLost { within: heartbeat.timeout });
        }
        if !is_over(self.next_ping) {
            return Ok(None);
        }
        // From now on, and not from when it was due: who was late does not ask several times at once.
        self.next_ping = now.checked_add(heartbeat.interval);
        self.answer_due = self.answer_due.or_else(|| now.checked_add(heartbeat.timeout));
        Ok(Some(heartbeat.ttl))
    }
}
