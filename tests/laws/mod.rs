//! What every codec promises, as functions that hold any codec to it: the numbered laws at `Decoder` and `Encoder`.
//!
//! A decoder is given as a function that makes a new one, because a law is about a stream from its first byte on.

use ringmq::codec::{Affixes, Codec, Decoder, Encoder, FrameError, Step};

/// What was read from a stream: its frames, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript<H> {
    pub frames: Vec<(H, Vec<u8>)>,
    pub end: Result<(), FrameError>,
}

/// Reads a stream that arrives in `pieces`, and checks each answer on the way: progress, bodies within what their frame uses,
/// nothing earlier than announced, and errors that are final.
pub fn read<'a, D: Decoder>(
    mut decoder: D,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Transcript<D::Head> {
    let mut frames = Vec::new();
    let mut waiting = Vec::new();
    // How many bytes must be waiting before the answer may be anything but `More`.
    let mut announced = 0;
    for piece in pieces {
        waiting.extend_from_slice(piece);
        let mut done = 0;
        loop {
            let input = &waiting[done..];
            match decoder.decode(input) {
                Ok(Step::More(n)) => {
                    assert!(n >= 1, "more was asked for, but no byte");
                    announced = announced.max(input.len().saturating_add(n));
                    break;
                }
                Ok(Step::Frame { head, body, used }) => {
                    assert!(
                        input.len() >= announced,
                        "a frame with {} bytes, {announced} were announced",
                        input.len()
                    );
                    assert!(used > 0 && used <= input.len(), "{used} bytes used of {}", input.len());
                    assert!(used <= decoder.max_frame_len(), "{used} bytes used, more than announced");
                    assert!(
                        body.start <= body.end && body.end <= used,
                        "a body at {body:?} in a frame of {used} bytes"
                    );
                    frames.push((head, input[body].to_vec()));
                    done += used;
                    announced = 0;
                }
                Ok(Step::Skip { used }) => {
                    assert!(
                        input.len() >= announced,
                        "a skip with {} bytes, {announced} were announced",
                        input.len()
                    );
                    assert!(used > 0 && used <= input.len(), "{used} bytes skipped of {}", input.len());
                    done += used;
                    announced = 0;
                }
                Err(error) => {
                    assert!(
                        input.len() >= announced,
                        "an error with {} bytes, {announced} were announced",
                        input.len()
                    );
                    assert_final(&mut decoder, &error, input);
                    return Transcript { frames, end: Err(error) };
                }
            }
        }
        waiting.drain(..done);
    }
    let end = decoder.finish(&waiting);
    if let Err(error) = &end {
        assert_final(&mut decoder, error, &waiting);
    }
    Transcript { frames, end }
}

/// After an error the same one comes for the bytes that caused it, for none and for others.
fn assert_final<D: Decoder>(decoder: &mut D, error: &FrameError, input: &[u8]) {
    for shown in [input, &[], &[0; 64], &[1; 64]] {
        assert_eq!(decoder.decode(shown).err().as_ref(), Some(error), "decode after an error");
        assert_eq!(decoder.finish(shown).err().as_ref(), Some(error), "finish after an error");
    }
}

/// The stream gives the same transcript whole, byte by byte, and cut in two at every place. Returns that transcript.
pub fn any_split_gives_the_same<D>(decoder: impl Fn() -> D, stream: &[u8]) -> Transcript<D::Head>
where
    D: Decoder,
    D::Head: PartialEq + std::fmt::Debug,
{
    let whole = read(decoder(), [stream]);
    assert_eq!(read(decoder(), stream.chunks(1)), whole, "byte by byte: {stream:?}");
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        assert_eq!(read(decoder(), [first, second]), whole, "cut at {cut}: {stream:?}");
    }
    whole
}

/// A stream of whole frames that is cut off anywhere ends cleanly between two frames, and inside one says so with numbers that
/// are true.
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
            Ok(()) => assert_eq!(start, cut, "a clean end inside a frame: {stream:?}"),
            Err(FrameError::Truncated { have, need }) => {
                let frame_end = ends.iter().copied().find(|end| *end > cut).expect("a cut inside a frame");
                assert_eq!(have, cut - start, "cut at {cut}: {stream:?}");
                assert!(have > 0 && need > have, "{have} of {need} bytes, cut at {cut}: {stream:?}");
                assert!(need <= frame_end - start, "{need} bytes needed, cut at {cut}: {stream:?}");
            }
            Err(error) => panic!("cut at {cut}: {error}: {stream:?}"),
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
pub fn encode<E: Encoder>(mut encoder: E, frames: &[(E::Head, Vec<u8>)]) -> Result<Vec<u8>, FrameError> {
    let mut stream = Vec::new();
    let mut affixes = Affixes::new();
    affixes.push_before(b"left");
    affixes.push_after(b"over");
    for (head, body) in frames {
        if let Err(error) = encoder.encode(*head, body.len(), &mut affixes) {
            assert!(affixes.is_empty(), "a refused body of {} bytes has {affixes:?}", body.len());
            return Err(error);
        }
        stream.extend_from_slice(affixes.before());
        stream.extend_from_slice(body);
        stream.extend_from_slice(affixes.after());
    }
    Ok(stream)
}

/// What is encoded is decoded to the same, in any split. Returns the bytes between.
pub fn round_trip<C>(codec: impl Fn() -> C, frames: &[(C::Head, Vec<u8>)]) -> Vec<u8>
where
    C: Codec,
    C::Head: PartialEq + std::fmt::Debug,
{
    let stream = encode(codec().halves().1, frames).expect("frames within the maximum");
    let transcript = any_split_gives_the_same(|| codec().halves().0, &stream);
    assert_eq!(transcript, Transcript { frames: frames.to_vec(), end: Ok(()) });
    stream
}
