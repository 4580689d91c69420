//! What a blocking socket and its I/O thread have in common: two queues, and who waits for them.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::borrowed::{Borrowed, Put};
use super::calls::Caller;
use super::error::WaitError;
use super::poll_set::Watch;
use crate::mq::event::{Event, Events};
use crate::mq::pattern::Dropped;
use crate::mq::queue::Queue;
use crate::mq::socket::{Arrivals, Loan, Returned};
use crate::mq::{Dialect, HighWater, Message, Options, SocketType};

/// Both queues, under a lock that is held for as long as it takes to push or to swap.
pub(super) struct Shared {
    state: Mutex<State>,
    readable: Condvar,
    writable: Condvar,
    /// Who is there, or what has happened.
    news: Condvar,
    /// Has the I/O thread take what is there.
    caller: Caller,
    socket_type: SocketType,
    send_high_water: HighWater,
    recv_high_water: HighWater,
    max_part_len: usize,
    dialect: Dialect,
}

pub(super) struct State {
    /// What a connection is [lent](crate::mq::socket::Loan) by, or is not.
    pub(super) borrowed: Borrowed,
    /// What the I/O thread has not taken yet.
    outgoing: Queue,
    /// How many messages and bytes wait in all to be given to a peer, those that the I/O thread has taken among them.
    unsent: (usize, usize),
    incoming: Arrivals,
    turn: Turn,
    /// Whether the reply that is owed goes to a peer that speaks RingMQ's protocol. What is heard by a line is of the peer whose request was
    /// received before.
    answers_ring: bool,
    /// How many peers there are, and why the last one that was none could not be reached.
    peers: usize,
    unreachable: Option<String>,
    /// The oldest of them go, if nobody takes them.
    events: Events,
    is_closed: bool,
    /// The I/O thread has taken everything, and is to be told of more.
    is_io_idle: bool,
    /// It has left something, since enough waits to be read, and is to be told of room.
    is_io_held: bool,
    /// Who waits on either condition.
    readers: usize,
    writers: usize,
    watches: Vec<(Arc<Watch>, usize)>,
}

/// Whose turn it is where requests and replies alternate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Any,
    Send,
    Recv,
}

/// How long somebody waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    No,
    Until(Instant),
    ForEver,
}

impl Shared {
    pub fn new(socket_type: SocketType, options: &Options, caller: Caller) -> Shared {
        let turn = match socket_type {
            SocketType::Req => Turn::Send,
            SocketType::Rep => Turn::Recv,
            _ => Turn::Any,
        };
        let state = State {
            borrowed: Borrowed::new(socket_type, options.busy_poll),
            outgoing: Queue::default(),
            unsent: (0, 0),
            incoming: Arrivals::default(),
            turn,
            answers_ring: false,
            peers: 0,
            unreachable: None,
            events: Events::new(options.has_events),
            is_closed: false,
            is_io_idle: true,
            is_io_held: false,
            readers: 0,
            writers: 0,
            watches: Vec::new(),
        };
        Shared {
            state: Mutex::new(state),
            readable: Condvar::new(),
            writable: Condvar::new(),
            news: Condvar::new(),
            caller,
            socket_type,
            send_high_water: options.send_high_water,
            recv_high_water: options.recv_high_water,
            max_part_len: options.max_part_len,
            dialect: options.dialect,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message where the I/O thread finds it, when there is room.
    pub fn send(&self, mut message: Message, wait: Wait) -> Result<(), (WaitError, Message)> {
        if !self.socket_type.can_send() {
            return Err((WaitError::Unsupported(self.socket_type), message));
        }
        let too_long = message.len_above(self.max_part_len);
        if let Some(len) = too_long.filter(|_| self.dialect != Dialect::Ring) {
            return Err((WaitError::TooLong { len, max: self.max_part_len }, message));
        }
        if self.is_router() && message.part_count() < 2 {
            return Err((WaitError::NothingToRoute, message));
        }
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return Err((WaitError::Closed, message));
            }
            if state.turn == Turn::Recv {
                return Err((WaitError::OutOfTurn, message));
            }
            let is_for_ring = self.dialect == Dialect::Ring || state.answers_ring;
            if is_for_ring && (message.part_count() > 1 || message.is_empty()) {
                let (parts, len) = (message.part_count(), message.len());
                return Err((WaitError::NotForRing { parts, len }, message));
            }
            if self.has_room(&state) {
                break;
            }
            state.writers += 1;
            let waited = wait_on(&self.writable, state, wait);
            state = waited.0;
            state.writers -= 1;
            if waited.1 && !self.has_room(&state) && !state.is_closed {
                return Err((state.late(wait), message));
            }
        }
        if state.turn == Turn::Send {
            state.turn = Turn::Recv;
        }
        if state.borrowed.has_line() && self.say(&mut state, &message) {
            return Ok(());
        }
        state.unsent.0 += 1;
        state.unsent.1 += message.len();
        state.outgoing.push(&mut message);
        let rings = mem::take(&mut state.is_io_idle);
        self.tell_watches(&mut state);
        drop(state);
        if rings {
            self.caller.call();
        }
        Ok(())
    }

