//! What the application's side has of a connection that is [lent](crate::mq::socket::Loan): the line, whether it is in use, and what of it
//! is returned.

use std::mem;
use std::sync::MutexGuard;
use std::time::Duration;

use super::busy_poll::BusyPoll;
use super::error::WaitError;
use super::line::{Heard, Line, Said};
use super::shared::{Shared, State, Wait};
use crate::mq::socket::{Loan, Returned};
use crate::mq::{Message, SocketType};

/// How long a thread listens to the line alone. Who wants it back waits for that at the longest, and who hears nothing for so long returns
/// it, since a wake more or less counts for little then.
const LISTEN: Duration = Duration::from_millis(1);

/// After how many messages a connection is lent the first time, and the longest that it comes to when loans are of no use. After one that
/// was of use it is lent again with the next message: bursts and a long message now and then go by lines but for their ends.
const PATIENCE: u32 = 16;
const PATIENCE_MAX: u32 = 1 << 10;

/// How many messages go by a line, at the least, if it was of use: to lend and to return it takes as long as some of them.
const USE: u32 = 64;

pub(super) struct Borrowed {
    line: Place,
    /// What the I/O thread has not taken yet.
    pub returned: Option<Box<Returned>>,
    /// How many messages go by the I/O thread in a row, with few others between them, before a connection is lent; never, of sockets that
    /// do not take turns.
    wait: Option<u32>,
    /// What that begins with.
    patience: u32,
    /// What a line has learned of looks before it was returned: the next one begins with that.
    busy_poll: BusyPoll,
}

/// Where the line is.
enum Place {
    /// With the I/O thread, or on the way there.
    Away,
    /// Here, and nobody uses it.
    Here(Box<Line>),
    /// A thread listens to it; it may be that it is to be returned as soon as it is not in use.
    InUse { is_recalled: bool },
}

