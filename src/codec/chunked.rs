//! Bodies that are longer than memory: [`Chunked`] hands a length-prefixed body out piece by piece, and takes it so.

use super::{Affixes, Codec, Decoder, Encoder, FrameError, LengthPrefix, Step};

/// A length and then a body, as [`LengthPrefix`] has them on the wire, but read and sent in chunks: so a body may be longer than any memory.
///
/// To the stream each chunk is a frame, of which the [`Chunk`] says where in which body it lies; all are of the length that is given, but the
/// last of a body, which is shorter unless it happens to fit. What has to be buffered is a chunk, whatever a header announces.
/// Whoever is at the other end needs to know nothing of chunks.
///
/// This is how a file is sent, one chunk each time there is room, and written down again as it comes:
///
/// ```
/// use ringmq::codec::{Chunk, Chunked, LengthPrefix};
/// use ringmq::{Builder, Context, Framed, Id, SendError};
/// use std::fs::File;
/// use std::io::{self, Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// const CHUNK: usize = 64 * 1024;
///
/// type Link = Framed<Chunked, UnixStream>;
///
/// /// The file that is sent, the chunk that comes next, with its bytes once they are read, and the file that is written.
/// struct Transfer {
///     from: File,
///     next: Option<Chunk>,
///     buffer: Vec<u8>,
///     to: File,
/// }
///
/// /// Sends chunks until there is no room; the callback runs again when there is.
/// fn send_on(transfer: &mut Transfer, context: &mut Context<'_, Transfer>, id: Id<Link>) -> io::Result<()> {
///     let link = context.get_mut(id).unwrap();
///     while let Some(chunk) = transfer.next {
///         if transfer.buffer.is_empty() {
///             transfer.buffer = vec![0; chunk.next_len(CHUNK)];
///             transfer.from.read_exact(&mut transfer.buffer)?;
///         }
///         match link.send(chunk, &transfer.buffer) {
///             Ok(()) => {}
///             Err(SendError::Full(_)) => return Ok(()), // and the chunk is kept
///             Err(error) => return Err(io::Error::new(io::ErrorKind::Other, error)),
///         }
///         let next = Chunk { offset: chunk.offset + transfer.buffer.len(), ..chunk };
///         transfer.next = Some(next).filter(|next| next.offset < next.total);
///         transfer.buffer.clear();
///     }
///     link.finish();
///     Ok(())
/// }
///
/// /// Writes each chunk as it comes.
/// fn write_down(transfer: &mut Transfer, context: &mut Context<'_, Transfer>, id: Id<Link>) -> io::Result<()> {
///     for frame in context.get_mut(id).unwrap().split().0 {
///         let frame = frame?;
///         transfer.to.write_all(frame.body)?;
///         if frame.head.offset + frame.body.len() == frame.head.total {
///             context.stop();
///             break;
///         }
///     }
///     Ok(())
/// }
///
/// # fn main() -> io::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("ringmq-chunked-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let (from, to) = (folder.join("from"), folder.join("to"));
/// # let content: Vec<u8> = (0..3_000_000).map(|at| (at ^ at >> 8) as u8).collect();
/// # std::fs::write(&from, &content)?;
/// let total = std::fs::metadata(&from)?.len() as usize;
/// let mut reactor = Builder::new().memory(4 * CHUNK).build()?; // far less than the file is long
/// let mut context = reactor.context();
/// let codec = Chunked::new(LengthPrefix::new(1 << 30), CHUNK);
/// let (near, far) = UnixStream::pair()?;
/// let sender = context.add(Framed::new(codec, near, &context.memory())?, send_on)?;
/// context.add(Framed::new(codec, far, &context.memory())?, write_down)?;
/// context.fire(sender);
///
/// let next = Some(Chunk { offset: 0, total });
/// let mut transfer = Transfer { from: File::open(&from)?, next, buffer: Vec::new(), to: File::create(&to)? };
/// reactor.run(&mut transfer)?;
/// assert!(std::fs::read(&to)? == std::fs::read(&from)?);
/// # assert!(std::fs::read(&to)? == content);
/// # std::fs::remove_dir_all(&folder)
/// # }
/// ```
///
/// # Laws
///
/// It keeps the laws of a [`Decoder`] and an [`Encoder`] but for one, which it keeps of whole bodies: a stream may end behind the last chunk of a
/// body, and not between two of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunked {
    prefix: LengthPrefix,
    chunk_len: usize,
}

/// Where in a body a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many bytes of the body come before it.
    pub offset: usize,
    /// How long the whole body is.
    pub total: usize,
}

impl Chunk {
    /// How long it has to be, where chunks are of so many bytes.
    ///
    /// ```
    /// use ringmq::codec::Chunk;
    /// assert_eq!(Chunk { offset: 0, total: 25 }.next_len(10), 10);
    /// assert_eq!(Chunk { offset: 20, total: 25 }.next_len(10), 5);
    /// ```
    pub fn next_len(self, chunk_len: usize) -> usize {
        self.total.saturating_sub(self.offset).min(chunk_len)
    }
}

