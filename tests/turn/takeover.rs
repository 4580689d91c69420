//! A stream that changes its protocol in the middle: what the one has set up says nothing of the other.

use std::io::Write;
use std::os::unix::net::UnixStream;

use ringmq::codec::LengthPrefix;
use ringmq::{Builder, Context, Framed, Id, Stream};

use crate::support::{pair, take_all, turn_until_idle, Case, Seen};

type Plain = Stream<UnixStream>;
type Link = Framed<LengthPrefix, UnixStream>;

fn short_frames() -> LengthPrefix {
    LengthPrefix::new(255).field_len(1)
}

fn take_frames(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>) {
    for frame in context.get_mut(id).unwrap().split().0 {
        seen.bytes.extend_from_slice(frame.unwrap().body);
    }
}

pub fn a_stream_that_leaves_its_frames_with_one_put_back_reads_on(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let framed = Framed::new(short_frames(), far, &context.memory()).unwrap();
    let leave = |_: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let mut framed = context.remove(id).unwrap();
        let (mut frames, _) = framed.split();
        assert!(frames.next().is_some());
        frames.put_back();
        let id = context.add(framed.into_stream(), take_all).unwrap();
        context.fire(id);
    };
    context.add(framed, leave).unwrap();
    let mut seen = Seen::default();
    near.write_all(b"\x01a").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    near.write_all(b"more").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.bytes, b"\x01amore");
}

pub fn a_stream_goes_on_with_another_codec_after_an_error(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let framed = Framed::new(LengthPrefix::new(3).field_len(1), far, &context.memory()).unwrap();
    let go_on = |_: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let mut framed = context.remove(id).unwrap();
        assert!(framed.split().0.next().unwrap().is_err());
        let framed = Framed::over(short_frames(), framed.into_stream()).unwrap();
        let id = context.add(framed, take_frames).unwrap();
        context.fire(id);
    };
    context.add(framed, go_on).unwrap();
    let mut seen = Seen::default();
    near.write_all(b"\x05hello").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.bytes, b"hello");
}

pub fn what_a_stream_needed_does_not_keep_shorter_frames_from_its_successor(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, far) = pair();
    let mut context = reactor.context();
    let mut stream = Stream::new(far, &context.memory()).unwrap();
    stream.need(100);
    let go_on = |_: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Plain>| {
        context.get_mut(id).unwrap().consume(100);
        let framed = Framed::over(short_frames(), context.remove(id).unwrap()).unwrap();
        let id = context.add(framed, take_frames).unwrap();
        context.fire(id);
    };
    context.add(stream, go_on).unwrap();
    let mut seen = Seen::default();
    near.write_all(&[7; 100]).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    near.write_all(b"\x01a").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.bytes, b"a");
}

/// It waits in line as its callback takes it off the loop.
pub fn a_stream_that_waits_for_memory_as_it_is_taken_over_is_told_when_there_is_some(case: Case) {
    let (mut reactor, spy) = case.spied_by(Builder::new().memory(1 << 17));
    let memory = reactor.context().memory();
    let charge = memory.charge(memory.limit()).unwrap();
    let (_near, far) = pair();
    let go_on = |_: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let note = |seen: &mut Seen, _: &mut Context<'_, Seen>, _: Id<Plain>| seen.call_count += 1;
        let stream = context.remove(id).unwrap().into_stream();
        context.add(stream, note).unwrap();
    };
    let framed = Framed::new(short_frames(), far, &memory).unwrap();
    let id = reactor.context().add(framed, go_on).unwrap();
    reactor.context().get_mut(id).unwrap().send((), b"more").unwrap_err();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    reactor.context().fire(id);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    drop(charge);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.call_count, 1);
}
