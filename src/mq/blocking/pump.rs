//! What moves messages between a blocking socket's queues and its socket on the I/O thread: when that is called, and in the callback of that
//! socket.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::shared::Shared;
use super::Io;
use crate::mq::pattern::{Dropped, NotSent};
use crate::mq::queue::Queue;
use crate::mq::socket::{Arrivals, Inbox, Loan, Returned};
use crate::mq::{HighWater, Socket};
use crate::{Context, Id};

/// What is kept from one time to the next.
pub(super) struct Pump {
    shared: Arc<Shared>,
    /// What is taken and cannot be sent yet.
    held: Queue,
}

/// What the socket puts messages into, by its callback and without it.
pub(super) struct Inlet {
    shared: Arc<Shared>,
    batch: Arrivals,
    wants_loan: bool,
    /// How many batches the loop has handed over, to whomever; and how many it had, when the last was to this one.
    handed: Rc<Cell<u64>>,
    handed_before: u64,
}

/// How many sockets of a loop at the most, each of which waits for one message after the other, are lent connections. What many wait for
/// comes several at a time, and it takes less of the processors if one thread reads all that there is.
const FEW: u64 = 4;

impl Inlet {
    /// `handed` is shared by all of a loop.
    pub fn new(shared: Arc<Shared>, handed: Rc<Cell<u64>>) -> Inlet {
        Inlet { shared, batch: Arrivals::default(), wants_loan: false, handed, handed_before: 0 }
    }

    /// Something is handed over: is it one of few that something is handed to?
    fn is_of_few(&mut self) -> bool {
        let handed = self.handed.get() + 1;
        self.handed.set(handed);
        handed - std::mem::replace(&mut self.handed_before, handed) <= FEW
    }
}

impl Inbox for Inlet {
    fn room(&mut self) -> Option<HighWater> {
        self.shared.wants_incoming()
    }

    fn batch(&mut self) -> &mut Arrivals {
        &mut self.batch
    }

    fn put(&mut self, loan: Option<Loan>) -> bool {
        if self.batch.is_empty() {
            return false;
        }
        let is_of_few = self.is_of_few();
        let put = self.shared.put_incoming(&mut self.batch, loan, is_of_few);
        self.wants_loan = put.wants_loan;
        put.is_lent
    }

    fn wants_loan(&self) -> bool {
        self.wants_loan && self.batch.count() == 1
    }

    fn recall(&mut self) {
        self.shared.recall();
    }

    fn recall_if_idle(&mut self) {
        self.shared.recall_if_idle();
    }
}

impl Pump {
    pub fn new(shared: Arc<Shared>) -> Pump {
        Pump { shared, held: Queue::default() }
    }

    /// Both ways, as far as it goes.
    pub fn run(&mut self, context: &mut Context<'_, Io>, id: Id<Socket>) {
        self.send(context, id);
        self.tell(context, id);
        id.deliver(context);
    }

    /// Who is there, and what has happened.
    fn tell(&mut self, context: &mut Context<'_, Io>, id: Id<Socket>) {
        let (peers, why) = match context.get(id) {
            Some(socket) => (socket.peer_count(), socket.last_failure()),
            None => return,
        };
        self.shared.tell(peers, why, std::iter::from_fn(|| id.take_event(context)));
    }

    fn send(&mut self, context: &mut Context<'_, Io>, id: Id<Socket>) {
        if let Some(returned) = self.shared.take_outgoing(&mut self.held) {
            id.take_back(context, *returned);
        }
        let (mut messages, mut bytes) = (0, 0);
        loop {
            let (count, len, refused) = id.send_queue(context, &mut self.held);
            messages += count;
            bytes += len;
            match refused {
                None => break,
                // Others are not kept waiting for a peer that may never come.
                Some(NotSent::NoPeer) if self.shared.is_router() => {
                    if let Some(socket) = context.get_mut(id) {
                        socket.note_dropped(Dropped::NoRoute, 1);
                    }
                }
                Some(reason) if reason.passing().is_some() => break,
                // What it cannot send at all was refused before it came here.
                Some(_) => {}
            }
            messages += 1;
            bytes += self.held.pop().map_or(0, |message| message.len());
        }
        self.shared.note_sent(messages, bytes);
    }

    /// Everything that the socket has not, before it is closed: a connection too, though somebody may still listen to it.
    pub fn hand_all_over(&mut self, context: &mut Context<'_, Io>, id: Id<Socket>) {
        let returned = self.shared.take_outgoing(&mut self.held);
        id.take_back(context, returned.map_or_else(Returned::default, |returned| *returned));
        if let Some(socket) = context.get_mut(id) {
            socket.strand(std::mem::take(&mut self.held));
        }
    }
}
