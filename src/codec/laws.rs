//! The laws of [`Decoder`] and [`Encoder`] as functions that hold any codec to them, one's own included: [`check`] does it in one call.
//!
//! They are for tests, and panic where a law is broken, with its number: that of the list at [`Decoder`] or at [`Encoder`]. A decoder is given
//! as a function that makes a new one, because a law is about a stream from its first byte on. What no function can see is that decoding
//! allocates nothing (law 7): a test of one's own can count that.
//!
//! ```
//! use ringmq::codec::{laws, Affixes, Codec, Decoder, Encoder, FrameError, Step};
//!
//! /// A body of one byte or none, behind a byte that says how many.
//! struct Single;
//!
//! struct SingleDecoder {
//!     failed: Option<FrameError>,
//! }
//!
//! impl SingleDecoder {
//!     fn fail(&mut self, error: FrameError) -> FrameError {
//!         self.failed = Some(error.clone());
//!         error
//!     }
//! }
//!
//! impl Decoder for SingleDecoder {
//!     type Head = ();
//!
//!     fn decode(&mut self, input: &[u8]) -> Result<Step<()>, FrameError> {
//!         if let Some(error) = &self.failed {
//!             return Err(error.clone());
//!         }
//!         match *input {
//!             [] | [1] => Ok(Step::More(1)),
//!             [len @ (0 | 1), ..] => {
//!                 let used = 1 + usize::from(len);
//!                 Ok(Step::Frame { head: (), body: 1..used, used })
//!             }
//!             [len, ..] => Err(self.fail(FrameError::TooLong { len: len.into(), max: 1 })),
//!         }
//!     }
//!
//!     fn finish(&mut self, rest: &[u8]) -> Result<(), FrameError> {
//!         match self.decode(rest)? {
//!             Step::More(_) if rest.is_empty() => Ok(()),
//!             Step::More(n) => Err(self.fail(FrameError::Truncated { have: rest.len(), need: rest.len() + n })),
//!             Step::Frame { used, .. } | Step::Skip { used } => Err(self.fail(FrameError::Undecoded { used })),
//!         }
//!     }
//!
//!     fn max_frame_len(&self) -> usize {
//!         2
//!     }
//! }
//!
//! struct SingleEncoder;
//!
//! impl Encoder for SingleEncoder {
//!     type Head = ();
//!
//!     fn encode(&mut self, (): (), body_len: usize, affixes: &mut Affixes) -> Result<(), FrameError> {
//!         affixes.clear();
//!         if body_len > 1 {
//!             return Err(FrameError::TooLong { len: body_len as u64, max: 1 });
//!         }
//!         affixes.push_before(&[body_len as u8]);
//!         Ok(())
//!     }
//! }
//!
//! impl Codec for Single {
//!     type Head = ();
//!     type Decoder = SingleDecoder;
//!     type Encoder = SingleEncoder;
//!
//!     fn halves(self) -> (SingleDecoder, SingleEncoder) {
//!         (SingleDecoder { failed: None }, SingleEncoder)
//!     }
//! }
//!
//! laws::check(|| Single, &[((), b"x".to_vec()), ((), b"".to_vec()), ((), b"y".to_vec())]);
//! laws::check_stream(|| Single.halves().0, b"\x01x\x00\x07nonsense");
//! ```

use std::fmt::Debug;

use super::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// What was read from a stream: its frames, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript<H> {
    /// The heads and the bodies, in order.
    pub frames: Vec<(H, Vec<u8>)>,
    /// What [`finish`](Decoder::finish) said, or the error before.
    pub end: Result<(), FrameError>,
}

/// Holds a codec to all laws that frames of one's choice can show: round trip, every split, every place where the stream may end, errors.
/// Choose short ones, since a stream is cut at every place, and among them one of no bytes, if the protocol has such.
///
/// Of the maximum see [`check_max`], of what cannot be encoded [`check_stream`].
///
/// # Panics
/// When a law is broken.
pub fn check<C>(codec: impl Fn() -> C, frames: &[(C::Head, Vec<u8>)])
where
    C: Codec,
    C::Head: PartialEq + Debug,
{
    let stream = round_trip(&codec, frames);
    ends_cleanly_only_between_frames(|| codec().halves().0, &stream);
    for cut in 0..=stream.len() {
        any_split_gives_the_same(|| codec().halves().0, &stream[..cut]);
    }
}

/// Holds a decoder to its laws with any bytes, such as a recording or nonsense. Answers what it has read.
///
/// # Panics
/// When a law is broken.
pub fn check_stream<D>(decoder: impl Fn() -> D, stream: &[u8]) -> Transcript<D::Head>
where
    D: Decoder,
    D::Head: PartialEq + Debug,
{
    any_split_gives_the_same(decoder, stream)
}

