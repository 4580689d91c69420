//! `cargo +nightly fuzz run chunked`: what the input means and what is asserted is in `src/chunked.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::chunked::run(data));
