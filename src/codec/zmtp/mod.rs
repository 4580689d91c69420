//! ZMTP, the protocol that ZeroMQ speaks over TCP, as codecs: the [`Greeting`], the frames ([`ZmtpFrames`]) and what a command says
//! ([`Command`]).
//!
//! This is version 3.1, and 3.0 as far as its frames go ([RFC 37](https://rfc.zeromq.org/spec/37/),
//! [RFC 23](https://rfc.zeromq.org/spec/23/)). Who speaks when (the handshake, subscriptions, heartbeats) is not here: these are the bytes.
//!
//! ```text
//!  each way, once            then frames, of which commands have a body with a name
//! +--------------------+    +-------+-------------+--------  +----+------+------
//! | greeting: 64 bytes |    | flags | size 1 or 8 | body ..  | 05 | READY | data ..
//! +--------------------+    +-------+-------------+--------  +----+------+------
//! ```
//!
//! All of it is parsed where it lies: nothing is copied, and nothing allocated but by what writes into a `Vec`.
//!
//! What a peer sends first, and how it is read:
//!
//! ```
//! use ringmq::codec::zmtp::{Command, FrameKind, Greeting, Mechanism, Properties, ZmtpFrames};
//! use ringmq::codec::{Affixes, Codec, Decoder, Encoder, Step};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut decoder, mut encoder) = ZmtpFrames::new(1 << 20).halves();
//!
//! // The greeting, and the command READY in a frame.
//! let mut stream = Greeting::new(Mechanism::NULL, false).encode().to_vec();
//! let mut list = Vec::new();
//! Properties::write(&mut list, b"Socket-Type", b"PUSH")?;
//! let mut body = Vec::new();
//! Command::Ready(Properties::parse(&list)?).write(&mut body)?;
//! let mut affixes = Affixes::new();
//! encoder.encode(FrameKind::Command, body.len(), &mut affixes)?;
//! stream.extend_from_slice(affixes.before());
//! stream.extend_from_slice(&body);
//!
//! // The other side.
//! let rest = match Greeting::decode(&stream)? {
//!     Step::Frame { head: greeting, used, .. } => {
//!         assert_eq!((greeting.version(), greeting.mechanism()), ((3, 1), Mechanism::NULL));
//!         &stream[used..]
//!     }
//!     Step::Skip { .. } | Step::More(_) => unreachable!("all 64 bytes are there"),
//! };
//! match decoder.decode(rest)? {
//!     Step::Frame { head: FrameKind::Command, body, .. } => match Command::parse(&rest[body])? {
//!         Command::Ready(properties) => assert_eq!(properties.get(b"Socket-Type"), Some(&b"PUSH"[..])),
//!         other => panic!("{other:?}"),
//!     },
//!     other => panic!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```

mod command;
mod error;
mod frames;
mod greeting;
mod mechanism;
mod parts;
mod properties;

pub use command::Command;
pub use error::{CommandError, GreetingError};
pub use frames::{FrameKind, ZmtpFrames, ZmtpFramesDecoder, ZmtpFramesEncoder};
pub use greeting::Greeting;
pub use mechanism::Mechanism;
pub use properties::Properties;
