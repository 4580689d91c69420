//! A message-passing event loop on epoll, kqueue, poll and select, with `libc` as its only dependency.
//!
//! Start at [`Reactor`], which says what a turn of the loop is, and at [`Framed`], a connection that carries messages. The README has
//! a complete program, `examples/echo.rs` a server, `examples/transfer` both ends of a connection at full speed. The [`guide`] draws a turn
//! of the loop with all its rules, says what holds of [messages and memory](guide::framing), goes through [a source of one's
//! own](guide::sources), and leads here [from libuv, calloop and mio](guide::migrating).
//!
//! # Layers
//!
//! | layer | what | knows |
//! |---|---|---|
//! | [`platform`] | epoll, kqueue, poll and select behind one trait; the waker; sockets | the kernel |
//! | this module | the loop, its sources, timers, memory | `platform` |
//! | [`codec`] | bytes in, frames out | nothing |
//! | [`mq`] | message-queue sockets; what they do with messages, and the protocols, as machines that know nothing of it | all of these |
//!
//! # Features
//!
//! The bare loop is always there, with listeners, streams over sockets, pipes, terminals and files, timers and channels. By default
//! there are also `codec`, framing; `net-extra`, datagrams; `signal` and `process`, signals and the exit of children as sources; and
//! `mq`, which implies `codec`: message-queue sockets. `recorder`, the flight recorder (`Builder::record_turns`, `Context::on_slow`), is for
//! who asks for it. `sim` is a name for what is to come and adds nothing yet.
//!
//! # Platforms
//!
//! Linux is tested. FreeBSD, NetBSD, OpenBSD, DragonFly, macOS and illumos are type-checked, not run. Windows is out of scope.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "codec")]
pub mod codec;
pub mod guide;
#[cfg(feature = "mq")]
pub mod mq;
mod reactor;

/// The README's code, for `cargo test` to run.
#[cfg(all(doctest, feature = "codec"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use ringmq_platform as platform;

pub use reactor::{
    Accept, Body, Buf, Builder, Cause, Channel, Charge, Connection, Context, Descriptor, Failure, Fire, Full,
    Gone, Id, Io, Listener, Memory, Others, Outcome, Reactor, Remote, SendError, Sender, Source, SourceId,
    State, Stats, Stream, TimerId, Transport, Unsent,
};
#[cfg(feature = "net-extra")]
pub use reactor::{Datagram, DatagramError, DatagramSocket, Datagrams, Incoming, Outgoing};
#[cfg(feature = "codec")]
pub use reactor::{Frame, Framed, Frames, Outlet};
#[cfg(feature = "recorder")]
pub use reactor::{Haste, Slow, TurnRecord};
#[cfg(feature = "process")]
pub use ringmq_platform::process::Process;
#[cfg(feature = "signal")]
pub use ringmq_platform::signal::{Signal, Signals};

// As in the platform crate: the tests link a model of a kqueue.
#[cfg(all(test, ringmq_kqueue = "model"))]
extern crate ringmq_kqueue_model as _;
