//! Sockets for threads that block. Every test runs on every backend of the system.

use std::io;
use std::net::TcpStream;
use std::os::unix::io::{AsFd, BorrowedFd};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use ringmq::mq::{
    BlockingSocket, Dialect, Dropped, Event, Handed, HighWater, IoThread, Message, Options, PollSet,
    SocketType, WaitError, WhenFull,
};
use ringmq::platform::Backend;
use ringmq::Builder;

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(20);

fn on_every_backend(test: fn(IoThread)) {
    for &backend in Backend::ALL.iter().filter(|backend| backend.is_available()) {
        println!("{backend}");
        test(IoThread::with(Builder::new().backend(backend)).unwrap());
    }
}

fn bound(io: &IoThread, socket_type: SocketType) -> (BlockingSocket, String) {
    let socket = io.socket(socket_type).unwrap();
    let address = socket.bind("tcp://127.0.0.1:*").unwrap().to_string();
    (socket, address)
}

fn connected(io: &IoThread, socket_type: SocketType, address: &str) -> BlockingSocket {
    let socket = io.socket_with(socket_type, eager()).unwrap();
    socket.connect(address).unwrap();
    socket
}

fn eager() -> Options {
    Options::new().reconnect(Duration::from_millis(1), Duration::from_millis(1))
}

fn heard(socket: &BlockingSocket) -> String {
    String::from_utf8(socket.recv_timeout(PATIENCE).unwrap().into_vec()).unwrap()
}

#[test]
fn every_message_of_many_threads_arrives_once_and_in_its_order() {
    on_every_backend(|io| {
        const COUNT: u32 = 20_000;
        let (pull, address) = bound(&io, SocketType::Pull);
        let push = connected(&io, SocketType::Push, &address);
        thread::scope(|scope| {
            for sender in 0..4_u32 {
                let push = &push;
                scope.spawn(move || {
                    for number in 0..COUNT {
                        push.send([sender.to_be_bytes(), number.to_be_bytes()].concat()).unwrap();
                    }
                });
            }
            let mut next = [0_u32; 4];
            for _ in 0..4 * COUNT {
                let body = pull.recv_timeout(PATIENCE).unwrap().into_vec();
                let [sender, number] =
                    [&body[..4], &body[4..]].map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
                assert_eq!(number, next[sender as usize]);
                next[sender as usize] += 1;
            }
        });
        assert_eq!(io.shutdown(PATIENCE).unwrap(), 0);
    });
}

#[test]
fn requests_of_many_threads_are_answered_to_who_asked() {
    on_every_backend(|io| {
        let (rep, address) = bound(&io, SocketType::Rep);
        let server = thread::spawn(move || {
            for _ in 0..50 * 20 {
                let request = rep.recv_timeout(PATIENCE).unwrap();
                rep.send(request).unwrap();
            }
            rep.close(PATIENCE).unwrap()
        });
        thread::scope(|scope| {
            for client in 0..50 {
                let (io, address) = (&io, &address);
                scope.spawn(move || {
                    let req = connected(io, SocketType::Req, address);
                    for number in 0..20 {
                        let word = format!("{client} {number}");
                        req.send(word.clone()).unwrap();
                        assert_eq!(heard(&req), word);
                    }
                });
            }
        });
        assert_eq!(server.join().unwrap(), 0);
    });
}

/// All of them call the same thread at once, again and again, and each waits for what comes of its own call.
#[test]
fn no_call_of_many_sockets_is_lost() {
    const TRIPS: u32 = 1_000;
    on_every_backend(|io| {
        thread::scope(|scope| {
            for _ in 0..4 {
                let (rep, address) = bound(&io, SocketType::Rep);
                let req = connected(&io, SocketType::Req, &address);
                scope.spawn(move || {
                    for _ in 0..TRIPS {
                        let request = rep.recv_timeout(PATIENCE).unwrap();
                        rep.send(request).unwrap();
                    }
                    assert_eq!(rep.close(PATIENCE).unwrap(), 0);
                });
                scope.spawn(move || {
                    for number in 0..TRIPS {
                        req.send(number.to_string()).unwrap();
                        assert_eq!(heard(&req), number.to_string());
                    }
                });
            }
        });
    });
}

