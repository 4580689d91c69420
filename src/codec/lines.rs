//! Lines: [`Lines`], text that ends with a line feed, with or without a carriage return before it.

use super::find::find_byte;
use super::splitter::{assert_holdable, Delimiter, Found, Splitter, TooLong};
use super::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// A codec whose frames are lines: a body, and `\n` or `\r\n`, which the decoder takes alike.
///
/// ```text
/// +------- - - - -+------+------+
/// | body          | (\r) |  \n  |
/// | 0 to max      |      |      |
/// +------- - - - -+------+------+
/// ```
///
/// One `\r` right before the `\n` belongs to the end of the line, any other to its body. The encoder writes `\n`, or `\r\n` with
/// [`crlf`](Lines::crlf). A body is bytes, not text: whether it is UTF-8 is for `std::str::from_utf8` to say.
///
/// Reading lines on a loop, and answering each:
///
/// ```
/// use ringmq::codec::Lines;
/// use ringmq::{Framed, Reactor, State};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// let (mut near, far) = UnixStream::pair()?;
/// let mut reactor = Reactor::new()?;
/// let mut context = reactor.context();
/// let framed = Framed::new(Lines::new(80), far, &context.memory())?;
/// context.add(framed, |_: &mut (), context, id| {
///     let framed = context.get_mut(id).unwrap();
///     let (lines, mut outlet) = framed.split();
///     for line in lines {
///         let line = line.unwrap().body.to_ascii_uppercase();
///         outlet.send((), &line).unwrap();
///     }
///     if framed.state() == State::Ended {
///         framed.finish();
///     }
///     if framed.state() == State::Closed {
///         context.stop();
///     }
/// })?;
///
/// near.write_all(b"hello\r\n\nworld\n")?;
/// near.shutdown(std::net::Shutdown::Write)?;
/// reactor.run(&mut ())?;
/// drop(reactor);
/// let mut answer = String::new();
/// near.read_to_string(&mut answer)?;
/// assert_eq!(answer, "HELLO\n\nWORLD\n");
/// # Ok(())
/// # }
/// ```
///
/// # Lines that are too long
///
/// A line whose body is longer than the maximum is [`FrameError::NoDelimiter`] as soon as that is certain, be its end in sight or not.
/// With [`skip_too_long`](Lines::skip_too_long) it is passed over instead.
///
/// # What a line cannot hold
///
/// An encoder sees how long a body is and not what is in it. So it is for the caller to send no body with a `\n` in it, which the other
/// side would take for two lines, nor one that ends with `\r` unless lines end with `\r\n`. [`can_carry`](Lines::can_carry) tells; ask it
/// of every body that somebody else has a say in.
///
/// # The last line
///
/// A stream ends behind a `\n` and nowhere else. A rest without one is [`FrameError::Truncated`], since nothing tells a line whose writer
/// left its end out from half a line whose writer has died. Who takes it for a line all the same still has the bytes:
///
/// ```
/// use ringmq::codec::{Codec, Decoder, FrameError, Lines};
///
/// let (mut decoder, _) = Lines::new(80).halves();
/// let rest = b"no end";
/// let last = match decoder.finish(rest) {
///     Ok(()) => None,
///     // Unless the beginning of the line was skipped, the rest is all of it.
///     Err(FrameError::Truncated { have, .. }) if have == rest.len() => Some(rest),
///     Err(error) => panic!("{error}"),
/// };
/// assert_eq!(last, Some(b"no end"));
/// ```
///
/// Over a loop they are in [`Framed::into_stream`](crate::Framed::into_stream) after that error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    max: usize,
    too_long: TooLong,
    is_crlf: bool,
}

/// The longest end of a line: `\r\n`.
const END_LEN_MAX: usize = 2;

