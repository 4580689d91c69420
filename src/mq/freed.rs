//! What long messages leave when they are dropped, which the C library is to keep for those to come.

use std::sync::Once;

/// From how many bytes on what a message takes is worth [keeping](keep_freed).
pub(super) const LONG_LEN: usize = 64 * 1024;

/// How much is to be kept: as many bytes as may wait for a peer, unless more was said.
const KEPT_LEN: usize = 4 * 1024 * 1024;

/// Has the C library keep what long messages leave. That of GNU gives memory back to the system as soon as twice the longest piece that ever
/// came back to it is free, and no less than 256 KiB (mallopt(3), on `M_MMAP_THRESHOLD`). A queue of messages of a MiB leaves that much each
/// time that it drains by half; so a third of their pages were had anew from the system, one by one, which took a fifth of what it takes to
/// send them. So a longer piece comes back once, of which no page was touched. To another C library it is nothing.
///
/// Called when a long part goes or comes, or a piece of one.
#[inline]
pub(super) fn keep_freed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(long_piece()));
}

/// By itself, so that no compiler sees that nobody uses it.
#[inline(never)]
fn long_piece() -> Vec<u8> {
    let mut piece = Vec::new();
    let _ = piece.try_reserve_exact(KEPT_LEN); // where there is not so much, nothing can be kept
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_piece_is_as_long_as_what_is_to_be_kept_and_nothing_is_in_it() {
        let piece = long_piece();
        assert_eq!((piece.capacity(), piece.len()), (KEPT_LEN, 0));
    }
}
