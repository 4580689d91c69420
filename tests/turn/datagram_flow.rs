//! Datagrams in quantity: what waits is bounded in both directions, and no flood and no failure keeps the loop busy for itself.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::rc::Rc;
use std::time::Duration;

use ringmq::platform::Interest;
use ringmq::{DatagramSocket, Datagrams, Full, Source};

use crate::datagrams::{add, scratch, udp_pair, Seen};
use crate::memory::add_again_in_line;
use crate::support::{pair, turn_until, turn_until_idle, Case, Change, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// Sends until it is refused, and answers how many were taken.
fn send_until_refused<T: DatagramSocket>(source: &mut Datagrams<T>, bytes: &[u8]) -> (usize, Full) {
    let mut count = 0;
    loop {
        match source.send(bytes) {
            Ok(()) => count += 1,
            Err(full) => return (count, full),
        }
    }
}

/// A socket of which the kernel says that it is readable, and then is not: a checksum was wrong, or somebody else was faster.
struct Treacherous(UdpSocket);

impl AsFd for Treacherous {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl DatagramSocket for Treacherous {
    type Address = SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        DatagramSocket::set_nonblocking(&mut self.0)
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self.0.recv_from(bytes) {
            Ok((len, _)) if bytes[..len] == *b"spoilt" => Err(io::ErrorKind::WouldBlock.into()),
            result => result,
        }
    }

    fn send_to(&mut self, bytes: &[u8], to: &SocketAddr) -> io::Result<usize> {
        self.0.send_to(bytes, to)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }
}

pub fn a_datagram_that_is_not_there_after_all_is_no_error(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = udp_pair();
    add(&mut reactor, Treacherous(far));
    near.send(b"spoilt").unwrap();
    let mut seen = Seen::default();
    reactor.turn(&mut seen, SOON).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.call_count, 0);
    near.send(b"good").unwrap();
    turn_until(&mut reactor, &mut seen, |seen| seen.call_count > 0);
    assert_eq!((seen.datagrams, seen.errors), (vec![b"good".to_vec()], vec![]));
}

pub fn a_flood_is_taken_64_in_a_turn_and_leaves_the_others_their_turn(case: Case) {
    const COUNT: usize = 200;
    let (mut reactor, spy) = case.clocked();
    let (near, far) = udp_pair();
    let total = Rc::new(Cell::new(0));
    let counted = Rc::clone(&total);
    let mut context = reactor.context();
    let source = Datagrams::new(far, &context.memory()).unwrap();
    context
        .add(source, move |_: &mut (), context, id| {
            let mut count = 0;
            while context.get_mut(id).unwrap().receive().is_some() {
                count += 1;
            }
            assert!((1..=64).contains(&count), "{count}");
            counted.set(counted.get() + count);
        })
        .unwrap();
    let (mut beside, probed) = pair();
    io::Write::write_all(&mut beside, b"x").unwrap();
    let probe = Probe::new(probed);
    let notes = probe.notes();
    context.add(probe, |_, _, _| ()).unwrap();
    for _ in 0..COUNT {
        near.send(b"").unwrap();
    }
    let mut turns = 0;
    while total.get() < COUNT {
        reactor.turn(&mut (), SOON).unwrap();
        turns += 1;
    }
    assert!(turns > COUNT / 64, "{turns}");
    assert_eq!(notes.response_count(), turns);
    assert!(spy.take_waits().iter().all(|wait| *wait == ZERO || *wait == SOON));
}

/// What nobody takes is not received beyond what one buffer or one turn holds, and the loop sleeps beside it.
pub fn receiving_pauses_while_nobody_takes_what_has_arrived(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = udp_pair();
    let fd = far.as_raw_fd();
    let mut context = reactor.context();
    let source = Datagrams::new(far, &context.memory()).unwrap();
    let id = context.add(source, |_: &mut (), _, _| ()).unwrap();
    reactor.turn(&mut (), ZERO).unwrap();
    for len in [1, 40_000] {
        spy.forget();
        for _ in 0..100 {
            let _ = near.send(&vec![7; len]); // the kernel may drop or refuse what it has no room for
        }
        for _ in 0..10 {
            reactor.turn(&mut (), ZERO).unwrap();
        }
        assert_eq!(spy.take_changes(), [Change::Modify(fd, Interest::NONE)], "{len}");
        assert!(reactor.context().memory().used() <= 2 * 65_536);
        let mut count = 0;
        while reactor.context().get_mut(id).unwrap().receive().is_some() {
            count += 1;
        }
        assert_eq!(count, if len == 1 { 64 } else { 2 });
        // The rest of it.
        while reactor.context().get(id).is_some() {
            turn_until_idle(&mut reactor, &spy, &mut ());
            let mut context = reactor.context();
            let source = context.get_mut(id).unwrap();
            if source.receive().is_none() {
                break;
            }
            while source.receive().is_some() {}
        }
        turn_until_idle(&mut reactor, &spy, &mut ());
        assert_eq!(reactor.context().memory().used(), 0);
    }
}

