//! epoll, kqueue, poll and select behind one safe trait, wrapped directly through `libc`.
//!
//! Every backend of the system is in the binary and chosen at run time. All of them keep the same numbered contract, which is
//! written at [`Poller`] and held by one conformance suite that runs for each of them.
//!
//! ```
//! use ringmq_platform::{Backend, Events, Interest, Ready, Token, Trigger};
//! use std::io::Write;
//! use std::os::unix::{io::AsFd, net::UnixStream};
//!
//! # fn main() -> std::io::Result<()> {
//! for backend in Backend::AVAILABLE {
//!     let (mut near, far) = UnixStream::pair()?;
//!     let mut poller = backend.open()?;
//!     poller.add(far.as_fd(), Token(7), Interest::READABLE, Trigger::Level)?;
//!
//!     near.write_all(b"x")?;
//!     let mut events = Events::with_capacity(16);
//!     poller.wait(&mut events, None)?;
//!
//!     let event = events.get(0).expect("a byte has been written");
//!     assert_eq!((event.token, event.ready.is_readable()), (Token(7), true));
//!     poller.delete(far.as_fd())?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Which backend when
//!
//! | backend | systems | cost of a wait | triggers |
//! |---|---|---|---|
//! | epoll | Linux, Android | what is ready | level, one-shot, edge |
//! | kqueue | FreeBSD, NetBSD, OpenBSD, DragonFly, macOS and its kin | what is ready | level, one-shot, edge |
//! | poll | all | what is registered | level, one-shot |
//! | select | all | the highest descriptor number | level, one-shot |
//!
//! Windows is out of scope. kqueue has been type-checked for its systems, and linked for some; it has not been run there.

#![deny(missing_docs, unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

#[cfg(not(unix))]
compile_error!("ringmq-platform is for Unix systems: it wraps epoll, kqueue, poll and select");

mod backend;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
mod event;
#[cfg(any(
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    target_vendor = "apple"
))]
mod kqueue;
pub mod net;
mod poll;
mod poller;
mod select;
mod sys;
mod table;
mod waker;

pub use backend::{Backend, BackendError};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use epoll::Epoll;
pub use event::{Event, Events, Interest, Ready, Token, Trigger};
#[cfg(any(
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    target_vendor = "apple"
))]
pub use kqueue::Kqueue;
pub use poll::Poll;
pub use poller::Poller;
pub use select::Select;
pub use waker::{WakeReceiver, Waker};
