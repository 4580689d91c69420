//! What lines and frames with any other delimiter have in common: [`Splitter`] looks for the delimiter and keeps to the maximum.

use super::{FrameError, Step};

/// What ends a frame.
pub(super) trait Delimiter {
    /// How many bytes it has, once it is found.
    fn len(&self) -> usize;

    /// The most bytes that there can be of a frame beyond its body.
    fn max_len(&self) -> usize;

    /// Looks for the first one that begins at `from` or later.
    fn find(&self, input: &[u8], from: usize) -> Found;

    /// How much of what is before a delimiter is the body.
    fn body_len(&self, before: &[u8]) -> usize;
}

/// What a search has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The first delimiter begins here.
    At(usize),
    /// There is none, and with further bytes one begins here at the earliest: at the end, or where what is there of it begins.
    NotBefore(usize),
}

/// No slice is longer than this, and so no input; with it no length of a whole frame overflows.
const FRAME_LEN_MAX: usize = isize::MAX as usize;

/// Panics if no slice can hold a frame with a body of `max` bytes and `around` others.
pub(super) fn assert_holdable(max: usize, around: usize) {
    let most = FRAME_LEN_MAX - around;
    assert!(max <= most, "a maximum of {max} bytes is more than a slice can hold: at most {most}");
}

/// What happens to a frame whose body is longer than the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLong {
    /// It is an error.
    Fails,
    /// It is skipped.
    IsSkipped,
}

/// A decoder of frames that end with a delimiter.
///
/// | state | until | then |
/// |---|---|---|
/// | `Reading` | there is a delimiter within the maximum | `Reading`, with a frame |
/// | `Reading` | there cannot be one any more | `Skipping`, or `Failed` if nothing is to be skipped |
/// | `Skipping` | there is a delimiter | `Reading`, between two frames |
/// | `Failed` | for good | |
#[derive(Clone, Debug)]
pub(super) struct Splitter<D> {
    delimiter: D,
    max: usize,
    too_long: TooLong,
    state: State,
    /// Before this place of the input no delimiter begins: it has been searched.
    searched: usize,
    skipped: u64,
}

#[derive(Clone, Debug)]
enum State {
    Reading,
    /// Inside a frame that is too long, of which so many bytes have been thrown away: at least one.
    Skipping(usize),
    Failed(FrameError),
}

impl<D: Delimiter> Splitter<D> {
    pub fn new(delimiter: D, max: usize, too_long: TooLong) -> Splitter<D> {
        Splitter { delimiter, max, too_long, state: State::Reading, searched: 0, skipped: 0 }
    }

