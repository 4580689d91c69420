//! Two backends that hold each other to the contract keep it together: `Shadow` passes the conformance kit.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::io;

use ringmq_platform::conformance::shadow::Shadow;
use ringmq_platform::{Backend, Poller};

fn open(first: Backend, second: Backend) -> io::Result<Shadow<Box<dyn Poller>, Box<dyn Poller>>> {
    Ok(Shadow::new(first.open()?, second.open()?))
}

ringmq_platform::conformance!(
    poll_and_select,
    || crate::open(Backend::Poll, Backend::Select),
    lacks edge descriptor
);
ringmq_platform::conformance!(
    select_and_poll,
    || crate::open(Backend::Select, Backend::Poll),
    lacks edge descriptor
);
ringmq_platform::conformance!(
    epoll_and_poll,
    || crate::open(Backend::Epoll, Backend::Poll),
    lacks edge descriptor,
    ignored(not(any(target_os = "linux", target_os = "android")), "epoll: this system does not have it")
);
ringmq_platform::conformance!(
    select_and_epoll,
    || crate::open(Backend::Select, Backend::Epoll),
    lacks edge descriptor,
    ignored(not(any(target_os = "linux", target_os = "android")), "epoll: this system does not have it")
);
ringmq_platform::conformance!(
    epoll_and_epoll,
    || crate::open(Backend::Epoll, Backend::Epoll),
    lacks descriptor,
    ignored(not(any(target_os = "linux", target_os = "android")), "epoll: this system does not have it")
);
