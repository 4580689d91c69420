//! `cargo +nightly fuzz run mq_session`: what the input means and what is asserted is in `src/mq_session.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::mq_session::run(data));
