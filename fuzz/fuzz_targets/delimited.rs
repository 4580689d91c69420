//! `cargo +nightly fuzz run delimited`: what the input means and what is asserted is in `src/delimited.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::delimited::run(data));
