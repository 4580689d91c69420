//! Those of the message queue: each on both of its protocols.

use super::super::data::Report;
use super::{at_least, at_most, times, Goal};

const LOOPS: [&str; 2] = ["ringmq loop", "ringmq loop ring"];
const BLOCKING: [&str; 2] = ["ringmq blocking", "ringmq blocking ring"];
/// What is said to be level: within five of a hundred.
const LEVEL: f64 = 0.95;
/// How long the messages are that fill the budget of memory.
const LARGE: u64 = 1 << 20;

pub fn goals(report: &Report) -> Vec<Goal> {
    let all_of_ours = LOOPS.into_iter().chain(BLOCKING);
    let mut all: Vec<Goal> = all_of_ours.flat_map(|ours| throughput(report, ours)).collect();
    all.extend(LOOPS.into_iter().flat_map(|ours| latency(report, ours)));
    let p50 = |who| report.median("request-reply", "us p50", who, Some(1));
    for ours in BLOCKING {
        all.push(times(&format!("REQ/REP, {ours}: p50, us"), p50(ours), p50("libzmq"), 0.5, "libzmq's"));
    }
    all
}

/// Of PUSH and PULL.
fn throughput(report: &Report, ours: &str) -> [Goal; 4] {
    let rate = |who| report.median("messages", "per second", who, Some(64));
    let cpu = |who| report.median("messages", "CPU s per million", who, Some(64));
    let peak = report.median("messages", "MiB", ours, Some(LARGE)).map(|mib| mib * 1.048_576);
    let speed = format!("messages of 64 B a second, {ours}");
    [
        at_least(&speed, rate(ours), rate("libzmq"), 2.0, "libzmq's"),
        at_least(&speed, rate(ours), rate("tokio"), LEVEL, "tokio's"),
        times(
            &format!("messages of 64 B, {ours}: CPU s per million"),
            cpu(ours),
            cpu("libzmq"),
            0.5,
            "libzmq's",
        ),
        at_most(&format!("messages of 1 MiB, {ours}: peak memory, MB"), peak, 32.0),
    ]
}

/// Of REQ and REP on a loop, beside frames on a loop by hand.
fn latency(report: &Report, ours: &str) -> [Goal; 3] {
    let of = |measure, who, clients| report.median("request-reply", measure, who, Some(clients));
    let (p50, rate) = (|who| of("us p50", who, 1), |who| of("per second", who, 50));
    [
        times(&format!("REQ/REP, {ours}: p50, us"), p50(ours), p50("hand"), 1.2, "the limit's"),
        at_most(&format!("REQ/REP, {ours}: system calls of REP"), of("system calls", ours, 1), 3.0),
        at_least(&format!("50 REQ, {ours}: requests a second"), rate(ours), rate("hand"), 0.8, "the limit's"),
    ]
}
