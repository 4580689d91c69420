//! The life of a connection on the loop: it begins, is served, has a timer, and ends.

use std::io;
use std::time::{Duration, Instant};

use super::exchange::Served;
use super::link::{Incoming, LinkState, Outgoing, STREAM_HIGH_WATER};
use super::{close, places, End, Link, Socket};
use crate::mq::event::Event;
use crate::mq::pattern::Peer;
use crate::mq::pipe::Pipe;
use crate::mq::session::{Session, SessionError};
use crate::mq::wire::Wire;
use crate::{Context, Framed, Id, State, Stream, TimerId};

/// How long a connection may take that is being closed in good order, once all is sent.
pub(super) const WINDING_UP: Duration = Duration::from_secs(2);

/// Takes a connection on: one that was accepted, or one that is being made to a place.
pub(super) fn begin<S: 'static>(
    context: &mut Context<'_, S>,
    socket_id: Id<Socket>,
    pipe: Pipe,
    place: Option<usize>,
) -> io::Result<()> {
    let now = context.now();
    let memory = context.memory();
    let socket = match context.get_mut(socket_id) {
        Some(socket) => socket,
        None => return Ok(()),
    };
    let (local, within) = match place {
        Some(_) => (&socket.connected, socket.options.connect_within),
        None => (&socket.accepted, Duration::MAX),
    };
    let session = Session::new(std::sync::Arc::clone(local), now);
    let wire = Wire::new(socket.options.dialect, socket.options.max_part_len);
    let stream = match place {
        Some(_) => Stream::connecting(pipe, &memory)?,
        None => Stream::new(pipe, &memory)?,
    };
    let mut link = Framed::over(wire, stream)?;
    link.set_high_water(STREAM_HIGH_WATER.min(socket.options.send_high_water.bytes));
    let peer = socket.next_peer();
    let id = context.connect(link, within, move |_, context, id| serve(context, socket_id, peer, id))?;
    let socket = context.get_mut(socket_id).expect("adding a source takes none away");
    socket.links[peer.0 as usize] = Some(LinkState {
        id,
        session,
        place,
        is_connected: place.is_none(),
        is_joined: false,
        incoming: Incoming::default(),
        is_held: false,
        held_for: 0,
        has_room: true,
        outgoing: Outgoing::default(),
        timer: None,
    });
    if place.is_none() {
        socket.note(Event::Accepted);
    }
    // The greeting, and the time for the handshake.
    serve(context, socket_id, peer, id);
    Ok(())
}

/// A connection's callback: takes what has come, sends what waits.
pub(super) fn serve<S: 'static>(
    context: &mut Context<'_, S>,
    socket_id: Id<Socket>,
    peer: Peer,
    id: Id<Link>,
) {
    let now = context.now();
    let served = match context.split(id) {
        Some((link, mut others)) => match others.get_mut(socket_id) {
            Some(socket) if socket.is_of(peer, id) => socket.serve(peer, link, now),
            _ => Served::Orphan,
        },
        None => return,
    };
    match served {
        Served::Goes { deadline } => set_timer(context, socket_id, peer, deadline, now),
        Served::Ends(end) => end_link(context, socket_id, peer, end),
        Served::IsDone => {
            let forgotten = context.get_mut(socket_id).and_then(|socket| socket.forget_link(peer, 0));
            clear_timer(context, forgotten.and_then(|link| link.timer));
            match context.get(id).map(Framed::state) {
                Some(State::Connecting) => drop(context.remove(id)),
                _ => drop(context.finish(id, WINDING_UP)),
            }
        }
        // The socket went without being closed, or has let it go.
        Served::Orphan => drop(context.remove(id)),
    }
    settle(context, socket_id);
}

/// Has the socket's callback run if there is something for it, and what was stranded go on if it can.
pub(super) fn settle<S: 'static>(context: &mut Context<'_, S>, socket_id: Id<Socket>) {
    let mut goes_on = false;
    loop {
        let socket = match context.get_mut(socket_id) {
            Some(socket) => socket,
            None => return,
        };
        if let Some(displaced) = socket.displaced.pop() {
            let identity =
                socket.link(displaced).and_then(|link| link.session.peer()).map(|peer| peer.identity.clone());
            let error = SessionError::IdentityInUse { identity: identity.unwrap_or_default() };
            end_link(context, socket_id, displaced, End::Refused(error));
            continue;
        }
        let has_sent = match context.split(socket_id) {
            Some((socket, mut others)) => socket.send_stranded(&mut others),
            None => return,
        };
        if !has_sent {
            break;
        }
        goes_on = true;
    }
    // Of a socket that closes: perhaps that was all.
    if goes_on && context.get(socket_id).map_or(false, |socket| socket.closing.is_some()) {
        close::look_again(context, socket_id);
    }
    if let Some(socket) = context.get_mut(socket_id) {
        let has_news = std::mem::take(&mut socket.has_news);
        let has_arrivals = std::mem::take(&mut socket.has_arrivals);
        let is_closing = socket.closing.is_some();
        let has_inbox = socket.inbox.is_some();
        if (has_news || has_arrivals) && !is_closing {
            if has_inbox && !has_news && !context.has_queued() {
                // Others who have work in this phase may bring more, which then is handed over at once.
                socket_id.deliver(context);
            } else if has_arrivals {
                context.follow(socket_id);
            } else {
                // Room is told of once the stream has written, so that what is sent then need not wait before that.
                context.fire(socket_id);
            }
        }
        close::check(context, socket_id);
    }
}

