//! Sockets that close while something waits, or is still to come about.

use std::cell::Cell;
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use ringmq::mq::{Event, HighWater, NotSent, Options, Socket, SocketType};
use ringmq::Id;

use super::{joined, on_every_backend, Net, PATIENCE};

/// Longer than anybody waits for it.
const AN_HOUR: Duration = Duration::from_secs(3600);
const AT_ONCE: Duration = Duration::from_millis(1);

/// Begins to close a socket; answers where the number of lost messages will be.
fn close(net: &mut Net, socket: Id<Socket>) -> Rc<Cell<Option<u64>>> {
    let lost = Rc::new(Cell::new(None));
    let told = Rc::clone(&lost);
    assert!(socket.close(&mut net.context(), AN_HOUR, move |_, _, count| told.set(Some(count))));
    lost
}

fn lost(net: &mut Net, lost: &Cell<Option<u64>>) -> u64 {
    net.until("the end of a socket", |_| lost.get())
}

/// Sends until nobody takes any more; answers how many that were.
fn fill(net: &mut Net, push: Id<Socket>, body: &[u8]) -> u64 {
    let mut sent = 0;
    loop {
        match push.send(&mut net.context(), body) {
            Ok(_) => sent += 1,
            Err(refused) => {
                assert_eq!(refused.reason, NotSent::NoRoom);
                net.turn_often();
                if push.send(&mut net.context(), refused.message).is_err() {
                    return sent;
                }
                sent += 1;
            }
        }
    }
}

#[test]
fn what_is_lost_with_a_connection_meanwhile_is_counted() {
    on_every_backend(|net| {
        let push = net.open(SocketType::Push);
        let address = net.bind(push);
        let stopped = joined(net, &address, "PULL");
        net.await_peers(push, 1);
        let sent = fill(net, push, &[1; 1 << 20]);
        let count = close(net, push);
        net.turn_often();
        assert_eq!(count.get(), None, "what waits is sent, if it takes an hour");
        drop(stopped);
        // Nobody can come any more: it does not wait for that.
        let count = lost(net, &count);
        assert!(count > 1 && count < sent, "{count} of {sent}: what waited, and what was half written");
    });
}

#[test]
fn a_peer_that_is_lost_meanwhile_is_connected_to_again() {
    on_every_backend(|net| {
        let narrow = HighWater { messages: 4, bytes: 4 << 20 };
        let pull = net.open_with(SocketType::Pull, Options::new().recv_high_water(narrow));
        let address = net.bind(pull);
        let push = net.open_with(SocketType::Push, Options::new().reconnect(AT_ONCE, AT_ONCE));
        net.connect(push, &address);
        net.await_peers(push, 1);
        let body = vec![2; 300_000];
        let sent = fill(net, push, &body);
        let count = close(net, push);
        net.turn_often();
        pull.close(&mut net.context(), Duration::ZERO, |_, _, _| ());
        net.until("the address", |net| net.context().get(pull).is_none().then_some(()));
        let pull = net.open(SocketType::Pull);
        pull.bind(&mut net.context(), &address).unwrap();
        let mut received = 0;
        let count = net.until("the rest", |net| {
            while let Ok(message) = net.try_recv(pull) {
                assert!(message.into_vec() == body);
                received += 1;
            }
            count.get()
        });
        assert!(received > 0 && received + count < sent, "{received} and {count} lost, of {sent}");
        assert_eq!(count, 1, "the one that was half written");
    });
}

#[test]
fn a_connection_that_is_not_made_yet_is_not_waited_for() {
    on_every_backend(|net| {
        // A listener that nobody accepts from, whose queue is full: who connects hears nothing.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let patience = Duration::from_millis(100);
        let _queue: Vec<TcpStream> =
            std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok()).collect();
        let push = net.open(SocketType::Push);
        net.connect(push, &format!("tcp://{address}"));
        net.turn_often();
        let count = close(net, push);
        assert_eq!(lost(net, &count), 0);
    });
}

#[test]
fn who_was_not_accepted_yet_sees_the_end_of_a_socket_that_closes() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        // The loop does not turn: the system has made their connections, and keeps them.
        let mut queue: Vec<TcpStream> = (0..20).map(|_| net.stranger(&address)).collect();
        assert!(pull.close(&mut net.context(), Duration::ZERO, |_, _, _| ()));
        for client in &mut queue {
            net.await_end(client);
        }
        let pull = net.open(SocketType::Pull);
        pull.bind(&mut net.context(), &address).unwrap();
        let mut push = joined(net, &address, "PUSH");
        push.write_all(b"\0\x05next!").unwrap();
        assert_eq!(net.recv(pull).into_vec(), b"next!");
    });
}

#[test]
fn one_that_closes_takes_on_nobody_new() {
    on_every_backend(|net| {
        let push = net.open(SocketType::Push);
        let address = net.bind(push);
        let _stopped = joined(net, &address, "PULL");
        net.await_peers(push, 1);
        fill(net, push, &[1; 1 << 20]);
        close(net, push);
        let mut context = net.context();
        for result in
            [push.bind(&mut context, "tcp://127.0.0.1:*").map(drop), push.connect(&mut context, &address)]
        {
            assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::NotConnected);
        }
    });
}

#[test]
fn a_closed_socket_leaves_no_timer_behind() {
    on_every_backend(|net| {
        let patient = || Options::new().handshake_within(AN_HOUR);
        let [bound, silent] = [(); 2].map(|()| net.open_with(SocketType::Pull, patient()));
        let push = net.open_with(SocketType::Push, patient());
        let address = net.bind(bound);
        net.connect(push, &address);
        net.await_peers(bound, 1);
        net.await_peers(push, 1);
        let unfinished = net.bind(silent);
        let _stranger = net.stranger(&unfinished);
        net.await_event(silent, |event| matches!(event, Event::Accepted).then_some(()));
        for (socket, linger) in [(push, PATIENCE), (bound, PATIENCE), (silent, Duration::ZERO)] {
            assert!(socket.close(&mut net.context(), linger, |_, _, _| ()));
        }
        net.until("a loop without timers", |net| net.reactor.next_deadline().is_none().then_some(()));
    });
}
