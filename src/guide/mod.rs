//! How the loop works, what messages take, how to write a source of one's own, and how to come here from another loop.
//!
//! * [`turn`]: one turn of the loop, drawn, with every rule that may be relied on and the test that holds it.
//! * [`framing`]: messages and memory; which codec, how to read and answer, what is refused, and what is promised.
//! * [`queues`]: message queues; which socket, what happens when a peer is slow or gone, and from ZeroMQ to here.
//! * [`sources`]: a source of one's own, step by step.
//! * [`migrating`]: from libuv, calloop or mio.

#[cfg(feature = "codec")]
#[doc = include_str!("framing.md")]
pub mod framing {}
#[doc = include_str!("migrating.md")]
pub mod migrating {}
#[cfg(feature = "mq")]
#[doc = include_str!("queues.md")]
pub mod queues {}

#[doc = include_str!("sources.md")]
///
/// # The whole of `examples/inotify.rs`
///
/// ```no_run
#[cfg_attr(any(doc, doctest), doc = include_str!("../../examples/inotify.rs"))]
/// ```
pub mod sources {}
#[doc = include_str!("turn.md")]
pub mod turn {}