/// To a peer that is connected and does not read: what waits is bounded, nothing is lost, and room is told.
pub fn a_sender_waits_for_a_slow_reader_and_is_told_of_room(case: Case) {
    const HIGH_WATER: usize = 20_000;
    let (mut reactor, spy) = case.spied();
    let (near, far) = UnixDatagram::pair().unwrap();
    let id = add(&mut reactor, far);
    reactor.context().get_mut(id).unwrap().set_high_water(HIGH_WATER);
    let mut seen = Seen::default();
    let mut sent = 0;
    loop {
        let (count, full) = send_until_refused(reactor.context().get_mut(id).unwrap(), &[7; 1000]);
        assert!(full.wanted > 1000 && full.free < 2000, "{full}");
        sent += count;
        turn_until_idle(&mut reactor, &spy, &mut seen);
        if reactor.context().get(id).unwrap().unsent_count() > HIGH_WATER / 2 / 1000 {
            break; // the kernel is full
        }
    }
    let calls = seen.call_count;
    near.set_read_timeout(SOON).unwrap();
    let mut received = 0;
    while received < sent {
        reactor.turn(&mut seen, ZERO).unwrap();
        near.set_nonblocking(true).unwrap();
        while near.recv(&mut [0; 2000]).map(|len| assert_eq!(len, 1000)).is_ok() {
            received += 1;
        }
    }
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!((received, seen.call_count, seen.errors), (sent, calls + 1, vec![]));
    assert_eq!((spy.take_changes(), reactor.context().memory().used()), (vec![], 0));
}

/// Not connected, Linux says that there is room and then that there is none: no turn may be spent on asking again and again.
pub fn what_finds_no_room_at_its_receiver_is_told_and_the_loop_sleeps(case: Case) {
    const COUNT: usize = 2000;
    let (mut reactor, spy) = case.spied();
    let paths = [scratch(case, "slow"), scratch(case, "quick")];
    let [_slow, quick] = [0, 1].map(|at| UnixDatagram::bind(&paths[at]).unwrap());
    let id = add(&mut reactor, UnixDatagram::unbound().unwrap());
    let address = |at: usize| std::os::unix::net::SocketAddr::from_pathname(&paths[at]).unwrap();
    let mut seen = Seen::default();
    for _ in 0..COUNT {
        reactor.context().get_mut(id).unwrap().send_to(b"to the slow", address(0)).unwrap();
    }
    reactor.context().get_mut(id).unwrap().send_to(b"to the quick", address(1)).unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(quick.recv(&mut [0; 100]).unwrap(), 12);
    assert!(!seen.errors.is_empty() && seen.errors.len() < COUNT, "{} errors", seen.errors.len());
    assert!(seen.errors.iter().all(|error| error.0 == Some(11)));
    paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

/// A socket that answers with nothing but errors.
struct Broken(UdpSocket);

impl AsFd for Broken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl DatagramSocket for Broken {
    type Address = SocketAddr;

    fn receive(&mut self, _: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        Err(io::ErrorKind::InvalidData.into())
    }

    fn send_to(&mut self, _: &[u8], _: &SocketAddr) -> io::Result<usize> {
        Err(io::ErrorKind::InvalidData.into())
    }

    fn send(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::InvalidData.into())
    }
}

pub fn a_socket_that_brings_nothing_but_errors_is_not_asked_for_ever(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = udp_pair();
    add(&mut reactor, Broken(far));
    near.send(b"x").unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| !seen.errors.is_empty());
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.error_kinds(), [(None, io::ErrorKind::InvalidData); 64]);
}

