//! `cargo +nightly fuzz run varint`: what the input means and what is asserted is in `src/varint.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::varint::run(data));
