//! What the descriptors of a play are ready for, worked out without asking the system.
//!
//! The model knows only what is the same on every system, and refuses the steps that lead beyond it. How much room a buffer has to
//! have before it counts as writable again differs, so one that was filled is only ever emptied as a whole, and the writes that wait
//! in one that was not are few and short. What becomes of bytes that meet a direction that is shut differs, so none are sent there.

use std::net::Shutdown;

use super::script::{Kind, Step};
use crate::conformance::support::{asked, BOTH};
use crate::{Interest, Ready};

/// How many descriptors there are room for: twenty channels with two ends each, and twenty duplicates.
pub const SLOT_COUNT: usize = 60;

/// How many writes may wait to be read. Linux takes three quarters of a kibibyte for each, and calls a socket writable while no more
/// than a quarter of its buffer is taken.
const MOST_WRITES: u8 = 8;

/// One end of a channel: what several slots may name, and what outlives each of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct File {
    channel: u8,
    side: u8,
    /// Tells it from others that were in the same place earlier.
    serial: u32,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    kind: Kind,
    serial: u32,
    /// Of a pipe, the reading end and the writing end.
    ends: [End; 2],
}

#[derive(Clone, Copy, Debug, Default)]
struct End {
    slot_count: u8,
    /// Bytes that were sent to it and not read yet; not counted once `is_full`.
    inbox_len: u32,
    /// Writes since the inbox was empty last.
    write_count: u8,
    /// Whether the inbox was filled, and not emptied since.
    is_full: bool,
    is_shut_for_reading: bool,
    is_shut_for_writing: bool,
}

impl End {
    fn is_open(&self) -> bool {
        self.slot_count > 0
    }
}

/// The state of all slots.
#[derive(Debug)]
pub struct Model {
    slots: [Option<File>; SLOT_COUNT],
    channels: Vec<Channel>,
    last_serial: u32,
}

impl Model {
    /// All slots closed.
    pub fn new() -> Model {
        Model { slots: [None; SLOT_COUNT], channels: Vec::new(), last_serial: 0 }
    }

    /// The file in a slot.
    #[inline]
    pub fn file(&self, slot: u8) -> Option<File> {
        self.slots[usize::from(slot)]
    }

    pub fn is_open(&self, slot: u8) -> bool {
        self.file(slot).is_some()
    }

    /// What a file is ready for; nothing once its last descriptor has been closed.
    pub fn ready(&self, file: File) -> Ready {
        let (kind, me, peer) = match self.ends(file) {
            Some(ends) => ends,
            None => return Ready::NONE,
        };
        let is_readable = me.inbox_len > 0
            || me.is_full
            || me.is_shut_for_reading
            || peer.is_shut_for_writing
            || !peer.is_open();
        let is_writable = !peer.is_full || !peer.is_open();
        let found = [(is_readable, Ready::READABLE), (is_writable, Ready::WRITABLE)];
        let found =
            found.iter().filter(|(is_true, _)| *is_true).fold(Ready::NONE, |ready, (_, is)| ready | *is);
        asked(found, directions(kind, file.side))
    }

    /// What may be said of a file beyond that: ends that have come, which not every system has a word for.
    pub fn hints(&self, file: File) -> Ready {
        let (kind, me, peer) = match self.ends(file) {
            Some(ends) => ends,
            None => return Ready::NONE,
        };
        let is_left = !peer.is_open();
        let can_read = directions(kind, file.side).is_readable();
        let is_read_over = can_read && (me.is_shut_for_reading || peer.is_shut_for_writing || is_left);
        let is_write_over = me.is_shut_for_writing || peer.is_shut_for_reading || is_left;
        let hints = [
            (is_read_over, Ready::READ_CLOSED),
            ((is_read_over || !can_read) && is_write_over, Ready::HANGUP),
            (is_left, Ready::ERROR), // that it left bytes unread, or that nobody is there to write to
        ];
        hints.iter().filter(|(is_true, _)| *is_true).fold(Ready::NONE, |hints, (_, is)| hints | *is)
    }

    /// The directions that the file in a slot has. A slot that is closed has both: there it makes no difference.
    pub fn directions(&self, slot: u8) -> Interest {
        match self.file(slot).and_then(|file| Some((self.ends(file)?.0, file.side))) {
            Some((kind, side)) => directions(kind, side),
            None => BOTH,
        }
    }

