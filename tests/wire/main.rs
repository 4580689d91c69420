//! Reads the recorded traffic of real peers.
//!
//! The recordings are large, and so neither they nor this are in the published package.
#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod ring;
#[cfg(feature = "mq")]
mod sessions;
#[path = "mod.rs"]
mod wire;
mod zmtp;

use ringmq::codec::laws;
use sha2::{Digest, Sha256};

/// `12 bytes, sha256 ...`, as the comments of a recording have it for a whole direction.
fn measure(bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} bytes, sha256 {hash}", bytes.len())
}

#[test]
fn every_recording_is_read_as_it_was_recorded() {
    let names = wire::names("");
    assert_eq!((names.len(), wire::names("ring-").len()), (103, 16), "recordings");
    for name in names {
        let recording = wire::recording(&name);
        for (from, bytes) in [("C>S", &recording.connector), ("S>C", &recording.binder)] {
            let prefix = format!("whole {from}: ");
            let recorded = recording.comments.iter().find_map(|comment| comment.strip_prefix(&prefix));
            assert_eq!(Some(&*measure(bytes)), recorded, "{name} {from}");
        }
    }
}