    pub fn recv(&self, wait: Wait) -> Result<Message, WaitError> {
        if !self.socket_type.can_receive() {
            return Err(WaitError::Unsupported(self.socket_type));
        }
        let mut state = self.lock();
        loop {
            // The next request may be there already.
            let arrived = if state.turn == Turn::Send { None } else { state.incoming.pop() };
            match arrived {
                Some(Ok((message, is_ring))) => {
                    state.answers_ring = is_ring && self.socket_type == SocketType::Rep;
                    self.note_received(state);
                    return Ok(message);
                }
                Some(Err(_)) => {
                    self.note_received(state);
                    return Err(WaitError::PeerLeft);
                }
                None => {}
            }
            if state.is_closed {
                return Err(WaitError::Closed);
            }
            if state.turn == Turn::Send {
                return Err(WaitError::OutOfTurn);
            }
            if let Some(line) = state.borrowed.take() {
                match self.hear(state, line, wait) {
                    Ok(heard) => return heard,
                    Err(returned) => state = returned,
                }
                continue;
            }
            state.readers += 1;
            let waited = wait_on(&self.readable, state, wait);
            state = waited.0;
            state.readers -= 1;
            if waited.1 && state.incoming.is_empty() && !state.is_closed {
                return Err(state.late(wait));
            }
        }
    }

    /// Something was received.
    #[inline]
    fn note_received(&self, mut state: MutexGuard<'_, State>) {
        if state.turn == Turn::Recv {
            state.turn = Turn::Send;
        }
        let is_low = || self.recv_high_water.is_low(state.incoming.count(), state.incoming.len());
        let rings = state.is_io_held && is_low();
        state.is_io_held &= !rings;
        self.tell_watches(&mut state);
        drop(state);
        if rings {
            self.caller.call();
        }
    }

    /// As [`note_received`](Self::note_received), by the line. Others who wait learn that it is not their turn any more.
    pub fn note_heard(&self, state: MutexGuard<'_, State>) {
        let is_awaited = state.readers > 0;
        self.note_received(state);
        if is_awaited {
            self.readable.notify_all();
        }
    }

    /// Has the I/O thread look what there is.
    pub fn call(&self) {
        self.caller.call();
    }

    /// Whether it is replies that are sent.
    pub fn answers(&self) -> bool {
        self.socket_type == SocketType::Rep
    }

    /// A message was dropped that there was no room for.
    #[cold]
    pub fn note_dropped(&self) {
        self.lock().events.note(Event::Dropped { reason: Dropped::NoRoom, count: 1 });
        self.news.notify_all();
    }

    /// Whether each message is for a peer that it names.
    pub fn is_router(&self) -> bool {
        self.socket_type == SocketType::Router
    }

    /// Takes what is to be sent, behind what is still there of it; and before all of it what was lent, if it is returned.
    pub fn take_outgoing(&self, held: &mut Queue) -> Option<Box<Returned>> {
        let mut state = self.lock();
        held.append(&mut state.outgoing);
        state.is_io_idle = true;
        state.borrowed.returned.take()
    }

    /// So many messages and bytes have been given to peers, or were dropped.
    pub fn note_sent(&self, messages: usize, bytes: usize) {
        if messages == 0 {
            return;
        }
        let mut state = self.lock();
        let was_full = !self.has_room(&state);
        state.unsent.0 -= messages;
        state.unsent.1 -= bytes;
        if was_full && self.has_room(&state) {
            self.tell_watches(&mut state);
        }
        let is_awaited = state.writers > 0 && self.has_room(&state);
        drop(state); // or who is woken waits for the lock at once
        if is_awaited {
            self.writable.notify_all();
        }
    }

    /// How much more may be put there to be read. If nothing, the I/O thread is told when it may.
    pub fn wants_incoming(&self) -> Option<HighWater> {
        let mut state = self.lock();
        let (messages, bytes) = (state.incoming.count(), state.incoming.len());
        let is_full = self.recv_high_water.is_reached(messages, bytes);
        state.is_io_held = is_full;
        match is_full {
            true => None,
            false => Some(self.recv_high_water.left(messages, bytes)),
        }
    }

