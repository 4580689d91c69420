//! Datagrams: whole ones in and out, and what fails is told and ends nothing.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use ringmq::{Context, DatagramError, DatagramSocket, Datagrams, Id, Reactor};

use crate::support::{turn_until, turn_until_idle, Case};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// What a callback saw.
#[derive(Default, Debug)]
pub struct Seen {
    pub datagrams: Vec<Vec<u8>>,
    pub from: Vec<String>,
    pub truncated: usize,
    /// The length of what was not sent, and why; no length for an error of the socket.
    pub errors: Vec<(Option<usize>, io::ErrorKind, Option<i32>)>,
    pub call_count: usize,
}

impl Seen {
    pub fn error_kinds(&self) -> Vec<(Option<usize>, io::ErrorKind)> {
        self.errors.iter().map(|(len, kind, _)| (*len, *kind)).collect()
    }
}

pub fn take_all<T: DatagramSocket>(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Datagrams<T>>)
where
    T::Address: fmt::Debug,
{
    let source = context.get_mut(id).unwrap();
    seen.call_count += 1;
    while let Some(datagram) = source.receive() {
        seen.datagrams.push(datagram.bytes.to_vec());
        seen.from.push(format!("{:?}", datagram.from));
        seen.truncated += usize::from(datagram.is_truncated);
    }
    while let Some(error) = source.take_error() {
        seen.errors.push(match error {
            DatagramError::Socket(error) => (None, error.kind(), error.raw_os_error()),
            DatagramError::Unsent { len, error, .. } => (Some(len), error.kind(), error.raw_os_error()),
            other => panic!("{other}"),
        });
    }
}

pub fn add<T: DatagramSocket>(reactor: &mut Reactor<Seen>, socket: T) -> Id<Datagrams<T>> {
    let mut context = reactor.context();
    let source = Datagrams::new(socket, &context.memory()).unwrap();
    context.add(source, take_all).unwrap()
}

pub fn udp() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// Two sockets that are connected to each other.
pub fn udp_pair() -> (UdpSocket, UdpSocket) {
    let (near, far) = (udp(), udp());
    near.connect(far.local_addr().unwrap()).unwrap();
    far.connect(near.local_addr().unwrap()).unwrap();
    (near, far)
}

/// An address that nobody listens at.
fn nobody() -> SocketAddr {
    udp().local_addr().unwrap()
}

/// A path of this test's own: short, since a UNIX address holds some 100 bytes.
pub fn scratch(case: Case, name: &str) -> PathBuf {
    let test = case.name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let path = std::env::temp_dir().join(format!("ringmq-{}-{test:x}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

pub fn datagrams_arrive_whole_with_who_sent_them_and_empty_ones_too(case: Case) {
    let mut reactor = case.reactor();
    let far = udp();
    let address = far.local_addr().unwrap();
    add(&mut reactor, far);
    let senders = [udp(), udp()];
    let mut expected = (Vec::new(), Vec::new());
    for (place, len) in [5, 0, 65_507, 1, 40_000, 0].into_iter().enumerate() {
        let sender = &senders[place % 2];
        assert_eq!(sender.send_to(&vec![place as u8; len], address).unwrap(), len);
        expected.0.push(vec![place as u8; len]);
        expected.1.push(format!("{:?}", sender.local_addr().unwrap()));
    }
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.datagrams.len() == 6);
    assert!(seen.datagrams == expected.0);
    assert_eq!((seen.from, seen.truncated, reactor.context().memory().used()), (expected.1, 0, 0));
}

pub fn every_datagram_is_answered_to_who_sent_it(case: Case) {
    let mut reactor = case.reactor();
    let far = udp();
    let address = far.local_addr().unwrap();
    let mut context = reactor.context();
    let source = Datagrams::new(far, &context.memory()).unwrap();
    context
        .add(source, |count: &mut usize, context, id| {
            let (incoming, outgoing) = context.get_mut(id).unwrap().split();
            while let Some(datagram) = incoming.receive() {
                outgoing.send_to(datagram.bytes, datagram.from).unwrap();
                *count += 1;
            }
        })
        .unwrap();
    let clients = [udp(), udp(), udp()];
    for (place, client) in clients.iter().enumerate() {
        client.send_to(&vec![7; place], address).unwrap();
    }
    turn_until(&mut reactor, &mut 0, |count| *count == 3);
    reactor.turn(&mut 0, ZERO).unwrap();
    for (place, client) in clients.iter().enumerate() {
        let (len, from) = client.recv_from(&mut [0; 100]).unwrap();
        assert_eq!((len, from), (place, address));
    }
}

/// Of the system as a whole it is told that nobody was there; what comes after it goes on its way.
pub fn a_peer_that_was_not_there_is_told_and_found_once_it_is(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, address) = (udp(), nobody());
    near.connect(address).unwrap();
    let id = add(&mut reactor, near);
    reactor.context().get_mut(id).unwrap().send(b"anybody there?").unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.call_count > 0);
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(seen.error_kinds(), [(None, io::ErrorKind::ConnectionRefused)]);

    let far = UdpSocket::bind(address).unwrap();
    reactor.context().get_mut(id).unwrap().send(b"and now?").unwrap();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    let mut bytes = [0; 100];
    assert_eq!(far.recv(&mut bytes).unwrap(), 8);
    far.send_to(b"yes", reactor.context().get(id).unwrap().socket().local_addr().unwrap()).unwrap();
    turn_until(&mut reactor, &mut seen, |seen| !seen.datagrams.is_empty());
    assert_eq!((seen.datagrams, seen.errors.len()), (vec![b"yes".to_vec()], 1));
}

