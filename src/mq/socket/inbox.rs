//! Where messages go that somebody else is to take than the socket's callback: there at once, as they arrive.

use std::collections::VecDeque;

use super::{serve, Loan, Socket};
use crate::mq::pattern::{NotReceived, Peer};
use crate::mq::queue::Queue;
use crate::mq::{HighWater, Message, Part};
use crate::{Context, Id};

/// How many messages are handed over at once, so that the other side has something to do before all are there.
const BATCH: usize = 256;

/// What is received: a message, and whether its peer speaks RingMQ's protocol.
pub(in crate::mq) type Received = Result<(Message, bool), NotReceived>;

/// What has arrived, in order.
#[derive(Default)]
pub(in crate::mq) struct Arrivals {
    /// With an empty one for each [`Mark::PeerLeft`].
    messages: Queue,
    /// What is to be known of each; nothing of those of a pattern that hands on what comes [as it came](super::Machine::incoming).
    marks: VecDeque<Mark>,
}

#[derive(Clone, Copy)]
enum Mark {
    Plain,
    Ring,
    PeerLeft,
}

impl Arrivals {
    /// How many there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.messages.count()
    }

    /// How many bytes the parts of the messages have.
    #[inline]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What has arrived first.
    #[inline]
    pub fn pop(&mut self) -> Option<Received> {
        let message = self.messages.pop()?;
        Some(match self.marks.pop_front() {
            None | Some(Mark::Plain) => Ok((message, false)),
            Some(Mark::Ring) => Ok((message, true)),
            Some(Mark::PeerLeft) => Err(NotReceived::PeerLeft),
        })
    }

    /// Puts all of that behind the others.
    pub fn append(&mut self, other: &mut Arrivals) {
        self.messages.append(&mut other.messages);
        self.marks.append(&mut other.marks);
    }

    fn push(&mut self, mark: Mark, mut message: Message) {
        self.messages.push(&mut message);
        self.marks.push_back(mark);
    }
}

/// What takes the messages of a socket. Its owner has the socket's callback run, and that [`deliver`](Id::deliver), when there is room again.
pub(in crate::mq) trait Inbox {
    /// How much more may be put there. If nothing, it is known from now on that some may wait.
    fn room(&mut self) -> Option<HighWater>;

    /// What is put there next; between two times it is empty.
    fn batch(&mut self) -> &mut Arrivals;

    /// Puts the batch there, and a connection with it that is lent to who reads the batch; answers whether that was taken.
    fn put(&mut self, loan: Option<Loan>) -> bool;

    /// Whether it would take a connection.
    fn wants_loan(&self) -> bool;

    /// Has the connection come back, now or as soon as it is not in use. It comes by [`take_back`](Id::take_back).
    fn recall(&mut self);

    /// As [`recall`](Self::recall), if it was of no use since this was called last.
    fn recall_if_idle(&mut self);
}

impl Id<Socket> {
    /// Puts what has arrived into the socket's inbox, as far as there is room.
    pub(in crate::mq) fn deliver<S: 'static>(self, context: &mut Context<'_, S>) {
        let mut inbox = match context.get_mut(self).and_then(|socket| socket.inbox.take()) {
            Some(inbox) => inbox,
            None => return,
        };
        while let Some(room) = inbox.room() {
            self.recv_batch(context, inbox.batch(), room);
            let is_all = inbox.batch().count() < BATCH;
            let loan = if inbox.wants_loan() { self.prepare_loan(context) } else { None };
            if inbox.put(loan) {
                self.lend(context);
            }
            if is_all {
                break;
            }
        }
        if let Some(socket) = context.get_mut(self) {
            socket.inbox = Some(inbox);
        }
    }

    /// As [`recv`](Self::recv), of as many messages as there are and a batch has, or all that there are, where that takes no more time.
    fn recv_batch<S: 'static>(self, context: &mut Context<'_, S>, batch: &mut Arrivals, room: HighWater) {
        while let Some(peer) = context.get_mut(self).and_then(|socket| socket.recv_some(batch, room)) {
            serve::read_on(context, self, peer);
        }
    }
}

impl Socket {
    /// Receives until nothing is there, or the batch is full, or it is to be seen whether this peer can be read from now.
    fn recv_some(&mut self, batch: &mut Arrivals, room: HighWater) -> Option<Peer> {
        if batch.is_empty() {
            let taken =
                self.machine.incoming().and_then(|queue| queue.move_all_to(&mut batch.messages, room));
            if let Some((peer, count)) = taken {
                return Some(peer).filter(|&peer| self.note_several_received(peer, count));
            }
        }
        while batch.count() < BATCH {
            let (peer, is_to_look_at) = match self.machine.incoming() {
                Some(queue) => {
                    let peer = queue.move_to(&mut batch.messages)?;
                    (peer, self.note_received(peer))
                }
                None => match self.machine.recv() {
                    Ok((peer, message)) => {
                        let is_to_look_at = self.note_received(peer);
                        batch.push(if self.was_from_ring { Mark::Ring } else { Mark::Plain }, message);
                        (peer, is_to_look_at)
                    }
                    Err(NotReceived::PeerLeft) => {
                        batch.push(Mark::PeerLeft, Message::from(Part::EMPTY));
                        continue;
                    }
                    Err(_) => return None,
                },
            };
            if is_to_look_at {
                return Some(peer);
            }
        }
        None
    }
}
