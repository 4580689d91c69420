//! Victims whose descriptors are dropped while `close` fails.

use ringmq::platform::{Backend, Waker};
use ringmq::{Listener, Reactor};

use super::Setting;

pub fn a_poller_and_a_waker(setting: &Setting<'_>) {
    let poller = setting.open();
    assert_eq!(poller.as_fd().is_some(), setting.backend == Backend::Epoll);
    let pair = Waker::new().expect("open a waker");
    drop((poller, pair));
}

pub fn a_reactor_with_a_listener(setting: &Setting<'_>) {
    let mut reactor = Reactor::<()>::with_backend(setting.backend).expect("make a reactor");
    let listener = Listener::bind("127.0.0.1:0").expect("bind");
    reactor.context().listen(listener, |_, _, _| {}).expect("listen");
}
