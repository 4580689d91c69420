//! `cargo +nightly fuzz run zmtp_commands`: what the input means and what is asserted is in `src/zmtp_commands.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::zmtp_commands::run(data));
