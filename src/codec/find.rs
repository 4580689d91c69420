//! Where a byte is, eight bytes at a time: [`find_byte`].

const WORD_LEN: usize = 8;

/// The lowest and the highest bit of each byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Where the first `byte` is.
#[inline]
pub(super) fn find_byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    let pattern = u64::from(byte) * LOW_BITS;
    let mut words = bytes.chunks_exact(WORD_LEN);
    for (index, word) in words.by_ref().enumerate() {
        let word = u64::from_le_bytes(word.try_into().expect("a chunk is as long as a word"));
        if let Some(place) = first_zero_byte(word ^ pattern) {
            return Some(WORD_LEN * index + place);
        }
    }
    let rest = words.remainder();
    let place = rest.iter().position(|other| *other == byte)?;
    Some(bytes.len() - rest.len() + place)
}

/// Which byte of a word is the first to be zero, from the least significant one.
#[inline]
fn first_zero_byte(word: u64) -> Option<usize> {
    // A byte borrows from the one above it, and so may make it look like a zero, only if it is one itself: the lowest is always right.
    // See "Determine if a word has a zero byte" in Sean Eron Anderson's "Bit Twiddling Hacks".
    let zeros = word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS;
    (zeros != 0).then(|| zeros.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_is_found_at_every_place_and_distance() {
        for len in 0..40 {
            for place in 0..len {
                for second in place..len {
                    let mut bytes = vec![b'.'; len];
                    bytes[place] = b'\n';
                    bytes[second] = b'\n';
                    assert_eq!(find_byte(b'\n', &bytes), Some(place), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_else_is_taken_for_the_byte() {
        for byte in 0..=u8::MAX {
            let others: Vec<u8> = (0..=u8::MAX).filter(|other| *other != byte).collect();
            assert_eq!(find_byte(byte, &others), None, "{byte}");
        }
    }

    #[test]
    fn a_byte_that_differs_in_one_bit_right_behind_the_byte_is_not_taken_for_it() {
        for byte in 0..=u8::MAX {
            let bytes = [!byte, byte, byte ^ 1, byte ^ 1, !byte, !byte, !byte, !byte];
            assert_eq!(find_byte(byte, &bytes), Some(1), "{byte}");
        }
    }

    #[test]
    fn in_no_bytes_there_is_none() {
        assert_eq!(find_byte(0, &[]), None);
    }
}
