//! The end of a socket: what waits is sent, for as long as it may take.

use std::time::{Duration, Instant};

use super::exchange::Served;
use super::places::{self, Place};
use super::{serve, Link, Socket};
use crate::mq::pattern::Peer;
use crate::{Context, Id, TimerId};

/// What a socket that closes still waits for.
pub(super) struct Closing {
    /// Runs at the latest time, and as soon as all is sent.
    timer: TimerId,
    /// The latest time; never, if there is none.
    until: Option<Instant>,
    /// How many messages were lost with connections since it began.
    pub lost: u64,
    is_done: bool,
}

/// What [`Id::close`] does.
pub(super) fn close<S: 'static>(
    context: &mut Context<'_, S>,
    id: Id<Socket>,
    linger: Duration,
    done: impl FnOnce(&mut S, &mut Context<'_, S>, u64) + 'static,
) -> bool {
    let until = context.now().checked_add(linger);
    match context.get_mut(id).map(|socket| &mut socket.closing) {
        Some(None) => {}
        Some(Some(closing)) => {
            // It may be wanted sooner than it was.
            let is_sooner = until.map_or(false, |until| closing.until.map_or(true, |old| until < old));
            if is_sooner {
                closing.until = until;
                let timer = closing.timer;
                context.reset_timeout(timer, linger);
            }
            return false;
        }
        None => return false,
    }
    let timer = context.set_timeout(linger, move |state: &mut S, context: &mut Context<'_, S>| {
        let lost = end(context, id);
        done(state, context, lost)
    });
    let socket = context.get_mut(id).expect("setting a timer takes no source away");
    socket.closing = Some(Closing { timer, until, lost: 0, is_done: false });
    // Nobody new; but where messages may be stranded that wait it is connected to again for as long as there is time.
    let waits = !socket.stranded.is_empty()
        || socket.links.iter().flatten().any(|link| link.outgoing.waiting().0 > 0);
    for at in 0..socket.places.len() {
        let socket = context.get_mut(id).expect("it is closing");
        if waits && matches!(socket.places[at], Some(Place::Connected(_))) {
            continue;
        }
        if let Some(place) = socket.places[at].take() {
            places::give_up(context, place);
        }
    }
    look_again(context, id);
    serve::settle(context, id); // sends on what can be sent, and sees whether that was all
    true
}

/// Every connection looks whether it is done.
pub(super) fn look_again<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>) {
    let links: Vec<Id<Link>> = match context.get(id) {
        Some(socket) => socket.links.iter().flatten().map(|link| link.id).collect(),
        None => return,
    };
    for link in links {
        context.fire(link);
    }
}

/// Whether all is done that a socket was to do before its end, or nothing can be done any more; then it ends with the timers of the next
/// turn.
pub(super) fn check<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>) {
    let timer = match context.get_mut(id) {
        Some(socket) if socket.links.iter().all(Option::is_none) && !socket.has_hope() => {
            match &mut socket.closing {
                Some(closing) if !closing.is_done => {
                    closing.is_done = true;
                    closing.timer
                }
                _ => return,
            }
        }
        _ => return,
    };
    context.reset_timeout(timer, Duration::ZERO);
}

/// The time is over, or all is done, or nothing can be done any more: what is left is dropped, and counted.
pub(super) fn end<S: 'static>(context: &mut Context<'_, S>, id: Id<Socket>) -> u64 {
    let mut lost = 0;
    let count = match context.get_mut(id) {
        Some(socket) => socket.links.len(),
        None => return 0,
    };
    for number in 0..count {
        let peer = Peer(number as u32);
        let link = match context.get_mut(id).and_then(|socket| socket.link(peer)) {
            Some(link) => link.id,
            None => continue,
        };
        let unsent_len = context.get(link).map_or(0, serve::unsent_len);
        let state = context.get_mut(id).and_then(|socket| socket.links[number].take());
        if let Some(state) = state {
            let (unsent, rest) = state.outgoing.into_unsent(unsent_len);
            lost += unsent + rest.len() as u64;
            serve::clear_timer(context, state.timer);
        }
        context.remove(link);
    }
    if let Some(socket) = context.remove(id) {
        lost += socket.stranded.len() as u64 + socket.closing.as_ref().map_or(0, |closing| closing.lost);
        for place in socket.places.into_iter().flatten() {
            places::give_up(context, place);
        }
    }
    lost
}

impl Socket {
    /// Whether something was stranded that a peer may yet be found for.
    fn has_hope(&self) -> bool {
        !self.stranded.is_empty() && self.places.iter().any(Option::is_some)
    }

    /// One step of a connection to its end.
    pub(super) fn wind_up(&mut self, peer: Peer, link: &mut Link) -> Served {
        let state = self.link(peer).expect("it is being served");
        let (is_joined, has_messages) = (state.is_joined, !state.outgoing.is_empty());
        if !is_joined && self.stranded.is_empty() {
            return Served::IsDone; // nothing waits for it
        }
        if has_messages || !self.stranded.is_empty() {
            return Served::Goes { deadline: self.link(peer).and_then(|state| state.session.deadline()) };
        }
        link.finish();
        match link.unsent_len() {
            0 => Served::IsDone,
            // The stream runs its callback once it has told its peer.
            _ => Served::Goes { deadline: None },
        }
    }
}
