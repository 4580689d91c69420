//! Where a socket is to be found, and where it finds its peers: listeners, and connections that are made again when they are lost.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;

use super::{serve, Socket};
use crate::mq::backoff::Backoff;
use crate::mq::endpoint::{BindTo, Endpoint, Host};
use crate::mq::event::Event;
use crate::mq::pipe::Pipe;
use crate::platform::net;
use crate::{Context, Id, Listener, TimerId};

/// A listener, or a peer to connect to.
pub(super) enum Place {
    Bound { endpoint: Endpoint, listener: Bound },
    Connected(Target),
}

/// A listener of either kind. That of a path takes its file away when it is closed.
#[derive(Clone)]
pub(super) enum Bound {
    Tcp(Id<Listener<TcpListener>>),
    Unix(Id<Listener<UnixListener>>, PathBuf),
}

/// A peer to connect to.
pub(super) struct Target {
    endpoint: Endpoint,
    backoff: Backoff,
    /// Addresses that its name stands for and that are still to be tried.
    candidates: Vec<SocketAddr>,
    retry: Option<TimerId>,
}

impl Place {
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Place::Bound { endpoint, .. } | Place::Connected(Target { endpoint, .. }) => endpoint,
        }
    }

    /// A handshake was done there: the next time it is tried again soon.
    pub fn note_joined(&mut self) {
        if let Place::Connected(target) = self {
            target.backoff.reset();
            target.candidates.clear();
        }
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// How many may have connected and not been accepted yet: as many as a cluster has that comes back at once.
const BACKLOG: u32 = 1024;

/// What [`Id::bind`] does.
pub(super) fn bind<S: 'static>(
    context: &mut Context<'_, S>,
    id: Id<Socket>,
    text: &str,
) -> io::Result<Endpoint> {
    let endpoint: Endpoint = text.parse().map_err(invalid)?;
    let socket = context.get_mut(id).filter(|socket| socket.closing.is_none()).ok_or_else(closed)?;
    socket.accepted.check().map_err(invalid)?;
    let (endpoint, listener) = match endpoint.to_bind().map_err(invalid)? {
        BindTo::Tcp(address) => {
            let mut listener = Listener::bind(address)?;
            listener.set_backlog(BACKLOG)?;
            let endpoint = Endpoint::from(listener.local_addr()?);
            let listener = context.listen(listener, move |_, context, accepted| {
                take_on(context, id, accepted.map(|(stream, _)| Pipe::Tcp(stream)))
            })?;
            (endpoint, Bound::Tcp(listener))
        }
        BindTo::Ipc(path) => {
            let mut listener = Listener::new(bind_path(path)?)?;
            listener.set_backlog(BACKLOG)?;
            let listener = context.listen(listener, move |_, context, accepted| {
                take_on(context, id, accepted.map(|(stream, _)| Pipe::Unix(stream)))
            })?;
            let path = path.clone();
            (endpoint, Bound::Unix(listener, path))
        }
    };
    let socket = context.get_mut(id).expect("adding a source takes none away");
    socket.places.push(Some(Place::Bound { endpoint: endpoint.clone(), listener }));
    socket.note(Event::Listening(endpoint.clone()));
    serve::settle(context, id);
    Ok(endpoint)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the socket is closed")
}

/// A listener at a path. A socket that another program has left, at which nobody listens any more, is taken away first.
fn bind_path(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path) => {
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        result => result,
    }
}

/// Whether nobody listens there any more. Connections to files of other kinds are refused too (Linux), so it is asked what it is.
fn is_left_over(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).map_or(false, |found| found.file_type().is_socket());
    is_socket
        && matches!(net::connect_unix(path), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Somebody has connected.
fn take_on<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>, accepted: io::Result<Pipe>) {
    let result = accepted.and_then(|pipe| serve::begin(context, id, pipe, None));
    if let (Err(error), Some(socket)) = (result, context.get_mut(id)) {
        socket.note(Event::AcceptFailed(error));
        serve::settle(context, id);
    }
}

/// What [`Id::connect`] does.
pub(super) fn connect<S: 'static>(
    context: &mut Context<'_, S>,
    id: Id<Socket>,
    text: &str,
) -> io::Result<()> {
    let endpoint: Endpoint = text.parse().map_err(invalid)?;
    endpoint.check_to_connect().map_err(invalid)?;
    let socket = context.get_mut(id).filter(|socket| socket.closing.is_none()).ok_or_else(closed)?;
    socket.connected.check().map_err(invalid)?;
    let (shortest, longest) = socket.options.reconnect;
    let backoff = Backoff::new(shortest, longest, RandomState::new().build_hasher().finish());
    let target = Target { endpoint, backoff, candidates: Vec::new(), retry: None };
    socket.places.push(Some(Place::Connected(target)));
    let place = socket.places.len() - 1;
    attempt(context, id, place);
    serve::settle(context, id);
    Ok(())
}

impl Socket {
    /// A place could not be reached, or who is there is none for us.
    pub(super) fn note_failure(&mut self, place: Option<usize>, error: &dyn std::error::Error) {
        if let Some(target) = place.and_then(|place| self.target(place)) {
            self.last_error = Some((target.endpoint.clone(), error.to_string()));
            self.has_news = true;
        }
    }

    /// Whether peers are wanted: also of one that closes, when it has something to send to them.
    fn may_connect(&self) -> bool {
        self.closing.is_none() || !self.stranded.is_empty()
    }

