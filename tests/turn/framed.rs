//! Frames over a stream: whole ones only, each once, and after an error nothing more.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq::codec::{FrameError, LengthPrefix};
use ringmq::platform::net;
use ringmq::{Context, Framed, Id, Reactor, State, Stream};

use crate::support::{
    assert_no_timer, full_listener, pair, pattern, read_all, turn_until, turn_until_gone, turn_until_idle,
    write_all, Case, Spy, SOON,
};

const BUFFER_LEN: usize = 64 * 1024;
const MAX: usize = 8 << 20;
const TIME: Duration = Duration::from_secs(10);

type Link = Framed<LengthPrefix, UnixStream>;

/// A frame of the codec that the tests use, a length of four bytes and the body.
fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// What the callback saw, each time that it ran.
#[derive(Default, Debug)]
struct Seen {
    calls: Vec<Vec<Result<Vec<u8>, FrameError>>>,
    state: Option<State>,
}

impl Seen {
    /// All frames and errors, whichever call saw them.
    fn flat(&self) -> Vec<Result<Vec<u8>, FrameError>> {
        self.calls.concat()
    }

    fn frame_count(&self) -> usize {
        self.calls.iter().map(Vec::len).sum()
    }
}

fn take_all(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>) {
    let framed = context.get_mut(id).unwrap();
    let (mut frames, _) = framed.split();
    let mut call = Vec::new();
    for found in &mut frames {
        call.push(found.map(|frame| frame.body.to_vec()));
    }
    assert!(frames.next().is_none(), "the end stays the end");
    seen.calls.push(call);
    seen.state = Some(framed.state());
}

fn open(
    case: Case,
    callback: impl FnMut(&mut Seen, &mut Context<'_, Seen>, Id<Link>) + 'static,
) -> (Reactor<Seen>, Spy, UnixStream, Id<Link>) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let mut context = reactor.context();
    let framed = Framed::new(LengthPrefix::new(MAX), far, &context.memory()).unwrap();
    let id = context.add(framed, callback).unwrap();
    (reactor, spy, near, id)
}

fn open_taking(case: Case) -> (Reactor<Seen>, Spy, UnixStream, Id<Link>) {
    open(case, take_all)
}

fn ok(bodies: &[&[u8]]) -> Vec<Result<Vec<u8>, FrameError>> {
    bodies.iter().map(|body| Ok(body.to_vec())).collect()
}

pub fn several_frames_of_one_read_are_seen_in_one_callback(case: Case) {
    let (mut reactor, spy, mut near, _) = open_taking(case);
    near.write_all(&[frame(b"one"), frame(b"two"), frame(b"three")].concat()).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.calls, [ok(&[b"one", b"two", b"three"])]);
}

/// Byte by byte: the callback runs when the header is there, which tells how much is needed, and when the whole frame is.
pub fn a_frame_that_comes_byte_by_byte_is_seen_once(case: Case) {
    let (mut reactor, spy, mut near, _) = open_taking(case);
    let mut seen = Seen::default();
    for byte in frame(&pattern(300)) {
        near.write_all(&[byte]).unwrap();
        turn_until_idle(&mut reactor, &spy, &mut seen);
    }
    assert_eq!(seen.flat(), ok(&[&pattern(300)]));
    assert!(seen.calls.len() <= 3, "the callback ran {} times", seen.calls.len());
}

pub fn frames_cut_at_every_place_are_the_same_frames(case: Case) {
    let bytes = [frame(b"one"), frame(b""), frame(b"three")].concat();
    for at in 0..=bytes.len() {
        let (mut reactor, spy, mut near, _) = open_taking(case);
        let mut seen = Seen::default();
        for part in [&bytes[..at], &bytes[at..]] {
            near.write_all(part).unwrap();
            turn_until_idle(&mut reactor, &spy, &mut seen);
        }
        assert_eq!(seen.flat(), ok(&[b"one", b"", b"three"]), "cut at {at}");
    }
}