    /// Hands over what has arrived, and a connection with it, if that can be lent now: to one of few that something is handed to.
    pub fn put_incoming(&self, batch: &mut Arrivals, loan: Option<Loan>, is_of_few: bool) -> Put {
        let mut state = self.lock();
        let is_lent = loan.map_or(false, |loan| is_of_few && state.borrow(loan));
        let wants_loan = state.borrowed.is_next_wanted(is_of_few);
        state.incoming.append(batch);
        self.tell_watches(&mut state);
        let is_awaited = state.readers > 0;
        drop(state); // or who is woken waits for the lock at once
        if is_awaited {
            self.readable.notify_all();
        }
        Put { is_lent, wants_loan }
    }

    /// The next event that is kept, as soon as there is one.
    pub fn event(&self, wait: Wait) -> Option<Event> {
        self.wait_for_news(wait, |state| !state.events.is_on() || state.events.has_some()).events.take()
    }

    /// How many peers there are, as soon as they are so many.
    pub fn peers(&self, count: usize, wait: Wait) -> usize {
        self.wait_for_news(wait, |state| state.peers >= count).peers
    }

    fn wait_for_news(&self, wait: Wait, is_enough: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let mut is_late = false;
        while !is_late && !state.is_closed && !is_enough(&state) {
            let waited = wait_on(&self.news, state, wait);
            state = waited.0;
            is_late = waited.1;
        }
        state
    }

    /// Who is there, why the last that is not could not be reached, and what has happened.
    pub fn tell(&self, peers: usize, unreachable: Option<String>, events: impl Iterator<Item = Event>) {
        let mut state = self.lock();
        let had = state.peers;
        state.peers = peers;
        state.unreachable = unreachable;
        let mut is_new = peers != had;
        for event in events {
            state.events.note(event);
            is_new = true;
        }
        drop(state);
        if is_new {
            self.news.notify_all();
        }
    }

    /// No more goes in either direction; what has arrived can still be read.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.borrowed.give_back();
        self.tell_watches(&mut state);
        drop(state);
        self.readable.notify_all();
        self.writable.notify_all();
        self.news.notify_all();
    }

    pub fn watch(&self, watch: &Arc<Watch>, at: usize) {
        self.recall();
        let mut state = self.lock();
        state.watches.push((Arc::clone(watch), at));
        self.tell_watches(&mut state);
    }

    pub fn unwatch(&self, watch: &Arc<Watch>) {
        self.lock().watches.retain(|(other, _)| !Arc::ptr_eq(other, watch));
    }

    fn has_room(&self, state: &State) -> bool {
        !self.send_high_water.is_reached(state.unsent.0, state.unsent.1)
    }

    #[inline]
    fn tell_watches(&self, state: &mut State) {
        if !state.watches.is_empty() {
            self.tell_those_there_are(state);
        }
    }

    fn tell_those_there_are(&self, state: &mut State) {
        let may_recv = state.turn != Turn::Send && !state.incoming.is_empty();
        let may_send = self.socket_type.can_send() && state.turn != Turn::Recv && self.has_room(state);
        for (watch, at) in &state.watches {
            watch.note(*at, may_recv || state.is_closed, may_send || state.is_closed);
        }
    }
}

impl Wait {
    /// How long still; for ever, if there is no end to it.
    pub fn left(self) -> Option<Duration> {
        match self {
            Wait::No => Some(Duration::ZERO),
            Wait::Until(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
            Wait::ForEver => None,
        }
    }
}

impl State {
    /// Whether nobody sends, nobody watches, and it is not closed.
    pub fn is_quiet(&self) -> bool {
        !self.is_closed && self.watches.is_empty() && self.outgoing.is_empty() && self.unsent.0 == 0
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Why somebody has waited in vain.
    pub fn late(&self, wait: Wait) -> WaitError {
        match (wait, self.peers) {
            (Wait::No, _) => WaitError::WouldBlock,
            (_, 0) => WaitError::Unreachable { why: self.unreachable.clone() },
            _ => WaitError::TimedOut,
        }
    }
}

/// Waits for a condition; answers whether the time is over, which it is at once for who does not wait.
fn wait_on<'a>(
    condition: &Condvar,
    state: MutexGuard<'a, State>,
    wait: Wait,
) -> (MutexGuard<'a, State>, bool) {
    match wait {
        Wait::No => (state, true),
        Wait::ForEver => (condition.wait(state).unwrap_or_else(PoisonError::into_inner), false),
        Wait::Until(deadline) => match deadline.checked_duration_since(Instant::now()) {
            None => (state, true),
            Some(left) => {
                let (state, result) =
                    condition.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                (state, result.timed_out())
            }
        },
    }
}