    /// How many frames have been skipped, or are being skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    pub fn max_frame_len(&self) -> usize {
        self.max + self.delimiter.max_len()
    }

    #[inline]
    pub fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        if !matches!(self.state, State::Reading) {
            return self.decode_otherwise(input);
        }
        // What is behind the longest frame is another one's: so a search ends at the maximum, whatever has arrived.
        let window = &input[..input.len().min(self.max_frame_len())];
        Ok(match self.delimiter.find(window, self.searched.min(window.len())) {
            Found::At(place) => {
                let body_len = self.delimiter.body_len(&window[..place]);
                if body_len > self.max {
                    return self.pass_over(input, place);
                }
                self.searched = 0;
                Step::Frame { head: (), body: 0..body_len, used: place + self.delimiter.len() }
            }
            Found::NotBefore(place) => {
                // What is no more than the maximum has no longer body: then what of it is the body need not be known.
                if place > self.max && self.delimiter.body_len(&window[..place]) > self.max {
                    return self.pass_over(input, place);
                }
                self.searched = place;
                Step::More(self.missing(window.len(), place))
            }
        })
    }

    /// What there is to say in any state but `Reading`.
    #[cold]
    fn decode_otherwise(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Reading | State::Skipping(_) => Ok(self.skip(input, 0)),
        }
    }

    /// With so many bytes, of which those from `place` on may begin a delimiter: how many are needed at least to complete it, or to have
    /// one too many.
    fn missing(&self, have: usize, place: usize) -> usize {
        let to_delimiter = place + self.delimiter.len() - have;
        let to_maximum = (self.max + 1).saturating_sub(have).max(1);
        to_delimiter.min(to_maximum)
    }

    /// The frame at the start of `input` is too long, and has no delimiter before `place`.
    #[cold]
    fn pass_over(&mut self, input: &[u8], place: usize) -> Result<Step<()>, FrameError> {
        match self.too_long {
            TooLong::Fails => Err(self.fail(FrameError::NoDelimiter { max: self.max })),
            TooLong::IsSkipped => {
                self.searched = 0;
                self.skipped += 1;
                Ok(self.skip(input, place))
            }
        }
    }

    /// Throws away what cannot begin the delimiter of a frame that is too long, and that too once it is whole.
    fn skip(&mut self, input: &[u8], from: usize) -> Step<()> {
        match self.delimiter.find(input, from) {
            Found::At(place) => {
                self.state = State::Reading;
                Step::Skip { used: place + self.delimiter.len() }
            }
            // Of a delimiter some bytes are there, or of anything none.
            Found::NotBefore(0) => Step::More(1),
            Found::NotBefore(place) => {
                self.state = State::Skipping(self.discarded().saturating_add(place));
                Step::Skip { used: place }
            }
        }
    }

    /// How many bytes of the frame that is being read have been thrown away.
    fn discarded(&self) -> usize {
        match self.state {
            State::Skipping(len) => len,
            State::Reading | State::Failed(_) => 0,
        }
    }

    pub fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        match self.decode(rest)? {
            Step::More(n) => {
                let have = self.discarded().saturating_add(rest.len());
                if have == 0 {
                    return Ok(());
                }
                Err(self.fail(FrameError::Truncated { have, need: have.saturating_add(n) }))
            }
            Step::Frame { used, .. } | Step::Skip { used } => Err(self.fail(FrameError::Undecoded { used })),
        }
    }

    #[cold]
    fn fail(&mut self, error: FrameError) -> FrameError {
        self.state = State::Failed(error.clone());
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::find::find_byte;
    use std::cell::Cell;

    /// A line feed that counts the bytes that were searched for it.
    #[derive(Default)]
    struct Counted {
        examined: Cell<usize>,
    }

    impl Delimiter for Counted {
        fn len(&self) -> usize {
            1
        }

        fn max_len(&self) -> usize {
            1
        }

        fn find(&self, input: &[u8], from: usize) -> Found {
            let found = find_byte(b'\n', input, from).map_or(input.len(), |place| place + 1);
            self.examined.set(self.examined.get() + found - from);
            if found > from && input[found - 1] == b'\n' {
                Found::At(found - 1)
            } else {
                Found::NotBefore(found)
            }
        }

        fn body_len(&self, before: &[u8]) -> usize {
            before.len()
        }
    }

    fn splitter(max: usize, too_long: TooLong) -> Splitter<Counted> {
        Splitter::new(Counted::default(), max, too_long)
    }

    #[test]
    fn no_byte_of_a_frame_that_comes_byte_by_byte_is_searched_twice() {
        const LEN: usize = 1 << 20;
        let mut frame = vec![b'x'; LEN];
        frame.push(b'\n');
        let mut splitter = splitter(LEN, TooLong::Fails);
        for have in 1..=LEN {
            assert_eq!(splitter.decode(&frame[..have]), Ok(Step::More(1)));
            assert_eq!(splitter.delimiter.examined.get(), have);
        }
        assert_eq!(splitter.decode(&frame), Ok(Step::Frame { head: (), body: 0..LEN, used: LEN + 1 }));
        assert_eq!(splitter.delimiter.examined.get(), LEN + 1);
    }

    #[test]
    fn the_next_frame_is_searched_from_its_first_byte() {
        let mut splitter = splitter(9, TooLong::Fails);
        assert_eq!(splitter.decode(b"xxxxx"), Ok(Step::More(1)));
        assert_eq!(splitter.decode(b"xxxxx\n\n"), Ok(Step::Frame { head: (), body: 0..5, used: 6 }));
        assert_eq!(splitter.decode(b"\n"), Ok(Step::Frame { head: (), body: 0..0, used: 1 }));
    }

    #[test]
    fn no_byte_behind_the_maximum_is_searched_before_an_error() {
        let mut splitter = splitter(9, TooLong::Fails);
        assert_eq!(splitter.decode(&[b'x'; 1000]), Err(FrameError::NoDelimiter { max: 9 }));
        assert_eq!(splitter.delimiter.examined.get(), 10);
    }

    #[test]
    fn no_byte_that_is_skipped_is_searched_twice() {
        let mut splitter = splitter(9, TooLong::IsSkipped);
        assert_eq!(splitter.decode(b"xxxxx"), Ok(Step::More(1)));
        assert_eq!(splitter.decode(&[b'x'; 1000]), Ok(Step::Skip { used: 1000 }));
        assert_eq!(splitter.decode(&[b'x'; 1000]), Ok(Step::Skip { used: 1000 }));
        assert_eq!(splitter.decode(b"x\n\n"), Ok(Step::Skip { used: 2 }));
        assert_eq!(splitter.delimiter.examined.get(), 2002);
    }

    #[test]
    fn fewer_bytes_than_before_are_no_panic_and_hide_nothing() {
        let mut splitter = splitter(9, TooLong::Fails);
        assert_eq!(splitter.decode(b"xxxxx"), Ok(Step::More(1)));
        assert_eq!(splitter.decode(b"xxx"), Ok(Step::More(1)));
        assert_eq!(splitter.decode(b""), Ok(Step::More(1)));
        assert_eq!(splitter.decode(b"xxxxx\n"), Ok(Step::Frame { head: (), body: 0..5, used: 6 }));
    }
}
