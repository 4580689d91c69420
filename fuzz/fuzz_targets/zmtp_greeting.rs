//! `cargo +nightly fuzz run zmtp_greeting`: what the input means and what is asserted is in `src/zmtp_greeting.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::zmtp_greeting::run(data));