#[test]
fn who_is_not_there_is_told_from_who_is_slow() {
    on_every_backend(|io| {
        let req = connected(&io, SocketType::Req, "tcp://127.0.0.1:1");
        req.send("anybody").unwrap();
        match req.recv_timeout(MOMENT) {
            Err(WaitError::Unreachable { why: Some(why) }) => {
                assert!(why.starts_with("tcp://127.0.0.1:1: "), "{why}")
            }
            other => panic!("{other:?}"),
        }
        let (rep, address) = bound(&io, SocketType::Rep);
        let req = connected(&io, SocketType::Req, &address);
        req.send("slow").unwrap();
        assert_eq!(heard(&rep), "slow");
        assert_eq!(req.recv_timeout(MOMENT), Err(WaitError::TimedOut));
        rep.close(Duration::ZERO).unwrap();
        assert_eq!(req.recv_timeout(PATIENCE), Err(WaitError::PeerLeft));
        // And asks another one.
        req.send("again").unwrap();
    });
}

#[test]
fn who_does_not_wait_is_told_at_once() {
    on_every_backend(|io| {
        let narrow = HighWater { messages: 3, bytes: 1 << 20 };
        let push = io.socket_with(SocketType::Push, Options::new().send_high_water(narrow)).unwrap();
        push.connect("tcp://127.0.0.1:1").unwrap();
        for _ in 0..3 {
            push.try_send("x").unwrap();
        }
        assert_eq!(push.try_send("x").unwrap_err().error, WaitError::WouldBlock);
        let late = push.send_timeout("x", MOMENT).unwrap_err();
        assert!(matches!(late.error, WaitError::Unreachable { .. }), "{late}");
        assert_eq!(io::Error::from(late).kind(), io::ErrorKind::NotConnected);
        assert_eq!(push.close(Duration::ZERO).unwrap(), 3, "messages that nobody got");

        let pull = io.socket(SocketType::Pull).unwrap();
        assert_eq!(pull.try_recv(), Err(WaitError::WouldBlock));
        assert_eq!(pull.try_send("x").unwrap_err().error, WaitError::Unsupported(SocketType::Pull));
    });
}

#[test]
fn a_socket_waits_refuses_or_drops_the_newest_as_it_was_made() {
    on_every_backend(|io| {
        let narrow = HighWater { messages: 3, bytes: 1 << 20 };
        let full = |when_full| {
            let options = eager().send_high_water(narrow).when_full(when_full).events(true);
            let push = io.socket_with(SocketType::Push, options).unwrap();
            for number in 0..3 {
                assert_eq!(push.send(format!("{number}")).unwrap(), Handed::Over);
            }
            push
        };
        let refuses = full(WhenFull::Refuse);
        let refused = refuses.send("x").unwrap_err();
        assert_eq!((refused.error, refused.message), (WaitError::WouldBlock, Message::from("x")));
        let drops = full(WhenFull::DropNewest);
        assert_eq!(drops.send("x").unwrap(), Handed::Dropped);
        assert_eq!(drops.try_send("x").unwrap(), Handed::Dropped);
        assert_eq!(drops.send_timeout("x", MOMENT).unwrap(), Handed::Dropped);
        let events = std::iter::from_fn(|| drops.take_event());
        let counts = events.map(|event| match event {
            Event::Dropped { reason: Dropped::NoRoom, count } => count,
            _ => 0,
        });
        assert_eq!(counts.sum::<u64>(), 3);

        // What is there already is kept, by either.
        for push in [refuses, drops] {
            let (pull, address) = bound(&io, SocketType::Pull);
            push.connect(&address).unwrap();
            for number in 0..3 {
                assert_eq!(heard(&pull), format!("{number}"));
            }
            assert_eq!(push.close(PATIENCE).unwrap(), 0);
            assert_eq!(pull.try_recv(), Err(WaitError::WouldBlock));
        }
    });
}

#[test]
fn turns_of_requests_and_replies_are_kept() {
    on_every_backend(|io| {
        let (rep, address) = bound(&io, SocketType::Rep);
        let req = connected(&io, SocketType::Req, &address);
        assert_eq!(req.try_recv(), Err(WaitError::OutOfTurn));
        assert_eq!(rep.try_send("x").unwrap_err().error, WaitError::OutOfTurn);
        req.send("one").unwrap();
        assert_eq!(req.try_send("two").unwrap_err().error, WaitError::OutOfTurn);
        assert_eq!(heard(&rep), "one");
        assert_eq!(rep.try_recv(), Err(WaitError::OutOfTurn));
        rep.send("uno").unwrap();
        assert_eq!(heard(&req), "uno");
    });
}

