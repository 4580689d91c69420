//! How many descriptors a process may have.

use std::io;

/// Raises the limit as far as this user may, for the processes that it starts too; answers what it is then.
#[cfg(target_os = "linux")]
pub fn raise() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a structure of the kind that is filled.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == -1 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the pointer is to a structure of the kind that is read.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(limit.rlim_cur),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn raise() -> io::Result<u64> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "the limit on descriptors is raised on Linux alone"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let raised = raise().expect("raise it");
        assert_eq!(raise().expect("it stays"), raised);
    }
}