impl Chunked {
    /// Bodies as long as `prefix` allows, in chunks of `chunk_len` bytes.
    ///
    /// # Panics
    ///
    /// If `chunk_len` is 0.
    pub fn new(prefix: LengthPrefix, chunk_len: usize) -> Chunked {
        assert!(chunk_len > 0, "a chunk has at least one byte");
        Chunked { prefix, chunk_len }
    }
}

impl Codec for Chunked {
    type Head = Chunk;
    type Decoder = ChunkedDecoder;
    type Encoder = ChunkedEncoder;

    /// # Panics
    ///
    /// As [`LengthPrefix`] does.
    fn halves(self) -> (ChunkedDecoder, ChunkedEncoder) {
        let (decoder, mut encoder) = self.prefix.halves();
        let mut affixes = Affixes::new();
        // A body of no bytes is in order with every maximum, and all headers are of one length.
        let header_len = encoder.encode((), 0, &mut affixes).map_or(0, |()| affixes.before().len());
        let next = Chunk { offset: 0, total: 0 };
        let chunk_len = self.chunk_len;
        let decoder = ChunkedDecoder { prefix: decoder, header_len, chunk_len, next, failed: None };
        (decoder, ChunkedEncoder { prefix: encoder, chunk_len })
    }
}

/// The receiving half of [`Chunked`].
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    prefix: <LengthPrefix as Codec>::Decoder,
    header_len: usize,
    chunk_len: usize,
    /// The chunk that comes next; between two bodies nothing of it is left.
    next: Chunk,
    failed: Option<FrameError>,
}

impl ChunkedDecoder {
    /// The header in front of `input`: how long it is, and how long the body behind it; `None` if it is not all there.
    fn read_header(&mut self, input: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
        let header = match input.get(..self.header_len) {
            Some(header) => header,
            None => return Ok(None),
        };
        // Of a header alone the prefix asks for the whole body.
        let body_len = match self.prefix.decode(header) {
            Ok(Step::Frame { .. }) => 0,
            Ok(Step::More(body_len)) => body_len,
            Ok(Step::Skip { .. }) => unreachable!("a length prefix has nothing skipped"),
            Err(error) => return Err(self.fail(error)),
        };
        Ok(Some((self.header_len, body_len)))
    }

    fn fail(&mut self, error: FrameError) -> FrameError {
        self.failed = Some(error.clone());
        error
    }

    fn is_between_bodies(&self) -> bool {
        self.next.offset == self.next.total
    }
}

impl Decoder for ChunkedDecoder {
    type Head = Chunk;

    fn decode(&mut self, input: &[u8]) -> Result<Step<Chunk>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (start, head) = if self.is_between_bodies() {
            match self.read_header(input)? {
                Some((header_len, total)) => (header_len, Chunk { offset: 0, total }),
                None => return Ok(Step::More(self.header_len - input.len())),
            }
        } else {
            (0, self.next)
        };
        let used = start + head.next_len(self.chunk_len);
        if used > input.len() {
            return Ok(Step::More(used - input.len()));
        }
        self.next = Chunk { offset: head.offset + (used - start), total: head.total };
        Ok(Step::Frame { head, body: start..used, used })
    }

    /// # Errors
    ///
    /// As for every decoder; and `Truncated`, though `rest` is empty, when chunks of a body are still to come.
    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        if self.failed.is_none() && rest.is_empty() && self.is_between_bodies() {
            return Ok(());
        }
        let next = self.next;
        let error = match self.decode(rest)? {
            Step::More(more) => FrameError::Truncated { have: rest.len(), need: rest.len() + more },
            Step::Frame { used, .. } | Step::Skip { used } => FrameError::Undecoded { used },
        };
        self.next = next;
        Err(self.fail(error))
    }

    fn max_frame_len(&self) -> usize {
        self.header_len.saturating_add(self.chunk_len)
    }
}

/// The sending half of [`Chunked`].
///
/// It remembers nothing of the chunks before, so that one for which there was no room can be sent again: that all of a body are sent, in order
/// and with nothing between, is up to the sender.
#[derive(Clone, Debug)]
pub struct ChunkedEncoder {
    prefix: <LengthPrefix as Codec>::Encoder,
    chunk_len: usize,
}

impl Encoder for ChunkedEncoder {
    type Head = Chunk;

    /// # Errors
    ///
    /// [`FrameError::TooLong`] if the whole body is longer than the maximum, or the chunk than it [has to be](Chunk::next_len);
    /// [`FrameError::TooShort`] if it is shorter, since the other side would cut otherwise.
    fn encode(&mut self, head: Chunk, body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        let (len, due) = (body_len as u64, head.next_len(self.chunk_len));
        if body_len > due {
            return Err(FrameError::TooLong { len, max: due });
        }
        if body_len < due || head.offset > head.total || (head.offset == head.total && head.total > 0) {
            return Err(FrameError::TooShort { len, min: due.max(1) });
        }
        // Checks the maximum whichever chunk it is, and what is written counts for the first.
        self.prefix.encode((), head.total, affixes)?;
        if head.offset > 0 {
            affixes.clear();
        }
        Ok(())
    }
}
