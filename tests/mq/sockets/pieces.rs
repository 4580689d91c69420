//! Messages of RingMQ's own protocol in whatever pieces they come and go, with peers that are played by hand.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;

use ringmq::codec::{Affixes, Codec, Encoder, RingFrames};
use ringmq::mq::{Dialect, Message, Options, SocketType};
use ringmq::Builder;

use super::{on_every_backend, Net, World};

const MOST: usize = RingFrames::BODY_MAX;

fn ring() -> Options {
    Options::new().dialect(Dialect::Ring)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at + at / 251) as u8).collect()
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
