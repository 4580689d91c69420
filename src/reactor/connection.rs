//! How a connection begins and ends on a loop, each within a time.

use std::io;
use std::time::Duration;

use super::context::Context;
use super::slab::Id;
use super::source::Source;
use super::stream::{State, Stream};
use super::transport::Transport;
use super::work::{BoxError, Callback, CallbackOf, Outcome};

/// A source that is one connection: a [`Stream`] or a [`Framed`](crate::Framed), for [`Context::connect`] and [`Context::finish`].
///
/// It is implemented for these two alone.
pub trait Connection: Source + sealed::Ends {}

mod sealed {
    use super::State;

    pub trait Ends {
        fn state(&self) -> State;
        fn give_up(&mut self);
        fn discard_input(&mut self);
    }
}

impl<T: Transport> Connection for Stream<T> {}

impl<T: Transport> sealed::Ends for Stream<T> {
    fn state(&self) -> State {
        Stream::state(self)
    }

    fn give_up(&mut self) {
        Stream::give_up(self);
    }

    fn discard_input(&mut self) {
        Stream::discard_input(self);
    }
}

#[cfg(feature = "codec")]
mod framed {
    use super::{sealed, Connection, State, Transport};
    use crate::codec::Codec;
    use crate::reactor::framed::Framed;

    impl<C: Codec + 'static, T: Transport> Connection for Framed<C, T> {}

    impl<C: Codec + 'static, T: Transport> sealed::Ends for Framed<C, T> {
        fn state(&self) -> State {
            Framed::state(self)
        }

        fn give_up(&mut self) {
            Framed::give_up(self);
        }

        fn discard_input(&mut self) {
            Framed::discard_input(self);
        }
    }
}

impl<S: 'static> Context<'_, S> {
    /// Puts a connection that is being made on the loop, and gives it up when it is not made `within` this time: then its callback
    /// runs, its state is [`State::Closed`] and its error `TimedOut`. Removed, it leaves nothing behind; made or refused in time, it is
    /// as if it had been [added](Self::add).
    ///
    /// ```
    /// use ringmq::platform::net;
    /// use ringmq::{Reactor, State, Stream};
    /// use std::{net::TcpListener, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// let socket = net::connect(&listener.local_addr()?)?;
    /// let stream = Stream::connecting(socket, &context.memory())?;
    /// context.connect(stream, Duration::from_secs(10), |is_made: &mut bool, context, id| {
    ///     let stream = context.get_mut(id).unwrap();
    ///     *is_made = stream.state() == State::Open;
    ///     if stream.state() == State::Closed {
    ///         eprintln!("no connection: {:?}", stream.take_error());
    ///         context.remove(id);
    ///     }
    ///     context.stop();
    /// })?;
    /// let mut is_made = false;
    /// reactor.run(&mut is_made)?;
    /// assert!(is_made);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn connect<T: Connection, R: Outcome + 'static>(
        &mut self,
        connection: T,
        within: Duration,
        callback: impl FnMut(&mut S, &mut Context<'_, S>, Id<T>) -> R + 'static,
    ) -> io::Result<Id<T>> {
        let is_connecting = connection.state() == State::Connecting;
        let id = self.core.add(connection, Limited { callback: CallbackOf(callback), is_connecting })?;
        if is_connecting {
            self.limit(id, within, move |_, context| {
                if let Some(connection) =
                    context.get_mut(id).filter(|found| found.state() == State::Connecting)
                {
                    connection.give_up();
                    context.fire(id);
                }
            });
        }
        Ok(id)
    }

    /// Brings a connection to its end in good order, and removes it: what is queued is sent, the peer is told that nothing more will
    /// come, what it still sends is read and dropped, and once it has ended too, or the connection has failed, or `within` is over, the
    /// connection is closed. `false` when it is gone already.
    ///
    /// Its callback does not run any more; until it is removed the id is good, to look at what is still unsent.
    ///
    /// [Removing](Self::remove) it at once is quicker and worse: bytes that are queued are not sent, and of those that were sent some
    /// may not arrive, since closing a socket with input that nobody has read resets the connection (RFC 2525, 2.17).
    ///
    /// ```
    /// use ringmq::{Reactor, Stream};
    /// use std::{io::Read, os::unix::net::UnixStream, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// let mut stream = Stream::new(far, &context.memory())?;
    /// stream.send(b"last words").unwrap();
    /// let id = context.add(stream, |_: &mut (), _, _| ())?;
    /// assert!(context.finish(id, Duration::from_secs(10)));
    ///
    /// reactor.turn(&mut (), None)?;
    /// let mut heard = String::new();
    /// near.read_to_string(&mut heard)?;
    /// assert_eq!(heard, "last words");
    ///
    /// drop(near);
    /// while reactor.context().get(id).is_some() {
    ///     reactor.turn(&mut (), Some(Duration::from_millis(1)))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish<T: Connection>(&mut self, id: Id<T>, within: Duration) -> bool {
        match self.get_mut(id) {
            Some(connection) => connection.finish(),
            None => return false,
        }
        let wind_up = |_: &mut S, context: &mut Context<'_, S>, id: Id<T>| {
            let connection = context.get_mut(id).expect("a callback runs while its source is there");
            connection.discard_input();
            if connection.state() == State::Closed {
                context.remove(id);
            }
        };
        self.core.replace_callback(id, CallbackOf(wind_up));
        self.limit(id, within, move |_, context| drop(context.remove(id)));
        // What has arrived already holds the end up, and perhaps all is over already.
        self.fire(id)
    }

    /// Gives a source a deadline in place of the one that it has.
    fn limit<T: Source>(
        &mut self,
        id: Id<T>,
        within: Duration,
        task: impl FnOnce(&mut S, &mut Context<'_, S>) + 'static,
    ) {
        let timer = self.set_timeout(within, task);
        self.core.agenda.set_deadline(id.key, Some(timer));
    }
}

/// The callback of a connection that is being made within a time: once it is, there is no deadline any more.
struct Limited<F> {
    callback: CallbackOf<F>,
    is_connecting: bool,
}

impl<S, T, F> Callback<S, T> for Limited<F>
where
    S: 'static,
    T: Connection,
    CallbackOf<F>: Callback<S, T>,
{
    fn call(&mut self, state: &mut S, context: &mut Context<'_, S>, id: Id<T>) -> Option<BoxError> {
        // It may have been fired by somebody before the connection is made.
        let is_still = |connection: &T| connection.state() == State::Connecting;
        if self.is_connecting && !context.get(id).map_or(false, is_still) {
            self.is_connecting = false;
            context.core.agenda.set_deadline(id.key, None);
        }
        self.callback.call(state, context, id)
    }

    fn name(&self) -> &'static str {
        self.callback.name()
    }
}
