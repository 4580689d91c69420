//! Bodies that are kept apart, on streams that are fed by hand.

mod pieces;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use super::*;
use crate::codec::{FrameError, LengthPrefix, LengthPrefixDecoder};
use crate::reactor::memory::BUFFER_LEN;

const MIB: usize = 1 << 20;

/// Around each body.
const HEAD_LEN: usize = 4;

/// What has arrived in the kernel, how it is read, and whether that was all.
#[derive(Clone, Default)]
struct Kernel {
    arrived: Rc<RefCell<VecDeque<u8>>>,
    has_ended: Rc<Cell<bool>>,
    /// Of each read how much there was room for, and where.
    reads: Rc<RefCell<Vec<(usize, usize)>>>,
}

impl Kernel {
    fn arrive(&self, bytes: &[u8]) {
        self.arrived.borrow_mut().extend(bytes);
    }

    fn read_into(&self, place: *const u8, room: usize) -> io::Result<Vec<u8>> {
        self.reads.borrow_mut().push((room, place as usize));
        let mut arrived = self.arrived.borrow_mut();
        let len = room.min(arrived.len());
        match len == 0 && !self.has_ended.get() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => Ok(arrived.drain(..len).collect()),
        }
    }
}

/// A transport over such a kernel. Only its descriptor is that of a socket.
struct Fed(UnixStream, Kernel);

impl Read for Fed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.1.read_into(bytes.as_ptr(), bytes.len())?;
        bytes[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }
}

impl Write for Fed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Fed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Transport for Fed {
    fn receive_behind(&mut self, bytes: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        assert!(bytes.capacity() - bytes.len() >= len, "there is room already");
        let read = self.1.read_into(bytes.as_ptr(), len)?;
        bytes.extend(&read);
        Ok(read.len())
    }
}

type Link = Framed<LengthPrefix, Fed>;

/// A connection, what its kernel has, and what a loop would lend it.
fn open() -> (Link, Kernel, Io) {
    open_with(LengthPrefix::new(2 * MIB))
}

fn open_with<C: Codec>(codec: C) -> (Framed<C, Fed>, Kernel, Io) {
    let memory = Memory::new(8 * MIB);
    let kernel = Kernel::default();
    let socket = UnixStream::pair().unwrap().0;
    let link = Framed::new(codec, Fed(socket, kernel.clone()), &memory).unwrap();
    (link, kernel, Io::new(memory, MIB))
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

/// Differs in every byte from its neighbours, and from others of other lengths.
fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at + len + at / 251) as u8).collect()
}

fn begun(_: &mut LengthPrefixDecoder, input: &[u8]) -> Option<Begun<()>> {
    let len = u32::from_be_bytes(input.get(..HEAD_LEN)?.try_into().ok()?) as usize;
    Some(Begun { head: (), body: HEAD_LEN..HEAD_LEN + len, behind: 0 })
}

/// A turn of a loop: it responds, and then, as a callback would, everything is taken. Answers with bodies, each with whether it was handed
/// over.
fn turn(link: &mut Link, io: &mut Io) -> Vec<Result<(Vec<u8>, bool), FrameError>> {
    io.begin();
    io.may_draw = true; // it is the only one
    let mut taken = Vec::new();
    if link.respond(Ready::READABLE, io) == Fire::Yes {
        while let Some(((), body)) = link.take_body() {
            taken.push(Ok((body, true)));
        }
        taken.extend(link.split().0.map(|frame| frame.map(|frame| (frame.body.to_vec(), false))));
        link.keep_body_apart(begun);
    }
    link.settle();
    taken
}

#[test]
fn a_long_body_is_handed_over_in_the_vector_that_it_was_read_into() {
    let (mut link, kernel, mut io) = open();
    for _ in 0..2 {
        let sent = body(MIB);
        kernel.arrive(&frame(&sent));
        kernel.arrive(b"\0\0\0\x04next");
        assert_eq!(turn(&mut link, &mut io), []);
        let mut taken = turn(&mut link, &mut io);
        let reads: Vec<(usize, usize)> = kernel.reads.borrow_mut().drain(..).collect();
        let rooms: Vec<usize> = reads.iter().map(|&(room, _)| room).collect();
        let come = BUFFER_LEN - HEAD_LEN;
        // Each time as much as has come, and a KiB beyond; in the end no more than is to come.
        let mut expected = vec![BUFFER_LEN];
        let mut left = MIB - come;
        while left > 0 {
            expected.push(left.min(MIB - left + 2048));
            left -= expected[expected.len() - 1];
        }
        assert_eq!(rooms, expected);
        assert_eq!(rooms.len(), 5);
        let (taken_body, is_handed_over) = taken.pop().unwrap().unwrap();
        assert!(is_handed_over && taken_body == sent && taken.is_empty());
        assert_eq!(taken_body.as_ptr() as usize, reads[4].1);
        assert_eq!(taken_body.capacity(), MIB);
        assert_eq!(io.memory().used(), 0, "what is handed over is nobody's here");
        assert_eq!(turn(&mut link, &mut io), [Ok((b"next".to_vec(), false))]);
        kernel.reads.borrow_mut().clear();
    }
}

