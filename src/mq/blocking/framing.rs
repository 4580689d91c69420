//! What a request or a reply of one part looks like on a [line](super::line): all that a line has to know of a protocol.

use std::ops::Range;

use crate::codec::zmtp::{FrameKind, ZmtpFrames, ZmtpFramesDecoder, ZmtpFramesEncoder};
use crate::codec::{
    Affixes, Codec, Decoder, Encoder, RingFrames, RingFramesDecoder, RingFramesEncoder, RingHead, Step,
};
use crate::mq::Dialect;

pub(super) enum Framing {
    /// An empty part, and then the body.
    Zmtp(ZmtpFramesDecoder, ZmtpFramesEncoder),
    /// The body alone, in one piece.
    Ring(RingFramesDecoder, RingFramesEncoder),
}

impl Framing {
    /// How many bytes there are around a message, at the most: in ZMTP an empty part with its header, and a header of nine bytes.
    pub const AROUND: usize = 2 + 9;

    /// Of messages of at most `max` bytes, in the protocol that is spoken.
    pub fn new(spoken: Dialect, max: usize) -> Framing {
        match spoken {
            Dialect::Ring => {
                let (decoder, encoder) = RingFrames::new(max).halves();
                Framing::Ring(decoder, encoder)
            }
            Dialect::Zmtp | Dialect::Any => {
                let (decoder, encoder) = ZmtpFrames::new(max).halves();
                Framing::Zmtp(decoder, encoder)
            }
        }
    }

    /// Where the body is of what was read, if that is a message of one part, whole, and nothing else. After any other answer it is no more
    /// use.
    pub fn body(&mut self, input: &[u8]) -> Option<Range<usize>> {
        let (body, end) = match self {
            Framing::Zmtp(decoder, _) => match frame(decoder, FrameKind::More, input, 0)? {
                (head, rest) if head.is_empty() => frame(decoder, FrameKind::Last, input, rest)?,
                _ => return None,
            },
            Framing::Ring(decoder, _) => frame(decoder, RingHead::Last, input, 0)?,
        };
        Some(body).filter(|_| end == input.len())
    }

    /// Puts a message of one part behind what is there, if it can be sent.
    pub fn write(&mut self, body: &[u8], output: &mut Vec<u8>) -> Option<()> {
        match self {
            Framing::Zmtp(_, encoder) => {
                put_frame(encoder, FrameKind::More, &[], output)?;
                put_frame(encoder, FrameKind::Last, body, output)
            }
            Framing::Ring(_, encoder) => put_frame(encoder, RingHead::Last, body, output),
        }
    }
}

/// The frame of this kind that begins here: where its body is, and where the next one begins.
fn frame<D: Decoder>(
    decoder: &mut D,
    kind: D::Head,
    input: &[u8],
    start: usize,
) -> Option<(Range<usize>, usize)>
where
    D::Head: PartialEq,
{
    match decoder.decode(&input[start..]) {
        Ok(Step::Frame { head, body, used }) if head == kind => {
            Some((start + body.start..start + body.end, start + used))
        }
        _ => None,
    }
}

fn put_frame<E: Encoder>(encoder: &mut E, kind: E::Head, body: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let mut affixes = Affixes::new();
    encoder.encode(kind, body.len(), &mut affixes).ok()?;
    output.extend_from_slice(affixes.before());
    output.extend_from_slice(body);
    Some(())
}
