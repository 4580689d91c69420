//! What a whole connection carries, of either protocol: [`Wire`], a codec.

use std::error;
use std::fmt;
use std::str::FromStr;

use crate::codec::zmtp::{
    FrameKind, Greeting, GreetingError, ZmtpFrames, ZmtpFramesDecoder, ZmtpFramesEncoder,
};
use crate::codec::{
    Affixes, Codec, Decoder, Encoder, FrameError, RingFrames, RingFramesDecoder, RingFramesEncoder, RingHead,
    Step,
};
use crate::reactor::Begun;

/// Which protocol is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// ZMTP 3.1, and 3.0 with peers that have no more: what ZeroMQ speaks.
    Zmtp,
    /// RingMQ's own: frames, and nothing before them.
    Ring,
    /// Whichever of the two the peer begins with. Who connects begins himself, with ZMTP.
    Any,
}

impl Dialect {
    /// What is said of it on a command line: `zmtp`, `ring` or `any`.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Zmtp => "zmtp",
            Dialect::Ring => "ring",
            Dialect::Any => "any",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no [`Dialect`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownDialect(String);

impl fmt::Display for UnknownDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected zmtp, ring or any, found \"{}\"", self.0)
    }
}

impl error::Error for UnknownDialect {}

/// In small letters.
///
/// ```
/// use ringmq::mq::Dialect;
///
/// assert_eq!("any".parse(), Ok(Dialect::Any));
/// let error = "http".parse::<Dialect>().unwrap_err();
/// assert_eq!(error.to_string(), "expected zmtp, ring or any, found \"http\"");
/// ```
impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(word: &str) -> Result<Dialect, UnknownDialect> {
        let all = [Dialect::Zmtp, Dialect::Ring, Dialect::Any];
        let found = all.into_iter().find(|dialect| dialect.name() == word);
        found.ok_or_else(|| UnknownDialect(word.to_string()))
    }
}

/// What a frame of [`Wire`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WireHead {
    /// The 64 bytes that ZMTP begins with, as they are: they have nothing around them.
    Greeting,
    /// A frame of ZMTP.
    Zmtp(FrameKind),
    /// A frame of RingMQ.
    Ring(RingHead),
}

/// A codec for a connection from its first byte on: of ZMTP the greeting, which is one frame of 64 bytes, and then frames; of RingMQ
/// frames. With [`Dialect::Any`] the first byte tells: `ff`, which no frame of RingMQ begins with, is ZMTP.
///
/// What the frames come to is for a [`Session`](super::Session) to say.
///
/// ```
/// use ringmq::codec::zmtp::{FrameKind, Greeting, Mechanism};
/// use ringmq::codec::{laws, Codec, RingHead};
/// use ringmq::mq::{Dialect, Wire, WireHead};
///
/// let wire = Wire::new(Dialect::Any, 1 << 20);
/// let zmtp = [
///     (WireHead::Greeting, Greeting::new(Mechanism::NULL, false).encode().to_vec()),
///     (WireHead::Zmtp(FrameKind::Last), b"hello".to_vec()),
/// ];
/// let ring = [(WireHead::Ring(RingHead::Last), b"hello".to_vec())];
/// for frames in [&zmtp[..], &ring] {
///     let stream = laws::encode(wire.halves().1, frames).unwrap();
///     assert_eq!(laws::read(wire.halves().0, [&stream[..]]).frames, frames);
/// }
/// ```
///
/// # Maxima
///
/// | frame | bytes of its body |
/// |---|---|
/// | greeting | 64, always |
/// | command of ZMTP | up to [`COMMAND_MAX`](Wire::COMMAND_MAX), always |
/// | part of a message of ZMTP | up to the maximum |
/// | frame of RingMQ | up to the maximum, and to [`RingFrames::BODY_MAX`] always: it is a piece of a message, and not a part |
///
/// # Strangers
///
/// What is no greeting of ZMTP 3 is refused at the first byte that shows it: the first, which is not `ff`; the tenth, which is even, of a
/// peer that speaks ZMTP 1.0; the eleventh, below 3, of one that speaks 2.0. So nobody waits for the rest, which would never come.
/// [`SessionError`](super::SessionError) tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wire {
    dialect: Dialect,
    parts: ZmtpFrames,
    ring: RingFrames,
    max_frame_len: usize,
}

const EXPECTED_START: &str = "a ZMTP greeting, which begins with 0xff";
const EXPECTED_MARK: &str = "version 3 of ZMTP or above, with an odd tenth byte";
const EXPECTED_MAJOR: &str = "version 3 of ZMTP or above";

/// Flags and a size of eight bytes: the most that is around a body of ZMTP.
const ZMTP_HEADER_LEN: usize = 9;

/// In the flags of a frame of ZMTP.
const COMMAND: u8 = 0x04;

impl Wire {
    /// The longest body of a command, in bytes, whatever the maximum of parts: 64 KiB. The longest that is known is a READY with an
    /// identity, of 300 bytes, but a subscription may have any length.
    pub const COMMAND_MAX: usize = 64 * 1024;

