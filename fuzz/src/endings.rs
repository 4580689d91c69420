//! What the targets of lines and of other delimiters share: a naive decoder, and a codec that is compared with it.

use std::fmt::Debug;

use ringmq::codec::{Affixes, Codec, Encoder, FrameError};

use super::laws::{self, Transcript};

/// Up to this length a stream is cut at every single place, which costs the square of it.
const SHORT: usize = 48;

/// The maximum that a byte stands for, of frames with so many bytes around their body.
pub fn maximum(byte: u8, around: usize) -> usize {
    match byte {
        0..=239 => usize::from(byte),
        _ => isize::MAX as usize - around - usize::from(255 - byte),
    }
}

/// What ends a frame, looked for the way one would by hand.
pub trait Ending {
    /// How long the body at the start of `rest` is, and how many bytes it occupies with its end; nothing if there is none.
    fn find(&self, rest: &[u8]) -> Option<(usize, usize)>;

    /// Whether `rest`, which has no end, is longer than the maximum however it goes on.
    fn is_too_long(&self, rest: &[u8]) -> bool;
}

/// What is to be read from a stream.
#[derive(Debug, PartialEq)]
pub struct Parsed {
    transcript: Transcript<()>,
    skipped: u64,
}

impl Parsed {
    pub fn naively(ending: &impl Ending, stream: &[u8], max: usize, skips: bool) -> Parsed {
        let (mut frames, mut skipped, mut rest) = (Vec::new(), 0, stream);
        let end = loop {
            if rest.is_empty() {
                break Ok(());
            }
            let is_too_long = match ending.find(rest) {
                Some((body_len, used)) if body_len <= max => {
                    frames.push(((), rest[..body_len].to_vec()));
                    rest = &rest[used..];
                    continue;
                }
                Some(_) => true,
                None => ending.is_too_long(rest),
            };
            if is_too_long && !skips {
                break Err(FrameError::NoDelimiter { max });
            }
            skipped += u64::from(is_too_long);
            match ending.find(rest) {
                Some((_, used)) => rest = &rest[used..],
                None => break Err(FrameError::Truncated { have: rest.len(), need: 0 }),
            }
        };
        Parsed { transcript: Transcript { frames, end }, skipped }
    }

    pub fn frames(&self) -> &[((), Vec<u8>)] {
        &self.transcript.frames
    }
}

/// A codec, how many bytes end a frame at least, and how to ask its decoder how many frames it has skipped.
pub struct Case<C: Codec> {
    pub codec: C,
    pub end_len: usize,
    pub skipped: fn(&C::Decoder) -> u64,
}

impl<C: Codec<Head = ()> + Copy + Debug> Case<C> {
    fn decoder(&self) -> C::Decoder {
        self.codec.halves().0
    }

    /// The stream is read as expected, in any pieces.
    pub fn reads(&self, stream: &[u8], pieces: Vec<&[u8]>, expected: &Parsed) {
        assert_eq!(&self.read([stream]), expected, "whole: {:?}", self.codec);
        assert_eq!(&self.read(pieces), expected, "in pieces: {:?}", self.codec);
        assert_eq!(&self.read(stream.chunks(1)), expected, "byte by byte: {:?}", self.codec);
        if stream.len() <= SHORT {
            laws::any_split_gives_the_same(|| self.decoder(), stream);
        }
    }

    fn read<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Parsed {
        let mut decoder = self.decoder();
        let mut transcript = laws::read(&mut decoder, pieces);
        if let Err(FrameError::Truncated { have, need }) = &mut transcript.end {
            assert!(*need > *have && *need - *have <= self.end_len, "{need} bytes needed, {have} there");
            // That it is no more than needed is checked while reading; the naive decoder does not know it.
            *need = 0;
        }
        Parsed { transcript, skipped: (self.skipped)(&decoder) }
    }

    /// The body comes out as it went in exactly if that is what is said of it.
    pub fn carries(&self, body: &[u8], can_carry: bool) {
        let mut affixes = Affixes::new();
        let encoded = self.codec.halves().1.encode((), body.len(), &mut affixes);
        assert!(encoded.is_ok() || (affixes.is_empty() && !can_carry), "{:?} refuses {body:?}", self.codec);
        let stream = [affixes.before(), body, affixes.after()].concat();
        let frame = [((), body.to_vec())];
        let transcript = laws::read(self.decoder(), [&stream[..]]);
        let is_the_same = encoded.is_ok() && transcript.end.is_ok() && transcript.frames == frame;
        assert_eq!(can_carry, is_the_same, "{body:?} by {:?}", self.codec);
        if can_carry && stream.len() <= SHORT {
            laws::ends_cleanly_only_between_frames(|| self.decoder(), &stream);
            laws::round_trip(|| self.codec, &frame);
        }
    }
}
