//! Our sockets with those of libzmq, by way of pyzmq: each row of `rows/` on each backend of the system.
//!
//!     bash ci/interop.sh                                                        # installs pyzmq under target/
//!     RINGMQ_PYTHON=/path/to/python cargo test --test interop -- epoll::our_pub # with one that can import zmq
//!
//! The other side is `peer.py`, in a process of its own; ours is an `IoThread` in this one, or the example `ringcat`. Without
//! `RINGMQ_PYTHON` every row is seen to be skipped, and that is no failure; with `RINGMQ_INTEROP=required` it is.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

mod bench;
mod driver;
#[path = "../programs/example.rs"]
mod example;
mod peer;
#[path = "../programs/program.rs"]
mod program;
mod proxy;
#[path = "../request/mod.rs"]
mod request;
mod rows;
#[path = "../request/verdict.rs"]
mod verdict;
mod words;

fn main() -> std::process::ExitCode {
    driver::main()
}
