//! `cargo +nightly fuzz run framed`: what the input means and what is asserted is in `src/framed.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::framed::run(data));
