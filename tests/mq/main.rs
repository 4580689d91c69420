//! The message queue.
#![cfg(feature = "mq")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod alone;
mod blocking;
mod pattern;
mod sessions;
mod sockets;
mod wire;
