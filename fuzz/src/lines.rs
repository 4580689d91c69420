//! Lines from any bytes in any pieces are what a naive decoder makes of them, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | bit 0: the encoder writes `\r\n`; bit 1: lines that are too long are skipped |
//! | byte 1 | the maximum: up to 239 itself, above it as far below the greatest possible as the byte is below 255 |
//! | bytes 2 and 3 | the stream arrives in pieces of as many bytes, in turn |
//! | the rest | the stream |

use ringmq::codec::Lines;

use super::endings::{maximum, Case, Ending, Parsed};
use super::pieces::cut;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [variant, max, first, second, stream @ ..] = data else { return };
    let (is_crlf, skips) = (variant & 1 != 0, variant & 2 != 0);
    let max = maximum(*max, 2);
    let mut codec = Lines::new(max);
    if is_crlf {
        codec = codec.crlf();
    }
    if skips {
        codec = codec.skip_too_long();
    }
    let case = Case { codec, end_len: 1, skipped: |decoder| decoder.skipped() };
    let expected = Parsed::naively(&LineEnd { max }, stream, max, skips);
    case.reads(stream, cut(stream, &[*first, *second]), &expected);

    let bodies: Vec<_> = expected.frames().iter().map(|((), body)| body.as_slice()).chain([stream]).collect();
    for body in bodies {
        // What the last `\r` of a body becomes depends on what ends its line.
        let is_in_order = !body.contains(&b'\n') && (is_crlf || body.last() != Some(&b'\r'));
        assert_eq!(codec.can_carry(body), is_in_order && body.len() <= max, "{body:?} by {codec:?}");
        case.carries(body, codec.can_carry(body));
    }
}

struct LineEnd {
    max: usize,
}

impl Ending for LineEnd {
    fn find(&self, rest: &[u8]) -> Option<(usize, usize)> {
        let place = rest.iter().position(|byte| *byte == b'\n')?;
        let line = &rest[..place];
        Some((line.strip_suffix(b"\r").unwrap_or(line).len(), place + 1))
    }

    fn is_too_long(&self, rest: &[u8]) -> bool {
        rest.strip_suffix(b"\r").unwrap_or(rest).len() > self.max
    }
}