    /// Of this dialect, with parts of at most `max` bytes.
    ///
    /// # Panics
    /// If `max` is above `isize::MAX - 9`, since no slice can hold the frame.
    #[must_use]
    pub fn new(dialect: Dialect, max: usize) -> Wire {
        let parts = ZmtpFrames::new(max);
        let zmtp_len = ZMTP_HEADER_LEN + max.max(Wire::COMMAND_MAX);
        // More than this the length of a frame of RingMQ cannot express.
        let ring_max = max.max(RingFrames::BODY_MAX).min(u32::MAX as usize - RING_HEADER_LEN);
        let ring_len = RING_HEADER_LEN + ring_max;
        let max_frame_len = match dialect {
            Dialect::Zmtp => zmtp_len,
            Dialect::Ring => ring_len,
            Dialect::Any => zmtp_len.max(ring_len),
        };
        Wire { dialect, parts, ring: RingFrames::new(ring_max), max_frame_len }
    }
}

/// Flags and a length of four bytes.
const RING_HEADER_LEN: usize = 5;

impl Codec for Wire {
    type Head = WireHead;
    type Decoder = WireDecoder;
    type Encoder = WireEncoder;

    fn halves(self) -> (WireDecoder, WireEncoder) {
        let (parts, parts_out) = self.parts.halves();
        let (commands, commands_out) = ZmtpFrames::new(Wire::COMMAND_MAX).halves();
        let (ring, ring_out) = self.ring.halves();
        let stage = match self.dialect {
            Dialect::Zmtp => Stage::Greeting,
            Dialect::Ring => Stage::Ring,
            Dialect::Any => Stage::Undecided,
        };
        let spoken = Some(self.dialect).filter(|dialect| *dialect != Dialect::Any);
        let max_frame_len = self.max_frame_len;
        (
            WireDecoder { stage, spoken, parts, commands, ring, max_frame_len },
            WireEncoder { dialect: self.dialect, parts: parts_out, commands: commands_out, ring: ring_out },
        )
    }
}

/// The receiving half of [`Wire`].
#[derive(Clone, Debug)]
pub struct WireDecoder {
    stage: Stage,
    spoken: Option<Dialect>,
    parts: ZmtpFramesDecoder,
    commands: ZmtpFramesDecoder,
    ring: RingFramesDecoder,
    max_frame_len: usize,
}

/// What is to come next.
#[derive(Clone, Debug)]
enum Stage {
    Undecided,
    Greeting,
    Zmtp,
    Ring,
    Failed(FrameError),
}

impl WireDecoder {
    /// Which of the two protocols is spoken: of [`Dialect::Any`] it is known once the peer's first byte has been shown, long before there
    /// is a frame. It is what [`Session::has_begun`](super::Session::has_begun) wants to know.
    ///
    /// ```
    /// use ringmq::codec::{Codec, Decoder, Step};
    /// use ringmq::mq::{Dialect, Wire};
    ///
    /// let mut decoder = Wire::new(Dialect::Any, 1 << 20).halves().0;
    /// assert_eq!(decoder.spoken(), None);
    /// assert_eq!(decoder.decode(b"\xff"), Ok(Step::More(9)));
    /// assert_eq!(decoder.spoken(), Some(Dialect::Zmtp));
    /// ```
    pub fn spoken(&self) -> Option<Dialect> {
        self.spoken
    }

    /// What is known of a part of a message that has begun, or of RingMQ of a piece of one.
    pub(super) fn begun_part(&mut self, input: &[u8]) -> Option<Begun<WireHead>> {
        match self.stage {
            Stage::Zmtp => {
                let (kind, body) = self.parts.begun(input)?;
                let head = WireHead::Zmtp(kind);
                Some(Begun { head, body, behind: 0 }).filter(|_| kind != FrameKind::Command)
            }
            Stage::Ring => {
                let (head, body) = self.ring.begun(input)?;
                let behind = if head == RingHead::More { RING_HEADER_LEN } else { 0 };
                Some(Begun { head: WireHead::Ring(head), body, behind })
            }
            _ => None,
        }
    }

    #[cold]
    fn decode_start(&mut self, input: &[u8]) -> Result<Step<WireHead>, FrameError> {
        match &self.stage {
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Undecided => {
                let (stage, spoken) = match input.first() {
                    None => return Ok(Step::More(1)),
                    Some(0xff) => (Stage::Greeting, Dialect::Zmtp),
                    Some(_) => (Stage::Ring, Dialect::Ring),
                };
                self.stage = stage;
                self.spoken = Some(spoken);
                return self.decode(input);
            }
            Stage::Greeting | Stage::Zmtp | Stage::Ring => {}
        }
        match Greeting::decode(input) {
            Ok(Step::Frame { used, .. }) => {
                self.stage = Stage::Zmtp;
                Ok(Step::Frame { head: WireHead::Greeting, body: 0..used, used })
            }
            Ok(Step::Skip { used }) => Ok(Step::Skip { used }),
            Ok(Step::More(more)) => Ok(Step::More(more)),
            Err(error) => Err(self.fail(frame_error(&error))),
        }
    }