impl Place {
    /// Takes it out, to be used or returned. Where it is is for the caller to say then.
    #[inline]
    fn take(&mut self) -> Option<Box<Line>> {
        match mem::replace(self, Place::Away) {
            Place::Here(line) => Some(line),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// What has become of what was put there.
pub(super) struct Put {
    /// The connection is lent.
    pub is_lent: bool,
    /// One that comes with what is put there next would be.
    pub wants_loan: bool,
}

impl Borrowed {
    /// Whoever listens looks for so long before it sleeps, at the longest: [`Options::busy_poll`](crate::mq::Options::busy_poll).
    pub fn new(socket_type: SocketType, busy_poll: Duration) -> Borrowed {
        let takes_turns = matches!(socket_type, SocketType::Req | SocketType::Rep);
        Borrowed {
            line: Place::Away,
            returned: None,
            wait: Some(PATIENCE).filter(|_| takes_turns),
            patience: PATIENCE,
            busy_poll: BusyPoll::new(busy_poll),
        }
    }

    fn begin(&mut self, loan: Loan) {
        self.line = Place::Here(Box::new(Line::new(loan, self.busy_poll.clone())));
    }

    #[inline]
    pub fn has_line(&self) -> bool {
        matches!(self.line, Place::Here(_))
    }

    /// The line, to be listened to by one.
    #[inline]
    pub fn take(&mut self) -> Option<Box<Line>> {
        let line = self.line.take()?;
        self.line = Place::InUse { is_recalled: false };
        Some(line)
    }

    /// Something is put there: is a connection to come with the next? If one comes now, the next is what is put there when that is returned.
    /// So what was of no use is tried once more, since in a burst that was half over it could not be of any.
    #[inline]
    pub fn is_next_wanted(&mut self, is_of_few: bool) -> bool {
        match &mut self.wait {
            None => false,
            Some(wait) if !is_of_few => {
                *wait = self.patience;
                false
            }
            Some(0) => true,
            Some(wait) => {
                *wait -= 1;
                *wait == 0
            }
        }
    }

    /// Returns the line, if nobody listens to it; answers whether the I/O thread has to be told.
    pub fn give_back(&mut self) -> bool {
        if let Place::InUse { is_recalled } = &mut self.line {
            *is_recalled = true;
        } else if let Some(line) = self.line.take() {
            self.put_back(&line, line.returned());
        }
        self.returned.is_some()
    }

    fn put_back(&mut self, line: &Line, returned: Returned) {
        self.line = Place::Away;
        self.busy_poll = line.busy_poll.clone();
        let is_of_use = line.count >= USE;
        self.patience = if is_of_use { PATIENCE } else { PATIENCE_MAX.min(2 * self.patience) };
        self.wait = Some(if is_of_use { 0 } else { self.patience });
        self.returned = Some(Box::new(returned));
    }
}

impl State {
    /// Takes a connection, unless more is going on than that somebody waits for what comes by it.
    pub fn borrow(&mut self, loan: Loan) -> bool {
        let has_none = matches!(self.borrowed.line, Place::Away) && self.borrowed.returned.is_none();
        if !has_none || !self.is_quiet() {
            return false;
        }
        self.borrowed.begin(loan);
        true
    }
}

impl Shared {
    /// Sends a message by the line, if it is for that one: answers whether that is done. If not, the line is returned before the message.
    pub fn say(&self, state: &mut State, message: &Message) -> bool {
        let mut line = match state.borrowed.line.take() {
            Some(line) if line.is_open == self.answers() => line,
            // The reply is to another one.
            Some(line) => {
                state.borrowed.line = Place::Here(line);
                return false;
            }
            None => return false,
        };
        let (is_said, returned) = match line.say(message) {
            Said::All => {
                state.borrowed.line = Place::Here(line);
                return true;
            }
            Said::Some(returned) => (true, returned),
            Said::Nothing(returned) => (false, returned),
        };
        state.borrowed.put_back(&line, returned);
        self.call();
        is_said
    }

    /// Receives by the line. An error is the state, once the line is returned: then one waits as others do.
    #[allow(clippy::type_complexity)]
    pub fn hear<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        mut line: Box<Line>,
        wait: Wait,
    ) -> Result<Result<Message, WaitError>, MutexGuard<'a, State>> {
        drop(state);
        let heard = line.hear(wait.left().map_or(LISTEN, |left| left.min(LISTEN)));
        let mut state = self.lock();
        let returned = match heard {
            Heard::Message(message) => {
                self.keep(&mut state, line);
                self.note_heard(state);
                return Ok(Ok(message));
            }
            Heard::Nothing if wait.left() == Some(Duration::ZERO) && !state.is_closed() => {
                self.keep(&mut state, line);
                return Ok(Err(state.late(wait)));
            }
            Heard::Nothing => line.returned(),
            Heard::Other(returned) => returned,
        };
        state.borrowed.put_back(&line, returned);
        self.call();
        Err(state)
    }

    /// The line is not in use any more.
    fn keep(&self, state: &mut State, line: Box<Line>) {
        let is_recalled = matches!(state.borrowed.line, Place::InUse { is_recalled: true });
        let is_wanted = is_recalled || state.is_closed();
        state.borrowed.line = Place::Here(line);
        if is_wanted && state.borrowed.give_back() {
            self.call();
        }
    }

    /// Has the line returned.
    pub fn recall(&self) {
        if self.lock().borrowed.give_back() {
            self.call();
        }
    }

    /// Has it returned if nothing has gone by it since this was called last, and nobody listens.
    pub fn recall_if_idle(&self) {
        let mut state = self.lock();
        let is_idle = match &mut state.borrowed.line {
            Place::Here(line) => mem::replace(&mut line.count_seen, line.count) == line.count,
            Place::Away | Place::InUse { .. } => false,
        };
        if is_idle && state.borrowed.give_back() {
            self.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::mq::pipe::Pipe;
    use crate::mq::Dialect;

    const SHORT: Duration = Duration::from_nanos(1);

    /// A line that so many messages have gone by, and its other end.
    fn begin(borrowed: &mut Borrowed, count: u32) -> (Box<Line>, UnixStream) {
        let (pipe, peer) = UnixStream::pair().unwrap();
        pipe.set_nonblocking(true).unwrap();
        let (pipe, spoken) = (Pipe::Unix(pipe), Dialect::Zmtp);
        borrowed.begin(Loan { pipe, spoken, max_len: 9, is_open: true });
        let mut line = borrowed.take().unwrap();
        line.count = count;
        (line, peer)
    }

    #[test]
    fn after_a_loan_of_use_comes_the_next_at_once_and_after_others_later_and_later() {
        let mut borrowed = Borrowed::new(SocketType::Req, Duration::ZERO);
        let mut messages_until_the_next = |count: Option<u32>| {
            if let Some(count) = count {
                let (line, _) = begin(&mut borrowed, count);
                borrowed.put_back(&line, line.returned());
            }
            (1..).find(|_| borrowed.is_next_wanted(true)).unwrap()
        };
        assert_eq!(messages_until_the_next(None), 16);
        for messages in [32, 64, 128, 256, 512, 1024, 1024] {
            assert_eq!(messages_until_the_next(Some(USE - 1)), messages);
        }
        assert_eq!(messages_until_the_next(Some(USE)), 1);
        assert_eq!(messages_until_the_next(Some(0)), 32);
    }

    #[test]
    fn what_is_learned_of_looks_is_known_to_the_next_line() {
        let mut borrowed = Borrowed::new(SocketType::Req, SHORT);
        let mut listen_in_vain = || {
            let (mut line, _peer) = begin(&mut borrowed, 0);
            assert!(matches!(line.hear(SHORT), Heard::Nothing));
            borrowed.put_back(&line, line.returned());
            borrowed.busy_poll.clone()
        };
        let looks = |mut busy_poll: BusyPoll| {
            let mut has_looked = false;
            busy_poll.look(SHORT, || -> std::io::Result<()> {
                has_looked = true;
                Ok(())
            });
            has_looked
        };
        // Each look in vain has twice as many waits pass without one.
        let looked: Vec<bool> = (0..6).map(|_| looks(listen_in_vain())).collect();
        assert_eq!(looked, [false, true, false, false, true, false]);
    }
}