/// Holds a codec to its maximum, given as a function that makes one for any: a body of the maximum goes through both halves, in a frame no
/// longer than announced; one of a byte more is refused by the encoder, and by the decoder (or skipped) before all of it is there.
///
/// # Panics
/// When a law is broken.
pub fn check_max<C>(codec: impl Fn(usize) -> C, head: C::Head, max: usize)
where
    C: Codec,
    C::Head: PartialEq + Debug,
{
    let (mut decoder, mut encoder) = codec(max).halves();
    let longest = encode(codec(max).halves().1, &[(head, vec![7; max])]).unwrap_or_else(|error| {
        panic!("encoder law 1: expected a body of the maximum to be encoded, found: {error}")
    });
    let transcript = read(codec(max).halves().0, [&longest[..]]);
    assert!(
        transcript.end == Ok(()) && transcript.frames == [(head, vec![7; max])],
        "decoder law 5: expected a body of {max} bytes, found {} frames and the end {:?}",
        transcript.frames.len(),
        transcript.end
    );
    let announced = decoder.max_frame_len();

    let mut affixes = Affixes::new();
    affixes.push_before(b"left");
    match encoder.encode(head, max + 1, &mut affixes) {
        Ok(()) => {
            panic!("encoder law 3: expected a body of {} bytes to be refused, found it encoded", max + 1)
        }
        Err(_) => assert!(
            affixes.is_empty(),
            "encoder law 3: expected no affixes of what is refused, found {affixes:?}"
        ),
    }

    let too_long = encode(codec(max + 1).halves().1, &[(head, vec![7; max + 1])])
        .expect("a body of the greater maximum");
    let refused_at =
        (0..too_long.len()).find(|len| !matches!(decoder.decode(&too_long[..*len]), Ok(Step::More(_))));
    let is_refused = refused_at.map_or(false, |len| {
        !matches!(codec(max).halves().0.decode(&too_long[..len]), Ok(Step::Frame { .. }))
    });
    assert!(
        is_refused,
        "decoder law 5: expected a body of {} bytes to be refused before its end, found it accepted",
        max + 1
    );
    // A length may take more bytes than it needs, so the longest frame need not be the one that is encoded here.
    let most = max + 2 * Affixes::CAPACITY;
    assert!(
        longest.len() <= announced && announced <= most,
        "decoder law 9: expected the longest frame to have from {} to {most} bytes, found {announced} announced",
        longest.len()
    );
}

/// Reads a stream that arrives in `pieces`, and checks each answer on the way: progress, bodies within what their frame uses,
/// nothing earlier than announced, no frame longer than announced, and errors that are final.
///
/// # Panics
/// When a law is broken.
pub fn read<'a, D: Decoder>(
    mut decoder: D,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Transcript<D::Head> {
    let longest = decoder.max_frame_len();
    assert!(
        matches!(decoder.decode(&[]), Ok(Step::More(_))),
        "decoder law 3: expected no bytes to be answered with `More`"
    );
    let mut frames = Vec::new();
    let mut waiting = Vec::new();
    // How many bytes must be waiting before the answer may be anything but `More`.
    let mut announced = 0;
    for piece in pieces {
        waiting.extend_from_slice(piece);
        let mut done = 0;
        loop {
            let input = &waiting[done..];
            let answer = decoder.decode(input);
            if !matches!(answer, Ok(Step::More(_))) {
                let len = input.len();
                assert!(
                    len >= announced,
                    "decoder law 3: expected `More` up to {announced} bytes, found another answer to {len}"
                );
                announced = 0;
            }
            match answer {
                Ok(Step::More(n)) => {
                    assert!(n >= 1, "decoder law 3: expected at least one byte to be asked for, found none");
                    announced = announced.max(input.len().saturating_add(n));
                    break;
                }
                Ok(Step::Frame { head, body, used }) => {
                    check_used(used, input.len());
                    assert!(
                        used <= longest,
                        "decoder law 9: expected frames of at most {longest} bytes, found one of {used}"
                    );
                    let is_within = body.start <= body.end && body.end <= used;
                    assert!(is_within, "decoder law 2: expected a body within the {used} bytes of its frame, found it at {body:?}");
                    frames.push((head, input[body].to_vec()));
                    done += used;
                }
                Ok(Step::Skip { used }) => {
                    check_used(used, input.len());
                    done += used;
                }
                Err(error) => {
                    check_final(&mut decoder, &error, input);
                    return Transcript { frames, end: Err(error) };
                }
            }
        }
        waiting.drain(..done);
    }
    let end = decoder.finish(&waiting);
    if let Err(error) = &end {
        check_final(&mut decoder, error, &waiting);
    }
    let found = decoder.max_frame_len();
    assert_eq!(found, longest, "decoder law 9: expected the length of the longest frame to stay what it was");
    Transcript { frames, end }
}

fn check_used(used: usize, len: usize) {
    assert!(
        used > 0 && used <= len,
        "decoder law 2: expected from 1 to {len} bytes to be used, found {used}"
    );
}

