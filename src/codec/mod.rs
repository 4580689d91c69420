//! Codecs turn a stream of bytes into frames and back: a decoder looks at bytes and answers with ranges, an encoder says which
//! bytes go around a body.
//!
//! Neither does any I/O, keeps or copies bytes, or allocates. So a codec is tested without a socket and used with any:
//! the loop around a decoder is at [`Decoder`].
//!
//! | codec | frame |
//! |---|---|
//! | [`Delimited`] | the body, then a delimiter of 1 to 16 bytes |
//! | [`LengthPrefix`] | a length in a field of 1 to 8 bytes, then the body |
//! | [`LengthField`] | a length anywhere in a header of up to 16 bytes, whatever it counts, then the body |
//! | [`Varint`] | a length in as many bytes as it needs (LEB128, as Protocol Buffers have it), then the body |
//! | [`Chunked`] | as [`LengthPrefix`], in chunks: for bodies that are longer than memory |
//! | [`Lines`] | the body, then `\n` or `\r\n` |
//! | [`RingFrames`] | flags, a length of 4 bytes that counts the header too, then the body; [`RingJoiner`] makes messages of them |
//! | [`zmtp::ZmtpFrames`] | flags, a length of 1 or 8 bytes, then the body; [`zmtp`] has what else the protocol needs |

mod affixes;
mod chunked;
mod delimited;
mod error;
mod find;
pub mod laws;
mod length_field;
mod length_prefix;
mod lines;
mod ring;
mod splitter;
mod varint;
pub mod zmtp;

use std::ops::Range;

pub use affixes::Affixes;
pub use chunked::{Chunk, Chunked, ChunkedDecoder, ChunkedEncoder};
pub use delimited::{Delimited, DelimitedDecoder, DelimitedEncoder};
pub use error::FrameError;
pub use length_field::{Header, LengthField, LengthFieldDecoder, LengthFieldEncoder};
pub use length_prefix::{LengthPrefix, LengthPrefixDecoder, LengthPrefixEncoder};
pub use lines::{Lines, LinesDecoder, LinesEncoder};
pub use ring::{
    RingFrames, RingFramesDecoder, RingFramesEncoder, RingHead, RingJoiner, RingMessageError, RingSplit,
};
pub use varint::{Varint, VarintDecoder, VarintEncoder};

