//! How a test with a harness of its own ends.

use std::process::ExitCode;

/// Names what has failed. The last line is that of Rust's own harness, for who reads what `cargo test` says.
pub fn conclude(ok_count: usize, failed: &[String], skipped_count: usize, over_count: usize) -> ExitCode {
    for label in failed {
        println!("    {label}");
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "test result: {verdict}. {ok_count} passed; {} failed; {skipped_count} ignored; 0 measured; {over_count} filtered out",
        failed.len()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
