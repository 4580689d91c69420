//! Holds every codec to the laws that are written at `Decoder` and `Encoder`.
#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod chunked;
mod delimited;
mod laws_broken;
mod length_field;
mod length_prefix;
mod lines;
mod ring_frames;
mod ring_messages;
mod varint;
mod zmtp;

use ringmq::codec::laws;
