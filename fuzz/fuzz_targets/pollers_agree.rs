//! `cargo +nightly fuzz run pollers_agree`: what the input means and what is asserted is in `src/pollers_agree.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::pollers_agree::run(data));