/// After an error the same one comes for the bytes that caused it, for none and for others.
fn check_final<D: Decoder>(decoder: &mut D, error: &FrameError, input: &[u8]) {
    for shown in [input, &[], &[0; 64], &[1; 64]] {
        let found = [decoder.decode(shown).err(), decoder.finish(shown).err()];
        for found in found {
            assert!(
                found.as_ref() == Some(error),
                "decoder law 6: expected {error:?} for good, found {found:?}"
            );
        }
    }
}

/// The stream gives the same transcript whole, byte by byte, and cut in two at every place. Answers with that transcript.
///
/// # Panics
/// When a law is broken.
pub fn any_split_gives_the_same<D>(decoder: impl Fn() -> D, stream: &[u8]) -> Transcript<D::Head>
where
    D: Decoder,
    D::Head: PartialEq + Debug,
{
    let whole = read(decoder(), [stream]);
    let in_bytes = read(decoder(), stream.chunks(1));
    assert!(
        in_bytes == whole,
        "decoder law 1: expected {whole:?}, found {in_bytes:?} byte by byte: {stream:?}"
    );
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        let cut_in_two = read(decoder(), [first, second]);
        assert!(
            cut_in_two == whole,
            "decoder law 1: expected {whole:?}, found {cut_in_two:?} cut at {cut}: {stream:?}"
        );
    }
    whole
}

/// A stream of whole frames that is cut off anywhere ends cleanly between two frames, and inside one says so with numbers that
/// are true.
///
/// # Panics
/// When a law is broken, and when the stream is not one of whole frames.
pub fn ends_cleanly_only_between_frames<D: Decoder>(decoder: impl Fn() -> D, stream: &[u8]) {
    let ends = frame_ends(decoder(), stream);
    assert_eq!(
        ends.last().copied().unwrap_or(0),
        stream.len(),
        "the stream is not one of whole frames: {stream:?}"
    );
    for cut in 0..=stream.len() {
        let start = ends.iter().copied().filter(|end| *end <= cut).max().unwrap_or(0);
        match read(decoder(), [&stream[..cut]]).end {
            Ok(()) => {
                assert_eq!(start, cut, "decoder law 8: expected `Truncated`, found a clean end inside a frame: {stream:?}")
            }
            Err(FrameError::Truncated { have, need }) => {
                let frame_end = ends.iter().copied().find(|end| *end > cut).unwrap_or(start);
                let is_true = have == cut - start && have > 0 && need > have && need <= frame_end - start;
                assert!(
                    is_true,
                    "decoder law 8: expected {} bytes of {} at the most, found {have} of {need}, cut at {cut}: {stream:?}",
                    cut - start,
                    frame_end - start
                );
            }
            Err(error) => panic!("decoder law 8: expected a clean end or `Truncated`, found {error:?}, cut at {cut}: {stream:?}"),
        }
    }
}

/// Where each frame of `stream` ends.
fn frame_ends<D: Decoder>(mut decoder: D, stream: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut done = 0;
    while let Ok(Step::Frame { used, .. }) = decoder.decode(&stream[done..]) {
        done += used;
        ends.push(done);
    }
    ends
}

/// The bytes of these frames, one after the other. Each is encoded into affixes that still hold something.
///
/// # Errors
/// Of the first frame that the encoder refuses.
///
/// # Panics
/// When a law is broken.
pub fn encode<E: Encoder>(mut encoder: E, frames: &[(E::Head, Vec<u8>)]) -> Result<Vec<u8>, FrameError> {
    let mut stream = Vec::new();
    for (head, body) in frames {
        let (mut affixes, mut fresh) = (Affixes::new(), Affixes::new());
        affixes.push_before(b"left");
        affixes.push_after(b"over");
        if let Err(error) = encoder.encode(*head, body.len(), &mut affixes) {
            assert!(
                affixes.is_empty(),
                "encoder law 3: expected no affixes of what is refused, found {affixes:?}"
            );
            return Err(error);
        }
        let again = encoder.encode(*head, body.len(), &mut fresh);
        assert!(
            again.is_ok() && affixes == fresh,
            "encoder law 2: expected the affixes that are put into empty ones, {fresh:?}, found {affixes:?}"
        );
        stream.extend_from_slice(affixes.before());
        stream.extend_from_slice(body);
        stream.extend_from_slice(affixes.after());
    }
    Ok(stream)
}

/// What is encoded is decoded to the same, in any split. Answers with the bytes between.
///
/// # Panics
/// When a law is broken.
pub fn round_trip<C>(codec: impl Fn() -> C, frames: &[(C::Head, Vec<u8>)]) -> Vec<u8>
where
    C: Codec,
    C::Head: PartialEq + Debug,
{
    let stream = encode(codec().halves().1, frames)
        .unwrap_or_else(|error| panic!("encoder law 1: expected frames that can be encoded, found: {error}"));
    let transcript = any_split_gives_the_same(|| codec().halves().0, &stream);
    assert!(
        transcript.frames == frames && transcript.end == Ok(()),
        "encoder law 1: expected {frames:?} to come back, found {transcript:?}"
    );
    stream
}
