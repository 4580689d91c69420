//! The wire of RingMQ: frames, and the messages that are cut into them.

mod error;
mod frames;
mod join;
mod split;

pub use error::RingMessageError;
pub use frames::{RingFrames, RingFramesDecoder, RingFramesEncoder, RingHead};
pub use join::RingJoiner;
pub use split::RingSplit;