#[test]
fn a_request_is_not_there_to_be_received_before_the_reply_to_another() {
    on_every_backend(|io| {
        let (rep, address) = bound(&io, SocketType::Rep);
        let reqs = [(); 3].map(|()| connected(&io, SocketType::Req, &address));
        let mut set = PollSet::new().unwrap();
        set.add_to_recv(&rep);
        reqs.iter().for_each(|req| assert_eq!(req.send("question").unwrap(), Handed::Over));
        for left in (0..3).rev() {
            assert_eq!(set.wait(Some(PATIENCE)).unwrap(), [0]);
            assert_eq!(heard(&rep), "question");
            // By now the others are here.
            assert_eq!(set.wait(Some(MOMENT)).unwrap(), []);
            assert_eq!(rep.recv_timeout(MOMENT), Err(WaitError::OutOfTurn));
            rep.send(format!("{left}")).unwrap();
        }
        assert_eq!(set.ready(), []);
        let mut replies: Vec<String> = reqs.iter().map(heard).collect();
        replies.sort_unstable();
        assert_eq!(replies, ["0", "1", "2"]);
    });
}

#[test]
fn a_reply_is_for_whom_it_answers_though_another_has_asked_since() {
    on_every_backend(|io| {
        let rep = io.socket_with(SocketType::Rep, Options::new().dialect(Dialect::Any)).unwrap();
        let address = rep.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let reqs = [Dialect::Ring, Dialect::Zmtp].map(|dialect| {
            let req = io.socket_with(SocketType::Req, eager().dialect(dialect)).unwrap();
            req.connect(&address).unwrap();
            req
        });
        let two_parts = || Message::from_parts(["one", "two"]).unwrap();
        // Each of them asks last, now and then.
        for number in 0..20 {
            let asks = [&reqs[number % 2], &reqs[1 - number % 2]];
            let words = [["ring", "zmtp"][number % 2], ["ring", "zmtp"][1 - number % 2]];
            asks.iter().zip(words).for_each(|(req, word)| assert_eq!(req.send(word).unwrap(), Handed::Over));
            for _ in 0..2 {
                if heard(&rep) == "ring" {
                    let refused = rep.send(two_parts()).unwrap_err();
                    assert_eq!(refused.error, WaitError::NotForRing { parts: 2, len: 6 });
                    rep.send("one").unwrap();
                } else {
                    rep.send(two_parts()).unwrap();
                }
            }
            assert_eq!(heard(&reqs[0]), "one");
            assert_eq!(reqs[1].recv_timeout(PATIENCE), Ok(two_parts()));
        }
    });
}

#[test]
fn a_wait_ends_when_its_socket_is_closed_or_its_thread_has_ended() {
    on_every_backend(|io| {
        let pull = io.socket(SocketType::Pull).unwrap();
        let (sender, receiver) = mpsc::channel();
        let waiting = thread::spawn(move || {
            sender.send(()).unwrap();
            pull.recv()
        });
        receiver.recv().unwrap();
        assert_eq!(io.shutdown(Duration::ZERO).unwrap(), 0);
        assert_eq!(waiting.join().unwrap(), Err(WaitError::Closed));
    });
}

#[test]
fn a_send_that_waits_for_room_ends_when_its_thread_has_ended() {
    on_every_backend(|io| {
        let narrow = HighWater { messages: 1, bytes: 1 << 20 };
        let push = io.socket_with(SocketType::Push, Options::new().send_high_water(narrow)).unwrap();
        push.try_send("nobody takes it").unwrap();
        let (sender, receiver) = mpsc::channel();
        let waiting = thread::spawn(move || {
            sender.send(()).unwrap();
            push.send("and there is no room for another")
        });
        receiver.recv().unwrap();
        assert_eq!(io.shutdown(Duration::ZERO).unwrap(), 1, "what was taken is lost, and counted");
        let refused = waiting.join().unwrap().unwrap_err();
        assert_eq!(refused.error, WaitError::Closed);
        assert_eq!(refused.message.into_vec(), b"and there is no room for another");
    });
}

#[test]
fn a_send_waits_for_the_first_peer_to_come() {
    on_every_backend(|io| {
        let narrow = HighWater { messages: 1, bytes: 1 << 20 };
        let push = io.socket_with(SocketType::Push, Options::new().send_high_water(narrow)).unwrap();
        let address = push.bind("tcp://127.0.0.1:*").unwrap().to_string();
        push.try_send("first").unwrap();
        assert_eq!(push.try_send("second").unwrap_err().error, WaitError::WouldBlock);
        thread::scope(|scope| {
            scope.spawn(|| push.send("second").unwrap());
            let pull = connected(&io, SocketType::Pull, &address);
            assert_eq!(heard(&pull), "first");
            assert_eq!(heard(&pull), "second");
        });
    });
}

