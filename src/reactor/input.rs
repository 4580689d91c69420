//! What has arrived on a stream and was not yet consumed, in a buffer that is held only while there is something in it.

use std::io;
use std::mem;

use super::buf::Buf;
use super::memory::{Memory, BUFFER_LEN, FEW};
use super::source::Io;

/// How long a body is at the least that is kept apart: no receive buffer has room for it and what is around it. So it is the input of no
/// stream that has room for more when it is whole.
#[cfg(feature = "mq")]
pub(super) const APART_MIN: usize = BUFFER_LEN;

/// What has arrived and was not consumed. How much is, and how much is needed, may be changed while it is looked at.
#[cfg(feature = "codec")]
pub(super) struct Parts<'a> {
    pub unread: &'a [u8],
    pub taken: &'a mut usize,
    pub needed: &'a mut usize,
}

/// What has arrived.
#[derive(Debug)]
pub(super) struct Input {
    buf: Option<Buf>,
    /// How much at the front of the buffer has been consumed; it is dropped when the source settles.
    taken: usize,
    /// How much has to be there before the callback has anything to do.
    pub needed: usize,
}

impl Input {
    pub fn new() -> Input {
        Input { buf: None, taken: 0, needed: 1 }
    }

    /// What has arrived and was not consumed.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        self.buf.as_ref().map_or(&[], |buf| buf.filled_from(self.taken))
    }

    /// How long that is.
    #[inline]
    pub fn unread_len(&self) -> usize {
        self.buf.as_ref().map_or(0, |buf| buf.filled_len() - self.taken)
    }

    /// Whether no buffer is held, and so nothing is there to be taken.
    #[inline]
    pub fn has_no_buffer(&self) -> bool {
        self.buf.is_none()
    }

    /// Whether more may be read: less than a buffer is unread, or less than is needed.
    #[inline]
    pub fn has_room(&self) -> bool {
        let has_room = |len| len < self.needed || len < BUFFER_LEN;
        self.has_no_buffer() || has_room(self.unread_len())
    }

    /// Counts the first `len` bytes of what is unread as consumed.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        let unread = self.unread_len();
        assert!(len <= unread, "consumed {len} bytes of {unread}");
        self.taken += len;
    }

    /// What it consists of, for who consumes while looking.
    #[cfg(feature = "codec")]
    #[inline]
    pub fn parts(&mut self) -> Parts<'_> {
        let unread = self.buf.as_ref().map_or(&[][..], |buf| buf.filled_from(self.taken));
        Parts { unread, taken: &mut self.taken, needed: &mut self.needed }
    }

    /// Goes on with the body that lies there in what is unread, and has not come whole: it is kept apart, in a vector of its own, and what
    /// is before it is dropped. Answers whether it does. Not before some of it has come: a buffer with nothing in it is given back. It is
    /// whole when so many bytes [behind](Self::extend_body) have come too.
    #[cfg(feature = "mq")]
    pub fn keep_body_apart(&mut self, body: std::ops::Range<usize>, behind: usize) -> bool {
        let unread_len = self.unread_len();
        if unread_len <= body.start {
            self.needed = body.start + 1;
            return false;
        }
        let taken = mem::take(&mut self.taken);
        let buf = match &mut self.buf {
            Some(buf) if buf.capacity() <= body.len() => buf,
            _ => return false,
        };
        buf.keep_apart(taken + body.start..taken + unread_len, body.len(), behind);
        self.needed = buf.needed_len();
        true
    }

    /// Goes on with a body behind one that was kept apart, [is whole](Self::has_body), and has a header of so many bytes behind it: that
    /// is dropped, and they become one.
    #[cfg(feature = "mq")]
    pub fn extend_body(&mut self, header_len: usize, body_len: usize, behind: usize) {
        if let Some(buf) = &mut self.buf {
            buf.extend_body(header_len, body_len, behind);
            self.needed = buf.needed_len();
        }
    }

    /// Whether what has arrived occupies what is set aside for whoever is first in line.
    #[cfg(feature = "mq")]
    pub fn is_drawn(&self) -> bool {
        self.buf.as_ref().map_or(false, Buf::is_drawn)
    }

    /// Takes the first `len` bytes of the body that was kept apart and is whole out; what has come behind them is what is unread.
    #[cfg(feature = "mq")]
    pub fn leave_body(&mut self, len: usize) -> Vec<u8> {
        debug_assert!(self.has_body(), "it is whole");
        self.needed = 1;
        self.buf.as_mut().map_or_else(Vec::new, |buf| buf.leave_body(len))
    }

    /// Whether what has arrived is a body that is kept apart, or some of it.
    #[inline]
    pub fn is_apart(&self) -> bool {
        self.buf.as_ref().map_or(false, |buf| buf.body_len().is_some())
    }

    /// Whether what has arrived is a body that was kept apart, and all of it.
    #[cfg(feature = "mq")]
    pub fn has_body(&self) -> bool {
        let is_whole = |buf: &Buf| buf.body_len().is_some() && buf.filled_len() >= buf.needed_len();
        self.taken == 0 && self.buf.as_ref().map_or(false, is_whole)
    }

    /// The body that was kept apart: all that has arrived.
    #[cfg(feature = "mq")]
    pub fn take_body(&mut self) -> Vec<u8> {
        debug_assert!(self.has_body(), "it is whole");
        self.needed = 1;
        self.buf.take().map_or_else(Vec::new, Buf::into_body)
    }

    /// Drops what was consumed, and gives the buffer back when nothing is left in it.
    #[inline(always)] // most that settle hold none
    pub fn give_back(&mut self, memory: &Memory) {
        match &self.buf {
            None => {}
            Some(buf) if buf.filled_len() == self.taken => {
                self.taken = 0;
                if let Some(buf) = self.buf.take() {
                    buf.give_back(memory);
                }
            }
            Some(_) => self.drop_taken(memory),
        }
    }

    /// Drops what was consumed. When little is left, as of a message of which no more than the header has come, it is kept by itself, and
    /// the buffer given back: it may be long until there is more.
    #[inline(never)]
    fn drop_taken(&mut self, memory: &Memory) {
        let taken = mem::take(&mut self.taken);
        let buf = match &mut self.buf {
            Some(buf) => buf,
            None => return,
        };
        buf.consume(taken);
        if let Some(buf) = replace_few(buf, memory) {
            buf.give_back(memory);
        }
    }

    /// When little has arrived, and so many others hold a buffer that one for it would have to be made, it is kept by itself at once.
    pub fn keep_few(&mut self, memory: &Memory) {
        let buf = match &mut self.buf {
            Some(buf) if memory.is_crowded() => buf,
            _ => return,
        };
        buf.consume(mem::take(&mut self.taken));
        if let Some(buf) = replace_few(buf, memory) {
            buf.give_aside(memory);
        }
    }

    /// Counts the first `len` bytes of the room in the buffer as arrived.
    pub fn advance(&mut self, len: usize) {
        if let Some(buf) = &mut self.buf {
            buf.advance(len);
        }
    }

    /// Keeps what has been read into a buffer where none is held.
    #[inline]
    pub fn hold(&mut self, buf: Buf) {
        debug_assert!(
            self.taken == 0 && self.buf.is_none(),
            "a buffer is given back when all of it is taken"
        );
        // There was none: nothing is dropped, which is more than the compiler knows.
        mem::forget(self.buf.replace(buf));
    }

    /// The buffer, with room to read into; `None` when there is no memory for it now, an error when there never will be.
    pub fn make_room(&mut self, io: &mut Io) -> io::Result<Option<&mut Buf>> {
        match &self.buf {
            None => {
                self.buf = io.lend();
                Ok(self.buf.as_mut())
            }
            Some(body) if body.body_len().is_some() => self.make_room_apart(io),
            Some(few) if few.capacity() < BUFFER_LEN => Ok(self.make_room_behind_few(io)),
            Some(_) => self.make_room_behind(io),
        }
    }

    /// A buffer in place of the few bytes that were kept by themselves, with them in front.
    fn make_room_behind_few(&mut self, io: &mut Io) -> Option<&mut Buf> {
        let mut buf = io.lend()?;
        let few = self.unread();
        buf.room()[..few.len()].copy_from_slice(few);
        buf.fill(few.len());
        self.taken = 0;
        if let Some(few) = self.buf.replace(buf) {
            few.give_back(io.memory());
        }
        self.buf.as_mut()
    }

    /// The buffer that there is, with room behind what is unread.
    fn make_room_behind(&mut self, io: &mut Io) -> io::Result<Option<&mut Buf>> {
        let (taken, needed) = (mem::take(&mut self.taken), self.needed);
        let buf = match &mut self.buf {
            Some(buf) => buf,
            None => return Ok(None),
        };
        buf.consume(taken);
        let capacity = buf.capacity();
        // Bytes are moved at most once for each half of the buffer that was consumed.
        if buf.spare().len() < capacity / 2 && buf.filled().len() < capacity {
            buf.make_way(needed);
        }
        if buf.spare().is_empty() {
            // Full, and more of the same message is to come. Only what arrived counts, never what a header announces: so it doubles.
            check_limit(needed, io)?;
            if !io.grow(buf, needed.min(2 * capacity).max(capacity + 1)) {
                return Ok(None);
            }
        }
        Ok(Some(buf))
    }

    /// The buffer of a body that is kept apart. It grows as any other, but before it is full: so that it can be read in a few long pieces,
    /// of which the last ends where it does. Where more is to be behind it, it grows by as much as if that had begun: with each body by no
    /// more than that one needs it would be moved as often as there are bodies.
    fn make_room_apart(&mut self, io: &mut Io) -> io::Result<Option<&mut Buf>> {
        let buf = match &mut self.buf {
            Some(buf) => buf,
            None => return Ok(None),
        };
        let (come, body_len) = (buf.filled_len(), buf.body_len().unwrap_or_default());
        let most = if buf.is_cut() { body_len.max(io.sure_for_reading()) } else { body_len };
        let wanted = most.min((2 * (come + FEW)).max(BUFFER_LEN));
        if wanted > buf.capacity() && body_len > buf.capacity() {
            check_limit(body_len, io)?;
            // Where there is room left without that, it is read into.
            if !io.grow(buf, wanted) && come == buf.capacity() {
                return Ok(None);
            }
            self.needed = buf.needed_len();
        }
        Ok(Some(buf))
    }
}

/// What is longer than all that may ever be had for reading will never be whole.
fn check_limit(needed: usize, io: &Io) -> io::Result<()> {
    let limit = io.reading_limit();
    if needed > limit {
        let message = format!("{needed} bytes have to be buffered, and the budget is {limit}");
        return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
    }
    Ok(())
}

/// Keeps what is in the buffer by itself, if it is little, and answers with the buffer. Where there is no memory for even that it stays.
fn replace_few(buf: &mut Buf, memory: &Memory) -> Option<Buf> {
    if buf.filled_len() > FEW || buf.capacity() < BUFFER_LEN || buf.body_len().is_some() {
        return None;
    }
    let few = memory.lend_filled(buf.filled()).ok()?;
    Some(mem::replace(buf, few))
}