pub fn an_empty_frame_is_a_frame_and_not_the_end(case: Case) {
    let (mut reactor, spy, mut near, _) = open_taking(case);
    near.write_all(&frame(b"")).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.flat(), seen.state), (ok(&[b""]), Some(State::Open)));
    near.shutdown(Shutdown::Write).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.flat(), seen.state), (ok(&[b""]), Some(State::Ended)));
}

pub fn a_frame_of_5_mib_arrives_whole_and_leaves_no_memory_behind(case: Case) {
    let (mut reactor, spy, near, _) = open_taking(case);
    let body = pattern(5 << 20);
    let writer = write_all(near, frame(&body));
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.frame_count() == 1);
    assert!(seen.flat()[0].as_ref().unwrap() == &body);
    let _near = writer.join().unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn a_header_that_announces_the_maximum_reserves_nothing(case: Case) {
    let (mut reactor, spy, mut near, _) = open_taking(case);
    near.write_all(&(MAX as u32).to_be_bytes()).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.frame_count(), 0);
    assert_eq!(reactor.context().memory().used(), 4);
}

pub fn an_error_is_told_once_and_nothing_after_it_is_parsed(case: Case) {
    let (mut reactor, spy, mut near, _) = open_taking(case);
    let too_long = (MAX as u32 + 1).to_be_bytes();
    near.write_all(&[&frame(b"good")[..], &too_long, &frame(b"never")].concat()).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    near.write_all(&frame(b"nor this")).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    let error = FrameError::TooLong { len: MAX as u64 + 1, max: MAX };
    assert_eq!(seen.flat(), [Ok(b"good".to_vec()), Err(error)]);
}

pub fn the_end_inside_a_frame_is_an_error_behind_the_whole_frames_before_it(case: Case) {
    for cut in [1, 4, 6] {
        let (mut reactor, spy, near, _) = open_taking(case);
        let partial = &frame(b"partial")[..cut];
        (&near).write_all(&[&frame(b"whole")[..], partial].concat()).unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until_idle(&mut reactor, &spy, &mut seen);
        let found = seen.flat();
        assert_eq!(found[..1], ok(&[b"whole"]));
        assert!(matches!(found[1..], [Err(FrameError::Truncated { .. })]), "cut at {cut}: {found:?}");
    }
}

/// What is put back is given out again, first and whole, and meanwhile the peer is not read from.
pub fn a_frame_put_back_comes_again_and_reading_pauses_until_then(case: Case) {
    let put_back_twice = |seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let framed = context.get_mut(id).unwrap();
        let (mut frames, _) = framed.split();
        let mut call = Vec::new();
        while let Some(Ok(frame)) = frames.next() {
            call.push(Ok(frame.body.to_vec()));
            if frame.body == b"two" && seen.calls.len() < 2 {
                frames.put_back();
                frames.put_back();
                break;
            }
        }
        seen.calls.push(call);
    };
    let (mut reactor, spy, mut near, id) = open(case, put_back_twice);
    near.write_all(&[frame(b"one"), frame(b"two"), frame(b"three")].concat()).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    near.write_all(&frame(b"four")).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.calls, [ok(&[b"one", b"two"])], "nothing was read, so nobody was called");

    for _ in 0..2 {
        reactor.context().fire(id);
        turn_until_idle(&mut reactor, &spy, &mut seen);
    }
    let expected = [ok(&[b"one", b"two"]), ok(&[b"two"]), ok(&[b"two", b"three"]), ok(&[b"four"])];
    assert_eq!(seen.calls, expected);
}

