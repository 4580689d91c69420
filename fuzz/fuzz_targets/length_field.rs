//! `cargo +nightly fuzz run length_field`: what the input means and what is asserted is in `src/length_field.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::length_field::run(data));