#[test]
fn no_more_is_charged_than_twice_of_what_has_come() {
    let (mut link, kernel, mut io) = open();
    let sent = frame(&body(2 * MIB));
    let mut come = 0;
    for piece in sent.chunks(10_000) {
        kernel.arrive(piece);
        come += piece.len();
        let taken = turn(&mut link, &mut io);
        assert!(
            io.memory().used() <= (2 * (come + 1024)).max(BUFFER_LEN),
            "{} for {come}",
            io.memory().used()
        );
        assert_eq!(taken.len(), usize::from(come == sent.len()));
    }
    assert_eq!(io.memory().used(), 0);
}

#[test]
fn a_header_that_comes_alone_waits_for_some_of_its_body() {
    let (mut link, kernel, mut io) = open();
    let sent = frame(&body(BUFFER_LEN));
    for len in [1, HEAD_LEN, HEAD_LEN + 1, HEAD_LEN + 2] {
        let before = len.min(HEAD_LEN);
        kernel.arrive(&sent[..before]);
        assert_eq!(turn(&mut link, &mut io), []);
        kernel.arrive(&sent[before..len]);
        assert_eq!(turn(&mut link, &mut io), []);
        assert!(link.interest().is_readable());
        kernel.arrive(&sent[len..]);
        let taken: Vec<_> = (0..3).flat_map(|_| turn(&mut link, &mut io)).collect();
        assert_eq!(taken.len(), 1, "{len}");
        assert!(taken[0] == Ok((body(BUFFER_LEN), true)), "{len}");
    }
}

#[test]
fn a_body_that_is_not_taken_stays_and_nothing_more_is_read() {
    let (mut link, kernel, mut io) = open();
    let sent = body(100_000);
    kernel.arrive(&frame(&sent));
    assert_eq!(turn(&mut link, &mut io), []);
    assert_eq!(link.respond(Ready::READABLE, &mut io), Fire::Yes);
    link.settle();
    assert!(link.interest().is_none());
    for _ in 0..3 {
        // As a slice it can be had too, and put back.
        let (mut frames, _) = link.split();
        assert!(frames.next().map(|frame| frame.map(|frame| frame.body.to_vec())) == Some(Ok(sent.clone())));
        frames.put_back();
        assert!(link.has_body());
        link.settle();
        assert!(link.interest().is_none());
    }
    assert!(link.take_body() == Some(((), sent)));
    link.settle();
    assert!(link.interest().is_readable());
    assert_eq!((link.take_body(), io.memory().used()), (None, 0));
}

#[test]
fn the_end_within_a_body_is_an_error_once() {
    let (mut link, kernel, mut io) = open();
    kernel.arrive(&frame(&body(MIB))[..200_000]);
    assert_eq!(turn(&mut link, &mut io), []);
    assert_eq!(turn(&mut link, &mut io), []);
    kernel.has_ended.set(true);
    let error = FrameError::Truncated { have: 200_000 - HEAD_LEN, need: MIB };
    assert_eq!(turn(&mut link, &mut io), [Err(error)]);
    assert!(link.split().0.next().is_none() && !link.has_body() && link.take_body().is_none());
    assert_eq!(link.state(), State::Open, "as with any frame that was cut");
    drop(link);
    assert_eq!(io.memory().used(), 0);
}

#[test]
fn a_body_waits_for_memory_and_goes_on_when_there_is_some() {
    let (mut link, kernel, mut io) = open();
    let sent = body(MIB);
    kernel.arrive(&frame(&sent));
    assert_eq!(turn(&mut link, &mut io), []);
    let others = io.memory().clone();
    let charge = others.charge(others.free()).unwrap();
    io.begin();
    io.may_draw = false; // another one is first in line
    assert_eq!(link.respond(Ready::READABLE, &mut io), Fire::No);
    assert!(io.refusal().is_some());
    assert_eq!(kernel.reads.borrow().last().map(|&(room, _)| room), Some(HEAD_LEN), "there was so much room");
    drop(charge);
    let taken = turn(&mut link, &mut io);
    assert!(taken == [Ok((sent, true))]);
    assert_eq!(io.memory().used(), 0);
}

#[test]
fn who_discards_gives_all_of_it_back() {
    // In one case as much has come as a receive buffer is long.
    for come in [1, 1000, BUFFER_LEN, 200_000] {
        let (mut link, kernel, mut io) = open();
        kernel.arrive(&frame(&body(MIB))[..HEAD_LEN + come]);
        (0..3).for_each(|_| assert_eq!(turn(&mut link, &mut io), []));
        assert!(io.memory().used() >= come);
        link.discard_input();
        link.settle();
        assert_eq!(io.memory().used(), 0);
        kernel.arrive(&[1; 100]);
        assert_eq!(link.respond(Ready::READABLE, &mut io), Fire::Yes);
        let lent = io.memory().lend().unwrap();
        assert_eq!((lent.capacity(), io.memory().used()), (BUFFER_LEN, 2 * BUFFER_LEN));
    }
}
