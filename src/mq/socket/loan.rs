//! A connection that is lent to the thread which waits for what comes by it: so a request and its reply need not go through this loop.
//!
//! Who asks and waits for the reply, or answers one request after the other, has to do with one connection, and the loop would do no more
//! than to wake that thread for each message. So the thread is lent the connection, and reads and writes by itself, for as long as what
//! comes are whole messages, one at a time. Whatever else comes or happens has it return the connection, with what it has read and not
//! understood, or what it could not write; and the loop goes on from there.
//!
//! ```text
//!   here   --- lend: at rest, the only one, and its turn is known ------------------->  the thread's
//!   here   <-- take_back: a frame of another kind, half a message, no room, an end,
//!              nothing for a while, nobody who reads, another peer, a PollSet, close --  the thread's
//! ```
//!
//! While it is lent the loop does not wait for it, and the pattern is as if the message that is under way had never been: the thread
//! knows, and says so when it returns it.

use std::io;
use std::time::Duration;

use super::link::LinkState;
use super::{serve, End, Link, Machine, Socket};
use crate::mq::pattern::Peer;
use crate::mq::pipe::Pipe;
use crate::mq::wire::Dialect;
use crate::{Context, Id, TimerId};

/// How long nobody may listen to a connection that is lent. A peer that has left, or wants to know whether we are there, is heard after
/// twice that at the latest; and so often, at the most, does a loop look that has nothing else to do.
const LOOK_AFTER: Duration = Duration::from_millis(5);

/// What is lent.
pub(in crate::mq) struct Loan {
    pub pipe: Pipe,
    /// Which of the two protocols is spoken.
    pub spoken: Dialect,
    /// The longest message that may come.
    pub max_len: usize,
    /// There was a request, and its reply is still to come or to be sent.
    pub is_open: bool,
}

/// What is returned.
#[derive(Default)]
pub(in crate::mq) struct Returned {
    /// What was read and is for the loop to understand.
    pub unread: Vec<u8>,
    /// What was not written of a message.
    pub unsent: Vec<u8>,
    /// Why it cannot be read from any more.
    pub error: Option<io::Error>,
    /// As of a [`Loan`].
    pub is_open: bool,
}

/// What the socket knows of it.
pub(super) struct Lent {
    peer: Peer,
    /// Looks whether it is of use.
    timer: TimerId,
}

impl Id<Socket> {
    /// A connection that can be lent, if there is one.
    pub(super) fn prepare_loan<S: 'static>(self, context: &mut Context<'_, S>) -> Option<Loan> {
        let socket = context.get(self)?;
        let (peer, state) = socket.lendable()?;
        let is_open = socket.is_open(peer)?;
        let spoken = state.session.peer()?.dialect;
        let max_len = match spoken {
            // A message has no parts, and its pieces are those of its sender.
            Dialect::Ring => socket.options.max_message_len,
            Dialect::Zmtp | Dialect::Any => socket.options.max_message_len.min(socket.options.max_part_len),
        };
        // Without a descriptor for it, it stays as it is.
        let pipe = context.get(state.id).filter(|link| link.is_at_rest())?.transport().try_clone().ok()?;
        Some(Loan { pipe, spoken, max_len, is_open })
    }

    /// The connection that was [prepared](Self::prepare_loan) is lent now.
    pub(super) fn lend<S: 'static>(self, context: &mut Context<'_, S>) {
        let timer = context.set_timeout(LOOK_AFTER, move |_, context| self.look_after(context));
        let socket = context.get_mut(self).expect("it has an inbox");
        let (peer, link) = socket.lendable().map(|(peer, state)| (peer, state.id)).expect("it was prepared");
        if let Machine::Rep(rep) = &mut socket.machine {
            rep.forget_next();
        }
        socket.lent = Some(Lent { peer, timer });
        context.get_mut(link).expect("it was prepared").lend();
    }

    /// What is lent comes back if it is of no use, and else is looked after again.
    fn look_after<S: 'static>(self, context: &mut Context<'_, S>) {
        match context.get_mut(self) {
            Some(Socket { inbox: Some(inbox), lent: Some(_), .. }) => inbox.recall_if_idle(),
            _ => return,
        }
        let timer = context.set_timeout(LOOK_AFTER, move |_, context| self.look_after(context));
        if let Some(lent) = context.get_mut(self).and_then(|socket| socket.lent.as_mut()) {
            lent.timer = timer;
        }
    }

    /// What was lent is here again. Does nothing if nothing was.
    pub(in crate::mq) fn take_back<S: 'static>(self, context: &mut Context<'_, S>, returned: Returned) {
        let lent = match context.get_mut(self).and_then(|socket| socket.lent.take()) {
            Some(lent) => lent,
            None => return,
        };
        context.clear_timeout(lent.timer);
        let id = match context.get_mut(self).and_then(|socket| socket.link(lent.peer)) {
            Some(link) => link.id,
            None => return,
        };
        let taken = match context.split(id) {
            Some((link, mut others)) => match others.get_mut(self) {
                Some(socket) => socket.take_link_back(lent.peer, link, returned),
                None => return,
            },
            None => return,
        };
        match taken {
            Ok(()) => drop(context.fire(id)),
            Err(error) => serve::end_link(context, self, lent.peer, End::Lost(Some(error))),
        }
    }
}

impl Socket {
    /// Whether a connection is lent.
    #[cfg(test)]
    pub(in crate::mq) fn has_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// What is lent is wanted back.
    pub(super) fn recall(&mut self) {
        if let (Some(_), Some(inbox)) = (&self.lent, &mut self.inbox) {
            inbox.recall();
        }
    }

    /// The only connection, if all is said that was to be said by it, and nothing is awaited of it at any time.
    fn lendable(&self) -> Option<(Peer, &LinkState)> {
        if self.lent.is_some() || self.closing.is_some() || !self.stranded.is_empty() {
            return None;
        }
        let mut links = self.links.iter().enumerate().filter_map(|(at, link)| Some((at, link.as_ref()?)));
        let (at, link) = links.next()?;
        let is_only = links.next().is_none();
        let is_at_rest =
            link.is_joined && !link.is_held && link.incoming.is_empty() && link.outgoing.is_empty();
        match is_only && is_at_rest && link.session.deadline().is_none() {
            true => Some((Peer(at as u32), link)),
            false => None,
        }
    }

    /// Whether a request of this peer is to be answered; `None` where more is going on than that.
    fn is_open(&self, peer: Peer) -> Option<bool> {
        match &self.machine {
            Machine::Req(req) if req.is_idle() => Some(false),
            Machine::Rep(rep) if rep.owes_only(peer) => Some(true),
            _ => None,
        }
    }

    fn take_link_back(&mut self, peer: Peer, link: &mut Link, returned: Returned) -> io::Result<()> {
        match &mut self.machine {
            Machine::Req(req) if returned.is_open => req.was_asked(peer),
            Machine::Rep(rep) if returned.is_open => rep.owe_next(peer),
            _ => {}
        }
        let is_taken = link.take_back(&returned.unread).is_ok();
        let state = self.link(peer).expect("it was looked up");
        let is_sent = returned.unsent.is_empty() || state.outgoing.hand_rest(&returned.unsent, link);
        match returned.error {
            Some(error) => Err(error),
            None if is_taken && is_sent => Ok(()),
            None => Err(io::Error::new(io::ErrorKind::OutOfMemory, "no memory for what is under way")),
        }
    }
}
