//! How connections and sockets end, and begin again.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use ringmq::mq::{Event, NotReceived, NotSent, Options, SocketType};

use super::{joined, on_every_backend, Net};

const AT_ONCE: Duration = Duration::from_millis(1);

fn eager() -> Options {
    Options::new().reconnect(AT_ONCE, AT_ONCE)
}

/// Closes a socket, and turns until it is; answers how many messages were lost.
fn close(net: &mut Net, socket: ringmq::Id<ringmq::mq::Socket>, linger: Duration) -> u64 {
    let lost = Rc::new(Cell::new(None));
    let told = Rc::clone(&lost);
    assert!(socket.close(&mut net.context(), linger, move |_, _, count| told.set(Some(count))));
    net.until("the end of a socket", |_| lost.get())
}

#[test]
fn a_requester_that_leaves_is_no_hindrance_to_the_next() {
    on_every_backend(|net| {
        let rep = net.open(SocketType::Rep);
        let address = net.bind(rep);
        for _ in 0..3 {
            let mut leaver = joined(net, &address, "REQ");
            leaver.write_all(b"\x01\0\0\x04gone").unwrap();
            assert_eq!(net.heard(rep), "gone");
            drop(leaver);
            net.await_peers(rep, 0);
            net.send(rep, "to nobody");
            let req = net.open(SocketType::Req);
            net.connect(req, &address);
            net.await_peers(req, 1);
            net.send(req, "here");
            assert_eq!(net.heard(rep), "here");
            net.send(rep, "there");
            assert_eq!(net.heard(req), "there");
            close(net, req, Duration::ZERO);
            net.await_peers(rep, 0);
        }
    });
}

#[test]
fn a_request_whose_replier_leaves_ends_and_another_may_be_made() {
    on_every_backend(|net| {
        let req = net.open_with(SocketType::Req, eager());
        let rep = net.open(SocketType::Rep);
        let address = net.bind(rep);
        net.connect(req, &address);
        net.await_peers(req, 1);
        net.send(req, "first");
        assert_eq!(net.heard(rep), "first");
        close(net, rep, Duration::ZERO);
        net.until("the news", |net| (net.try_recv(req) == Err(NotReceived::PeerLeft)).then_some(()));
        let rep = net.open(SocketType::Rep);
        rep.bind(&mut net.context(), &address).unwrap();
        net.await_peers(req, 1);
        net.send(req, "second");
        assert_eq!(net.heard(rep), "second");
        net.send(rep, "answer");
        assert_eq!(net.heard(req), "answer");
    });
}

#[test]
fn a_connection_is_made_again_each_time_it_is_lost() {
    on_every_backend(|net| {
        let push = net.open_with(SocketType::Push, eager());
        let first = net.open(SocketType::Pull);
        let address = net.bind(first);
        net.connect(push, &address);
        let mut pull = first;
        for round in 0..10 {
            net.await_peers(push, 1);
            net.send(push, format!("{round}"));
            assert_eq!(net.heard(pull), format!("{round}"));
            close(net, pull, Duration::ZERO);
            net.await_peers(push, 0);
            assert_eq!(push.send(&mut net.context(), "x").unwrap_err().reason, NotSent::NoPeer);
            pull = net.open(SocketType::Pull);
            pull.bind(&mut net.context(), &address).unwrap();
        }
        let began = net.await_event(push, |event| match event {
            Event::Retrying(endpoint, after) => Some((endpoint.to_string(), *after)),
            _ => None,
        });
        assert_eq!(began.0, address);
        assert!(began.1 <= AT_ONCE);
    });
}

#[test]
fn who_cannot_be_reached_is_tried_again_and_said_to_be() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        close(net, pull, Duration::ZERO);
        let push = net.open_with(SocketType::Push, eager());
        net.connect(push, &address);
        for _ in 0..3 {
            net.await_event(push, |event| {
                matches!(event, Event::ConnectFailed(..) | Event::Left(Some(_))).then_some(())
            });
        }
        let failure = net.context().get(push).and_then(ringmq::mq::Socket::last_failure).unwrap();
        assert!(failure.starts_with(&address), "{failure}");
        let pull = net.open(SocketType::Pull);
        pull.bind(&mut net.context(), &address).unwrap();
        net.await_peers(push, 1);
        net.send(push, "at last");
        assert_eq!(net.heard(pull), "at last");
    });
}

#[test]
fn a_name_is_resolved_elsewhere_and_its_addresses_tried() {
    on_every_backend(|net| {
        let (pull, push) = (net.open(SocketType::Pull), net.open(SocketType::Push));
        let address = net.bind(pull).replace("127.0.0.1", "localhost");
        net.connect(push, &address);
        net.await_peers(push, 1);
        net.send(push, "by name");
        assert_eq!(net.heard(pull), "by name");
    });
}

#[test]
fn a_unix_socket_serves_and_its_file_goes_with_it() {
    on_every_backend(|net| {
        let path = std::env::temp_dir().join(format!("ringmq-mq-{}", std::process::id()));
        let address = format!("ipc://{}", path.display());
        // What an earlier program has left is no hindrance; who listens is one.
        let _ = fs::remove_file(&path);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (rep, req) = (net.open(SocketType::Rep), net.open(SocketType::Req));
        rep.bind(&mut net.context(), &address).unwrap();
        let second = net.open(SocketType::Rep);
        let error = second.bind(&mut net.context(), &address).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
        net.connect(req, &address);
        net.await_peers(req, 1);
        net.send(req, "over a file");
        assert_eq!(net.heard(rep), "over a file");
        close(net, rep, Duration::ZERO);
        assert!(!path.exists(), "its file is still there");
    });
}

