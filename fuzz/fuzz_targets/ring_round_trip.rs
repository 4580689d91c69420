//! `cargo +nightly fuzz run ring_round_trip`: what the input means and what is asserted is in `src/ring_round_trip.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::ring_round_trip::run(data));
