//! Where a byte is, a word at a time and then a block at a time: [`find_byte`].

const WORD_LEN: usize = 8;

/// The lowest and the highest bit of each byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// How far is searched before it is done by blocks: short frames end here, and to set a block up would cost them more than it saves.
const NEAR_LEN: usize = 4 * WORD_LEN;

/// As many bytes as a compiler compares at once in a few vectors, whatever vectors the processor has.
const BLOCK_LEN: usize = 64;

/// Where the first `byte` is of those from `from` on.
///
/// # Panics
/// If `from` is behind the end.
#[inline(always)] // a few bytes at a time are asked of it, to which a call would be as much again
pub(super) fn find_byte(byte: u8, bytes: &[u8], from: usize) -> Option<usize> {
    let rest = &bytes[from..];
    if rest.len() < WORD_LEN {
        return find_in_few(byte, bytes, from);
    }
    let near = &rest[..rest.len().min(NEAR_LEN)];
    match find_in_words(byte, near) {
        Some(place) => Some(from + place),
        None if rest.len() > NEAR_LEN => find_far(byte, bytes, from + NEAR_LEN),
        None => find_in_last_word(byte, bytes),
    }
}

/// Where the first `byte` is of those from `from` on, which are fewer than a word has.
#[inline]
fn find_in_few(byte: u8, bytes: &[u8], from: usize) -> Option<usize> {
    let len = bytes.len() - from;
    let word = match bytes.len().checked_sub(WORD_LEN) {
        // Read with what is before them, which is shifted out; not if they are none, but what is found then is not among them.
        Some(start) => whole_word(&bytes[start..]).wrapping_shr(8 * (WORD_LEN - len) as u32),
        None => short_word(&bytes[from..]),
    };
    // Behind them the word is zero, which may be what is looked for.
    first_place(byte, word).filter(|place| *place < len).map(|place| from + place)
}

/// Where the first `byte` is of those from `from` on, which is not near.
#[inline(never)] // short frames do not come here
fn find_far(byte: u8, bytes: &[u8], from: usize) -> Option<usize> {
    let far = &bytes[from..];
    // No way out of the middle of a block: so that it is compared as a whole.
    let is_without = |block: &&[u8]| !block.iter().fold(false, |is_there, other| is_there | (*other == byte));
    let without = BLOCK_LEN * far.chunks_exact(BLOCK_LEN).take_while(is_without).count();
    match find_in_words(byte, &far[without..]) {
        Some(place) => Some(from + without + place),
        None => find_in_last_word(byte, bytes),
    }
}

/// Where the first `byte` is of those that make whole words.
#[inline]
fn find_in_words(byte: u8, bytes: &[u8]) -> Option<usize> {
    for (index, word) in bytes.chunks_exact(WORD_LEN).enumerate() {
        if let Some(place) = first_place(byte, whole_word(word)) {
            return Some(WORD_LEN * index + place);
        }
    }
    None
}

/// Where the first `byte` is of the last word: those of it that have been searched before are none.
#[inline]
fn find_in_last_word(byte: u8, bytes: &[u8]) -> Option<usize> {
    let start = bytes.len() - WORD_LEN;
    first_place(byte, whole_word(&bytes[start..])).map(|place| start + place)
}

/// Eight bytes as a word.
#[inline]
fn whole_word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("they are as many as a word has"))
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

/// Which byte of a word is the first `byte`, from the least significant one.
#[inline]
fn first_place(byte: u8, word: u64) -> Option<usize> {
    // What is looked for becomes zero.
    let word = word ^ (u64::from(byte) * LOW_BITS);
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
                    assert_eq!(find_byte(b'\n', &bytes, 0), Some(place), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn it_is_found_at_every_place_of_every_block_and_behind_them() {
        for len in 0..4 * BLOCK_LEN {
            let mut bytes = vec![b'.'; len];
            assert_eq!(find_byte(b'\n', &bytes, 0), None, "in {len} bytes");
            for place in (0..len).rev() {
                bytes[place] = b'\n';
                assert_eq!(find_byte(b'\n', &bytes, 0), Some(place), "in {len} bytes");
            }
        }
    }

    #[test]
    fn what_is_before_the_first_place_is_not_found_and_hides_nothing() {
        for len in 0..2 * BLOCK_LEN {
            for from in 0..=len {
                let mut bytes = vec![b'.'; len];
                bytes[..from].fill(b'\n');
                assert_eq!(find_byte(b'\n', &bytes, from), None, "in {len} bytes from {from} on");
                for place in (from..len).rev() {
                    bytes[place] = b'\n';
                    let found = find_byte(b'\n', &bytes, from);
                    assert_eq!(found, Some(place), "in {len} bytes from {from} on");
                }
            }
        }
    }

    #[test]
    fn zero_is_not_found_behind_the_end() {
        for len in 0..2 * WORD_LEN {
            for from in 0..=len {
                assert_eq!(find_byte(0, &vec![1; len], from), None, "in {len} bytes from {from} on");
            }
        }
    }

    #[test]
    fn nothing_else_is_taken_for_the_byte() {
        for byte in 0..=u8::MAX {
            let others: Vec<u8> = (0..=u8::MAX).filter(|other| *other != byte).collect();
            assert_eq!(find_byte(byte, &others, 0), None, "{byte}");
        }
    }

    #[test]
    fn a_byte_that_differs_in_one_bit_right_behind_the_byte_is_not_taken_for_it() {
        for byte in 0..=u8::MAX {
            let bytes = [!byte, byte, byte ^ 1, byte ^ 1, !byte, !byte, !byte, !byte];
            assert_eq!(find_byte(byte, &bytes, 0), Some(1), "{byte}");
        }
    }

    #[test]
    fn in_no_bytes_there_is_none() {
        assert_eq!(find_byte(0, &[], 0), None);
    }
}