#[test]
fn a_file_that_is_no_socket_is_left_as_it_is() {
    on_every_backend(|net| {
        let path = std::env::temp_dir().join(format!("ringmq-mq-file-{}", std::process::id()));
        fs::write(&path, "of somebody").unwrap();
        let rep = net.open(SocketType::Rep);
        let error = rep.bind(&mut net.context(), &format!("ipc://{}", path.display())).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&path).unwrap(), "of somebody");
        fs::remove_file(&path).unwrap();
    });
}

#[test]
fn an_address_in_use_and_one_that_is_none_are_told() {
    on_every_backend(|net| {
        let [first, second] = [(); 2].map(|()| net.open(SocketType::Pull));
        let address = net.bind(first);
        let error = second.bind(&mut net.context(), &address).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
        for wrong in ["tcp://nowhere", "inproc://x", "tcp://127.0.0.1:0"] {
            let error = second.connect(&mut net.context(), wrong).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("expected") && error.to_string().contains(wrong), "{error}");
        }
    });
}

#[test]
fn a_bind_that_fails_listens_nowhere() {
    on_every_backend(|net| {
        let [first, second] = [(); 2].map(|()| net.open(SocketType::Pull));
        let address = net.bind(first);
        second.bind(&mut net.context(), &address).unwrap_err();
        net.turn_often();
        assert!(second.endpoints(&net.context()).is_empty());
        assert!(second.take_event(&mut net.context()).is_none(), "nothing has come of it");
        // And it may be bound elsewhere.
        let elsewhere = net.bind(second);
        assert_ne!(elsewhere, address);
    });
}

#[test]
fn an_address_whose_connections_have_just_ended_may_be_bound_again() {
    on_every_backend(|net| {
        let pull = net.open(SocketType::Pull);
        let address = net.bind(pull);
        let mut push = joined(net, &address, "PUSH");
        net.await_peers(pull, 1);
        // Who ends first is whose system remembers the connection, and holds its port.
        close(net, pull, Duration::ZERO);
        net.await_end(&mut push);
        drop(push);
        let pull = net.open(SocketType::Pull);
        pull.bind(&mut net.context(), &address).unwrap();
        let mut push = joined(net, &address, "PUSH");
        push.write_all(b"\0\x05again").unwrap();
        assert_eq!(net.heard(pull), "again");
    });
}

#[test]
fn what_waits_is_sent_before_a_socket_goes() {
    on_every_backend(|net| {
        let (pull, push) = net.pair(SocketType::Pull, SocketType::Push);
        let body = vec![5; 1 << 20];
        let mut sent = 0;
        while push.send(&mut net.context(), body.clone()).is_ok() {
            sent += 1;
        }
        assert!(sent > 1);
        let lost = Rc::new(Cell::new(None));
        let told = Rc::clone(&lost);
        assert!(
            push.close(&mut net.context(), Duration::from_secs(20), move |_, _, count| told.set(Some(count)))
        );
        assert!(!push.close(&mut net.context(), Duration::MAX, |_, _, _| ()), "it is closing already");
        for _ in 0..sent {
            assert!(net.recv(pull).into_vec() == body);
        }
        assert_eq!(net.until("its end", |_| lost.get()), 0);
        assert_eq!(push.send(&mut net.context(), "x").unwrap_err().reason, NotSent::Closed);
        assert_eq!(net.try_recv(push), Err(NotReceived::Closed));
    });
}

#[test]
fn what_cannot_be_sent_in_time_is_lost_and_counted() {
    on_every_backend(|net| {
        // A peer that takes nothing.
        let push = net.open(SocketType::Push);
        let bound = net.bind(push);
        let _stopped = joined(net, &bound, "PULL");
        net.await_peers(push, 1);
        let mut sent = 0;
        net.until("no room", |net| match push.send(&mut net.context(), vec![1; 1 << 20]) {
            Ok(_) => {
                sent += 1;
                None
            }
            Err(refused) => {
                assert_eq!(refused.reason, NotSent::NoRoom);
                Some(())
            }
        });
        let lost = close(net, push, Duration::from_millis(50));
        assert!(lost > 0 && lost <= sent, "{lost} of {sent}");
    });
}

#[test]
fn what_was_not_written_whole_is_told_when_its_connection_is_lost() {
    on_every_backend(|net| {
        let push = net.open(SocketType::Push);
        let bound = net.bind(push);
        let stopped = joined(net, &bound, "PULL");
        net.await_peers(push, 1);
        let body = vec![1; 1 << 20];
        let mut sent = 0;
        while push.send(&mut net.context(), body.clone()).is_ok() {
            sent += 1;
            net.turn_often();
        }
        drop(stopped);
        let unsent = net.await_event(push, |event| match event {
            Event::Unsent(count) => Some(*count),
            _ => None,
        });
        assert!(unsent > 0 && unsent < sent, "{unsent} of {sent}");
        // And what it had seen nothing of goes to the next.
        let pull = net.open(SocketType::Pull);
        net.connect(pull, &bound);
        assert!(net.recv(pull).into_vec() == body);
    });
}

#[test]
fn a_socket_whose_callback_fails_takes_its_connections_along() {
    on_every_backend(|net| {
        let pull = {
            let mut context = net.context();
            context.on_failure(|_, _, failure| {
                assert!(failure.to_string().ends_with("failed: enough"), "{failure}")
            });
            ringmq::mq::Socket::open(&mut context, SocketType::Pull, |_, context, id| {
                match id.recv(context) {
                    Ok(_) => Err("enough"),
                    Err(_) => Ok(()),
                }
            })
            .unwrap()
        };
        let address = net.bind(pull);
        let push = net.open(SocketType::Push);
        net.connect(push, &address);
        net.await_peers(push, 1);
        net.send(push, "go");
        net.await_peers(push, 0);
        assert!(net.context().get(pull).is_none());
    });
}
