//! `cargo +nightly fuzz run mq_socket`: what the input means and what is asserted is in `src/mq_socket.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::mq_socket::run(data));
