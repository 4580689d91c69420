//! What a request or a reply of one part looks like on a [line](super::line): all that a line has to know of a protocol.

use std::ops::Range;

use crate::codec::zmtp::{FrameKind, ZmtpFrames, ZmtpFramesDecoder, ZmtpFramesEncoder};
use crate::codec::{Affixes, Codec, Decoder, Encoder, Step};

pub(super) struct Framing {
    decoder: ZmtpFramesDecoder,
    encoder: ZmtpFramesEncoder,
}

impl Framing {
    /// How many bytes there are around a message, at the most: an empty part with its header, and a header of nine bytes.
    pub const AROUND: usize = 2 + 9;

    /// Of messages of at most `max` bytes.
    pub fn new(max: usize) -> Framing {
        let (decoder, encoder) = ZmtpFrames::new(max).halves();
        Framing { decoder, encoder }
    }

    /// Where the body is of what was read, if that is a message of one part, whole, and nothing else. After any other answer it is no more
    /// use.
    pub fn body(&mut self, input: &[u8]) -> Option<Range<usize>> {
        let (body, rest) = self.frame(FrameKind::More, input, 0)?;
        if !body.is_empty() {
            return None;
        }
        let (body, end) = self.frame(FrameKind::Last, input, rest)?;
        Some(body).filter(|_| end == input.len())
    }

    /// The frame of this kind that begins here: where its body is, and where the next one begins.
    fn frame(&mut self, kind: FrameKind, input: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
        match self.decoder.decode(&input[start..]) {
            Ok(Step::Frame { head, body, used }) if head == kind => {
                Some((start + body.start..start + body.end, start + used))
            }
            _ => None,
        }
    }

    /// Puts a message of one part behind what is there, if it can be sent.
    pub fn write(&mut self, body: &[u8], output: &mut Vec<u8>) -> Option<()> {
        for (head, body) in [(FrameKind::More, &[][..]), (FrameKind::Last, body)] {
            let mut affixes = Affixes::new();
            self.encoder.encode(head, body.len(), &mut affixes).ok()?;
            output.extend_from_slice(affixes.before());
            output.extend_from_slice(body);
        }
        Some(())
    }
}
