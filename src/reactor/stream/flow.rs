//! How bytes get from the transport into the buffer, and from the queue to the transport.

use std::io::{self, IoSlice};

use super::Stream;
use crate::platform::{Interest, Ready};
use crate::reactor::condition::Condition;
use crate::reactor::memory::BUFFER_LEN;
use crate::reactor::source::{Fire, Io};
use crate::reactor::transport::Transport;

/// How many slices go out in one call at the most: as many segments as the budget of a source, and their like.
const SLICES_PER_WRITE: usize = 32;

/// What nearly always happens: a message comes to a stream at rest, or one goes.
impl<T: Transport> Stream<T> {
    /// Whether nothing is out of the ordinary, and nothing waits in either direction.
    #[inline]
    pub(super) fn is_at_rest(&self) -> bool {
        self.condition.is_ordinary() && self.input.has_no_buffer() && self.output.queue.is_empty()
    }

    /// Reads what is there, within the budget, on a stream at rest; answers whether the callback has something to do.
    #[inline(always)] // see `Member`
    pub(super) fn fill(&mut self, io: &mut Io) -> bool {
        let mut buf = match io.lend_last() {
            Some(buf) => buf,
            None => return self.fill_on(io),
        };
        match self.transport.receive(buf.room()) {
            // That was all, and the kernel tells when there is more. So it nearly always is.
            Ok(len) if len > 0 && len < BUFFER_LEN => {
                buf.fill(len);
                self.input.hold(buf);
                io.count_read(len);
                len >= self.input.needed
            }
            result => {
                self.input.hold(buf);
                self.fill_further(result, io)
            }
        }
    }

    /// Writes what is queued, with nothing out of the ordinary; answers whether the callback should know.
    #[inline(always)] // see `Member`
    pub(super) fn flush(&mut self, io: &mut Io) -> Fire {
        let only = match self.output.queue.only() {
            Some(only) => only,
            None => return self.flush_on(io).into(),
        };
        let offered = only.len();
        match self.transport.send(only) {
            // One write has taken all of it. So it nearly always is.
            Ok(len) if len == offered => {
                io.count_written(len);
                self.output.queue.close_only();
                Fire::AtRest
            }
            result => self.flush_further(offered, result, io).into(),
        }
    }
}

/// Whatever may happen.
impl<T: Transport> Stream<T> {
    /// As [`respond`](crate::Source::respond).
    #[inline(never)]
    pub(super) fn respond_on(&mut self, ready: Ready, io: &mut Io) -> bool {
        let mut fires = false;
        if self.condition.has(Condition::CONNECTING) {
            if !ready.is_writable() {
                return false;
            }
            self.conclude_connect();
            fires = true;
        }
        if ready.is_writable() {
            self.condition.take(Condition::BLOCKED);
        }
        // Reading first: what the peer sent before it reset the connection is lost with the first failing write on some systems.
        if ready.is_readable() && self.is_connected() {
            fires |= self.fill_on(io);
        }
        if self.is_connected() && !self.output.is_idle(&self.condition) {
            fires |= self.flush_on(io);
        }
        fires
    }

    /// As [`interest`](crate::Source::interest).
    #[inline(never)]
    pub(super) fn uncommon_interest(&self) -> Interest {
        let mut interest = Interest::NONE;
        // Nobody looks for frames while one is read apart, and there are none until it is whole.
        let is_paused = self.condition.has(Condition::PAUSED) && !self.input.is_apart();
        if self.wants_input() && !is_paused {
            interest |= Interest::READABLE;
        }
        // Only once a write has found no room: until then it is tried without asking.
        let is_blocked = self.condition.has(Condition::BLOCKED) && !self.output.queue.is_empty();
        if is_blocked || self.condition.has(Condition::CONNECTING) {
            interest |= Interest::WRITABLE;
        }
        interest
    }

    fn wants_input(&self) -> bool {
        !self.condition.has(Condition::CONNECTING | Condition::FAILED | Condition::ENDED)
            && self.input.has_room()
    }

    /// A connect has come to its end, one way or the other.
    fn conclude_connect(&mut self) {
        match self.transport.take_error() {
            Ok(None) => self.condition.take(Condition::CONNECTING),
            Ok(Some(error)) | Err(error) => self.fail(error),
        }
    }

    /// As [`fill`](Self::fill), after a first read that brought something else than most.
    #[inline(never)]
    fn fill_further(&mut self, first: io::Result<usize>, io: &mut Io) -> bool {
        match self.note_received(BUFFER_LEN, first, io) {
            true => self.fill_on(io),
            false => self.has_news(),
        }
    }

