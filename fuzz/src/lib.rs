//! What each fuzz target does with its input: one module and one function `run` per target.
//!
//! `tests/corpus.rs` of the main package includes this file too, and calls the same functions on stable with every input that
//! was ever worth keeping. So nothing in here may need libFuzzer.

// Where the pollers are built with a model of a kqueue, this is it.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

pub mod chunked;
pub mod delimited;
mod endings;
pub mod framed;
pub mod length_field;
pub mod length_prefix;
pub mod lines;
pub mod mq_session;
pub mod mq_socket;
mod pieces;
pub mod pollers_agree;
pub mod ring;
pub mod ring_round_trip;
pub mod timers_ops;
pub mod varint;
pub mod zmtp_commands;
pub mod zmtp_frames;
pub mod zmtp_greeting;
pub mod zmtp_round_trip;

use ringmq::codec::laws;
