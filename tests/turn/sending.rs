//! What is queued goes out in few calls, and large messages from where they lie.

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;

use ringmq::codec::LengthPrefix;
use ringmq::{Body, Context, Framed, Id, Reactor, SendError, Transport};

use crate::support::{pair, pattern, read_all, turn_until_idle, Case, Random, SOON};

/// What a transport was asked to write.
#[derive(Default)]
struct Calls {
    count: Cell<usize>,
    /// Where the longest slice of all lies, and how long it is.
    longest: Cell<(usize, usize)>,
}

/// A socket that notes what it is asked to write. If it has no way to write several slices at once, only the first goes.
struct Noting {
    socket: UnixStream,
    calls: Rc<Calls>,
    is_vectored: bool,
}

impl Noting {
    fn note(&self, slices: &[IoSlice<'_>]) {
        self.calls.count.set(self.calls.count.get() + 1);
        for slice in slices.iter().filter(|slice| slice.len() > self.calls.longest.get().1) {
            self.calls.longest.set((slice.as_ptr() as usize, slice.len()));
        }
    }
}

impl Read for Noting {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.read(bytes)
    }
}

impl Write for Noting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.note(&[IoSlice::new(bytes)]);
        self.socket.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let slices = if self.is_vectored { slices } else { &slices[..1] };
        self.note(slices);
        self.socket.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Noting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Noting {
    fn set_nonblocking(&mut self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
    }
}

type Link = Framed<LengthPrefix, Noting>;

/// A link that may send as much as there is memory, whose callback does nothing.
fn add(reactor: &mut Reactor<()>, is_vectored: bool) -> (UnixStream, Id<Link>, Rc<Calls>) {
    let (near, socket) = pair();
    let calls = Rc::default();
    let mut context = reactor.context();
    let transport = Noting { socket, calls: Rc::clone(&calls), is_vectored };
    let mut link = Framed::new(LengthPrefix::new(1 << 20), transport, &context.memory()).unwrap();
    link.set_high_water(usize::MAX);
    let id = context.add(link, |_: &mut (), _: &mut Context<'_, ()>, _| ()).unwrap();
    (near, id, calls)
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

pub fn a_thousand_small_messages_are_one_write(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, id, calls) = add(&mut reactor, true);
    let mut context = reactor.context();
    for _ in 0..1000 {
        context.get_mut(id).unwrap().send((), &pattern(64)).unwrap();
    }
    turn_until_idle(&mut reactor, &spy, &mut ());
    let mut bytes = vec![0; 1000 * 68];
    near.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, frame(&pattern(64)).repeat(1000));
    assert_eq!(calls.count.get(), 1);
}

/// With all that goes around them and what is between them, in one write; and the memory that they took is free again.
pub fn owned_bodies_are_written_from_where_they_lie(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, id, calls) = add(&mut reactor, true);
    let (body, shared) = (pattern(20_000), Arc::<[u8]>::from(pattern(10_000)));
    let place = body.as_ptr() as usize;
    let mut context = reactor.context();
    let link = context.get_mut(id).unwrap();
    link.send((), b"first").unwrap();
    link.send_owned((), body).unwrap();
    link.send_owned((), Arc::clone(&shared)).unwrap();
    link.send_owned((), b"last".to_vec()).unwrap();
    assert_eq!(Arc::strong_count(&shared), 2);
    turn_until_idle(&mut reactor, &spy, &mut ());
    let expected =
        [frame(b"first"), frame(&pattern(20_000)), frame(&pattern(10_000)), frame(b"last")].concat();
    let mut bytes = vec![0; expected.len()];
    near.read_exact(&mut bytes).unwrap();
    assert!(bytes == expected);
    assert_eq!((calls.count.get(), calls.longest.get()), (1, (place, 20_000)));
    assert_eq!((Arc::strong_count(&shared), reactor.context().memory().used()), (1, 0));
}

/// It is not out of room when it has written one: nothing is waited for in between.
pub fn a_transport_that_writes_one_slice_at_a_time_sends_all_at_once(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (mut near, id, calls) = add(&mut reactor, false);
    let mut context = reactor.context();
    for len in [5, 20_000, 7] {
        context.get_mut(id).unwrap().send_owned((), pattern(len)).unwrap();
    }
    spy.forget();
    reactor.turn(&mut (), SOON).unwrap();
    assert_eq!(spy.take_changes(), []);
    near.set_nonblocking(true).unwrap();
    let mut bytes = vec![0; 5 + 20_000 + 7 + 12];
    near.read_exact(&mut bytes).unwrap();
    assert!(bytes == [frame(&pattern(5)), frame(&pattern(20_000)), frame(&pattern(7))].concat());
    assert_eq!(calls.count.get(), 4);
}

/// Bodies of any length, owned and not, to a peer that takes them slower than they come.
pub fn messages_of_any_kind_arrive_in_order_however_slow_the_peer(case: Case) {
    let mut reactor = case.reactor();
    let (near, id, _) = add(&mut reactor, true);
    let mut random = Random(5);
    let mut expected = Vec::new();
    let reader = read_all(near);
    for _ in 0..400 {
        let len = [random.below(200), random.below(9000), random.below(100_000)][random.below(3)];
        let body = pattern(len);
        expected.extend(frame(&body));
        let mut context = reactor.context();
        let link = context.get_mut(id).unwrap();
        match random.below(3) {
            0 => link.send((), &body).unwrap(),
            1 => link.send_owned((), body).unwrap(),
            _ => link.send_owned((), Arc::<[u8]>::from(body)).unwrap(),
        }
        if random.below(4) == 0 {
            reactor.turn(&mut (), SOON).unwrap();
        }
    }
    reactor.context().get_mut(id).unwrap().finish();
    while reactor.context().get(id).unwrap().unsent_len() > 0 {
        reactor.turn(&mut (), SOON).unwrap();
    }
    drop(reactor.context().remove(id));
    assert!(reader.join().unwrap() == expected);
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn a_body_that_is_refused_comes_back(case: Case) {
    let (mut reactor, _spy) = case.spied();
    let (_near, id, _) = add(&mut reactor, true);
    let mut context = reactor.context();
    let link = context.get_mut(id).unwrap();
    let refused = |body: Body, link: &mut Link| {
        let place = body.as_ref().as_ptr();
        let unsent = link.send_owned((), body).unwrap_err();
        assert_eq!(unsent.body.as_ref().as_ptr(), place);
        unsent.error
    };
    link.set_high_water(9000);
    link.send((), b"waits").unwrap();
    assert!(matches!(refused(pattern(9000).into(), link), SendError::Full(_)));
    assert!(matches!(refused(pattern((1 << 20) + 1).into(), link), SendError::Frame(_)));
    link.finish();
    assert_eq!(refused(pattern(9000).into(), link), SendError::Closed);
    assert_eq!(link.unsent_len(), 9);
}
