//! What comes of it when the kernel refuses to read, to write, to finish or to close a stream.

use super::{inject, Row, EACH, EPOLL, INTERRUPTED, POLL_AND_SELECT};
use crate::strace::When::{Always, EveryOther, Only};
use crate::victims::streams;

pub const ROWS: &[Row] = &[
    Row {
        name: "a_stream_loses_nothing_by_reads_that_find_nothing_or_are_interrupted",
        backends: EACH,
        injections: &[inject("recvfrom", &["error=EAGAIN", "error=EINTR"], EveryOther)],
        calls: &[("recvfrom", 4..=400), ("wait", 1..=400)],
        victim: streams::everything_comes_back,
    },
    Row {
        name: "a_stream_loses_nothing_by_writes_that_find_no_room",
        backends: EACH,
        injections: &[inject("sendto", &["error=EAGAIN"], EveryOther)],
        calls: &[("sendto", 2..=400), ("wait", 2..=400)],
        victim: streams::everything_comes_back,
    },
    Row {
        name: "a_stream_loses_nothing_by_writes_that_are_interrupted",
        backends: EACH,
        injections: &[inject("sendto", INTERRUPTED, EveryOther)],
        calls: &[("sendto", 2..=400), ("wait", 1..=400)],
        victim: streams::everything_comes_back,
    },
    Row {
        name: "a_stream_asks_for_writability_only_while_there_is_no_room",
        backends: EPOLL,
        injections: &[inject("sendto", &["error=EAGAIN"], Only(1))],
        // Added twice, the waker and the stream; asked for, and not any more.
        calls: &[("sendto", 2..=2), ("epoll_ctl", 4..=4)],
        victim: streams::a_few_bytes_are_sent,
    },
    Row {
        name: "a_stream_that_cannot_be_read_is_closed_and_tells_why_once",
        backends: EACH,
        injections: &[inject("recvfrom", &["error=ECONNRESET", "error=ETIMEDOUT", "error=EIO"], Always)],
        calls: &[("recvfrom", 1..=1), ("wait", 1..=6)],
        victim: streams::reading_fails,
    },
    Row {
        name: "a_stream_that_cannot_be_written_is_closed_and_tells_why_once",
        backends: EACH,
        injections: &[inject("sendto", &["error=EPIPE", "error=ECONNRESET", "error=ENOBUFS"], Always)],
        calls: &[("sendto", 1..=1), ("wait", 1..=6)],
        victim: streams::writing_fails,
    },
    Row {
        name: "a_connection_whose_outcome_cannot_be_asked_for_is_closed_and_tells_why_once",
        backends: EACH,
        injections: &[inject("getsockopt", &["error=ENOBUFS", "error=ENOMEM"], Always)],
        calls: &[("getsockopt", 1..=1), ("connect", 1..=1), ("wait", 1..=6)],
        victim: streams::connecting_fails,
    },
    Row {
        name: "a_connection_whose_options_cannot_be_set_is_served_all_the_same",
        backends: EACH,
        injections: &[inject("setsockopt", &["error=EINVAL", "error=ENOPROTOOPT"], Always)],
        calls: &[("setsockopt", 2..=2), ("accept4", 2..=2), ("wait", 2..=20)],
        victim: streams::options_are_refused,
    },
    Row {
        name: "a_stream_whose_peer_is_gone_already_finishes_without_an_error",
        backends: EACH,
        injections: &[inject("shutdown", &["error=ENOTCONN"], Always)],
        calls: &[("shutdown", 1..=1), ("wait", 1..=6)],
        victim: streams::finishing_finds_nobody,
    },
    Row {
        name: "a_finished_connection_that_cannot_be_read_is_removed",
        backends: EACH,
        injections: &[inject("recvfrom", &["error=ECONNRESET", "error=EIO"], Always)],
        calls: &[("recvfrom", 1..=1), ("shutdown", 1..=1)],
        victim: streams::a_finished_connection_goes,
    },
    Row {
        name: "streams_close_their_descriptors_once_whatever_close_says",
        backends: EPOLL,
        // Both ends of the pair, one of them removed before the rest, the waker and the set.
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Always)],
        calls: &[("close", 4..=4)],
        victim: streams::streams_are_dropped,
    },
    Row {
        name: "streams_without_a_set_close_their_descriptors_once_whatever_close_says",
        backends: POLL_AND_SELECT,
        injections: &[inject("close", &["error=EINTR", "error=EIO"], Always)],
        calls: &[("close", 3..=3)],
        victim: streams::streams_are_dropped,
    },
];
