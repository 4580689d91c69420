//! Each law is broken by some codec, and that is found; one that breaks none passes.

use super::laws;
use ringmq::codec::zmtp::{FrameKind, ZmtpFrames};
use ringmq::codec::{
    Affixes, Codec, Decoder, Delimited, Encoder, FrameError, LengthPrefix, Lines, RingFrames, RingHead, Step,
    Varint,
};

/// What is wrong with a codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    TakesWhatItIsShown,
    UsesNothing,
    BodyBeyondItsFrame,
    AsksForNothing,
    AnnouncesTooMuch,
    MakesAFrameOfNothing,
    NoMaximum,
    RefusesTheEmpty,
    GoesOnAfterAnError,
    EndsAnywhere,
    EndsNowhere,
    FalseNumbers,
    LongerThanAnnounced,
    ShorterThanAnnounced,
    LosesAByte,
    AddsToTheAffixes,
    KeepsTheAffixesOfTheRefused,
    EncodesTooMuch,
}

/// A length of one byte and the body.
struct Faulty {
    max: usize,
    fault: Fault,
}

struct FaultyDecoder {
    max: usize,
    fault: Fault,
    failed: Option<FrameError>,
}

impl FaultyDecoder {
    fn fail(&mut self, error: FrameError) -> FrameError {
        if self.fault != Fault::GoesOnAfterAnError {
            self.failed = Some(error.clone());
        }
        error
    }

    /// How many bytes are lacking, as it says so.
    fn more(&self, lacking: usize) -> Step<()> {
        Step::More(match self.fault {
            Fault::AsksForNothing => 0,
            Fault::TakesWhatItIsShown => 1,
            Fault::AnnouncesTooMuch => lacking + 1,
            _ => lacking,
        })
    }
}

impl Decoder for FaultyDecoder {
    type Head = ();

    fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (len, there) = match *input {
            [] if self.fault == Fault::MakesAFrameOfNothing => {
                return Ok(Step::Frame { head: (), body: 0..0, used: 0 });
            }
            [] => return Ok(self.more(1)),
            [len, ..] => (usize::from(len), input.len() - 1),
        };
        if len > self.max && self.fault != Fault::NoMaximum {
            return Err(self.fail(FrameError::TooLong { len: len as u64, max: self.max }));
        }
        if len == 0 && self.fault == Fault::RefusesTheEmpty {
            return Err(self.fail(FrameError::TooShort { len: 1, min: 2 }));
        }
        if there < len && !(self.fault == Fault::TakesWhatItIsShown && there > 0) {
            return Ok(self.more(len - there));
        }
        let used = 1 + len.min(there);
        let body = match self.fault {
            Fault::BodyBeyondItsFrame => 1..used + 1,
            Fault::LosesAByte if len > 1 => 1..used - 1,
            _ => 1..used,
        };
        Ok(Step::Frame { head: (), body, used: if self.fault == Fault::UsesNothing { 0 } else { used } })
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        match self.decode(rest)? {
            Step::More(_) if rest.is_empty() && self.fault != Fault::EndsNowhere => Ok(()),
            Step::More(_) if self.fault == Fault::EndsAnywhere => Ok(()),
            Step::More(n) => {
                let have = rest.len() + usize::from(self.fault == Fault::FalseNumbers);
                Err(self.fail(FrameError::Truncated { have, need: have + n }))
            }
            Step::Frame { used, .. } | Step::Skip { used } => Err(self.fail(FrameError::Undecoded { used })),
        }
    }

    fn max_frame_len(&self) -> usize {
        match self.fault {
            Fault::LongerThanAnnounced => self.max,
            Fault::NoMaximum => 256,
            Fault::ShorterThanAnnounced => self.max + 33,
            _ => self.max + 1,
        }
    }
}

struct FaultyEncoder {
    max: usize,
    fault: Fault,
}

impl Encoder for FaultyEncoder {
    type Head = ();

    fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        let is_kept = match self.fault {
            Fault::AddsToTheAffixes => body_len <= self.max,
            Fault::KeepsTheAffixesOfTheRefused => body_len > self.max,
            _ => false,
        };
        if !is_kept {
            affixes.clear();
        }
        if body_len > self.max && self.fault != Fault::EncodesTooMuch {
            return Err(FrameError::TooLong { len: body_len as u64, max: self.max });
        }
        affixes.push_before(&[body_len as u8]);
        Ok(())
    }
}

impl Codec for Faulty {
    type Head = ();
    type Decoder = FaultyDecoder;
    type Encoder = FaultyEncoder;