/// An echo whose peer reads nothing for a while: the frame that found no room is put back, and none is lost or doubled.
pub fn an_echo_to_a_slow_reader_loses_no_frame(case: Case) {
    const COUNT: usize = 2000;
    let echo = |_: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let framed = context.get_mut(id).unwrap();
        let (mut frames, mut outlet) = framed.split();
        while let Some(Ok(frame)) = frames.next() {
            if outlet.send((), frame.body).is_err() {
                frames.put_back();
                break;
            }
        }
        assert!(framed.unsent_len() <= 20_000);
    };
    let (mut reactor, spy, near, id) = open(case, echo);
    reactor.context().get_mut(id).unwrap().set_high_water(20_000);
    let all: Vec<u8> = (0..COUNT).flat_map(|at| frame(&pattern(at))).collect();
    let len = all.len();
    let writer = write_all(near.try_clone().unwrap(), all.clone());
    let mut seen = Seen::default();
    // Until both directions are full, and the writer is stuck.
    while reactor.context().get(id).unwrap().unsent_len() == 0 {
        reactor.turn(&mut seen, Some(std::time::Duration::from_millis(1))).unwrap();
    }
    turn_until_idle(&mut reactor, &spy, &mut seen);
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; len];
        (&near).read_exact(&mut bytes).map(|()| bytes)
    });
    while !reader.is_finished() {
        reactor.turn(&mut seen, Some(std::time::Duration::from_millis(1))).unwrap();
    }
    writer.join().unwrap();
    assert!(reader.join().unwrap().unwrap() == all);
}

pub fn a_message_above_the_maximum_is_refused_and_nothing_of_it_is_sent(case: Case) {
    let (mut reactor, _spy, _near, id) = open_taking(case);
    let mut context = reactor.context();
    let framed = context.get_mut(id).unwrap();
    let error = framed.send((), &vec![0; MAX + 1]).unwrap_err();
    assert_eq!(error, ringmq::SendError::Frame(FrameError::TooLong { len: MAX as u64 + 1, max: MAX }));
    assert_eq!(framed.unsent_len(), 0);
}

/// A protocol switched by its first byte: the stream is taken off the loop with what it has read, and goes on in frames.
pub fn a_stream_that_goes_on_in_frames_keeps_what_it_has_read(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let switch = |_: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Stream<UnixStream>>| {
        let mut stream = context.remove(id).unwrap();
        assert_eq!(stream.input()[0], b'!');
        stream.consume(1);
        let framed = context.add(Framed::over(LengthPrefix::new(MAX), stream).unwrap(), take_all).unwrap();
        assert!(context.fire(framed));
    };
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    context.add(stream, switch).unwrap();
    near.write_all(&[b"!", &frame(b"first")[..], &frame(b"second")[..6]].concat()).unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    near.write_all(&frame(b"second")[6..]).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.flat(), ok(&[b"first", b"second"]));
}

/// From the receive buffer of one to the send queues of two others, in one callback and with nothing between.
pub fn frames_are_sent_on_to_others_while_they_are_read(case: Case) {
    let (mut reactor, spy) = case.spied::<()>();
    let mut context = reactor.context();
    let open = |context: &mut Context<'_, ()>| {
        let (near, far) = pair();
        (near, Framed::new(LengthPrefix::new(MAX), far, &context.memory()).unwrap())
    };
    let sinks = [(); 2].map(|()| {
        let (near, framed) = open(&mut context);
        (near, context.add(framed, |_, _, _| ()).unwrap())
    });
    let ids = [sinks[0].1, sinks[1].1];
    let forward = move |_: &mut (), context: &mut Context<'_, ()>, id: Id<Link>| {
        let (source, mut others) = context.split(id).unwrap();
        let (frames, mut outlet) = source.split();
        for frame in frames {
            let body = frame.unwrap().body;
            for sink in ids {
                others.get_mut(sink).unwrap().send((), body).unwrap();
            }
            outlet.send((), &[body.len() as u8]).unwrap();
        }
    };
    let (mut source, framed) = open(&mut context);
    context.add(framed, forward).unwrap();
    source.write_all(&[frame(b"one"), frame(b""), frame(b"three")].concat()).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut ());
    for (mut near, _) in sinks {
        let mut bytes = [0; 12 + 8];
        near.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes[..], [frame(b"one"), frame(b""), frame(b"three")].concat());
    }
    let mut answers = [0; 15];
    source.read_exact(&mut answers).unwrap();
    assert_eq!(answers[..], [frame(&[3]), frame(&[0]), frame(&[5])].concat());
}

