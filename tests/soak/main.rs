//! A server under everything that peers do to one, for as long as it is told: at the end it has no more descriptors and no more memory
//! than at the beginning.
//!
//!     cargo test --test soak                                                     # two seconds on each backend
//!     RINGMQ_SOAK_SECONDS=600 cargo test --release --test soak -- soak::epoll   # ten minutes on one
//!
//! Peers connect over TCP and UNIX sockets and send frames, all of which have to come back; they close half of the connection, reset it,
//! leave in the middle of a frame, do not read what is sent to them, or say nothing more; and they send signals. They live in a process
//! of their own, this binary once more, so that what is left in this one is the server's. It goes on until all of this has happened,
//! however short its time is, and prints how often it did and what was left.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

#[cfg(feature = "codec")]
mod peers;
#[cfg(feature = "codec")]
#[path = "../request/mod.rs"]
mod request;
#[cfg(feature = "codec")]
mod server;

/// The longest message. The budget of the loop has room for some of them, not for one of each connection.
#[cfg(feature = "codec")]
const MAX_LEN: usize = 300_000;

#[cfg(feature = "codec")]
fn main() {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().map_or(false, |first| first == "--peers") {
        true => peers::main(&arguments[1..]),
        false => server::main(arguments),
    }
}

#[cfg(not(feature = "codec"))]
fn main() {
    println!("soak: skipped, since its frames need the feature `codec`");
}