#[test]
fn what_nobody_ever_came_for_is_waited_for_no_longer_than_was_said() {
    on_every_backend(|io| {
        let push = connected(&io, SocketType::Push, "tcp://127.0.0.1:1");
        push.try_send("x").unwrap();
        let began = Instant::now();
        assert_eq!(push.close(MOMENT).unwrap(), 1);
        assert!(began.elapsed() >= MOMENT, "not before its time");
        // And who lets go of one waits for nothing, whatever its linger.
        let push = io.socket_with(SocketType::Push, eager().linger(Duration::MAX)).unwrap();
        push.connect("tcp://127.0.0.1:1").unwrap();
        push.try_send("x").unwrap();
        drop(push);
        assert_eq!(io.shutdown(Duration::ZERO).unwrap(), 2);
    });
}

#[test]
fn what_has_arrived_is_read_after_the_end() {
    on_every_backend(|io| {
        let (pull, address) = bound(&io, SocketType::Pull);
        let push = connected(&io, SocketType::Push, &address);
        push.send("last").unwrap();
        assert_eq!(push.close(PATIENCE).unwrap(), 0);
        assert_eq!(heard(&pull), "last");
        let error = pull.bind("tcp://nowhere:1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected an address of this host or * to bind to, found \"tcp://nowhere:1\""
        );
        drop(io);
        assert_eq!(pull.recv(), Err(WaitError::Closed));
        assert_eq!(pull.bind("tcp://127.0.0.1:*").unwrap_err().kind(), io::ErrorKind::NotConnected);
    });
}

#[test]
fn a_slow_reader_holds_the_sender_up_and_loses_nothing() {
    on_every_backend(|io| {
        let high_water = HighWater { messages: 10, bytes: 1 << 20 };
        let narrow = || eager().send_high_water(high_water).recv_high_water(high_water);
        let pull = io.socket_with(SocketType::Pull, narrow()).unwrap();
        let address = pull.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let push = io.socket_with(SocketType::Push, narrow()).unwrap();
        push.connect(&address).unwrap();
        let mut sent = 0_u32;
        let message = |number: u32| {
            let mut body = vec![3; 200_000];
            body[..4].copy_from_slice(&number.to_be_bytes());
            body
        };
        while push.send_timeout(message(sent), MOMENT).is_ok() {
            sent += 1;
            assert!(sent < 10_000, "nobody holds it up");
        }
        for number in 0..sent {
            assert!(pull.recv_timeout(PATIENCE).unwrap().into_vec() == message(number), "message {number}");
        }
        push.send_timeout("on", PATIENCE).unwrap();
        assert_eq!(heard(&pull), "on");
    });
}

#[test]
fn subscriptions_and_events_reach_the_other_thread() {
    on_every_backend(|io| {
        let publisher = io.socket(SocketType::Pub).unwrap();
        let address = publisher.bind("ipc:///tmp/none/at/all").unwrap_err();
        assert_eq!(address.kind(), io::ErrorKind::NotFound);
        let address = publisher.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let subscriber = io.socket_with(SocketType::Sub, eager().events(true)).unwrap();
        subscriber.subscribe(b"a").unwrap();
        subscriber.connect(&address).unwrap();
        let began = Instant::now();
        let first = loop {
            publisher.send("a1").unwrap();
            publisher.send("b1").unwrap();
            match subscriber.try_recv() {
                Ok(message) => break message.into_vec(),
                Err(error) => assert_eq!(error, WaitError::WouldBlock),
            }
            assert!(began.elapsed() < PATIENCE);
            thread::yield_now();
        };
        assert_eq!(first, b"a1");
        let events: Vec<String> =
            std::iter::from_fn(|| subscriber.take_event()).map(|event| event.to_string()).collect();
        assert_eq!(events[2], "a peer has joined: PUB", "{events:?}");
    });
}

fn is_readable(fd: BorrowedFd<'_>) -> bool {
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() == 1
}

#[test]
fn a_poll_set_is_readable_as_long_as_one_of_it_is_ready() {
    on_every_backend(|io| {
        let (pull, address) = bound(&io, SocketType::Pull);
        let (other, _) = bound(&io, SocketType::Pull);
        let push = connected(&io, SocketType::Push, &address);
        let mut set = PollSet::new().unwrap();
        assert_eq!((set.add_to_recv(&other), set.add_to_recv(&pull)), (0, 1));
        assert_eq!(set.wait(Some(MOMENT)).unwrap(), []);
        assert!(!is_readable(set.as_fd()));
        push.send("one").unwrap();
        push.send("two").unwrap();
        assert_eq!(set.wait(Some(PATIENCE)).unwrap(), [1]);
        assert!(is_readable(set.as_fd()));
        assert_eq!(heard(&pull), "one");
        assert_eq!(heard(&pull), "two");
        assert_eq!(set.ready(), []);
        assert!(!is_readable(set.as_fd()), "nothing is ready");
        other.close(Duration::ZERO).unwrap();
        assert_eq!(set.wait(Some(PATIENCE)).unwrap(), [0], "one that is closed is noticed");
        let mut senders = PollSet::new().unwrap();
        senders.add_to_send(&push);
        assert_eq!(senders.ready(), [0]);
    });
}