    /// Reads what is there, within the budget; answers whether the callback has something to do.
    fn fill_on(&mut self, io: &mut Io) -> bool {
        while self.wants_input() {
            let buf = match self.input.make_room(io) {
                Ok(Some(buf)) => buf,
                // No memory: the reactor has taken note.
                Ok(None) => break,
                Err(error) => {
                    self.fail(error);
                    break;
                }
            };
            let (offered, result) = buf.receive(&mut self.transport);
            if !self.note_received(offered, result, io) {
                break;
            }
        }
        self.input.keep_few(self.output.queue.memory());
        self.has_news()
    }

    /// Takes note of what has become of a read into so much room; answers whether there may be more to read now.
    fn note_received(&mut self, offered: usize, result: io::Result<usize>, io: &mut Io) -> bool {
        match result {
            Ok(0) => self.condition.put(Condition::ENDED),
            Ok(len) => {
                self.input.advance(len);
                io.count_read(len);
                // Less than there is room for: that was all, and the kernel tells when there is more.
                return len == offered && io.budget() > 0;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.fail(error),
        }
        false
    }

    /// Whether the callback has something to do about what has arrived, or about the end of it.
    fn has_news(&self) -> bool {
        // From what is only written to no input was expected, so that there is none is no news.
        let has_ended = self.condition.has(Condition::ENDED) && !self.transport.is_write_only();
        has_ended || self.condition.has(Condition::FAILED) || self.input.unread_len() >= self.input.needed
    }

    /// As [`flush`](Self::flush), after a first write that did something else than most.
    #[inline(never)]
    fn flush_further(&mut self, offered: usize, first: io::Result<usize>, io: &mut Io) -> bool {
        let has_failed = self.note_sent(offered, first, io);
        has_failed || self.flush_on(io)
    }

    /// Writes what is queued, within the budget, and finishes when that was asked for; answers whether the callback should know.
    fn flush_on(&mut self, io: &mut Io) -> bool {
        while !self.output.queue.is_empty() && !self.condition.has(Condition::BLOCKED) && io.budget() > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            let (count, offered) = self.output.queue.slices(&mut slices, self.writable_len(io));
            let result = match &slices[..count] {
                [only] => self.transport.send(only),
                several => self.transport.send_vectored(several),
            };
            // A transport that writes one slice at a time is not out of room.
            let offered = match result {
                Ok(len) if ends_a_slice(&slices[..count], len) => len,
                _ => offered,
            };
            if self.note_sent(offered, result, io) {
                return true;
            }
        }
        let finishes = self.condition.has(Condition::FINISHING) && self.output.queue.is_empty();
        if finishes {
            self.conclude_output();
        }
        self.output.has_room_again(&self.condition, io) || finishes
    }

    /// How many bytes may be written now: what is left of the budget, and a thousandth more where that is all. A message as long as the
    /// budget would take another turn, and its peer too, for as many bytes as its head has.
    fn writable_len(&self, io: &Io) -> usize {
        let (waiting, budget) = (self.output.queue.len(), io.budget());
        match waiting <= budget.saturating_add(budget / 1024) {
            true => waiting,
            false => budget,
        }
    }

    /// Takes note of what has become of a write of so many bytes; answers whether the connection has failed.
    fn note_sent(&mut self, offered: usize, result: io::Result<usize>, io: &mut Io) -> bool {
        let error = match result {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(len) => {
                self.output.queue.advance(len);
                io.count_written(len);
                // Less than offered: the kernel is full.
                self.condition.set(Condition::BLOCKED, len < offered);
                return false;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return false,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.condition.put(Condition::BLOCKED);
                return false;
            }
            Err(error) => error,
        };
        // What the peer said before it went is still to be read (tcp(7) keeps it until the reset is taken).
        self.fill_on(io);
        if self.is_connected() {
            self.fail(error);
        }
        true
    }

    /// All is sent, and the peer is told that nothing more will come.
    fn conclude_output(&mut self) {
        self.condition.take(Condition::FINISHING);
        self.condition.put(Condition::FINISHED);
        match self.transport.shutdown_write() {
            // The peer is gone already: reading tells how.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => self.fail(error),
            Ok(()) => {}
        }
    }
}

/// Whether the first `len` bytes of them are so many whole slices.
fn ends_a_slice(slices: &[IoSlice<'_>], mut len: usize) -> bool {
    for slice in slices {
        if len < slice.len() {
            break;
        }
        len -= slice.len();
    }
    len == 0
}