impl Lines {
    /// Lines with bodies of at most `max` bytes, their end not counted.
    ///
    /// There is no unlimited: who may send a line of any length may occupy any amount of memory.
    ///
    /// # Panics
    ///
    /// If `max` is so large that no slice can hold the line, that is above `isize::MAX - 2`.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, FrameError, Lines, Step};
    ///
    /// # fn main() -> Result<(), FrameError> {
    /// let (mut decoder, _) = Lines::new(5).halves();
    /// assert_eq!(decoder.decode(b"hello\r\n")?, Step::Frame { head: (), body: 0..5, used: 7 });
    /// assert_eq!(decoder.decode(b"world!"), Err(FrameError::NoDelimiter { max: 5 }));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(max: usize) -> Lines {
        assert_holdable(max, END_LEN_MAX);
        Lines { max, too_long: TooLong::Fails, is_crlf: false }
    }

    /// The same, but the encoder ends lines with `\r\n`, as SMTP (RFC 5321, 2.3.8), HTTP/1.1 (RFC 9112, 2.1) and many others ask for. The
    /// decoder takes either end as before.
    ///
    /// ```
    /// use ringmq::codec::{Affixes, Codec, Encoder, Lines};
    ///
    /// # fn main() -> Result<(), ringmq::codec::FrameError> {
    /// let (_, mut encoder) = Lines::new(512).crlf().halves();
    /// let mut affixes = Affixes::new();
    /// encoder.encode((), 4, &mut affixes)?;
    /// assert_eq!(affixes.after(), b"\r\n");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn crlf(self) -> Lines {
        Lines { is_crlf: true, ..self }
    }

    /// The same, but the decoder skips a line that is too long, as [`Step::Skip`], and goes on with the next. None of it is kept in the
    /// meantime, so that it may have any length. [`LinesDecoder::skipped`] counts such lines; the encoder refuses them as before.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, Lines, Step};
    ///
    /// # fn main() -> Result<(), ringmq::codec::FrameError> {
    /// let (mut decoder, _) = Lines::new(5).skip_too_long().halves();
    /// assert_eq!(decoder.decode(b"much t")?, Step::Skip { used: 6 });
    /// assert_eq!(decoder.decode(b"oo long\nhi\n")?, Step::Skip { used: 8 });
    /// assert_eq!(decoder.decode(b"hi\n")?, Step::Frame { head: (), body: 0..2, used: 3 });
    /// assert_eq!(decoder.skipped(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn skip_too_long(self) -> Lines {
        Lines { too_long: TooLong::IsSkipped, ..self }
    }

    /// Whether the decoder finds `body` as it is in what the encoder makes of it: not longer than the maximum, without `\n`, and without
    /// `\r` at its end unless lines end with `\r\n`. Every byte of it is looked at.
    ///
    /// ```
    /// use ringmq::codec::Lines;
    ///
    /// let lines = Lines::new(80);
    /// assert!(lines.can_carry(b"RCPT TO:<ann@example.org>"));
    /// assert!(!lines.can_carry(b"ann@example.org>\r\nRCPT TO:<eve@example.org>"));
    /// assert!(!lines.can_carry(b"a line that somebody has ended already\r"));
    /// ```
    pub fn can_carry(&self, body: &[u8]) -> bool {
        let is_cut = body.last() == Some(&b'\r') && !self.is_crlf;
        body.len() <= self.max && !is_cut && find_byte(b'\n', body, 0).is_none()
    }
}

impl Codec for Lines {
    type Head = ();
    type Decoder = LinesDecoder;
    type Encoder = LinesEncoder;

    fn halves(self) -> (LinesDecoder, LinesEncoder) {
        (LinesDecoder(Splitter::new(LineFeed, self.max, self.too_long)), LinesEncoder { lines: self })
    }
}

/// `\n`, and `\r` if it is right before it.
#[derive(Clone, Copy, Debug)]
struct LineFeed;

impl Delimiter for LineFeed {
    #[inline]
    fn len(&self) -> usize {
        1
    }

    #[inline]
    fn max_len(&self) -> usize {
        END_LEN_MAX
    }