/// Finds the frames in a stream of bytes.
///
/// The caller keeps the bytes. It shows the decoder all it has from the start of the next frame on, and after a
/// [`Step::Frame`] or a [`Step::Skip`] goes on behind the `used` bytes, after a [`Step::More`] shows the same bytes again with further
/// ones behind them, and when the stream has ended after a `More` calls [`finish`](Decoder::finish) with what is left.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, LengthPrefix, Step};
/// use std::io::{self, Read};
///
/// /// Hands every frame of `stream` to `take`, until the stream ends.
/// fn read_frames<D: Decoder>(
///     mut decoder: D,
///     mut stream: impl Read,
///     mut take: impl FnMut(D::Head, &[u8]),
/// ) -> io::Result<()> {
///     let mut buffer = Vec::new(); // grows with what arrives, not with what a header announces
///     loop {
///         let mut done = 0;
///         loop {
///             match decoder.decode(&buffer[done..])? {
///                 Step::Frame { head, body, used } => {
///                     take(head, &buffer[done..][body]);
///                     done += used;
///                 }
///                 Step::Skip { used } => done += used,
///                 Step::More(_) => break,
///             }
///         }
///         buffer.drain(..done);
///
///         let mut piece = [0; 4096];
///         let count = stream.read(&mut piece)?;
///         if count == 0 {
///             return Ok(decoder.finish(&buffer)?);
///         }
///         buffer.extend_from_slice(&piece[..count]);
///     }
/// }
///
/// # fn main() -> io::Result<()> {
/// let (decoder, _) = LengthPrefix::new(255).field_len(1).halves();
/// let mut frames = Vec::new();
/// read_frames(decoder, &b"\x05hello\x00\x05world"[..], |(), body| frames.push(body.to_vec()))?;
/// assert_eq!(frames, [&b"hello"[..], b"", b"world"]);
///
/// let (decoder, _) = LengthPrefix::new(255).field_len(1).halves();
/// let error = read_frames(decoder, &b"\x05hel"[..], |(), _| ()).unwrap_err();
/// assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
/// # Ok(())
/// # }
/// ```
///
/// # Laws
///
/// Each line is a promise of every decoder, and names the test in `tests/codec` that holds it to it; [`laws`] holds any codec to them, one's
/// own too.
///
/// 1. Split invariance: in whatever pieces a stream arrives, the same frames come out, the same frames are skipped, and the same end or
///    error comes (`any_split_gives_the_same_frames`).
/// 2. Progress: a frame uses at least one byte and no more than there are, and its body lies within what it uses; a skip uses as
///    many (`any_split_gives_the_same_frames`, which checks every answer it is given).
/// 3. [`Step::More`] announces: `n` is at least 1, and with fewer than `n` further bytes the answer is `More` again, neither a
///    frame nor an error nor a skip (`no_answer_comes_earlier_than_announced`). To no bytes at all it is the answer of a decoder that has given
///    no error: who has none need not ask (`no_bytes_are_no_frame`).
/// 4. A frame of no bytes is a frame (`a_frame_of_no_bytes_is_a_frame`).
/// 5. A frame of exactly the maximum is decoded, one that announces more is refused from its header alone, before any of its
///    body (`the_maximum_is_decoded`, `more_than_the_maximum_is_refused_from_the_header_alone`). One without a header is refused, or
///    skipped, at the first byte that is certainly too many (`more_than_the_maximum_is_refused_at_the_first_byte_too_many`).
/// 6. Errors are final: after one, `decode` and `finish` give the same one whatever they are shown, and nothing is parsed
///    (`errors_are_final`).
/// 7. No memory on the word of a length field: a decoder allocates nothing (`decoding_allocates_nothing`) and overflows at no
///    number (`hostile_lengths_are_refused`).
/// 8. A stream may end between two frames and nowhere else (`a_stream_ends_cleanly_only_between_frames`).
/// 9. No frame occupies more than [`max_frame_len`](Decoder::max_frame_len), and there is one of that length if bodies may be of the
///    maximum (`the_longest_frame_is_as_long_as_announced`).
pub trait Decoder {
    /// What a header says besides the length, such as flags or a kind; `()` if nothing.
    type Head: Copy;

    /// Looks for one frame at the start of `input`, which is all the caller has from there on.
    ///
    /// # Errors
    ///
    /// What is there cannot be a frame, however it goes on. The decoder is finished with this stream: see law 6.
    fn decode(&mut self, input: &[u8]) -> Result<Step<Self::Head>, FrameError>;

    /// The stream has ended, and `rest` is what remained when [`decode`](Decoder::decode) asked for more.
    ///
    /// After `Ok` the decoder stands between two frames, as a new one does.
    ///
    /// # Errors
    ///
    /// [`FrameError::Truncated`] if `rest` is part of a frame, [`FrameError::Undecoded`] if it begins with a whole one, and
    /// whatever error the decoder gave before. These are final too.
    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError>;

    /// How many bytes the longest frame occupies, with what is around its body: who keeps the bytes needs as much memory. It is the same
    /// at all times.
    fn max_frame_len(&self) -> usize;
}

/// A decoder that is lent does what it does itself: so who lends it can ask it something afterwards.
impl<D: Decoder + ?Sized> Decoder for &mut D {
    type Head = D::Head;

    fn decode(&mut self, input: &[u8]) -> Result<Step<D::Head>, FrameError> {
        (**self).decode(input)
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        (**self).finish(rest)
    }

    fn max_frame_len(&self) -> usize {
        (**self).max_frame_len()
    }
}

