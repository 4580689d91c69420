//! What an idle connection costs: the source, its callback, and what the loop and the poller know of it. Nothing else is measured here, so
//! the counts are of this alone.
#![cfg(feature = "codec")]

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::os::unix::net::UnixStream;

use allocation_counter::measure;
use ringmq::codec::LengthPrefix;
use ringmq::platform::Backend;
use ringmq::{Builder, Framed, Reactor};

/// Descriptors with nothing between their numbers, as those of a server are.
fn sockets(count: usize) -> Vec<UnixStream> {
    let first = UnixStream::pair().expect("a pair").0;
    let mut sockets = vec![first];
    while sockets.len() < count {
        sockets.push(sockets[0].try_clone().expect("a descriptor"));
    }
    sockets
}

/// How many bytes are allocated, for each connection, by putting so many on a loop.
fn bytes_per_connection(backend: Backend, count: usize) -> f64 {
    let mut reactor: Reactor<()> = Builder::new().backend(backend).build().expect("a reactor");
    let sockets = sockets(count);
    let mut context = reactor.context();
    let memory = context.memory();
    let counted = measure(|| {
        for socket in sockets {
            let framed = Framed::new(LengthPrefix::new(1 << 20), socket, &memory).expect("a stream");
            context.add(framed, |_, _, _| ()).expect("on the loop");
        }
    });
    counted.bytes_current as f64 / count as f64
}

#[test]
fn an_idle_framed_connection_takes_at_most_256_bytes() {
    // What stands in for a kqueue on Linux keeps what a kernel would, and that would be counted.
    let is_modelled = |backend: &Backend| cfg!(ringmq_kqueue = "model") && *backend == Backend::Kqueue;
    for &backend in Backend::ALL.iter().filter(|backend| backend.is_available() && !is_modelled(backend)) {
        // The tables grow by steps: some counts are just behind one.
        for count in (300..900).step_by(37) {
            let bytes = bytes_per_connection(backend, count);
            println!("{backend}: {bytes:.1} bytes for each of {count} idle connections");
            assert!(bytes <= 256.0, "{backend}: {bytes} bytes for each of {count}");
        }
    }
}
