//! `cargo +nightly fuzz run timers_ops`: what the input means and what is asserted is in `src/timers_ops.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::timers_ops::run(data));
