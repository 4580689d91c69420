//! `cargo +nightly fuzz run length_prefix`: what the input means and what is asserted is in `src/length_prefix.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::length_prefix::run(data));
