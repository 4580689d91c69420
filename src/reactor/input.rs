//! What has arrived on a stream and was not yet consumed, in a buffer that is held only while there is something in it.

use std::io;
use std::mem;

use super::buf::Buf;
use super::memory::{Memory, BUFFER_LEN};
use super::source::Io;

/// How many bytes may be kept by themselves, without a buffer: little enough to be moved each time that more comes.
const FEW: usize = 1024;

/// What has arrived: what lies from `start` to `end` in these bytes. How much of it is taken, and how much is needed, may be changed
/// while it is looked at.
#[cfg(feature = "codec")]
pub(super) struct Parts<'a> {
    pub bytes: &'a [u8],
    pub start: usize,
    pub end: usize,
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
        let (bytes, start, end) = self.buf.as_ref().map_or((&[][..], 0, 0), Buf::parts);
        Parts { bytes, start, end, taken: &mut self.taken, needed: &mut self.needed }
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
        self.buf.insert(buf).into()
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
            if needed > io.reading_limit() {
                let message =
                    format!("{needed} bytes have to be buffered, and the budget is {}", io.reading_limit());
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
            }
            if !io.grow(buf, needed.min(2 * capacity).max(capacity + 1)) {
                return Ok(None);
            }
        }
        Ok(Some(buf))
    }
}

/// Keeps what is in the buffer by itself, if it is little, and answers with the buffer. Where there is no memory for even that it stays.
fn replace_few(buf: &mut Buf, memory: &Memory) -> Option<Buf> {
    if buf.filled_len() > FEW || buf.capacity() < BUFFER_LEN {
        return None;
    }
    let few = memory.lend_filled(buf.filled()).ok()?;
    Some(mem::replace(buf, few))
}