/// The error of one is told by the call that would send the next: that one is sent all the same.
pub fn datagrams_sent_to_nobody_are_all_sent(case: Case) {
    const COUNT: usize = 10;
    let (mut reactor, spy) = case.spied();
    let near = udp();
    near.connect(nobody()).unwrap();
    let id = add(&mut reactor, near);
    for _ in 0..COUNT {
        reactor.context().get_mut(id).unwrap().send(b"x").unwrap();
    }
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    assert_eq!(reactor.context().get(id).unwrap().unsent_count(), 0);
    assert!(!seen.errors.is_empty() && seen.errors.len() <= COUNT, "{seen:?}");
    let is_of_socket = |error: &(Option<usize>, _)| *error == (None, io::ErrorKind::ConnectionRefused);
    assert!(seen.error_kinds().iter().all(is_of_socket), "{seen:?}");
}

pub fn a_datagram_that_is_too_long_is_told_and_the_next_goes_on(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = udp_pair();
    let id = add(&mut reactor, far);
    let mut context = reactor.context();
    let source = context.get_mut(id).unwrap();
    source.send(b"first").unwrap();
    source.send(&[7; 70_000]).unwrap();
    source.send(b"").unwrap();
    let mut seen = Seen::default();
    turn_until_idle(&mut reactor, &spy, &mut seen);
    let too_long = Some(nix::libc::EMSGSIZE);
    assert!(matches!(seen.errors[..], [(Some(70_000), _, errno)] if errno == too_long), "{seen:?}");
    let mut bytes = [0; 100];
    assert_eq!((near.recv(&mut bytes).unwrap(), near.recv(&mut bytes).unwrap()), (5, 0));
    assert_eq!(reactor.context().memory().used(), 0);
}

pub fn a_unix_peer_that_vanishes_is_told_for_each_datagram(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = UnixDatagram::pair().unwrap();
    let id = add(&mut reactor, far);
    drop(near);
    let mut seen = Seen::default();
    for len in 1..4 {
        reactor.context().get_mut(id).unwrap().send(&vec![7; len]).unwrap();
    }
    turn_until_idle(&mut reactor, &spy, &mut seen);
    let unsent: Vec<usize> = seen.errors.iter().filter_map(|error| error.0).collect();
    assert_eq!(unsent, [1, 2, 3], "{seen:?}");
    assert_eq!(reactor.context().get(id).unwrap().unsent_count(), 0);
}

pub fn unix_datagrams_go_to_paths_and_come_from_nameless_senders(case: Case) {
    let mut reactor = case.reactor();
    let paths = [scratch(case, "here"), scratch(case, "there")];
    let id = add(&mut reactor, UnixDatagram::bind(&paths[0]).unwrap());
    let there = UnixDatagram::bind(&paths[1]).unwrap();
    there.send_to(b"named", &paths[0]).unwrap();
    UnixDatagram::unbound().unwrap().send_to(b"nameless", &paths[0]).unwrap();
    let mut seen = Seen::default();
    turn_until(&mut reactor, &mut seen, |seen| seen.datagrams.len() == 2);
    assert_eq!(seen.datagrams, [b"named".to_vec(), b"nameless".to_vec()]);
    assert!(seen.from[0].contains("there") && seen.from[1].contains("unnamed"), "{seen:?}");

    let mut context = reactor.context();
    let source = context.get_mut(id).unwrap();
    let nameless = UnixDatagram::unbound().unwrap().local_addr().unwrap();
    source.send_to(b"to nobody", nameless).unwrap();
    source.send_to(b"back", std::os::unix::net::SocketAddr::from_pathname(&paths[1]).unwrap()).unwrap();
    turn_until(&mut reactor, &mut seen, |seen| !seen.errors.is_empty());
    assert_eq!(seen.error_kinds(), [(Some(9), io::ErrorKind::InvalidInput)]);
    assert_eq!(there.recv(&mut [0; 100]).unwrap(), 4);
    paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

pub fn a_datagram_longer_than_a_buffer_says_that_it_was_cut(case: Case) {
    let (mut reactor, spy) = case.spied();
    let (near, far) = UnixDatagram::pair().unwrap();
    add(&mut reactor, far);
    let size = nix::sys::socket::sockopt::SndBuf;
    nix::sys::socket::setsockopt(&near, size, &400_000).unwrap();
    let mut seen = Seen::default();
    let mut lens = Vec::new();
    for len in [65_535, 65_537, 100_000] {
        match near.send(&vec![7; len]) {
            Ok(_) => lens.push(len),
            Err(error) => assert_eq!(error.raw_os_error(), Some(nix::libc::EMSGSIZE)), // not every system takes such
        }
        turn_until_idle(&mut reactor, &spy, &mut seen);
    }
    let expected: Vec<usize> = lens.iter().map(|len| *len.min(&65_536)).collect();
    assert_eq!(seen.datagrams.iter().map(Vec::len).collect::<Vec<_>>(), expected);
    assert_eq!(seen.truncated, lens.iter().filter(|len| **len > 65_535).count());
}
