//! A message-passing event loop.
#![forbid(unsafe_code)]
pub use ringmq_platform as platform;
#[cfg(feature = "codec")]
pub mod codec;
