//! Lines over a stream: what a decoder skips is dropped as it arrives, told, and in nobody's way.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use ringmq::codec::{FrameError, Lines};
use ringmq::{Context, Framed, Id, Reactor, State};

use crate::support::{pair, turn_until, turn_until_idle, write_all, Case, Spy};

const BUFFER_LEN: usize = 64 * 1024;

type Link = Framed<Lines, UnixStream>;

/// What the callback saw.
#[derive(Default, Debug)]
struct Seen {
    lines: Vec<Result<Vec<u8>, FrameError>>,
    skipped: u64,
    state: Option<State>,
    most_memory: usize,
}

fn ok(lines: &[&[u8]]) -> Vec<Result<Vec<u8>, FrameError>> {
    lines.iter().map(|line| Ok(line.to_vec())).collect()
}

fn take_all(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>) {
    seen.most_memory = seen.most_memory.max(context.memory().used());
    let framed = context.get_mut(id).unwrap();
    let (mut lines, _) = framed.split();
    for line in &mut lines {
        seen.lines.push(line.map(|line| line.body.to_vec()));
    }
    assert!(lines.next().is_none(), "the end stays the end");
    seen.skipped = framed.decoder().skipped();
    seen.state = Some(framed.state());
}

fn open(
    case: Case,
    callback: impl FnMut(&mut Seen, &mut Context<'_, Seen>, Id<Link>) + 'static,
) -> (Reactor<Seen>, Spy, UnixStream, Id<Link>) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = pair();
    let mut context = reactor.context();
    let framed = Framed::new(Lines::new(5).skip_too_long(), far, &context.memory()).unwrap();
    let id = context.add(framed, callback).unwrap();
    (reactor, spy, near, id)
}

pub fn a_line_of_4_mib_is_skipped_in_one_buffer_and_the_next_is_read(case: Case) {
    let (mut reactor, spy, near, _) = open(case, take_all);
    let writer = write_all(near, [&vec![b'x'; 4 << 20], &b"\r\nhello\r\n"[..]].concat());
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.lines.is_empty());
    let _near = writer.join().unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((&seen.lines, seen.skipped, seen.state), (&ok(&[b"hello"]), 1, Some(State::Open)));
    assert!(seen.most_memory <= BUFFER_LEN, "{} bytes were held", seen.most_memory);
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn lines_that_are_skipped_are_dropped_wherever_they_are_cut(case: Case) {
    let bytes = b"hi\nmuch too long\r\n\nworlds\nho\n";
    for at in 0..=bytes.len() {
        let (mut reactor, spy, mut near, _) = open(case, take_all);
        let mut seen = Seen::default();
        for part in [&bytes[..at], &bytes[at..]] {
            near.write_all(part).unwrap();
            turn_until_idle(&mut reactor, &spy, &mut seen);
        }
        assert_eq!((seen.lines, seen.skipped), (ok(&[b"hi", b"", b"ho"]), 2), "cut at {at}");
        assert_eq!(reactor.context().memory().used(), 0, "cut at {at}");
    }
}

/// What was needed for a line says nothing of what is needed once it is skipped.
pub fn a_short_line_behind_one_that_was_skipped_is_told_at_once(case: Case) {
    let (mut reactor, spy, mut near, _) = open(case, take_all);
    let mut seen = Seen::default();
    for part in [&b"xxxxx"[..], b"xx", b"\na\n"] {
        near.write_all(part).unwrap();
        turn_until_idle(&mut reactor, &spy, &mut seen);
    }
    assert_eq!((seen.lines, seen.skipped), (ok(&[b"a"]), 1));
}

/// All that has arrived of the line is dropped, and still its end is missing.
pub fn the_end_inside_a_line_that_is_skipped_is_an_error(case: Case) {
    let (mut reactor, spy, mut near, _) = open(case, take_all);
    let mut seen = Seen::default();
    near.write_all(b"hi\nmuch too long").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.lines, ok(&[b"hi"]));
    near.shutdown(Shutdown::Write).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.lines[1..], [Err(FrameError::Truncated { have: 13, need: 14 })]);
}

pub fn a_line_put_back_behind_one_that_was_skipped_comes_again(case: Case) {
    let put_back_once = |seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let framed = context.get_mut(id).unwrap();
        let (mut lines, _) = framed.split();
        while let Some(line) = lines.next() {
            seen.lines.push(line.map(|line| line.body.to_vec()));
            if seen.lines.len() == 1 {
                lines.put_back();
                break;
            }
        }
    };
    let (mut reactor, spy, mut near, id) = open(case, put_back_once);
    let mut seen = Seen::default();
    near.write_all(b"much too long\nhello\nworlds\nho\n").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    reactor.context().fire(id);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.lines, ok(&[b"hello", b"hello", b"ho"]));
}

pub fn a_last_line_without_its_end_is_left_in_the_stream(case: Case) {
    let leave = |seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Link>| {
        let framed = context.get_mut(id).unwrap();
        seen.lines.extend(framed.split().0.map(|line| line.map(|line| line.body.to_vec())));
        if let Some(Err(FrameError::Truncated { .. })) = seen.lines.last() {
            let stream = context.remove(id).unwrap().into_stream();
            seen.lines.push(Ok(stream.input().to_vec()));
        }
    };
    let (mut reactor, spy, mut near, _) = open(case, leave);
    let mut seen = Seen::default();
    near.write_all(b"one\ntwo").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.lines[..1], ok(&[b"one"]));
    assert_eq!(seen.lines[1..], [Err(FrameError::Truncated { have: 3, need: 4 }), Ok(b"two".to_vec())]);
}