/// With memory for one buffer alone.
pub fn with_one_buffer_all_arrive_in_the_end(case: Case) {
    let (mut reactor, spy) = case.spied_by(case.builder().memory(65_536));
    let (near, far) = udp_pair();
    add(&mut reactor, far);
    let mut seen = Seen::default();
    for len in 0..50 {
        near.send(&vec![7; len * 10]).unwrap();
    }
    turn_until(&mut reactor, &mut seen, |seen| seen.datagrams.len() == 50);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn a_source_that_was_finished_sends_what_is_queued_and_hears_nothing_more(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = udp_pair();
    let id = add(&mut reactor, far);
    let mut context = reactor.context();
    let source = context.get_mut(id).unwrap();
    source.send(b"last words").unwrap();
    source.finish();
    assert!(!source.is_finished());
    near.send(b"too late").unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(near.recv(&mut [0; 100]).unwrap(), 10);
    assert!(reactor.context().get(id).unwrap().is_finished());
    assert_eq!(seen.call_count, 0);
}

/// The whole of a question and its answer, seen from the poller: one wait, and not a single change of interest.
pub fn a_datagram_and_its_answer_cost_one_wait_and_no_change(case: Case) {
    const COUNT: usize = 100;
    let (mut reactor, spy) = case.spied();
    let (near, far) = udp_pair();
    let mut context = reactor.context();
    let source = Datagrams::new(far, &context.memory()).unwrap();
    context
        .add(source, |_: &mut (), context, id| {
            let (incoming, outgoing) = context.get_mut(id).unwrap().split();
            while let Some(datagram) = incoming.receive() {
                outgoing.send(datagram.bytes).unwrap();
            }
        })
        .unwrap();
    spy.forget();
    for _ in 0..COUNT {
        near.send(b"question").unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        reactor.turn(&mut (), SOON).unwrap();
        assert_eq!(near.recv(&mut [0; 100]).unwrap(), 8);
    }
    assert_eq!((spy.take_waits().len(), spy.take_changes()), (COUNT, vec![]));
}

/// A socket that has no room the first few times, though it is writable: as when the queue of an interface is full, on a BSD.
struct Cramped {
    socket: UdpSocket,
    refusals: usize,
}

impl AsFd for Cramped {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl DatagramSocket for Cramped {
    type Address = SocketAddr;

    fn set_nonblocking(&mut self) -> io::Result<()> {
        DatagramSocket::set_nonblocking(&mut self.socket)
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_from(bytes)
    }

    fn send_to(&mut self, bytes: &[u8], to: &SocketAddr) -> io::Result<usize> {
        self.socket.send_to(bytes, to)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.refusals == 0 {
            return self.socket.send(bytes);
        }
        self.refusals -= 1;
        Err(io::Error::from_raw_os_error(nix::libc::ENOBUFS))
    }
}

pub fn what_finds_no_room_waits_once_and_is_then_told(case: Case) {
    for (refusals, expected) in [(0, &[1, 2][..]), (1, &[1, 2]), (2, &[2])] {
        let (mut reactor, spy) = case.spied();
        let (near, far) = udp_pair();
        let id = add(&mut reactor, Cramped { socket: far, refusals });
        for len in [1, 2] {
            reactor.context().get_mut(id).unwrap().send(&vec![7; len]).unwrap();
        }
        let mut seen = Seen::default();
        turn_until_idle(&mut reactor, &spy, &mut seen);
        for len in expected {
            assert_eq!(near.recv(&mut [0; 100]).unwrap(), *len);
        }
        let unsent: Vec<_> = seen.errors.iter().map(|error| (error.0, error.2)).collect();
        let refused = (Some(1), Some(nix::libc::ENOBUFS));
        assert_eq!(unsent, vec![refused; 2 - expected.len()]);
    }
}

pub fn datagrams_that_wait_for_memory_and_are_added_again_are_told_when_there_is_some(case: Case) {
    let (_near, far) = UnixDatagram::pair().unwrap();
    add_again_in_line(
        case,
        |memory| Datagrams::new(far, memory).unwrap(),
        |source| source.send(&[7; 1000]).is_ok(),
    );
}