    #[cold]
    fn fail(&mut self, error: FrameError) -> FrameError {
        self.stage = Stage::Failed(error.clone());
        error
    }
}

impl Decoder for WireDecoder {
    type Head = WireHead;

    #[inline(always)] // as `Frames::next`, where what it answers need not lie in memory then
    fn decode(&mut self, input: &[u8]) -> Result<Step<WireHead>, FrameError> {
        let step = match self.stage {
            Stage::Zmtp => {
                let is_command = matches!(input.first(), Some(flags) if flags & COMMAND != 0);
                let frames = if is_command { &mut self.commands } else { &mut self.parts };
                frames.decode(input).map(|step| with_head(step, WireHead::Zmtp))
            }
            Stage::Ring => self.ring.decode(input).map(|step| with_head(step, WireHead::Ring)),
            Stage::Undecided | Stage::Greeting | Stage::Failed(_) => return self.decode_start(input),
        };
        step.map_err(|error| self.fail(error))
    }

    fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
        self.decode(rest)?.at_end(rest.len()).map_err(|error| self.fail(error))
    }

    fn max_frame_len(&self) -> usize {
        self.max_frame_len
    }
}

#[inline]
fn with_head<H>(step: Step<H>, head_of: impl FnOnce(H) -> WireHead) -> Step<WireHead> {
    match step {
        Step::Frame { head, body, used } => Step::Frame { head: head_of(head), body, used },
        Step::Skip { used } => Step::Skip { used },
        Step::More(more) => Step::More(more),
    }
}

/// What is wrong with a greeting in the words of a decoder, and back: [`greeting_error`].
fn frame_error(error: &GreetingError) -> FrameError {
    let (expected, found) = match error {
        GreetingError::NotZmtp { first } => (EXPECTED_START, first),
        GreetingError::LongIdentity { mark } => (EXPECTED_MARK, mark),
        GreetingError::OldVersion { major } => (EXPECTED_MAJOR, major),
    };
    FrameError::Invalid { expected, found: u64::from(*found) }
}

/// What is wrong with the greeting, if that is what a [`WireDecoder`] means.
pub(super) fn greeting_error(error: &FrameError) -> Option<GreetingError> {
    match *error {
        FrameError::Invalid { expected, found } => {
            let found = found as u8; // it was one
            match expected {
                EXPECTED_START => Some(GreetingError::NotZmtp { first: found }),
                EXPECTED_MARK => Some(GreetingError::LongIdentity { mark: found }),
                EXPECTED_MAJOR => Some(GreetingError::OldVersion { major: found }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The sending half of [`Wire`].
///
/// A greeting has 64 bytes, and no frame belongs to another dialect than the codec's: [`FrameError::Invalid`]. That a greeting comes first,
/// and once, is for who sends.
#[derive(Clone, Copy, Debug)]
pub struct WireEncoder {
    dialect: Dialect,
    parts: ZmtpFramesEncoder,
    commands: ZmtpFramesEncoder,
    ring: RingFramesEncoder,
}

impl Encoder for WireEncoder {
    type Head = WireHead;

    #[inline]
    fn encode(&mut self, head: WireHead, body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
        match (head, self.dialect) {
            (WireHead::Zmtp(_) | WireHead::Greeting, Dialect::Ring) | (WireHead::Ring(_), Dialect::Zmtp) => {
                affixes.clear();
                Err(refuse_dialect(head))
            }
            (WireHead::Zmtp(FrameKind::Command), _) => {
                self.commands.encode(FrameKind::Command, body_len, affixes)
            }
            (WireHead::Zmtp(kind), _) => self.parts.encode(kind, body_len, affixes),
            (WireHead::Ring(head), _) => self.ring.encode(head, body_len, affixes),
            (WireHead::Greeting, _) => {
                affixes.clear();
                let (len, greeting_len) = (body_len as u64, Greeting::LEN);
                match body_len {
                    Greeting::LEN => Ok(()),
                    0..=Greeting::LEN => Err(FrameError::TooShort { len, min: greeting_len }),
                    _ => Err(FrameError::TooLong { len, max: greeting_len }),
                }
            }
        }
    }
}

/// With the first byte that would have been sent.
#[cold]
fn refuse_dialect(head: WireHead) -> FrameError {
    let expected = match head {
        WireHead::Ring(_) => "a frame of ZMTP, which is what is spoken",
        WireHead::Greeting | WireHead::Zmtp(_) => "a frame of RingMQ, which is what is spoken",
    };
    let found = match head {
        WireHead::Greeting => 0xff,
        WireHead::Zmtp(FrameKind::Command) => u64::from(COMMAND),
        WireHead::Zmtp(FrameKind::More) | WireHead::Ring(RingHead::More) => 1,
        WireHead::Zmtp(FrameKind::Last) | WireHead::Ring(RingHead::Last) => 0,
    };
    FrameError::Invalid { expected, found }
}