/// What a [`Decoder`] answers. The ranges count from the start of the input it was shown.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, LengthPrefix, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, _) = LengthPrefix::new(1024).field_len(2).halves();
/// let input = b"\0\x05hello\0\x05wor";
/// match decoder.decode(input)? {
///     Step::Frame { head: (), body, used } => {
///         assert_eq!(&input[body], b"hello");
///         assert_eq!(decoder.decode(&input[used..])?, Step::More(2));
///     }
///     Step::Skip { .. } | Step::More(_) => unreachable!("a whole frame is there"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<H> {
    /// A whole frame.
    Frame {
        /// What its header says besides the length.
        head: H,
        /// Where its body lies.
        body: Range<usize>,
        /// How many bytes it occupies; the next frame begins there.
        used: usize,
    },
    /// Bytes that are no part of a frame to be taken, such as those of one that is too long and to be passed over: they are dropped
    /// and not shown again. Only decoders that were asked to skip give it. In how many steps bytes are skipped depends on the pieces
    /// they arrive in; which bytes does not.
    Skip {
        /// How many bytes to drop: at least one.
        used: usize,
    },
    /// Not a whole frame yet: at least this many further bytes are needed before there can be another answer.
    More(usize),
}

impl<H> Step<H> {
    /// What is to be said of it when the stream has ended with `have` bytes left, of a decoder that remembers nothing of its frames.
    pub(crate) fn at_end(self, have: usize) -> Result<(), FrameError> {
        match self {
            Step::More(_) if have == 0 => Ok(()),
            Step::More(more) => Err(FrameError::Truncated { have, need: have + more }),
            Step::Frame { used, .. } | Step::Skip { used } => Err(FrameError::Undecoded { used }),
        }
    }
}

/// Says which bytes go around a body.
///
/// ```
/// use ringmq::codec::{Affixes, Encoder, FrameError};
///
/// /// Lines end with a line feed.
/// struct Lines {
///     max: usize,
/// }
///
/// impl Encoder for Lines {
///     type Head = ();
///
///     fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
///         affixes.clear();
///         if body_len > self.max {
///             return Err(FrameError::TooLong { len: body_len as u64, max: self.max });
///         }
///         affixes.push_after(b"\n");
///         Ok(())
///     }
/// }
///
/// let mut affixes = Affixes::new();
/// assert_eq!(Lines { max: 80 }.encode((), 12, &mut affixes), Ok(()));
/// assert_eq!((affixes.before(), affixes.after()), (&b""[..], &b"\n"[..]));
/// ```
///
/// # Laws
///
/// Each line is a promise of every encoder, and names the test in `tests/codec` that holds it to it.
///
/// 1. Round trip: what goes before a body, the body and what goes after it are decoded, by the other half of the same
///    [`Codec`], to the same head and body (`what_is_encoded_is_decoded`).
/// 2. What `affixes` held is replaced, not added to (`encoding_replaces_what_the_affixes_held`).
/// 3. A body that the decoder would refuse is refused, and `affixes` is empty then. Unlike a decoder's, such an error is not
///    final: nothing has been sent (`a_body_over_the_maximum_is_not_encoded`).
pub trait Encoder {
    /// What a header says besides the length, such as flags or a kind; `()` if nothing.
    type Head: Copy;

    /// The few bytes before and after a body of `body_len` bytes. The body itself is not touched, so that a large one is never
    /// copied.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`] if the other side would refuse the body for its length.
    fn encode(&mut self, head: Self::Head, body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError>;
}

/// Both directions of one protocol.
///
/// It comes apart in two halves, because a reply is encoded while the slice of the request is still borrowed.
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step};
///
/// /// The first frame of `input`, framed again by the same codec.
/// fn echo<C: Codec>(codec: C, input: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
///     let (mut decoder, mut encoder) = codec.halves();
///     match decoder.decode(input)? {
///         Step::Skip { .. } | Step::More(_) => Ok(None),
///         Step::Frame { head, body, .. } => {
///             let body = &input[body];
///             let mut affixes = Affixes::new();
///             encoder.encode(head, body.len(), &mut affixes)?;
///             Ok(Some([affixes.before(), body, affixes.after()].concat()))
///         }
///     }
/// }
///
/// let codec = ringmq::codec::LengthPrefix::new(255).field_len(1);
/// assert_eq!(echo(codec, b"\x02hi\x03and"), Ok(Some(b"\x02hi".to_vec())));
/// ```
pub trait Codec {
    /// What a header says besides the length, such as flags or a kind; `()` if nothing.
    type Head: Copy;
    /// The receiving half.
    type Decoder: Decoder<Head = Self::Head>;
    /// The sending half.
    type Encoder: Encoder<Head = Self::Head>;

    /// The two halves, each new.
    fn halves(self) -> (Self::Decoder, Self::Encoder);
}