/// Told when it is made, and not when a peer sends such a frame.
pub fn frames_that_could_be_longer_than_the_memory_are_refused_at_once(case: Case) {
    let mut reactor: Reactor<()> = case.builder().memory(4 * BUFFER_LEN).build().unwrap();
    let memory = reactor.context().memory();
    let fits = |max| Framed::new(LengthPrefix::new(max), pair().1, &memory);
    let error = fits(4 * BUFFER_LEN - 3).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "expected frames to fit the memory of 262144 bytes, found a maximum of 262145"
    );
    assert!(fits(4 * BUFFER_LEN - 4).is_ok());
    assert_eq!(memory.used(), 0);
}

/// The longest frame that there can be fills all that may be read, and comes whole.
pub fn a_frame_as_long_as_the_memory_arrives(case: Case) {
    const LEN: usize = 4 * BUFFER_LEN;
    let mut reactor = case.builder().memory(LEN).build().unwrap();
    let (near, far) = pair();
    let mut context = reactor.context();
    let framed = Framed::new(LengthPrefix::new(LEN - 4), far, &context.memory()).unwrap();
    context.add(framed, take_all).unwrap();
    let writer = write_all(near, frame(&pattern(LEN - 4)));
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.frame_count() > 0);
    let _near = writer.join().unwrap();
    assert!(seen.flat() == ok(&[&pattern(LEN - 4)]));
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn a_connection_of_frames_is_given_up_alike(case: Case) {
    let (listener, _fillers) = full_listener();
    let (mut reactor, spy) = case.clocked();
    let mut context = reactor.context();
    let socket = net::connect(&listener.local_addr().unwrap()).unwrap();
    let framed = Framed::connecting(LengthPrefix::new(100), socket, &context.memory()).unwrap();
    type Seen = crate::support::Seen;
    let note = |seen: &mut Seen, context: &mut Context<'_, Seen>, id| {
        let framed: &mut Framed<LengthPrefix> = context.get_mut(id).unwrap();
        seen.states.push(framed.state());
        seen.errors.extend(framed.take_error().map(|error| error.kind()));
    };
    context.connect(framed, TIME, note).unwrap();
    let mut seen = Seen::default();
    reactor.turn(&mut seen, SOON).unwrap();
    assert_no_timer(&mut reactor, &spy, &mut seen);
    assert_eq!((seen.states, seen.errors), (vec![State::Closed], vec![io::ErrorKind::TimedOut]));
}

/// A frame that was put back and one that is none keep reading from going on, but not the end from coming.
pub fn a_finished_connection_of_frames_drops_them_whatever_they_are(case: Case) {
    for (sent, fails) in [(&b"\x03abc"[..], false), (b"\xFFtoo long", true)] {
        let (mut reactor, spy) = case.clocked();
        let (mut near, far) = pair();
        let mut context = reactor.context();
        let codec = LengthPrefix::new(100).field_len(1);
        let framed = Framed::new(codec, far, &context.memory()).unwrap();
        let put_back = move |count: &mut usize, context: &mut Context<'_, usize>, id| {
            *count += 1;
            let framed: &mut Framed<LengthPrefix, UnixStream> = context.get_mut(id).unwrap();
            let (mut frames, _) = framed.split();
            assert_eq!(frames.next().unwrap().is_err(), fails);
            frames.put_back();
            assert!(context.finish(id, TIME));
        };
        let id = context.add(framed, put_back).unwrap();
        near.write_all(sent).unwrap();
        let mut count = 0;
        turn_until(&mut reactor, &mut count, |count| *count == 1);
        near.write_all(b"more").unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        turn_until_gone(&mut reactor, &mut count, id);
        assert_eq!((count, read_all(near).join().unwrap()), (1, vec![]));
        assert_no_timer(&mut reactor, &spy, &mut count);
    }
}