#[test]
fn it_is_known_how_many_peers_there_are() {
    on_every_backend(|io| {
        let (pull, address) = bound(&io, SocketType::Pull);
        let mut pushes: Vec<_> = (0..3).map(|_| connected(&io, SocketType::Push, &address)).collect();
        await_peers(&pull, 3);
        pushes.pop().unwrap().close(PATIENCE).unwrap();
        await_peers(&pull, 2);
    });
}

#[test]
fn peers_and_events_are_waited_for() {
    on_every_backend(|io| {
        let pull = io.socket_with(SocketType::Pull, Options::new().events(true)).unwrap();
        let address = pull.bind("tcp://127.0.0.1:*").unwrap().to_string();
        assert!(matches!(pull.wait_event(PATIENCE), Some(Event::Listening(_))), "the first of all");
        assert!(pull.wait_event(MOMENT).is_none());
        assert_eq!(pull.wait_peers(1, MOMENT), 0);
        let (joined, events) = thread::scope(|scope| {
            let peers = scope.spawn(|| pull.wait_peers(2, PATIENCE));
            let events = scope.spawn(|| {
                let events = std::iter::from_fn(|| pull.wait_event(PATIENCE)).map(|event| event.to_string());
                events.filter(|event| event.contains("joined")).take(2).count()
            });
            let _pushes = [(); 2].map(|()| connected(&io, SocketType::Push, &address));
            (peers.join().unwrap(), events.join().unwrap())
        });
        assert_eq!((joined, events), (2, 2));
    });
}

#[test]
fn nobody_waits_for_news_of_a_socket_that_is_closed_or_keeps_none() {
    on_every_backend(|io| {
        let quiet = io.socket(SocketType::Pull).unwrap();
        assert!(quiet.wait_event(Duration::MAX).is_none(), "it keeps no events");
        let pull = io.socket_with(SocketType::Pull, Options::new().events(true)).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| (pull.wait_peers(1, Duration::MAX), pull.wait_event(Duration::MAX)));
            io.shutdown(PATIENCE).unwrap();
            assert!(matches!(waiting.join().unwrap(), (0, None)));
        });
    });
}

fn await_peers(socket: &BlockingSocket, count: usize) {
    let began = Instant::now();
    while socket.peer_count() != count {
        assert!(began.elapsed() < PATIENCE, "{} peers instead of {count}", socket.peer_count());
        thread::yield_now();
    }
}

#[test]
fn events_that_nobody_takes_are_bounded() {
    on_every_backend(|io| {
        let pull = io.socket_with(SocketType::Pull, Options::new().events(true)).unwrap();
        let address = pull.bind("tcp://127.0.0.1:*").unwrap().to_string();
        // Each is one that comes and one that goes.
        for _ in 0..800 {
            TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
        }
        let _push = connected(&io, SocketType::Push, &address);
        await_peers(&pull, 1);
        let kept = std::iter::from_fn(|| pull.take_event()).count();
        assert!(kept <= 1024, "{kept} are kept");
    });
}

#[test]
fn what_a_router_has_for_nobody_keeps_nobody_waiting() {
    on_every_backend(|io| {
        let options = Options::new().mandatory(true).events(true);
        let router = io.socket_with(SocketType::Router, options).unwrap();
        let address = router.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let ann = io.socket_with(SocketType::Dealer, eager().identity("ann")).unwrap();
        ann.connect(&address).unwrap();
        await_peers(&router, 1);
        assert_eq!(router.try_send("ann").unwrap_err().error, WaitError::NothingToRoute);
        for name in ["bob", "ann"] {
            router.send(Message::from_parts([name, "hello"]).unwrap()).unwrap();
        }
        assert_eq!(heard(&ann), "hello");
        let events = std::iter::from_fn(|| router.wait_event(PATIENCE));
        let is_drop = |event: &Event| matches!(event, Event::Dropped { reason: Dropped::NoRoute, count: 1 });
        assert!(events.into_iter().any(|event| is_drop(&event)));
    });
}
