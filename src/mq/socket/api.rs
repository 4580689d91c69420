//! What one does with a socket, by its id.

use std::error;
use std::fmt;
use std::io;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::Duration;

use super::{close, is_ring, places, serve, Machine, Socket};
use crate::mq::event::Event;
use crate::mq::options::Options;
use crate::mq::pattern::{Dropped, NotReceived, NotSent, Peer};
use crate::mq::queue::{First, Queue};
use crate::mq::{Endpoint, Message, Part, Session, SocketType};
use crate::{Context, Id, Outcome};

/// What has become of a message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// It waits to be written to so many peers.
    To(usize),
    /// It was dropped, as the type of socket has it, or [what it was made with](crate::mq::WhenFull::DropNewest): nobody is to get it.
    Dropped(Dropped),
}

/// Why a message was not taken, and the message: it is not lost.
#[derive(Debug)]
pub struct SendError {
    /// Why.
    pub reason: NotSent,
    /// What was to be sent.
    pub message: Message,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl error::Error for SendError {}

/// Why nothing was received.
pub type RecvError = NotReceived;

impl Socket {
    /// Puts a socket on a loop. Its callback runs in the turn after something has arrived, or there is room after a
    /// [`send`](Id::send) was refused, or there is an [event](Id::take_event), or a peer has come or left, or none was reached. If it
    /// fails, the socket is closed, and its connections with it.
    ///
    /// # Errors
    /// `EMFILE` and `ENFILE`, and as for [`Context::add`].
    pub fn open<S: 'static, R: Outcome + 'static>(
        context: &mut Context<'_, S>,
        socket_type: SocketType,
        callback: impl FnMut(&mut S, &mut Context<'_, S>, Id<Socket>) -> R + 'static,
    ) -> io::Result<Id<Socket>> {
        Socket::open_with(context, socket_type, Options::new(), callback)
    }

    /// As [`open`](Self::open), with other options.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and `InvalidInput` for a high-water mark of 0 and for a [longest part](Options::max_part_len) that the
    /// loop's memory cannot hold.
    pub fn open_with<S: 'static, R: Outcome + 'static>(
        context: &mut Context<'_, S>,
        socket_type: SocketType,
        options: Options,
        mut callback: impl FnMut(&mut S, &mut Context<'_, S>, Id<Socket>) -> R + 'static,
    ) -> io::Result<Id<Socket>> {
        options.check(&context.memory())?;
        let socket = Socket::new(socket_type, options)?;
        // Who fails leaves no connections behind that nobody has.
        context.add(socket, move |state: &mut S, context, id| {
            let call = AssertUnwindSafe(|| callback(state, context, id).error());
            match catch_unwind(call) {
                Ok(None) => Ok(()),
                Ok(Some(error)) => {
                    close::end(context, id);
                    Err(error)
                }
                Err(panic) => {
                    close::end(context, id);
                    resume_unwind(panic)
                }
            }
        })
    }
}

/// A socket of the message queue, on the loop that `context` is of.
impl Id<Socket> {
    /// Accepts peers at an address, and answers with it: with the port that the system chose, if that was asked for.
    ///
    /// # Errors
    /// `InvalidInput` for what is no [`Endpoint`] to bind to, or a type that does not bind in its dialect; what binding says, such as
    /// `AddrInUse`; `NotConnected` when the socket is closed.
    pub fn bind<S: 'static>(self, context: &mut Context<'_, S>, endpoint: &str) -> io::Result<Endpoint> {
        places::bind(context, self, endpoint)
    }

    /// Connects to a peer, and again whenever that connection is lost, until the socket is closed or the peer is not one for it. That
    /// nobody is there yet is no error.
    ///
    /// # Errors
    /// `InvalidInput` for what is no [`Endpoint`] to connect to, or a type that does not connect in its dialect; `NotConnected` when the
    /// socket is closed.
    pub fn connect<S: 'static>(self, context: &mut Context<'_, S>, endpoint: &str) -> io::Result<()> {
        places::connect(context, self, endpoint)
    }

    /// Sends a message: it is put before a peer's connection, or dropped where the type of socket or [`WhenFull`](crate::mq::WhenFull) has
    /// it so. It goes out in this very turn's phase 4.
    ///
    /// # Errors
    /// [`SendError`], with the message. The callback runs when there is a peer, or room.
    #[inline]
    pub fn send<S: 'static>(
        self,
        context: &mut Context<'_, S>,
        message: impl Into<Message>,
    ) -> Result<Sent, SendError> {
        self.send_message(context, message.into())
    }

