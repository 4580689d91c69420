//! Frames with any delimiter from any bytes in any pieces are what a naive decoder makes of them, and no law is broken.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | bits 0 to 3: length of the delimiter less one; bit 4: frames that are too long are skipped; bit 5: of the bytes of delimiter and stream only the lowest bit counts, so that there are many almost-delimiters |
//! | byte 1 | the maximum: up to 239 itself, above it as far below the greatest possible as the byte is below 255 |
//! | bytes 2 and 3 | the stream arrives in pieces of as many bytes, in turn |
//! | as many as byte 0 says | the delimiter |
//! | the rest | the stream |

use ringmq::codec::Delimited;

use super::endings::{maximum, Case, Ending, Parsed};
use super::pieces::cut;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let [variant, max, first, second, rest @ ..] = data else { return };
    let delimiter_len = usize::from(variant & 15) + 1;
    if rest.len() < delimiter_len {
        return;
    }
    let skips = variant & 16 != 0;
    let rest: Vec<u8> = match variant & 32 {
        0 => rest.to_vec(),
        _ => rest.iter().map(|byte| b'a' + (byte & 1)).collect(),
    };
    let (delimiter, stream) = rest.split_at(delimiter_len);
    let max = maximum(*max, delimiter_len);
    let mut codec = Delimited::new(delimiter, max);
    if skips {
        codec = codec.skip_too_long();
    }
    let case = Case { codec, end_len: delimiter_len, skipped: |decoder| decoder.skipped() };
    let expected = Parsed::naively(&Sequence { delimiter, max }, stream, max, skips);
    case.reads(stream, cut(stream, &[*first, *second]), &expected);

    for ((), body) in expected.frames() {
        assert!(codec.can_carry(body), "{body:?} was carried by {codec:?}");
    }
    case.carries(stream, codec.can_carry(stream));
    // Where the delimiter begins and ends alike this differs from what was decoded.
    let behind = &stream[stream.len().saturating_sub(max % 17)..];
    case.carries(behind, codec.can_carry(behind));
}

struct Sequence<'a> {
    delimiter: &'a [u8],
    max: usize,
}

impl Ending for Sequence<'_> {
    fn find(&self, rest: &[u8]) -> Option<(usize, usize)> {
        let len = self.delimiter.len();
        let place = rest.windows(len).position(|window| window == self.delimiter)?;
        Some((place, place + len))
    }

    fn is_too_long(&self, rest: &[u8]) -> bool {
        // Nowhere up to the maximum may the delimiter begin.
        (0..=rest.len())
            .filter(|place| *place <= self.max)
            .all(|place| !self.delimiter.starts_with(&rest[place..]))
    }
}
