//! `cargo +nightly fuzz run ring`: what the input means and what is asserted is in `src/ring.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::ring::run(data));
