//! The memory contract as a process sees it. Nothing else runs beside it here, so what grows is what the loop has taken.
#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Context, Framed, Id, Reactor, SendError, State};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const MOMENT: Option<Duration> = Some(Duration::from_millis(1));
const MIB: usize = 1 << 20;

type Link = Framed<LengthPrefix, UnixStream>;

fn backends() -> impl Iterator<Item = Backend> {
    Backend::ALL.iter().copied().filter(|backend| backend.is_available())
}

/// How many bytes of the process are in memory, where that is easily asked, in pages of 4 KiB. Only to be shown: under an emulator or a
/// sanitizer it is not of this program alone.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: usize| pages * 4096)
}

/// So many pairs, of which the second end has a number that `select` as the C libraries have it takes, below 1024: an emulator of Linux
/// lets it name no others. The first has one beyond, so that there are enough for a thousand.
fn pairs_with_one_end_in_reach(count: usize) -> Vec<(UnixStream, UnixStream)> {
    let taken: Vec<File> = (0..1024).map(|_| File::open("/dev/null").unwrap()).collect();
    let beyond: Vec<_> = (0..count).map(|_| UnixStream::pair().unwrap()).collect();
    drop(taken);
    beyond.into_iter().map(|(near, far)| (near, far.try_clone().unwrap())).collect()
}

/// A thousand connections have announced the longest frame and sent nothing of it: for each there are four bytes to remember.
fn announced_frames_take_no_memory(backend: Backend) {
    const COUNT: usize = 1000;
    const MAX: usize = 16 * MIB;
    let mut reactor: Reactor<()> = Builder::new().backend(backend).build().unwrap();
    let memory = reactor.context().memory();
    let mut peers = Vec::with_capacity(COUNT);
    for (near, far) in pairs_with_one_end_in_reach(COUNT) {
        let link = Framed::new(LengthPrefix::new(MAX), far, &memory).unwrap();
        let nothing_yet = |_: &mut (), context: &mut Context<'_, ()>, id: Id<Link>| {
            assert!(context.get_mut(id).unwrap().split().0.next().is_none());
        };
        reactor.context().add(link, nothing_yet).unwrap();
        peers.push(near);
    }
    // One goes first, so that what any needs once is there.
    let (first, others) = peers.split_first_mut().unwrap();
    first.write_all(&(MAX as u32).to_be_bytes()).unwrap();
    while memory.used() != 4 {
        reactor.turn(&mut (), MOMENT).unwrap();
    }
    let before = resident();
    let allocated = measure(|| {
        for peer in others {
            peer.write_all(&(MAX as u32).to_be_bytes()).unwrap();
        }
        while reactor.stats().bytes_read < COUNT as u64 * 4 || memory.used() > COUNT * 4 {
            reactor.turn(&mut (), MOMENT).unwrap();
        }
    });
    let (most, grown) = (allocated.bytes_max, resident().saturating_sub(before));
    println!("{backend}: {COUNT} announced frames of {MAX} bytes: at most {most} bytes allocated, {grown} more resident, {memory:?}");
    assert!(most < MIB as u64, "{backend}: {most} bytes");
    assert_eq!(memory.used(), COUNT * 4, "{memory:?}");
}

/// What a sender has left to send, and how often it was refused.
struct Sender {
    unsent: usize,
    refused: usize,
}

const PIECE: usize = 64 * 1024;

/// The piece with this many bytes to send from its start on: differs from those beside it, and is quickly made and compared.
fn piece(left: usize) -> Vec<u8> {
    let mut piece = vec![(left / PIECE) as u8; PIECE];
    piece[..8].copy_from_slice(&(left as u64).to_be_bytes());
    piece
}

/// A gibibyte is offered to a reader that stops; the memory for it is bounded, and all of it arrives once the reader goes on.
fn a_reader_that_stops_holds_a_sender_up_within_its_budget(backend: Backend) {
    const LEN: usize = 1 << 30;
    const LIMIT: usize = 4 * MIB;
    let mut reactor: Reactor<Sender> = Builder::new().backend(backend).memory(LIMIT).build().unwrap();
    let memory = reactor.context().memory();
    let (mut near, far) = UnixStream::pair().unwrap();
    let mut link = Framed::new(LengthPrefix::new(PIECE), far, &memory).unwrap();
    link.set_high_water(2 * MIB);
    let send_on = |sender: &mut Sender, context: &mut Context<'_, Sender>, id: Id<Link>| {
        let link = context.get_mut(id).unwrap();
        while sender.unsent > 0 {
            if let Err(unsent) = link.send_owned((), piece(sender.unsent)) {
                assert!(matches!(unsent.error, SendError::Full(_)), "{unsent}");
                sender.refused += 1;
                return;
            }
            sender.unsent -= PIECE;
        }
        link.finish();
        if link.state() == State::Closed {
            context.stop();
        }
    };
    let id = reactor.context().add(link, send_on).unwrap();
    reactor.context().fire(id);
    let goes_on = Arc::new(AtomicBool::new(false));
    let has_stopped = Arc::clone(&goes_on);
    let reader = thread::spawn(move || {
        while !has_stopped.load(Ordering::Acquire) {
            thread::park();
        }
        let mut frame = vec![0; 4 + PIECE];
        for left in (1..=LEN / PIECE).rev() {
            near.read_exact(&mut frame).unwrap();
            assert_eq!(frame[..4], (PIECE as u32).to_be_bytes());
            assert!(frame[4..] == piece(left * PIECE), "not what was sent, {left} frames before the end");
        }
    });
    let mut sender = Sender { unsent: LEN, refused: 0 };
    let mut most = 0;
    while sender.refused == 0 {
        reactor.turn(&mut sender, ZERO).unwrap();
    }
    // The reader has stopped: turn after turn nothing more is taken.
    for _ in 0..100 {
        reactor.turn(&mut sender, ZERO).unwrap();
        most = memory.used().max(most);
    }
    let offered = LEN - sender.unsent;
    assert!(offered < LEN / 2, "{offered} bytes were taken");
    goes_on.store(true, Ordering::Release);
    reader.thread().unpark();
    while !reader.is_finished() {
        reactor.turn(&mut sender, MOMENT).unwrap();
        most = memory.used().max(most);
    }
    reader.join().unwrap();
    println!("{backend}: {LEN} bytes to a reader that stopped after {offered}: at most {most} of {LIMIT} bytes used, {} refusals", sender.refused);
    assert!(most <= LIMIT);
    // The reader's end is still to be taken.
    for _ in (0..10_000).take_while(|_| memory.used() > 0) {
        reactor.turn(&mut sender, MOMENT).unwrap();
    }
    assert_eq!(memory.used(), 0);
}

#[test]
fn the_memory_contract() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(4096)), hard).unwrap();
    for backend in backends() {
        announced_frames_take_no_memory(backend);
        a_reader_that_stops_holds_a_sender_up_within_its_budget(backend);
    }
}
