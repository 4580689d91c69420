//! Whose way it is where the two kernels differ.

use std::io::Write;
use std::sync::OnceLock;

const VARIABLE: &str = "RINGMQ_KQUEUE_MODEL";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// FreeBSD 13.0.
    FreeBsd,
    /// NetBSD 7.99.34.
    NetBsd,
}

impl Flavour {
    /// What the environment names. Read once: one process is of one flavour.
    pub fn chosen() -> Flavour {
        static CHOSEN: OnceLock<Flavour> = OnceLock::new();
        *CHOSEN.get_or_init(|| match std::env::var_os(VARIABLE) {
            None => Flavour::FreeBsd,
            Some(name) if name == "freebsd" => Flavour::FreeBsd,
            Some(name) if name == "netbsd" => Flavour::NetBsd,
            Some(name) => {
                // No panic may pass through a function of C, and what eprintln! writes a test's harness keeps for a report that an
                // abort does not get to.
                let _ = writeln!(
                    std::io::stderr(),
                    "{VARIABLE} is {name:?}, which is neither `freebsd` nor `netbsd`"
                );
                std::process::abort();
            }
        })
    }
}
