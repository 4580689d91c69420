//! Connections that are tried again and again.

use std::net::TcpListener;
use std::time::Duration;

use ringmq::mq::{Event, Options, SocketType};

use super::{on_every_backend, Net};
use crate::alone::{alone, descriptor_count};

const SHORTEST: Duration = Duration::from_micros(1);
const LONGEST: Duration = Duration::from_micros(100);
const COUNT: usize = 1000;

/// Connects in vain a thousand times, and sees that each wait is in the upper half of what it should be; `serve` is what there is of a peer.
fn try_in_vain(net: &mut Net, address: &str, serve: impl Fn()) {
    let push = net.open_with(SocketType::Push, Options::new().reconnect(SHORTEST, LONGEST));
    net.connect(push, address);
    let mut full = SHORTEST;
    for _ in 0..COUNT {
        let wait = net.await_event(push, |event| {
            serve();
            match event {
                Event::Retrying(endpoint, wait) => {
                    assert_eq!(endpoint.to_string(), address);
                    Some(*wait)
                }
                _ => None,
            }
        });
        assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
        full = (full * 2).min(LONGEST);
    }
    assert!(push.close(&mut net.context(), Duration::ZERO, |_, _, _| ()));
    net.until("its end", |net| net.context().get(push).is_none().then_some(()));
}

#[test]
fn a_thousand_tries_in_vain_wait_twice_as_long_up_to_the_longest_and_leak_no_descriptor() {
    let name =
        "sockets::retries::a_thousand_tries_in_vain_wait_twice_as_long_up_to_the_longest_and_leak_no_descriptor";
    alone(name, || {
        on_every_backend(|net| {
            let before = descriptor_count();
            // Nobody is there.
            let path = std::env::temp_dir().join(format!("ringmq-mq-nobody-{}", std::process::id()));
            try_in_vain(net, &format!("ipc://{}", path.display()), || ());
            // Somebody is, and lets go of it at once: only a handshake that is done has it begin with the shortest again.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let address = format!("tcp://{}", listener.local_addr().unwrap());
            try_in_vain(net, &address, || while listener.accept().is_ok() {});
            drop(listener);
            assert_eq!(descriptor_count(), before);
        });
    });
}

#[test]
fn a_socket_that_waits_to_try_again_leaves_no_timer_when_it_closes() {
    on_every_backend(|net| {
        let an_hour = Duration::from_secs(3600);
        let push = net.open_with(SocketType::Push, Options::new().reconnect(an_hour, an_hour));
        let path = std::env::temp_dir().join(format!("ringmq-mq-away-{}", std::process::id()));
        net.connect(push, &format!("ipc://{}", path.display()));
        net.await_event(push, |event| matches!(event, Event::Retrying(..)).then_some(()));
        assert!(net.reactor.next_deadline().is_some());
        assert!(push.close(&mut net.context(), an_hour, |_, _, _| ()), "it has nothing to wait for");
        net.until("a loop without timers", |net| net.reactor.next_deadline().is_none().then_some(()));
    });
}
