//! Streams over anything that has a descriptor: pipes, terminals, devices, files.

use std::io::{self, IoSlice, Read, Write};
use std::os::unix::io::{AsFd, BorrowedFd};

use super::transport::Transport;
use crate::platform::descriptor::{self, NonBlocking};

/// Anything with a descriptor as the transport of a [`Stream`](crate::Stream): pipes and FIFOs, the ends of a child's standard input and
/// output, terminals, devices, files, one's own standard input, whatever it is.
///
/// It is read from by `read(2)` and written to by `write(2)`; buffers that the type itself may have, as `Stdin` does, are passed by.
///
/// ```
/// use ringmq::{Descriptor, Reactor, State, Stream};
/// use std::process::{Command, Stdio};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut child = Command::new("tr").arg("a-z").arg("A-Z").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
///
/// let stdin = Descriptor::writer(child.stdin.take().ok_or("no pipe")?);
/// let mut stdin = Stream::new(stdin, &context.memory())?;
/// stdin.send(b"hello")?;
/// stdin.finish();
/// context.add(stdin, |_: &mut Vec<u8>, context, id| {
///     if context.get(id).unwrap().state() == State::Closed {
///         context.remove(id); // which closes it, and that is what tells the child
///     }
/// })?;
///
/// let stdout = Descriptor::new(child.stdout.take().ok_or("no pipe")?);
/// context.add(Stream::new(stdout, &context.memory())?, |shouted: &mut Vec<u8>, context, id| {
///     let stdout = context.get_mut(id).unwrap();
///     shouted.extend_from_slice(stdout.input());
///     stdout.consume(stdout.input().len());
///     if stdout.state() != State::Open {
///         context.stop();
///     }
/// })?;
///
/// let mut shouted = Vec::new();
/// reactor.run(&mut shouted)?;
/// assert_eq!(shouted, b"HELLO");
/// child.wait()?;
/// # Ok(())
/// # }
/// ```
///
/// # What ends it
/// A reader is [`Ended`](crate::State::Ended) after the last writer has left, at the end of a file, after an end of file typed at a
/// terminal, and when the other side of a pseudo-terminal is closed.
///
/// A writer has nothing by which to tell its reader that nothing more will come, except that it is closed. So
/// [`finish`](crate::Stream::finish) makes it [`Closed`](crate::State::Closed) once all is written: then remove it from the loop, which
/// closes it. When the reader of a pipe leaves first, the writer is `Closed` with `BrokenPipe`: at once where the system tells of it,
/// else with the next write. SIGPIPE ends no process: [`Stream::new`](crate::Stream::new) has it ignored unless it was set to something.
///
/// # Who else has the file open
/// `O_NONBLOCK` belongs to the *open file*, which is shared with whoever inherited it: the shell, the other programs of a pipeline, one's
/// own standard error, if all of them are the same terminal. While the stream lives these may find that reads and writes of theirs are
/// refused (`WouldBlock`), `println!` among them. The flag is taken back when the stream is dropped, unless it was there before, or another
/// `Descriptor` of this process still needs it; a process that is killed leaves it. Where that matters, and the descriptor is a terminal,
/// open it once more: `File::options().read(true).write(true).open("/dev/tty")` is an open file of one's own.
///
/// A child made by `fork` that drops its copy leaves the flag as it is.
///
/// # Platform notes
/// What no kernel mechanism can wait for, such as regular files, is ready at every turn: a read of it may wait for the disk. What those are
/// besides regular files differs by backend (epoll refuses `/dev/null`), and nothing else does.
///
/// A FIFO that was opened for reading before anyone has opened it for writing is at its end, though no system but some say so before a
/// writer has come and gone. Open it for both to read on whoever comes and goes.
///
/// macOS cannot wait for terminals and other devices by every mechanism: `poll(2)` there says, under BUGS, that it does not support
/// devices, and `kqueue` has refused `/dev/tty` (`EINVAL`).
#[derive(Debug)]
pub struct Descriptor<T: AsFd = std::os::unix::io::OwnedFd> {
    /// Before the descriptor, since it is dropped in this order: the flag is taken back while there is something to take it from.
    non_blocking: Option<NonBlocking>,
    inner: T,
    is_write_only: bool,
    /// Whether a read is to find out if anybody reads the other end.
    watches_reader: bool,
}

impl<T: AsFd> Descriptor<T> {
    /// For reading, and for writing if something is sent; for writing alone what was opened so.
    pub fn new(inner: T) -> Descriptor<T> {
        Descriptor { non_blocking: None, inner, is_write_only: false, watches_reader: false }
    }

    /// For writing alone, however it was opened: a terminal that is the standard output, which was mostly opened for both; the writing end
    /// of a pipe on systems whose pipes go both ways.
    pub fn writer(inner: T) -> Descriptor<T> {
        Descriptor { is_write_only: true, ..Descriptor::new(inner) }
    }

    /// What it was made of.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// What it was made of, blocking again if it was before.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: AsFd> AsFd for Descriptor<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsFd> Read for Descriptor<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if !self.is_write_only {
            return descriptor::read(self.as_fd(), bytes);
        }
        if self.watches_reader && descriptor::is_abandoned(self.as_fd()) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // Nothing, or a false alarm, which would be given again and again: a write will tell.
        self.watches_reader = false;
        Ok(0)
    }
}

impl<T: AsFd> Write for Descriptor<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        descriptor::write(self.as_fd(), bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        descriptor::write_vectored(self.as_fd(), pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: AsFd + 'static> Transport for Descriptor<T> {
    /// # Errors
    /// `EISDIR` for a directory; else what `fcntl(2)` says.
    fn set_nonblocking(&mut self) -> io::Result<()> {
        self.is_write_only |= descriptor::is_write_only(self.inner.as_fd())?;
        self.watches_reader = self.is_write_only && descriptor::is_pipe(self.inner.as_fd());
        if self.non_blocking.is_none() {
            self.non_blocking = NonBlocking::set(self.inner.as_fd())?;
        }
        Ok(())
    }

    fn is_write_only(&self) -> bool {
        self.is_write_only
    }
}