    fn halves(self) -> (FaultyDecoder, FaultyEncoder) {
        let Faulty { max, fault } = self;
        (FaultyDecoder { max, fault, failed: None }, FaultyEncoder { max, fault })
    }
}

/// All codecs of the crate, each in one call.
#[test]
fn the_codecs_of_the_crate_pass() {
    fn bodies<H: Copy>(head: H) -> [(H, Vec<u8>); 3] {
        [(head, b"ab".to_vec()), (head, b"c".to_vec()), (head, b"wxyz".to_vec())]
    }
    let with_empty = [((), b"ab".to_vec()), ((), vec![]), ((), b"wxyz".to_vec())];
    for field_len in 1..=8 {
        let prefix = |max| LengthPrefix::new(max).field_len(field_len);
        laws::check(|| prefix(MAX), &with_empty);
        laws::check(|| prefix(MAX).little_endian(), &with_empty);
        laws::check_max(prefix, (), MAX);
    }
    for head in [RingHead::More, RingHead::Last] {
        laws::check(|| RingFrames::new(MAX), &bodies(head));
        laws::check_max(RingFrames::new, head, MAX);
    }
    for head in [FrameKind::More, FrameKind::Last, FrameKind::Command] {
        laws::check(|| ZmtpFrames::new(MAX), &bodies(head));
    }
    for max in [MAX, 254, 255, 256] {
        laws::check_max(ZmtpFrames::new, FrameKind::Last, max);
    }
    laws::check(|| Varint::new(MAX), &with_empty);
    laws::check_max(Varint::new, (), 300);
    laws::check(|| Lines::new(MAX), &with_empty);
    laws::check(|| Lines::new(MAX).skip_too_long(), &with_empty);
    laws::check_max(Lines::new, (), MAX);
    laws::check(|| Delimited::new(b"--", MAX), &with_empty);
    laws::check_max(|max| Delimited::new(b"--", max), (), MAX);
}

const MAX: usize = 4;

/// Puts a codec with this fault through all that there is.
fn check(fault: Fault) {
    let codec = || Faulty { max: MAX, fault };
    laws::check(codec, &[((), b"ab".to_vec()), ((), vec![]), ((), b"wxyz".to_vec()), ((), b"c".to_vec())]);
    laws::check_stream(|| codec().halves().0, b"\x02ab\x00\x05too long");
    laws::check_max(|max| Faulty { max, fault }, (), MAX);
}

#[test]
fn a_codec_without_fault_passes() {
    check(Fault::None);
}

macro_rules! found {
    ($($name:ident: $fault:ident, $law:literal;)*) => {
        $(
            #[test]
            #[should_panic(expected = $law)]
            fn $name() {
                check(Fault::$fault);
            }
        )*
    };
}

found! {
    what_depends_on_the_pieces_is_found: TakesWhatItIsShown, "decoder law 1: ";
    a_frame_that_uses_nothing_is_found: UsesNothing, "decoder law 2: ";
    a_body_beyond_its_frame_is_found: BodyBeyondItsFrame, "decoder law 2: ";
    asking_for_nothing_is_found: AsksForNothing, "decoder law 3: ";
    an_answer_earlier_than_announced_is_found: AnnouncesTooMuch, "decoder law 3: ";
    a_frame_of_nothing_is_found: MakesAFrameOfNothing, "decoder law 3: ";
    a_refused_frame_of_no_bytes_is_found: RefusesTheEmpty, "encoder law 1: "; // law 4 of the decoder, where one is encoded
    a_missing_maximum_is_found: NoMaximum, "decoder law 5: ";
    going_on_after_an_error_is_found: GoesOnAfterAnError, "decoder law 6: ";
    a_clean_end_inside_a_frame_is_found: EndsAnywhere, "decoder law 8: ";
    no_clean_end_between_frames_is_found: EndsNowhere, "encoder law 1: ";
    false_numbers_of_a_truncated_frame_are_found: FalseNumbers, "decoder law 8: ";
    a_frame_longer_than_announced_is_found: LongerThanAnnounced, "decoder law 9: ";
    a_longest_frame_that_is_never_reached_is_found: ShorterThanAnnounced, "decoder law 9: ";
    a_lost_byte_is_found: LosesAByte, "encoder law 1: ";
    affixes_that_are_added_to_are_found: AddsToTheAffixes, "encoder law 2: ";
    affixes_of_the_refused_are_found: KeepsTheAffixesOfTheRefused, "encoder law 3: ";
    a_body_that_should_be_refused_is_found: EncodesTooMuch, "encoder law 3: ";
}