    /// [Sends](Self::send) messages in order up to one that is refused, and looks the socket up once for all of them. Answers how many it
    /// has sent, and which one was refused and why; of an iterator that is lent by [`by_ref`](Iterator::by_ref) the others are left.
    ///
    /// ```
    /// # use ringmq::mq::{NotSent, Socket, SocketType};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut reactor = ringmq::Reactor::<()>::new()?;
    /// # let mut context = reactor.context();
    /// # let push = Socket::open(&mut context, SocketType::Push, |_: &mut (), _, _| {})?;
    /// let mut jobs = ["one", "two"].into_iter();
    /// let (count, refused) = push.send_all(&mut context, jobs.by_ref());
    /// let refused = refused.expect("nobody is there");
    /// assert_eq!((count, refused.reason, &refused.message.first()[..]), (0, NotSent::NoPeer, &b"one"[..]));
    /// assert_eq!(jobs.next(), Some("two"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_all<S: 'static, M: Into<Message>>(
        self,
        context: &mut Context<'_, S>,
        messages: impl IntoIterator<Item = M>,
    ) -> (usize, Option<SendError>) {
        let mut messages = messages.into_iter().map(Into::into);
        let (socket, mut others) = match context.split(self) {
            Some(both) => both,
            None => {
                return (0, messages.next().map(|message| SendError { reason: NotSent::Closed, message }))
            }
        };
        let (mut count, mut refused) = (0, None);
        loop {
            let (in_row, other) = socket.send_row(&mut messages, &mut others);
            count += in_row;
            let mut message = match other {
                Some(message) => message,
                None => break,
            };
            if let Err(reason) = socket.send(&mut message, &mut others) {
                refused = Some(SendError { reason, message });
                break;
            }
            count += 1;
        }
        if socket.has_news {
            serve::settle(context, self);
        }
        (count, refused)
    }

    /// By itself, so that the message is made where it is taken from.
    #[inline(never)]
    fn send_message<S: 'static>(
        self,
        context: &mut Context<'_, S>,
        mut message: Message,
    ) -> Result<Sent, SendError> {
        let (socket, mut others) = match context.split(self) {
            Some(both) => both,
            None => return Err(SendError { reason: NotSent::Closed, message }),
        };
        let sent = socket.send(&mut message, &mut others);
        // What was dropped is an event.
        if socket.has_news {
            serve::settle(context, self);
        }
        match sent {
            Ok(sent) => Ok(sent),
            Err(reason) => Err(SendError { reason, message }),
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// [`RecvError`]: nothing has arrived, it is not the turn to receive, or whoever was asked has left.
    pub fn recv<S: 'static>(self, context: &mut Context<'_, S>) -> Result<Message, RecvError> {
        let socket = context.get_mut(self).ok_or(NotReceived::Closed)?;
        if let Some((peer, part)) = socket.recv_short() {
            if socket.note_received(peer) {
                serve::read_on(context, self, peer);
            }
            return Ok(Message::from(part));
        }
        self.recv_any(context)
    }

    #[inline(never)]
    fn recv_any<S: 'static>(self, context: &mut Context<'_, S>) -> Result<Message, RecvError> {
        let socket = context.get_mut(self).ok_or(NotReceived::Closed)?;
        let (peer, message) = socket.machine.recv()?;
        if socket.note_received(peer) {
            serve::read_on(context, self, peer);
        }
        Ok(message)
    }

    /// Of a SUB: receives what begins with `prefix` too; all, if it is empty.
    ///
    /// # Errors
    /// `Unsupported` for another type, `InvalidInput` for a prefix of more than [`Session::PREFIX_MAX`] bytes or one that
    /// is not shorter than the [longest part](Options::max_part_len), `NotConnected` when the socket is closed.
    pub fn subscribe<S: 'static>(self, context: &mut Context<'_, S>, prefix: &[u8]) -> io::Result<()> {
        self.change_subscription(context, prefix, true)
    }

    /// Takes one [`subscribe`](Self::subscribe) of the same prefix back.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    pub fn unsubscribe<S: 'static>(self, context: &mut Context<'_, S>, prefix: &[u8]) -> io::Result<()> {
        self.change_subscription(context, prefix, false)
    }

    /// As [`send`](Self::send), of many messages in order, up to one that is refused: how many were taken off the front, how many bytes
    /// they had, and why the next one was not.
    pub(in crate::mq) fn send_queue<S: 'static>(
        self,
        context: &mut Context<'_, S>,
        messages: &mut Queue,
    ) -> (usize, usize, Option<NotSent>) {
        let (socket, mut others) = match context.split(self) {
            Some(both) => both,
            None => return (0, 0, Some(NotSent::Closed).filter(|_| !messages.is_empty())),
        };
        let (count, bytes) = (messages.count(), messages.len());
        let mut refused = None;
        if !socket.send_whole(messages, &mut others) {
            while let Some(first) = messages.first() {
                let sent = match first {
                    First::Short(bytes) => socket.send(&mut Message::from(bytes), &mut others),
                    First::Long(message) => socket.send(message, &mut others),
                };
                if let Err(reason) = sent {
                    refused = Some(reason);
                    break;
                }
                messages.drop_first();
            }
        }
        if socket.has_news {
            serve::settle(context, self);
        }
        (count - messages.count(), bytes - messages.len(), refused)
    }

    fn change_subscription<S: 'static>(
        self,
        context: &mut Context<'_, S>,
        prefix: &[u8],
        is_on: bool,
    ) -> io::Result<()> {
        let socket = context.get_mut(self).ok_or(io::ErrorKind::NotConnected)?;
        let socket_type = socket.socket_type;
        let subscriber = match &mut socket.machine {
            Machine::Sub(subscriber) => subscriber,
            _ => {
                let message = format!("expected a SUB socket to subscribe with, found {socket_type}");
                return Err(io::Error::new(io::ErrorKind::Unsupported, message));
            }
        };
        // A peer of ZMTP 3.0 is told by a message, which has a byte before the prefix.
        let most = Session::PREFIX_MAX.min(socket.options.max_part_len.saturating_sub(1));
        if prefix.len() > most {
            let found = prefix.len();
            let message = format!("expected a prefix of at most {most} bytes, found {found}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let is_news = match is_on {
            true => subscriber.subscribe(prefix),
            false => subscriber.unsubscribe(prefix),
        };
        if is_news {
            for peer in socket.joined_peers() {
                if let Some(socket) = context.get_mut(self) {
                    socket.subscribe_at(peer, prefix, is_on);
                }
                serve::flush(context, self, peer);
            }
        }
        Ok(())
    }

    /// The next of the events that have been kept, if [they are](Options::events).
    pub fn take_event<S: 'static>(self, context: &mut Context<'_, S>) -> Option<Event> {
        context.get_mut(self)?.events.take()
    }

    /// Where the socket listens, and what it connects to.
    pub fn endpoints<S: 'static>(self, context: &Context<'_, S>) -> Vec<Endpoint> {
        match context.get(self) {
            Some(socket) => socket.places.iter().flatten().map(|place| place.endpoint().clone()).collect(),
            None => Vec::new(),
        }
    }

    /// Closes the socket: nobody is accepted any more, nothing received, its callback does not run again. What waits is sent, for as long
    /// as `linger` says, and then the socket is gone; `done` is told how many messages were lost. `false`, and `done` is not called, when
    /// it is closed already or closing; who then says a shorter time has it end sooner.
    pub fn close<S: 'static>(
        self,
        context: &mut Context<'_, S>,
        linger: Duration,
        done: impl FnOnce(&mut S, &mut Context<'_, S>, u64) + 'static,
    ) -> bool {
        close::close(context, self, linger, done)
    }
}

