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
//! What each of them says of a descriptor in each state that it can be in, and what the contract makes of it, is in [`portability`].
//!
//! Windows is out of scope. kqueue has been type-checked for its systems, and linked for some; it has not been run there. Its tests run
//! on Linux, over a model of kqueue that is held to what the kernels of FreeBSD and NetBSD were seen to do.

#![deny(missing_docs, unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

#[cfg(not(unix))]
compile_error!("ringmq-platform is for Unix systems: it wraps epoll, kqueue, poll and select");

mod any;
mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod descriptor;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
mod event;
#[cfg(any(
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
    target_vendor = "apple",
    all(target_os = "linux", any(ringmq_kqueue = "model", ringmq_kqueue = "library"))
))]
mod kqueue; // the same list as in `where_kqueue_is`, since rustfmt does not find a file through a macro
mod lock;
pub mod net;
mod poll;
mod poller;
#[doc = include_str!("../PORTABILITY.md")]
pub mod portability {}
pub mod process;
pub mod pty;
mod select;
pub mod signal;
mod sys;
mod table;
mod waker;

pub use any::AnyPoller;
pub use backend::{Backend, BackendError};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use epoll::Epoll;
pub use event::{Event, Events, Interest, Ready, Token, Trigger};
pub use poll::Poll;
pub use poller::Poller;
pub use select::Select;
pub use sys::is_shortage;
pub use waker::{WakeReceiver, Waker};

/// Hands the condition "this system has kqueue", in the form that `cfg` takes, to another macro: `where_kqueue_is!(name! { … })`
/// becomes `name! { condition … }`. So it is written down once, for this crate and for the tests of those that use it.
///
/// Linux has it for tests alone: with `--cfg ringmq_kqueue="model"` or `"library"`, see the module's `sys`.
#[doc(hidden)]
#[macro_export]
macro_rules! where_kqueue_is {
    ($with:ident! { $($rest:tt)* }) => {
        $with! {
            any(
                target_os = "freebsd",
                target_os = "netbsd",
                target_os = "openbsd",
                target_os = "dragonfly",
                target_vendor = "apple",
                all(target_os = "linux", any(ringmq_kqueue = "model", ringmq_kqueue = "library"))
            )
            $($rest)*
        }
    };
}

macro_rules! export_kqueue {
    ($is_here:meta) => {
        #[cfg($is_here)]
        pub use kqueue::Kqueue;
    };
}

where_kqueue_is!(export_kqueue! {});

/// The README's code, for `cargo test` to run.
#[cfg(all(doctest, feature = "conformance"))]
#[doc = include_str!("../README.md")]
struct Readme;

// The model of a kqueue that tests on Linux bring in: nothing in it is named, but its symbols are linked.
#[cfg(all(test, ringmq_kqueue = "model"))]
extern crate ringmq_kqueue_model as _;
