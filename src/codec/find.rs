//! Where a byte is, a word at a time and then a block at a time: [`find_byte`].

const WORD_LEN: usize = 8;

/// The lowest and the highest bit of each byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// How far is searched before it is done by blocks: short frames end here, and to set a block up would cost them more than it saves.
const NEAR_LEN: usize = 4 * WORD_LEN;

/// As many bytes as a compiler compares at once in a few vectors, whatever vectors the processor has.
const BLOCK_LEN: usize = 64;

/// Where the first `byte` is.
#[inline]
pub(super) fn find_byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    let near = &bytes[..bytes.len().min(NEAR_LEN)];
    match find_in_words(byte, near) {
        None if bytes.len() > NEAR_LEN => find_far(byte, bytes),
        found => found,
    }
}

/// Where the first `byte` is, which is not near.
#[inline(never)] // short frames do not come here
fn find_far(byte: u8, bytes: &[u8]) -> Option<usize> {
    let far = &bytes[NEAR_LEN..];
    // No way out of the middle of a block: so that it is compared as a whole.
    let is_without = |block: &&[u8]| !block.iter().fold(false, |is_there, other| is_there | (*other == byte));
    let without = BLOCK_LEN * far.chunks_exact(BLOCK_LEN).take_while(is_without).count();
    find_in_words(byte, &far[without..]).map(|place| NEAR_LEN + without + place)
}

#[inline]
fn find_in_words(byte: u8, bytes: &[u8]) -> Option<usize> {
    let pattern = u64::from(byte) * LOW_BITS;
    let mut words = bytes.chunks_exact(WORD_LEN);
    for (index, word) in words.by_ref().enumerate() {
        let word = u64::from_le_bytes(word.try_into().expect("a chunk is as long as a word"));
        if let Some(place) = first_zero_byte(word ^ pattern) {
            return Some(WORD_LEN * index + place);
        }
    }
    let rest = words.remainder();
    // Behind the rest the word is zero, which may be what is looked for.
    let place = first_zero_byte(short_word(rest) ^ pattern).filter(|place| *place < rest.len())?;
    Some(bytes.len() - rest.len() + place)
}

/// Less than eight bytes as a word, without a loop: what is read twice is the same both times.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if len >= 4 {
        let half = |at: usize| {
            u64::from(u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
        };
        half(0) | half(len - 4) << (8 * (len - 4))
    } else if len > 0 {
        let one = |at: usize| u64::from(bytes[at]) << (8 * at);
        one(0) | one(len / 2) | one(len - 1)
    } else {
        0
    }
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
    fn it_is_found_at_every_place_of_every_block_and_behind_them() {
        for len in 0..4 * BLOCK_LEN {
            let mut bytes = vec![b'.'; len];
            assert_eq!(find_byte(b'\n', &bytes), None, "in {len} bytes");
            for place in (0..len).rev() {
                bytes[place] = b'\n';
                assert_eq!(find_byte(b'\n', &bytes), Some(place), "in {len} bytes");
            }
        }
    }

    #[test]
    fn zero_is_not_found_behind_the_end() {
        for len in 0..2 * WORD_LEN {
            assert_eq!(find_byte(0, &vec![1; len]), None, "{len}");
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
