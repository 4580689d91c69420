//! What has arrived on a stream and was not yet consumed, in a buffer that is held only while there is something in it.

use std::io;

use super::memory::Buf;
use super::source::Io;

/// What has arrived.
#[derive(Debug)]
pub(super) struct Input {
    buf: Option<Buf>,
    /// How much at the front of the buffer has been consumed; it is dropped when the source settles.
    taken: usize,
    /// How much has to be there before the callback has anything to do.
    pub needed: usize,
    pub has_ended: bool,
}

impl Input {
    pub fn new() -> Input {
        Input { buf: None, taken: 0, needed: 1, has_ended: false }
    }

    /// What has arrived and was not consumed.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        self.buf.as_ref().map_or(&[], |buf| &buf.filled()[self.taken..])
    }

    /// Counts the first `len` bytes of what is unread as consumed.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        let unread = self.unread().len();
        assert!(len <= unread, "consumed {len} bytes of {unread}");
        self.taken += len;
    }

    /// What is unread, beside what someone changes who consumes while looking: how much is taken, and how much is needed.
    #[cfg(feature = "codec")]
    #[inline]
    pub fn parts(&mut self) -> (&[u8], &mut usize, &mut usize) {
        let unread = self.buf.as_ref().map_or(&[][..], |buf| &buf.filled()[self.taken..]);
        (unread, &mut self.taken, &mut self.needed)
    }

    /// Drops what was consumed, and gives the buffer back when nothing is left in it.
    #[inline]
    pub fn give_back(&mut self) {
        if let Some(buf) = &mut self.buf {
            buf.consume(std::mem::take(&mut self.taken));
            if buf.filled().is_empty() {
                if let Some(buf) = self.buf.take() {
                    buf.give_back();
                }
            }
        }
    }

    /// The buffer, with room to read into; `None` when there is no memory for it now, an error when there never will be.
    #[inline]
    pub fn make_room(&mut self, io: &mut Io<'_>) -> io::Result<Option<&mut Buf>> {
        if self.buf.is_none() {
            debug_assert_eq!(self.taken, 0, "what was taken was given back with its buffer");
            self.buf = io.lend();
            return Ok(self.buf.as_mut());
        }
        self.make_room_behind(io)
    }

    /// The buffer that there is, with room behind what is unread.
    fn make_room_behind(&mut self, io: &mut Io<'_>) -> io::Result<Option<&mut Buf>> {
        let (taken, needed) = (std::mem::take(&mut self.taken), self.needed);
        let buf = match &mut self.buf {
            Some(buf) => buf,
            None => return Ok(None),
        };
        buf.consume(taken);
        let capacity = buf.capacity();
        // Bytes are moved at most once for each half of the buffer that was consumed.
        if buf.spare().len() < capacity / 2 && buf.filled().len() < capacity {
            buf.compact();
        }
        if buf.spare().is_empty() {
            // Full, and more of the same message is to come. Only what arrived counts, never what a header announces: so it doubles.
            if needed > io.memory_limit() {
                let message =
                    format!("{needed} bytes have to be buffered, and the budget is {}", io.memory_limit());
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
            }
            if !io.grow(buf, needed.min(2 * capacity).max(capacity + 1)) {
                return Ok(None);
            }
        }
        Ok(Some(buf))
    }
}
