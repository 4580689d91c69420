//! Where messages go that somebody else is to take than the socket's callback: there at once, as they arrive.

use std::collections::VecDeque;

use super::{serve, Loan, Socket};
use crate::mq::pattern::{NotReceived, Peer};
use crate::mq::Message;
use crate::{Context, Id};

/// How many messages are handed over at once, so that the other side has something to do before all are there.
const BATCH: usize = 256;

/// What has arrived: a message, and whether its peer speaks RingMQ's protocol.
pub(in crate::mq) type Received = Result<(Message, bool), NotReceived>;

/// What takes the messages of a socket. Its owner has the socket's callback run, and that [`deliver`](Id::deliver), when there is room again.
pub(in crate::mq) trait Inbox {
    /// Whether more may be put there. If not, it is known from now on that some may wait.
    fn has_room(&mut self) -> bool;

    /// What is put there next; between two times it is empty.
    fn batch(&mut self) -> &mut VecDeque<Received>;

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
        while inbox.has_room() {
            self.recv_batch(context, inbox.batch());
            let is_all = inbox.batch().len() < BATCH;
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

    /// As [`recv`](Self::recv), of as many messages as there are and a batch has.
    fn recv_batch<S: 'static>(self, context: &mut Context<'_, S>, batch: &mut VecDeque<Received>) {
        while let Some(peer) = context.get_mut(self).and_then(|socket| socket.recv_some(batch)) {
            serve::read_on(context, self, peer);
        }
    }
}

impl Socket {
    /// Receives until nothing is there, or the batch is full, or it is to be seen whether this peer can be read from now.
    fn recv_some(&mut self, batch: &mut VecDeque<Received>) -> Option<Peer> {
        while batch.len() < BATCH {
            match self.machine.recv() {
                Ok((peer, message)) => {
                    let is_to_look_at = self.note_received(peer);
                    batch.push_back(Ok((message, self.was_from_ring)));
                    if is_to_look_at {
                        return Some(peer);
                    }
                }
                Err(NotReceived::PeerLeft) => batch.push_back(Err(NotReceived::PeerLeft)),
                Err(_) => break,
            }
        }
        None
    }
}
