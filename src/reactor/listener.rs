//! Accepting TCP connections: the source, and the callback that goes with it.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::io::{AsFd, BorrowedFd};
use std::time::Duration;

use super::context::Context;
use super::slab::Id;
use super::source::{Fire, Io, Source};
use crate::platform::net::{self, AcceptFailure};
use crate::platform::{Interest, Ready};

/// How many connections are accepted in one turn, and wait for the callback at the most: an accept storm leaves the others their
/// turn, and the rest of it waits in the kernel.
const ACCEPTS_PER_TURN: usize = 64;

/// How long accepting rests when the system has no descriptor or memory for a connection: it is others who have to give some back,
/// and asking at every turn would spin.
const REST: Duration = Duration::from_millis(100);

/// A TCP listener as a source.
///
/// [`Context::listen`] is the easy way to use it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    accepted: VecDeque<io::Result<(TcpStream, SocketAddr)>>,
    is_resting: bool,
    is_finished: bool,
}

impl Listener {
    /// Binds and listens, with `SO_REUSEADDR`, as [`TcpListener::bind`] does.
    ///
    /// # Errors
    /// `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`, and what resolving a name says.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Listener> {
        Listener::new(TcpListener::bind(address)?)
    }

    /// Takes a socket that listens already, and makes it non-blocking.
    ///
    /// # Errors
    /// What `ioctl(2)` says.
    pub fn new(socket: TcpListener) -> io::Result<Listener> {
        socket.set_nonblocking(true)?;
        Ok(Listener { socket, accepted: VecDeque::new(), is_resting: false, is_finished: false })
    }

    /// The address that it is bound to, with the port that the system chose if none was asked for.
    ///
    /// # Errors
    /// What `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection that was accepted, non-blocking and closed on exec, or the error that accepting rests after.
    pub fn accept(&mut self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        self.accepted.pop_front()
    }

    /// Whether it has stopped accepting after an error.
    pub fn is_resting(&self) -> bool {
        self.is_resting
    }

    /// Goes on accepting.
    pub fn resume(&mut self) {
        self.is_resting = false;
    }
}

impl Source for Listener {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn interest(&self) -> Interest {
        if self.is_resting || self.is_finished || self.accepted.len() >= ACCEPTS_PER_TURN {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }

    fn respond(&mut self, _ready: Ready, io: &mut Io<'_>) -> Fire {
        if self.is_finished {
            return Fire::No;
        }
        for _ in self.accepted.len()..ACCEPTS_PER_TURN {
            match net::accept(&self.socket) {
                Ok(connection) => {
                    io.count_accepted();
                    self.accepted.push_back(Ok(connection));
                }
                Err(error) => match AcceptFailure::of(&error) {
                    AcceptFailure::Empty => break,
                    // The next one may be well.
                    AcceptFailure::Connection => {}
                    AcceptFailure::Exhausted | AcceptFailure::Listener => {
                        self.is_resting = true;
                        self.accepted.push_back(Err(error));
                        break;
                    }
                },
            }
        }
        if self.is_resting || self.accepted.len() >= ACCEPTS_PER_TURN {
            io.count_deferred_accept();
        }
        (!self.accepted.is_empty()).into()
    }

    /// Accepts no more. Who has connected and was not accepted yet waits in the kernel, until the listener is closed.
    fn finish(&mut self) {
        self.is_finished = true;
    }

    fn is_finished(&self) -> bool {
        self.accepted.is_empty()
    }
}

impl<S: 'static> Context<'_, S> {
    /// Puts a listener on the loop and calls `accepted` for each connection.
    ///
    /// It is called with an error too: when the system has no descriptor or memory left (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`),
    /// after which accepting rests for 100 ms and then goes on by itself; and when the listener itself is broken, after which it rests
    /// for good. A connection that failed on its own, before it was accepted, is passed over.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn listen(
        &mut self,
        listener: Listener,
        mut accepted: impl FnMut(&mut S, &mut Context<'_, S>, io::Result<(TcpStream, SocketAddr)>) + 'static,
    ) -> io::Result<Id<Listener>> {
        self.add(listener, move |state, context, id| {
            // Looked up anew each time: the callback may remove the listener.
            while let Some(connection) = context.get_mut(id).and_then(Listener::accept) {
                let failure = connection.as_ref().err().map(AcceptFailure::of);
                if failure == Some(AcceptFailure::Exhausted) {
                    context.set_timeout(REST, move |_, context| {
                        if let Some(listener) = context.get_mut(id) {
                            listener.resume();
                        }
                    });
                }
                accepted(state, context, connection);
            }
        })
    }
}