    /// The file at the other end of a slot, open or not.
    pub fn peer(&self, slot: u8) -> Option<File> {
        self.file(slot).map(|file| File { side: 1 - file.side, ..file })
    }

    /// Bytes that wait to be read in a slot; `None` when it is not known how many.
    pub fn inbox_len(&self, slot: u8) -> Option<usize> {
        let (_, me, peer) = self.ends(self.file(slot)?)?;
        let is_known = !me.is_full && !me.is_shut_for_reading && peer.is_open();
        Some(me.inbox_len as usize).filter(|_| is_known)
    }

    /// Whether bytes wait to be read in a slot.
    pub fn has_bytes(&self, slot: u8) -> bool {
        let ends = self.file(slot).and_then(|file| self.ends(file));
        ends.map_or(false, |(_, me, _)| me.is_full || me.inbox_len > 0)
    }

    /// Bytes that wait at the other end of a slot; `None` when it is not known how many.
    pub fn peer_inbox_len(&self, slot: u8) -> Option<usize> {
        self.takes_bytes(slot).map(|peer| peer.inbox_len as usize)
    }

    /// Whether anybody holds the other end.
    pub fn has_peer(&self, slot: u8) -> bool {
        let ends = self.file(slot).and_then(|file| self.ends(file));
        ends.map_or(false, |(_, _, peer)| peer.is_open())
    }

    /// How many channels have an end that is open.
    pub fn channel_count(&self) -> usize {
        self.channels.iter().filter(|channel| channel.ends.iter().any(End::is_open)).count()
    }

    /// Whether a step on descriptors makes sense, and what comes of it is the same on every system.
    pub fn allows(&self, step: &Step) -> bool {
        match *step {
            Step::Open { first, second, .. } => {
                first != second && !self.is_open(first) && !self.is_open(second)
            }
            Step::Close { slot } => self.is_open(slot),
            Step::Duplicate { slot, to } => self.is_open(slot) && !self.is_open(to),
            Step::Read { slot, .. } => {
                self.directions(slot).is_readable() && self.inbox_len(slot).map_or(false, |len| len > 0)
            }
            Step::Drain { slot } => self.is_open(slot) && self.directions(slot).is_readable(),
            Step::Write { slot, .. } => {
                self.takes_bytes(slot).map_or(false, |inbox| inbox.write_count < MOST_WRITES)
            }
            Step::Fill { slot } => self.takes_bytes(slot).is_some(),
            Step::Shut { slot, how } => self.can_be_shut(slot, how),
            _ => false,
        }
    }

    /// The end that bytes written to a slot go to, if they go anywhere for certain.
    fn takes_bytes(&self, slot: u8) -> Option<End> {
        let (_, me, peer) = self.ends(self.file(slot)?)?;
        let is_certain =
            peer.is_open() && !peer.is_full && !me.is_shut_for_writing && !peer.is_shut_for_reading;
        Some(peer).filter(|_| is_certain && self.directions(slot).is_writable())
    }

    /// Whether a socket is to be shut in a direction. Not while the bytes in that direction fill the buffer: then Linux calls the
    /// sender not writable and the BSDs do.
    fn can_be_shut(&self, slot: u8, how: Shutdown) -> bool {
        match self.file(slot).and_then(|file| self.ends(file)) {
            Some((Kind::Socket, me, peer)) => {
                let reads = how != Shutdown::Write;
                let writes = how != Shutdown::Read;
                let is_news = (reads && !me.is_shut_for_reading) || (writes && !me.is_shut_for_writing);
                is_news && peer.is_open() && !(reads && me.is_full) && !(writes && peer.is_full)
            }
            _ => false,
        }
    }

    /// Does what a step that is allowed does.
    pub fn apply(&mut self, step: &Step) {
        match *step {
            Step::Open { first, second, kind } => self.open(first, second, kind),
            Step::Close { slot } => {
                let file = self.slots[usize::from(slot)].take().expect("an open slot");
                self.end_mut(file, false).slot_count -= 1;
            }
            Step::Duplicate { slot, to } => {
                let file = self.file(slot).expect("an open slot");
                self.slots[usize::from(to)] = Some(file);
                self.end_mut(file, false).slot_count += 1;
            }
            Step::Read { slot, len } => {
                let me = self.slot_mut(slot, false);
                me.inbox_len -= me.inbox_len.min(u32::from(len));
                if me.inbox_len == 0 {
                    me.write_count = 0;
                }
            }
            Step::Drain { slot } => {
                let me = self.slot_mut(slot, false);
                me.inbox_len = 0;
                me.write_count = 0;
                me.is_full = false;
            }
            Step::Write { slot, len } => {
                let peer = self.slot_mut(slot, true);
                peer.inbox_len += u32::from(len);
                peer.write_count += 1;
            }
            Step::Fill { slot } => self.slot_mut(slot, true).is_full = true,
            Step::Shut { slot, how } => {
                let me = self.slot_mut(slot, false);
                me.is_shut_for_reading |= how != Shutdown::Write;
                me.is_shut_for_writing |= how != Shutdown::Read;
            }
            _ => {}
        }
    }

