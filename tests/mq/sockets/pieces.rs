//! Messages of RingMQ's own protocol in whatever pieces they come and go, with peers that are played by hand.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use ringmq::codec::{Affixes, Codec, Encoder, RingFrames};
use ringmq::mq::{Dialect, Event, Message, Options, SocketType};
use ringmq::Builder;

use super::{on_every_backend, Net, World};

const MOST: usize = RingFrames::BODY_MAX;

fn ring() -> Options {
    Options::new().dialect(Dialect::Ring)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at + at / 251) as u8).collect()
}

fn head(is_last: bool, len: usize) -> Vec<u8> {
    [&[u8::from(!is_last)][..], &(len as u32 + 5).to_be_bytes()].concat()
}

/// A message in pieces that have these lengths.
fn cut(message: &[u8], lens: &[usize]) -> Vec<u8> {
    let (mut stream, mut rest) = (Vec::new(), message);
    for (at, &len) in lens.iter().enumerate() {
        let (piece, behind) = rest.split_at(len);
        stream.extend(head(at + 1 == lens.len(), len));
        stream.extend(piece);
        rest = behind;
    }
    assert!(rest.is_empty());
    stream
}

/// Writes in parts, with turns between them.
fn write_slowly(net: &mut Net, peer: &mut TcpStream, stream: &[u8], step: usize) {
    for part in stream.chunks(step) {
        peer.write_all(part).unwrap();
        net.reactor.turn(&mut net.called, super::MOMENT).unwrap();
    }
}

#[test]
fn a_message_arrives_whole_whatever_its_pieces_are() {
    const ALL: [&[usize]; 10] = [
        &[MOST; 3],
        &[MOST, MOST, 1],
        &[70_000, 70_000, 0],
        &[70_000, 0, 70_000, 10],
        &[MOST, 10, MOST, MOST],
        &[10, MOST, MOST, 5],
        &[0, MOST, 65_536, 65_535, 65_536],
        &[65_535, MOST, MOST],
        &[300_000, 200_000],
        &[0, 0, 0],
    ];
    on_every_backend(|net| {
        for options in [ring(), Options::new().dialect(Dialect::Any)] {
            let pull = net.open_with(SocketType::Pull, options);
            let address = net.bind(pull);
            let mut peer = net.stranger(&address);
            for lens in ALL {
                let sent = bytes(lens.iter().sum());
                // What comes next is read with it, or not.
                let stream = [cut(&sent, lens), cut(b"next", &[4])].concat();
                for step in [30_000, 131_072, stream.len()] {
                    write_slowly(net, &mut peer, &stream, step);
                    let came = net.recv(pull);
                    assert!(came.part_count() == 1 && came.into_vec() == sent, "{lens:?}, {step}");
                    assert_eq!(net.heard(pull), "next");
                }
            }
            net.turn_often();
            assert_eq!(net.context().memory().used(), 0);
        }
    });
}

/// At the header that says so: nothing of what it announces has come, and no memory was taken for it.
#[test]
fn a_message_that_grows_too_long_is_let_go_when_that_is_announced() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, ring().max_message_len(200_000));
        let address = net.bind(pull);
        let (mut greedy, mut modest) = (net.stranger(&address), net.stranger(&address));
        let stream = [head(false, MOST), bytes(MOST), head(true, 200_001 - MOST)].concat();
        greedy.write_all(&stream).unwrap();
        let error = net.await_event(pull, |event| match event {
            Event::Refused(error) => Some(error.to_string()),
            _ => None,
        });
        assert!(error.contains("200000") && error.contains("200001"), "{error}");
        net.await_end(&mut greedy);
        let sent = bytes(200_000);
        write_slowly(net, &mut modest, &cut(&sent, &[MOST, 200_000 - MOST]), 50_000);
        assert!(net.recv(pull).into_vec() == sent);
        assert_eq!(net.context().memory().used(), 0);
    });
}

#[test]
fn half_of_a_message_in_pieces_is_never_delivered() {
    on_every_backend(|net| {
        let pull = net.open_with(SocketType::Pull, ring());
        let address = net.bind(pull);
        let stream = cut(&bytes(2 * MOST), &[MOST, MOST]);
        for come in [6, 100_000, MOST + 5, MOST + 7, MOST + 10, MOST + 11, 2 * MOST + 9] {
            let mut push = net.stranger(&address);
            write_slowly(net, &mut push, &stream[..come], 90_000);
            net.turn_often();
            assert!(net.context().memory().used() > 0, "{come}");
            drop(push);
            net.until("its memory", |net| (net.context().memory().used() == 0).then_some(()));
            net.await_peers(pull, 0);
            assert!(net.try_recv(pull).is_err(), "{come}");
        }
    });
}

/// What the protocol has a message be: pieces of 128 KiB with their headers, and one for the rest.
fn as_it_is_sent(message: &[u8]) -> Vec<u8> {
    let (mut encoder, mut affixes) = (RingFrames::new(MOST).halves().1, Affixes::new());
    let mut stream = Vec::new();
    for (head, range) in RingFrames::split(message.len()) {
        encoder.encode(head, range.len(), &mut affixes).unwrap();
        stream.extend(affixes.before());
        stream.extend(&message[range]);
    }
    stream
}

/// Has a PUSH send these messages, and hears what its peer gets.
fn sends(net: &mut Net, options: Options, messages: Vec<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = net.open_with(SocketType::Push, options);
    net.connect(push, &format!("tcp://{}", listener.local_addr().unwrap()));
    net.await_peers(push, 1);
    let mut peer = listener.accept().unwrap().0;
    peer.set_nonblocking(true).unwrap();
    let expected: Vec<u8> = messages.iter().flat_map(|message| as_it_is_sent(message.first())).collect();
    for message in messages {
        net.send(push, message);
    }
    let (mut came, mut buffer) = (Vec::<u8>::new(), vec![0; 100_000]);
    net.until("what was sent", |_| {
        while let Ok(len) = peer.read(&mut buffer) {
            came.extend(&buffer[..len]);
        }
        (came.len() >= expected.len()).then_some(())
    });
    assert!(came == expected);
    net.turn_often();
    assert_eq!(net.context().memory().used(), 0);
}

#[test]
fn messages_of_any_length_are_sent_in_the_pieces_that_the_protocol_has() {
    on_every_backend(|net| {
        let lens = [1, 4095, 4096, 70_000, MOST - 1, MOST, MOST + 1, 2 * MOST, 1_000_000, 3 * MOST + 1, 9];
        let own = lens.iter().map(|&len| Message::from(bytes(len)));
        let shared = lens.iter().map(|&len| Message::from(Arc::<[u8]>::from(bytes(len))));
        sends(net, ring(), own.chain(shared).collect());
    });
}

/// Where there is no memory for all of one at once, as never for one that is longer than all of it.
#[test]
fn a_message_that_is_longer_than_the_memory_is_sent_piece_by_piece() {
    for &backend in ringmq::platform::Backend::AVAILABLE {
        let reactor = Builder::new().backend(backend).memory(600_000).build().unwrap();
        let net = &mut Net { reactor, called: World::new() };
        let messages = [2_000_000, 10, 500_000, 400_000, 150_000].map(|len| Message::from(bytes(len)));
        sends(net, ring().max_part_len(200_000), messages.into());
    }
}
