//! `cargo +nightly fuzz run zmtp_round_trip`: what the input means and what is asserted is in `src/zmtp_round_trip.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::zmtp_round_trip::run(data));
