//! The scenarios behind the rows: each does what the program did that asked the kernels, and shows the model's answers.
//!
//! What takes time on Linux (a byte on its way over the loopback) is waited for with poll(2) before the model is asked.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use crate::notation::CLEAR;
use crate::replay::{Flavour, Lines};

mod calls;
mod descriptors;
mod ends;
mod filters;
mod sockets;

/// The answers of one group of rows, whose names begin alike.
struct Group {
    prefix: String,
    lines: Lines,
}

impl Group {
    fn new(prefix: &str) -> Group {
        Group { prefix: prefix.to_owned(), lines: Lines::new() }
    }

    fn show(&mut self, name: &str, answer: impl Into<String>) {
        self.lines.push((format!("{}{name}", self.prefix), answer.into()));
    }
}

pub fn all(flavour: Flavour) -> Lines {
    [
        filters::reading::<UnixStream>(),
        filters::reading::<TcpStream>(),
        filters::modes::<UnixStream>(),
        filters::modes::<TcpStream>(),
        calls::errors(),
        calls::receipts(),
        ends::ends::<UnixStream>(0, flavour),
        ends::ends::<TcpStream>(0, flavour),
        ends::ends::<UnixStream>(CLEAR, flavour),
        ends::ends::<TcpStream>(CLEAR, flavour),
        ends::added_after_the_end::<UnixStream>(),
        ends::added_after_the_end::<TcpStream>(),
        descriptors::numbers(),
        descriptors::turns(),
        descriptors::listener(),
        filters::writing::<UnixStream>(),
        filters::writing::<TcpStream>(),
        calls::timeouts(),
        calls::threads(),
        descriptors::pipes(),
        descriptors::files(),
        ends::connecting(),
    ]
    .concat()
}
