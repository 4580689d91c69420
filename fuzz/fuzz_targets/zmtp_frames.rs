//! `cargo +nightly fuzz run zmtp_frames`: what the input means and what is asserted is in `src/zmtp_frames.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::zmtp_frames::run(data));
