//! What the crates do when the kernel refuses: each row of `rows.rs` is run under strace, which makes chosen system calls fail.
//!
//!     cargo test --test faults -- epoll::an_interrupted
//!
//! This binary is the driver and, started again with `--victim`, the program that meets the faults. A victim holds itself to the
//! outcome; the driver holds it to the number of system calls, told by strace's log, and to the number of open descriptors before and
//! after. One line per row and backend says what was seen.
//!
//! Where strace is absent or may not trace, every row is seen to be skipped, and that is no failure. With `RINGMQ_FAULTS=required` an
//! absent strace is one, and where strace may not trace the run ends with status 77. On systems other than Linux nothing is run.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
mod driver;
#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
#[path = "../request/mod.rs"]
mod request;
#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
mod rows;
#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
mod strace;
#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
#[path = "../request/verdict.rs"]
mod verdict;
#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
mod victims;

#[cfg(all(target_os = "linux", not(ringmq_kqueue = "model")))]
fn main() -> std::process::ExitCode {
    driver::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("faults: skipped, since strace and what it injects are of Linux only");
}

#[cfg(all(target_os = "linux", ringmq_kqueue = "model"))]
fn main() {
    println!("faults: skipped, since the model of a kqueue makes system calls of its own");
}