    fn open(&mut self, first: u8, second: u8, kind: Kind) {
        self.last_serial += 1;
        let end = End { slot_count: 1, ..End::default() };
        let channel = Channel { kind, serial: self.last_serial, ends: [end; 2] };
        let is_over = |channel: &Channel| channel.ends.iter().all(|end| !end.is_open());
        let place = match self.channels.iter().position(is_over) {
            Some(place) => {
                self.channels[place] = channel;
                place
            }
            None => {
                self.channels.push(channel);
                self.channels.len() - 1
            }
        };
        for (side, slot) in [(0, first), (1, second)] {
            let file = File { channel: place as u8, side, serial: self.last_serial };
            self.slots[usize::from(slot)] = Some(file);
        }
    }

    /// A file's channel, its own end and the other; `None` when it is closed.
    fn ends(&self, file: File) -> Option<(Kind, End, End)> {
        let channel = self.channels.get(usize::from(file.channel))?;
        let side = usize::from(file.side);
        let is_open = channel.serial == file.serial && channel.ends[side].is_open();
        Some((channel.kind, channel.ends[side], channel.ends[1 - side])).filter(|_| is_open)
    }

    fn slot_mut(&mut self, slot: u8, is_peer: bool) -> &mut End {
        let file = self.file(slot).expect("an open slot");
        self.end_mut(file, is_peer)
    }

    fn end_mut(&mut self, file: File, is_peer: bool) -> &mut End {
        let side = if is_peer { 1 - file.side } else { file.side };
        &mut self.channels[usize::from(file.channel)].ends[usize::from(side)]
    }
}

fn directions(kind: Kind, side: u8) -> Interest {
    match (kind, side) {
        (Kind::Socket, _) => BOTH,
        (Kind::Pipe, 0) => Interest::READABLE,
        (Kind::Pipe, _) => Interest::WRITABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::support::PROMISES;

    /// Applies a script and answers with what the first slots are ready for.
    fn after(script: &str) -> [Ready; 2] {
        let mut model = Model::new();
        for step in script.parse::<super::super::Script>().expect("a script").steps {
            assert!(model.allows(&step), "{step} in {script}");
            model.apply(&step);
        }
        [0, 1].map(|slot| model.file(slot).map_or(Ready::NONE, |file| model.ready(file)))
    }

    #[test]
    fn the_states_of_a_channel_are_those_of_the_contract() {
        let table = [
            ("open 0 1 socket", Ready::WRITABLE, Ready::WRITABLE),
            ("open 0 1 socket; write 0 1", Ready::WRITABLE, PROMISES),
            ("open 0 1 socket; write 0 2; read 1 1", Ready::WRITABLE, PROMISES),
            ("open 0 1 socket; write 0 2; read 1 2", Ready::WRITABLE, Ready::WRITABLE),
            ("open 0 1 socket; fill 0", Ready::NONE, PROMISES),
            ("open 0 1 socket; fill 0; drain 1", Ready::WRITABLE, Ready::WRITABLE),
            ("open 0 1 socket; fill 0; close 1", PROMISES, Ready::NONE),
            ("open 0 1 socket; shut 0 write", Ready::WRITABLE, PROMISES),
            ("open 0 1 socket; shut 0 read", PROMISES, Ready::WRITABLE),
            ("open 0 1 socket; dup 1 2; close 1", Ready::WRITABLE, Ready::NONE),
            ("open 0 1 pipe", Ready::NONE, Ready::WRITABLE),
            ("open 0 1 pipe; fill 1", Ready::READABLE, Ready::NONE),
            ("open 0 1 pipe; fill 1; close 0", Ready::NONE, Ready::WRITABLE),
            ("open 0 1 pipe; close 1", Ready::READABLE, Ready::NONE),
        ];
        for (script, first, second) in table {
            assert_eq!(after(script), [first, second], "{script}");
        }
    }
}
