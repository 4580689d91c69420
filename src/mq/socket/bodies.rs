//! Long parts, and the long pieces of RingMQ's messages, which are read by themselves, to where they are handed over.

use std::time::Instant;

use super::{End, Link, Socket};
use crate::codec::{Decoder, RingHead};
use crate::mq::freed::{keep_freed, LONG_LEN};
use crate::mq::pattern::Peer;
use crate::mq::session::{Input, SessionError};
use crate::mq::wire::WireHead;
use crate::mq::Part;

impl Socket {
    /// Has a part that has begun read by itself, if it is long, or the first piece of a message: behind what was put together by copying
    /// none is read to where it is to be.
    pub(super) fn keep_body_apart(&mut self, peer: Peer, link: &mut Link) {
        let max = self.options.max_message_len;
        let has_pieces = self.link(peer).map_or(false, |state| state.incoming.has_pieces());
        link.keep_body_apart(|decoder, input| {
            decoder.begun_part(input).filter(|begun| match begun.head {
                WireHead::Ring(_) => !has_pieces && begun.body.len() <= max,
                WireHead::Greeting | WireHead::Zmtp(_) => true,
            })
        });
    }

    /// Takes a part that was read by itself: it becomes the message's as it is. Of a message of RingMQ all the pieces do, one behind the
    /// other, as long as they are long.
    #[inline(never)] // seldom enough, beside the loop over short ones
    pub(super) fn take_body(&mut self, peer: Peer, link: &mut Link, now: Instant) -> Result<(), End> {
        keep_freed();
        let more = WireHead::Ring(RingHead::More);
        let is_cut = matches!(link.body_head(), Some((&head, _)) if head == more);
        if is_cut && self.closing.is_none() && self.extend_body(link)? {
            let state = self.link(peer).expect("it is being served");
            let input = state.session.received(more, &[], now);
            return self.take_other(peer, input, &mut link.outlet());
        }
        let taken = if is_cut { link.leave_body() } else { link.take_body() };
        let (head, body) = match taken {
            Some(frame) => frame,
            None => return Ok(()),
        };
        let state = self.link(peer).expect("it is being served");
        let is_last = match state.session.received(head, &body, now) {
            Ok(Input::Part { is_last, .. }) => is_last,
            other => return self.take_other(peer, other, &mut link.outlet()),
        };
        if self.closing.is_some() {
            return Ok(());
        }
        let (max, max_count) = (self.options.max_message_len, self.options.max_part_count);
        let state = self.link(peer).expect("it is being served");
        let is_ring = matches!(head, WireHead::Ring(_));
        let whole = match is_ring {
            true => state.incoming.push_body(body, is_last, max),
            false => state.incoming.push_part(Part::from(body), is_last, max, max_count),
        };
        if let Some(message) = whole.map_err(End::Refused)? {
            let has_message = match is_ring {
                true => self.arrived_by_ring(peer, message),
                false => self.arrived(peer, message),
            };
            self.has_arrivals |= has_message && self.machine.get().can_recv();
        }
        Ok(())
    }

    /// Has the next piece of a message read behind those that were read by themselves; answers whether it is. One that is short and not the
    /// last is not: each would take a turn. Nor is what comes to more than the longest frame, of which there is sure to be memory for one.
    fn extend_body(&mut self, link: &mut Link) -> Result<bool, End> {
        let (len, longest) = match link.body_head() {
            Some((_, len)) => (len, link.decoder().max_frame_len()),
            None => return Ok(false),
        };
        let max = self.options.max_message_len;
        let mut too_long = None;
        let is_extended = link.extend_body(|decoder, header| {
            let begun = decoder.begun_part(header)?;
            let (more, is_last) = (begun.body.len(), begun.behind == 0);
            if more > max - len.min(max) {
                too_long = Some(SessionError::MessageTooLong { len: len + more, max });
            }
            let is_worth_it = more >= LONG_LEN || is_last && more > 0;
            let fits = too_long.is_none() && len + more + begun.behind <= longest;
            Some(begun).filter(|_| is_worth_it && fits)
        });
        match too_long {
            Some(error) => Err(End::Refused(error)),
            None => Ok(is_extended),
        }
    }
}
