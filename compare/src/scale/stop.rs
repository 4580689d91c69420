//! What kept a program from more connections, in words, and how the limit is raised.

use std::io;

/// The system ends this process when its parent ends, however that comes.
pub fn end_with_parent() -> io::Result<()> {
    // SAFETY: this option takes a signal's number and no memory.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What stopped the server, or a client, in a sentence with the remedy.
pub fn explain(who: &str, error: &io::Error) -> String {
    let (what, remedy) = match error.raw_os_error() {
        Some(libc::EMFILE) => ("its limit on descriptors", "raise the hard limit: `ulimit -Hn`, as root"),
        Some(libc::ENFILE) => ("the system's limit on files", "raise it: `sysctl fs.file-max`"),
        Some(libc::EADDRNOTAVAIL) => {
            ("no port is left", "widen the range: `sysctl net.ipv4.ip_local_port_range`")
        }
        Some(libc::ENOMEM | libc::ENOBUFS) => {
            ("no memory is left", "add memory, or see `sysctl net.ipv4.tcp_mem`")
        }
        Some(libc::ECONNREFUSED | libc::ECONNRESET) => {
            ("the server takes no more", "see what stopped the server")
        }
        Some(libc::ENOSPC) => ("the kernel watches no more", "raise it: `sysctl fs.epoll.max_user_watches`"),
        _ => ("refused", "nothing is known that helps"),
    };
    format!("{who}: {what} ({error}); {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_own_words_and_the_errno() {
        let cases = [
            (libc::EMFILE, "limit on descriptors"),
            (libc::ENFILE, "fs.file-max"),
            (libc::EADDRNOTAVAIL, "ip_local_port_range"),
            (libc::ENOMEM, "memory"),
            (libc::ECONNREFUSED, "takes no more"),
            (libc::EPERM, "refused"),
        ];
        for (errno, expected) in cases {
            let words = explain("server", &io::Error::from_raw_os_error(errno));
            assert!(words.starts_with("server: ") && words.contains(expected), "{words}");
            assert!(words.contains(&format!("os error {errno}")), "{words}");
        }
    }
}
