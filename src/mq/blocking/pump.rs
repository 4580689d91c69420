//! What moves messages between a blocking socket's queues and its socket on the I/O thread: when that is called, and in the callback of that
//! socket.

use std::collections::VecDeque;
use std::sync::Arc;

use super::shared::Shared;
use super::Io;
use crate::mq::pattern::{Dropped, NotSent};
use crate::mq::socket::{Inbox, Received};
use crate::mq::{Message, Socket};
use crate::{Context, Id};

/// What is kept from one time to the next.
pub(super) struct Pump {
    shared: Arc<Shared>,
    /// What is taken and cannot be sent yet.
    held: VecDeque<Message>,
}

/// What the socket puts messages into, by its callback and without it.
pub(super) struct Inlet {
    shared: Arc<Shared>,
    batch: VecDeque<Received>,
}

impl Inlet {
    pub fn new(shared: Arc<Shared>) -> Inlet {
        Inlet { shared, batch: VecDeque::new() }
    }
}

impl Inbox for Inlet {
    fn has_room(&mut self) -> bool {
        self.shared.wants_incoming()
    }

    fn batch(&mut self) -> &mut VecDeque<Received> {
        &mut self.batch
    }

    fn put(&mut self) {
        self.shared.put_incoming(&mut self.batch);
    }
}

impl Pump {
    pub fn new(shared: Arc<Shared>) -> Pump {
        Pump { shared, held: VecDeque::new() }
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
        self.shared.take_outgoing(&mut self.held);
        let (mut messages, mut bytes) = (0, 0);
        loop {
            let (count, len, refused) = id.send_many(context, &mut self.held);
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
            bytes += self.held.pop_front().map_or(0, |message| message.len());
        }
        self.shared.note_sent(messages, bytes);
    }

    /// What has not been given to the socket: everything, before it is closed.
    pub fn take_held(&mut self) -> VecDeque<Message> {
        self.shared.take_outgoing(&mut self.held);
        std::mem::take(&mut self.held)
    }
}
