//! `cargo +nightly fuzz run lines`: what the input means and what is asserted is in `src/lines.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::lines::run(data));