    fn target(&mut self, place: usize) -> Option<&mut Target> {
        match self.places.get_mut(place) {
            Some(Some(Place::Connected(target))) => Some(target),
            _ => None,
        }
    }
}

/// Tries the next address of a place; with none left, asks for them anew.
fn attempt<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>, place: usize) {
    let socket = match context.get_mut(id) {
        Some(socket) if socket.may_connect() => socket,
        _ => return,
    };
    let target = match socket.target(place) {
        Some(target) => target,
        None => return,
    };
    target.retry = None;
    let endpoint = target.endpoint.clone();
    let candidate = target.candidates.pop();
    socket.note(Event::Connecting(endpoint.clone()));
    let pipe = match (&endpoint, candidate) {
        (_, Some(address)) => net::connect(&address).map(Pipe::Tcp),
        (Endpoint::Tcp(Host::Ip(ip), port), None) => {
            net::connect(&SocketAddr::new(*ip, *port)).map(Pipe::Tcp)
        }
        (Endpoint::Tcp(Host::Name(name), port), None) => {
            return resolve(context, id, place, name.clone(), *port)
        }
        (Endpoint::Tcp(Host::Any, _), None) => unreachable!("checked before it was taken on"),
        (Endpoint::Ipc(path), None) => net::connect_unix(path).map(Pipe::Unix),
    };
    let begun = pipe.and_then(|pipe| serve::begin(context, id, pipe, Some(place)));
    if let Err(error) = begun {
        failed(context, id, place, error);
    }
}

/// Asks what a name stands for, on a thread of its own: it may take its time, and no loop waits for it.
fn resolve<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>, place: usize, name: String, port: u16) {
    let remote = context.remote();
    let thread = thread::Builder::new().name("ringmq-resolve".to_string());
    let spawned = thread.spawn(move || {
        let addresses = (&name[..], port).to_socket_addrs().map(Vec::from_iter);
        // A loop that is gone does not want to know.
        let _ = remote.post(move |_, context| resolved(context, id, place, addresses));
    });
    if let Err(error) = spawned {
        failed(context, id, place, error);
    }
}

fn resolved<S: 'static>(
    context: &mut Context<'_, S>,
    id: Id<Socket>,
    place: usize,
    addresses: io::Result<Vec<SocketAddr>>,
) {
    let target = match context.get_mut(id).and_then(|socket| socket.target(place)) {
        Some(target) => target,
        None => return,
    };
    match addresses {
        Ok(mut addresses) if !addresses.is_empty() => {
            addresses.reverse(); // the first one is tried first
            target.candidates = addresses;
            attempt(context, id, place);
        }
        Ok(_) => {
            failed(context, id, place, io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
        }
        Err(error) => failed(context, id, place, error),
    }
    serve::settle(context, id);
}

/// A connection was not made.
pub(super) fn failed<S: 'static>(
    context: &mut Context<'_, S>,
    id: Id<Socket>,
    place: usize,
    error: io::Error,
) {
    let socket = match context.get_mut(id) {
        Some(socket) => socket,
        None => return,
    };
    socket.note_failure(Some(place), &error);
    if let Some(target) = socket.target(place) {
        let endpoint = target.endpoint.clone();
        socket.note(Event::ConnectFailed(endpoint, error));
    }
    retry(context, id, place);
}

/// A connection to a place has ended, or was not made: it is tried again, unless its peer is none for us.
pub(super) fn link_ended<S: 'static>(
    context: &mut Context<'_, S>,
    id: Id<Socket>,
    place: Option<usize>,
    is_final: bool,
) {
    let place = match place {
        Some(place) if is_final => place,
        Some(place) => return retry(context, id, place),
        None => return,
    };
    if let Some(socket) = context.get_mut(id) {
        if let Some(Place::Connected(target)) = socket.places[place].take() {
            socket.note(Event::GivenUp(target.endpoint));
        }
    }
}

/// Tries a place again: another address at once, and when all were tried, later.
fn retry<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>, place: usize) {
    let socket = match context.get_mut(id) {
        Some(socket) => socket,
        None => return,
    };
    let is_wanted = socket.may_connect();
    let target = match socket.target(place) {
        Some(target) if is_wanted => target,
        _ => return,
    };
    let after = match target.candidates.is_empty() {
        true => target.backoff.next(),
        false => std::time::Duration::ZERO,
    };
    let endpoint = target.endpoint.clone();
    socket.note(Event::Retrying(endpoint, after));
    let timer = context.set_timeout(after, move |_, context| {
        attempt(context, id, place);
        serve::settle(context, id);
    });
    if let Some(target) = context.get_mut(id).and_then(|socket| socket.target(place)) {
        target.retry = Some(timer);
    }
}

/// Takes a place back: nobody is accepted there any more, or it is not connected to again. Connections of it stay.
pub(super) fn give_up<S: 'static>(context: &mut Context<'_, S>, place: Place) {
    match place {
        Place::Bound { listener: Bound::Tcp(id), .. } => drop(context.remove(id)),
        Place::Bound { listener: Bound::Unix(id, path), .. } => {
            context.remove(id);
            let _ = fs::remove_file(path); // somebody else may have done it
        }
        Place::Connected(target) => {
            if let Some(timer) = target.retry {
                context.clear_timeout(timer);
            }
        }
    }
}