/// Sends what waits for a peer, as much as there is room for.
pub(super) fn flush<S: 'static>(context: &mut Context<'_, S>, socket_id: Id<Socket>, peer: Peer) {
    let id = match context.get_mut(socket_id).and_then(|socket| socket.link(peer)) {
        Some(link) => link.id,
        None => return,
    };
    if let Some((link, mut others)) = context.split(id) {
        if let Some(socket) = others.get_mut(socket_id) {
            socket.push_out(peer, link);
        }
    }
}

/// A connection is over: whoever was at it has left, and where it was made it is made again.
pub(super) fn end_link<S: 'static>(
    context: &mut Context<'_, S>,
    socket_id: Id<Socket>,
    peer: Peer,
    end: End,
) {
    let id = match context.get_mut(socket_id).and_then(|socket| socket.link(peer)) {
        Some(link) => link.id,
        None => return,
    };
    let unsent_len = context.get(id).map_or(0, unsent_len);
    let is_refused = matches!(end, End::Refused(_));
    let socket = context.get_mut(socket_id).expect("it was there");
    let link = match socket.forget_link(peer, unsent_len) {
        Some(link) => link,
        None => return,
    };
    clear_timer(context, link.timer);
    match is_refused {
        true => drop(context.finish(id, WINDING_UP)), // it may be told why
        false => drop(context.remove(id)),
    }
    let socket = context.get_mut(socket_id).expect("it was there");
    match (link.place, end) {
        (Some(place), End::Lost(Some(error))) if !link.is_connected => {
            places::failed(context, socket_id, place, error);
        }
        (place, End::Lost(error)) => {
            socket.note(Event::Left(error));
            places::link_ended(context, socket_id, place, false);
        }
        (place, End::Refused(error)) => {
            let is_final = error.is_final();
            socket.note_failure(place, &error);
            socket.note(Event::Refused(error));
            places::link_ended(context, socket_id, place, is_final);
        }
    }
    settle(context, socket_id);
}

/// A message was received: whoever is not read from may be, if little waits now.
pub(super) fn read_on<S: 'static>(context: &mut Context<'_, S>, socket_id: Id<Socket>, peer: Peer) {
    let socket = match context.get_mut(socket_id) {
        Some(socket) => socket,
        None => return,
    };
    let high_water = socket.options.recv_high_water;
    let (messages, bytes) = socket.machine.get().left_behind();
    if socket.is_held && high_water.is_low(messages, bytes) {
        socket.is_held = false;
        let held = socket.links.iter().flatten().filter(|link| link.is_held).map(|link| link.id);
        let held: Vec<_> = held.collect();
        for id in held {
            context.fire(id);
        }
        return;
    }
    let (messages, bytes) = socket.machine.get().waiting(peer);
    let link = match socket.link(peer).filter(|link| link.is_held) {
        Some(link) => link,
        None => return,
    };
    if high_water.is_low(messages, bytes) {
        link.is_held = false;
        let id = link.id;
        context.fire(id);
    } else {
        link.held_for = high_water.above_low(messages);
    }
}

/// How many bytes were not written, whether they still wait or the connection has died.
pub(super) fn unsent_len(link: &Link) -> usize {
    link.unsent_len() + link.lost_len()
}

/// The timer of a session that is over, or that is to have another one.
pub(super) fn clear_timer<S: 'static>(context: &mut Context<'_, S>, timer: Option<(TimerId, Instant)>) {
    if let Some((timer, _)) = timer {
        context.clear_timeout(timer);
    }
}

/// Gives the session's timer another time, if it is to come earlier than it does, or no more.
fn set_timer<S: 'static>(
    context: &mut Context<'_, S>,
    socket_id: Id<Socket>,
    peer: Peer,
    deadline: Option<Instant>,
    now: Instant,
) {
    let link = match context.get_mut(socket_id).and_then(|socket| socket.link(peer)) {
        Some(link) => link,
        None => return,
    };
    let (deadline, id) = match (deadline, link.timer) {
        (None, None) => return,
        (None, Some(_)) => {
            // As when a handshake is done: while a timer is set, each turn reads the clock.
            let timer = link.timer.take();
            return clear_timer(context, timer);
        }
        (Some(deadline), Some((_, at))) if at <= deadline => return,
        (Some(deadline), _) => (deadline, link.id),
    };
    let old = link.timer.take();
    clear_timer(context, old);
    let after = deadline.saturating_duration_since(now);
    let timer = context.set_timeout(after, move |_, context| on_timer(context, socket_id, peer, id));
    if let Some(link) = context.get_mut(socket_id).and_then(|socket| socket.link(peer)) {
        link.timer = Some((timer, deadline));
    }
}

/// The time of a session has come, or it was put off.
fn on_timer<S: 'static>(context: &mut Context<'_, S>, socket_id: Id<Socket>, peer: Peer, id: Id<Link>) {
    let now = context.now();
    let link = match context.get_mut(socket_id).filter(|socket| socket.is_of(peer, id)) {
        Some(socket) => socket.link(peer).expect("it is of that peer"),
        None => return,
    };
    link.timer = None;
    if link.is_held {
        link.session.excuse_silence(now); // what it says is not read
    }
    let result = match link.session.deadline() {
        Some(deadline) if deadline <= now => link.session.on_deadline(now),
        _ => Ok(()),
    };
    let deadline = link.session.deadline();
    match result {
        Ok(()) => {
            flush(context, socket_id, peer);
            set_timer(context, socket_id, peer, deadline, now);
            settle(context, socket_id); // there may be room now
        }
        Err(error) => {
            flush(context, socket_id, peer);
            end_link(context, socket_id, peer, End::Refused(error));
        }
    }
}
