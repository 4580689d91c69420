//! Datagrams that have arrived and were not yet taken, packed into lent buffers that are held only while there are some.

use std::collections::VecDeque;
use std::fmt;

use super::DATAGRAMS_PER_TURN;
use crate::reactor::buf::Buf;
use crate::reactor::memory::BUFFER_LEN;

/// A datagram that has arrived.
#[derive(Debug)]
pub struct Datagram<'a, A> {
    /// Who sent it. A UNIX socket that was not bound has no name.
    pub from: A,
    /// What it says. A datagram may be empty.
    pub bytes: &'a [u8],
    /// Whether it was longer than 65535 bytes, which UNIX datagrams may be: then only the first 65536 are here.
    pub is_truncated: bool,
}

/// Datagrams that have arrived; see [`Datagrams::split`](crate::Datagrams::split).
pub struct Incoming<A> {
    pages: VecDeque<Buf>,
    arrived: VecDeque<Arrived<A>>,
    /// The number of the first page, counted since there was none.
    first_page: usize,
    /// How much of the first page was taken.
    taken: usize,
    /// How many bytes were not.
    len: usize,
}

struct Arrived<A> {
    from: A,
    len: usize,
    page: usize,
}

impl<A> Incoming<A> {
    pub(super) fn new() -> Incoming<A> {
        Incoming { pages: VecDeque::new(), arrived: VecDeque::new(), first_page: 0, taken: 0, len: 0 }
    }

    /// The next datagram.
    pub fn receive(&mut self) -> Option<Datagram<'_, A>> {
        let Arrived { from, len, page } = self.arrived.pop_front()?;
        while self.first_page < page {
            self.pages.pop_front();
            self.first_page += 1;
            self.taken = 0;
        }
        let start = self.taken;
        self.taken += len;
        self.len -= len;
        let bytes = &self.pages.front()?.filled()[start..self.taken];
        Some(Datagram { from, bytes, is_truncated: len == BUFFER_LEN })
    }

    /// How many wait to be taken.
    pub fn count(&self) -> usize {
        self.arrived.len()
    }

    /// Whether more should be received before some are taken.
    pub(super) fn has_room(&self) -> bool {
        self.arrived.len() < DATAGRAMS_PER_TURN && self.len < BUFFER_LEN
    }

    /// Takes in a datagram that was received into the front of an empty buffer; answers with the buffer if it is not needed.
    pub(super) fn push(&mut self, mut buf: Buf, len: usize, from: A) -> Option<Buf> {
        let room = self.pages.back_mut().and_then(|last| last.spare().get_mut(..len));
        let rest = if let Some(room) = room {
            room.copy_from_slice(&buf.spare()[..len]);
            self.pages.back_mut().expect("there was room in it").advance(len);
            Some(buf)
        } else {
            buf.advance(len);
            self.pages.push_back(buf);
            None
        };
        let page = self.first_page + self.pages.len() - 1;
        self.arrived.push_back(Arrived { from, len, page });
        self.len += len;
        rest
    }

    /// Gives everything back when all is taken, the arrays too.
    pub(super) fn give_back(&mut self) {
        if self.arrived.is_empty() {
            *self = Incoming::new();
        }
    }
}

impl<A> fmt::Debug for Incoming<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming({} datagrams of {} bytes)", self.arrived.len(), self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::memory::Memory;

    /// Every length at which a page may be full, in one queue, some taken in between.
    #[test]
    fn datagrams_come_out_as_they_came_in_however_they_fill_the_pages() {
        let memory = Memory::new(64 << 20);
        let mut incoming = Incoming::new();
        let lens = [0, 1, 65_535, 0, 40_000, 30_000, 25_536, 0, 65_536, 0, 1, 0, 65_507, 29, 0];
        let (mut taken, mut spare) = (0, None);
        let mut take = |incoming: &mut Incoming<usize>| {
            let datagram = incoming.receive().unwrap();
            let place = datagram.from;
            assert!(place == taken && datagram.bytes == vec![place as u8 + 1; lens[place]], "{place}");
            assert_eq!(datagram.is_truncated, lens[place] == 65_536);
            taken += 1;
        };
        for (place, len) in lens.into_iter().enumerate() {
            let mut buf = spare.take().unwrap_or_else(|| memory.lend().unwrap());
            buf.spare()[..len].fill(place as u8 + 1);
            spare = incoming.push(buf, len, place);
            if place % 3 == 2 {
                take(&mut incoming);
            }
        }
        while incoming.count() > 0 {
            take(&mut incoming);
        }
        assert!(incoming.receive().is_none());
        drop(spare);
        incoming.give_back();
        assert_eq!((incoming.len, memory.used()), (0, 0));
    }
}