    #[inline(always)] // as `find_byte`, and where it answers with the end, that this is the end is worth knowing
    fn find(&self, input: &[u8], from: usize) -> Found {
        match find_byte(b'\n', input, from) {
            Some(place) => Found::At(place),
            None => Found::NotBefore(input.len()),
        }
    }

    #[inline]
    fn body_len(&self, before: &[u8]) -> usize {
        before.len() - usize::from(before.last() == Some(&b'\r'))
    }
}

/// The receiving half of [`Lines`].
///
/// What it has searched it does not search again: a line costs the same in however many pieces it arrives.
///
/// ```
/// use ringmq::codec::{Codec, Decoder, Lines, Step};
///
/// # fn main() -> Result<(), ringmq::codec::FrameError> {
/// let (mut decoder, _) = Lines::new(80).halves();
/// assert_eq!(decoder.decode(b"hello\r")?, Step::More(1));
/// assert_eq!(decoder.decode(b"hello\r\nwor")?, Step::Frame { head: (), body: 0..5, used: 7 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LinesDecoder(Splitter<LineFeed>);

impl LinesDecoder {
    /// How many lines have been skipped since it was made, because they were too long; one that is being skipped counts already. Zero
    /// without [`skip_too_long`](Lines::skip_too_long).
    ///
    /// Over a loop, by [`Framed::decoder`](crate::Framed::decoder):
    ///
    /// ```
    /// use ringmq::codec::Lines;
    /// use ringmq::{Framed, Reactor, State};
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut reactor = Reactor::new()?;
    /// let mut context = reactor.context();
    /// let framed = Framed::new(Lines::new(5).skip_too_long(), far, &context.memory())?;
    /// context.add(framed, |skipped: &mut u64, context, id| {
    ///     let framed = context.get_mut(id).unwrap();
    ///     for line in framed.split().0 {
    ///         assert_eq!(line.unwrap().body, b"hello");
    ///     }
    ///     *skipped = framed.decoder().skipped();
    ///     if framed.state() == State::Ended {
    ///         context.stop();
    ///     }
    /// })?;
    ///
    /// near.write_all(b"much too long\nhello\n")?;
    /// drop(near);
    /// let mut skipped = 0;
    /// reactor.run(&mut skipped)?;
    /// assert_eq!(skipped, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn skipped(&self) -> u64 {
        self.0.skipped()
    }
}

impl Decoder for LinesDecoder {
    type Head = ();

    #[inline]
    fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        self.0.decode(input)
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.0.finish(rest)
    }

    fn max_frame_len(&self) -> usize {
        self.0.max_frame_len()
    }
}

/// The sending half of [`Lines`]. What a body may hold is the caller's to know: see [`can_carry`](Lines::can_carry).
///
/// ```
/// use ringmq::codec::{Affixes, Codec, Encoder, FrameError, Lines};
///
/// # fn main() -> Result<(), FrameError> {
/// let (_, mut encoder) = Lines::new(80).halves();
/// let mut affixes = Affixes::new();
/// encoder.encode((), 80, &mut affixes)?;
/// assert_eq!((affixes.before(), affixes.after()), (&b""[..], &b"\n"[..]));
/// assert_eq!(encoder.encode((), 81, &mut affixes), Err(FrameError::TooLong { len: 81, max: 80 }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LinesEncoder {
    lines: Lines,
}

impl Encoder for LinesEncoder {
    type Head = ();

    #[inline]
    fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        affixes.clear();
        if body_len > self.lines.max {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.lines.max });
        }
        affixes.push_after(if self.lines.is_crlf { b"\r\n" } else { b"\n" });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is more than a slice can hold")]
    fn unlimited_is_refused() {
        let _ = Lines::new(usize::MAX);
    }

    #[test]
    fn the_greatest_maximum_overflows_nothing() {
        let (mut decoder, _) = Lines::new(isize::MAX as usize - END_LEN_MAX).halves();
        assert_eq!(decoder.max_frame_len(), isize::MAX as usize);
        assert_eq!(decoder.decode(b"hello"), Ok(Step::More(1)));
    }
}
