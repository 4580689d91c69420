//! A message-passing event loop on epoll, kqueue, poll and select, with `libc` as its only dependency.
//!
//! An echo server for messages of arbitrary length:
//!
//! ```no_run
//! use ringmq::codec::LengthPrefix;
//! use ringmq::{Framed, Listener, Reactor, State};
//!
//! fn main() -> std::io::Result<()> {
//!     let mut reactor = Reactor::new()?;
//!     reactor.context().listen(Listener::bind("127.0.0.1:7777")?, |_: &mut (), context, accepted| {
//!         let Ok((stream, peer)) = accepted else { return };
//!         let connection = Framed::new(LengthPrefix::new(1 << 20), stream, &context.memory()).unwrap();
//!         println!("{peer} has come");
//!         let added = context.add(connection, |_, context, id| {
//!             let Some(connection) = context.get_mut(id) else { return };
//!             let (mut frames, mut outlet) = connection.split();
//!             while let Some(Ok(frame)) = frames.next() {
//!                 if outlet.send((), frame.body).is_err() {
//!                     frames.put_back(); // the peer is slow to read: again when there is room
//!                     break;
//!                 }
//!             }
//!             if matches!(connection.state(), State::Ended | State::Closed) {
//!                 context.remove(id);
//!             }
//!         });
//!         added.unwrap();
//!     })?;
//!     reactor.run(&mut ())
//! }
//! ```
//!
//! # Layers
//!
//! | layer | what | knows |
//! |---|---|---|
//! | [`platform`] | epoll, kqueue, poll and select behind one trait; the waker; sockets | the kernel |
//! | this module | the loop, its sources, timers, memory | `platform` |
//! | [`codec`] | bytes in, frames out | nothing |
//!
//! # Features
//!
//! The bare loop is always there. `codec` adds framing; `mq`, the default, implies it and is where the message-queue sockets will
//! be. `net-extra`, `signal`, `process`, `recorder` and `sim` are names for what is to come and add nothing yet.
//!
//! # Platforms
//!
//! Linux is tested. FreeBSD, NetBSD, OpenBSD, DragonFly, macOS and illumos are type-checked, not run. Windows is out of scope.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "codec")]
pub mod codec;
mod reactor;

pub use ringmq_platform as platform;

pub use reactor::{
    Buf, Builder, Charge, Context, Fire, Full, Gone, Id, Io, Listener, Memory, Others, Reactor, Remote,
    SendError, Source, State, Stream, TimerId, Transport,
};
#[cfg(feature = "codec")]
pub use reactor::{Frame, Framed, Frames, Outlet};
