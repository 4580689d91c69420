//! The recorded traffic of real peers, played to sessions of ours: what comes of it is what the recording says, or what we decided where
//! we are stricter.

#[path = "../../mq/sessions/end.rs"]
mod end;
mod odd;
mod ring;
mod zmtp;

use std::time::{Duration, Instant};

use self::end::{End, Heard};
use ringmq::mq::Local;

/// Longer streams are not played byte by byte, but in pieces that end in and around all headers.
const SHORT: usize = 300_000;

/// How long a handshake may take, in the recordings that try it.
const HANDSHAKE: Duration = Duration::from_millis(300);

/// What happens when all was said.
#[derive(Clone, Copy, PartialEq, Debug)]
enum After {
    End,
    Silence,
}

/// Plays a stream to a session, whole and in bytes, and holds the two to each other.
fn play(local: &Local, max: usize, stream: &[u8], after: After) -> End {
    let piece_len = if stream.len() <= SHORT { 1 } else { 997 };
    let whole = play_in_pieces(local, max, stream.chunks(stream.len().max(1)), after);
    let pieces = play_in_pieces(local, max, stream.chunks(piece_len), after);
    assert!(whole.heard == pieces.heard, "in pieces of {piece_len}");
    assert_eq!(whole.error, pieces.error, "in pieces of {piece_len}");
    assert_eq!(whole.said, pieces.said, "in pieces of {piece_len}");
    whole
}

fn play_in_pieces<'a>(
    local: &Local,
    max: usize,
    pieces: impl Iterator<Item = &'a [u8]>,
    after: After,
) -> End {
    let mut now = Instant::now();
    let mut end = End::bounded(local.clone(), max, now);
    end.say();
    for piece in pieces {
        end.hear(piece, now);
        end.say();
    }
    if after == After::End {
        end.hear_end();
    }
    // Nothing comes, and time passes: until there is nothing to wait for.
    while let (After::Silence, None, Some(deadline)) = (after, &end.error, end.session.deadline()) {
        assert!(deadline > now, "it is not asked for what is done");
        now = deadline;
        end.error = end.session.on_deadline(now).err();
        end.say();
    }
    end
}