impl Socket {
    /// The next message, if nothing is done with it but to receive it, and it is short. What is not handed on whole is not copied whole.
    #[inline]
    pub(super) fn recv_short(&mut self) -> Option<(Peer, Part)> {
        let incoming = self.machine.incoming()?;
        let (peer, bytes) = incoming.first_short()?;
        let (part, len) = (Part::from(bytes), bytes.len());
        incoming.drop_short(len);
        Some((peer, part))
    }

    /// A message of a peer was received. Answers whether it is to be seen if somebody who is not read from can be now.
    #[inline]
    pub(super) fn note_received(&mut self, peer: Peer) -> bool {
        self.note_several_received(peer, 1)
    }

    /// The same of so many.
    #[inline]
    pub(super) fn note_several_received(&mut self, peer: Peer, count: usize) -> bool {
        let mut is_to_look_at = self.is_held;
        self.was_from_ring = false;
        if let Some(Some(link)) = self.links.get_mut(peer.0 as usize) {
            self.was_from_ring = is_ring(&link.session);
            if link.is_held {
                link.held_for = link.held_for.saturating_sub(count);
                is_to_look_at |= link.held_for == 0;
            }
        }
        is_to_look_at
    }

    fn joined_peers(&self) -> Vec<Peer> {
        let joined = |(number, link): (usize, &Option<super::LinkState>)| {
            link.as_ref().filter(|link| link.is_joined).map(|_| Peer(number as u32))
        };
        self.links.iter().enumerate().filter_map(joined).collect()
    }
}
